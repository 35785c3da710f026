/* shape.c - the same numbers in another arrangement: views where memory allows, copies elsewhere. */
#include "graph/internal.h"
#include <string.h>

static int rows_of(mb_shape s)
{
    return s.rank ? s.d[0] : 1;
}

mb_var mb__dense(mb_var a)
{
    if (a.id < 0) return a;
    const mb__node *n = mb__of(a);
    for (; n->op->rows == MB__ALIAS; n = &a.g->nodes[n->in[0]])
        if (n->op == &mb__op_slice_view && mb__row_count(n->shape) != mb__row_count(a.g->nodes[n->in[0]].shape))
            return mb__map(MB__MAP_COPY, 1, &a, 0, 0);
    return a;
}

static void copy_ref(const mb__ref *x)
{
    memcpy(x->out, x->in[0], (size_t)mb__count(x->node->shape) * sizeof(double));
}

/* ---- reshape: p[0] = the rows of the batch change, so the whole value must be there ---- */

static void reshape_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    din[0] = (mb_reshape)(dy, g->nodes[n->in[0]].shape);
}

const mb__op mb__op_reshape = { .name = "reshape", .rows = MB__ALIAS, .ref = copy_ref, .grad = reshape_grad };

mb_var (mb_reshape)(mb_var a, mb_shape s)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape from = mb_dims(a);
    if (s.rank && s.d[0] == -1) {
        s.d[0] = 1;
        s.d[0] = (int)(mb__count(from) / mb__count(s));
    }
    if (mb__same(from, s)) return a;
    if (mb__count(from) != mb__count(s)) {
        char t[64], u[64];
        mb__shape_text(from, t, sizeof t);
        mb__shape_text(s, u, sizeof u);
        return mb__poison(a.g, "reshape of %s to %s: different numbers of elements", t, u);
    }
    bool whole = rows_of(from) != rows_of(s);
    if (whole) a = mb__dense(a);
    mb_var y = mb__node_new(a.g, &mb__op_reshape, 1, &a, mb__of(a)->type, s);
    if (y.id >= 0) mb__of(y)->p[0] = whole;
    return y;
}

/* ---- stop-gradient ---- */

const mb__op mb__op_stop = { .name = "stop", .rows = MB__ALIAS, .ref = copy_ref };

mb_var mb_stop(mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    return mb__node_new(a.g, &mb__op_stop, 1, &a, mb__of(a)->type, mb_dims(a));
}

/* ---- slices: p = axis, start ---- */

static void slice_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    mb_shape s = x->src[0]->shape;
    int axis = n->p[0];
    int64_t rest = 1, before = 1;
    for (int i = axis + 1; i < s.rank; i++) rest *= s.d[i];
    for (int i = 0; i < axis; i++) before *= s.d[i];
    int64_t width = n->shape.d[axis] * rest;
    for (int64_t i = 0; i < before; i++)
        memcpy(x->out + i * width, x->in[0] + (i * s.d[axis] + n->p[1]) * rest, (size_t)width * sizeof(double));
}

static void slice_run(const mb__run *x)
{
    const mb__node *n = x->node;
    mb_shape s = x->src[0]->shape;
    int axis = n->p[0];
    int64_t rest = 1, before = x->rows;
    for (int i = axis + 1; i < s.rank; i++) rest *= s.d[i];
    for (int i = 1; i < axis; i++) before *= s.d[i];
    int64_t width = n->shape.d[axis] * rest;
    const float *in = x->in[0];
    float *out = x->out;
    for (int64_t i = 0; i < before; i++)
        memcpy(out + i * width, in + (i * s.d[axis] + n->p[1]) * rest, (size_t)width * sizeof(float));
}

/* the gradient is gathered by mb_grad, which joins neighbouring slices instead of padding each one */
const mb__op mb__op_slice = { .name = "slice", .rows = MB__ROW, .needs_dense = true, .run = slice_run, .ref = slice_ref };
const mb__op mb__op_slice_view = { .name = "slice", .rows = MB__ALIAS, .ref = slice_ref };
const mb__op mb__op_slice_rows = { .name = "slice", .rows = MB__ALIAS, .ref = slice_ref };

mb_var (mb_slice)(mb_var a, int axis, int start, int n)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a), out = s;
    if (axis < 0 || axis >= s.rank || start < 0 || n < 1 || start + n > s.d[axis]) {
        char t[64];
        mb__shape_text(s, t, sizeof t);
        return mb__poison(a.g, "slice of %d from %d on axis %d leaves %s", n, start, axis, t);
    }
    if (n == s.d[axis]) return a;
    out.d[axis] = n;
    bool view = axis > 0;
    for (int i = 1; i < axis; i++) view = view && s.d[i] == 1;
    const mb__op *op = axis == 0 ? &mb__op_slice_rows : view ? &mb__op_slice_view : &mb__op_slice;
    a = mb__dense(a);
    if (op == &mb__op_slice && mb__of(a)->type != MB_F32) return mb__poison(a.g, "slice inside rows needs float32");
    mb_var y = mb__node_new(a.g, op, 1, &a, mb__of(a)->type, out);
    if (y.id >= 0) mb__of(y)->p[0] = axis, mb__of(y)->p[1] = start;
    return y;
}

