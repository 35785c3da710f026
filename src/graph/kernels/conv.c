/* conv.c - direct convolution of one NHWC image.  With weights [kh, kw, cin, cout], the kw*cin inputs under one row of
   the kernel lie together in memory, and so do their weights: each pass is a product of tile.c with steps of its own.
   Positions in the padding are left out, never multiplied by zero. */
#include "graph/kernels/isa.h"
#include "graph/kernels/simd.h"

enum { BAND = 12288 }; /* floats of a byte image converted at a time: 48 KiB of stack */

static inline int min_int(int a, int b) { return a < b ? a : b; }
static inline int max_int(int a, int b) { return a > b ? a : b; }

/* the range [lo, hi) of i in [0, n) with 0 <= i*stride + offset < size */
typedef struct span { int lo, hi; } span;
static span valid(int n, int stride, int offset, int size)
{
    int lo = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int hi = size - offset <= 0 ? 0 : (size - offset + stride - 1) / stride;
    hi = min_int(hi, n);
    return (span){ min_int(lo, hi), hi };
}

/* rows [y0, y1) of an image as floats; x points at row `top` */
typedef struct band { const float *x; int top, y0, y1; } band;

/* ---- forward ---- */

/* `count` outputs from (oy, ox) on, which have the kernel columns `kx` inside the image */
static void fwd_run(const mb__conv *s, const band *b, mb__tile *t, const float *W, float *Y, int oy, int ox, int count, span kx)
{
    const int iy = oy * s->stride - s->pad, ix = ox * s->stride - s->pad;
    const span ky = valid(s->kh, 1, iy, s->h);
    const ptrdiff_t image_row = (ptrdiff_t)s->w * s->cin, kernel_row = (ptrdiff_t)s->kw * s->cin * s->cout;
    t->A = b->x + (iy + ky.lo - b->top) * image_row + (ptrdiff_t)(ix + kx.lo) * s->cin;
    t->B = W + ky.lo * kernel_row + (ptrdiff_t)kx.lo * s->cin * s->cout;
    t->C = Y + ((ptrdiff_t)oy * s->ow + ox) * s->cout;
    t->nk = (kx.hi - kx.lo) * s->cin;
    t->n1 = ky.hi - ky.lo;
    mb__tile_rows(t, count, s->cout);
}

static void fwd_band(const mb__conv *s, const band *b, const float *W, const float *bias, mb__act_fn act, float *Y)
{
    mb__tile t = { .bias = bias, .lda = (ptrdiff_t)s->stride * s->cin, .ldb = s->cout, .ldc = s->cout, .n2 = 1,
                   .a1 = (ptrdiff_t)s->w * s->cin, .b1 = (ptrdiff_t)s->kw * s->cin * s->cout,
                   .relu = act == MB__ACT_RELU };
    /* outputs whose whole kernel row lies inside */
    const span first = valid(s->ow, s->stride, -s->pad, s->w), last = valid(s->ow, s->stride, s->kw - 1 - s->pad, s->w);
    const span inside = { first.lo, max_int(first.lo, last.hi) };
    for (int oy = b->y0; oy < b->y1; oy++) {
        for (int ox = 0; ox < s->ow; ox++) {
            if (ox == inside.lo && inside.hi > inside.lo) {
                fwd_run(s, b, &t, W, Y, oy, ox, inside.hi - inside.lo, (span){ 0, s->kw });
                ox = inside.hi - 1;
                continue;
            }
            fwd_run(s, b, &t, W, Y, oy, ox, 1, valid(s->kw, 1, ox * s->stride - s->pad, s->w));
        }
    }
    if (act > MB__ACT_RELU)
        mb__activate(act, Y + (ptrdiff_t)b->y0 * s->ow * s->cout, s->cout, (b->y1 - b->y0) * s->ow, s->cout);
}

/* ---- gradient of the weights ---- */

