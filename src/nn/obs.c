/* obs.c - observations and actions as graph inputs, and the encoding of an observation as one vector. */
#include "matchbox/nn.h"

static mb_shape with_time(int rows, int time, int n)
{
    if (n == 0) return time ? MB_S2(rows, time) : MB_S1(rows);
    return time ? MB_S3(rows, time, n) : MB_S2(rows, n);
}

mb_obs_input mb_obs_inputs(mb_graph *g, const mb_env_shape *s, int rows, int time)
{
    mb_obs_input in = { .nfields = s->obs.nfields, .mask = { g, -3 } };
    for (int f = 0; f < in.nfields; f++) {
        const mb_field *d = &s->obs.field[f];
        mb_dtype type = d->kind == MB_FIELD_BOX ? MB_F32 : d->kind == MB_FIELD_IMAGE ? MB_U8 : MB_I32;
        in.field[f] = mb_input(g, d->name ? d->name : "obs", type, with_time(rows, time, d->kind == MB_FIELD_DISCRETE ? 0 : d->n));
    }
    if (s->masked) in.mask = mb_input(g, "mask", MB_U8, with_time(rows, time, mb_space_nmask(&s->act)));
    return in;
}

mb_act_input mb_act_inputs(mb_graph *g, const mb_space *act, int rows, int time)
{
    mb_act_input in = { .value = { g, -3 } };
    int n = 0, nvalue = mb_space_nvalue(act);
    for (int f = 0; f < act->nfields; f++)
        if (act->field[f].kind == MB_FIELD_DISCRETE) in.index[n++] = mb_input(g, "action", MB_I32, with_time(rows, time, 0));
    if (nvalue) in.value = mb_input(g, "action", MB_F32, with_time(rows, time, nvalue));
    return in;
}

/* the field that convolutions look at: the first with a height; -1: none */
static int image_of(const mb_space *obs)
{
    for (int f = 0; f < obs->nfields; f++)
        if (obs->field[f].h > 0) return f;
    return -1;
}

int mb_obs_features(const mb_space *obs, int *h, int *w, int *c)
{
    int n = 0, image = image_of(obs);
    for (int f = 0; f < obs->nfields; f++) n += obs->field[f].n;
    *h = *w = *c = 0;
    if (image >= 0) *h = obs->field[image].h, *w = obs->field[image].w, *c = obs->field[image].c;
    return n;
}

int mb_obs_order(const mb_space *obs, int i)
{
    int image = image_of(obs);
    return i == 0 && image >= 0 ? image : i <= image ? i - 1 : i;
}

static mb_var encode_field(mb_var x, const mb_field *f)
{
    if (f->kind == MB_FIELD_DISCRETE) return mb_one_hot(x, f->n);
    return f->kind == MB_FIELD_IMAGE ? mb_cast(x, 1 / f->high) : x;
}

mb_var mb_obs_encode(const mb_obs_input *in, const mb_space *obs)
{
    mb_var parts[MB_MAX_FIELDS];
    for (int i = 0; i < in->nfields; i++) {
        int f = mb_obs_order(obs, i);
        parts[i] = encode_field(in->field[f], &obs->field[f]);
    }
    return mb_concat(in->nfields, parts, mb_dims(parts[0]).rank - 1);
}
