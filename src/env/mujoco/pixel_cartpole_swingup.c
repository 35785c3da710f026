/* Cart-pole swing-up seen as pixels: swing a hanging pole up and balance it on a cart, rail of 3.6 m.  Figures and the smooth
   reward as in the DeepMind Control Suite (Tassa et al. 2018), cartpole swingup. */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) MUJOCO_PIXEL_ROWS(NUM, PICK)
MB_OPTIONS(pixel_cartpole_swingup, OPTIONS)

static const char model[] =
    "<mujoco>" MUJOCO_PIXEL_VISUAL "<compiler angle='radian' inertiafromgeom='true'/>"
    "<option timestep='0.01' integrator='RK4'><flag contact='disable' energy='disable'/></option>"
    "<worldbody><light pos='0 -2 6' dir='0 .3 -1' directional='true'/><geom type='plane' size='8 8 4' rgba='.85 .82 .74 1'/>"
    "<geom type='capsule' pos='0 .07 1' zaxis='1 0 0' size='.02 2' rgba='.55 .52 .45 1'/>"
    "<geom type='capsule' pos='0 -.07 1' zaxis='1 0 0' size='.02 2' rgba='.55 .52 .45 1'/>"
    "<body pos='0 0 1'><joint name='slider' type='slide' axis='1 0 0' limited='true' range='-1.8 1.8' solreflimit='.08 1' damping='5e-4'/>"
    "<geom type='box' size='.2 .15 .1' mass='1' rgba='.18 .25 .35 1'/>"
    "<body><joint name='hinge' axis='0 1 0' damping='2e-6'/><geom type='capsule' fromto='0 0 0 0 0 1' size='.045' mass='.1' rgba='.78 .33 .24 1'/>"
    "</body></body></worldbody><actuator><motor joint='slider' gear='10' ctrllimited='true' ctrlrange='-1 1'/></actuator></mujoco>";

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    qpos[1] = 3.14159265358979323846;
    mb__mujoco_normal(rng, qpos, 2, 0.01);
    mb__mujoco_normal(rng, qvel, 2, 0.01);
}

/* 1 at 0, 0.1 at the margin, a bell between and beyond. */
static double bell(double x, double margin) { return mb_exp64(-2.302585092994046 * (x / margin) * (x / margin)); }

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    double a = (double)action[0], upright = (mb_cos64(x->qpos[1]) + 1) / 2, centered = (1 + bell(x->qpos[0], 2)) / 2;
    double gentle = (4 + (a * a < 1 ? 1 - a * a : 0)) / 5, slow = (1 + bell(x->qvel[1], 5)) / 2;
    return (mb_step){ (float)(upright * gentle * slow * centered), false };
}

static const struct mujoco_camera camera = { { 0, 0, 1 }, 4.2, 90, -8, false };
static const struct mujoco_task task = {
    .name = "pixel-cartpole-swingup", .xml = model, .frame_skip = 1, .nq = 2, .nv = 2, .nu = 1, .nbody = 3,
    .begin = start, .judge = judge, .span = 4.4, .level = 1, .camera = &camera,
};
MUJOCO_PIXEL_ENV(pixel_cartpole_swingup, task)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct pixel_cartpole_swingup_options *o = options;
    return mb__mujoco_pixel_shape(MUJOCO_PIXELS(o->size), o->repeat, shape);
}

MB_ENV(pixel_cartpole_swingup) = {
    MB_ENV_HEAD, .name = "pixel-cartpole-swingup", .summary = "swing a pole up and balance it, seen as pixels (MuJoCo)",
    .source = "DeepMind Control Suite, cartpole swingup", .obs = MB_IMAGE(84, 84, 9), .act = MB_BOX_IN(1, -1, 1), .time_limit = 500,
    .shape = shape, MUJOCO_USE(pixel_cartpole_swingup), .state_names = "x,angle and their velocities",
};
