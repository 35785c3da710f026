/* b16.c - evaluation over a family of MDPs (catalogue row B16; Jayawardana et al. 2022): methods trained and judged on the default
   CartPole alone, and on each of a family of CartPoles (an agent for each); does the ranking stay, and how many members does
   an estimate need?   build/bench/rows/b16 [--seed=N] [--members=16] [--steps=40k]     last line: JSON */
#include <math.h>
#include <matchbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { METHODS = 3, MOST = 256, RESAMPLES = 4000 };
static const char *const methods[METHODS] = { "ppo", "a2c", "reinforce" };
static const char *const family = "gravity=5..20,pole-length=0.25..2,pole-mass=0.05..1,push=5..20";

static bool set_all(mb_settings *s, const char *const *pairs, mb_error *err)
{
    for (int i = 0; pairs[i]; i += 2)
        if (!mb_settings_set(s, pairs[i], pairs[i + 1], "b16", err)) return false;
    return true;
}

/* Mean return of 50 greedy episodes of `method` trained on CartPole with these options, as a share of the best possible. */
static bool score(const char *method, const char *const *changes, const char *seed, const char *steps, double *out, mb_error *err)
{
    const char *const common[] = { "total-steps", steps, "seed", seed, "run", "none", "threads", "1", NULL };
    mb_arena *a = mb_arena_new((size_t)1 << 26, err);
    mb_settings *s = a ? mb_settings_new(a, method, "cartpole", err) : NULL;
    bool ok = s && mb_settings_preset(s, NULL, err) && set_all(s, common, err) && (!changes || set_all(s, changes, err));
    mb_trainer *t = ok ? mb_trainer_new(s, NULL, err) : NULL;
    mb_eval e = { 0 };
    ok = t && mb_trainer_run(t, err) && mb_trainer_evaluate(t, 50, &e, err);
    mb_trainer_free(t);
    mb_arena_free(a);
    *out = e.return_mean / 500;
    return ok;
}

/* Kendall's tau-b of two rankings of the methods. */
static double kendall(const double *x, const double *y)
{
    double agree = 0, nx = 0, ny = 0;
    for (int i = 0; i < METHODS; i++)
        for (int k = 0; k < i; k++) {
            double a = (x[i] > x[k]) - (x[i] < x[k]), b = (y[i] > y[k]) - (y[i] < y[k]);
            agree += a * b;
            nx += a * a;
            ny += b * b;
        }
    return nx > 0 && ny > 0 ? agree / sqrt(nx * ny) : (double)NAN;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Width of the 95 % interval of the mean of k members drawn from the n. */
static double width(const double *x, int n, int k, uint64_t seed)
{
    static double means[RESAMPLES];
    mb_rng rng = mb_rng_make(seed, "b16.width", (uint64_t)k);
    for (int r = 0; r < RESAMPLES; r++) {
        means[r] = 0;
        for (int i = 0; i < k; i++) means[r] += x[(int)(mb_uniform64(&rng) * n)] / k;
    }
    qsort(means, RESAMPLES, sizeof means[0], by_value);
    return means[RESAMPLES * 39 / 40] - means[RESAMPLES / 40];
}

static bool measure(const char *seed, int members, const char *steps, mb_error *err)
{
    static double on[METHODS][MOST];
    double alone[METHODS], mean[METHODS] = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 26, err);
    mb_family *f = a ? mb_family_new(a, mb_env_find("cartpole", err), family, err) : NULL;
    bool ok = f != NULL;
    for (int m = 0; ok && m < METHODS; m++) {
        ok = score(methods[m], NULL, seed, steps, &alone[m], err);
        for (int i = 0; ok && i < members; i++) {
            const char **changes;
            ok = mb_family_member(f, strtoull(seed, NULL, 10), i, a, &changes, err) && score(methods[m], changes, seed, steps, &on[m][i], err);
            mean[m] += on[m][i] / members;
        }
    }
    mb_arena_free(a);
    if (!ok) return false;
    printf("%-10s %10s %10s\n", "method", "default", "family");
    for (int m = 0; m < METHODS; m++) printf("%-10s %10.3f %10.3f\n", methods[m], alone[m], mean[m]);
    printf("{\"seed\":%s", seed);
    for (int m = 0; m < METHODS; m++) printf(",\"default_%s\":%.6f,\"family_%s\":%.6f", methods[m], alone[m], methods[m], mean[m]);
    double tau = kendall(alone, mean);
    printf(",\"tau\":");
    if (!(tau >= -1)) printf("null");
    else printf("%.4f", tau);
    uint64_t root = strtoull(seed, NULL, 10);
    printf(",\"width_ratio\":%.4f}\n", width(on[1], members, 4, root) / width(on[1], members, 16, root));
    return true;
}

int main(int argc, char **argv)
{
    const char *seed = "1", *steps = "40k";
    int members = 16;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--seed=", 7) == 0) seed = argv[i] + 7;
        else if (strncmp(argv[i], "--members=", 10) == 0) members = atoi(argv[i] + 10);
        else if (strncmp(argv[i], "--steps=", 8) == 0) steps = argv[i] + 8;
        else return fprintf(stderr, "b16: unknown argument %s\n", argv[i]), 2;
    }
    mb_error err = { MB_OK };
    if (members < 2 || members > MOST) return fprintf(stderr, "b16: --members must lie in [2, %d]\n", MOST), 2;
    if (measure(seed, members, steps, &err)) return 0;
    char text[1024];
    mb_error_text(&err, text, sizeof text);
    fputs(text, stderr);
    return 1;
}
