/* SpaceInvaders against the reference, draw by draw and in the mean. */
#include "env/arcade/spaceinvaders.c"
#include "minatar.h"

static mb_step replay(struct spaceinvaders *s, int action, const int *draws)
{
    return advance(s, true, action);
}
MINATAR_TESTS(spaceinvaders, 20000)
MB_TESTS(T(reference_steps), T(random_policy), T(sticky_actions))
