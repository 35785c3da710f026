/* One run of a trial: started or continued as a child process, its result read and recorded. */
#include "run/sweep.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ARGS = 4 * MB_SWEEP_DIMS + 2 * SWEEP_FIXED + 32, ARG_BYTES = 64 * 1024, ATTEMPTS = 3 };
static const double LOCK_SECONDS = 20; /* a child of a driver that was killed may be writing its checkpoint */

/* ---- the command line ---- */

struct line { const char *arg[ARGS]; int n; char memory[ARG_BYTES]; size_t used; bool full; };

static void word(struct line *l, const char *prefix, const char *text)
{
    size_t need = strlen(prefix) + strlen(text) + 1;
    l->full = l->full || l->n >= ARGS - 1 || l->used + need > ARG_BYTES;
    if (l->full) return;
    l->arg[l->n++] = l->memory + l->used;
    l->used += (size_t)snprintf(l->memory + l->used, ARG_BYTES - l->used, "%s%s", prefix, text) + 1;
}

/* --key=value: a value may begin with a hyphen */
static void option(struct line *l, const char *key, const char *value)
{
    char text[1400];
    snprintf(text, sizeof text, "%.100s=%.1200s", key, value);
    word(l, "--", text);
}

static void number(struct line *l, const char *key, int64_t v)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)v);
    option(l, key, text);
}

static void begin_line(const mb_sweep *s, const struct task *t, struct line *l, const char *dir)
{
    const struct trial *trial = &s->trial[t->trial];
    int algo = mb__space_algo(&s->spec, trial->unit);
    word(l, "", "train");
    word(l, "", s->spec.algo[algo]);
    word(l, "", s->spec.env);
    if (s->spec.preset) option(l, "preset", s->spec.preset);
    for (int i = 0; i < s->spec.nfixed; i++) {
        const char *dot = strchr(s->spec.fixed[i]->key, '.');
        bool others = false; /* an option of another algorithm of the sweep */
        for (int k = 0; dot && k < s->spec.nalgos; k++) {
            size_t n = strlen(s->spec.algo[k]);
            others = others || (k != algo && (size_t)(dot - s->spec.fixed[i]->key) == n && strncmp(s->spec.algo[k], s->spec.fixed[i]->key, n) == 0);
        }
        if (!others) option(l, s->spec.fixed[i]->key, s->spec.fixed[i]->value);
    }
    for (int d = s->spec.nalgos > 1; d < s->spec.ndims; d++)
        if (mb__space_active(&s->spec, d, trial->unit)) option(l, s->spec.dim[d].key, trial->text[d]);
    number(l, "seed", mb__trial_seed(s, trial, t->seed));
    option(l, "run", dir);
}

static bool last_rung(const mb_sweep *s, int rung) { return rung == s->spec.nrungs - 1; }

/* Steps at which the run of a task is through. */
static int64_t goal_of(const mb_sweep *s, const struct task *t)
{
    int64_t v;
    const struct trial *trial = &s->trial[t->trial];
    for (int d = 0; d < s->spec.ndims && s->spec.varies_steps; d++) {
        const mb_option *row = mb_settings_row(s->spec.base[mb__space_algo(&s->spec, trial->unit)], s->spec.dim[d].key);
        if (row && strcmp(row->name, "total_steps") == 0 && mb_parse_int(trial->text[d], &v)) return v;
    }
    return s->spec.nrungs > 1 ? s->spec.rung[t->rung] : mb__spec_total(&s->spec, mb__space_algo(&s->spec, trial->unit));
}

/* ---- results ---- */

static bool number_after(const char *text, const char *key, double *out)
{
    char quoted[MB_TEXT_MAX + 8], *end;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(text, quoted);
    if (!at) return false;
    at += strlen(quoted);
    *out = strtod(at, &end);
    return end > at && isfinite(*out);
}

/* The last value of a metric in metrics.jsonl. */
static bool last_metric(mb_sweep *s, const char *dir, const char *key, double *out)
{
    char path[SWEEP_PATH + 16], *text;
    size_t n;
    mb_error quiet = { 0 };
    bool found = false;
    size_t mark = mb_arena_mark(s->arena);
    snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
    if (mb_file_read(path, s->arena, &text, &n, &quiet))
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
            *end = 0;
            found = (!strstr(line, "\"eval\":") && number_after(line, key, out)) || found;
        }
    mb_arena_release(s->arena, mark);
    return found;
}

