/* Asterix against the reference, draw by draw and in the mean. */
#include "env/arcade/asterix.c"
#include "minatar.h"

static mb_step replay(struct asterix *s, int action, const int *draws)
{
    return advance(s, true, action, (struct spawn){ draws[0], draws[1], draws[2] });
}
MINATAR_TESTS(asterix, 20000)
MB_TESTS(T(reference_steps), T(random_policy), T(sticky_actions))
