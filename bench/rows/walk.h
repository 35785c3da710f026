/* walk.h - TD(lambda) on the 19-state random walk: the error of the first 10 episodes (row A109). */
#ifndef WALK_H
#define WALK_H
#include "agent.h"
#include <math.h>

enum { WALK_EPISODES = 10, WALK_STATES = 19 };

/* The root mean squared error at the end of each of the first 10 episodes, averaged. */
static inline double walk_error(double lambda, double alpha, uint64_t seed)
{
    static struct agent a;
    char l[48], s[48];
    snprintf(l, sizeof l, "lambda=%.6g", lambda);
    snprintf(s, sizeof s, "alpha=%.6g", alpha);
    agent_open(&a, "td", "randomwalk", (const char *const[]){ l, s, "horizon=1", NULL }, seed, INT64_MAX / 2);
    struct { mb_states states; int nactions; double *v; } *td = a.self; /* the beginning of the algorithm's state */
    const mb_vec_view *v = mb_vec_view_of(a.run.vec);
    double exact[WALK_STATES], sum = 0;
    for (int i = 0; i < WALK_STATES; i++) exact[i] = (i - 9) / 10.0;
    for (int episode = 0; episode < WALK_EPISODES; episode += v->last_length[0] > 0) {
        agent_train(&a, a.run.step + 1);
        if (v->last_length[0] > 0) sum += mb_rms_error(td->v, exact, NULL, WALK_STATES);
    }
    agent_close(&a);
    return sum / WALK_EPISODES;
}

struct walk_point { double mean, error; /* standard error of the mean */ };

static inline struct walk_point walk_measure(double lambda, double alpha, int runs)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < runs; i++) {
        double e = walk_error(lambda, alpha, (uint64_t)(101 + i));
        sum += e;
        squares += e * e;
    }
    double mean = sum / runs, variance = (squares - sum * mean) / (runs - 1);
    return (struct walk_point){ mean, sqrt(variance > 0 ? variance / runs : 0) };
}
#endif
