/* Child processes run side by side: started, watched, stopped, their last line of output read. */
#include "core/file.h"
#include "matchbox/jobs.h"
#include "run/impl.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_JOBS = 4096, OUT_BYTES = 1024, NOT_STARTED = 127, LONGEST_NAP = 20 /* milliseconds */ };
extern char **environ;

struct job {
    pid_t pid;        /* 0: free */
    int64_t tag, order;
    double started;
    bool stopped;     /* has been asked to end */
    char out[OUT_BYTES];
};
struct mb_jobs { mb_arena *arena; int max; int64_t started; struct job *job; /* [max] */ };

mb_jobs *mb_jobs_new(mb_arena *a, int max, mb_error *err)
{
    if (max < 1 || max > MAX_JOBS) {
        mb_fail(err, MB_ERR_RANGE, "jobs must lie in [1, %d], not %d", MAX_JOBS, max);
        return NULL;
    }
    mb_jobs *j = mb_alloc(a, 1, sizeof *j, err);
    if (!j || !(j->job = mb_alloc(a, (size_t)max, sizeof *j->job, err))) return NULL;
    j->arena = a;
    j->max = max;
    return j;
}

int mb_jobs_running(const mb_jobs *j)
{
    int n = 0;
    for (int i = 0; i < j->max; i++) n += j->job[i].pid != 0;
    return n;
}

bool mb_jobs_full(const mb_jobs *j) { return mb_jobs_running(j) == j->max; }

/* ---- starting ---- */

/* Whether two "NAME=value" name the same variable. */
static bool same_variable(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

/* Our environment with `more` added or in place of what is there. */
static const char **join_environment(mb_arena *a, const char *const *more, mb_error *err)
{
    size_t n = 0, k = 0, at = 0;
    while (environ[n]) n++;
    while (more && more[k]) k++;
    const char **out = mb_alloc(a, n + k + 1, sizeof *out, err);
    for (size_t i = 0; out && i < n; i++) {
        bool replaced = false;
        for (size_t m = 0; m < k; m++) replaced = replaced || same_variable(environ[i], more[m]);
        if (!replaced) out[at++] = environ[i];
    }
    for (size_t m = 0; out && m < k; m++) out[at++] = more[m];
    return out;
}

static int open_file(const char *path, int flags, mb_error *err)
{
    int fd = open(path ? path : "/dev/null", O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0666);
    if (fd < 0) mb__fail_system(err, "open", path, errno);
    return fd;
}

/* In the child, between fork and exec: nothing but what is safe there.  Its own process group, so that Ctrl-C reaches the
   watcher alone, which then asks every child once. */
static void become(const mb_job_spec *s, const char *const *env, const int fd[3], pid_t watcher)
{
    sigset_t none;
    sigemptyset(&none);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    bool ready = getppid() == watcher && dup2(fd[0], 0) >= 0 && dup2(fd[1], 1) >= 0 && dup2(fd[2], 2) >= 0;
    if (!ready || (s->dir && chdir(s->dir) != 0)) return;
    bool self = strcmp(s->argv[0], "matchbox") == 0;
    execvpe(self ? "/proc/self/exe" : s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)env);
}

