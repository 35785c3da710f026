/* qagent.c - acting on action values: greedy with a share of random actions, masks, memory, a stream per row. */
#include "matchbox/value.h"
#include "matchbox/phase.h"
#include "rl/choose.h"
#include <stdio.h>
#include <string.h>

struct mb_qagent {
    const mb_qnet *q;
    mb_vec *vec;
    mb_stack *stack;
    int rows;
    mb_obs_input in;
    mb_var keep, state, out[MB_MAX_FIELDS], after;
    mb_qnoise noise;
    mb_plan *plan;
    float *memory;       /* [rows, state] */
    mb_rng *rng;         /* [rows], and one for noisy weights */
    bool *explore;       /* [rows] */
    uint8_t *allowed;    /* [rows, nmask] all ones */
    float epsilon;       /* of an actor that is not greedy */
};

mb_var mb_q_plain(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    return mb_qnet_values(q, features, noise, branch);
}

static bool kept(mb_scope *s, const char *name, const char *what, void *p, size_t bytes, mb_error *err)
{
    char text[96];
    snprintf(text, sizeof text, "%s/%s", name, what);
    return p && (!s->store || mb_keep(s->store, text, p, bytes, err));
}

static bool build(mb_qagent *a, mb_graph *g, mb_q_expect expect, void *ctx, mb_error *err)
{
    const mb_qnet *q = a->q;
    bool recurrent = q->body.def->recurrent;
    a->in = mb_obs_inputs(g, &q->shape, a->rows, recurrent);
    a->in.mask = (mb_var){ g, -3 }; /* what is forbidden is left out when choosing */
    a->keep = a->state = (mb_var){ g, -3 };
    if (recurrent) {
        a->keep = mb_input(g, "keep", MB_F32, MB_S2(a->rows, 1));
        a->state = mb_input(g, "memory", MB_F32, MB_S2(a->rows, q->body.state));
    }
    a->noise = mb_qnet_noise(g, q);
    a->after = a->state;
    mb_var x = mb_qnet_features(q, &a->in, &a->noise, a->keep, &a->after);
    if (recurrent) x = mb_reshape(x, MB_S2(a->rows, q->features));
    for (int b = 0; b < q->branches; b++) mb_output(a->out[b] = expect(ctx, q, x, &a->noise, b));
    if (recurrent) mb_output(a->after);
    return (a->plan = mb_compile(g, err)) != NULL;
}

mb_qagent *mb_qagent_new(const mb_qnet *q, const char *name, mb_vec *vec, int stack, mb_q_expect expect, void *ctx, mb_error *err)
{
    mb_scope *s = q->scope;
    mb_qagent *a = mb_alloc(s->arena, 1, sizeof *a, err);
    mb_graph *g = a ? mb_graph_new(s, name, err) : NULL;
    if (!g) return NULL;
    const mb_vec_view *w = mb_vec_view_of(vec);
    size_t rows = (size_t)w->rows;
    *a = (mb_qagent){ .q = q, .vec = vec, .rows = w->rows, .stack = mb_stack_new(s, name, vec, stack, err) };
    if (!a->stack || !build(a, g, expect, ctx, err)) return NULL;
    a->rng = mb_alloc(s->arena, rows + 1, sizeof *a->rng, err);
    a->explore = mb_alloc(s->arena, rows, sizeof *a->explore, err);
    a->allowed = mb_alloc(s->arena, rows, (size_t)w->nmask, err);
    if (!a->rng || !a->explore || !a->allowed) return NULL;
    memset(a->allowed, 1, rows * (size_t)w->nmask);
    for (size_t r = 0; r <= rows; r++) a->rng[r] = mb_rng_make(s->seed, name, r);
    if (!kept(s, name, "rng", a->rng, (rows + 1) * sizeof *a->rng, err)) return NULL;
    if (a->state.id < 0) return a;
    a->memory = mb_input_data(a->state);
    return kept(s, name, "memory", a->memory, rows * (size_t)q->body.state * sizeof(float), err) ? a : NULL;
}

/* ---- choosing ---- */

static void choose(mb_qagent *a, const mb_vec_view *w, int row)
{
    const uint8_t *allowed = (w->mask ? w->mask : a->allowed) + (size_t)row * (size_t)w->nmask;
    for (int b = 0; b < a->q->branches; b++) {
        int n = a->q->n[b];
        const float *v = mb_data(a->out[b]) + (size_t)row * (size_t)n;
        w->index[row * w->nindex + b] = a->explore[row] ? mb__any_allowed(&a->rng[row], allowed, n) : mb__best_allowed(v, allowed, n);
        allowed += n;
    }
}

static void evaluate(mb_qagent *a, void *const *obs, bool noise)
{
    const mb_vec_view *w = mb_vec_view_of(a->vec);
    for (int f = 0; f < a->in.nfields; f++) mb_bind(a->in.field[f], obs[f]);
    if (a->memory) {
        float *keep = mb_input_data(a->keep);
        for (int r = 0; r < a->rows; r++) keep[r] = w->start[r / w->nagents] ? 0 : 1;
    }
    if (a->noise.n) mb_qnoise_draw(&a->noise, noise ? &a->rng[a->rows] : NULL);
    mb_exec(a->plan);
    if (a->memory) memcpy(a->memory, mb_data(a->after), (size_t)(a->rows * a->q->body.state) * sizeof(float));
}

void mb_qagent_act(mb_qagent *a, float epsilon, bool noise)
{
    const mb_vec_view *w = mb_vec_view_of(a->vec);
    mb_phases *phases = a->q->scope->phases;
    mb_phase before = mb_phase_enter(phases, MB_PHASE_ACT);
    void *const *obs = mb_stack_observe(a->stack);
    bool greedy = a->memory != NULL; /* the memory advances in any case */
    for (int r = 0; r < a->rows; r++) {
        a->explore[r] = epsilon > 0 && mb_uniform(&a->rng[r], 0, 1) < epsilon;
        greedy = greedy || !a->explore[r];
    }
    if (greedy) evaluate(a, obs, noise);
    for (int r = 0; r < a->rows; r++) choose(a, w, r);
    mb_phase_enter(phases, before);
}

const float *mb_qagent_memory(const mb_qagent *a)
{
    return a->memory;
}

void mb_qagent_best(mb_qagent *a, void *const *obs, const uint8_t *mask, int branch, float *out)
{
    const mb_vec_view *w = mb_vec_view_of(a->vec);
    int n = a->q->n[branch];
    size_t first = 0;
    if (obs) evaluate(a, obs, false);
    for (int b = 0; b < branch; b++) first += (size_t)a->q->n[b];
    for (int r = 0; r < a->rows; r++) {
        const uint8_t *allowed = (mask ? mask : a->allowed) + (size_t)r * (size_t)w->nmask + first;
        const float *v = mb_data(a->out[branch]) + (size_t)r * (size_t)n;
        out[r] = v[mb__best_allowed(v, allowed, n)];
    }
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    mb_qagent *a = self;
    mb_qagent_act(a, greedy ? 0 : a->epsilon, false);
    return true;
}

bool mb_qagent_actor(const mb_qnet *q, const char *name, mb_vec *vec, int stack, mb_q_expect expect, void *ctx, float epsilon, mb_actor *out,
                     mb_error *err)
{
    mb_qagent *a = mb_qagent_new(q, name, vec, stack, expect, ctx, err);
    if (!a) return false;
    a->epsilon = epsilon;
    *out = (mb_actor){ a, act };
    return true;
}
