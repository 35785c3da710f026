/* export.c - a policy leaves: its net list is executed beside the library on evaluation episodes first, then written. */
#include "run/export.h"
#include "run/impl.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- checking: whole episodes, one in each evaluation environment; where they are long, those that end in time ---- */

enum { DECISIONS = 5000 };

struct check {
    mb_player *player;
    const mb_netlist *net;
    const mb_export_options *o;
    mb_export_report *r;
    mb_net_machine *exact, *small;
    float *memory, *small_memory;  /* [rows][mb_net_memory] */
    uint8_t *done;                 /* [nenvs] */
    double *sum;                   /* [nenvs] */
    int64_t choices, same, differences;
};

static bool begin(struct check *c, mb_error *err)
{
    mb_arena *a = c->player->t->arena;
    const mb_vec_view *v = mb_vec_view_of(mb_player_vec(c->player));
    size_t floats = (size_t)v->rows * (size_t)mb_net_memory(c->net) + 1;
    c->exact = mb_net_machine_new(c->net, false, a, err);
    c->small = c->o->int8 ? mb_net_machine_new(c->net, true, a, err) : NULL;
    c->memory = mb_alloc(a, floats, sizeof(float), err);
    c->small_memory = mb_alloc(a, floats, sizeof(float), err);
    c->done = mb_alloc(a, (size_t)v->nenvs, 1, err);
    c->sum = mb_alloc(a, (size_t)v->nenvs, sizeof(double), err);
    return c->exact && (c->small || !c->o->int8) && c->memory && c->small_memory && c->done && c->sum;
}

/* One row's decision; the memory begins anew with an episode. */
static mb_net_result decide(const struct check *c, mb_net_machine *m, float *memory, int row)
{
    const mb_vec_view *v = mb_vec_view_of(mb_player_vec(c->player));
    const mb_space *space = &c->net->shape.obs;
    const void *obs[MB_MAX_FIELDS];
    int n = mb_net_memory(c->net);
    for (int f = 0; f < space->nfields; f++) obs[f] = (const char *)v->obs[f] + (size_t)row * mb_field_bytes(&space->field[f]);
    if (v->start[row / v->nagents]) memset(memory + (size_t)row * (size_t)n, 0, (size_t)n * sizeof(float));
    return mb_net_decide(m, obs, v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL, memory + (size_t)row * (size_t)n);
}

static bool same_decision(const struct check *c, const mb_net_result *r, int row)
{
    const mb_vec_view *v = mb_vec_view_of(mb_player_vec(c->player));
    for (int i = 0; i < v->nindex; i++)
        if (v->index[row * v->nindex + i] != r->index[i]) return false;
    return v->nvalue == 0 || memcmp(v->value + row * v->nvalue, r->mean, (size_t)v->nvalue * sizeof(float)) == 0;
}

static void difference(struct check *c, double d)
{
    d = fabs(d);
    if (!(d <= c->r->worst)) c->r->worst = d;
    c->r->mean += d;
    c->differences++;
}

/* How far the 8-bit form is from the exact one. */
static void compare(struct check *c, const mb_net_result *a, const mb_net_result *b)
{
    const mb_space *act = &c->net->shape.act;
    for (int f = 0, index = 0, value = 0; f < act->nfields; f++) {
        const mb_field *d = &act->field[f];
        if (d->kind == MB_FIELD_DISCRETE) {
            c->choices++;
            c->same += a->index[index] == b->index[index];
            bool values = c->r->values = c->net->head[0].kind == MB_HEAD_VALUES;
            for (int i = 0; i < d->n; i++) {
                float x = a->logp[index][i], y = b->logp[index][i];
                if (!values) difference(c, (double)mb_expf(x) - (double)mb_expf(y));
                else if (x > -3e38f) difference(c, (double)x - (double)y);
            }
            index++;
            continue;
        }
        for (int i = 0; i < d->n; i++, value++) {
            double low = (double)mb__low(d, i), high = (double)mb__high(d, i), range = high - low;
            double x = (double)mb__clampf(a->mean[value], (float)low, (float)high), y = (double)mb__clampf(b->mean[value], (float)low, (float)high);
            difference(c, isfinite(range) && range > 0 ? (x - y) / range : x - y);
        }
    }
}

/* What the exported agent's rows are to do now.  by_int8: take the 8-bit form's actions instead of comparing. */
static bool decisions(struct check *c, bool by_int8, mb_error *err)
{
    const mb_vec_view *v = mb_vec_view_of(mb_player_vec(c->player));
    for (int row = 0; row < v->rows; row++) {
        if (c->done[row / v->nagents] || row % v->nagents != c->o->agent) continue;
        mb_net_result r = decide(c, by_int8 ? c->small : c->exact, by_int8 ? c->small_memory : c->memory, row);
        if (by_int8) {
            for (int i = 0; i < v->nindex; i++) v->index[row * v->nindex + i] = r.index[i];
            if (v->nvalue) memcpy(v->value + row * v->nvalue, r.mean, (size_t)v->nvalue * sizeof(float));
            continue;
        }
        c->r->decisions++;
        if (!same_decision(c, &r, row))
            return mb_fail(err, MB_ERR_NUMERIC, "export: decision %lld of the exported form is not the policy's own: nothing was written",
                           (long long)c->r->decisions);
        if (!c->small) continue;
        mb_net_result q = decide(c, c->small, c->small_memory, row);
        compare(c, &r, &q);
    }
    return true;
}

