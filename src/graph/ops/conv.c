/* conv.c - convolution and pooling of images, NHWC. */
#include "graph/internal.h"

static mb__conv geometry(mb_shape x, mb_shape w, int stride, int pad)
{
    mb__conv s = { x.d[1], x.d[2], x.d[3], w.d[0], w.d[1], w.d[3], stride, pad, 0, 0 };
    s.oh = (s.h + 2 * pad - s.kh) / stride + 1;
    s.ow = (s.w + 2 * pad - s.kw) / stride + 1;
    return s;
}

static bool first_row(const mb__node *n, const mb__node *const *src, int i)
{
    return i == 0;
}

/* ---- forward: p = activation, stride, pad; c = scale of a uint8 image; inputs x, w, bias ---- */

static void conv_run(const mb__run *x)
{
    const mb__node *n = x->node;
    mb__conv s = geometry(x->src[0]->shape, x->src[1]->shape, n->p[1], n->p[2]);
    int64_t in = mb__row_count(x->src[0]->shape), out = mb__row_count(n->shape);
    bool u8 = x->src[0]->type == MB_U8;
    for (int r = 0; r < x->rows; r++)
        x->k->conv_fwd(&s, u8 ? NULL : (const float *)x->in[0] + r * in, u8 ? (const uint8_t *)x->in[0] + r * in : NULL, n->c,
                       x->in[1], n->nin > 2 ? x->in[2] : NULL, (mb__act_fn)n->p[0], (float *)x->out + r * out);
}

/* visit every pair of an output position and a kernel place inside the image */
#define CONV_EACH(s, BODY)                                                                         \
    for (int oy = 0; oy < (s).oh; oy++)                                                            \
        for (int ox = 0; ox < (s).ow; ox++)                                                        \
            for (int ky = 0; ky < (s).kh; ky++)                                                    \
                for (int kx = 0; kx < (s).kw; kx++) {                                              \
                    int iy = oy * (s).stride + ky - (s).pad, ix = ox * (s).stride + kx - (s).pad;  \
                    if (iy < 0 || ix < 0 || iy >= (s).h || ix >= (s).w) continue;                  \
                    const int64_t o = ((int64_t)oy * (s).ow + ox) * (s).cout;                      \
                    const int64_t i = ((int64_t)iy * (s).w + ix) * (s).cin;                        \
                    const int64_t k = ((int64_t)ky * (s).kw + kx) * (s).cin * (s).cout;            \
                    for (int ci = 0; ci < (s).cin; ci++)                                           \
                        for (int co = 0; co < (s).cout; co++) BODY;                                \
                }

static void conv_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    mb__conv s = geometry(x->src[0]->shape, x->src[1]->shape, n->p[1], n->p[2]);
    double scale = x->src[0]->type == MB_U8 ? (double)n->c : 1;
    int64_t in = mb__row_count(x->src[0]->shape), out = mb__row_count(n->shape);
    for (int64_t j = 0; j < mb__count(n->shape); j++) x->out[j] = n->nin > 2 ? x->in[2][j % s.cout] : 0;
    for (int r = 0; r < n->shape.d[0]; r++) {
        const double *a = x->in[0] + r * in;
        double *y = x->out + r * out;
        CONV_EACH(s, y[o + co] += a[i + ci] * scale * x->in[1][k + ci * s.cout + co])
    }
}

static double conv_flops(const mb__node *n, const mb__node *const *src)
{
    mb_shape w = src[1]->shape;
    return 2.0 * (double)mb__count(n->shape) * w.d[0] * w.d[1] * w.d[2];
}

static mb_var conv_part(const mb__op *op, mb_graph *g, const mb__node *like, mb_var a, mb_var b, mb_shape shape)
{
    mb_var in[2] = { a, b };
    int stride = like->p[1], pad = like->p[2];
    float scale = like->c;
    mb_var y = mb__node_new(g, op, 2, in, MB_F32, shape);
    if (y.id >= 0) mb__of(y)->p[1] = stride, mb__of(y)->p[2] = pad, mb__of(y)->c = scale;
    return y;
}

static mb_var swap_channels(mb_var w)
{
    static const int axes[4] = { 0, 1, 3, 2 };
    return mb_permute(w, axes);
}

static void conv_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    mb_var x = { g, n.in[0] }, w = { g, n.in[1] };
    dy = mb__dense(dy);
    if (mb__of(x)->type == MB_F32) din[0] = conv_part(&mb__op_conv_dx, g, &n, dy, swap_channels(w), mb_dims(x));
    din[1] = conv_part(&mb__op_conv_dw, g, &n, x, dy, mb_dims(w));
}

