/* export_onnx.c - a net list as an ONNX model (onnx.proto3, IR version 8, opset 17), written as protocol buffers by hand:
   observations, masks and memory in; actions, log-probabilities, means and memory out; any number of rows at once. */
#include "core/file.h"
#include "run/export.h"
#include "run/protobuf.h"
#include <stdio.h>
#include <string.h>

/* ---- field numbers of onnx.proto3 ---- */

enum { MODEL_IR = 1, MODEL_PRODUCER = 2, MODEL_VERSION = 3, MODEL_DOC = 6, MODEL_GRAPH = 7, MODEL_OPSET = 8 };
enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_TENSOR = 5, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_FLOAT = 2, ATTRIBUTE_INT = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TENSOR_DIMS = 1, TENSOR_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW = 9 };
enum { IS_FLOAT = 1, IS_INT = 2, IS_INTS = 7 };                        /* attribute types */
enum { FLOAT32 = 1, UINT8 = 2, INT32 = 6, INT64 = 7, BOOL = 9, FLOAT64 = 11 };
enum { IR_VERSION = 8 };

enum { NAME = 80 };
struct onnx {
    const mb__export *x;
    const mb_netlist *net;
    struct pb graph, tensors; /* nodes and the rest of the graph; initializers */
    int fresh;                /* for names */
    char wire[MB_NET_MOST][NAME];
};

static void new_name(struct onnx *o, char *out, const char *what) { snprintf(out, NAME, "%s_%d", what, o->fresh++); }

/* ---- tensors ---- */

static void tensor(struct onnx *o, const char *name, int type, int rank, const int *dims, const void *data, size_t bytes)
{
    size_t at = open_message(&o->tensors, GRAPH_TENSOR);
    for (int i = 0; i < rank; i++) put_int(&o->tensors, TENSOR_DIMS, dims[i]);
    put_int(&o->tensors, TENSOR_TYPE, type);
    put_text(&o->tensors, TENSOR_NAME, name);
    put_bytes(&o->tensors, TENSOR_RAW, data, bytes);
    close_message(&o->tensors, at);
}

static void weights(struct onnx *o, const mb_tensor *t)
{
    tensor(o, t->name, FLOAT32, t->shape.rank, t->shape.d, t->data, (size_t)t->n * sizeof(float));
}

/* constants get names of their own */
static void floats(struct onnx *o, char *name, int n, const float *v)
{
    new_name(o, name, "constant");
    tensor(o, name, FLOAT32, n == 1 ? 0 : 1, &n, v, (size_t)n * sizeof(float));
}

static void ints(struct onnx *o, char *name, int n, const int64_t *v)
{
    new_name(o, name, "constant");
    tensor(o, name, INT64, 1, &n, v, (size_t)n * sizeof(int64_t));
}

/* ---- nodes ---- */

struct attribute { const char *name; int type; float f; int n; int64_t i[4]; };

static void attribute(struct pb *b, const struct attribute *a)
{
    size_t at = open_message(b, NODE_ATTRIBUTE);
    put_text(b, ATTRIBUTE_NAME, a->name);
    if (a->type == IS_INT) put_int(b, ATTRIBUTE_INT, a->i[0]);
    for (int i = 0; a->type == IS_INTS && i < a->n; i++) put_int(b, ATTRIBUTE_INTS, a->i[i]);
    if (a->type == IS_FLOAT) {
        put_varint(b, ATTRIBUTE_FLOAT << 3 | 5);
        put(b, &a->f, sizeof a->f);
    }
    put_int(b, ATTRIBUTE_TYPE, a->type);
    close_message(b, at);
}

/* One node from the named inputs (NULL: fewer); out is given, or empty and gets a name. */
static const char *node(struct onnx *o, const char *op, char *out, const char *a, const char *b, const char *c, int n, const struct attribute *with)
{
    const char *in[] = { a, b, c };
    if (!*out) new_name(o, out, op);
    size_t at = open_message(&o->graph, GRAPH_NODE);
    for (int i = 0; i < 3; i++)
        if (in[i]) put_text(&o->graph, NODE_INPUT, in[i]);
    put_text(&o->graph, NODE_OUTPUT, out);
    put_text(&o->graph, NODE_NAME, out);
    put_text(&o->graph, NODE_OP, op);
    for (int i = 0; i < n; i++) attribute(&o->graph, &with[i]);
    close_message(&o->graph, at);
    return out;
}

