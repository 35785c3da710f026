/* replay.c - making a replay and taking in what happens. */
#include "rl/replay.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- making ---- */

static bool sane(mb_replay_options *o, mb_error *err)
{
    if (o->nstep < 1) o->nstep = 1;
    if (o->stack < 1) o->stack = 1;
    if (o->period < 1) o->period = o->sequence > 0 ? o->sequence : 1;
    if (o->reward_scale == 0) o->reward_scale = 1;
    if (o->capacity < 1) return mb_fail(err, MB_ERR_RANGE, "replay: a capacity of %lld transitions is none", (long long)o->capacity);
    return true;
}

/* At least what the longest item needs, and one slot for the observation not acted on yet. */
static int64_t slots(const mb_replay_options *o, int rows)
{
    int64_t n = o->capacity / rows + (o->capacity % rows != 0), least = o->nstep + o->stack + (o->sequence > 0 ? o->sequence : 0) + 1;
    return (n > least ? n : least) + 1;
}

static int64_t marks_of(const mb_replay_options *o, int64_t length)
{
    return o->sequence > 0 && o->memory > 0 ? length / o->period + 2 : 0;
}

static bool bytes_of(const mb_env_shape *s, int rows, const mb_replay_options *o, size_t *bytes)
{
    size_t slot = 1 + sizeof(float), shots = 0, all, marks;
    for (int f = 0; f < s->obs.nfields; f++) slot += mb_field_bytes(&s->obs.field[f]);
    slot += (size_t)mb_space_nindex(&s->act) * sizeof(int32_t) + (size_t)mb_space_nvalue(&s->act) * sizeof(float);
    if (s->masked) slot += (size_t)mb_space_nmask(&s->act);
    if (o->hindsight) slot += 2 * sizeof(int32_t);
    if (o->snapshot > 0 && !mb_size_mul((size_t)mb__snapshots(o, slots(o, rows)) * (size_t)rows, mb__snapshot_bytes(s) + 1, &shots)) return false;
    int64_t length = slots(o, rows);
    if (length > INT64_MAX / rows / 64 || !mb_size_mul((size_t)length * (size_t)rows, slot, &all)) return false;
    if (o->prioritized && !mb_size_add(all, mb_sum_tree_bytes(length * rows), &all)) return false;
    return mb_size_mul((size_t)(marks_of(o, length) * rows), (size_t)o->memory * sizeof(float), &marks) && mb_size_add(all, marks, &all) &&
           mb_size_add(all, shots, bytes);
}

bool mb_replay_bytes(const mb_env_shape *s, int rows, const mb_replay_options *given, size_t *bytes, mb_error *err)
{
    mb_replay_options o = *given;
    if (!sane(&o, err)) return false;
    return bytes_of(s, rows, &o, bytes) ||
           mb_fail(err, MB_ERR_MEMORY, "replay: %lld transitions are more than can be addressed", (long long)o.capacity);
}

static bool make_arrays(mb_replay *r, mb_error *err)
{
    size_t n = (size_t)r->length * (size_t)r->rows;
    for (int f = 0; f < r->nfields; f++) {
        char what[] = { 'o', 'b', 's', (char)('0' + f), 0 };
        if (!(r->obs[f] = mb__replay_kept(r, what, n, r->field_bytes[f], err))) return false;
    }
    r->mask = mb__replay_kept(r, "mask", n, (size_t)r->nmask, err);
    r->flag = mb__replay_kept(r, "flag", n, 1, err);
    r->index = mb__replay_kept(r, "index", n, (size_t)r->nindex * sizeof(int32_t), err);
    r->value = mb__replay_kept(r, "value", n, (size_t)r->nvalue * sizeof(float), err);
    r->reward = mb__replay_kept(r, "reward", n, sizeof(float), err);
    r->marks = marks_of(&r->o, r->length);
    r->memory = mb__replay_kept(r, "memory", (size_t)(r->marks * r->rows), (size_t)r->o.memory * sizeof(float), err);
    if (r->o.hindsight && (!(r->before = mb__replay_kept(r, "before", n, sizeof(int32_t), err)) || !(r->after = mb__replay_kept(r, "after", n, sizeof(int32_t), err)))) return false;
    if (r->o.snapshot > 0 && !mb__snapshot_make(r, err)) return false;
    r->head = mb__replay_kept(r, "head", (size_t)r->rows, sizeof *r->head, err);
    r->most = mb__replay_kept(r, "most", 1, sizeof *r->most, err);
    r->added = mb__replay_kept(r, "added", 1, sizeof *r->added, err);
    r->rng = mb__replay_kept(r, "rng", 1, sizeof *r->rng, err);
    if (!r->mask || !r->flag || !r->index || !r->value || !r->reward || !r->memory || !r->head || !r->most || !r->added || !r->rng) return false;
    char text[96];
    snprintf(text, sizeof text, "%s/tree", r->name);
    return !r->o.prioritized || mb_sum_tree_new(&r->tree, r->scope, text, (int64_t)n, err);
}

static int row_of(const mb_replay *r, int j)
{
    return r->first + j * r->step;
}

