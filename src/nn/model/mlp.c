/* mlp.c - fully connected layers. */
#include "matchbox/netlist.h"
#include <stdio.h>

struct mlp { int n; mb_dense layer[MB_LIST_MAX]; };

static bool setup(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    struct mlp *s = b->self = mb_alloc(b->scope->arena, 1, sizeof *s, err);
    if (!s) return false;
    const mb_list *hidden = &b->spec.net->hidden;
    b->out = b->spec.in;
    for (s->n = 0; s->n < hidden->n; s->n++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%d", prefix, s->n);
        if (!mb_dense_init(&s->layer[s->n], p, name, b->out, hidden->v[s->n], 1.41421356f, rng, err)) return false;
        b->out = hidden->v[s->n];
    }
    return true;
}

static mb_var apply(const mb_body *b, mb_var x, mb_var keep, mb_var *state)
{
    const struct mlp *s = b->self;
    for (int i = 0; i < s->n; i++) x = mb_activate(mb_dense_apply(&s->layer[i], x), b->spec.net->activation);
    return x;
}

static int list(const mb_body *b, mb_netlist *n, int x)
{
    const struct mlp *s = b->self;
    for (int i = 0; i < s->n; i++) x = mb_net_dense(n, x, &s->layer[i], b->spec.net->activation);
    return x;
}

MB_MODEL(mlp) = { .name = "mlp", .summary = "fully connected layers", .setup = setup, .apply = apply, .list = list };
