/* a10.c - many environments in lock-step (catalogue row A10): stepping rate, rate of training and time to a solved CartPole against
   the number of environments, beside stepping one instance at a time.   build/bench/rows/a10 [threads] */
#include <math.h>
#include <matchbox.h>
#include <stdio.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* median over five windows of environment steps per second; random actions from a table */
static double stepping_rate(const char *name, int nenvs, int threads, mb_error *err)
{
    double rates[5];
    mb_arena *a = mb_arena_new((size_t)1 << 33, err);
    mb_pool *pool = threads > 1 ? mb_pool_new(threads, err) : NULL;
    mb_scope s = { .arena = a, .pool = pool, .seed = 1 };
    const mb_env_def *def = mb_env_find(name, err);
    mb_vec *v = def ? mb_vec_new(&s, "a10", def, NULL, nenvs, err) : NULL;
    if (!v || !mb_vec_reset(v, err)) return NAN;
    mb_vec_view *w = mb_vec_view_of(v);
    mb_rng rng = mb_rng_make(1, "a10 actions", 0);
    int choices = mb_vec_shape(v)->act.field[0].n, rounds = 400000 / nenvs + 1;
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
static bool solve(int nenvs, int threads, double *rate, double *steps, double *seconds, mb_error *err)
{
    mb_arena *a = mb_arena_new((size_t)1 << 28, err);
    mb_settings *s = mb_settings_new(a, "ppo", "cartpole", err);
    char envs[16], horizon[16], count[16];
    snprintf(envs, sizeof envs, "%d", nenvs);
    snprintf(horizon, sizeof horizon, "%d", nenvs < 512 ? 4096 / nenvs : 8);
    snprintf(count, sizeof count, "%d", threads);
    const char *const set[] = { "preset", "none", "run", "none", "total-steps", "2M", "eval-episodes", "0", "envs", envs, "horizon", horizon,
                                "threads", count, "minibatches", "16", "lr", "1e-3", "value-loss", "mse" };
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < sizeof set / sizeof *set; i += 2) ok = mb_settings_set(s, set[i], set[i + 1], "a10", err);
    mb_trainer *t = ok ? mb_trainer_new(s, NULL, err) : NULL;
    mb_summary sum = { .return_mean = 0 };
    double begin = mb_now();
    while (t && ok && mb_trainer_view(t)->step < 2000000 && !(sum.return_mean >= 475))
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

int main(int argc, char **argv)
{
    static const char *const names[] = { "cartpole", "rooms", "spread" };
    static const int counts[] = { 1, 16, 256, 4096, 16384 };
    enum { COUNTS = sizeof counts / sizeof *counts };
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    mb_error err = { MB_OK };
    printf("%-10s %8s %8s %14s %8s\n", "env", "envs", "threads", "steps/s", "x one");
    for (size_t n = 0; n < 3; n++) {
        double one = 0;
        for (size_t i = 0; i < COUNTS; i++) {
            double rate = stepping_rate(names[n], counts[i], threads, &err);
            if (err.code != MB_OK) return fprintf(stderr, "%s\n", err.what), 1;
            one = i ? one : rate;
            printf("%-10s %8d %8d %14.0f %8.1f\n", names[n], counts[i], threads, rate, rate / one);
        }
    }
    printf("\n%-10s %8s %8s %14s %14s %10s\n", "training", "envs", "threads", "steps/s", "steps to 475", "seconds");
    for (size_t i = 0; i < COUNTS; i++) {
        double rate, steps, seconds;
        if (!solve(counts[i], threads, &rate, &steps, &seconds, &err)) return fprintf(stderr, "%s\n", err.what), 1;
        printf("%-10s %8d %8d %14.0f %14.0f %10.2f\n", "cartpole", counts[i], threads, rate, steps, seconds);
    }
    return 0;
}
