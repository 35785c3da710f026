/* oracle.h - a policy small enough to enumerate: a softmax over V tokens after every prefix, texts of at most L tokens, token 0 ends a text.
   Everything is a finite sum: expected gradients of estimators over all groups of texts, their variance, divergences and their gradients.
   It shares no code with src/rl; tests/rl/oracle.c compares the two, and both with tests/reference/oracle.py. */
#ifndef ORACLE_H
#define ORACLE_H
#include "matchbox/core.h"
#include "matchbox/math.h"
#include <math.h>
#include <string.h>

enum { O_VOCAB = 8, O_LENGTH = 6, O_PREFIXES = 512, O_TEXTS = 2048, O_GROUP = 8 };
struct oracle {
    int v, l, nprefix, ntext;
    int length[O_TEXTS], token[O_TEXTS][O_LENGTH], prefix[O_TEXTS][O_LENGTH];
    double logit[O_PREFIXES][O_VOCAB], soft[O_PREFIXES][O_VOCAB]; /* soft: probabilities after each prefix */
    double logp[O_TEXTS], p[O_TEXTS];                             /* of whole texts */
};
typedef double o_grad[O_PREFIXES][O_VOCAB]; /* by the logits */

static inline void o__grow(struct oracle *o, int *tokens, int *prefixes, int n)
{
    int here = o->nprefix++;
    prefixes[n] = here;
    for (int a = 0; a < o->v; a++) {
        tokens[n] = a;
        if (a > 0 && n + 1 < o->l && n + 1 < O_LENGTH) {
            o__grow(o, tokens, prefixes, n + 1);
            continue;
        }
        int s = o->ntext++;
        MB_ASSERT(s < O_TEXTS && o->nprefix <= O_PREFIXES);
        o->length[s] = n + 1;
        for (int t = 0; t <= n; t++) o->token[s][t] = tokens[t], o->prefix[s][t] = prefixes[t];
    }
}

static inline void o_update(struct oracle *o)
{
    for (int k = 0; k < o->nprefix; k++) {
        double most = o->logit[k][0], sum = 0;
        for (int a = 1; a < o->v; a++) most = o->logit[k][a] > most ? o->logit[k][a] : most;
        for (int a = 0; a < o->v; a++) sum += o->soft[k][a] = mb_exp64(o->logit[k][a] - most);
        for (int a = 0; a < o->v; a++) o->soft[k][a] /= sum;
    }
    for (int s = 0; s < o->ntext; s++) {
        o->logp[s] = 0;
        for (int t = 0; t < o->length[s]; t++) o->logp[s] += mb_log64(o->soft[o->prefix[s][t]][o->token[s][t]]);
        o->p[s] = mb_exp64(o->logp[s]);
    }
}

/* Logits 0: the caller fills them and calls o_update. */
static inline void o_make(struct oracle *o, int v, int l)
{
    int tokens[O_LENGTH], prefixes[O_LENGTH];
    memset(o, 0, sizeof *o);
    o->v = v, o->l = l;
    o__grow(o, tokens, prefixes, 0);
    o_update(o);
}

static inline double o_token_logp(const struct oracle *o, int s, int t) { return mb_log64(o->soft[o->prefix[s][t]][o->token[s][t]]); }

/* Add w x the gradient of log pi of token t of text s. */
static inline void o_score(const struct oracle *o, int s, int t, double w, o_grad g)
{
    int k = o->prefix[s][t];
    for (int a = 0; a < o->v; a++) g[k][a] += w * ((a == o->token[s][t]) - o->soft[k][a]);
}

static inline double o_dot(const struct oracle *o, o_grad a, o_grad b)
{
    double sum = 0;
    for (int k = 0; k < o->nprefix; k++)
        for (int i = 0; i < o->v; i++) sum += a[k][i] * b[k][i];
    return sum;
}

static inline double o_distance(const struct oracle *o, o_grad a, double scale, o_grad b) /* |a - scale b| */
{
    double sum = 0;
    for (int k = 0; k < o->nprefix; k++)
        for (int i = 0; i < o->v; i++) sum += (a[k][i] - scale * b[k][i]) * (a[k][i] - scale * b[k][i]);
    return sqrt(sum);
}

static inline double o_cosine(const struct oracle *o, o_grad a, o_grad b)
{
    double n = sqrt(o_dot(o, a, a) * o_dot(o, b, b));
    return n > 0 ? o_dot(o, a, b) / n : 0;
}

/* Sum over texts of p x value, and its gradient when the values do not depend on the weights: sum of p value grad log p. */
static inline double o_value(const struct oracle *o, const double *value, o_grad g)
{
    double j = 0;
    if (g) memset(g, 0, sizeof(o_grad));
    for (int s = 0; s < o->ntext; s++) {
        j += o->p[s] * value[s];
        for (int t = 0; g && t < o->length[s]; t++) o_score(o, s, t, o->p[s] * value[s], g);
    }
    return j;
}

static inline double o_entropy(const struct oracle *o)
{
    double h = 0;
    for (int s = 0; s < o->ntext; s++) h -= o->p[s] * o->logp[s];
    return h;
}

/* KL(o || q), and its gradient by o's logits; q has the same texts. */
static inline double o_kl_reverse(const struct oracle *o, const struct oracle *q, o_grad g)
{
    double ratio[O_TEXTS];
    for (int s = 0; s < o->ntext; s++) ratio[s] = o->logp[s] - q->logp[s];
    return o_value(o, ratio, g); /* the gradient of log p itself has expectation 0 */
}

