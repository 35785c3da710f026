/* Policy-gradient losses, KL estimators and value losses, element by element against tests/reference/nn.py. */
#include "nn/graph_test.h"
#include "reference/data/nn.h"

static void pg(const mb_pg *o, const float *expected, const float *clipped)
{
    mb_graph *g = begin();
    mb_shape s = MB_S1(PG_N);
    mb_pg_terms t = mb_pg_loss(given(g, pg_logp, s), given(g, pg_old, s), given(g, pg_adv, s), o);
    mb_output(t.each);
    mb_output(t.clipped);
    finish(g);
    same(mb_data(t.each), expected, PG_N, 2e-6);
    if (clipped) same(mb_data(t.clipped), clipped, PG_N, 0);
}

TEST(policy_losses)
{
    pg(&(mb_pg){ .ratio = false }, pg_plain, NULL);
    pg(&(mb_pg){ .ratio = true }, pg_ratio, NULL);
    pg(&(mb_pg){ .ratio = true, .clip = true, .clip_low = 0.2f, .clip_high = 0.2f }, pg_clip, pg_clipped);
    pg(&(mb_pg){ .ratio = true, .clip = true, .clip_low = 0.2f, .clip_high = 0.28f }, pg_clip_higher, NULL);
    pg(&(mb_pg){ .ratio = true, .clip = true, .clip_low = 0.2f, .clip_high = 0.2f, .dual_clip = 3 }, pg_dual, NULL);
}

/* Without a ratio the gradient is that of the ratio at pi = pi_old: both forms are the same policy gradient. */
TEST(ratio_and_plain_agree_on_policy)
{
    float grads[2][PG_N];
    for (int k = 0; k < 2; k++) {
        mb_graph *g = begin();
        mb_shape s = MB_S1(PG_N);
        mb_var logp = given(g, pg_logp, s), d;
        mb_pg_terms t = mb_pg_loss(logp, given(g, pg_logp, s), given(g, pg_adv, s), &(mb_pg){ .ratio = k });
        CHECK(mb_grad(mb_sum(t.each), &logp, 1, &d));
        mb_output(d);
        finish(g);
        memcpy(grads[k], mb_data(d), sizeof grads[k]);
    }
    same(grads[0], grads[1], PG_N, 1e-6);
}

TEST(kl_estimators)
{
    const float *expected[] = { NULL, pg_k1, pg_k2, pg_k3 };
    for (int k = MB_KL_1; k <= MB_KL_3; k++) {
        mb_graph *g = begin();
        mb_shape s = MB_S1(PG_N);
        mb_var kl = mb_kl_estimate(mb_sub(given(g, pg_logp, s), given(g, pg_old, s)), (mb_kl_kind)k);
        mb_output(kl);
        finish(g);
        same(mb_data(kl), expected[k], PG_N, 2e-6);
    }
}

TEST(value_losses)
{
    for (int k = 0; k < 2; k++) {
        mb_graph *g = begin();
        mb_shape s = MB_S1(PG_N);
        mb_var each = mb_value_loss(given(g, pg_v, s), given(g, pg_v0, s), given(g, pg_ret, s), k ? 0.2f : 0);
        mb_output(each);
        finish(g);
        same(mb_data(each), k ? pg_vclip : pg_mse, PG_N, 2e-6);
    }
}

TEST(weighted_means)
{
    float x[4] = { 1, 2, 3, 10 }, w[4] = { 1, 0, 1, 0 }, none[4] = { 0 };
    mb_graph *g = begin();
    mb_var v = given(g, x, MB_S1(4));
    mb_var all = mb_weighted_mean(v, (mb_var){ g, -3 }), some = mb_weighted_mean(v, given(g, w, MB_S1(4)));
    mb_var nothing = mb_weighted_mean(v, given(g, none, MB_S1(4)));
    mb_output(all);
    mb_output(some);
    mb_output(nothing);
    finish(g);
    CHECK_NEAR(mb_get(all), 4, 0);
    CHECK_NEAR(mb_get(some), 2, 0);
    CHECK_NEAR(mb_get(nothing), 0, 0);
}

MB_TESTS(T(policy_losses), T(ratio_and_plain_agree_on_policy), T(kl_estimators), T(value_losses), T(weighted_means))
