/* Hindsight, restarts and a replay on the disk in the algorithms that draw transitions: it solves what is hopeless without; the same bytes after a stop and for any
   number of threads; nothing is allocated. */
#include "algo/toy.h"

static mb_settings *flips(const char *algo, const char *dir, const char *const *more)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, mb_algo_find(algo, &err), mb_env_find("bitflip", &err), &err);
    run_set(s, "run", dir ? run_file(dir) : "none");
    toy_set(s, (const char *const[]){ "preset", "none", "envs", "4", "horizon", "4", "hidden", "16", "batch", "16", "buffer", "600", "learning-starts", "64",
                                      "target-every", "100", "env.bits", "6", "eval-episodes", "0", "hindsight", "future", NULL });
    toy_set(s, more);
    return s;
}

static uint64_t iterated(mb_settings *s, int n)
{
    mb_error err = { 0 };
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    const mb_arena *arena = t ? mb_trainer_view(t)->scope->arena : NULL;
    size_t used = 0;
    for (int i = 0; t && i < n && mb_trainer_iterate(t, &err); i++)
        if (i == 0) used = mb_arena_used(arena);
    CHECK(t && err.code == MB_OK && mb_arena_used(arena) == used);
    if (err.code) printf("FAIL %s: %s\n", mb_settings_algo(s)->name, err.what);
    uint64_t state = t ? toy_state(t) : 0;
    mb_trainer_free(t);
    return state;
}

TEST(works_in_the_whole_family)
{
    static const char *const family[] = { "dqn", "c51", "qr-dqn", "iqn", "rainbow", "hl-gauss" };
    for (int a = 0; a < 6; a++) {
        const char *one[] = { "threads", "1", NULL }, *three[] = { "threads", "3", NULL }, *last[] = { "hindsight", "final", NULL };
        uint64_t first = iterated(flips(family[a], NULL, one), 8);
        CHECK(first == iterated(flips(family[a], NULL, three), 8));
        CHECK(first != iterated(flips(family[a], NULL, last), 8));
    }
}

static void halves(const char *key, const char *value, const char *disk)
{
    mb_error err = { 0 };
    mb_summary sum;
    char file[2][256], names[2][96];
    for (int k = 0; k < 2; k++) {
        snprintf(names[k], sizeof names[k], "flips-%s-%s-%s", key, value, k ? "halves" : "whole");
        mb_settings *s = flips("dqn", names[k], (const char *const[]){ "total-steps", "800", "stop-after", k ? "400" : "0", key, value, "buffer-on", disk, NULL });
        CHECK(run_all(s, &sum, &err));
        snprintf(file[k], sizeof file[k], "%s/checkpoints/%012d.ckpt", run_file(names[k]), 800);
    }
    mb_trainer *t = mb_trainer_open_with(run_file(names[1]), (const char *[]){ "stop-after", "0", NULL }, NULL, &err);
    CHECK(t && mb_trainer_run(t, &err));
    mb_trainer_free(t);
    CHECK(same_files(file[0], file[1]));
}

TEST(stopped_and_resumed_is_never_stopped)
{
    halves("hindsight", "future", "memory");
    halves("hindsight", "random", "disk");
    halves("restart", "0.5", "disk");
}

TEST(where_the_replay_lies_never_shows)
{
    char file[2][256];
    for (int k = 0; k < 2; k++) {
        mb_error err = { 0 };
        mb_summary sum;
        const char *dir = k ? "flips-disk" : "flips-memory";
        CHECK(run_all(flips("dqn", dir, (const char *const[]){ "total-steps", "800", "buffer-on", k ? "disk" : "memory", NULL }), &sum, &err));
        snprintf(file[k], sizeof file[k], "%s/checkpoints/%012d.ckpt", run_file(dir), 800);
    }
    CHECK(same_files(file[0], file[1]));
    mb_error err = { 0 };
    mb_trainer *t = mb_trainer_new(flips("dqn", NULL, (const char *const[]){ "buffer-on", "disk", NULL }), NULL, &err);
    CHECK(!t);
    CHECK_ERROR(err, "needs a run directory");
}

static double solved(const char *hindsight)
{
    mb_error err = { 0 };
    mb_eval after = { 0 };
    mb_settings *s = flips("dqn", NULL, (const char *const[]){ "env.bits", "12", "hidden", "64", "batch", "64", "buffer", "20000", "lr", "2e-3",
                                                               "updates", "4", "total-steps", "12000", "eval-episodes", "100", "explore", "0.3", "hindsight", hindsight, NULL });
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    CHECK(t && mb_trainer_run(t, &err) && mb_trainer_evaluate(t, 100, &after, &err));
    mb_trainer_free(t);
    return after.return_mean;
}

TEST(what_is_hopeless_without_is_solved)
{
    CHECK(solved("future") > -6.5); /* 6 bits differ on the average: -5 */
    CHECK(solved("none") < -11);
}

MB_TESTS(T(works_in_the_whole_family), T(stopped_and_resumed_is_never_stopped), T(where_the_replay_lies_never_shows), T(what_is_hopeless_without_is_solved))
