/* map.c - elementwise operations with NumPy broadcasting, and explicit broadcasts. */
#include "graph/internal.h"
#include <math.h>
#include <string.h>

/* ---- shapes ---- */

static bool broadcast(mb_shape a, mb_shape b, mb_shape *out)
{
    out->rank = a.rank > b.rank ? a.rank : b.rank;
    for (int i = 0; i < out->rank; i++) {
        int ia = a.rank - out->rank + i, ib = b.rank - out->rank + i;
        int da = ia < 0 ? 1 : a.d[ia], db = ib < 0 ? 1 : b.d[ib];
        if (da != db && da != 1 && db != 1) return false;
        out->d[i] = da > db ? da : db;
    }
    return true;
}

/* size of axis i of the output in an operand of lower rank */
static int dim(mb_shape s, mb_shape out, int i)
{
    int k = s.rank - out.rank + i;
    return k < 0 ? 1 : s.d[k];
}

/* Can the axes be split at `at` so that the operand, in the axes before and in those after, is either whole or repeated? */
static bool splits(mb_shape s, mb_shape out, int at, bool *row, bool *col)
{
    bool rows_full = true, rows_one = true, cols_full = true, cols_one = true;
    for (int i = 0; i < out.rank; i++) {
        int d = dim(s, out, i);
        bool full = d == out.d[i], one = d == 1;
        if (i < at) rows_full &= full, rows_one &= one;
        else cols_full &= full, cols_one &= one;
    }
    *row = rows_full;
    *col = cols_full;
    return (rows_full || rows_one) && (cols_full || cols_one);
}

static int split_of(int n, const mb_shape *in, mb_shape out)
{
    bool r, c;
    for (int at = out.rank > 0 ? 1 : 0; at <= out.rank; at++) {
        int i = 0;
        while (i < n && splits(in[i], out, at, &r, &c)) i++;
        if (i == n) return at;
    }
    return -1;
}

/* What running needs of the shapes, once: p[2], p[3] = bit per operand, whole in the rows / in the columns of the split;
   p[4] = rows per row of the batch, p[5] = columns. */
static void strides(mb__node *n, int nin, const mb_shape *in)
{
    int at = n->p[1];
    mb_shape s = n->shape;
    n->p[2] = n->p[3] = 0;
    n->p[4] = n->p[5] = 1;
    for (int i = 1; i < at; i++) n->p[4] *= s.d[i];
    for (int i = at; i < s.rank; i++) n->p[5] *= s.d[i];
    for (int i = 0; i < nin; i++) {
        bool row, col;
        splits(in[i], s, at, &row, &col);
        if (at <= 1) row = s.rank > 0 && in[i].rank == s.rank && in[i].d[0] == s.d[0];
        n->p[2] |= row << i;
        n->p[3] |= col << i;
    }
}

static const char *const names[MB__MAP_N] = {
    "copy", "neg", "abs", "square", "sqrt", "recip", "exp", "log", "sin", "cos", "tanh", "sigmoid", "relu", "softplus", "silu",
    "gelu", "sign", "floor", "scale", "shift", "clamp", "add", "sub", "mul", "div", "min", "max", "gt", "ge", "eq", "fma",
    "select", "tanh_grad", "sigmoid_grad", "relu_grad", "clamp_grad", "axpy",
};

mb_var mb__map(int fn, int n, const mb_var *in, float c, float d)
{
    mb_graph *g = in[0].g;
    if (mb__bad(g, n, in)) return (mb_var){ g, -1 };
    mb_var v[3];
    mb_shape s = mb__of(in[0])->shape, shapes[3] = { s, s, s };
    for (int i = 0; i < n; i++) {
        v[i] = in[i];
        shapes[i] = mb__of(in[i])->shape;
        if (mb__of(in[i])->type != MB_F32) return mb__poison(g, "%s needs float32: use mb_cast first", names[fn]);
        if (!broadcast(s, shapes[i], &s)) {
            char a[64], b[64];
            mb__shape_text(shapes[0], a, sizeof a);
            mb__shape_text(shapes[i], b, sizeof b);
            return mb__poison(g, "%s of %s and %s does not broadcast", names[fn], a, b);
        }
    }
    int split = split_of(n, shapes, s);
    if (split < 0) { /* repeats in the middle: write them out */
        for (int i = 0; i < n; i++)
            if (!mb__same(shapes[i], s)) v[i] = mb_expand(v[i], s), shapes[i] = s;
        split = split_of(n, shapes, s);
    }
    if (split > 1)
        for (int i = 0; i < n; i++) v[i] = mb__dense(v[i]);
    mb_var y = mb__node_new(g, &mb__op_map, n, v, MB_F32, s);
    if (y.id >= 0) {
        mb__node *node = mb__of(y);
        node->p[0] = fn;
        node->p[1] = split;
        strides(node, n, shapes);
        node->c = c;
        node->d = d;
        node->name = names[fn];
    }
    return y;
}

