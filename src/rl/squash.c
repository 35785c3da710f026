/* squash.c - the mathematics of off-policy actors and critics, as graphs. */
#include "matchbox/critic.h"

mb_squashed mb_squash(mb_var mean, mb_var log_std, mb_var noise)
{
    static const float half_log_2pi = 0.918938533f, log_4 = 1.38629436f;
    mb_var u = mb_add(mean, mb_mul(mb_exp(log_std), noise));
    /* log(1 - tanh(u)^2) = log 4 - 2 (u + log(1 + exp(-2u))) */
    mb_var squeezed = mb_shift(mb_scale(mb_add(u, mb_softplus(mb_scale(u, -2))), -2), log_4);
    mb_var normal = mb_sub(mb_shift(mb_scale(mb_square(noise), -0.5f), -half_log_2pi), log_std);
    return (mb_squashed){ mb_tanh(u), mb_sum_last(mb_sub(normal, squeezed)) };
}

mb_var mb_between(mb_var x, float low, float high)
{
    float half = 0.5f * (high - low);
    return mb_shift(mb_scale(mb_tanh(x), half), low + half);
}

mb_var mb_least(int n, const mb_var *x)
{
    mb_var y = x[0];
    for (int i = 1; i < n; i++) y = mb_min(y, x[i]);
    return y;
}

mb_var mb_middle(int n, const mb_var *x)
{
    mb_var y = x[0];
    for (int i = 1; i < n; i++) y = mb_add(y, x[i]);
    return n > 1 ? mb_scale(y, 1 / (float)n) : y;
}

mb_var mb_truncated_quantiles(int n, const mb_var *q, int drop)
{
    mb_var all = mb_concat(n, q, 1);
    int left = mb_dims(all).d[1] - n * drop;
    return mb_scale(mb_slice(mb_sort_last(all), 1, 0, left), 1); /* a copy: contiguous rows */
}

mb_var mb_smoothed_action(mb_var act, mb_var noise, float sigma, float most)
{
    return mb_clamp(mb_add(act, mb_clamp(mb_scale(noise, sigma), -most, most)), -1, 1);
}

mb_var mb_temperature_loss(mb_var log_alpha, mb_var entropy, float target)
{
    return mb_mul(log_alpha, mb_stop(mb_shift(mb_mean(entropy), -target)));
}

mb_var mb_soft_value(const mb_ac_terms *t, mb_var q)
{
    if (t->alpha.id < 0) return q;
    mb_var soft = mb_sub(q, mb_mul(t->alpha, t->logp));
    return t->discrete ? mb_sum_last(mb_mul(mb_exp(t->logp), soft)) : soft;
}

mb_var mb_critics_loss(const mb_ac_terms *t, mb_var v, mb_var *error)
{
    mb_var sum = { v.g, -3 }, y = mb_stop(mb_add(t->reward, mb_mul(t->discount, v)));
    for (int i = 0; i < t->nq; i++) {
        mb_var d = mb_sub(t->q[i], y), size = mb_abs(d);
        sum = i ? mb_add(sum, mb_square(d)) : mb_square(d);
        *error = i ? mb_add(*error, size) : size;
    }
    *error = mb_scale(*error, 1 / (float)t->nq);
    return sum;
}
