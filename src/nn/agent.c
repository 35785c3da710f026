/* agent.c - a policy at work: one compiled plan for a fixed number of rows, the memory and a random stream per row. */
#include "matchbox/netlist.h"
#include "matchbox/phase.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct mb_agent {
    const mb_policy *policy;
    int rows, time;
    mb_obs_input in;
    mb_var keep, state;
    mb_policy_out out;
    mb_plan *plan;
    float *memory; /* [rows, state] */
    mb_rng *rng;   /* [rows] */
    uint8_t *all_allowed;
};

static bool keep_blocks(mb_agent *a, const char *name, mb_error *err)
{
    mb_scope *s = a->policy->scope;
    char text[64];
    snprintf(text, sizeof text, "%s/rng", name);
    const char *rng_name = mb_strdup(s->arena, text, err);
    snprintf(text, sizeof text, "%s/memory", name);
    const char *memory_name = mb_strdup(s->arena, text, err);
    if (!rng_name || !memory_name) return false;
    if (s->store && !mb_keep(s->store, rng_name, a->rng, (size_t)a->rows * sizeof *a->rng, err)) return false;
    if (!s->store || !a->policy->state) return true;
    return mb_keep(s->store, memory_name, a->memory, (size_t)(a->rows * a->policy->state) * sizeof(float), err);
}

static mb_agent *make(const mb_policy *p, const char *name, int rows, bool open, mb_error *err)
{
    mb_scope *s = p->scope;
    mb_agent *a = mb_alloc(s->arena, 1, sizeof *a, err);
    mb_graph *g = a ? mb_graph_new(s, name, err) : NULL;
    if (!g) return NULL;
    a->policy = p;
    a->rows = rows;
    a->time = p->recurrent ? 1 : 0;
    a->in = mb_obs_inputs(g, &p->shape, rows, a->time);
    a->keep = a->state = (mb_var){ g, -3 };
    if (p->recurrent) {
        a->keep = mb_input(g, "keep", MB_F32, MB_S2(rows, 1));
        a->state = mb_input(g, "memory", MB_F32, MB_S2(rows, p->state));
    }
    a->out = mb_policy_apply(p, &a->in, a->keep, a->state);
    for (int i = 0; i < a->out.dist.nindex; i++) mb_output(a->out.dist.logp[i]);
    if (a->out.dist.nvalue) mb_output(a->out.dist.mean);
    mb_output(a->out.value);
    if (open) mb_output(a->out.latent);
    if (p->recurrent) mb_output(a->out.state);
    a->plan = mb_compile(g, err);
    a->rng = mb_alloc(s->arena, (size_t)rows, sizeof *a->rng, err);
    a->memory = p->recurrent ? (float *)mb_input_data(a->state) : NULL;
    if (a->in.mask.id >= 0) a->all_allowed = mb_input_data(a->in.mask);
    if (!a->plan || !a->rng) return NULL;
    if (a->all_allowed) memset(a->all_allowed, 1, (size_t)(rows * mb_space_nmask(&p->shape.act)));
    for (int r = 0; r < rows; r++) a->rng[r] = mb_rng_make(s->seed, name, (uint64_t)r);
    return keep_blocks(a, name, err) ? a : NULL;
}

mb_agent *mb_agent_new(const mb_policy *p, const char *name, int rows, mb_error *err) { return make(p, name, rows, false, err); }
mb_agent *mb_agent_new_open(const mb_policy *p, const char *name, int rows, mb_error *err) { return make(p, name, rows, true, err); }

const float *mb_agent_latent(const mb_agent *a, int *width)
{
    *width = a->policy->pi.out;
    return mb_data(a->out.latent);
}

static void feed(mb_agent *a, void *const obs[], const uint8_t *mask, const uint8_t *start, int per_start)
{
    for (int f = 0; f < a->in.nfields; f++) mb_bind(a->in.field[f], obs[f]);
    if (a->in.mask.id >= 0) mb_bind(a->in.mask, mask ? mask : a->all_allowed);
    if (a->policy->recurrent) {
        float *keep = mb_input_data(a->keep);
        for (int r = 0; r < a->rows; r++) keep[r] = start && start[r / per_start] ? 0 : 1;
    }
    mb_exec(a->plan);
}

static float gaussian(const mb_policy *p, const float *mean, int n, bool greedy, mb_rng *rng, float *act)
{
    float logp = 0;
    for (int j = 0; j < n; j++) {
        float log_std = p->log_std->data[j], z = greedy ? 0 : mb_normal(rng);
        act[j] = mb_fmaf(mb_expf(log_std), z, mean[j]);
        logp += -0.5f * z * z - log_std - 0.918938533f;
    }
    return logp;
}

/* rows are drawn in parallel: each has its own stream, so who draws never shows */
enum { ROWS_PER_JOB = 128 };

struct draw {
    mb_agent *a;
    const float *logits[MB_MAX_FIELDS], *mean;
    int n[MB_MAX_FIELDS];
    bool greedy;
    mb_agent_out out;
};

static void draw_rows(void *ctx, int job, int thread)
{
    const struct draw *w = ctx;
    mb_agent *a = w->a;
    const mb_dist *d = &a->out.dist;
    int end = (job + 1) * ROWS_PER_JOB < a->rows ? (job + 1) * ROWS_PER_JOB : a->rows;
    for (int r = job * ROWS_PER_JOB; r < end; r++) {
        float logp = 0;
        for (int i = 0; i < d->nindex; i++) {
            const float *l = w->logits[i] + (size_t)r * (size_t)w->n[i];
            int k = w->greedy ? mb_net_best(l, w->n[i]) : mb_net_pick(l, w->n[i], mb_uniform(&a->rng[r], 0, 1));
            logp += l[k];
            if (w->out.index) w->out.index[r * d->nindex + i] = k;
        }
        if (d->nvalue)
            logp += gaussian(a->policy, w->mean + r * d->nvalue, d->nvalue, w->greedy, &a->rng[r], w->out.act + r * d->nvalue);
        if (w->out.logp) w->out.logp[r] = logp;
    }
}

void mb_agent_act(mb_agent *a, void *const obs[], const uint8_t *mask, const uint8_t *start, int per_start, bool greedy,
                  mb_agent_out out)
{
    const mb_policy *p = a->policy;
    const mb_dist *d = &a->out.dist;
    mb_phase before = mb_phase_enter(p->scope->phases, MB_PHASE_ACT);
    feed(a, obs, mask, start, per_start);
    struct draw w = { .a = a, .mean = d->nvalue ? mb_data(d->mean) : NULL, .greedy = greedy, .out = out };
    for (int i = 0; i < d->nindex; i++) {
        mb_shape s = mb_dims(d->logp[i]);
        w.logits[i] = mb_data(d->logp[i]);
        w.n[i] = s.d[s.rank - 1];
    }
    mb_pool_run(p->scope->pool, (a->rows + ROWS_PER_JOB - 1) / ROWS_PER_JOB, draw_rows, &w);
    if (out.value) memcpy(out.value, mb_data(a->out.value), (size_t)a->rows * sizeof(float));
    if (p->recurrent) memcpy(a->memory, mb_data(a->out.state), (size_t)(a->rows * p->state) * sizeof(float));
    mb_phase_enter(p->scope->phases, before);
}

void mb_agent_value(mb_agent *a, void *const obs[], const uint8_t *start, int per_start, float *value)
{
    feed(a, obs, NULL, start, per_start);
    memcpy(value, mb_data(a->out.value), (size_t)a->rows * sizeof(float));
}

const float *mb_agent_memory(const mb_agent *a)
{
    return a->memory;
}
