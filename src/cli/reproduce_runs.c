/* The runs of experiments: planned once each, made side by side by child processes, never made again. */
#include "cli/reproduce.h"
#include "matchbox/jobs.h"
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, LINE_MAX_BYTES = 1 << 20, JSON_BYTES = 1 << 16 };

static bool path_in(const struct work *w, const char *name, char *out, mb_error *err)
{
    int need = snprintf(out, PATH_BYTES, "%s/%s", w->dir, name);
    return (need > 0 && need < PATH_BYTES) || mb_fail(err, MB_ERR_IO, "path too long: %.200s/%.40s", w->dir, name);
}

/* ---- what is done ---- */

static double seconds_between(const char *first, const char *second)
{
    struct stat a, b;
    if (stat(first, &a) != 0 || stat(second, &b) != 0) return 0;
    double d = (double)(b.st_mtim.tv_sec - a.st_mtim.tv_sec) + 1e-9 * (double)(b.st_mtim.tv_nsec - a.st_mtim.tv_nsec);
    return d > 0 ? d : 0;
}

/* A JSON object on the last line, with its line end, of a run that was not stopped on the way. */
static char *result_line(char *text, size_t n)
{
    if (n < 3 || text[n - 1] != '\n' || text[n - 2] != '}' || memchr(text, 0, n)) return NULL;
    text[n - 1] = 0;
    char *line = strrchr(text, '\n');
    line = line ? line + 1 : text;
    return *line == '{' && !strstr(line, "\"interrupted\":true") ? line : NULL;
}

bool work_collect(struct work *w, mb_arena *a)
{
    char out[PATH_BYTES], job[PATH_BYTES], *text;
    size_t n;
    mb_error quiet = { 0 };
    mb_yaml y;
    if (!path_in(w, "out", out, &quiet) || !path_in(w, "job.json", job, &quiet)) return false;
    if (access(out, R_OK) != 0 || !mb_file_read(out, a, &text, &n, &quiet) || n > LINE_MAX_BYTES) return false;
    if (!(w->json = result_line(text, n))) return false;
    w->seconds = seconds_between(job, out);
    const char *seconds = strstr(w->json, "\"seconds\":");
    if (seconds) w->seconds = strtod(seconds + 10, NULL);
    w->commit = NULL;
    if (mb_yaml_read(job, a, &y, &quiet) && mb_yaml_get(&y, "commit")) w->commit = mb_strdup(a, mb_yaml_get(&y, "commit"), &quiet);
    w->state = RUN_DONE;
    return true;
}

/* ---- the plan ---- */

static int find_or_add(struct reproduction *r, const char *name, int experiment, int arm, int64_t seed)
{
    int i = 0;
    while (i < r->nwork && strcmp(r->work[i].name, name) != 0) i++;
    if (i < r->nwork) return i;
    struct work *w = &r->work[r->nwork++];
    *w = (struct work){ .experiment = experiment, .arm = arm, .seed = seed, .lock = -1 };
    snprintf(w->name, sizeof w->name, "%s", name);
    return i;
}

static bool add_experiment(struct reproduction *r, int x, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    char name[sizeof r->work->name];
    r->index[x] = mb_alloc(r->arena, (size_t)e->narms * (size_t)e->nseeds, sizeof **r->index, err);
    if (!r->index[x]) return false;
    for (int s = 0; s < e->nseeds; s++) /* seed by seed, so that what is cut short is still balanced */
        for (int arm = 0; arm < e->narms; arm++) {
            if (!mb_experiment_run_name(e, arm, e->seeds[s], name, sizeof name, err)) return false;
            r->index[x][arm * e->nseeds + s] = find_or_add(r, name, x, arm, e->seeds[s]);
        }
    return true;
}

