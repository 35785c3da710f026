/* op_attend.c - causal attention within each text of a packed batch, forward and back.  Scores of a row are products over the head's
   dimension, their softmax goes over exactly the positions up to the row's own, and values are added in the order of positions: the same
   chains as op_cached.c has, whatever lies around the text.  Weights are computed again on the way back. */
#include "lm/ops.h"
#include "matchbox/math.h"
#include <string.h>

enum { ROWS = 64 }; /* queries of a block */

struct head { /* one text and one head of keys and values */
    const mb__run *x;
    int begin, n, head;
    float *work;
};

static int heads_of(const mb__node *n) { return n->p[0]; }
static int kv_of(const mb__node *n) { return n->p[1]; }
static int dim_of(const mb__node *n) { return n->p[2]; }

/* rows where texts begin, and the row behind the last: into the beginning of the first thread's scratch */
static int texts(const mb__run *x, const int32_t *begin, int rows, int *out)
{
    int n = 0;
    for (int i = 0; i < rows; i++)
        if (begin[i] == i || i == 0) out[n++] = i;
    out[n] = rows;
    return n;
}

static int64_t list_bytes(int rows) { return ((int64_t)rows + 16) / 16 * 64; }

/* P[rows, n] for queries i0 .. i0 + rows - 1 (counted in the text), n = i0 + rows; 0 where a query does not look */
static void weights(const mb__kernels *k, const float *q, ptrdiff_t ldq, int rows, int i0, int dim, const float *keys, int ldk, float *p)
{
    int n = i0 + rows;
    k->gemm_nn(rows, n, dim, q, ldq, keys, ldk, p, n, NULL, MB__ACT_NONE, false);
    for (int r = 0; r < rows; r++) {
        float *row = p + (int64_t)r * n;
        int seen = i0 + r + 1;
        k->softmax(1, seen, row, n, row, n);
        memset(row + seen, 0, (size_t)(n - seen) * sizeof(float));
    }
}

static void attend_head(const struct head *h)
{
    const mb__run *x = h->x;
    const mb__node *node = x->node;
    int dim = dim_of(node), group = heads_of(node) / kv_of(node), n = h->n;
    const float *key = (const float *)x->in[1] + h->begin * x->ld[1] + (int64_t)h->head * dim;
    const float *value = (const float *)x->in[2] + h->begin * x->ld[2] + (int64_t)h->head * dim;
    float *keys = h->work, *p = keys + (int64_t)dim * n;
    ptrdiff_t width = node->shape.d[1];
    x->k->transpose(n, dim, key, x->ld[1], keys, n);
    for (int a = h->head * group; a < (h->head + 1) * group; a++)
        for (int i = 0; i < n; i += ROWS) {
            int rows = n - i < ROWS ? n - i : ROWS;
            const float *q = (const float *)x->in[0] + (h->begin + i) * x->ld[0] + (int64_t)a * dim;
            weights(x->k, q, x->ld[0], rows, i, dim, keys, n, p);
            x->k->gemm_nn(rows, dim, i + rows, p, i + rows, value, x->ld[2], (float *)x->out + (h->begin + i) * width + (int64_t)a * dim, width, NULL,
                          MB__ACT_NONE, false);
        }
}

struct job { const mb__run *x; const int *texts; void (*run)(const struct head *h); const mb__node *attend; int64_t list; };

static void head_job(void *ctx, int i, int thread)
{
    const struct job *j = ctx;
    int kv = kv_of(j->attend), t = i / kv;
    struct head h = { j->x, j->texts[t], j->texts[t + 1] - j->texts[t], i % kv, NULL };
    h.work = (float *)(void *)(j->x->scratch + (size_t)thread * j->x->scratch_bytes + j->list);
    j->run(&h);
}

static void run_heads(const mb__run *x, const mb__node *attend, const int32_t *begin, int rows, void (*run)(const struct head *h))
{
    int *list = (int *)(void *)x->scratch;
    struct job j = { x, list, run, attend, list_bytes(rows) };
    int n = texts(x, begin, rows, list);
    mb_pool_run(x->pool, n * kv_of(attend), head_job, &j);
}

static void attend_run(const mb__run *x)
{
    run_heads(x, x->node, x->in[3], x->rows, attend_head);
}

static int64_t attend_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    int64_t all = n->shape.d[0];
    return list_bytes((int)all) + (dim_of(n) * all + ROWS * all) * 4;
}

static double attend_flops(const mb__node *n, const mb__node *const *src)
{
    return 2.0 * (double)mb__count(n->shape) * n->shape.d[0]; /* one long text, half of the square, two products */
}

static void attend_ref(const mb__ref *x)
{
    const mb__node *node = x->node;
    int rows = node->shape.d[0], width = node->shape.d[1], heads = heads_of(node), kv = kv_of(node), dim = dim_of(node), kw = kv * dim;
    for (int r = 0, from = 0; r < rows; r++) {
        if ((int)x->in[3][r] == r) from = r;
        for (int a = 0; a < heads; a++) {
            const double *q = x->in[0] + (int64_t)r * width + a * dim;
            double max = -1e300, sum = 0, *out = x->out + (int64_t)r * width + a * dim;
            for (int d = 0; d < dim; d++) out[d] = 0;
            for (int pass = 0; pass < 2; pass++)
                for (int s = from; s <= r; s++) {
                    const double *key = x->in[1] + (int64_t)s * kw + a / (heads / kv) * dim, *value = x->in[2] + (int64_t)s * kw + a / (heads / kv) * dim;
                    double score = 0;
                    for (int d = 0; d < dim; d++) score += q[d] * key[d];
                    if (!pass && score > max) max = score;
                    double e = pass ? mb_exp64(score - max) : 0;
                    sum += e;
                    for (int d = 0; d < dim; d++) out[d] += e * value[d];
                }
            for (int d = 0; d < dim; d++) out[d] /= sum;
        }
    }
}

