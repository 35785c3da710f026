/* map.c - elementwise functions: one plain loop for each, which the compiler vectorises; operands that do not lie in
   memory as the loop wants them are brought together in blocks first. */
#include "graph/kernels/isa.h"
#include "graph/kernels/simd.h"

enum { BLOCK = 512 }; /* floats of one operand brought together */

#define EACH(expr)                                                                                 \
    MB__INDEPENDENT for (ptrdiff_t i = 0; i < n; i++)                                              \
    {                                                                                              \
        const float x = a[i];                                                                      \
        y[i] = (expr);                                                                             \
    }                                                                                              \
    return
#define EACH2(expr)                                                                                \
    MB__INDEPENDENT for (ptrdiff_t i = 0; i < n; i++)                                              \
    {                                                                                              \
        const float x = a[i], u = b[i];                                                            \
        y[i] = (expr);                                                                             \
    }                                                                                              \
    return
#define EACH3(expr)                                                                                \
    MB__INDEPENDENT for (ptrdiff_t i = 0; i < n; i++)                                              \
    {                                                                                              \
        const float x = a[i], u = b[i], w = e[i];                                                  \
        y[i] = (expr);                                                                             \
    }                                                                                              \
    return

static void tanh_flat(float *y, const float *a, ptrdiff_t n)
{
    ptrdiff_t i = 0;
    for (; i + MB__LANES <= n; i += MB__LANES) v_store(y + i, v_tanh(v_load(a + i)));
    if (i < n) v_store_first(y + i, v_tanh(v_load_first(a + i, (int)(n - i))), (int)(n - i));
}

/* y[n] = fn(a, b, e); y may be any of them */
void mb__map_flat(mb__map_fn fn, float *y, const float *a, const float *b, const float *e, ptrdiff_t n, float c, float d)
{
    switch (fn) {
    case MB__MAP_COPY: EACH(x);
    case MB__MAP_NEG: EACH(-x);
    case MB__MAP_ABS: EACH(__builtin_fabsf(x));
    case MB__MAP_SQUARE: EACH(x * x);
    case MB__MAP_SQRT: EACH(__builtin_sqrtf(x));
    case MB__MAP_RECIP: EACH(1.0f / x);
    case MB__MAP_EXP: EACH(mb_expf(x));
    case MB__MAP_LOG: EACH(mb_logf(x));
    case MB__MAP_SIN: EACH(mb_sinf(x));
    case MB__MAP_COS: EACH(mb_cosf(x));
    case MB__MAP_TANH: tanh_flat(y, a, n); return;
    case MB__MAP_SIGMOID: EACH(mb_sigmoidf(x));
    case MB__MAP_RELU: EACH(x < 0.0f ? 0.0f : x);
    case MB__MAP_SOFTPLUS: EACH(mb_softplusf(x));
    case MB__MAP_SILU: EACH(mb_siluf(x));
    case MB__MAP_GELU: EACH(mb_geluf(x));
    case MB__MAP_SIGN: EACH(x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x);
    case MB__MAP_FLOOR: EACH(__builtin_floorf(x));
    case MB__MAP_SCALE: EACH(c * x);
    case MB__MAP_SHIFT: EACH(x + c);
    case MB__MAP_CLAMP: EACH(mb__clampf(x, c, d));
    case MB__MAP_ADD: EACH2(x + u);
    case MB__MAP_SUB: EACH2(x - u);
    case MB__MAP_MUL: EACH2(x * u);
    case MB__MAP_DIV: EACH2(x / u);
    case MB__MAP_MIN: EACH2(x != x ? x : x < u ? x : u); /* a NaN on either side stays */
    case MB__MAP_MAX: EACH2(x != x ? x : x > u ? x : u);
    case MB__MAP_GT: EACH2(x > u ? 1.0f : 0.0f);
    case MB__MAP_GE: EACH2(x >= u ? 1.0f : 0.0f);
    case MB__MAP_EQ: EACH2(x == u ? 1.0f : 0.0f);
    case MB__MAP_FMA: EACH3(mb_fmaf(x, u, w));
    case MB__MAP_SELECT: EACH3(x != 0.0f ? u : w);
    case MB__MAP_TANH_GRAD: EACH2(mb_fmaf(-(x * x), u, u));
    case MB__MAP_SIGMOID_GRAD: EACH2(u * x * (1.0f - x));
    case MB__MAP_RELU_GRAD: EACH2(x > 0.0f ? u : 0.0f);
    case MB__MAP_CLAMP_GRAD: EACH2(x >= c && x <= d ? u : 0.0f);
    case MB__MAP_AXPY: EACH2(mb_fmaf(c, x, u));
    case MB__MAP_N: return;
    }
}

