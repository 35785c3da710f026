/* checkpoints/: the last two are kept, the newest valid one is where a run continues. */
#include "run/impl.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, KEPT = 2, LISTED = 64 };
static const char SUFFIX[] = ".ckpt";

/* The step in a name like 000000012345.ckpt; -1: another file. */
static int64_t name_step(const char *name)
{
    char *end;
    if (*name < '0' || *name > '9') return -1;
    errno = 0;
    long long step = strtoll(name, &end, 10);
    return errno == 0 && strcmp(end, SUFFIX) == 0 ? step : -1;
}

static void checkpoint_path(char *out, const char *dir, int64_t step)
{
    snprintf(out, PATH_BYTES, "%.900s/checkpoints/%012lld%s", dir, (long long)step, SUFFIX);
}

/* Steps of the checkpoints there, newest first: at most LISTED of them. */
static int list_checkpoints(const char *dir, int64_t *steps)
{
    char path[PATH_BYTES];
    int n = 0;
    snprintf(path, sizeof path, "%.900s/checkpoints", dir);
    DIR *d = opendir(path);
    if (!d) return 0;
    for (struct dirent *e; (e = readdir(d));) {
        int64_t step = name_step(e->d_name);
        if (step < 0) continue;
        if (n < LISTED) n++;
        else if (step <= steps[n - 1]) continue;
        int at = n - 1;
        for (; at > 0 && steps[at - 1] < step; at--) steps[at] = steps[at - 1];
        steps[at] = step;
    }
    closedir(d);
    return n;
}

/* Remove what is older than the two newest that are no newer than the present step; newer ones were refused or come from
   a future that this run has left. */
static void prune(mb_trainer *t)
{
    int64_t steps[LISTED];
    char path[PATH_BYTES];
    int n = list_checkpoints(t->dir, steps), kept = 0;
    for (int i = 0; i < n; i++) {
        if (steps[i] <= t->run.step && kept++ < KEPT) continue;
        checkpoint_path(path, t->dir, steps[i]);
        unlink(path);
    }
    mb_error why = { 0 };
    snprintf(path, sizeof path, "%.900s/checkpoints", t->dir);
    if (!mb_store_sweep(path, &why)) mb_log_line(t->scope.log, MB_LOG_WARN, "old parts of checkpoints stay: %s", why.what);
}

bool mb__checkpoint_save(mb_trainer *t, mb_error *err)
{
    char path[PATH_BYTES];
    if (!t->dir) return true;
    t->kept[0] = t->run.step;
    checkpoint_path(path, t->dir, t->run.step);
    if (!mb_store_save(t->scope.store, path, t->run.step, err)) {
        if (*t->checkpoint) mb_note(err, "the last good checkpoint is %.150s", t->checkpoint);
        else mb_note(err, "while writing the first checkpoint");
        return *t->checkpoint ? mb_help(err, "matchbox resume %.70s", t->dir) : false;
    }
    snprintf(t->checkpoint, PATH_BYTES, "%s", path);
    t->saved_step = t->run.step;
    t->saved_at = mb_now();
    prune(t);
    const mb_algo_def *algo = t->settings->algo;
    if (!algo->folder) return true;
    snprintf(path, sizeof path, "%.1000s/model", t->dir);
    return algo->folder(&t->run, t->self, t->settings->algo_options, path, err);
}

bool mb__checkpoint_failed_state(mb_trainer *t, char *path, size_t n, mb_error *err)
{
    t->kept[0] = t->run.step;
    snprintf(path, n, "%.900s/checkpoints/failed-%012lld%s", t->dir, (long long)t->run.step, SUFFIX);
    return mb_store_save(t->scope.store, path, t->run.step, err);
}

bool mb__checkpoint_load(mb_trainer *t, const char *dir, bool acting, bool *found, mb_error *err)
{
    int64_t steps[LISTED], step;
    char path[PATH_BYTES];
    int n = list_checkpoints(dir, steps);
    mb_error first = { 0 };
    *found = false;
    for (int i = 0; i < n; i++) {
        mb_error why = { 0 };
        checkpoint_path(path, dir, steps[i]);
        if ((acting ? mb_store_load_small : mb_store_load)(t->scope.store, path, &step, &why)) {
            t->run.step = t->start_step = t->saved_step = t->kept[0];
            snprintf(t->checkpoint, PATH_BYTES, "%s", path);
            *found = true;
            return true;
        }
        mb_log_line(t->scope.log, MB_LOG_WARN, "%s; trying the one before", why.what);
        if (first.code == MB_OK) first = why;
    }
    if (n == 0) return true;
    *err = first;
    mb_note(err, "none of the %d checkpoints of %.120s can be used", n, dir);
    return false;
}
