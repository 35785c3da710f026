/* BipedalWalker over grass (box2d_walker.c). */
#include "env/box2d.h"

BOX2D_ENV_PLAIN(bipedalwalker, &mb__walker_task[0])

static mb_step step(void *s, const void *o, mb_rng *rng, mb_io *io) { return mb__box2d_step(box2d_of(o), o, s, io->value, io); }

MB_ENV(bipedalwalker) = {
    MB_ENV_HEAD, .name = "bipedalwalker", .summary = "walk over rough ground on two legs with a lidar (Box2D)",
    .source = "Gymnasium BipedalWalker-v3", .obs = MB_BOX(24), .act = MB_BOX_IN(4, -1, 1), .time_limit = 1600, .solved = 300,
    .state_size = BOX2D_STATE_BYTES(1600, 4), BOX2D_USE_PLAIN(bipedalwalker), .step = step,
};
