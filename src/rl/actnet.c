/* actnet.c - networks that act off-policy: a squashed Gaussian, a deterministic action, or choices. */
#include "matchbox/critic.h"
#include "matchbox/netlist.h"
#include <math.h>
#include <stdio.h>

static float low_of(const mb_field *f, int i) { return f->lows ? f->lows[i] : f->low; }
static float high_of(const mb_field *f, int i) { return f->highs ? f->highs[i] : f->high; }

bool mb_actnet_check(const char *algo, const mb_env_shape *env, bool discrete, mb_error *err)
{
    int nindex = mb_space_nindex(&env->act), nvalue = mb_space_nvalue(&env->act);
    if (nindex > 0 && (nvalue > 0 || !discrete)) {
        mb_fail(err, MB_ERR_USAGE, "%s: needs continuous actions, these have %s", algo, nvalue ? "discrete parts as well" : "discrete choices");
        return mb_note(err, nvalue ? "ppo takes every kind of action" : "dqn and its relatives take discrete actions, as do sac and ppo");
    }
    for (int f = 0; f < env->act.nfields; f++)
        for (int i = 0; nvalue && i < env->act.field[f].n; i++) {
            const mb_field *d = &env->act.field[f];
            if (isfinite(low_of(d, i)) && isfinite(high_of(d, i))) continue;
            mb_fail(err, MB_ERR_USAGE, "%s: actions must have finite bounds, component %d of '%s' lies in [%g, %g]", algo, i,
                    d->name ? d->name : "action", (double)low_of(d, i), (double)high_of(d, i));
            return mb_note(err, "ppo takes actions without bounds");
        }
    return true;
}

/* from the network's [-1, 1] to the environment's bounds; beside the trained parameters */
static bool bounds(mb_actnet *a, mb_error *err)
{
    size_t n = (size_t)a->nvalue;
    mb_params *fixed = mb_params_new(a->scope, a->params->name, err);
    a->half = fixed ? mb_params_add(fixed, "half_range", MB_S2(a->nvalue, a->nvalue), err) : NULL;
    a->mid = a->half ? mb_params_add(fixed, "middle", MB_S1(a->nvalue), err) : NULL;
    if (!a->mid) return false;
    const mb_space *act = &a->shape.act;
    size_t at = 0;
    for (int f = 0; f < act->nfields; f++)
        for (int i = 0; act->field[f].kind == MB_FIELD_BOX && i < act->field[f].n; i++, at++) {
            float low = low_of(&act->field[f], i), high = high_of(&act->field[f], i);
            a->half->data[at * n + at] = 0.5f * high - 0.5f * low;
            a->mid->data[at] = 0.5f * high + 0.5f * low;
        }
    return true;
}

mb_actnet *mb_actnet_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_actnet_options *o, mb_error *err)
{
    mb_actnet *a = mb_alloc(s->arena, 1, sizeof *a, err);
    if (!a) return NULL;
    *a = (mb_actnet){ .scope = s, .name = mb_strdup(s->arena, name, err), .shape = *shape, .o = *o, .params = mb_params_new(s, name, err) };
    if (!a->name || !a->params || !(a->o.tower.net.model = mb_strdup(s->arena, o->tower.net.model, err))) return NULL;
    mb_body_spec spec = { 0 };
    spec.in = mb_obs_features(&shape->obs, &spec.h, &spec.w, &spec.c);
    mb_rng rng = mb_rng_make(s->seed, "actor", 0); /* a target actor begins as the actor */
    if (!mb_tower_init(&a->tower, s, a->params, "body", spec, &a->o.tower, &rng, err)) return NULL;
    for (int f = 0; f < shape->act.nfields; f++) {
        char head[32];
        if (shape->act.field[f].kind != MB_FIELD_DISCRETE) continue;
        snprintf(head, sizeof head, "logits%d", a->branches);
        int n = a->n[a->branches] = shape->act.field[f].n;
        if (!mb_dense_init(&a->logits[a->branches++], a->params, head, a->tower.out, n, 0.01f, &rng, err)) return NULL;
    }
    if (!(a->nvalue = mb_space_nvalue(&shape->act))) return a;
    if (!mb_dense_init(&a->mean, a->params, "mean", a->tower.out, a->nvalue, 0.01f, &rng, err)) return NULL;
    if (o->squashed && !mb_dense_init(&a->log_std, a->params, "log_std", a->tower.out, a->nvalue, 0.01f, &rng, err)) return NULL;
    return bounds(a, err) ? a : NULL;
}

mb_act_params mb_actnet_apply(const mb_actnet *a, mb_var x, mb_var mask)
{
    mb_graph *g = x.g;
    mb_act_params p = { { g, -3 }, { g, -3 }, { { g, -3 } } };
    mb_var allowed = mask.id >= 0 ? mb_cast(mask, 1) : mask;
    x = mb_tower_apply(&a->tower, x, NULL);
    for (int b = 0, at = 0; b < a->branches; at += a->n[b++]) {
        p.logits[b] = mb_dense_apply(&a->logits[b], x);
        if (mask.id >= 0) p.logits[b] = mb_select(mb_slice(allowed, 1, at, a->n[b]), p.logits[b], mb_constant(g, -1e9f));
    }
    if (!a->nvalue) return p;
    p.mean = mb_dense_apply(&a->mean, x);
    if (a->o.squashed) p.log_std = mb_between(mb_dense_apply(&a->log_std, x), a->o.log_std_low, a->o.log_std_high);
    return p;
}

mb_var mb_actnet_scaled(const mb_actnet *a, mb_var act)
{
    mb_var mid = mb_input(act.g, "middle", MB_F32, MB_S1(a->nvalue)), per = mb_input(act.g, "per_half_range", MB_F32, MB_S1(a->nvalue));
    float *x = mb_input_data(per);
    if (!x) return act;
    for (int i = 0; i < a->nvalue; i++) {
        float half = a->half->data[i * a->nvalue + i];
        x[i] = half > 0 ? 1 / half : 0;
    }
    mb_bind(mid, a->mid->data);
    return mb_clamp(mb_mul(mb_sub(act, mid), per), -1, 1);
}

bool mb_actnet_netlist(const mb_actnet *a, int stack, mb_netlist *out, mb_error *err)
{
    if (stack > 1) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: a policy that sees %d frames put together cannot be exported", stack);
    *out = (mb_netlist){ .shape = a->shape, .model = a->tower.body.def->name, .features = a->tower.body.spec.in };
    int x = mb_net_wire_new(out, a->tower.body.spec.in, NULL), branch = 0;
    if (!mb_tower_list(&a->tower, out, &x, err)) return false;
    for (int f = 0; f < a->shape.act.nfields; f++)
        if (a->shape.act.field[f].kind == MB_FIELD_DISCRETE)
            out->head[out->nheads++] = (mb_net_head){ MB_HEAD_CHOICE, mb_net_dense(out, x, &a->logits[branch++], MB_IDENTITY), f, NULL };
    if (!a->nvalue) return true;
    x = mb_net_dense(out, x, &a->mean, MB_TANH);
    mb_net_step spread = { .op = MB_NET_DENSE, .in = { x }, .w = a->half, .b = a->mid, .act = MB_IDENTITY };
    out->head[out->nheads++] = (mb_net_head){ MB_HEAD_GAUSSIAN, mb_net_add(out, spread, a->nvalue), -1, NULL };
    return true;
}