/* ---- concatenation: p[0] = axis ---- */

static void concat_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    int axis = n->p[0];
    int64_t rest = 1, before = 1, at = 0;
    for (int i = axis + 1; i < n->shape.rank; i++) rest *= n->shape.d[i];
    for (int i = 0; i < axis; i++) before *= n->shape.d[i];
    int64_t total = n->shape.d[axis] * rest;
    for (int k = 0; k < n->nin; k++) {
        int64_t width = x->src[k]->shape.d[axis] * rest;
        for (int64_t i = 0; i < before; i++)
            memcpy(x->out + i * total + at, x->in[k] + i * width, (size_t)width * sizeof(double));
        at += width;
    }
}

static void concat_run(const mb__run *x)
{
    const mb__node *n = x->node;
    int axis = n->p[0];
    int64_t rest = 1, before = axis == 0 ? 1 : x->rows, at = 0;
    for (int i = axis + 1; i < n->shape.rank; i++) rest *= n->shape.d[i];
    for (int i = 1; i < axis; i++) before *= n->shape.d[i];
    int64_t total = n->shape.d[axis] * rest;
    for (int k = 0; k < n->nin; k++) {
        int64_t width = x->src[k]->shape.d[axis] * rest, ld = axis == 1 ? x->ld[k] : width;
        mb__operand in = { x->in[k], ld, 1 };
        x->k->map(MB__MAP_COPY, (float *)x->out + at, total, (int)before, (int)width, &in, 0, 0);
        at += width;
    }
}

static void concat_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    int axis = n.p[0], at = 0;
    for (int i = 0; i < n.nin; i++) {
        int len = g->nodes[n.in[i]].shape.d[axis];
        din[i] = (mb_slice)(dy, axis, at, len);
        at += len;
    }
}

const mb__op mb__op_concat = { .name = "concat", .rows = MB__ROW, .run = concat_run, .ref = concat_ref, .grad = concat_grad };
const mb__op mb__op_concat_rows = { .name = "concat", .rows = MB__WHOLE, .needs_dense = true, .run = concat_run, .ref = concat_ref,
                                    .grad = concat_grad };

mb_var (mb_concat)(int n, const mb_var *parts, int axis)
{
    mb_graph *g = parts[0].g;
    if (mb__bad(g, n, parts)) return (mb_var){ g, -1 };
    if (n == 1) return parts[0];
    mb_shape s = mb_dims(parts[0]);
    if (axis < 0 || axis >= s.rank) return mb__poison(g, "concat on axis %d of tensors of rank %d", axis, s.rank);
    int total = 0;
    for (int i = 0; i < n; i++) {
        mb_shape t = mb_dims(parts[i]);
        total += t.rank == s.rank ? t.d[axis] : 0;
        t.d[axis] = s.d[axis];
        if (!mb__same(s, t)) {
            char u[64], v[64];
            mb__shape_text(s, u, sizeof u);
            mb__shape_text(mb_dims(parts[i]), v, sizeof v);
            return mb__poison(g, "concat on axis %d of %s and %s (part %d)", axis, u, v, i);
        }
    }
    s.d[axis] = total;
    mb_var *in = mb_alloc(g->scope->arena, (size_t)n, sizeof *in, &g->err);
    if (!in) return mb__poison(g, "no memory");
    for (int i = 0; i < n; i++) in[i] = axis == 1 ? parts[i] : mb__dense(parts[i]);
    mb_var y = mb__node_new(g, axis == 0 ? &mb__op_concat_rows : &mb__op_concat, n, in, MB_F32, s);
    if (y.id >= 0) mb__of(y)->p[0] = axis;
    return y;
}

/* ---- permutations: p[i] = source axis of result axis i ---- */

/* copy in the order of the result, starting at result row row0; `in` begins at the source row of that (row form) or at 0 */
#define PERMUTE(T, in, out, count)                                                                 \
    do {                                                                                           \
        int64_t stride[MB_MAX_RANK] = { 0 }, step = 1;                                             \
        for (int i = s.rank - 1; i >= 0; i--) {                                                    \
            for (int k = 0; k < s.rank; k++)                                                       \
                if (n->p[k] == i) stride[k] = step;                                                \
            step *= s.d[i];                                                                        \
        }                                                                                          \
        for (int64_t i = 0; i < (count); i++) {                                                    \
            int64_t left = i, at = 0;                                                              \
            for (int k = s.rank - 1; k >= 0; k--) {                                                \
                at += left % n->shape.d[k] * stride[k];                                            \
                left /= n->shape.d[k];                                                             \
            }                                                                                      \
            (out)[i] = (in)[at];                                                                   \
        }                                                                                          \
    } while (0)

