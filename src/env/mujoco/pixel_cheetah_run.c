/* Running seen as pixels: the body of halfcheetah, rewarded for its speed up to 10 m/s, as the DeepMind Control Suite (Tassa et al.
   2018) rewards its cheetah. */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) MUJOCO_PIXEL_ROWS(NUM, PICK)
MB_OPTIONS(pixel_cheetah_run, OPTIONS)

static void write_model(mb_str *xml, int version)
{
    mb__cheetah_write(xml,
                      MUJOCO_PIXEL_VISUAL "<asset><texture name='squares' type='2d' builtin='checker' rgb1='1 1 1' rgb2='.7 .7 .7' "
                                          "width='64' height='64'/><material name='squares' texture='squares' texrepeat='1 1' texuniform='true'/>"
                                          "</asset><worldbody><light pos='0 -2 5' dir='0 .3 -1' directional='true'/></worldbody>",
                      "size='200 40 400' rgba='.85 .82 .74 1' material='squares'"); /* longer than anybody runs in an episode */
}

static void start(const void *options, mb_rng *rng, double *qpos, double *qvel)
{
    mb__mujoco_uniform(rng, qpos, 9, 0.1);
    mb__mujoco_normal(rng, qvel, 9, 0.1);
}

static mb_step judge(const void *options, const struct mujoco_sim *x, const double *before, const float *action)
{
    double speed = (x->qpos[0] - before[0]) / x->dt;
    return (mb_step){ (float)(speed < 0 ? 0 : speed > 10 ? 1 : speed / 10), false };
}

static const struct mujoco_camera camera = { { 0, 0, 0.5 }, 3.2, 90, -10, true };
static const struct mujoco_task task = {
    .name = "pixel-cheetah-run", .write = write_model, .frame_skip = 1, .nq = 9, .nv = 9, .nu = 6, .nbody = 8,
    .begin = start, .remember = mujoco_remember_x, .judge = judge, .span = 4, .level = 0.6, .follow = true, .camera = &camera,
};
MUJOCO_PIXEL_ENV(pixel_cheetah_run, task)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct pixel_cheetah_run_options *o = options;
    return mb__mujoco_pixel_shape(MUJOCO_PIXELS(o->size), o->repeat, shape);
}

MB_ENV(pixel_cheetah_run) = {
    MB_ENV_HEAD, .name = "pixel-cheetah-run", .summary = "run in a plane, seen as pixels (MuJoCo)",
    .source = "DeepMind Control Suite, cheetah run, on HalfCheetah's body", .obs = MB_IMAGE(84, 84, 9), .act = MB_BOX_IN(6, -1, 1), .time_limit = 500,
    .shape = shape, MUJOCO_USE(pixel_cheetah_run), .state_names = "x,z,lean,bthigh,bshin,bfoot,fthigh,fshin,ffoot and their velocities",
};
