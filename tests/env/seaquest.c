/* Seaquest against the reference, draw by draw and in the mean. */
#include "env/arcade/seaquest.c"
#include "minatar.h"

static mb_step replay(struct seaquest *s, int action, const int *draws)
{
    const struct draws d = { { draws[0], draws[1], draws[2] }, { draws[3], false, draws[4] } };
    return advance(s, true, action, &d);
}
MINATAR_TESTS(seaquest, 20000)
MB_TESTS(T(reference_steps), T(random_policy), T(sticky_actions))