/* The objective of a run whose last line of output was `json`. */
static bool objective(mb_sweep *s, const char *json, const char *dir, double *out)
{
    const char *key = s->spec.o.objective.s, *eval = strstr(json, "\"eval\":");
    char head[4096];
    if (strncmp(key, "eval/", 5) == 0) return eval && number_after(eval, key + 5, out);
    snprintf(head, sizeof head, "%.*s", eval ? (int)(eval - json) : (int)strlen(json), json);
    return number_after(head, key, out) || last_metric(s, dir, key, out);
}

/* Whether the last line of output says that the run came through to its goal. */
static bool is_through(const char *json, int64_t goal)
{
    double steps;
    return json[0] == '{' && strstr(json, "\"interrupted\":false}") && number_after(json, "steps", &steps) && steps >= (double)goal;
}

static bool fail_trial(mb_sweep *s, struct trial *t, bool *got, mb_error *err, const char *fmt, ...) MB_PRINTF(5, 6);
static bool fail_trial(mb_sweep *s, struct trial *t, bool *got, mb_error *err, const char *fmt, ...)
{
    va_list args;
    if (t->view.failed) return true;
    va_start(args, fmt);
    vsnprintf(t->why, sizeof t->why, fmt, args);
    va_end(args);
    t->view.failed = *got = true;
    mb__trial_update(s, t);
    return mb__sweep_db_trial_fail(s->db, t, err);
}

static bool take_result(mb_sweep *s, const struct task *t, const char *json, bool *got, mb_error *err)
{
    char dir[SWEEP_PATH];
    double value, steps = 0, rate = 0;
    struct trial *trial = &s->trial[t->trial];
    int64_t seed = mb__trial_seed(s, trial, t->seed);
    snprintf(dir, sizeof dir, "%.400s/trial-%04d/seed-%lld", s->dir, trial->view.id, (long long)seed);
    if (!objective(s, json, dir, &value))
        return fail_trial(s, trial, got, err, "the run reported no value of the objective '%s'", s->spec.o.objective.s);
    number_after(json, "steps", &steps);
    number_after(json, "steps_per_second", &rate);
    double before = t->rung > trial->first ? (double)s->spec.rung[t->rung - 1] : 0, seconds = rate > 0 ? (steps - before) / rate : 0;
    if (!mb__sweep_db_result_add(s->db, trial->view.id, (int)seed, t->rung, value, (int64_t)steps, seconds, err)) return false;
    trial->have[t->rung * s->spec.nseeds + t->seed] = true;
    trial->value[t->rung * s->spec.nseeds + t->seed] = value;
    if ((int64_t)steps > trial->view.steps) trial->view.steps = (int64_t)steps;
    trial->view.seconds += seconds;
    double mean = mb__trial_value(s, trial, t->rung);
    *got = mean == mean;
    mb__trial_update(s, trial);
    return true;
}

/* ---- starting ---- */

/* The last line of an output file; "" when it has none. */
static void last_line(mb_sweep *s, const char *path, char *out, size_t n)
{
    char *text;
    size_t bytes;
    mb_error quiet = { 0 };
    size_t mark = mb_arena_mark(s->arena);
    *out = 0;
    if (access(path, F_OK) == 0 && mb_file_read(path, s->arena, &text, &bytes, &quiet)) {
        while (bytes > 0 && text[bytes - 1] == '\n') text[--bytes] = 0;
        const char *line = strrchr(text, '\n');
        snprintf(out, n, "%s", line ? line + 1 : text);
    }
    mb_arena_release(s->arena, mark);
}

