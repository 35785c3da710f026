/* a10.c - many environments in lock-step (catalogue row A10): stepping rate, rate of training and time to a solved CartPole against
   the number of environments, beside stepping one instance at a time.
   --steps: of a window; --most: of a training that does not get there.
     a10 [threads]                        the tables
     a10 step ENV --threads=T --seed=N    steps/s one at a time, and how many times that in batches of 16 to 16,384
     a10 train --threads=T --seed=N       training with 1, 16, 256 and 4,096 environments: steps/s, steps and seconds to 475 (null: not reached) */
#include <math.h>
#include <matchbox.h>
#include "row.h"

enum { COUNTS = 5, STEPS = 400000, MOST = 2000000 };
static const int counts[COUNTS] = { 1, 16, 256, 4096, 16384 };

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* median over five windows of environment steps per second; random actions from a table */
static double stepping_rate(const char *name, int nenvs, int threads, uint64_t seed, int steps, mb_error *err)
{
    double rates[5];
    mb_arena *a = mb_arena_new((size_t)1 << 33, err);
    mb_pool *pool = threads > 1 ? mb_pool_new(threads, err) : NULL;
    mb_scope s = { .arena = a, .pool = pool, .seed = seed };
    const mb_env_def *def = mb_env_find(name, err);
    mb_vec *v = def ? mb_vec_new(&s, "a10", def, NULL, nenvs, err) : NULL;
    if (!v || !mb_vec_reset(v, err)) return NAN;
    mb_vec_view *w = mb_vec_view_of(v);
    mb_rng rng = mb_rng_make(seed, "a10 actions", 0);
    int choices = mb_vec_shape(v)->act.field[0].n, rounds = steps / nenvs + 1;
    for (int r = 0; r < w->rows * w->nindex; r++) w->index[r] = mb_below(&rng, choices);
    for (int k = 0; k < 5; k++) {
        double begin = mb_now();
        for (int i = 0; i < rounds; i++) {
            w->index[i % w->rows] = mb_below(&rng, choices);
            if (!mb_vec_step(v, err)) return NAN;
        }
        rates[k] = (double)rounds * nenvs / (mb_now() - begin);
    }
    qsort(rates, 5, sizeof *rates, compare);
    mb_pool_free(pool);
    mb_arena_free(a);
    return rates[2];
}

/* PPO on CartPole until the mean of the last 100 training episodes is 475: *rate steps/s, *steps and *seconds to there (NaN: not
   within 2 million).  Rollouts of about 4,096 steps, 16 minibatches, 4 passes; nothing else changes with the number. */
static bool solve(int nenvs, int threads, int seed, int most, double *rate, double *steps, double *seconds, mb_error *err)
{
    mb_arena *a = mb_arena_new((size_t)1 << 28, err);
    mb_settings *s = mb_settings_new(a, "ppo", "cartpole", err);
    char envs[16], horizon[16], count[16], number[16];
    snprintf(number, sizeof number, "%d", seed);
    snprintf(envs, sizeof envs, "%d", nenvs);
    snprintf(horizon, sizeof horizon, "%d", nenvs < 512 ? 4096 / nenvs : 8);
    snprintf(count, sizeof count, "%d", threads);
    const char *const set[] = { "preset", "none", "run", "none", "seed", number, "total-steps", "2M", "eval-episodes", "0", "envs", envs, "horizon", horizon,
                                "threads", count, "minibatches", "16", "lr", "1e-3", "value-loss", "mse" };
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < sizeof set / sizeof *set; i += 2) ok = mb_settings_set(s, set[i], set[i + 1], "a10", err);
    mb_trainer *t = ok ? mb_trainer_new(s, NULL, err) : NULL;
    mb_summary sum = { .return_mean = 0 };
    double begin = mb_now();
    while (t && ok && mb_trainer_view(t)->step < most && !(sum.return_mean >= 475))
        ok = mb_trainer_iterate(t, err) && mb_trainer_summary(t, &sum, err);
    bool solved = t && sum.return_mean >= 475;
    *seconds = mb_now() - begin;
    *rate = t ? (double)mb_trainer_view(t)->step / *seconds : 0;
    *steps = t ? (double)mb_trainer_view(t)->step : 0;
    if (!solved) *steps = *seconds = (double)NAN;
    mb_trainer_free(t);
    mb_arena_free(a);
    return t && ok;
}

static int fail(const mb_error *err)
{
    char text[1024];
    mb_error_text(err, text, sizeof text);
    fputs(text, stderr);
    return 1;
}

static int one_step(const char *env, int threads, uint64_t seed, int steps)
{
    static const char *const names[COUNTS] = { "one", "x16", "x256", "x4096", "x16384" };
    double v[COUNTS];
    mb_error err = { MB_OK };
    for (int i = 0; i < COUNTS; i++) {
        v[i] = stepping_rate(env, counts[i], threads, seed, steps, &err);
        if (err.code != MB_OK) return fail(&err);
        if (i > 0) v[i] /= v[0];
    }
    row_print(COUNTS, names, v);
    return 0;
}

static int one_train(int threads, int seed, int most)
{
    static const char *const names[] = { "rate_1", "steps_1", "seconds_1", "rate_16", "steps_16", "seconds_16",
                                         "rate_256", "steps_256", "seconds_256", "rate_4096", "steps_4096", "seconds_4096", "gain_16" };
    double v[13];
    mb_error err = { MB_OK };
    for (int i = 0; i < 4; i++)
        if (!solve(counts[i], threads, seed, most, &v[3 * i], &v[3 * i + 1], &v[3 * i + 2], &err)) return fail(&err);
    v[12] = v[3] / v[0];
    row_print(13, names, v);
    return 0;
}

static int tables(int threads)
{
    static const char *const names[] = { "cartpole", "rooms", "spread" };
    mb_error err = { MB_OK };
    printf("%-10s %8s %8s %14s %8s\n", "env", "envs", "threads", "steps/s", "x one");
    for (size_t n = 0; n < 3; n++) {
        double one = 0;
        for (size_t i = 0; i < COUNTS; i++) {
            double rate = stepping_rate(names[n], counts[i], threads, 1, STEPS, &err);
            if (err.code != MB_OK) return fail(&err);
            one = i ? one : rate;
            printf("%-10s %8d %8d %14.0f %8.1f\n", names[n], counts[i], threads, rate, rate / one);
        }
    }
    printf("\n%-10s %8s %8s %14s %14s %10s\n", "training", "envs", "threads", "steps/s", "steps to 475", "seconds");
    for (size_t i = 0; i < COUNTS; i++) {
        double rate, steps, seconds;
        if (!solve(counts[i], threads, 1, MOST, &rate, &steps, &seconds, &err)) return fail(&err);
        printf("%-10s %8d %8d %14.0f %14.0f %10.2f\n", "cartpole", counts[i], threads, rate, steps, seconds);
    }
    return 0;
}

int main(int argc, char **argv)
{
    int threads = (int)row_number(argc, argv, "threads", 1);
    if (argc > 2 && strcmp(argv[1], "step") == 0) return one_step(argv[2], threads, row_seed(argc, argv), (int)row_number(argc, argv, "steps", STEPS));
    if (argc > 1 && strcmp(argv[1], "train") == 0) return one_train(threads, (int)row_seed(argc, argv), (int)row_number(argc, argv, "most", MOST));
    return tables(argc > 1 ? atoi(argv[1]) : 1);
}
