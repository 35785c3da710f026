/* LunarLander with four choices: nothing, left, main or right engine (box2d_lander.c). */
#include "env/box2d.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    NUM(double, gravity, -10.0, -12, 0, "gravity, m/s^2")                                                             \
    NUM(bool, wind, false, 0, 1, "wind and turbulence while no leg touches the ground")                               \
    NUM(double, wind_power, 15.0, 0, 20, "strongest wind, N")                                                         \
    NUM(double, turbulence, 1.5, 0, 2, "strongest turbulence, N m")
MB_OPTIONS(lunarlander, OPTIONS)
_Static_assert(sizeof(struct lunarlander_options) == sizeof(struct lander_options), "the rows are lander_options");
BOX2D_ENV(lunarlander, &mb__lander_task[0])

static mb_step step(void *s, const void *o, mb_rng *rng, mb_io *io)
{
    float action = (float)io->index[0];
    return mb__box2d_step(box2d_of(o), o, s, &action, io);
}

MB_ENV(lunarlander) = {
    MB_ENV_HEAD, .name = "lunarlander", .summary = "land softly between two flags with three engines (Box2D)",
    .source = "Gymnasium LunarLander-v3", .obs = MB_BOX(8), .act = MB_DISCRETE(4), .time_limit = 1000, .solved = 200,
    .state_size = BOX2D_STATE_BYTES(1000, 1), BOX2D_USE(lunarlander), .step = step,
};
