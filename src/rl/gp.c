/* Gaussian process regression on the unit cube, expected improvement, and the functional analysis of variance of its mean.
   Rasmussen & Williams 2006, algorithm 2.1; Snoek, Larochelle, Adams 2012 for the use in a search of settings. */
#include "matchbox/math.h"
#include "rl/tune.h"
#include <math.h>

static const double SQRT_PI = 1.77245385090551602730, JITTER = 1e-10;

bool mb__gp_new(mb_arena *a, const double *x, const double *y, int n, int d, const int *choices, mb__gp *out, mb_error *err)
{
    if (d < 1 || d > MB__GP_DIMS) return mb_fail(err, MB_ERR_RANGE, "a Gaussian process takes 1 to %d dimensions, not %d", MB__GP_DIMS, d);
    *out = (mb__gp){ .n = n, .d = d, .x = x, .choices = choices, .signal = 1, .noise = 0.05 };
    out->y = mb_alloc(a, (size_t)n, sizeof(double), err);
    out->alpha = mb_alloc(a, (size_t)n, sizeof(double), err);
    out->chol = mb_alloc(a, (size_t)n * (size_t)n, sizeof(double), err);
    if (!out->y || !out->alpha || !out->chol) return false;
    double square = 0;
    for (int i = 0; i < n; i++) out->mean += y[i] / n;
    for (int i = 0; i < n; i++) square += (y[i] - out->mean) * (y[i] - out->mean) / n;
    out->scale = square > 0 ? sqrt(square) : 1;
    for (int i = 0; i < n; i++) out->y[i] = (y[i] - out->mean) / out->scale;
    for (int k = 0; k < d; k++) out->length[k] = 0.5;
    return true;
}

/* ---- covariance ---- */

/* One factor of the covariance; different choices are at distance 1. */
static double factor(const mb__gp *g, int k, double a, double b)
{
    double r = (g->choices[k] > 0 ? (double)(a != b) : a - b) / g->length[k];
    return mb_exp64(-0.5 * r * r);
}

static double covariance(const mb__gp *g, const double *a, const double *b)
{
    double sum = 0;
    for (int k = 0; k < g->d; k++) {
        double r = (g->choices[k] > 0 ? (double)(a[k] != b[k]) : a[k] - b[k]) / g->length[k];
        sum += r * r;
    }
    return g->signal * mb_exp64(-0.5 * sum);
}

static void solve_lower(const mb__gp *g, double *v)
{
    for (int i = 0; i < g->n; i++) {
        for (int k = 0; k < i; k++) v[i] -= g->chol[i * g->n + k] * v[k];
        v[i] /= g->chol[i * g->n + i];
    }
}

static void solve_upper(const mb__gp *g, double *v)
{
    for (int i = g->n - 1; i >= 0; i--) {
        for (int k = i + 1; k < g->n; k++) v[i] -= g->chol[k * g->n + i] * v[k];
        v[i] /= g->chol[i * g->n + i];
    }
}

static bool factorise(mb__gp *g)
{
    int n = g->n;
    for (int i = 0; i < n; i++) {
        double *row = g->chol + (size_t)i * (size_t)n;
        for (int j = 0; j <= i; j++) {
            const double *other = g->chol + (size_t)j * (size_t)n;
            double sum = covariance(g, g->x + (size_t)i * (size_t)g->d, g->x + (size_t)j * (size_t)g->d);
            if (i == j) sum += g->noise + JITTER;
            for (int k = 0; k < j; k++) sum -= row[k] * other[k];
            if (i == j && !(sum > 0)) return false;
            row[j] = i == j ? sqrt(sum) : sum / other[j];
        }
    }
    return true;
}

double mb__gp_condition(mb__gp *g)
{
    double likelihood = -0.5 * g->n * mb_log64(2 * SQRT_PI * SQRT_PI);
    if (!factorise(g)) return -HUGE_VAL;
    for (int i = 0; i < g->n; i++) g->alpha[i] = g->y[i];
    solve_lower(g, g->alpha);
    for (int i = 0; i < g->n; i++) likelihood -= 0.5 * g->alpha[i] * g->alpha[i] + mb_log64(g->chol[i * g->n + i]);
    solve_upper(g, g->alpha);
    return likelihood;
}

/* ---- choosing length scales, signal and noise ---- */

static double *parameter(mb__gp *g, int i) { return i < g->d ? &g->length[i] : i == g->d ? &g->signal : &g->noise; }

static double prior(const mb__gp *g, int i, double v)
{
    double median = i < g->d ? 0.5 : i == g->d ? 1 : 0.05, width = i <= g->d ? 1 : 1.5;
    double z = (mb_log64(v) - mb_log64(median)) / width;
    return -0.5 * z * z;
}

