/* ope.h - off-policy evaluation on a short random walk whose exact value is known (row A110). */
#ifndef OPE_H
#define OPE_H
#include "agent.h"
#include <math.h>

enum { OPE_STATES = 5, OPE_MAX = 4096 };
#define OPE_RIGHT 0.7 /* the target policy goes right with this chance, the behaviour with 1/2 */

/* One episode of the behaviour policy: rewards and importance ratios. */
static inline int ope_episode(mb_rng *rng, double *r, double *rho)
{
    int at = OPE_STATES / 2, t = 0;
    while (at >= 0 && at < OPE_STATES && t < OPE_MAX) {
        int right = (int)(mb_rand(rng) & 1);
        at += right ? 1 : -1;
        rho[t] = (right ? OPE_RIGHT : 1 - OPE_RIGHT) / 0.5;
        r[t++] = (right ? 1 : -1) / (OPE_STATES / 2 + 1.0); /* adds up to 1 or -1 where the walk ends */
    }
    return t;
}

/* The value of the start under the target policy: gambler's ruin. */
static inline double ope_exact(void)
{
    double ruin = (1 - OPE_RIGHT) / OPE_RIGHT, wins = (1 - pow(ruin, OPE_STATES / 2 + 1)) / (1 - pow(ruin, OPE_STATES + 1));
    return 2 * wins - 1;
}

struct ope_result { double bias[3], rmse[3], error[3]; /* ordinary, weighted, per decision; standard error of the bias */ };

/* Estimates from `episodes` episodes each, over many repetitions. */
static inline struct ope_result ope_measure(int episodes, int repetitions, uint64_t seed)
{
    static double r[OPE_MAX], rho[OPE_MAX];
    struct ope_result out = { 0 };
    for (int k = 0; k < repetitions; k++) {
        mb_rng rng = mb_rng_make(seed, "ope", (uint64_t)k);
        mb_ope x = { 0 };
        for (int i = 0; i < episodes; i++) mb_ope_add(&x, r, rho, ope_episode(&rng, r, rho), 1);
        double estimate[3] = { x.ordinary, x.weighted, x.per_decision };
        for (int j = 0; j < 3; j++) {
            out.bias[j] += estimate[j] - ope_exact();
            out.rmse[j] += (estimate[j] - ope_exact()) * (estimate[j] - ope_exact());
        }
    }
    for (int j = 0; j < 3; j++) {
        out.bias[j] /= repetitions;
        out.rmse[j] = sqrt(out.rmse[j] / repetitions);
        out.error[j] = out.rmse[j] / sqrt(repetitions);
    }
    return out;
}
#endif
