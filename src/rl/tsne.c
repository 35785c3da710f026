/* t-SNE: affinities by perplexity, the gradient (exact or through a tree), and its descent.
   van der Maaten & Hinton 2008; van der Maaten 2014; the size of the first steps after Belkina et al. 2019. */
#include "matchbox/embedding.h"
#include "matchbox/math.h"
#include "rl/tree.h"
#include <math.h>

enum { SEARCH = 200, EARLY = 250 };
static const double EXAGGERATION = 12, LEAST_GAIN = 0.01, TINY = 1e-300;

struct mb_tsne {
    mb_arena *arena;
    mb_pool *pool;
    mb_tsne_spec spec;
    int n, d, k;
    const double *x;
    int *near;           /* [n][k] neighbours of each, before symmetrising */
    double *p;           /* [n][k] conditional probabilities */
    int *begin;          /* [n + 1] rows of the symmetric affinities */
    int *column;         /* [begin[n]] */
    double *joint;       /* [begin[n]] */
    double *row;         /* [threads][n] distances, for the search of neighbours */
    mb__tree *tree;
    const double *y;     /* of the present gradient */
    double *force, *z, *kl, exaggeration; /* [n][2] repulsion, [n + 1] its normaliser and their sum, [n] */
    double *gradient;
};

static double square_distance(const double *a, const double *b, int d)
{
    double sum = 0;
    for (int i = 0; i < d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* ---- affinities ---- */

/* Sift the k least of a row to its neighbours, nearest first, by insertion. */
static void nearest(const double *distance, int n, int self, int k, int *near)
{
    int m = 0;
    for (int j = 0; j < n; j++) {
        if (j == self || (m == k && !(distance[j] < distance[near[k - 1]]))) continue;
        int at = m < k ? m++ : k - 1;
        for (; at > 0 && distance[j] < distance[near[at - 1]]; at--) near[at] = near[at - 1];
        near[at] = j;
    }
}

/* The precision at which the distribution over the neighbours has the wanted entropy, by bisection. */
static void condition(const double *distance, const int *near, int k, double entropy, double *p)
{
    double beta = 1, low = 0, high = HUGE_VAL, least = distance[near[0]];
    for (int step = 0; step < SEARCH; step++) {
        double sum = 0, weighted = 0;
        for (int j = 0; j < k; j++) {
            double v = distance[near[j]] - least;
            p[j] = mb_exp64(-beta * v);
            sum += p[j];
            weighted += v * p[j];
        }
        double h = mb_log64(sum) + beta * weighted / sum;
        for (int j = 0; j < k; j++) p[j] /= sum;
        if (fabs(h - entropy) < 1e-10) break;
        if (h > entropy) {
            low = beta;
            beta = high < HUGE_VAL ? 0.5 * (beta + high) : 2 * beta;
        } else {
            high = beta;
            beta = 0.5 * (beta + low);
        }
    }
}

static void affinities_of(void *ctx, int i, int thread)
{
    mb_tsne *t = ctx;
    double *distance = t->row + (size_t)thread * (size_t)t->n;
    int *near = t->near + (size_t)i * (size_t)t->k;
    for (int j = 0; j < t->n; j++)
        distance[j] = square_distance(t->x + (size_t)i * (size_t)t->d, t->x + (size_t)j * (size_t)t->d, t->d);
    if (t->k < t->n - 1) {
        nearest(distance, t->n, i, t->k, near);
    } else {
        for (int j = 0, m = 0; j < t->n; j++)
            if (j != i) near[m++] = j;
        for (int j = 1; j < t->k; j++) /* the nearest first: the others need no order */
            if (distance[near[j]] < distance[near[0]]) {
                int first = near[0];
                near[0] = near[j], near[j] = first;
            }
    }
    condition(distance, near, t->k, mb_log64(t->spec.perplexity), t->p + (size_t)i * (size_t)t->k);
}

/* (p_j|i + p_i|j) / 2n, rows in order of i, columns in order of arrival (fixed). */
static bool symmetrise(mb_tsne *t, mb_error *err)
{
    size_t n = (size_t)t->n, k = (size_t)t->k;
    int *count = mb_alloc(t->arena, n + 1, sizeof *count, err);
    t->begin = mb_alloc(t->arena, n + 1, sizeof *t->begin, err);
    if (!count || !t->begin) return false;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) {
            count[i]++;
            count[t->near[i * k + j]]++;
        }
    for (size_t i = 0; i < n; i++) t->begin[i + 1] = t->begin[i] + count[i];
    t->column = mb_alloc(t->arena, (size_t)t->begin[n], sizeof *t->column, err);
    t->joint = mb_alloc(t->arena, (size_t)t->begin[n], sizeof *t->joint, err);
    if (!t->column || !t->joint) return false;
    for (size_t i = 0; i < n; i++) count[i] = t->begin[i];
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < k; j++) {
            int o = t->near[i * k + j];
            double v = t->p[i * k + j] / (2 * (double)n);
            t->column[count[i]] = o, t->joint[count[i]++] = v;
            t->column[count[o]] = (int)i, t->joint[count[o]++] = v;
        }
    return true;
}