static pid_t spawn(const mb_job_spec *s, const char *const *env, mb_error *err)
{
    int fd[3] = { -1, -1, -1 };
    pid_t pid = -1, watcher = getpid();
    fd[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    fd[1] = open_file(s->out, O_TRUNC, err);
    if (fd[1] >= 0) fd[2] = open_file(s->log, O_APPEND, err);
    if (fd[2] >= 0) {
        pid = fork();
        if (pid == 0) {
            become(s, env, fd, watcher);
            _exit(NOT_STARTED);
        }
        if (pid < 0) mb__fail_system(err, "start", s->argv[0], errno);
    }
    for (int i = 0; i < 3; i++)
        if (fd[i] >= 0) close(fd[i]);
    return pid;
}

bool mb_jobs_start(mb_jobs *j, const mb_job_spec *spec, mb_error *err)
{
    struct job *job = NULL;
    for (int i = j->max - 1; i >= 0; i--)
        if (!j->job[i].pid) job = &j->job[i];
    if (!job) return mb_fail(err, MB_ERR_USAGE, "jobs: %d are running already, wait for one to end", j->max);
    if (spec->out && strlen(spec->out) >= OUT_BYTES) return mb_fail(err, MB_ERR_IO, "path too long: %.200s", spec->out);
    size_t mark = mb_arena_mark(j->arena);
    const char **env = join_environment(j->arena, spec->env, err);
    pid_t pid = env ? spawn(spec, env, err) : -1;
    mb_arena_release(j->arena, mark);
    if (pid < 0) return false;
    *job = (struct job){ .pid = pid, .tag = spec->tag, .order = j->started++, .started = mb_now() };
    snprintf(job->out, sizeof job->out, "%s", spec->out ? spec->out : "");
    return true;
}

/* ---- watching ---- */

/* The last line of the file, when it fits. */
static void last_line(const char *path, char *out, size_t n)
{
    struct stat st;
    *out = 0;
    int fd = *path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    off_t from = fstat(fd, &st) == 0 && st.st_size > (off_t)n - 1 ? st.st_size - (off_t)n + 1 : 0;
    ssize_t got = pread(fd, out, n - 1, from);
    close(fd);
    out[got > 0 ? got : 0] = 0;
    size_t end = strlen(out);
    while (end > 0 && (out[end - 1] == '\n' || out[end - 1] == '\r')) out[--end] = 0;
    char *line = strrchr(out, '\n');
    if (line) memmove(out, line + 1, strlen(line));
    else if (from > 0) *out = 0;
}

/* The ended child that was started first. */
static bool collect(mb_jobs *j, mb_job_end *end)
{
    struct job *first = NULL;
    int status = 0;
    for (int i = 0; i < j->max; i++) {
        siginfo_t info = { 0 };
        struct job *job = &j->job[i];
        if (!job->pid || (first && first->order < job->order)) continue;
        if (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == job->pid) first = job;
    }
    if (!first || waitpid(first->pid, &status, 0) != first->pid) return false;
    end->tag = first->tag;
    end->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    end->seconds = mb_now() - first->started;
    last_line(first->out, end->last, sizeof end->last);
    first->pid = 0;
    return true;
}

bool mb_jobs_wait(mb_jobs *j, double seconds, mb_job_end *end)
{
    double until = mb_now() + seconds;
    for (int nap = 1;; nap = nap < LONGEST_NAP ? nap + 1 : nap) {
        if (collect(j, end)) return true;
        double left = until - mb_now();
        if (left <= 0 || mb_jobs_running(j) == 0) return false;
        int milliseconds = left * 1000 < nap ? (int)(left * 1000) + 1 : nap;
        if (poll(NULL, 0, milliseconds) < 0) return collect(j, end);
    }
}

void mb_jobs_stop(mb_jobs *j)
{
    for (int i = 0; i < j->max; i++) {
        if (!j->job[i].pid || j->job[i].stopped) continue;
        kill(j->job[i].pid, SIGTERM);
        j->job[i].stopped = true;
    }
}

void mb_jobs_free(mb_jobs *j)
{
    for (int i = 0; j && i < j->max; i++) {
        if (!j->job[i].pid) continue;
        kill(j->job[i].pid, SIGKILL);
        while (waitpid(j->job[i].pid, NULL, 0) < 0 && errno == EINTR) continue;
        j->job[i].pid = 0;
    }
}

bool mb_lock_wait(const char *path, double seconds, mb_error *err)
{
    double until = mb_now() + seconds;
    for (;;) {
        int fd;
        mb_error why = { 0 };
        if (access(path, F_OK) != 0) return true;
        if (mb_file_lock(path, &fd, &why)) {
            mb_file_unlock(fd);
            return true;
        }
        if (why.code != MB_ERR_BUSY || mb_now() >= until) {
            *err = why;
            return false;
        }
        poll(NULL, 0, LONGEST_NAP);
    }
}
