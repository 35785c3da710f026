/* CartPole through the vectoriser: start states, episode ends, the batch form against the single one. */
#include "matchbox/env.h"
#include "mb_test.h"

static mb_scope scope_of(mb_arena *a)
{
    return (mb_scope){ .arena = a, .seed = 1 };
}

TEST(random_policy_falls_like_gymnasium)
{
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 30, &err);
    mb_scope s = scope_of(a);
    const mb_env_def *def = mb_env_find("cartpole", &err);
    CHECK(def != NULL);
    if (!def) return;
    mb_vec *v = mb_vec_new(&s, "train", def, NULL, 256, &err);
    CHECK(v != NULL);
    if (!v) return;
    mb_vec_view *w = mb_vec_view_of(v);
    CHECK(mb_vec_reset(v, &err));
    mb_rng r = mb_rng_make(7, "actions", 0);
    double sum = 0;
    int episodes = 0;
    for (int t = 0; t < 2000; t++) {
        for (int i = 0; i < 256; i++) w->index[i] = mb_below(&r, 2);
        CHECK(mb_vec_step(v, &err));
        for (int i = 0; i < 256; i++)
            if (w->last_length[i] > 0) {
                episodes++;
                sum += (double)w->last_return[i];
                CHECK(w->start[i] && w->terminated[i] != w->truncated[i]);
                CHECK(w->last_return[i] == (float)w->last_length[i]);
            }
    }
    /* Gymnasium 1.4.0: 22.14 +- 0.05 over 51,000 episodes of a uniform random policy */
    CHECK_NEAR(sum / episodes, 22.14, 0.3);
    mb_arena_free(a);
}

MB_TESTS(T(random_policy_falls_like_gymnasium))
