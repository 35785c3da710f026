/* Principal components by orthogonal iteration on the centred data, then a small symmetric eigenproblem by Jacobi's rotations
   (Golub & Van Loan, 8.2 and 8.5). */
#include "matchbox/embedding.h"
#include "rl/eigen.h"
#include <math.h>

enum { EXTRA = 10, ROUNDS = 300 };

struct pca {
    const double *x;
    int n, d, m;        /* m: directions at work */
    double *mean;       /* [d] */
    double *q;          /* [m][d] orthonormal directions */
    double *z;          /* [n][m] projections */
    double *next;       /* [m][d] */
};

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

static void project_row(void *ctx, int i, int thread)
{
    struct pca *p = ctx;
    const double *row = p->x + (size_t)i * (size_t)p->d;
    for (int k = 0; k < p->m; k++) {
        const double *q = p->q + (size_t)k * (size_t)p->d;
        double sum = 0;
        for (int j = 0; j < p->d; j++) sum += (row[j] - p->mean[j]) * q[j];
        p->z[(size_t)i * (size_t)p->m + (size_t)k] = sum;
    }
}

static void accumulate_direction(void *ctx, int k, int thread)
{
    struct pca *p = ctx;
    double *to = p->next + (size_t)k * (size_t)p->d;
    for (int j = 0; j < p->d; j++) to[j] = 0;
    for (int i = 0; i < p->n; i++) {
        double w = p->z[(size_t)i * (size_t)p->m + (size_t)k];
        const double *row = p->x + (size_t)i * (size_t)p->d;
        for (int j = 0; j < p->d; j++) to[j] += w * (row[j] - p->mean[j]);
    }
}

/* Gram-Schmidt, twice for accuracy; a direction that vanishes becomes a unit vector that is not there yet. */
static void orthonormalise(double *v, int m, int d)
{
    for (int k = 0; k < m; k++) {
        double *a = v + (size_t)k * (size_t)d, before = sqrt(dot(a, a, d));
        for (int again = 0; again < 2; again++)
            for (int e = 0; e < k; e++) {
                const double *b = v + (size_t)e * (size_t)d;
                double s = dot(a, b, d);
                for (int j = 0; j < d; j++) a[j] -= s * b[j];
            }
        double length = sqrt(dot(a, a, d));
        bool gone = !(length > 1e-12 * before) || !(length > 1e-290);
        for (int j = 0; j < d; j++) a[j] = gone ? 0 : a[j] / length;
    }
}

/* Rayleigh-Ritz: turn the directions into the best ones of their span; the change of the first k variances. */
static double ritz(struct pca *p, mb_pool *pool, double *gram, double *vectors, double *value, double *old, int k)
{
    int m = p->m, d = p->d;
    double change = 0;
    mb_pool_run(pool, p->n, project_row, p);
    for (int a = 0; a < m; a++)
        for (int b = 0; b <= a; b++) {
            double sum = 0;
            for (int i = 0; i < p->n; i++) sum += p->z[(size_t)i * (size_t)m + (size_t)a] * p->z[(size_t)i * (size_t)m + (size_t)b];
            gram[a * m + b] = gram[b * m + a] = sum;
        }
    mb__eigen(gram, vectors, value, m);
    for (int a = 0; a < m; a++)
        for (int j = 0; j < d; j++) {
            double sum = 0;
            for (int b = 0; b < m; b++) sum += vectors[b * m + a] * p->q[(size_t)b * (size_t)d + (size_t)j];
            p->next[(size_t)a * (size_t)d + (size_t)j] = sum;
        }
    for (int i = 0; i < m * d; i++) p->q[i] = p->next[i];
    for (int a = 0; a < k; a++) {
        change = fmax(change, fabs(value[a] - old[a]) / (value[0] > 0 ? value[0] : 1));
        old[a] = value[a];
    }
    return change;
}

bool mb_pca(mb_arena *arena, mb_pool *pool, const double *x, int n, int d, int k, double *out, double *share, mb_error *err)
{
    int least = n < d ? n : d;
    if (k < 1 || k > least) return mb_fail(err, MB_ERR_RANGE, "principal components: %d of a table of %d x %d", k, n, d);
    struct pca p = { .x = x, .n = n, .d = d, .m = k + EXTRA < least ? k + EXTRA : least };
    size_t mark = mb_arena_mark(arena), m = (size_t)p.m;
    p.mean = mb_alloc(arena, (size_t)d, sizeof(double), err);
    p.q = mb_alloc(arena, m * (size_t)d, sizeof(double), err);
    p.next = mb_alloc(arena, m * (size_t)d, sizeof(double), err);
    p.z = mb_alloc(arena, m * (size_t)n, sizeof(double), err);
    double *gram = mb_alloc(arena, 2 * m * m + 2 * m, sizeof(double), err);
    if (!p.mean || !p.q || !p.next || !p.z || !gram) return false;
    double *vectors = gram + m * m, *value = vectors + m * m, *old = value + m, all = 0;
    for (int j = 0; j < d; j++)
        for (int i = 0; i < n; i++) p.mean[j] += x[(size_t)i * (size_t)d + (size_t)j] / n;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < d; j++) {
            double v = x[(size_t)i * (size_t)d + (size_t)j] - p.mean[j];
            all += v * v;
        }
    mb_rng r = mb_rng_make(1, "pca", 0);
    for (size_t i = 0; i < m * (size_t)d; i++) p.q[i] = (double)mb_normal(&r);
    orthonormalise(p.q, p.m, d);
    for (int round = 0; round < ROUNDS; round++) {
        if (ritz(&p, pool, gram, vectors, value, old, k) < 1e-14 && round > 1) break;
        mb_pool_run(pool, n, project_row, &p);
        mb_pool_run(pool, p.m, accumulate_direction, &p);
        for (size_t i = 0; i < m * (size_t)d; i++) p.q[i] = p.next[i];
        orthonormalise(p.q, p.m, d);
    }
    for (int a = 0; a < k; a++) { /* signs that do not depend on the beginning */
        double *q = p.q + (size_t)a * (size_t)d, most = 0;
        for (int j = 0; j < d; j++)
            if (fabs(q[j]) > fabs(most) + 1e-12) most = q[j];
        for (int j = 0; j < d && most < 0; j++) q[j] = -q[j];
    }
    mb_pool_run(pool, n, project_row, &p);
    for (int i = 0; i < n; i++)
        for (int a = 0; a < k; a++) out[(size_t)i * (size_t)k + (size_t)a] = p.z[(size_t)i * m + (size_t)a];
    for (int a = 0; share && a < k; a++) share[a] = all > 0 ? value[a] / all : 0;
    mb_arena_release(arena, mark);
    return true;
}
