/* HalfCheetah: a runner in a plane with a back and a front leg; it cannot fall in a way that ends the episode.  Figures,
   observation and reward as in Gymnasium HalfCheetah-v4 and -v5 (which are alike); the model is from Wawrzynski:
   A cat-like robot real-time learning to run (2009). */
#include "env/mujoco.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                         \
    MUJOCO_ROWS(NUM, TEXT)                                                                                            \
    NUM(double, ctrl_cost, 0.1, 0, 100, "cost of a squared action")                                                   \
    NUM(double, reset_noise, 0.1, 0, 1, "spread of the first positions and velocities")
MB_OPTIONS(halfcheetah, OPTIONS)

static void write_model(mb_str *xml, int version) { mb__cheetah_write(xml, "", "size='40 40 40' rgba='.85 .82 .74 1'"); }

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
MUJOCO_ENV(halfcheetah, task)

MB_ENV(halfcheetah) = {
    MB_ENV_HEAD, .name = "halfcheetah", .summary = "run in a plane on a back and a front leg (MuJoCo)",
    .source = "Gymnasium HalfCheetah-v4, -v5",
    .obs = MB_BOX(17), .act = MB_BOX_IN(6, -1, 1), .time_limit = 1000, .solved = 4800, MUJOCO_USE(halfcheetah),
    .state_names = "x,z,lean,bthigh,bshin,bfoot,fthigh,fshin,ffoot and their velocities",
};
