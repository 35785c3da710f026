/* The trainer's contract with algorithms: metrics, errors, sealed memory, stopping; and settings. */
#include "run_test.h"

/* An algorithm that does as it is told at its fifth iteration. */
enum { WELL, REPORT_NAN, FAIL_ITERATE, ALLOCATE };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                     \
    PICK(mode, WELL, "well|report-nan|fail|allocate", "what goes wrong")          \
    NUM(float, clip, 0.2f, 0, 1, "unused")                                        \
    LIST(hidden, "64,64", 1, 8192, "unused")                                      \
    SCHED(lr, "linear:2.5e-4:0", 0, 1, "unused")                                  \
    NUM(bool, norm_adv, false, 0, 1, "unused")
MB_OPTIONS(odd, OPTIONS)
struct odd { int64_t n; };

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct odd *s = self;
    return mb_keep(run->scope->store, "odd", &s->n, sizeof s->n, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct odd_options *o = options;
    struct odd *s = self;
    run->step += 10;
    mb_report(run->metrics, "count", (double)++s->n);
    if (s->n < 5) return true;
    if (o->mode == REPORT_NAN) mb_report(run->metrics, "loss/odd", (double)NAN);
    if (o->mode == FAIL_ITERATE) return mb_fail(err, MB_ERR_ENV, "odd: the environment fell over");
    if (o->mode == ALLOCATE) return mb_alloc(run->scope->arena, 1, 1, err) != NULL;
    return true;
}

static const mb_algo_def odd = { MB_ALGO_HEAD, .name = "odd", .summary = "goes wrong", .state_size = sizeof(struct odd),
                                 MB_USE_OPTIONS(odd), .setup = setup, .iterate = iterate };

static mb_settings *odd_settings(const char *dir, const char *mode)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_of(run_memory, &odd, mb_env_find("cartpole", &err), &err);
    run_set(s, "run", run_file(dir));
    run_set(s, "total-steps", "1000");
    run_set(s, "eval-episodes", "0");
    run_set(s, "mode", mode);
    return s;
}

TEST(a_metric_that_is_not_a_number_stops_the_run)
{
    mb_error err = { 0 };
    mb_summary sum;
    CHECK(!run_all(odd_settings("nan", "report-nan"), &sum, &err));
    CHECK(err.code == MB_ERR_NUMERIC);
    CHECK_ERROR(err, "'loss/odd' became nan at step 50");
    CHECK(exists(run_file("nan/checkpoints/failed-000000000050.ckpt")));
    CHECK(exists(run_file("nan/checkpoints/000000000000.ckpt")));
}

TEST(an_error_of_an_iteration_keeps_the_checkpoint)
{
    mb_error err = { 0 };
    mb_summary sum;
    CHECK(!run_all(odd_settings("fail", "fail"), &sum, &err));
    CHECK_ERROR(err, "odd: the environment fell over");
    CHECK_ERROR(err, "after step 40");
    CHECK_ERROR(err, "checkpoints/000000000000.ckpt");
}

TEST(nothing_is_allocated_after_setup)
{
    mb_error err = { 0 };
    mb_summary sum;
    CHECK(!run_all(odd_settings("allocate", "allocate"), &sum, &err));
    CHECK(err.code == MB_ERR_MEMORY);
}

TEST(metrics_are_means_between_lines)
{
    mb_error err = { 0 };
    mb_summary sum;
    mb_settings *s = odd_settings("lines", "well");
    run_set(s, "log-steps", "100");
    CHECK(run_all(s, &sum, &err));
    size_t n;
    const char *text = run_read(run_file("lines/metrics.jsonl"), &n);
    CHECK(text && strncmp(text, "{\"step\":100,\"episodes\":0,\"return_mean\":null,\"length_mean\":null,\"count\":5.5}\n", 76) == 0);
    CHECK(text && strstr(text, "\"count\":15.5}") && strstr(text, "\"step\":1000,"));
    int lines = 0;
    for (; text && *text; text++) lines += *text == '\n';
    CHECK(lines == 10);
}

TEST(a_stop_flag_ends_with_a_checkpoint)
{
    mb_error err = { 0 };
    int stop = 1;
    mb_hooks hooks = { .stop = &stop };
    mb_trainer *t = mb_trainer_new(odd_settings("stop", "well"), &hooks, &err);
    CHECK(t && mb_trainer_iterate(t, &err));
    CHECK(t && !mb_trainer_run(t, &err));
    CHECK(err.code == MB_ERR_INTERRUPTED);
    CHECK_ERROR(err, "matchbox resume");
    CHECK(exists(run_file("stop/checkpoints/000000000010.ckpt")));
    mb_trainer_free(t);
}

