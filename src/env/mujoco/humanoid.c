/* Humanoid: a body of seventeen motors that shall walk forward and not fall.  Observation and reward as in Gymnasium Humanoid-v4
   and -v5, whose reward also counts the contact forces. */
#include "env/mujoco_humanoid.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, forward_reward, 1.25, 0, 100, "for a metre per second")                                               \
    NUM(double, ctrl_cost, 0.1, 0, 100, "cost of a squared action")                                                   \
    NUM(double, contact_cost, 5e-7, 0, 100, "cost of a squared contact force, at most 10 in all (version 5)")         \
    NUM(double, healthy_reward, 5.0, 0, 100, "for every step without falling")                                        \
    NUM(bool, ends_unhealthy, true, 0, 1, "a fall ends the episode")                                                  \
    NUM(double, reset_noise, 1e-2, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(humanoid, OPTIONS)

static void write_model(mb_str *xml, int version) { mb__humanoid_write(xml, false); }

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct humanoid_options *o = options;
    mb__mujoco_uniform(rng, qpos, HUMANOID_NQ, o->reset_noise);
    mb__mujoco_uniform(rng, qvel, HUMANOID_NV, o->reset_noise);
}

/* Where the center of mass is, along x. */
static void remember(const struct mujoco_sim *x, double *before)
{
    double mass = 0, sum = 0;
    for (int i = 0; i < x->nbody; i++) {
        mass += x->body_mass[i];
        sum += x->body_mass[i] * x->xipos[3 * i];
    }
    before[0] = sum / mass;
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    shape->obs.field[0].n = ((const struct humanoid_options *)options)->version == 4 ? HUMANOID_OBS4 : HUMANOID_OBS5;
    return true;
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct humanoid_options *o = options;
    double now[MUJOCO_BEFORE], cost = o->ctrl_cost * mujoco_squares(action, HUMANOID_NU);
    remember(x, now);
    if (o->version == 5) {
        double impact = o->contact_cost * humanoid_impact(x);
        cost += impact < 10 ? impact : 10;
    }
    bool healthy = x->qpos[2] > 1 && x->qpos[2] < 2;
    return mujoco_healthy(o->version, healthy, o->ends_unhealthy, o->healthy_reward, o->forward_reward * (now[0] - before[0]) / x->dt - cost);
}

static const struct mujoco_task task = {
    .name = "humanoid", .write = write_model, .frame_skip = 5, .nq = HUMANOID_NQ, .nv = HUMANOID_NV, .nu = HUMANOID_NU,
    .nbody = HUMANOID_BODIES, .forces_from = 4,
    .begin = start, .remember = remember, .observe = mb__humanoid_observe, .judge = judge,
    .span = 4, .level = 0.9, .follow = true,
};
MUJOCO_ENV(humanoid, task)

MB_ENV(humanoid) = {
    MB_ENV_HEAD, .name = "humanoid", .summary = "walk with a body of seventeen motors (MuJoCo)", .source = "Gymnasium Humanoid-v4, -v5",
    .obs = MB_BOX(HUMANOID_OBS4), .act = MB_BOX_IN(HUMANOID_NU, -0.4f, 0.4f), .time_limit = 1000, .shape = shape, MUJOCO_USE(humanoid),
    .state_names = HUMANOID_STATE_NAMES,
};
