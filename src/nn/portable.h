/* portable.h - the functions that exported C files carry: plain C99, one observation at a time.  The library executes net
   lists with them (netlist_run.c), and tools/embed.sh turns each function here and the elementary functions of
   matchbox/math.h into text for the exporter, so that what was checked is what is shipped.
   The order of every sum is that of the library's kernels: products are one ascending chain of fused multiply-adds, other
   sums 16 chains (index modulo 16) joined by a fixed tree. */
#ifndef MB_NN_PORTABLE_H
#define MB_NN_PORTABLE_H
#include "matchbox/math.h"
#include <math.h>
#include <string.h>

/* y = b + x w for w [in, out]; without b from 0 */
static void dense(const float *restrict x, int in, const float *restrict w, const float *b, float *restrict y, int out)
{
    for (int j = 0; j < out; j++) y[j] = b ? b[j] : 0.0f;
    for (int k = 0; k < in; k++)
        for (int j = 0; j < out; j++) y[j] = mb_fmaf(x[k], w[k * out + j], y[j]);
}

/* an image of `width` columns and c channels under kernels [side, side, c, out]; y [oh, ow, out] */
static void conv(const float *restrict x, int width, int c, const float *restrict w, const float *restrict b, int side, int stride,
                 float *restrict y, int oh, int ow, int out)
{
    for (int oy = 0; oy < oh; oy++)
        for (int ox = 0; ox < ow; ox++, y += out) {
            for (int j = 0; j < out; j++) y[j] = b[j];
            for (int ky = 0; ky < side; ky++) {
                const float *from = x + ((oy * stride + ky) * width + ox * stride) * c, *k = w + ky * side * c * out;
                for (int i = 0; i < side * c; i++)
                    for (int j = 0; j < out; j++) y[j] = mb_fmaf(from[i], k[i * out + j], y[j]);
            }
        }
}

static void act_tanh(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = mb_tanhf(x[i]);
}

static void act_relu(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = x[i] < 0.0f ? 0.0f : x[i];
}

static void act_silu(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = mb_siluf(x[i]);
}

static void act_gelu(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = mb_geluf(x[i]);
}

static void act_sigmoid(float *x, int n)
{
    for (int i = 0; i < n; i++) x[i] = mb_sigmoidf(x[i]);
}

/* observations by the running mean and deviation of training */
static void normalize(float *x, int n, const float *mean, const float *scale)
{
    for (int i = 0; i < n; i++) x[i] = mb__clampf((x[i] - mean[i]) * scale[i], -10.0f, 10.0f);
}

/* 16 chains, joined */
static float tree(float c[16])
{
    for (int half = 8; half > 0; half /= 2)
        for (int j = 0; j < half; j++) c[j] = c[j] + c[j + half];
    return c[0];
}

static float sum(const float *x, int n)
{
    float c[16] = { 0.0f };
    for (int i = 0; i < n; i++) c[i % 16] += x[i];
    return tree(c);
}

static float largest(const float *x, int n)
{
    float m = x[0];
    for (int i = 1; i < n; i++)
        if (x[i] > m || x[i] != x[i]) m = x[i];
    return m;
}

/* x becomes its softmax */
static void softmax(float *x, int n)
{
    float m = largest(x, n);
    for (int i = 0; i < n; i++) x[i] = mb_expf(x[i] - m);
    float s = sum(x, n);
    for (int i = 0; i < n; i++) x[i] = x[i] / s;
}

static void means(const float *x, int n, int k, float *y)
{
    for (int i = 0; i < n; i++) y[i] = sum(x + i * k, k) * (1.0f / (float)k);
}

/* of k points from low to high under the softmax of each k elements of x, which is overwritten */
static void expectations(float *x, int n, int k, float low, float high, float *y)
{
    for (int i = 0; i < n; i++) {
        float *p = x + i * k;
        softmax(p, k);
        for (int j = 0; j < k; j++) p[j] = p[j] * (k > 1 ? low + (high - low) * (float)j / (float)(k - 1) : low);
        y[i] = sum(p, k);
    }
}

static void log_softmax(const float *x, int n, float *y)
{
    float m = largest(x, n);
    for (int i = 0; i < n; i++) y[i] = mb_expf(x[i] - m);
    float l = mb_logf(sum(y, n));
    for (int i = 0; i < n; i++) y[i] = (x[i] - m) - l;
}

/* y = x shifted and scaled to mean 0 and deviation 1, times gain, plus bias */
static void norm(const float *x, int n, const float *gain, const float *bias, float *y)
{
    float c[16] = { 0.0f }, mean = sum(x, n) * (1.0f / (float)n);
    for (int i = 0; i < n; i++) {
        y[i] = x[i] - mean;
        float square = y[i] * y[i];
        c[i % 16] += square;
    }
    float scale = 1.0f / sqrtf(tree(c) * (1.0f / (float)n) + 1e-5f);
    for (int i = 0; i < n; i++) {
        float z = y[i] * scale * gain[i];
        y[i] = z + bias[i];
    }
}

/* y = a - mean of a, plus v: advantages around the value of the state */
static void duel(const float *a, int n, const float *v, float *y)
{
    float mean = sum(a, n) * (1.0f / (float)n);
    for (int i = 0; i < n; i++) {
        float centred = a[i] - mean;
        y[i] = centred + v[0];
    }
}

