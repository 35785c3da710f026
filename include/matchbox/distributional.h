/* matchbox/distributional.h - distributions of returns in numbers that can be checked: expectiles and what they say about a distribution,
   two-atom dynamic programming, the maximum mean discrepancy of samples.  Rank 3 (layer: rl).  Arithmetic is in double but in graphs. */
#ifndef MATCHBOX_DISTRIBUTIONAL_H
#define MATCHBOX_DISTRIBUTIONAL_H
#include "matchbox/graph.h"
#include "matchbox/tabular.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- expectiles: a population of optimistic and pessimistic learners (Dabney et al. 2020; Newey & Powell 1987) ---- */

/* Each of n values moves towards x: by rate * tau[i] * (x - v[i]) when it was too low, by rate * (1 - tau[i]) * (x - v[i]) when it was
   too high.  With small rates v[i] comes to rest around the tau[i]-expectile of x; tau 1/2 is classical TD. */
MB_API void mb_asymmetric_learn(double *v, const double *tau, int n, double x, double rate);
/* The tau-expectile of the distribution with probability p[i] at x[i]: the e with tau E(x - e)+ = (1 - tau) E(e - x)+. */
MB_API double mb_expectile(const double *x, const double *p, int n, double tau);
/* The distribution that n expectiles v (tau ascending, none 1/2) of a distribution with this mean speak of.  E(e - x)+ = tau (mean - e) /
   (1 - 2 tau) is known at every v[i]; its slope between two of them is the distribution function there.  cdf [n - 1]: the probability of
   x <= points between v[i] and v[i + 1], made monotone by least squares.  v must ascend; equal neighbours are joined. */
MB_API void mb_expectiles_decode(const double *v, const double *tau, int n, double mean, double *cdf);
/* The nearest ascending sequence: sum w (y - x)^2 least (pool adjacent violators; Ayer et al. 1955).  In place; w > 0. */
MB_API void mb_isotonic(double *x, const double *w, int n);
/* The 1-Wasserstein distance of two distributions on the same ascending points: F and G are the probabilities of [x[i], x[i + 1]). */
MB_API double mb_wasserstein(const double *x, const double *f, const double *g, int n);

/* ---- two-atom distributional dynamic programming (Achab & Neu 2021, arXiv:2112.15430) ----
   The return from each state is kept as two numbers: low, its mean in the worst share alpha of outcomes, and high, its mean in the rest.
   alpha low + (1 - alpha) high is the value. */

/* low and high of n atoms x of mass p (adding up to 1): the average of the lowest alpha, and of the rest.  order [n]: room. */
MB_API void mb_two_atoms(const double *x, const double *p, int n, double alpha, int *order, double *low, double *high);
typedef struct mb_two_atom { double alpha, gamma, *low, *high; /* [nstates] */
                             double *x, *p; int *order, room; } mb_two_atom;
/* Room for the model, from `a`; all atoms begin at 0. */
MB_API bool mb_two_atom_new(mb_two_atom *d, mb_arena *a, const mb_mdp *m, double alpha, double gamma, mb_error *err);
/* The two atoms of taking action a in s. */
MB_API void mb_two_atom_action(mb_two_atom *d, const mb_mdp *m, int s, int a, double *low, double *high);
/* One sweep for a policy [nstates, nactions], all states at once from the old atoms: next_low, next_high [nstates].  Returns the largest
   change; a contraction by gamma in that measure. */
MB_API double mb_two_atom_sweep(mb_two_atom *d, const mb_mdp *m, const double *policy, double *next_low, double *next_high);
/* Among the actions that are best on the average (values q [nstates, nactions], to within slack): always the one whose worst share is best
   (safe) or whose rest is best.  Sweeps until nothing changes by more than tolerance; policy receives the choice.  Returns the sweeps. */
MB_API int mb_two_atom_control(mb_two_atom *d, const mb_mdp *m, const double *q, double slack, bool safe, double tolerance, int max_sweeps,
                               double *policy, double *next_low, double *next_high);

/* ---- maximum mean discrepancy (Gretton et al. 2012), of vectors ---- */

/* MMD^2 of two samples x [B, M, N] and y [B, K, N] of vectors, for each of B, with the sum of Gaussian kernels exp(-|x - y|^2 / w) over the
   given widths w (biased estimate, 0 for equal samples): [B].  Gradients flow into both: mb_stop what is a target. */
MB_API mb_var mb_mmd2(mb_var x, mb_var y, const float *widths, int n);

#ifdef __cplusplus
}
#endif
#endif
