/* A sweep: what is to be done next follows from what is recorded alone, so that a sweep that was cut off anywhere goes on as
   if nothing had been. */
#include "rl/tune.h"
#include "run/sweep.h"
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HOPELESS = 5, CANONICAL_BYTES = 128 * 1024 };

/* ---- trials ---- */

struct trial *mb__trial_new(mb_sweep *s, mb_error *err)
{
    if (s->ntrials == s->room) {
        mb_fail(err, MB_ERR_RANGE, "sweep: more than %d trials", s->room);
        return NULL;
    }
    struct trial *t = &s->trial[s->ntrials];
    size_t cells = (size_t)s->spec.nrungs * (size_t)s->spec.nseeds;
    *t = (struct trial){ .view = { .id = s->ntrials + 1, .origin = "random", .rung = -1, .value = (double)NAN, .first = (double)NAN } };
    t->unit = mb_alloc(s->arena, (size_t)s->spec.ndims, sizeof *t->unit, err);
    t->text = mb_alloc(s->arena, (size_t)s->spec.ndims, sizeof *t->text, err);
    t->value = mb_alloc(s->arena, cells, sizeof *t->value, err);
    t->have = mb_alloc(s->arena, cells, sizeof *t->have, err);
    t->at_work = mb_alloc(s->arena, (size_t)s->spec.nseeds, sizeof *t->at_work, err);
    t->attempts = mb_alloc(s->arena, (size_t)s->spec.nseeds, sizeof *t->attempts, err);
    for (int d = 0; t->text && d < s->spec.ndims; d++) t->text[d] = "";
    return t->unit && t->text && t->value && t->have && t->at_work && t->attempts ? t : NULL;
}

bool mb__trial_texts(mb_sweep *s, struct trial *t, mb_error *err)
{
    int algo = mb__space_algo(&s->spec, t->unit);
    for (int d = 0; d < s->spec.ndims; d++) {
        char text[256];
        int of = s->spec.dim[d].algo < 0 ? algo : s->spec.dim[d].algo;
        bool unchanged = strcmp(t->view.origin, "default") == 0 && mb_settings_get(s->spec.base[of], s->spec.dim[d].key, text, sizeof text);
        if (!unchanged) mb__space_text(&s->spec, d, of, t->unit[d], text, sizeof text);
        if (!(t->text[d] = mb_strdup(s->arena, text, err))) return false;
    }
    return true;
}

void mb__trial_update(mb_sweep *s, struct trial *t)
{
    mb_sweep_trial *v = &t->view;
    v->unit = t->unit;
    v->text = (const char *const *)t->text;
    v->why = t->why;
    v->rung = -1;
    v->first = mb__trial_value(s, t, t->first);
    for (int r = t->first; r <= t->target; r++) {
        double mean = mb__trial_value(s, t, r);
        if (mean != mean) continue;
        v->rung = r;
        v->value = mean;
    }
    v->waiting = !v->failed && v->rung < t->target;
}

int64_t mb__trial_seed(const mb_sweep *s, const struct trial *t, int i)
{
    if (s->spec.o.method != BY_PBT) return s->spec.seed[i];
    while (t->view.parent > 0) t = &s->trial[t->view.parent - 1]; /* a copy goes on with the streams of what it copied */
    return s->spec.seed[t->member % s->spec.nnamed];
}

bool mb__trial_dir(const mb_sweep *s, int id, const char *tail, char *out, mb_error *err)
{
    snprintf(out, SWEEP_PATH, "%.500s/trial-%04d", s->dir, id);
    if (!mb_dir_make(out, err)) return false;
    snprintf(out, SWEEP_PATH, "%.500s/trial-%04d/%s", s->dir, id, tail);
    return true;
}

/* ---- opening ---- */

static int cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

