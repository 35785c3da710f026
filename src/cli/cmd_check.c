/* matchbox check ENV|FILE.c: does an environment keep its contract? */
#include "cli/command.h"
#include <signal.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) NUM(int64_t, steps, 100000, 1, 1e12, "random steps to try")
MB_OPTIONS(check, OPTIONS)

struct tally { int good, bad; };

static void report(void *ctx, bool ok, const char *what)
{
    struct tally *t = ctx;
    *(ok ? &t->good : &t->bad) += 1;
    printf("%s %s\n", ok ? "ok  " : "FAIL", what);
}

static void on_crash(int number)
{
    static const char text[] = "error: the environment crashed: it used memory that is not its own, or divided by zero\n"
                               "  note: likely an index out of its range or a pointer that leads nowhere\n"
                               "  help: gdb --args matchbox check ENV shows the line (type: run, then: backtrace)\n";
    (void)!write(STDERR_FILENO, text, sizeof text - 1);
    signal(number, SIG_DFL);
    raise(number);
}

/* A crash is the environment's, whose author should not have to guess that. */
static void catch_crashes(void)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before;
        bool ours = sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL; /* a sanitizer says more */
        if (ours) signal(numbers[i], on_crash);
    }
}

static bool run(cli *c, mb_error *err)
{
    const struct check_options *o = c->options;
    struct tally t = { 0 };
    mb_settings *s = mb_settings_new(c->arena, "random", c->words[0], err);
    if (!s || !cli_settings(c, "none", NULL, s, err)) return false;
    const mb_env_def *env = mb_settings_env(s);
    cli_stop_at_once();
    catch_crashes();
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
