/* Seaquest against the reference, draw by draw and in the mean. */
#include "env/arcade/seaquest.c"
#include "minatar.h"

static mb_step replay(struct seaquest *s, int action, const int *draws)
{
    const struct draws d = { { draws[0], draws[1], draws[2] }, { draws[3], false, draws[4] } };
    return advance(s, true, action, &d);
}
MINATAR_TESTS(seaquest, 20000)

/* A state with something in every list, cut at every length, is refused and names what is missing. */
TEST(place_refuses_cut_states)
{
    const double values[] = { 0, 5, 3, 1, 120, 2, 0, 4, 15, 7, 20, 4, 5, 1, 6, 3, 1, 1, 2, 2, 0, 1, 4, 4, 1, 2, 1, 7, 5, 0, 3, 9, 1, 0, 6, 1, 5 };
    int n = sizeof values / sizeof *values;
    mb_io io = { .obs_field = { picture } };
    mb_error err = { 0 };
    CHECK(place(&instance, NULL, values, n, &io, &err));
    for (int list = 0; list < LISTS; list++) CHECK(instance.n[list] == 1);
    for (int cut = 0; cut < n; cut++) {
        err = (mb_error){ 0 };
        CHECK(!place(&instance, NULL, values, cut, &io, &err));
    }
    CHECK_ERROR(err, "1 divers have 4 numbers each, but only 3 follow");
}
MB_TESTS(T(reference_steps), T(random_policy), T(sticky_actions), T(place_refuses_cut_states))
