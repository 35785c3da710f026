/* A run in this process: build everything, then iterate, log, checkpoint and stop when told. */
#include "core/file.h"
#include "run/impl.h"
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TEXT_BYTES = 64 * 1024, LOG_LINES = 200 };
/* Seconds between looks outside, more where a look takes long: it may cost 0.5 %.  One reading of a clock. */
static const double LOOK_SECONDS = 1, LOOK_COST = 200, LONGEST_LOOK = 5, CLOCK_SECONDS = 50e-9;

mb_arena *mb__run_arena(mb_error *err)
{
    mb_error quiet = { 0 };
    for (size_t bytes = (size_t)1 << 36; bytes > (size_t)1 << 29; bytes >>= 1) {
        mb_arena *a = mb_arena_new(bytes, &quiet);
        if (a) return a;
        quiet = (mb_error){ 0 };
    }
    return mb_arena_new((size_t)1 << 28, err);
}

/* One thread unless there is a batch to share, then the cores that are idle now. */
int mb__run_threads(const struct run_options *o)
{
    if (o->threads > 0) return o->threads;
    if (o->envs < 64) return 1;
    cpu_set_t set;
    double load = 0;
    int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    if (getloadavg(&load, 1) != 1) load = 0;
    int idle = cores - (int)(load + 0.5);
    return idle < 1 ? 1 : idle;
}

double mb_progress(const mb_run *run)
{
    double p = (double)run->step / (double)run->total_steps;
    return p < 1 ? p : 1;
}

bool mb__trainer_stopped(const mb_trainer *t) { return t->asked_to_stop || (t->hooks.stop && *t->hooks.stop); }

/* ---- building ---- */

static bool build_scope(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    t->scope.arena = t->arena;
    t->scope.seed = (uint64_t)o->seed;
    t->scope.dir = t->plays ? "" : mb__run_folder(t->settings, t->arena, err);
    t->log = (mb_logger){ mb__log_line, t };
    t->scope.log = &t->log;
    if (!mb_isa(&t->scope.kernels, err)) return false;
    int threads = mb__run_threads(o);
    if (threads > 1 && !(t->scope.pool = mb_pool_new(threads, err))) return false;
    t->eval_scope = t->scope; /* nothing of an evaluation is checkpointed or measured */
    t->scope.phases = &t->phases;
    t->scope.store = mb_store_new(t->arena, err);
    return t->scope.store != NULL;
}

static bool build_run(mb_trainer *t, mb_error *err)
{
    const mb_settings *s = t->settings;
    mb_env_shape shape;
    if (!mb_env_shape_of(s->env, s->env_options, &shape, err)) return false;
    if (s->algo->check && !s->algo->check(s->algo_options, &shape, s->run.envs, err))
        return mb_help(err, "matchbox help %s", s->algo->name);
    mb_run *r = &t->run;
    r->scope = &t->scope;
    r->env = s->env;
    r->env_options = s->env_options;
    r->total_steps = s->run.total_steps;
    if (!mb_keep(t->scope.store, "run", t->kept, sizeof t->kept, err)) return false;
    if (!(r->metrics = mb__metrics_new(&t->scope, err))) return false;
    r->vec = mb_vec_new(&t->scope, "train", s->env, s->env_options, s->run.envs, err);
    if (!r->vec || (!(t->plays && s->env->foreign) && !mb_vec_reset(r->vec, err))) return false; /* a player needs no workers to train */
    t->self = mb_alloc(t->arena, 1, s->algo->state_size, err);
    return t->self && s->algo->setup(r, t->self, s->algo_options, err);
}

static bool build_eval(mb_trainer *t, int envs, mb_error *err)
{
    const mb_settings *s = t->settings;
    if (envs < 1) return true;
    t->eval_run = t->run;
    t->eval_run.scope = &t->eval_scope;
    t->eval_run.metrics = NULL;
    /* an algorithm may have kept the scope it was set up in: what it builds now is not checkpointed either */
    mb_store *store = t->scope.store;
    t->scope.store = NULL;
    t->can_eval = mb__evaluator_new(&t->eval, &t->eval_run, t->self, s->algo, s->algo_options, envs, err);
    t->scope.store = store;
    return t->can_eval;
}

