/* Remembering: tasks that a policy without memory cannot solve, and each recurrent body can. */
#include "algo/toy.h"

/* mean evaluation return of PPO with this body */
static double trained(const char *env, const char *model, const char *const *set)
{
    mb_error err = { 0 };
    mb_eval eval = { 0 };
    run_begin();
    mb_settings *s = mb_settings_new(run_memory, "ppo", env, &err);
    toy_set(s, (const char *const[]){ "run", "none", "model", model, "hidden", "32", "envs", "16", "horizon", "32", "window", "6",
                                      "eval-episodes", "100", NULL });
    toy_set(s, set);
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    if (!t || !mb_trainer_run(t, &err) || !mb_trainer_evaluate(t, 100, &eval, &err)) printf("FAIL %s\n", err.what);
    mb_trainer_free(t);
    printf("%s %s: %.3f\n", env, model, eval.return_mean);
    return eval.return_mean;
}

static const char *const repeat[] = { "env.k", "3", "gamma", "0.5", "lr", "linear:5e-3:0", "total-steps", "40960", NULL };
static const char *const maze[] = {
    "env.length", "4", "env.time-limit", "20", "lr", "linear:3e-3:0", "ent-coef", "0.03", "total-steps", "40960", NULL
};

TEST(without_memory_nothing_is_repeated)
{
    CHECK(trained("repeat-previous", "mlp", repeat) < 0);
    CHECK(trained("tmaze", "mlp", maze) < 3);
}
TEST(attention)
{
    CHECK(trained("repeat-previous", "attention", repeat) > 0.8);
    CHECK(trained("tmaze", "attention", maze) > 3.8);
}
TEST(gru)
{
    CHECK(trained("repeat-previous", "gru", repeat) > 0.8);
    CHECK(trained("tmaze", "gru", maze) > 3.8);
}
TEST(lstm)
{
    CHECK(trained("repeat-previous", "lstm", repeat) > 0.8);
    CHECK(trained("tmaze", "lstm", maze) > 3.8);
}

MB_TESTS(T(without_memory_nothing_is_repeated), T(attention), T(gru), T(lstm))