/* ---- the way back: inputs q, k, v, begin, dy -> [N, (heads + 2 kv) dim] ---- */

/* dS = P (dP - sum of dP P) over rows; t: scratch of `rows` */
static void softmax_back(const mb__kernels *k, int rows, int n, const float *p, float *dp, float *product, float *t)
{
    k->map_flat(MB__MAP_MUL, product, p, dp, NULL, (ptrdiff_t)rows * n, 0, 0);
    k->row_sum(rows, n, product, n, t, 1);
    mb__operand in[2] = { { dp, n, 1 }, { t, 1, 0 } };
    k->map(MB__MAP_SUB, dp, n, rows, n, in, 0, 0);
    k->map_flat(MB__MAP_MUL, dp, dp, p, NULL, (ptrdiff_t)rows * n, 0, 0);
}

static void back_head(const struct head *h)
{
    const mb__run *x = h->x;
    const mb__node *node = x->node;
    int dim = dim_of(node), heads = heads_of(node), kv = kv_of(node), group = heads / kv, n = h->n;
    const float *key = (const float *)x->in[1] + h->begin * x->ld[1] + (int64_t)h->head * dim;
    const float *value = (const float *)x->in[2] + h->begin * x->ld[2] + (int64_t)h->head * dim;
    float *keys = h->work, *values = keys + (int64_t)dim * n, *p = values + (int64_t)dim * n, *dp = p + (int64_t)ROWS * n;
    float *product = dp + (int64_t)ROWS * n, *t = product + (int64_t)ROWS * n;
    ptrdiff_t width = node->shape.d[1];
    float *out = (float *)x->out + h->begin * width, *dk = out + (int64_t)(heads + h->head) * dim, *dv = dk + (int64_t)kv * dim;
    x->k->transpose(n, dim, key, x->ld[1], keys, n);
    x->k->transpose(n, dim, value, x->ld[2], values, n);
    for (int i = 0; i < n; i++) {
        memset(dk + i * width, 0, (size_t)dim * sizeof(float));
        memset(dv + i * width, 0, (size_t)dim * sizeof(float));
    }
    for (int a = h->head * group; a < (h->head + 1) * group; a++)
        for (int i = 0; i < n; i += ROWS) {
            int rows = n - i < ROWS ? n - i : ROWS, seen = i + rows;
            const float *q = (const float *)x->in[0] + (h->begin + i) * x->ld[0] + (int64_t)a * dim;
            const float *dy = (const float *)x->in[4] + (h->begin + i) * x->ld[4] + (int64_t)a * dim;
            weights(x->k, q, x->ld[0], rows, i, dim, keys, n, p);
            x->k->gemm_tn(seen, dim, rows, p, seen, dy, x->ld[4], dv, width, true);
            x->k->gemm_nn(rows, seen, dim, dy, x->ld[4], values, n, dp, seen, NULL, MB__ACT_NONE, false);
            softmax_back(x->k, rows, seen, p, dp, product, t);
            x->k->gemm_nn(rows, dim, seen, dp, seen, key, x->ld[1], out + i * width + (int64_t)a * dim, width, NULL, MB__ACT_NONE, false);
            x->k->gemm_tn(seen, dim, rows, dp, seen, q, x->ld[0], dk, width, true);
        }
}

static void back_run(const mb__run *x)
{
    run_heads(x, x->node, x->in[3], x->rows, back_head);
}

static int64_t back_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    int64_t all = n->shape.d[0];
    return list_bytes((int)all) + (2 * dim_of(n) * all + 3 * ROWS * all + ROWS) * 4;
}

static double back_flops(const mb__node *n, const mb__node *const *src)
{
    return 5.0 * (double)mb__count(src[0]->shape) * n->shape.d[0];
}

static const mb__op op_back = { .name = "lm_attend_grad", .rows = MB__WHOLE, .run = back_run, .scratch = back_scratch, .flops = back_flops };

static void attend_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    int heads = heads_of(&n), kv = kv_of(&n), dim = dim_of(&n);
    mb_var in[5] = { { g, n.in[0] }, { g, n.in[1] }, { g, n.in[2] }, { g, n.in[3] }, dy };
    mb_var all = mb__node_new(g, &op_back, 5, in, MB_F32, MB_S2(n.shape.d[0], (heads + 2 * kv) * dim));
    if (all.id < 0) return;
    memcpy(mb__of(all)->p, n.p, sizeof n.p);
    din[0] = (mb_slice)(all, 1, 0, heads * dim);
    din[1] = (mb_slice)(all, 1, heads * dim, kv * dim);
    din[2] = (mb_slice)(all, 1, (heads + kv) * dim, kv * dim);
}

static const mb__op op_attend = { .name = "lm_attend", .rows = MB__WHOLE, .run = attend_run, .ref = attend_ref, .grad = attend_grad,
                                  .scratch = attend_scratch, .flops = attend_flops };

mb_var mb__lm_attend(mb_var q, mb_var k, mb_var v, mb_var begin, int heads, int kv, int dim)
{
    mb_var in[4] = { q, k, v, begin };
    if (mb__bad(q.g, 4, in)) return (mb_var){ q.g, -1 };
    mb_shape s = mb_dims(q), t = mb_dims(k);
    if (s.d[1] != heads * dim || t.d[1] != kv * dim || heads % kv) return mb__poison(q.g, "lm_attend: heads and widths do not fit");
    mb_var y = mb__node_new(q.g, &op_attend, 4, in, MB_F32, s);
    if (y.id >= 0) mb__of(y)->p[0] = heads, mb__of(y)->p[1] = kv, mb__of(y)->p[2] = dim;
    return y;
}
