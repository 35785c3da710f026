/* rollout.c - collecting T steps of every row, and drawing minibatches from them.
   Memory is time-major; a slot more than the horizon holds the observations that follow. */
#include "matchbox/phase.h"
#include "matchbox/rl.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

struct mb_rollout {
    mb_policy *policy;
    mb_vec *vec;
    mb_agent *agent;
    mb_rollout_options o;
    int first, step, rows, T, nagents; /* row j of ours is agent first + j * step of the vectoriser's rows */
    int nfields, nindex, nvalue, nmask, state;
    size_t field_bytes[MB_MAX_FIELDS];
    char *obs[MB_MAX_FIELDS];          /* [T + 1, rows, field] */
    uint8_t *mask, *ended, *start;     /* [T + 1, rows, nmask]; [T, rows]; [rows] of the present observations */
    int32_t *index[MB_MAX_FIELDS];     /* per discrete field [T, rows] */
    int32_t *index_now;                /* [rows, nindex] */
    float *act, *logp, *value, *reward, *boot, *last, *adv, *ret, *weight, *keep, *memory, *final_value;
    char *final_obs[MB_MAX_FIELDS];    /* [rows, field] gathered, when not all agents are ours */
    int32_t *perm;
    mb_rng rng;
    float *discounted;                 /* [rows] running discounted return, for reward normalisation */
    mb_running return_stats;
    double *obs_n, *obs_mean, *obs_m2; /* observation statistics: count, [features] */
};

/* ---- making ---- */

static void *get(mb_rollout *r, size_t n, size_t size, mb_error *err)
{
    return mb_alloc(r->policy->scope->arena, n, size, err);
}

static bool kept(mb_rollout *r, const char *name, const char *what, void *p, size_t bytes, mb_error *err)
{
    mb_scope *s = r->policy->scope;
    char text[80];
    snprintf(text, sizeof text, "%s/%s", name, what);
    const char *copy = mb_strdup(s->arena, text, err);
    return copy && p && (!s->store || mb_keep(s->store, copy, p, bytes, err));
}

static bool make_arrays(mb_rollout *r, mb_error *err)
{
    size_t rows = (size_t)r->rows, n = rows * (size_t)r->T;
    for (int f = 0; f < r->nfields; f++) {
        r->obs[f] = get(r, n + rows, r->field_bytes[f], err);
        r->final_obs[f] = get(r, rows, r->field_bytes[f], err);
        if (!r->obs[f] || !r->final_obs[f]) return false;
    }
    for (int i = 0; i < r->nindex; i++)
        if (!(r->index[i] = get(r, n, sizeof(int32_t), err))) return false;
    if (r->nmask) r->mask = get(r, n + rows, (size_t)r->nmask, err);
    r->ended = get(r, n, 1, err);
    r->start = get(r, rows, 1, err);
    r->index_now = get(r, rows, (size_t)r->nindex * sizeof(int32_t), err);
    r->act = get(r, n, (size_t)r->nvalue * sizeof(float), err);
    r->memory = get(r, rows, (size_t)r->state * sizeof(float), err);
    float **arrays[] = { &r->logp, &r->value, &r->reward, &r->boot, &r->adv, &r->ret, &r->weight, &r->keep };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++)
        if (!(*arrays[i] = get(r, n, sizeof(float), err))) return false;
    r->last = get(r, rows, sizeof(float), err);
    r->final_value = get(r, rows, sizeof(float), err);
    r->discounted = get(r, rows, sizeof(float), err);
    r->perm = get(r, n, sizeof(int32_t), err);
    return r->ended && r->start && r->index_now && r->act && r->memory && r->last && r->final_value && r->discounted && r->perm &&
           (r->mask || !r->nmask);
}

static bool make_stats(mb_rollout *r, const char *name, mb_error *err)
{
    size_t n = (size_t)r->policy->features;
    if (!kept(r, name, "rng", &r->rng, sizeof r->rng, err)) return false;
    if (r->o.normalize_reward && (!kept(r, name, "discounted", r->discounted, (size_t)r->rows * sizeof(float), err) ||
                                  !kept(r, name, "return_stats", &r->return_stats, sizeof r->return_stats, err)))
        return false;
    if (!r->policy->obs_mean) return true;
    r->obs_n = get(r, 1, sizeof(double), err);
    r->obs_mean = get(r, n, sizeof(double), err);
    r->obs_m2 = get(r, n, sizeof(double), err);
    return kept(r, name, "obs_n", r->obs_n, sizeof(double), err) && kept(r, name, "obs_mean", r->obs_mean, n * sizeof(double), err) &&
           kept(r, name, "obs_m2", r->obs_m2, n * sizeof(double), err);
}

