/* matchbox/stats.h - statistics of results: aggregates, bootstrap intervals, tests.  Rank 5 (layer: run).
   Definitions follow Agarwal et al., "Deep RL at the edge of the statistical precipice" (2021), whose library rliable they
   agree with, and SciPy; tests/reference/run_stats.py makes the numbers they are tested against.  A matrix of scores is
   [ntasks][nseeds].  Scratch memory comes from the caller's arena and is given back.  Where a number does not exist (no
   values, fewer than two for a variance) the result is NaN. */
#ifndef MATCHBOX_STATS_H
#define MATCHBOX_STATS_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- aggregates ---- */

MB_API void mb_sort(double *x, int n); /* ascending, in place; NaN not allowed */
MB_API double mb_stat_mean(const double *x, int n);
MB_API double mb_stat_variance(const double *x, int n); /* of a sample: divided by n - 1 */
/* q in [0, 1] of values in ascending order, straight lines between them (NumPy's default) */
MB_API double mb_stat_quantile(const double *sorted, int n, double q);
/* The three below sort x. */
MB_API double mb_stat_median(double *x, int n);
/* Interquartile mean: floor(n/4) values fall away at either end (SciPy's trim_mean(x, 0.25)). */
MB_API double mb_stat_iqm(double *x, int n);
/* Mean of min(x, target) short of the target. */
MB_API double mb_optimality_gap(const double *x, int n, double target);

typedef enum mb_statistic { MB_STAT_IQM, MB_STAT_MEAN, MB_STAT_MEDIAN } mb_statistic;
MB_API double mb_statistic_of(mb_statistic s, double *x, int n); /* may sort x */

/* Share of pairs in which X is above Y, ties counting half, averaged over tasks.  x: [ntasks][nx], y: [ntasks][ny]. */
MB_API double mb_probability_of_improvement(const double *x, int nx, const double *y, int ny, int ntasks);
/* Performance profile: out[i] is the share of runs whose score is above tau[i]. */
MB_API void mb_performance_profile(const double *x, int n, const double *tau, int ntau, double *out);

/* Unbiased pass@k of n samples with c right (Chen et al. 2021): 1 - C(n-c, k) / C(n, k).  NaN unless 0 <= c <= n, 1 <= k <= n. */
MB_API double mb_pass_at_k(int n, int c, int k);

/* Agreement of two readers of the same n items, labels 0 .. nlabels-1.  kappa = (agreement - chance) / (1 - chance) (Cohen
   1960); NaN when chance is 1.  False: a label is out of range or n < 1. */
typedef struct mb_agreement { double agreement, chance, kappa; } mb_agreement;
MB_API bool mb_cohen_kappa(const int *a, const int *b, int n, int nlabels, mb_agreement *out, mb_error *err);

/* ---- bootstrap ---- */

typedef struct mb_interval { double lo, hi; } mb_interval;
/* x: [n] may be rearranged, n_b as well; a statistic of one sample (b NULL) or of two. */
typedef double mb_bootstrap_fn(void *ctx, double *a, int na, double *b, int nb);
typedef struct mb_bootstrap {
    int resamples;   /* 0: 10000 */
    double level;    /* of the interval, 0: 0.95 */
    uint64_t seed;
    bool paired;     /* a and b are drawn with the same indices: [ntasks][n] each */
} mb_bootstrap;
/* Percentile interval of fn over resamples drawn with replacement within each task (stratified).  a: [ntasks][na]; b may be
   NULL with nb 0.  fn sees all tasks of a resample one after the other. */
MB_API bool mb_bootstrap_interval(const mb_bootstrap *o, mb_bootstrap_fn *fn, void *ctx, const double *a, int na, const double *b,
                                  int nb, int ntasks, mb_arena *arena, mb_interval *out, mb_error *err);
/* Of one statistic of one sample. */
MB_API bool mb_bootstrap_statistic(const mb_bootstrap *o, mb_statistic s, const double *x, int nseeds, int ntasks, mb_arena *arena,
                                   mb_interval *out, mb_error *err);

/* ---- tests ---- */

typedef enum mb_alternative { MB_TWO_SIDED, MB_GREATER, MB_LESS } mb_alternative;
/* Paired permutation test of the differences d = x - y: is their mean 0, given that their signs are arbitrary?  Exact up to 16
   pairs (all 2^n signs), else 100,000 random sign patterns and p = (hits + 1) / (patterns + 1).  As SciPy's
   permutation_test(permutation_type="samples"). */
MB_API double mb_permutation_test(const double *d, int n, mb_alternative alternative, uint64_t seed);
/* Welch's t test: unequal variances.  p is NaN when either sample has fewer than two values or both do not vary. */
typedef struct mb_welch { double t, degrees, p; } mb_welch;
MB_API mb_welch mb_welch_test(const double *x, int nx, const double *y, int ny, mb_alternative alternative);
/* Holm's step-down correction: p values of n tests to be read together.  adjusted may be p.  n <= 64. */
MB_API void mb_holm(const double *p, int n, double *adjusted);

/* Student's t distribution: P(T <= t), and its inverse for q in (0, 1); degrees > 0, need not be whole. */
MB_API double mb_student_cdf(double t, double degrees);
MB_API double mb_student_quantile(double q, double degrees);

#ifdef __cplusplus
}
#endif
#endif
