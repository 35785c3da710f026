/* replay_draw.c - drawing batches from a replay.  Slots are chosen one after another from one stream; what lies in them is
   gathered on the pool. */
#include "rl/replay.h"
#include <math.h>
#include <string.h>

/* ---- what can be drawn ---- */

/* Step through at most nstep rewards from slot `at`.  ret: their discounted sum; discount: of the value of the observation in
   slot `next`.  false: the steps are not complete yet. */
static bool walk(const mb_replay *r, int64_t at, int row, float *ret, float *discount, int64_t *next)
{
    float g = 1;
    *ret = 0;
    for (int k = 0; k < r->o.nstep; k++, at++) {
        if (at >= r->head[row]) return false;
        size_t place = mb__replay_place(r, at, row);
        int flag = r->flag[place];
        *ret = mb_fmaf(g, r->reward[place], *ret);
        g *= r->o.gamma;
        if (flag & SLOT_TERMINATED) g = 0;
        if (!(flag & (SLOT_TERMINATED | SLOT_TRUNCATED))) continue;
        at++;
        break;
    }
    *next = at;
    *discount = g;
    return true;
}

bool mb__replay_fits(const mb_replay *r, int64_t at, int row)
{
    float ret, discount;
    int64_t next;
    if (at < mb__replay_oldest(r, row) || at >= r->head[row]) return false;
    if (r->o.sequence > 0) return at % r->o.period == 0 && at + r->o.sequence <= r->head[row];
    return !(r->flag[mb__replay_place(r, at, row)] & SLOT_FINAL) && walk(r, at, row, &ret, &discount, &next);
}

static int64_t slots_of(const mb_replay *r, int row)
{
    return r->head[row] - mb__replay_oldest(r, row);
}

enum { TRIES = 100000 };

/* Every slot that fits has the same chance: choose a row, then a slot as if all rows had as many as the fullest, and try
   again when it is none that fits. */
static bool choose_uniformly(mb_replay *r, drawn *d)
{
    int64_t most = 1;
    for (int j = 0; j < r->rows; j++) most = slots_of(r, j) > most ? slots_of(r, j) : most;
    for (int i = 0; i < TRIES; i++) {
        int j = r->rows > 1 ? mb_below(r->rng, r->rows) : 0;
        int64_t back = (int64_t)(mb_uniform64(r->rng) * (double)most), at = r->head[j] - 1 - back;
        if (r->o.sequence > 0) at -= at % r->o.period;
        if (at < 0 || !mb__replay_fits(r, at, j)) continue;
        *d = (drawn){ .at = at, .row = j };
        return true;
    }
    return false;
}

/* The i-th of n equal parts of the line of priorities, and a point in it. */
static bool choose_by_priority(mb_replay *r, int i, int n, drawn *d)
{
    double total = mb_sum_tree_total(&r->tree);
    if (!(total > 0)) return false;
    int64_t leaf = mb_sum_tree_find(&r->tree, ((double)i + mb_uniform64(r->rng)) / (double)n * total);
    d->row = (int32_t)(leaf % r->rows);
    int64_t slot = leaf / r->rows, now = r->head[d->row] % r->length;
    d->at = r->head[d->row] - (now - slot + (slot > now ? r->length : 0));
    d->demo = false;
    return true;
}

static bool choose(mb_replay *r, int i, int n, drawn *d)
{
    return r->o.prioritized ? choose_by_priority(r, i, n, d) : choose_uniformly(r, d);
}

bool mb_replay_ready(const mb_replay *r)
{
    if (r->demo && !mb_replay_ready(r->demo)) return false;
    if (r->o.prioritized) return mb_sum_tree_total(&r->tree) > 0;
    for (int j = 0; j < r->rows; j++) { /* the newest that could fit is not far behind */
        int64_t head = r->head[j], back = r->o.sequence > 0 ? r->o.sequence + r->o.period : r->o.nstep + 1;
        for (int64_t at = head - 1; at >= 0 && at >= head - back; at--)
            if (mb__replay_fits(r, at, j)) return true;
    }
    return false;
}

/* ---- inputs ---- */

static mb_obs_input obs_inputs(mb_graph *g, const mb_replay *r, int size)
{
    mb_obs_input in = mb_obs_inputs(g, &r->seen, size, r->o.sequence);
    if (in.mask.id >= 0 && !r->nmask) in.mask = (mb_var){ g, -3 };
    return in;
}

mb_sample mb_replay_inputs(mb_graph *g, mb_replay *r, int size)
{
    int time = r->o.sequence;
    mb_shape s = time ? MB_S2(size, time) : MB_S1(size);
    mb_var none = { g, -3 };
    mb_sample b = { .size = size, .time = time, .obs = obs_inputs(g, r, size), .valid = none, .keep = none, .boot = none, .state = none };
    if (!time) b.next = obs_inputs(g, r, size);
    b.act = mb_act_inputs(g, &r->seen.act, size, time);
    b.reward = mb_input(g, "reward", MB_F32, s);
    b.discount = mb_input(g, "discount", MB_F32, s);
    b.weight = mb_input(g, "weight", MB_F32, MB_S1(size));
    if (time) {
        b.valid = mb_input(g, "valid", MB_F32, s);
        b.keep = mb_input(g, "keep", MB_F32, s);
        b.boot = mb_input(g, "boot", MB_I32, s);
        if (r->o.memory > 0) b.state = mb_input(g, "memory", MB_F32, MB_S2(size, r->o.memory));
    }
    if (size > r->batch) {
        mb_error err = { 0 };
        r->items = mb_alloc(r->scope->arena, (size_t)size, sizeof *r->items, &err);
        r->batch = r->items ? size : 0;
    }
    return b;
}

