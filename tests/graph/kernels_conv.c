/* Convolutions and optimiser steps of every kernel variant this machine can run. */
#include "kernel_fixture.h"

/* ---- convolution ---- */

static mb__conv random_conv(void)
{
    mb__conv s = { between(1, 12), between(1, 12), between(1, 10), between(1, 5), between(1, 5), between(1, 20), between(1, 4), 0, 0, 0 };
    if (below(3) == 0) s = (mb__conv){ 10, 10, between(4, 10), 3, 3, 16, 1, 0, 0, 0 };
    if (below(2) == 0) s.pad = below(4);
    if (s.kh > s.h + 2 * s.pad) s.kh = s.h + 2 * s.pad;
    if (s.kw > s.w + 2 * s.pad) s.kw = s.w + 2 * s.pad;
    s.oh = (s.h + 2 * s.pad - s.kh) / s.stride + 1;
    s.ow = (s.w + 2 * s.pad - s.kw) / s.stride + 1;
    return s;
}
#define EACH_TAP(s)                                                                                \
    for (int oy = 0; oy < (s).oh; oy++)                                                            \
        for (int ox = 0; ox < (s).ow; ox++)                                                        \
            for (int ky = 0; ky < (s).kh; ky++)                                                    \
                for (int kx = 0; kx < (s).kw; kx++)                                                \
                    for (int iy = oy * (s).stride - (s).pad + ky, ix = ox * (s).stride - (s).pad + kx, once = 1;      \
                         once && iy >= 0 && iy < (s).h && ix >= 0 && ix < (s).w; once = 0)

static void conv_reference(const mb__conv *s, const float *x, const float *W, const float *bias, const float *dY, float *Y,
                           float *dW, float *dX)
{
    for (int i = 0; i < s->oh * s->ow * s->cout; i++) Y[i] = bias ? bias[i % s->cout] : 0.0f;
    EACH_TAP(*s)
        for (int c = 0; c < s->cin; c++)
            for (int f = 0; f < s->cout; f++) {
                const float in = x[(iy * s->w + ix) * s->cin + c];
                float *y = &Y[(oy * s->ow + ox) * s->cout + f], *w = &dW[((ky * s->kw + kx) * s->cin + c) * s->cout + f];
                *y = fmaf(in, W[((ky * s->kw + kx) * s->cin + c) * s->cout + f], *y);
                *w = fmaf(in, dY[(oy * s->ow + ox) * s->cout + f], *w);
            }
    /* for dX the taps must come in ascending order for each input position */
    memset(dX, 0, (size_t)(s->h * s->w * s->cin) * sizeof *dX);
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx++)
            for (int oy = 0; oy < s->oh; oy++)
                for (int ox = 0; ox < s->ow; ox++) {
                    int iy = oy * s->stride - s->pad + ky, ix = ox * s->stride - s->pad + kx;
                    if (iy < 0 || iy >= s->h || ix < 0 || ix >= s->w) continue;
                    for (int c = 0; c < s->cin; c++)
                        for (int f = 0; f < s->cout; f++) {
                            float *d = &dX[(iy * s->w + ix) * s->cin + c];
                            *d = fmaf(dY[(oy * s->ow + ox) * s->cout + f], W[((ky * s->kw + kx) * s->cin + c) * s->cout + f], *d);
                        }
                }
}

static void check_conv(const mb__conv *s, bool wild, bool bytes)
{
    const int nx = s->h * s->w * s->cin, nw = s->kh * s->kw * s->cin * s->cout, ny = s->oh * s->ow * s->cout;
    static uint8_t u8[MAX];
    static float want_dw[MAX], Wt[MAX];
    float *x = fill(0, nx, wild);
    const float *W = fill(1, nw, wild), *dY = fill(2, ny, wild), *bias = below(2) ? fill(3, s->cout, wild) : NULL;
    const float scale = 1.0f / 255.0f;
    for (int i = 0; i < nx && bytes; i++) u8[i] = (uint8_t)below(256), x[i] = scale * (float)u8[i];
    const bool accumulate = below(2);
    float *start = fill(4, nw, false);
    for (int i = 0; i < nw; i++) want_dw[i] = accumulate ? start[i] : 0.0f;
    conv_reference(s, x, W, bias, dY, pool[5], want_dw, pool[6]);
    const mb__act_fn act = (mb__act_fn)below(6);
    for (int i = 0; i < ny; i++) pool[5][i] = activated(act, pool[5][i]);
    for (int t = 0; t < s->kh * s->kw; t++)
        for (int c = 0; c < s->cin; c++)
            for (int f = 0; f < s->cout; f++) Wt[(t * s->cout + f) * s->cin + c] = W[(t * s->cin + c) * s->cout + f];
    EACH_VARIANT(k)
    {
        k->conv_fwd(s, bytes ? NULL : x, bytes ? u8 : NULL, scale, W, bias, act, guarded(7));
        bool fwd = matches(7, pool[5], ny, ny, 1, ny);
        float *dW = guarded(7);
        if (accumulate) memcpy(dW, start, (size_t)nw * sizeof *dW);
        k->conv_dw(s, bytes ? NULL : x, bytes ? u8 : NULL, scale, dY, dW, accumulate);
        bool dw = matches(7, want_dw, nw, nw, 1, nw);
        k->conv_dx(s, dY, Wt, guarded(7));
        bool dx = matches(7, pool[6], nx, nx, 1, nx);
        if (!fwd || !dw || !dx)
            printf("  %s conv %dx%dx%d k%dx%d -> %dx%dx%d stride %d pad %d\n", k->isa, s->h, s->w, s->cin, s->kh, s->kw, s->oh, s->ow,
                   s->cout, s->stride, s->pad);
        CHECK(fwd);
        CHECK(dw);
        CHECK(dx);
    }
}

