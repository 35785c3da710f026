/* Reacher with goals: a flat arm of two links whose joints turn as fast as they are told; its tip is to reach a point.  After
   Gymnasium's Reacher (links of 0.1 and 0.11 m, targets within 0.2 m), as kinematics: nothing has mass, so nothing swings on. */
#include "env/goal/goal.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(double, near, 0.02, 0.001, 0.2, "how near the tip must come, m")                            \
    NUM(double, speed, 4, 0.1, 20, "greatest speed of a joint, rad/s")                              \
    GOAL_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(reacher_goal, OPTIONS)

struct reacher_goal { double joint[2]; float goal[2]; }; /* rad, the second relative to the first; m */

static const double first = 0.1, second = 0.11, reach = 0.2, dt = 0.05, pi = 3.14159265358979323846;

static double wrap(double angle)
{
    return angle - 2 * pi * __builtin_floor((angle + pi) / (2 * pi));
}

static void observe(const struct reacher_goal *s, mb_io *io)
{
    float *seen = io->obs_field[MB_GOAL_SEEN], *tip = io->obs_field[MB_GOAL_ACHIEVED];
    double both = s->joint[0] + s->joint[1];
    for (int i = 0; i < 2; i++) {
        seen[2 * i] = (float)mb_cos64(s->joint[i]);
        seen[2 * i + 1] = (float)mb_sin64(s->joint[i]);
    }
    tip[0] = (float)(first * mb_cos64(s->joint[0]) + second * mb_cos64(both));
    tip[1] = (float)(first * mb_sin64(s->joint[0]) + second * mb_sin64(both));
    memcpy(io->obs_field[MB_GOAL_DESIRED], s->goal, sizeof s->goal);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct reacher_goal *s = state;
    for (int i = 0; i < 2; i++) s->joint[i] = pi * (2 * mb_uniform64(rng) - 1);
    do
        for (int i = 0; i < 2; i++) s->goal[i] = (float)(reach * (2 * mb_uniform64(rng) - 1));
    while (!goal_near(s->goal, (const float[2]){ 0, 0 }, reach));
    observe(s, io);
}

static mb_step goal_reward(const void *options, const void *achieved, const void *desired)
{
    const struct reacher_goal_options *o = options;
    return goal_step(goal_near(achieved, desired, o->near), o->ends);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct reacher_goal_options *o = options;
    struct reacher_goal *s = state;
    for (int i = 0; i < 2; i++) s->joint[i] = wrap(s->joint[i] + o->speed * dt * (double)io->value[i]);
    observe(s, io);
    return goal_reward(options, io->obs_field[MB_GOAL_ACHIEVED], io->obs_field[MB_GOAL_DESIRED]);
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    struct reacher_goal *s = state;
    if (n != 4) return mb_fail(err, MB_ERR_SHAPE, "reacher-goal: a state has 4 numbers (joint0, joint1, goal_x, goal_y), not %d", n);
    for (int i = 0; i < 4; i++)
        if (!(v[i] >= -1e3 && v[i] <= 1e3)) return mb_fail(err, MB_ERR_RANGE, "reacher-goal: number %d of the state must lie in [-1000, 1000], not %g", i + 1, v[i]);
    if (v[2] * v[2] + v[3] * v[3] > reach * reach)
        return mb_fail(err, MB_ERR_RANGE, "reacher-goal: the goal (%g, %g) is farther than %g m away", v[2], v[3], reach);
    *s = (struct reacher_goal){ { wrap(v[0]), wrap(v[1]) }, { (float)v[2], (float)v[3] } };
    observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct reacher_goal_options *o = options;
    const struct reacher_goal *s = state;
    float tall = (float)c->w / (float)c->h, scale = 2 / tall < 2 ? 2 / tall : 2; /* of the width per meter */
    double a = s->joint[0], b = a + s->joint[1];
    float x1 = 0.5f + scale * (float)(first * mb_cos64(a)), y1 = 0.5f - scale * tall * (float)(first * mb_sin64(a));
    float x2 = x1 + scale * (float)(second * mb_cos64(b)), y2 = y1 - scale * tall * (float)(second * mb_sin64(b));
    mb_canvas_clear(c, 0xf7f4ec);
    mb_canvas_disc(c, 0.5f, 0.5f, scale * (float)reach, 0xebe5d6);
    mb_canvas_disc(c, 0.5f + scale * s->goal[0], 0.5f - scale * tall * s->goal[1], scale * (float)o->near, 0x3fae5a);
    mb_canvas_line(c, 0.5f, 0.5f, x1, y1, 0.03f, 0x2d4059);
    mb_canvas_line(c, x1, y1, x2, y2, 0.022f, 0xc8553d);
    mb_canvas_disc(c, x2, y2, 0.012f, 0x2d4059);
}

MB_BATCH(reset, step)
MB_ENV(reacher_goal) = {
    MB_ENV_HEAD, .name = "reacher-goal", .summary = "bring the tip of a two-link arm to a point (goals)",
    .source = "after Gymnasium Reacher, as kinematics", .obs = MB_GOALS(4, 2, -0.25f, 0.25f), .act = MB_BOX_IN(2, -1, 1), .time_limit = 50,
    .state_size = sizeof(struct reacher_goal), MB_USE_OPTIONS(reacher_goal), .reset = reset, .step = step, .batch = batch,
    .draw = draw, .place = place, .state_names = "joint0,joint1,goal_x,goal_y", .goal_reward = goal_reward,
};
