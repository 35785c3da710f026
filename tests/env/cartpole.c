/* CartPole: the hand-made batch form gives the bits of the single form; options matter; limits end
 * episodes. */
#include "matchbox/env.h"
#include "mb_test.h"

static const mb_env_def *find(void)
{
    mb_error err = {0};
    const mb_env_def *def = mb_env_find("cartpole", &err);
    CHECK(def != NULL);
    return def;
}

/* Two vectorisers of n instances under the same name and seed: with the batch form and without. */
static void compare_forms(const mb_env_def *def, int n, int steps, const char *max_angle)
{
    mb_error err = {0};
    mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
    void *options = mb_alloc(a, 1, def->options_size, &err);
    mb_options_default(def->options, options);
    CHECK(mb_options_set("cartpole", def->options, options, "max_angle", max_angle, &err));
    mb_scope scope = {.arena = a, .seed = 11};
    mb_env_def single = *def;
    single.batch = NULL;
    mb_vec *x = mb_vec_new(&scope, "train", def, options, n, &err),
           *y = mb_vec_new(&scope, "train", &single, options, n, &err);
    CHECK(x && y && mb_vec_reset(x, &err) && mb_vec_reset(y, &err));
    if (!x || !y) return;
    mb_vec_view *v = mb_vec_view_of(x), *w = mb_vec_view_of(y);
    mb_rng r = mb_rng_make(7, "actions", 0);
    size_t envs = (size_t)n;
    int ended = 0, truncated = 0, different = 0;
    for (int t = 0; t < steps; t++) {
        /* some instances balance by a rule, so that the time limit is met too */
        for (int i = 0; i < n; i++) {
            const float *o = (const float *)v->obs[0] + 4 * i;
            int rule = o[2] + 0.3f * o[3] + 0.05f * o[1] + 0.02f * o[0] > 0;
            v->index[i] = w->index[i] = i % 2 ? rule : mb_below(&r, 2);
        }
        CHECK(mb_vec_step(x, &err) && mb_vec_step(y, &err));
        different += memcmp(v->obs[0], w->obs[0], envs * 16) != 0 ||
                     memcmp(v->reward, w->reward, envs * 4) != 0 ||
                     memcmp(v->terminated, w->terminated, envs) != 0 ||
                     memcmp(v->truncated, w->truncated, envs) != 0 ||
                     memcmp(v->start, w->start, envs) != 0 ||
                     memcmp(v->active, w->active, envs) != 0 ||
                     memcmp(v->final_obs[0], w->final_obs[0], envs * 16) != 0 ||
                     memcmp(v->last_length, w->last_length, envs * 4) != 0 ||
                     memcmp(v->last_return, w->last_return, envs * 4) != 0 ||
                     memcmp(mb_vec_state(x, 0), mb_vec_state(y, 0), envs * 16) != 0;
        for (int i = 0; i < n; i++) ended += v->terminated[i], truncated += v->truncated[i];
    }
    CHECK(different == 0);
    CHECK(n < 8 || (ended > 0 && truncated > 0));
    mb_arena_free(a);
}

TEST(batch_form_equals_single_form)
{
    const mb_env_def *def = find();
    if (!def) return;
    static const int counts[] = {1, 3, 4, 7, 8, 15, 16, 17, 33, 257, 600};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) compare_forms(def, counts[i], 1100, "12");
    compare_forms(def, 70, 1100, "80"); /* far enough for the angle to be reduced */
}

TEST(options_change_the_dynamics)
{
    const mb_env_def *def = find();
    if (!def) return;
    mb_error err = {0};
    mb_arena *a = mb_arena_new((size_t)1 << 24, &err);
    void *options = mb_alloc(a, 1, def->options_size, &err);
    float speed[2];
    for (int k = 0; k < 2; k++) {
        float obs[4], reward = 0;
        double state[8], start[] = {0, 0, 0, 0};
        int32_t right = 1;
        uint8_t active = 1;
        mb_io io = {
            .index = &right, .obs = obs, .obs_field = {obs}, .reward = &reward, .active = &active};
        mb_rng r = mb_rng_make(1, "x", 0);
        mb_options_default(def->options, options);
        if (k) CHECK(mb_options_set("cartpole", def->options, options, "push", "20", &err));
        CHECK(def->place(state, options, start, 4, &io, &err));
        def->step(state, options, &r, &io);
        speed[k] = obs[1];
    }
    /* upright and at rest: acceleration is linear in the force */
    CHECK_NEAR(speed[1], 2 * speed[0], 1e-6);
    CHECK(!mb_options_set("cartpole", def->options, options, "push", "-1", &err));
    mb_arena_free(a);
}

TEST(bad_state_is_refused)
{
    const mb_env_def *def = find();
    if (!def) return;
    mb_error err = {0};
    double state[8], values[4] = {0, 0, (double)NAN, 0};
    float obs[4];
    mb_io io = {.obs = obs, .obs_field = {obs}};
    CHECK(!def->place(state, NULL, values, 3, &io, &err));
    CHECK_ERROR(err, "a state has 4 numbers (x, v, angle, spin), not 3");
    err = (mb_error){0};
    CHECK(!def->place(state, NULL, values, 4, &io, &err));
    CHECK_ERROR(err, "number 3 of the state");
}

MB_TESTS(T(batch_form_equals_single_form), T(options_change_the_dynamics), T(bad_state_is_refused))
