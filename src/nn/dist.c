/* dist.c - action distributions: categorical per discrete field, diagonal Gaussian over all box fields; their parts are
   independent, so log-probabilities, entropies and divergences add. */
#include "matchbox/nn.h"

static const float half_log_2pi = 0.918938533f;

static mb_var plus(mb_var sum, mb_var x)
{
    return sum.id == -3 ? x : mb_add(sum, x);
}

mb_var mb_log_prob(const mb_dist *d, const mb_act_input *a)
{
    mb_var sum = { a->value.g, -3 };
    for (int i = 0; i < d->nindex; i++) sum = plus(sum, mb_pick(d->logp[i], a->index[i]));
    if (d->nvalue) {
        mb_var z = mb_mul(mb_sub(a->value, d->mean), mb_exp(mb_neg(d->log_std)));
        mb_var each = mb_sub(mb_scale(mb_square(z), -0.5f), mb_shift(d->log_std, half_log_2pi));
        sum = plus(sum, mb_sum_last(each));
    }
    return sum;
}

mb_var mb_entropy(const mb_dist *d)
{
    mb_var sum = { d->mean.g, -3 };
    for (int i = 0; i < d->nindex; i++)
        sum = plus(sum, mb_neg(mb_sum_last(mb_mul(mb_exp(d->logp[i]), d->logp[i]))));
    if (d->nvalue) sum = plus(sum, mb_sum_last(mb_shift(d->log_std, 0.5f + half_log_2pi)));
    return sum;
}

mb_var mb_kl(const mb_dist *p, const mb_dist *q)
{
    mb_var sum = { p->mean.g, -3 };
    for (int i = 0; i < p->nindex; i++)
        sum = plus(sum, mb_sum_last(mb_mul(mb_exp(p->logp[i]), mb_sub(p->logp[i], q->logp[i]))));
    if (p->nvalue) { /* log(sq/sp) + (sp^2 + (mp - mq)^2) / (2 sq^2) - 1/2 per component */
        mb_var ratio = mb_exp(mb_scale(mb_sub(p->log_std, q->log_std), 2));
        mb_var gap = mb_square(mb_mul(mb_sub(p->mean, q->mean), mb_exp(mb_neg(q->log_std))));
        mb_var each = mb_sub(mb_scale(mb_add(ratio, gap), 0.5f), mb_shift(mb_sub(p->log_std, q->log_std), 0.5f));
        sum = plus(sum, mb_sum_last(each));
    }
    return sum;
}