bool mb_replay_mix(mb_replay *r, mb_replay *demo, float share, mb_error *err)
{
    bool same = r->nfields == demo->nfields && r->nindex == demo->nindex && r->nvalue == demo->nvalue && r->nmask == demo->nmask &&
                r->o.nstep == demo->o.nstep && r->o.gamma == demo->o.gamma && r->o.stack == demo->o.stack && r->o.sequence == demo->o.sequence &&
                r->o.memory == demo->o.memory && r->o.period == demo->o.period;
    for (int f = 0; same && f < r->nfields; f++) same = r->field_bytes[f] == demo->field_bytes[f];
    if (!same) return mb_fail(err, MB_ERR_USAGE, "replay '%s': the demonstrations in '%s' are of another kind", r->name, demo->name);
    if (!(share >= 0 && share <= 1)) return mb_fail(err, MB_ERR_RANGE, "replay: the share of demonstrations must lie in [0, 1], not %g", (double)share);
    r->demo = demo;
    r->share = share;
    return true;
}

/* ---- gathering ---- */

static float *f32(mb_var input)
{
    return mb_input_data(input);
}

/* The stacked frames of one field in slot `at`, oldest first in every pixel; before the episode began its first frame again. */
static void put_frames(const mb_replay *r, int f, const drawn *d, char *to)
{
    size_t bytes = r->field_bytes[f];
    const mb_field *field = &r->seen.obs.field[f];
    int stack = field->kind == MB_FIELD_DISCRETE ? 1 : r->o.stack;
    int64_t at = d->at;
    size_t pixel = field->h > 0 ? bytes / (size_t)(field->h * field->w) : bytes;
    for (int k = stack - 1; k >= 0; k--) {
        size_t place = mb__replay_place(r, at, d->row);
        const char *from = r->obs[f] + place * bytes;
        char *x = to + (size_t)k * pixel;
        for (size_t i = 0; i < bytes; i += pixel, x += pixel * (size_t)stack) memcpy(x, from + i, pixel);
        if (!(r->flag[place] & SLOT_START)) at--;
    }
}

static void put_obs(const mb_replay *r, const mb_obs_input *in, size_t i, const drawn *d)
{
    for (int f = 0; f < r->nfields; f++) {
        size_t bytes = mb_field_bytes(&r->seen.obs.field[f]);
        char *to = (char *)mb_input_data(in->field[f]) + i * bytes;
        if (r->o.stack > 1) put_frames(r, f, d, to);
        else memcpy(to, r->obs[f] + mb__replay_place(r, d->at, d->row) * bytes, bytes);
    }
    size_t n = (size_t)r->nmask;
    if (n) memcpy((char *)mb_input_data(in->mask) + i * n, r->mask + mb__replay_place(r, d->at, d->row) * n, n);
}

static void put_act(const mb_replay *r, const mb_act_input *in, size_t i, const drawn *d)
{
    size_t place = mb__replay_place(r, d->at, d->row);
    for (int k = 0; k < r->nindex; k++) ((int32_t *)mb_input_data(in->index[k]))[i] = r->index[place * (size_t)r->nindex + (size_t)k];
    size_t n = (size_t)r->nvalue;
    if (n) memcpy((float *)mb_input_data(in->value) + i * n, r->value + place * n, n * sizeof(float));
}

static void put_transition(const mb_replay *r, const mb_sample *b, size_t i, drawn d)
{
    int64_t next = d.at;
    put_obs(r, &b->obs, i, &d);
    put_act(r, &b->act, i, &d);
    if (d.goal < 0) walk(r, d.at, d.row, f32(b->reward) + i, f32(b->discount) + i, &next);
    else mb__hindsight_walk(r, &d, f32(b->reward) + i, f32(b->discount) + i, &next);
    d.at = next;
    put_obs(r, &b->next, i, &d);
    if (d.goal < 0) return;
    size_t n = r->field_bytes[MB_GOAL_DESIRED];
    memcpy((char *)mb_input_data(b->obs.field[MB_GOAL_DESIRED]) + i * n, mb__hindsight_goal(r, &d), n);
    memcpy((char *)mb_input_data(b->next.field[MB_GOAL_DESIRED]) + i * n, mb__hindsight_goal(r, &d), n);
}

