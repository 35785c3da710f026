/* classic.h - what the classic control problems share. */
#ifndef MB_ENV_CLASSIC_H
#define MB_ENV_CLASSIC_H
#include "matchbox/env.h"

#define CLASSIC_PI 3.14159265358979323846

/* For place(): exactly `want` finite numbers. */
static inline bool classic_state_fits(const char *env, const char *names, int want,
                                      const double *values, int n, mb_error *err)
{
    if (n != want)
        return mb_fail(err, MB_ERR_RANGE, "%s: a state has %d numbers (%s), not %d", env, want,
                       names, n);
    for (int i = 0; i < n; i++)
        if (!(values[i] >= -1e6 && values[i] <= 1e6))
            return mb_fail(err, MB_ERR_RANGE,
                           "%s: number %d of the state (%s) must lie in [-1e6, 1e6], not %g", env,
                           i + 1, names, values[i]);
    return true;
}

/* An angle into [-pi, pi). */
static inline double classic_wrap(double angle)
{
    return angle - 2.0 * CLASSIC_PI * __builtin_floor((angle + CLASSIC_PI) / (2.0 * CLASSIC_PI));
}
#endif
