/* Objectives on pairs of texts, and on single texts with a verdict. */
#include "matchbox/objective.h"

static mb_var log_sigmoid(mb_var x) { return mb_neg(mb_softplus(mb_neg(x))); }

/* log of the odds p / (1 - p) of a text, p = exp of its mean log-probability per token (ORPO: Hong et al. 2024, eq. 4) */
static mb_var log_odds(mb_var mean) { return mb_sub(mean, mb_log(mb_sub(mb_constant(mean.g, 1), mb_exp(mean)))); }

/* log pi - log pi_ref of a text, summed or per token */
static mb_var margin(const mb_objective *o, mb_var logp, mb_var ref, mb_var n)
{
    mb_var d = mb_sub(logp, ref);
    return o->average ? mb_div(d, n) : d;
}

static mb_var each_pair(const mb_objective *o, const mb_pair_inputs *in)
{
    float beta = (float)o->beta;
    switch (o->objective) {
    case MB_OBJ_SIMPO: { /* Meng et al. 2024, eq. 6 */
        mb_var d = mb_sub(mb_div(in->chosen, in->chosen_n), mb_div(in->rejected, in->rejected_n));
        double gamma = o->margin * (o->margin_times_beta ? o->beta : 1);
        return mb_neg(log_sigmoid(mb_shift(mb_scale(d, beta), -(float)gamma)));
    }
    case MB_OBJ_ORPO: { /* Hong et al. 2024, eq. 6 and 7 */
        mb_var c = mb_div(in->chosen, in->chosen_n), r = mb_div(in->rejected, in->rejected_n);
        mb_var nll = mb_neg(o->nll == 0 ? c : in->chosen);
        return mb_sub(nll, mb_scale(log_sigmoid(mb_sub(log_odds(c), log_odds(r))), beta));
    }
    case MB_OBJ_REWARD: { /* Bradley and Terry 1952; Touvron et al. 2023, eq. 2 for the margin */
        mb_var loss = mb_neg(log_sigmoid(mb_shift(mb_sub(in->chosen, in->rejected), -(float)o->margin)));
        return o->center > 0 ? mb_add(loss, mb_scale(mb_square(mb_add(in->chosen, in->rejected)), (float)o->center)) : loss;
    }
    default: break;
    }
    mb_var d = mb_sub(margin(o, in->chosen, in->chosen_ref, in->chosen_n), margin(o, in->rejected, in->rejected_ref, in->rejected_n));
    if (o->objective == MB_OBJ_IPO) return mb_square(mb_shift(d, -0.5f / beta)); /* Azar et al. 2023, eq. 17 */
    mb_var x = mb_scale(d, beta);
    if (o->objective == MB_OBJ_HINGE) return mb_relu(mb_shift(mb_neg(x), 1)); /* SLiC: Zhao et al. 2023 */
    mb_var right = mb_neg(log_sigmoid(x)); /* DPO: Rafailov et al. 2023, eq. 7 */
    if (o->smoothing <= 0) return right;
    mb_var wrong = mb_neg(log_sigmoid(mb_neg(x))); /* labels flipped with this probability: Mitchell 2023 */
    return mb_add(mb_scale(right, 1 - (float)o->smoothing), mb_scale(wrong, (float)o->smoothing));
}

mb_var mb_preference_loss(const mb_objective *o, const mb_pair_inputs *in) { return mb_mean(each_pair(o, in)); }

mb_var mb_kto_loss(const mb_objective *o, mb_var logp, mb_var ref_logp, mb_var desirable, mb_var z0)
{
    mb_var x = mb_scale(mb_sub(mb_sub(logp, ref_logp), z0), (float)o->beta);
    mb_var good = mb_scale(mb_sigmoid(mb_neg(x)), (float)o->weight_desirable); /* 1 - sigma(x) */
    mb_var bad = mb_scale(mb_sigmoid(x), (float)o->weight_undesirable);
    return mb_mean(mb_select(desirable, good, bad));
}
