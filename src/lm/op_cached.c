/* op_cached.c - keys and values in pages, and attention of single rows to what their text has there.  Pages that several texts begin with
   are shared.  The chains are those of op_attend.c: scores over the head's dimension, softmax over the positions up to the row's own,
   values added in the order of positions, from page to page in one chain. */
#include "lm/ops.h"
#include <string.h>

static size_t page_floats(int layers, int kv, int dim) { return (size_t)layers * (size_t)kv * 2 * MB__LM_PAGE * (size_t)dim; }

size_t mb__lm_cache_bytes(const mb_lm_config *c, int npages)
{
    return (size_t)npages * page_floats(c->layers, c->kv_heads, c->head_dim) * sizeof(float);
}

mb__lm_cache *mb__lm_cache_new(mb_arena *a, const mb_lm_config *config, int slots, int positions, int npages, mb_error *err)
{
    mb__lm_cache *c = mb_alloc(a, 1, sizeof *c, err);
    if (!c) return NULL;
    *c = (mb__lm_cache){ .layers = config->layers, .kv = config->kv_heads, .dim = config->head_dim, .slots = slots, .npages = npages, .nfree = npages };
    c->pages_per_slot = (positions + MB__LM_PAGE - 1) / MB__LM_PAGE;
    c->data = mb_alloc(a, mb__lm_cache_bytes(config, npages), 1, err);
    c->table = mb_alloc(a, (size_t)slots * (size_t)c->pages_per_slot, sizeof(int), err);
    c->users = mb_alloc(a, (size_t)npages, sizeof(int), err);
    c->free = mb_alloc(a, (size_t)npages, sizeof(int), err);
    if (!c->data || !c->table || !c->users || !c->free) return NULL;
    for (int i = 0; i < slots * c->pages_per_slot; i++) c->table[i] = -1;
    for (int i = 0; i < npages; i++) c->free[i] = npages - 1 - i;
    return c;
}

float *mb__lm_cache_at(const mb__lm_cache *c, int page, int layer, int head)
{
    return c->data + (((size_t)page * (size_t)c->layers + (size_t)layer) * (size_t)c->kv + (size_t)head) * 2 * MB__LM_PAGE * (size_t)c->dim;
}

static int *table_of(const mb__lm_cache *c, int slot) { return c->table + (int64_t)slot * c->pages_per_slot; }

bool mb__lm_cache_room(mb__lm_cache *c, int slot, int position)
{
    int *t = table_of(c, slot), i = position / MB__LM_PAGE;
    if (i >= c->pages_per_slot) return false;
    if (t[i] >= 0) return true;
    if (!c->nfree) return false;
    t[i] = c->free[--c->nfree];
    c->users[t[i]] = 1;
    return true;
}

bool mb__lm_cache_fork(mb__lm_cache *c, int from, int to, int n)
{
    int *a = table_of(c, from), *b = table_of(c, to), whole = n / MB__LM_PAGE, rest = n % MB__LM_PAGE;
    for (int i = 0; i < whole; i++) c->users[b[i] = a[i]]++;
    if (!rest) return true;
    if (!mb__lm_cache_room(c, to, n)) return false;
    for (int l = 0; l < c->layers; l++)
        for (int h = 0; h < c->kv; h++) {
            const float *x = mb__lm_cache_at(c, a[whole], l, h);
            float *y = mb__lm_cache_at(c, b[whole], l, h);
            for (int d = 0; d < c->dim; d++) memcpy(y + d * MB__LM_PAGE, x + d * MB__LM_PAGE, (size_t)rest * sizeof(float));
            size_t values = (size_t)c->dim * MB__LM_PAGE;
            memcpy(y + values, x + values, (size_t)rest * (size_t)c->dim * sizeof(float));
        }
    return true;
}

void mb__lm_cache_drop(mb__lm_cache *c, int slot)
{
    int *t = table_of(c, slot);
    for (int i = 0; i < c->pages_per_slot && t[i] >= 0; i++) {
        if (--c->users[t[i]] == 0) c->free[c->nfree++] = t[i];
        t[i] = -1;
    }
}

/* ---- the operation: inputs q, k, v, slot, position ---- */

enum { GRAIN = 8 }; /* rows of a job */

