/* Baird's counterexample (1995), in the form of Sutton & Barto (2018), section 11.2: seven states, two actions, no reward.
   The dashed action leads to one of the states 0 .. 5 with equal chance, the solid one to state 6.  The observation is the
   feature vector: state i < 6 has 2 in component i and 1 in component 7, state 6 has 1 in component 6 and 2 in component 7.
   All values are 0 and representable, and still off-policy semi-gradient TD diverges.  It never ends. */
#include "matchbox/env.h"

enum { DASHED, SOLID, ACTIONS, LOWER = 6, STATES = 7, FEATURES = 8 };

struct baird { int32_t at; };

static void observe(const struct baird *s, mb_io *io)
{
    for (int i = 0; i < FEATURES; i++) io->obs[i] = 0;
    io->obs[s->at] = s->at == LOWER ? 1 : 2;
    io->obs[FEATURES - 1] = s->at == LOWER ? 2 : 1;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct baird *s = state;
    s->at = mb_below(rng, STATES);
    observe(s, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct baird *s = state;
    s->at = io->index[0] == SOLID ? LOWER : mb_below(rng, LOWER);
    observe(s, io);
    return (mb_step){ 0 };
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    struct baird *s = state;
    if (n != 1) return mb_fail(err, MB_ERR_SHAPE, "baird: a state has 1 number, not %d: which of the 7 states", n);
    if (!(v[0] >= 0 && v[0] < STATES) || v[0] != (double)(int32_t)v[0])
        return mb_fail(err, MB_ERR_RANGE, "baird: the state must be a whole number in [0, %d], not %g", STATES - 1, v[0]);
    s->at = (int32_t)v[0];
    observe(s, io);
    return true;
}

/* Six states above, the seventh below; the present one is filled. */
static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct baird *s = state;
    mb_canvas_clear(canvas, 0xf7f3e9);
    for (int i = 0; i < LOWER; i++)
        mb_canvas_line(canvas, 0.125f + 0.15f * (float)i, 0.3f, 0.5f, 0.75f, 0.006f, 0xb8b09c);
    for (int i = 0; i < STATES; i++) {
        float x = i == LOWER ? 0.5f : 0.125f + 0.15f * (float)i, y = i == LOWER ? 0.75f : 0.3f;
        mb_canvas_disc(canvas, x, y, 0.06f, 0x2d4059);
        if (i != s->at) mb_canvas_disc(canvas, x, y, 0.05f, 0xf7f3e9);
    }
}

MB_BATCH(reset, step)
MB_ENV(baird) = {
    MB_ENV_HEAD, .name = "baird", .summary = "seven states on which off-policy TD with linear features diverges",
    .source = "Baird (1995), Residual algorithms", .obs = MB_BOX_IN(FEATURES, 0, 2), .act = MB_DISCRETE(ACTIONS),
    .time_limit = 1000, .state_size = sizeof(struct baird), .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "state",
};
