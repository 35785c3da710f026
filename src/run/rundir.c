/* The directory of a run: config.yaml, system.json, metrics.jsonl, checkpoints/, summary.json and a lock. */
#include "core/file.h"
#include "run/impl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, MANY = 10000 };

bool mb__run_path(char *out, size_t n, const char *dir, const char *name, mb_error *err)
{
    int need = snprintf(out, n, "%s/%s", dir, name);
    if (need > 0 && (size_t)need < n) return true;
    return mb_fail(err, MB_ERR_IO, "path too long: %.200s/%.60s", dir, name);
}

bool mb__quick_write(const char *path, const char *text, size_t n, mb_error *err)
{
    char temporary[PATH_BYTES + 8];
    snprintf(temporary, sizeof temporary, "%.1000s.tmp", path);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = fd >= 0 && write(fd, text, n) == (ssize_t)n;
    if (fd >= 0 && close(fd) != 0) ok = false;
    if (ok && rename(temporary, path) == 0) return true;
    mb__fail_system(err, "write", path, errno);
    unlink(temporary);
    return false;
}

static size_t kilobytes_after(const char *text, const char *key)
{
    const char *at = strstr(text, key);
    return at ? (size_t)strtoull(at + strlen(key), NULL, 10) * 1024 : 0;
}

/* VmHWM rather than getrusage: the latter inherits the peak of the program that started us. */
size_t mb__memory(size_t *peak)
{
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = 0;
    struct rusage u;
    *peak = kilobytes_after(text, "VmHWM:");
    if (*peak == 0 && getrusage(RUSAGE_SELF, &u) == 0) *peak = (size_t)u.ru_maxrss * 1024;
    return kilobytes_after(text, "VmRSS:");
}

/* ---- making one ---- */

/* The directory itself, or the nearest one above that is there already; NULL: the run has none. */
const char *mb__run_folder(const mb_settings *s, mb_arena *a, mb_error *err)
{
    if (s->dir && strcmp(s->dir, "none") == 0) return NULL;
    char *path = mb_strdup(a, s->dir && *s->dir ? s->dir : "runs", err);
    for (char *cut; path && access(path, W_OK) != 0; *cut = 0) {
        cut = strrchr(path, '/');
        if (!cut) return ".";
        if (cut == path) return "/";
    }
    return path;
}

/* runs/ALGO-ENV-SEED, then -2, -3 ... while the name is taken. */
static bool choose_dir(mb_trainer *t, char *out, mb_error *err)
{
    const mb_settings *s = t->settings;
    if (!mb_dir_make("runs", err)) return false;
    for (int i = 1; i < MANY; i++) {
        char tail[24] = "";
        if (i > 1) snprintf(tail, sizeof tail, "-%d", i);
        snprintf(out, PATH_BYTES, "runs/%.100s-%.100s-%lld%s", s->algo->name, s->env->name, (long long)s->run.seed, tail);
        for (char *c = out + 5; *c; c++)
            if (strchr("_/:?&=. ", *c)) *c = '-';
        if (mkdir(out, 0777) == 0) return true;
        if (errno != EEXIST) return mb__fail_system(err, "make directory", out, errno);
    }
    return mb_fail(err, MB_ERR_IO, "%s: %d runs of this name are enough; choose another with --run", out, MANY);
}

static bool keep_dir(mb_trainer *t, const char *dir, mb_error *err)
{
    mb_arena_seal(t->arena, false);
    t->dir = mb_strdup(t->arena, dir, err);
    mb_arena_seal(t->arena, true);
    return t->dir != NULL;
}

static bool lock_dir(mb_trainer *t, mb_error *err)
{
    char path[PATH_BYTES];
    if (!mb__run_path(path, sizeof path, t->dir, "lock", err)) return false;
    if (mb_file_lock(path, &t->lock, err)) return true;
    t->lock = -1;
    if (err->code == MB_ERR_BUSY) mb_note(err, "another process is working on the run %.150s", t->dir);
    return false;
}

static bool write_config(mb_trainer *t, mb_error *err)
{
    char path[PATH_BYTES];
    mb_str text;
    mb_str_init(&text, t->text, t->text_size);
    mb_settings_yaml(t->settings, &text, false);
    return mb__run_path(path, sizeof path, t->dir, "config.yaml", err) && mb__quick_write(path, text.s, text.n, err);
}

/* An environment that came from a file goes with the run, so that the run can be continued when the file has changed. */
static bool copy_env_file(mb_trainer *t, mb_error *err)
{
    char path[PATH_BYTES], *text;
    size_t n;
    if (!t->settings->env_file) return true;
    mb_arena_seal(t->arena, false);
    bool ok = mb__run_path(path, sizeof path, t->dir, mb__env_copy(t->settings), err) && mb_file_read(t->settings->env_file, t->arena, &text, &n, err) &&
              mb_file_write(path, text, n, err);
    mb_arena_seal(t->arena, true);
    return ok;
}

static bool open_file(const mb_trainer *t, const char *name, int flags, int *fd, mb_error *err)
{
    char path[PATH_BYTES];
    if (!mb__run_path(path, sizeof path, t->dir, name, err)) return false;
    *fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0666);
    return *fd >= 0 || mb__fail_system(err, "open", path, errno);
}