/* x, g: what the input and the memory h give to the gates (input, forget, cell, output) */
static void lstm(const float *x, const float *g, float *h, float *c, int n)
{
    for (int i = 0; i < n; i++) {
        float in = mb_sigmoidf(x[i] + g[i]), forget = mb_sigmoidf(x[n + i] + g[n + i]);
        float cell = mb_tanhf(x[2 * n + i] + g[2 * n + i]), out = mb_sigmoidf(x[3 * n + i] + g[3 * n + i]);
        float kept = forget * c[i], added = in * cell;
        c[i] = kept + added;
        h[i] = out * mb_tanhf(c[i]);
    }
}

/* x, g: what the input and the memory h give to the gates (reset, update, new) */
static void gru(const float *x, const float *g, float *h, int n)
{
    for (int i = 0; i < n; i++) {
        float reset = mb_sigmoidf(x[i] + g[i]), update = mb_sigmoidf(x[n + i] + g[n + i]);
        float recalled = reset * g[2 * n + i], fresh = mb_tanhf(x[2 * n + i] + recalled);
        float kept = update * (h[i] - fresh);
        h[i] = fresh + kept;
    }
}

/* Attention of the present decision to the last `window`, itself included; bias [window, heads] by age.  keys, values
   [window - 1, width], held [window - 1]: those before it, oldest first, which then move up.  p [window]: scratch. */
static void attend(const float *q, const float *k, const float *v, const float *bias, float *keys, float *values, float *held,
                   int window, int heads, int width, float *p, float *y)
{
    int old = window - 1, part = width / heads;
    float scale = 1.0f / sqrtf((float)part);
    for (int h = 0; h < heads; h++) {
        int at = h * part;
        for (int j = 0; j < window; j++) {
            const float *key = j < old ? keys + j * width + at : k + at;
            float s = 0.0f;
            for (int i = 0; i < part; i++) {
                float scaled = q[at + i] * scale;
                s = mb_fmaf(scaled, key[i], s);
            }
            p[j] = j < old && held[j] == 0.0f ? -1e9f : s + bias[(old - j) * heads + h];
        }
        softmax(p, window);
        for (int i = 0; i < part; i++) {
            float s = 0.0f;
            for (int j = 0; j < window; j++) s = mb_fmaf(p[j], j < old ? values[j * width + at + i] : v[at + i], s);
            y[at + i] = s;
        }
    }
    for (int j = 0; j < old; j++) {
        memcpy(keys + j * width, j + 1 < old ? keys + (j + 1) * width : k, (size_t)width * sizeof(float));
        memcpy(values + j * width, j + 1 < old ? values + (j + 1) * width : v, (size_t)width * sizeof(float));
        held[j] = j + 1 < old ? held[j + 1] : 1.0f;
    }
}

/* x in 8 bits, by its own largest magnitude; returns what one step of q is worth */
static float quantize(const float *x, int n, int8_t *q)
{
    float most = 0.0f;
    for (int i = 0; i < n; i++) {
        float a = x[i] < 0.0f ? -x[i] : x[i];
        if (a > most) most = a;
    }
    float per = most > 0.0f ? 127.0f / most : 0.0f;
    for (int i = 0; i < n; i++) {
        float v = mb__clampf(x[i] * per, -127.0f, 127.0f);
        q[i] = v == v ? (int8_t)(v < 0.0f ? v - 0.5f : v + 0.5f) : (int8_t)0;
    }
    return most / 127.0f;
}

/* y = b + x w in whole numbers; w [out, in] in steps of step[j], x in steps of `one` */
static void dense8(const int8_t *x, float one, int in, const int8_t *w, const float *step, const float *b, float *y, int out)
{
    for (int j = 0; j < out; j++, w += in) {
        int32_t s = 0;
        for (int k = 0; k < in; k++) s += (int32_t)x[k] * (int32_t)w[k];
        y[j] = (float)s * (one * step[j]) + (b ? b[j] : 0.0f);
    }
}

/* the same with x as it is: observations mix quantities of very different size */
static void dense8x(const float *x, int in, const int8_t *w, const float *step, const float *b, float *y, int out)
{
    for (int j = 0; j < out; j++, w += in) {
        float s = 0.0f;
        for (int k = 0; k < in; k++) s = mb_fmaf(x[k], (float)w[k], s);
        y[j] = s * step[j] + (b ? b[j] : 0.0f);
    }
}

/* conv in whole numbers; w [out, side, side, c] */
static void conv8(const int8_t *x, float one, int width, int c, const int8_t *w, const float *step, const float *b, int side,
                  int stride, float *y, int oh, int ow, int out)
{
    for (int oy = 0; oy < oh; oy++)
        for (int ox = 0; ox < ow; ox++)
            for (int j = 0; j < out; j++) {
                int32_t s = 0;
                for (int ky = 0; ky < side; ky++) {
                    const int8_t *from = x + ((oy * stride + ky) * width + ox * stride) * c, *k = w + (j * side + ky) * side * c;
                    for (int i = 0; i < side * c; i++) s += (int32_t)from[i] * (int32_t)k[i];
                }
                *y++ = (float)s * (one * step[j]) + b[j];
            }
}

/* the first of the largest */
static int best(const float *v, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        if (v[i] > v[at]) at = i;
    return at;
}

/* inverse transform on log-probabilities for u in [0, 1); what is forbidden has probability 0 and is never taken */
static int pick(const float *logp, int n, float u)
{
    float reached = 0.0f;
    int last = 0;
    for (int i = 0; i < n; i++) {
        float p = mb_expf(logp[i]);
        if (p <= 0.0f) continue;
        reached += p;
        last = i;
        if (u < reached) return i;
    }
    return last;
}

#endif