TEST(conv)
{
    rng = mb_rng_make(13, "kernels", 0);
    for (int round = 0; round < 120; round++) {
        mb__conv s = random_conv();
        check_conv(&s, round % 4 == 0, round % 3 == 0);
    }
    const mb__conv atari = { 84, 84, 4, 8, 8, 16, 4, 0, 20, 20 };
    check_conv(&atari, false, true);
    const mb__conv wide = { 2, 3000, 5, 2, 3, 3, 2, 1, 2, 1500 }; /* a row of bytes wider than a band */
    check_conv(&wide, false, true);
}

/* ---- optimisers ---- */

TEST(optimisers)
{
    rng = mb_rng_make(14, "kernels", 0);
    for (int round = 0; round < 60; round++) {
        int n = between(1, 300);
        float *p = fill(0, n, false), *m = fill(1, n, false), *v = fill(2, n, false), *g = fill(3, n, false);
        for (int i = 0; i < n; i++) v[i] *= v[i];
        const float scale = 0.5f, lr = 1e-3f, b1 = 0.9f, b2 = 0.999f, eps = 1e-5f, c1 = 1.0f / (1.0f - 0.81f), c2 = 1.0f / (1.0f - 0.998f);
        const float decay = round % 2 ? 1e-2f : 0.0f;
        float first[3][300];
        EACH_VARIANT(k)
        {
            float a[300], b[300], c[300];
            memcpy(a, p, sizeof a), memcpy(b, m, sizeof b), memcpy(c, v, sizeof c);
            k->adam(a, b, c, g, n, scale, lr, b1, b2, eps, c1, c2, decay);
            for (int i = 0; i < n && iv == 0; i++) {
                double gi = 0.5 * (double)g[i], mi = 0.9 * (double)m[i] + 0.1 * gi, vi = 0.999 * (double)v[i] + 0.001 * gi * gi;
                CHECK_NEAR(b[i], mi, 1e-6);
                CHECK_NEAR(c[i], vi, 1e-6);
                CHECK_NEAR(a[i], (double)p[i] * (1.0 - (double)decay) - 1e-3 * mi * (double)c1 / (sqrt(vi * (double)c2) + 1e-5), 1e-5);
            }
            if (iv == 0) memcpy(first[0], a, sizeof a), memcpy(first[1], b, sizeof b), memcpy(first[2], c, sizeof c);
            size_t bytes = (size_t)n * sizeof *a;
            CHECK(memcmp(first[0], a, bytes) == 0 && memcmp(first[1], b, bytes) == 0 && memcmp(first[2], c, bytes) == 0);
        }
        EACH_VARIANT(k)
        {
            float a[300], c[300];
            memcpy(a, p, sizeof a), memcpy(c, v, sizeof c);
            k->rmsprop(a, c, g, n, scale, lr, 0.99f, eps);
            for (int i = 0; i < n && iv == 0; i++) {
                double gi = 0.5 * (double)g[i], vi = 0.99 * (double)v[i] + 0.01 * gi * gi;
                CHECK_NEAR(a[i], (double)p[i] - 1e-3 * gi / (sqrt(vi) + 1e-5), 1e-6);
            }
            if (iv == 0) memcpy(first[0], a, sizeof a), memcpy(first[1], c, sizeof c);
            CHECK(memcmp(first[0], a, (size_t)n * 4) == 0 && memcmp(first[1], c, (size_t)n * 4) == 0);
        }
        EACH_VARIANT(k)
        {
            float a[300], b[300];
            for (int i = 0; i < n; i++) a[i] = p[i], b[i] = m[i];
            k->sgd(a, round % 3 ? b : NULL, g, n, scale, lr, 0.9f);
            for (int i = 0; i < n; i++) {
                float mi = round % 3 ? fmaf(0.9f, m[i], scale * g[i]) : scale * g[i];
                CHECK(same(a[i], fmaf(-lr, mi, p[i])));
            }
            k->add_to(a, g, n);
            for (int i = 0; i < n; i++) CHECK(same(a[i], fmaf(-lr, round % 3 ? b[i] : scale * g[i], p[i]) + g[i]));
        }
    }
}

MB_TESTS(T(conv), T(optimisers))
