/* loss.c - the policy-gradient loss with its clips, divergence estimators and value losses, as graphs. */
#include "matchbox/rl.h"

mb_pg_terms mb_pg_loss(mb_var logp, mb_var logp_old, mb_var adv, const mb_pg *o)
{
    mb_pg_terms t = { .log_ratio = mb_sub(logp, logp_old) };
    t.ratio = mb_exp(t.log_ratio);
    if (!o->ratio) {
        t.each = mb_neg(mb_mul(adv, logp));
        t.clipped = mb_scale(t.ratio, 0);
        return t;
    }
    mb_var free = mb_mul(adv, t.ratio);
    if (o->detached) {
        mb_var weight = o->clip ? mb_clamp(t.ratio, 1 - o->clip_low, 1 + o->clip_high) : t.ratio;
        t.each = mb_neg(mb_mul(mb_mul(adv, mb_stop(weight)), logp));
        t.clipped = mb_sub(mb_constant(adv.g, 1), mb_eq(weight, t.ratio));
        return t;
    }
    if (!o->clip) {
        t.each = mb_neg(free);
        t.clipped = mb_scale(t.ratio, 0);
        return t;
    }
    mb_var held = mb_mul(adv, mb_clamp(t.ratio, 1 - o->clip_low, 1 + o->clip_high));
    mb_var gain = mb_min(free, held);
    if (o->dual_clip > 1) { /* for A < 0 the gain is not below dual_clip * A */
        mb_var floor = mb_scale(adv, o->dual_clip), zero = mb_constant(adv.g, 0);
        gain = mb_select(mb_gt(zero, adv), mb_max(gain, floor), gain);
    }
    t.each = mb_neg(gain);
    t.clipped = mb_gt(free, held);
    return t;
}

mb_var mb_kl_estimate(mb_var log_ratio, mb_kl_kind kind)
{
    switch (kind) {
    case MB_KL_1: return mb_neg(log_ratio);
    case MB_KL_2: return mb_scale(mb_square(log_ratio), 0.5f);
    default: return mb_sub(mb_shift(mb_exp(log_ratio), -1), log_ratio);
    }
}

mb_var mb_value_loss(mb_var value, mb_var old, mb_var ret, float clip)
{
    mb_var each = mb_square(mb_sub(value, ret));
    if (clip > 0) {
        mb_var held = mb_add(old, mb_clamp(mb_sub(value, old), -clip, clip));
        each = mb_max(each, mb_square(mb_sub(held, ret)));
    }
    return mb_scale(each, 0.5f);
}

mb_var mb_weighted_mean(mb_var each, mb_var weight)
{
    return weight.id < 0 ? mb_mean(each) : mb_masked_mean(each, weight);
}
