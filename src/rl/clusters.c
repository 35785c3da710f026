/* Clusters, hulls, and how well a map keeps neighbours. */
#include "matchbox/embedding.h"
#include <math.h>

enum { LLOYD = 300, BEGINNINGS = 10 };

static double square_distance(const double *a, const double *b, int d)
{
    double sum = 0;
    for (int i = 0; i < d; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

/* ---- k-means ---- */

static double assign(const double *x, int n, int d, int k, const double *center, int *label, bool *moved)
{
    double inertia = 0;
    *moved = false;
    for (int i = 0; i < n; i++) {
        int best = 0;
        double least = HUGE_VAL;
        for (int c = 0; c < k; c++) {
            double s = square_distance(x + (size_t)i * (size_t)d, center + (size_t)c * (size_t)d, d);
            if (s < least) least = s, best = c;
        }
        *moved = *moved || label[i] != best;
        label[i] = best;
        inertia += least;
    }
    return inertia;
}

double mb_kmeans_from(const double *x, int n, int d, int k, double *center, int *label)
{
    bool moved;
    for (int i = 0; i < n; i++) label[i] = -1;
    for (int round = 0; round < LLOYD; round++) {
        assign(x, n, d, k, center, label, &moved);
        if (!moved) break;
        for (int c = 0; c < k; c++) {
            int count = 0;
            double *to = center + (size_t)c * (size_t)d;
            for (int i = 0; i < n; i++) count += label[i] == c;
            for (int j = 0; j < d && count > 0; j++) {
                double sum = 0;
                for (int i = 0; i < n; i++)
                    if (label[i] == c) sum += x[(size_t)i * (size_t)d + (size_t)j];
                to[j] = sum / count;
            }
        }
    }
    return assign(x, n, d, k, center, label, &moved);
}

/* k-means++: each next center is a point, drawn by its squared distance to those there are. */
static void begin_at(const double *x, int n, int d, int k, mb_rng *r, double *center, double *away)
{
    for (int c = 0; c < k; c++) {
        double all = 0;
        int chosen = c == 0 ? mb_below(r, n) : n - 1;
        for (int i = 0; i < n && c > 0; i++) {
            double s = square_distance(x + (size_t)i * (size_t)d, center + (size_t)(c - 1) * (size_t)d, d);
            if (c == 1 || s < away[i]) away[i] = s;
            all += away[i];
        }
        double u = c > 0 ? mb_uniform64(r) * all : 0;
        for (int i = 0; i < n && c > 0; i++) {
            if (u < away[i]) {
                chosen = i;
                break;
            }
            u -= away[i];
        }
        for (int j = 0; j < d; j++) center[(size_t)c * (size_t)d + (size_t)j] = x[(size_t)chosen * (size_t)d + (size_t)j];
    }
}

bool mb_kmeans(mb_arena *a, const double *x, int n, int d, int k, uint64_t seed, double *center, int *label, double *inertia, mb_error *err)
{
    if (k < 1 || k > n) return mb_fail(err, MB_ERR_RANGE, "k-means: %d clusters of %d points", k, n);
    size_t mark = mb_arena_mark(a), bytes = (size_t)k * (size_t)d;
    double *away = mb_alloc(a, (size_t)n, sizeof *away, err), *now = mb_alloc(a, bytes, sizeof *now, err);
    int *of = mb_alloc(a, (size_t)n, sizeof *of, err);
    if (!away || !now || !of) return false;
    mb_rng r = mb_rng_make(seed, "kmeans", 0);
    *inertia = HUGE_VAL;
    for (int b = 0; b < BEGINNINGS; b++) {
        begin_at(x, n, d, k, &r, now, away);
        double s = mb_kmeans_from(x, n, d, k, now, of);
        if (!(s < *inertia)) continue;
        *inertia = s;
        for (size_t i = 0; i < bytes; i++) center[i] = now[i];
        for (int i = 0; i < n; i++) label[i] = of[i];
    }
    mb_arena_release(a, mark);
    return true;
}

/* ---- convex hull: Andrew's monotone chain ---- */

static bool before(const double *y, int a, int b)
{
    return y[2 * a] < y[2 * b] || (y[2 * a] == y[2 * b] && (y[2 * a + 1] < y[2 * b + 1] || (y[2 * a + 1] == y[2 * b + 1] && a < b)));
}

static double turn(const double *y, int o, int a, int b)
{
    return (y[2 * a] - y[2 * o]) * (y[2 * b + 1] - y[2 * o + 1]) - (y[2 * a + 1] - y[2 * o + 1]) * (y[2 * b] - y[2 * o]);
}

/* The next point after `last` in order; -1: none. */
static int next_in_order(const double *y, const int *member, int n, int last, bool down)
{
    int best = -1;
    for (int i = 0; i < n; i++) {
        int m = member[i];
        bool beyond = last < 0 || (down ? before(y, m, last) : before(y, last, m));
        if (beyond && (best < 0 || (down ? before(y, best, m) : before(y, m, best)))) best = m;
    }
    return best;
}

int mb_convex_hull(const double *y, const int *member, int n, int *corner)
{
    int k = 0;
    for (int half = 0; half < 2; half++) {
        int floor_at = k, last = -1;
        for (int m; (m = next_in_order(y, member, n, last, half == 1)) >= 0; last = m) {
            if (half == 1 && last < 0 && k > 0) continue; /* the rightmost is there already */
            while (k - floor_at >= (half ? 1 : 2) && k >= 2 && turn(y, corner[k - 2], corner[k - 1], m) <= 0) k--;
            corner[k++] = m;
        }
    }
    if (k > 1 && corner[k - 1] == corner[0]) k--;
    return k;
}

/* ---- neighbours ---- */

/* The k nearest of point i in y, nearest first, the earlier of equal ones first. */
static void neighbours(const double *y, int n, int d, int i, int k, int *near, double *away)
{
    int m = 0;
    for (int j = 0; j < n; j++) {
        double s = square_distance(y + (size_t)i * (size_t)d, y + (size_t)j * (size_t)d, d);
        if (j == i || (m == k && !(s < away[k - 1]))) continue;
        int at = m < k ? m++ : k - 1;
        for (; at > 0 && s < away[at - 1]; at--) near[at] = near[at - 1], away[at] = away[at - 1];
        near[at] = j, away[at] = s;
    }
}

enum { NEAR_MOST = 256 };
struct trust { const double *x, *y; int n, d, k; double *sum; };

static void trust_of(void *ctx, int job, int thread)
{
    struct trust *t = ctx;
    int near[NEAR_MOST];
    double away[NEAR_MOST];
    for (int i = job; i < t->n; i += 64) {
        neighbours(t->y, t->n, 2, i, t->k, near, away);
        for (int a = 0; a < t->k; a++) {
            double s = square_distance(t->x + (size_t)i * (size_t)t->d, t->x + (size_t)near[a] * (size_t)t->d, t->d);
            int rank = 1;
            for (int j = 0; j < t->n; j++) {
                if (j == i || j == near[a]) continue;
                double o = square_distance(t->x + (size_t)i * (size_t)t->d, t->x + (size_t)j * (size_t)t->d, t->d);
                rank += o < s || (o == s && j < near[a]);
            }
            if (rank > t->k) t->sum[job] += rank - t->k;
        }
    }
}

double mb_trustworthiness(mb_pool *pool, const double *x, int n, int d, const double *y, int k)
{
    double part[64] = { 0 }, sum = 0;
    struct trust t = { x, y, n, d, k < NEAR_MOST ? k : NEAR_MOST, part };
    mb_pool_run(pool, 64, trust_of, &t);
    for (int i = 0; i < 64; i++) sum += part[i];
    return 1 - 2 * sum / ((double)n * t.k * (2.0 * n - 3.0 * t.k - 1));
}

double mb_neighbour_purity(const double *y, int n, int d, const int *label, int k)
{
    int near[NEAR_MOST], same = 0;
    double away[NEAR_MOST];
    if (k > NEAR_MOST) k = NEAR_MOST;
    for (int i = 0; i < n; i++) {
        neighbours(y, n, d, i, k, near, away);
        for (int a = 0; a < k; a++) same += label[near[a]] == label[i];
    }
    return (double)same / ((double)n * k);
}