TEST(memory_only_runs_write_nothing)
{
    mb_error err = { 0 };
    mb_summary sum;
    mb_settings *s = odd_settings("x", "well");
    run_set(s, "run", "none");
    CHECK(run_all(s, &sum, &err));
    CHECK(sum.dir == NULL && sum.checkpoint == NULL && sum.steps == 1000);
    CHECK(!exists("none"));
}

/* ---- settings ---- */

static void check_set(const char *key, const char *value, mb_code code, const char *says)
{
    mb_error err = { 0 };
    mb_settings *s = odd_settings("x", "well");
    CHECK(!mb_settings_set(s, key, value, "on the command line", &err));
    CHECK(err.code == code);
    CHECK_ERROR(err, says);
    CHECK_ERROR(err, "on the command line");
    CHECK_ERROR(err, "help: matchbox help");
}

TEST(wrong_settings_say_what_is_wrong)
{
    check_set("clip", "1.7", MB_ERR_RANGE, "odd: option 'clip' must lie in [0, 1], not 1.7");
    check_set("clop", "0.1", MB_ERR_USAGE, "odd: unknown option 'clop'");
    check_set("clop", "0.1", MB_ERR_USAGE, "did you mean 'clip'?");
    check_set("total-step", "5", MB_ERR_USAGE, "did you mean 'total-steps'?");
    check_set("env.gravty", "5", MB_ERR_USAGE, "cartpole: unknown option 'env.gravty'");
    check_set("env.gravty", "5", MB_ERR_USAGE, "did you mean 'env.gravity'?");
    check_set("env.gravity", "abc", MB_ERR_USAGE, "gravity");
    check_set("clip", "nan", MB_ERR_RANGE, "clip");
    check_set("envs", "0", MB_ERR_RANGE, "envs");
    check_set("clip", NULL, MB_ERR_USAGE, "needs a value");
    check_set("", "1", MB_ERR_USAGE, "unknown option");
    check_set(".", "1", MB_ERR_USAGE, "unknown option");
}

TEST(later_origins_win_and_are_shown)
{
    mb_error err = { 0 };
    char value[64];
    static char memory[16384];
    mb_str yaml;
    mb_settings *s = odd_settings("x", "well");
    const char text[] = "algo: odd\nenv: cartpole\nclip: 0.3\nodd:\n  hidden: [32, 16]\nenv.gravity: 5\ntotal-steps: 2M\n";
    CHECK(mb_file_write(run_file("settings.yaml"), text, sizeof text - 1, &err));
    CHECK(mb_settings_file(s, run_file("settings.yaml"), &err));
    CHECK(mb_settings_set(s, "clip", "0.4", "on the command line", &err));
    CHECK(mb_settings_set(s, "norm-adv", NULL, "on the command line", &err));
    CHECK(mb_settings_get(s, "clip", value, sizeof value) && strcmp(value, "0.4") == 0);
    CHECK(mb_settings_get(s, "hidden", value, sizeof value) && strcmp(value, "32,16") == 0);
    CHECK(mb_settings_get(s, "env.gravity", value, sizeof value) && strcmp(value, "5") == 0);
    CHECK(mb_settings_get(s, "total_steps", value, sizeof value) && strcmp(value, "2000000") == 0);
    CHECK(mb_settings_get(s, "norm_adv", value, sizeof value) && strcmp(value, "true") == 0);
    mb_str_init(&yaml, memory, sizeof memory);
    mb_settings_yaml(s, &yaml, true);
    CHECK(strstr(yaml.s, "# on the command line") && strstr(yaml.s, "settings.yaml, line 5") && strstr(yaml.s, "# default"));
}

TEST(a_file_with_a_wrong_line_names_it)
{
    mb_error err = { 0 };
    mb_settings *s = odd_settings("x", "well");
    const char text[] = "clip: 0.3\ngama: 0.9\n";
    CHECK(mb_file_write(run_file("wrong.yaml"), text, sizeof text - 1, &err));
    CHECK(!mb_settings_file(s, run_file("wrong.yaml"), &err));
    CHECK_ERROR(err, "unknown option 'gama'");
    CHECK_ERROR(err, "wrong.yaml, line 2");
    err = (mb_error){ 0 };
    CHECK(mb_file_write(run_file("other.yaml"), "algo: ppo\n", 10, &err));
    CHECK(!mb_settings_file(s, run_file("other.yaml"), &err));
    CHECK_ERROR(err, "made for algo 'ppo', not for 'odd'");
}

