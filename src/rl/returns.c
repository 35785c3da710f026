/* returns.c - returns, advantages and V-trace.  One ascending or descending fma chain per row, so bits depend on nothing else. */
#include "matchbox/rl.h"

static float next_value(const mb_traj *x, int t, int r)
{
    int64_t i = (int64_t)t * x->rows + r;
    if (x->ended[i]) return x->boot[i];
    return t + 1 < x->T ? x->value[i + x->rows] : x->last[r];
}

void mb_gae(const mb_traj *x, float gamma, float lambda, float *adv, float *ret)
{
    for (int r = 0; r < x->rows; r++) {
        float a = 0;
        for (int t = x->T - 1; t >= 0; t--) {
            int64_t i = (int64_t)t * x->rows + r;
            float delta = mb_fmaf(gamma, next_value(x, t, r), x->reward[i]) - x->value[i];
            a = x->ended[i] ? delta : mb_fmaf(gamma * lambda, a, delta);
            adv[i] = a;
            ret[i] = a + x->value[i];
        }
    }
}

void mb_discounted_returns(const mb_traj *x, float gamma, float *ret)
{
    for (int r = 0; r < x->rows; r++) {
        float g = x->last[r];
        for (int t = x->T - 1; t >= 0; t--) {
            int64_t i = (int64_t)t * x->rows + r;
            g = mb_fmaf(gamma, x->ended[i] ? x->boot[i] : g, x->reward[i]);
            ret[i] = g;
        }
    }
}

void mb_nstep_returns(const mb_traj *x, float gamma, int n, float *ret)
{
    for (int r = 0; r < x->rows; r++)
        for (int t = 0; t < x->T; t++) {
            int end = t; /* last step that counts */
            while (end + 1 < x->T && end + 1 < t + n && !x->ended[(int64_t)end * x->rows + r]) end++;
            float g = next_value(x, end, r);
            for (int k = end; k >= t; k--) g = mb_fmaf(gamma, g, x->reward[(int64_t)k * x->rows + r]);
            ret[(int64_t)t * x->rows + r] = g;
        }
}

void mb_vtrace(const mb_traj *x, const float *log_rho, float gamma, float lambda, float rho_bar, float c_bar, float *vs, float *adv)
{
    for (int r = 0; r < x->rows; r++) {
        float excess = 0; /* vs_{t+1} - V(s_{t+1}) */
        for (int t = x->T - 1; t >= 0; t--) {
            int64_t i = (int64_t)t * x->rows + r;
            float ratio = mb_expf(log_rho[i]), rho = ratio < rho_bar ? ratio : rho_bar, c = lambda * (ratio < c_bar ? ratio : c_bar);
            float next = next_value(x, t, r), after = x->ended[i] ? 0 : excess;
            float delta = rho * (mb_fmaf(gamma, next, x->reward[i]) - x->value[i]);
            adv[i] = rho * (mb_fmaf(gamma, next + after, x->reward[i]) - x->value[i]);
            excess = mb_fmaf(gamma * c, after, delta);
            vs[i] = x->value[i] + excess;
        }
    }
}

void mb_running_join(mb_running *s, double n, double mean, double m2)
{
    if (n <= 0) return;
    double total = s->n + n, d = mean - s->mean;
    s->mean += d * n / total;
    s->m2 += m2 + d * d * s->n * n / total;
    s->n = total;
}

void mb_running_add(mb_running *s, double x)
{
    mb_running_join(s, 1, x, 0);
}

double mb_running_var(const mb_running *s)
{
    return s->n > 1 ? s->m2 / s->n : 1;
}