/* ---- running ---- */

static bool in_row(const mb__node *n, const mb__node *const *src, int i)
{
    return n->shape.rank > 0 && src[i]->shape.rank == n->shape.rank && src[i]->shape.d[0] == n->shape.d[0];
}

static void run(const mb__run *x)
{
    const mb__node *n = x->node;
    int cols = n->p[5], rows = (n->shape.rank > 0 ? x->rows : 1) * n->p[4];
    mb__operand in[3];
    for (int i = 0; i < n->nin; i++) {
        bool row = n->p[2] >> i & 1, col = n->p[3] >> i & 1;
        ptrdiff_t stride = n->p[1] > 1 ? (col ? cols : 1) : (ptrdiff_t)x->ld[i];
        in[i] = (mb__operand){ x->in[i], row ? stride : 0, col };
    }
    x->k->map((mb__map_fn)n->p[0], x->out, cols, rows, cols, in, n->c, n->d);
}

static double sigmoid64(double x)
{
    return 1 / (1 + exp(-x));
}

static double gelu64(double x)
{
    return 0.5 * x * (1 + tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x)));
}

static double apply(int fn, const double *v, double c, double d)
{
    double x = v[0], y = v[1], z = v[2];
    switch (fn) {
    case MB__MAP_COPY: return x;
    case MB__MAP_NEG: return -x;
    case MB__MAP_ABS: return fabs(x);
    case MB__MAP_SQUARE: return x * x;
    case MB__MAP_SQRT: return sqrt(x);
    case MB__MAP_RECIP: return 1 / x;
    case MB__MAP_EXP: return exp(x);
    case MB__MAP_LOG: return log(x);
    case MB__MAP_SIN: return sin(x);
    case MB__MAP_COS: return cos(x);
    case MB__MAP_TANH: return tanh(x);
    case MB__MAP_SIGMOID: return sigmoid64(x);
    case MB__MAP_RELU: return x > 0 ? x : 0;
    case MB__MAP_SOFTPLUS: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x));
    case MB__MAP_SILU: return x * sigmoid64(x);
    case MB__MAP_GELU: return gelu64(x);
    case MB__MAP_SIGN: return (x > 0) - (x < 0);
    case MB__MAP_FLOOR: return floor(x);
    case MB__MAP_SCALE: return c * x;
    case MB__MAP_SHIFT: return x + c;
    case MB__MAP_CLAMP: return x < c ? c : x > d ? d : x;
    case MB__MAP_ADD: return x + y;
    case MB__MAP_SUB: return x - y;
    case MB__MAP_MUL: return x * y;
    case MB__MAP_DIV: return x / y;
    case MB__MAP_MIN: return x < y ? x : y;
    case MB__MAP_MAX: return x > y ? x : y;
    case MB__MAP_GT: return x > y;
    case MB__MAP_GE: return x >= y;
    case MB__MAP_EQ: return x == y;
    case MB__MAP_FMA: return x * y + z;
    case MB__MAP_SELECT: return x != 0 ? y : z;
    case MB__MAP_TANH_GRAD: return y * (1 - x * x);
    case MB__MAP_SIGMOID_GRAD: return y * x * (1 - x);
    case MB__MAP_RELU_GRAD: return x > 0 ? y : 0;
    case MB__MAP_CLAMP_GRAD: return x >= c && x <= d ? y : 0;
    default: return c * x + y;
    }
}

