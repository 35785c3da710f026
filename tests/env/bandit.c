/* Bandits: means and rewards have the distributions they are said to have. */
#include "env/bandit/bandit.c"
#include "mb_test.h"

static int32_t action, obs;
static mb_io io = { .index = &action, .obs_field = { &obs } };

static struct bandit_options defaults(void)
{
    struct bandit_options o;
    mb_options_default(bandit_option_rows, &o);
    return o;
}

/* Mean reward of n pulls of one arm in context 0. */
static double mean_reward(const struct bandit_options *o, int arm, int n)
{
    struct bandit s;
    mb_error err = { 0 };
    mb_rng rng = mb_rng_make(3, "env", 0);
    double sum = 0;
    action = arm;
    for (int i = 0; i < n; i++) {
        CHECK(place(&s, o, (double[]){ 1, 0, 0 }, 3, &io, &err));
        sum += (double)step(&s, o, &rng, &io).reward;
    }
    return sum / n;
}

/* The best of ten standard normal means is 1.53875 on average (the expected maximum), as in the ten-armed testbed. */
TEST(testbed_means_are_normal)
{
    struct bandit_options o = defaults();
    double sum = 0, square = 0, best = 0;
    enum { PROBLEMS = 20000 };
    for (int p = 1; p <= PROBLEMS; p++) {
        double top = -100;
        for (int a = 0; a < 10; a++) {
            double m = (double)arm_mean(&o, p, 0, a);
            sum += m;
            square += m * m;
            top = fmax(top, m);
        }
        best += top / PROBLEMS;
    }
    CHECK_NEAR(sum / (10 * PROBLEMS), 0, 5 / sqrt(10.0 * PROBLEMS));
    CHECK_NEAR(square / (10 * PROBLEMS), 1, 5 * sqrt(2.0 / (10 * PROBLEMS)));
    CHECK_NEAR(best, 1.53875, 5 * 0.587 / sqrt(PROBLEMS));
}

TEST(rewards_follow_the_means)
{
    struct bandit_options o = defaults();
    enum { N = 20000 };
    for (int a = 0; a < o.arms; a++) CHECK_NEAR(mean_reward(&o, a, N), arm_mean(&o, 1, 0, a), 5 / sqrt(N));
    o.pays = BERNOULLI;
    for (int a = 0; a < o.arms; a++) {
        CHECK(arm_mean(&o, 1, 0, a) >= 0 && arm_mean(&o, 1, 0, a) < 1);
        CHECK_NEAR(mean_reward(&o, a, N), arm_mean(&o, 1, 0, a), 2.5 / sqrt(N));
    }
}

TEST(one_rare_arm_pays)
{
    struct bandit_options o = defaults();
    o.pays = RARE;
    o.arms = 100;
    int where[100] = { 0 };
    for (int p = 1; p <= 20000; p++) {
        int paying = 0;
        for (int a = 0; a < 100; a++)
            if (arm_mean(&o, p, 0, a) == 1) {
                paying++;
                where[a]++;
            }
        CHECK(paying == 1);
    }
    for (int a = 0; a < 100; a++) CHECK_NEAR(where[a], 200, 5 * sqrt(200));
}

TEST(contexts_and_pulls)
{
    struct bandit_options o = defaults();
    struct bandit s;
    int seen[4] = { 0 }, n = 0;
    mb_rng rng = mb_rng_make(1, "env", 0);
    o.contexts = 4;
    o.pulls = 1000;
    reset(&s, &o, &rng, &io);
    action = 0;
    for (mb_step out = { 0 }; !out.terminated; n++) {
        seen[obs]++;
        out = step(&s, &o, &rng, &io);
    }
    CHECK(n == 1000);
    for (int c = 0; c < 4; c++) CHECK_NEAR(seen[c], 250, 5 * sqrt(1000 * 0.25 * 0.75));
    CHECK(arm_mean(&o, 1, 0, 0) != arm_mean(&o, 1, 1, 0));
    int32_t first = s.problem;
    reset(&s, &o, &rng, &io);
    CHECK(s.problem == first);
    o.problem = 0;
    reset(&s, &o, &rng, &io);
    first = s.problem;
    reset(&s, &o, &rng, &io);
    CHECK(s.problem != first);
}

MB_TESTS(T(testbed_means_are_normal), T(rewards_follow_the_means), T(one_rare_arm_pays), T(contexts_and_pulls))
