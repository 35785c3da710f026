/* CartPole: keep a pole upright by pushing the cart it stands on.  The observation is the whole state. */
#include "env/classic/cartpole.h"

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    *s = cartpole_start(rng);
    memcpy(io->obs, s, sizeof *s);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    struct cartpole_coefficients k = cartpole_prepare(options);
    *s = cartpole_advance(*s, io->index[0], &k);
    memcpy(io->obs, s, sizeof *s);
    return (mb_step){ 1.0f, cartpole_fallen(*s, &k) };
}

MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct cartpole *s = state;
    if (!cartpole_read("cartpole", values, n, s, err)) return false;
    memcpy(io->obs, s, sizeof *s);
    return true;
}

MB_ENV(cartpole) = {
    MB_ENV_HEAD, .name = "cartpole", .summary = "balance a pole on a moving cart",
    .source = "Gymnasium CartPole-v1", .obs = MB_BOX(4), .act = MB_DISCRETE(2), .time_limit = 500, .solved = 475,
    .state_size = sizeof(struct cartpole), MB_USE_OPTIONS(cartpole), .reset = reset, .step = step, .batch = batch,
    .draw = cartpole_draw, .place = place, .state_names = "x,v,angle,spin",
};