mb_rollout *mb_rollout_new(mb_policy *p, mb_vec *vec, const char *name, int first, int step, mb_rollout_options o, mb_error *err)
{
    mb_rollout *r = mb_alloc(p->scope->arena, 1, sizeof *r, err);
    if (!r) return NULL;
    const mb_vec_view *w = mb_vec_view_of(vec);
    *r = (mb_rollout){ .policy = p, .vec = vec, .o = o, .first = first, .step = step, .rows = w->rows / step, .T = o.horizon,
                       .nagents = w->nagents, .nfields = w->nfields, .nindex = w->nindex, .nvalue = w->nvalue,
                       .nmask = w->mask ? w->nmask : 0, .state = p->state };
    for (int f = 0; f < r->nfields; f++) r->field_bytes[f] = mb_field_bytes(&p->shape.obs.field[f]);
    r->rng = mb_rng_make(p->scope->seed, name, 0);
    if (!make_arrays(r, err) || !make_stats(r, name, err)) return NULL;
    char text[64];
    snprintf(text, sizeof text, "%s.agent", name);
    const char *agent = mb_strdup(p->scope->arena, text, err);
    r->agent = agent ? mb_agent_new(p, agent, r->rows, err) : NULL;
    return r->agent ? r : NULL;
}

/* ---- collecting ---- */

static char *slot(const mb_rollout *r, int f, int t)
{
    return r->obs[f] + (size_t)t * (size_t)r->rows * r->field_bytes[f];
}

static uint8_t *mask_slot(const mb_rollout *r, int t)
{
    return r->mask ? r->mask + (size_t)t * (size_t)(r->rows * r->nmask) : NULL;
}

static void gather(const mb_rollout *r, char *to, const char *from, size_t bytes)
{
    for (int j = 0; j < r->rows; j++) memcpy(to + (size_t)j * bytes, from + (size_t)(r->first + j * r->step) * bytes, bytes);
}

/* the vectoriser's present observations into slot t */
static void take_obs(const mb_rollout *r, const mb_vec_view *w, int t)
{
    for (int f = 0; f < r->nfields; f++)
        if (w->obs[f] != slot(r, f, t)) gather(r, slot(r, f, t), w->obs[f], r->field_bytes[f]);
    if (r->mask && w->mask != mask_slot(r, t)) gather(r, (char *)mask_slot(r, t), (const char *)w->mask, (size_t)r->nmask);
}

static void slot_pointers(const mb_rollout *r, int t, void **obs)
{
    for (int f = 0; f < r->nfields; f++) obs[f] = slot(r, f, t);
}

static void act(mb_rollout *r, mb_vec_view *w, int t)
{
    void *obs[MB_MAX_FIELDS];
    size_t at = (size_t)t * (size_t)r->rows;
    slot_pointers(r, t, obs);
    for (int j = 0; j < r->rows; j++) {
        int row = r->first + j * r->step;
        r->start[j] = w->start[row / r->nagents];
        r->keep[at + (size_t)j] = r->start[j] ? 0 : 1;
        r->weight[at + (size_t)j] = w->active[row] ? 1 : 0;
    }
    float *value = r->act + at * (size_t)r->nvalue;
    mb_agent_act(r->agent, obs, mask_slot(r, t), r->start, 1, false,
                 (mb_agent_out){ r->index_now, value, r->logp + at, r->value + at });
    for (int j = 0; j < r->rows; j++) {
        int row = r->first + j * r->step;
        for (int i = 0; i < r->nindex; i++)
            r->index[i][at + (size_t)j] = w->index[row * r->nindex + i] = r->index_now[j * r->nindex + i];
        for (int i = 0; i < r->nvalue; i++) w->value[row * r->nvalue + i] = value[j * r->nvalue + i];
    }
}

/* value of the final observations of episodes cut by the time limit */
static void bootstrap(mb_rollout *r, const mb_vec_view *w, size_t at)
{
    bool any = false;
    for (int j = 0; j < r->rows; j++) any = any || w->truncated[(r->first + j * r->step) / r->nagents];
    if (!any) return;
    void *obs[MB_MAX_FIELDS];
    for (int f = 0; f < r->nfields; f++) {
        obs[f] = w->final_obs[f];
        if (r->step == 1) continue;
        gather(r, r->final_obs[f], w->final_obs[f], r->field_bytes[f]);
        obs[f] = r->final_obs[f];
    }
    mb_agent_value(r->agent, obs, NULL, 1, r->final_value);
    for (int j = 0; j < r->rows; j++)
        if (w->truncated[(r->first + j * r->step) / r->nagents]) r->boot[at + (size_t)j] = r->final_value[j];
}

