/* qnet.c - networks of action values: a body, then heads that may be duelling, noisy, distributional or implicit in the
   quantile fraction. */
#include "matchbox/value.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

bool mb_qnet_check(const char *algo, const mb_env_shape *env, mb_error *err)
{
    if (mb_space_nindex(&env->act) > 0 && mb_space_nvalue(&env->act) == 0) return true;
    mb_fail(err, MB_ERR_USAGE, "%s: needs discrete actions, these have continuous parts", algo);
    return mb_note(err, "ppo takes every kind of action");
}

/* ---- layers ---- */

/* Plain: orthogonal, small.  Noisy: Fortunato et al. (2018), section 3.2. */
static bool layer(mb_qnet *q, mb_noisy *l, const char *name, int in, int out, bool noisy, float gain, mb_rng *rng, mb_error *err)
{
    char full[96];
    mb_dense d;
    *l = (mb_noisy){ .in = in, .out = out };
    if (!mb_dense_init(&d, q->params, name, in, out, gain, rng, err)) return false;
    l->w = d.w;
    l->b = d.b;
    if (!noisy) return true;
    float bound = 1 / sqrtf((float)in);
    snprintf(full, sizeof full, "%s.sigma_w", name);
    l->sw = mb_params_add(q->params, full, MB_S2(in, out), err);
    snprintf(full, sizeof full, "%s.sigma_b", name);
    l->sb = l->sw ? mb_params_add(q->params, full, MB_S1(out), err) : NULL;
    if (!l->sb) return false;
    mb_init_uniform(l->w->data, l->w->n, bound, rng);
    mb_init_uniform(l->b->data, l->b->n, bound, rng);
    for (int64_t i = 0; i < l->sw->n; i++) l->sw->data[i] = q->o.sigma * bound;
    for (int64_t i = 0; i < l->sb->n; i++) l->sb->data[i] = q->o.sigma * bound;
    return true;
}

/* y = x w + b + ((x * e_in) sw) * e_out + sb * e_out, for layer number i of the noise */
static mb_var apply(const mb_noisy *l, mb_var x, const mb_qnoise *noise, int i)
{
    mb_graph *g = x.g;
    mb_var y = mb_linear(x, mb_param(g, l->w), mb_param(g, l->b));
    if (!l->sw || !noise || noise->n == 0) return y;
    mb_var shaken = mb_matmul(mb_mul(x, noise->in[i]), mb_param(g, l->sw));
    return mb_add(y, mb_mul(mb_add(shaken, mb_param(g, l->sb)), noise->out[i]));
}

/* Hidden layers with normalisation, behind the body: its width, or -1. */
static int normed(mb_qnet *q, int width, mb_rng *rng, mb_error *err)
{
    const mb_list *hidden = &q->o.net.hidden;
    for (; q->o.layer_norm && q->nnormed < hidden->n; q->nnormed++) {
        char name[32];
        int i = q->nnormed, n = hidden->v[i];
        snprintf(name, sizeof name, "normed%d", i);
        if (!mb_dense_init(&q->normed[i].dense, q->params, name, width, n, 1.41421356f, rng, err)) return -1;
        snprintf(name, sizeof name, "normed%d.gain", i);
        if (!(q->normed[i].gain = mb_params_add(q->params, name, MB_S1(n), err))) return -1;
        snprintf(name, sizeof name, "normed%d.shift", i);
        if (!(q->normed[i].shift = mb_params_add(q->params, name, MB_S1(n), err))) return -1;
        for (int k = 0; k < n; k++) q->normed[i].gain->data[k] = 1;
        width = n;
    }
    return width;
}

static bool heads(mb_qnet *q, mb_rng *rng, mb_error *err)
{
    const mb_space *act = &q->shape.act;
    int width = normed(q, q->body.out, rng, err);
    const mb_list *hidden = &q->o.net.hidden;
    if (width < 0) return false;
    if (q->o.noisy && !q->body.def->recurrent && hidden->n > 0) {
        if (!layer(q, &q->hidden, "hidden", width, hidden->v[hidden->n - 1], true, 1, rng, err)) return false;
        width = q->hidden.out;
    }
    q->features = width;
    if (q->o.embed > 0 && !mb_dense_init(&q->embed, q->params, "embed", q->o.embed, width, 1.41421356f, rng, err)) return false;
    for (int f = 0; f < act->nfields; f++) {
        if (act->field[f].kind != MB_FIELD_DISCRETE) continue;
        char name[32];
        snprintf(name, sizeof name, "q%d", q->branches);
        int n = q->n[q->branches] = act->field[f].n;
        if (!layer(q, &q->advantage[q->branches++], name, width, n * q->o.atoms, q->o.noisy, 0.5f, rng, err)) return false;
    }
    return !q->o.duelling || layer(q, &q->value, "value", width, q->o.atoms, q->o.noisy, 0.5f, rng, err);
}