static void permute_run(const mb__run *x)
{
    const mb__node *n = x->node;
    mb_shape s = x->src[0]->shape;
    const float *in = x->in[0];
    float *out = x->out;
    if (s.rank == 2 && n->p[0] == 1) {
        x->k->transpose(s.d[0], s.d[1], in, s.d[1], out, s.d[0]);
        return;
    }
    int64_t rows = n->op == &mb__op_permute ? x->rows : rows_of(n->shape);
    if (s.rank == 3 && n->p[0] == 0) { /* a transpose of each row of the batch */
        int64_t e = mb__row_count(s);
        for (int64_t r = 0; r < rows; r++) x->k->transpose(s.d[1], s.d[2], in + r * e, s.d[2], out + r * e, s.d[1]);
        return;
    }
    PERMUTE(float, in, out, rows * mb__row_count(n->shape));
}

static void permute_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    mb_shape s = x->src[0]->shape;
    PERMUTE(double, x->in[0], x->out, mb__count(s));
}

static void permute_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    int back[MB_MAX_RANK] = { 0 };
    for (int i = 0; i < n->shape.rank; i++) back[n->p[i]] = i;
    din[0] = mb_permute(dy, back);
}

const mb__op mb__op_permute = { .name = "permute", .rows = MB__ROW, .needs_dense = true, .run = permute_run, .ref = permute_ref,
                                .grad = permute_grad };
const mb__op mb__op_permute_whole = { .name = "permute", .rows = MB__WHOLE, .needs_dense = true, .run = permute_run,
                                      .ref = permute_ref, .grad = permute_grad };

mb_var mb_permute(mb_var a, const int *axes)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a), out = s;
    unsigned seen = 0;
    for (int i = 0; i < s.rank; i++) {
        if (axes[i] < 0 || axes[i] >= s.rank || (seen >> axes[i] & 1u))
            return mb__poison(a.g, "permute: axis %d of a tensor of rank %d, or twice", axes[i], s.rank);
        seen |= 1u << axes[i];
        out.d[i] = s.d[axes[i]];
    }
    a = mb__dense(a);
    mb_var y = mb__node_new(a.g, axes[0] == 0 ? &mb__op_permute : &mb__op_permute_whole, 1, &a, MB_F32, out);
    if (y.id >= 0) memcpy(mb__of(y)->p, axes, (size_t)s.rank * sizeof(int));
    return y;
}

mb_var mb_transpose(mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    int rank = mb_dims(a).rank, axes[MB_MAX_RANK] = { 0, 1, 2, 3, 4 };
    if (rank < 2) return mb__poison(a.g, "transpose of a tensor of rank %d", rank);
    if (mb__of(a)->transposed) return (mb_var){ a.g, mb__of(a)->transposed - 1 }; /* an unrolled layer asks at every step */
    axes[rank - 2] = rank - 1;
    axes[rank - 1] = rank - 2;
    mb_var t = mb_permute(a, axes);
    mb__of(a)->transposed = t.id + 1;
    return t;
}

/* ---- unrolled recurrence ---- */

mb_var mb_scan(mb_var xs, mb_var keep, mb_var *carry, int ncarry, mb_cell cell, void *ctx)
{
    mb_graph *g = xs.g;
    mb_var both[2] = { xs, keep };
    if (mb__bad(g, 2, both) || mb__bad(g, ncarry, carry)) return (mb_var){ g, -1 };
    mb_shape s = mb_dims(xs), k = mb_dims(keep);
    if (s.rank != 3 || k.rank != 2 || k.d[0] != s.d[0] || k.d[1] != s.d[1])
        return mb__poison(g, "scan needs inputs [B, T, n] and a mask [B, T]");
    mb_var *out = mb_alloc(g->scope->arena, (size_t)s.d[1], sizeof *out, &g->err);
    if (!out) return mb__poison(g, "no memory for a scan of %d steps", s.d[1]);
    for (int t = 0; t < s.d[1]; t++) {
        mb_var x = (mb_reshape)((mb_slice)(xs, 1, t, 1), MB_S2(s.d[0], s.d[2]));
        mb_var m = (mb_slice)(keep, 1, t, 1);
        for (int i = 0; i < ncarry; i++) carry[i] = (mb_mul)(carry[i], m);
        mb_var y = cell(ctx, x, carry, ncarry);
        if (y.id < 0) return y;
        out[t] = (mb_reshape)(y, MB_S3(s.d[0], 1, mb_dims(y).d[1]));
    }
    return (mb_concat)(s.d[1], out, 1);
}
