/* netlist_run.c - executing a net list with the functions that exported C files carry. */
#include "matchbox/netlist.h"
#include "nn/portable.h"

int mb_net_best(const float *v, int n) { return best(v, n); }
int mb_net_pick(const float *logp, int n, float u) { return pick(logp, n, u); }

struct mb_net_machine {
    const mb_netlist *net;
    bool int8;
    float *value[MB_NET_MOST];             /* of each wire; of memory: the caller's */
    mb_net_int8 quantized[MB_NET_MOST];    /* of each step */
    float *logp[MB_MAX_FIELDS], *weights;  /* weights: of attention's positions */
    int8_t *small;                         /* the input of a step in 8 bits */
};

static bool in_int8(const mb_net_machine *m, const mb_net_step *s)
{
    return m->int8 && (s->op == MB_NET_DENSE || s->op == MB_NET_CONV);
}

mb_net_machine *mb_net_machine_new(const mb_netlist *n, bool int8, mb_arena *a, mb_error *err)
{
    mb_net_machine *m = mb_alloc(a, 1, sizeof *m, err);
    size_t widest = 1;
    if (!m) return NULL;
    m->net = n;
    m->int8 = int8;
    for (int i = 0; i < n->nwires; i++) {
        if ((size_t)n->wire[i].n > widest) widest = (size_t)n->wire[i].n;
        if (!n->wire[i].name && !(m->value[i] = mb_alloc(a, (size_t)n->wire[i].n, sizeof(float), err))) return NULL;
    }
    for (int i = 0; i < n->nheads; i++)
        if (!(m->logp[i] = mb_alloc(a, (size_t)n->wire[n->head[i].wire].n, sizeof(float), err))) return NULL;
    int window = 1;
    for (int i = 0; i < n->nsteps; i++) {
        if (in_int8(m, &n->step[i]) && !mb_net_quantize(&n->step[i], a, &m->quantized[i], err)) return NULL;
        if (n->step[i].window > window) window = n->step[i].window;
    }
    m->weights = mb_alloc(a, (size_t)window, sizeof(float), err);
    m->small = mb_alloc(a, widest, 1, err);
    return m->weights && m->small ? m : NULL;
}

/* ---- the observation as one vector: an image first, then the other fields in order ---- */

static float *encode_field(const mb_field *f, const void *from, float *x)
{
    for (int i = 0; i < f->n; i++)
        switch (f->kind) {
        case MB_FIELD_DISCRETE: x[i] = *(const int32_t *)from == i ? 1.0f : 0.0f; break;
        case MB_FIELD_IMAGE: x[i] = (float)((const uint8_t *)from)[i] * (1 / f->high); break;
        default: x[i] = ((const float *)from)[i];
        }
    return x + f->n;
}

static void encode(const mb_netlist *n, const void *const obs[], float *x)
{
    float *at = x;
    for (int i = 0; i < n->shape.obs.nfields; i++) {
        int f = mb_obs_order(&n->shape.obs, i);
        at = encode_field(&n->shape.obs.field[f], obs[f], at);
    }
    if (n->mean) normalize(x, n->features, n->mean->data, n->scale->data);
}

/* ---- steps ---- */

static void activate(mb_activation a, float *x, int n)
{
    switch (a) {
    case MB_TANH: act_tanh(x, n); break;
    case MB_RELU: act_relu(x, n); break;
    case MB_SILU: act_silu(x, n); break;
    case MB_GELU: act_gelu(x, n); break;
    case MB_SIGMOID: act_sigmoid(x, n); break;
    default: break;
    }
}

static void product(mb_net_machine *m, const mb_net_step *s, const mb_net_int8 *q, const float *x, float *y)
{
    const mb_netlist *n = m->net;
    const float *b = s->b ? s->b->data : NULL;
    int in = n->wire[s->in[0]].n, out = n->wire[s->out].n, image = s->h * s->width * s->c;
    if (s->op == MB_NET_CONV) {
        int channels = out / (s->oh * s->ow);
        if (m->int8) conv8(m->small, quantize(x, image, m->small), s->width, s->c, q->q, q->step, b, s->side, s->stride, y, s->oh, s->ow, channels);
        else conv(x, s->width, s->c, s->w->data, b, s->side, s->stride, y, s->oh, s->ow, channels);
    } else if (!m->int8) {
        dense(x, in, s->w->data, b, y, out);
    } else if (s->in[0] == 0) {
        dense8x(x, in, q->q, q->step, b, y, out);
    } else {
        dense8(m->small, quantize(x, in, m->small), in, q->q, q->step, b, y, out);
    }
    activate(s->act, y, out);
}

