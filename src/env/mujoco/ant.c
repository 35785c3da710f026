/* Ant: a body on four legs of two joints that shall run forward and not turn over.  Figures, observation and reward as in
   Gymnasium Ant-v4 and -v5; the model is from Schulman et al.: High-dimensional continuous control using generalized
   advantage estimation (2015). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 0.5, 0, 100, "cost of a squared action")                                                   \
    NUM(double, contact_cost, 5e-4, 0, 100, "cost of a squared contact force (version 5)")                            \
    NUM(double, healthy_reward, 1.0, 0, 100, "for every step in a healthy height")                                    \
    NUM(bool, ends_unhealthy, true, 0, 1, "leaving the healthy heights ends the episode")                             \
    NUM(double, reset_noise, 0.1, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(ant, OPTIONS)

enum { BODIES = 14 };

static void write_model(mb_str *xml, int version)
{
    static const int sx[4] = { 1, -1, -1, 1 }, sy[4] = { 1, 1, -1, -1 }; /* which corner a leg points to */
    static const char *const bend[4] = { "30 70", "-70 -30", "-70 -30", "30 70" };
    mb_str_add(xml, "<mujoco><compiler angle='degree' inertiafromgeom='true'/><option integrator='RK4' timestep='0.01'/>"
                    "<default><joint armature='1' damping='1' limited='true'/>"
                    "<geom type='capsule' size='.08' density='5' conaffinity='0' friction='1 .5 .5' margin='.01' rgba='.30 .55 .42 1'/>"
                    "<motor ctrllimited='true' ctrlrange='-1 1' gear='150'/></default>"
                    "<worldbody><geom type='plane' conaffinity='1' size='40 40 40' rgba='.85 .82 .74 1'/><body pos='0 0 .75'>"
                    "<joint type='free' armature='0' damping='0' limited='false' margin='.01'/>"
                    "<geom type='sphere' size='.25' rgba='.18 .25 .35 1'/>");
    for (int i = 0; i < 4; i++) {
        double x = 0.2 * sx[i], y = 0.2 * sy[i];
        mb_str_add(xml, "<body><geom fromto='0 0 0 %g %g 0'/><body pos='%g %g 0'><joint name='hip%d' axis='0 0 1' range='-30 30'/>", x, y, x, y, i + 1);
        mb_str_add(xml, "<geom fromto='0 0 0 %g %g 0'/><body pos='%g %g 0'><joint name='ankle%d' axis='%d 1 0' range='%s'/>", x, y, x, y, i + 1,
                   i % 2 ? 1 : -1, bend[i]);
        mb_str_add(xml, "<geom fromto='0 0 0 %g %g 0' rgba='.78 .33 .24 1'/></body></body></body>", 2 * x, 2 * y);
    }
    mb_str_add(xml, "</body></worldbody><actuator>");
    for (int i = 0; i < 4; i++) mb_str_add(xml, "<motor joint='hip%d'/><motor joint='ankle%d'/>", (i + 3) % 4 + 1, (i + 3) % 4 + 1);
    mb_str_add(xml, "</actuator></mujoco>");
}

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct ant_options *o = options;
    mb__mujoco_uniform(rng, qpos, 15, o->reset_noise);
    mb__mujoco_normal(rng, qvel, 14, o->reset_noise);
}

static void remember(const struct mujoco_sim *x, double *before) { before[0] = x->xpos[3]; }

static void observe(const struct mujoco_sim *x, int version, float *obs)
{
    obs = mujoco_put(mujoco_put(obs, x->qpos + 2, 13), x->qvel, 14);
    if (version == 5) mujoco_put_clipped(obs, x->cfrc_ext + 6, 6 * (BODIES - 1), 1);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    shape->obs.field[0].n = ((const struct ant_options *)options)->version == 4 ? 27 : 27 + 6 * (BODIES - 1);
    return true;
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct ant_options *o = options;
    double speed = (x->xpos[3] - before[0]) / x->dt, cost = o->ctrl_cost * mujoco_squares(action, 8), force = 0;
    for (int i = 0; o->version == 5 && i < 6 * BODIES; i++) {
        double f = x->cfrc_ext[i] < -1 ? -1 : x->cfrc_ext[i] > 1 ? 1 : x->cfrc_ext[i];
        force += f * f;
    }
    bool healthy = x->qpos[2] >= 0.2 && x->qpos[2] <= 1.0;
    return mujoco_healthy(o->version, healthy, o->ends_unhealthy, o->healthy_reward, speed - cost - o->contact_cost * force);
}

static const struct mujoco_task task = {
    .name = "ant", .write = write_model, .frame_skip = 5, .nq = 15, .nv = 14, .nu = 8, .nbody = BODIES, .forces_from = 5,
    .begin = start, .remember = remember, .observe = observe, .judge = judge,
    .view = MUJOCO_TOP, .span = 5, .follow = true,
};
MUJOCO_ENV(ant, task)

MB_ENV(ant) = {
    MB_ENV_HEAD, .name = "ant", .summary = "run on four legs (MuJoCo)", .source = "Gymnasium Ant-v4, -v5",
    .obs = MB_BOX(27), .act = MB_BOX_IN(8, -1, 1), .time_limit = 1000, .solved = 6000, .shape = shape, MUJOCO_USE(ant),
    .state_names = "x,y,z,quaternion (4),hip1,ankle1 .. hip4,ankle4; velocities: 3 of the body, 3 of its turning, 8 of the joints",
};
