/* Presets with TRL's convention against the loss functions of TRL itself, on a tiny random GPT-2: loss and derivative by every log-probability
   (tests/reference/trl_losses.py). */
#include "matchbox/objective.h"
#include "mb_test.h"
#include "reference/data/trl.h"

enum { CELLS = TRL_N * TRL_L };
static mb_error err;
static mb_scope scope;

static void set(mb_objective *o, const char *preset, const char *fields)
{
    char text[128];
    CHECK(mb_objective_preset(o, preset, "trl", &err));
    snprintf(text, sizeof text, "%s", fields);
    for (char *at = text; *at;) {
        char *end = at + strcspn(at, " "), *value = strchr(at, '=');
        bool last = !*end;
        *end = *value = 0;
        CHECK(mb_options_set("objective", mb_objective_rows(), o, at, value + 1, &err));
        at = last ? end : end + 1;
    }
}

static mb_value64 input(mb_graph *g, int n, const double *v)
{
    return (mb_value64){ mb_input(g, "x", MB_F32, n == CELLS ? MB_S2(TRL_N, TRL_L) : MB_S1(n)), (double *)(uintptr_t)v };
}

TEST(sequences)
{
    static double adv[CELLS], weight[CELLS], gain[CELLS], kl[CELLS], returns[CELLS], mask[CELLS], d[CELLS], loss;
    for (int i = 0; i < CELLS; i++) mask[i] = trl_mask[i];
    for (size_t k = 0; k < sizeof trl_cases / sizeof *trl_cases; k++) {
        mb_objective o;
        mb_sequences x = { .n = TRL_N, .longest = TRL_L, .group = trl_group, .reward = trl_reward, .logp = trl_logp, .old_logp = trl_old,
                           .ref_logp = trl_ref, .mask = trl_mask };
        mb_objective_weights w = { .adv = adv, .weight = weight, .gain = gain, .kl = kl, .returns = returns };
        set(&o, trl_cases[k].preset, trl_cases[k].fields);
        CHECK(mb_objective_prepare(&o, &x, &w, scope.arena, &err));
        mb_graph *g = mb_graph_new(&scope, "trl", &err);
        const double *v[] = { trl_logp, trl_old, trl_ref, mask, adv, weight, gain, kl };
        mb_value64 in[8];
        for (int i = 0; i < 8; i++) in[i] = input(g, CELLS, v[i]);
        mb_objective_inputs vars = { in[0].var, in[1].var, in[2].var, in[3].var, in[4].var, in[5].var, in[6].var, in[7].var, { g, -1 } };
        mb_var dlogp, total = mb_objective_loss(&o, &vars).loss;
        mb_grad(total, &vars.logp, 1, &dlogp);
        mb_value64 out[] = { { total, &loss }, { dlogp, d } };
        CHECK(mb_eval64(g, in, 8, out, 2, scope.arena, &err));
        double worst = 0;
        for (int i = 0; i < CELLS; i++) worst = fmax(worst, fabs(d[i] - trl_cases[k].grad[i]));
        if (fabs(loss - trl_cases[k].loss) > 1e-7 || worst > 1e-7) printf("%s %s: derivative differs by %g\n", trl_cases[k].preset, trl_cases[k].fields, worst);
        CHECK_NEAR(loss, trl_cases[k].loss, 1e-7); /* fields of an objective are floats in the graph */
        CHECK_NEAR(worst, 0, 1e-7);
    }
}

TEST(pairs)
{
    enum { P = TRL_N / 2 };
    double sum[4][P] = { { 0 } }, n[2][P] = { { 0 } };
    for (int i = 0; i < TRL_N; i++)
        for (int t = 0; t < TRL_L; t++) {
            int side = i / P, at = i * TRL_L + t;
            sum[side][i % P] += trl_logp[at], sum[2 + side][i % P] += trl_ref[at], n[side][i % P] += trl_mask[at];
        }
    for (size_t k = 0; k < sizeof trl_pairs / sizeof *trl_pairs; k++) {
        mb_objective o;
        set(&o, trl_pairs[k].preset, trl_pairs[k].fields);
        mb_graph *g = mb_graph_new(&scope, "trl", &err);
        mb_value64 in[] = { input(g, P, sum[0]), input(g, P, sum[2]), input(g, P, n[0]), input(g, P, sum[1]), input(g, P, sum[3]), input(g, P, n[1]) };
        mb_pair_inputs x = { in[0].var, in[1].var, in[2].var, in[3].var, in[4].var, in[5].var };
        mb_var wrt[] = { x.chosen, x.rejected }, d[2], total = mb_preference_loss(&o, &x);
        double loss, grad[TRL_N];
        mb_grad(total, wrt, 2, d);
        mb_value64 out[] = { { total, &loss }, { d[0], grad }, { d[1], grad + P } };
        CHECK(mb_eval64(g, in, 6, out, 3, scope.arena, &err));
        CHECK_NEAR(loss, trl_pairs[k].loss, 1e-6 * (1 + fabs(loss)));
        for (int i = 0; i < TRL_N; i++) CHECK_NEAR(grad[i], trl_pairs[k].grad[i], 1e-6 * (1 + fabs(grad[i])));
    }
}

static const mb_test tests[] = { T(sequences), T(pairs) };
int main(int argc, char **argv)
{
    scope.arena = mb_arena_new((size_t)1 << 28, &err);
    return mb_test_main(tests, (int)(sizeof tests / sizeof *tests), argc, argv);
}
