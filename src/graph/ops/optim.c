/* optim.c - optimisers as nodes: SGD, RMSprop, Adam (Kingma & Ba 2015), AdamW (Loshchilov & Hutter 2019), Muon (Jordan et al.
   2024); global-norm clipping; following (target) networks. */
#include "graph/internal.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* optimiser memory of one parameter set; m and v per tensor */
struct state {
    mb_optimizer o;
    mb_params *params;
    float **m, **v;
    double *power; /* beta1^t, beta2^t: kept */
};

/* ---- the gradient's global norm ---- */

static void norm_run(const mb__run *x)
{
    double sum = 0;
    for (int i = 0; i < x->node->nin; i++) sum += (double)x->k->sum_squares(x->in[i], mb__count(x->src[i]->shape));
    *(float *)x->out = (float)sqrt(sum);
}

static void norm_ref(const mb__ref *x)
{
    double sum = 0;
    for (int i = 0; i < x->node->nin; i++)
        for (int64_t j = 0, n = mb__count(x->src[i]->shape); j < n; j++) sum += x->in[i][j] * x->in[i][j];
    *x->out = sqrt(sum);
}

const mb__op mb__op_norm = { .name = "global_norm", .rows = MB__WHOLE, .needs_dense = true, .run = norm_run, .ref = norm_ref };

/* ---- Muon: momentum, orthogonalised by five Newton-Schulz steps ---- */

/* X <- (1.5-like quintic) X for X [r, c] with r <= c; a, b, t: scratch of r*r, r*r, r*c */
static void newton_schulz(const mb__kernels *k, int r, int c, float *x, float *a, float *b, float *t)
{
    float scale = 1 / (sqrtf(k->sum_squares(x, (int64_t)r * c)) + 1e-7f);
    mb__operand self = { x, c, 1 };
    k->map(MB__MAP_SCALE, x, c, r, c, &self, scale, 0);
    for (int i = 0; i < 5; i++) {
        k->transpose(r, c, x, c, t, r);
        k->gemm_nn(r, r, c, x, c, t, r, a, r, NULL, MB__ACT_NONE, false); /* A = X X' */
        k->gemm_nn(r, r, r, a, r, a, r, b, r, NULL, MB__ACT_NONE, false); /* A A */
        mb__operand in[2] = { { b, r, 1 }, { a, r, 1 } };
        k->map(MB__MAP_SCALE, b, r, r, r, in, 2.0315f, 0);
        mb__operand sum[2] = { { a, r, 1 }, { b, r, 1 } };
        k->map(MB__MAP_AXPY, b, r, r, r, sum, -4.7750f, 0); /* B = -4.7750 A + 2.0315 A A */
        mb__operand old[2] = { { x, c, 1 }, { t, c, 1 } };
        k->gemm_nn(r, c, r, b, r, x, c, t, c, NULL, MB__ACT_NONE, false); /* B X */
        k->map(MB__MAP_AXPY, x, c, r, c, old, 3.4445f, 0);                /* X = 3.4445 X + B X */
    }
}

static void muon_step(const mb__run *x, const struct state *s, int i, const float *g, float scale, float lr)
{
    const mb_tensor *t = s->params->t[i];
    int rows = t->shape.d[0], cols = (int)(t->n / rows);
    int r = rows < cols ? rows : cols, c = rows < cols ? cols : rows;
    float *u = (float *)(void *)x->scratch, *tmp = u + t->n, *a = tmp + t->n, *b = a + (int64_t)r * r;
    float beta = s->o.beta1, *m = s->m[i];
    for (int64_t j = 0; j < t->n; j++) {
        m[j] = beta * m[j] + scale * g[j];
        u[j] = beta * m[j] + scale * g[j]; /* Nesterov */
    }
    if (rows > cols) {
        x->k->transpose(rows, cols, u, cols, tmp, rows);
        memcpy(u, tmp, (size_t)t->n * sizeof(float));
    }
    newton_schulz(x->k, r, c, u, a, b, tmp);
    if (rows > cols) {
        x->k->transpose(cols, rows, u, rows, tmp, cols);
        memcpy(u, tmp, (size_t)t->n * sizeof(float));
    }
    float size = lr * sqrtf(cols > rows ? (float)cols / (float)rows : 1); /* our matrices are [in, out] */
    for (int64_t j = 0; j < t->n; j++) t->data[j] = t->data[j] * (1 - lr * s->o.decay) - size * u[j];
}

static bool is_matrix(const mb_tensor *t)
{
    return t->shape.rank >= 2 && t->shape.d[0] > 1 && t->n > t->shape.d[0];
}

/* ---- one step on every tensor; inputs lr, norm, gradients ---- */