static void dw_run(const mb__conv *s, const band *b, mb__tile *t, const float *dY, float *dW, int ky, int kx, int m, span ox)
{
    const span all = valid(s->oh, s->stride, ky - s->pad, s->h);
    const int lo = max_int(all.lo, b->y0), hi = min_int(all.hi, b->y1);
    const ptrdiff_t image_row = (ptrdiff_t)s->w * s->cin;
    t->A = b->x + (lo * s->stride + ky - s->pad - b->top) * image_row + (ptrdiff_t)(ox.lo * s->stride + kx - s->pad) * s->cin;
    t->B = dY + ((ptrdiff_t)lo * s->ow + ox.lo) * s->cout;
    t->C = dW + ((ptrdiff_t)ky * s->kw + kx) * s->cin * s->cout;
    t->nk = ox.hi - ox.lo;
    t->n1 = hi - lo;
    mb__tile_cols(t, m, s->cout);
}

static void dw_band(const mb__conv *s, const band *b, const float *dY, float *dW, bool accumulate)
{
    mb__tile t = { .lda = (ptrdiff_t)s->stride * s->cin, .ldb = s->cout, .ldc = s->cout, .n2 = 1,
                   .a1 = (ptrdiff_t)s->stride * s->w * s->cin, .b1 = (ptrdiff_t)s->ow * s->cout, .accumulate = accumulate };
    for (int ky = 0; ky < s->kh; ky++) {
        if (s->pad == 0) { /* every kernel column sees the same outputs */
            dw_run(s, b, &t, dY, dW, ky, 0, s->kw * s->cin, (span){ 0, s->ow });
            continue;
        }
        for (int kx = 0; kx < s->kw; kx++)
            dw_run(s, b, &t, dY, dW, ky, kx, s->cin, valid(s->ow, s->stride, kx - s->pad, s->w));
    }
}

/* ---- byte images ---- */

static void convert(const uint8_t *from, ptrdiff_t n, float scale, float *to)
{
    for (ptrdiff_t i = 0; i < n; i++) to[i] = scale * (float)from[i];
}

/* The next band of outputs from row `oy` on whose input rows fit in `memory`. */
static band next_band(const mb__conv *s, const uint8_t *x, float scale, float *memory, int oy)
{
    const int row = s->w * s->cin, fit = BAND / row;
    int y1 = min_int(s->oh, oy + (fit - s->kh) / s->stride + 1);
    int top = min_int(s->h, max_int(0, oy * s->stride - s->pad)), end = min_int(s->h, (y1 - 1) * s->stride - s->pad + s->kh);
    if (end > top) convert(x + (ptrdiff_t)top * row, (ptrdiff_t)(end - top) * row, scale, memory);
    return (band){ memory, top, oy, y1 };
}
static bool bands_fit(const mb__conv *s) { return (int64_t)s->w * s->cin * s->kh <= BAND; }

/* Images too wide for a band: converted piece by piece under every output and kernel row.  dW gets its sums over the
   same outputs in the same order. */
static void wide_bytes(const mb__conv *s, const uint8_t *x, float scale, const float *W, const float *bias, float *Y,
                       const float *dY, float *dW)
{
    float piece[BAND];
    for (int oy = 0; oy < s->oh; oy++)
        for (int ox = 0; ox < s->ow; ox++) {
            const ptrdiff_t at = ((ptrdiff_t)oy * s->ow + ox) * s->cout;
            const int iy = oy * s->stride - s->pad, ix = ox * s->stride - s->pad;
            const span ky = valid(s->kh, 1, iy, s->h), kx = valid(s->kw, 1, ix, s->w);
            if (Y) mb__gemm_nn(1, s->cout, 0, piece, 1, W, s->cout, Y + at, s->cout, bias, MB__ACT_NONE, false);
            for (int y = ky.lo; y < ky.hi; y++)
                for (int done = kx.lo * s->cin; done < kx.hi * s->cin;) {
                    const int n = min_int(BAND, kx.hi * s->cin - done);
                    const ptrdiff_t w_at = ((ptrdiff_t)y * s->kw * s->cin + done) * s->cout;
                    convert(x + ((ptrdiff_t)(iy + y) * s->w + ix) * s->cin + done, n, scale, piece);
                    if (Y) mb__gemm_nn(1, s->cout, n, piece, n, W + w_at, s->cout, Y + at, s->cout, NULL, MB__ACT_NONE, true);
                    else mb__gemm_tn(n, s->cout, 1, piece, n, dY + at, s->cout, dW + w_at, s->cout, true);
                    done += n;
                }
        }
}