static float shaped(mb_rollout *r, int j, float reward, bool ended)
{
    reward *= r->o.reward_scale;
    if (r->o.normalize_reward) {
        r->discounted[j] = mb_fmaf(r->o.gamma, r->discounted[j], reward);
        mb_running_add(&r->return_stats, (double)r->discounted[j]);
        if (ended) r->discounted[j] = 0;
        reward = (float)((double)reward / sqrt(mb_running_var(&r->return_stats) + 1e-8));
    }
    float c = r->o.reward_clip;
    return c > 0 ? (reward < -c ? -c : reward > c ? c : reward) : reward;
}

static void record(mb_rollout *r, const mb_vec_view *w, int t)
{
    size_t at = (size_t)t * (size_t)r->rows;
    for (int j = 0; j < r->rows; j++) {
        int row = r->first + j * r->step, env = row / r->nagents;
        bool ended = w->terminated[env] || w->truncated[env];
        r->ended[at + (size_t)j] = ended;
        r->boot[at + (size_t)j] = 0;
        r->reward[at + (size_t)j] = shaped(r, j, w->reward[row], ended);
    }
    bootstrap(r, w, at);
}

bool mb_rollout_collect(mb_rollout *const *all, int n, void (*stepped)(void *ctx, const mb_vec *vec), void *ctx, mb_error *err)
{
    mb_rollout *one = all[0];
    mb_vec *vec = one->vec;
    mb_vec_view *w = mb_vec_view_of(vec);
    void *obs[MB_MAX_FIELDS];
    mb_phases *phases = one->policy->scope->phases;
    mb_phase before = mb_phase_enter(phases, MB_PHASE_ACT);
    for (int i = 0; i < n; i++) {
        take_obs(all[i], w, 0);
        if (all[i]->state) memcpy(all[i]->memory, mb_agent_memory(all[i]->agent), (size_t)(all[i]->rows * all[i]->state) * sizeof(float));
    }
    for (int t = 0; t < one->T; t++) {
        for (int i = 0; i < n; i++) act(all[i], w, t);
        if (n == 1) {
            slot_pointers(one, t + 1, obs);
            mb_vec_bind(vec, obs, mask_slot(one, t + 1));
        }
        if (!mb_vec_step(vec, err)) return mb_vec_bind(vec, NULL, NULL), false;
        for (int i = 0; i < n; i++) {
            if (n > 1) take_obs(all[i], w, t + 1);
            record(all[i], w, t);
        }
        if (stepped) stepped(ctx, vec);
    }
    for (int i = 0; i < n; i++) {
        mb_rollout *r = all[i];
        for (int j = 0; j < r->rows; j++) r->start[j] = w->start[(r->first + j * r->step) / r->nagents];
        slot_pointers(r, r->T, obs);
        mb_agent_value(r->agent, obs, r->start, 1, r->last);
    }
    mb_vec_bind(vec, NULL, NULL);
    mb_phase_enter(phases, before);
    return true;
}

mb_traj mb_rollout_traj(const mb_rollout *r)
{
    return (mb_traj){ r->T, r->rows, r->reward, r->value, r->last, r->ended, r->boot };
}

float *mb_rollout_adv(mb_rollout *r)
{
    return r->adv;
}

float *mb_rollout_ret(mb_rollout *r)
{
    return r->ret;
}

int mb_rollout_rows(const mb_rollout *r)
{
    return r->rows;
}

/* ---- observation statistics: boxes only; images and one-hot parts keep mean 0, scale 1 ---- */

static void fold_component(mb_rollout *r, const float *x, size_t stride, int feature)
{
    size_t n = (size_t)r->rows * (size_t)r->T;
    double mean = 0, m2 = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)x[i * stride] - mean;
        mean += d / (double)(i + 1);
        m2 = mb_fma(d, (double)x[i * stride] - mean, m2);
    }
    mb_running s = { *r->obs_n, r->obs_mean[feature], r->obs_m2[feature] };
    mb_running_join(&s, (double)n, mean, m2);
    r->obs_mean[feature] = s.mean;
    r->obs_m2[feature] = s.m2;
    r->policy->obs_mean->data[feature] = (float)s.mean;
    r->policy->obs_scale->data[feature] = (float)(1 / sqrt(mb_running_var(&s) + 1e-8));
}

void mb_rollout_normalize_obs(mb_rollout *r)
{
    if (!r->obs_n) return;
    const mb_space *obs = &r->policy->shape.obs;
    int image = -1, at = 0;
    for (int f = 0; f < obs->nfields && image < 0; f++)
        if (obs->field[f].h > 0) image = f;
    for (int k = image < 0 ? 0 : -1; k < obs->nfields; k++) { /* the image part comes first in the encoding */
        int f = k < 0 ? image : k;
        if (k >= 0 && k == image) continue;
        if (obs->field[f].kind == MB_FIELD_BOX)
            for (int i = 0; i < obs->field[f].n; i++)
                fold_component(r, (const float *)(const void *)r->obs[f] + i, (size_t)obs->field[f].n, at + i);
        at += obs->field[f].n;
    }
    *r->obs_n += (double)r->rows * r->T;
}