mb_trainer *mb__trainer_build(const mb_settings *s, mb_arena *owned, const mb_hooks *hooks, bool plays, int eval_envs, mb_error *err)
{
    mb_arena *a = owned ? owned : mb__run_arena(err);
    if (!a) return NULL;
    mb_trainer *t = mb_alloc(a, 1, sizeof *t, err);
    if (!t) {
        mb_arena_free(a);
        return NULL;
    }
    t->arena = a;
    t->owns_settings = owned != NULL;
    t->plays = plays;
    t->settings = s;
    t->lock = t->metrics_fd = t->log_fd = t->events.fd = -1;
    t->saved_step = -1;
    if (hooks) t->hooks = *hooks;
    t->text_size = TEXT_BYTES;
    t->text = mb_alloc(a, 1, t->text_size, err);
    t->checkpoint = mb_alloc(a, 1, 1024, err);
    if (t->text && t->checkpoint && build_scope(t, err) && build_run(t, err) && build_eval(t, eval_envs, err)) {
        mb_arena_seal(a, true);
        return t;
    }
    mb_note(err, "while setting up %s on %s", s->algo->name, s->env->name);
    mb_trainer_free(t);
    return NULL;
}

static int eval_envs(const mb_settings *s)
{
    if (s->algo->place) return 0; /* they test themselves */
    return s->run.eval_episodes < EVAL_ENVS ? s->run.eval_episodes : EVAL_ENVS;
}

mb_trainer *mb_trainer_new(const mb_settings *s, const mb_hooks *hooks, mb_error *err)
{
    mb_trainer *t = mb__trainer_build(s, NULL, hooks, false, eval_envs(s), err);
    if (!t) return NULL;
    if (s->dir && strcmp(s->dir, "none") == 0) return t;
    if (mb__run_dir_create(t, err) && mb__checkpoint_save(t, err)) return t;
    mb_trainer_free(t);
    return NULL;
}

mb_trainer *mb_trainer_open(const char *dir, const mb_hooks *hooks, mb_error *err)
{
    return mb_trainer_open_with(dir, NULL, hooks, err);
}

/* Settings that may differ between the process that began a run and the one that continues it. */
static bool may_change(const char *key)
{
    static const char *const free_keys[] = { "threads", "total-steps", "stop-after", "checkpoint-every", "checkpoint-steps",
                                             "eval-episodes", "eval-every", NULL };
    for (int i = 0; free_keys[i]; i++) {
        size_t k = 0;
        while (key[k] && (key[k] == '_' ? '-' : key[k]) == free_keys[i][k]) k++;
        if (!key[k] && !free_keys[i][k]) return true;
    }
    return false;
}

static bool apply_changes(mb_settings *s, const char *const *changes, mb_error *err)
{
    for (int i = 0; changes && changes[i]; i += 2) {
        char value[256];
        if (!may_change(changes[i]) && mb_settings_get(s, changes[i], value, sizeof value)) {
            mb_fail(err, MB_ERR_USAGE, "option '%s' of a run cannot change: its results would not be those of one run", changes[i]);
            mb_note(err, "it began with %s", value);
            return mb_help(err, "matchbox help resume");
        }
        if (!mb_settings_set(s, changes[i], changes[i + 1], "on the command line", err)) return false;
    }
    return true;
}

mb_trainer *mb_trainer_open_with(const char *dir, const char *const *changes, const mb_hooks *hooks, mb_error *err)
{
    mb_arena *a = mb__run_arena(err);
    if (!a) return NULL;
    mb_settings *s = mb__settings_of_run(a, dir, hooks ? hooks->env : NULL, err);
    if (!s || !apply_changes(s, changes, err)) {
        mb_arena_free(a);
        return NULL;
    }
    mb_trainer *t = mb__trainer_build(s, a, hooks, false, eval_envs(s), err);
    if (!t) return NULL;
    if (mb__run_dir_open(t, dir, err)) return t;
    mb_trainer_free(t);
    return NULL;
}

