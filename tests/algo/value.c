/* The value-based family: every member with every kind of observation and discrete action, masks, several agents, stacked frames and
   each switch; what cannot be is refused clearly. */
#include "algo/toy.h"

static const char *const family[] = { "dqn", "c51", "qr-dqn", "iqn", "rainbow", "hl-gauss", "md3qn", "pqn", "r2d2" };
enum { FAMILY = sizeof family / sizeof *family, REPLAYED = FAMILY - 2 }; /* the first of them draw single transitions from a replay */

static mb_settings *small(const char *algo, const char *const *more)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, mb_algo_find(algo, &err), &toy, &err);
    toy_set(s, (const char *const[]){ "run", "none", "envs", "3", "eval-episodes", "4", "horizon", "8", "hidden", "8", NULL });
    static const char *const wishes[][2] = { { "channels", "3" }, { "batch", "16" }, { "buffer", "200" }, { "learning-starts", "24" },
                                             { "target-every", "48" }, { "burn-in", "2" }, { "length", "5" }, { "period", "4" } };
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) toy_wish(s, wishes[i][0], wishes[i][1]);
    toy_wish(s, "atoms", "11"), toy_wish(s, "quantiles", "5"), toy_wish(s, "particles", "4"), toy_wish(s, "act-fractions", "4");
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
    static const char *const sights[] = { "number", "vector", "picture", "both" }, *const actions[] = { "discrete", "multi" };
    run_begin();
    for (int a = 0; a < FAMILY; a++)
        for (int k = 0; k < 16; k++) {
            bool picture = k % 4 > 1, masked = k / 4 % 2;
            const char *model = !strcmp(family[a], "r2d2") ? (k % 2 ? "gru" : "attention") : picture ? "cnn" : "mlp";
            const char *more[] = { "env.sight", sights[k % 4], "model", model, "env.masked", masked ? "true" : "false",
                                   "env.agents", k % 3 ? "1" : "2", "env.action", actions[k / 8], NULL };
            twice(family[a], more, masked);
        }
}

TEST(every_switch)
{
    static const char *const switches[][2] = { { "double-q", "true" }, { "duelling", "true" }, { "noisy", "true" }, { "prioritized", "true" },
                                               { "nstep", "3" }, { "stack", "3" }, { "bfloat16", "true" }, { "tau", "0.1" } };
    run_begin();
    for (int a = 0; a < REPLAYED; a++)
        for (int k = 0; k < 8; k++)
            twice(family[a], (const char *const[]){ "env.sight", k % 2 ? "picture" : "vector", switches[k][0], switches[k][1], NULL }, false);
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
    for (int a = 0; a < FAMILY; a++) refused(family[a], (const char *const[]){ "env.action", "mixed", NULL }, "needs discrete actions");
    for (int a = 0; a < REPLAYED; a++) {
        refused(family[a], (const char *const[]){ "model", "gru", NULL }, "remembers");
        refused(family[a], (const char *const[]){ "buffer", "1000G", NULL }, "lower the capacity");
    }
    refused("pqn", (const char *const[]){ "model", "gru", NULL }, "remembers");
    refused("pqn", (const char *const[]){ "minibatches", "7", NULL }, "do not divide");
    refused("r2d2", (const char *const[]){ "model", "mlp", NULL }, "remembers nothing");
    refused("c51", (const char *const[]){ "v-min", "5", "v-max", "5", NULL }, "must be less than");
}

/* Checkpoints of a run with a large replay: pieces are shared, and a run that was killed between two ends in the same bytes. */
TEST(a_large_replay_is_resumed)
{
    mb_error err = { 0 };
    mb_summary sum;
    char file[2][256];
    run_begin();
    for (int k = 0; k < 2; k++) {
        mb_settings *s = mb_settings_new(run_memory, "dqn", "breakout", &err);
        toy_set(s, (const char *const[]){ "preset", "none", "run", run_file(k ? "halves" : "whole"), "eval-episodes", "0", "hidden", "8", "batch", "8", "buffer", "10000",
                                          "learning-starts", "100", "total-steps", "3000", "checkpoint-every", "0", "checkpoint-steps", k ? "700" : "0", NULL });
        if (k) run_set(s, "stop-after", "1500");
        CHECK(run_all(s, &sum, &err));
        const char *changes[] = { "stop-after", "0", NULL };
        mb_trainer *t = k ? mb_trainer_open_with(run_file("halves"), changes, NULL, &err) : NULL;
        if (k) CHECK(t && mb_trainer_run(t, &err));
        mb_trainer_free(t);
        snprintf(file[k], sizeof file[k], "%s/checkpoints/000000003000.ckpt", run_file(k ? "halves" : "whole"));
    }
    CHECK(same_files(file[0], file[1]) && exists(run_file("halves/checkpoints/pieces")));
    if (err.code) printf("%s\n", err.what);
}

MB_TESTS(T(everything_that_can_be_seen_and_done), T(every_switch), T(what_cannot_be_is_refused), T(a_large_replay_is_resumed))