static bool play(struct check *c, bool by_int8, double *mean, mb_error *err)
{
    evaluator *e = &c->player->t->eval;
    const mb_vec_view *v = mb_vec_view_of(e->vec);
    int left = v->nenvs;
    int64_t decided = 0;
    memset(c->done, 0, (size_t)v->nenvs);
    memset(c->sum, 0, (size_t)v->nenvs * sizeof(double));
    for (int i = 0; i < v->nenvs; i++) mb_vec_load(e->vec, i, e->fresh + (size_t)i * mb_vec_state_bytes(e->vec));
    if (!mb_vec_reset(e->vec, err)) return false;
    while (left > 0 && decided < DECISIONS) {
        decided += left;
        if (c->player->t->hooks.stop && *c->player->t->hooks.stop) return mb_fail(err, MB_ERR_INTERRUPTED, "export: stopped, nothing was written");
        if (!e->actor.act(e->actor.self, e->vec, true, err) || !decisions(c, by_int8, err) || !mb_vec_step(e->vec, err)) return false;
        for (int i = 0; i < v->nenvs; i++) {
            if (c->done[i]) continue;
            c->sum[i] += (double)v->reward[i * v->nagents + c->o->agent];
            c->done[i] = v->last_length[i] > 0;
            left -= c->done[i];
        }
    }
    int ended = v->nenvs - left;
    *mean = ended ? 0 : (double)NAN;
    for (int i = 0; i < v->nenvs; i++) *mean += c->done[i] ? c->sum[i] / (double)ended : 0;
    if (!by_int8) c->r->episodes = ended;
    return true;
}

static bool check(mb_player *p, const mb_netlist *net, const mb_export_options *o, mb_export_report *r, mb_error *err)
{
    struct check c = { .player = p, .net = net, .o = o, .r = r };
    r->agreement = (double)NAN;
    if (o->episodes == 0) return true;
    if (!begin(&c, err) || !play(&c, false, &r->return_mean, err)) return false;
    if (!c.small) return true;
    if (c.choices) r->agreement = (double)c.same / (double)c.choices;
    if (c.differences) r->mean /= (double)c.differences;
    return play(&c, true, &r->int8_return_mean, err);
}

/* ---- writing ---- */

static bool numbers(const mb_netlist *net, mb_error *err)
{
    for (int i = 0; mb_net_tensor(net, i); i++) {
        const mb_tensor *t = mb_net_tensor(net, i);
        for (int64_t k = 0; k < t->n; k++)
            if (!isfinite(t->data[k])) return mb_fail(err, MB_ERR_NUMERIC, "export: weight %lld of '%s' is not a finite number", (long long)k, t->name);
    }
    return true;
}

bool mb__netlist_of(mb_trainer *t, int agent, mb_netlist *net, mb_error *err)
{
    const mb_algo_def *algo = t->settings->algo;
    int nagents = mb_vec_shape(t->run.vec)->nagents;
    if (!algo->netlist) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "export: what %s learns cannot be exported", algo->name);
        char list[180] = "";
        for (int i = 0; mb_algo_at(i); i++) {
            size_t at = strlen(list);
            if (mb_algo_at(i)->netlist) snprintf(list + at, sizeof list - at, "%s%s", at ? ", " : "", mb_algo_at(i)->name);
        }
        return mb_note(err, "those of these can: %s", list);
    }
    if (agent >= nagents)
        return mb_fail(err, MB_ERR_RANGE, "export: agent %d: there are %d, the first is 0", agent, nagents);
    return algo->netlist(&t->run, t->self, t->settings->algo_options, agent, net, err) && numbers(net, err);
}

static bool write(mb_player *p, const mb_netlist *net, const char *path, const mb_export_options *o, mb_export_report *r, mb_error *err)
{
    mb__export x = { .net = net, .options = o, .report = r, .settings = p->t->settings, .trained = p->t->run.step, .arena = p->t->arena };
    mb__identifier(x.name, sizeof x.name, o->name ? o->name : p->t->settings->env->name);
    switch (o->target) {
    case MB_EXPORT_C: return mb__export_c(&x, path, &r->bytes, err);
    case MB_EXPORT_ONNX: return mb__export_onnx(&x, path, &r->bytes, err);
    default: return mb__policy_write(p->t, path, &r->bytes, err);
    }
}

bool mb_export(mb_player *p, const char *path, const mb_export_options *o, mb_export_report *r, mb_error *err)
{
    *r = (mb_export_report){ 0 };
    if (o->int8 && o->target != MB_EXPORT_C)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "export: weights in 8 bits can only be written as C (--to c)");
    mb_arena *a = p->t->arena;
    mb_arena_seal(a, false);
    size_t mark = mb_arena_mark(a);
    mb_netlist *net = mb_alloc(a, 1, sizeof *net, err);
    bool ok = net && mb__netlist_of(p->t, o->agent, net, err);
    if (ok && o->int8 && net->table) ok = mb_fail(err, MB_ERR_UNSUPPORTED, "export: a table of actions has no weights to write in 8 bits");
    ok = ok && check(p, net, o, r, err);
    if (ok) {
        r->weights = mb_net_weights(net);
        r->memory = mb_net_memory(net);
        ok = write(p, net, path, o, r, err);
    }
    mb_arena_release(a, mark);
    mb_arena_seal(a, true);
    return ok;
}
