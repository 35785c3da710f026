/* Classic control against Gymnasium: 10,000 single steps each, distributions of start observations
   and of returns (tests/reference/gym_classic.py).  Run from the repository's root. */
#include "matchbox/env.h"
#include "mb_test.h"

enum { MAX_STATE = 4, MAX_OBS = 6 };

struct reference {
    int32_t n, nstate, nobs;
    const float *state, *action, *obs, *reward;
    const uint8_t *terminated;
};

static bool read_reference(const char *name, mb_arena *a, struct reference *r)
{
    char path[128];
    mb_error err = {0};
    char *data;
    size_t size;
    snprintf(path, sizeof path, "tests/reference/data/%s.ref", name);
    if (!mb_file_read(path, a, &data, &size, &err) || size < 16 || memcmp(data, "GYM1", 4) != 0)
        return false;
    memcpy(r, data + 4, 3 * sizeof(int32_t));
    size_t n = (size_t)r->n;
    r->state = (const float *)(data + 16);
    r->action = r->state + n * (size_t)r->nstate;
    r->obs = r->action + n;
    r->reward = r->obs + n * (size_t)r->nobs;
    r->terminated = (const uint8_t *)(r->reward + n);
    return size == 16 + n * (size_t)(r->nstate + r->nobs + 2) * 4 + n;
}

/* One step from every reference state: differences above 1e-5, or other flags. */
static int wrong_steps(const mb_env_def *def, const struct reference *r, const void *options,
                       double *worst)
{
    int wrong = 0;
    double state[8];
    mb_rng rng = mb_rng_make(1, "unused", 0);
    for (int i = 0; i < r->n; i++) {
        mb_error err = {0};
        float obs[MAX_OBS], reward = 0, value = r->action[i];
        int32_t index = (int32_t)r->action[i];
        uint8_t active = 1;
        double values[MAX_STATE];
        mb_io io = {.index = &index,
                    .value = &value,
                    .obs = obs,
                    .obs_field = {obs},
                    .reward = &reward,
                    .active = &active};
        for (int k = 0; k < r->nstate; k++) values[k] = (double)r->state[i * r->nstate + k];
        if (!def->place(state, options, values, r->nstate, &io, &err)) return r->n;
        mb_step s = def->step(state, options, &rng, &io);
        double off = fabs((double)s.reward - (double)r->reward[i]);
        for (int k = 0; k < r->nobs; k++)
            off = fmax(off, fabs((double)obs[k] - (double)r->obs[i * r->nobs + k]));
        *worst = fmax(*worst, off);
        wrong += !(off <= 1e-5) || s.terminated != r->terminated[i];
    }
    return wrong;
}

static void check_steps(const char *file, const char *name)
{
    mb_error err = {0};
    mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
    const mb_env_def *def = mb_env_find(name, &err);
    struct reference r;
    CHECK(def != NULL && read_reference(file, a, &r));
    if (mb__checks_failed) return;
    CHECK(r.n == 10000);
    void *options = mb_alloc(a, 1, def->options_size, &err);
    mb_options_default(def->options, options);
    double worst = 0;
    int wrong = wrong_steps(def, &r, options, &worst);
    CHECK(wrong == 0);
    if (wrong) printf("     %s: %d of %d steps differ, worst %g\n", name, wrong, r.n, worst);
    mb_arena_free(a);
}

TEST(cartpole_steps)
{
    check_steps("cartpole", "cartpole");
}
TEST(acrobot_steps)
{
    check_steps("acrobot", "acrobot");
}
TEST(mountaincar_steps)
{
    check_steps("mountaincar", "mountaincar");
}
TEST(mountaincar_continuous_steps)
{
    check_steps("mountaincar_continuous", "mountaincar-continuous");
}
TEST(pendulum_steps)
{
    check_steps("pendulum", "pendulum");
}

static const struct stats {
    const char *name;
    int n;
    double mean, std, quartile[3], start_mean[MAX_OBS], start_std[MAX_OBS];
} reference_stats[] = {
#include "../reference/data/classic_stats.h"
};
enum {
    NSTATS = sizeof reference_stats / sizeof *reference_stats,
    INSTANCES = 64,
    STARTS = 300,
    EPISODES = 4000
};