/* Observation and mask of row j into slot `at`; mask NULL: everything is allowed. */
static void observe(mb_replay *r, int j, int64_t at, void *const obs[], const uint8_t *mask, int flag)
{
    size_t place = mb__replay_place(r, at, j), row = (size_t)row_of(r, j);
    for (int f = 0; f < r->nfields; f++)
        memcpy(r->obs[f] + place * r->field_bytes[f], (const char *)obs[f] + row * r->field_bytes[f], r->field_bytes[f]);
    r->flag[place] = (uint8_t)flag;
    size_t n = (size_t)r->nmask;
    if (n && mask) memcpy(r->mask + place * n, mask + row * n, n);
    else if (n) memset(r->mask + place * n, 1, n);
    if (r->before) mb__hindsight_track(r, at, j);
    if (r->shot) mb__snapshot_take(r, at, j);
}

mb_replay *mb_replay_new(mb_scope *s, const char *name, mb_vec *vec, int first, int step, mb_replay_options o, mb_error *err)
{
    mb_replay *r = mb_alloc(s->arena, 1, sizeof *r, err);
    if (!r || !sane(&o, err)) return NULL;
    const mb_vec_view *w = mb_vec_view_of(vec);
    const mb_env_shape *shape = mb_vec_shape(vec);
    *r = (mb_replay){ .scope = s, .name = mb_strdup(s->arena, name, err), .vec = vec, .o = o, .seen = mb_stack_shape(shape, o.stack),
                      .first = first, .step = step, .rows = w->rows / step, .nagents = w->nagents, .nfields = w->nfields,
                      .nindex = w->nindex, .nvalue = w->nvalue, .nmask = w->mask ? w->nmask : 0 };
    r->length = slots(&o, r->rows);
    for (int f = 0; f < r->nfields; f++) r->field_bytes[f] = mb_field_bytes(&shape->obs.field[f]);
    if (!r->name || !mb__hindsight_check(r, err) || !mb__replay_place_for(r, shape, err) || !make_arrays(r, err)) return NULL;
    *r->rng = mb_rng_make(s->seed, name, 0);
    *r->most = 1;
    for (int j = 0; j < r->rows; j++) observe(r, j, 0, w->obs, w->mask, SLOT_START);
    return r;
}

int mb_replay_rows(const mb_replay *r)
{
    return r->rows;
}

int64_t mb_replay_added(const mb_replay *r)
{
    return *r->added;
}

/* ---- taking in ---- */

static void set_leaf(mb_replay *r, int64_t at, int j, double p)
{
    int64_t leaf = (int64_t)mb__replay_place(r, at, j);
    if (mb_sum_tree_get(&r->tree, leaf) != p) mb_sum_tree_set(&r->tree, leaf, p);
}

/* What the last action made complete can be drawn from now on, first of all.  A transition is complete after n steps or the end
   of its episode; a stretch when its last slot was acted on (the end of an episode takes two slots). */
static void admit(mb_replay *r, int j, int64_t acted)
{
    double p = mb_pow64(*r->most, (double)r->o.alpha);
    int64_t newest = r->o.sequence > 0 ? r->head[j] - r->o.sequence : acted;
    int64_t oldest = r->o.sequence > 0 ? newest - 1 : acted - r->o.nstep + 1;
    for (int64_t at = oldest < 0 ? 0 : oldest; at <= newest; at++)
        if (mb__replay_fits(r, at, j) && mb_sum_tree_get(&r->tree, (int64_t)mb__replay_place(r, at, j)) == 0) set_leaf(r, at, j, p);
}

/* Open the next slot of a row: what lay there, and what can no longer be put together, cannot be drawn any more. */
static int64_t advance(mb_replay *r, int j, const float *memory)
{
    int64_t at = ++r->head[j];
    if (r->o.prioritized && at >= r->length)
        for (int64_t gone = at - r->length; gone < mb__replay_oldest(r, j); gone++) set_leaf(r, gone, j, 0);
    if (r->marks && at % r->o.period == 0) {
        float *to = r->memory + (size_t)(at / r->o.period % r->marks * r->rows + j) * (size_t)r->o.memory;
        if (memory) memcpy(to, memory + (size_t)j * (size_t)r->o.memory, (size_t)r->o.memory * sizeof(float));
    }
    return at;
}

static float shaped(const mb_replay *r, float reward)
{
    float x = mb__replay_shaped(r, reward);
    return r->o.reward_noise > 0 ? x + mb_uniform(r->rng, 0, r->o.reward_noise) : x;
}

void mb_replay_add(mb_replay *r, const float *memory)
{
    const mb_vec_view *w = mb_vec_view_of(r->vec);
    for (int j = 0; j < r->rows; j++) {
        int row = row_of(r, j), env = row / r->nagents;
        int64_t acted = r->head[j];
        size_t place = mb__replay_place(r, acted, j);
        bool ended = w->terminated[env] || w->truncated[env];
        for (int i = 0; i < r->nindex; i++) r->index[place * (size_t)r->nindex + (size_t)i] = w->index[row * r->nindex + i];
        for (int i = 0; i < r->nvalue; i++) r->value[place * (size_t)r->nvalue + (size_t)i] = w->value[row * r->nvalue + i];
        r->reward[place] = shaped(r, w->reward[row]);
        if (w->terminated[env]) r->flag[place] |= SLOT_TERMINATED;
        if (w->truncated[env]) r->flag[place] |= SLOT_TRUNCATED;
        if (ended) observe(r, j, advance(r, j, memory), w->final_obs, NULL, SLOT_FINAL);
        observe(r, j, advance(r, j, memory), w->obs, w->mask, ended ? SLOT_START : 0);
        if (r->o.prioritized) admit(r, j, acted);
    }
    *r->added += r->rows;
}
