/* Reaching seen as pixels: a planar arm of two links shall hold its tip in a target that is somewhere else in every episode.
   Figures and reward as in the DeepMind Control Suite (Tassa et al. 2018), reacher easy. */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) MUJOCO_PIXEL_ROWS(NUM, PICK)
MB_OPTIONS(pixel_reacher, OPTIONS)

/* The target is a body on two slides without motors, so that where it is belongs to the state. */
static const char model[] =
    "<mujoco>" MUJOCO_PIXEL_VISUAL "<compiler angle='degree' inertiafromgeom='true'/>"
    "<option timestep='0.02' integrator='RK4'><flag contact='disable'/></option>"
    "<default><joint axis='0 0 1' damping='.01'/><geom type='capsule'/><motor gear='.05' ctrllimited='true' ctrlrange='-1 1'/></default>"
    "<worldbody><light pos='0 0 2' directional='true' diffuse='.45 .45 .45' specular='0 0 0'/><geom type='plane' size='.35 .35 .2' pos='0 0 -.02' rgba='.85 .82 .74 1'/>"
    "<geom type='cylinder' fromto='0 0 -.01 0 0 .012' size='.011' rgba='.55 .52 .45 1'/>"
    "<body><joint name='shoulder'/><geom fromto='0 0 0 .12 0 0' size='.01' rgba='.18 .25 .35 1'/>"
    "<body pos='.12 0 0'><joint name='wrist' limited='true' range='-160 160'/><geom fromto='0 0 0 .1 0 0' size='.01' rgba='.30 .55 .42 1'/>"
    "<body pos='.12 0 0'><geom type='sphere' size='.01' rgba='.95 .70 .35 1'/></body></body></body>"
    "<body><joint type='slide' axis='1 0 0' damping='0'/><joint type='slide' axis='0 1 0' damping='0'/>"
    "<geom type='sphere' size='.05' pos='0 0 -.01' rgba='.78 .33 .24 1'/></body></worldbody>"
    "<actuator><motor joint='shoulder'/><motor joint='wrist'/></actuator></mujoco>";
enum { TIP = 3, TARGET = 4 };

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    const double pi = 3.14159265358979323846;
    mb__mujoco_uniform(rng, qpos, 1, pi);
    mb__mujoco_uniform(rng, qpos + 1, 1, pi * 160 / 180);
    double angle = 2 * pi * mb_uniform64(rng), radius = 0.05 + 0.15 * mb_uniform64(rng);
    qpos[2] = radius * mb_sin64(angle);
    qpos[3] = radius * mb_cos64(angle);
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    const double reach = 0.05 + 0.01; /* radii of target and tip */
    double dx = x->xpos[3 * TIP] - x->xpos[3 * TARGET], dy = x->xpos[3 * TIP + 1] - x->xpos[3 * TARGET + 1];
    return (mb_step){ dx * dx + dy * dy <= reach * reach ? 1.0f : 0.0f, false };
}

static const struct mujoco_camera camera = { { 0, 0, 0 }, 0.75, 90, -90, false };
static const struct mujoco_task task = {
    .name = "pixel-reacher", .xml = model, .frame_skip = 1, .nq = 4, .nv = 4, .nu = 2, .nbody = 5,
    .begin = start, .judge = judge, .view = MUJOCO_TOP, .span = 0.7, .camera = &camera,
};
MUJOCO_PIXEL_ENV(pixel_reacher, task)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct pixel_reacher_options *o = options;
    return mb__mujoco_pixel_shape(MUJOCO_PIXELS(o->size), o->repeat, shape);
}

MB_ENV(pixel_reacher) = {
    MB_ENV_HEAD, .name = "pixel-reacher", .summary = "hold the tip of an arm in a target, seen as pixels (MuJoCo)",
    .source = "DeepMind Control Suite, reacher easy", .obs = MB_IMAGE(84, 84, 9), .act = MB_BOX_IN(2, -1, 1), .time_limit = 500,
    .shape = shape, MUJOCO_USE(pixel_reacher), .state_names = "shoulder,wrist,target_x,target_y and their velocities",
};
