/* policy.c - a policy and its value function: bodies, heads, normalised observations, masked logits. */
#include "matchbox/nn.h"
#include <stdio.h>
#include <string.h>

static bool heads(mb_policy *p, float log_std, mb_rng *rng, mb_error *err)
{
    const mb_space *act = &p->shape.act;
    int n = 0, nvalue = mb_space_nvalue(act);
    for (int f = 0; f < act->nfields; f++) {
        if (act->field[f].kind != MB_FIELD_DISCRETE) continue;
        char name[32];
        snprintf(name, sizeof name, "logits%d", n);
        if (!mb_dense_init(&p->heads[n++], p->params, name, p->pi.out, act->field[f].n, 0.01f, rng, err)) return false;
    }
    if (nvalue) {
        if (!mb_dense_init(&p->mean_head, p->params, "mean", p->pi.out, nvalue, 0.01f, rng, err)) return false;
        p->log_std = mb_params_add(p->params, "log_std", MB_S1(nvalue), err);
        if (!p->log_std) return false;
        for (int i = 0; i < nvalue; i++) p->log_std->data[i] = log_std;
    }
    int in = p->net.shared ? p->pi.out : p->v.out;
    return mb_dense_init(&p->value_head, p->params, "value", in, 1, 1, rng, err);
}

static bool normalizer(mb_policy *p, mb_error *err)
{
    mb_params *fixed = mb_params_new(p->scope, p->params->name, err); /* beside the trained parameters: not optimised */
    if (!fixed) return false;
    p->obs_mean = mb_params_add(fixed, "obs_mean", MB_S1(p->features), err);
    p->obs_scale = p->obs_mean ? mb_params_add(fixed, "obs_scale", MB_S1(p->features), err) : NULL;
    if (!p->obs_scale) return false;
    for (int i = 0; i < p->features; i++) p->obs_scale->data[i] = 1;
    return true;
}

mb_policy *mb_policy_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_net_options *net, float log_std,
                         bool normalize, mb_error *err)
{
    mb_policy *p = mb_alloc(s->arena, 1, sizeof *p, err);
    if (!p) return NULL;
    *p = (mb_policy){ .scope = s, .shape = *shape, .net = *net, .params = mb_params_new(s, name, err) };
    if (!p->params || !(p->net.model = mb_strdup(s->arena, net->model, err))) return NULL;
    mb_body_spec spec = { .net = &p->net };
    spec.in = p->features = mb_obs_features(&shape->obs, &spec.h, &spec.w, &spec.c);
    mb_rng rng = mb_rng_make(s->seed, name, 0);
    if (!mb_body_init(&p->pi, s, p->params, "policy", spec, &rng, err)) return NULL;
    if (!net->shared && !mb_body_init(&p->v, s, p->params, "critic", spec, &rng, err)) return NULL;
    p->recurrent = p->pi.def->recurrent;
    p->state = p->pi.state + (net->shared ? 0 : p->v.state);
    if (!heads(p, log_std, &rng, err) || (normalize && !normalizer(p, err))) return NULL;
    return p;
}

static mb_dist distribution(const mb_policy *p, mb_var x, mb_var mask)
{
    const mb_space *act = &p->shape.act;
    mb_graph *g = x.g;
    mb_dist d = { .act = act, .nvalue = mb_space_nvalue(act), .nmask = mb_space_nmask(act), .mean = { g, -3 } };
    int last = mb_dims(x).rank - 1, at = 0;
    mb_var allowed = mask.id >= 0 ? mb_cast(mask, 1) : mask;
    for (int f = 0; f < act->nfields; f++) {
        int n = act->field[f].n;
        if (act->field[f].kind != MB_FIELD_DISCRETE) continue;
        mb_var logits = mb_dense_apply(&p->heads[d.nindex], x);
        if (allowed.id >= 0) logits = mb_select(mb_slice(allowed, last, at, n), logits, mb_constant(g, -1e9f));
        d.logp[d.nindex++] = mb_log_softmax(logits);
        at += n;
    }
    if (d.nvalue) {
        d.mean = mb_dense_apply(&p->mean_head, x);
        d.log_std = mb_param(g, p->log_std);
    }
    return d;
}

mb_policy_out mb_policy_apply(const mb_policy *p, const mb_obs_input *in, mb_var keep, mb_var state)
{
    mb_var x = mb_obs_encode(in, &p->shape.obs);
    mb_graph *g = x.g;
    if (p->obs_mean)
        x = mb_clamp(mb_mul(mb_sub(x, mb_param(g, p->obs_mean)), mb_param(g, p->obs_scale)), -10, 10);
    mb_var memory[2] = { state, state };
    if (p->recurrent) {
        memory[0] = mb_slice(state, 1, 0, p->pi.state);
        if (!p->net.shared) memory[1] = mb_slice(state, 1, p->pi.state, p->v.state);
    }
    mb_var feat = p->pi.def->apply(&p->pi, x, keep, &memory[0]);
    mb_var vfeat = p->net.shared ? feat : p->v.def->apply(&p->v, x, keep, &memory[1]);
    mb_policy_out out = { .dist = distribution(p, feat, in->mask), .latent = feat };
    mb_var value = mb_dense_apply(&p->value_head, vfeat);
    mb_shape s = mb_dims(value);
    s.rank--;
    out.value = mb_reshape(value, s);
    out.state = p->recurrent ? mb_concat(p->net.shared ? 1 : 2, memory, 1) : state;
    return out;
}
