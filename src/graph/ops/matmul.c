/* matmul.c - matrix products: a shared right side (layers), both sides batched (attention), and the sum over rows that
   weight gradients are. */
#include "graph/internal.h"

static mb_var mismatch(mb_graph *g, const char *what, mb_var a, mb_var b)
{
    char s[64], t[64];
    mb__shape_text(mb_dims(a), s, sizeof s);
    mb__shape_text(mb_dims(b), t, sizeof t);
    return mb__poison(g, "%s of %s and %s: the inner sizes do not fit", what, s, t);
}

/* rows of the matrix that rows of the batch hold: axes between the first and the last */
static int inner(mb_shape s)
{
    int n = 1;
    for (int i = 1; i < s.rank - 1; i++) n *= s.d[i];
    return n;
}

static int last(mb_shape s)
{
    return s.d[s.rank - 1];
}

/* ---- a [..., m, k] times w [k, n] (+ bias [n], activation: fused by the planner) ---- */

static bool first_row(const mb__node *n, const mb__node *const *src, int i)
{
    return i == 0;
}

static void matmul_run(const mb__run *x)
{
    const mb__node *n = x->node;
    mb_shape a = x->src[0]->shape;
    int m = x->rows * inner(a), k = last(a), cols = last(n->shape);
    ptrdiff_t lda = a.rank == 2 ? (ptrdiff_t)x->ld[0] : k;
    const float *bias = n->nin > 2 ? x->in[2] : NULL;
    if (n->p[1])
        x->k->gemm_nn_bf16(m, cols, k, x->in[0], lda, x->in[1], cols, x->out, cols, bias, (mb__act_fn)n->p[0], false,
                           (uint32_t *)x->scratch);
    else
        x->k->gemm_nn(m, cols, k, x->in[0], lda, x->in[1], x->ld[1] ? (ptrdiff_t)x->ld[1] : cols, x->out, cols, bias,
                      (mb__act_fn)n->p[0], false);
}

static int64_t matmul_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    int k = last(src[0]->shape);
    return n->p[1] ? (int64_t)(k + 1) / 2 * last(n->shape) * 4 : 0;
}

static double matmul_flops(const mb__node *n, const mb__node *const *src)
{
    return 2.0 * (double)mb__count(src[0]->shape) * last(n->shape);
}

static void matmul_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    int k = last(x->src[0]->shape), cols = last(n->shape);
    for (int64_t i = 0, m = mb__count(n->shape) / cols; i < m; i++)
        for (int j = 0; j < cols; j++) {
            double sum = n->nin > 2 ? x->in[2][j] : 0;
            for (int q = 0; q < k; q++) sum += x->in[0][i * k + q] * x->in[1][(int64_t)q * cols + j];
            x->out[i * cols + j] = sum;
        }
}

static mb_var tn(mb_var a, mb_var b)
{
    if (mb_dims(a).rank > 2) a = mb__dense(a), b = mb__dense(b);
    mb_var in[2] = { a, b };
    mb_var y = mb__node_new(a.g, &mb__op_tn, 2, in, MB_F32, MB_S2(last(mb_dims(a)), last(mb_dims(b))));
    if (y.id >= 0) mb__of(y)->p[1] = a.g->bf16;
    return y;
}

static void matmul_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var a = { g, n->in[0] }, w = { g, n->in[1] };
    din[0] = mb_matmul(dy, mb_transpose(w));
    din[1] = tn(a, dy);
}

const mb__op mb__op_matmul = { .name = "matmul", .rows = MB__ROW, .in_row = first_row, .run = matmul_run, .ref = matmul_ref,
                               .grad = matmul_grad, .scratch = matmul_scratch, .flops = matmul_flops };

/* ---- sum over all rows of a^T b: the gradient of a shared right side; any number of pairs ---- */

