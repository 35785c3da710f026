/* tower.c - a body whose fully connected layers may be thinned and normalised before their activation: these then stand behind the body. */
#include "matchbox/netlist.h"
#include <stdio.h>

static mb_tensor *vector(mb_params *p, const char *name, const char *what, int n, float value, mb_error *err)
{
    char full[96];
    snprintf(full, sizeof full, "%s.%s", name, what);
    mb_tensor *t = mb_params_add(p, full, MB_S1(n), err);
    for (int i = 0; t && i < n; i++) t->data[i] = value;
    return t;
}

bool mb_tower_init(mb_tower *t, mb_scope *s, mb_params *p, const char *prefix, mb_body_spec spec, const mb_tower_options *o, mb_rng *rng, mb_error *err)
{
    *t = (mb_tower){ .o = *o, .net = o->net };
    const mb_list *hidden = &o->net.hidden;
    bool ours = o->layer_norm || o->dropout > 0;
    if (ours) t->net.hidden.n = 0;
    spec.net = &t->net;
    if (!mb_body_init(&t->body, s, p, prefix, spec, rng, err)) return false;
    t->out = t->body.out;
    for (; ours && t->nlayers < hidden->n; t->nlayers++) {
        char name[64];
        int i = t->nlayers, n = hidden->v[i];
        snprintf(name, sizeof name, "%s.normed%d", prefix, i);
        if (!mb_dense_init(&t->layer[i].dense, p, name, t->out, n, 1.41421356f, rng, err)) return false;
        t->out = n;
        if (!o->layer_norm) continue;
        t->layer[i].gain = vector(p, name, "gain", n, 1, err);
        t->layer[i].shift = t->layer[i].gain ? vector(p, name, "shift", n, 0, err) : NULL;
        if (!t->layer[i].shift) return false;
    }
    return true;
}

static mb_var thinned(mb_var x, float rate, mb_dropout *d)
{
    if (rate <= 0 || !d || d->n == MB_DROPOUTS) return x;
    mb_shape s = mb_dims(x);
    mb_var mask = d->mask[d->n++] = mb_input(x.g, "dropout", MB_F32, s);
    float *m = mb_input_data(mask);
    for (int i = 0; m && i < s.d[0] * s.d[1]; i++) m[i] = 1;
    d->rate = rate;
    return mb_mul(x, mask);
}

mb_var mb_tower_apply(const mb_tower *t, mb_var x, mb_dropout *d)
{
    mb_var none = { x.g, -3 };
    x = t->body.def->apply(&t->body, x, none, &none);
    for (int i = 0; i < t->nlayers; i++) {
        x = thinned(mb_dense_apply(&t->layer[i].dense, x), t->o.dropout, d);
        if (t->layer[i].gain) x = mb_layer_norm(x, mb_param(x.g, t->layer[i].gain), mb_param(x.g, t->layer[i].shift), 1e-5f);
        x = mb_activate(x, t->o.net.activation);
    }
    return x;
}

/* sixteen random bits for each number */
void mb_dropout_draw(const mb_dropout *d, mb_rng *rng)
{
    uint32_t most = (uint32_t)(d->rate * 65536.0f), bits = 0;
    float kept = 65536.0f / (float)(65536 - most);
    for (int k = 0; k < d->n; k++) {
        mb_shape s = mb_dims(d->mask[k]);
        float *m = mb_input_data(d->mask[k]);
        for (int i = 0; i < s.d[0] * s.d[1]; i++) {
            bits = i % 2 ? bits >> 16 : mb_rand(rng);
            m[i] = (bits & 0xffff) < most ? 0 : kept;
        }
    }
}

bool mb_tower_list(const mb_tower *t, mb_netlist *n, int *wire, mb_error *err)
{
    if (t->nlayers && t->o.net.activation != MB_IDENTITY)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "export: an actor with normalised layers cannot be exported");
    return mb_body_list(&t->body, n, wire, err);
}
