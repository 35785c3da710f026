/* A corridor that pays 1 a step for ever, cut every 10 steps.  Its value is 1 / (1 - gamma); who takes the cut for an end learns
   at most the discounted sum of ten steps, and on average much less. */
#include "algo/policy/ppo.c"
#include "run/run_test.h"

static void walk_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->obs[0] = 1;
}
static mb_step walk(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->obs[0] = 1;
    return (mb_step){ 1, false };
}
static const mb_env_def corridor = { MB_ENV_HEAD, .name = "corridor", .obs = MB_BOX(1), .act = MB_DISCRETE(2), .time_limit = 10, .state_size = 4,
                                     .reset = walk_reset, .step = walk };

static struct ppo *seen; /* the state of the algorithm under test */
static bool watched_setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    seen = self;
    return setup(run, self, options, err);
}

TEST(ppo_knows_what_for_ever_is_worth)
{
    mb_error err = { 0 };
    run_begin();
    mb_algo_def watched = mb_algo_ppo;
    watched.setup = watched_setup;
    mb_settings *s = mb_settings_of(run_memory, &watched, &corridor, &err);
    const char *const set[] = { "run", "none", "envs", "4", "horizon", "16", "hidden", "8", "gamma", "0.9", "lr", "linear:1e-2:0", "value-loss", "mse",
                                "max-grad-norm", "0", "total-steps", "40000", "eval-episodes", "0", NULL };
    for (int i = 0; set[i]; i += 2) run_set(s, set[i], set[i + 1]);
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    CHECK(t && mb_trainer_run(t, &err));
    mb_traj x = mb_rollout_traj(seen->rollouts[0]);
    for (int i = 0; i < x.T * x.rows; i++) CHECK_NEAR(x.value[i], 10, 0.1);
    mb_trainer_free(t);
}

MB_TESTS(T(ppo_knows_what_for_ever_is_worth))