static void tn_run(const mb__run *x)
{
    const mb__node *n = x->node;
    int m = n->shape.d[0], cols = n->shape.d[1];
    for (int i = 0; i < n->nin; i += 2) {
        mb_shape a = x->src[i]->shape, b = x->src[i + 1]->shape;
        ptrdiff_t lda = a.rank == 2 ? (ptrdiff_t)x->ld[i] : m, ldb = b.rank == 2 ? (ptrdiff_t)x->ld[i + 1] : cols;
        x->k->gemm_tn(m, cols, x->rows * inner(a), x->in[i], lda, x->in[i + 1], ldb, x->out, cols, !(x->first && i == 0));
    }
}

static void tn_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    int m = n->shape.d[0], cols = n->shape.d[1];
    for (int64_t i = 0; i < (int64_t)m * cols; i++) x->out[i] = 0;
    for (int q = 0; q < n->nin; q += 2)
        for (int64_t r = 0, rows = mb__count(x->src[q]->shape) / m; r < rows; r++)
            for (int i = 0; i < m; i++)
                for (int j = 0; j < cols; j++) x->out[i * cols + j] += x->in[q][r * m + i] * x->in[q + 1][r * cols + j];
}

static double tn_flops(const mb__node *n, const mb__node *const *src)
{
    double sum = 0;
    for (int i = 0; i < n->nin; i += 2) sum += 2.0 * (double)mb__count(src[i]->shape) * n->shape.d[1];
    return sum;
}

static void tn_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    for (int i = 0; i < n.nin; i += 2) {
        mb_var a = { g, n.in[i] }, b = { g, n.in[i + 1] };
        din[i] = mb_matmul_nt(b, dy);
        din[i + 1] = mb_matmul(a, dy);
    }
}

const mb__op mb__op_tn = { .name = "matmul_tn", .rows = MB__REDUCE, .run = tn_run, .ref = tn_ref, .grad = tn_grad, .flops = tn_flops };

/* ---- both sides batched: p[0] = a transposed, p[2] = b transposed ---- */

static void bmm_sizes(const mb__node *n, mb_shape a, int *m, int *k, int *cols)
{
    *m = n->shape.d[n->shape.rank - 2];
    *cols = last(n->shape);
    *k = n->p[0] ? a.d[a.rank - 2] : last(a);
}

static void bmm_run(const mb__run *x)
{
    const mb__node *n = x->node;
    int m, k, cols, batch = x->rows;
    bmm_sizes(n, x->src[0]->shape, &m, &k, &cols);
    for (int i = 1; i < n->shape.rank - 2; i++) batch *= n->shape.d[i];
    const float *a = x->in[0], *b = x->in[1];
    float *out = x->out, *bt = (float *)(void *)x->scratch;
    for (int i = 0; i < batch; i++, a += (int64_t)m * k, b += (int64_t)k * cols, out += (int64_t)m * cols) {
        if (n->p[0]) {
            x->k->gemm_tn(m, cols, k, a, m, b, cols, out, cols, false);
        } else if (n->p[2]) {
            x->k->transpose(cols, k, b, k, bt, cols);
            x->k->gemm_nn(m, cols, k, a, k, bt, cols, out, cols, NULL, MB__ACT_NONE, false);
        } else {
            x->k->gemm_nn(m, cols, k, a, k, b, cols, out, cols, NULL, MB__ACT_NONE, false);
        }
    }
}

static int64_t bmm_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    int m, k, cols;
    bmm_sizes(n, src[0]->shape, &m, &k, &cols);
    return n->p[2] ? (int64_t)k * cols * 4 : 0;
}

static double bmm_flops(const mb__node *n, const mb__node *const *src)
{
    int m, k, cols;
    bmm_sizes(n, src[0]->shape, &m, &k, &cols);
    return 2.0 * (double)mb__count(n->shape) * k;
}

