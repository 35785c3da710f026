/* cma.c - CMA-ES. */
#include "matchbox/search.h"
#include "matchbox/math.h"
#include "rl/eigen.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* what a checkpoint holds, beside the arrays */
struct kept { double sigma, generation; };

struct mb_cma {
    int n, population, parents;
    double parents_eff, c_sigma, d_sigma, c_c, c_1, c_mu, expected; /* expected: mean length of a standard normal vector */
    struct kept *k;
    mb_rng *rng;
    double *mean, *old;      /* [n] */
    double *path_sigma, *path_c, *step, *turned; /* [n] */
    double *covariance;      /* [n, n] */
    double *axes, *scale;    /* its eigenvectors (columns) and the roots of its eigenvalues */
    double *work;            /* [n, n] */
    double *weight, *x;      /* [parents]; [population, n] */
    int *order;              /* [population] */
};

static void constants(mb_cma *c)
{
    double n = c->n, sum = 0, squares = 0;
    c->parents = c->population / 2;
    for (int i = 0; i < c->parents; i++) {
        c->weight[i] = mb_log64((c->population + 1) / 2.0) - mb_log64(i + 1.0);
        sum += c->weight[i];
    }
    for (int i = 0; i < c->parents; i++) {
        c->weight[i] /= sum;
        squares += c->weight[i] * c->weight[i];
    }
    double m = c->parents_eff = 1 / squares, grown = sqrt((m - 1) / (n + 1)) - 1;
    c->c_sigma = (m + 2) / (n + m + 5);
    c->d_sigma = 1 + 2 * (grown > 0 ? grown : 0) + c->c_sigma;
    c->c_c = (4 + m / n) / (n + 4 + 2 * m / n);
    c->c_1 = 2 / ((n + 1.3) * (n + 1.3) + m);
    c->c_mu = 2 * (m - 2 + 1 / m) / ((n + 2) * (n + 2) + m);
    if (c->c_mu > 1 - c->c_1) c->c_mu = 1 - c->c_1;
    c->expected = sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n));
}

static double *array(mb_scope *s, const char *name, const char *what, size_t n, mb_error *err)
{
    char text[96];
    double *x = mb_alloc(s->arena, n, sizeof *x, err);
    snprintf(text, sizeof text, "%s/%s", name, what);
    return x && (!s->store || mb_keep(s->store, text, x, n * sizeof *x, err)) ? x : NULL;
}

static bool memory(mb_cma *c, mb_scope *s, const char *name, mb_error *err)
{
    size_t n = (size_t)c->n, lambda = (size_t)c->population;
    char text[96];
    snprintf(text, sizeof text, "%s/state", name);
    c->k = mb_alloc(s->arena, 1, sizeof *c->k, err);
    if (!c->k || (s->store && !mb_keep(s->store, text, c->k, sizeof *c->k, err))) return false;
    snprintf(text, sizeof text, "%s/rng", name);
    c->rng = mb_alloc(s->arena, 1, sizeof *c->rng, err);
    if (!c->rng || (s->store && !mb_keep(s->store, text, c->rng, sizeof *c->rng, err))) return false;
    if (!(c->mean = array(s, name, "mean", n, err)) || !(c->covariance = array(s, name, "covariance", n * n, err))) return false;
    if (!(c->path_sigma = array(s, name, "path_sigma", n, err)) || !(c->path_c = array(s, name, "path_c", n, err))) return false;
    if (!(c->axes = array(s, name, "axes", n * n, err)) || !(c->scale = array(s, name, "scale", n, err))) return false;
    c->old = mb_alloc(s->arena, n, sizeof(double), err);
    c->step = mb_alloc(s->arena, n, sizeof(double), err);
    c->turned = mb_alloc(s->arena, n, sizeof(double), err);
    c->work = mb_alloc(s->arena, n * n, sizeof(double), err);
    c->weight = mb_alloc(s->arena, lambda, sizeof(double), err);
    c->x = mb_alloc(s->arena, lambda * n, sizeof(double), err);
    c->order = mb_alloc(s->arena, lambda, sizeof *c->order, err);
    return c->old && c->step && c->turned && c->work && c->weight && c->x && c->order;
}

