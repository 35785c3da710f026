/* lstm.c - fully connected layers, then a long short-term memory (Hochreiter & Schmidhuber 1997; forget gates after Gers et al.
   2000, forget bias 1).  The last hidden size is the memory's. */
#include "matchbox/netlist.h"
#include <stdio.h>

struct lstm { int n, units; mb_dense layer[MB_LIST_MAX], input; mb_tensor *recur; };

static bool setup(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    struct lstm *s = b->self = mb_alloc(b->scope->arena, 1, sizeof *s, err);
    if (!s) return false;
    const mb_list *hidden = &b->spec.net->hidden;
    char name[64];
    int in = b->spec.in;
    if (hidden->n < 1) return mb_fail(err, MB_ERR_USAGE, "model 'lstm' needs at least one hidden size: its memory");
    for (s->n = 0; s->n < hidden->n - 1; s->n++) {
        snprintf(name, sizeof name, "%s.%d", prefix, s->n);
        if (!mb_dense_init(&s->layer[s->n], p, name, in, hidden->v[s->n], 1.41421356f, rng, err)) return false;
        in = hidden->v[s->n];
    }
    s->units = hidden->v[hidden->n - 1];
    snprintf(name, sizeof name, "%s.lstm.x", prefix);
    if (!mb_dense_init(&s->input, p, name, in, 4 * s->units, 1, rng, err)) return false;
    snprintf(name, sizeof name, "%s.lstm.h", prefix);
    s->recur = mb_params_add(p, name, MB_S2(s->units, 4 * s->units), err);
    if (!s->recur) return false;
    if (!mb_init_orthogonal(s->recur->data, s->units, 4 * s->units, 1, rng, p->scope->arena, err)) return false;
    for (int i = 0; i < s->units; i++) s->input.b->data[s->units + i] = 1;
    b->out = s->units;
    b->state = 2 * s->units;
    return true;
}

/* x: the input's part of the gates [B, 4u] in the order input, forget, cell, output; carry: h, c [B, u] */
static mb_var cell(void *ctx, mb_var x, mb_var *carry, int ncarry)
{
    const struct lstm *s = ctx;
    int u = s->units;
    mb_var gates = mb_add(x, mb_matmul(carry[0], mb_param(x.g, s->recur)));
    mb_var in = mb_sigmoid(mb_slice(gates, 1, 0, u)), forget = mb_sigmoid(mb_slice(gates, 1, u, u));
    mb_var new = mb_tanh(mb_slice(gates, 1, 2 * u, u)), out = mb_sigmoid(mb_slice(gates, 1, 3 * u, u));
    carry[1] = mb_add(mb_mul(forget, carry[1]), mb_mul(in, new));
    carry[0] = mb_mul(out, mb_tanh(carry[1]));
    return carry[0];
}

static mb_var apply(const mb_body *b, mb_var x, mb_var keep, mb_var *state)
{
    struct lstm *s = b->self;
    for (int i = 0; i < s->n; i++) x = mb_activate(mb_dense_apply(&s->layer[i], x), b->spec.net->activation);
    mb_var carry[2] = { mb_slice(*state, 1, 0, s->units), mb_slice(*state, 1, s->units, s->units) };
    mb_var y = mb_scan(mb_dense_apply(&s->input, x), keep, carry, 2, cell, s);
    *state = mb_concat(2, carry, 1);
    return y;
}

static int list(const mb_body *b, mb_netlist *n, int x)
{
    const struct lstm *s = b->self;
    for (int i = 0; i < s->n; i++) x = mb_net_dense(n, x, &s->layer[i], b->spec.net->activation);
    int h = mb_net_wire_new(n, s->units, "h"), c = mb_net_wire_new(n, s->units, "c");
    int gates = mb_net_dense(n, x, &s->input, MB_IDENTITY);
    return mb_net_cell(n, (mb_net_step){ .op = MB_NET_LSTM, .in = { gates, mb_net_matmul(n, h, s->recur) }, .out = h, .mem = { h, c } });
}

MB_MODEL(lstm) = { .name = "lstm", .summary = "layers, then a long short-term memory", .recurrent = true, .setup = setup, .apply = apply,
                   .list = list };
