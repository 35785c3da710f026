/* Acrobot: swing the free end of a two-link chain above a line, with a motor in the middle joint
   only. Sutton (1996); equations of Sutton & Barto's book (or of the paper, by option),
   fourth-order Runge-Kutta and constants as in Gymnasium Acrobot-v1. */
#include "env/classic/classic.h"

enum { BOOK, NIPS };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(double, gravity, 9.8, 0, 20, "gravity, m/s^2")                                             \
    NUM(double, mass1, 1.0, 0.1, 10, "mass of the upper link, kg")                                 \
    NUM(double, mass2, 1.0, 0.1, 10, "mass of the lower link, kg")                                 \
    NUM(double, length1, 1.0, 0.1, 3, "length of the upper link, m")                               \
    NUM(double, center1, 0.5, 0.05, 3, "joint to center of mass of the upper link, m")             \
    NUM(double, center2, 0.5, 0.05, 3, "joint to center of mass of the lower link, m")             \
    NUM(double, inertia, 1.0, 0.1, 10, "moment of inertia of each link, kg m^2")                   \
    NUM(double, torque, 1.0, 0, 10, "torque of the motor, N m")                                    \
    NUM(double, dt, 0.2, 0.001, 0.2, "time between two actions, s")                                \
    PICK(dynamics, BOOK, "book|nips", "equations of the book or of the paper")
MB_OPTIONS(acrobot, OPTIONS)

/* rad, 0 = hanging straight down; the second angle is relative to the first link; rad/s */
struct acrobot {
    double angle1, angle2, spin1, spin2;
};

static const double max_spin1 = 4.0 * CLASSIC_PI, max_spin2 = 9.0 * CLASSIC_PI;
static const float lows[] = {-1, -1, -1, -1, (float)(-4 * CLASSIC_PI), (float)(-9 * CLASSIC_PI)};
static const float highs[] = {1, 1, 1, 1, (float)(4 * CLASSIC_PI), (float)(9 * CLASSIC_PI)};

/* Time derivative of the state under torque a. */
static struct acrobot derivative(struct acrobot s, double a, const struct acrobot_options *o)
{
    double m1 = o->mass1, m2 = o->mass2, l1 = o->length1, c1 = o->center1;
    double c2 = o->center2, inertia = o->inertia, g = o->gravity;
    double sine2 = mb_sin64(s.angle2), cosine2 = mb_cos64(s.angle2);
    double d1 =
        m1 * (c1 * c1) + m2 * (l1 * l1 + c2 * c2 + 2.0 * l1 * c2 * cosine2) + inertia + inertia;
    double d2 = m2 * (c2 * c2 + l1 * c2 * cosine2) + inertia;
    /* cos(x - pi/2) of the equations is sin x */
    double phi2 = m2 * c2 * g * mb_sin64(s.angle1 + s.angle2);
    double phi1 = -m2 * l1 * c2 * (s.spin2 * s.spin2) * sine2 -
                  2.0 * m2 * l1 * c2 * s.spin2 * s.spin1 * sine2 +
                  (m1 * c1 + m2 * l1) * g * mb_sin64(s.angle1) + phi2;
    double coupling = o->dynamics == BOOK ? m2 * l1 * c2 * (s.spin1 * s.spin1) * sine2 : 0.0;
    double rate2 =
        (a + d2 / d1 * phi1 - coupling - phi2) / (m2 * (c2 * c2) + inertia - d2 * d2 / d1);
    double rate1 = -(d2 * rate2 + phi1) / d1;
    return (struct acrobot){s.spin1, s.spin2, rate1, rate2};
}

static struct acrobot along(struct acrobot s, double h, struct acrobot d)
{
    return (struct acrobot){s.angle1 + h * d.angle1, s.angle2 + h * d.angle2, s.spin1 + h * d.spin1,
                            s.spin2 + h * d.spin2};
}

static struct acrobot runge_kutta(struct acrobot s, double a, const struct acrobot_options *o)
{
    double h = o->dt;
    struct acrobot k1 = derivative(s, a, o);
    struct acrobot k2 = derivative(along(s, h / 2.0, k1), a, o);
    struct acrobot k3 = derivative(along(s, h / 2.0, k2), a, o);
    struct acrobot k4 = derivative(along(s, h, k3), a, o);
    struct acrobot sum = along(along(along(k1, 2.0, k2), 2.0, k3), 1.0, k4);
    return along(s, h / 6.0, sum);
}