/* ---- minibatches ---- */

int mb_rollout_items(const mb_rollout *r)
{
    return r->policy->recurrent ? r->rows : r->rows * r->T;
}

void mb_rollout_in_order(mb_rollout *r)
{
    for (int i = 0, n = mb_rollout_items(r); i < n; i++) r->perm[i] = i;
}

void mb_rollout_shuffle(mb_rollout *r)
{
    mb_rollout_in_order(r);
    mb_shuffle(&r->rng, r->perm, mb_rollout_items(r));
}

mb_batch mb_rollout_batch(mb_graph *g, const mb_rollout *r, int size)
{
    int time = r->policy->recurrent ? r->T : 0;
    mb_shape s = time ? MB_S2(size, time) : MB_S1(size);
    mb_batch b = { .size = size, .time = time };
    b.obs = mb_obs_inputs(g, &r->policy->shape, size, time);
    b.act = mb_act_inputs(g, &r->policy->shape.act, size, time);
    b.logp = mb_input(g, "logp", MB_F32, s);
    b.adv = mb_input(g, "advantage", MB_F32, s);
    b.ret = mb_input(g, "return", MB_F32, s);
    b.value = mb_input(g, "value", MB_F32, s);
    b.weight = b.keep = b.state = (mb_var){ g, -3 };
    if (r->nagents > 1) b.weight = mb_input(g, "weight", MB_F32, s);
    if (time) {
        b.keep = mb_input(g, "keep", MB_F32, s);
        b.state = mb_input(g, "memory", MB_F32, MB_S2(size, r->state));
    }
    return b;
}

/* Items from .. end - 1 of a batch that begins at `first` in the permutation. */
struct part { mb_rollout *r; const mb_batch *b; int first, from, end; };

/* rows of x, each of `bytes`; recurrent: whole sequences, [B, T, bytes] */
static void draw(const struct part *p, mb_var input, const void *x, size_t bytes)
{
    const mb_rollout *r = p->r;
    int time = p->b->time;
    char *to = (char *)mb_input_data(input) + (size_t)p->from * (size_t)(time ? time : 1) * bytes;
    const char *from = x;
    size_t row = (size_t)r->rows * bytes;
    if (!time && bytes == sizeof(float)) {
        const int32_t *perm = r->perm + p->first;
        for (int i = p->from; i < p->end; i++, to += sizeof(float)) memcpy(to, from + (size_t)perm[i] * sizeof(float), sizeof(float));
        return;
    }
    for (int i = p->from; i < p->end; i++) {
        size_t at = (size_t)r->perm[p->first + i] * bytes;
        if (!time) {
            memcpy(to, from + at, bytes);
            to += bytes;
        }
        for (int t = 0; t < time; t++, to += bytes) memcpy(to, from + at + (size_t)t * row, bytes);
    }
}

static void load_part(const struct part *p)
{
    const mb_rollout *r = p->r;
    const mb_batch *b = p->b;
    for (int f = 0; f < r->nfields; f++) draw(p, b->obs.field[f], r->obs[f], r->field_bytes[f]);
    if (r->mask) draw(p, b->obs.mask, r->mask, (size_t)r->nmask);
    for (int i = 0; i < r->nindex; i++) draw(p, b->act.index[i], r->index[i], sizeof(int32_t));
    if (r->nvalue) draw(p, b->act.value, r->act, (size_t)r->nvalue * sizeof(float));
    draw(p, b->logp, r->logp, sizeof(float));
    draw(p, b->adv, r->adv, sizeof(float));
    draw(p, b->ret, r->ret, sizeof(float));
    draw(p, b->value, r->value, sizeof(float));
    if (b->weight.id >= 0) draw(p, b->weight, r->weight, sizeof(float));
    if (!b->time) return;
    draw(p, b->keep, r->keep, sizeof(float));
    float *memory = mb_input_data(b->state);
    for (int i = p->from; i < p->end; i++)
        memcpy(memory + (size_t)(i * r->state), r->memory + (size_t)(r->perm[p->first + i] * r->state), (size_t)r->state * sizeof(float));
}

enum { ITEMS_PER_JOB = 256 };

static void load_job(void *ctx, int job, int thread)
{
    struct part p = *(const struct part *)ctx;
    int end = p.end;
    p.from = job * ITEMS_PER_JOB;
    p.end = p.from + ITEMS_PER_JOB < end ? p.from + ITEMS_PER_JOB : end;
    load_part(&p);
}

void mb_rollout_load(mb_rollout *r, const mb_batch *b, int first)
{
    struct part all = { r, b, first, 0, b->size };
    mb_pool_run(r->policy->scope->pool, (b->size + ITEMS_PER_JOB - 1) / ITEMS_PER_JOB, load_job, &all);
}
