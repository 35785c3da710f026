/* cnn.c - convolutions over the image part of the observation, then fully connected layers over everything. */
#include "matchbox/netlist.h"
#include <math.h>
#include <stdio.h>

struct cnn {
    int nconv, ndense, h, w, c; /* h, w, c: after the convolutions */
    mb_tensor *k[MB_LIST_MAX], *b[MB_LIST_MAX];
    mb_dense layer[MB_LIST_MAX];
};

static bool convolutions(struct cnn *s, mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    const mb_net_options *o = b->spec.net;
    s->h = b->spec.h, s->w = b->spec.w, s->c = b->spec.c;
    for (int i = 0; i < o->channels.n; i++) {
        char name[64];
        int out = o->channels.v[i], side = o->kernel;
        if (s->h < side || s->w < side)
            return mb_fail(err, MB_ERR_SHAPE, "cnn: a %dx%d kernel does not fit the %dx%d image that convolution %d sees", side, side, s->h, s->w, i + 1);
        snprintf(name, sizeof name, "%s.conv%d.w", prefix, i);
        s->k[i] = mb_params_add(p, name, MB_S4(side, side, s->c, out), err);
        snprintf(name, sizeof name, "%s.conv%d.b", prefix, i);
        s->b[i] = mb_params_add(p, name, MB_S1(out), err);
        if (!s->k[i] || !s->b[i]) return false;
        if (!mb_init_orthogonal(s->k[i]->data, side * side * s->c, out, 1.41421356f, rng, p->scope->arena, err)) return false;
        s->h = (s->h - side) / o->stride + 1;
        s->w = (s->w - side) / o->stride + 1;
        s->c = out;
    }
    s->nconv = o->channels.n;
    return true;
}

static bool setup(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    struct cnn *s = b->self = mb_alloc(b->scope->arena, 1, sizeof *s, err);
    if (!s) return false;
    if (!b->spec.h) return mb_fail(err, MB_ERR_USAGE, "model 'cnn' needs an image or a grid to look at; use --model mlp");
    if (!convolutions(s, b, p, prefix, rng, err)) return false;
    const mb_list *hidden = &b->spec.net->hidden;
    b->out = s->h * s->w * s->c + b->spec.in - b->spec.h * b->spec.w * b->spec.c;
    for (s->ndense = 0; s->ndense < hidden->n; s->ndense++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%d", prefix, s->ndense);
        if (!mb_dense_init(&s->layer[s->ndense], p, name, b->out, hidden->v[s->ndense], 1.41421356f, rng, err)) return false;
        b->out = hidden->v[s->ndense];
    }
    return true;
}

static mb_var apply(const mb_body *b, mb_var x, mb_var keep, mb_var *state)
{
    const struct cnn *s = b->self;
    int rows = mb_dims(x).d[0], image = b->spec.h * b->spec.w * b->spec.c;
    mb_var y = mb_reshape(mb_slice(x, 1, 0, image), MB_S4(rows, b->spec.h, b->spec.w, b->spec.c));
    for (int i = 0; i < s->nconv; i++)
        y = mb_activate(mb_conv2d(y, mb_param(x.g, s->k[i]), mb_param(x.g, s->b[i]), b->spec.net->stride, 0), b->spec.net->activation);
    y = mb_reshape(y, MB_S2(rows, s->h * s->w * s->c));
    if (b->spec.in > image) {
        mb_var both[2] = { y, mb_slice(x, 1, image, b->spec.in - image) };
        y = mb_concat(2, both, 1);
    }
    for (int i = 0; i < s->ndense; i++) y = mb_activate(mb_dense_apply(&s->layer[i], y), b->spec.net->activation);
    return y;
}

static int list(const mb_body *b, mb_netlist *n, int x)
{
    const struct cnn *s = b->self;
    const mb_net_options *o = b->spec.net;
    int h = b->spec.h, w = b->spec.w, c = b->spec.c, y = x, image = h * w * c;
    for (int i = 0; i < s->nconv; i++) {
        mb_net_step t = { .op = MB_NET_CONV, .in = { y }, .w = s->k[i], .b = s->b[i], .act = o->activation, .h = h, .width = w, .c = c,
                          .side = o->kernel, .stride = o->stride, .oh = (h - o->kernel) / o->stride + 1, .ow = (w - o->kernel) / o->stride + 1 };
        h = t.oh, w = t.ow, c = o->channels.v[i];
        y = mb_net_add(n, t, h * w * c);
    }
    if (b->spec.in > image)
        y = mb_net_add(n, (mb_net_step){ .op = MB_NET_JOIN, .in = { y, x }, .from = image }, h * w * c + b->spec.in - image);
    for (int i = 0; i < s->ndense; i++) y = mb_net_dense(n, y, &s->layer[i], o->activation);
    return y;
}

MB_MODEL(cnn) = { .name = "cnn", .summary = "convolutions over an image, then fully connected layers", .setup = setup, .apply = apply,
                  .list = list };
