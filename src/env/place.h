/* Reading the numbers of a full state (mb_env_def.place) where all of them are whole numbers in
   known ranges. */
#ifndef MB_ENV_PLACE_H
#define MB_ENV_PLACE_H
#include "matchbox/env.h"

struct mb__number { const char *name; int low, high; };

/* v[i] into out[i] for `count` wanted numbers; otherwise an error that begins with `env`. */
static inline bool mb__place_read(const char *env, const struct mb__number *want, int count,
                                  const double *v, int n, int *out, mb_error *err)
{
    if (n != count)
        return mb_fail(err, MB_ERR_SHAPE, "%s: a state has %d numbers, not %d", env, count, n);
    for (int i = 0; i < n; i++) {
        if (!(v[i] >= want[i].low && v[i] <= want[i].high) || v[i] != (double)(int)v[i])
            return mb_fail(err, MB_ERR_RANGE,
                           "%s: state number %d (%s) must be a whole number in [%d, %d], not %g",
                           env, i + 1, want[i].name, want[i].low, want[i].high, v[i]);
        out[i] = (int)v[i];
    }
    return true;
}
#endif