/* The first line in which two texts differ, of each. */
static void first_difference(const char *a, const char *b, char *x, char *y, size_t n)
{
    size_t at = 0, line = 0;
    for (; a[at] && a[at] == b[at]; at++)
        if (a[at] == '\n') line = at + 1;
    snprintf(x, n, "%.*s", (int)strcspn(a + line, "\n"), a + line);
    snprintf(y, n, "%.*s", (int)strcspn(b + line, "\n"), b + line);
}

/* What the directory was begun with must be what the file asks for now. */
static bool same_work(mb_sweep *s, bool look, mb_error *err)
{
    bool found;
    char mine[160], theirs[160];
    char *now = mb_alloc(s->arena, 2, CANONICAL_BYTES, err), *then = now ? now + CANONICAL_BYTES : NULL;
    mb_str text;
    if (!now) return false;
    mb_str_init(&text, now, CANONICAL_BYTES);
    mb__spec_canonical(&s->spec, &text);
    if (!mb__sweep_db_meta(s->db, "sweep", then, CANONICAL_BYTES, &found, err)) return false;
    if (!found) return look || mb__sweep_db_meta_set(s->db, "sweep", now, err);
    if (strcmp(now, then) == 0) return true;
    first_difference(now, then, mine, theirs, sizeof mine);
    mb_fail(err, MB_ERR_USAGE, "%.200s: was begun with other settings than %.100s has now", s->dir, s->spec.file);
    mb_note(err, "then: %s", theirs);
    mb_note(err, "now:  %s", mine);
    return mb_help(err, "another directory (--dir), or remove this one");
}

static int planned_trials(const mb_sweep *s)
{
    if (s->spec.o.method == BY_GRID) return mb__space_grid_size(&s->spec);
    return s->spec.o.method == BY_PBT ? s->spec.o.population : s->spec.o.trials;
}

static int64_t task_steps(const mb_sweep *s, int algo, int rung)
{
    if (s->spec.nrungs == 1) return mb__spec_total(&s->spec, algo);
    return s->spec.rung[rung] - (rung > 0 ? s->spec.rung[rung - 1] : 0);
}

static bool load(mb_sweep *s, bool look, mb_error *err)
{
    char path[SWEEP_PATH];
    snprintf(path, sizeof path, "%s/sweep.db", s->dir);
    s->room = s->spec.o.method == BY_PBT ? s->spec.o.population * s->spec.nrungs : planned_trials(s);
    if (s->room < 10000) s->room = 10000;
    if (s->room > 1000000 - 1) return mb_fail(err, MB_ERR_RANGE, "sweep: the grid has a million points or more");
    s->trial = mb_alloc(s->arena, (size_t)s->room, sizeof *s->trial, err);
    s->views = mb_alloc(s->arena, (size_t)s->room, sizeof *s->views, err);
    if (!s->trial || !s->views || !(s->db = mb__sweep_db_open(s->arena, path, look, err))) return false;
    if (!same_work(s, look, err) || !mb__sweep_db_load(s->db, s, err)) return mb_note(err, "in %.150s", path);
    for (int i = 0; i < s->ntrials; i++) {
        struct trial *t = &s->trial[i];
        mb__trial_update(s, t);
        for (int r = t->first; r <= t->target; r++) s->planned_steps += s->spec.nseeds * task_steps(s, mb__space_algo(&s->spec, t->unit), r);
    }
    return true;
}

