/* The declared objective, compiled: advantages and denominators in double precision, the loss and its derivative by every log-probability
   as a plan. */
#include "matchbox/objective.h"
#include <string.h>

struct mb_objective_plan {
    const mb_objective *o;
    int n, longest;
    mb_arena *scratch;
    mb_objective_weights w;
    mb_objective_inputs in;
    mb_var loss, grad, clipped, ratio, kl[4];
    mb_plan *plan;
};

static mb_var input(mb_graph *g, const char *name, int n, int longest) { return mb_input(g, name, MB_F32, MB_S2(n, longest)); }

static bool build(mb_objective_plan *p, mb_scope *s, bool reference, mb_error *err)
{
    mb_graph *g = mb_graph_new(s, "objective", err);
    if (!g) return false;
    int n = p->n, l = p->longest;
    mb_var none = { g, -1 };
    p->in = (mb_objective_inputs){ .logp = input(g, "logp", n, l), .old_logp = input(g, "old_logp", n, l),
                                   .ref_logp = reference ? input(g, "ref_logp", n, l) : none, .mask = input(g, "mask", n, l),
                                   .adv = input(g, "advantage", n, l), .weight = input(g, "weight", n, l), .gain = input(g, "gain", n, l),
                                   .kl = input(g, "kl", n, l), .teacher = none };
    mb_objective_terms t = mb_objective_loss(p->o, &p->in);
    p->loss = t.loss;
    if (!mb_grad(t.loss, &p->in.logp, 1, &p->grad) && g) {
        mb_compile(g, err);
        return false;
    }
    p->grad = mb_scale(p->grad, 1); /* a value of its own */
    mb_output(p->loss);
    mb_output(p->grad);
    bool ratios = p->o->objective == MB_OBJ_POLICY || p->o->objective == MB_OBJ_CISPO;
    p->clipped = ratios ? mb_scale(mb_expand(t.pg.clipped, MB_S2(n, l)), 1) : none;
    p->ratio = ratios ? mb_scale(mb_expand(t.pg.log_ratio, MB_S2(n, l)), 1) : none;
    if (ratios) mb_output(p->clipped), mb_output(p->ratio);
    for (int k = 1; k <= 3; k++) {
        p->kl[k] = reference ? mb_sum(mb_mul(t.kl[k], p->in.mask)) : none;
        mb_output(p->kl[k]);
    }
    return (p->plan = mb_compile(g, err)) != NULL;
}

mb_objective_plan *mb_objective_plan_new(mb_scope *s, const mb_objective *o, int n, int longest, bool reference, mb_error *err)
{
    mb_objective_plan *p = mb_alloc(s->arena, 1, sizeof *p, err);
    size_t cells = (size_t)n * (size_t)longest;
    if (!p) return NULL;
    *p = (mb_objective_plan){ .o = o, .n = n, .longest = longest };
    double **arrays[] = { &p->w.adv, &p->w.weight, &p->w.gain, &p->w.kl, &p->w.returns };
    for (int k = 0; k < 5; k++)
        if (!(*arrays[k] = mb_alloc(s->arena, cells, sizeof(double), err))) return NULL;
    if (!build(p, s, reference, err) || !(p->scratch = mb_arena_new((size_t)1 << 32, err))) return NULL;
    return p;
}

void mb_objective_plan_free(mb_objective_plan *p)
{
    if (!p) return;
    mb_arena_free(p->scratch);
    p->scratch = NULL;
}

static void put(mb_var to, const double *from, size_t n)
{
    float *x = to.id < 0 ? NULL : mb_data(to);
    for (size_t i = 0; x && i < n; i++) x[i] = (float)from[i];
}

/* share of groups whose rewards are all equal */
static double flat_groups(const mb_sequences *x)
{
    int groups = 0, flat = 0;
    for (int i = 0; i < x->n; i++) {
        bool first = true, equal = true;
        for (int k = 0; k < i; k++) first = first && x->group[k] != x->group[i];
        for (int k = i; first && k < x->n; k++) equal = equal && (x->group[k] != x->group[i] || x->reward[k] == x->reward[i]);
        groups += first;
        flat += first && equal;
    }
    return groups ? (double)flat / groups : 0;
}

bool mb_objective_run(mb_objective_plan *p, const mb_sequences *x, mb_objective_result *out, mb_error *err)
{
    size_t cells = (size_t)p->n * (size_t)p->longest;
    MB_ASSERT(x->n == p->n && x->longest == p->longest);
    size_t mark = mb_arena_mark(p->scratch);
    p->w.groups_dropped = 0;
    bool ok = mb_objective_prepare(p->o, x, &p->w, p->scratch, err);
    mb_arena_release(p->scratch, mark);
    if (!ok) return false;
    put(p->in.logp, x->logp, cells);
    put(p->in.old_logp, x->old_logp ? x->old_logp : x->logp, cells);
    if (x->ref_logp) put(p->in.ref_logp, x->ref_logp, cells);
    put(p->in.adv, p->w.adv, cells);
    put(p->in.weight, p->w.weight, cells);
    put(p->in.gain, p->w.gain, cells);
    put(p->in.kl, p->w.kl, cells);
    float *mask = mb_data(p->in.mask);
    double tokens = 0;
    for (size_t i = 0; i < cells; i++) mask[i] = x->mask[i], tokens += x->mask[i];
    mb_exec(p->plan);
    *out = (mb_objective_result){ .loss = (double)mb_get(p->loss), .grad = mb_data(p->grad), .flat = flat_groups(x), .dropped = p->w.groups_dropped };
    const float *clipped = p->clipped.id < 0 ? NULL : mb_data(p->clipped), *ratio = p->ratio.id < 0 ? NULL : mb_data(p->ratio);
    for (size_t i = 0; clipped && i < cells; i++)
        if (x->mask[i] && clipped[i] > 0) *(ratio[i] < 0 ? &out->clipped_low : &out->clipped_high) += 1 / tokens;
    for (int k = 1; k <= 3 && x->ref_logp; k++) out->kl[k] = (double)mb_get(p->kl[k]) / (tokens > 0 ? tokens : 1);
    return true;
}