#define NODE(op, out, ...) NODE_(op, out, __VA_ARGS__, NULL, NULL, NULL)
#define NODE_(op, out, a, b, c, ...) node(o, op, out, a, b, c, 0, NULL)
#define AXIS(v) (struct attribute){ "axis", IS_INT, 0, 0, { v } }

/* columns from .. from + n - 1 */
static void slice(struct onnx *o, char *out, const char *x, int from, int n)
{
    char start[NAME], end[NAME], axis[NAME];
    const char *in[] = { x, start, end, axis };
    ints(o, start, 1, &(int64_t){ from }), ints(o, end, 1, &(int64_t){ from + n }), ints(o, axis, 1, &(int64_t){ 1 });
    new_name(o, out, "Slice");
    size_t at = open_message(&o->graph, GRAPH_NODE);
    for (int i = 0; i < 4; i++) put_text(&o->graph, NODE_INPUT, in[i]);
    put_text(&o->graph, NODE_OUTPUT, out);
    put_text(&o->graph, NODE_NAME, out);
    put_text(&o->graph, NODE_OP, "Slice");
    close_message(&o->graph, at);
}

static void reshape(struct onnx *o, char *out, const char *x, int n, const int64_t *dims)
{
    char shape[NAME];
    ints(o, shape, n, dims);
    NODE("Reshape", out, x, shape);
}

static void cast(struct onnx *o, char *out, const char *x, int type)
{
    node(o, "Cast", out, x, NULL, NULL, 1, &(struct attribute){ "to", IS_INT, 0, 0, { type } });
}

/* ---- inputs and outputs ---- */

/* n == 0: one number per row */
static void value_info(struct onnx *o, int field, const char *name, int type, int n)
{
    size_t info = open_message(&o->graph, field);
    put_text(&o->graph, 1, name);
    size_t outer = open_message(&o->graph, 2), inner = open_message(&o->graph, 1);
    put_int(&o->graph, 1, type);
    size_t shape = open_message(&o->graph, 2), dim = open_message(&o->graph, 1);
    put_text(&o->graph, 2, "batch");
    close_message(&o->graph, dim);
    if (n) {
        dim = open_message(&o->graph, 1);
        put_int(&o->graph, 1, n);
        close_message(&o->graph, dim);
    }
    close_message(&o->graph, shape), close_message(&o->graph, inner), close_message(&o->graph, outer), close_message(&o->graph, info);
}

static void inputs(struct onnx *o)
{
    const mb_space *s = &o->net->shape.obs;
    char name[NAME];
    for (int i = 0; i < s->nfields; i++) {
        mb__field_identifier(name, sizeof name, s, i, "obs");
        int type = s->field[i].kind == MB_FIELD_DISCRETE ? INT32 : s->field[i].kind == MB_FIELD_IMAGE ? UINT8 : FLOAT32;
        value_info(o, GRAPH_INPUT, name, type, type == INT32 ? 0 : s->field[i].n);
    }
    if (o->net->shape.masked) value_info(o, GRAPH_INPUT, "mask", UINT8, mb_space_nmask(&o->net->shape.act));
    for (int i = 0; i < o->net->nwires; i++) {
        if (!o->net->wire[i].name) continue;
        snprintf(o->wire[i], NAME, "memory_%s", o->net->wire[i].name);
        value_info(o, GRAPH_INPUT, o->wire[i], FLOAT32, o->net->wire[i].n);
    }
}

/* Memory goes in as memory_NAME and out as memory_NAME_next. */
static void memory_out(struct onnx *o)
{
    for (int i = 0; i < o->net->nwires; i++) {
        char next[NAME];
        if (!o->net->wire[i].name) continue;
        snprintf(next, sizeof next, "memory_%s_next", o->net->wire[i].name);
        NODE("Identity", next, o->wire[i]);
        value_info(o, GRAPH_OUTPUT, next, FLOAT32, o->net->wire[i].n);
    }
}

/* ---- the observation as one vector ---- */

