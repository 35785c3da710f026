/* Swimmer: three links in a viscous fluid that shall wriggle forward.  Figures, observation and reward as in Gymnasium
   Swimmer-v4 and -v5 (which are alike); the problem is from Coulom's thesis (2002). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 1e-4, 0, 100, "cost of a squared action")                                                  \
    NUM(double, reset_noise, 0.1, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(swimmer, OPTIONS)

static const char model[] =
    "<mujoco><compiler angle='degree' inertiafromgeom='true'/><option integrator='RK4' timestep='0.01' density='4000' viscosity='.1'/>"
    "<default><joint armature='.1' axis='0 0 1'/>"
    "<geom type='capsule' density='1000' size='.1' condim='1' contype='0' conaffinity='0' rgba='.30 .55 .42 1'/>"
    "<motor ctrllimited='true' ctrlrange='-1 1' gear='150'/></default>"
    "<worldbody><geom type='plane' pos='0 0 -.1' size='40 40 40' condim='3' rgba='.85 .82 .74 1'/>"
    "<body><joint name='x' type='slide' axis='1 0 0'/><joint name='y' type='slide' axis='0 1 0'/><joint name='turn'/>"
    "<geom fromto='.5 0 0 1.5 0 0' rgba='.78 .33 .24 1'/>"
    "<body pos='.5 0 0'><joint name='mid' limited='true' range='-100 100'/><geom fromto='0 0 0 -1 0 0'/>"
    "<body pos='-1 0 0'><joint name='back' limited='true' range='-100 100'/><geom fromto='0 0 0 -1 0 0' rgba='.18 .25 .35 1'/>"
    "</body></body></body></worldbody><actuator><motor joint='mid'/><motor joint='back'/></actuator></mujoco>";

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct swimmer_options *o = options;
    mb__mujoco_uniform(rng, qpos, 5, o->reset_noise);
    mb__mujoco_uniform(rng, qvel, 5, o->reset_noise);
}

static void observe(const struct mujoco_sim *x, int version, float *obs) { mujoco_put(mujoco_put(obs, x->qpos + 2, 3), x->qvel, 5); }

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct swimmer_options *o = options;
    return (mb_step){ (float)((x->qpos[0] - before[0]) / x->dt - o->ctrl_cost * mujoco_squares(action, 2)), false };
}

static const struct mujoco_task task = {
    .name = "swimmer", .xml = model, .frame_skip = 4, .nq = 5, .nv = 5, .nu = 2, .nbody = 4,
    .begin = start, .remember = mujoco_remember_x, .observe = observe, .judge = judge,
    .view = MUJOCO_TOP, .span = 6, .follow = true,
};
MUJOCO_ENV(swimmer, task)

MB_ENV(swimmer) = {
    MB_ENV_HEAD, .name = "swimmer", .summary = "wriggle forward in a viscous fluid (MuJoCo)", .source = "Gymnasium Swimmer-v4, -v5",
    .obs = MB_BOX(8), .act = MB_BOX_IN(2, -1, 1), .time_limit = 1000, .solved = 360, MUJOCO_USE(swimmer),
    .state_names = "x,y,turn,mid,back and their velocities",
};
