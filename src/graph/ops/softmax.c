/* softmax.c - the softmax family over the last axis. */
#include "graph/internal.h"
#include <math.h>

static void sizes(const mb__run *x, int *rows, int *cols, ptrdiff_t *ld)
{
    mb_shape s = x->node->shape;
    *cols = s.d[s.rank - 1];
    *rows = x->rows;
    for (int i = 1; i < s.rank - 1; i++) *rows *= s.d[i];
    *ld = s.rank == 2 ? (ptrdiff_t)x->ld[0] : *cols;
}

static void log_softmax_run(const mb__run *x)
{
    int rows, cols;
    ptrdiff_t ld;
    sizes(x, &rows, &cols, &ld);
    x->k->log_softmax(rows, cols, x->in[0], ld, x->out, cols);
}

static void softmax_run(const mb__run *x)
{
    int rows, cols;
    ptrdiff_t ld;
    sizes(x, &rows, &cols, &ld);
    x->k->softmax(rows, cols, x->in[0], ld, x->out, cols);
}

static void ref(const mb__ref *x, bool logarithm)
{
    mb_shape s = x->node->shape;
    int n = s.d[s.rank - 1];
    for (int64_t i = 0, m = mb__count(s) / n; i < m; i++) {
        const double *in = x->in[0] + i * n;
        double max = in[0], sum = 0;
        for (int j = 1; j < n; j++) max = in[j] > max ? in[j] : max;
        for (int j = 0; j < n; j++) sum += exp(in[j] - max);
        for (int j = 0; j < n; j++) x->out[i * n + j] = logarithm ? in[j] - max - log(sum) : exp(in[j] - max) / sum;
    }
}

static void log_softmax_ref(const mb__ref *x)
{
    ref(x, true);
}

static void softmax_ref(const mb__ref *x)
{
    ref(x, false);
}

static mb_var column(mb_var a)
{
    mb_shape s = mb_dims(a);
    s.d[s.rank++] = 1;
    return (mb_reshape)(a, s);
}

static void log_softmax_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    din[0] = (mb_sub)(dy, (mb_mul)(mb_exp(y), column(mb_sum_last(dy))));
}

static void softmax_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    din[0] = (mb_mul)(y, (mb_sub)(dy, column(mb_sum_last((mb_mul)(dy, y)))));
}

const mb__op mb__op_log_softmax = { .name = "log_softmax", .rows = MB__ROW, .run = log_softmax_run, .ref = log_softmax_ref,
                                    .grad = log_softmax_grad };
const mb__op mb__op_softmax = { .name = "softmax", .rows = MB__ROW, .run = softmax_run, .ref = softmax_ref, .grad = softmax_grad };

static mb_var make(const mb__op *op, mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a);
    if (s.rank == 0) return mb__poison(a.g, "%s of a scalar: there is no axis", op->name);
    if (s.rank == 1) return (mb_reshape)(make(op, (mb_reshape)(a, MB_S2(1, s.d[0]))), s);
    if (s.rank > 2) a = mb__dense(a);
    return mb__node_new(a.g, op, 1, &a, MB_F32, s);
}

mb_var mb_log_softmax(mb_var a)
{
    return make(&mb__op_log_softmax, a);
}

mb_var mb_softmax(mb_var a)
{
    return make(&mb__op_softmax, a);
}

mb_var mb_logsumexp(mb_var a)
{
    mb_var max = mb_stop(mb_max_last(a));
    if (max.id < 0) return max;
    if (mb_dims(a).rank == 1) return (mb_add)(mb_log(mb_sum_last(mb_exp((mb_sub)(a, max)))), max);
    return (mb_add)(mb_log(mb_sum_last(mb_exp((mb_sub)(a, column(max))))), max);
}