static void one_hot(struct onnx *o, char *out, const char *x, int n)
{
    char column[NAME] = "", numbers[NAME], same[NAME] = "";
    int dims = n;
    int32_t count[4096];
    reshape(o, column, x, 2, (int64_t[]){ -1, 1 });
    for (int i = 0; i < n && i < 4096; i++) count[i] = i;
    new_name(o, numbers, "constant");
    tensor(o, numbers, INT32, 1, &dims, count, (size_t)n * sizeof *count);
    NODE("Equal", same, column, numbers);
    cast(o, out, same, FLOAT32);
}

static bool encode(struct onnx *o, mb_error *err)
{
    const mb_space *s = &o->net->shape.obs;
    char parts[MB_MAX_FIELDS][NAME] = { "" }, name[NAME];
    for (int i = 0; i < s->nfields; i++) {
        int k = mb_obs_order(s, i);
        mb__field_identifier(name, sizeof name, s, k, "obs");
        if (s->field[k].kind == MB_FIELD_BOX) {
            snprintf(parts[i], NAME, "%s", name);
        } else if (s->field[k].kind == MB_FIELD_IMAGE) {
            char number[NAME] = "", scale[NAME];
            cast(o, number, name, FLOAT32);
            floats(o, scale, 1, &(float){ 1 / s->field[k].high });
            NODE("Mul", parts[i], number, scale);
        } else {
            if (s->field[k].n > 4096) return mb_fail(err, MB_ERR_UNSUPPORTED, "export: ONNX: an observation of %d choices is too many for one-hot", s->field[k].n);
            one_hot(o, parts[i], name, s->field[k].n);
        }
    }
    char *x = o->wire[0];
    size_t at = open_message(&o->graph, GRAPH_NODE);
    new_name(o, x, "observation");
    for (int i = 0; i < s->nfields; i++) put_text(&o->graph, NODE_INPUT, parts[i]);
    put_text(&o->graph, NODE_OUTPUT, x);
    put_text(&o->graph, NODE_NAME, x);
    put_text(&o->graph, NODE_OP, "Concat");
    attribute(&o->graph, &AXIS(1));
    close_message(&o->graph, at);
    if (!o->net->mean) return true;
    char centred[NAME] = "", scaled[NAME] = "", low[NAME], high[NAME];
    NODE("Sub", centred, x, o->net->mean->name);
    NODE("Mul", scaled, centred, o->net->scale->name);
    floats(o, low, 1, &(float){ -10 }), floats(o, high, 1, &(float){ 10 });
    x[0] = 0;
    NODE("Clip", x, scaled, low, high);
    return true;
}

/* ---- layers ---- */

static void activate(struct onnx *o, mb_activation a, char *out, const char *x)
{
    char t[NAME] = "", c[NAME], u[NAME] = "", s[NAME] = "";
    switch (a) {
    case MB_TANH: NODE("Tanh", out, x); break;
    case MB_RELU: NODE("Relu", out, x); break;
    case MB_SIGMOID: NODE("Sigmoid", out, x); break;
    case MB_SILU:
        NODE("Sigmoid", t, x);
        NODE("Mul", out, x, t);
        break;
    case MB_GELU: /* x sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3)) */
        NODE("Mul", t, x, x);
        floats(o, c, 1, &(float){ 0x1.2444f2p-4f });
        NODE("Mul", u, t, c);
        floats(o, c, 1, &(float){ 0x1.988454p+0f });
        t[0] = 0, NODE("Add", t, u, c);
        u[0] = 0, NODE("Mul", u, x, t);
        NODE("Sigmoid", s, u);
        NODE("Mul", out, x, s);
        break;
    default: NODE("Identity", out, x);
    }
}

static void conv(struct onnx *o, const mb_net_step *s, char *out, const char *x)
{
    char image[NAME] = "", first[NAME] = "", y[NAME] = "", back[NAME] = "";
    int64_t size = (int64_t)s->h * s->width * s->c;
    char part[NAME];
    if (o->net->wire[s->in[0]].n > size) slice(o, part, x, 0, (int)size), x = part;
    reshape(o, image, x, 4, (int64_t[]){ -1, s->h, s->width, s->c });
    node(o, "Transpose", first, image, NULL, NULL, 1, &(struct attribute){ "perm", IS_INTS, 0, 4, { 0, 3, 1, 2 } });
    char w[NAME] = "";
    node(o, "Transpose", w, s->w->name, NULL, NULL, 1, &(struct attribute){ "perm", IS_INTS, 0, 4, { 3, 2, 0, 1 } });
    node(o, "Conv", y, first, w, s->b->name, 2, (struct attribute[]){ { "strides", IS_INTS, 0, 2, { s->stride, s->stride } }, { "kernel_shape", IS_INTS, 0, 2, { s->side, s->side } } });
    node(o, "Transpose", back, y, NULL, NULL, 1, &(struct attribute){ "perm", IS_INTS, 0, 4, { 0, 2, 3, 1 } });
    reshape(o, out, back, 2, (int64_t[]){ -1, o->net->wire[s->out].n });
}

