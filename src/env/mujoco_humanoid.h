/* mujoco_humanoid.h - what walking and standing up of the humanoid share. */
#ifndef MB_ENV_MUJOCO_HUMANOID_H
#define MB_ENV_MUJOCO_HUMANOID_H
#include "env/mujoco.h"

enum { HUMANOID_BODIES = 14, HUMANOID_NQ = 24, HUMANOID_NV = 23, HUMANOID_NU = 17, HUMANOID_OBS4 = 376, HUMANOID_OBS5 = 348 };

/* The body upright, or lying on its back. */
void mb__humanoid_write(mb_str *xml, bool lying);
void mb__humanoid_observe(const struct mujoco_sim *x, int version, float *obs);
/* The squared contact forces of all bodies together. */
static inline double humanoid_impact(const struct mujoco_sim *x)
{
    double sum = 0;
    for (int i = 0; i < 6 * HUMANOID_BODIES; i++) sum += x->cfrc_ext[i] * x->cfrc_ext[i];
    return sum;
}
#define HUMANOID_STATE_NAMES                                                                                          \
    "x,y,z,quaternion (4), abdomen z y x, right hip x z y and knee, left the same, right shoulder 1 2 and elbow, left the same; " \
    "velocities: 3 of the body, 3 of its turning, 17 of the joints"
#endif
