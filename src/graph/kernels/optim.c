/* optim.c - optimiser steps over flat arrays of parameters. */
#include "graph/kernels/isa.h"
#include "graph/kernels/simd.h"

/* m and v are exponential means of g and g*g; decay shrinks p by itself, apart from the gradient (AdamW) */
void mb__adam(float *p, float *m, float *v, const float *g, int64_t n, float scale, float lr, float beta1, float beta2, float eps,
              float correct1, float correct2, float decay)
{
    const float rest1 = 1.0f - beta1, rest2 = 1.0f - beta2, step = -lr * correct1;
    MB__INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        const float gi = scale * g[i];
        const float mi = mb_fmaf(rest1, gi - m[i], m[i]);
        const float vi = mb_fmaf(beta2, v[i], rest2 * (gi * gi));
        const float pi = mb_fmaf(-decay, p[i], p[i]);
        m[i] = mi;
        v[i] = vi;
        p[i] = mb_fmaf(step, mi / (__builtin_sqrtf(vi * correct2) + eps), pi);
    }
}

void mb__rmsprop(float *p, float *v, const float *g, int64_t n, float scale, float lr, float alpha, float eps)
{
    const float rest = 1.0f - alpha;
    MB__INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        const float gi = scale * g[i];
        const float vi = mb_fmaf(alpha, v[i], rest * (gi * gi));
        v[i] = vi;
        p[i] = mb_fmaf(-lr, gi / (__builtin_sqrtf(vi) + eps), p[i]);
    }
}

void mb__sgd(float *p, float *m, const float *g, int64_t n, float scale, float lr, float momentum)
{
    if (!m) {
        MB__INDEPENDENT for (int64_t i = 0; i < n; i++) p[i] = mb_fmaf(-lr, scale * g[i], p[i]);
        return;
    }
    MB__INDEPENDENT for (int64_t i = 0; i < n; i++)
    {
        const float mi = mb_fmaf(momentum, m[i], scale * g[i]);
        m[i] = mi;
        p[i] = mb_fmaf(-lr, mi, p[i]);
    }
}

void mb__add_to(float *x, const float *y, int64_t n)
{
    MB__INDEPENDENT for (int64_t i = 0; i < n; i++) x[i] += y[i];
}

void mb__follow(float *x, const float *y, int64_t n, float tau)
{
    MB__INDEPENDENT for (int64_t i = 0; i < n; i++) x[i] = mb_fmaf(tau, y[i] - x[i], x[i]);
}
