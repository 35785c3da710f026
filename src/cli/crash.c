/* A crash while an environment from a file runs is the environment's, whose author should not have to guess that. */
#include "cli/command.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static char message[1024]; /* made before: a handler of signals may only write */
static char stack[64 * 1024];

static void on_crash(int number)
{
    (void)!write(STDERR_FILENO, message, strlen(message));
    signal(number, SIG_DFL);
    raise(number);
}

void cli_catch_crashes(const char *env, const char *note, const char *help)
{
    static const int numbers[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    snprintf(message, sizeof message,
             "error: the environment %s crashed: it used memory that is not its own, or divided by zero\n"
             "  note: likely an index out of its range or a pointer that leads nowhere\n%s%s%s  help: %s\n", env, note ? "  note: " : "",
             note ? note : "", note ? "\n" : "", help);
    stack_t own = { .ss_sp = stack, .ss_size = sizeof stack }; /* an endless recursion leaves no room on the usual one */
    sigaltstack(&own, NULL);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct sigaction before, ours = { .sa_handler = on_crash, .sa_flags = SA_ONSTACK };
        bool free_now = sigaction(numbers[i], NULL, &before) == 0 && (before.sa_handler == SIG_DFL || before.sa_handler == on_crash);
        if (free_now) sigaction(numbers[i], &ours, NULL); /* else a sanitizer's, which says more */
    }
}
