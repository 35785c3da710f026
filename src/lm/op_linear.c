/* op_linear.c - layers over rows of tokens: products that keep no partial sums of weight gradients, and embeddings.
   Each element is one ascending chain, so the work is cut as it suits the threads. */
#include "lm/ops.h"
#include <string.h>

enum { PANEL = 64, JOBS_PER_THREAD = 4 };

static int pieces(const mb__run *x, int n, int least)
{
    int most = (n + least - 1) / least, want = x->pool ? mb_pool_size(x->pool) * JOBS_PER_THREAD : 1;
    return want < most ? want : most;
}

/* piece i of n: from *from on, a multiple of `step` */
static int piece(int i, int of, int n, int step, int *from)
{
    int64_t units = (n + step - 1) / step;
    int a = (int)(units * i / of) * step, b = (int)(units * (i + 1) / of) * step;
    *from = a;
    return (b < n ? b : n) - a;
}

struct job { const mb__run *x; int njobs; };

/* ---- y = x w + bias ---- */

static void forward_job(void *ctx, int i, int thread)
{
    const struct job *j = ctx;
    const mb__run *x = j->x;
    const mb__node *n = x->node;
    int in = x->src[0]->shape.d[1], out = n->shape.d[1], from, cols = piece(i, j->njobs, out, PANEL, &from);
    if (cols < 1) return;
    const float *w = (const float *)x->in[1] + from, *bias = n->nin > 2 ? (const float *)x->in[2] + from : NULL;
    float *y = (float *)x->out + from;
    if (!n->p[1]) {
        x->k->gemm_nn(x->rows, cols, in, x->in[0], x->ld[0], w, out, y, out, bias, MB__ACT_NONE, false);
        return;
    }
    uint32_t *pack = (uint32_t *)(void *)(x->scratch + (size_t)thread * x->scratch_bytes);
    for (int c = 0; c < cols; c += PANEL)
        x->k->gemm_nn_bf16(x->rows, cols - c < PANEL ? cols - c : PANEL, in, x->in[0], x->ld[0], w + c, out, y + c, out, bias ? bias + c : NULL,
                           MB__ACT_NONE, false, pack);
}

static void forward_run(const mb__run *x)
{
    struct job j = { x, pieces(x, x->node->shape.d[1], PANEL) };
    mb_pool_run(x->pool, j.njobs, forward_job, &j);
}

static int64_t forward_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    return n->p[1] ? (int64_t)(src[0]->shape.d[1] + 1) / 2 * PANEL * 4 : 0;
}

static double forward_flops(const mb__node *n, const mb__node *const *src)
{
    return 2.0 * (double)mb__count(src[0]->shape) * n->shape.d[1];
}

static void forward_ref(const mb__ref *x)
{
    int rows = x->node->shape.d[0], out = x->node->shape.d[1], in = x->src[0]->shape.d[1];
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < out; j++) {
            double sum = x->node->nin > 2 ? x->in[2][j] : 0;
            for (int k = 0; k < in; k++) sum += x->in[0][(int64_t)r * in + k] * x->in[1][(int64_t)k * out + j];
            x->out[(int64_t)r * out + j] = sum;
        }
}

/* ---- dx = dy w': inputs dy, w ---- */

static void back_job(void *ctx, int i, int thread)
{
    const struct job *j = ctx;
    const mb__run *x = j->x;
    int out = x->src[0]->shape.d[1], in = x->node->shape.d[1], from, cols = piece(i, j->njobs, in, PANEL, &from);
    float *turned = (float *)(void *)(x->scratch + (size_t)thread * x->scratch_bytes);
    uint32_t *pack = (uint32_t *)(void *)(turned + (size_t)out * PANEL);
    for (int c = from; c < from + cols; c += PANEL) {
        int n = from + cols - c < PANEL ? from + cols - c : PANEL;
        float *dx = (float *)x->out + c;
        x->k->transpose(n, out, (const float *)x->in[1] + (int64_t)c * out, out, turned, n);
        if (x->node->p[1]) x->k->gemm_nn_bf16(x->rows, n, out, x->in[0], x->ld[0], turned, n, dx, in, NULL, MB__ACT_NONE, false, pack);
        else x->k->gemm_nn(x->rows, n, out, x->in[0], x->ld[0], turned, n, dx, in, NULL, MB__ACT_NONE, false);
    }
}