static void put_stretch(const mb_replay *r, const mb_sample *b, size_t i, drawn d)
{
    int64_t first = d.at;
    size_t state = (size_t)r->o.memory;
    if (state) {
        const float *from = r->memory + (size_t)(first / r->o.period % r->marks * r->rows + d.row) * state;
        memcpy((float *)mb_input_data(b->state) + i * state, from, state * sizeof(float));
    }
    for (int t = 0; t < b->time; t++, d.at++) {
        size_t at = i * (size_t)b->time + (size_t)t;
        int flag = r->flag[mb__replay_place(r, d.at, d.row)];
        int64_t next = d.at;
        put_obs(r, &b->obs, at, &d);
        put_act(r, &b->act, at, &d);
        float *reward = f32(b->reward) + at, *discount = f32(b->discount) + at;
        bool whole = !(flag & SLOT_FINAL) && walk(r, d.at, d.row, reward, discount, &next);
        bool inside = next - first < b->time;
        whole = whole && (inside || *discount == 0);
        if (!whole) *reward = *discount = 0;
        f32(b->valid)[at] = whole ? 1 : 0;
        f32(b->keep)[at] = flag & SLOT_START ? 0 : 1;
        ((int32_t *)mb_input_data(b->boot))[at] = whole && inside ? (int32_t)(next - first) : t;
    }
}

enum { ITEMS_PER_JOB = 32 };
struct gather { const mb_replay *r; const mb_sample *b; };

static void gather(void *ctx, int job, int thread)
{
    const struct gather *w = ctx;
    int end = (job + 1) * ITEMS_PER_JOB < w->b->size ? (job + 1) * ITEMS_PER_JOB : w->b->size;
    for (int i = job * ITEMS_PER_JOB; i < end; i++) {
        drawn d = w->r->items[i];
        const mb_replay *from = d.demo ? w->r->demo : w->r;
        if (w->b->time) put_stretch(from, w->b, (size_t)i, d);
        else put_transition(from, w->b, (size_t)i, d);
    }
}

/* ---- a batch ---- */

static double priority_of(const mb_replay *r, const drawn *d)
{
    return mb_sum_tree_get(&r->tree, (int64_t)mb__replay_place(r, d->at, d->row));
}

/* w_i = (N P_i)^-beta / max_j w_j: what the priorities of a replay have in common cancels */
static void put_weights(const mb_replay *r, const mb_sample *b, float beta)
{
    float *w = f32(b->weight);
    double least = 0;
    for (int i = 0; i < b->size; i++) {
        double p = r->items[i].demo || !r->o.prioritized ? 0 : priority_of(r, &r->items[i]);
        if (p > 0 && (least == 0 || p < least)) least = p;
    }
    for (int i = 0; i < b->size; i++)
        w[i] = r->items[i].demo || !r->o.prioritized ? 1 : (float)mb_pow64(least / priority_of(r, &r->items[i]), (double)beta);
}

bool mb_replay_draw(mb_replay *r, const mb_sample *b, float beta, mb_error *err)
{
    if (b->size > r->batch) return mb_fail(err, MB_ERR_MEMORY, "replay '%s': no memory for a batch of %d", r->name, b->size);
    int ndemo = r->demo ? (int)(r->share * (float)b->size + 0.5f) : 0;
    for (int i = 0; i < b->size; i++) {
        bool demo = i < ndemo;
        mb_replay *from = demo ? r->demo : r;
        if (!choose(from, demo ? i : i - ndemo, demo ? ndemo : b->size - ndemo, &r->items[i]))
            return mb_fail(err, MB_ERR_USAGE, "replay '%s': nothing can be drawn yet: too few steps were taken", from->name);
        r->items[i].demo = demo;
        r->items[i].goal = -1;
        if (from->o.hindsight) mb__hindsight_choose(from, &r->items[i]);
    }
    r->nitems = b->size;
    struct gather w = { r, b };
    mb_pool_run(r->scope->pool, (b->size + ITEMS_PER_JOB - 1) / ITEMS_PER_JOB, gather, &w);
    put_weights(r, b, beta);
    return true;
}

bool mb_replay_update(mb_replay *r, const float *error, mb_error *err)
{
    for (int i = 0; i < r->nitems; i++)
        if (!(error[i] >= 0 && error[i] < MB_INF))
            return mb_fail(err, MB_ERR_NUMERIC, "replay '%s': the new priority of item %d is %g", r->name, i, (double)error[i]);
    for (int i = 0; i < r->nitems; i++) {
        mb_replay *at = r->items[i].demo ? r->demo : r;
        double p = (double)error[i] + (double)at->o.eps;
        if (!at->o.prioritized || priority_of(at, &r->items[i]) == 0) continue;
        if (p > *at->most) *at->most = p;
        mb_sum_tree_set(&at->tree, (int64_t)mb__replay_place(at, r->items[i].at, r->items[i].row), mb_pow64(p, (double)at->o.alpha));
    }
    return true;
}

int64_t mb_replay_drawn(const mb_replay *r, int i, int *row)
{
    if (row) *row = r->items[i].row;
    return r->items[i].at;
}

int64_t mb_replay_goal(const mb_replay *r, int i, int *row)
{
    if (row) *row = r->items[i].goal_row;
    return r->items[i].goal;
}
