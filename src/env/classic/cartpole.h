/* cartpole.h - the cart and its pole: options, dynamics, ends, picture.  Two environments differ in what they observe.
   Barto, Sutton & Anderson (1983); constants, integration order and limits as in Gymnasium CartPole-v1, in single
   precision. */
#ifndef MB_ENV_CARTPOLE_H
#define MB_ENV_CARTPOLE_H
#include "env/classic/classic.h"

#define CARTPOLE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(float, gravity, 9.8f, 0, 100, "gravity, m/s^2")                                            \
    NUM(float, cart_mass, 1.0f, 0.01f, 100, "mass of the cart, kg")                                \
    NUM(float, pole_mass, 0.1f, 0.001f, 100, "mass of the pole, kg")                               \
    NUM(float, pole_length, 0.5f, 0.01f, 10, "half the length of the pole, m")                     \
    NUM(float, push, 10.0f, 0, 1000, "force of one push on the cart, N")                           \
    NUM(float, tau, 0.02f, 0.0001f, 0.1f, "time between two actions, s")                           \
    NUM(float, max_x, 2.4f, 0.1f, 100, "the episode ends when the cart is farther out, m")         \
    NUM(float, max_angle, 12.0f, 1, 90, "the episode ends when the pole leans farther, degrees")
MB_OPTIONS(cartpole, CARTPOLE_OPTIONS)

struct cartpole { float x, v, angle, spin; }; /* m, m/s, rad (0 = upright), rad/s */

static const float cartpole_start_range = 0.05f; /* each component of a new state lies in -0.05 .. 0.05 */

/* What a step needs, worked out of the options once. */
struct cartpole_coefficients { float gravity, per_mass, share, moment, length, push, tau, max_x, max_angle; };

static inline struct cartpole_coefficients cartpole_prepare(const struct cartpole_options *o)
{
    float mass = o->cart_mass + o->pole_mass;
    return (struct cartpole_coefficients){
        .gravity = o->gravity, .per_mass = 1.0f / mass, .share = o->pole_mass / mass,
        .moment = o->pole_mass * o->pole_length, .length = o->pole_length, .push = o->push, .tau = o->tau,
        .max_x = o->max_x, .max_angle = o->max_angle * (3.14159265f / 180.0f),
    };
}

/* One Euler step; all four derivatives belong to the old state.  Branch-free: the batch form runs it in vector lanes. */
static inline __attribute__((always_inline)) struct cartpole cartpole_move(struct cartpole s, int32_t action, float sine, float cosine,
                                                                          const struct cartpole_coefficients *k)
{
    float force = action != 0 ? k->push : -k->push;
    float pressure = (force + k->moment * (s.spin * s.spin) * sine) * k->per_mass;
    float inertia = k->length * (4.0f / 3.0f - k->share * (cosine * cosine));
    float spin_rate = (k->gravity * sine - cosine * pressure) / inertia;
    float v_rate = pressure - k->moment * k->per_mass * spin_rate * cosine;
    return (struct cartpole){ s.x + k->tau * s.v, s.v + k->tau * v_rate,
                              s.angle + k->tau * s.spin, s.spin + k->tau * spin_rate };
}

static inline __attribute__((always_inline)) struct cartpole cartpole_advance(struct cartpole s, int32_t action,
                                                                             const struct cartpole_coefficients *k)
{
    return cartpole_move(s, action, mb_sinf(s.angle), mb_cosf(s.angle), k);
}

static inline __attribute__((always_inline)) bool cartpole_fallen(struct cartpole s,
                                                                  const struct cartpole_coefficients *k)
{
    return (s.x < -k->max_x) | (s.x > k->max_x) | (s.angle < -k->max_angle) | (s.angle > k->max_angle);
}

static inline void cartpole_start(struct cartpole *s, mb_rng *rng)
{
    s->x = mb_uniform(rng, -cartpole_start_range, cartpole_start_range);
    s->v = mb_uniform(rng, -cartpole_start_range, cartpole_start_range);
    s->angle = mb_uniform(rng, -cartpole_start_range, cartpole_start_range);
    s->spin = mb_uniform(rng, -cartpole_start_range, cartpole_start_range);
}

/* For place(): a state from its four numbers. */
static inline bool cartpole_read(const char *env, struct cartpole *s, const double *values, int n, mb_error *err)
{
    if (!classic_state_fits(env, "x, v, angle, spin", 4, values, n, err)) return false;
    *s = (struct cartpole){ (float)values[0], (float)values[1], (float)values[2], (float)values[3] };
    return true;
}

static inline void cartpole_draw(const void *state, const void *options, mb_canvas *c)
{
    const struct cartpole *s = state;
    const struct cartpole_options *o = options;
    float scale = 0.42f / o->max_x; /* fractions of the width per metre */
    float x = 0.5f + s->x * scale, ground = 0.78f, aspect = (float)c->w / (float)c->h;
    float reach = 2.0f * o->pole_length * scale * 1.4f;
    mb_canvas_clear(c, 0xF7F4EC);
    mb_canvas_rect(c, 0.0f, ground + 0.055f, 1.0f, 1.0f, 0xE5DFD0);
    mb_canvas_line(c, 0.02f, ground + 0.055f, 0.98f, ground + 0.055f, 0.006f, 0x6B6455);
    for (int side = -1; side <= 1; side += 2) {
        float edge = 0.5f + (float)side * o->max_x * scale;
        mb_canvas_line(c, edge, ground - 0.02f, edge, ground + 0.055f, 0.006f, 0xC8553D);
    }
    mb_canvas_rect(c, x - 0.07f, ground - 0.05f, x + 0.07f, ground + 0.025f, 0x2D4059);
    mb_canvas_disc(c, x - 0.042f, ground + 0.03f, 0.018f, 0x1B2838);
    mb_canvas_disc(c, x + 0.042f, ground + 0.03f, 0.018f, 0x1B2838);
    mb_canvas_line(c, x, ground - 0.05f, x + reach * mb_sinf(s->angle),
                   ground - 0.05f - reach * mb_cosf(s->angle) * aspect, 0.022f, 0xD98E04);
    mb_canvas_disc(c, x, ground - 0.05f, 0.013f, 0x8AA1B1);
}
#endif