static void back_run(const mb__run *x)
{
    struct job j = { x, pieces(x, x->node->shape.d[1], PANEL) };
    mb_pool_run(x->pool, j.njobs, back_job, &j);
}

static int64_t back_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    int64_t out = src[0]->shape.d[1];
    return out * PANEL * 4 + (n->p[1] ? (out + 1) / 2 * PANEL * 4 : 0);
}

/* ---- dw = x' dy ---- */

static void weight_job(void *ctx, int i, int thread)
{
    const struct job *j = ctx;
    const mb__run *x = j->x;
    int in = x->node->shape.d[0], out = x->node->shape.d[1], from, n = piece(i, j->njobs, in, 6, &from);
    x->k->gemm_tn(n, out, x->src[0]->shape.d[0], (const float *)x->in[0] + from, x->ld[0], x->in[1], x->ld[1], (float *)x->out + (int64_t)from * out,
                  out, false);
}

static void weight_run(const mb__run *x)
{
    struct job j = { x, pieces(x, x->node->shape.d[0], 48) };
    mb_pool_run(x->pool, j.njobs, weight_job, &j);
}

static double weight_flops(const mb__node *n, const mb__node *const *src)
{
    return 2.0 * (double)mb__count(n->shape) * src[0]->shape.d[0];
}

static const mb__op op_back = { .name = "lm_linear_dx", .rows = MB__WHOLE, .run = back_run, .scratch = back_scratch, .flops = forward_flops };
static const mb__op op_weight = { .name = "lm_linear_dw", .rows = MB__WHOLE, .run = weight_run, .flops = weight_flops };

static void forward_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb__node node = *n;
    mb_var x = { g, node.in[0] }, w = { g, node.in[1] }, back[2] = { dy, w }, weight[2] = { x, dy };
    din[0] = mb__node_new(g, &op_back, 2, back, MB_F32, mb_dims(x));
    if (din[0].id >= 0) mb__of(din[0])->p[1] = node.p[1];
    din[1] = mb__node_new(g, &op_weight, 2, weight, MB_F32, mb_dims(w));
    if (node.nin > 2) din[2] = mb_sum_rows(dy);
}

static const mb__op op_linear = { .name = "lm_linear", .rows = MB__WHOLE, .run = forward_run, .ref = forward_ref, .grad = forward_grad,
                                  .scratch = forward_scratch, .flops = forward_flops };

mb_var mb__lm_linear(mb_var x, mb_var w, mb_var bias)
{
    mb_var in[3] = { x, w, bias };
    int nin = bias.id < 0 && bias.g == NULL ? 2 : 3;
    if (mb__bad(x.g, nin, in)) return (mb_var){ x.g, -1 };
    mb_shape a = mb_dims(x), b = mb_dims(w);
    if (a.rank != 2 || b.rank != 2 || a.d[1] != b.d[0]) return mb__poison(x.g, "lm_linear: the inner sizes do not fit");
    mb_var y = mb__node_new(x.g, &op_linear, nin, in, MB_F32, MB_S2(a.d[0], b.d[1]));
    if (y.id >= 0) mb__of(y)->p[1] = x.g->bf16;
    return y;
}

/* ---- embeddings ---- */

