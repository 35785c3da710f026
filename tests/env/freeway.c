/* Freeway against the reference, draw by draw and in the mean. */
#include "env/arcade/freeway.c"
#include "minatar.h"

static mb_step replay(struct freeway *s, int action, const int *draws)
{
    struct traffic d;
    for (int i = 0; i < LANES; i++) d.speed[i] = (int8_t)draws[i];
    return advance(s, action, d);
}
MINATAR_TESTS(freeway, 1000)
MB_TESTS(T(reference_steps), T(random_policy), T(sticky_actions))
