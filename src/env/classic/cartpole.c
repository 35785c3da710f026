/* CartPole: keep a pole upright by pushing the cart it stands on.
   Barto, Sutton & Anderson (1983); constants, integration order and limits as in Gymnasium CartPole-v1, in single
   precision. */
#include "env/classic/classic.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(float, gravity, 9.8f, 0, 100, "gravity, m/s^2")                                            \
    NUM(float, cart_mass, 1.0f, 0.01f, 100, "mass of the cart, kg")                                \
    NUM(float, pole_mass, 0.1f, 0.001f, 100, "mass of the pole, kg")                               \
    NUM(float, pole_length, 0.5f, 0.01f, 10, "half the length of the pole, m")                     \
    NUM(float, push, 10.0f, 0, 1000, "force of one push on the cart, N")                           \
    NUM(float, tau, 0.02f, 0.0001f, 0.1f, "time between two actions, s")                           \
    NUM(float, max_x, 2.4f, 0.1f, 100, "the episode ends when the cart is farther out, m")         \
    NUM(float, max_angle, 12.0f, 1, 90, "the episode ends when the pole leans farther, degrees")
MB_OPTIONS(cartpole, OPTIONS)

struct cartpole { float x, v, angle, spin; }; /* m, m/s, rad (0 = upright), rad/s: also the observation, in this order */

static const float start_range = 0.05f; /* each component of a new state lies in -0.05 .. 0.05 */

/* What a step needs, worked out of the options once. */
struct coefficients { float gravity, per_mass, share, moment, length, push, tau, max_x, max_angle; };

static inline struct coefficients prepare(const struct cartpole_options *o)
{
    float mass = o->cart_mass + o->pole_mass;
    return (struct coefficients){
        .gravity = o->gravity, .per_mass = 1.0f / mass, .share = o->pole_mass / mass,
        .moment = o->pole_mass * o->pole_length, .length = o->pole_length, .push = o->push, .tau = o->tau,
        .max_x = o->max_x, .max_angle = o->max_angle * (3.14159265f / 180.0f),
    };
}

/* One Euler step; all four derivatives belong to the old state.  Branch-free: the batch form runs it in vector lanes. */
static inline __attribute__((always_inline)) struct cartpole advance(struct cartpole s, int32_t action,
                                                                    const struct coefficients *k)
{
    float force = action != 0 ? k->push : -k->push;
    float sine = mb_sinf(s.angle), cosine = mb_cosf(s.angle);
    float pressure = (force + k->moment * (s.spin * s.spin) * sine) * k->per_mass;
    float inertia = k->length * (4.0f / 3.0f - k->share * (cosine * cosine));
    float spin_rate = (k->gravity * sine - cosine * pressure) / inertia;
    float v_rate = pressure - k->moment * k->per_mass * spin_rate * cosine;
    return (struct cartpole){ s.x + k->tau * s.v, s.v + k->tau * v_rate,
                              s.angle + k->tau * s.spin, s.spin + k->tau * spin_rate };
}

static inline __attribute__((always_inline)) bool fallen(struct cartpole s, const struct coefficients *k)
{
    return (s.x < -k->max_x) | (s.x > k->max_x) | (s.angle < -k->max_angle) | (s.angle > k->max_angle);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    s->x = mb_uniform(rng, -start_range, start_range);
    s->v = mb_uniform(rng, -start_range, start_range);
    s->angle = mb_uniform(rng, -start_range, start_range);
    s->spin = mb_uniform(rng, -start_range, start_range);
    memcpy(io->obs, s, sizeof *s);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    struct coefficients k = prepare(options);
    *s = advance(*s, io->index[0], &k);
    memcpy(io->obs, s, sizeof *s);
    return (mb_step){ 1.0f, fallen(*s, &k) };
}

/* ---- many at once: the same arithmetic in plain loops that become vector code, the same bits ---- */

MB_BATCH_NAMED(one_by_one, reset, step)

enum { CHUNK = 256 }; /* instances per pass: what is between the passes stays in cache */