const mb__op mb__op_conv = { .name = "conv2d", .rows = MB__ROW, .in_row = first_row, .needs_dense = true, .run = conv_run,
                             .ref = conv_ref, .grad = conv_grad, .flops = conv_flops };

/* ---- gradient of the weights: inputs x, dy ---- */

static void conv_dw_run(const mb__run *x)
{
    const mb__node *n = x->node;
    mb__conv s = geometry(x->src[0]->shape, n->shape, n->p[1], n->p[2]);
    int64_t in = mb__row_count(x->src[0]->shape), out = mb__row_count(x->src[1]->shape);
    bool u8 = x->src[0]->type == MB_U8;
    for (int r = 0; r < x->rows; r++)
        x->k->conv_dw(&s, u8 ? NULL : (const float *)x->in[0] + r * in, u8 ? (const uint8_t *)x->in[0] + r * in : NULL, n->c,
                      (const float *)x->in[1] + r * out, x->out, !(x->first && r == 0));
}

static void conv_dw_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    mb__conv s = geometry(x->src[0]->shape, n->shape, n->p[1], n->p[2]);
    double scale = x->src[0]->type == MB_U8 ? (double)n->c : 1;
    int64_t in = mb__row_count(x->src[0]->shape), out = mb__row_count(x->src[1]->shape);
    for (int64_t j = 0; j < mb__count(n->shape); j++) x->out[j] = 0;
    for (int r = 0; r < x->src[0]->shape.d[0]; r++) {
        const double *a = x->in[0] + r * in, *dy = x->in[1] + r * out;
        CONV_EACH(s, x->out[k + ci * s.cout + co] += a[i + ci] * scale * dy[o + co])
    }
}

static double conv_dw_flops(const mb__node *n, const mb__node *const *src)
{
    return 2.0 * (double)mb__count(src[1]->shape) * n->shape.d[0] * n->shape.d[1] * n->shape.d[2];
}

/* linear in each input, so its own derivatives are the other two */
static void conv_dw_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var dw, mb_var *din)
{
    mb__node n = *node;
    mb_var x = { g, n.in[0] }, dy = { g, n.in[1] };
    if (mb__of(x)->type == MB_F32) din[0] = conv_part(&mb__op_conv_dx, g, &n, dy, swap_channels(dw), mb_dims(x));
    din[1] = conv_part(&mb__op_conv, g, &n, x, mb__dense(dw), mb_dims(dy));
}

const mb__op mb__op_conv_dw = { .name = "conv2d_dw", .rows = MB__REDUCE, .needs_dense = true, .run = conv_dw_run,
                                .ref = conv_dw_ref, .grad = conv_dw_grad, .flops = conv_dw_flops };

/* ---- gradient of the image: inputs dy, w with swapped channels ---- */

static mb__conv dx_geometry(const mb__node *n, mb_shape wt)
{
    mb_shape w = wt;
    w.d[2] = wt.d[3];
    w.d[3] = wt.d[2];
    return geometry(n->shape, w, n->p[1], n->p[2]);
}

static void conv_dx_run(const mb__run *x)
{
    const mb__node *n = x->node;
    mb__conv s = dx_geometry(n, x->src[1]->shape);
    int64_t in = mb__row_count(n->shape), out = mb__row_count(x->src[0]->shape);
    for (int r = 0; r < x->rows; r++)
        x->k->conv_dx(&s, (const float *)x->in[0] + r * out, x->in[1], (float *)x->out + r * in);
}

static void conv_dx_ref(const mb__ref *x)
{
    const mb__node *n = x->node;
    mb__conv s = dx_geometry(n, x->src[1]->shape);
    int64_t in = mb__row_count(n->shape), out = mb__row_count(x->src[0]->shape);
    for (int64_t j = 0; j < mb__count(n->shape); j++) x->out[j] = 0;
    for (int r = 0; r < n->shape.d[0]; r++) {
        const double *dy = x->in[0] + r * out;
        double *dx = x->out + r * in;
        CONV_EACH(s, dx[i + ci] += dy[o + co] * x->in[1][k + co * s.cin + ci])
    }
}

static double conv_dx_flops(const mb__node *n, const mb__node *const *src)
{
    mb_shape wt = src[1]->shape;
    return 2.0 * (double)mb__count(src[0]->shape) * wt.d[0] * wt.d[1] * wt.d[3];
}

