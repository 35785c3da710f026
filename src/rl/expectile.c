/* expectile.c - learning expectiles with asymmetric rates, their exact values, and the distribution they speak of. */
#include "matchbox/distributional.h"

void mb_asymmetric_learn(double *v, const double *tau, int n, double x, double rate)
{
    for (int i = 0; i < n; i++) {
        double delta = x - v[i];
        v[i] += rate * (delta > 0 ? tau[i] : 1 - tau[i]) * delta;
    }
}

/* tau E(x - e)+ - (1 - tau) E(e - x)+ falls in e; between neighbouring points it is a straight line. */
double mb_expectile(const double *x, const double *p, int n, double tau)
{
    double low = x[0], high = x[0];
    for (int i = 1; i < n; i++) {
        if (x[i] < low) low = x[i];
        if (x[i] > high) high = x[i];
    }
    for (int k = 0; k < 200 && low < high; k++) {
        double e = 0.5 * (low + high), balance = 0;
        for (int i = 0; i < n; i++) balance += p[i] * (x[i] > e ? tau : 1 - tau) * (x[i] - e);
        *(balance > 0 ? &low : &high) = e;
        if (e <= low && e >= high) break;
    }
    return 0.5 * (low + high);
}

void mb_isotonic(double *x, const double *w, int n)
{
    /* a block of joined elements has its mean at all of them, their own weights stay */
    for (int i = 0; i < n; i++) {
        double mean = x[i], weight = w[i];
        int first = i;
        while (first > 0 && x[first - 1] > mean) { /* join with the block before */
            double before = x[first - 1], sum = 0;
            int k = first;
            while (k > 0 && !(x[k - 1] < before) && !(x[k - 1] > before)) sum += w[--k];
            mean = (mean * weight + before * sum) / (weight + sum);
            weight += sum;
            first = k;
        }
        for (int k = first; k <= i; k++) x[k] = mean;
    }
}

void mb_expectiles_decode(const double *v, const double *tau, int n, double mean, double *cdf)
{
    enum { MOST = 512 };
    double width[MOST] = { 0 }, before = 0;
    MB_ASSERT(n >= 2 && n <= MOST);
    for (int i = 0; i < n; i++) {
        double below = tau[i] * (mean - v[i]) / (1 - 2 * tau[i]); /* E(v - x)+ */
        if (i > 0) {
            width[i - 1] = v[i] > v[i - 1] ? v[i] - v[i - 1] : 1e-12;
            cdf[i - 1] = v[i] > v[i - 1] ? (below - before) / width[i - 1] : 0;
        }
        before = below;
    }
    mb_isotonic(cdf, width, n - 1);
    for (int i = 0; i < n - 1; i++) cdf[i] = cdf[i] < 0 ? 0 : cdf[i] > 1 ? 1 : cdf[i];
}

double mb_wasserstein(const double *x, const double *f, const double *g, int n)
{
    double sum = 0;
    for (int i = 0; i + 1 < n; i++) sum += __builtin_fabs(f[i] - g[i]) * (x[i + 1] - x[i]);
    return sum;
}
