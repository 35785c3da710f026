/* Hopper: one leg of three links that shall hop forward and not fall.  Figures, observation and reward as in Gymnasium
   Hopper-v4 and -v5; the task is from Erez, Tassa, Todorov: Infinite-horizon model predictive control for periodic tasks with
   contacts (2012). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 1e-3, 0, 100, "cost of a squared action")                                                  \
    NUM(double, healthy_reward, 1.0, 0, 100, "for every step without falling")                                        \
    NUM(bool, ends_unhealthy, true, 0, 1, "a fall ends the episode")                                                  \
    NUM(double, reset_noise, 5e-3, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(hopper, OPTIONS)

static const char model[] =
    "<mujoco><compiler angle='degree' inertiafromgeom='true'/><option integrator='RK4' timestep='0.002'/>"
    "<default><joint armature='1' damping='1' limited='true' axis='0 -1 0'/>"
    "<geom type='capsule' condim='1' margin='.001' friction='.9' solimp='.8 .8 .01' solref='.02 1' rgba='.78 .33 .24 1'/>"
    "<motor ctrllimited='true' ctrlrange='-1 1' gear='200'/></default>"
    "<worldbody><geom type='plane' condim='3' size='20 20 5' friction='1' rgba='.85 .82 .74 1'/>"
    "<body pos='0 0 1.25'>"
    "<joint name='x' type='slide' axis='1 0 0' pos='0 0 -1.25' armature='0' damping='0' limited='false'/>"
    "<joint name='z' type='slide' axis='0 0 1' pos='0 0 -1.25' ref='1.25' armature='0' damping='0' limited='false'/>"
    "<joint name='lean' axis='0 1 0' armature='0' damping='0' limited='false'/>"
    "<geom size='.05 .2' rgba='.18 .25 .35 1'/>"
    "<body pos='0 0 -.2'><joint name='thigh' range='-150 0'/><geom pos='0 0 -.225' size='.05 .225'/>"
    "<body pos='0 0 -.7'><joint name='leg' pos='0 0 .25' range='-150 0'/><geom size='.04 .25' rgba='.30 .55 .42 1'/>"
    "<body pos='.13 0 -.35'><joint name='foot' pos='-.13 0 .1' range='-45 45'/>"
    "<geom friction='2' pos='-.065 0 .1' zaxis='-1 0 0' size='.06 .195'/>"
    "</body></body></body></body></worldbody>"
    "<actuator><motor joint='thigh'/><motor joint='leg'/><motor joint='foot'/></actuator></mujoco>";

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct hopper_options *o = options;
    mb__mujoco_uniform(rng, qpos, 6, o->reset_noise);
    mb__mujoco_uniform(rng, qvel, 6, o->reset_noise);
}

static void observe(const struct mujoco_sim *x, int version, float *obs)
{
    mujoco_put_clipped(mujoco_put(obs, x->qpos + 1, 5), x->qvel, 6, 10);
}

static bool healthy(const struct mujoco_sim *x)
{
    bool ok = x->qpos[1] > 0.7 && x->qpos[2] > -0.2 && x->qpos[2] < 0.2;
    for (int i = 2; i < 6; i++) ok &= x->qpos[i] > -100 && x->qpos[i] < 100;
    for (int i = 0; i < 6; i++) ok &= x->qvel[i] > -100 && x->qvel[i] < 100;
    return ok;
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct hopper_options *o = options;
    double speed = (x->qpos[0] - before[0]) / x->dt, cost = o->ctrl_cost * mujoco_squares(action, 3);
    return mujoco_healthy(o->version, healthy(x), o->ends_unhealthy, o->healthy_reward, speed - cost);
}

static const struct mujoco_task task = {
    .name = "hopper", .xml = model, .frame_skip = 4, .nq = 6, .nv = 6, .nu = 3, .nbody = 5,
    .begin = start, .remember = mujoco_remember_x, .observe = observe, .judge = judge,
    .span = 4, .level = 0.8, .follow = true,
};
MUJOCO_ENV(hopper, task)

MB_ENV(hopper) = {
    MB_ENV_HEAD, .name = "hopper", .summary = "hop forward on one leg (MuJoCo)", .source = "Gymnasium Hopper-v4, -v5",
    .obs = MB_BOX(11), .act = MB_BOX_IN(3, -1, 1), .time_limit = 1000, .solved = 3800, MUJOCO_USE(hopper),
    .state_names = "x,z,lean,thigh,leg,foot and their velocities",
};
