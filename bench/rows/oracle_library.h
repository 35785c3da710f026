/* oracle_library.h - the library's objectives on texts of an enumerable policy: the loss, and its derivative carried to the logits. */
#ifndef ORACLE_LIBRARY_H
#define ORACLE_LIBRARY_H
#include "matchbox/objective.h"
#include "oracle.h"

enum { OL_N = 4, OL_CELLS = OL_N * O_LENGTH };
struct ol_sample { int text[OL_N], group[OL_N]; double logp[OL_CELLS], old[OL_CELLS], ref[OL_CELLS], reward[OL_N]; uint8_t mask[OL_CELLS]; };

/* One group of texts drawn from pi, which is the policy that sampled them. */
static inline void ol_draw(const struct oracle *pi, const struct oracle *ref, const double *reward, mb_rng *rng, struct ol_sample *x)
{
    memset(x, 0, sizeof *x);
    for (int i = 0; i < OL_N; i++) {
        int s = x->text[i] = o_draw(pi, rng);
        x->reward[i] = reward[s];
        for (int t = 0; t < pi->length[s]; t++) {
            int at = i * O_LENGTH + t;
            x->logp[at] = x->old[at] = o_token_logp(pi, s, t);
            x->ref[at] = o_token_logp(ref, s, t);
            x->mask[at] = 1;
        }
    }
}

/* Loss (may be NULL) and derivative by pi's logits; false: see err. */
static inline bool ol_loss(const mb_objective *o, const struct oracle *pi, const struct ol_sample *x, double *loss, o_grad out, mb_error *err)
{
    static double adv[OL_CELLS], weight[OL_CELLS], gain[OL_CELLS], kl[OL_CELLS], returns[OL_CELLS], mask[OL_CELLS], d[OL_CELLS], value;
    mb_arena *a = mb_arena_new((size_t)1 << 26, err);
    mb_scope scope = { .arena = a };
    mb_sequences seq = { .n = OL_N, .longest = O_LENGTH, .group = x->group, .reward = x->reward, .logp = x->logp, .old_logp = x->old, .ref_logp = x->ref,
                         .mask = x->mask };
    mb_objective_weights w = { .adv = adv, .weight = weight, .gain = gain, .kl = kl, .returns = returns };
    if (!a || !mb_objective_prepare(o, &seq, &w, a, err)) return false;
    for (int i = 0; i < OL_CELLS; i++) mask[i] = x->mask[i];
    mb_graph *g = mb_graph_new(&scope, "oracle", err);
    const double *values[] = { x->logp, x->old, x->ref, mask, adv, weight, gain, kl };
    static const char *const names[] = { "logp", "old", "ref", "mask", "adv", "weight", "gain", "kl" };
    mb_value64 given[8];
    for (int i = 0; i < 8; i++) given[i] = (mb_value64){ mb_input(g, names[i], MB_F32, MB_S2(OL_N, O_LENGTH)), (double *)(uintptr_t)values[i] };
    mb_objective_inputs in = { given[0].var, given[1].var, given[2].var, given[3].var, given[4].var, given[5].var, given[6].var, given[7].var, { g, -1 } };
    mb_var dlogp, total = mb_objective_loss(o, &in).loss;
    mb_grad(total, &in.logp, 1, &dlogp);
    mb_value64 wanted[] = { { total, &value }, { dlogp, d } };
    bool ok = mb_eval64(g, given, 8, wanted, 2, a, err);
    if (loss) *loss = value;
    memset(out, 0, sizeof(o_grad));
    for (int i = 0; i < OL_N && ok; i++)
        for (int t = 0; t < pi->length[x->text[i]]; t++) o_score(pi, x->text[i], t, d[i * O_LENGTH + t], out);
    mb_arena_free(a);
    return ok;
}
#endif
