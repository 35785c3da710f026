/* What holds for every algorithm, whoever wrote it: over the registry, so that a new file is tested before its author writes a test. */
#include "algo/toy.h"

/* These do not improve a policy (a baseline, estimators of the value of a given one) or do not look. */
static bool learns(const mb_algo_def *a)
{
    static const char *const none[] = { "random", "td", "linear-td", "oscillator" };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (!strcmp(a->name, none[i])) return false;
    return true;
}

/* ---- an environment that the algorithm accepts ---- */

static bool accepts(const mb_algo_def *a, const mb_env_def *env, const char *action)
{
    mb_error err = { 0 };
    size_t mark = mb_arena_mark(run_memory);
    mb_settings *s = mb_settings_of(run_memory, a, env, &err);
    if (s) run_set(s, "run", "none"), toy_wish(s, "hidden", "8");
    if (s && action) run_set(s, "env.action", action);
    mb_trainer *t = s ? mb_trainer_new(s, NULL, &err) : NULL;
    mb_trainer_free(t);
    mb_arena_release(run_memory, mark);
    return t != NULL;
}

/* ours, or for those that need more: one with a model, a board.  For resuming it must be one that a run can name.  *action: the
   kind of action that ours must have, or NULL. */
static const mb_env_def *suitable(const mb_algo_def *a, bool named, const char **action)
{
    static const char *const others[] = { "cartpole", "frozenlake", "tictactoe", "pendulum" };
    *action = NULL;
    if (!named && accepts(a, &toy, NULL)) return &toy;
    if (!named && accepts(a, &toy, "continuous")) return *action = "continuous", &toy;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        mb_error err = { 0 };
        const mb_env_def *env = mb_env_find(others[i], &err);
        if (env && accepts(a, env, NULL)) return env;
    }
    printf("FAIL %s: no environment suits it\n", a->name);
    exit(1);
}

/* small and quick: what the algorithm has of these options */
static mb_settings *small_in(const mb_algo_def *a, const char *dir)
{
    mb_error err = { 0 };
    const char *action;
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, a, suitable(a, dir != NULL, &action), &err);
    if (action) run_set(s, "env.action", action);
    run_set(s, "run", dir ? run_file(dir) : "none");
    run_set(s, "eval-episodes", "0");
    run_set(s, "checkpoint-every", "0");
    toy_wish(s, "baseline", "value"); /* reinforce: rollouts shorter than an episode */
    toy_wish(s, "horizon", "16");
    toy_wish(s, "envs", a->default_envs > 1 ? "4" : "1");
    toy_wish(s, "hidden", "8");
    toy_wish(s, "learning-starts", "32"); /* those with a replay: learn at once, from little */
    toy_wish(s, "batch", "16");
    toy_wish(s, "buffer", "2000");
    toy_wish(s, "target-every", "100");
    toy_wish(s, "v-min", "-10"); /* a support that holds the returns of the smallest problem */
    toy_wish(s, "v-max", "20");
    toy_wish(s, "particles", "16");
    toy_wish(s, "burn-in", "2"); /* short sequences */
    toy_wish(s, "length", "6");
    toy_wish(s, "period", "4");
    return s;
}

static mb_settings *small(const mb_algo_def *a)
{
    return small_in(a, NULL);
}

static uint64_t iterated(mb_settings *s, int n)
{
    mb_error err = { 0 };
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    for (int i = 0; t && i < n; i++)
        if (!mb_trainer_iterate(t, &err)) break;
    if (err.code) {
        mb__checks_failed++;
        printf("FAIL %s: %s\n", mb_settings_algo(s)->name, err.what);
    }
    uint64_t state = t ? toy_state(t) : 0;
    mb_trainer_free(t);
    return state;
}

