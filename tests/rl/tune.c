/* The mathematics of searching for settings, against Optuna, scikit-learn, SciPy and plain sums (tests/reference/tune.py). */
#include "rl/tune.h"
#include "mb_test.h"
#include "reference/data/tune.h"

#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))
static mb_arena *memory;

static void begin(void)
{
    mb_error err = { 0 };
    if (!memory) memory = mb_arena_new((size_t)1 << 28, &err);
}

TEST(error_function)
{
    for (int i = 0; i < LENGTH(erf_x); i++) CHECK_NEAR(mb__erf(erf_x[i]), erf_y[i], 1e-15);
    CHECK_NEAR(mb__normal_cdf(1.959963984540054), 0.975, 1e-15);
    CHECK(mb__erf((double)NAN) != mb__erf((double)NAN));
}

TEST(parzen_density)
{
    mb_error err = { 0 };
    int begins = 0, row = 0;
    begin();
    for (int k = 0; k < LENGTH(parzen_n); k++) {
        mb__parzen p;
        CHECK(mb__parzen_fit(memory, parzen_x + begins, parzen_n[k], 0, &p, &err));
        for (int i = 0; i < LENGTH(parzen_at); i++, row++) CHECK_NEAR(mb__parzen_log(&p, parzen_at[i]), parzen_log[row], 1e-11);
        CHECK(mb__parzen_fit(memory, parzen_kind + begins, parzen_n[k], 3, &p, &err));
        for (int c = 0; c < 3; c++) CHECK_NEAR(mb__parzen_log(&p, c), parzen_kind_log[3 * k + c], 1e-12);
        begins += parzen_n[k];
    }
    for (int n = 1; n <= LENGTH(tpe_good); n++) CHECK(mb__tpe_good(n) == tpe_good[n - 1]);
}

/* Draws follow the density: its mean and the mass of ten bins, within five standard errors. */
TEST(parzen_draws)
{
    enum { DRAWS = 40000, BINS = 10 };
    mb_error err = { 0 };
    mb_rng r = mb_rng_make(5, "test", 0);
    mb__parzen p;
    int count[BINS] = { 0 }, kind[3] = { 0 };
    begin();
    CHECK(mb__parzen_fit(memory, parzen_x + 3, 7, 0, &p, &err));
    for (int i = 0; i < DRAWS; i++) {
        double x = mb__parzen_draw(&p, &r);
        CHECK(x >= 0 && x <= 1);
        count[x < 1 ? (int)(x * BINS) : BINS - 1]++;
    }
    for (int b = 0; b < BINS; b++) {
        double mass = 0;
        for (int i = 0; i < 1000; i++) mass += exp(mb__parzen_log(&p, (b + (i + 0.5) / 1000) / BINS)) / (1000 * BINS);
        CHECK_NEAR(count[b], DRAWS * mass, 5 * sqrt(DRAWS * mass * (1 - mass)));
    }
    CHECK(mb__parzen_fit(memory, parzen_kind + 3, 7, 3, &p, &err));
    for (int i = 0; i < DRAWS; i++) kind[(int)mb__parzen_draw(&p, &r)]++;
    for (int c = 0; c < 3; c++) CHECK_NEAR(kind[c], DRAWS * p.p[c], 5 * sqrt(DRAWS * p.p[c] * (1 - p.p[c])));
}

/* With good values at 0.8 and bad ones at 0.2 the draws go to 0.8. */
TEST(tpe_goes_where_it_was_good)
{
    mb_error err = { 0 };
    mb_rng r = mb_rng_make(5, "test", 1);
    mb__parzen good, bad;
    const double g[] = { 0.78, 0.8, 0.83 }, b[] = { 0.1, 0.15, 0.2, 0.22, 0.3, 0.4 };
    int near = 0;
    begin();
    CHECK(mb__parzen_fit(memory, g, 3, 0, &good, &err) && mb__parzen_fit(memory, b, 6, 0, &bad, &err));
    for (int i = 0; i < 200; i++) near += fabs(mb__tpe_draw(&good, &bad, 24, &r) - 0.8) < 0.2;
    CHECK(near > 190);
}

static const int kinds[3] = { 0, 0, 3 };
static mb__gp process(void)
{
    mb_error err = { 0 };
    mb__gp g;
    begin();
    CHECK(mb__gp_new(memory, gp_x, gp_y, LENGTH(gp_y), 3, kinds, &g, &err));
    for (int k = 0; k < 3; k++) g.length[k] = gp_length[k];
    g.signal = gp_signal_noise[0];
    g.noise = gp_signal_noise[1];
    return g;
}

TEST(gaussian_process)
{
    mb__gp g = process();
    double scratch[LENGTH(gp_y)], mean, variance;
    CHECK_NEAR(mb__gp_condition(&g), gp_likelihood[0], 1e-9);
    for (int i = 0; i < LENGTH(gp_mean); i++) {
        mb__gp_at(&g, gp_at + 3 * i, scratch, &mean, &variance);
        CHECK_NEAR(mean, gp_mean[i], 1e-9);
        CHECK_NEAR(variance, gp_variance[i], 1e-9);
    }
    CHECK(mb__gp_fit(&g) > gp_best[0] - 0.05);
    mb_error err = { 0 };
    CHECK(!mb__gp_new(memory, gp_x, gp_y, 2, 33, kinds, &g, &err));
    CHECK_ERROR(err, "1 to 32 dimensions");
}

