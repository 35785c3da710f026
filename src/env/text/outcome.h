/* Small finite environments as tables: what can happen from a state, with its probability.  The tests compare these
   tables with the reference's, and `step` draws from them. */
#ifndef MATCHBOX_ENV_TEXT_OUTCOME_H
#define MATCHBOX_ENV_TEXT_OUTCOME_H
#include "matchbox/env.h"

enum { MAX_OUTCOMES = 3 };
struct outcome { double probability; int next; float reward; bool terminated; };

/* One of n outcomes; a certain one uses no random number. */
static inline struct outcome outcome_draw(const struct outcome *o, int n, mb_rng *rng)
{
    if (n == 1) return o[0];
    double u = mb_uniform64(rng), sum = 0;
    int i = 0;
    while (i < n - 1 && (sum += o[i].probability) <= u) i++;
    return o[i];
}
/* The same as mb_env_def.model tells it. */
static inline int outcome_model(const struct outcome *o, int n, mb_outcome *out, int max)
{
    for (int i = 0; i < n && i < max; i++) out[i] = (mb_outcome){ o[i].probability, o[i].next, o[i].reward, o[i].terminated };
    return n;
}
#endif
