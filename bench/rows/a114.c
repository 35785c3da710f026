/* Row A114: a population of asymmetric learners.  Rewards of seven sizes; 40 cells with rates tau and 1 - tau (tau evenly between 0 and 1)
   against 40 classical cells with rates of their own but no asymmetry.  What the population speaks of is decoded from where the cells come
   to rest.  kind: distributional or classical. */
#include "row.h"
#include "matchbox/distributional.h"
#include <math.h>

enum { CELLS = 40, SIZES = 7, TRIALS = 200000, GRID = 400 };
static const double size[SIZES] = { 0.1, 0.3, 1.2, 2.5, 5, 10, 20 };

/* Spearman's correlation of tau (ascending) with v. */
static double rank_correlation(const double *v)
{
    double sum = 0;
    for (int i = 0; i < CELLS; i++) {
        double rank = 0;
        for (int k = 0; k < CELLS; k++) rank += v[k] < v[i] ? 1 : v[k] <= v[i] && k != i ? 0.5 : 0;
        sum += (rank - i) * (rank - i);
    }
    return 1 - 6 * sum / (CELLS * (CELLS * (double)CELLS - 1));
}

/* The decoded distribution function at x: 0 below the first cell, 1 above the last. */
static double decoded(const double *v, const double *cdf, double x)
{
    if (x < v[0]) return 0;
    for (int i = 0; i + 1 < CELLS; i++)
        if (x < v[i + 1]) return cdf[i];
    return 1;
}

int main(int argc, char **argv)
{
    bool classical = argc > 1 && !strcmp(argv[1], "classical");
    mb_rng rng = mb_rng_make(row_seed(argc, argv), "a114", 0);
    double p[SIZES], v[CELLS] = { 0 }, tau[CELLS], even[CELLS], rest[CELLS] = { 0 }, cdf[CELLS], sum = 0, mean = 0, off = 0, low = 1e9, high = -1e9;
    for (int i = 0; i < SIZES; i++) sum += p[i] = 0.5 + mb_uniform64(&rng); /* each seed has a distribution of its own */
    for (int i = 0; i < SIZES; i++) p[i] /= sum;
    for (int i = 0; i < CELLS; i++) tau[i] = (i + 0.5) / CELLS, even[i] = 0.5;
    for (int t = 0; t < TRIALS; t++) {
        int k = 0;
        for (double u = mb_uniform64(&rng); k + 1 < SIZES && u >= p[k]; k++) u -= p[k];
        double x = size[k];
        mb_asymmetric_learn(v, classical ? even : tau, CELLS, x, 0.02);
        mean += x / TRIALS;
        for (int i = 0; i < CELLS && t >= TRIALS / 4; i++) rest[i] += v[i] / (TRIALS - TRIALS / 4);
    }
    for (int i = 0; i < CELLS; i++) {
        off += fabs(rest[i] - mb_expectile(size, p, SIZES, tau[i])) / CELLS;
        low = fmin(low, rest[i]), high = fmax(high, rest[i]);
    }
    double x[GRID + 1], f[GRID + 1], g[GRID + 1];
    if (!classical) mb_expectiles_decode(rest, tau, CELLS, mean, cdf);
    for (int k = 0; k <= GRID; k++) {
        x[k] = 21.0 * k / GRID, f[k] = 0;
        for (int i = 0; i < SIZES; i++) f[k] += size[i] <= x[k] ? p[i] : 0;
        g[k] = classical ? x[k] >= rest[0] : decoded(rest, cdf, x[k]);
    }
    row_print(4, (const char *const[]){ "correlation", "spread", "expectile_error", "wasserstein" },
              (double[]){ classical ? 0 : rank_correlation(rest), high - low, off, mb_wasserstein(x, f, g, GRID + 1) });
    return 0;
}