static void conv_dx_grad(mb_graph *g, const mb__node *node, mb_var y, mb_var d, mb_var *din)
{
    mb__node n = *node;
    mb_var dy = { g, n.in[0] }, wt = { g, n.in[1] };
    mb_shape w = mb_dims(wt);
    int t = w.d[2];
    w.d[2] = w.d[3];
    w.d[3] = t;
    d = mb__dense(d);
    din[0] = conv_part(&mb__op_conv, g, &n, d, swap_channels(wt), mb_dims(dy));
    din[1] = swap_channels(conv_part(&mb__op_conv_dw, g, &n, d, dy, w));
}

const mb__op mb__op_conv_dx = { .name = "conv2d_dx", .rows = MB__ROW, .in_row = first_row, .needs_dense = true,
                                .run = conv_dx_run, .ref = conv_dx_ref, .grad = conv_dx_grad, .flops = conv_dx_flops };

mb_var (mb_conv2d)(mb_var x, mb_var w, mb_var bias, int stride, int pad)
{
    mb_graph *g = x.g;
    mb_var in[3] = { x, w, bias };
    if (mb__bad(g, 3, in)) return (mb_var){ g, -1 };
    mb_shape a = mb_dims(x), b = mb_dims(w);
    bool fits = a.rank == 4 && b.rank == 4 && a.d[3] == b.d[2] && stride > 0 && pad >= 0 && a.d[1] + 2 * pad >= b.d[0] &&
                a.d[2] + 2 * pad >= b.d[1];
    if (!fits) {
        char s[64], t[64];
        mb__shape_text(a, s, sizeof s);
        mb__shape_text(b, t, sizeof t);
        return mb__poison(g, "conv2d of image %s and kernel %s [kh, kw, cin, cout], stride %d, pad %d does not fit", s, t, stride, pad);
    }
    mb__conv c = geometry(a, b, stride, pad);
    in[0] = mb__dense(x);
    mb_var y = mb__node_new(g, &mb__op_conv, 2, in, MB_F32, MB_S4(a.d[0], c.oh, c.ow, c.cout));
    if (y.id >= 0) mb__of(y)->p[1] = stride, mb__of(y)->p[2] = pad, mb__of(y)->c = 1.0f / 255;
    return (mb_add)(y, bias);
}

/* ---- pooling: p = size, stride ---- */

#define POOL(T)                                                                                    \
    mb_shape s = x->src[0]->shape, o = x->node->shape;                                             \
    int size = x->node->p[0], stride = x->node->p[1], ch = s.d[3];                                 \
    const T *in = x->in[0];                                                                        \
    T *out = x->out;                                                                               \
    for (int r = 0; r < ROWS; r++)                                                                 \
        for (int oy = 0; oy < o.d[1]; oy++)                                                        \
            for (int ox = 0; ox < o.d[2]; ox++)                                                    \
                for (int c = 0; c < ch; c++) {                                                     \
                    T acc = 0;                                                                     \
                    for (int ky = 0; ky < size; ky++)                                              \
                        for (int kx = 0; kx < size; kx++) {                                        \
                            T v = in[(((int64_t)r * s.d[1] + oy * stride + ky) * s.d[2] + ox * stride + kx) * ch + c]; \
                            acc = STEP;                                                            \
                        }                                                                          \
                    out[(((int64_t)r * o.d[1] + oy) * o.d[2] + ox) * ch + c] = acc LAST;           \
                }
/* a NaN stays: v != v is true only for NaN */
#define STEP ((ky == 0 && kx == 0) || v > acc || v != v ? v : acc)
#define LAST
#define ROWS x->rows
static void max_pool_run(const mb__run *x) { POOL(float) }
#undef ROWS
#define ROWS s.d[0]
static void max_pool_ref(const mb__ref *x) { POOL(double) }
#undef STEP
#undef LAST
#undef ROWS
#define STEP (acc + v)
#define LAST / (float)(size * size)
#define ROWS x->rows
static void avg_pool_run(const mb__run *x) { POOL(float) }
#undef LAST
#undef ROWS
#define LAST / (double)(size * size)
#define ROWS s.d[0]
static void avg_pool_ref(const mb__ref *x) { POOL(double) }
#undef STEP
#undef LAST
#undef ROWS

/* gradients: inputs x, y, dy (max) or x, dy (average); the first maximum in reading order gets it */
#define POOL_GRAD(T, PUT)                                                                          \
    mb_shape s = x->node->shape, o = x->src[x->node->nin - 1]->shape;                              \
    int size = x->node->p[0], stride = x->node->p[1], ch = s.d[3];                                 \
    const T *dy = x->in[x->node->nin - 1];                                                         \
    T *dx = x->out;                                                                                \
    for (int64_t i = 0; i < ROWS * mb__row_count(s); i++) dx[i] = 0;                               \
    for (int r = 0; r < ROWS; r++)                                                                 \
        for (int oy = 0; oy < o.d[1]; oy++)                                                        \
            for (int ox = 0; ox < o.d[2]; ox++)                                                    \
                for (int c = 0; c < ch; c++) {                                                     \
                    int64_t at = (((int64_t)r * o.d[1] + oy) * o.d[2] + ox) * ch + c;              \
                    for (int ky = 0, more = 1; ky < size && more; ky++)                            \
                        for (int kx = 0; kx < size && more; kx++) {                                \
                            int64_t k = (((int64_t)r * s.d[1] + oy * stride + ky) * s.d[2] + ox * stride + kx) * ch + c; \
                            PUT                                                                    \
                        }                                                                          \
                }
