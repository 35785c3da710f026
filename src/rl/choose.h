/* choose.h - picking among allowed choices: at random, or the best. */
#ifndef MB_RL_CHOOSE_H
#define MB_RL_CHOOSE_H
#include "matchbox/core.h"

/* Any of the allowed; when none is, any at all. */
static inline int mb__any_allowed(mb_rng *rng, const uint8_t *allowed, int n)
{
    int count = 0, i = 0;
    for (int k = 0; k < n; k++) count += allowed[k] != 0;
    if (count == 0) return mb_below(rng, n);
    for (int left = mb_below(rng, count); !allowed[i] || left-- > 0;) i++;
    return i;
}

/* The first of the best allowed; 0 when none is. */
static inline int mb__best_allowed(const float *v, const uint8_t *allowed, int n)
{
    int at = -1;
    for (int i = 0; i < n; i++)
        if (allowed[i] && (at < 0 || v[i] > v[at])) at = i;
    return at < 0 ? 0 : at;
}
#endif