TEST(each_solves_the_smallest_problem)
{
    run_begin();
    const mb_algo_def *a;
    for (int i = 0; (a = mb_algo_at(i)); i++) {
        mb_error err = { 0 };
        mb_summary sum;
        mb_settings *s = small(a);
        if (!learns(a) || mb_settings_env(s) != &toy) continue; /* frozen lakes and boards have tests of their own */
        run_set(s, "total-steps", "30000");
        run_set(s, "eval-episodes", "200");
        toy_wish(s, "lr", "linear:1e-2:0");
        if (mb_options_find(a->options, "actor_lr")) /* off-policy actors climb a critic: it must be smooth where the best action is */
            toy_set(s, (const char *const[]){ "actor-lr", "linear:1e-3:0", "activation", "tanh", NULL }), toy_wish(s, "noise", "0.5");
        mb_trainer *t = mb_trainer_new(s, NULL, &err);
        mb_eval before, after;
        CHECK(t && mb_trainer_evaluate(t, 200, &before, &err) && mb_trainer_run(t, &err) && mb_trainer_evaluate(t, 200, &after, &err));
        CHECK(t && mb_trainer_summary(t, &sum, &err));
        double per_step = after.return_mean / after.length_mean;
        if (!(per_step > 0.98)) {
            mb__checks_failed++;
            printf("FAIL %s: %.3f of 1 per step (before: %.3f)\n", a->name, per_step, before.return_mean / before.length_mean);
        }
        mb_trainer_free(t);
    }
}

TEST(same_seed_same_bytes_and_another_seed_others)
{
    run_begin();
    const mb_algo_def *a;
    for (int i = 0; (a = mb_algo_at(i)); i++) {
        uint64_t first = iterated(small(a), 5);
        CHECK(first == iterated(small(a), 5));
        mb_settings *s = small(a);
        run_set(s, "seed", "2");
        CHECK(first != iterated(s, 5));
    }
}

TEST(stopped_and_resumed_is_never_stopped)
{
    run_begin();
    const mb_algo_def *a;
    for (int i = 0; (a = mb_algo_at(i)); i++) {
        mb_error err = { 0 };
        mb_summary whole, half, rest;
        char names[2][96];
        snprintf(names[0], sizeof names[0], "%s-whole", a->name);
        snprintf(names[1], sizeof names[1], "%s-halves", a->name);
        mb_settings *s[2] = { small_in(a, names[0]), small_in(a, names[1]) };
        for (int k = 0; k < 2; k++) run_set(s[k], "total-steps", "400");
        run_set(s[1], "stop-after", "200");
        CHECK(run_all(s[0], &whole, &err) && run_all(s[1], &half, &err));
        const char *changes[] = { "stop-after", "0", NULL };
        mb_trainer *t = mb_trainer_open_with(run_file(names[1]), changes, NULL, &err);
        CHECK(t && mb_trainer_run(t, &err) && mb_trainer_summary(t, &rest, &err));
        if (t) CHECK(rest.start_step >= 200 || half.steps >= 400);
        mb_trainer_free(t);
        char file[2][256];
        for (int k = 0; k < 2; k++) snprintf(file[k], sizeof file[k], "%s/checkpoints/%012lld.ckpt", run_file(names[k]), (long long)whole.steps);
        if (err.code || !same_files(file[0], file[1])) {
            mb__checks_failed++;
            printf("FAIL %s: resumed differs from whole %s\n", a->name, err.what);
        }
    }
}

TEST(threads_and_kernels_never_show)
{
    run_begin();
    const mb_algo_def *a;
    const char *const kernels[] = { "plain", "avx2", "avx512" }, *const threads[] = { "1", "2", "4" };
    for (int i = 0; (a = mb_algo_at(i)); i++) {
        uint64_t first = 0;
        int used = 0;
        for (int k = 0; k < 5; k++) { /* three variants with one thread, then the last with more */
            mb_error err = { 0 };
            const char *name;
            if (k < 3) setenv("MATCHBOX_KERNELS", kernels[k], 1);
            if (!mb_isa(&name, &err)) { /* not on this CPU: the best there is */
                unsetenv("MATCHBOX_KERNELS");
                if (k < 3) continue;
            }
            mb_settings *s = small(a);
            toy_wish(s, "envs", a->default_envs > 1 ? "64" : "1");
            toy_wish(s, "hidden", "48,32");
            run_set(s, "threads", threads[k < 3 ? 0 : k - 2]);
            uint64_t state = iterated(s, 3);
            if (used++ && state != first) {
                mb__checks_failed++;
                printf("FAIL %s: other bytes with kernels %s, %s threads\n", a->name, k < 3 ? kernels[k] : "best", threads[k < 3 ? 0 : k - 2]);
            }
            first = state;
        }
        unsetenv("MATCHBOX_KERNELS");
    }
}

