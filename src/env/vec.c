/* vec.c - the vectoriser: many instances of one environment stepped as one, observations written
   into the learner's memory, time limits, automatic resets, final observations, episode statistics,
   threads. Every instance has its own random stream, so neither the number of threads nor who ran a
   block ever shows. */
#include "env/foreign.h"

/* ---- making one ---- */

static void generic_batch(const mb_env_def *def, const mb_env_batch *b)
{
    mb_io io = {0};
    for (int i = 0; i < b->count; i++) {
        void *state = b->states + (size_t)i * b->state_size;
        mb__batch_io(b, i, &io);
        mb__batch_clear(b, &io);
        if (b->reset_all) {
            def->reset(state, b->options, &b->rng[i], &io);
            continue;
        }
        mb_step s = def->step(state, b->options, &b->rng[i], &io);
        if (mb__batch_after(b, i, &io, s)) {
            mb__batch_end(b, i, &io);
            mb__batch_renew(b, &io);
            def->reset(state, b->options, &b->rng[i], &io);
        }
    }
}

/* Memory that survives a restart: n * size bytes from the arena, kept as "NAME/what". */
static void *kept(mb_scope *s, const char *owner, const char *what, size_t n, size_t size,
                  mb_error *err)
{
    void *p = mb_alloc(s->arena, n, size, err);
    if (!p || !s->store) return p;
    char name[128];
    mb_str b;
    mb_str_init(&b, name, sizeof name);
    mb_str_add(&b, "%s/%s", owner, what);
    const char *copy = mb_strdup(s->arena, name, err);
    return copy && mb_keep(s->store, copy, p, n * size, err) ? p : NULL;
}

static bool copy_options(mb_vec *v, mb_scope *s, const void *options, mb_error *err)
{
    size_t n = v->def->options_size;
    if (!n) return true;
    void *copy = mb_alloc(s->arena, 1, n, err);
    if (!copy) return false;
    if (options) memcpy(copy, options, n);
    else mb_options_default(v->def->options, copy);
    v->options = copy;
    return true;
}

static bool make_limits(mb_vec *v, mb_scope *s, mb_error *err)
{
    mb_vec_view *w = v->view;
    const mb_space *act = &v->shape.act;
    for (int f = 0; f < w->nfields; f++)
        if (!mb__limits_make(&v->limits[f], &v->shape.obs.field[f], s->arena, err)) return false;
    v->value_low = mb_alloc(s->arena, (size_t)w->nvalue, sizeof(float), err);
    v->value_high = mb_alloc(s->arena, (size_t)w->nvalue, sizeof(float), err);
    v->clipped = mb_alloc(s->arena, (size_t)w->rows, sizeof(float) * (size_t)w->nvalue, err);
    if (!v->value_low || !v->value_high || !v->clipped) return false;
    for (int i = 0, k = 0, d = 0; i < act->nfields; i++) {
        const mb_field *f = &act->field[i];
        if (f->kind == MB_FIELD_DISCRETE) {
            v->choices[d++] = f->n;
            continue;
        }
        for (int j = 0; j < f->n; j++, k++) {
            v->value_low[k] = f->lows ? f->lows[j] : f->low;
            v->value_high[k] = f->highs ? f->highs[j] : f->high;
        }
    }
    return true;
}

/* What the last step produced: read once by the learner, so not kept. */
static bool make_results(mb_vec *v, mb_scope *s, mb_error *err)
{
    mb_vec_view *w = v->view;
    size_t rows = (size_t)w->rows, envs = (size_t)w->nenvs;
    w->index = mb_alloc(s->arena, rows, sizeof(int32_t) * (size_t)w->nindex, err);
    w->value = mb_alloc(s->arena, rows, sizeof(float) * (size_t)w->nvalue, err);
    w->reward = mb_alloc(s->arena, rows, sizeof(float), err);
    w->terminated = mb_alloc(s->arena, envs, 1, err);
    w->truncated = mb_alloc(s->arena, envs, 1, err);
    w->last_length = mb_alloc(s->arena, envs, sizeof(int32_t), err);
    w->last_return = mb_alloc(s->arena, rows, sizeof(float), err);
    v->bad = mb_alloc(s->arena, (size_t)v->nblocks, 1, err);
    for (int f = 0; f < w->nfields; f++)
        if (!(w->final_obs[f] = mb_alloc(s->arena, rows, v->field_bytes[f], err))) return false;
    return w->index && w->value && w->reward && w->terminated && w->truncated && w->last_length &&
           w->last_return && v->bad;
}

