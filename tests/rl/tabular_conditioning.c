/* From animals to agents: the classical effects, against closed forms where there are any (row A115). */
#include "matchbox/tabular.h"
#include "mb_test.h"

static const double salience[2] = { 1, 1 };
static const uint8_t only_a[2] = { 1, 0 }, both[2] = { 1, 1 };

static void trials(double *v, const uint8_t *present, int n, double outcome)
{
    for (int i = 0; i < n; i++) mb_rescorla_wagner(v, present, salience, 2, 0.1, outcome);
}

/* V after n trials is 1 - 0.9^n; without the outcome it fades as 0.9^n. */
TEST(acquisition_and_extinction)
{
    double v[2] = { 0 };
    for (int n = 1; n <= 30; n++) {
        trials(v, only_a, 1, 1);
        CHECK_NEAR(v[0], 1 - pow(0.9, n), 1e-12);
    }
    double before = v[0];
    trials(v, only_a, 20, 0);
    CHECK_NEAR(v[0], before * pow(0.9, 20), 1e-12);
    CHECK(v[1] == 0);
}

/* Kamin: what A already predicts cannot be learned about B. */
TEST(blocking)
{
    double v[2] = { 0 }, control[2] = { 0 };
    trials(v, only_a, 100, 1);
    trials(v, both, 50, 1);
    trials(control, both, 50, 1);
    CHECK(v[1] < 0.01);
    CHECK_NEAR(control[1], 0.5 * (1 - pow(0.8, 50)), 1e-12);
}

/* Pavlov: two stimuli trained together share the outcome in proportion to their salience. */
TEST(overshadowing)
{
    const double unequal[2] = { 0.8, 0.2 };
    double v[2] = { 0 };
    for (int i = 0; i < 500; i++) mb_rescorla_wagner(v, both, unequal, 2, 0.2, 1);
    CHECK_NEAR(v[0], 0.8, 1e-9);
    CHECK_NEAR(v[1], 0.2, 1e-9);
}

/* B is paired with A, which predicts the outcome, never with the outcome.  The rule without time can only make B inhibitory
   (nothing follows but what A promised); the model with time lets A's onset reinforce B. */
TEST(second_order_conditioning)
{
    double v[2] = { 0 };
    trials(v, only_a, 100, 1);
    trials(v, both, 20, 0);
    CHECK(v[1] < -0.1);
    enum { STEPS = 12 };
    mb_conditioning m = { .n = 2, .T = STEPS, .alpha = 0.1, .gamma = 0.95 };
    double w[2 * STEPS] = { 0 }, expect[STEPS];
    const int a_alone[2] = { 4, -1 }, b_then_a[2] = { 4, 2 }, b_alone[2] = { -1, 2 };
    for (int i = 0; i < 300; i++) mb_td_trial(&m, w, a_alone, 8, 1, NULL);
    for (int i = 0; i < 10; i++) mb_td_trial(&m, w, b_then_a, -1, 0, NULL);
    mb_td_trial(&m, w, b_alone, -1, 0, expect);
    CHECK(expect[2] > 0.1);
    CHECK(expect[0] == 0 && expect[1] == 0);
}

/* The prediction climbs to the outcome: gamma^(steps until it), and the model without time is the case of one step. */
TEST(td_trial_converges_to_discounted_outcome)
{
    enum { STEPS = 10 };
    mb_conditioning m = { .n = 1, .T = STEPS, .alpha = 0.2, .gamma = 0.9 };
    double w[STEPS] = { 0 }, expect[STEPS];
    const int onset[1] = { 2 };
    for (int i = 0; i < 2000; i++) mb_td_trial(&m, w, onset, 7, 1, NULL);
    mb_td_trial(&m, w, onset, 7, 1, expect);
    for (int t = 0; t < 7; t++) CHECK_NEAR(expect[t], t < 2 ? 0 : pow(0.9, 6 - t), 1e-9);
    mb_conditioning once = { .n = 1, .T = 2, .alpha = 0.1, .gamma = 1 };
    double one[2] = { 0 };
    const int now[1] = { 0 };
    for (int n = 1; n <= 20; n++) {
        mb_td_trial(&once, one, now, 1, 1, NULL);
        CHECK_NEAR(one[0], 1 - pow(0.9, n), 1e-12);
    }
}

/* TD blocks too. */
TEST(td_blocking)
{
    enum { STEPS = 8 };
    mb_conditioning m = { .n = 2, .T = STEPS, .alpha = 0.1, .gamma = 1 };
    double w[2 * STEPS] = { 0 }, expect[STEPS];
    const int a_alone[2] = { 2, -1 }, together[2] = { 2, 2 }, b_alone[2] = { -1, 2 };
    for (int i = 0; i < 500; i++) mb_td_trial(&m, w, a_alone, 5, 1, NULL);
    for (int i = 0; i < 100; i++) mb_td_trial(&m, w, together, 5, 1, NULL);
    mb_td_trial(&m, w, b_alone, -1, 0, expect);
    CHECK(fabs(expect[2]) < 0.01);
}

/* The errors of a learned trial: the discounted outcome at the cue, nothing at the outcome, and all of it missing when it stays away. */
TEST(errors_move_to_the_cue)
{
    enum { STEPS = 12, CUE = 3, WHEN = 8 };
    mb_conditioning m = { .n = 1, .T = STEPS, .alpha = 0.3, .gamma = 0.9 };
    double w[STEPS] = { 0 }, expect[STEPS], delta[STEPS];
    const int onset[1] = { CUE };
    for (int i = 0; i < 400; i++) {
        mb_td_trial(&m, w, onset, WHEN, 2, expect);
        mb_td_errors(&m, expect, WHEN, 2, delta);
        if (i == 0) for (int t = 0; t < STEPS; t++) CHECK(delta[t] == (t == WHEN ? 2 : 0));
    }
    for (int t = 0; t < STEPS; t++) CHECK_NEAR(delta[t], t == CUE ? 2 * pow(0.9, WHEN - CUE) : 0, 1e-9);
    mb_td_trial(&m, w, onset, -1, 0, expect);
    mb_td_errors(&m, expect, -1, 0, delta);
    CHECK_NEAR(delta[WHEN], -2, 1e-9);
}

/* Thorndike: p of the right response after n escapes is 1 - (1 - p)(1 - rate)^n; probabilities add up to 1. */
TEST(linear_operator)
{
    double p[10];
    for (int i = 0; i < 10; i++) p[i] = 0.1;
    for (int n = 1; n <= 40; n++) {
        double sum = 0;
        mb_linear_operator(p, 10, 3, 0.1);
        for (int i = 0; i < 10; i++) sum += p[i];
        CHECK_NEAR(sum, 1, 1e-12);
        CHECK_NEAR(p[3], 1 - 0.9 * pow(0.9, n), 1e-12);
    }
}

MB_TESTS(T(acquisition_and_extinction), T(blocking), T(overshadowing), T(second_order_conditioning),
         T(td_trial_converges_to_discounted_outcome), T(td_blocking), T(errors_move_to_the_cue), T(linear_operator))