/* The policies of the reference script. */
static void act(const char *name, const mb_vec_view *w, mb_rng *r)
{
    bool car = strncmp(name, "mountaincar", 11) == 0;
    for (int i = 0; i < w->rows; i++) {
        const float *obs = w->obs[0];
        bool follow = car && mb_uniform(r, 0, 1) >= 0.3f, right = obs[i * 2 + 1] >= 0;
        if (w->nindex) w->index[i] = follow ? (right ? 2 : 0) : mb_below(r, w->nmask);
        else
            w->value[i] = follow ? (right ? 0.8f : -0.8f)
                          : car  ? mb_uniform(r, -1, 1)
                                 : mb_uniform(r, -2, 2);
    }
}

static mb_vec *make(const char *name, mb_arena *a)
{
    mb_error err = {0};
    mb_scope scope = {.arena = a, .seed = 3};
    const mb_env_def *def = mb_env_find(name, &err);
    mb_vec *v = def ? mb_vec_new(&scope, "train", def, NULL, INSTANCES, &err) : NULL;
    CHECK(v != NULL);
    return v;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* Means within four standard errors of both samples, spread and quartiles close. */
static void compare_returns(const struct stats *s, float *sample, int n)
{
    double mean = 0, var = 0;
    for (int i = 0; i < n; i++) mean += (double)sample[i] / n;
    for (int i = 0; i < n; i++) var += ((double)sample[i] - mean) * ((double)sample[i] - mean) / n;
    CHECK_NEAR(mean, s->mean, 4 * s->std * sqrt(1.0 / n + 1.0 / s->n));
    /* where hardly any episode ends early (Acrobot) a few decide the spread: nothing to compare */
    if (s->quartile[0] < s->quartile[2]) CHECK_NEAR(sqrt(var), s->std, 0.15 * s->std);
    qsort(sample, (size_t)n, sizeof *sample, by_value);
    for (int q = 0; q < 3; q++) CHECK_NEAR(sample[(q + 1) * n / 4], s->quartile[q], 0.25 * s->std);
}

TEST(returns)
{
    static float sample[EPISODES];
    for (int k = 0; k < NSTATS; k++) {
        const struct stats *s = &reference_stats[k];
        mb_error err = {0};
        mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
        mb_vec *v = make(s->name, a);
        if (!v) return;
        mb_vec_view *w = mb_vec_view_of(v);
        mb_rng r = mb_rng_make(9, "policy", 0);
        int n = 0, done[INSTANCES] = {0}, each = EPISODES / INSTANCES;
        CHECK(mb_vec_reset(v, &err));
        /* the first episodes of every instance, so that short ones are not over-represented */
        while (n < each * INSTANCES) {
            act(s->name, w, &r);
            if (!mb_vec_step(v, &err)) break;
            for (int i = 0; i < INSTANCES; i++)
                if (w->last_length[i] > 0 && done[i]++ < each) sample[n++] = w->last_return[i];
        }
        CHECK(n == each * INSTANCES);
        compare_returns(s, sample, n);
        mb_arena_free(a);
    }
}

TEST(start_states)
{
    for (int k = 0; k < NSTATS; k++) {
        const struct stats *s = &reference_stats[k];
        mb_error err = {0};
        mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
        mb_vec *v = make(s->name, a);
        if (!v) return;
        mb_vec_view *w = mb_vec_view_of(v);
        int nobs = mb_vec_shape(v)->obs.field[0].n, n = STARTS * INSTANCES;
        double sum[MAX_OBS] = {0}, square[MAX_OBS] = {0};
        for (int t = 0; t < STARTS; t++) {
            CHECK(mb_vec_reset(v, &err));
            for (int i = 0; i < INSTANCES * nobs; i++) {
                double x = (double)((float *)w->obs[0])[i];
                sum[i % nobs] += x / n;
                square[i % nobs] += x * x / n;
            }
        }
        for (int j = 0; j < nobs; j++) {
            CHECK_NEAR(sum[j], s->start_mean[j],
                       4 * s->start_std[j] * sqrt(1.0 / n + 1.0 / 20000) + 1e-7);
            CHECK_NEAR(sqrt(fmax(square[j] - sum[j] * sum[j], 0)), s->start_std[j],
                       0.02 * s->start_std[j] + 1e-5);
        }
        mb_arena_free(a);
    }
}

MB_TESTS(T(cartpole_steps), T(acrobot_steps), T(mountaincar_steps), T(mountaincar_continuous_steps),
         T(pendulum_steps), T(returns), T(start_states))