static void bmm_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    int m, k, cols;
    bmm_sizes(n, x->src[0]->shape, &m, &k, &cols);
    for (int64_t b = 0, batch = mb__count(n->shape) / ((int64_t)m * cols); b < batch; b++)
        for (int i = 0; i < m; i++)
            for (int j = 0; j < cols; j++) {
                double sum = 0;
                for (int q = 0; q < k; q++) {
                    double l = x->in[0][b * m * k + (n->p[0] ? q * m + i : i * k + q)];
                    double r = x->in[1][b * k * cols + (n->p[2] ? j * k + q : q * cols + j)];
                    sum += l * r;
                }
                x->out[(b * m + i) * cols + j] = sum;
            }
}

static mb_var bmm(mb_var a, mb_var b, bool ta, bool tb)
{
    mb_shape s = mb_dims(a), t = mb_dims(b), out = s;
    int m = ta ? last(s) : s.d[s.rank - 2], k = ta ? s.d[s.rank - 2] : last(s);
    int kb = tb ? last(t) : t.d[t.rank - 2], n = tb ? t.d[t.rank - 2] : last(t);
    bool fits = s.rank == t.rank && k == kb;
    for (int i = 0; fits && i < s.rank - 2; i++) fits = s.d[i] == t.d[i];
    if (!fits) return mismatch(a.g, "batched matmul", a, b);
    out.d[s.rank - 2] = m;
    out.d[s.rank - 1] = n;
    mb_var in[2] = { mb__dense(a), mb__dense(b) };
    mb_var y = mb__node_new(a.g, &mb__op_bmm, 2, in, MB_F32, out);
    if (y.id >= 0) mb__of(y)->p[0] = ta, mb__of(y)->p[2] = tb;
    return y;
}

static void bmm_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var a = { g, n->in[0] }, b = { g, n->in[1] };
    int ta = n->p[0], tb = n->p[2];
    if (ta) din[0] = bmm(b, dy, false, true), din[1] = bmm(a, dy, false, false);
    else if (tb) din[0] = bmm(dy, b, false, false), din[1] = bmm(dy, a, true, false);
    else din[0] = bmm(dy, b, false, true), din[1] = bmm(a, dy, true, false);
}

const mb__op mb__op_bmm = { .name = "batched matmul", .rows = MB__ROW, .needs_dense = true, .run = bmm_run, .ref = bmm_ref,
                            .grad = bmm_grad, .scratch = bmm_scratch, .flops = bmm_flops };

/* ---- the public names ---- */

mb_var (mb_matmul)(mb_var a, mb_var b)
{
    mb_graph *g = a.g;
    mb_var in[2] = { a, b };
    if (mb__bad(g, 2, in)) return (mb_var){ g, -1 };
    mb_shape s = mb_dims(a), t = mb_dims(b);
    if (s.rank < 2 || t.rank < 2) return mismatch(g, "matmul", a, b);
    if (t.rank > 2) return bmm(a, b, false, false);
    if (last(s) != t.d[0]) return mismatch(g, "matmul", a, b);
    in[0] = s.rank > 2 ? mb__dense(a) : a;
    in[1] = mb__dense(b);
    mb_shape out = s;
    out.d[s.rank - 1] = t.d[1];
    mb_var y = mb__node_new(g, &mb__op_matmul, 2, in, MB_F32, out);
    if (y.id >= 0) mb__of(y)->p[1] = g->bf16;
    return y;
}

mb_var (mb_matmul_nt)(mb_var a, mb_var b)
{
    mb_var in[2] = { a, b };
    if (mb__bad(a.g, 2, in)) return (mb_var){ a.g, -1 };
    if (mb_dims(b).rank > 2 && mb_dims(a).rank == mb_dims(b).rank) return bmm(a, b, false, true);
    return (mb_matmul)(a, mb_transpose(b));
}

mb_var (mb_linear)(mb_var a, mb_var w, mb_var bias)
{
    return (mb_add)((mb_matmul)(a, w), bias);
}

void mb_graph_bf16(mb_graph *g, bool on)
{
    g->bf16 = on;
}