#define PUT_MAX(T) if (((const T *)x->in[0])[k] == ((const T *)x->in[1])[at]) { dx[k] += dy[at]; more = 0; }
#define PUT_AVG(T) dx[k] += dy[at] / (T)(size * size);
#define ROWS x->rows
static void max_pool_grad_run(const mb__run *x) { POOL_GRAD(float, PUT_MAX(float)) }
static void avg_pool_grad_run(const mb__run *x) { POOL_GRAD(float, PUT_AVG(float)) }
#undef ROWS
#define ROWS s.d[0]
static void max_pool_grad_ref(const mb__ref *x) { POOL_GRAD(double, PUT_MAX(double)) }
static void avg_pool_grad_ref(const mb__ref *x) { POOL_GRAD(double, PUT_AVG(double)) }
#undef ROWS

static mb_var pool_part(const mb__op *op, mb_graph *g, const mb__node *like, int nin, const mb_var *in, mb_shape shape)
{
    int size = like->p[0], stride = like->p[1];
    mb_var y = mb__node_new(g, op, nin, in, MB_F32, shape);
    if (y.id >= 0) mb__of(y)->p[0] = size, mb__of(y)->p[1] = stride;
    return y;
}

static void max_pool_rule(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    mb_var in[3] = { { g, n.in[0] }, y, mb__dense(dy) };
    din[0] = pool_part(&mb__op_max_pool_grad, g, &n, 3, in, mb_dims(in[0]));
}

static void avg_pool_rule(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    mb_var in[1] = { mb__dense(dy) };
    din[0] = pool_part(&mb__op_avg_pool_grad, g, &n, 1, in, g->nodes[n.in[0]].shape);
}

static void avg_pool_grad_rule(mb_graph *g, const mb__node *node, mb_var y, mb_var dy, mb_var *din)
{
    mb__node n = *node;
    mb_var in[1] = { mb__dense(dy) };
    din[0] = pool_part(&mb__op_avg_pool, g, &n, 1, in, g->nodes[n.in[0]].shape);
}

const mb__op mb__op_max_pool = { .name = "max_pool", .rows = MB__ROW, .needs_dense = true, .run = max_pool_run,
                                 .ref = max_pool_ref, .grad = max_pool_rule };
const mb__op mb__op_avg_pool = { .name = "avg_pool", .rows = MB__ROW, .needs_dense = true, .run = avg_pool_run,
                                 .ref = avg_pool_ref, .grad = avg_pool_rule };
const mb__op mb__op_max_pool_grad = { .name = "max_pool_grad", .rows = MB__ROW, .needs_dense = true, .run = max_pool_grad_run,
                                      .ref = max_pool_grad_ref };
const mb__op mb__op_avg_pool_grad = { .name = "avg_pool_grad", .rows = MB__ROW, .needs_dense = true, .run = avg_pool_grad_run,
                                      .ref = avg_pool_grad_ref, .grad = avg_pool_grad_rule };

static mb_var pool(const mb__op *op, mb_var x, int size, int stride)
{
    if (mb__bad(x.g, 1, &x)) return (mb_var){ x.g, -1 };
    mb_shape s = mb_dims(x);
    if (s.rank != 4 || size < 1 || stride < 1 || size > s.d[1] || size > s.d[2]) {
        char t[64];
        mb__shape_text(s, t, sizeof t);
        return mb__poison(x.g, "%s of %s with size %d, stride %d does not fit", op->name, t, size, stride);
    }
    mb__node like = { .p = { size, stride } };
    x = mb__dense(x);
    return pool_part(op, x.g, &like, 1, &x, MB_S4(s.d[0], (s.d[1] - size) / stride + 1, (s.d[2] - size) / stride + 1, s.d[3]));
}

mb_var mb_max_pool(mb_var x, int size, int stride)
{
    return pool(&mb__op_max_pool, x, size, stride);
}

mb_var mb_avg_pool(mb_var x, int size, int stride)
{
    return pool(&mb__op_avg_pool, x, size, stride);
}
