/* plan.c - from a graph to steps: dead nodes removed, layers fused, work grouped into stages of tiles, memory laid out by
   lifetime.  Everything decided here depends on shapes alone, so results do not depend on threads or kernels. */
#include "graph/internal.h"
#include <string.h>

enum { TILE_BYTES = 160 * 1024, TILE_ROWS = 64, MAX_BLOCKS = 16 };

static int rows_of(mb_shape s)
{
    return s.rank ? s.d[0] : 1;
}

static int64_t width_of(mb_dtype t)
{
    return t == MB_U8 ? 1 : 4;
}

bool mb__alias_whole(const mb__node *n)
{
    return n->op == &mb__op_slice_rows || (n->op == &mb__op_reshape && n->p[0]);
}

static int batch_of(const mb_plan *p, int id)
{
    const mb__node *n = &p->nodes[id];
    if (n->op->rows == MB__WHOLE) return 0;
    return n->op->rows == MB__REDUCE ? rows_of(p->nodes[n->in[0]].shape) : rows_of(n->shape);
}

/* the node whose memory input `id` is; *whole: on the way the batch axis changed */
static int root_of(const mb_plan *p, int id, bool *whole)
{
    while (p->nodes[id].op->rows == MB__ALIAS) {
        if (whole && mb__alias_whole(&p->nodes[id])) *whole = true;
        id = p->nodes[id].in[0];
    }
    return id;
}

static bool reads_rows(const mb_plan *p, int id, int i)
{
    const mb__node *n = &p->nodes[id];
    if (n->op->rows == MB__WHOLE) return false;
    return n->op->in_row ? n->op->in_row(n, p->src[id], i) : true;
}

/* Must input i of node `id` be complete before the node's stage begins? */
static bool crosses(const mb_plan *p, int id, int i, int *root)
{
    bool whole = false;
    *root = root_of(p, p->nodes[id].in[i], &whole);
    const mb__node *n = &p->nodes[id], *r = &p->nodes[*root];
    if (r->op->rows == MB__LEAF) return false;
    if (n->op->rows == MB__WHOLE && r->op->rows == MB__WHOLE) return false;
    if (r->op->rows == MB__ROW && batch_of(p, id) == 1 && batch_of(p, *root) == 1) return false; /* one row: order is enough */
    return !(r->op->rows == MB__ROW && !whole && reads_rows(p, id, i) && batch_of(p, id) == batch_of(p, *root));
}

/* ---- dead nodes and fusion ---- */

static void mark_needed(mb_plan *p)
{
    for (int i = 0; i < p->n; i++) p->nodes[i].needed = false, p->nodes[i].uses = 0;
    for (int i = p->n - 1; i >= 0; i--) {
        mb__node *n = &p->nodes[i];
        if (n->output || n->op->effect) n->needed = true;
        if (!n->needed) continue;
        for (int k = 0; k < n->nin; k++) p->nodes[n->in[k]].needed = true, p->nodes[n->in[k]].uses++;
    }
}

/* the inputs of the plan's nodes, apart from the graph's */
static bool own_inputs(mb_plan *p, mb_error *err)
{
    size_t n = 0;
    for (int i = 0; i < p->n; i++) n += (size_t)p->nodes[i].nin;
    int *in = mb_alloc(p->g->scope->arena, n, sizeof *in, err);
    if (!in) return false;
    for (int i = 0; i < p->n; in += p->nodes[i++].nin) {
        if (p->nodes[i].nin) memcpy(in, p->nodes[i].in, (size_t)p->nodes[i].nin * sizeof *in);
        p->nodes[i].in = in;
    }
    return true;
}

static bool equal(const mb__node *a, const mb__node *b)
{
    return a->op == b->op && a->nin == b->nin && a->c == b->c && a->d == b->d && memcmp(a->p, b->p, sizeof a->p) == 0 &&
           mb__same(a->shape, b->shape) && memcmp(a->in, b->in, (size_t)a->nin * sizeof *a->in) == 0;
}

