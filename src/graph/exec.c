/* exec.c - running a plan.  No allocation, no system call but waking a sleeping thread. */
#include "graph/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void *address(const mb__operand_at *at, char *tile, int64_t row)
{
    switch (at->kind) {
    case MB__IN_TILE: return tile + at->off;
    case MB__BOUND: return (char *)*at->bound + at->off + row * at->step;
    default: return at->base + row * at->step;
    }
}

static void run_step(mb_plan *p, const mb__step *st, mb__run *x, char *tile, int block, int64_t row)
{
    for (int i = 0; i <= st->nin; i++) x->in[i] = address(&st->at[i], tile, row);
    if (st->flat) { /* no broadcasts: straight to the loop */
        const mb__node *n = st->node;
        p->k->map_flat((mb__map_fn)n->p[0], x->in[st->nin], x->in[0], st->nin > 1 ? x->in[1] : NULL, st->nin > 2 ? x->in[2] : NULL,
                       (ptrdiff_t)x->rows * n->p[5], n->c, n->d);
        return;
    }
    x->node = st->node;
    x->src = st->src;
    x->ld = st->ld;
    x->out = x->in[st->nin];
    if (st->reduce && block > 0) x->out = st->partial + (size_t)(block - 1) * (((size_t)mb__count(st->node->shape) * 4 + 63) / 64 * 64);
    st->node->op->run(x);
}

struct job { mb_plan *p; const mb__stage *s; };

static void run_block(void *ctx, int block, int thread)
{
    const struct job *j = ctx;
    mb_plan *p = j->p;
    const mb__stage *s = j->s;
    char *tile = p->tiles + (size_t)thread * p->tile_bytes;
    mb__run x = { .k = p->k, .in = p->pointers + (size_t)thread * ((size_t)p->max_in + 16),
                  .scratch = p->scratch + (size_t)thread * p->scratch_bytes, .first = true };
    int64_t row = (int64_t)block * s->tiles_per_block * s->tile;
    for (int t = 0; t < s->tiles_per_block && row < s->rows; t++, row += s->tile) {
        x.rows = s->rows - row < s->tile ? (int)(s->rows - row) : s->tile;
        x.row0 = (int)row;
        for (int i = s->first; i < s->first + s->nsteps; i++) run_step(p, &p->steps[i], &x, tile, block, row);
        p->executed[thread * 16] += s->nsteps;
        x.first = false;
    }
}

static void run_whole(mb_plan *p, const mb__stage *s)
{
    mb__run x = { .k = p->k, .in = p->pointers, .scratch = p->scratch, .first = true, .pool = s->brief ? NULL : p->pool,
                  .scratch_bytes = p->scratch_bytes };
    for (int i = s->first; i < s->first + s->nsteps; i++) {
        const mb_shape shape = p->steps[i].node->shape;
        x.rows = shape.rank ? shape.d[0] : 1;
        run_step(p, &p->steps[i], &x, p->tiles, 0, 0);
    }
    p->executed[0] += s->nsteps;
}

/* ---- joining the blocks' sums: a fixed tree, whoever does it ---- */

enum { JOIN_CHUNK = 8192 };

struct join { mb_plan *p; const mb__step *st; int nblocks; int64_t n; };

static void join_chunk(void *ctx, int chunk, int thread)
{
    const struct join *j = ctx;
    size_t stride = ((size_t)j->n * 4 + 63) / 64 * 64;
    int64_t from = (int64_t)chunk * JOIN_CHUNK, n = j->n - from < JOIN_CHUNK ? j->n - from : JOIN_CHUNK;
    float *out = (float *)(void *)j->st->at[j->st->nin].base;
    for (int step = 1; step < j->nblocks; step *= 2)
        for (int b = 0; b + step < j->nblocks; b += 2 * step) {
            float *to = b == 0 ? out : (float *)(void *)(j->st->partial + (size_t)(b - 1) * stride);
            const float *add = (const float *)(const void *)(j->st->partial + (size_t)(b + step - 1) * stride);
            j->p->k->add_to(to + from, add + from, n);
        }
}

static void join_blocks(mb_plan *p, const mb__stage *s)
{
    for (int i = s->first; i < s->first + s->nsteps; i++) {
        const mb__step *st = &p->steps[i];
        if (!st->reduce) continue;
        struct join j = { p, st, s->nblocks, mb__count(st->node->shape) };
        mb_pool_run(p->pool, (int)((j.n + JOIN_CHUNK - 1) / JOIN_CHUNK), join_chunk, &j);
    }
}

void mb_exec(mb_plan *p)
{
    for (int i = 0; i < p->nstages; i++) {
        const mb__stage *s = &p->stages[i];
        struct job j = { p, s };
        if (!s->rows) {
            run_whole(p, s);
        } else if (s->nblocks == 1) {
            run_block(&j, 0, 0);
        } else {
            mb_pool_run(s->brief ? NULL : p->pool, s->nblocks, run_block, &j);
            join_blocks(p, s);
        }
    }
}

/* ---- values ---- */

void *mb_input_data(mb_var a)
{
    return a.id < 0 ? NULL : mb__of(a)->data;
}

float *mb_data(mb_var a)
{
    if (a.id < 0) return NULL;
    const mb_graph *g = a.g;
    if (!g->plan) return mb__of(a)->data;
    const mb_plan *p = g->plan;
    int id = a.id;
    int64_t off = 0;
    for (; p->nodes[id].op->rows == MB__ALIAS; id = p->nodes[id].in[0]) {
        const mb__node *n = &p->nodes[id];
        if (n->op == &mb__op_slice_rows) off += n->p[1] * mb__row_count(n->shape);
    }
    const mb__node *r = &p->nodes[id];
    if (r->place == MB__AT_LEAF) return (float *)r->data + off;
    MB_ASSERT(r->place == MB__AT_SLAB);
    return (float *)(void *)(p->slab + r->off) + off;
}

float mb_get(mb_var scalar)
{
    const float *v = mb_data(scalar);
    return v ? *v : NAN;
}

mb_plan_info mb_plan_info_of(const mb_plan *p)
{
    int64_t executed = 0;
    for (int i = 0; i < p->nthreads; i++) executed += p->executed[i * 16];
    return (mb_plan_info){ p->k->isa, p->n, p->nsteps, p->nstages, executed, p->slab_bytes + p->tile_bytes, p->plain_bytes, p->flops };
}

/* ---- finding the first NaN: the plain reference, node by node ---- */

static bool finite_all(const double *v, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(v[i])) return false;
    return true;
}

bool mb_plan_trace(mb_plan *p, char *what, size_t size)
{
    mb_arena *a = p->g->scope->arena;
    mb_error err = { 0 };
    size_t mark = mb_arena_mark(a);
    bool found = false;
    mb_arena_seal(a, false);
    double **values = mb_alloc(a, (size_t)p->g->n, sizeof *values, &err);
    if (values && mb__reference(p->g, a, values, &err))
        for (int i = 0; i < p->g->n && !found; i++) {
            const mb__node *n = &p->g->nodes[i];
            if (n->op->effect || finite_all(values[i], mb__count(n->shape))) continue;
            char shape[64];
            mb__shape_text(n->shape, shape, sizeof shape);
            snprintf(what, size, "node %d of graph '%s': %s%s%s %s, made at %s:%d", i, p->g->name, n->op->name, n->name ? " " : "",
                     n->name ? n->name : "", shape, n->file ? n->file : "?", n->line);
            found = true;
        }
    mb_arena_release(a, mark);
    mb_arena_seal(a, true);
    return found;
}
