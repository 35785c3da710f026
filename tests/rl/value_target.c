/* Targets and losses of action values against tests/reference/value.py, and what must hold of them by their definition. */
#include "matchbox/value.h"
#include "nn/graph_test.h"
#include "reference/data/value.h"

enum { R = VALUE_R, K = VALUE_K, N = VALUE_N, M = VALUE_M };
static const mb_support support = { -2, 3, K };

TEST(projections)
{
    mb_graph *g = begin();
    mb_var z = mb_support_points(g, &support, &err), y = given(g, value_y, MB_S1(R));
    mb_var p = mb_categorical_project(given(g, value_reward, MB_S1(R)), given(g, value_discount, MB_S1(R)), given(g, value_p, MB_S2(R, K)), z, &support);
    mb_var two = mb_two_hot(y, &support), gauss = mb_hl_gauss(y, z, &support, 0.4f), mean = mb_support_mean(two, z);
    mb_output(p), mb_output(two), mb_output(gauss), mb_output(mean);
    finish(g);
    same(mb_data(p), value_projected, R * K, 2e-6);
    same(mb_data(two), value_two_hot, R * K, 2e-6);
    same(mb_data(gauss), value_hl_gauss, R * K, 2e-6);
    for (int r = 0; r < R; r++) { /* the mean of a two-hot target is the number, within the support */
        float y_r = value_y[r] < -2 ? -2 : value_y[r] > 3 ? 3 : value_y[r];
        CHECK_NEAR(mb_data(mean)[r], y_r, 2e-6);
    }
}

TEST(error_function)
{
    mb_graph *g = begin();
    int n = sizeof value_x / sizeof *value_x;
    mb_var y = mb_erf(given(g, value_x, MB_S1(n)));
    mb_output(y);
    finish(g);
    same(mb_data(y), value_erf, n, 4e-7);
}

TEST(cross_entropy)
{
    mb_graph *g = begin();
    mb_var y = mb_cross_entropy(given(g, value_logits, MB_S2(R, K)), given(g, value_p, MB_S2(R, K)));
    mb_output(y);
    finish(g);
    same(mb_data(y), value_cross, R, 2e-6);
}

static void quantile(bool own, float kappa, const float *loss, const float *slope)
{
    mb_graph *g = begin();
    mb_var q = given(g, value_theta, MB_S2(R, N)), d;
    mb_var tau = own ? given(g, value_own_tau, MB_S2(R, N)) : given(g, value_tau, MB_S1(N));
    mb_var y = mb_pinball(q, tau, given(g, value_target, MB_S2(R, M)), kappa);
    CHECK(mb_grad(mb_sum(mb_mul(y, given(g, value_weight, MB_S1(R)))), &q, 1, &d));
    mb_output(y), mb_output(d);
    finish(g);
    same(mb_data(y), loss, R, 2e-6);
    same(mb_data(d), slope, R * N, 2e-6);
}

TEST(quantile_regression)
{
    quantile(false, 0.7f, value_quantile_fixed, value_quantile_fixed_grad);
    quantile(true, 0.7f, value_quantile_own, value_quantile_own_grad);
    quantile(true, 0, value_quantile_line, value_quantile_line_grad);
}

TEST(rescaling_and_back)
{
    mb_graph *g = begin();
    enum { WIDE = sizeof value_wide / sizeof *value_wide };
    mb_var x = given(g, value_wide, MB_S1(WIDE)), h = mb_rescale(x), back = mb_unscale(h);
    mb_output(h), mb_output(back);
    finish(g);
    same(mb_data(h), value_rescaled, WIDE, 1e-6);
    for (int i = 0; i < WIDE; i++) CHECK_NEAR(mb_data(back)[i], value_wide[i], 2e-3 * (1 + fabs((double)value_wide[i])));
}

