/* actagent.c - off-policy actors at work: a compiled plan, a stream per row, noise to explore with. */
#include "matchbox/critic.h"
#include "matchbox/netlist.h"
#include "matchbox/phase.h"
#include "rl/choose.h"
#include <stdio.h>
#include <string.h>

struct mb_actagent {
    const mb_actnet *net;
    mb_vec *vec;
    mb_stack *stack;
    mb_obs_input in;
    mb_var mean, log_std, logp[MB_MAX_FIELDS];
    mb_plan *plan;
    mb_rng *rng;         /* [rows] */
    uint8_t *allowed;    /* [nmask] all ones */
    float sigma;         /* of an actor that is not greedy */
};

static bool build(mb_actagent *a, mb_graph *g, int rows, mb_error *err)
{
    a->in = mb_obs_inputs(g, &a->net->shape, rows, 0);
    a->in.mask = (mb_var){ g, -3 }; /* what is forbidden is left out when choosing */
    mb_act_params p = mb_actnet_apply(a->net, mb_obs_encode(&a->in, &a->net->shape.obs), a->in.mask);
    for (int b = 0; b < a->net->branches; b++) mb_output(a->logp[b] = p.logits[b]);
    a->mean = p.mean, a->log_std = p.log_std;
    if (a->net->nvalue) mb_output(a->mean);
    if (a->log_std.id >= 0) mb_output(a->log_std);
    return (a->plan = mb_compile(g, err)) != NULL;
}

mb_actagent *mb_actagent_new(const mb_actnet *net, const char *name, mb_vec *vec, int stack, mb_error *err)
{
    mb_scope *s = net->scope;
    mb_actagent *a = mb_alloc(s->arena, 1, sizeof *a, err);
    mb_graph *g = a ? mb_graph_new(s, name, err) : NULL;
    if (!g) return NULL;
    const mb_vec_view *w = mb_vec_view_of(vec);
    size_t rows = (size_t)w->rows, nmask = (size_t)mb_space_nmask(&net->shape.act);
    *a = (mb_actagent){ .net = net, .vec = vec, .stack = mb_stack_new(s, name, vec, stack, err) };
    if (!a->stack || !build(a, g, w->rows, err)) return NULL;
    a->rng = mb_alloc(s->arena, rows, sizeof *a->rng, err);
    a->allowed = mb_alloc(s->arena, nmask, 1, err);
    if (!a->rng || !a->allowed) return NULL;
    memset(a->allowed, 1, nmask);
    for (size_t r = 0; r < rows; r++) a->rng[r] = mb_rng_make(s->seed, name, r);
    char text[96];
    snprintf(text, sizeof text, "%s/rng", name);
    return !s->store || mb_keep(s->store, text, a->rng, rows * sizeof *a->rng, err) ? a : NULL;
}

/* ---- choosing ---- */

static int choice(const mb_actagent *a, int row, int b, const uint8_t *allowed, mb_act_how how)
{
    mb_rng *rng = &a->rng[row];
    int n = a->net->n[b];
    if (how == MB_ACT_ANY) return mb__any_allowed(rng, allowed, n);
    const float *logits = mb_data(a->logp[b]) + (size_t)row * (size_t)n;
    int most = mb__best_allowed(logits, allowed, n), last = most;
    if (how == MB_ACT_BEST) return most;
    double sum = 0, u = mb_uniform64(rng), top = (double)logits[most];
    for (int i = 0; i < n; i++) sum += allowed[i] ? mb_exp64((double)logits[i] - top) : 0;
    for (int i = 0; i < n; i++) {
        if (!allowed[i]) continue;
        u -= mb_exp64((double)logits[i] - top) / sum;
        last = i;
        if (u < 0) break;
    }
    return last;
}

static void choose(const mb_actagent *a, const mb_vec_view *w, int row, mb_act_how how)
{
    const uint8_t *allowed = w->mask ? w->mask + (size_t)row * (size_t)w->nmask : a->allowed;
    for (int b = 0; b < a->net->branches; b++) {
        w->index[row * w->nindex + b] = choice(a, row, b, allowed, how);
        allowed += a->net->n[b];
    }
}

static void move(const mb_actagent *a, const mb_vec_view *w, int row, mb_act_how how, float sigma)
{
    int n = a->net->nvalue;
    mb_rng *rng = &a->rng[row];
    for (int j = 0; j < n; j++) {
        float half = a->net->half->data[j * n + j], mid = a->net->mid->data[j], x = 0;
        if (how == MB_ACT_ANY) {
            x = mb_uniform(rng, -1, 1);
        } else if (a->log_std.id >= 0) {
            float u = mb_data(a->mean)[row * n + j];
            if (how == MB_ACT_DRAW) u = mb_fmaf(mb_expf(mb_data(a->log_std)[row * n + j]), mb_normal(rng), u);
            x = mb_tanhf(u);
        } else {
            x = mb_tanhf(mb_data(a->mean)[row * n + j]);
            if (how == MB_ACT_DRAW) x = mb__clampf(mb_fmaf(sigma, mb_normal(rng), x), -1, 1);
        }
        w->value[row * n + j] = mb_fmaf(x, half, mid);
    }
}

void mb_actagent_act(mb_actagent *a, mb_act_how how, float sigma)
{
    const mb_vec_view *w = mb_vec_view_of(a->vec);
    mb_phases *phases = a->net->scope->phases;
    mb_phase before = mb_phase_enter(phases, MB_PHASE_ACT);
    void *const *obs = mb_stack_observe(a->stack);
    if (how != MB_ACT_ANY) {
        for (int f = 0; f < a->in.nfields; f++) mb_bind(a->in.field[f], obs[f]);
        mb_exec(a->plan);
    }
    for (int r = 0; r < w->rows; r++) {
        choose(a, w, r, how);
        move(a, w, r, how, sigma);
    }
    mb_phase_enter(phases, before);
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    mb_actagent *a = self;
    mb_actagent_act(a, greedy ? MB_ACT_BEST : MB_ACT_DRAW, a->sigma);
    return true;
}

bool mb_actagent_actor(const mb_actnet *net, const char *name, mb_vec *vec, int stack, float sigma, mb_actor *out, mb_error *err)
{
    mb_actagent *a = mb_actagent_new(net, name, vec, stack, err);
    if (!a) return false;
    a->sigma = sigma;
    *out = (mb_actor){ a, act };
    return true;
}
