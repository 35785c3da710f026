/* attention.c - causal self-attention over the last `window` observations (Vaswani et al. 2017), then fully connected layers.
   What differs: positions enter as one learned bias per head and age (Raffel et al. 2020, without buckets), and attention never
   looks past the beginning of an episode.
   The memory holds observations as they came, not keys and values, so everything in it is read with the present weights. */
#include "matchbox/netlist.h"
#include <math.h>
#include <stdio.h>

enum { MAX_HEADS = 32 };
struct attention {
    int n, width, heads, window; /* window: positions a step sees, its own included */
    mb_dense embed, query, key, value, mix, layer[MB_LIST_MAX];
    mb_tensor *age;              /* [window, heads] */
    mb_tensor *gain, *bias;      /* of the normalisation [width] */
};

static bool projections(struct attention *s, mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    const struct { const char *name; mb_dense *layer; int in; float gain; } list[] = {
        { "embed", &s->embed, b->spec.in, 1.41421356f }, { "query", &s->query, s->width, 1 }, { "key", &s->key, s->width, 1 },
        { "value", &s->value, s->width, 1 },             { "mix", &s->mix, s->width, 1 },
    };
    char name[64];
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        snprintf(name, sizeof name, "%s.%s", prefix, list[i].name);
        if (!mb_dense_init(list[i].layer, p, name, list[i].in, s->width, list[i].gain, rng, err)) return false;
    }
    snprintf(name, sizeof name, "%s.age", prefix);
    s->age = mb_params_add(p, name, MB_S2(s->window, s->heads), err);
    snprintf(name, sizeof name, "%s.norm.gain", prefix);
    s->gain = s->age ? mb_params_add(p, name, MB_S1(s->width), err) : NULL;
    snprintf(name, sizeof name, "%s.norm.bias", prefix);
    s->bias = s->gain ? mb_params_add(p, name, MB_S1(s->width), err) : NULL;
    for (int i = 0; s->bias && i < s->width; i++) s->gain->data[i] = 1;
    return s->bias != NULL;
}

static bool setup(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    struct attention *s = b->self = mb_alloc(b->scope->arena, 1, sizeof *s, err);
    if (!s) return false;
    const mb_list *hidden = &b->spec.net->hidden;
    if (hidden->n < 1) return mb_fail(err, MB_ERR_USAGE, "model 'attention' needs at least one hidden size: its width");
    s->width = hidden->v[0];
    s->heads = b->spec.net->heads;
    s->window = b->spec.net->window;
    if (s->heads > MAX_HEADS) return mb_fail(err, MB_ERR_RANGE, "model 'attention': at most %d heads, not %d", MAX_HEADS, s->heads);
    if (s->width % s->heads) {
        mb_fail(err, MB_ERR_USAGE, "model 'attention': a width of %d does not divide into %d heads", s->width, s->heads);
        return mb_note(err, "the width is the first of the hidden sizes");
    }
    if (!projections(s, b, p, prefix, rng, err)) return false;
    b->out = s->width;
    for (s->n = 0; s->n < hidden->n - 1; s->n++) {
        char name[64];
        snprintf(name, sizeof name, "%s.%d", prefix, s->n);
        if (!mb_dense_init(&s->layer[s->n], p, name, b->out, hidden->v[s->n + 1], 1.41421356f, rng, err)) return false;
        b->out = hidden->v[s->n + 1];
    }
    b->state = (s->window - 1) * (b->spec.in + 1);
    return true;
}

/* ---- who may look at whom: positions are the memory's window - 1, oldest first, then the T new ones ---- */

/* positions of each row: the observation and its episode, 0 the memory's own, 1 the next ...; -1: there is none yet */
struct past { mb_var x, episode; }; /* [B, L, in], [B, L] */

/* 1 where u <= t, so that x [B, T] times it is the running sum */
static mb_var triangle(mb_graph *g, int T)
{
    mb_var m = mb_input(g, "running sum", MB_F32, MB_S2(T, T));
    float *at = m.id < 0 ? NULL : mb_data(m);
    for (int i = 0; at && i < T * T; i++) at[i] = i / T <= i % T;
    return m;
}

static struct past look_back(const struct attention *s, mb_var x, mb_var keep, mb_var state, int in)
{
    int B = mb_dims(x).d[0], T = mb_dims(x).d[1], old = s->window - 1;
    mb_var memory = mb_reshape(state, MB_S3(B, old, in + 1));
    mb_var held = mb_reshape(mb_slice(memory, 2, in, 1), MB_S2(B, old)); /* 1: there is one */
    mb_var xs[2] = { mb_slice(memory, 2, 0, in), x };
    mb_var episodes[2] = { mb_shift(held, -1), mb_matmul(mb_shift(mb_neg(keep), 1), triangle(x.g, T)) };
    return (struct past){ mb_concat(2, xs, 1), mb_concat(2, episodes, 1) };
}

/* [T, L] age of each position for each new step, kept within the window; *outside: not 0 where it is not within */
static mb_var ages(mb_graph *g, int T, int window, mb_var *outside)
{
    int L = T + window - 1;
    mb_var age = mb_input(g, "age", MB_I32, MB_S2(T, L));
    *outside = mb_input(g, "outside", MB_F32, MB_S2(T, L));
    if (age.id < 0 || outside->id < 0) return age;
    int32_t *at = mb_input_data(age);
    float *out = mb_data(*outside);
    for (int t = 0; t < T; t++)
        for (int j = 0; j < L; j++) {
            int a = t + window - 1 - j;
            at[t * L + j] = a < 0 ? 0 : a < window ? a : window - 1;
            out[t * L + j] = a < 0 || a >= window ? 0.5f : 0;
        }
    return age;
}