static mb_sweep *open_sweep(const char *file, const char *dir, int trials, int jobs, bool look, mb_error *err)
{
    char path[SWEEP_PATH];
    mb_arena *a = mb_arena_new((size_t)1 << 34, err);
    mb_sweep *s = a ? mb_alloc(a, 1, sizeof *s, err) : NULL;
    if (!s) {
        mb_arena_free(a);
        return NULL;
    }
    s->arena = a;
    s->lock = -1;
    bool ok = mb__spec_read(a, file, &s->spec, err);
    if (ok && trials > 0) s->spec.o.trials = trials;
    s->njobs = jobs > 0 ? jobs : s->spec.o.jobs > 0 ? s->spec.o.jobs : cores();
    if (ok && dir) ok = strlen(dir) < sizeof s->dir || mb_fail(err, MB_ERR_IO, "path too long: %.200s", dir);
    if (ok) snprintf(s->dir, sizeof s->dir, "%s%.400s", dir ? "" : "sweeps/", dir ? dir : s->spec.name);
    snprintf(path, sizeof path, "%s/lock", s->dir);
    if (ok && !look) ok = mb_dir_make(s->dir, err);
    if (ok && !look && !mb_file_lock(path, &s->lock, err)) {
        s->lock = -1;
        ok = err->code == MB_ERR_BUSY ? mb_note(err, "another process is working on the sweep %.150s", s->dir) : false;
    }
    if (ok && load(s, look, err)) return s;
    mb_sweep_free(s);
    return NULL;
}

mb_sweep *mb_sweep_open(const char *file, const char *dir, int trials, int jobs, mb_error *err)
{
    return open_sweep(file, dir, trials, jobs, false, err);
}

mb_sweep *mb_sweep_look(const char *file, const char *dir, mb_error *err) { return open_sweep(file, dir, 0, 0, true, err); }

void mb_sweep_free(mb_sweep *s)
{
    if (!s) return;
    mb_jobs_free(s->jobs);
    mb__sweep_db_close(s->db);
    if (s->lock >= 0) mb_file_unlock(s->lock);
    mb_arena_free(s->arena);
}

/* ---- what is to be done ---- */

/* A run that a trial waits for and nobody has started. */
static bool open_task(const mb_sweep *s, struct task *out)
{
    for (int i = 0; i < s->ntrials; i++) {
        const struct trial *t = &s->trial[i];
        for (int k = 0; t->view.waiting && k < s->spec.nseeds; k++) {
            if (t->at_work[k] || t->have[t->target * s->spec.nseeds + k]) continue;
            *out = (struct task){ i, k, t->target };
            return true;
        }
    }
    return false;
}

static bool affordable(const mb_sweep *s, int64_t steps)
{
    return s->spec.o.budget == 0 || s->planned_steps + steps <= s->spec.o.budget;
}

/* Send the best of a rung on, from the top rung down. */
static bool promote(mb_sweep *s, bool *did, mb_error *err)
{
    size_t mark = mb_arena_mark(s->arena);
    double *value = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *value, err);
    bool *promoted = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *promoted, err);
    int *at = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *at, err), chosen = -1;
    bool ok = value && promoted && at;
    for (int r = s->spec.nrungs - 2; ok && r >= 0 && chosen < 0; r--) {
        int n = 0;
        for (int i = 0; i < s->ntrials; i++) {
            const struct trial *t = &s->trial[i];
            double v = mb__trial_value(s, t, r);
            if (v != v) continue;
            promoted[n] = t->target > r;
            value[n] = t->view.failed ? (double)NAN : mb__judged(s, v);
            at[n++] = i;
        }
        chosen = mb__asha_promote(value, promoted, n, s->spec.o.eta);
        if (chosen >= 0) chosen = at[chosen];
    }
    mb_arena_release(s->arena, mark);
    if (!ok || chosen < 0) return ok;
    struct trial *t = &s->trial[chosen];
    int64_t steps = s->spec.nseeds * task_steps(s, 0, t->target + 1);
    if (!affordable(s, steps)) return true;
    t->target++;
    s->planned_steps += steps;
    mb__trial_update(s, t);
    *did = true;
    return mb__sweep_db_trial_target(s->db, t, err);
}