static void product(struct onnx *o, const mb_net_step *s, char *out, const char *x)
{
    char y[NAME] = "";
    if (s->op == MB_NET_CONV) conv(o, s, y, x);
    else if (s->b) node(o, "Gemm", y, x, s->w->name, s->b->name, 0, NULL);
    else NODE("MatMul", y, x, s->w->name);
    if (s->act == MB_IDENTITY) snprintf(out, NAME, "%s", y);
    else activate(o, s->act, out, y);
}

/* gate `i` of the sum of two vectors of gates */
static void gate(struct onnx *o, char *out, const char *fn, const char *x, const char *g, int i, int n)
{
    char a[NAME], b[NAME], sum[NAME] = "";
    slice(o, a, x, i * n, n), slice(o, b, g, i * n, n);
    NODE("Add", sum, a, b);
    node(o, fn, out, sum, NULL, NULL, 0, NULL);
}

static void lstm(struct onnx *o, const mb_net_step *s, int n)
{
    char in[NAME] = "", forget[NAME] = "", cell[NAME] = "", gate_out[NAME] = "", kept[NAME] = "", added[NAME] = "", t[NAME] = "";
    const char *x = o->wire[s->in[0]], *g = o->wire[s->in[1]];
    char *h = o->wire[s->mem[0]], *c = o->wire[s->mem[1]];
    gate(o, in, "Sigmoid", x, g, 0, n), gate(o, forget, "Sigmoid", x, g, 1, n);
    gate(o, cell, "Tanh", x, g, 2, n), gate(o, gate_out, "Sigmoid", x, g, 3, n);
    NODE("Mul", kept, forget, c);
    NODE("Mul", added, in, cell);
    c[0] = 0, NODE("Add", c, kept, added);
    NODE("Tanh", t, c);
    h[0] = 0, NODE("Mul", h, gate_out, t);
}

static void gru(struct onnx *o, const mb_net_step *s, int n)
{
    char reset[NAME] = "", update[NAME] = "", a[NAME], b[NAME], recalled[NAME] = "", sum[NAME] = "", new[NAME] = "", apart[NAME] = "", kept[NAME] = "";
    const char *x = o->wire[s->in[0]], *g = o->wire[s->in[1]];
    char *h = o->wire[s->mem[0]];
    gate(o, reset, "Sigmoid", x, g, 0, n), gate(o, update, "Sigmoid", x, g, 1, n);
    slice(o, a, x, 2 * n, n), slice(o, b, g, 2 * n, n);
    NODE("Mul", recalled, reset, b);
    NODE("Add", sum, a, recalled);
    NODE("Tanh", new, sum);
    NODE("Sub", apart, h, new);
    NODE("Mul", kept, update, apart);
    h[0] = 0, NODE("Add", h, new, kept);
}

/* [batch, heads, window, part] of the kept rows and the new one; also the kept rows for the next decision */
static void history(struct onnx *o, const mb_net_step *s, int n, int wire, const char *now, char *out)
{
    char all[NAME] = "", split[NAME] = "";
    char *kept = o->wire[wire];
    node(o, "Concat", all, kept, now, NULL, 1, &AXIS(1));
    reshape(o, split, all, 4, (int64_t[]){ -1, s->window, s->heads, n / s->heads });
    node(o, "Transpose", out, split, NULL, NULL, 1, &(struct attribute){ "perm", IS_INTS, 0, 4, { 0, 2, 1, 3 } });
    slice(o, kept, all, n, (s->window - 1) * n);
}

