/* CartPole without velocities: only the cart's place and the pole's angle are seen, so that a policy needs memory to
   know how fast they change.  Dynamics, options and limits are those of cartpole. */
#include "env/classic/cartpole.h"

enum { NSEEN = 2 };

static void observe(const struct cartpole *s, float *obs)
{
    obs[0] = s->x;
    obs[1] = s->angle;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    cartpole_start(s, rng);
    observe(s, io->obs);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    struct cartpole_coefficients k = cartpole_prepare(options);
    *s = cartpole_advance(*s, io->index[0], &k);
    observe(s, io->obs);
    return (mb_step){ 1.0f, cartpole_fallen(*s, &k) };
}
MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct cartpole *s = state;
    if (!cartpole_read("cartpole-masked", s, values, n, err)) return false;
    observe(s, io->obs);
    return true;
}

MB_ENV(cartpole_masked) = {
    MB_ENV_HEAD, .name = "cartpole-masked", .summary = "balance a pole without seeing velocities",
    .source = "Gymnasium CartPole-v1, positions only", .obs = MB_BOX(NSEEN), .act = MB_DISCRETE(2), .time_limit = 500,
    .solved = 475, .state_size = sizeof(struct cartpole), MB_USE_OPTIONS(cartpole), .reset = reset, .step = step,
    .batch = batch, .draw = cartpole_draw, .place = place, .state_names = "x,v,angle,spin",
};