static void step(mb_net_machine *m, const mb_net_step *s, const mb_net_int8 *q)
{
    const mb_netlist *n = m->net;
    float *y = m->value[s->out];
    const float *a = m->value[s->in[0]], *b = m->value[s->in[1]];
    int size = n->wire[s->out].n, first = n->wire[s->in[0]].n;
    switch (s->op) {
    case MB_NET_DENSE: case MB_NET_CONV: product(m, s, q, a, y); break;
    case MB_NET_JOIN:
        memcpy(y, a, (size_t)first * sizeof(float));
        memcpy(y + first, b + s->from, (size_t)(size - first) * sizeof(float));
        break;
    case MB_NET_ADD:
        for (int i = 0; i < size; i++) y[i] = a[i] + b[i];
        break;
    case MB_NET_MEAN: means(a, size, s->k, y); break;
    case MB_NET_EXPECT: expectations(m->value[s->in[0]], size, s->k, s->low, s->high, y); break;
    case MB_NET_DUEL: duel(a, size, b, y); break;
    case MB_NET_NORM: norm(a, size, s->w->data, s->b->data, y); break;
    case MB_NET_LSTM: lstm(a, b, m->value[s->mem[0]], m->value[s->mem[1]], size); break;
    case MB_NET_GRU: gru(a, b, m->value[s->mem[0]], size); break;
    case MB_NET_ATTEND:
        attend(a, b, m->value[s->in[2]], s->w->data, m->value[s->mem[0]], m->value[s->mem[1]], m->value[s->mem[2]], s->window, s->heads,
               size, m->weights, y);
        break;
    }
}

/* ---- decisions ---- */

static mb_net_result look_up(const mb_netlist *n, const void *const obs[], const uint8_t *mask)
{
    int state = 0, k = n->shape.act.field[0].n, at = -1;
    for (int f = 0; f < n->shape.obs.nfields; f++) state = state * n->shape.obs.field[f].n + *(const int32_t *)obs[f];
    const double *q = n->table + (size_t)state * (size_t)k;
    int allowed = 0;
    for (int i = 0; mask && i < k; i++) allowed += mask[i] != 0;
    for (int i = 0; i < k; i++)
        if ((allowed == 0 || mask[i]) && (at < 0 || q[i] > q[at])) at = i;
    return (mb_net_result){ .index = { at } };
}

mb_net_result mb_net_decide(mb_net_machine *m, const void *const obs[], const uint8_t *mask, float *memory)
{
    const mb_netlist *n = m->net;
    mb_net_result r = { 0 };
    if (n->table) return look_up(n, obs, mask);
    for (int i = 0; i < n->nwires; i++)
        if (n->wire[i].name) {
            m->value[i] = memory;
            memory += n->wire[i].n;
        }
    encode(n, obs, m->value[0]);
    for (int i = 0; i < n->nsteps; i++) step(m, &n->step[i], &m->quantized[i]);
    int index = 0;
    for (int i = 0; i < n->nheads; i++) {
        float *v = m->value[n->head[i].wire];
        int k = n->wire[n->head[i].wire].n;
        if (n->head[i].kind == MB_HEAD_GAUSSIAN) {
            r.mean = v;
            continue;
        }
        bool values = n->head[i].kind == MB_HEAD_VALUES;
        for (int j = 0; mask && j < k; j++) v[j] = mask[j] ? v[j] : values ? -3e38f : -1e9f;
        mask = mask ? mask + k : NULL;
        if (values) memcpy(m->logp[i], v, (size_t)k * sizeof(float));
        else log_softmax(v, k, m->logp[i]);
        r.logp[index] = m->logp[i];
        r.index[index++] = best(m->logp[i], k);
    }
    return r;
}