static void attend(struct onnx *o, const mb_net_step *s, int n, char *out)
{
    char keys[NAME] = "", values[NAME] = "", turned[NAME] = "", q[NAME] = "", query[NAME] = "", c[NAME], scores[NAME] = "", biased[NAME] = "", bias[NAME];
    char one[NAME] = "", ones[NAME] = "", seen[NAME] = "", shaped[NAME] = "", is[NAME] = "", low[NAME], shown[NAME] = "", p[NAME] = "", y[NAME] = "";
    int part = n / s->heads, heads = s->heads, window = s->window;
    history(o, s, n, s->mem[0], o->wire[s->in[1]], keys);
    history(o, s, n, s->mem[1], o->wire[s->in[2]], values);
    reshape(o, q, o->wire[s->in[0]], 4, (int64_t[]){ -1, heads, 1, part });
    floats(o, c, 1, &(float){ 1 / __builtin_sqrtf((float)part) });
    NODE("Mul", query, q, c);
    node(o, "Transpose", turned, keys, NULL, NULL, 1, &(struct attribute){ "perm", IS_INTS, 0, 4, { 0, 1, 3, 2 } });
    NODE("MatMul", scores, query, turned);
    float by_age[32 * 512];
    for (int h = 0; h < heads; h++)
        for (int j = 0; j < window; j++) by_age[h * window + j] = s->w->data[(window - 1 - j) * heads + h];
    new_name(o, bias, "bias");
    tensor(o, bias, FLOAT32, 3, (int[]){ heads, 1, window }, by_age, (size_t)(heads * window) * sizeof(float));
    NODE("Add", biased, scores, bias);
    char *held = o->wire[s->mem[2]]; /* 1 for every row of the batch, from what is there: sums of nothing */
    char nothing[NAME] = "", zero[NAME] = "";
    slice(o, one, o->wire[s->in[0]], 0, 1);
    floats(o, c, 1, &(float){ 0 });
    NODE("Mul", nothing, one, c);
    floats(o, zero, 1, &(float){ 1 });
    NODE("Add", ones, nothing, zero);
    node(o, "Concat", seen, held, ones, NULL, 1, &AXIS(1));
    slice(o, held, seen, 1, window - 1);
    reshape(o, shaped, seen, 4, (int64_t[]){ -1, 1, 1, window });
    cast(o, is, shaped, BOOL);
    floats(o, low, 1, &(float){ -1e9f });
    NODE("Where", shown, is, biased, low);
    node(o, "Softmax", p, shown, NULL, NULL, 1, &AXIS(-1));
    NODE("MatMul", y, p, values);
    reshape(o, out, y, 2, (int64_t[]){ -1, n });
}

/* values of distributions: n groups of k numbers, each a mean or an expectation */
static void grouped(struct onnx *o, const mb_net_step *s, char *out, const char *a, int n)
{
    char all[NAME] = "", p[NAME] = "", points[NAME], y[NAME] = "";
    float z[MB_NET_ATOMS];
    reshape(o, all, a, 3, (int64_t[]){ -1, n, s->k });
    for (int i = 0; i < s->k; i++) {
        float at = s->k > 1 ? s->low + (s->high - s->low) * (float)i / (float)(s->k - 1) : s->low;
        z[i] = s->op == MB_NET_MEAN ? 1.0f / (float)s->k : at;
    }
    floats(o, points, s->k, z);
    if (s->op == MB_NET_EXPECT) node(o, "Softmax", p, all, NULL, NULL, 1, &AXIS(-1));
    node(o, "MatMul", y, s->op == MB_NET_EXPECT ? p : all, points, NULL, 0, NULL);
    reshape(o, out, y, 2, (int64_t[]){ -1, n });
}

static void step(struct onnx *o, const mb_net_step *s)
{
    char *out = o->wire[s->out], part[NAME], centred[NAME] = "";
    const char *a = o->wire[s->in[0]], *b = o->wire[s->in[1]];
    int n = o->net->wire[s->out].n, first = o->net->wire[s->in[0]].n;
    switch (s->op) {
    case MB_NET_DENSE: case MB_NET_CONV: product(o, s, out, a); break;
    case MB_NET_JOIN:
        slice(o, part, b, s->from, n - first);
        node(o, "Concat", out, a, part, NULL, 1, &AXIS(1));
        break;
    case MB_NET_ADD: NODE("Add", out, a, b); break;
    case MB_NET_MEAN: case MB_NET_EXPECT: grouped(o, s, out, a, n); break;
    case MB_NET_DUEL:
        part[0] = 0, node(o, "ReduceMean", part, a, NULL, NULL, 1, &(struct attribute){ "axes", IS_INTS, 0, 1, { 1 } });
        NODE("Sub", centred, a, part);
        NODE("Add", out, centred, b);
        break;
    case MB_NET_NORM:
        node(o, "LayerNormalization", out, a, s->w->name, s->b->name, 2, (struct attribute[]){ AXIS(-1), { "epsilon", IS_FLOAT, 1e-5f, 0, { 0 } } });
        break;
    case MB_NET_LSTM: lstm(o, s, n); break;
    case MB_NET_GRU: gru(o, s, n); break;
    case MB_NET_ATTEND: attend(o, s, n, out); break;
    }
}

