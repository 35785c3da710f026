/* rl/tune.h - the mathematics of searching for good settings: Parzen estimators, Gaussian processes, successive halving,
   population-based training.  A point lies in the unit cube: a numeric dimension is a number of [0, 1], one with
   `choices` > 0 is an index 0 .. choices-1 kept as a double.  Values are to be maximised. */
#ifndef MB_RL_TUNE_H
#define MB_RL_TUNE_H
#include "matchbox/core.h"

double mb__normal_pdf(double x);
double mb__erf(double x);        /* absolute error below 1e-15 */
double mb__normal_cdf(double x);

/* ---- tree-structured Parzen estimators (Bergstra et al. 2011) ----
   The density of one dimension: a mixture of normals cut off outside [0, 1], one at each observation and a wide one in the
   middle (the prior); for choices, of smoothed counts.  Widths: the greater distance to a neighbour, at least
   1/min(100, n + 2).  Beyond 25 observations the oldest weigh less.  The rules are those of Optuna's sampler. */

typedef struct mb__parzen {
    int n, choices;              /* components; the last is the prior */
    double *mu, *sigma, *weight; /* [n] */
    double *p;                   /* [choices] */
} mb__parzen;

bool mb__parzen_fit(mb_arena *a, const double *x, int n, int choices, mb__parzen *out, mb_error *err);
double mb__parzen_log(const mb__parzen *p, double x); /* log density (probability, for choices) */
double mb__parzen_draw(const mb__parzen *p, mb_rng *r);
/* How many of n observations count as good: a tenth, at least one, at most 25. */
int mb__tpe_good(int n);
/* The candidate (of `draws` from `good`) with the greatest good/bad ratio. */
double mb__tpe_draw(const mb__parzen *good, const mb__parzen *bad, int draws, mb_rng *r);

/* ---- Gaussian processes (Rasmussen & Williams 2006, ch. 2 and 5) ----
   Squared exponential covariance, one length scale per dimension, plus noise; values are standardised inside. */

enum { MB__GP_DIMS = 32 };
typedef struct mb__gp {
    int n, d;
    const double *x;             /* [n][d] the caller's */
    const int *choices;          /* [d] the caller's; 0: numeric */
    double *y;                   /* [n] standardised */
    double mean, scale;          /* of the values */
    double length[MB__GP_DIMS], signal, noise; /* length scales and variances */
    double *chol;                /* [n][n] lower triangle of the Cholesky factor */
    double *alpha;               /* [n] inverse covariance times y */
} mb__gp;

bool mb__gp_new(mb_arena *a, const double *x, const double *y, int n, int d, const int *choices, mb__gp *out, mb_error *err);
/* Condition on the data with the present length, signal and noise; the log marginal likelihood of the standardised values
   (minus infinity: the matrix is not positive definite). */
double mb__gp_condition(mb__gp *g);
/* Choose length, signal and noise by their posterior: log-normal priors (medians 0.5, 1, 0.05; widths 1, 1, 1.5), a pattern
   search from the medians.  The log posterior, without constants. */
double mb__gp_fit(mb__gp *g);
/* Posterior mean and variance of the noise-free value at x, in the units of the values.  scratch: [n]. */
void mb__gp_at(const mb__gp *g, const double *x, double *scratch, double *mean, double *variance);
/* E max(f - best, 0) (Mockus 1978; Jones et al. 1998). */
double mb__expected_improvement(double mean, double sd, double best);
/* Functional analysis of variance of the posterior mean over the unit cube (Sobol 1993; for Gaussian processes Oakley &
   O'Hagan 2004): the share of its variance that each dimension explains alone, and with its interactions.  Closed form. */
void mb__gp_importance(const mb__gp *g, double *alone, double *total);

/* ---- asynchronous successive halving (Li et al. 2020) ---- */

/* The rungs from `least` to `most` by factors of eta; the last is `most`.  The number of them, at most `cap`. */
int mb__asha_rungs(int64_t least, int64_t most, int eta, int64_t *out, int cap);
/* The best of the n trials of one rung that are among its best n/eta (rounded down) and not yet promoted; -1: none.  Of
   equal values the earlier is better; NaN is worst and is never promoted. */
int mb__asha_promote(const double *value, const bool *promoted, int n, int eta);

/* ---- population-based training (Jaderberg et al. 2017) ---- */

/* Truncation selection: who is in the worst `fraction` copies a random one of the best.  parent[i] == i: goes on. */
void mb__pbt_exploit(const double *value, int n, double fraction, mb_rng *r, int *parent);
/* A hyperparameter of the copy: with probability 1/4 drawn anew, else times 0.8 or 1.2, within [lo, hi]. */
double mb__pbt_explore(double value, double lo, double hi, double anew, mb_rng *r);

/* Positions of the n values, best first; NaN last, of equal ones the earlier first. */
void mb__rank(const double *value, int n, int *order);

#endif