static int operands_of(mb__map_fn fn)
{
    if (fn == MB__MAP_FMA || fn == MB__MAP_SELECT) return 3;
    return fn < MB__MAP_ADD ? 1 : 2;
}

/* rows x cols elements of an operand, one after the other */
static void gather(const mb__operand *o, const float *p, int rows, int cols, float *to)
{
    if (o->row == 0 && o->col == 0) { /* one value everywhere: one row */
        cols *= rows;
        rows = 1;
    }
    for (int r = 0; r < rows; r++, p += o->row, to += cols) {
        if (o->col == 1) {
            for (int j = 0; j < cols; j++) to[j] = p[j];
        } else if (o->col == 0) {
            const float x = *p;
            for (int j = 0; j < cols; j++) to[j] = x;
        } else {
            for (int j = 0; j < cols; j++) to[j] = p[j * o->col];
        }
    }
}

static int min_int(int a, int b) { return a < b ? a : b; }

void mb__map(mb__map_fn fn, float *Y, ptrdiff_t ldy, int rows, int cols, const mb__operand *in, float c, float d)
{
    if (rows <= 0 || cols <= 0) return;
    const int n = operands_of(fn);
    bool rows_lie = true, row_lies = true; /* every operand as one block; each row of it as one */
    for (int i = 0; i < n; i++) {
        bool lies = in[i].col == 1 || cols == 1;
        row_lies = row_lies && lies;
        rows_lie = rows_lie && lies && (in[i].row == cols || rows == 1);
    }
    if (rows_lie && (ldy == cols || rows == 1)) {
        mb__map_flat(fn, Y, in[0].p, n > 1 ? in[1].p : NULL, n > 2 ? in[2].p : NULL, (ptrdiff_t)rows * cols, c, d);
        return;
    }
    /* blocks of `height` whole rows, or pieces of one row */
    const bool wide = row_lies && cols >= 64;
    const int width = wide ? cols : min_int(cols, BLOCK), height = width == cols && !wide ? BLOCK / cols : 1;
    float gathered[3][BLOCK], result[BLOCK];
    bool kept[3] = { false, false, false }; /* what repeats in every block is gathered once */
    for (int r = 0; r < rows; r += height) {
        int h = min_int(height, rows - r);
        for (int j = 0; j < cols; j += width) {
            int w = min_int(width, cols - j);
            const float *p[3] = { NULL, NULL, NULL };
            for (int i = 0; i < n; i++) {
                const mb__operand *o = &in[i];
                const float *first = o->p + r * o->row + j * o->col;
                if ((o->col == 1 || w == 1) && (h == 1 || o->row == w)) {
                    p[i] = first;
                    continue;
                }
                p[i] = gathered[i];
                if (kept[i]) continue;
                gather(o, first, h, w, gathered[i]);
                kept[i] = o->row == 0 && (o->col == 0 || w == cols);
            }
            float *to = Y + r * ldy + j;
            if (h == 1 || ldy == w) {
                mb__map_flat(fn, to, p[0], p[1], p[2], (ptrdiff_t)h * w, c, d);
                continue;
            }
            mb__map_flat(fn, result, p[0], p[1], p[2], (ptrdiff_t)h * w, c, d);
            for (int i = 0; i < h; i++)
                for (int k = 0; k < w; k++) to[i * ldy + k] = result[i * w + k];
        }
    }
}

void mb__activate(mb__act_fn act, float *C, ptrdiff_t ldc, int rows, int cols)
{
    static const mb__map_fn fns[] = { [MB__ACT_NONE] = MB__MAP_COPY, [MB__ACT_RELU] = MB__MAP_RELU,
                                      [MB__ACT_TANH] = MB__MAP_TANH, [MB__ACT_SIGMOID] = MB__MAP_SIGMOID,
                                      [MB__ACT_SILU] = MB__MAP_SILU, [MB__ACT_GELU] = MB__MAP_GELU };
    const mb__operand in = { C, ldc, 1 };
    if (act != MB__ACT_NONE) mb__map(fns[act], C, ldc, rows, cols, &in, 0.0f, 0.0f);
}
