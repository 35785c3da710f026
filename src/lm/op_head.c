/* op_head.c - the head: logits of the rows that are wanted, a block of rows at a time, so that tokens times vocabulary is never held; from
   them log-probabilities (and, on the way back, gradients), or a sampler's next tokens. */
#include "lm/ops.h"
#include <string.h>

enum { PANEL = 64, HELD = 1 << 22, ROWS_MOST = 256, ROWS_LEAST = 16 };

mb__lm_head *mb__lm_head_new(mb_scope *s, const mb_lm_sampling *sampling, int v, int d, int rows, mb_error *err)
{
    mb_arena *a = s->arena;
    mb__lm_head *h = mb_alloc(a, 1, sizeof *h, err);
    if (!h) return NULL;
    size_t threads = s->pool ? (size_t)mb_pool_size(s->pool) : 1, V = (size_t)v, D = (size_t)d;
    int block = HELD / v;
    block = block > ROWS_MOST ? ROWS_MOST : block < ROWS_LEAST ? ROWS_LEAST : block;
    if (block > rows) block = rows;
    *h = (mb__lm_head){ .sampling = sampling, .v = v, .d = d, .rows = rows, .block = block };
    h->logits = mb_alloc(a, (size_t)block * V, sizeof(float), err);
    h->h = mb_alloc(a, (size_t)block * D, sizeof(float), err);
    h->back = mb_alloc(a, (size_t)block * D, sizeof(float), err);
    h->e = mb_alloc(a, threads * 2 * V, sizeof(float), err);
    h->turned = mb_alloc(a, threads * D * PANEL, sizeof(float), err);
    h->seen = mb_alloc(a, threads * V, 1, err);
    h->which = mb_alloc(a, (size_t)rows, sizeof(int), err);
    return h->logits && h->h && h->back && h->e && h->turned && h->seen && h->which ? h : NULL;
}

/* one block of wanted rows */
struct block {
    const mb__run *x;
    mb__lm_head *head;
    const float *table;
    const int *which;
    int n;
    const int32_t *target, *token, *begin;
    const float *dy; /* [N, 3] */
    ptrdiff_t lddy;
    float *dtable;
    bool first;
};

static int panels(int v) { return (v + PANEL - 1) / PANEL; }
static int width(int v, int panel) { return v - panel * PANEL < PANEL ? v - panel * PANEL : PANEL; }

static void logits_job(void *ctx, int panel, int thread)
{
    const struct block *b = ctx;
    const mb__lm_head *h = b->head;
    const mb__kernels *k = b->x->k;
    float *turned = h->turned + (size_t)thread * (size_t)h->d * PANEL;
    int n = width(h->v, panel);
    k->transpose(n, h->d, b->table + (int64_t)panel * PANEL * h->d, h->d, turned, n);
    k->gemm_nn(b->n, n, h->d, h->h, h->d, turned, n, h->logits + (int64_t)panel * PANEL, h->v, NULL, MB__ACT_NONE, false);
}

static struct mb__lm_dist dist_of(const struct block *b, int i, int thread)
{
    const mb__lm_head *h = b->head;
    return (struct mb__lm_dist){ b->x->k, h->sampling, h->logits + (int64_t)i * h->v, h->e + (size_t)thread * 2 * (size_t)h->v,
                                 h->seen + (size_t)thread * (size_t)h->v, h->v };
}

/* gather the rows and make their logits */
static void logits_of(struct block *b, const float *h, ptrdiff_t ldh)
{
    for (int i = 0; i < b->n; i++) memcpy(b->head->h + (int64_t)i * b->head->d, h + b->which[i] * ldh, (size_t)b->head->d * sizeof(float));
    mb_pool_run(b->x->pool, panels(b->head->v), logits_job, b);
}

static int wanted(const int32_t *target, int rows, int *which)
{
    int n = 0;
    for (int i = 0; i < rows; i++)
        if (target[i] >= 0) which[n++] = i;
    return n;
}

/* ---- log-probabilities: inputs h, table, target, token, begin ---- */

static void score_job(void *ctx, int i, int thread)
{
    const struct block *b = ctx;
    int row = b->which[i], from = b->begin[row];
    struct mb__lm_dist d = dist_of(b, i, thread);
    float kept, *out = (float *)b->x->out + (int64_t)row * 3;
    float sum = mb__lm_distribution(&d, b->token + from, row - from + 1, &kept);
    mb__lm_row y = mb__lm_score(&d, sum, kept, b->target[row]);
    mb__lm_forget(&d, b->token + from, row - from + 1);
    out[0] = y.logp;
    out[1] = y.entropy;
    out[2] = y.kept;
}

static void logp_run(const mb__run *x)
{
    mb__lm_head *h = x->node->data;
    struct block b = { .x = x, .head = h, .table = x->in[1], .target = x->in[2], .token = x->in[3], .begin = x->in[4] };
    int n = wanted(b.target, x->rows, h->which);
    memset(x->out, 0, (size_t)x->rows * 3 * sizeof(float));
    for (int i = 0; i < n; i += h->block) {
        b.which = h->which + i;
        b.n = n - i < h->block ? n - i : h->block;
        logits_of(&b, x->in[0], x->ld[0]);
        mb_pool_run(x->pool, b.n, score_job, &b);
    }
}

static double logp_flops(const mb__node *n, const mb__node *const *src)
{
    return 2.0 * (double)mb__count(src[0]->shape) * src[1]->shape.d[0];
}

/* ---- the way back: and dy [N, 3] -> one row of N d + V d numbers: those of h, those of the table ---- */

