/* Statistics against rliable, SciPy, statsmodels and scikit-learn (tests/reference/run_stats.py). */
#include "matchbox/stats.h"
#include "mb_test.h"
#include "../reference/data/run_stats.h"

enum { TASKS = 3, SEEDS = 11, ALL = TASKS * SEEDS };
#define COUNT(a) (int)(sizeof(a) / sizeof *(a))

static double *copy(const double *from, int n)
{
    static double to[ALL];
    memcpy(to, from, (size_t)n * sizeof *to);
    return to;
}

TEST(aggregates)
{
    CHECK_NEAR(mb_stat_iqm(copy(x, ALL), ALL), iqm_all, 1e-12);
    CHECK_NEAR(mb_stat_iqm(copy(x, SEEDS), SEEDS), iqm_first, 1e-12);
    CHECK_NEAR(mb_stat_mean(x, ALL), mean_all, 1e-12);
    CHECK_NEAR(mb_stat_median(copy(x, SEEDS), SEEDS), median_first, 1e-12);
    CHECK_NEAR(mb_stat_variance(x, SEEDS), variance_first, 1e-12);
    CHECK_NEAR(mb_optimality_gap(x, ALL, 10), gap, 1e-12);
    CHECK(isnan(mb_stat_mean(x, 0)) && isnan(mb_stat_iqm(copy(x, 1), 0)) && isnan(mb_stat_variance(x, 1)));
    CHECK(mb_stat_iqm(copy(x, 1), 1) == x[0]);
    CHECK_NEAR(mb_stat_iqm(copy(x, 3), 3), (x[0] + x[1] + x[2]) / 3, 1e-12);
}

TEST(sorting_and_quantiles)
{
    static const double at[] = { 0, 0.025, 0.3, 0.5, 0.99, 1 };
    double many[1000];
    double *v = copy(x, ALL);
    mb_sort(v, ALL);
    for (int i = 1; i < ALL; i++) CHECK(v[i - 1] <= v[i]);
    for (int i = 0; i < 6; i++) CHECK_NEAR(mb_stat_quantile(v, ALL, at[i]), quantiles[i], 1e-12);
    mb_rng rng = mb_rng_make(1, "sort", 0);
    for (int n = 0; n <= 1000; n = n * 3 + 1) {
        double sum = 0, after = 0;
        for (int i = 0; i < n; i++) sum += many[i] = mb_below(&rng, 20);
        mb_sort(many, n);
        for (int i = 0; i < n; i++) after += many[i];
        for (int i = 1; i < n; i++) CHECK(many[i - 1] <= many[i]);
        CHECK(sum == after);
    }
}

TEST(improvement_and_profile)
{
    static const double tau[] = { 4, 8, 10, 12, 20 };
    double out[5];
    CHECK_NEAR(mb_probability_of_improvement(x, SEEDS, y, SEEDS, TASKS), improvement, 1e-12);
    CHECK_NEAR(mb_probability_of_improvement(y, SEEDS, x, SEEDS, TASKS), 1 - improvement, 1e-12);
    mb_performance_profile(x, ALL, tau, 5, out);
    for (int i = 0; i < 5; i++) CHECK_NEAR(out[i], profile[i], 1e-12);
}

static double mean_difference(void *ctx, double *a, int na, double *b, int nb) { return mb_stat_mean(a, na) - mb_stat_mean(b, nb); }

/* Ends of intervals scatter with the resamples: about 0.02 here with 20,000. */
TEST(bootstrap)
{
    mb_error err = { 0 };
    mb_interval i, again;
    mb_arena *a = mb_arena_new((size_t)1 << 24, &err);
    mb_bootstrap o = { .resamples = 20000 };
    CHECK(mb_bootstrap_statistic(&o, MB_STAT_IQM, x, SEEDS, TASKS, a, &i, &err));
    CHECK_NEAR(i.lo, boot_iqm[0], 0.06);
    CHECK_NEAR(i.hi, boot_iqm[1], 0.06);
    CHECK(mb_bootstrap_statistic(&o, MB_STAT_MEAN, x, SEEDS, 1, a, &i, &err));
    CHECK_NEAR(i.lo, boot_mean[0], 0.06);
    CHECK_NEAR(i.hi, boot_mean[1], 0.06);
    o.paired = true;
    CHECK(mb_bootstrap_interval(&o, mean_difference, NULL, x, SEEDS, y, SEEDS, 1, a, &i, &err));
    CHECK_NEAR(i.lo, boot_paired[0], 0.08);
    CHECK_NEAR(i.hi, boot_paired[1], 0.08);
    CHECK(mb_bootstrap_interval(&o, mean_difference, NULL, x, SEEDS, y, SEEDS, 1, a, &again, &err));
    CHECK(again.lo == i.lo && again.hi == i.hi);
    CHECK(mb_arena_used(a) == 0);
    CHECK(!mb_bootstrap_interval(&o, mean_difference, NULL, x, SEEDS, y, SEEDS - 1, 1, a, &i, &err));
    CHECK_ERROR(err, "in pairs");
    mb_arena_free(a);
}

