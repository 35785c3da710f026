/* CartPole without velocities is CartPole: same stream, same actions, same episodes; two of the four numbers seen. */
#include "matchbox/env.h"
#include "mb_test.h"

enum { ENVS = 16, STEPS = 2000 };

TEST(same_episodes_as_cartpole)
{
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
    mb_scope s = { .arena = a, .seed = 3 };
    mb_vec *v[2];
    const char *names[2] = { "cartpole", "cartpole-masked" };
    for (int k = 0; k < 2; k++) {
        const mb_env_def *def = mb_env_find(names[k], &err);
        CHECK(def && (v[k] = mb_vec_new(&s, "train", def, NULL, ENVS, &err)) && mb_vec_reset(v[k], &err));
        if (!def) return;
    }
    mb_vec_view *whole = mb_vec_view_of(v[0]), *masked = mb_vec_view_of(v[1]);
    mb_rng r = mb_rng_make(7, "actions", 0);
    int ended = 0;
    for (int t = 0; t < STEPS; t++) {
        const float *x = whole->obs[0], *y = masked->obs[0];
        for (int i = 0; i < ENVS; i++) {
            CHECK(y[2 * i] == x[4 * i] && y[2 * i + 1] == x[4 * i + 2]);
            CHECK(whole->start[i] == masked->start[i]);
            whole->index[i] = masked->index[i] = mb_below(&r, 2);
            ended += whole->start[i];
        }
        CHECK(mb_vec_step(v[0], &err) && mb_vec_step(v[1], &err));
    }
    CHECK(ended > ENVS);
    mb_arena_free(a);
}

MB_TESTS(T(same_episodes_as_cartpole))