static void step_run(const mb__run *x)
{
    const struct state *s = x->node->data;
    const mb_optimizer *o = &s->o;
    float lr = *(const float *)x->in[0], norm = *(const float *)x->in[1], scale = 1;
    if (o->max_norm > 0 && norm > o->max_norm) scale = o->max_norm / (norm + 1e-6f);
    bool adam = o->kind == MB_ADAM || o->kind == MB_ADAMW || o->kind == MB_MUON;
    double b1 = o->kind == MB_MUON ? 0.9 : (double)o->beta1, b2 = (double)o->beta2;
    s->power[0] *= b1;
    s->power[1] *= b2;
    float c1 = (float)(1 / (1 - s->power[0])), c2 = (float)(1 / (1 - s->power[1]));
    for (int i = 0; i < s->params->n; i++) {
        mb_tensor *t = s->params->t[i];
        const float *g = x->in[i + 2];
        if (o->kind == MB_MUON && is_matrix(t)) muon_step(x, s, i, g, scale, lr);
        else if (adam)
            x->k->adam(t->data, s->m[i], s->v[i], g, t->n, scale, lr, (float)b1, (float)b2, o->eps, c1, c2,
                       o->kind == MB_ADAM ? 0 : lr * o->decay);
        else if (o->kind == MB_RMSPROP) x->k->rmsprop(t->data, s->v[i], g, t->n, scale, lr, o->beta2, o->eps);
        else x->k->sgd(t->data, s->m ? s->m[i] : NULL, g, t->n, scale, lr, o->beta1);
    }
}

static int64_t step_scratch(const mb__node *n, const mb__node *const *src, int rows)
{
    const struct state *s = n->data;
    int64_t most = 0;
    if (s->o.kind != MB_MUON) return 0;
    for (int i = 0; i < s->params->n; i++) {
        const mb_tensor *t = s->params->t[i];
        int64_t r = t->shape.rank ? t->shape.d[0] : 1, c = t->n / r, small = r < c ? r : c;
        int64_t need = (2 * t->n + 2 * small * small) * 4;
        if (is_matrix(t) && need > most) most = need;
    }
    return most;
}

const mb__op mb__op_adam = { .name = "optimize", .rows = MB__WHOLE, .needs_dense = true, .effect = true, .run = step_run,
                             .scratch = step_scratch };

static float **memory(mb_scope *s, mb_arena *where, const mb_params *p, const char *what, mb_error *err)
{
    float **all = mb_alloc(s->arena, (size_t)p->n, sizeof *all, err);
    for (int i = 0; all && i < p->n; i++) {
        char name[200];
        snprintf(name, sizeof name, "%s.%s", p->t[i]->name, what);
        all[i] = mb_alloc(where ? where : s->arena, (size_t)p->t[i]->n, sizeof(float), err);
        const char *kept = mb_strdup(s->arena, name, err);
        if (!all[i] || !kept) return NULL;
        if (s->store && !mb_keep(s->store, kept, all[i], (size_t)p->t[i]->n * sizeof(float), err)) return NULL;
    }
    return all;
}

static struct state *state_new(mb_graph *g, mb_params *p, mb_optimizer o)
{
    mb_scope *s = g->scope;
    struct state *st = mb_alloc(s->arena, 1, sizeof *st, &g->err);
    char name[200];
    snprintf(name, sizeof name, "%s.optimizer", p->name);
    const char *kept = mb_strdup(s->arena, name, &g->err);
    if (!st || !kept) return NULL;
    st->o = o;
    st->params = p;
    bool first = o.kind != MB_RMSPROP && !(o.kind == MB_SGD && o.beta1 <= 0), second = o.kind != MB_SGD;
    if (first && !(st->m = memory(s, o.memory, p, "m", &g->err))) return NULL;
    if (second && !(st->v = memory(s, o.memory, p, "v", &g->err))) return NULL;
    st->power = mb_alloc(s->arena, 2, sizeof(double), &g->err);
    if (!st->power) return NULL;
    st->power[0] = st->power[1] = 1;
    if (s->store && !mb_keep(s->store, kept, st->power, 2 * sizeof(double), &g->err)) return NULL;
    return st;
}

/* the step with these gradients, one per tensor */
static mb_var step_node(mb_graph *g, mb_params *p, const mb_var *grads, mb_optimizer o)
{
    mb_var in[MB_MAX_TENSORS + 2];
    for (int i = 0; i < p->n; i++) in[i + 2] = mb__dense(grads[i]);
    mb_var norm = mb__node_new(g, &mb__op_norm, p->n, in + 2, MB_F32, MB_S0());
    struct state *st = state_new(g, p, o);
    if (norm.id < 0 || !st) {
        g->poisoned = true;
        return (mb_var){ g, -1 };
    }
    in[0] = o.lr;
    in[1] = norm;
    mb_var y = mb__node_new(g, &mb__op_adam, p->n + 2, in, MB_F32, MB_S0());
    if (y.id >= 0) mb__of(y)->data = st;
    return norm;
}

static bool gradients(mb_var loss, mb_params *p, mb_var *grads)
{
    mb_var wrt[MB_MAX_TENSORS];
    for (int i = 0; i < p->n; i++) wrt[i] = mb_param(loss.g, p->t[i]);
    return mb_grad(loss, wrt, p->n, grads);
}