TEST(permutation)
{
    static const mb_alternative alternative[] = { MB_TWO_SIDED, MB_GREATER, MB_LESS };
    double d[SEEDS], many[40];
    for (int i = 0; i < SEEDS; i++) d[i] = x[i] - y[i];
    for (int k = 0; k < 3; k++) {
        CHECK_NEAR(mb_permutation_test(d, SEEDS, alternative[k], 0), perm[k], 1e-12);
        CHECK_NEAR(mb_permutation_test(dt, COUNT(dt), alternative[k], 0), perm_ties[k], 1e-12);
    }
    /* 40 pairs at random: sum of 40 signs of equal size is binomial */
    for (int i = 0; i < 40; i++) many[i] = i < 27 ? 1 : -1;
    CHECK_NEAR(mb_permutation_test(many, 40, MB_GREATER, 3), 0.0192387, 0.002); /* P(Binomial(40, 1/2) >= 27) */
    CHECK(isnan(mb_permutation_test(d, 0, MB_GREATER, 0)));
}

/* p of n pairs by adding up every pattern of signs on its own */
static double permutation_plain(const double *d, int n)
{
    double observed = 0;
    int above = 0;
    for (int i = 0; i < n; i++) observed += d[i];
    for (int signs = 0; signs < 1 << n; signs++) {
        double sum = 0;
        for (int i = 0; i < n; i++) sum += signs >> i & 1 ? -d[i] : d[i];
        above += sum >= observed - 1e-12;
    }
    return (double)above / (1 << n);
}

TEST(permutation_of_every_size)
{
    double d[16];
    mb_rng rng = mb_rng_make(1, "pairs", 0);
    for (int n = 1; n <= 16; n++) {
        for (int i = 0; i < n; i++) d[i] = (double)mb_normal(&rng) + 0.3;
        CHECK_NEAR(mb_permutation_test(d, n, MB_GREATER, 0), permutation_plain(d, n), 0);
    }
}

TEST(welch_and_student)
{
    static const mb_alternative alternative[] = { MB_TWO_SIDED, MB_GREATER, MB_LESS };
    static const double same[] = { 2, 2, 2 };
    for (int k = 0; k < 3; k++) {
        mb_welch w = mb_welch_test(x, SEEDS, y + SEEDS, 7, alternative[k]);
        CHECK_NEAR(w.t, welch[0], 1e-12);
        CHECK_NEAR(w.degrees, welch[1], 1e-11);
        CHECK_NEAR(w.p, welch[2 + k], 1e-12);
    }
    for (int i = 0; i < COUNT(t_cdf); i++) CHECK_NEAR(mb_student_cdf(t_points[2 * i], t_points[2 * i + 1]) / t_cdf[i], 1, 1e-11);
    for (int i = 0; i < COUNT(t_ppf); i++) CHECK_NEAR(mb_student_quantile(t_q[2 * i], t_q[2 * i + 1]), t_ppf[i], 1e-9);
    CHECK(isnan(mb_welch_test(same, 3, same, 3, MB_GREATER).p) && isnan(mb_student_cdf(1, 0)) && isnan(mb_student_quantile(1, 3)));
}

TEST(corrections_and_counts)
{
    double out[COUNT(holm_p)];
    mb_holm(holm_p, COUNT(holm_p), out);
    for (int i = 0; i < COUNT(holm_p); i++) CHECK_NEAR(out[i], holm[i], 1e-12);
    for (int i = 0; i < COUNT(pass_at); i++)
        CHECK_NEAR(mb_pass_at_k((int)pass_k[3 * i], (int)pass_k[3 * i + 1], (int)pass_k[3 * i + 2]), pass_at[i], 1e-12);
    CHECK(isnan(mb_pass_at_k(5, 6, 1)) && isnan(mb_pass_at_k(5, 2, 6)) && isnan(mb_pass_at_k(5, 2, 0)));
}

TEST(agreement)
{
    mb_error err = { 0 };
    mb_agreement k;
    CHECK(mb_cohen_kappa(reader_a, reader_b, COUNT(reader_a), 4, &k, &err));
    CHECK_NEAR(k.agreement, kappa[0], 1e-12);
    CHECK_NEAR(k.kappa, kappa[1], 1e-12);
    CHECK(mb_cohen_kappa((const int[]){ 1, 1 }, (const int[]){ 1, 1 }, 2, 2, &k, &err) && isnan(k.kappa) && k.agreement == 1);
    CHECK(!mb_cohen_kappa(reader_a, reader_b, COUNT(reader_a), 3, &k, &err));
    CHECK_ERROR(err, "must lie in [0, 2]");
}

MB_TESTS(T(aggregates), T(sorting_and_quantiles), T(improvement_and_profile), T(bootstrap), T(permutation), T(permutation_of_every_size),
         T(welch_and_student), T(corrections_and_counts), T(agreement))
