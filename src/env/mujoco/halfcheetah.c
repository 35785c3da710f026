/* HalfCheetah: a runner in a plane with a back and a front leg; it cannot fall in a way that ends the episode.  Figures,
   observation and reward as in Gymnasium HalfCheetah-v4 and -v5 (which are alike); the model is from Wawrzynski:
   A cat-like robot real-time learning to run (2009). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 0.1, 0, 100, "cost of a squared action")                                                   \
    NUM(double, reset_noise, 0.1, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(halfcheetah, OPTIONS)

/* one link: position, joint's name, range, stiffness and damping; the bone's turn about y, position and half length */
static void link(mb_str *xml, const char *at, const char *joint, const char *range, double stiffness, double damping, const char *bone,
                 double turn, double half, const char *color)
{
    mb_str_add(xml, "<body pos='%s'><joint name='%s' range='%s' stiffness='%g' damping='%g'/>", at, joint, range, stiffness, damping);
    mb_str_add(xml, "<geom pos='%s' axisangle='0 1 0 %g' size='.046 %g' rgba='%s 1'/>", bone, turn, half, color);
}

static void write_model(mb_str *xml, int version)
{
    static const char red[] = ".78 .33 .24", green[] = ".30 .55 .42";
    mb_str_add(xml, "<mujoco><compiler angle='radian' inertiafromgeom='true' settotalmass='14'/><option timestep='0.01'/>"
                    "<default><joint armature='.1' damping='.01' limited='true' solimplimit='0 .8 .03' solreflimit='.02 1' axis='0 1 0'/>"
                    "<geom type='capsule' conaffinity='0' friction='.4 .1 .1' solimp='0 .8 .01' solref='.02 1' rgba='.18 .25 .35 1'/>"
                    "<motor ctrllimited='true' ctrlrange='-1 1'/></default>"
                    "<worldbody><geom type='plane' conaffinity='1' size='40 40 40' rgba='.85 .82 .74 1'/><body pos='0 0 .7'>"
                    "<joint name='x' type='slide' axis='1 0 0' armature='0' damping='0' limited='false'/>"
                    "<joint name='z' type='slide' axis='0 0 1' armature='0' damping='0' limited='false'/>"
                    "<joint name='lean' armature='0' damping='0' limited='false'/>"
                    "<geom fromto='-.5 0 0 .5 0 0' size='.046'/><geom pos='.6 0 .1' axisangle='0 1 0 .87' size='.046 .15'/>");
    link(xml, "-.5 0 0", "bthigh", "-.52 1.05", 240, 6, ".1 0 -.13", -3.8, 0.145, red);
    link(xml, ".16 0 -.25", "bshin", "-.785 .785", 180, 4.5, "-.14 0 -.07", -2.03, 0.15, red);
    link(xml, "-.28 0 -.14", "bfoot", "-.4 .785", 120, 3, ".03 0 -.097", -0.27, 0.094, red);
    mb_str_add(xml, "</body></body></body>");
    link(xml, ".5 0 0", "fthigh", "-1 .7", 180, 4.5, "-.07 0 -.12", 0.52, 0.133, green);
    link(xml, "-.14 0 -.24", "fshin", "-1.2 .87", 120, 3, ".065 0 -.09", -0.6, 0.106, green);
    link(xml, ".13 0 -.18", "ffoot", "-.5 .5", 60, 1.5, ".045 0 -.07", -0.6, 0.07, green);
    mb_str_add(xml, "</body></body></body></body></worldbody><actuator>"
                    "<motor joint='bthigh' gear='120'/><motor joint='bshin' gear='90'/><motor joint='bfoot' gear='60'/>"
                    "<motor joint='fthigh' gear='120'/><motor joint='fshin' gear='60'/><motor joint='ffoot' gear='30'/></actuator></mujoco>");
}

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const struct halfcheetah_options *o = options;
    mb__mujoco_uniform(rng, qpos, 9, o->reset_noise);
    mb__mujoco_normal(rng, qvel, 9, o->reset_noise);
}

static void observe(const struct mujoco_sim *x, int version, float *obs) { mujoco_put(mujoco_put(obs, x->qpos + 1, 8), x->qvel, 9); }

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const struct halfcheetah_options *o = options;
    return (mb_step){ (float)((x->qpos[0] - before[0]) / x->dt - o->ctrl_cost * mujoco_squares(action, 6)), false };
}

static const struct mujoco_task task = {
    .name = "halfcheetah", .write = write_model, .frame_skip = 5, .nq = 9, .nv = 9, .nu = 6, .nbody = 8,
    .begin = start, .remember = mujoco_remember_x, .observe = observe, .judge = judge,
    .span = 4, .level = 0.6, .follow = true,
};
MUJOCO_ENV(halfcheetah)

MB_ENV(halfcheetah) = {
    MB_ENV_HEAD, .name = "halfcheetah", .summary = "run in a plane on a back and a front leg (MuJoCo)",
    .source = "Gymnasium HalfCheetah-v4, -v5",
    .obs = MB_BOX(17), .act = MB_BOX_IN(6, -1, 1), .time_limit = 1000, .solved = 4800, MUJOCO_USE(halfcheetah),
    .state_names = "x,z,lean,bthigh,bshin,bfoot,fthigh,fshin,ffoot and their velocities",
};