/* What the next step needs: kept, so that a resumed run continues as if it had never stopped. */
static bool make_kept(mb_vec *v, mb_scope *s, mb_error *err)
{
    mb_vec_view *w = v->view;
    size_t rows = (size_t)w->rows, envs = (size_t)w->nenvs;
    if (!(v->states = kept(s, v->name, "state", envs, v->stride, err)) ||
        !(v->rng = kept(s, v->name, "rng", envs, sizeof(mb_rng), err)) ||
        !(v->length = kept(s, v->name, "length", envs, sizeof(int32_t), err)) ||
        !(v->ret = kept(s, v->name, "return", rows, sizeof(float), err)) ||
        !(w->start = kept(s, v->name, "start", envs, 1, err)) ||
        !(w->active = kept(s, v->name, "active", rows, 1, err)))
        return false;
    for (int f = 0; f < w->nfields; f++) {
        char what[] = {'o', 'b', 's', (char)('0' + f), 0};
        if (!(w->obs[f] = v->own_obs[f] = kept(s, v->name, what, rows, v->field_bytes[f], err)))
            return false;
    }
    if (v->shape.masked &&
        !(w->mask = v->own_mask = kept(s, v->name, "mask", rows, (size_t)w->nmask, err)))
        return false;
    return !v->def->open || (v->broken = kept(s, v->name, "broken", envs, sizeof(int32_t), err));
}

static bool open_once(mb_vec *v, mb_arena *a, mb_error *err)
{
    if (!v->opened) v->opened = mb_env_open(v->def, v->options, a, err);
    return v->opened;
}

static void make_streams(mb_vec *v, uint64_t seed)
{
    char purpose[128];
    mb_str b;
    mb_str_init(&b, purpose, sizeof purpose);
    mb_str_add(&b, "env/%s", v->name);
    for (int i = 0; i < v->view->nenvs; i++) v->rng[i] = mb_rng_make(seed, purpose, (uint64_t)i);
    memset(v->view->active, 1, (size_t)v->view->rows);
    memset(v->view->start, 1, (size_t)v->view->nenvs);
    if (v->own_mask) memset(v->own_mask, 1, (size_t)v->view->rows * (size_t)v->view->nmask);
}

enum { MAX_ROWS = 1 << 24, SPAN_BYTES = 1 << 14 };

/* state and observations */
static size_t instance_bytes(const mb_vec *v)
{
    size_t n = v->stride;
    for (int f = 0; f < v->view->nfields; f++) n += (size_t)v->view->nagents * v->field_bytes[f];
    return n;
}

