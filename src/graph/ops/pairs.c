/* pairs.c - every element of one row against every element of another, without writing the pairs down: mass spread over equally
   spaced points, and the asymmetric Huber loss of quantile regression. */
#include "graph/internal.h"
#include <math.h>

/* ---- spreading mass ---- */

/* where y lies between n points from low to high: the lower neighbour and the share of the upper one */
static int between(float y, float low, float high, int n, float *share)
{
    y = y < low ? low : y > high ? high : y;
    float at = (y - low) * ((float)(n - 1) / (high - low));
    int i = (int)at;
    if (i > n - 2) i = n - 2;
    *share = at - (float)i;
    return i;
}

static void spread_run(const mb__run *x)
{
    const mb__node *nd = x->node;
    int n = nd->shape.d[1], m = x->src[0]->shape.d[1];
    for (int r = 0; r < x->rows; r++) {
        const float *p = (const float *)x->in[0] + r * m, *y = (const float *)x->in[1] + r * m;
        float *out = (float *)x->out + r * n;
        for (int i = 0; i < n; i++) out[i] = 0;
        for (int j = 0; j < m; j++) {
            float share;
            if (!(y[j] - y[j] == 0)) { /* NaN or infinite: to be found */
                out[0] += y[j] - y[j];
                continue;
            }
            int i = between(y[j], nd->c, nd->d, n, &share);
            out[i] += p[j] * (1 - share);
            out[i + 1] += p[j] * share;
        }
    }
}

static void spread_ref(const mb__ref *x)
{
    const mb__node *nd = x->node;
    int rows = nd->shape.d[0], n = nd->shape.d[1], m = x->src[0]->shape.d[1];
    double low = (double)nd->c, high = (double)nd->d, gap = (high - low) / (n - 1);
    for (int r = 0; r < rows; r++)
        for (int i = 0; i < n; i++) {
            double sum = 0;
            for (int j = 0; j < m; j++) {
                double y = x->in[1][r * m + j], d;
                y = y < low ? low : y > high ? high : y;
                d = fabs(y - (low + gap * i)) / gap;
                sum += d < 1 ? x->in[0][r * m + j] * (1 - d) : 0;
            }
            x->out[r * n + i] = sum;
        }
}

const mb__op mb__op_spread = { .name = "spread", .rows = MB__ROW, .needs_dense = true, .run = spread_run, .ref = spread_ref };

mb_var mb_spread(mb_var mass, mb_var place, float low, float high, int n)
{
    mb_var in[2] = { mass, place };
    if (mb__bad(mass.g, 2, in)) return (mb_var){ mass.g, -1 };
    mb_shape a = mb_dims(mass), b = mb_dims(place);
    if (a.rank != 2 || !mb__same(a, b)) return mb__poison(mass.g, "spread: mass and places must be [R, m] alike");
    if (n < 2 || !(low < high)) return mb__poison(mass.g, "spread: needs two points at least, from %g to %g", (double)low, (double)high);
    for (int i = 0; i < 2; i++) in[i] = mb__dense(in[i]);
    mb_var y = mb__node_new(mass.g, &mb__op_spread, 2, in, MB_F32, MB_S2(a.d[0], n));
    if (y.id >= 0) mb__of(y)->c = low, mb__of(y)->d = high;
    return y;
}

/* ---- quantile regression ---- */

enum { CHAINS = 16 };

static bool row_inputs(const mb__node *n, const mb__node *const *src, int i)
{
    return i != 1 || src[1]->shape.rank == 2;
}

/* mean over j of |tau - 1(u < 0)| h(u), u = y_j - q, in 16 chains and a fixed tree; slope: its derivative by q instead */
static float against(float q, float tau, const float *y, int m, float kappa, bool slope)
{
    float sum[CHAINS] = { 0 }, below = 1 - tau, scale = kappa > 0 ? 1 / kappa : 1;
    for (int j0 = 0; j0 < m; j0 += CHAINS) {
        int left = m - j0 < CHAINS ? m - j0 : CHAINS;
        for (int k = 0; k < left; k++) {
            float u = y[j0 + k] - q, size = u < 0 ? -u : u, weight = u < 0 ? below : tau, v;
            if (slope) v = size > kappa ? (u < 0 ? 1 : -1) : -u * scale;
            else v = size > kappa ? size - 0.5f * kappa : 0.5f * u * u * scale;
            sum[k] += weight * v + (u - u);
        }
    }
    for (int n = CHAINS / 2; n > 0; n /= 2)
        for (int k = 0; k < n; k++) sum[k] += sum[k + n];
    return sum[0] / (float)m;
}

