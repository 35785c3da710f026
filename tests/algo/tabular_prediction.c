/* Prediction: TD(lambda) against NumPy's curves, its limit against the exact values, importance sampling against the exact
   answer, and Baird's counterexample with its cure. */
#include "../../bench/rows/baird.h"
#include "../../bench/rows/ope.h"
#include "../../bench/rows/walk.h"
#include "mb_test.h"

/* Points of each curve, left, bottom and right, over 100 runs, within 5 standard errors of an independent program's 1000. */
TEST(random_walk_curves_equal_the_reference)
{
    static const double points[][2] = { { 0, 0.4 }, { 0, 0.8 }, { 0.4, 0.6 }, { 0.8, 0.1 }, { 0.8, 0.3 }, { 0.9, 0.2 }, { 0.95, 0.1 }, { 1, 0.01 } };
    FILE *f = fopen("tests/reference/data/tabular-walk.txt", "r");
    double lambda, alpha, mean, error;
    int found = 0;
    CHECK(f != NULL);
    while (f && fscanf(f, "%lf %lf %lf %lf", &lambda, &alpha, &mean, &error) == 4)
        for (int i = 0; i < 8; i++) {
            if (points[i][0] != lambda || points[i][1] != alpha) continue;
            struct walk_point x = walk_measure(lambda, alpha, 100);
            CHECK_NEAR(x.mean, mean, 5 * sqrt(x.error * x.error + error * error));
            found++;
        }
    if (f) fclose(f);
    CHECK(found == 8);
}

/* The best of each curve: an intermediate lambda beats TD(0) and Monte Carlo. */
TEST(intermediate_lambda_is_best)
{
    double td0 = walk_measure(0, 0.8, 50).mean, middle = walk_measure(0.8, 0.3, 50).mean, mc = walk_measure(1, 0.02, 50).mean;
    CHECK(middle < td0 - 0.03);
    CHECK(middle < mc - 0.1);
}

/* With a step size that falls to 0, TD's limit is the solution of dynamic programming: the same numbers from two sides. */
TEST(td_converges_to_the_exact_values)
{
    static const char *const lambdas[] = { "lambda=0", "lambda=0.5", "lambda=0.9" };
    for (int k = 0; k < 3; k++) {
        struct agent a;
        agent_open(&a, "td", "randomwalk", (const char *const[]){ lambdas[k], "alpha=linear:0.02:0", "env.states=5", NULL }, 3, 1000000);
        agent_train(&a, 1000000);
        struct { mb_states states; int nactions; double *v; } *td = a.self;
        for (int s = 0; s < 5; s++) CHECK_NEAR(td->v[s], (s - 2) / 3.0, 0.03);
        agent_close(&a);
    }
}

/* One long stretch of a walk equals the recursion written out by hand: accumulating and replacing traces. */
TEST(traces_by_hand)
{
    double v[3] = { 0.5, -0.25, 1 }, e[3] = { 0 };
    mb_trace_visit(e, 0, false);
    mb_trace_learn(v, e, 3, 0.5, 1, 0.5); /* e 1 0 0 -> 0.5 */
    mb_trace_visit(e, 0, false);
    mb_trace_visit(e, 2, false);
    mb_trace_learn(v, e, 3, 0.5, -1, 0.5); /* e 1.5 0 1 */
    CHECK(v[0] == 0.25 && v[1] == -0.25 && v[2] == 0.5);
    mb_trace_visit(e, 0, true);
    CHECK(e[0] == 1 && e[1] == 0 && e[2] == 0.5);
}

/* Ordinary and per-decision sampling are unbiased; weighted sampling is biased with few episodes and has less error. */
TEST(importance_sampling)
{
    struct ope_result few = ope_measure(1, 40000, 1), many = ope_measure(50, 2000, 2);
    for (int j = 0; j < 3; j += 2) {
        CHECK_NEAR(few.bias[j], 0, 5 * few.error[j]);
        CHECK_NEAR(many.bias[j], 0, 5 * many.error[j]);
    }
    /* from one episode the weighted estimate is its plain return: the behaviour's value, which is 0 */
    CHECK_NEAR(few.bias[1], -ope_exact(), 5 * few.error[1]);
    CHECK(fabs(many.bias[1]) < 0.1 * fabs(few.bias[1]));
    CHECK(many.rmse[1] < 0.7 * many.rmse[0]);
    CHECK(many.rmse[2] < 0.95 * many.rmse[0]); /* a reward is not made noisier by choices that come after it */
}