/* Elementwise values that are there already: gradient rules ask for the same exponential or comparison again. */
static bool merge_equals(mb_plan *p, mb_error *err)
{
    enum { NEAR = 128 }; /* how far back to look: compiling stays linear */
    int *same = mb_alloc(p->g->scope->arena, (size_t)p->n, sizeof *same, err);
    if (!same) return false;
    for (int i = 0; i < p->n; i++) {
        mb__node *n = &p->nodes[i];
        same[i] = i;
        if (!n->needed) continue;
        for (int k = 0; k < n->nin; k++) n->in[k] = same[n->in[k]];
        if (n->op != &mb__op_map || n->output) continue;
        for (int j = i - 1; j >= 0 && j >= i - NEAR; j--)
            if (p->nodes[j].op == n->op && p->nodes[j].needed && same[j] == j && equal(&p->nodes[j], n)) {
                same[i] = j;
                break;
            }
    }
    return true;
}

static mb__act_fn activation(int fn)
{
    switch (fn) {
    case MB__MAP_RELU: return MB__ACT_RELU;
    case MB__MAP_TANH: return MB__ACT_TANH;
    case MB__MAP_SIGMOID: return MB__ACT_SIGMOID;
    case MB__MAP_SILU: return MB__ACT_SILU;
    case MB__MAP_GELU: return MB__ACT_GELU;
    default: return MB__ACT_NONE;
    }
}

/* product + bias vector -> product with bias; product -> activation: product with activation */
static bool fuse(mb_plan *p, int id, mb_error *err)
{
    mb__node *n = &p->nodes[id];
    if (n->op != &mb__op_map || !n->needed) return true;
    mb__node *m = &p->nodes[n->in[0]];
    if ((m->op != &mb__op_matmul && m->op != &mb__op_conv) || m->uses != 1 || m->output || m->p[0] || !mb__same(m->shape, n->shape))
        return true;
    bool bias = n->p[0] == MB__MAP_ADD && m->nin == 2 && n->nin == 2;
    if (bias) {
        mb_shape b = p->nodes[n->in[1]].shape;
        if (b.rank != 1 || b.d[0] != n->shape.d[n->shape.rank - 1]) return true;
    } else if (n->nin != 1 || activation(n->p[0]) == MB__ACT_NONE) {
        return true;
    }
    int nin = m->nin + bias;
    int *in = mb_alloc(p->g->scope->arena, (size_t)nin, sizeof *in, err);
    if (!in) return false;
    memcpy(in, m->in, (size_t)m->nin * sizeof *in);
    if (bias) in[m->nin] = n->in[1];
    mb__act_fn act = bias ? MB__ACT_NONE : activation(n->p[0]);
    memcpy(n->p, m->p, sizeof n->p);
    n->p[0] = (int)act;
    n->c = m->c;
    n->op = m->op;
    n->in = in;
    n->nin = nin;
    return true;
}

static bool link_sources(mb_plan *p, mb_error *err)
{
    for (int i = 0; i < p->n; i++) {
        mb__node *n = &p->nodes[i];
        p->src[i] = mb_alloc(p->g->scope->arena, (size_t)n->nin, sizeof **p->src, err);
        if (!p->src[i]) return false;
        for (int k = 0; k < n->nin; k++) p->src[i][k] = &p->nodes[n->in[k]];
    }
    return true;
}

/* ---- levels: a value that must be complete is one level before its reader; everything else as late as possible,
   so that a forward pass runs beside the loss that reads it ---- */

static bool works(const mb__node *n)
{
    return n->needed && n->op->rows != MB__LEAF && n->op->rows != MB__ALIAS;
}

/* `late`: outputs that nobody reads are computed last, so that what they are made of may stay in one tile with the gradients. */
static void find_levels(mb_plan *p, bool late)
{
    int top = 0, root;
    for (int i = 0; i < p->n; i++) {
        mb__node *n = &p->nodes[i];
        n->level = 0;
        if (!works(n)) continue;
        for (int k = 0; k < n->nin; k++) {
            bool c = crosses(p, i, k, &root);
            const mb__node *r = &p->nodes[root];
            if (r->op->rows != MB__LEAF && r->level + c > n->level) n->level = r->level + c;
        }
        if (n->level > top) top = n->level;
    }
    for (int i = 0; i < p->n; i++) { /* effects come last */
        if (works(&p->nodes[i]) && p->nodes[i].op->effect) p->nodes[i].level = top + 2;
        p->nodes[i].order = -1; /* here: the lowest level a reader allows */
    }
    for (int i = p->n - 1; i >= 0; i--) {
        mb__node *n = &p->nodes[i];
        if (!works(n)) continue;
        if (n->order >= 0) n->level = n->order;
        else if (late && !n->op->effect) n->level = top + 1;
        int before = n->op->effect && n->order < 0; /* what an effect reads belongs beside those outputs */
        for (int k = 0; k < n->nin; k++) {
            bool c = crosses(p, i, k, &root);
            mb__node *r = &p->nodes[root];
            if (r->order < 0 || n->level - before - c < r->order) r->order = n->level - before - c;
        }
    }
}