static int bounded(int i, int n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

static void embed_run(const mb__run *x)
{
    int v = x->src[0]->shape.d[0], d = x->src[0]->shape.d[1];
    const int32_t *index = x->in[1];
    for (int r = 0; r < x->rows; r++)
        memcpy((float *)x->out + (int64_t)r * d, (const float *)x->in[0] + (int64_t)bounded(index[r], v) * d, (size_t)d * sizeof(float));
}

static void embed_ref(const mb__ref *x)
{
    int v = x->src[0]->shape.d[0], d = x->src[0]->shape.d[1];
    for (int r = 0; r < x->node->shape.d[0]; r++)
        memcpy(x->out + (int64_t)r * d, x->in[0] + (int64_t)bounded((int)x->in[1][r], v) * d, (size_t)d * sizeof(double));
}

static void embed_back_run(const mb__run *x)
{
    int v = x->node->shape.d[0], d = x->node->shape.d[1], rows = x->src[0]->shape.d[0];
    const int32_t *index = x->in[1];
    memset(x->out, 0, (size_t)v * (size_t)d * sizeof(float));
    for (int r = 0; r < rows; r++)
        x->k->add_to((float *)x->out + (int64_t)bounded(index[r], v) * d, (const float *)x->in[0] + (int64_t)r * x->ld[0], d);
}

static const mb__op op_embed_back = { .name = "lm_embed_grad", .rows = MB__WHOLE, .run = embed_back_run };

static void embed_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var in[2] = { dy, { g, n->in[1] } };
    din[0] = mb__node_new(g, &op_embed_back, 2, in, MB_F32, g->nodes[n->in[0]].shape);
}

static const mb__op op_embed = { .name = "lm_embed", .rows = MB__WHOLE, .run = embed_run, .ref = embed_ref, .grad = embed_grad };

mb_var mb__lm_embed(mb_var table, mb_var index)
{
    mb_var in[2] = { table, index };
    if (mb__bad(table.g, 2, in)) return (mb_var){ table.g, -1 };
    return mb__node_new(table.g, &op_embed, 2, in, MB_F32, MB_S2(mb_dims(index).d[0], mb_dims(table).d[1]));
}

/* ---- rotary positions: p[0] = dim, p[1] = context, c = 1 or -1 (the way back) ---- */

static void rope_run(const mb__run *x)
{
    const mb__node *n = x->node;
    int dim = n->p[0], half = dim / 2, heads = n->shape.d[1] / dim;
    const float *table = n->data;
    const int32_t *position = x->in[1];
    for (int r = 0; r < x->rows; r++) {
        const float *from = (const float *)x->in[0] + (int64_t)r * x->ld[0];
        const float *cosine = table + (int64_t)bounded(position[r], n->p[1]) * dim, *sine = cosine + half;
        float *to = (float *)x->out + (int64_t)r * n->shape.d[1];
        for (int h = 0; h < heads; h++, from += dim, to += dim)
            for (int i = 0; i < half; i++) {
                float a = from[i], b = from[i + half], s = n->c * sine[i];
                to[i] = a * cosine[i] - b * s;
                to[i + half] = b * cosine[i] + a * s;
            }
    }
}

static void rope_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    int dim = n->p[0], half = dim / 2, width = n->shape.d[1];
    for (int64_t i = 0, m = mb__count(n->shape); i < m; i++) {
        int row = (int)(i / width), at = (int)(i % width) % dim, k = at % half;
        const float *t = (const float *)n->data + (int64_t)bounded((int)x->in[1][row], n->p[1]) * dim;
        double other = at < half ? -x->in[0][i + half] : x->in[0][i - half];
        x->out[i] = x->in[0][i] * (double)t[k] + other * (double)(n->c * t[half + k]);
    }
}

static mb_var rope(mb_var x, mb_var position, void *table, int context, int dim, float sign);

static void rope_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var position = { g, n->in[1] };
    din[0] = rope(mb__dense(dy), position, n->data, n->p[1], n->p[0], -n->c);
}

static const mb__op op_rope = { .name = "lm_rope", .rows = MB__ROW, .run = rope_run, .ref = rope_ref, .grad = rope_grad };

static mb_var rope(mb_var x, mb_var position, void *table, int context, int dim, float sign)
{
    mb_var in[2] = { x, position };
    if (mb__bad(x.g, 2, in)) return (mb_var){ x.g, -1 };
    mb_var y = mb__node_new(x.g, &op_rope, 2, in, MB_F32, mb_dims(x));
    if (y.id < 0) return y;
    mb__node *n = mb__of(y);
    n->p[0] = dim, n->p[1] = context, n->c = sign, n->data = table;
    return y;
}

mb_var mb__lm_rope(mb_var x, mb_var position, const float *table, int context, int dim)
{
    union { const float *in; void *out; } u = { table };
    return rope(x, position, u.out, context, dim, 1);
}