/* index into an operand of element i of the output */
static int64_t operand_at(mb_shape s, mb_shape out, int64_t i)
{
    int64_t at = 0, step = 1;
    for (int k = out.rank - 1; k >= 0; k--) {
        int64_t j = i % out.d[k];
        i /= out.d[k];
        int d = dim(s, out, k);
        if (d > 1) at += j * step;
        step *= d;
    }
    return at;
}

static void ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    double v[3] = { 0, 0, 0 };
    for (int64_t i = 0, m = mb__count(n->shape); i < m; i++) {
        for (int k = 0; k < n->nin; k++) v[k] = x->in[k][operand_at(x->src[k]->shape, n->shape, i)];
        x->out[i] = apply(n->p[0], v, (double)n->c, (double)n->d);
    }
}

/* ---- gradients ---- */

mb_var mb__sum_to(mb_var a, mb_shape s)
{
    if (a.id < 0 || mb__same(mb_dims(a), s)) return a;
    while (mb_dims(a).rank > s.rank) a = mb_sum_rows(a);
    for (int i = 0; i < s.rank; i++)
        if (s.d[i] == 1 && mb_dims(a).d[i] != 1) {
            mb_shape keep = mb_dims(a);
            keep.d[i] = 1;
            a = (mb_reshape)(mb_sum_axis(a, i), keep);
        }
    return a;
}

static mb_var unary(int fn, mb_var a, float c, float d)
{
    return mb__map(fn, 1, &a, c, d);
}

static mb_var binary(int fn, mb_var a, mb_var b)
{
    mb_var in[2] = { a, b };
    return mb__map(fn, 2, in, 0, 0);
}

/* derivative of a function of one variable, times dy */
static mb_var unary_grad(const mb__node *n, mb_var x, mb_var y, mb_var dy)
{
    switch (n->p[0]) {
    case MB__MAP_COPY: return dy;
    case MB__MAP_NEG: return mb_neg(dy);
    case MB__MAP_ABS: return binary(MB__MAP_MUL, dy, mb_sign(x));
    case MB__MAP_SQUARE: return binary(MB__MAP_MUL, dy, mb_scale(x, 2));
    case MB__MAP_SQRT: return binary(MB__MAP_DIV, mb_scale(dy, 0.5f), y);
    case MB__MAP_RECIP: return mb_neg(binary(MB__MAP_MUL, dy, mb_square(y)));
    case MB__MAP_EXP: return binary(MB__MAP_MUL, dy, y);
    case MB__MAP_LOG: return binary(MB__MAP_DIV, dy, x);
    case MB__MAP_SIN: return binary(MB__MAP_MUL, dy, mb_cos(x));
    case MB__MAP_COS: return mb_neg(binary(MB__MAP_MUL, dy, mb_sin(x)));
    case MB__MAP_TANH: return binary(MB__MAP_TANH_GRAD, y, dy);
    case MB__MAP_SIGMOID: return binary(MB__MAP_SIGMOID_GRAD, y, dy);
    case MB__MAP_RELU: return binary(MB__MAP_RELU_GRAD, y, dy);
    case MB__MAP_SOFTPLUS: return binary(MB__MAP_MUL, dy, mb_sigmoid(x));
    case MB__MAP_SILU: { /* s + y (1 - s), s = sigmoid(x) */
        mb_var s = mb_sigmoid(x);
        return binary(MB__MAP_MUL, dy, binary(MB__MAP_ADD, s, binary(MB__MAP_MUL, y, mb_shift(mb_neg(s), 1))));
    }
    case MB__MAP_GELU: { /* with u = a (x + b x^3): 0.5 (1 + tanh u) + 0.5 x (1 - tanh^2 u) a (1 + 3 b x^2) */
        const float a = 0.7978845608f, b = 0.044715f;
        mb_var x2 = mb_square(x);
        mb_var t = mb_tanh(mb_scale(binary(MB__MAP_MUL, x, mb_shift(mb_scale(x2, b), 1)), a));
        mb_var slope = mb_scale(mb_shift(mb_scale(x2, 3 * b), 1), 0.5f * a);
        mb_var right = binary(MB__MAP_TANH_GRAD, t, binary(MB__MAP_MUL, x, slope));
        return binary(MB__MAP_MUL, dy, binary(MB__MAP_ADD, mb_shift(mb_scale(t, 0.5f), 0.5f), right));
    }
    case MB__MAP_SCALE: return mb_scale(dy, n->c);
    case MB__MAP_SHIFT: return dy;
    case MB__MAP_CLAMP: {
        mb_var in[2] = { x, dy };
        return mb__map(MB__MAP_CLAMP_GRAD, 2, in, n->c, n->d);
    }
    default: return (mb_var){ dy.g, MB__NONE }; /* sign, floor: 0 almost everywhere */
    }
}

