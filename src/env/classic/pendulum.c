/* Pendulum: swing up and balance a rod with a motor too weak to lift it directly; there is no end
   but the time limit. Constants, order of integration and cost as in Gymnasium Pendulum-v1. */
#include "env/classic/classic.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(double, gravity, 10.0, 0, 100, "gravity, m/s^2")                                           \
    NUM(double, mass, 1.0, 0.01, 100, "mass of the rod, kg")                                       \
    NUM(double, length, 1.0, 0.1, 10, "length of the rod, m")                                      \
    NUM(double, max_torque, 2.0, 0.01, 100, "strongest torque of the motor, N m")                  \
    NUM(double, dt, 0.05, 0.0001, 0.2, "time between two actions, s")
MB_OPTIONS(pendulum, OPTIONS)

struct pendulum {
    double angle, spin;
}; /* rad (0 = upright, not wrapped), rad/s */

static const double max_spin = 8.0;
static const float lows[] = {-1, -1, -8}, highs[] = {1, 1, 8};

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct pendulum_options *o = options;
    shape->act.field[0].low = -(float)o->max_torque;
    shape->act.field[0].high = (float)o->max_torque;
    return true;
}

static void observe(const struct pendulum *s, mb_io *io)
{
    io->obs[0] = (float)mb_cos64(s->angle);
    io->obs[1] = (float)mb_sin64(s->angle);
    io->obs[2] = (float)s->spin;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct pendulum *s = state;
    s->angle = CLASSIC_PI * (2.0 * mb_uniform64(rng) - 1.0);
    s->spin = 2.0 * mb_uniform64(rng) - 1.0;
    observe(s, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct pendulum *s = state;
    const struct pendulum_options *o = options;
    double g = o->gravity, m = o->mass, l = o->length, dt = o->dt;
    double torque = (double)io->value[0], lean = classic_wrap(s->angle);
    double cost = lean * lean + 0.1 * (s->spin * s->spin) + 0.001 * (torque * torque);
    double spin =
        s->spin + (3.0 * g / (2.0 * l) * mb_sin64(s->angle) + 3.0 / (m * (l * l)) * torque) * dt;
    s->spin = spin < -max_spin ? -max_spin : spin > max_spin ? max_spin : spin;
    s->angle += s->spin * dt;
    observe(s, io);
    return (mb_step){(float)-cost, false};
}

MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io,
                  mb_error *err)
{
    if (!classic_state_fits("pendulum", "theta, thdot", 2, values, n, err)) return false;
    struct pendulum *s = state;
    *s = (struct pendulum){values[0], values[1]};
    if (s->spin < -max_spin || s->spin > max_spin)
        return mb_fail(err, MB_ERR_RANGE, "pendulum: thdot must lie in [-8, 8], not %g", s->spin);
    observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct pendulum *s = state;
    float aspect = (float)c->w / (float)c->h, reach = 0.38f / aspect,
          turn = (float)classic_wrap(s->angle);
    float x = 0.5f - reach * mb_sinf(turn), y = 0.5f - reach * aspect * mb_cosf(turn);
    mb_canvas_clear(c, 0xF7F4EC);
    mb_canvas_disc(c, 0.5f, 0.5f, reach + 0.03f, 0xE5DFD0);
    mb_canvas_disc(c, 0.5f, 0.5f, reach + 0.024f, 0xF7F4EC);
    mb_canvas_line(c, 0.5f, 0.5f - reach * aspect, 0.5f, 0.5f - (reach + 0.05f) * aspect, 0.006f,
                   0x4C8C6B);
    mb_canvas_line(c, 0.5f, 0.5f, x, y, 0.045f, 0xC8553D);
    mb_canvas_disc(c, 0.5f, 0.5f, 0.012f, 0x2D4059);
}

MB_ENV(pendulum) = {
    MB_ENV_HEAD,
    .name = "pendulum",
    .summary = "swing up a rod with a weak motor and keep it there",
    .source = "Gymnasium Pendulum-v1",
    .obs = MB_BOX_BOUNDS(3, lows, highs),
    .act = MB_BOX_IN(1, -2, 2),
    .time_limit = 200,
    .solved = -200,
    .state_size = sizeof(struct pendulum),
    MB_USE_OPTIONS(pendulum),
    .shape = shape,
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "theta,thdot",
};