void mb__conv_fwd(const mb__conv *s, const float *x, const uint8_t *x_u8, float scale, const float *W, const float *bias,
                  mb__act_fn act, float *Y)
{
    if (!x_u8) {
        const band whole = { x, 0, 0, s->oh };
        fwd_band(s, &whole, W, bias, act, Y);
    } else if (bands_fit(s)) {
        float memory[BAND];
        for (int oy = 0; oy < s->oh;) {
            const band b = next_band(s, x_u8, scale, memory, oy);
            fwd_band(s, &b, W, bias, act, Y);
            oy = b.y1;
        }
    } else {
        wide_bytes(s, x_u8, scale, W, bias, Y, NULL, NULL);
        mb__activate(act, Y, s->cout, s->oh * s->ow, s->cout);
    }
}

void mb__conv_dw(const mb__conv *s, const float *x, const uint8_t *x_u8, float scale, const float *dY, float *dW, bool accumulate)
{
    if (!x_u8) {
        const band whole = { x, 0, 0, s->oh };
        dw_band(s, &whole, dY, dW, accumulate);
    } else if (bands_fit(s)) {
        float memory[BAND];
        for (int oy = 0; oy < s->oh;) {
            const band b = next_band(s, x_u8, scale, memory, oy);
            dw_band(s, &b, dY, dW, accumulate || oy > 0);
            oy = b.y1;
        }
    } else {
        if (!accumulate) memset(dW, 0, (size_t)s->kh * (size_t)s->kw * (size_t)s->cin * (size_t)s->cout * sizeof *dW);
        wide_bytes(s, x_u8, scale, NULL, NULL, NULL, dY, dW);
    }
}

/* ---- gradient of the input ---- */

/* Along one axis, input position i = t*stride + residue - pad meets the kernel at residue + u*stride for the output t - u:
   u in the span below. */
static span meeting(int t, int out, int taps)
{
    int lo = max_int(0, t - out + 1), hi = min_int(taps, t + 1);
    return (span){ lo, max_int(lo, hi) };
}
static int taps_of(int kernel, int residue, int stride) { return residue < kernel ? (kernel - 1 - residue) / stride + 1 : 0; }

static void dx_row(const mb__conv *s, const float *dY, const float *Wt, float *dX, int iy)
{
    const int stride = s->stride, qy = (iy + s->pad) % stride, ty = (iy + s->pad) / stride;
    const span uy = meeting(ty, s->oh, taps_of(s->kh, qy, stride));
    const ptrdiff_t weight = (ptrdiff_t)s->cout * s->cin;
    mb__tile t = { .lda = s->cout, .ldb = s->cin, .ldc = (ptrdiff_t)stride * s->cin, .nk = s->cout, .n1 = uy.hi - uy.lo,
                   .a1 = -(ptrdiff_t)s->ow * s->cout, .b1 = stride * s->kw * weight,
                   .a2 = -(ptrdiff_t)s->cout, .b2 = stride * weight };
    for (int qx = 0; qx < stride; qx++) {
        const int taps = taps_of(s->kw, qx, stride);
        int tx = (max_int(0, s->pad - qx) + stride - 1) / stride;
        while (tx * stride + qx - s->pad < s->w) {
            const span ux = meeting(tx, s->ow, taps);
            int count = 1; /* neighbours which meet the same taps go together */
            while ((tx + count) * stride + qx - s->pad < s->w) {
                const span next = meeting(tx + count, s->ow, taps);
                if (next.lo != ux.lo || next.hi != ux.hi) break;
                count++;
            }
            t.A = dY + ((ptrdiff_t)(ty - uy.lo) * s->ow + (tx - ux.lo)) * s->cout;
            t.B = Wt + ((ptrdiff_t)(qy + uy.lo * stride) * s->kw + (qx + ux.lo * stride)) * weight;
            t.C = dX + ((ptrdiff_t)iy * s->w + (tx * stride + qx - s->pad)) * s->cin;
            t.n2 = ux.hi - ux.lo;
            mb__tile_rows(&t, count, s->cin);
            tx += count;
        }
    }
}

void mb__conv_dx(const mb__conv *s, const float *dY, const float *Wt, float *dX)
{
    for (int iy = 0; iy < s->h; iy++) dx_row(s, dY, Wt, dX, iy);
}