static double bounded(double x, double limit)
{
    return x < -limit ? -limit : x > limit ? limit : x;
}

static void observe(const struct acrobot *s, mb_io *io)
{
    io->obs[0] = (float)mb_cos64(s->angle1);
    io->obs[1] = (float)mb_sin64(s->angle1);
    io->obs[2] = (float)mb_cos64(s->angle2);
    io->obs[3] = (float)mb_sin64(s->angle2);
    io->obs[4] = (float)s->spin1;
    io->obs[5] = (float)s->spin2;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct acrobot *s = state;
    s->angle1 = (double)mb_uniform(rng, -0.1f, 0.1f);
    s->angle2 = (double)mb_uniform(rng, -0.1f, 0.1f);
    s->spin1 = (double)mb_uniform(rng, -0.1f, 0.1f);
    s->spin2 = (double)mb_uniform(rng, -0.1f, 0.1f);
    observe(s, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct acrobot *s = state;
    const struct acrobot_options *o = options;
    struct acrobot n = runge_kutta(*s, o->torque * (double)(io->index[0] - 1), o);
    *s = (struct acrobot){classic_wrap(n.angle1), classic_wrap(n.angle2),
                          bounded(n.spin1, max_spin1), bounded(n.spin2, max_spin2)};
    observe(s, io);
    bool above = -mb_cos64(s->angle1) - mb_cos64(s->angle2 + s->angle1) > 1.0;
    return (mb_step){above ? 0.0f : -1.0f, above};
}

MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io,
                  mb_error *err)
{
    if (!classic_state_fits("acrobot", "theta1, theta2, dtheta1, dtheta2", 4, values, n, err))
        return false;
    struct acrobot *s = state;
    *s = (struct acrobot){values[0], values[1], values[2], values[3]};
    if (bounded(s->spin1, max_spin1) != s->spin1 || bounded(s->spin2, max_spin2) != s->spin2)
        return mb_fail(err, MB_ERR_RANGE,
                       "acrobot: dtheta1 must lie in [-4 pi, 4 pi] and dtheta2 in [-9 pi, 9 pi], "
                       "not %g and %g",
                       s->spin1, s->spin2);
    observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct acrobot *s = state;
    const struct acrobot_options *o = options;
    float aspect = (float)c->w / (float)c->h, l1 = (float)o->length1;
    float unit = 0.46f / (l1 + 1.1f); /* of the height, per metre */
    float a = (float)classic_wrap(s->angle1), b = (float)classic_wrap(s->angle1 + s->angle2);
    float x0 = 0.5f, y0 = 0.5f, goal = y0 - unit;
    float x1 = x0 + unit / aspect * l1 * mb_sinf(a), y1 = y0 + unit * l1 * mb_cosf(a);
    float x2 = x1 + unit / aspect * mb_sinf(b), y2 = y1 + unit * mb_cosf(b);
    mb_canvas_clear(c, 0xF7F4EC);
    mb_canvas_line(c, 0.05f, goal, 0.95f, goal, 0.005f, 0x4C8C6B);
    mb_canvas_line(c, x0, y0, x1, y1, 0.03f, 0x2D4059);
    mb_canvas_line(c, x1, y1, x2, y2, 0.03f, 0xD98E04);
    mb_canvas_disc(c, x0, y0, 0.018f, 0x6B6455);
    mb_canvas_disc(c, x1, y1, 0.016f, 0x8AA1B1);
    mb_canvas_disc(c, x2, y2, 0.02f, 0xC8553D);
}

MB_ENV(acrobot) = {
    MB_ENV_HEAD,
    .name = "acrobot",
    .summary = "swing a two-link chain above a line",
    .source = "Gymnasium Acrobot-v1",
    .obs = MB_BOX_BOUNDS(6, lows, highs),
    .act = MB_DISCRETE(3),
    .time_limit = 500,
    .solved = -100,
    .state_size = sizeof(struct acrobot),
    MB_USE_OPTIONS(acrobot),
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "theta1,theta2,dtheta1,dtheta2",
};
