/* LunarLander with two throttles: the main engine and the side engines (box2d_lander.c). */
#include "env/box2d.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    NUM(double, gravity, -10.0, -12, 0, "gravity, m/s^2")                                                             \
    NUM(bool, wind, false, 0, 1, "wind and turbulence while no leg touches the ground")                               \
    NUM(double, wind_power, 15.0, 0, 20, "strongest wind, N")                                                         \
    NUM(double, turbulence, 1.5, 0, 2, "strongest turbulence, N m")
MB_OPTIONS(lunarlander_continuous, OPTIONS)
_Static_assert(sizeof(struct lunarlander_continuous_options) == sizeof(struct lander_options), "the rows are lander_options");
BOX2D_ENV(lunarlander_continuous, &mb__lander_task[1])

static mb_step step(void *s, const void *o, mb_rng *rng, mb_io *io)
{
    return mb__box2d_step(box2d_of(o), o, s, io->value, io);
}

MB_ENV(lunarlander_continuous) = {
    MB_ENV_HEAD, .name = "lunarlander-continuous", .summary = "land softly between two flags with two throttles (Box2D)",
    .source = "Gymnasium LunarLanderContinuous-v3", .obs = MB_BOX(8), .act = MB_BOX_IN(2, -1, 1), .time_limit = 1000, .solved = 200,
    .state_size = BOX2D_STATE_BYTES(1000, 2), BOX2D_USE(lunarlander_continuous), .step = step,
};
