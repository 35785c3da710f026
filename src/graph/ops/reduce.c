/* reduce.c - sums and maxima, and what is composed of them. */
#include "graph/internal.h"

/* ---- over the last axis ---- */

static void sizes(const mb__run *x, int *rows, int *cols, ptrdiff_t *ld)
{
    mb_shape s = x->src[0]->shape;
    *cols = s.d[s.rank - 1];
    *rows = x->rows;
    for (int i = 1; i < s.rank - 1; i++) *rows *= s.d[i];
    *ld = s.rank == 2 ? (ptrdiff_t)x->ld[0] : *cols;
}

static void sum_last_run(const mb__run *x)
{
    int rows, cols;
    ptrdiff_t ld;
    sizes(x, &rows, &cols, &ld);
    x->k->row_sum(rows, cols, x->in[0], ld, x->out, 1);
}

static void max_last_run(const mb__run *x)
{
    int rows, cols;
    ptrdiff_t ld;
    sizes(x, &rows, &cols, &ld);
    x->k->row_max(rows, cols, x->in[0], ld, x->out, 1);
}

static void sum_last_ref(const mb__ref *x)
{
    mb_shape s = x->src[0]->shape;
    int n = s.d[s.rank - 1];
    for (int64_t i = 0, m = mb__count(s) / n; i < m; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++) sum += x->in[0][i * n + j];
        x->out[i] = sum;
    }
}

static void max_last_ref(const mb__ref *x)
{
    mb_shape s = x->src[0]->shape;
    int n = s.d[s.rank - 1];
    for (int64_t i = 0, m = mb__count(s) / n; i < m; i++) {
        double max = x->in[0][i * n];
        for (int j = 1; j < n; j++)
            if (x->in[0][i * n + j] > max) max = x->in[0][i * n + j];
        x->out[i] = max;
    }
}

/* [...] -> [..., 1], to broadcast along the axis that was reduced */
static mb_var column(mb_var a)
{
    mb_shape s = mb_dims(a);
    s.d[s.rank++] = 1;
    return (mb_reshape)(a, s);
}

static void sum_last_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_shape s = g->nodes[n->in[0]].shape;
    din[0] = mb_expand(column(dy), s);
}

/* shared equally between equal maxima */
static void max_last_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var x = { g, n->in[0] };
    mb_var hit = mb_eq(x, column(y));
    din[0] = (mb_mul)(hit, column((mb_div)(dy, mb_sum_last(hit))));
}

const mb__op mb__op_sum_last = { .name = "sum_last", .rows = MB__ROW, .run = sum_last_run, .ref = sum_last_ref, .grad = sum_last_grad };
const mb__op mb__op_max_last = { .name = "max_last", .rows = MB__ROW, .run = max_last_run, .ref = max_last_ref, .grad = max_last_grad };

static mb_var over_last(const mb__op *op, mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a);
    if (s.rank == 0) return mb__poison(a.g, "%s of a scalar: there is no axis", op->name);
    if (s.rank == 1) { /* the only axis is the batch: one row of it */
        mb_var row = (mb_reshape)(a, MB_S2(1, s.d[0]));
        return (mb_reshape)(over_last(op, row), MB_S0());
    }
    if (s.rank > 2) a = mb__dense(a);
    mb_shape out = s;
    out.rank--;
    return mb__node_new(a.g, op, 1, &a, MB_F32, out);
}

mb_var mb_sum_last(mb_var a)
{
    if (a.id >= 0 && mb_dims(a).rank == 1) return mb_sum_rows(a);
    return over_last(&mb__op_sum_last, a);
}

mb_var mb_max_last(mb_var a)
{
    return over_last(&mb__op_max_last, a);
}

mb_var mb_mean_last(mb_var a)
{
    if (a.id < 0 || mb_dims(a).rank == 0) return mb_sum_last(a);
    return mb_scale(mb_sum_last(a), 1.0f / (float)mb_dims(a).d[mb_dims(a).rank - 1]);
}

/* ---- over the rows of the batch; any number of inputs of one shape ---- */