void mb_trainer_free(mb_trainer *t)
{
    if (!t) return;
    mb__run_dir_close(t);
    if (t->self && t->settings->algo->close) t->settings->algo->close(t->self);
    mb_vec_close(t->run.vec);
    mb_vec_close(t->eval.vec);
    mb_pool_free(t->scope.pool);
    mb_plugin *plugin = t->owns_settings ? t->settings->plugin : NULL;
    mb_plugin_free(plugin);
    mb_arena_free(t->arena);
}

const mb_settings *mb_trainer_settings(const mb_trainer *t) { return t->settings; }
const char *mb_trainer_dir(const mb_trainer *t) { return t->dir; }
mb_run *mb_trainer_view(mb_trainer *t) { return &t->run; }

/* ---- running ---- */

/* A metric that is not a number: keep the state for a look, say which. */
static bool stop_for_metric(mb_trainer *t, mb_error *err)
{
    char path[1024] = "";
    mb_error also = { 0 };
    mb_fail(err, MB_ERR_NUMERIC, "%s: metric '%s' became %g at step %lld", t->settings->algo->name, mb__metrics_bad(t->run.metrics),
            mb__metrics_bad_value(t->run.metrics), (long long)t->run.step);
    if (!t->dir) return false;
    if (mb__checkpoint_failed_state(t, path, sizeof path, &also)) mb_note(err, "the state at this moment is in %.150s", path);
    mb_note(err, "the last good checkpoint is %.150s", t->checkpoint);
    return mb_help(err, "a smaller step size, or clipped gradients");
}

bool mb_trainer_iterate(mb_trainer *t, mb_error *err)
{
    int64_t before = t->run.step;
    if (!t->settings->algo->iterate(&t->run, t->self, t->settings->algo_options, err)) {
        mb_note(err, "in training, after step %lld", (long long)before);
        if (t->dir) mb_note(err, "the last checkpoint is %.150s", t->checkpoint);
        return false;
    }
    MB_ASSERT(t->run.step > before);
    return !mb__metrics_bad(t->run.metrics) || stop_for_metric(t, err);
}

static bool write_line(mb_trainer *t, const mb_str *line, mb_error *err)
{
    size_t done = 0;
    while (t->metrics_fd >= 0 && done < line->n) {
        ssize_t n = write(t->metrics_fd, line->s + done, line->n - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            mb__fail_system(err, "write", "metrics.jsonl", n < 0 ? errno : EIO);
            return mb_note(err, "the last checkpoint of %.100s is %.80s", t->dir, t->checkpoint);
        }
        done += (size_t)n;
    }
    return true;
}

/* A full disk stops the run at its metrics; without its events alone it goes on. */
static void write_events(mb_trainer *t, const char *prefix, const mb_scalar_at *s, int n)
{
    mb_error why = { 0 };
    if (mb__events_add(&t->events, t->run.step, prefix, s, n, &why)) return;
    mb_log_line(t->scope.log, MB_LOG_WARN, "%s; no more events for TensorBoard", why.what);
}

/* Lines belong to steps, not to seconds: every run of the same settings writes the same file. */
static bool log_if_due(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    int64_t every = o->log_steps > 0 ? o->log_steps : (o->total_steps + LOG_LINES - 1) / LOG_LINES;
    bool end = t->run.step >= o->total_steps;
    if (t->run.step / every == t->kept[1] / every && !end) return true;
    t->kept[1] = t->run.step;
    double from = mb_now();
    mb_str line;
    mb_str_init(&line, t->text, t->text_size);
    mb_scalar_at s[METRIC_SCALARS];
    int n = mb__metrics_take(t->run.metrics, s);
    mb_str_add(&line, "{\"step\":%lld,\"%s\":%lld", (long long)t->run.step, s[0].name, (long long)s[0].value);
    for (int i = 1; i < n; i++) {
        mb_str_add(&line, ",");
        mb_str_json(&line, s[i].name);
        mb_str_add(&line, ":");
        mb_str_number(&line, s[i].value);
    }
    int64_t broken = mb_vec_broken(t->run.vec);
    if (broken) mb_str_add(&line, ",\"broken\":%lld", (long long)broken);
    mb_str_add(&line, "}\n");
    write_events(t, NULL, s, n);
    bool ok = write_line(t, &line, err);
    t->other += mb_now() - from;
    return ok;
}

