/* Returns, advantages and V-trace: against sums written from the definitions (tests/reference/returns.py) and closed forms. */
#include "mb_test.h"
#include "matchbox/rl.h"
#include "reference/data/returns.h"

enum { N = REF_T * REF_ROWS };
static const mb_traj reference = { REF_T, REF_ROWS, ref_reward, ref_value, ref_last, ref_ended, ref_boot };

static void same(const float *x, const float *expected, int n, float tol)
{
    for (int i = 0; i < n; i++) CHECK_NEAR(x[i], expected[i], tol);
}

TEST(gae_is_the_mixture_of_nstep_returns)
{
    float adv[N], ret[N];
    mb_gae(&reference, ref_gamma, ref_lambda, adv, ret);
    same(adv, ref_gae, N, 2e-6f);
    for (int i = 0; i < N; i++) CHECK_NEAR(ret[i], adv[i] + ref_value[i], 1e-6);
}

TEST(discounted_and_nstep_returns)
{
    float ret[N];
    mb_discounted_returns(&reference, ref_gamma, ret);
    same(ret, ref_discounted, N, 2e-6f);
    mb_nstep_returns(&reference, ref_gamma, REF_N, ret);
    same(ret, ref_nstep, N, 2e-6f);
    mb_nstep_returns(&reference, ref_gamma, 10 * REF_T, ret);
    same(ret, ref_discounted, N, 2e-6f);
}

TEST(lambda_one_is_the_return_and_zero_one_step)
{
    float adv[N], ret[N], one[N];
    mb_gae(&reference, ref_gamma, 1, adv, ret);
    same(ret, ref_discounted, N, 2e-6f);
    mb_gae(&reference, ref_gamma, 0, adv, ret);
    mb_nstep_returns(&reference, ref_gamma, 1, one);
    same(ret, one, N, 2e-6f);
}

TEST(vtrace_corrects_by_clipped_ratios)
{
    float vs[N], adv[N];
    mb_vtrace(&reference, ref_log_rho, ref_gamma, ref_lambda, 1, 1, vs, adv);
    same(vs, ref_vtrace, N, 4e-6f);
    same(adv, ref_vtrace_adv, N, 4e-6f);
    mb_vtrace(&reference, ref_log_rho, ref_gamma, 1, 2, 1.5f, vs, adv);
    same(vs, ref_vtrace_wide, N, 1e-5f);
}

TEST(vtrace_on_policy_is_the_return)
{
    float zero[N] = { 0 }, vs[N], adv[N];
    mb_vtrace(&reference, zero, ref_gamma, 1, 1, 1, vs, adv);
    same(vs, ref_discounted, N, 3e-6f);
}

/* A corridor that pays 1 for ever is worth 1 / (1 - gamma), also when a time limit cuts it; a real end is worth less. */
TEST(a_time_limit_is_not_an_end)
{
    enum { T = 30 };
    float reward[T], value[T], boot[T] = { 0 }, adv[T], ret[T], worth = 20, last[1] = { 20 };
    uint8_t ended[T] = { 0 };
    for (int t = 0; t < T; t++) reward[t] = 1, value[t] = worth;
    for (int t = 9; t < T; t += 10) ended[t] = 1, boot[t] = worth;
    mb_traj x = { T, 1, reward, value, last, ended, boot };
    mb_gae(&x, 0.95f, 0.9f, adv, ret);
    for (int t = 0; t < T; t++) CHECK_NEAR(adv[t], 0, 1e-5);
    mb_discounted_returns(&x, 0.95f, ret);
    for (int t = 0; t < T; t++) CHECK_NEAR(ret[t], worth, 1e-4);
    memset(boot, 0, sizeof boot);
    mb_discounted_returns(&x, 0.95f, ret);
    CHECK_NEAR(ret[9], 1, 1e-6);
    CHECK_NEAR(ret[0], (1 - pow(0.95, 10)) / 0.05, 1e-5);
}

TEST(running_statistics)
{
    mb_running s = { 0 }, parts = { 0 };
    double sum = 0, squares = 0;
    CHECK_NEAR(mb_running_var(&s), 1, 0);
    for (int i = 0; i < N; i++) {
        mb_running_add(&s, (double)ref_reward[i]);
        sum += (double)ref_reward[i];
        squares += (double)ref_reward[i] * (double)ref_reward[i];
    }
    CHECK_NEAR(s.mean, sum / N, 1e-12);
    CHECK_NEAR(mb_running_var(&s), squares / N - sum / N * (sum / N), 1e-12);
    for (int i = 0; i < N; i += 6) {
        mb_running part = { 0 };
        for (int j = 0; j < 6; j++) mb_running_add(&part, (double)ref_reward[i + j]);
        mb_running_join(&parts, part.n, part.mean, part.m2);
    }
    CHECK_NEAR(parts.mean, s.mean, 1e-12);
    CHECK_NEAR(mb_running_var(&parts), mb_running_var(&s), 1e-12);
}

MB_TESTS(T(gae_is_the_mixture_of_nstep_returns), T(discounted_and_nstep_returns), T(lambda_one_is_the_return_and_zero_one_step),
         T(vtrace_corrects_by_clipped_ratios), T(vtrace_on_policy_is_the_return), T(a_time_limit_is_not_an_end),
         T(running_statistics))
