/* foreign_process.c - workers that are processes.  A worker is started with a socket on descriptor 3 and its block's memory
   on 4; a command is one byte, its answer one byte (foreign.h).  A worker whose socket closes without an answer is lost. */
#include "core/file.h"
#include "matchbox/foreign.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
enum { CHANNEL = 3, MEMORY = 4, ARGS = 16, WORKERS = 1024, POLITE_MS = 2000 };
static const double spin_seconds = 50e-6;

/* Start a program with `channel` on descriptor 3, `memory` (or -1) on 4, and standard output on standard error. */
static bool start(const char *const *args, const char *last, int channel, int memory, pid_t *pid, mb_error *err)
{
    const char *argv[ARGS + 2];
    int n = 0;
    for (; args[n] && n < ARGS; n++) argv[n] = args[n];
    argv[n] = last;
    argv[n + (last != NULL)] = NULL;
    /* out of the way of the descriptors they will become */
    int high = fcntl(channel, F_DUPFD_CLOEXEC, 16), block = memory < 0 ? -1 : fcntl(memory, F_DUPFD_CLOEXEC, 16);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, high, CHANNEL);
    if (block >= 0) posix_spawn_file_actions_adddup2(&files, block, MEMORY);
    int rc = high < 0 ? errno : posix_spawnp(pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&files);
    if (high >= 0) close(high);
    if (block >= 0) close(block);
    if (rc == 0) return true;
    mb_fail(err, MB_ERR_UNSUPPORTED, "the program '%.200s' cannot be started", argv[0]);
    return mb_note(err, "environments of Python need python3 in PATH, or MATCHBOX_PYTHON set to it");
}

static int reap(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return -1;
    return status;
}

int mb_process_ask(const char *const *args, char *out, size_t n, mb_error *err)
{
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0) return mb__fail_system(err, "make", "a pipe", errno), -1;
    bool ok = start(args, NULL, ends[1], -1, &pid, err);
    close(ends[1]);
    size_t have = 0;
    char rest[256];
    for (ssize_t got = 1; ok && got != 0;) {
        bool full = have + 1 >= n;
        got = read(ends[0], full ? rest : out + have, full ? sizeof rest : n - 1 - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) break;
        if (!full) have += (size_t)got;
    }
    out[have] = 0;
    close(ends[0]);
    if (!ok) return -1;
    int status = reap(pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool mb_process_open(void *self, const void *options, mb_block *b, mb_error *err)
{
    const mb_process *p = self;
    int ends[2];
    pid_t pid;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return mb__fail_system(err, "make", "a socket", errno);
    bool ok = start(p->args, b->layout, ends[1], b->fd, &pid, err);
    close(ends[1]);
    if (!ok) {
        close(ends[0]);
        return false;
    }
    b->channel = ends[0];
    b->pid = (int)pid;
    return true;
}

/* A closed socket is no error here: receive finds the worker lost. */
bool mb_process_send(void *self, mb_block *b, mb_command command, mb_error *err)
{
    char byte = (char)command;
    while (send(b->channel, &byte, 1, MSG_NOSIGNAL) < 0 && errno == EINTR) {}
    return true;
}

/* What happened to a worker whose socket has closed, as text in its block. */
static void tell_loss(mb_block *b)
{
    mb_str s;
    mb_str_init(&s, b->base + b->text, MB_BLOCK_TEXT);
    int status = b->pid > 0 ? reap(b->pid) : -1;
    if (status >= 0 && WIFSIGNALED(status)) mb_str_add(&s, "was ended by signal %d (%s)", WTERMSIG(status), sigdescr_np(WTERMSIG(status)));
    else mb_str_add(&s, "ended with status %d", status >= 0 ? WEXITSTATUS(status) : -1);
    b->pid = -1;
}

/* Answers are worth a short wait in place when a core is to spare for it. */
static bool may_spin(const mb_block *b)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > b->nworkers;
}

int mb_process_receive(void *self, mb_block *const *b, int n, mb_reply *reply, mb_error *err)
{
    struct pollfd fds[WORKERS];
    if (n > WORKERS) return mb_fail(err, MB_ERR_RANGE, "%d workers; at most %d", n, WORKERS), -1;
    for (int i = 0; i < n; i++) fds[i] = (struct pollfd){ .fd = b[i]->channel, .events = POLLIN };
    int ready = 0;
    if (may_spin(b[0])) {
        double end = mb_now() + spin_seconds;
        while ((ready = poll(fds, (nfds_t)n, 0)) == 0 && mb_now() < end) {}
    }
    while (ready <= 0) {
        ready = poll(fds, (nfds_t)n, -1);
        if (ready < 0 && errno != EINTR) return mb__fail_system(err, "wait for", "a worker", errno), -1;
    }
    for (int i = 0; i < n; i++) {
        char byte;
        if (!fds[i].revents) continue;
        if (recv(b[i]->channel, &byte, 1, 0) == 1 && (byte == MB_REPLY_DONE || byte == MB_REPLY_FAILED)) {
            *reply = (mb_reply)byte;
        } else {
            tell_loss(b[i]);
            *reply = MB_REPLY_LOST;
        }
        return i;
    }
    return mb_fail(err, MB_ERR_IO, "a worker answered and is not there"), -1;
}

/* The worker ends by itself when its socket closes; one that is deep in a step of its own is ended after two seconds. */
void mb_process_close(void *self, mb_block *b)
{
    if (b->channel >= 0) close(b->channel);
    b->channel = -1;
    if (b->pid <= 0) return;
    int status;
    double end = mb_now() + POLITE_MS * 1e-3;
    pid_t gone;
    while ((gone = waitpid(b->pid, &status, WNOHANG)) == 0 && mb_now() < end) poll(NULL, 0, 1);
    if (gone == 0) {
        kill(b->pid, SIGKILL);
        reap(b->pid);
    }
    b->pid = -1;
}