/* Two entries of the same pair become one; rows may get shorter than they were. */
static bool merge(mb_tsne *t, mb_error *err)
{
    size_t n = (size_t)t->n;
    int *at = mb_alloc(t->arena, n, sizeof *at, err), to = 0;
    if (!at) return false;
    for (size_t i = 0; i < n; i++) at[i] = -1;
    for (size_t i = 0; i < n; i++) {
        int from = t->begin[i], end = t->begin[i + 1], first = to;
        t->begin[i] = first;
        for (; from < end; from++) {
            int j = t->column[from];
            if (at[j] >= first) {
                t->joint[at[j]] += t->joint[from];
            } else {
                at[j] = to;
                t->column[to] = j;
                t->joint[to++] = t->joint[from];
            }
        }
    }
    t->begin[n] = to;
    return true;
}

mb_tsne *mb_tsne_new(mb_arena *a, mb_pool *pool, const double *x, int n, int d, const mb_tsne_spec *spec, mb_error *err)
{
    if (n < 4 || !(spec->perplexity >= 1) || 3 * spec->perplexity > n - 1) {
        mb_fail(err, MB_ERR_RANGE, "t-SNE: perplexity %g needs more than %g points, there are %d", spec->perplexity, 3 * spec->perplexity, n);
        return NULL;
    }
    if (!(spec->theta >= 0) || spec->theta > 2 || spec->iterations < 1 || !(spec->rate >= 0)) {
        mb_fail(err, MB_ERR_RANGE, "t-SNE: theta must lie in [0, 2], iterations and rate must be positive");
        return NULL;
    }
    mb_tsne *t = mb_alloc(a, 1, sizeof *t, err);
    if (!t) return NULL;
    *t = (mb_tsne){ .arena = a, .pool = pool, .spec = *spec, .n = n, .d = d, .x = x, .exaggeration = 1 };
    t->k = spec->theta > 0 ? (int)(3 * spec->perplexity) + 1 : n - 1;
    if (t->k > n - 1) t->k = n - 1;
    int threads = pool ? mb_pool_size(pool) : 1;
    t->near = mb_alloc(a, (size_t)n * (size_t)t->k, sizeof *t->near, err);
    t->p = mb_alloc(a, (size_t)n * (size_t)t->k, sizeof *t->p, err);
    t->row = mb_alloc(a, (size_t)threads * (size_t)n, sizeof *t->row, err);
    t->force = mb_alloc(a, 2 * (size_t)n, sizeof(double), err);
    t->z = mb_alloc(a, (size_t)n + 1, sizeof(double), err);
    t->kl = mb_alloc(a, (size_t)n, sizeof(double), err);
    if (!t->near || !t->p || !t->row || !t->force || !t->z || !t->kl) return NULL;
    mb_pool_run(pool, n, affinities_of, t);
    if (!symmetrise(t, err) || !merge(t, err)) return NULL;
    if (spec->theta > 0 && !(t->tree = mb__tree_new(a, n, err))) return NULL;
    return t;
}

double mb_tsne_affinity(const mb_tsne *t, int i, int j)
{
    for (int e = t->begin[i]; e < t->begin[i + 1]; e++)
        if (t->column[e] == j) return t->joint[e];
    return 0;
}

/* ---- gradient ---- */

