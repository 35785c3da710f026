/* matchbox/search.h - searching without gradients: the covariance matrix adaptation evolution strategy.  Rank 3 (layer: rl). */
#ifndef MATCHBOX_SEARCH_H
#define MATCHBOX_SEARCH_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* CMA-ES (Hansen 2016, arXiv:1604.00772: figure 6, default parameters of table 1 with positive weights alone, as in Hansen and Ostermeier 2001):
   a normal distribution whose mean, step size and covariance follow the better half of what was drawn from it.  All of its state is in the
   scope's store.  For up to some tens of numbers: each generation solves an eigenproblem. */
typedef struct mb_cma mb_cma;
/* n numbers, beginning around start [n] (NULL: zeros) with deviation sigma; population 0: 4 + 3 ln n.  MB_ERR_RANGE: fewer than two, or sigma not
   positive. */
MB_API mb_cma *mb_cma_new(mb_scope *s, const char *name, int n, int population, const double *start, double sigma, mb_error *err);
MB_API int mb_cma_population(const mb_cma *c);
/* A new population [population, n], valid until the next call. */
MB_API const double *mb_cma_ask(mb_cma *c);
/* Losses [population] of points x [population, n], usually those that were asked for: the distribution moves.  A NaN counts as the worst. */
MB_API void mb_cma_tell(mb_cma *c, const double *x, const double *loss);
MB_API const double *mb_cma_mean(const mb_cma *c);       /* [n] */
MB_API double mb_cma_sigma(const mb_cma *c);
MB_API const double *mb_cma_covariance(const mb_cma *c); /* [n, n], without sigma^2 */

#ifdef __cplusplus
}
#endif
#endif
