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

/* ---- many at once: the same arithmetic in plain loops that become vector code, the same bits ---- */

MB_BATCH_NAMED(one_by_one, reset, step)

enum { CHUNK = 256 }; /* instances per pass: what is between the passes stays in cache */

/* The states of a chunk, component by component, and what follows from them. */
struct chunk {
    float x[CHUNK], v[CHUNK], angle[CHUNK], spin[CHUNK];
    int32_t down[CHUNK]; /* 1: fell */
};

#if defined(__AVX2__)
#include <immintrin.h>

/* Rows 0 .. 3 and 4 .. 7 of four floats become four vectors of eight, or back: the exchange is its own inverse. */
static inline void exchange(__m256 r[4])
{
    __m256 a = _mm256_unpacklo_ps(r[0], r[1]), b = _mm256_unpackhi_ps(r[0], r[1]);
    __m256 c = _mm256_unpacklo_ps(r[2], r[3]), d = _mm256_unpackhi_ps(r[2], r[3]);
    r[0] = _mm256_shuffle_ps(a, c, 0x44);
    r[1] = _mm256_shuffle_ps(a, c, 0xee);
    r[2] = _mm256_shuffle_ps(b, d, 0x44);
    r[3] = _mm256_shuffle_ps(b, d, 0xee);
}

static int take_eights(struct chunk *c, const float *state, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 r[4];
        for (int k = 0; k < 4; k++)
            r[k] = _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(state + 4 * (i + k))), _mm_loadu_ps(state + 4 * (i + k + 4)), 1);
        exchange(r);
        _mm256_storeu_ps(c->x + i, r[0]);
        _mm256_storeu_ps(c->v + i, r[1]);
        _mm256_storeu_ps(c->angle + i, r[2]);
        _mm256_storeu_ps(c->spin + i, r[3]);
    }
    return i;
}

static int give_eights(const struct chunk *c, float *state, float *obs, int n)
{
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        __m256 r[4] = { _mm256_loadu_ps(c->x + i), _mm256_loadu_ps(c->v + i), _mm256_loadu_ps(c->angle + i), _mm256_loadu_ps(c->spin + i) };
        exchange(r);
        for (int k = 0; k < 4; k++) {
            __m128 low = _mm256_castps256_ps128(r[k]), high = _mm256_extractf128_ps(r[k], 1);
            _mm_storeu_ps(state + 4 * (i + k), low);
            _mm_storeu_ps(obs + 4 * (i + k), low);
            _mm_storeu_ps(state + 4 * (i + k + 4), high);
            _mm_storeu_ps(obs + 4 * (i + k + 4), high);
        }
    }
    return i;
}
#else
static int take_eights(struct chunk *c, const float *state, int n) { return 0; }
static int give_eights(const struct chunk *c, float *state, float *obs, int n) { return 0; }
#endif

static void take(struct chunk *restrict c, const float *restrict state, int n)
{
    for (int i = take_eights(c, state, n); i < n; i++) {
        c->x[i] = state[4 * i];
        c->v[i] = state[4 * i + 1];
        c->angle[i] = state[4 * i + 2];
        c->spin[i] = state[4 * i + 3];
    }
}

static void give(const struct chunk *restrict c, float *restrict state, float *restrict obs, int n)
{
    for (int i = give_eights(c, state, obs, n); i < n; i++) {
        obs[4 * i] = state[4 * i] = c->x[i];
        obs[4 * i + 1] = state[4 * i + 1] = c->v[i];
        obs[4 * i + 2] = state[4 * i + 2] = c->angle[i];
        obs[4 * i + 3] = state[4 * i + 3] = c->spin[i];
    }
}

/* A pole that has not fallen leans by less than pi/4, usually far less: its sine and cosine need no reduction then. */
static bool all_lean_little(const float *angle, int n)
{
    int32_t far = 0;
    for (int i = 0; i < n; i++) far |= (angle[i] < -0.78f) | (angle[i] > 0.78f) | (angle[i] != angle[i]);
    return !far;
}

static inline __attribute__((always_inline)) void advance(struct chunk *restrict c, const int32_t *restrict action,
                                                          const struct cartpole_coefficients *coefficients, int n, bool little)
{
    const struct cartpole_coefficients k = *coefficients;
    for (int i = 0; i < n; i++) {
        struct cartpole s = { c->x[i], c->v[i], c->angle[i], c->spin[i] };
        float sine = little ? mb__sin_smallf(s.angle) : mb_sinf(s.angle);
        float cosine = little ? mb__cos_smallf(s.angle) : mb_cosf(s.angle);
        if (little) sine = s.angle == 0.0f ? s.angle : sine;
        s = cartpole_move(s, action[i], sine, cosine, &k);
        c->x[i] = s.x;
        c->v[i] = s.v;
        c->angle[i] = s.angle;
        c->spin[i] = s.spin;
        c->down[i] = cartpole_fallen(s, &k);
    }
}

/* What mb__batch_after does, for many. */
static void count_chunk(const mb_env_batch *b, int first, int n, const int32_t *restrict down)
{
    int32_t limit = b->time_limit > 0 ? b->time_limit : INT32_MAX, late[CHUNK];
    int32_t *restrict length = b->length + first;
    float *restrict reward = b->reward + first, *restrict ret = b->ret + first;
    uint8_t *restrict terminated = b->terminated + first, *restrict truncated = b->truncated + first;
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
}

/* New episodes where `start` says so: what mb__batch_end and reset do. */
static void renew(const mb_env_batch *b, const int *ended, int count)
{
    mb__rng_refill_many(b->rng, ended, count);
    struct cartpole *states = (struct cartpole *)(void *)b->states, *obs = (struct cartpole *)(void *)b->obs[0];
    struct cartpole *final_obs = (struct cartpole *)(void *)b->final_obs[0];
    for (int k = 0; k < count; k++) {
        int i = ended[k];
        b->last_length[i] = b->length[i];
        b->length[i] = 0;
        b->last_ret[i] = b->ret[i];
        b->ret[i] = 0;
        if (final_obs) final_obs[i] = obs[i];
        struct cartpole s; /* not read back from memory: four small stores make one slow load */
        cartpole_start(&s, &b->rng[i]);
        states[i] = obs[i] = s;
    }
}

static void renew_chunk(const mb_env_batch *b, int first, int n)
{
    int ended[CHUNK], count = 0;
    for (int i = 0; i < n; i += 64)
        for (uint64_t which = mb__flags64(b->start + first + i, n - i < 64 ? n - i : 64); which; which &= which - 1)
            ended[count++] = first + i + __builtin_ctzll(which);
    renew(b, ended, count);
}

static void batch(const mb_env_batch *b)
{
    if (b->reset_all) {
        one_by_one(b);
        return;
    }
    struct cartpole_coefficients k = cartpole_prepare(b->options);
    struct chunk c;
    memset(b->last_length, 0, (size_t)b->count * sizeof *b->last_length);
    memset(b->active, 1, (size_t)b->count);
    for (int first = 0; first < b->count; first += CHUNK) {
        int n = b->count - first < CHUNK ? b->count - first : CHUNK;
        float *state = (float *)(void *)b->states + 4 * first, *obs = (float *)(void *)b->obs[0] + 4 * first;
        take(&c, state, n);
        if (all_lean_little(c.angle, n)) advance(&c, b->index + first, &k, n, true);
        else advance(&c, b->index + first, &k, n, false);
        give(&c, state, obs, n);
        count_chunk(b, first, n, c.down);
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
