/* Random walk: a chain of states with a terminal one at each end, the textbook problem of temporal-difference learning
   (Sutton 1988; 19 states: Sutton & Barto 2018, example 7.1).  The walk is made random by a policy that goes left or
   right with equal chance, so that the true values are on a straight line. */
#include "matchbox/env.h"

enum { LEFT, RIGHT, ACTIONS };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    NUM(int, states, 19, 1, 100000, "states between the two ends")                                     \
    NUM(float, left, -1, -1000, 1000, "reward of stepping out at the left end")                        \
    NUM(float, right, 1, -1000, 1000, "reward of stepping out at the right end")                       \
    NUM(float, slip, 0, 0, 1, "chance that a step goes the other way")
MB_OPTIONS(randomwalk, OPTIONS)

struct randomwalk { int32_t at; }; /* 0 .. states-1 */

static void observe(const struct randomwalk *s, mb_io *io) { ((int32_t *)io->obs_field[0])[0] = s->at; }

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct randomwalk_options *o = options;
    struct randomwalk *s = state;
    s->at = (o->states - 1) / 2;
    observe(s, io);
}

/* One step from `at`: beyond an end the place stays the last one and the episode is over. */
static mb_step move(const struct randomwalk_options *o, int32_t *at, int action)
{
    int to = *at + (action == RIGHT ? 1 : -1);
    if (to < 0) return (mb_step){ o->left, true };
    if (to >= o->states) return (mb_step){ o->right, true };
    *at = to;
    return (mb_step){ 0 };
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct randomwalk_options *o = options;
    struct randomwalk *s = state;
    int action = io->index[0];
    if (o->slip > 0 && mb_uniform(rng, 0, 1) < o->slip) action = !action;
    mb_step r = move(o, &s->at, action);
    observe(s, io);
    return r;
}

static int model(const void *options, int state, int action, mb_outcome *out, int max)
{
    const struct randomwalk_options *o = options;
    if (state == MB_MODEL_RESET) {
        if (max > 0) out[0] = (mb_outcome){ .p = 1, .next = (o->states - 1) / 2 };
        return 1;
    }
    int n = o->slip > 0 ? 2 : 1;
    for (int i = 0; i < n && i < max; i++) {
        int32_t at = state;
        mb_step r = move(o, &at, i == 0 ? action : !action);
        double slip = (double)o->slip;
        out[i] = (mb_outcome){ i == 0 ? 1 - slip : slip, at, r.reward, r.terminated };
    }
    return n;
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct randomwalk_options *o = options;
    shape->obs.field[0].n = o->states;
    return true;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    const struct randomwalk_options *o = options;
    struct randomwalk *s = state;
    if (n != 1) return mb_fail(err, MB_ERR_SHAPE, "randomwalk: a state has 1 number, not %d: the place", n);
    if (!(v[0] >= 0 && v[0] < o->states) || v[0] != (double)(int32_t)v[0])
        return mb_fail(err, MB_ERR_RANGE, "randomwalk: the place must be a whole number in [0, %d], not %g", o->states - 1, v[0]);
    s->at = (int32_t)v[0];
    observe(s, io);
    return true;
}

/* The chain from left to right: ends in the colour of their reward, the walker a disc. */
static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct randomwalk_options *o = options;
    const struct randomwalk *s = state;
    const float end[2] = { o->left, o->right };
    float room = 0.9f / (float)(o->states + 1), dot = room < 0.1f ? 0.36f * room : 0.036f;
    mb_canvas_clear(canvas, 0xf7f3e9);
    mb_canvas_line(canvas, 0.05f, 0.5f, 0.95f, 0.5f, 0.004f, 0xb8b09c);
    for (int k = 0; k < 2; k++) {
        float x = k ? 0.95f : 0.05f;
        mb_color color = end[k] > 0 ? 0x2e7d5b : end[k] < 0 ? 0xc8553d : 0x8a8577;
        mb_canvas_rect(canvas, x - 0.03f, 0.42f, x + 0.03f, 0.58f, color);
    }
    for (int i = 0; i < o->states && o->states <= 200; i++)
        mb_canvas_disc(canvas, 0.05f + room * (float)(i + 1), 0.5f, dot, 0xb8b09c);
    float walker = dot > 0.018f ? 1.3f * dot : 0.024f;
    mb_canvas_disc(canvas, 0.05f + room * (float)(s->at + 1), 0.5f, walker, 0x2b5c9e);
}

MB_BATCH(reset, step)
MB_ENV(randomwalk) = {
    MB_ENV_HEAD, .name = "randomwalk", .summary = "a chain of states with a reward at each end",
    .source = "Sutton (1988), Learning to predict by the methods of temporal differences",
    .obs = MB_DISCRETE(19), .act = MB_DISCRETE(ACTIONS), .state_size = sizeof(struct randomwalk), MB_USE_OPTIONS(randomwalk),
    .shape = shape, .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place, .state_names = "place", .model = model,
};