/* ---- heads ---- */

static void masked(struct onnx *o, char *out, const char *x, int at, int n, float forbidden)
{
    char part[NAME], is[NAME] = "", low[NAME];
    slice(o, part, "mask", at, n);
    cast(o, is, part, BOOL);
    floats(o, low, 1, &forbidden);
    NODE("Where", out, is, x, low);
}

static void best(struct onnx *o, const char *name, const char *scores)
{
    char out[NAME];
    snprintf(out, sizeof out, "%s", name);
    node(o, "ArgMax", out, scores, NULL, NULL, 2, (struct attribute[]){ AXIS(1), { "keepdims", IS_INT, 0, 0, { 0 } } });
    value_info(o, GRAPH_OUTPUT, out, INT64, 0);
}

static void choice(struct onnx *o, const mb_net_head *h, int at)
{
    char name[NAME], logp[2 * NAME], scores[NAME] = "";
    int n = o->net->wire[h->wire].n;
    const char *x = o->wire[h->wire];
    bool values = h->kind == MB_HEAD_VALUES;
    if (o->net->shape.masked) masked(o, scores, x, at, n, values ? -3e38f : -1e9f), x = scores;
    mb__field_identifier(name, 64, &o->net->shape.act, h->field, "action");
    snprintf(logp, sizeof logp, values ? "%s_value" : "%s_logp", name);
    if (values) NODE("Identity", logp, x);
    else node(o, "LogSoftmax", logp, x, NULL, NULL, 1, &AXIS(1));
    value_info(o, GRAPH_OUTPUT, logp, FLOAT32, n);
    best(o, name, logp);
}

/* the mean of each continuous field, within its bounds */
static void continuous(struct onnx *o, const mb_net_head *h)
{
    const mb_space *act = &o->net->shape.act;
    char mean[NAME] = "mean";
    NODE("Identity", mean, o->wire[h->wire]);
    value_info(o, GRAPH_OUTPUT, mean, FLOAT32, o->net->wire[h->wire].n);
    for (int f = 0, at = 0; f < act->nfields; f++) {
        char name[NAME], part[NAME], low[NAME], high[NAME], above[NAME] = "";
        const mb_field *d = &act->field[f];
        if (d->kind != MB_FIELD_BOX) continue;
        float bound[2][256];
        MB_ASSERT(d->n <= 256);
        for (int i = 0; i < d->n; i++) bound[0][i] = mb__low(d, i), bound[1][i] = mb__high(d, i);
        mb__field_identifier(name, 64, act, f, "action");
        slice(o, part, mean, at, d->n);
        floats(o, low, d->n, bound[0]), floats(o, high, d->n, bound[1]);
        NODE("Max", above, part, low);
        NODE("Min", name, above, high);
        value_info(o, GRAPH_OUTPUT, name, FLOAT32, d->n);
        at += d->n;
    }
}

/* ---- tables ---- */