static void col_sum_run(const mb__run *x)
{
    int64_t e = mb__count(x->node->shape);
    float *out = x->out;
    for (int i = 0; i < x->node->nin; i++) {
        bool add = !(x->first && i == 0);
        if (e == 1 && x->ld[i] == 1) { /* one column: 16 chains instead of one */
            float sum;
            x->k->row_sum(1, x->rows, x->in[i], x->rows, &sum, 1);
            out[0] = add ? out[0] + sum : sum;
        } else {
            x->k->col_sum(x->rows, (int)e, x->in[i], (ptrdiff_t)x->ld[i], out, add);
        }
    }
}

static void col_sum_ref(const mb__ref *x)
{
    int64_t e = mb__count(x->node->shape);
    for (int64_t j = 0; j < e; j++) x->out[j] = 0;
    for (int i = 0; i < x->node->nin; i++)
        for (int64_t r = 0; r < x->src[i]->shape.d[0]; r++)
            for (int64_t j = 0; j < e; j++) x->out[j] += x->in[i][r * e + j];
}

static void col_sum_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    for (int i = 0; i < n.nin; i++) din[i] = mb_expand(dy, g->nodes[n.in[i]].shape);
}

const mb__op mb__op_col_sum = { .name = "sum_rows", .rows = MB__REDUCE, .run = col_sum_run, .ref = col_sum_ref, .grad = col_sum_grad };

mb_var mb_sum_rows(mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a), out = { .rank = s.rank - 1 };
    if (s.rank == 0) return a;
    for (int i = 0; i < out.rank; i++) out.d[i] = s.d[i + 1];
    if (s.d[0] == 1) return (mb_reshape)(a, out);
    return mb__node_new(a.g, &mb__op_col_sum, 1, &a, MB_F32, out);
}

/* ---- composed ---- */

mb_var mb_sum(mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a);
    if (s.rank > 1) { /* each row of the batch first: it runs inside the tile */
        mb_shape flat = MB_S2(s.d[0], (int)mb__row_count(s));
        a = mb__row_count(s) == 1 ? (mb_reshape)(a, MB_S1(s.d[0])) : mb_sum_last((mb_reshape)(a, flat));
    }
    return mb_sum_rows(a);
}

mb_var mb_mean(mb_var a)
{
    return mb_scale(mb_sum(a), 1.0f / (float)mb__count(mb_dims(a)));
}

mb_var mb_sum_axis(mb_var a, int axis)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a);
    if (axis < 0 || axis >= s.rank) return mb__poison(a.g, "sum_axis: axis %d of a tensor of rank %d", axis, s.rank);
    if (axis == 0) return mb_sum_rows(a);
    if (axis < s.rank - 1) {
        int axes[MB_MAX_RANK], n = 0;
        for (int i = 0; i < s.rank; i++)
            if (i != axis) axes[n++] = i;
        axes[n] = axis;
        a = mb_permute(a, axes);
    }
    return mb_sum_last(a);
}

mb_var mb_standardize(mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    int64_t n = mb__count(mb_dims(a));
    mb_var centred = (mb_sub)(a, mb_mean(a));
    mb_var var = mb_scale(mb_sum(mb_square(centred)), n > 1 ? 1.0f / (float)(n - 1) : 0);
    return (mb_div)(centred, mb_shift(mb_sqrt(var), 1e-8f));
}

mb_var mb_masked_mean(mb_var a, mb_var mask)
{
    mb_var one = mb_constant(a.g, 1);
    return (mb_div)(mb_sum((mb_mul)(a, mask)), (mb_max)(mb_sum(mask), one));
}

/* ---- normalisation over the last axis ---- */

mb_var mb_rms_norm(mb_var a, mb_var gain, float eps)
{
    mb_var scale = mb_recip(mb_sqrt(mb_shift(mb_mean_last(mb_square(a)), eps)));
    return scale.id < 0 ? scale : (mb_mul)((mb_mul)(a, column(scale)), gain);
}

mb_var mb_layer_norm(mb_var a, mb_var gain, mb_var bias, float eps)
{
    mb_var mean = mb_mean_last(a);
    if (mean.id < 0) return mean;
    mb_var centred = (mb_sub)(a, column(mean));
    mb_var scale = mb_recip(mb_sqrt(mb_shift(mb_mean_last(mb_square(centred)), eps)));
    return (mb_add)((mb_mul)((mb_mul)(centred, column(scale)), gain), bias);
}
