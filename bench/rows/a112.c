/* a112.c - how often the tests of results are wrong, and how often they see what is there (catalogue row A112).
     a112 made-up --seeds=N --kind=normal|failures --repeats=R --seed=S    made-up scores of two algorithms over N seeds
     a112 own --seeds=N --repeats=R --seed=S    real ones: PPO on cartpole for 6,000 steps, 40 seeds each with the preset, with a
                                                sixteenth of its step size and with the preset again, N drawn at random each time
   Every repeat asks at level 0.05, two-sided, whether the two differ.  Prints the shares of repeats that said yes. */
#include <matchbox.h>
#include "row.h"

enum { MAX_SEEDS = 64, POOL = 40 };
enum { PERMUTATION, WELCH, INTERVAL, METHODS };
struct shares { double yes[METHODS]; };

/* Scores of one algorithm: normal around 0 with deviation 1, or one run in five fails and scores 4 less. */
static double score(mb_rng *rng, bool failures)
{
    double v = (double)mb_normal(rng);
    return failures && mb_uniform64(rng) < 0.2 ? v - 4 : v;
}

static double mean_difference(void *ctx, double *a, int na, double *b, int nb) { return mb_stat_mean(a, na) - mb_stat_mean(b, nb); }

static void ask(const double *x, const double *y, int n, uint64_t seed, mb_arena *arena, double weight, struct shares *out)
{
    double d[MAX_SEEDS];
    mb_error err = { 0 };
    mb_interval i = { 0, 0 };
    mb_bootstrap o = { .resamples = 1000, .seed = seed, .paired = true };
    for (int k = 0; k < n; k++) d[k] = x[k] - y[k];
    out->yes[PERMUTATION] += weight * (mb_permutation_test(d, n, MB_TWO_SIDED, seed) < 0.05);
    out->yes[WELCH] += weight * (mb_welch_test(x, n, y, n, MB_TWO_SIDED).p < 0.05);
    mb_bootstrap_interval(&o, mean_difference, NULL, x, n, y, n, 1, arena, &i, &err);
    out->yes[INTERVAL] += weight * (i.lo > 0 || i.hi < 0);
}

/* Mean evaluation of a short run of PPO. */
static bool train(const char *lr, int seed, double *out, mb_error *err)
{
    mb_eval eval;
    char number[16];
    snprintf(number, sizeof number, "%d", seed);
    mb_arena *a = mb_arena_new((size_t)1 << 26, err);
    mb_settings *s = a ? mb_settings_new(a, "ppo", "cartpole", err) : NULL;
    bool ok = s && mb_settings_preset(s, NULL, err) && mb_settings_set(s, "total-steps", "6k", NULL, err) && mb_settings_set(s, "seed", number, NULL, err) &&
              mb_settings_set(s, "run", "none", NULL, err) && mb_settings_set(s, "threads", "1", NULL, err) && (!lr || mb_settings_set(s, "lr", lr, NULL, err));
    mb_trainer *t = ok ? mb_trainer_new(s, NULL, err) : NULL;
    ok = t && mb_trainer_run(t, err) && mb_trainer_evaluate(t, 20, &eval, err);
    if (ok) *out = eval.return_mean;
    mb_trainer_free(t);
    mb_arena_free(a);
    return ok;
}

/* x: the preset; y: a sixteenth of its step size; z: the preset on other seeds. */
static void own_scores(uint64_t seed, double *x, double *y, double *z)
{
    mb_error err = { 0 };
    for (int i = 0; i < POOL; i++) {
        int at = (int)seed * 1000 + i;
        if (train(NULL, at, &x[i], &err) && train("linear:0.0005:0", at, &y[i], &err) && train(NULL, at + POOL, &z[i], &err)) continue;
        char text[1024];
        mb_error_text(&err, text, sizeof text);
        fputs(text, stderr);
        exit(1);
    }
}

static void print(const struct shares *same, const struct shares *other)
{
    static const char *const names[] = { "null_permutation", "null_welch", "null_interval", "found_permutation", "found_welch", "found_interval" };
    double v[2 * METHODS];
    for (int m = 0; m < METHODS; m++) {
        v[m] = same->yes[m];
        v[METHODS + m] = other->yes[m];
    }
    row_print(2 * METHODS, names, v);
}

static double one_of(const double *a, const double *b, mb_rng *rng)
{
    int k = mb_below(rng, 2 * POOL);
    return k < POOL ? a[k] : b[k - POOL];
}

int main(int argc, char **argv)
{
    mb_error err = { 0 };
    struct shares same = { { 0 } }, other = { { 0 } };
    int n = (int)row_number(argc, argv, "seeds", 10), repeats = (int)row_number(argc, argv, "repeats", 1000);
    bool own = argc > 1 && strcmp(argv[1], "own") == 0, failures = row_is(argc, argv, "kind", "failures");
    double effect = row_number(argc, argv, "effect", 1), pool[3][POOL], x[MAX_SEEDS], y[MAX_SEEDS], z[MAX_SEEDS], w[MAX_SEEDS];
    uint64_t seed = row_seed(argc, argv);
    mb_arena *arena = mb_arena_new((size_t)1 << 24, &err);
    if (!arena || n < 2 || n > (own ? POOL : MAX_SEEDS)) return fprintf(stderr, "a112: --seeds=%d is out of range\n", n), 2;
    if (own) own_scores(seed, pool[0], pool[1], pool[2]);
    for (int r = 0; r < repeats; r++) {
        mb_rng rng = mb_rng_make(seed, "a112", (uint64_t)r);
        for (int i = 0; i < n; i++) {
            int k = own ? mb_below(&rng, POOL) : 0;
            x[i] = own ? pool[0][k] : score(&rng, failures) + effect;
            y[i] = own ? pool[1][k] : score(&rng, failures);
            z[i] = own ? one_of(pool[0], pool[2], &rng) : score(&rng, failures);
            w[i] = own ? one_of(pool[0], pool[2], &rng) : score(&rng, failures);
        }
        ask(w, z, n, (uint64_t)r, arena, 1.0 / repeats, &same);
        ask(x, y, n, (uint64_t)r, arena, 1.0 / repeats, &other);
    }
    print(&same, &other);
    mb_arena_free(arena);
    return 0;
}
