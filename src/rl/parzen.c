/* Parzen estimators and the draws of the tree-structured Parzen estimator.
   Bergstra, Bardenet, Bengio, Kegl: Algorithms for Hyper-Parameter Optimization, 2011. */
#include "matchbox/math.h"
#include "rl/tune.h"
#include <math.h>

static const double SQRT_PI = 1.77245385090551602730, SQRT_2 = 1.41421356237309504880;

double mb__normal_pdf(double x) { return mb_exp64(-0.5 * x * x) / (SQRT_2 * SQRT_PI); }

/* Abramowitz & Stegun 7.1.6 (a series of positive terms) near 0; a continued fraction (7.1.14) beyond. */
double mb__erf(double x)
{
    double z = x < 0 ? -x : x, v;
    if (z != z) return z;
    if (z < 2.5) {
        double term = z, sum = z;
        for (int k = 1; term > 1e-18 * sum; k++) sum += term *= 2 * z * z / (2 * k + 1);
        v = 2 / SQRT_PI * mb_exp64(-z * z) * sum;
    } else if (z < 6.5) {
        double f = z;
        for (int k = 80; k > 0; k--) f = z + 0.5 * k / f;
        v = 1 - mb_exp64(-z * z) / (SQRT_PI * f);
    } else {
        v = 1;
    }
    return x < 0 ? -v : v;
}

double mb__normal_cdf(double x) { return 0.5 * (1 + mb__erf(x / SQRT_2)); }

/* ---- one dimension ---- */

enum { RECENT = 25, NARROWEST = 100 };

/* The last 25 observations weigh 1, older ones rise linearly from 1/n to that; the prior weighs 1. */
static void set_weights(mb__parzen *p)
{
    int n = p->n - 1, old = n > RECENT ? n - RECENT : 0;
    double sum = 0;
    for (int i = 0; i < p->n; i++) {
        double w = 1;
        if (i < old) w = old == 1 ? 1.0 / n : 1.0 / n + (1 - 1.0 / n) * i / (old - 1);
        sum += p->weight[i] = w;
    }
    for (int i = 0; i < p->n; i++) p->weight[i] /= sum;
}

/* Neighbours are other observations; the outermost points look only inwards, a single one to the ends. */
static void set_widths(mb__parzen *p)
{
    int n = p->n - 1;
    double least = 1.0 / (n + 2 < NARROWEST ? n + 2 : NARROWEST);
    for (int i = 0; i < n; i++) {
        double left = n == 1 ? 0 : -1, right = n == 1 ? 1 : 2, x = p->mu[i];
        for (int k = 0; k < n; k++) {
            bool below = p->mu[k] < x || (p->mu[k] == x && k < i);
            if (below && p->mu[k] > left) left = p->mu[k];
            if (k != i && !below && p->mu[k] < right) right = p->mu[k];
        }
        double to_left = left < 0 ? 0 : x - left, to_right = right > 1 ? 0 : right - x;
        double s = to_left > to_right ? to_left : to_right;
        p->sigma[i] = s < least ? least : s;
    }
    p->sigma[n] = 1;
}

static void set_probabilities(mb__parzen *p, const double *x)
{
    for (int c = 0; c < p->choices; c++) p->p[c] = 0;
    for (int i = 0; i < p->n; i++) {
        double each = 1.0 / p->n, sum = p->choices * each + (i < p->n - 1);
        for (int c = 0; c < p->choices; c++) p->p[c] += p->weight[i] * (each + (i < p->n - 1 && (int)x[i] == c)) / sum;
    }
}

bool mb__parzen_fit(mb_arena *a, const double *x, int n, int choices, mb__parzen *out, mb_error *err)
{
    *out = (mb__parzen){ .n = n + 1, .choices = choices };
    out->weight = mb_alloc(a, (size_t)n + 1, sizeof(double), err);
    out->mu = mb_alloc(a, (size_t)n + 1, sizeof(double), err);
    out->sigma = mb_alloc(a, (size_t)n + 1, sizeof(double), err);
    out->p = mb_alloc(a, (size_t)choices + 1, sizeof(double), err);
    if (!out->weight || !out->mu || !out->sigma || !out->p) return false;
    for (int i = 0; i < n; i++) out->mu[i] = x[i];
    out->mu[n] = 0.5;
    set_weights(out);
    if (choices > 0) set_probabilities(out, x);
    else set_widths(out);
    return true;
}

double mb__parzen_log(const mb__parzen *p, double x)
{
    double density = 0;
    if (p->choices > 0) return mb_log64(p->p[(int)x]);
    for (int i = 0; i < p->n; i++) {
        double s = p->sigma[i], inside = mb__normal_cdf((1 - p->mu[i]) / s) - mb__normal_cdf(-p->mu[i] / s);
        density += p->weight[i] * mb__normal_pdf((x - p->mu[i]) / s) / (s * inside);
    }
    return mb_log64(density);
}

/* The index that a number of [0, 1) falls on. */
static int pick(const double *weight, int n, double u)
{
    for (int i = 0; i < n - 1; i++) {
        if (u < weight[i]) return i;
        u -= weight[i];
    }
    return n - 1;
}

double mb__parzen_draw(const mb__parzen *p, mb_rng *r)
{
    if (p->choices > 0) return pick(p->p, p->choices, mb_uniform64(r));
    int i = pick(p->weight, p->n, mb_uniform64(r));
    for (;;) {
        double x = p->mu[i] + p->sigma[i] * (double)mb_normal(r);
        if (x >= 0 && x <= 1) return x;
    }
}

int mb__tpe_good(int n)
{
    int tenth = (n + 9) / 10;
    return tenth < 1 ? 1 : tenth > 25 ? 25 : tenth;
}

double mb__tpe_draw(const mb__parzen *good, const mb__parzen *bad, int draws, mb_rng *r)
{
    double best = 0, best_ratio = -HUGE_VAL;
    for (int i = 0; i < draws; i++) {
        double x = mb__parzen_draw(good, r), ratio = mb__parzen_log(good, x) - mb__parzen_log(bad, x);
        if (i > 0 && !(ratio > best_ratio)) continue;
        best = x;
        best_ratio = ratio;
    }
    return best;
}