/* ---- stages ---- */

static bool find_stages(mb_plan *p, mb_error *err)
{
    int levels = 0;
    p->nstages = p->nsteps = 0;
    for (int i = 0; i < p->n; i++)
        if (works(&p->nodes[i]) && p->nodes[i].level >= levels) levels = p->nodes[i].level + 1;
    p->stages = mb_alloc(p->g->scope->arena, (size_t)p->n + 1, sizeof *p->stages, err);
    p->steps = mb_alloc(p->g->scope->arena, (size_t)p->n + 1, sizeof *p->steps, err);
    int *by_level = mb_alloc(p->g->scope->arena, (size_t)p->n + 1, sizeof *by_level, err);
    int *count = mb_alloc(p->g->scope->arena, (size_t)levels + 1, sizeof *count, err);
    if (!p->stages || !p->steps || !by_level || !count) return false;
    for (int i = 0; i < p->n; i++)
        if (works(&p->nodes[i])) count[p->nodes[i].level + 1]++;
    for (int l = 0; l < levels; l++) count[l + 1] += count[l];
    for (int i = 0, *at = count; i < p->n; i++) /* stable: nodes stay in order within their level */
        if (works(&p->nodes[i])) by_level[at[p->nodes[i].level]++] = i, p->nodes[i].stage = -1;
    for (int l = 0, from = 0; l < levels; from = count[l++])
        for (int i = from; i < count[l]; i++) {
            if (p->nodes[by_level[i]].stage >= 0) continue;
            int batch = batch_of(p, by_level[i]);
            mb__stage *s = &p->stages[p->nstages];
            *s = (mb__stage){ .rows = batch, .first = p->nsteps };
            for (int k = i; k < count[l]; k++) {
                mb__node *n = &p->nodes[by_level[k]];
                if (n->stage >= 0 || batch_of(p, by_level[k]) != batch) continue;
                n->stage = p->nstages;
                n->order = p->nsteps;
                p->steps[p->nsteps++].node = n;
            }
            s->nsteps = p->nsteps - s->first;
            p->nstages++;
        }
    return true;
}

/* ---- memory by lifetime: first fit over a sorted list of holes ---- */

struct hole { int64_t at, size; };
struct heap { struct hole *holes; int n; int64_t top; };

static int64_t take(struct heap *h, int64_t size)
{
    for (int i = 0; i < h->n; i++) {
        if (h->holes[i].size < size) continue;
        int64_t at = h->holes[i].at;
        h->holes[i].at += size;
        h->holes[i].size -= size;
        if (!h->holes[i].size) memmove(&h->holes[i], &h->holes[i + 1], (size_t)(--h->n - i) * sizeof *h->holes);
        return at;
    }
    int64_t at = h->top;
    if (h->n && h->holes[h->n - 1].at + h->holes[h->n - 1].size == h->top) at = h->holes[--h->n].at;
    h->top = at + size;
    return at;
}

static void give(struct heap *h, int64_t at, int64_t size)
{
    int i = 0;
    while (i < h->n && h->holes[i].at < at) i++;
    bool left = i > 0 && h->holes[i - 1].at + h->holes[i - 1].size == at, right = i < h->n && at + size == h->holes[i].at;
    if (left && right) {
        h->holes[i - 1].size += size + h->holes[i].size;
        memmove(&h->holes[i], &h->holes[i + 1], (size_t)(--h->n - i) * sizeof *h->holes);
    } else if (left) {
        h->holes[i - 1].size += size;
    } else if (right) {
        h->holes[i].at = at, h->holes[i].size += size;
    } else {
        memmove(&h->holes[i + 1], &h->holes[i], (size_t)(h->n++ - i) * sizeof *h->holes);
        h->holes[i] = (struct hole){ at, size };
    }
}