static void back_job(void *ctx, int i, int thread)
{
    const struct block *b = ctx;
    int row = b->which[i], from = b->begin[row];
    struct mb__lm_dist d = dist_of(b, i, thread);
    float kept, sum = mb__lm_distribution(&d, b->token + from, row - from + 1, &kept);
    mb__lm_score_grad(&d, sum, b->target[row], b->dy[row * b->lddy]);
    mb__lm_forget(&d, b->token + from, row - from + 1);
}

static void table_job(void *ctx, int panel, int thread)
{
    const struct block *b = ctx;
    const mb__lm_head *h = b->head;
    b->x->k->gemm_tn(width(h->v, panel), h->d, b->n, h->logits + (int64_t)panel * PANEL, h->v, h->h, h->d, b->dtable + (int64_t)panel * PANEL * h->d,
                     h->d, !b->first);
}

enum { GROUP = 48 };

static void state_job(void *ctx, int group, int thread)
{
    const struct block *b = ctx;
    const mb__lm_head *h = b->head;
    int from = group * GROUP, n = b->n - from < GROUP ? b->n - from : GROUP;
    b->x->k->gemm_nn(n, h->d, h->v, h->logits + (int64_t)from * h->v, h->v, b->table, h->d, h->back + (int64_t)from * h->d, h->d, NULL, MB__ACT_NONE,
                     false);
}

static void back_run(const mb__run *x)
{
    mb__lm_head *h = x->node->data;
    int rows = x->src[0]->shape.d[0];
    float *dh = x->out;
    struct block b = { .x = x, .head = h, .table = x->in[1], .target = x->in[2], .token = x->in[3], .begin = x->in[4], .dy = x->in[5],
                       .lddy = x->ld[5], .dtable = dh + (int64_t)rows * h->d, .first = true };
    int n = wanted(b.target, rows, h->which);
    memset(dh, 0, (size_t)rows * (size_t)h->d * sizeof(float));
    if (n == 0) memset(b.dtable, 0, (size_t)h->v * (size_t)h->d * sizeof(float));
    for (int i = 0; i < n; i += h->block, b.first = false) {
        b.which = h->which + i;
        b.n = n - i < h->block ? n - i : h->block;
        logits_of(&b, x->in[0], x->ld[0]);
        mb_pool_run(x->pool, b.n, back_job, &b);
        mb_pool_run(x->pool, (b.n + GROUP - 1) / GROUP, state_job, &b);
        mb_pool_run(x->pool, panels(h->v), table_job, &b);
        for (int r = 0; r < b.n; r++) memcpy(dh + (int64_t)b.which[r] * h->d, h->back + (int64_t)r * h->d, (size_t)h->d * sizeof(float));
    }
}

static double back_flops(const mb__node *n, const mb__node *const *src) { return 3 * logp_flops(n, src); }

static const mb__op op_back = { .name = "lm_logp_grad", .rows = MB__WHOLE, .run = back_run, .flops = back_flops };

static void logp_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    mb_var in[6];
    for (int i = 0; i < 5; i++) in[i] = (mb_var){ g, n.in[i] };
    in[5] = dy;
    mb_shape h = mb_dims(in[0]), t = mb_dims(in[1]);
    mb_var all = mb__node_new(g, &op_back, 6, in, MB_F32, MB_S1((int)(mb__count(h) + mb__count(t))));
    if (all.id < 0) return;
    mb__of(all)->data = n.data;
    din[0] = (mb_reshape)((mb_slice)(all, 0, 0, (int)mb__count(h)), h);
    din[1] = (mb_reshape)((mb_slice)(all, 0, (int)mb__count(h), (int)mb__count(t)), t);
}

static const mb__op op_logp = { .name = "lm_logp", .rows = MB__WHOLE, .run = logp_run, .grad = logp_grad, .flops = logp_flops };

mb_var mb__lm_logp(mb_var h, mb_var table, mb_var target, mb_var token, mb_var begin, mb__lm_head *head)
{
    mb_var in[5] = { h, table, target, token, begin };
    if (!head || mb__bad(h.g, 5, in)) return (mb_var){ h.g, -1 };
    mb_var y = mb__node_new(h.g, &op_logp, 5, in, MB_F32, MB_S2(mb_dims(h).d[0], 3));
    if (y.id >= 0) mb__of(y)->data = head;
    return y;
}

/* ---- the sampler's: inputs h, table, want ---- */

static void draw_job(void *ctx, int i, int thread)
{
    const struct block *b = ctx;
    struct mb__lm_dist d = dist_of(b, i, thread);
    b->head->draw(b->head->ctx, b->which[i], &d);
}

static void sample_run(const mb__run *x)
{
    mb__lm_head *h = x->node->data;
    struct block b = { .x = x, .head = h, .table = x->in[1] };
    int n = wanted(x->in[2], x->src[0]->shape.d[0], h->which);
    for (int i = 0; i < n; i += h->block) {
        b.which = h->which + i;
        b.n = n - i < h->block ? n - i : h->block;
        logits_of(&b, x->in[0], x->ld[0]);
        mb_pool_run(x->pool, b.n, draw_job, &b);
    }
}

static const mb__op op_sample = { .name = "lm_sample", .rows = MB__WHOLE, .effect = true, .run = sample_run };

mb_var mb__lm_sample(mb_var h, mb_var table, mb_var want, mb__lm_head *head)
{
    mb_var in[3] = { h, table, want };
    if (!head || mb__bad(h.g, 3, in)) return (mb_var){ h.g, -1 };
    mb_var y = mb__node_new(h.g, &op_sample, 3, in, MB_F32, MB_S0());
    if (y.id >= 0) mb__of(y)->data = head;
    return y;
}
