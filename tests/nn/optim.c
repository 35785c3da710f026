/* Optimisers: three steps each against tests/reference/nn.py. */
#include "nn/graph_test.h"
#include "reference/data/nn.h"

static void steps(mb_optimizer o, const float *expected, double tol)
{
    mb_graph *g = begin();
    mb_params *p = mb_params_new(&scope, "net", &err);
    mb_tensor *w = mb_params_add(p, "w", MB_S2(3, 2), &err);
    memcpy(w->data, opt_w0, sizeof opt_w0);
    mb_var v = mb_param(g, w);
    mb_var loss = mb_add(mb_sum(mb_mul(v, given(g, opt_target, MB_S2(3, 2)))), mb_scale(mb_sum(mb_square(v)), 0.5f));
    o.lr = mb_scalar(g, "lr", 0.05f);
    mb_var norm = mb_optimize(loss, p, o);
    mb_output(norm);
    mb_plan *plan = finish(g);
    double sum = 0;
    for (int i = 0; i < 6; i++) sum += pow((double)opt_target[i] + (double)opt_w0[i], 2);
    CHECK_NEAR(mb_get(norm), sqrt(sum), 1e-5);
    mb_exec(plan);
    mb_exec(plan);
    same(w->data, expected, 6, tol);
}

TEST(sgd_with_momentum) { steps((mb_optimizer){ .kind = MB_SGD, .beta1 = 0.9f }, opt_sgd, 2e-6); }
TEST(rmsprop) { steps((mb_optimizer){ .kind = MB_RMSPROP, .beta2 = 0.99f, .eps = 1e-3f }, opt_rmsprop, 2e-6); }
TEST(adam) { steps((mb_optimizer){ .kind = MB_ADAM, .beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-3f }, opt_adam, 2e-6); }
TEST(adamw) { steps((mb_optimizer){ .kind = MB_ADAMW, .beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-3f, .decay = 0.1f }, opt_adamw, 2e-6); }
TEST(muon) { steps((mb_optimizer){ .kind = MB_MUON, .beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-3f, .decay = 0.1f }, opt_muon, 1e-5); }
TEST(clipped_by_global_norm)
{
    steps((mb_optimizer){ .kind = MB_ADAM, .beta1 = 0.9f, .beta2 = 0.99f, .eps = 1e-3f, .max_norm = 0.7f }, opt_clipped, 2e-6);
}

MB_TESTS(T(sgd_with_momentum), T(rmsprop), T(adam), T(adamw), T(muon), T(clipped_by_global_norm))