/* Which values live in the tile, and when each is read last: stage for the slab, step for the tile. */
static void find_places(mb_plan *p, int *last_stage, int *last_step)
{
    int root;
    for (int i = 0; i < p->n; i++) {
        mb__node *n = &p->nodes[i];
        last_stage[i] = last_step[i] = -1;
        n->place = n->op->rows == MB__LEAF ? MB__AT_LEAF : works(n) ? (n->op->rows == MB__ROW ? MB__AT_TILE : MB__AT_SLAB) : MB__NOWHERE;
    }
    for (int i = 0; i < p->n; i++) {
        mb__node *n = &p->nodes[i];
        if (n->output) {
            int r = root_of(p, i, NULL);
            last_stage[r] = p->nstages;
            if (p->nodes[r].place == MB__AT_TILE) p->nodes[r].place = MB__AT_SLAB;
        }
        if (!works(n)) continue;
        for (int k = 0; k < n->nin; k++) {
            bool whole = false, rows = reads_rows(p, i, k);
            root = root_of(p, n->in[k], &whole);
            mb__node *r = &p->nodes[root];
            if (n->stage > last_stage[root]) last_stage[root] = n->stage;
            if (n->order > last_step[root]) last_step[root] = n->order;
            if (r->place == MB__AT_TILE && (whole || !rows || n->stage != r->stage)) r->place = MB__AT_SLAB;
        }
    }
}