/* By hand: two episodes, gamma 1/2. */
TEST(importance_sampling_by_hand)
{
    mb_ope x = { 0 };
    mb_ope_add(&x, (const double[]){ 1, 2 }, (const double[]){ 0.5, 3 }, 2, 0.5); /* w 1.5, G 2, per decision 0.5 + 1.5 */
    CHECK(x.ordinary == 3 && x.weighted == 2 && x.per_decision == 2);
    mb_ope_add(&x, (const double[]){ 4 }, (const double[]){ 0.5 }, 1, 0.5); /* w 0.5, G 4 */
    CHECK(x.ordinary == 2.5 && x.weighted == 2.5 && x.per_decision == 2);
}

TEST(baird_diverges_and_is_cured)
{
    CHECK(baird_run("td", 1, 20000).largest > 1e6);
    CHECK(baird_run("tdc", 1, 20000).largest < 20);
    CHECK(baird_run("tdc", 1, 1).bellman > 4);
    CHECK(baird_run("tdc", 1, 20000).bellman < 0.1);
    CHECK(baird_run("gtd2", 1, 20000).bellman < 0.1);
}

/* One update of each rule, worked out by hand: w (1, 2), h (0.5, 0), x (1, 0), y (0, 1), rho 2, r 1, gamma 1/2. */
TEST(linear_rules_by_hand)
{
    const double x[2] = { 1, 0 }, y[2] = { 0, 1 };
    double w[2] = { 1, 2 }, h[2] = { 0.5, 0 }; /* delta = 1 + 1 - 1 = 1 */
    CHECK(mb_linear_learn(MB_LINEAR_TD, w, h, x, y, 2, 2, 1, 0.5, 0.25, 0.5) == 1);
    CHECK(w[0] == 1.5 && w[1] == 2 && h[0] == 0.5);
    w[0] = 1;
    mb_linear_learn(MB_LINEAR_TDC, w, h, x, y, 2, 2, 1, 0.5, 0.25, 0.5);
    CHECK(w[0] == 1.5 && w[1] == 1.875 && h[0] == 0.5 + 0.5 * (2 - 0.5) && h[1] == 0);
    w[0] = 1, w[1] = 2, h[0] = 0.5;
    mb_linear_learn(MB_LINEAR_GTD2, w, h, x, NULL, 2, 2, 1, 0.5, 0.25, 0.5); /* terminated: delta 0 */
    CHECK(w[0] == 1.25 && w[1] == 2 && h[0] == 0.25);
}

/* Tiles: as many active features as tilings, near points share most of them, far ones none; tabular groups. */
TEST(features)
{
    mb_error err = { 0 };
    mb_features f;
    static mb_env_shape shape = { .obs = MB_BOX_IN(2, 0, 1), .act = MB_DISCRETE(2), .nagents = 1 };
    CHECK(mb_features_of("test", &shape, MB_FEATURES_TILES, 8, 4, 1, &f, &err));
    CHECK(f.n == 8 * 5 * 5 && f.active == 8);
    static double a[200], b[200];
    const float points[4][2] = { { 0.5f, 0.5f }, { 0.51f, 0.5f }, { 0.99f, 0.01f }, { 1, 0 } };
    for (int i = 0; i < 4; i++) {
        double shared = 0, ones = 0;
        mb_features_at(&f, points, 0, a);
        mb_features_at(&f, points, i, b);
        for (int k = 0; k < f.n; k++) { ones += b[k]; shared += a[k] * b[k]; }
        CHECK(ones == 8);
        CHECK(i < 2 ? shared >= 7 : shared == 0);
    }
    shape.obs = (mb_space)MB_BOX(2);
    CHECK(!mb_features_of("test", &shape, MB_FEATURES_TILES, 8, 4, 1, &f, &err));
    CHECK_ERROR(err, "use raw features");
}

MB_TESTS(T(random_walk_curves_equal_the_reference), T(intermediate_lambda_is_best), T(td_converges_to_the_exact_values), T(traces_by_hand),
         T(importance_sampling), T(importance_sampling_by_hand), T(baird_diverges_and_is_cured), T(linear_rules_by_hand), T(features))
