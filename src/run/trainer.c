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

bool mb__trainer_stopped(const mb_trainer *t) { return t->hooks.stop && *t->hooks.stop; }

/* ---- building ---- */

static bool build_scope(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    t->scope.arena = t->arena;
    t->scope.seed = (uint64_t)o->seed;
    t->scope.log = &t->hooks.log;
    if (!mb_isa(&t->scope.kernels, err)) return false;
    int threads = mb__run_threads(o);
    if (threads > 1 && !(t->scope.pool = mb_pool_new(threads, err))) return false;
    t->eval_scope = t->scope; /* nothing of an evaluation is checkpointed */
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
    if (!r->vec || !mb_vec_reset(r->vec, err)) return false;
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

mb_trainer *mb__trainer_build(const mb_settings *s, mb_arena *owned, const mb_hooks *hooks, int eval_envs, mb_error *err)
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
    t->settings = s;
    t->lock = t->metrics_fd = -1;
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

static int eval_envs(const mb_settings *s) { return s->run.eval_episodes < EVAL_ENVS ? s->run.eval_episodes : EVAL_ENVS; }

mb_trainer *mb_trainer_new(const mb_settings *s, const mb_hooks *hooks, mb_error *err)
{
    mb_trainer *t = mb__trainer_build(s, NULL, hooks, eval_envs(s), err);
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
    mb_trainer *t = mb__trainer_build(s, a, hooks, eval_envs(s), err);
    if (!t) return NULL;
    if (mb__run_dir_open(t, dir, err)) return t;
    mb_trainer_free(t);
    return NULL;
}

void mb_trainer_free(mb_trainer *t)
{
    if (!t) return;
    mb__run_dir_close(t);
    mb_vec_close(t->run.vec);
    mb_vec_close(t->eval.vec);
    mb_pool_free(t->scope.pool);
    mb_plugin *plugin = t->owns_settings ? t->settings->plugin : NULL;
    mb_plugin_free(plugin);
    mb_arena_free(t->arena);
}

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

/* Lines belong to steps, not to seconds: every run of the same settings writes the same file. */
static bool log_if_due(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    int64_t every = o->log_steps > 0 ? o->log_steps : (o->total_steps + LOG_LINES - 1) / LOG_LINES;
    bool end = t->run.step >= o->total_steps;
    if (t->run.step / every == t->kept[1] / every && !end) return true;
    t->kept[1] = t->run.step;
    mb_str line;
    mb_str_init(&line, t->text, t->text_size);
    mb__metrics_line(t->run.metrics, t->run.step, &line);
    mb_str_add(&line, "\n");
    return write_line(t, &line, err);
}

static bool evaluate_timed(mb_trainer *t, int episodes, mb_eval *out, mb_error *err)
{
    double from = mb_now();
    bool ok = mb__evaluator_run(&t->eval, episodes, t->hooks.stop, out, err);
    t->excluded += mb_now() - from;
    return ok;
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
    if (!t->hooks.progress) return;
    double seconds = t->trained + (done ? 0 : now - t->started - t->excluded);
    mb_progress_info p = {
        .step = t->run.step, .total_steps = t->run.total_steps, .seconds = seconds,
        .steps_per_second = seconds > 0 ? (double)(t->run.step - t->start_step) / seconds : 0,
        .return_mean = mb__metrics_return(t->run.metrics),
        .last_eval = t->last_eval.episodes ? t->last_eval.return_mean : (double)NAN,
        .episodes = mb__metrics_episodes(t->run.metrics), .done = done,
    };
    t->hooks.progress(t->hooks.ctx, &p);
    t->shown_at = now;
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
    bool time_due = o->checkpoint_every > 0 && now - t->saved_at >= o->checkpoint_every;
    if (t->dir && (steps_due || time_due) && !mb__checkpoint_save(t, err)) return false;
    if (now - t->shown_at >= 0.1) show_progress(t, now, false);
    return true;
}

static bool loop(mb_trainer *t, int64_t end, mb_error *err)
{
    while (t->run.step < end && !mb__trainer_stopped(t)) {
        int64_t before = t->run.step;
        if (!mb_trainer_iterate(t, err) || !log_if_due(t, err) || !eval_if_due(t, before, err) || !by_clock(t, err)) return false;
    }
    return true;
}

bool mb_trainer_run(mb_trainer *t, mb_error *err)
{
    const struct run_options *o = &t->settings->run;
    int64_t end = o->stop_after > 0 && o->stop_after < o->total_steps ? o->stop_after : o->total_steps;
    t->started = t->saved_at = mb_now();
    t->shown_at = t->started;
    t->excluded = 0;
    t->look_step = t->run.step;
    bool ok = loop(t, end, err);
    t->trained += mb_now() - t->started - t->excluded;
    if (ok && t->dir && t->saved_step != t->run.step) ok = mb__checkpoint_save(t, err);
    show_progress(t, mb_now(), true);
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