bool reproduction_plan(struct reproduction *r, mb_error *err)
{
    size_t most = 0;
    for (int x = 0; x < r->nexperiments; x++) most += (size_t)r->experiment[x].narms * (size_t)r->experiment[x].nseeds;
    r->work = mb_alloc(r->arena, most, sizeof *r->work, err);
    r->index = mb_alloc(r->arena, (size_t)r->nexperiments, sizeof *r->index, err);
    if (!r->work || !r->index) return false;
    for (int x = 0; x < r->nexperiments; x++)
        if (!add_experiment(r, x, err)) return false;
    for (int i = 0; i < r->nwork; i++) {
        char dir[PATH_BYTES];
        snprintf(dir, sizeof dir, "%.760s/runs/%s", r->results, r->work[i].name);
        if (!(r->work[i].dir = mb_strdup(r->arena, dir, err))) return false;
        work_collect(&r->work[i], r->arena);
    }
    return true;
}

const struct work *reproduction_work(const struct reproduction *r, int experiment, int arm, int seed)
{
    return &r->work[r->index[experiment][arm * r->experiment[experiment].nseeds + seed]];
}

/* ---- starting one ---- */

static bool write_job(const struct reproduction *r, const struct work *w, mb_error *err)
{
    char path[PATH_BYTES], *memory = mb_alloc(r->arena, 1, JSON_BYTES, err);
    const mb_arm *arm = &r->experiment[w->experiment].arm[w->arm];
    mb_str out, command;
    if (!memory || !path_in(w, "job.json", path, err)) return false;
    mb_str_init(&command, memory, JSON_BYTES / 2);
    mb_experiment_command(arm, &command);
    mb_str_init(&out, memory + JSON_BYTES / 2, JSON_BYTES / 2);
    mb_str_add(&out, "{\n  \"command\": ");
    mb_str_json(&out, command.s);
    mb_str_add(&out, ",\n  \"seed\": %lld,\n", (long long)w->seed);
    mb_system_facts(&out);
    mb_str_add(&out, "\n}\n");
    if (command.full || out.full) return mb_fail(err, MB_ERR_MEMORY, "arm '%s': its command is too long to be noted", arm->name);
    return mb_file_write(path, out.s, out.n, err);
}

static bool program_of(const struct reproduction *r, const struct work *w, const char **argv, mb_error *err)
{
    char path[PATH_BYTES];
    const mb_arm *arm = &r->experiment[w->experiment].arm[w->arm];
    if (!argv[0]) {
        argv[0] = "matchbox";
        return true;
    }
    if (mb_find_data(argv[0], path, sizeof path) && access(path, X_OK) == 0) {
        char *full = realpath(path, NULL);
        argv[0] = mb_strdup(r->arena, full ? full : path, err);
        free(full);
        return argv[0] != NULL;
    }
    mb_fail(err, MB_ERR_USAGE, "arm '%s': there is no program '%.200s'", arm->name, argv[0]);
    mb_note(err, "%.150s, line %d", r->experiment[w->experiment].path, arm->line);
    return mb_help(err, "make rows");
}

/* Hold the folder, or leave the run to whoever holds it (*busy). */
static bool take(struct work *w, bool *busy, mb_error *err)
{
    char path[PATH_BYTES];
    mb_error why = { 0 };
    *busy = false;
    if (!mb_dir_make(w->dir, err) || !path_in(w, "lock", path, err)) return false;
    if (mb_file_lock(path, &w->lock, &why)) return true;
    w->lock = -1;
    *busy = why.code == MB_ERR_BUSY;
    if (!*busy) *err = why;
    return *busy;
}

static void leave(struct work *w)
{
    mb_file_unlock(w->lock);
    w->lock = -1;
}

