/* Inverted double pendulum: keep two poles, one on top of the other, upright on a driven cart.  Figures, observation and reward
   as in Gymnasium InvertedDoublePendulum-v4 and -v5. */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, healthy_reward, 10.0, 0, 100, "for every step upright")                                               \
    NUM(double, reset_noise, 0.1, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(inverted_double_pendulum, OPTIONS)

static const char model[] =
    "<mujoco><compiler angle='degree' inertiafromgeom='true'/><option integrator='RK4' timestep='0.01' gravity='1e-5 0 -9.81'/>"
    "<default><joint damping='.05' axis='0 1 0'/>"
    "<geom type='capsule' contype='0' friction='1 .1 .1' rgba='.78 .33 .24 1'/></default>"
    "<worldbody><geom type='plane' pos='0 0 -3' size='40 40 40' rgba='.85 .82 .74 1'/>"
    "<geom size='.02 1' zaxis='1 0 0' rgba='.65 .62 .55 1'/>"
    "<body><joint name='slider' type='slide' axis='1 0 0' limited='true' margin='.01' range='-1 1'/>"
    "<geom size='.1 .1' zaxis='1 0 0' rgba='.18 .25 .35 1'/>"
    "<body><joint name='hinge'/><geom fromto='0 0 0 0 0 .6' size='.045'/>"
    "<body pos='0 0 .6'><joint name='hinge2'/><geom fromto='0 0 0 0 0 .6' size='.045' rgba='.30 .55 .42 1'/><site pos='0 0 .6' size='.01'/>"
    "</body></body></body></worldbody>"
    "<actuator><motor joint='slider' ctrllimited='true' ctrlrange='-1 1' gear='500'/></actuator></mujoco>";

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct inverted_double_pendulum_options *o = options;
    mb__mujoco_uniform(rng, qpos, 3, o->reset_noise);
    mb__mujoco_normal(rng, qvel, 3, o->reset_noise);
}

static void observe(const struct mujoco_sim *x, int version, float *obs)
{
    obs = mujoco_put(obs, x->qpos, 1);
    for (int i = 0; i < 2; i++) {
        obs[i] = (float)mb_sin64(x->qpos[1 + i]);
        obs[2 + i] = (float)mb_cos64(x->qpos[1 + i]);
    }
    mujoco_put_clipped(mujoco_put_clipped(obs + 4, x->qvel, 3, 10), x->qfrc_constraint, version == 4 ? 3 : 1, 10);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    shape->obs.field[0].n = ((const struct inverted_double_pendulum_options *)options)->version == 4 ? 11 : 9;
    return true;
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct inverted_double_pendulum_options *o = options;
    double side = x->site_xpos[0], high = x->site_xpos[2], v1 = x->qvel[1], v2 = x->qvel[2];
    double away = 0.01 * side * side + (high - 2) * (high - 2), spin = 1e-3 * v1 * v1 + 5e-3 * v2 * v2;
    return mujoco_healthy(o->version, high > 1, true, o->healthy_reward, -away - spin);
}

static const struct mujoco_task task = {
    .name = "inverted-double-pendulum", .xml = model, .frame_skip = 5, .nq = 3, .nv = 3, .nu = 1, .nbody = 4,
    .begin = start, .observe = observe, .judge = judge, .span = 3, .level = 0.6,
};
MUJOCO_ENV(inverted_double_pendulum, task)

MB_ENV(inverted_double_pendulum) = {
    MB_ENV_HEAD, .name = "inverted-double-pendulum", .summary = "keep two stacked poles upright on a driven cart (MuJoCo)",
    .source = "Gymnasium InvertedDoublePendulum-v4, -v5",
    .obs = MB_BOX(11), .act = MB_BOX_IN(1, -1, 1), .time_limit = 1000, .solved = 9100, .shape = shape,
    MUJOCO_USE(inverted_double_pendulum), .state_names = "x,angle,angle2 and their velocities",
};
