/* Breakout against the reference, draw by draw and in the mean. */
#include "env/arcade/breakout.c"
#include "minatar.h"

static mb_step replay(struct breakout *s, int action, const int *draws)
{
    return advance(s, action);
}
MINATAR_TESTS(breakout, 20000)
MB_TESTS(T(reference_steps), T(random_policy), T(sticky_actions))
