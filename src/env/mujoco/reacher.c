/* Reacher: an arm of two links on a table that shall bring its tip to a target.  Figures, observation and reward as in Gymnasium
   Reacher-v4, whose reward is that of the positions before the step, and -v5. */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 1.0, 0, 100, "cost of a squared action")                                                   \
    NUM(double, near_cost, 1.0, 0, 100, "cost of the distance between tip and target")
MB_OPTIONS(reacher, OPTIONS)

static const char model[] =
    "<mujoco><compiler angle='radian' inertiafromgeom='true'/><option integrator='RK4' timestep='0.01'/>"
    "<default><joint armature='1' damping='1' limited='true' axis='0 0 1'/>"
    "<geom type='capsule' contype='0' friction='1 .1 .1' rgba='.65 .62 .55 1' size='.02'/>"
    "<motor ctrllimited='true' ctrlrange='-1 1' gear='200'/></default>"
    "<worldbody><geom type='plane' conaffinity='0' size='1 1 10' rgba='.9 .9 .9 1'/>"
    "<geom conaffinity='0' fromto='-.3 -.3 .01 .3 -.3 .01'/><geom conaffinity='0' fromto='.3 -.3 .01 .3 .3 .01'/>"
    "<geom conaffinity='0' fromto='-.3 .3 .01 .3 .3 .01'/><geom conaffinity='0' fromto='-.3 -.3 .01 -.3 .3 .01'/>"
    "<geom type='cylinder' conaffinity='0' fromto='0 0 0 0 0 .02' size='.011'/>"
    "<body pos='0 0 .01'><joint name='joint0' limited='false'/><geom fromto='0 0 0 .1 0 0' size='.01' rgba='.18 .25 .35 1'/>"
    "<body pos='.1 0 0'><joint name='joint1' range='-3 3'/><geom fromto='0 0 0 .1 0 0' size='.01' rgba='.30 .55 .42 1'/>"
    "<body pos='.11 0 0'><geom type='sphere' size='.01' rgba='.18 .25 .35 1'/></body></body></body>"
    "<body pos='.1 -.1 .01'>"
    "<joint name='target_x' type='slide' axis='1 0 0' range='-.27 .27' ref='.1' armature='0' damping='0'/>"
    "<joint name='target_y' type='slide' axis='0 1 0' range='-.27 .27' ref='-.1' armature='0' damping='0'/>"
    "<geom type='sphere' conaffinity='0' size='.009' rgba='.78 .33 .24 1'/></body></worldbody>"
    "<actuator><motor joint='joint0'/><motor joint='joint1'/></actuator></mujoco>";

enum { TIP = 3, TARGET = 4 };

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    mb__mujoco_uniform(rng, qpos, 2, 0.1);
    do {
        qpos[2] = qpos[3] = 0;
        mb__mujoco_uniform(rng, qpos + 2, 2, 0.2);
    } while (qpos[2] * qpos[2] + qpos[3] * qpos[3] >= 0.2 * 0.2);
    mb__mujoco_uniform(rng, qvel, 2, 0.005);
}

static void gap(const struct mujoco_sim *x, double *v)
{
    for (int i = 0; i < 3; i++) v[i] = x->xpos[3 * TIP + i] - x->xpos[3 * TARGET + i];
}

static double distance(const struct mujoco_sim *x)
{
    double v[3];
    gap(x, v);
    return __builtin_sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
}

static void remember(const struct mujoco_sim *x, double *before) { before[0] = distance(x); }

static void observe(const struct mujoco_sim *x, int version, float *obs)
{
    double v[3];
    gap(x, v);
    for (int i = 0; i < 2; i++) {
        obs[i] = (float)mb_cos64(x->qpos[i]);
        obs[2 + i] = (float)mb_sin64(x->qpos[i]);
    }
    mujoco_put(mujoco_put(mujoco_put(obs + 4, x->qpos + 2, 2), x->qvel, 2), v, version == 4 ? 3 : 2);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    shape->obs.field[0].n = ((const struct reacher_options *)options)->version == 4 ? 11 : 10;
    return true;
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct reacher_options *o = options;
    double far = o->version == 4 ? before[0] : distance(x);
    return (mb_step){ (float)(-o->near_cost * far - o->ctrl_cost * mujoco_squares(action, 2)), false };
}

static const struct mujoco_task task = {
    .name = "reacher", .xml = model, .frame_skip = 2, .nq = 4, .nv = 4, .nu = 2, .nbody = 5,
    .begin = start, .remember = remember, .observe = observe, .judge = judge, .view = MUJOCO_TOP, .span = 0.9,
};
MUJOCO_ENV(reacher, task)

MB_ENV(reacher) = {
    MB_ENV_HEAD, .name = "reacher", .summary = "bring the tip of a two-link arm to a target (MuJoCo)",
    .source = "Gymnasium Reacher-v4, -v5",
    .obs = MB_BOX(11), .act = MB_BOX_IN(2, -1, 1), .time_limit = 50, .solved = -3.75f, .shape = shape, MUJOCO_USE(reacher),
    .state_names = "joint0,joint1,target_x,target_y and their velocities",
};
