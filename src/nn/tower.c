/* tower.c - a body whose fully connected layers may be normalised before their activation: these then stand behind the body. */
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
    if (o->layer_norm) t->net.hidden.n = 0; /* these are ours */
    spec.net = &t->net;
    if (!mb_body_init(&t->body, s, p, prefix, spec, rng, err)) return false;
    t->out = t->body.out;
    for (; o->layer_norm && t->nlayers < hidden->n; t->nlayers++) {
        char name[64];
        int i = t->nlayers, n = hidden->v[i];
        snprintf(name, sizeof name, "%s.normed%d", prefix, i);
        if (!mb_dense_init(&t->layer[i].dense, p, name, t->out, n, 1.41421356f, rng, err)) return false;
        t->layer[i].gain = vector(p, name, "gain", n, 1, err);
        t->layer[i].shift = t->layer[i].gain ? vector(p, name, "shift", n, 0, err) : NULL;
        if (!t->layer[i].shift) return false;
        t->out = n;
    }
    return true;
}

mb_var mb_tower_apply(const mb_tower *t, mb_var x)
{
    mb_var none = { x.g, -3 };
    x = t->body.def->apply(&t->body, x, none, &none);
    for (int i = 0; i < t->nlayers; i++) {
        x = mb_layer_norm(mb_dense_apply(&t->layer[i].dense, x), mb_param(x.g, t->layer[i].gain), mb_param(x.g, t->layer[i].shift), 1e-5f);
        x = mb_activate(x, t->o.net.activation);
    }
    return x;
}

bool mb_tower_list(const mb_tower *t, mb_netlist *n, int *wire, mb_error *err)
{
    if (t->nlayers && t->o.net.activation != MB_IDENTITY)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "export: an actor with normalised layers cannot be exported");
    return mb_body_list(&t->body, n, wire, err);
}