mb_cma *mb_cma_new(mb_scope *s, const char *name, int n, int population, const double *start, double sigma, mb_error *err)
{
    mb_cma *c = mb_alloc(s->arena, 1, sizeof *c, err);
    if (!c) return NULL;
    if (population == 0 && n > 0) population = 4 + (int)(3 * mb_log64((double)n));
    if (n < 1 || population < 2 || !(sigma > 0)) {
        mb_fail(err, MB_ERR_RANGE, "cma: %d numbers, a population of %d and a deviation of %g: needs 1, 2 and a positive number at least", n, population, sigma);
        return NULL;
    }
    *c = (mb_cma){ .n = n, .population = population };
    if (!memory(c, s, name, err)) return NULL;
    constants(c);
    c->k->sigma = sigma;
    *c->rng = mb_rng_make(s->seed, name, 0);
    for (int i = 0; i < n; i++) {
        c->mean[i] = start ? start[i] : 0;
        c->covariance[i * n + i] = c->axes[i * n + i] = c->scale[i] = 1;
    }
    return c;
}

int mb_cma_population(const mb_cma *c) { return c->population; }
const double *mb_cma_mean(const mb_cma *c) { return c->mean; }
double mb_cma_sigma(const mb_cma *c) { return c->k->sigma; }
const double *mb_cma_covariance(const mb_cma *c) { return c->covariance; }

/* x = mean + sigma B D z */
const double *mb_cma_ask(mb_cma *c)
{
    for (int k = 0; k < c->population; k++) {
        double *x = c->x + (size_t)k * (size_t)c->n;
        for (int j = 0; j < c->n; j++) c->turned[j] = c->scale[j] * (double)mb_normal(c->rng);
        for (int i = 0; i < c->n; i++) {
            double sum = 0;
            for (int j = 0; j < c->n; j++) sum += c->axes[i * c->n + j] * c->turned[j];
            x[i] = c->mean[i] + c->k->sigma * sum;
        }
    }
    return c->x;
}

static void rank(mb_cma *c, const double *loss)
{
    for (int i = 0; i < c->population; i++) {
        int j = i;
        for (; j > 0 && (loss[i] < loss[c->order[j - 1]] || (isnan(loss[c->order[j - 1]]) && !isnan(loss[i]))); j--) c->order[j] = c->order[j - 1];
        c->order[j] = i;
    }
}

/* the length of C^(-1/2) step, added to its path */
static double follow_sigma(mb_cma *c)
{
    int n = c->n;
    double keep = 1 - c->c_sigma, add = sqrt(c->c_sigma * (2 - c->c_sigma) * c->parents_eff), squares = 0;
    for (int j = 0; j < n; j++) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += c->axes[i * n + j] * c->step[i];
        c->turned[j] = sum / c->scale[j];
    }
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++) sum += c->axes[i * n + j] * c->turned[j];
        c->path_sigma[i] = keep * c->path_sigma[i] + add * sum;
        squares += c->path_sigma[i] * c->path_sigma[i];
    }
    return sqrt(squares);
}

static void follow_covariance(mb_cma *c, const double *x, bool still)
{
    int n = c->n;
    double sigma = c->k->sigma, add = still ? 0 : sqrt(c->c_c * (2 - c->c_c) * c->parents_eff);
    double left = 1 - c->c_1 - c->c_mu + (still ? c->c_1 * c->c_c * (2 - c->c_c) : 0);
    for (int i = 0; i < n; i++) c->path_c[i] = (1 - c->c_c) * c->path_c[i] + add * c->step[i];
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int k = 0; k < c->parents; k++) {
                const double *p = x + (size_t)c->order[k] * (size_t)n;
                sum += c->weight[k] * ((p[i] - c->old[i]) / sigma) * ((p[j] - c->old[j]) / sigma);
            }
            double v = left * c->covariance[i * n + j] + c->c_1 * c->path_c[i] * c->path_c[j] + c->c_mu * sum;
            c->covariance[i * n + j] = c->covariance[j * n + i] = v;
        }
}

void mb_cma_tell(mb_cma *c, const double *x, const double *loss)
{
    int n = c->n;
    rank(c, loss);
    memcpy(c->old, c->mean, (size_t)n * sizeof *c->old);
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < c->parents; k++) sum += c->weight[k] * x[(size_t)c->order[k] * (size_t)n + (size_t)i];
        c->mean[i] = sum;
        c->step[i] = (sum - c->old[i]) / c->k->sigma;
    }
    c->k->generation++;
    double length = follow_sigma(c), grown = 1 - mb_pow64(1 - c->c_sigma, 2 * c->k->generation);
    bool still = length / sqrt(grown) >= (1.4 + 2 / (n + 1.0)) * c->expected;
    follow_covariance(c, x, still);
    c->k->sigma *= mb_exp64(c->c_sigma / c->d_sigma * (length / c->expected - 1));
    memcpy(c->work, c->covariance, (size_t)n * (size_t)n * sizeof *c->work);
    mb__eigen(c->work, c->axes, c->scale, n);
    for (int i = 0; i < n; i++) c->scale[i] = sqrt(c->scale[i] > 1e-20 ? c->scale[i] : 1e-20);
}