mb_vec *mb_vec_new(mb_scope *s, const char *name, const mb_env_def *def, const void *options,
                   int nenvs, mb_error *err)
{
    mb_vec *v = mb_alloc(s->arena, 1, sizeof *v, err);
    mb_vec_view *w = mb_alloc(s->arena, 1, sizeof *w, err);
    if (!v || !w) return NULL;
    *v = (mb_vec){.def = def, .pool = s->pool, .phases = s->phases, .view = w, .run = def->batch};
    if (!(v->name = mb_strdup(s->arena, name, err)) || !copy_options(v, s, options, err) ||
        !mb_env_shape_of(def, v->options, &v->shape, err))
        return NULL;
    if (nenvs < 1 || nenvs > MAX_ROWS / v->shape.nagents) {
        mb_fail(err, MB_ERR_RANGE, "environment '%s': %d instances asked for; give 1 to %d",
                def->name, nenvs, MAX_ROWS / v->shape.nagents);
        return NULL;
    }
    *w = (mb_vec_view){.nenvs = nenvs,
                       .nagents = v->shape.nagents,
                       .rows = nenvs * v->shape.nagents,
                       .nfields = v->shape.obs.nfields,
                       .nindex = mb_space_nindex(&v->shape.act),
                       .nvalue = mb_space_nvalue(&v->shape.act),
                       .nmask = mb_space_nmask(&v->shape.act)};
    for (int f = 0; f < w->nfields; f++) v->field_bytes[f] = mb_field_bytes(&v->shape.obs.field[f]);
    v->stride = (v->shape.state_size + 7) & ~(size_t)7;
    v->block = nenvs <= 128 ? 16 : nenvs <= 2048 ? (nenvs / 8 + 15) & ~15 : 256;
    v->nblocks = (nenvs + v->block - 1) / v->block;
    v->span = v->block;
    while (v->span < nenvs && 2 * (size_t)v->span * instance_bytes(v) <= SPAN_BYTES) v->span *= 2;
    if (!make_limits(v, s, err) || !make_results(v, s, err) || !make_kept(v, s, err)) {
        mb_note(err, "while making %d instances of environment '%s'", nenvs, def->name);
        return NULL;
    }
    make_streams(v, s->seed);
    if (def->foreign && !(v->group = mb__group_new(v, s, err))) return NULL;
    return open_once(v, v->arena = s->arena, err) ? v : NULL;
}

void mb_vec_seed(mb_vec *v, uint64_t seed)
{
    make_streams(v, seed);
}

void mb_vec_close(mb_vec *v)
{
    if (!v) return;
    mb__group_close(v->group);
    if (v->opened) mb_env_close(v->def, v->options);
    v->opened = false;
}

int64_t mb_vec_broken(const mb_vec *v)
{
    int64_t n = 0;
    for (int i = 0; v->broken && i < v->view->nenvs; i++) n += v->broken[i];
    return n;
}

const mb_env_shape *mb_vec_shape(const mb_vec *v)
{
    return &v->shape;
}

const mb_env_def *mb_vec_env(const mb_vec *v, const void **options)
{
    if (options) *options = v->options;
    return v->def;
}

mb_vec_view *mb_vec_view_of(const mb_vec *v)
{
    return v->view;
}

void mb_vec_bind(mb_vec *v, void *const obs[], uint8_t *mask)
{
    mb_vec_view *w = v->view;
    size_t rows = (size_t)w->rows;
    for (int f = 0; f < w->nfields; f++) {
        if (!obs && w->obs[f] != v->own_obs[f])
            memcpy(v->own_obs[f], w->obs[f], rows * v->field_bytes[f]);
        w->obs[f] = obs ? obs[f] : v->own_obs[f];
    }
    if (!v->shape.masked) return;
    if (!obs && w->mask != v->own_mask) memcpy(v->own_mask, w->mask, rows * (size_t)w->nmask);
    w->mask = obs && mask ? mask : v->own_mask;
}

/* ---- stepping ---- */

static mb_env_batch batch_of(const mb_vec *v, int first, int count)
{
    const mb_vec_view *w = v->view;
    size_t row = (size_t)first * (size_t)w->nagents;
    mb_env_batch b = {
        .count = count,
        .reset_all = v->resetting,
        .states = v->states + (size_t)first * v->stride,
        .state_size = v->stride,
        .options = v->options,
        .rng = v->rng + first,
        .nagents = w->nagents,
        .nfields = w->nfields,
        .nindex = w->nindex,
        .nvalue = w->nvalue,
        .nmask = w->nmask,
        .time_limit = v->shape.time_limit,
        .obs_is_float = v->shape.obs.field[0].kind == MB_FIELD_BOX,
        .index = w->index + row * (size_t)w->nindex,
        .value = v->clipped + row * (size_t)w->nvalue,
        .mask = w->mask ? w->mask + row * (size_t)w->nmask : NULL,
        .active = w->active + row,
        .reward = w->reward + row,
        .terminated = w->terminated + first,
        .truncated = w->truncated + first,
        .start = w->start + first,
        .length = v->length + first,
        .ret = v->ret + row,
        .last_length = w->last_length + first,
        .last_ret = w->last_return + row,
        .broken = v->broken ? v->broken + first : NULL,
    };
    for (int f = 0; f < w->nfields; f++) {
        b.field_bytes[f] = v->field_bytes[f];
        b.obs[f] = (char *)w->obs[f] + row * v->field_bytes[f];
        b.final_obs[f] = (char *)w->final_obs[f] + row * v->field_bytes[f];
    }
    return b;
}