static void repulsion_of(void *ctx, int i, int thread)
{
    mb_tsne *t = ctx;
    double *force = t->force + 2 * i;
    const double *y = t->y + 2 * i;
    if (t->spec.theta > 0) {
        mb__tree_repulsion(t->tree, y, t->spec.theta, force, &t->z[i]);
        return;
    }
    force[0] = force[1] = t->z[i] = 0;
    for (int j = 0; j < t->n; j++) {
        if (j == i) continue;
        double dx = y[0] - t->y[2 * j], dy = y[1] - t->y[2 * j + 1], q = 1 / (1 + dx * dx + dy * dy);
        t->z[i] += q;
        force[0] += q * q * dx;
        force[1] += q * q * dy;
    }
}

static void gradient_of(void *ctx, int i, int thread)
{
    mb_tsne *t = ctx;
    double pull[2] = { 0, 0 }, z = t->z[t->n], kl = 0;
    for (int e = t->begin[i]; e < t->begin[i + 1]; e++) {
        int j = t->column[e];
        double dx = t->y[2 * i] - t->y[2 * j], dy = t->y[2 * i + 1] - t->y[2 * j + 1], q = 1 / (1 + dx * dx + dy * dy);
        double p = t->joint[e] * t->exaggeration;
        pull[0] += p * q * dx;
        pull[1] += p * q * dy;
        if (p > 0) kl += p * mb_log64(p * z / q);
    }
    for (int c = 0; c < 2; c++) t->gradient[2 * i + c] = 4 * (pull[c] - t->force[2 * i + c] / z);
    t->kl[i] = kl;
}

double mb_tsne_gradient(mb_tsne *t, const double *y, double *gradient)
{
    double sum = 0, kl = 0;
    t->y = y;
    t->gradient = gradient;
    if (t->tree) mb__tree_build(t->tree, y);
    mb_pool_run(t->pool, t->n, repulsion_of, t);
    for (int i = 0; i < t->n; i++) sum += t->z[i];
    t->z[t->n] = sum > TINY ? sum : TINY;
    mb_pool_run(t->pool, t->n, gradient_of, t);
    for (int i = 0; i < t->n; i++) kl += t->kl[i];
    return kl;
}

/* ---- descent: momentum, and a gain of its own for each coordinate (Jacobs 1988) ---- */

bool mb_tsne_run(mb_tsne *t, double *y, volatile const int *stop, double *kl, mb_error *err)
{
    size_t n = 2 * (size_t)t->n;
    double rate = t->spec.rate > 0 ? t->spec.rate : t->n / (4 * EXAGGERATION);
    int early = t->spec.iterations / 3 < EARLY ? t->spec.iterations / 3 : EARLY;
    double *gradient = mb_alloc(t->arena, n, sizeof *gradient, err), *speed = mb_alloc(t->arena, n, sizeof *speed, err);
    double *gain = mb_alloc(t->arena, n, sizeof *gain, err);
    if (!gradient || !speed || !gain) return false;
    if (t->spec.rate == 0 && rate < 50) rate = 50;
    for (size_t i = 0; i < n; i++) gain[i] = 1;
    for (int step = 0; step < t->spec.iterations; step++) {
        double momentum = step < early ? 0.5 : 0.8, mean[2] = { 0, 0 };
        if (stop && *stop) return mb_fail(err, MB_ERR_INTERRUPTED, "t-SNE: stopped after %d of %d iterations", step, t->spec.iterations);
        t->exaggeration = step < early ? EXAGGERATION : 1;
        if (step == early) /* what was gathered under other affinities */
            for (size_t i = 0; i < n; i++) speed[i] = 0, gain[i] = 1;
        mb_tsne_gradient(t, y, gradient);
        for (size_t i = 0; i < n; i++) {
            gain[i] = speed[i] * gradient[i] < 0 ? gain[i] + 0.2 : gain[i] * 0.8;
            if (gain[i] < LEAST_GAIN) gain[i] = LEAST_GAIN;
            speed[i] = momentum * speed[i] - rate * gain[i] * gradient[i];
            y[i] += speed[i];
            mean[i % 2] += y[i] / t->n;
        }
        for (size_t i = 0; i < n; i++) y[i] -= mean[i % 2];
    }
    t->exaggeration = 1;
    *kl = mb_tsne_gradient(t, y, gradient);
    if (*kl != *kl) return mb_fail(err, MB_ERR_NUMERIC, "t-SNE: the map is not finite; a smaller rate may help");
    return true;
}
