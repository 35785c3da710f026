/* Pusher: an arm of seven joints that shall push a cylinder to a goal on the table.  Figures, observation and reward as in
   Gymnasium Pusher-v4, whose reward is that of the positions before the step, and -v5, whose cylinder weighs more. */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, near_cost, 0.5, 0, 100, "cost of the distance between hand and cylinder")                             \
    NUM(double, goal_cost, 1.0, 0, 100, "cost of the distance between cylinder and goal")                             \
    NUM(double, ctrl_cost, 0.1, 0, 100, "cost of a squared action")
MB_OPTIONS(pusher, OPTIONS)

static void write_model(mb_str *xml, int version)
{
    mb_str_add(xml,
               "<mujoco><compiler angle='radian' inertiafromgeom='true'/><option timestep='0.01' gravity='0 0 0' iterations='20'/>"
               "<default><joint armature='.04' damping='.1' limited='true'/>"
               "<geom type='capsule' density='300' condim='1' margin='.002' friction='.8 .1 .1' contype='0' conaffinity='0' rgba='.18 .25 .35 1'/>"
               "<motor ctrllimited='true' ctrlrange='-2 2'/></default>"
               "<worldbody><geom type='plane' pos='0 .5 -.325' size='1 1 .5' contype='1' conaffinity='1' rgba='.85 .82 .74 1'/>"
               "<body pos='0 -.6 0'><joint name='pan' axis='0 0 1' range='-2.2854 1.714602' damping='1'/>"
               "<geom type='sphere' pos='-.06 .05 .2' size='.05'/><geom type='sphere' pos='.06 .05 .2' size='.05'/>"
               "<geom type='sphere' pos='-.06 .09 .2' size='.03'/><geom type='sphere' pos='.06 .09 .2' size='.03'/>"
               "<geom fromto='0 0 -.4 0 0 .2' size='.1'/>"
               "<body pos='.1 0 0'><joint name='lift' axis='0 1 0' range='-.5236 1.3963' damping='1'/><geom fromto='0 -.1 0 0 .1 0' size='.1'/>"
               "<body><joint name='roll' axis='1 0 0' range='-1.5 1.7'/><geom fromto='-.1 0 0 .1 0 0' size='.02'/>"
               "<body><geom fromto='0 0 0 .4 0 0' size='.06' rgba='.30 .55 .42 1'/>");
    mb_str_add(xml,
               "<body pos='.4 0 0'><joint name='elbow' axis='0 1 0' range='-2.3213 0'/><geom fromto='0 -.02 0 0 .02 0' size='.06'/>"
               "<body><joint name='forearm' axis='1 0 0' range='-1.5 1.5'/><geom fromto='-.1 0 0 .1 0 0' size='.02'/>"
               "<body><geom fromto='0 0 0 .291 0 0' size='.05' rgba='.30 .55 .42 1'/>"
               "<body pos='.321 0 0'><joint name='wrist' axis='0 1 0' range='-1.094 0'/><geom fromto='0 -.02 0 0 .02 0' size='.01'/>"
               "<body><joint name='hand' axis='1 0 0' range='-1.5 1.5'/>"
               "<body><geom type='sphere' pos='.1 -.1 0' size='.01'/><geom type='sphere' pos='.1 .1 0' size='.01'/></body>"
               "<geom fromto='0 -.1 0 0 .1 0' size='.02' contype='1' conaffinity='1'/>"
               "<geom fromto='0 -.1 0 .1 -.1 0' size='.02' contype='1' conaffinity='1'/>"
               "<geom fromto='0 .1 0 .1 .1 0' size='.02' contype='1' conaffinity='1'/>"
               "</body></body></body></body></body></body></body></body></body>");
    mb_str_add(xml, "<body pos='.45 -.05 -.275'>%s<geom type='cylinder' size='.05 .05' density='%s' contype='1' rgba='.78 .33 .24 1'/>",
               version == 4 ? "<geom type='sphere' size='.05' density='1e-5' rgba='1 1 1 0'/>" : "", version == 4 ? "1e-5" : ".01");
    for (int i = 0; i < 2; i++)
        mb_str_add(xml, "%s<joint type='slide' axis='0 1 0' range='-10.3213 10.3' damping='.5'/>"
                        "<joint type='slide' axis='1 0 0' range='-10.3213 10.3' damping='.5'/></body>",
                   i ? "<body pos='.45 -.05 -.323'><geom type='cylinder' size='.08 .001' density='1e-5' rgba='.95 .70 .35 1'/>" : "");
    mb_str_add(xml, "</worldbody><actuator><motor joint='pan'/><motor joint='lift'/><motor joint='roll'/><motor joint='elbow'/>"
                    "<motor joint='forearm'/><motor joint='wrist'/><motor joint='hand'/></actuator></mujoco>");
}

enum { HAND = 10, CYLINDER = 11, GOAL = 12 };

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    do {
        qpos[7] = -0.3 * (1 - mb_uniform64(rng));
        qpos[8] = 0.4 * mb_uniform64(rng) - 0.2;
    } while (qpos[7] * qpos[7] + qpos[8] * qpos[8] <= 0.17 * 0.17);
    qpos[9] = qpos[10] = 0;
    mb__mujoco_uniform(rng, qvel, 7, 0.005);
}

static double distance(const struct mujoco_sim *x, int a, int b)
{
    double sum = 0;
    for (int i = 0; i < 3; i++) sum += (x->xpos[3 * a + i] - x->xpos[3 * b + i]) * (x->xpos[3 * a + i] - x->xpos[3 * b + i]);
    return __builtin_sqrt(sum);
}

static void remember(const struct mujoco_sim *x, double *before)
{
    before[0] = distance(x, CYLINDER, HAND);
    before[1] = distance(x, CYLINDER, GOAL);
}

static void observe(const struct mujoco_sim *x, int version, float *obs)
{
    mujoco_put(mujoco_put(mujoco_put(obs, x->qpos, 7), x->qvel, 7), x->xpos + 3 * HAND, 9);
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct pusher_options *o = options;
    double now[2];
    remember(x, now);
    const double *d = o->version == 4 ? before : now;
    return (mb_step){ (float)(-o->near_cost * d[0] - o->goal_cost * d[1] - o->ctrl_cost * mujoco_squares(action, 7)), false };
}

static const struct mujoco_task task = {
    .name = "pusher", .write = write_model, .frame_skip = 5, .nq = 11, .nv = 11, .nu = 7, .nbody = 13,
    .begin = start, .remember = remember, .observe = observe, .judge = judge, .view = MUJOCO_TOP, .span = 2.2, .level = -0.2,
};
MUJOCO_ENV(pusher, task)

MB_ENV(pusher) = {
    MB_ENV_HEAD, .name = "pusher", .summary = "push a cylinder to a goal with an arm of seven joints (MuJoCo)",
    .source = "Gymnasium Pusher-v4, -v5",
    .obs = MB_BOX(23), .act = MB_BOX_IN(7, -2, 2), .time_limit = 100, MUJOCO_USE(pusher),
    .state_names = "pan,lift,roll,elbow,forearm,wrist,hand,cylinder_y,cylinder_x,goal_y,goal_x and their velocities",
};