/* Instances first .. first+count-1; false: a check failed. */
static bool run_span(mb_vec *v, int first, int count)
{
    if (!v->resetting && !mb__actions_fit(v, first, count)) return false;
    mb_env_batch b = batch_of(v, first, count);
    if (v->run) v->run(&b);
    else generic_batch(v->def, &b);
    return mb__results_fit(v, first, count);
}

static int span_at(const mb_vec *v, int first, int span)
{
    int left = v->view->nenvs - first;
    return left < span ? left : span;
}

static void run_block(void *ctx, int block, int thread)
{
    mb_vec *v = ctx;
    int first = block * v->block;
    v->bad[block] = !run_span(v, first, span_at(v, first, v->block));
}

/* Instances that are stepped elsewhere: the same checks around them. */
static bool run_foreign(mb_vec *v, mb_error *err)
{
    int n = v->view->nenvs;
    if (!v->resetting && !mb__actions_fit(v, 0, n)) return mb__describe(v, 0, n, err);
    mb_env_batch b = batch_of(v, 0, n);
    mb_phase before = mb_phase_enter(v->phases, MB_PHASE_ENV);
    bool ok = mb__group_run(v->group, &b, err);
    mb_phase_enter(v->phases, before);
    if (!ok) return false;
    return mb__results_fit(v, 0, n) || mb__describe(v, 0, n, err);
}

static bool run_spans(mb_vec *v, mb_error *err)
{
    for (int first = 0; first < v->view->nenvs; first += v->span)
        if (!run_span(v, first, span_at(v, first, v->span))) return mb__describe(v, first, span_at(v, first, v->span), err);
    return true;
}

static bool run_blocks(mb_vec *v, mb_pool *pool, mb_error *err)
{
    mb_pool_run(pool, v->nblocks, run_block, v);
    const uint8_t *bad = memchr(v->bad, 1, (size_t)v->nblocks);
    if (!bad) return true;
    int first = (int)(bad - v->bad) * v->block;
    return mb__describe(v, first, span_at(v, first, v->block), err);
}

static bool run_all(mb_vec *v, mb_pool *pool, mb_error *err)
{
    if (v->group) return run_foreign(v, err);
    mb_phase before = mb_phase_enter(v->phases, MB_PHASE_ENV);
    bool ok = pool ? run_blocks(v, pool, err) : run_spans(v, err);
    mb_phase_enter(v->phases, before);
    return ok;
}

bool mb_vec_reset(mb_vec *v, mb_error *err)
{
    mb_vec_view *w = v->view;
    size_t envs = (size_t)w->nenvs, rows = (size_t)w->rows;
    memset(v->length, 0, envs * sizeof *v->length);
    memset(v->ret, 0, rows * sizeof *v->ret);
    memset(w->last_length, 0, envs * sizeof *w->last_length);
    memset(w->terminated, 0, envs);
    memset(w->truncated, 0, envs);
    memset(w->start, 1, envs);
    if (!open_once(v, v->arena, err)) return false;
    v->resetting = true;
    bool ok = run_all(v, v->pool, err);
    v->resetting = false;
    return ok;
}

