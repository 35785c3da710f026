/* Features compose: every body with every kind of action and observation, masks, one agent or several with shared or own
   parameters.  Each combination trains, evaluates, and repeats itself to the bit. */
#include "algo/toy.h"

static const char *const models[] = { "mlp", "cnn", "lstm", "gru", "attention" };
static const char *const actions[] = { "discrete", "multi", "continuous", "mixed" };
static const char *const teams[][2] = { { "1", "together" }, { "2", "together" }, { "2", "separate" } };

static mb_settings *combination(const char *algo, const char *model, const char *action, const char *sight, bool masked, int team)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, mb_algo_find(algo, &err), &toy, &err);
    toy_set(s, (const char *const[]){ "run", "none", "envs", "4", "eval-episodes", "4", "horizon", "8", "hidden", "8", "model", model,
                                      "channels", "3", "window", "4", "env.action", action, "env.sight", sight, "env.masked", masked ? "true" : "false",
                                      "env.agents", teams[team][0], "agents", teams[team][1], NULL });
    toy_wish(s, "minibatches", "2");
    return s;
}

/* two iterations and an evaluation; a forbidden action would show in the return */
static uint64_t once(mb_settings *s, bool masked)
{
    mb_error err = { 0 };
    mb_eval eval = { 0 };
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    bool ok = t && mb_trainer_iterate(t, &err) && mb_trainer_iterate(t, &err) && mb_trainer_evaluate(t, 4, &eval, &err);
    if (!ok || (masked && eval.return_min < -100)) {
        char text[512];
        mb_str b;
        mb_str_init(&b, text, sizeof text);
        mb_settings_yaml(s, &b, false);
        mb__checks_failed++;
        printf("FAIL %s, return %g\n%s\n", err.what, eval.return_min, text);
    }
    uint64_t state = ok ? toy_state(t) : 0;
    mb_trainer_free(t);
    return state;
}

static void try_all(const char *algo, int first_model, int nmodels)
{
    run_begin();
    for (int m = first_model; m < first_model + nmodels; m++)
        for (int a = 0; a < 4; a++)
            for (int masked = 0; masked < 2; masked++)
                for (int team = 0; team < 3; team++) {
                    const char *sight = !strcmp(models[m], "cnn") ? (a % 2 ? "both" : "picture") : (const char *const[]){ "number", "vector", "both" }[(a + m) % 3];
                    size_t mark = mb_arena_mark(run_memory);
                    uint64_t x = once(combination(algo, models[m], actions[a], sight, masked, team), masked);
                    uint64_t y = once(combination(algo, models[m], actions[a], sight, masked, team), masked);
                    CHECK(x == y);
                    mb_arena_release(run_memory, mark);
                }
}

TEST(ppo_with_every_body) { try_all("ppo", 0, 5); }
TEST(a2c_with_one_of_each_kind) { try_all("a2c", 0, 1), try_all("a2c", 3, 1); }
TEST(reinforce_with_one_of_each_kind) { try_all("reinforce", 0, 1), try_all("reinforce", 4, 1); }

/* the normalisers, the shared body and bfloat16 with a recurrent body, several agents and mixed actions */
TEST(everything_at_once)
{
    run_begin();
    for (int m = 0; m < 5; m++) {
        uint64_t state[2];
        for (int k = 0; k < 2; k++) {
            mb_settings *s = combination("ppo", models[m], "mixed", "both", true, 1);
            toy_set(s, (const char *const[]){ "norm-obs", "true", "norm-reward", "true", "shared", "true", "bfloat16", "true", "target-kl", "0.01",
                                              "adaptive-kl", "0.01", "kl-coef", "0.1", "clip-high", "0.28", "dual-clip", "3", "reward-clip", "5", NULL });
            state[k] = once(s, true);
        }
        CHECK(state[0] == state[1]);
    }
}

/* ---- and they learn ---- */

/* mean reward per step and agent after training; 1 is the best */
static double trained(const char *const *set)
{
    mb_error err = { 0 };
    mb_eval eval = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, mb_algo_find("ppo", &err), &toy, &err);
    toy_set(s, (const char *const[]){ "run", "none", "envs", "8", "horizon", "32", "hidden", "16", "lr", "linear:1e-2:0", "total-steps", "30000",
                                      "eval-episodes", "100", NULL });
    toy_set(s, set);
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    if (!t || !mb_trainer_run(t, &err) || !mb_trainer_evaluate(t, 100, &eval, &err)) printf("FAIL %s\n", err.what);
    mb_trainer_free(t);
    return eval.length_mean > 0 ? eval.return_mean / eval.length_mean : -1;
}

TEST(every_kind_of_action_is_learned)
{
    CHECK(trained((const char *const[]){ "env.action", "multi", NULL }) > 0.98);
    CHECK(trained((const char *const[]){ "env.action", "continuous", NULL }) > 0.95);
    CHECK(trained((const char *const[]){ "env.action", "mixed", "env.masked", "true", NULL }) > 0.95);
    CHECK(trained((const char *const[]){ "env.sight", "both", "env.agents", "2", "agents", "separate", NULL }) > 0.98);
    CHECK(trained((const char *const[]){ "env.sight", "picture", "model", "cnn", "channels", "4", NULL }) > 0.98);
}

MB_TESTS(T(ppo_with_every_body), T(a2c_with_one_of_each_kind), T(reinforce_with_one_of_each_kind), T(everything_at_once), T(every_kind_of_action_is_learned))