static double posterior(mb__gp *g)
{
    double sum = mb__gp_condition(g);
    for (int i = 0; i < g->d + 2; i++) sum += prior(g, i, *parameter(g, i));
    return sum;
}

double mb__gp_fit(mb__gp *g)
{
    double best = posterior(g);
    for (double step = 1; step > 0.03; step *= 0.5) {
        bool better = true;
        for (int round = 0; better && round < 8; round++) {
            better = false;
            for (int i = 0; i < g->d + 2; i++) {
                double *v = parameter(g, i), old = *v;
                for (int sign = -1; sign <= 1; sign += 2) {
                    *v = old * mb_exp64(sign * step);
                    double now = posterior(g);
                    if (now > best + 1e-9) {
                        best = now;
                        better = true;
                        break;
                    }
                    *v = old;
                }
            }
        }
    }
    return posterior(g);
}

void mb__gp_at(const mb__gp *g, const double *x, double *scratch, double *mean, double *variance)
{
    double m = 0, v = g->signal;
    for (int i = 0; i < g->n; i++) {
        scratch[i] = covariance(g, x, g->x + (size_t)i * (size_t)g->d);
        m += scratch[i] * g->alpha[i];
    }
    solve_lower(g, scratch);
    for (int i = 0; i < g->n; i++) v -= scratch[i] * scratch[i];
    *mean = g->mean + g->scale * m;
    *variance = v > 0 ? g->scale * g->scale * v : 0;
}

double mb__expected_improvement(double mean, double sd, double best)
{
    double gain = mean - best;
    if (!(sd > 0)) return gain > 0 ? gain : 0;
    return gain * mb__normal_cdf(gain / sd) + sd * mb__normal_pdf(gain / sd);
}

/* ---- importance ----
   The mean is a sum of products of one factor per dimension, so every integral over the cube is a sum of products of
   integrals over one dimension: I of one factor, J of two. */

static double integral(const mb__gp *g, int k, double x)
{
    double l = g->length[k] * sqrt(2.0);
    int c = g->choices[k];
    if (c > 0) return (1 + (c - 1) * factor(g, k, 0, 1)) / c;
    return 0.5 * SQRT_PI * l * (mb__erf((1 - x) / l) + mb__erf(x / l));
}

static double integral_of_two(const mb__gp *g, int k, double x, double y)
{
    double l = g->length[k], m = 0.5 * (x + y), r = (x - y) / l;
    int c = g->choices[k];
    if (c > 0) {
        double q = factor(g, k, 0, 1);
        return x == y ? (1 + (c - 1) * q * q) / c : (2 * q + (c - 2) * q * q) / c;
    }
    return 0.5 * SQRT_PI * l * mb_exp64(-0.25 * r * r) * (mb__erf((1 - m) / l) + mb__erf(m / l));
}

/* What one pair of observations adds to the moments: the square of the mean, the second moment, and per dimension the second
   moments of what it explains alone and of what the others explain together. */
static void add_pair(const mb__gp *g, const double *x, const double *y, double weight, double sums[2], double *alone, double *others)
{
    double one[MB__GP_DIMS], two[MB__GP_DIMS], ones = 1, twos = 1;
    for (int k = 0; k < g->d; k++) {
        one[k] = integral(g, k, x[k]) * integral(g, k, y[k]);
        two[k] = integral_of_two(g, k, x[k], y[k]);
        ones *= one[k];
        twos *= two[k];
    }
    sums[0] += weight * ones;
    sums[1] += weight * twos;
    for (int k = 0; k < g->d; k++) {
        double rest_ones = 1, rest_twos = 1;
        for (int e = 0; e < g->d; e++) {
            if (e == k) continue;
            rest_ones *= one[e];
            rest_twos *= two[e];
        }
        alone[k] += weight * two[k] * rest_ones;
        others[k] += weight * one[k] * rest_twos;
    }
}

void mb__gp_importance(const mb__gp *g, double *alone, double *total)
{
    double sums[2] = { 0, 0 };
    for (int k = 0; k < g->d; k++) alone[k] = total[k] = 0;
    for (int i = 0; i < g->n; i++)
        for (int j = 0; j <= i; j++) {
            double weight = g->alpha[i] * g->alpha[j] * (i == j ? 1 : 2) * g->signal * g->signal;
            add_pair(g, g->x + (size_t)i * (size_t)g->d, g->x + (size_t)j * (size_t)g->d, weight, sums, alone, total);
        }
    double variance = sums[1] - sums[0];
    for (int k = 0; k < g->d; k++) {
        bool flat = !(variance > 1e-12);
        double own = flat ? 0 : (alone[k] - sums[0]) / variance, all = flat ? 0 : (sums[1] - total[k]) / variance;
        alone[k] = own < 0 ? 0 : own;
        total[k] = all < alone[k] ? alone[k] : all;
    }
}