/* [B, T, L] 1 where a new step may look: same episode and within the window.  The difference of episodes is a product of
   inner size two, [now, 1] with [1, -then]; small whole numbers, so it is exact. */
static mb_var visible(const struct past *past, int T, mb_var outside)
{
    mb_graph *g = outside.g;
    int B = mb_dims(past->episode).d[0], L = mb_dims(past->episode).d[1];
    mb_var then = mb_reshape(past->episode, MB_S3(B, L, 1)), one = mb_shift(mb_scale(then, 0), 1);
    mb_var now[2] = { mb_slice(then, 1, L - T, T), mb_slice(one, 1, L - T, T) }, other[2] = { one, mb_neg(then) };
    mb_var apart = mb_matmul_nt(mb_concat(2, now, 2), mb_concat(2, other, 2));
    return mb_eq(mb_add(apart, outside), mb_constant(g, 0));
}

/* what the new steps gather from the positions they see: [B, T, width] */
static mb_var attend(const struct attention *s, const struct past *past, mb_var e, int T)
{
    mb_graph *g = e.g;
    int L = mb_dims(e).d[1], part = s->width / s->heads;
    mb_var q = mb_scale(mb_dense_apply(&s->query, mb_slice(e, 1, L - T, T)), 1 / sqrtf((float)part));
    mb_var k = mb_dense_apply(&s->key, e), v = mb_dense_apply(&s->value, e);
    mb_var outside, age = ages(g, T, s->window, &outside), seen = visible(past, T, outside);
    mb_var gathered[MAX_HEADS];
    for (int h = 0; h < s->heads; h++) {
        mb_var table = mb_slice(mb_param(g, s->age), 1, h, 1);
        mb_var bias = mb_reshape(mb_embedding(table, age), MB_S2(T, L));
        mb_var scores = mb_matmul_nt(mb_slice(q, 2, h * part, part), mb_slice(k, 2, h * part, part));
        scores = mb_select(seen, mb_add(scores, bias), mb_constant(g, -1e9f));
        gathered[h] = mb_matmul(mb_softmax(scores), mb_slice(v, 2, h * part, part));
    }
    return mb_dense_apply(&s->mix, mb_concat(s->heads, gathered, 2));
}

/* the last window - 1 positions, those of the present episode */
static mb_var remember(const struct attention *s, const struct past *past, int in)
{
    int B = mb_dims(past->x).d[0], L = mb_dims(past->x).d[1], old = s->window - 1;
    mb_var episode = mb_slice(past->episode, 1, L - old, old), last = mb_slice(past->episode, 1, L - 1, 1);
    mb_var flag = mb_reshape(mb_eq(episode, last), MB_S3(B, old, 1));
    mb_var parts[2] = { mb_mul(mb_slice(past->x, 1, L - old, old), flag), flag };
    return mb_reshape(mb_concat(2, parts, 2), MB_S2(B, old * (in + 1)));
}

static mb_var apply(const mb_body *b, mb_var x, mb_var keep, mb_var *state)
{
    const struct attention *s = b->self;
    int T = mb_dims(x).d[1];
    struct past past = look_back(s, x, keep, *state, b->spec.in);
    mb_var e = mb_activate(mb_dense_apply(&s->embed, past.x), b->spec.net->activation);
    mb_var y = mb_add(mb_slice(e, 1, s->window - 1, T), attend(s, &past, e, T));
    y = mb_layer_norm(y, mb_param(x.g, s->gain), mb_param(x.g, s->bias), 1e-5f);
    for (int i = 0; i < s->n; i++) y = mb_activate(mb_dense_apply(&s->layer[i], y), b->spec.net->activation);
    *state = remember(s, &past, b->spec.in);
    return y;
}

/* One decision at a time the weights stay, so keys and values can be kept instead of the observations they come from. */
static int list(const mb_body *b, mb_netlist *n, int x)
{
    const struct attention *s = b->self;
    mb_activation act = b->spec.net->activation;
    int old = s->window - 1, e = mb_net_dense(n, x, &s->embed, act);
    mb_net_step look = { .op = MB_NET_ATTEND, .w = s->age, .window = s->window, .heads = s->heads };
    look.in[0] = mb_net_dense(n, e, &s->query, MB_IDENTITY);
    look.in[1] = mb_net_dense(n, e, &s->key, MB_IDENTITY);
    look.in[2] = mb_net_dense(n, e, &s->value, MB_IDENTITY);
    look.mem[0] = mb_net_wire_new(n, old * s->width, "keys");
    look.mem[1] = mb_net_wire_new(n, old * s->width, "values");
    look.mem[2] = mb_net_wire_new(n, old, "held");
    int seen = mb_net_dense(n, mb_net_add(n, look, s->width), &s->mix, MB_IDENTITY);
    int sum = mb_net_add(n, (mb_net_step){ .op = MB_NET_ADD, .in = { e, seen } }, s->width);
    int y = mb_net_add(n, (mb_net_step){ .op = MB_NET_NORM, .in = { sum }, .w = s->gain, .b = s->bias }, s->width);
    for (int i = 0; i < s->n; i++) y = mb_net_dense(n, y, &s->layer[i], act);
    return y;
}

MB_MODEL(attention) = { .name = "attention", .summary = "causal self-attention over the last observations, then layers",
                        .recurrent = true, .setup = setup, .apply = apply, .list = list };