static int64_t round64(int64_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Tile memory of one stage in floats per row, then its tile size. */
static void place_tiles(mb_plan *p, mb__stage *s, const int *last_step, struct heap *h)
{
    *h = (struct heap){ h->holes, 0, 0 };
    for (int i = 0; i < s->nsteps; i++) {
        int order = s->first + i;
        mb__node *n = (mb__node *)(uintptr_t)p->steps[order].node;
        int id = (int)(n - p->nodes);
        if (n->place == MB__AT_TILE) n->off = take(h, mb__row_count(n->shape));
        if (n->place == MB__AT_TILE && last_step[id] < 0) give(h, n->off, mb__row_count(n->shape));
        for (int k = 0; k < n->nin; k++) {
            int r = root_of(p, n->in[k], NULL);
            mb__node *in = &p->nodes[r];
            bool again = false;
            for (int j = 0; j < k; j++) again = again || root_of(p, n->in[j], NULL) == r;
            if (in->place == MB__AT_TILE && last_step[r] == order && !again) give(h, in->off, mb__row_count(in->shape));
        }
    }
    int tile = TILE_ROWS;
    while (tile > 1 && (int64_t)tile * h->top * 4 > TILE_BYTES) tile /= 2;
    if (tile > s->rows) tile = s->rows;
    s->tile = tile;
    int ntiles = (s->rows + tile - 1) / tile;
    s->tiles_per_block = (ntiles + MAX_BLOCKS - 1) / MAX_BLOCKS;
    s->nblocks = (ntiles + s->tiles_per_block - 1) / s->tiles_per_block;
    size_t bytes = (size_t)round64(h->top * tile * 4);
    if (bytes > p->tile_bytes) p->tile_bytes = bytes;
}

static void place_slab(mb_plan *p, const int *last_stage, struct heap *h)
{
    *h = (struct heap){ h->holes, 0, 0 };
    for (int si = 0; si < p->nstages; si++) {
        const mb__stage *s = &p->stages[si];
        for (int i = s->first; i < s->first + s->nsteps; i++) {
            mb__node *n = (mb__node *)(uintptr_t)p->steps[i].node;
            int64_t bytes = round64(mb__count(n->shape) * 4);
            p->plain_bytes += (size_t)bytes;
            n->partial = -1;
            if (n->place == MB__AT_SLAB) n->off = take(h, bytes);
            if (n->op->rows == MB__REDUCE && s->nblocks > 1) n->partial = take(h, bytes * (s->nblocks - 1));
        }
        for (int i = s->first; i < s->first + s->nsteps; i++) {
            const mb__node *n = p->steps[i].node;
            if (n->partial >= 0) give(h, n->partial, round64(mb__count(n->shape) * 4) * (s->nblocks - 1));
        }
        for (int id = 0; id < p->n; id++)
            if (p->nodes[id].place == MB__AT_SLAB && (last_stage[id] == si || (last_stage[id] < 0 && p->nodes[id].stage == si)))
                give(h, p->nodes[id].off, round64(mb__count(p->nodes[id].shape) * 4));
    }
    p->slab_bytes = (size_t)h->top;
}

/* ---- operands ---- */

/* elements between an alias and the row begin of its root */
static int64_t alias_offset(const mb_plan *p, int id)
{
    int64_t off = 0;
    for (; p->nodes[id].op->rows == MB__ALIAS; id = p->nodes[id].in[0]) {
        const mb__node *n = &p->nodes[id];
        if (n->op != &mb__op_slice_view && n->op != &mb__op_slice_rows) continue;
        mb_shape s = p->nodes[n->in[0]].shape;
        int64_t rest = 1;
        for (int i = n->p[0] + 1; i < s.rank; i++) rest *= s.d[i];
        off += n->p[1] * rest;
    }
    return off;
}

/* elements from row to row: of the outermost node that still has this batch axis */
static int64_t alias_ld(const mb_plan *p, int id)
{
    while (p->nodes[id].op->rows == MB__ALIAS && !mb__alias_whole(&p->nodes[id])) id = p->nodes[id].in[0];
    return mb__row_count(p->nodes[id].shape);
}

static mb__operand_at locate(const mb_plan *p, int id, bool rows, int tile)
{
    int root = root_of(p, id, NULL);
    const mb__node *r = &p->nodes[root];
    int64_t width = width_of(r->type), off = alias_offset(p, id) * width;
    mb__operand_at at = { .kind = MB__ABSOLUTE, .step = rows ? alias_ld(p, id) * width : 0 };
    if (r->place == MB__AT_LEAF) {
        at.kind = MB__BOUND;
        at.bound = &r->data;
        at.off = off;
    } else if (r->place == MB__AT_TILE) {
        at.kind = MB__IN_TILE;
        at.off = r->off * tile * 4 + off;
        at.step = 0;
    } else {
        at.base = p->slab + r->off + off;
    }
    return at;
}

/* an elementwise step whose operands all lie in memory as its output does */
static bool flat_map(const mb__node *n, const mb__step *st)
{
    if (n->op != &mb__op_map || n->p[1] > 1) return false;
    for (int k = 0; k < n->nin; k++) {
        bool row = n->p[2] >> k & 1, col = n->p[3] >> k & 1;
        if ((!col && n->p[5] > 1) || !row || st->ld[k] != n->p[5]) return false;
    }
    return true;
}

static bool fill_step(mb_plan *p, const mb__stage *s, mb__step *st, mb_error *err)
{
    const mb__node *n = st->node;
    int id = (int)(n - p->nodes);
    mb_arena *a = p->g->scope->arena;
    st->nin = n->nin;
    st->reduce = n->op->rows == MB__REDUCE;
    st->src = p->src[id];
    st->at = mb_alloc(a, (size_t)n->nin + 1, sizeof *st->at, err);
    st->ld = mb_alloc(a, (size_t)n->nin + 1, sizeof *st->ld, err);
    if (!st->at || !st->ld) return false;
    for (int k = 0; k < n->nin; k++) {
        st->at[k] = locate(p, n->in[k], reads_rows(p, id, k), s->tile);
        st->ld[k] = alias_ld(p, n->in[k]);
    }
    st->at[n->nin] = locate(p, id, n->op->rows == MB__ROW, s->tile);
    st->ld[n->nin] = mb__row_count(n->shape);
    st->flat = flat_map(n, st);
    st->partial = n->partial >= 0 ? p->slab + n->partial : NULL;
    if (n->nin > p->max_in) p->max_in = n->nin;
    if (n->op->flops) p->flops += n->op->flops(n, p->src[id]);
    if (n->op->scratch) {
        int64_t need = round64(n->op->scratch(n, p->src[id], s->tile));
        if ((size_t)need > p->scratch_bytes) p->scratch_bytes = (size_t)need;
    }
    return true;
}

/* Less than about ten microseconds in one thread?  Only speed depends on it: elements at 0.4 ns, products at 50 GFLOP/s. */
static bool is_brief(const mb_plan *p, const mb__stage *s)
{
    double ns = 0;
    for (int i = s->first; i < s->first + s->nsteps; i++) {
        const mb__node *n = p->steps[i].node;
        int64_t elements = mb__count(n->shape);
        if (n->nin && mb__count(p->steps[i].src[0]->shape) > elements) elements = mb__count(p->steps[i].src[0]->shape);
        ns += 0.4 * (double)elements + (n->op->flops ? n->op->flops(n, p->steps[i].src) / 50 : 0);
    }
    return ns < 10e3;
}

/* ---- compiling ---- */

struct layout { int *last_stage, *last_step; struct heap heap; };

/* false: a tile had to be cut, because values of all its rows would not stay in the cache */
static bool plan_tiles(mb_plan *p, struct layout *l)
{
    bool whole = true;
    find_places(p, l->last_stage, l->last_step);
    p->tile_bytes = 0;
    for (int i = 0; i < p->nstages; i++) {
        mb__stage *s = &p->stages[i];
        if (s->rows) place_tiles(p, s, l->last_step, &l->heap);
        else s->tile = 1, s->nblocks = 1, s->tiles_per_block = 1;
        whole = whole && (!s->rows || s->tile == TILE_ROWS || s->tile == s->rows);
    }
    return whole;
}

static bool schedule(mb_plan *p, bool late, mb_error *err)
{
    find_levels(p, late);
    return find_stages(p, err);
}

static bool lay_out(mb_plan *p, mb_error *err)
{
    mb_arena *a = p->g->scope->arena;
    struct layout l = { mb_alloc(a, (size_t)p->n, sizeof(int), err), mb_alloc(a, (size_t)p->n, sizeof(int), err),
                        { mb_alloc(a, (size_t)p->n * 2 + 2, sizeof(struct hole), err), 0, 0 } };
    if (!l.last_stage || !l.last_step || !l.heap.holes || !schedule(p, true, err)) return false;
    if (!plan_tiles(p, &l)) {
        if (!schedule(p, false, err)) return false;
        plan_tiles(p, &l);
    }
    place_slab(p, l.last_stage, &l.heap);
    p->slab = mb_alloc(a, p->slab_bytes, 1, err);
    if (!p->slab) return false;
    for (int i = 0; i < p->nstages; i++) {
        for (int k = 0; k < p->stages[i].nsteps; k++)
            if (!fill_step(p, &p->stages[i], &p->steps[p->stages[i].first + k], err)) return false;
        p->stages[i].brief = is_brief(p, &p->stages[i]);
    }
    size_t threads = (size_t)p->nthreads;
    p->tiles = mb_alloc(a, threads, p->tile_bytes, err);
    p->scratch = mb_alloc(a, threads, p->scratch_bytes, err);
    p->pointers = mb_alloc(a, threads * ((size_t)p->max_in + 16), sizeof *p->pointers, err);
    p->executed = mb_alloc(a, threads * 16, sizeof *p->executed, err);
    return p->tiles && p->scratch && p->pointers && p->executed;
}

static bool strided_output(const mb_plan *p, mb_error *err)
{
    for (int i = 0; i < p->n; i++)
        if (p->nodes[i].output && alias_ld(p, i) != mb__row_count(p->nodes[i].shape))
            return mb_fail(err, MB_ERR_SHAPE, "graph '%s': output node %d is a view inside rows: copy it with mb_scale(x, 1)", p->g->name, i);
    return true;
}

/* the variant asked for, or the widest that this build and CPU have */
static const mb__kernels *kernels_for(const char *isa)
{
    const mb__kernels *k = isa ? mb__kernels_find(isa) : mb__kernels_find("avx512");
    if (!k && !isa) k = mb__kernels_find("avx2");
    return k || isa ? k : mb__kernels_find("plain");
}

mb_plan *mb_compile(mb_graph *g, mb_error *err)
{
    if (g->poisoned) {
        if (err && err->code == MB_OK) *err = g->err;
        return NULL;
    }
    mb_arena *a = g->scope->arena;
    mb_plan *p = mb_alloc(a, 1, sizeof *p, err);
    if (!p) return NULL;
    p->g = g;
    p->n = g->n;
    p->pool = g->scope->pool;
    p->nthreads = p->pool ? mb_pool_size(p->pool) : 1;
    p->k = kernels_for(g->scope->kernels);
    if (!p->k) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "kernels '%s' are not in this build or not for this CPU", g->scope->kernels);
        return NULL;
    }
    p->nodes = mb_alloc(a, (size_t)g->n, sizeof *p->nodes, err);
    p->src = mb_alloc(a, (size_t)g->n, sizeof *p->src, err);
    if (!p->nodes || !p->src) return NULL;
    memcpy(p->nodes, g->nodes, (size_t)g->n * sizeof *p->nodes);
    if (!own_inputs(p, err)) return NULL;
    mark_needed(p);
    if (!merge_equals(p, err)) return NULL;
    mark_needed(p);
    for (int i = 0; i < p->n; i++)
        if (!fuse(p, i, err)) return NULL;
    mark_needed(p);
    if (!link_sources(p, err)) return NULL;
    if (!strided_output(p, err) || !lay_out(p, err)) return NULL;
    return g->plan = p;
}