static void pinball_run(const mb__run *x)
{
    int n = x->src[0]->shape.d[1], m = x->src[2]->shape.d[1];
    bool own = x->src[1]->shape.rank == 2;
    for (int r = 0; r < x->rows; r++) {
        const float *q = (const float *)x->in[0] + r * n, *tau = (const float *)x->in[1] + (own ? r * n : 0);
        float sum = 0;
        for (int i = 0; i < n; i++) sum += against(q[i], tau[i], (const float *)x->in[2] + r * m, m, x->node->c, false);
        ((float *)x->out)[r] = sum;
    }
}

static void pinball_grad_run(const mb__run *x)
{
    int n = x->src[0]->shape.d[1], m = x->src[2]->shape.d[1];
    bool own = x->src[1]->shape.rank == 2;
    for (int r = 0; r < x->rows; r++) {
        const float *q = (const float *)x->in[0] + r * n, *tau = (const float *)x->in[1] + (own ? r * n : 0);
        float dy = ((const float *)x->in[3])[r];
        for (int i = 0; i < n; i++)
            ((float *)x->out)[r * n + i] = dy * against(q[i], tau[i], (const float *)x->in[2] + r * m, m, x->node->c, true);
    }
}

static void ref(const mb__ref *x, bool slope)
{
    int rows = x->src[0]->shape.d[0], n = x->src[0]->shape.d[1], m = x->src[2]->shape.d[1];
    double kappa = (double)x->node->c;
    for (int r = 0; r < rows; r++) {
        double all = 0;
        for (int i = 0; i < n; i++) {
            double tau = x->in[1][x->src[1]->shape.rank == 2 ? r * n + i : i], sum = 0;
            for (int j = 0; j < m; j++) {
                double u = x->in[2][r * m + j] - x->in[0][r * n + i], w = u < 0 ? 1 - tau : tau;
                if (slope) sum += w * (fabs(u) > kappa ? (u < 0 ? 1 : -1) : -u / kappa);
                else sum += w * (fabs(u) > kappa ? fabs(u) - 0.5 * kappa : 0.5 * u * u / kappa);
            }
            all += sum / m;
            if (slope) x->out[r * n + i] = x->in[3][r] * sum / m;
        }
        if (!slope) x->out[r] = all;
    }
}

static void pinball_ref(const mb__ref *x)
{
    ref(x, false);
}

static void pinball_grad_ref(const mb__ref *x)
{
    ref(x, true);
}

const mb__op mb__op_pinball_grad = { .name = "pinball_grad", .rows = MB__ROW, .needs_dense = true, .in_row = row_inputs, .run = pinball_grad_run,
                                     .ref = pinball_grad_ref };

static void pinball_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    float kappa = n->c;
    mb_var in[4] = { { g, n->in[0] }, { g, n->in[1] }, { g, n->in[2] }, mb__dense(dy) };
    din[0] = mb__node_new(g, &mb__op_pinball_grad, 4, in, MB_F32, mb_dims(in[0]));
    if (din[0].id >= 0) mb__of(din[0])->c = kappa;
}

const mb__op mb__op_pinball = { .name = "pinball", .rows = MB__ROW, .needs_dense = true, .in_row = row_inputs, .run = pinball_run, .ref = pinball_ref,
                                .grad = pinball_grad };

mb_var mb_pinball(mb_var q, mb_var tau, mb_var y, float kappa)
{
    mb_var in[3] = { q, tau, y };
    if (mb__bad(q.g, 3, in)) return (mb_var){ q.g, -1 };
    mb_shape a = mb_dims(q), t = mb_dims(tau), b = mb_dims(y);
    bool fits = a.rank == 2 && b.rank == 2 && a.d[0] == b.d[0] && ((t.rank == 1 && t.d[0] == a.d[1]) || (t.rank == 2 && mb__same(t, a)));
    if (!fits) return mb__poison(q.g, "pinball: quantiles [R, N], fractions [N] or [R, N] and samples [R, M] do not fit");
    for (int i = 0; i < 3; i++) in[i] = mb__dense(in[i]);
    mb_var out = mb__node_new(q.g, &mb__op_pinball, 3, in, MB_F32, MB_S1(a.d[0]));
    if (out.id >= 0) mb__of(out)->c = kappa;
    return out;
}