static bool evaluate_timed(mb_trainer *t, int episodes, mb_eval *out, mb_error *err)
{
    double from = mb_now();
    bool ok = mb__evaluator_run(&t->eval, episodes, t->hooks.stop, out, err);
    t->excluded += mb_now() - from;
    if (!ok) return false;
    t->eval_step = t->run.step;
    mb__log_own(t, "evaluation: %.6g over %d episodes", out->return_mean, out->episodes);
    const mb_scalar_at s[] = { { "return_mean", out->return_mean }, { "return_std", out->return_std }, { "return_min", out->return_min },
                               { "return_max", out->return_max }, { "length_mean", out->length_mean } };
    write_events(t, "eval", s, (int)(sizeof s / sizeof *s));
    return true;
}

static bool eval_if_due(mb_trainer *t, int64_t before, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    if (o->eval_every <= 0 || !t->can_eval || before / o->eval_every == t->run.step / o->eval_every) return true;
    if (!evaluate_timed(t, o->eval_episodes, &t->last_eval, err)) {
        if (err->code != MB_ERR_INTERRUPTED) return false;
        *err = (mb_error){ 0 }; /* the loop sees the flag itself */
        return true;
    }
    mb_str line;
    mb_str_init(&line, t->text, t->text_size);
    mb_str_add(&line, "{\"step\":%lld,\"eval\":", (long long)t->run.step);
    mb_eval_json(&t->last_eval, &line);
    mb_str_add(&line, "}\n");
    return write_line(t, &line, err);
}

static void show_progress(mb_trainer *t, double now, bool done)
{
    mb_progress_info p;
    t->shown_at = now;
    if (!t->hooks.progress) return;
    mb__progress(t, now, done, &p);
    t->hooks.progress(t->hooks.ctx, &p);
}

/* Once a second: tell those outside, and look what they ask for. */
static bool look_outside(mb_trainer *t, double now, mb_error *err)
{
    mb_progress_info p;
    t->memory = mb__memory(&t->peak_memory);
    mb__progress(t, now, false, &p);
    mb__status_write(t, "running", &p);
    t->look_at = now + fmin(fmax(LOOK_SECONDS, LOOK_COST * (mb_now() - now)), LONGEST_LOOK);
    int asked = mb__request_take(t);
    if (asked == ASKED_STOP) {
        mb_log_line(t->scope.log, MB_LOG_INFO, "asked to stop");
        t->asked_to_stop = true;
    }
    if (asked != ASKED_CHECKPOINT) return true;
    if (t->saved_step != t->run.step && !mb__checkpoint_save(t, err)) return false;
    mb_log_line(t->scope.log, MB_LOG_INFO, "checkpoint written, as asked: %s", t->checkpoint);
    return true;
}

/* Things that happen by the clock.  It is read about every two milliseconds, however short an iteration is. */
static bool by_clock(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    bool steps_due = o->checkpoint_steps > 0 && t->run.step / o->checkpoint_steps != t->saved_step / o->checkpoint_steps;
    if (t->run.step < t->look_step && !steps_due) return true;
    double now = mb_now(), seconds = now - t->started;
    double rate = seconds > 0 ? (double)(t->run.step - t->start_step) / seconds : 0;
    t->look_step = t->run.step + (int64_t)(rate * 0.002);
    t->measure = now >= t->measure_at;
    bool time_due = o->checkpoint_every > 0 && now - t->saved_at >= o->checkpoint_every, save = t->dir && (steps_due || time_due);
    bool look = now >= t->look_at, show = now - t->shown_at >= 0.1;
    if (!save && !look && !show) return true;
    if (save && !mb__checkpoint_save(t, err)) return false;
    if (look && !look_outside(t, now, err)) return false;
    if (show) show_progress(t, now, false);
    t->other += mb_now() - now;
    return true;
}