TEST(an_iteration_allocates_nothing)
{
    run_begin();
    const mb_algo_def *a;
    for (int i = 0; (a = mb_algo_at(i)); i++) {
        mb_error err = { 0 };
        mb_trainer *t = mb_trainer_new(small(a), NULL, &err);
        CHECK(t && mb_trainer_iterate(t, &err));
        if (!t) continue;
        const mb_arena *arena = mb_trainer_view(t)->scope->arena;
        size_t used = mb_arena_used(arena), heap = mallinfo2().uordblks;
        for (int k = 0; k < 5; k++) CHECK(mb_trainer_iterate(t, &err));
        CHECK(mb_arena_used(arena) == used);
        CHECK(mallinfo2().uordblks == heap);
        mb_trainer_free(t);
    }
}

/* ---- every option at both ends of its range: two iterations, or a clean error ---- */

static void try_value(const mb_algo_def *a, const char *key, const char *value)
{
    mb_error err = { 0 };
    size_t mark = mb_arena_mark(run_memory);
    mb_settings *s = small(a);
    bool fine = mb_settings_set(s, key, value, "test", &err);
    mb_trainer *t = fine ? mb_trainer_new(s, NULL, &err) : NULL;
    fine = t && mb_trainer_iterate(t, &err) && mb_trainer_iterate(t, &err);
    if (!fine && (err.code == MB_OK || !err.what[0])) {
        mb__checks_failed++;
        printf("FAIL %s: %s = %s fails without saying why\n", a->name, key, value);
    }
    mb_trainer_free(t);
    mb_arena_release(run_memory, mark);
}

static void try_ends(const mb_algo_def *a, const mb_option *row)
{
    char text[64];
    const char *at = row->choices;
    switch (row->kind) {
    case MB_OPT_PICK:
        while (at) {
            snprintf(text, sizeof text, "%.*s", (int)strcspn(at, "|"), at);
            try_value(a, row->name, text);
            at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL;
        }
        return;
    case MB_OPT_TEXT:
        try_value(a, row->name, "");
        try_value(a, row->name, "nonsense");
        return;
    case MB_OPT_BOOL:
        try_value(a, row->name, "false");
        try_value(a, row->name, "true");
        return;
    default:
        for (int end = 0; end < 2; end++) {
            snprintf(text, sizeof text, "%.9g", end ? row->hi : row->lo);
            try_value(a, row->name, text);
        }
    }
}

TEST(every_option_at_both_ends)
{
    run_begin();
    const mb_algo_def *a;
    for (int i = 0; (a = mb_algo_at(i)); i++)
        for (const mb_option *row = a->options; row && row->name; row++) try_ends(a, row);
    for (int i = 0; (a = mb_algo_at(i)); i++) { /* empty lists, and options that only recurrent bodies use */
        if (!mb_options_find(a->options, "model")) continue;
        try_value(a, "hidden", "");
        const char *const models[] = { "lstm", "gru", "attention", "cnn" };
        for (int m = 0; m < 4; m++) try_value(a, "model", models[m]);
    }
}

MB_TESTS(T(each_solves_the_smallest_problem), T(same_seed_same_bytes_and_another_seed_others), T(stopped_and_resumed_is_never_stopped),
         T(threads_and_kernels_never_show), T(an_iteration_allocates_nothing), T(every_option_at_both_ends))