TEST(expected_improvement)
{
    for (int i = 0; i < LENGTH(ei); i++)
        CHECK_NEAR(mb__expected_improvement(ei_case[3 * i], ei_case[3 * i + 1], ei_case[3 * i + 2]), ei[i], 1e-9);
    CHECK(mb__expected_improvement(3, 0, 1) == 2 && mb__expected_improvement(0, 0, 1) == 0);
}

TEST(importance)
{
    mb__gp g = process();
    double alone[3], total[3];
    mb__gp_condition(&g);
    mb__gp_importance(&g, alone, total);
    for (int k = 0; k < 3; k++) {
        CHECK_NEAR(alone[k], share_alone[k], 2e-4); /* the grid's own error */
        CHECK_NEAR(total[k], share_total[k], 2e-4);
    }
}

TEST(halving)
{
    enum { TRIALS = 40, RUNGS = 4 };
    int64_t rung[8];
    static double value[RUNGS][TRIALS];
    static bool promoted[RUNGS][TRIALS];
    int at[RUNGS][TRIALS], n[RUNGS] = { 0 }, fresh = 0;
    for (int e = 0; e < LENGTH(asha_event) / 2; e++) {
        int trial = -1, to = 0;
        for (int k = RUNGS - 2; k >= 0 && trial < 0; k--) {
            int i = mb__asha_promote(value[k], promoted[k], n[k], 3);
            if (i < 0) continue;
            promoted[k][i] = true;
            trial = at[k][i];
            to = k + 1;
        }
        if (trial < 0) trial = fresh++;
        CHECK(trial == asha_event[2 * e] && to == asha_event[2 * e + 1]);
        if (trial >= TRIALS) return;
        /* a rung is kept in order of trials, as equal values are ordered */
        int i = n[to]++;
        for (; i > 0 && at[to][i - 1] > trial; i--) {
            at[to][i] = at[to][i - 1];
            value[to][i] = value[to][i - 1];
            promoted[to][i] = promoted[to][i - 1];
        }
        at[to][i] = trial;
        promoted[to][i] = false;
        value[to][i] = asha_value[trial * RUNGS + to];
    }
    CHECK(mb__asha_rungs(100, 5000, 3, rung, 8) == 5 && rung[0] == 100 && rung[3] == 2700 && rung[4] == 5000);
    CHECK(mb__asha_rungs(100, 900, 3, rung, 8) == 3 && rung[2] == 900);
    CHECK(mb__asha_rungs(100, 50, 3, rung, 8) == 1 && rung[0] == 50);
    CHECK(mb__asha_promote((double[]){ (double)NAN, (double)NAN, (double)NAN }, (bool[3]){ false }, 3, 3) == -1);
}

TEST(population)
{
    enum { ROUNDS = 2000 };
    mb_rng r = mb_rng_make(5, "test", 2);
    int parent[20], copies[4] = { 0 };
    for (int i = 0; i < ROUNDS; i++) {
        mb__pbt_exploit(pbt_value, 20, 0.2, &r, parent);
        int changed = 0;
        for (int k = 0; k < 20; k++) {
            if (parent[k] == k) continue;
            CHECK(changed < 4 && k == pbt_worst[changed]);
            changed++;
            for (int b = 0; b < 4; b++) copies[b] += parent[k] == pbt_best[b];
        }
        CHECK(changed == 4);
    }
    /* each of the best is copied equally often: four standard errors of a binomial */
    for (int b = 0; b < 4; b++) CHECK_NEAR(copies[b], ROUNDS, 4 * sqrt(4.0 * ROUNDS * 0.25 * 0.75));
    int anew = 0, up = 0, down = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double v = mb__pbt_explore(1, 0, 10, 7, &r);
        anew += v == 7;
        up += v == 1.2;
        down += v == 0.8;
    }
    CHECK(anew + up + down == ROUNDS);
    CHECK_NEAR(anew, ROUNDS / 4, 4 * sqrt(ROUNDS * 3 / 16.0));
    CHECK_NEAR(up, ROUNDS * 3 / 8, 4 * sqrt(ROUNDS * 15 / 64.0));
    CHECK(mb__pbt_explore(1, 0.95, 1.05, 1, &r) <= 1.05);
    int order[3];
    mb__rank((double[]){ (double)NAN, 1, 2 }, 3, order);
    CHECK(order[0] == 2 && order[1] == 1 && order[2] == 0);
}

MB_TESTS(T(error_function), T(parzen_density), T(parzen_draws), T(tpe_goes_where_it_was_good), T(gaussian_process), T(expected_improvement),
         T(importance), T(halving), T(population))