mb_qnet *mb_qnet_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_qnet_options *o, mb_error *err)
{
    mb_qnet *q = mb_alloc(s->arena, 1, sizeof *q, err);
    mb_net_options *body = q ? mb_alloc(s->arena, 1, sizeof *body, err) : NULL;
    if (!body) return NULL;
    *q = (mb_qnet){ .scope = s, .name = mb_strdup(s->arena, name, err), .shape = *shape, .o = *o, .params = mb_params_new(s, name, err) };
    if (!q->name || !q->params || !(q->o.net.model = mb_strdup(s->arena, o->net.model, err))) return NULL;
    if (q->o.atoms < 1) q->o.atoms = 1;
    const mb_model_def *def = mb_model_find(q->o.net.model, err);
    if (!def) return NULL;
    *body = q->o.net;
    if (o->noisy && !def->recurrent && body->hidden.n > 0) body->hidden.n--; /* that layer is ours */
    if (o->layer_norm) body->hidden.n = 0; /* as are all of these */
    mb_body_spec spec = { .net = body };
    spec.in = mb_obs_features(&shape->obs, &spec.h, &spec.w, &spec.c);
    mb_rng rng = mb_rng_make(s->seed, "qnet", 0); /* all networks of a run begin as one */
    return mb_body_init(&q->body, s, q->params, "body", spec, &rng, err) && heads(q, &rng, err) ? q : NULL;
}

/* ---- noise: f(e) = sign(e) sqrt|e| per input and output ---- */

static void noise_of(mb_qnoise *to, mb_graph *g, const mb_noisy *l, int i)
{
    if (!l->sw) return;
    to->in[i] = mb_input(g, "noise", MB_F32, MB_S1(l->in));
    to->out[i] = mb_input(g, "noise", MB_F32, MB_S1(l->out));
}

mb_qnoise mb_qnet_noise(mb_graph *g, const mb_qnet *q)
{
    mb_qnoise x = { 0 };
    for (int i = 0; i < MB_NOISY_LAYERS; i++) x.in[i] = x.out[i] = (mb_var){ g, -3 };
    if (!q->o.noisy) return x;
    x.n = MB_NOISY_LAYERS;
    noise_of(&x, g, &q->hidden, 0);
    noise_of(&x, g, &q->value, 1);
    for (int b = 0; b < q->branches; b++) noise_of(&x, g, &q->advantage[b], 2 + b);
    return x;
}

static void fill(mb_var input, mb_rng *rng)
{
    if (input.id < 0) return;
    mb_shape s = mb_dims(input);
    float *x = mb_input_data(input);
    for (int i = 0; i < s.d[0]; i++) {
        float e = rng ? mb_normal(rng) : 0;
        x[i] = e < 0 ? -sqrtf(-e) : sqrtf(e);
    }
}

void mb_qnoise_draw(const mb_qnoise *noise, mb_rng *rng)
{
    for (int i = 0; i < noise->n; i++) {
        fill(noise->in[i], rng);
        fill(noise->out[i], rng);
    }
}

/* ---- applying ---- */

mb_var mb_qnet_features(const mb_qnet *q, const mb_obs_input *in, const mb_qnoise *noise, mb_var keep, mb_var *state)
{
    mb_var unused = keep, x = mb_obs_encode(in, &q->shape.obs);
    x = q->body.def->apply(&q->body, x, keep, state ? state : &unused);
    for (int i = 0; i < q->nnormed; i++) {
        x = mb_layer_norm(mb_dense_apply(&q->normed[i].dense, x), mb_param(x.g, q->normed[i].gain), mb_param(x.g, q->normed[i].shift), 1e-5f);
        x = mb_activate(x, q->o.net.activation);
    }
    return q->hidden.w ? mb_activate(apply(&q->hidden, x, noise, 0), q->o.net.activation) : x;
}

mb_var mb_qnet_values(const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    int rows = mb_dims(features).d[0], n = q->n[branch], k = q->o.atoms;
    mb_var a = apply(&q->advantage[branch], features, noise, 2 + branch);
    if (!q->o.duelling) return k == 1 ? a : mb_reshape(a, MB_S3(rows, n, k));
    mb_var v = apply(&q->value, features, noise, 1);
    if (k == 1) return mb_add(mb_sub(a, mb_reshape(mb_mean_last(a), MB_S2(rows, 1))), v);
    a = mb_reshape(a, MB_S3(rows, n, k));
    mb_var mean = mb_scale(mb_sum_axis(a, 1), 1 / (float)n);
    return mb_add(mb_sub(a, mb_reshape(mean, MB_S3(rows, 1, k))), mb_reshape(v, MB_S3(rows, 1, k)));
}

mb_var mb_qnet_embed(const mb_qnet *q, mb_var features, mb_var tau)
{
    mb_graph *g = features.g;
    int rows = mb_dims(tau).d[0], n = mb_dims(tau).d[1], c = q->o.embed;
    mb_var order = mb_input(g, "cosines", MB_F32, MB_S1(c));
    float *x = mb_input_data(order);
    for (int i = 0; x && i < c; i++) x[i] = 3.14159265f * (float)i;
    mb_var wave = mb_cos(mb_mul(mb_reshape(tau, MB_S2(rows * n, 1)), order));
    mb_var psi = mb_relu(mb_dense_apply(&q->embed, wave));
    mb_var all = mb_expand(mb_reshape(features, MB_S3(rows, 1, q->features)), MB_S3(rows, n, q->features));
    return mb_mul(mb_reshape(all, MB_S2(rows * n, q->features)), psi);
}

mb_var mb_qnet_allowed(const mb_qnet *q, mb_var mask, int branch)
{
    int at = 0;
    if (mask.id < 0) return mask;
    for (int b = 0; b < branch; b++) at += q->n[b];
    return mb_slice(mb_cast(mask, 1), mb_dims(mask).rank - 1, at, q->n[branch]);
}
