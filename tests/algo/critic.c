/* The off-policy actor-critic family: every member with every kind of observation and action it takes, several agents, stacked frames
   and each switch; what cannot be is refused clearly. */
#include "algo/toy.h"

static const char *const family[] = { "sac", "redq", "droq", "td3", "ddpg", "tqc" };
enum { FAMILY = sizeof family / sizeof *family, SOFT = 3 }; /* the first of them take discrete actions too */

static mb_settings *small(const char *algo, const char *const *more)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, mb_algo_find(algo, &err), &toy, &err);
    toy_set(s, (const char *const[]){ "run", "none", "envs", "3", "eval-episodes", "4", "horizon", "8", "hidden", "8", "channels", "3", "batch", "16", "buffer",
                                      "200", "learning-starts", "24", "env.action", "continuous", NULL });
    toy_set(s, more);
    return s;
}

static void twice(const char *algo, const char *const *more, bool masked)
{
    size_t mark = mb_arena_mark(run_memory);
    CHECK(toy_once(small(algo, more), algo, masked) == toy_once(small(algo, more), algo, masked));
    mb_arena_release(run_memory, mark);
}

TEST(everything_that_can_be_seen_and_done)
{
    static const char *const sights[] = { "number", "vector", "picture", "both" }, *const actions[] = { "continuous", "discrete", "multi" };
    run_begin();
    for (int a = 0; a < FAMILY; a++)
        for (int k = 0; k < (a < SOFT ? 12 : 4); k++) {
            bool masked = k / 4 && k % 2;
            twice(family[a], (const char *const[]){ "env.sight", sights[k % 4], "model", k % 4 > 1 ? "cnn" : "mlp", "env.masked", masked ? "true" : "false",
                                                    "env.agents", k % 3 ? "1" : "2", "env.action", actions[k / 4], NULL }, masked);
        }
}

TEST(every_switch)
{
    static const char *const switches[][2] = { { "prioritized", "true" }, { "nstep", "3" }, { "stack", "3" }, { "bfloat16", "true" }, { "layer-norm", "true" },
                                               { "weight-decay", "0.01" }, { "actor-every", "3" }, { "updates", "2" } };
    run_begin();
    for (int a = 0; a < FAMILY; a++)
        for (int k = 0; k < 8; k++) twice(family[a], (const char *const[]){ "env.sight", k % 2 ? "picture" : "vector", switches[k][0], switches[k][1], NULL }, false);
}

static void refused(const char *algo, const char *const *more, const char *words)
{
    mb_error err = { 0 };
    mb_trainer *t = mb_trainer_new(small(algo, more), NULL, &err);
    CHECK(!t);
    CHECK_ERROR(err, words);
    mb_trainer_free(t);
}

TEST(what_cannot_be_is_refused)
{
    for (int a = 0; a < FAMILY; a++) {
        refused(family[a], (const char *const[]){ "env.action", "mixed", NULL }, "needs continuous actions");
        refused(family[a], (const char *const[]){ "model", "gru", NULL }, "remembers");
        refused(family[a], (const char *const[]){ "buffer", "1000G", NULL }, "lower the capacity");
        if (a >= SOFT) refused(family[a], (const char *const[]){ "env.action", "discrete", NULL }, "dqn and its relatives");
        mb_env_shape open = { .obs = MB_BOX(2), .act = MB_BOX(2), .nagents = 1 };
        mb_error err = { 0 };
        CHECK(!mb_algo_find(family[a], &err)->check(NULL, &open, 1, &err));
        CHECK_ERROR(err, "finite bounds");
    }
    refused("tqc", (const char *const[]){ "quantiles", "4", "drop", "4", NULL }, "none would be left");
    refused("redq", (const char *const[]){ "critics", "2", "subset", "3", NULL }, "cannot be drawn");
}

MB_TESTS(T(everything_that_can_be_seen_and_done), T(every_switch), T(what_cannot_be_is_refused))