static bool start(struct reproduction *r, mb_jobs *jobs, int i, mb_error *err)
{
    struct work *w = &r->work[i];
    char run[PATH_BYTES], lock[PATH_BYTES], config[PATH_BYTES], out[PATH_BYTES], log[PATH_BYTES], job[PATH_BYTES];
    if (!path_in(w, "run", run, err) || !path_in(w, "run/lock", lock, err) || !path_in(w, "run/config.yaml", config, err) ||
        !path_in(w, "out", out, err) || !path_in(w, "log", log, err) || !path_in(w, "job.json", job, err))
        return false;
    /* a child of a driver that was killed may be at its last checkpoint, or at its end */
    if (!mb_lock_wait(lock, 60, err)) return false;
    if (work_collect(w, r->arena)) {
        leave(w);
        return true;
    }
    bool resume = access(config, F_OK) == 0;
    if (!(resume && access(job, F_OK) == 0) && !write_job(r, w, err)) return false;
    const char *const *words = mb_experiment_args(&r->experiment[w->experiment], w->arm, w->seed, run, resume, r->arena, err);
    const char **argv = (const char **)(uintptr_t)words;
    if (!argv || !program_of(r, w, argv, err)) return false;
    mb_job_spec spec = { .argv = argv, .out = out, .log = log, .tag = i };
    if (!mb_jobs_start(jobs, &spec, err)) return false;
    w->state = RUN_STARTED;
    return true;
}

/* ---- what the user sees ---- */

struct view { bool terminal; double begun, told; int made; double spent; };

static double mean_seconds(const struct reproduction *r, const struct work *of)
{
    double sum = 0, all = 0;
    int n = 0, nall = 0;
    for (int i = 0; i < r->nwork; i++) {
        const struct work *w = &r->work[i];
        if (w->state != RUN_DONE) continue;
        all += w->seconds;
        nall++;
        if (w->experiment != of->experiment || w->arm != of->arm) continue;
        sum += w->seconds;
        n++;
    }
    return n ? sum / n : nall ? all / nall : -1;
}

static void count(const struct reproduction *r, int n[4], double *left)
{
    n[0] = n[1] = n[2] = n[3] = 0;
    *left = 0;
    for (int i = 0; i < r->nwork; i++) {
        int state = r->work[i].state;
        n[state]++;
        if (state > RUN_STARTED || *left < 0) continue;
        double mean = mean_seconds(r, &r->work[i]);
        *left = mean < 0 ? -1 : *left + (state == RUN_STARTED ? mean / 2 : mean) / r->jobs;
    }
}

static void show(struct view *v, const struct reproduction *r, bool last)
{
    int n[4];
    double left, now = mb_now();
    if (!v->terminal || (!last && now - v->told < 0.2)) return;
    v->told = now;
    count(r, n, &left);
    fprintf(stderr, "\r\033[K");
    if (last) return;
    fprintf(stderr, "  %d of %d runs done, %d running", n[RUN_DONE], r->nwork, n[RUN_STARTED]);
    if (n[RUN_FAILED]) fprintf(stderr, ", %d failed", n[RUN_FAILED]);
    if (left >= 0) fprintf(stderr, ", about %d:%02d left", (int)left / 60, (int)left % 60);
    fflush(stderr);
}

static void tell_end(struct view *v, const struct reproduction *r, const struct work *w)
{
    int n[4];
    double left;
    if (v->terminal) return;
    count(r, n, &left);
    fprintf(stderr, "%d of %d runs done: %s, seed %lld (%.1f s)\n", n[RUN_DONE], r->nwork, r->experiment[w->experiment].arm[w->arm].name,
            (long long)w->seed, w->seconds);
}

static void report_failure(struct view *v, const struct reproduction *r, const struct work *w, int status)
{
    char log[PATH_BYTES], *text;
    size_t n;
    mb_error quiet = { 0 };
    const mb_experiment *e = &r->experiment[w->experiment];
    if (v->terminal) fprintf(stderr, "\r\033[K");
    snprintf(log, sizeof log, "%.1000s/log", w->dir);
    fprintf(stderr, "failed: %s, arm '%s', seed %lld: status %d; its log: %s\n", e->id, e->arm[w->arm].name, (long long)w->seed, status, log);
    size_t mark = mb_arena_mark(r->arena);
    if (mb_file_read(log, r->arena, &text, &n, &quiet) && n > 0) {
        int lines = 0;
        char *at = text + n - (text[n - 1] == '\n');
        while (at > text && (at[-1] != '\n' || ++lines < 5)) at--;
        for (char *line = at; *line;) {
            int width = (int)strcspn(line, "\n");
            fprintf(stderr, "  | %.*s\n", width, line);
            line += width + (line[width] == '\n');
        }
    }
    mb_arena_release(r->arena, mark);
}