/* A step that takes less than this in one thread is not worth waking others for.  Only speed
 * depends on the measurement. */
static const double worth_threads = 15e-6;
enum { TIMED_STEPS = 8 };

bool mb_vec_step(mb_vec *v, mb_error *err)
{
    bool threads = v->nblocks > 1 && v->pool && mb_pool_size(v->pool) > 1;
    if (!threads) return run_all(v, NULL, err);
    if (v->timed == TIMED_STEPS)
        return run_all(v, v->seconds > worth_threads ? v->pool : NULL, err);
    double begin = mb_now();
    bool ok = run_all(v, NULL, err);
    double seconds = mb_now() - begin;
    if (v->timed++ == 0 || seconds < v->seconds) v->seconds = seconds;
    return ok;
}

/* ---- single instances ---- */

/* Copy everything that belongs to instance `env` between the vectoriser and one block of bytes. */
static size_t exchange(const mb_vec *v, int env, char *out, const char *in)
{
    const mb_vec_view *w = v->view;
    size_t agents = (size_t)w->nagents, e = (size_t)env, at = 0;
    struct {
        void *p;
        size_t n;
    } part[7 + MB_MAX_FIELDS] = {
        {v->states + e * v->stride, v->stride},
        {v->rng + e, sizeof *v->rng},
        {v->length + e, sizeof *v->length},
        {v->ret + e * agents, agents * sizeof *v->ret},
        {w->start + e, 1},
        {w->active + e * agents, agents},
        {w->mask ? w->mask + e * agents * (size_t)w->nmask : NULL,
         w->mask ? agents * (size_t)w->nmask : 0},
    };
    for (int f = 0; f < w->nfields; f++) {
        part[7 + f].n = agents * v->field_bytes[f];
        part[7 + f].p = (char *)w->obs[f] + e * part[7 + f].n;
    }
    for (int i = 0; i < 7 + w->nfields; i++) {
        if (out && part[i].n) memcpy(out + at, part[i].p, part[i].n);
        if (in && part[i].n) memcpy(part[i].p, in + at, part[i].n);
        at += part[i].n;
    }
    return at;
}

size_t mb_vec_state_bytes(const mb_vec *v)
{
    return exchange(v, 0, NULL, NULL);
}

void mb_vec_save(const mb_vec *v, int env, void *out)
{
    exchange(v, env, out, NULL);
}

void mb_vec_load(mb_vec *v, int env, const void *in)
{
    exchange(v, env, NULL, in);
}

void mb_vec_restart(mb_vec *v, int env, const void *in, int steps)
{
    mb_rng rng = v->rng[env];
    size_t agents = (size_t)v->view->nagents;
    mb_vec_load(v, env, in);
    v->rng[env] = rng;
    v->view->start[env] = 1;
    memset(v->ret + (size_t)env * agents, 0, agents * sizeof *v->ret);
    if (steps > 0 && v->shape.time_limit > steps) v->length[env] = v->shape.time_limit - steps;
}

void *mb_vec_state(mb_vec *v, int env)
{
    return v->states + (size_t)env * v->stride;
}

void mb_vec_draw(const mb_vec *v, int env, mb_canvas *canvas)
{
    if (v->def->draw) {
        v->def->draw(v->states + (size_t)env * v->stride, v->options, canvas);
        return;
    }
    char lines[96];
    mb_str s;
    mb_str_init(&s, lines, sizeof lines);
    mb_str_add(&s, "step %d\nreturn %g", (int)v->length[env],
               (double)v->ret[(size_t)env * (size_t)v->shape.nagents]);
    size_t letters = strlen(v->def->name);
    float height = letters > 12 ? 1.2f / (float)letters : 0.1f; /* a long name fits as well */
    mb_canvas_clear(canvas, 0xF7F4EC);
    mb_canvas_text(canvas, 0.06f, 0.3f, height, v->def->name, 0x2D4059);
    mb_canvas_text(canvas, 0.06f, 0.5f, 0.06f, lines, 0x6B6455);
}
