/* CartPole: keep a pole upright by pushing the cart it stands on.  The observation is the state, in
   its order; the mechanics are in cartpole.h. */
#include "env/classic/cartpole.h"

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    cartpole_start(s, rng);
    memcpy(io->obs, s, sizeof *s);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cartpole *s = state;
    struct cartpole_coefficients k = cartpole_prepare(options);
    *s = cartpole_advance(*s, io->index[0], &k);
    memcpy(io->obs, s, sizeof *s);
    return (mb_step){1.0f, cartpole_fallen(*s, &k)};
}

/* ---- many at once: the same arithmetic in plain loops that become vector code, the same bits ----
 */

MB_BATCH_NAMED(one_by_one, reset, step)

enum { CHUNK = 256 }; /* instances per pass: what is between the passes stays in cache */

/* Dynamics of instances first .. first+n-1; down[i]: instance i fell. */
static void advance_chunk(const mb_env_batch *b, const struct cartpole_coefficients *coefficients,
                          int first, int n, int32_t *restrict down)
{
    const struct cartpole_coefficients k = *coefficients;
    float *restrict state = (float *)(void *)b->states + 4 * first, *restrict obs =
                                                                        (float *)(void *)b->obs[0] +
                                                                        4 * first;
    const int32_t *restrict action = b->index + first;
    for (int i = 0; i < n; i++) {
        struct cartpole s = {state[4 * i], state[4 * i + 1], state[4 * i + 2], state[4 * i + 3]};
        s = cartpole_advance(s, action[i], &k);
        obs[4 * i] = state[4 * i] = s.x;
        obs[4 * i + 1] = state[4 * i + 1] = s.v;
        obs[4 * i + 2] = state[4 * i + 2] = s.angle;
        obs[4 * i + 3] = state[4 * i + 3] = s.spin;
        down[i] = cartpole_fallen(s, &k);
    }
}

/* What mb__batch_after does, for many. */
static void count_chunk(const mb_env_batch *b, int first, int n, const int32_t *restrict down)
{
    int32_t limit = b->time_limit > 0 ? b->time_limit : INT32_MAX, late[CHUNK];
    int32_t *restrict length = b->length + first;
    float *restrict reward = b->reward + first, *restrict ret = b->ret + first;
    uint8_t *restrict terminated = b->terminated + first, *restrict truncated =
                                                              b->truncated + first;
    uint8_t *restrict start = b->start + first;
    /* several short loops: in one, the compiler gives up proving that so many arrays are apart */
    for (int i = 0; i < n; i++) {
        length[i]++;
        late[i] = (down[i] ^ 1) & (length[i] >= limit);
    }
    for (int i = 0; i < n; i++) ret[i] += 1.0f;
    for (int i = 0; i < n; i++) reward[i] = 1.0f;
    for (int i = 0; i < n; i++) {
        terminated[i] = (uint8_t)down[i];
        truncated[i] = (uint8_t)late[i];
        start[i] = (uint8_t)(down[i] | late[i]);
    }
    memset(b->last_length + first, 0, (size_t)n * sizeof *b->last_length);
    memset(b->active + first, 1, (size_t)n);
}

/* New episodes where `start` says so. */
static void renew_chunk(const mb_env_batch *b, int first, int n)
{
    const uint8_t *end = b->start + first + n;
    mb_io io = {0};
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
    struct cartpole_coefficients k = cartpole_prepare(b->options);
    int32_t down[CHUNK];
    for (int first = 0; first < b->count; first += CHUNK) {
        int n = b->count - first < CHUNK ? b->count - first : CHUNK;
        advance_chunk(b, &k, first, n, down);
        count_chunk(b, first, n, down);
        renew_chunk(b, first, n);
    }
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io,
                  mb_error *err)
{
    struct cartpole *s = state;
    if (!cartpole_read("cartpole", s, values, n, err)) return false;
    memcpy(io->obs, s, sizeof *s);
    return true;
}

MB_ENV(cartpole) = {
    MB_ENV_HEAD,
    .name = "cartpole",
    .summary = "balance a pole on a moving cart",
    .source = "Gymnasium CartPole-v1",
    .obs = MB_BOX(4),
    .act = MB_DISCRETE(2),
    .time_limit = 500,
    .solved = 475,
    .state_size = sizeof(struct cartpole),
    MB_USE_OPTIONS(cartpole),
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = cartpole_draw,
    .place = place,
    .state_names = "x,v,angle,spin",
};