TEST(greedy_respects_masks_and_shares_ties)
{
    static const float q[] = { 1, 5, 3, 7, 7, 2, -4, -4, -9 }, allowed[] = { 1, 0, 1, 1, 1, 1, 1, 0, 1 };
    static const float want[] = { 0, 0, 1, 0.5f, 0.5f, 0, 1, 0, 0 };
    mb_graph *g = begin();
    mb_var x = given(g, q, MB_S2(3, 3)), c = mb_q_greedy(x, given(g, allowed, MB_S2(3, 3)));
    mb_var d, mixed = mb_q_mix(mb_reshape(given(g, q, MB_S1(9)), MB_S3(3, 3, 1)), c);
    CHECK(mb_grad(mb_sum(mb_mul(c, x)), &x, 1, &d));
    mb_output(c), mb_output(d), mb_output(mixed);
    finish(g);
    same(mb_data(c), want, 9, 0);
    same(mb_data(d), want, 9, 0); /* none through the choice */
    same(mb_data(mixed), (const float[]){ 3, 7, -4 }, 3, 0);
}

/* ---- networks ---- */

static mb_qnet *net(mb_qnet_options o)
{
    static const mb_env_shape shape = { .obs = MB_BOX(3), .act = MB_DISCRETE(2), .nagents = 1 };
    o.net = (mb_net_options){ .model = "mlp", .hidden = { 2, { 6, 5 } }, .activation = MB_TANH };
    mb_qnet *q = mb_qnet_new(&scope, "q", &shape, &o, &err);
    if (!q) printf("FAIL net: %s\n", err.what), exit(1);
    return q;
}

TEST(duelling_advantages_have_mean_zero)
{
    for (int atoms = 1; atoms <= 4; atoms += 3) {
        mb_graph *g = begin();
        static const float x[5] = { 0.3f, -1, 2, 0.5f, -0.2f };
        mb_qnet *q = net((mb_qnet_options){ .atoms = atoms, .duelling = true });
        mb_qnoise none = mb_qnet_noise(g, q);
        mb_var f = given(g, x, MB_S2(1, 5)), y = mb_qnet_values(q, f, &none, 0), v = mb_linear(f, mb_param(g, q->value.w), mb_param(g, q->value.b));
        mb_output(y), mb_output(v);
        finish(g);
        for (int k = 0; k < atoms; k++) CHECK_NEAR((mb_data(y)[k] + mb_data(y)[atoms + k]) / 2, mb_data(v)[k], 1e-6);
    }
}

/* y = (w + sw * f(in) f(out)) x + b + sb * f(out), drawn noise against the written-out product */
TEST(noisy_weights)
{
    mb_graph *g = begin();
    static const float x[5] = { 0.3f, -1, 2, 0.5f, -0.2f };
    mb_qnet *q = net((mb_qnet_options){ .atoms = 1, .noisy = true, .sigma = 0.5f });
    mb_qnoise noise = mb_qnet_noise(g, q);
    mb_var y = mb_qnet_values(q, given(g, x, MB_S2(1, 5)), &noise, 0);
    mb_output(y);
    mb_plan *p = finish(g);
    const mb_noisy *l = &q->advantage[0];
    mb_rng rng = mb_rng_make(5, "noise", 0);
    double moved = 0;
    for (int drawn = 0; drawn < 2; drawn++) {
        mb_qnoise_draw(&noise, drawn ? &rng : NULL);
        mb_exec(p);
        const float *in = mb_input_data(noise.in[2]), *out = mb_input_data(noise.out[2]);
        for (int j = 0; j < 2; j++) {
            double sum = (double)l->b->data[j] + (double)(l->sb->data[j] * out[j]);
            for (int i = 0; i < 5; i++) sum += (double)x[i] * (double)(l->w->data[i * 2 + j] + l->sw->data[i * 2 + j] * in[i] * out[j]);
            CHECK_NEAR(mb_data(y)[j], sum, 1e-5);
            moved += drawn ? fabs((double)out[j]) : 0;
        }
    }
    CHECK(moved > 0);
    CHECK_NEAR(l->sw->data[0], 0.5 / sqrt(5), 1e-6);
}

MB_TESTS(T(projections), T(error_function), T(cross_entropy), T(quantile_regression), T(rescaling_and_back), T(greedy_respects_masks_and_shares_ties),
         T(duelling_advantages_have_mean_zero), T(noisy_weights))