TEST(config_yaml_reads_back)
{
    mb_error err = { 0 };
    static char first[16384], second[16384];
    mb_str a, b;
    mb_settings *s = odd_settings("x", "well");
    run_set(s, "clip", "0.123456789");
    run_set(s, "lr", "cosine:1e-3:1e-5");
    mb_str_init(&a, first, sizeof first);
    mb_settings_yaml(s, &a, false);
    CHECK(mb_file_write(run_file("config.yaml"), a.s, a.n, &err));
    mb_settings *t = odd_settings("x", "well");
    CHECK(mb_settings_file(t, run_file("config.yaml"), &err));
    mb_str_init(&b, second, sizeof second);
    mb_settings_yaml(t, &b, false);
    CHECK(strcmp(a.s, b.s) == 0);
}

/* ---- evaluation ---- */

TEST(evaluation_is_repeatable_and_that_of_the_player)
{
    mb_error err = { 0 };
    mb_eval a, b, c;
    mb_settings *s = run_settings("eval", "cartpole");
    run_set(s, "eval-episodes", "50");
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    CHECK(t && mb_trainer_run(t, &err) && mb_trainer_evaluate(t, 50, &a, &err));
    CHECK(a.episodes == 50 && a.return_mean > 10 && a.return_mean < 40 && a.return_min >= 8);
    CHECK_NEAR(a.return_mean, a.length_mean, 1e-9); /* one point for every step */
    mb_trainer_free(t);
    mb_player *p = mb_player_open(run_file("eval"), 50, MB_SEED_OF_RUN, NULL, &err);
    CHECK(p && mb_player_eval(p, 50, NULL, &b, &err));
    CHECK(a.return_mean == b.return_mean && a.return_std == b.return_std && a.return_max == b.return_max && a.length_mean == b.length_mean);
    CHECK(p && mb_player_trained(p) == 20480);
    mb_player_free(p);
    p = mb_player_open(run_file("eval"), 50, 99, NULL, &err);
    CHECK(p && mb_player_eval(p, 120, NULL, &c, &err) && c.episodes == 120 && c.return_mean != b.return_mean);
    mb_player_free(p);
}

TEST(every_environment_trains_evaluates_and_resumes)
{
    for (int i = 0; mb_env_at(i); i++) {
        mb_error err = { 0 };
        mb_summary sum;
        mb_eval e;
        char dir[96];
        const char *env = mb_env_at(i)->name;
        snprintf(dir, sizeof dir, "all-%s", env);
        mb_settings *s = run_settings(dir, env);
        mb_arena *a = mb_arena_new((size_t)1 << 24, &err);
        const mb_env_def *def = mb_env_at(i);
        void *options = mb_alloc(a, 1, def->options_size, &err);
        mb_options_default(def->options, options);
        bool here = mb_env_open(def, options, a, &err); /* the library it needs may be missing */
        if (here) mb_env_close(def, options);
        mb_arena_free(a);
        if (!here && err.code == MB_ERR_UNSUPPORTED) continue;
        run_set(s, "total-steps", def->open ? "1024" : "4096"); /* a library's steps are slow */
        run_set(s, "stop-after", def->open ? "256" : "1024");
        run_set(s, "eval-episodes", "2");
        bool ok = run_all(s, &sum, &err) && continue_all(run_file(dir), &sum, &err);
        mb_player *p = ok ? mb_player_open(run_file(dir), 2, MB_SEED_OF_RUN, NULL, &err) : NULL;
        ok = p && mb_player_eval(p, 2, NULL, &e, &err);
        if (!ok) printf("FAIL %s: %s\n", env, err.what);
        CHECK(ok && e.episodes == 2);
        mb_player_free(p);
    }
}

TEST(clean_up)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", run_root);
    CHECK(system(command) == 0);
}

MB_TESTS(T(a_metric_that_is_not_a_number_stops_the_run), T(an_error_of_an_iteration_keeps_the_checkpoint), T(nothing_is_allocated_after_setup),
         T(metrics_are_means_between_lines), T(a_stop_flag_ends_with_a_checkpoint), T(memory_only_runs_write_nothing),
         T(wrong_settings_say_what_is_wrong), T(later_origins_win_and_are_shown), T(a_file_with_a_wrong_line_names_it), T(config_yaml_reads_back),
         T(evaluation_is_repeatable_and_that_of_the_player), T(every_environment_trains_evaluates_and_resumes), T(clean_up))
