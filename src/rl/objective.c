/* The declared objective of a batch of sequences, as a graph. */
#include "matchbox/objective.h"

static mb_var per_sequence(mb_var x, mb_var mask, mb_var divide) /* [n, longest] -> [n, 1] */
{
    mb_var sum = mb_sum_last(mb_mul(x, mask));
    if (divide.id >= 0) sum = mb_div(sum, divide);
    return mb_reshape(sum, MB_S2(mb_dims(sum).d[0], 1));
}

static mb_var lengths(mb_var mask) /* [n], at least 1 */
{
    return mb_max(mb_sum_last(mask), mb_constant(mask.g, 1));
}

static mb_pg clip_of(const mb_objective *o)
{
    return (mb_pg){
        .ratio = o->ratio != MB_LEVEL_NONE,
        .clip = o->clip_high >= 0,
        .clip_low = o->clip_low < 0 ? 1 : (float)o->clip_low, /* a ratio is never below 0: no bound */
        .clip_high = (float)o->clip_high,
        .dual_clip = (float)o->dual_clip,
        .detached = o->objective == MB_OBJ_CISPO,
    };
}

static mb_pg_terms policy(const mb_objective *o, const mb_objective_inputs *in)
{
    mb_pg pg = clip_of(o);
    if (o->ratio != MB_LEVEL_SEQUENCE) return mb_pg_loss(in->logp, in->old_logp, in->adv, &pg);
    /* one ratio for the sequence: s_i = exp(sum or mean over t of log pi - log pi_old)  (Zheng et al. 2025, eq. 7) */
    mb_var divide = o->ratio_norm == MB_RATIO_MEAN ? lengths(in->mask) : (mb_var){ in->mask.g, -1 };
    return mb_pg_loss(per_sequence(in->logp, in->mask, divide), per_sequence(in->old_logp, in->mask, divide), in->adv, &pg);
}

/* Online mirror descent (Kimi k1.5, eq. 3): -A log pi(y) + beta / 2 (log pi(y) - log pi_old(y))^2 over whole sequences; the square is
   spread evenly over the tokens, so that the denominator sequence-sum gives back the sequence's. */
static mb_var mirror(const mb_objective *o, const mb_objective_inputs *in)
{
    mb_var change = per_sequence(mb_sub(in->logp, in->old_logp), in->mask, lengths(in->mask));
    mb_var whole = per_sequence(mb_sub(in->logp, in->old_logp), in->mask, (mb_var){ in->mask.g, -1 });
    return mb_sub(mb_scale(mb_mul(change, whole), (float)o->beta / 2), mb_mul(in->adv, in->logp));
}

/* A teacher's tokens, whose own probability is taken as 1: -A f(p), f(p) = p / (p + gamma)  (LUFFY: Yan et al. 2025, eq. 6) */
static mb_var shaped(const mb_objective *o, const mb_objective_inputs *in)
{
    mb_var p = mb_exp(in->logp);
    return mb_neg(mb_mul(in->adv, mb_div(p, mb_shift(p, (float)o->gamma_shape))));
}

mb_objective_terms mb_objective_loss(const mb_objective *o, const mb_objective_inputs *in)
{
    mb_objective_terms t = { .pg = { .each = { in->logp.g, -1 } } };
    mb_var each;
    if (o->objective == MB_OBJ_SFT) each = mb_neg(in->logp);
    else if (o->objective == MB_OBJ_MIRROR) each = mirror(o, in);
    else each = (t.pg = policy(o, in)).each;
    if (in->teacher.id >= 0) each = mb_select(in->teacher, shaped(o, in), each);
    each = mb_mul(each, in->gain);
    for (int k = MB_KL_1; k <= MB_KL_3; k++)
        t.kl[k] = in->ref_logp.id < 0 ? in->ref_logp : mb_kl_estimate(mb_sub(in->ref_logp, in->logp), (mb_kl_kind)k);
    if (o->kl && o->kl_place == 0 && o->beta > 0)
        each = mb_add(each, mb_scale(mb_mul(t.kl[o->kl], in->kl), (float)o->beta));
    t.loss = mb_sum(mb_mul(each, in->weight));
    return t;
}