bool mb__task_start(mb_sweep *s, const struct task *t, bool *done, mb_error *err)
{
    static const char *const by_itself[] = { "MALLOC_ARENA_MAX=2", NULL };
    char dir[SWEEP_PATH], out[SWEEP_PATH], log[SWEEP_PATH], path[SWEEP_PATH + 16], json[4096], tail[64];
    struct trial *trial = &s->trial[t->trial];
    long long seed = (long long)mb__trial_seed(s, trial, t->seed);
    size_t mark = mb_arena_mark(s->arena);
    struct line *l = mb_alloc(s->arena, 1, sizeof *l, err);
    snprintf(tail, sizeof tail, "seed-%lld", seed);
    if (!l || !mb__trial_dir(s, trial->view.id, tail, dir, err)) return false;
    snprintf(tail, sizeof tail, "seed-%lld.rung-%d.json", seed, t->rung);
    if (!mb__trial_dir(s, trial->view.id, tail, out, err)) return false;
    snprintf(tail, sizeof tail, "seed-%lld.log", seed);
    if (!mb__trial_dir(s, trial->view.id, tail, log, err)) return false;
    last_line(s, out, json, sizeof json); /* of a run that ended when nobody was there to take the result */
    bool got;
    *done = is_through(json, goal_of(s, t));
    if (*done) {
        mb_arena_release(s->arena, mark);
        return take_result(s, t, json, &got, err);
    }
    snprintf(path, sizeof path, "%s/lock", dir);
    if (!mb_lock_wait(path, LOCK_SECONDS, err)) return mb_note(err, "the run %.150s is still at work", dir);
    snprintf(path, sizeof path, "%s/config.yaml", dir);
    word(l, "", "matchbox");
    if (access(path, F_OK) == 0) {
        word(l, "", "resume");
        word(l, "", dir);
        number(l, "eval-episodes", s->spec.eval_episodes);
    } else {
        begin_line(s, t, l, dir);
    }
    if (!last_rung(s, t->rung)) number(l, "stop-after", s->spec.rung[t->rung]);
    if (!s->spec.says_threads) number(l, "threads", 1);
    word(l, "", "--json");
    l->arg[l->n] = NULL;
    mb_job_spec job = { .argv = l->arg, .out = out, .log = log, .env = by_itself, .tag = (int64_t)t->trial * SWEEP_SEEDS + t->seed };
    bool ok = l->full ? mb_fail(err, MB_ERR_USAGE, "sweep: the options of a run are too long") : mb_jobs_start(s->jobs, &job, err);
    trial->at_work[t->seed] = ok;
    trial->view.running += ok;
    mb_arena_release(s->arena, mark);
    return ok;
}

/* ---- ending ---- */

/* The last error that a run wrote into its log. */
static void last_error(mb_sweep *s, const struct trial *trial, int64_t seed, char *out, size_t n)
{
    char path[SWEEP_PATH], tail[64], *text;
    size_t bytes;
    mb_error quiet = { 0 };
    size_t mark = mb_arena_mark(s->arena);
    *out = 0;
    snprintf(tail, sizeof tail, "seed-%lld.log", (long long)seed);
    if (mb__trial_dir(s, trial->view.id, tail, path, &quiet) && mb_file_read(path, s->arena, &text, &bytes, &quiet))
        for (char *at = text; (at = strstr(at, "error: ")); at += 7) snprintf(out, n, "%.*s", (int)strcspn(at + 7, "\n"), at + 7);
    mb_arena_release(s->arena, mark);
}

bool mb__task_end(mb_sweep *s, const struct task *t, const mb_job_end *end, bool *got, mb_error *err)
{
    struct trial *trial = &s->trial[t->trial];
    char why[200];
    *got = false;
    trial->at_work[t->seed] = false;
    trial->view.running--;
    if (end->status == 3) return true; /* stopped with a checkpoint: continues another time */
    if (end->status == 0 && is_through(end->last, goal_of(s, t))) return take_result(s, t, end->last, got, err);
    if (s->stopping && end->status > 128) return true;
    if (end->status > 128 && ++trial->attempts[t->seed] < ATTEMPTS) return true; /* killed: it continues at its checkpoint */
    last_error(s, trial, mb__trial_seed(s, trial, t->seed), why, sizeof why);
    if (end->status > 128) return fail_trial(s, trial, got, err, "ended by signal %d, %d times", end->status - 128, ATTEMPTS);
    if (*why) return fail_trial(s, trial, got, err, "%s", why);
    return fail_trial(s, trial, got, err, "the run ended with status %d", end->status);
}