/* KL(q || o), and its gradient by o's logits: -sum of q grad log p. */
static inline double o_kl_forward(const struct oracle *o, const struct oracle *q, o_grad g)
{
    double kl = 0;
    if (g) memset(g, 0, sizeof(o_grad));
    for (int s = 0; s < o->ntext; s++) {
        kl += q->p[s] * (q->logp[s] - o->logp[s]);
        for (int t = 0; g && t < o->length[s]; t++) o_score(o, s, t, -q->p[s], g);
    }
    return kl;
}

/* d k / d log pi of one token, where d = log pi - log ref: k1 = d, k2 = d^2 / 2, k3 = exp(-d) + d - 1. */
static inline double o_k(int kind, double d) { return kind == 1 ? d : kind == 2 ? d * d / 2 : mb_exp64(-d) + d - 1; }
static inline double o_k_slope(int kind, double d) { return kind == 1 ? 1 : kind == 2 ? d : 1 - mb_exp64(-d); }

/* Expected value of the sum over tokens of an estimator, samples from o, and the expected gradient when it stands in the loss. */
static inline double o_estimator(const struct oracle *o, const struct oracle *ref, int kind, o_grad g)
{
    double sum = 0;
    memset(g, 0, sizeof(o_grad));
    for (int s = 0; s < o->ntext; s++)
        for (int t = 0; t < o->length[s]; t++) {
            double d = o_token_logp(o, s, t) - o_token_logp(ref, s, t);
            sum += o->p[s] * o_k(kind, d);
            o_score(o, s, t, o->p[s] * o_k_slope(kind, d), g);
        }
    return sum;
}

/* ---- policy-gradient estimators from groups ---- */

enum o_rule { O_NONE, O_CENTER, O_LEAVE_ONE_OUT, O_STANDARDIZE };
enum o_denominator { O_SEQUENCE_SUM, O_SEQUENCE_MEAN, O_TOKEN_MEAN, O_CONSTANT };
struct o_estimate { enum o_rule rule; enum o_denominator denominator; double constant, eps; };

static inline void o_advantages(const struct o_estimate *e, const double *r, int n, double *a)
{
    double mean = 0, m2 = 0;
    for (int i = 0; i < n; i++) mean += r[i] / n;
    for (int i = 0; i < n; i++) m2 += (r[i] - mean) * (r[i] - mean);
    for (int i = 0; i < n; i++) {
        a[i] = r[i] - (e->rule == O_NONE ? 0 : mean);
        if (e->rule == O_LEAVE_ONE_OUT) a[i] *= n / (n - 1.0);
        if (e->rule == O_STANDARDIZE) a[i] = m2 > 1e-24 ? a[i] / (sqrt(m2 / (n - 1)) + e->eps) : 0;
    }
}

static inline double o_weight(const struct o_estimate *e, int n, int length, int tokens)
{
    switch (e->denominator) {
    case O_SEQUENCE_SUM: return 1.0 / n;
    case O_SEQUENCE_MEAN: return 1.0 / n / length;
    case O_TOKEN_MEAN: return 1.0 / tokens;
    default: return 1.0 / n / e->constant;
    }
}

/* Ascent direction of one group of texts. */
static inline void o_group(const struct oracle *o, const struct o_estimate *e, const int *text, const double *reward, int n, o_grad g)
{
    double r[O_GROUP], a[O_GROUP];
    int tokens = 0;
    for (int i = 0; i < n; i++) r[i] = reward[text[i]], tokens += o->length[text[i]];
    o_advantages(e, r, n, a);
    for (int i = 0; i < n; i++)
        for (int t = 0; t < o->length[text[i]]; t++) o_score(o, text[i], t, a[i] * o_weight(e, n, o->length[text[i]], tokens), g);
}

/* Exact expectation over all groups of n texts drawn from o, and the trace of the covariance. */
static inline double o_expected(const struct oracle *o, const struct o_estimate *e, const double *reward, int n, o_grad mean)
{
    static o_grad g;
    int text[O_GROUP] = { 0 };
    double square = 0;
    memset(mean, 0, sizeof(o_grad));
    for (bool more = true; more;) {
        double p = 1;
        for (int i = 0; i < n; i++) p *= o->p[text[i]];
        memset(g, 0, (size_t)o->nprefix * sizeof *g);
        o_group(o, e, text, reward, n, g);
        for (int k = 0; k < o->nprefix; k++)
            for (int a = 0; a < o->v; a++) mean[k][a] += p * g[k][a], square += p * g[k][a] * g[k][a];
        more = false;
        for (int i = 0; i < n && !more; i++) {
            if (++text[i] < o->ntext) more = true;
            else text[i] = 0;
        }
    }
    return square - o_dot(o, mean, mean);
}

static inline int o_draw(const struct oracle *o, mb_rng *rng)
{
    double u = mb_uniform64(rng);
    for (int s = 0; s < o->ntext; s++)
        if ((u -= o->p[s]) < 0) return s;
    return o->ntext - 1;
}

/* A random policy: logits of standard deviation `spread`. */
static inline void o_random(struct oracle *o, int v, int l, double spread, mb_rng *rng)
{
    o_make(o, v, l);
    for (int k = 0; k < o->nprefix; k++)
        for (int a = 0; a < v; a++) o->logit[k][a] = spread * (double)mb_normal(rng);
    o_update(o);
}
#endif