/* What the run writes line by line.  after: the step it continues behind; -1: it is new. */
static bool open_files(mb_trainer *t, int64_t after, mb_error *err)
{
    int flags = after < 0 ? O_TRUNC : 0;
    mb__request_take(t); /* what was asked of an earlier process */
    return open_file(t, "metrics.jsonl", flags, &t->metrics_fd, err) && open_file(t, "log.txt", flags, &t->log_fd, err) &&
           (!t->settings->run.tensorboard || mb__events_open(&t->events, t->dir, after, err));
}

bool mb__run_dir_create(mb_trainer *t, mb_error *err)
{
    char dir[PATH_BYTES], path[PATH_BYTES];
    if (t->settings->dir) {
        if (strlen(t->settings->dir) > PATH_BYTES - 64) return mb_fail(err, MB_ERR_USAGE, "option 'run': the path is too long");
        snprintf(dir, sizeof dir, "%s", t->settings->dir);
        if (!mb_dir_make(dir, err)) return mb_note(err, "while making the directory of the run");
    } else if (!choose_dir(t, dir, err)) {
        return false;
    }
    if (!keep_dir(t, dir, err) || !lock_dir(t, err) || !mb__run_path(path, sizeof path, dir, "config.yaml", err)) return false;
    if (access(path, F_OK) == 0) {
        mb_fail(err, MB_ERR_USAGE, "%s: already holds a run", dir);
        mb_note(err, "a new run needs a directory of its own");
        return mb_help(err, "matchbox resume %.70s", dir);
    }
    if (!mb__run_path(path, sizeof path, dir, "checkpoints", err) || !mb_dir_make(path, err)) return false;
    return copy_env_file(t, err) && write_config(t, err) && mb__system_json_write(t, err) && open_files(t, -1, err);
}

/* ---- continuing one ---- */

/* The step a line of metrics.jsonl begins with; -1: not such a line. */
static int64_t line_step(const char *line)
{
    static const char head[] = "{\"step\":";
    char *end;
    if (strncmp(line, head, sizeof head - 1) != 0) return -1;
    long long v = strtoll(line + sizeof head - 1, &end, 10);
    return end > line + sizeof head - 1 && (*end == ',' || *end == '}') ? v : -1;
}

/* Bytes of the leading whole lines whose step is at most `step`. */
static size_t lines_until(char *text, int64_t step)
{
    char *line = text, *end;
    while ((end = strchr(line, '\n'))) {
        int64_t at = line_step(line);
        if (at < 0 || at > step) break;
        line = end + 1;
    }
    return (size_t)(line - text);
}

static bool cut_metrics(mb_trainer *t, mb_error *err)
{
    char path[PATH_BYTES], *text;
    size_t n;
    if (!mb__run_path(path, sizeof path, t->dir, "metrics.jsonl", err)) return false;
    if (access(path, F_OK) != 0) return true;
    mb_arena_seal(t->arena, false);
    size_t mark = mb_arena_mark(t->arena);
    bool ok = mb_file_read(path, t->arena, &text, &n, err);
    if (ok && truncate(path, (off_t)lines_until(text, t->run.step)) != 0)
        ok = mb__fail_system(err, "cut", path, errno);
    mb_arena_release(t->arena, mark);
    mb_arena_seal(t->arena, true);
    return ok;
}

/* Instances that are stepped elsewhere are not in the checkpoint: what they were doing is lost. */
static bool begin_episodes(mb_trainer *t, mb_error *err)
{
    if (!t->settings->env->foreign) return true;
    mb_log_line(t->scope.log, MB_LOG_INFO, "%.100s cannot save its state: its episodes begin anew, and from here on the run differs "
                "from one that was never interrupted", t->settings->env->name);
    return mb_vec_reset(t->run.vec, err);
}

bool mb__run_dir_open(mb_trainer *t, const char *dir, mb_error *err)
{
    bool found;
    if (!keep_dir(t, dir, err) || !lock_dir(t, err) || !mb__checkpoint_load(t, dir, false, &found, err)) return false;
    if (!cut_metrics(t, err) || !mb__system_json_write(t, err) || !open_files(t, t->run.step, err)) return false;
    if (t->run.step >= t->run.total_steps)
        mb_log_line(t->scope.log, MB_LOG_INFO, "%s: was complete at step %lld; a greater --total-steps trains on", dir, (long long)t->run.step);
    else mb_log_line(t->scope.log, MB_LOG_INFO, "%s: continuing at step %lld of %lld%s", dir, (long long)t->run.step,
                (long long)t->run.total_steps, found ? "" : " (no checkpoint had been written yet)");
    return (found || mb__checkpoint_save(t, err)) && begin_episodes(t, err);
}

void mb__run_dir_close(mb_trainer *t)
{
    if (t->metrics_fd >= 0) close(t->metrics_fd);
    if (t->log_fd >= 0) close(t->log_fd);
    mb__events_close(&t->events);
    if (t->lock >= 0) mb_file_unlock(t->lock);
    t->metrics_fd = t->log_fd = t->lock = -1;
}
