/* matchbox check ENV|FILE.c: does an environment keep its contract? */
#include "cli/command.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) NUM(int64_t, steps, 100000, 1, 1e12, "random steps to try")
MB_OPTIONS(check, OPTIONS)

struct tally { int good, bad; };

static void report(void *ctx, bool ok, const char *what)
{
    struct tally *t = ctx;
    *(ok ? &t->good : &t->bad) += 1;
    printf("%s %s\n", ok ? "ok  " : "FAIL", what);
}

static bool run(cli *c, mb_error *err)
{
    const struct check_options *o = c->options;
    struct tally t = { 0 };
    mb_settings *s = mb_settings_new(c->arena, "random", c->words[0], err);
    if (!s || !cli_settings(c, "none", NULL, s, err)) return false;
    const mb_env_def *env = mb_settings_env(s);
    cli_stop_at_once();
    char help[300];
    const char *name = mb_settings_env_file(s) ? mb_settings_env_file(s) : env->name;
    snprintf(help, sizeof help, "gdb --args matchbox check %.200s shows the line (type: run, then: backtrace)", name);
    cli_catch_crashes(name, NULL, help);
    bool good = mb_env_check(env, mb_settings_env_options(s), o->steps, report, &t, err);
    if (t.good + t.bad > 0) printf("%s: %d good, %d to mend\n", env->name, t.good, t.bad);
    return good;
}

CLI_COMMAND(check) = {
    .name = "check", .usage = "check ENV|FILE.c", .summary = "the environment checker",
    .about = "Plays an environment with random actions and says what is wrong: bounds, determinism, save and load, writes outside "
             "its state, masks, numbers that are not finite. Options of the environment: --env.NAME.",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(check), .run = run,
};