static void append(const mb__run *x, const mb__lm_cache *c, int layer)
{
    const int32_t *slot = x->in[3], *position = x->in[4];
    for (int r = 0; r < x->rows; r++) {
        if (slot[r] < 0) continue;
        int page = table_of(c, slot[r])[position[r] / MB__LM_PAGE], at = position[r] % MB__LM_PAGE;
        const float *k = (const float *)x->in[1] + r * x->ld[1], *v = (const float *)x->in[2] + r * x->ld[2];
        for (int h = 0; h < c->kv; h++, k += c->dim, v += c->dim) {
            float *to = mb__lm_cache_at(c, page, layer, h);
            for (int d = 0; d < c->dim; d++) to[d * MB__LM_PAGE + at] = k[d];
            memcpy(to + (size_t)c->dim * MB__LM_PAGE + (size_t)at * (size_t)c->dim, v, (size_t)c->dim * sizeof(float));
        }
    }
}

static void attend_row(const mb__run *x, const mb__lm_cache *c, int layer, int row, float *p)
{
    const int32_t *slot = x->in[3], *position = x->in[4];
    int n = position[row] + 1, heads = x->node->p[0], group = heads / c->kv, dim = c->dim;
    const int *pages = table_of(c, slot[row]);
    float *out = (float *)x->out + (int64_t)row * x->node->shape.d[1];
    for (int h = 0; h < c->kv; h++) {
        const float *q = (const float *)x->in[0] + row * x->ld[0] + (int64_t)h * group * dim;
        for (int i = 0; i < n; i += MB__LM_PAGE)
            x->k->gemm_nn(group, n - i < MB__LM_PAGE ? n - i : MB__LM_PAGE, dim, q, dim, mb__lm_cache_at(c, pages[i / MB__LM_PAGE], layer, h),
                          MB__LM_PAGE, p + i, n, NULL, MB__ACT_NONE, false);
        x->k->softmax(group, n, p, n, p, n);
        for (int i = 0; i < n; i += MB__LM_PAGE)
            x->k->gemm_nn(group, dim, n - i < MB__LM_PAGE ? n - i : MB__LM_PAGE, p + i, n,
                          mb__lm_cache_at(c, pages[i / MB__LM_PAGE], layer, h) + (size_t)dim * MB__LM_PAGE, dim, out + (int64_t)h * group * dim, dim,
                          NULL, MB__ACT_NONE, i > 0);
    }
}

static void rows_job(void *ctx, int i, int thread)
{
    const mb__run *x = ctx;
    const mb__lm_cache *c = x->node->data;
    float *p = (float *)(void *)(x->scratch + (size_t)thread * x->scratch_bytes);
    for (int r = i * GRAIN; r < (i + 1) * GRAIN && r < x->rows; r++) {
        if (((const int32_t *)x->in[3])[r] >= 0) attend_row(x, c, x->node->p[1], r, p);
        else memset((float *)x->out + (int64_t)r * x->node->shape.d[1], 0, (size_t)x->node->shape.d[1] * sizeof(float));
    }
}

static void cached_run(const mb__run *x)
{
    mb__run copy = *x;
    append(x, x->node->data, x->node->p[1]);
    mb_pool_run(x->pool, (x->rows + GRAIN - 1) / GRAIN, rows_job, &copy);
}

static int64_t cached_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    const mb__lm_cache *c = n->data;
    return (int64_t)c->pages_per_slot * MB__LM_PAGE * n->p[0] / c->kv * 4;
}

static const mb__op op_cached = { .name = "lm_cached", .rows = MB__WHOLE, .run = cached_run, .scratch = cached_scratch };

mb_var mb__lm_cached(mb_var q, mb_var k, mb_var v, mb_var slot, mb_var position, mb__lm_cache *c, int layer)
{
    mb_var in[5] = { q, k, v, slot, position };
    if (mb__bad(q.g, 5, in)) return (mb_var){ q.g, -1 };
    mb_var y = mb__node_new(q.g, &op_cached, 5, in, MB_F32, mb_dims(q));
    if (y.id >= 0) mb__of(y)->p[0] = mb_dims(q).d[1] / c->dim, mb__of(y)->p[1] = layer, mb__of(y)->data = c;
    return y;
}
