/* Humanoid standup: the humanoid lies on its back and shall bring its torso up.  Observation and reward as in Gymnasium
   HumanoidStandup-v4 and -v5; the reward divides the height by the time step of the physics, as theirs does. */
#include "env/mujoco_humanoid.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 0.1, 0, 100, "cost of a squared action")                                                   \
    NUM(double, impact_cost, 5e-7, 0, 100, "cost of a squared contact force, at most 10 in all")                      \
    NUM(double, reset_noise, 1e-2, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(humanoid_standup, OPTIONS)

static void write_model(mb_str *xml, int version) { mb__humanoid_write(xml, true); }

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct humanoid_standup_options *o = options;
    mb__mujoco_uniform(rng, qpos, HUMANOID_NQ, o->reset_noise);
    mb__mujoco_uniform(rng, qvel, HUMANOID_NV, o->reset_noise);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    shape->obs.field[0].n = ((const struct humanoid_standup_options *)options)->version == 4 ? HUMANOID_OBS4 : HUMANOID_OBS5;
    return true;
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct humanoid_standup_options *o = options;
    double impact = o->impact_cost * humanoid_impact(x), effort = o->ctrl_cost * mujoco_squares(action, HUMANOID_NU);
    return (mb_step){ (float)(x->qpos[2] / x->timestep - effort - (impact < 10 ? impact : 10) + 1), false };
}

static const struct mujoco_task task = {
    .name = "humanoid-standup", .write = write_model, .frame_skip = 5, .nq = HUMANOID_NQ, .nv = HUMANOID_NV, .nu = HUMANOID_NU,
    .nbody = HUMANOID_BODIES, .forces_from = 4,
    .begin = start, .observe = mb__humanoid_observe, .judge = judge, .span = 4, .level = 0.9, .follow = true,
};
MUJOCO_ENV(humanoid_standup, task)

MB_ENV(humanoid_standup) = {
    MB_ENV_HEAD, .name = "humanoid-standup", .summary = "stand up from lying on the back (MuJoCo)",
    .source = "Gymnasium HumanoidStandup-v4, -v5",
    .obs = MB_BOX(HUMANOID_OBS4), .act = MB_BOX_IN(HUMANOID_NU, -0.4f, 0.4f), .time_limit = 1000, .shape = shape,
    MUJOCO_USE(humanoid_standup), .state_names = HUMANOID_STATE_NAMES,
};
