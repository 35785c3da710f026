/* gru.c - fully connected layers, then a gated recurrent unit (Cho et al. 2014, in the form of cuDNN and PyTorch: the reset gate
   acts after the recurrent product).  The last hidden size is the memory's. */
#include "matchbox/netlist.h"
#include <stdio.h>

struct gru { int n, units; mb_dense layer[MB_LIST_MAX], input, recur; };

static bool setup(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    struct gru *s = b->self = mb_alloc(b->scope->arena, 1, sizeof *s, err);
    if (!s) return false;
    const mb_list *hidden = &b->spec.net->hidden;
    char name[64];
    int in = b->spec.in;
    if (hidden->n < 1) return mb_fail(err, MB_ERR_USAGE, "model 'gru' needs at least one hidden size: its memory");
    for (s->n = 0; s->n < hidden->n - 1; s->n++) {
        snprintf(name, sizeof name, "%s.%d", prefix, s->n);
        if (!mb_dense_init(&s->layer[s->n], p, name, in, hidden->v[s->n], 1.41421356f, rng, err)) return false;
        in = hidden->v[s->n];
    }
    s->units = hidden->v[hidden->n - 1];
    snprintf(name, sizeof name, "%s.gru.x", prefix);
    if (!mb_dense_init(&s->input, p, name, in, 3 * s->units, 1, rng, err)) return false;
    snprintf(name, sizeof name, "%s.gru.h", prefix);
    if (!mb_dense_init(&s->recur, p, name, s->units, 3 * s->units, 1, rng, err)) return false;
    b->out = b->state = s->units;
    return true;
}

/* x: the input's part of the gates [B, 3u] in the order reset, update, new; carry: h [B, u] */
static mb_var cell(void *ctx, mb_var x, mb_var *carry, int ncarry)
{
    const struct gru *s = ctx;
    int u = s->units;
    mb_var h = carry[0], hg = mb_dense_apply(&s->recur, h);
    mb_var reset = mb_sigmoid(mb_add(mb_slice(x, 1, 0, u), mb_slice(hg, 1, 0, u)));
    mb_var update = mb_sigmoid(mb_add(mb_slice(x, 1, u, u), mb_slice(hg, 1, u, u)));
    mb_var new = mb_tanh(mb_add(mb_slice(x, 1, 2 * u, u), mb_mul(reset, mb_slice(hg, 1, 2 * u, u))));
    return carry[0] = mb_add(new, mb_mul(update, mb_sub(h, new)));
}

static mb_var apply(const mb_body *b, mb_var x, mb_var keep, mb_var *state)
{
    struct gru *s = b->self;
    for (int i = 0; i < s->n; i++) x = mb_activate(mb_dense_apply(&s->layer[i], x), b->spec.net->activation);
    return mb_scan(mb_dense_apply(&s->input, x), keep, state, 1, cell, s);
}

static int list(const mb_body *b, mb_netlist *n, int x)
{
    const struct gru *s = b->self;
    for (int i = 0; i < s->n; i++) x = mb_net_dense(n, x, &s->layer[i], b->spec.net->activation);
    int h = mb_net_wire_new(n, s->units, "h");
    int gates = mb_net_dense(n, x, &s->input, MB_IDENTITY), recalled = mb_net_dense(n, h, &s->recur, MB_IDENTITY);
    return mb_net_cell(n, (mb_net_step){ .op = MB_NET_GRU, .in = { gates, recalled }, .out = h, .mem = { h } });
}

MB_MODEL(gru) = { .name = "gru", .summary = "layers, then a gated recurrent unit", .recurrent = true, .setup = setup, .apply = apply,
                  .list = list };
