/* Learning to predict: eligibility traces, linear value functions, importance sampling. */
#include "matchbox/tabular.h"
#include <math.h>

void mb_trace_visit(double *e, int s, bool replacing) { e[s] = replacing ? 1 : e[s] + 1; }

void mb_trace_learn(double *v, double *e, int n, double alpha, double delta, double decay)
{
    double step = alpha * delta;
    for (int s = 0; s < n; s++) {
        v[s] += step * e[s];
        e[s] *= decay;
    }
}

double mb_rms_error(const double *v, const double *exact, const double *weight, int n)
{
    double sum = 0, count = 0;
    for (int s = 0; s < n; s++) {
        if (weight && !(weight[s] > 0)) continue;
        sum += (v[s] - exact[s]) * (v[s] - exact[s]);
        count += 1;
    }
    return count > 0 ? sqrt(sum / count) : 0;
}

void mb_ope_add(mb_ope *x, const double *r, const double *rho, int T, double gamma)
{
    double w = 1, g = 0, per_decision = 0, discount = 1;
    for (int t = 0; t < T; t++) {
        w *= rho[t];
        per_decision += discount * w * r[t]; /* a reward is weighted by the choices that led to it, not by later ones */
        g += discount * r[t];
        discount *= gamma;
    }
    x->n += 1;
    x->sum_wg += w * g;
    x->sum_w += w;
    x->sum_pd += per_decision;
    x->ordinary = x->sum_wg / x->n;
    x->weighted = x->sum_w > 0 ? x->sum_wg / x->sum_w : 0;
    x->per_decision = x->sum_pd / x->n;
}

static double dot(const double *a, const double *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

double mb_linear_learn(mb_linear_rule rule, double *w, double *h, const double *x, const double *y, int n, double rho, double r,
                       double gamma, double alpha, double beta)
{
    double delta = r + (y ? gamma * dot(w, y, n) : 0) - dot(w, x, n);
    double hx = rule == MB_LINEAR_TD ? 0 : dot(h, x, n);
    double along_x = rule == MB_LINEAR_GTD2 ? hx : delta;
    for (int i = 0; i < n; i++) {
        double back = y ? gamma * y[i] * hx : 0; /* the part of the gradient semi-gradient TD leaves out */
        w[i] += alpha * rho * (along_x * x[i] - back);
    }
    if (rule != MB_LINEAR_TD)
        for (int i = 0; i < n; i++) h[i] += beta * (rho * delta - hx) * x[i];
    return delta;
}
