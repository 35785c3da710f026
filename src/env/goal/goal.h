/* goal.h - what environments with sparse goals share: -1 for every step until the goal is reached. */
#ifndef MB_ENV_GOAL_H
#define MB_ENV_GOAL_H
#include "matchbox/env.h"

/* the option row: what happens on arrival */
#define GOAL_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                  \
    NUM(bool, ends, true, 0, 1, "an episode ends when the goal is reached; else it runs to its time limit")

static inline mb_step goal_step(bool reached, bool ends)
{
    return (mb_step){ reached ? 0.0f : -1.0f, reached && ends };
}

/* Two points of the plane no farther apart than `near`. */
static inline bool goal_near(const float *a, const float *b, double near)
{
    double dx = (double)a[0] - (double)b[0], dy = (double)a[1] - (double)b[1];
    return dx * dx + dy * dy <= near * near;
}
#endif
