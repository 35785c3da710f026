/* Inverted pendulum: keep a pole upright on a cart that a motor pushes.  Figures, observation and reward as in Gymnasium
   InvertedPendulum-v4 and -v5; the problem is Barto, Sutton and Anderson's (1983). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, reset_noise, 0.01, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(inverted_pendulum, OPTIONS)

static const char model[] =
    "<mujoco><compiler angle='degree' inertiafromgeom='true'/><option integrator='RK4' timestep='0.02'/>"
    "<default><joint armature='0' damping='1' limited='true'/>"
    "<geom type='capsule' contype='0' friction='1 .1 .1' rgba='.78 .33 .24 1'/></default>"
    "<worldbody><geom size='.02 1' zaxis='1 0 0' rgba='.65 .62 .55 1'/>"
    "<body><joint name='slider' type='slide' axis='1 0 0' range='-1 1'/><geom size='.1 .1' zaxis='1 0 0' rgba='.18 .25 .35 1'/>"
    "<body><joint name='hinge' axis='0 1 0' range='-90 90'/><geom fromto='0 0 0 .001 0 .6' size='.049'/></body></body></worldbody>"
    "<actuator><motor joint='slider' ctrllimited='true' ctrlrange='-3 3' gear='100'/></actuator></mujoco>";

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct inverted_pendulum_options *o = options;
    mb__mujoco_uniform(rng, qpos, 2, o->reset_noise);
    mb__mujoco_uniform(rng, qvel, 2, o->reset_noise);
}

static void observe(const struct mujoco_sim *x, int version, float *obs) { mujoco_put(mujoco_put(obs, x->qpos, 2), x->qvel, 2); }

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct inverted_pendulum_options *o = options;
    bool fell = x->qpos[1] > 0.2 || x->qpos[1] < -0.2;
    return (mb_step){ o->version == 5 && fell ? 0.0f : 1.0f, fell };
}

static const struct mujoco_task task = {
    .name = "inverted-pendulum", .xml = model, .frame_skip = 2, .nq = 2, .nv = 2, .nu = 1, .nbody = 3,
    .begin = start, .observe = observe, .judge = judge, .span = 2.6, .level = 0.3,
};
MUJOCO_ENV(inverted_pendulum, task)

MB_ENV(inverted_pendulum) = {
    MB_ENV_HEAD, .name = "inverted-pendulum", .summary = "keep a pole upright on a driven cart (MuJoCo)",
    .source = "Gymnasium InvertedPendulum-v4, -v5",
    .obs = MB_BOX(4), .act = MB_BOX_IN(1, -3, 3), .time_limit = 1000, .solved = 950, MUJOCO_USE(inverted_pendulum),
    .state_names = "x,angle and their velocities",
};
