/* The enumerable policy (bench/rows/oracle.h) against tests/reference/oracle.py, and the objectives of src/rl against the policy: for every rule
   and denominator the library's derivative, carried to the logits, is that of the oracle, group by group. */
#include "../../bench/rows/oracle_library.h"
#include "mb_test.h"
#include "reference/data/oracle.h"

static struct oracle pi, ref;
static o_grad g, exact;

static void set(struct oracle *o, const double *logits)
{
    o_make(o, ORACLE_V, ORACLE_L);
    for (int k = 0; k < ORACLE_K; k++)
        for (int a = 0; a < ORACLE_V; a++) o->logit[k][a] = logits[k * ORACLE_V + a];
    o_update(o);
}

static double largest(o_grad x, const double *want)
{
    double most = 0;
    for (int k = 0; k < ORACLE_K; k++)
        for (int a = 0; a < ORACLE_V; a++) {
            double d = fabs(x[k][a] - want[k * ORACLE_V + a]);
            if (!(d <= most)) most = d;
        }
    return most;
}

TEST(exact_values)
{
    set(&pi, oracle_logits), set(&ref, oracle_ref);
    CHECK(pi.ntext == ORACLE_S && pi.nprefix == ORACLE_K);
    double total = 0;
    for (int s = 0; s < ORACLE_S; s++) {
        CHECK_NEAR(pi.logp[s], oracle_logp[s], 1e-13);
        total += pi.p[s];
    }
    CHECK_NEAR(total, 1, 1e-13);
    CHECK_NEAR(o_value(&pi, oracle_reward, g), oracle_j[0], 1e-13);
    CHECK_NEAR(largest(g, oracle_j_grad), 0, 1e-13);
    CHECK_NEAR(o_kl_reverse(&pi, &ref, g), oracle_reverse[0], 1e-12);
    CHECK_NEAR(largest(g, oracle_reverse_grad), 0, 1e-12);
    CHECK_NEAR(o_kl_forward(&pi, &ref, g), oracle_forward[0], 1e-12);
    CHECK_NEAR(largest(g, oracle_forward_grad), 0, 1e-12);
    const double *value[] = { oracle_k1, oracle_k2, oracle_k3 }, *slope[] = { oracle_k1_grad, oracle_k2_grad, oracle_k3_grad };
    for (int k = 1; k <= 3; k++) {
        CHECK_NEAR(o_estimator(&pi, &ref, k, g), value[k - 1][0], 1e-12);
        CHECK_NEAR(largest(g, slope[k - 1]), 0, 1e-12);
    }
}

TEST(expected_gradients_and_variances)
{
    set(&pi, oracle_logits);
    for (int rule = 0; rule < 4; rule++)
        for (int den = 0; den < 4; den++) {
            struct o_estimate e = { (enum o_rule)rule, (enum o_denominator)den, ORACLE_L, 1e-4 };
            CHECK_NEAR(o_expected(&pi, &e, oracle_reward, 3, g), oracle_trace[rule * 4 + den], 1e-12);
            CHECK_NEAR(largest(g, oracle_expected + (rule * 4 + den) * ORACLE_K * ORACLE_V), 0, 1e-12);
        }
}

/* ---- the library's objectives ---- */

enum { G = OL_N };

TEST(library_descends_the_oracle)
{
    static const int rules[] = { MB_ADV_NONE, MB_ADV_CENTER, MB_ADV_LEAVE_ONE_OUT, MB_ADV_STANDARDIZE };
    static const int dens[] = { MB_DEN_SEQUENCE_SUM, MB_DEN_SEQUENCE_MEAN, MB_DEN_TOKEN_MEAN, MB_DEN_CONSTANT };
    mb_error err = { 0 };
    struct ol_sample x;
    set(&pi, oracle_logits), set(&ref, oracle_ref);
    mb_rng rng = mb_rng_make(5, "oracle", 0);
    for (int rule = 0; rule < 4; rule++)
        for (int den = 0; den < 4; den++)
            for (int kl = 0; kl < 4; kl++) {
                mb_objective o;
                mb_objective_default(&o);
                o.advantage = rules[rule], o.denominator = dens[den], o.constant = ORACLE_L, o.kl = kl, o.beta = kl ? 0.3 : 0;
                ol_draw(&pi, &ref, oracle_reward, &rng, &x);
                struct o_estimate e = { (enum o_rule)rule, (enum o_denominator)den, ORACLE_L, 1e-4 };
                int tokens = 0;
                memset(exact, 0, sizeof exact);
                o_group(&pi, &e, x.text, oracle_reward, G, exact);
                for (int i = 0; i < G; i++) tokens += pi.length[x.text[i]];
                for (int i = 0; i < G && kl; i++)
                    for (int t = 0; t < pi.length[x.text[i]]; t++)
                        o_score(&pi, x.text[i], t, -0.3 * o_k_slope(kl, x.logp[i * O_LENGTH + t] - x.ref[i * O_LENGTH + t]) * o_weight(&e, G, pi.length[x.text[i]], tokens), exact);
                CHECK(ol_loss(&o, &pi, &x, NULL, g, &err));
                CHECK_NEAR(o_distance(&pi, g, -1, exact), 0, 1e-6); /* fields of an objective are floats in the graph */
            }
}

MB_TESTS(T(exact_values), T(expected_gradients_and_variances), T(library_descends_the_oracle))