static void two_grad(const mb__node *n, mb_var a, mb_var b, mb_var y, mb_var dy, mb_var *din)
{
    switch (n->p[0]) {
    case MB__MAP_ADD: din[0] = dy, din[1] = dy; break;
    case MB__MAP_SUB: din[0] = dy, din[1] = mb_neg(dy); break;
    case MB__MAP_MUL: din[0] = binary(MB__MAP_MUL, dy, b), din[1] = binary(MB__MAP_MUL, dy, a); break;
    case MB__MAP_DIV:
        din[0] = binary(MB__MAP_DIV, dy, b);
        din[1] = mb_neg(binary(MB__MAP_DIV, binary(MB__MAP_MUL, dy, y), b));
        break;
    case MB__MAP_MIN: /* ties go to the first */
        din[0] = binary(MB__MAP_MUL, dy, binary(MB__MAP_GE, b, a));
        din[1] = binary(MB__MAP_MUL, dy, binary(MB__MAP_GT, a, b));
        break;
    case MB__MAP_MAX:
        din[0] = binary(MB__MAP_MUL, dy, binary(MB__MAP_GE, a, b));
        din[1] = binary(MB__MAP_MUL, dy, binary(MB__MAP_GT, b, a));
        break;
    case MB__MAP_TANH_GRAD: /* b (1 - a^2) */
        din[0] = binary(MB__MAP_MUL, dy, mb_scale(binary(MB__MAP_MUL, a, b), -2));
        din[1] = binary(MB__MAP_TANH_GRAD, a, dy);
        break;
    case MB__MAP_SIGMOID_GRAD: /* b a (1 - a) */
        din[0] = binary(MB__MAP_MUL, dy, binary(MB__MAP_MUL, b, mb_shift(mb_scale(a, -2), 1)));
        din[1] = binary(MB__MAP_SIGMOID_GRAD, a, dy);
        break;
    case MB__MAP_RELU_GRAD: din[1] = binary(MB__MAP_RELU_GRAD, a, dy); break;
    case MB__MAP_CLAMP_GRAD: {
        mb_var in[2] = { a, dy };
        din[1] = mb__map(MB__MAP_CLAMP_GRAD, 2, in, n->c, n->d);
        break;
    }
    case MB__MAP_AXPY: din[0] = mb_scale(dy, n->c), din[1] = dy; break;
    default: break; /* comparisons */
    }
}

static void grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node; /* the node array may move while we build */
    mb_var in[3] = { { g, -1 }, { g, -1 }, { g, -1 } };
    mb_shape shapes[3];
    for (int i = 0; i < n.nin; i++) in[i] = (mb_var){ g, n.in[i] }, shapes[i] = mb_dims(in[i]);
    if (n.nin == 1) {
        din[0] = unary_grad(&n, in[0], y, dy);
    } else if (n.nin == 2) {
        two_grad(&n, in[0], in[1], y, dy, din);
    } else if (n.p[0] == MB__MAP_FMA) {
        din[0] = binary(MB__MAP_MUL, dy, in[1]), din[1] = binary(MB__MAP_MUL, dy, in[0]), din[2] = dy;
    } else { /* select */
        mb_var zero = mb_constant(g, 0);
        din[1] = (mb_select)(in[0], dy, zero);
        din[2] = (mb_select)(in[0], zero, dy);
    }
    for (int i = 0; i < n.nin; i++)
        if (din[i].id >= 0) din[i] = mb__sum_to(din[i], shapes[i]);
}

const mb__op mb__op_map = { .name = "map", .rows = MB__ROW, .in_row = in_row, .run = run, .ref = ref, .grad = grad };

/* ---- explicit broadcast ---- */

