/* value_target.c - targets and losses of action values, as graphs: projections, histograms, quantiles. */
#include "matchbox/value.h"

mb_var mb_q_greedy(mb_var q, mb_var allowed)
{
    int rows = mb_dims(q).d[0];
    if (allowed.id >= 0) q = mb_select(allowed, q, mb_constant(q.g, -1e30f));
    mb_var most = mb_ge(q, mb_reshape(mb_max_last(q), MB_S2(rows, 1)));
    return mb_stop(mb_div(most, mb_reshape(mb_sum_last(most), MB_S2(rows, 1))));
}

mb_var mb_q_mix(mb_var x, mb_var c)
{
    mb_shape s = mb_dims(x);
    return mb_sum_axis(mb_mul(x, mb_reshape(c, MB_S3(s.d[0], s.d[1], 1))), 1);
}

mb_var mb_q_pick(mb_var x, mb_var index)
{
    return mb_q_mix(x, mb_one_hot(index, mb_dims(x).d[1]));
}

/* ---- distributions on a fixed support ---- */

mb_var mb_support_points(mb_graph *g, const mb_support *s, mb_error *err)
{
    mb_var z = mb_input(g, "support", MB_F32, MB_S1(s->n));
    float *x = mb_input_data(z);
    if (!x) return mb_fail(err, MB_ERR_MEMORY, "support: no memory for %d points", s->n), z;
    for (int i = 0; i < s->n; i++) x[i] = s->n > 1 ? s->low + (s->high - s->low) * (float)i / (float)(s->n - 1) : s->low;
    return z;
}

mb_var mb_support_mean(mb_var p, mb_var points)
{
    return mb_sum_last(mb_mul(p, points));
}

static float gap(const mb_support *s)
{
    float d = s->n > 1 ? (s->high - s->low) / (float)(s->n - 1) : 0;
    return d > 0 ? d : 1;
}

mb_var mb_categorical_project(mb_var reward, mb_var discount, mb_var p, mb_var points, const mb_support *s)
{
    int rows = mb_dims(p).d[0];
    mb_var moved = mb_add(mb_reshape(reward, MB_S2(rows, 1)), mb_mul(mb_reshape(discount, MB_S2(rows, 1)), points));
    return mb_spread(p, moved, s->low, s->high, s->n);
}

mb_var mb_two_hot(mb_var y, const mb_support *s)
{
    mb_var at = mb_reshape(y, MB_S2(mb_dims(y).d[0], 1));
    return mb_spread(mb_shift(mb_scale(at, 0), 1), at, s->low, s->high, s->n);
}

mb_var mb_erf(mb_var x)
{
    static const float a[] = { 1.061405429f, -1.453152027f, 1.421413741f, -0.284496736f, 0.254829592f };
    mb_var size = mb_abs(x), t = mb_recip(mb_shift(mb_scale(size, 0.3275911f), 1));
    mb_var sum = mb_shift(mb_scale(t, a[0]), a[1]);
    for (int i = 2; i < 5; i++) sum = mb_shift(mb_mul(sum, t), a[i]);
    mb_var tail = mb_mul(mb_mul(sum, t), mb_exp(mb_neg(mb_square(x))));
    return mb_mul(mb_sign(x), mb_shift(mb_neg(tail), 1));
}

mb_var mb_hl_gauss(mb_var y, mb_var points, const mb_support *s, float sigma)
{
    int rows = mb_dims(y).d[0];
    float half = 0.5f * gap(s), unit = 1 / (sigma * 1.41421356f);
    mb_var d = mb_sub(points, mb_reshape(mb_clamp(y, s->low, s->high), MB_S2(rows, 1)));
    mb_var mass = mb_sub(mb_erf(mb_scale(mb_shift(d, half), unit)), mb_erf(mb_scale(mb_shift(d, -half), unit)));
    return mb_div(mass, mb_reshape(mb_sum_last(mass), MB_S2(rows, 1)));
}

mb_var mb_cross_entropy(mb_var logits, mb_var p)
{
    return mb_neg(mb_sum_last(mb_mul(p, mb_log_softmax(logits))));
}

/* ---- rescaling ---- */

static const float eps = 1e-3f;

mb_var mb_rescale(mb_var x)
{
    mb_var root = mb_shift(mb_sqrt(mb_shift(mb_abs(x), 1)), -1);
    return mb_add(mb_mul(mb_sign(x), root), mb_scale(x, eps));
}

/* sign(x) (((sqrt(1 + 4 eps (|x| + 1 + eps)) - 1) / (2 eps))^2 - 1) */
mb_var mb_unscale(mb_var x)
{
    mb_var root = mb_sqrt(mb_shift(mb_scale(mb_shift(mb_abs(x), 1 + eps), 4 * eps), 1));
    return mb_mul(mb_sign(x), mb_shift(mb_square(mb_scale(mb_shift(root, -1), 0.5f / eps)), -1));
}
