/* Action distributions: log-probability, entropy and KL against SciPy; sampling frequencies; masks. */
#include "nn/graph_test.h"
#include "reference/data/nn.h"

static const mb_space mixed = MB_FIELDS(3, MB_F_DISCRETE("a", DIST_N0), MB_F_BOX("b", DIST_V, -MB_INF, MB_INF), MB_F_DISCRETE("c", DIST_N1));

static mb_dist dist(mb_graph *g, const float *l0, const float *l1, const float *mean, const float *log_std)
{
    mb_dist d = { .act = &mixed, .nindex = 2, .nvalue = DIST_V, .nmask = DIST_N0 + DIST_N1 };
    d.logp[0] = mb_log_softmax(given(g, l0, MB_S2(DIST_B, DIST_N0)));
    d.logp[1] = mb_log_softmax(given(g, l1, MB_S2(DIST_B, DIST_N1)));
    d.mean = given(g, mean, MB_S2(DIST_B, DIST_V));
    d.log_std = given(g, log_std, MB_S1(DIST_V));
    return d;
}

TEST(mixed_distribution)
{
    mb_graph *g = begin();
    mb_dist p = dist(g, dist_p_l0, dist_p_l1, dist_p_mean, dist_p_log_std), q = dist(g, dist_q_l0, dist_q_l1, dist_q_mean, dist_q_log_std);
    mb_act_input act = mb_act_inputs(g, &mixed, DIST_B, 0);
    memcpy(mb_input_data(act.index[0]), dist_i0, sizeof dist_i0);
    memcpy(mb_input_data(act.index[1]), dist_i1, sizeof dist_i1);
    memcpy(mb_input_data(act.value), dist_value, sizeof dist_value);
    mb_var out[3] = { mb_log_prob(&p, &act), mb_entropy(&p), mb_kl(&p, &q) }, self = mb_kl(&p, &p);
    for (int i = 0; i < 3; i++) mb_output(out[i]);
    mb_output(self);
    finish(g);
    same(mb_data(out[0]), dist_logp, DIST_B, 2e-6);
    same(mb_data(out[1]), dist_entropy, DIST_B, 2e-6);
    same(mb_data(out[2]), dist_kl, DIST_B, 5e-6);
    for (int i = 0; i < DIST_B; i++) CHECK_NEAR(mb_data(self)[i], 0, 1e-6);
}

/* ---- acting: a policy whose heads are set by hand ---- */

enum { ROWS = 500, ROUNDS = 40, DRAWS = ROWS * ROUNDS };

static mb_policy *fixed_policy(bool masked, const float *bias0, const float *bias2)
{
    mb_net_options net = { .model = "mlp", .hidden = { 1, { 4 } } };
    mb_env_shape shape = { .obs = MB_BOX(2), .act = mixed, .nagents = 1, .masked = masked };
    mb_policy *p = mb_policy_new(&scope, "net", &shape, &net, logf(0.5f), false, &err);
    memset(p->heads[0].w->data, 0, (size_t)p->heads[0].w->n * sizeof(float));
    memset(p->heads[1].w->data, 0, (size_t)p->heads[1].w->n * sizeof(float));
    memset(p->mean_head.w->data, 0, (size_t)p->mean_head.w->n * sizeof(float));
    memcpy(p->heads[0].b->data, bias0, DIST_N0 * sizeof(float));
    memcpy(p->heads[1].b->data, bias2, DIST_N1 * sizeof(float));
    p->mean_head.b->data[0] = 3;
    return p;
}

static const float bias0[DIST_N0] = { -0.6931472f, -1.3862944f, -1.3862944f }; /* 1/2, 1/4, 1/4 */
static const float bias1[DIST_N1] = { 0, 0, 0, 0, 0 };

/* chi-square of the counts against probabilities */
static double chi2(const int *count, const double *p, int n, int draws)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (count[i] - draws * p[i]) * (count[i] - draws * p[i]) / (draws * p[i]);
    return sum;
}

TEST(samples_follow_the_distribution)
{
    begin();
    mb_agent *a = mb_agent_new(fixed_policy(false, bias0, bias1), "agent", ROWS, &err);
    static float obs[ROWS * 2], act[ROWS * DIST_V], logp[ROWS];
    static int32_t index[ROWS * 2];
    void *in[MB_MAX_FIELDS] = { obs };
    int c0[DIST_N0] = { 0 }, c1[DIST_N1] = { 0 };
    double sum = 0, squares = 0;
    for (int k = 0; k < ROUNDS; k++) {
        mb_agent_act(a, in, NULL, NULL, 1, false, (mb_agent_out){ index, act, logp, NULL });
        for (int r = 0; r < ROWS; r++) {
            double z0 = ((double)act[2 * r] - 3) / 0.5, z1 = (double)act[2 * r + 1] / 0.5;
            double p = log(index[2 * r] == 0 ? 0.5 : 0.25) + log(0.2) - 0.5 * (z0 * z0 + z1 * z1) - 2 * log(0.5) - log(2 * M_PI);
            CHECK_NEAR(logp[r], p, 2e-5);
            c0[index[2 * r]]++;
            c1[index[2 * r + 1]]++;
            sum += z0;
            squares += z0 * z0;
        }
    }
    /* 99.99 % points of chi-square with 2 and 4 degrees of freedom */
    CHECK(chi2(c0, (const double[]){ 0.5, 0.25, 0.25 }, DIST_N0, DRAWS) < 18.4);
    CHECK(chi2(c1, (const double[]){ 0.2, 0.2, 0.2, 0.2, 0.2 }, DIST_N1, DRAWS) < 23.5);
    CHECK_NEAR(sum / DRAWS, 0, 4 / sqrt(DRAWS));
    CHECK_NEAR(squares / DRAWS, 1, 4 * sqrt(2.0 / DRAWS));
}

TEST(masked_choices_are_never_taken)
{
    begin();
    mb_agent *a = mb_agent_new(fixed_policy(true, bias0, bias1), "agent", ROWS, &err);
    static float obs[ROWS * 2], act[ROWS * DIST_V], logp[ROWS];
    static int32_t index[ROWS * 2];
    static uint8_t mask[ROWS * (DIST_N0 + DIST_N1)];
    void *in[MB_MAX_FIELDS] = { obs };
    mb_rng rng = mb_rng_make(1, "mask", 0);
    int first = 0, both = 0;
    for (int k = 0; k < ROUNDS; k++) {
        for (int r = 0; r < ROWS; r++) {
            uint8_t *m = mask + r * (DIST_N0 + DIST_N1);
            for (int i = 0; i < DIST_N0 + DIST_N1; i++) m[i] = (uint8_t)(mb_rand(&rng) & 1);
            m[mb_below(&rng, DIST_N0)] = m[DIST_N0 + mb_below(&rng, DIST_N1)] = 1;
        }
        mb_agent_act(a, in, mask, NULL, 1, k % 4 == 3, (mb_agent_out){ index, act, logp, NULL });
        for (int r = 0; r < ROWS; r++) {
            const uint8_t *m = mask + r * (DIST_N0 + DIST_N1);
            CHECK(m[index[2 * r]] && m[DIST_N0 + index[2 * r + 1]]);
            if (k % 4 == 3 || !m[0] || m[1] + m[2] != 1) continue;
            both++; /* 1/2 against 1/4: two to one */
            first += index[2 * r] == 0;
        }
    }
    CHECK_NEAR((double)first / both, 2.0 / 3, 4 * sqrt(2.0 / 9 / both));
}

MB_TESTS(T(mixed_distribution), T(samples_follow_the_distribution), T(masked_choices_are_never_taken))