static bool add_trial(mb_sweep *s, bool *did, mb_error *err)
{
    if (s->ntrials >= planned_trials(s)) return true;
    struct trial *t = mb__trial_new(s, err);
    if (!t) return false;
    t->member = s->ntrials;
    if (!mb__propose(s, t, err) || !mb__trial_texts(s, t, err)) return false;
    int64_t steps = s->spec.nseeds * task_steps(s, mb__space_algo(&s->spec, t->unit), 0);
    if (!affordable(s, steps)) return true;
    if (!mb__sweep_db_begin(s->db, err) || !mb__sweep_db_trial_add(s->db, t, &s->spec, err) || !mb__sweep_db_commit(s->db, err)) return false;
    s->ntrials++;
    s->planned_steps += steps;
    mb__trial_update(s, t);
    *did = true;
    return true;
}

/* The next run to start; *found false: nothing can be started now. */
static bool next_task(mb_sweep *s, struct task *out, bool *found, mb_error *err)
{
    for (;;) {
        bool did = false;
        *found = open_task(s, out);
        if (*found) return true;
        if (s->spec.o.method == BY_PBT && mb__pbt_ready(s)) {
            if (!mb__pbt_advance(s, err)) return false;
            continue;
        }
        if (s->spec.o.method != BY_PBT && s->spec.nrungs > 1 && !promote(s, &did, err)) return false;
        if (!did && !add_trial(s, &did, err)) return false;
        if (!did) return true;
    }
}

/* ---- running ---- */

static bool hopeless(const mb_sweep *s, mb_error *err)
{
    int failed = 0, good = 0;
    for (int i = 0; i < s->ntrials; i++) {
        failed += s->trial[i].view.failed;
        good += s->trial[i].view.rung >= 0;
    }
    bool end = s->ntrials >= planned_trials(s) && mb_jobs_running(s->jobs) == 0;
    if (good > 0 || failed == 0 || (failed < HOPELESS && !(end && failed == s->ntrials))) return false;
    mb_fail(err, MB_ERR_UNSUPPORTED, "sweep: every trial failed, %d of them", failed);
    for (int i = 0; i < s->ntrials; i++)
        if (s->trial[i].view.failed) {
            mb_note(err, "trial %d: %.170s", i + 1, s->trial[i].why);
            break;
        }
    return true;
}

static bool collect(mb_sweep *s, const mb_sweep_hooks *h, const mb_job_end *end, mb_error *err)
{
    struct task t = { (int)(end->tag / SWEEP_SEEDS), (int)(end->tag % SWEEP_SEEDS), 0 };
    bool got;
    t.rung = s->trial[t.trial].target;
    if (!mb__task_end(s, &t, end, &got, err)) return false;
    if (!got || !h || !h->result) return true;
    mb_sweep_info info = mb_sweep_state(s);
    h->result(h->ctx, &info, t.trial);
    return true;
}

static bool fill(mb_sweep *s, mb_error *err)
{
    while (!s->stopping && !mb_jobs_full(s->jobs)) {
        struct task t;
        bool found, done;
        if (!next_task(s, &t, &found, err)) return false;
        if (!found) return true;
        if (!mb__task_start(s, &t, &done, err)) return false;
        if (done) mb__trial_update(s, &s->trial[t.trial]);
    }
    return true;
}

static bool loop(mb_sweep *s, const mb_sweep_hooks *h, mb_error *err)
{
    mb_job_end end;
    double shown = 0;
    for (;;) {
        if (h && h->stop && *h->stop && !s->stopping) {
            s->stopping = true;
            mb_jobs_stop(s->jobs);
        }
        if (!fill(s, err) || hopeless(s, err)) return false;
        if (mb_jobs_running(s->jobs) == 0) return true;
        if (mb_jobs_wait(s->jobs, 0.2, &end) && !collect(s, h, &end, err)) return false;
        if (h && h->progress && mb_now() - shown >= 0.2) {
            mb_sweep_info info = mb_sweep_state(s);
            h->progress(h->ctx, &info);
            shown = mb_now();
        }
    }
}

