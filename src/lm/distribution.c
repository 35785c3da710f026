/* distribution.c - from a row of logits to the distribution that is sampled: repetition penalty (Keskar et al. 2019), temperature, top-k,
   top-p (Holtzman et al. 2020), min-p (Nguyen et al. 2024), in this order.  Sampler and trainer both come here, so a sampled token's
   log-probability is that of the truncated, renormalised distribution in both, to the bit. */
#include "lm/ops.h"
#include "matchbox/math.h"
#include <string.h>

/* seen: 1 where a logit was divided, 2 where it was multiplied; until mb__lm_forget */
static void penalize(const struct mb__lm_dist *d, const int32_t *history, int n)
{
    float penalty = d->s->repetition_penalty;
    for (int i = 0; i < n; i++) {
        int32_t t = history[i];
        if (t < 0 || t >= d->v || d->seen[t]) continue;
        d->seen[t] = d->z[t] > 0 ? 1 : 2;
        d->z[t] *= d->z[t] > 0 ? 1 / penalty : penalty;
    }
}

void mb__lm_forget(const struct mb__lm_dist *d, const int32_t *history, int n)
{
    if (d->s->repetition_penalty == 1) return;
    for (int i = 0; i < n; i++)
        if (history[i] >= 0 && history[i] < d->v) d->seen[history[i]] = 0;
}

/* ---- the largest values first, ties by index: a heap ---- */

static bool above(const float *e, int a, int b) { return e[a] > e[b] || (e[a] == e[b] && a < b); }

static void sift(const float *e, int *heap, int n, int i)
{
    for (int c; (c = 2 * i + 1) < n; i = c) {
        if (c + 1 < n && above(e, heap[c + 1], heap[c])) c++;
        if (!above(e, heap[c], heap[i])) return;
        int t = heap[i];
        heap[i] = heap[c];
        heap[c] = t;
    }
}

/* Drops all but the first `most` of a descending walk that ends once `mass` is reached.  Like the largest of those kept, ties stay
   with top-k, as in transformers.  The heap lies behind e: e has room for 2 v. */
static void keep_largest(const struct mb__lm_dist *d, int most, float mass, bool ties)
{
    int *heap = (int *)(void *)(d->e + d->v), n = d->v, last = -1;
    float sum = 0;
    for (int i = 0; i < n; i++) heap[i] = i;
    for (int i = n / 2 - 1; i >= 0; i--) sift(d->e, heap, n, i);
    for (int k = 0; n > 0 && k < most && (k == 0 || sum < mass); k++) {
        last = heap[0];
        sum += d->e[last];
        heap[0] = heap[--n];
        sift(d->e, heap, n, 0);
    }
    float edge = d->e[last];
    for (int i = 0; i < d->v; i++) {
        bool keep = d->e[i] > edge || (d->e[i] == edge && (ties || i <= last));
        if (!keep) d->e[i] = 0;
    }
}

static float sum_of(const struct mb__lm_dist *d)
{
    float sum;
    d->k->row_sum(1, d->v, d->e, d->v, &sum, 1);
    return sum;
}

float mb__lm_distribution(const struct mb__lm_dist *d, const int32_t *history, int n, float *kept)
{
    const mb_lm_sampling *s = d->s;
    float max;
    if (s->repetition_penalty != 1) penalize(d, history, n);
    mb__operand z = { d->z, d->v, 1 };
    if (s->temperature != 1 && s->temperature > 0) d->k->map(MB__MAP_SCALE, d->z, d->v, 1, d->v, &z, 1 / s->temperature, 0);
    d->k->row_max(1, d->v, d->z, d->v, &max, 1);
    d->k->map(MB__MAP_SHIFT, d->z, d->v, 1, d->v, &z, -max, 0);
    d->k->map(MB__MAP_EXP, d->e, d->v, 1, d->v, &z, 0, 0);
    float all = sum_of(d), sum = all;
    if (s->top_k > 0 && s->top_k < d->v) keep_largest(d, s->top_k, all * 2, true), sum = sum_of(d);
    if (s->top_p < 1) keep_largest(d, d->v, s->top_p * sum, false);
    if (s->min_p > 0)
        for (int i = 0; i < d->v; i++)
            if (d->e[i] < s->min_p) d->e[i] = 0;
    if (s->top_p < 1 || s->min_p > 0) sum = sum_of(d);
    *kept = sum / all;
    return sum;
}

/* entropy = log sum - (sum of e z) / sum, z below 0 where e is above: over chunks of 16 in one chain each */
static float entropy_of(const struct mb__lm_dist *d, float sum, float log_sum)
{
    float chain[16] = { 0 };
    for (int i = 0; i < d->v; i++)
        if (d->e[i] > 0) chain[i % 16] += d->e[i] * d->z[i];
    for (int n = 8; n > 0; n /= 2)
        for (int i = 0; i < n; i++) chain[i] += chain[i + n];
    return log_sum - chain[0] / sum;
}

mb__lm_row mb__lm_score(const struct mb__lm_dist *d, float sum, float kept, int32_t token)
{
    float log_sum = mb_logf(sum);
    token = token < 0 ? 0 : token >= d->v ? d->v - 1 : token;
    return (mb__lm_row){ d->z[token] - log_sum, entropy_of(d, sum, log_sum), kept, token };
}

int32_t mb__lm_draw(const struct mb__lm_dist *d, float sum, double u)
{
    double left = u * (double)sum;
    int32_t last = 0;
    if (!(d->s->temperature > 0)) { /* the first of the most likely */
        for (int i = 0; i < d->v; i++)
            if (d->z[i] == 0) return i;
        return 0;
    }
    for (int i = 0; i < d->v; i++) {
        if (!(d->e[i] > 0)) continue;
        last = i;
        left -= (double)d->e[i];
        if (left < 0) return i;
    }
    return last;
}

void mb__lm_score_grad(const struct mb__lm_dist *d, float sum, int32_t token, float c)
{
    const mb_lm_sampling *s = d->s;
    float scale = s->temperature > 0 ? c / s->temperature : c;
    mb__operand e = { d->e, d->v, 1 };
    d->k->map(MB__MAP_SCALE, d->z, d->v, 1, d->v, &e, -scale / sum, 0);
    d->z[token] += scale;
    if (s->repetition_penalty == 1) return;
    for (int i = 0; i < d->v; i++)
        if (d->seen[i]) d->z[i] *= d->seen[i] == 1 ? 1 / s->repetition_penalty : s->repetition_penalty;
}
