/* baird.h - off-policy linear prediction on Baird's counterexample (row A110). */
#ifndef BAIRD_H
#define BAIRD_H
#include "agent.h"
#include <math.h>

/* The largest weight after `steps`, the root mean square of the seven values (0 when all is learned), and of the Bellman errors
   gamma v(6) - v(s).  The features span all values, so that the Bellman error is the projected one, which the gradient methods
   bring to 0; they follow it along a long valley in which the values themselves fall slowly. */
struct baird_result { double largest, rms, bellman; };

static inline struct baird_result baird_run(const char *rule, uint64_t seed, int64_t steps)
{
    static struct agent a;
    char r[32];
    snprintf(r, sizeof r, "rule=%s", rule);
    agent_open(&a, "linear-td", "baird", (const char *const[]){ r, "features=raw", "behaviour=6,1", "target=0,1", "weights=1,1,1,1,1,1,10,1",
               "alpha=0.005", "beta=0.05", NULL }, seed, steps);
    agent_train(&a, steps);
    struct { mb_features features; int nactions; double *w; } *td = a.self; /* the beginning of the algorithm's state */
    const double *w = td->w;
    struct baird_result out = { 0 };
    for (int i = 0; i < 8; i++) {
        double size = w[i] < 0 ? -w[i] : w[i];
        if (size > out.largest) out.largest = size;
    }
    for (int s = 0; s < 7; s++) {
        double value = s < 6 ? 2 * w[s] + w[7] : w[6] + 2 * w[7];
        double bellman = 0.99 * (w[6] + 2 * w[7]) - value;
        out.rms += value * value / 7;
        out.bellman += bellman * bellman / 7;
    }
    out.rms = sqrt(out.rms);
    out.bellman = sqrt(out.bellman);
    agent_close(&a);
    return out;
}
#endif