/* After an error of our own: the runs write their checkpoints. */
static void wind_down(mb_sweep *s)
{
    mb_job_end end;
    double until = mb_now() + 20;
    s->stopping = true;
    mb_jobs_stop(s->jobs);
    while (mb_jobs_running(s->jobs) > 0 && mb_now() < until) mb_jobs_wait(s->jobs, 0.2, &end);
}

bool mb_sweep_run(mb_sweep *s, const mb_sweep_hooks *hooks, mb_error *err)
{
    if (!(s->jobs = mb_jobs_new(s->arena, s->njobs, err))) return false;
    bool ok = loop(s, hooks, err);
    wind_down(s);
    mb_jobs_free(s->jobs);
    s->jobs = NULL;
    if (!ok) return false;
    if (!hooks || !hooks->stop || !*hooks->stop) return true;
    mb_fail(err, MB_ERR_INTERRUPTED, "stopped after %d trials", s->ntrials);
    mb_note(err, "nothing is lost: everything is in %.150s", s->dir);
    return mb_help(err, "matchbox sweep %.70s", s->spec.file);
}

/* ---- looking ---- */

static bool better(const mb_sweep *s, const mb_sweep_trial *a, const mb_sweep_trial *b)
{
    if (a->rung != b->rung) return a->rung > b->rung;
    return mb__judged(s, a->value) > mb__judged(s, b->value);
}

mb_sweep_info mb_sweep_state(mb_sweep *s)
{
    mb_sweep_info info = {
        .file = s->spec.file, .dir = s->dir, .env = s->spec.env, .objective = s->spec.o.objective.s, .algo = s->spec.algos,
        .maximize = s->spec.o.goal == 0, .ndims = s->spec.ndims, .ntrials = s->ntrials, .planned = planned_trials(s), .nseeds = s->spec.nseeds,
        .nrungs = s->spec.nrungs, .dims = s->spec.dim, .trials = s->views, .best = -1,
    };
    static const char *const methods[] = { "tpe", "random", "grid", "gp", "asha", "pbt" };
    info.method = methods[s->spec.o.method];
    for (int i = 0; i < s->ntrials; i++) {
        struct trial *t = &s->trial[i];
        s->views[i] = t->view;
        info.done += !t->view.failed && !t->view.waiting;
        info.failed += t->view.failed;
        info.running += t->view.running;
        info.seconds += t->view.seconds;
        for (int r = t->first; r <= t->target; r++)
            for (int k = 0; k < s->spec.nseeds; k++)
                if (t->have[r * s->spec.nseeds + k]) info.steps += task_steps(s, mb__space_algo(&s->spec, t->unit), r);
        if (!t->view.failed && t->view.rung >= 0 && (info.best < 0 || better(s, &t->view, &s->views[info.best]))) info.best = i;
    }
    return info;
}

bool mb_sweep_preset(mb_sweep *s, int trial, mb_str *out, mb_error *err)
{
    const struct trial *t = &s->trial[trial];
    int algo = mb__space_algo(&s->spec, t->unit);
    mb_settings *settings = mb__spec_settings(s->arena, &s->spec, algo, err);
    if (!settings) return false;
    for (int d = s->spec.nalgos > 1; d < s->spec.ndims; d++)
        if (mb__space_active(&s->spec, d, t->unit) && !mb_settings_set(settings, s->spec.dim[d].key, t->text[d], "sweep", err)) return false;
    mb_str_add(out, "# %s on %s: %s %.6g, trial %d of a sweep by %s over %d trials", s->spec.algo[algo], s->spec.env, s->spec.o.objective.s,
               t->view.value, t->view.id, mb_sweep_state(s).method, s->ntrials);
    mb_str_add(out, " (%s, seeds %s).\n", s->spec.file, s->spec.o.seeds.s);
    mb_settings_changes(settings, out);
    return !out->full || mb_fail(err, MB_ERR_MEMORY, "sweep: the preset is too long");
}