static void table(struct onnx *o)
{
    const mb_netlist *n = o->net;
    char state[NAME] = "", name[NAME], values[NAME] = "", scores[NAME] = "", wide[NAME];
    int k = n->shape.act.field[0].n;
    for (int i = 0; i < n->shape.obs.nfields; i++) {
        char radix[NAME], moved[NAME] = "", sum[NAME] = "";
        mb__field_identifier(name, 64, &n->shape.obs, i, "obs");
        wide[0] = 0;
        cast(o, wide, name, INT64);
        if (i) {
            ints(o, radix, 1, &(int64_t){ n->shape.obs.field[i].n });
            NODE("Mul", moved, state, radix);
            NODE("Add", sum, moved, wide);
            snprintf(state, NAME, "%s", sum);
        } else {
            snprintf(state, NAME, "%s", wide);
        }
    }
    tensor(o, "worth", FLOAT64, 2, (int[]){ n->nstates, k }, n->table, (size_t)n->nstates * (size_t)k * sizeof(double));
    node(o, "Gather", values, "worth", state, NULL, 1, &AXIS(0));
    if (n->shape.masked) {
        char is[NAME] = "", low[NAME];
        cast(o, is, "mask", BOOL);
        new_name(o, low, "constant");
        tensor(o, low, FLOAT64, 0, NULL, &(double){ -1e300 }, sizeof(double));
        NODE("Where", scores, is, values, low);
    }
    mb__field_identifier(name, 64, &n->shape.act, 0, "action");
    best(o, name, n->shape.masked ? scores : values);
}

/* ---- the model ---- */

static void graph(struct onnx *o)
{
    for (int i = 0; i < o->net->nsteps; i++) step(o, &o->net->step[i]);
    for (int i = 0, at = 0; i < o->net->nheads; i++) {
        const mb_net_head *h = &o->net->head[i];
        if (h->kind == MB_HEAD_GAUSSIAN) continuous(o, h);
        else choice(o, h, at), at += o->net->wire[h->wire].n;
    }
    memory_out(o);
    for (int i = 0; mb_net_tensor(o->net, i); i++) {
        const mb_tensor *t = mb_net_tensor(o->net, i);
        bool used = t != o->net->head[o->net->nheads - 1].log_std; /* for drawing actions only */
        for (int k = 0; k < o->net->nsteps; k++) used &= o->net->step[k].op != MB_NET_ATTEND || o->net->step[k].w != t; /* rearranged above */
        if (used) weights(o, t);
    }
}

static void model(const struct onnx *o, struct pb *out)
{
    char doc[512], seed[32] = "";
    const mb__export *x = o->x;
    mb_settings_get(x->settings, "seed", seed, sizeof seed);
    snprintf(doc, sizeof doc, "%s on %s, seed %s, %lld steps; memory inputs are 0 at the start of an episode", mb_settings_algo(x->settings)->name,
             mb_settings_env(x->settings)->name, seed, (long long)x->trained);
    put_int(out, MODEL_IR, IR_VERSION);
    put_text(out, MODEL_PRODUCER, "matchbox");
    put_text(out, MODEL_VERSION, MB_VERSION);
    put_text(out, MODEL_DOC, doc);
    size_t at = open_message(out, MODEL_GRAPH);
    put(out, o->graph.s, o->graph.n);
    put_text(out, GRAPH_NAME, x->name);
    put(out, o->tensors.s, o->tensors.n);
    close_message(out, at);
    at = open_message(out, MODEL_OPSET);
    put_text(out, 1, "");
    put_int(out, 2, MB_ONNX_OPSET);
    close_message(out, at);
}

static bool room(struct pb *b, size_t cap, mb_arena *a, mb_error *err)
{
    *b = (struct pb){ .s = mb_alloc(a, 1, cap, err), .cap = cap };
    return b->s != NULL;
}

bool mb__export_onnx(const mb__export *x, const char *path, int64_t *bytes, mb_error *err)
{
    struct onnx *o = mb_alloc(x->arena, 1, sizeof *o, err);
    struct pb out;
    size_t size = (size_t)mb_net_weights(x->net) * 8 + ((size_t)256 << 10);
    if (!o || !room(&o->graph, 256 << 10, x->arena, err) || !room(&o->tensors, size, x->arena, err) || !room(&out, 2 * size + (256 << 10), x->arena, err)) return false;
    o->x = x;
    o->net = x->net;
    inputs(o);
    if (x->net->table) table(o);
    else if (!encode(o, err)) return false;
    if (!x->net->table) graph(o);
    model(o, &out);
    if (out.full || o->graph.full || o->tensors.full || out.n >= (size_t)1 << 28) return mb_fail(err, MB_ERR_MEMORY, "export: the policy is too large for an ONNX file");
    *bytes = (int64_t)out.n;
    mb__writer w;
    return mb__writer_open(&w, path, err) && mb__writer_put(&w, out.s, out.n, err) && mb__writer_commit(&w, err);
}