static void expand_run(const mb__run *x)
{
    const mb__node *n = x->node;
    bool row = in_row(n, x->src, 0);
    int64_t e = mb__row_count(n->shape), base = row ? 0 : (int64_t)x->row0 * e;
    const float *in = x->in[0];
    float *out = x->out;
    if (mb__count(x->src[0]->shape) == 1) { /* the usual case: a mean's gradient */
        mb__operand one = { in, 0, 0 };
        x->k->map(MB__MAP_COPY, out, e, x->rows, (int)e, &one, 0, 0);
        return;
    }
    for (int64_t i = 0, m = e * x->rows; i < m; i++) out[i] = in[operand_at(x->src[0]->shape, n->shape, base + i)];
}

static void expand_ref(const mb__ref *x)
{
    for (int64_t i = 0, m = mb__count(x->node->shape); i < m; i++)
        x->out[i] = x->in[0][operand_at(x->src[0]->shape, x->node->shape, i)];
}

static void expand_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    din[0] = mb__sum_to(dy, g->nodes[n->in[0]].shape);
}

const mb__op mb__op_expand = { .name = "expand", .rows = MB__ROW, .in_row = in_row, .needs_dense = true, .run = expand_run,
                               .ref = expand_ref, .grad = expand_grad };

mb_var mb_expand(mb_var a, mb_shape s)
{
    mb_shape out;
    if (a.id < 0 || mb__same(mb_dims(a), s)) return a;
    if (!broadcast(mb_dims(a), s, &out) || !mb__same(out, s)) {
        char t[64], u[64];
        mb__shape_text(mb_dims(a), t, sizeof t);
        mb__shape_text(s, u, sizeof u);
        return mb__poison(a.g, "expand of %s to %s: only axes of size 1 can repeat", t, u);
    }
    mb_var d = mb__dense(a);
    return mb__node_new(a.g, &mb__op_expand, 1, &d, MB_F32, s);
}

/* ---- the public names ---- */

#define UNARY(name, FN)                                                                            \
    mb_var mb_##name(mb_var a)                                                                     \
    {                                                                                              \
        return unary(MB__MAP_##FN, a, 0, 0);                                                       \
    }
#define BINARY(name, FN)                                                                           \
    mb_var (mb_##name)(mb_var a, mb_var b)                                                         \
    {                                                                                              \
        return binary(MB__MAP_##FN, a, b);                                                         \
    }
UNARY(neg, NEG)
UNARY(abs, ABS)
UNARY(sign, SIGN)
UNARY(floor, FLOOR)
UNARY(square, SQUARE)
UNARY(sqrt, SQRT)
UNARY(recip, RECIP)
UNARY(exp, EXP)
UNARY(log, LOG)
UNARY(sin, SIN)
UNARY(cos, COS)
UNARY(tanh, TANH)
UNARY(sigmoid, SIGMOID)
UNARY(relu, RELU)
UNARY(softplus, SOFTPLUS)
UNARY(silu, SILU)
UNARY(gelu, GELU)
BINARY(add, ADD)
BINARY(sub, SUB)
BINARY(mul, MUL)
BINARY(div, DIV)
BINARY(min, MIN)
BINARY(max, MAX)
BINARY(gt, GT)
BINARY(ge, GE)
BINARY(eq, EQ)

mb_var mb_scale(mb_var a, float c)
{
    return unary(MB__MAP_SCALE, a, c, 0);
}

mb_var mb_shift(mb_var a, float c)
{
    return unary(MB__MAP_SHIFT, a, c, 0);
}

mb_var mb_clamp(mb_var a, float lo, float hi)
{
    return unary(MB__MAP_CLAMP, a, lo, hi);
}

mb_var (mb_select)(mb_var c, mb_var a, mb_var b)
{
    mb_var in[3] = { c, a, b };
    return mb__map(MB__MAP_SELECT, 3, in, 0, 0);
}

mb_var mb_huber(mb_var a, float delta)
{
    mb_var size = mb_abs(a), inner = mb_scale(mb_square(a), 0.5f);
    mb_var outer = mb_scale(mb_shift(size, -0.5f * delta), delta);
    return (mb_select)((mb_gt)(size, mb_constant(a.g, delta)), outer, inner);
}