/* One iteration with the clocks of the phases on.  How soon another may be measured follows from what this one's clocks cost:
   at most one part in two hundred. */
static bool measured_iteration(mb_trainer *t, mb_error *err)
{
    mb_phases *p = &t->phases;
    int64_t switches = p->switches;
    p->on = true;
    p->now = MB_PHASE_LEARN;
    p->since = mb_now();
    bool ok = mb_trainer_iterate(t, err);
    mb__phase_switch(p, MB_PHASE_OTHER);
    p->on = t->measure = false;
    t->measure_at = p->since + 200 * CLOCK_SECONDS * (double)(p->switches - switches);
    return ok;
}

static bool loop(mb_trainer *t, int64_t end, mb_error *err)
{
    while (t->run.step < end && !mb__trainer_stopped(t)) {
        int64_t before = t->run.step;
        if (!(t->measure ? measured_iteration : mb_trainer_iterate)(t, err)) return false;
        if (!log_if_due(t, err) || !eval_if_due(t, before, err) || !by_clock(t, err)) return false;
    }
    return true;
}

static void tell_end(mb_trainer *t, bool ok, const mb_error *err)
{
    mb_progress_info p;
    const char *state = !ok ? "failed" : t->run.step < t->run.total_steps ? "stopped" : "finished";
    t->memory = mb__memory(&t->peak_memory);
    mb__progress(t, mb_now(), true, &p);
    mb__status_write(t, state, &p);
    mb__log_own(t, "%s%s%s", state, ok ? "" : ": ", ok ? "" : err->what);
    show_progress(t, mb_now(), true);
}

bool mb_trainer_run(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    int64_t end = o->stop_after > 0 && o->stop_after < o->total_steps ? o->stop_after : o->total_steps;
    mb__log_own(t, "%s on %s, seed %lld: training to step %lld", t->settings->algo->name, t->settings->env->name, (long long)o->seed, (long long)end);
    t->started = t->saved_at = mb_now();
    t->shown_at = t->started;
    t->asked_to_stop = false;
    t->look_at = 0; /* the first look comes at once */
    t->excluded = 0;
    t->look_step = t->run.step;
    bool ok = loop(t, end, err);
    t->trained += mb_now() - t->started - t->excluded;
    if (ok && t->dir && t->saved_step != t->run.step) ok = mb__checkpoint_save(t, err);
    tell_end(t, ok, err);
    if (!ok) return false;
    t->interrupted = mb__trainer_stopped(t);
    if (!t->interrupted) return true;
    mb_fail(err, MB_ERR_INTERRUPTED, "stopped at step %lld of %lld", (long long)t->run.step, (long long)o->total_steps);
    if (!t->dir) return false;
    mb_note(err, "nothing is lost: the checkpoint is %.150s", t->checkpoint);
    return mb_help(err, "matchbox resume %.70s", t->dir);
}

bool mb_trainer_evaluate(mb_trainer *t, int episodes, mb_eval *out, mb_error *err)
{
    if (!t->can_eval) return mb_fail(err, MB_ERR_USAGE, "evaluation: this run was set up without (--eval-episodes 0)");
    if (evaluate_timed(t, episodes, &t->last_eval, err)) {
        *out = t->last_eval;
        return true;
    }
    t->interrupted = err->code == MB_ERR_INTERRUPTED;
    if (t->interrupted && t->dir) mb_note(err, "training is complete: the checkpoint is %.150s", t->checkpoint);
    return false;
}