/* Dynamics of instances first .. first+n-1; down[i]: instance i fell. */
static void advance_chunk(const mb_env_batch *b, const struct coefficients *coefficients, int first, int n, int32_t *restrict down)
{
    const struct coefficients k = *coefficients;
    float *restrict state = (float *)(void *)b->states + 4 * first, *restrict obs = (float *)(void *)b->obs[0] + 4 * first;
    const int32_t *restrict action = b->index + first;
    for (int i = 0; i < n; i++) {
        struct cartpole s = { state[4 * i], state[4 * i + 1], state[4 * i + 2], state[4 * i + 3] };
        s = advance(s, action[i], &k);
        obs[4 * i] = state[4 * i] = s.x;
        obs[4 * i + 1] = state[4 * i + 1] = s.v;
        obs[4 * i + 2] = state[4 * i + 2] = s.angle;
        obs[4 * i + 3] = state[4 * i + 3] = s.spin;
        down[i] = fallen(s, &k);
    }
}

/* What mb__batch_after does, for many. */
static void count_chunk(const mb_env_batch *b, int first, int n, const int32_t *restrict down)
{
    int32_t limit = b->time_limit > 0 ? b->time_limit : INT32_MAX, late[CHUNK];
    int32_t *restrict length = b->length + first, *restrict last_length = b->last_length + first;
    float *restrict reward = b->reward + first, *restrict ret = b->ret + first;
    uint8_t *restrict terminated = b->terminated + first, *restrict truncated = b->truncated + first;
    uint8_t *restrict start = b->start + first;
    for (int i = 0; i < n; i++) {
        length[i]++;
        late[i] = (down[i] ^ 1) & (length[i] >= limit);
        reward[i] = 1.0f;
        ret[i] += 1.0f;
        last_length[i] = 0;
    }
    for (int i = 0; i < n; i++) {
        terminated[i] = (uint8_t)down[i];
        truncated[i] = (uint8_t)late[i];
        start[i] = (uint8_t)(down[i] | late[i]);
    }
    memset(b->active + first, 1, (size_t)n);
}

/* New episodes where `start` says so. */
static void renew_chunk(const mb_env_batch *b, int first, int n)
{
    const uint8_t *end = b->start + first + n;
    mb_io io = { 0 };
    for (const uint8_t *p = b->start + first; (p = memchr(p, 1, (size_t)(end - p))) != NULL; p++) {
        int i = (int)(p - b->start);
        mb__batch_io(b, i, &io);
        mb__batch_end(b, i, &io);
        reset(b->states + (size_t)i * sizeof(struct cartpole), b->options, &b->rng[i], &io);
    }
}

static void batch(const mb_env_batch *b)
{
    if (b->reset_all) {
        one_by_one(b);
        return;
    }
    struct coefficients k = prepare(b->options);
    int32_t down[CHUNK];
    for (int first = 0; first < b->count; first += CHUNK) {
        int n = b->count - first < CHUNK ? b->count - first : CHUNK;
        advance_chunk(b, &k, first, n, down);
        count_chunk(b, first, n, down);
        renew_chunk(b, first, n);
    }
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    if (!classic_state_fits("cartpole", "x, v, angle, spin", 4, values, n, err)) return false;
    struct cartpole *s = state;
    *s = (struct cartpole){ (float)values[0], (float)values[1], (float)values[2], (float)values[3] };
    memcpy(io->obs, s, sizeof *s);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
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

MB_ENV(cartpole) = {
    MB_ENV_HEAD, .name = "cartpole", .summary = "balance a pole on a moving cart",
    .source = "Gymnasium CartPole-v1", .obs = MB_BOX(4), .act = MB_DISCRETE(2), .time_limit = 500, .solved = 475,
    .state_size = sizeof(struct cartpole), MB_USE_OPTIONS(cartpole), .reset = reset, .step = step, .batch = batch,
    .draw = draw, .place = place, .state_names = "x,v,angle,spin",
};
