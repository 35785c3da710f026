/* Walker2d: two legs in a plane that shall walk forward and not fall.  Figures, observation and reward as in Gymnasium
   Walker2d-v4 and -v5 (whose feet rub alike); the task grew out of Hopper (Erez, Tassa, Todorov 2012). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 1e-3, 0, 100, "cost of a squared action")                                                  \
    NUM(double, healthy_reward, 1.0, 0, 100, "for every step without falling")                                        \
    NUM(bool, ends_unhealthy, true, 0, 1, "a fall ends the episode")                                                  \
    NUM(double, reset_noise, 5e-3, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(walker2d, OPTIONS)

static void leg(mb_str *xml, const char *side, double friction, const char *color)
{
    mb_str_add(xml,
               "<body pos='0 0 -.2'><joint name='thigh%s' range='-150 0'/><geom pos='0 0 -.225' size='.05 .225' rgba='%s 1'/>"
               "<body pos='0 0 -.7'><joint name='leg%s' pos='0 0 .25' range='-150 0'/><geom size='.04 .25' rgba='%s 1'/>"
               "<body pos='.2 0 -.35'><joint name='foot%s' pos='-.2 0 .1' range='-45 45'/>"
               "<geom friction='%g' pos='-.1 0 .1' zaxis='-1 0 0' size='.06 .1' rgba='%s 1'/></body></body></body>",
               side, color, side, color, side, friction, color);
}

static void write_model(mb_str *xml, int version)
{
    mb_str_add(xml,
               "<mujoco><compiler angle='degree' inertiafromgeom='true'/><option integrator='RK4' timestep='0.002'/>"
               "<default><joint armature='.01' damping='.1' limited='true' axis='0 -1 0'/>"
               "<geom type='capsule' conaffinity='0' friction='.9 .1 .1' rgba='.18 .25 .35 1'/>"
               "<motor ctrllimited='true' ctrlrange='-1 1' gear='100'/></default>"
               "<worldbody><geom type='plane' conaffinity='1' friction='.7 .1 .1' size='40 40 40' rgba='.85 .82 .74 1'/>"
               "<body pos='0 0 1.25'>"
               "<joint name='x' type='slide' axis='1 0 0' pos='0 0 -1.25' armature='0' damping='0' limited='false'/>"
               "<joint name='z' type='slide' axis='0 0 1' pos='0 0 -1.25' ref='1.25' armature='0' damping='0' limited='false'/>"
               "<joint name='lean' axis='0 1 0' armature='0' damping='0' limited='false'/><geom size='.05 .2'/>");
    leg(xml, "", version == 4 ? 0.9 : 1.9, ".78 .33 .24");
    leg(xml, "2", 1.9, ".30 .55 .42");
    mb_str_add(xml, "</body></worldbody><actuator><motor joint='thigh'/><motor joint='leg'/><motor joint='foot'/>"
                    "<motor joint='thigh2'/><motor joint='leg2'/><motor joint='foot2'/></actuator></mujoco>");
}

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct walker2d_options *o = options;
    mb__mujoco_uniform(rng, qpos, 9, o->reset_noise);
    mb__mujoco_uniform(rng, qvel, 9, o->reset_noise);
}

static void observe(const struct mujoco_sim *x, int version, float *obs)
{
    mujoco_put_clipped(mujoco_put(obs, x->qpos + 1, 8), x->qvel, 9, 10);
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct walker2d_options *o = options;
    double z = x->qpos[1], lean = x->qpos[2], speed = (x->qpos[0] - before[0]) / x->dt;
    bool healthy = z > 0.8 && z < 2 && lean > -1 && lean < 1;
    return mujoco_healthy(o->version, healthy, o->ends_unhealthy, o->healthy_reward, speed - o->ctrl_cost * mujoco_squares(action, 6));
}

static const struct mujoco_task task = {
    .name = "walker2d", .write = write_model, .frame_skip = 4, .nq = 9, .nv = 9, .nu = 6, .nbody = 8,
    .begin = start, .remember = mujoco_remember_x, .observe = observe, .judge = judge,
    .span = 4, .level = 0.8, .follow = true,
};
MUJOCO_ENV(walker2d, task)

MB_ENV(walker2d) = {
    MB_ENV_HEAD, .name = "walker2d", .summary = "walk on two legs in a plane (MuJoCo)", .source = "Gymnasium Walker2d-v4, -v5",
    .obs = MB_BOX(17), .act = MB_BOX_IN(6, -1, 1), .time_limit = 1000, MUJOCO_USE(walker2d),
    .state_names = "x,z,lean,thigh,leg,foot,thigh2,leg2,foot2 and their velocities",
};