mb_var mb_optimize(mb_var loss, mb_params *p, mb_optimizer o)
{
    mb_graph *g = loss.g;
    mb_var both[2] = { loss, o.lr }, grads[MB_MAX_TENSORS];
    if (mb__bad(g, 2, both) || !gradients(loss, p, grads)) return (mb_var){ g, -1 };
    return step_node(g, p, grads, o);
}

/* ---- gradients summed over several executions ---- */

mb_gradsum *mb_gradsum_new(mb_params *p, mb_error *err)
{
    mb_arena *a = p->scope->arena;
    mb_gradsum *s = mb_alloc(a, 1, sizeof *s, err);
    if (!s || !(s->sum = mb_alloc(a, (size_t)p->n, sizeof *s->sum, err)) || !(s->terms = mb_alloc(a, 1, sizeof *s->terms, err))) return NULL;
    s->params = p;
    for (int i = 0; i < p->n; i++) {
        s->sum[i] = *p->t[i];
        if (!(s->sum[i].data = mb_alloc(a, (size_t)p->t[i]->n, sizeof(float), err))) return NULL;
    }
    return s;
}

static void accumulate_run(const mb__run *x)
{
    const mb_gradsum *s = x->node->data;
    *s->terms += *(const float *)x->in[0];
    for (int i = 0; i < s->params->n; i++) x->k->add_to(s->sum[i].data, x->in[i + 1], s->sum[i].n);
}

const mb__op mb__op_accumulate = { .name = "accumulate", .rows = MB__WHOLE, .needs_dense = true, .effect = true, .run = accumulate_run };

bool mb_accumulate(mb_var total, mb_var terms, mb_gradsum *to)
{
    mb_graph *g = total.g;
    mb_var both[2] = { total, terms }, in[MB_MAX_TENSORS + 1], grads[MB_MAX_TENSORS];
    if (mb__bad(g, 2, both)) return false;
    if (mb__count(mb_dims(terms)) != 1) {
        mb__poison(g, "accumulate: the number of terms must be a scalar");
        return false;
    }
    if (!gradients(total, to->params, grads)) return false;
    in[0] = terms;
    for (int i = 0; i < to->params->n; i++) in[i + 1] = mb__dense(grads[i]);
    mb_var y = mb__node_new(g, &mb__op_accumulate, to->params->n + 1, in, MB_F32, MB_S0());
    if (y.id >= 0) mb__of(y)->data = to;
    return y.id >= 0;
}

static void clear_run(const mb__run *x)
{
    const mb_gradsum *s = x->node->data;
    *s->terms = 0;
    for (int i = 0; i < s->params->n; i++) memset(s->sum[i].data, 0, (size_t)s->sum[i].n * sizeof(float));
}

const mb__op mb__op_clear = { .name = "clear", .rows = MB__WHOLE, .effect = true, .run = clear_run };

mb_var mb_optimize_sum(mb_graph *g, mb_gradsum *from, mb_optimizer o)
{
    mb_params *p = from->params;
    mb_var grads[MB_MAX_TENSORS], terms = mb_scalar(g, "terms", 0);
    if (mb__bad(g, 1, &o.lr) || mb__bad(g, 1, &terms)) return (mb_var){ g, -1 };
    mb_bind(terms, from->terms);
    for (int i = 0; i < p->n; i++) grads[i] = mb_div(mb_param(g, &from->sum[i]), terms);
    mb_var norm = step_node(g, p, grads, o), y = mb__node_new(g, &mb__op_clear, 0, NULL, MB_F32, MB_S0());
    if (y.id >= 0) mb__of(y)->data = from;
    return norm;
}

/* ---- following networks ---- */

struct pair { const mb_params *to, *from; };

static void follow_run(const mb__run *x)
{
    const struct pair *s = x->node->data;
    for (int i = 0; i < s->to->n; i++) x->k->follow(s->to->t[i]->data, s->from->t[i]->data, s->to->t[i]->n, x->node->c);
}

const mb__op mb__op_follow = { .name = "follow", .rows = MB__WHOLE, .effect = true, .run = follow_run };

bool mb_follow(mb_graph *g, mb_params *to, const mb_params *from, float tau)
{
    for (int i = 0; i < to->n || i < from->n; i++)
        if (i >= to->n || i >= from->n || !mb__same(to->t[i]->shape, from->t[i]->shape)) {
            mb__poison(g, "follow: parameters '%s' and '%s' differ at tensor %d", to->name, from->name, i);
            return false;
        }
    struct pair *s = mb_alloc(g->scope->arena, 1, sizeof *s, &g->err);
    if (!s) return g->poisoned = true, false;
    *s = (struct pair){ to, from };
    mb_var y = mb__node_new(g, &mb__op_follow, 0, NULL, MB_F32, MB_S0());
    if (y.id < 0) return false;
    mb__of(y)->data = s;
    mb__of(y)->c = tau;
    return true;
}
