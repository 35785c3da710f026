/* Start the program itself and measure it from outside, as a user would. */
#include "cli/bench.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static bool start(const char *const *args, pid_t *pid, int *out, mb_error *err)
{
    char program[1024];
    int ends[2];
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    if (n <= 0) return mb_fail(err, MB_ERR_UNSUPPORTED, "bench: cannot find the program itself");
    program[n] = 0;
    if (pipe(ends) != 0) return mb_fail(err, MB_ERR_IO, "bench: no pipe: %s", strerror(errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addclose(&actions, ends[0]);
    int rc = posix_spawn(pid, program, &actions, NULL, (char *const *)(uintptr_t)args, environ);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    *out = ends[0];
    if (rc == 0) return true;
    close(ends[0]);
    return mb_fail(err, MB_ERR_IO, "bench: cannot start %s: %s", program, strerror(rc));
}

static double eval_of(const char *json)
{
    const char *at = strstr(json, "\"eval\":{");
    at = at ? strstr(at, "\"return_mean\":") : NULL;
    return at ? strtod(at + 14, NULL) : 0;
}

bool bench_program(const char *const *args, double *seconds, double *eval_return, mb_error *err)
{
    char text[16384];
    size_t n = 0;
    pid_t pid;
    int out = -1, status;
    double from = mb_now();
    if (!start(args, &pid, &out, err)) return false;
    for (ssize_t got = 1; got > 0 && n < sizeof text - 1; n += got > 0 ? (size_t)got : 0) got = read(out, text + n, sizeof text - 1 - n);
    text[n] = 0;
    close(out);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return mb_fail(err, MB_ERR_IO, "bench: lost the program");
    *seconds = mb_now() - from;
    *eval_return = eval_of(text);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    return mb_fail(err, MB_ERR_IO, "bench: the program failed; its message is above");
}
