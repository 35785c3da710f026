/* What REINFORCE credits each action with: returns of whole episodes by closed forms, and bootstrapped ones with a value. */
#include "algo/policy/reinforce.c"
#include "run/run_test.h"

/* Four steps that pay 1 each; with `endless` the time limit ends them, else the environment does. */
struct line { int32_t t, endless; };
static void see(const struct line *s, mb_io *io)
{
    io->obs[0] = (float)s->t;
}
static void line_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->t = 0;
    see(s, io);
}
static mb_step line_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->t++;
    see(s, io);
    return (mb_step){ 1, s->t == 4 };
}
static mb_step endless_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct line *s = state;
    s->t++;
    see(s, io);
    return (mb_step){ 1, false };
}
static const mb_env_def ends = { MB_ENV_HEAD, .name = "ends", .obs = MB_BOX(1), .act = MB_DISCRETE(2), .time_limit = 9,
                                 .state_size = sizeof(struct line), .reset = line_reset, .step = line_step };
static const mb_env_def endless = { MB_ENV_HEAD, .name = "endless", .obs = MB_BOX(1), .act = MB_DISCRETE(2), .time_limit = 4,
                                    .state_size = sizeof(struct line), .reset = line_reset, .step = endless_step };

static struct reinforce *seen; /* the state of the algorithm under test */
static bool watched_setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    seen = self;
    return setup(run, self, options, err);
}

enum { ENVS = 3, STEPS = 10 };
/* Advantages and returns [STEPS, ENVS] of the third iteration; `value` is what the critic says everywhere. */
static void credited(const mb_env_def *env, const char *baseline, float value, float *adv, float *ret)
{
    mb_error err = { 0 };
    run_begin();
    mb_algo_def watched = mb_algo_reinforce;
    watched.setup = watched_setup;
    mb_settings *s = mb_settings_of(run_memory, &watched, env, &err);
    const char *const set[] = { "run", "none", "envs", "3", "horizon", "10", "hidden", "4", "gamma", "0.5", "lr", "0", "scale-adv", "false",
                                "eval-episodes", "0", "baseline", baseline, NULL };
    for (int i = 0; set[i]; i += 2) run_set(s, set[i], set[i + 1]);
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    if (!t) printf("FAIL %s\n", err.what), exit(1);
    mb_policy *p = seen->policies[0];
    memset(p->value_head.w->data, 0, (size_t)p->value_head.w->n * sizeof(float));
    p->value_head.b->data[0] = value;
    for (int k = 0; k < 3; k++) CHECK(mb_trainer_iterate(t, &err));
    memcpy(adv, mb_rollout_adv(seen->rollouts[0]), ENVS * STEPS * sizeof *adv);
    memcpy(ret, mb_rollout_ret(seen->rollouts[0]), ENVS * STEPS * sizeof *ret);
    mb_trainer_free(t);
}

/* 1 + 1/2 + ... : what is left of an episode of four steps after t of them */
static double left(int t)
{
    return 2 * (1 - pow(0.5, 4 - t % 4));
}

TEST(whole_episodes_only)
{
    float adv[ENVS * STEPS], ret[ENVS * STEPS];
    const mb_env_def *envs[] = { &ends, &endless };
    for (int e = 0; e < 2; e++) { /* whatever ended the episode */
        credited(envs[e], "none", 100, adv, ret);
        for (int i = 0; i < ENVS * STEPS; i++) { /* eight of ten steps count; each for ten eighths */
            int t = i / ENVS;
            CHECK_NEAR(adv[i], t < 8 ? left(t) * 10 / 8 : 0, 1e-6);
        }
    }
}

TEST(the_mean_is_that_of_the_steps_that_count)
{
    float adv[ENVS * STEPS], ret[ENVS * STEPS];
    credited(&ends, "mean", 100, adv, ret);
    double mean = (left(0) + left(1) + left(2) + left(3)) / 4, sum = 0;
    for (int i = 0; i < ENVS * STEPS; i++) {
        int t = i / ENVS;
        CHECK_NEAR(adv[i], t < 8 ? (left(t) - mean) * 10 / 8 : 0, 1e-6);
        sum += (double)adv[i];
    }
    CHECK_NEAR(sum, 0, 1e-5);
}

TEST(a_value_stands_for_what_was_cut)
{
    float adv[ENVS * STEPS], ret[ENVS * STEPS];
    credited(&endless, "value", 2, adv, ret); /* 2 = 1 / (1 - gamma): the truth */
    for (int i = 0; i < ENVS * STEPS; i++) {
        CHECK_NEAR(ret[i], 2, 1e-6);
        CHECK_NEAR(adv[i], 0, 1e-6);
    }
    /* rollouts go on where the last one stopped: the third begins with an episode and cuts one after two steps */
    credited(&ends, "value", 3, adv, ret);
    for (int i = 0; i < ENVS * STEPS; i++) {
        int t = i / ENVS;
        CHECK_NEAR(ret[i], t < 8 ? left(t) : t == 8 ? 1 + 0.5 * (1 + 0.5 * 3) : 1 + 0.5 * 3, 1e-6);
        CHECK_NEAR(adv[i], ret[i] - 3, 1e-6);
    }
}

TEST(a_horizon_that_never_sees_an_end_is_refused)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, &mb_algo_reinforce, &endless, &err);
    run_set(s, "run", "none");
    run_set(s, "horizon", "3");
    run_set(s, "baseline", "none");
    CHECK(!mb_trainer_new(s, NULL, &err));
    CHECK_ERROR(err, "a horizon of 3 never sees the end of an episode of 4 steps");
}

MB_TESTS(T(whole_episodes_only), T(the_mean_is_that_of_the_steps_that_count), T(a_value_stands_for_what_was_cut),
         T(a_horizon_that_never_sees_an_end_is_refused))
