/* BipedalWalker over stumps, pits and stairs (box2d_walker.c). */
#include "env/box2d.h"

BOX2D_ENV_PLAIN(bipedalwalker_hardcore, &mb__walker_task[1])

static mb_step step(void *s, const void *o, mb_rng *rng, mb_io *io) { return mb__box2d_step(box2d_of(o), o, s, io->value, io); }

MB_ENV(bipedalwalker_hardcore) = {
    MB_ENV_HEAD, .name = "bipedalwalker-hardcore", .summary = "walk over stumps, pits and stairs on two legs with a lidar (Box2D)",
    .source = "Gymnasium BipedalWalkerHardcore-v3", .obs = MB_BOX(24), .act = MB_BOX_IN(4, -1, 1), .time_limit = 2000, .solved = 300,
    .state_size = BOX2D_STATE_BYTES(2000, 4), BOX2D_USE_PLAIN(bipedalwalker_hardcore), .step = step,
};