/* ---- all of them ---- */

static void finish(struct reproduction *r, struct view *v, const mb_job_end *end, bool stopping)
{
    struct work *w = &r->work[end->tag];
    char out[PATH_BYTES], bad[PATH_BYTES];
    w->state = RUN_PENDING;
    if (end->status == 0 && work_collect(w, r->arena)) {
        tell_end(v, r, w);
    } else if (!stopping) {
        w->state = RUN_FAILED;
        r->failed++;
        snprintf(out, sizeof out, "%.1000s/out", w->dir);
        snprintf(bad, sizeof bad, "%.1000s/out.failed", w->dir);
        rename(out, bad);
        report_failure(v, r, w, end->status);
    }
    leave(w);
}

static bool over_the_cap(const struct reproduction *r, int experiment, mb_error *err)
{
    const mb_experiment *e = &r->experiment[experiment];
    double spent = 0;
    if (r->quick || !(e->cap_minutes > 0)) return false;
    for (int k = 0; k < e->narms * e->nseeds; k++) {
        const struct work *w = &r->work[r->index[experiment][k]];
        if (w->state == RUN_DONE) spent += w->seconds;
    }
    if (spent <= 60 * e->cap_minutes) return false;
    mb_fail(err, MB_ERR_USAGE, "%s: its runs have taken %.1f minutes, and 'cap-minutes' is %g", e->id, spent / 60, e->cap_minutes);
    mb_note(err, "what is done stays; raise the cap in %.150s to go on", e->path);
    return true;
}

/* Start what can be started.  *waiting: a run is in other hands. */
static bool fill(struct reproduction *r, mb_jobs *jobs, struct view *v, bool *waiting, mb_error *err)
{
    *waiting = false;
    for (int i = 0; i < r->nwork && !mb_jobs_full(jobs); i++) {
        struct work *w = &r->work[i];
        bool busy;
        if (w->state != RUN_PENDING) continue;
        if (over_the_cap(r, w->experiment, err) || !take(w, &busy, err)) return false;
        *waiting = *waiting || busy;
        if (busy) continue;
        if (!start(r, jobs, i, err)) return false;
        show(v, r, false);
    }
    return true;
}

static void stop_all(struct reproduction *r, mb_jobs *jobs, struct view *v)
{
    mb_job_end end;
    while (mb_jobs_running(jobs) > 0) {
        mb_jobs_stop(jobs);
        if (mb_jobs_wait(jobs, 1, &end)) finish(r, v, &end, true);
    }
}

bool reproduction_run(struct reproduction *r, mb_error *err)
{
    struct view v = { .terminal = term_is_tty(stderr), .begun = mb_now() };
    mb_jobs *jobs = mb_jobs_new(r->arena, r->jobs, err);
    volatile const int *stop = cli_stop_flag();
    bool waiting = false, ok = jobs != NULL;
    mb_job_end end;
    while (ok && !*stop) {
        ok = fill(r, jobs, &v, &waiting, err);
        if (!ok || (mb_jobs_running(jobs) == 0 && !waiting)) break;
        if (mb_jobs_wait(jobs, 0.2, &end)) finish(r, &v, &end, false);
        else if (mb_jobs_running(jobs) == 0) usleep(100000);
        show(&v, r, false);
    }
    if (jobs) stop_all(r, jobs, &v);
    show(&v, r, true);
    mb_jobs_free(jobs);
    if (!ok || !*stop) return ok;
    int n[4];
    double left;
    count(r, n, &left);
    mb_fail(err, MB_ERR_INTERRUPTED, "stopped: %d of %d runs are done, and nothing of them is lost", n[RUN_DONE], r->nwork);
    return mb_note(err, "the same command goes on from here");
}
