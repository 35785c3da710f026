/* export_c.c - a net list as one C99 file: weights, normaliser, layers, masks, memory, and what turns outputs into actions. */
#include "core/file.h"
#include "core/text.h"
#include "run/export.h"
#include "run/impl.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct c_file {
    const mb__export *x;
    const mb_netlist *net;
    const char *id;     /* what every public name begins with */
    char upper[64];
    bool int8, recurrent, values; /* values: choices are made by them */
    bool drawn;                   /* there is a distribution to draw actions from */
    mb_str body;        /* everything but the functions it needs, which go before the weights */
    size_t weights, code; /* where these begin in it */
};

#define ADD(...) mb_str_add(&f->body, __VA_ARGS__)

/* ---- names ---- */

/* net/policy.0.w is policy_0_w in the file */
static const char *tensor_name(const mb_tensor *t, char out[80])
{
    const char *slash = strchr(t->name, '/');
    mb__identifier(out, 80, slash ? slash + 1 : t->name);
    return out;
}

static const char *wire_name(const struct c_file *f, int wire, char out[80])
{
    for (int i = 0; i < f->net->nheads; i++)
        if (f->net->head[i].wire == wire && f->net->head[i].kind == MB_HEAD_GAUSSIAN) {
            snprintf(out, 80, "o->mean");
            return out;
        }
    if (f->net->wire[wire].name) snprintf(out, 80, "m->%s", f->net->wire[wire].name);
    else snprintf(out, 80, wire ? "v%d" : "x", wire);
    return out;
}

/* ---- numbers ---- */

static void add_float(mb_str *s, float v)
{
    char text[MB__NUMBER_MAX];
    mb__format_number((double)v, true, text);
    if (strpbrk(text, ".e")) mb_str_add(s, "%sf", text);
    else mb_str_add(s, "%s.0f", text);
}

static void add_floats(struct c_file *f, const char *name, const float *v, int64_t n)
{
    ADD("static const float %s[%lld] = {", name, (long long)n);
    for (int64_t i = 0; i < n; i++) {
        ADD(i % 8 ? " " : "\n    ");
        add_float(&f->body, v[i]);
        ADD(",");
    }
    ADD("\n};\n");
}

static void add_bytes(struct c_file *f, const char *name, const int8_t *v, int64_t n)
{
    ADD("static const int8_t %s[%lld] = {", name, (long long)n);
    for (int64_t i = 0; i < n; i++) ADD(i % 24 ? " %d," : "\n    %d,", v[i]);
    ADD("\n};\n");
}

static bool add_weights(struct c_file *f, mb_error *err)
{
    char name[80], step_name[96];
    const mb_netlist *n = f->net;
    bool done[MB_NET_MOST * 2] = { false };
    for (int s = 0; f->int8 && s < n->nsteps; s++) {
        mb_net_int8 q;
        if (n->step[s].op != MB_NET_DENSE && n->step[s].op != MB_NET_CONV) continue;
        if (!mb_net_quantize(&n->step[s], f->x->arena, &q, err)) return false;
        for (int i = 0; mb_net_tensor(n, i); i++)
            if (mb_net_tensor(n, i) == n->step[s].w) done[i] = true;
        ADD("\n/* [out, in], in steps of the following */\n");
        add_bytes(f, tensor_name(n->step[s].w, name), q.q, n->step[s].w->n);
        snprintf(step_name, sizeof step_name, "%s_step", name);
        add_floats(f, step_name, q.step, q.cols);
    }
    for (int i = 0; mb_net_tensor(n, i); i++) {
        const mb_tensor *t = mb_net_tensor(n, i);
        bool is_log_std = n->nheads && n->head[n->nheads - 1].log_std == t;
        if (done[i] || is_log_std) continue;
        ADD("\n/* [");
        for (int k = 0; k < t->shape.rank; k++) ADD(k ? ", %d" : "%d", t->shape.d[k]);
        ADD("] */\n");
        add_floats(f, tensor_name(t, name), t->data, t->n);
    }
    return true;
}

/* ---- the public part: observation, action, memory ---- */

static void add_bounds(struct c_file *f, const mb_field *d)
{
    bool same = true, any = false;
    for (int i = 0; i < d->n; i++) {
        same &= mb__low(d, i) == mb__low(d, 0) && mb__high(d, i) == mb__high(d, 0);
        any |= mb__low(d, i) > -MB_INF || mb__high(d, i) < MB_INF;
    }
    if (!any) return;
    ADD(", within");
    for (int i = 0; i < (same ? 1 : d->n) && i < 16; i++) ADD(" [%.6g, %.6g]", (double)mb__low(d, i), (double)mb__high(d, i));
}

static void add_field(struct c_file *f, const mb_space *space, int i, const char *otherwise)
{
    char name[64];
    const mb_field *d = &space->field[i];
    mb__field_identifier(name, sizeof name, space, i, otherwise);
    if (d->kind == MB_FIELD_DISCRETE) {
        ADD("    int32_t %s; /* 0 to %d", name, d->n - 1);
    } else {
        ADD("    %s %s[%d]; /*", d->kind == MB_FIELD_IMAGE ? "uint8_t" : "float", name, d->n);
        if (d->h) ADD(" [%d rows, %d columns, %d channels]", d->h, d->w, d->c);
        else ADD(" %d number%s", d->n, d->n == 1 ? "" : "s");
        if (d->kind == MB_FIELD_BOX) add_bounds(f, d);
    }
    ADD(" */\n");
}

static void add_structs(struct c_file *f)
{
    const mb_env_shape *s = &f->net->shape;
    char name[64];
    ADD("typedef struct %s_obs {\n", f->id);
    for (int i = 0; i < s->obs.nfields; i++) add_field(f, &s->obs, i, "obs");
    if (s->masked) ADD("    uint8_t mask[%d]; /* 1: this choice is allowed%s */\n", mb_space_nmask(&s->act),
                       mb_space_nindex(&s->act) > 1 ? ", all choices of the first part of the action, then of the second ..." : "");
    ADD("} %s_obs;\n\ntypedef struct %s_action {\n", f->id, f->id);
    for (int i = 0; i < s->act.nfields; i++) add_field(f, &s->act, i, "action");
    ADD("} %s_action;\n", f->id);
    if (f->recurrent) {
        ADD("\n/* what is remembered from decision to decision, one for each player */\ntypedef struct %s_memory {\n", f->id);
        for (int i = 0; i < f->net->nwires; i++)
            if (f->net->wire[i].name) ADD("    float %s[%d];\n", f->net->wire[i].name, f->net->wire[i].n);
        ADD("} %s_memory;\n", f->id);
    }
    if (f->net->table) return;
    ADD("\n/* what the network says */\ntypedef struct %s_output {\n", f->id);
    for (int i = 0; i < f->net->nheads; i++) {
        const mb_net_head *h = &f->net->head[i];
        if (h->kind != MB_HEAD_GAUSSIAN) {
            mb__field_identifier(name, sizeof name, &s->act, h->field, "action");
            if (h->kind == MB_HEAD_VALUES) ADD("    float %s_value[%d]; /* what each choice is worth */\n", name, f->net->wire[h->wire].n);
            else             ADD("    float %s_logp[%d]; /* log-probability of each choice */\n", name, f->net->wire[h->wire].n);
        } else {
            ADD("    float mean[%d]; /* of the continuous actions, before they are clipped */\n", f->net->wire[h->wire].n);
        }
    }
    ADD("} %s_output;\n", f->id);
}

static int draws(const mb_netlist *n)
{
    return mb_space_nindex(&n->shape.act) + mb_space_nvalue(&n->shape.act);
}

static void add_prototypes(struct c_file *f)
{
    const char *memory = f->recurrent ? "_memory *m, " : "", *id = f->id, *own = f->recurrent ? id : "";
    if (f->recurrent) ADD("\n/* Forget everything: before the first decision of every episode. */\nvoid %s_reset(%s_memory *m);\n", id, id);
    ADD("\n/* The best action for an observation. */\nvoid %s_act(%s%sconst %s_obs *obs, %s_action *a);\n", id, own, memory, id, id);
    if (f->net->table) return;
    if (f->drawn) ADD("\n/* An action drawn from the policy.  draw: random numbers, one within [0, 1) for every discrete part of the action, then one\n"
        "   of the standard normal distribution for every continuous number. */\nenum { %s_DRAWS = %d };\n"
        "void %s_sample(%s%sconst %s_obs *obs, const float *draw, %s_action *a);\n", f->upper, draws(f->net), id, own, memory, id, id);
    ADD("\n/* What actions are made from. */\nvoid %s_network(%s%sconst %s_obs *obs, %s_output *o);\n", id, own, memory, id, id);
}

/* ---- the network ---- */

static void add_encoding(struct c_file *f)
{
    const mb_space *obs = &f->net->shape.obs;
    char name[64];
    int at = 0;
    for (int i = 0; i < obs->nfields; i++) {
        int k = mb_obs_order(obs, i);
        const mb_field *d = &obs->field[k];
        mb__field_identifier(name, sizeof name, obs, k, "obs");
        char to[24] = "x[i]";
        if (at) snprintf(to, sizeof to, "x[%d + i]", at);
        ADD("    for (int i = 0; i < %d; i++) %s = ", d->n, to);
        if (d->kind == MB_FIELD_DISCRETE) ADD("obs->%s == i ? 1.0f : 0.0f;\n", name);
        else if (d->kind == MB_FIELD_BOX) ADD("obs->%s[i];\n", name);
        else {
            ADD("(float)obs->%s[i] * ", name);
            add_float(&f->body, 1 / d->high);
            ADD(";\n");
        }
        at += d->n;
    }
    char mean[80], scale[80];
    if (f->net->mean) ADD("    normalize(x, %d, %s, %s);\n", f->net->features, tensor_name(f->net->mean, mean), tensor_name(f->net->scale, scale));
}

static void add_product(struct c_file *f, const mb_net_step *s)
{
    static const char *const acts[] = { [MB_TANH] = "tanh", [MB_RELU] = "relu", [MB_SILU] = "silu", [MB_GELU] = "gelu", [MB_SIGMOID] = "sigmoid" };
    char in[80], out[80], w[80], b[80] = "NULL";
    int n = f->net->wire[s->in[0]].n, m = f->net->wire[s->out].n;
    wire_name(f, s->in[0], in), wire_name(f, s->out, out), tensor_name(s->w, w);
    if (s->b) tensor_name(s->b, b);
    bool whole = f->int8 && (s->op == MB_NET_CONV || s->in[0] != 0);
    if (whole) ADD("    one = quantize(%s, %d, q);\n", in, s->op == MB_NET_CONV ? s->h * s->width * s->c : n);
    if (s->op == MB_NET_CONV) {
        if (f->int8) ADD("    conv8(q, one, %d, %d, %s, %s_step, %s, %d, %d, %s, %d, %d, %d);\n", s->width, s->c, w, w, b, s->side, s->stride, out, s->oh, s->ow, m / (s->oh * s->ow));
        else ADD("    conv(%s, %d, %d, %s, %s, %d, %d, %s, %d, %d, %d);\n", in, s->width, s->c, w, b, s->side, s->stride, out, s->oh, s->ow, m / (s->oh * s->ow));
    } else if (whole) {
        ADD("    dense8(q, one, %d, %s, %s_step, %s, %s, %d);\n", n, w, w, b, out, m);
    } else if (f->int8) {
        ADD("    dense8x(%s, %d, %s, %s_step, %s, %s, %d);\n", in, n, w, w, b, out, m);
    } else {
        ADD("    dense(%s, %d, %s, %s, %s, %d);\n", in, n, w, b, out, m);
    }
    if (s->act != MB_IDENTITY) ADD("    act_%s(%s, %d);\n", acts[s->act], out, m);
}

static void add_step(struct c_file *f, const mb_net_step *s)
{
    char a[80], b[80], c[80], out[80], w[80], v[80], m[3][80];
    int n = f->net->wire[s->out].n, first = f->net->wire[s->in[0]].n;
    wire_name(f, s->in[0], a), wire_name(f, s->in[1], b), wire_name(f, s->in[2], c), wire_name(f, s->out, out);
    for (int i = 0; i < 3; i++) wire_name(f, s->mem[i], m[i]);
    if (s->w) tensor_name(s->w, w);
    if (s->b) tensor_name(s->b, v);
    switch (s->op) {
    case MB_NET_DENSE: case MB_NET_CONV: add_product(f, s); break;
    case MB_NET_JOIN:
        ADD("    memcpy(%s, %s, %d * sizeof(float));\n    memcpy(%s + %d, %s + %d, %d * sizeof(float));\n", out, a, first, out, first, b, s->from, n - first);
        break;
    case MB_NET_ADD: ADD("    for (int i = 0; i < %d; i++) %s[i] = %s[i] + %s[i];\n", n, out, a, b); break;
    case MB_NET_MEAN: ADD("    means(%s, %d, %d, %s);\n", a, n, s->k, out); break;
    case MB_NET_EXPECT: ADD("    expectations(%s, %d, %d, %.8ef, %.8ef, %s);\n", a, n, s->k, (double)s->low, (double)s->high, out); break;
    case MB_NET_DUEL: ADD("    duel(%s, %d, %s, %s);\n", a, n, b, out); break;
    case MB_NET_NORM: ADD("    norm(%s, %d, %s, %s, %s);\n", a, n, w, v, out); break;
    case MB_NET_LSTM: ADD("    lstm(%s, %s, %s, %s, %d);\n", a, b, m[0], m[1], n); break;
    case MB_NET_GRU: ADD("    gru(%s, %s, %s, %d);\n", a, b, m[0], n); break;
    case MB_NET_ATTEND:
        ADD("    attend(%s, %s, %s, %s, %s, %s, %s, %d, %d, %d, weight, %s);\n", a, b, c, w, m[0], m[1], m[2], s->window, s->heads, n, out);
        break;
    }
}

/* the values of one decision: on the stack */
static void add_locals(struct c_file *f)
{
    const mb_netlist *n = f->net;
    char name[80];
    int widest = 0, window = 0;
    for (int i = 0; i < n->nwires; i++) {
        wire_name(f, i, name);
        if (!n->wire[i].name && !strchr(name, '>')) ADD("    float %s[%d];\n", name, n->wire[i].n);
    }
    for (int i = 0; i < n->nsteps; i++) {
        const mb_net_step *s = &n->step[i];
        bool whole = s->op == MB_NET_CONV || (s->op == MB_NET_DENSE && s->in[0] != 0);
        if (whole && n->wire[s->in[0]].n > widest) widest = n->wire[s->in[0]].n;
        if (s->window > window) window = s->window;
    }
    if (window) ADD("    float weight[%d];\n", window);
    if (f->int8 && widest) ADD("    float one;\n    int8_t q[%d];\n", widest);
}

static void add_network(struct c_file *f)
{
    const mb_netlist *n = f->net;
    char name[64], wire[80];
    ADD("\nvoid %s_network(%s%sconst %s_obs *obs, %s_output *o)\n{\n", f->id, f->recurrent ? f->id : "", f->recurrent ? "_memory *m, " : "", f->id, f->id);
    add_locals(f);
    add_encoding(f);
    for (int i = 0; i < n->nsteps; i++) add_step(f, &n->step[i]);
    for (int i = 0, at = 0; i < n->nheads; i++) {
        const mb_net_head *h = &n->head[i];
        int k = n->wire[h->wire].n;
        if (h->kind == MB_HEAD_GAUSSIAN) continue;
        wire_name(f, h->wire, wire);
        mb__field_identifier(name, sizeof name, &n->shape.act, h->field, "action");
        bool values = h->kind == MB_HEAD_VALUES;
        if (n->shape.masked) ADD("    for (int i = 0; i < %d; i++) %s[i] = obs->mask[%d + i] ? %s[i] : %s;\n", k, wire, at, wire, values ? "-3e38f" : "-1e9f");
        if (values) ADD("    memcpy(o->%s_value, %s, sizeof o->%s_value);\n", name, wire, name);
        else ADD("    log_softmax(%s, %d, o->%s_logp);\n", wire, k, name);
        at += k;
    }
    ADD("}\n");
}

/* ---- from outputs to actions ---- */

static void add_clips(struct c_file *f, const char *name, const mb_field *d)
{
    for (int i = 0; i < d->n; i++) {
        float low = mb__low(d, i), high = mb__high(d, i);
        if (!(low > -MB_INF) && !(high < MB_INF)) continue;
        ADD("    a->%s[%d] = ", name, i);
        if (low > -MB_INF) {
            ADD("a->%s[%d] < ", name, i), add_float(&f->body, low), ADD(" ? "), add_float(&f->body, low), ADD(" : ");
        }
        if (high < MB_INF) {
            ADD("a->%s[%d] > ", name, i), add_float(&f->body, high), ADD(" ? "), add_float(&f->body, high), ADD(" : ");
        }
        ADD("a->%s[%d];\n", name, i);
    }
}

static void add_act(struct c_file *f, bool sampled)
{
    const mb_env_shape *s = &f->net->shape;
    const char *own = f->recurrent ? f->id : "", *memory = f->recurrent ? "_memory *m, " : "";
    char name[64];
    int index = 0, value = 0, nindex = mb_space_nindex(&s->act);
    ADD("\nvoid %s_%s(%s%sconst %s_obs *obs, %s%s_action *a)\n{\n    %s_output o;\n    %s_network(%sobs, &o);\n", f->id, sampled ? "sample" : "act", own,
        memory, f->id, sampled ? "const float *draw, " : "", f->id, f->id, f->id, f->recurrent ? "m, " : "");
    for (int i = 0; i < s->act.nfields; i++) {
        const mb_field *d = &s->act.field[i];
        mb__field_identifier(name, sizeof name, &s->act, i, "action");
        if (d->kind == MB_FIELD_DISCRETE) {
            if (sampled) ADD("    a->%s = pick(o.%s_logp, %d, draw[%d]);\n", name, name, d->n, index);
            else ADD("    a->%s = best(o.%s_%s, %d);\n", name, name, f->values ? "value" : "logp", d->n);
            index++;
            continue;
        }
        if (sampled) ADD("    for (int i = 0; i < %d; i++) a->%s[i] = mb_fmaf(deviation[%d + i], draw[%d + i], o.mean[%d + i]);\n", d->n, name, value, nindex + value, value);
        else ADD("    for (int i = 0; i < %d; i++) a->%s[i] = o.mean[%d + i];\n", d->n, name, value);
        add_clips(f, name, d);
        value += d->n;
    }
    ADD("}\n");
}

static bool add_deviation(struct c_file *f, mb_error *err)
{
    const mb_net_head *h = f->net->nheads ? &f->net->head[f->net->nheads - 1] : NULL;
    if (!h || h->kind != MB_HEAD_GAUSSIAN || !h->log_std) return true;
    float *v = mb_alloc(f->x->arena, (size_t)h->log_std->n, sizeof *v, err);
    for (int64_t i = 0; v && i < h->log_std->n; i++) v[i] = mb_expf(h->log_std->data[i]);
    if (v) ADD("\n/* of the continuous actions, when they are drawn */\n"), add_floats(f, "deviation", v, h->log_std->n);
    return v != NULL;
}

static void add_table(struct c_file *f)
{
    const mb_netlist *n = f->net;
    const mb_space *obs = &n->shape.obs;
    int k = n->shape.act.field[0].n;
    char name[64], action[64];
    mb__field_identifier(action, sizeof action, &n->shape.act, 0, "action");
    if (n->shape.masked) ADD("\n/* [states, actions] what each action is worth */\nstatic const double worth[%d] = {", n->nstates * k);
    else ADD("\n/* the best action of each state */\nstatic const uint%d_t best_action[%d] = {", k > 256 ? 16 : 8, n->nstates);
    for (int s = 0; s < n->nstates; s++) {
        const double *q = n->table + (size_t)s * (size_t)k;
        int at = 0;
        for (int a = 1; a < k; a++) at = q[a] > q[at] ? a : at;
        if (!n->shape.masked) ADD(s % 24 ? " %d," : "\n    %d,", at);
        for (int a = 0; n->shape.masked && a < k; a++) ADD(a ? " " : "\n    "), mb_str_number(&f->body, q[a]), ADD(",");
    }
    ADD("\n};\n\nvoid %s_act(const %s_obs *obs, %s_action *a)\n{\n    int32_t state = 0;\n", f->id, f->id, f->id);
    for (int i = 0; i < obs->nfields; i++) {
        mb__field_identifier(name, sizeof name, obs, i, "obs");
        ADD("    state = state * %d + obs->%s;\n", obs->field[i].n, name);
    }
    if (!n->shape.masked) {
        ADD("    a->%s = best_action[state];\n}\n", action);
        return;
    }
    ADD("    const double *v = worth + state * %d;\n    int any = 0, at = -1;\n", k);
    ADD("    for (int i = 0; i < %d; i++) any |= obs->mask[i];\n", k);
    ADD("    for (int i = 0; i < %d; i++)\n        if ((!any || obs->mask[i]) && (at < 0 || v[i] > v[at])) at = i;\n    a->%s = at;\n}\n", k, action);
}

/* ---- the functions it needs, and those that they need ---- */

/* a call of the function, or the constant */
static bool uses(const char *text, const char *name)
{
    size_t n = strlen(name);
    bool constant = isupper((unsigned char)*name);
    for (const char *at = text; (at = strstr(at, name)); at += n)
        if ((at[n] == '(' || constant) && (at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_'))) return true;
    return false;
}

static void add_functions(struct c_file *f, mb_str *out)
{
    bool need[128] = { false };
    int n = 0;
    while (mb__portable_text[n].name) n++;
    MB_ASSERT(n < 128);
    for (int i = n - 1; i >= 0; i--) { /* a function is written after those it calls */
        need[i] = uses(f->body.s + f->code, mb__portable_text[i].name);
        for (int j = i + 1; j < n; j++) need[i] |= need[j] && uses(mb__portable_text[j].text, mb__portable_text[i].name);
    }
    for (int i = 0; i < n; i++) {
        if (!need[i]) continue;
        bool fma = strcmp(mb__portable_text[i].name, "mb_fmaf") == 0;
        if (fma) mb_str_add(out, "\n#ifdef %s_FAST\nstatic inline float mb_fmaf(float a, float b, float c) { return a * b + c; }\n#else", f->upper);
        mb_str_add(out, "\n%s", mb__portable_text[i].text);
        if (fma) mb_str_add(out, "#endif\n");
    }
}

/* ---- the file ---- */

/* the local arrays of the network, but for inputs in 8 bits */
static int stack_bytes(const mb_netlist *n)
{
    int sum = 0;
    for (int i = 0; i < n->nwires; i++) sum += n->wire[i].name ? 0 : n->wire[i].n * (int)sizeof(float);
    return sum;
}

static void add_head(struct c_file *f, mb_str *out)
{
    const mb__export *x = f->x;
    const mb_env_def *env = mb_settings_env(x->settings);
    const mb_export_report *r = x->report;
    char seed[32] = "";
    mb_settings_get(x->settings, "seed", seed, sizeof seed);
    mb_str_add(out, "/* %s: a policy trained by matchbox %s.\n\n   environment  %s: %s\n   training     %s, seed %s, %lld steps\n", f->id, MB_VERSION, env->name,
               env->summary, mb_settings_algo(x->settings)->name, seed, (long long)x->trained);
    mb_str_add(out, "   network      %s, %lld numbers%s\n", f->net->model, (long long)mb_net_weights(f->net), f->int8 ? ", weights in 8 bits" : "");
    if (f->net->table) mb_str_add(out, "   observation  one of %d states", f->net->nstates);
    else mb_str_add(out, "   observation  %d number%s", f->net->features, f->net->features == 1 ? "" : "s");
    mb_str_add(out, "; what they are: docs/env/%s.md\n", env->name);
    if (stack_bytes(f->net)) mb_str_add(out, "   stack        %d bytes of values for one decision\n", stack_bytes(f->net));
    if (f->net->shape.nagents > 1) mb_str_add(out, "   player       agent %d of %d\n", x->options->agent, f->net->shape.nagents);
    if (r->episodes) mb_str_add(out, "   return       %.6g, mean of %d episodes with the best actions\n", r->return_mean, r->episodes);
    if (f->int8 && r->episodes) {
        mb_str_add(out, "   8 bits       return %.6g on the same episodes; on %lld stored observations", r->int8_return_mean, (long long)r->decisions);
        if (isfinite(r->agreement)) mb_str_add(out, " %.4g %% of the\n                choices are the same,", 100 * r->agreement);
        mb_str_add(out, " %s differ by %.3g at most, %.3g in the mean\n", !isfinite(r->agreement) ? "actions" : r->values ? "values" : "probabilities", r->worst, r->mean);
    }
    if (f->net->table) {
        mb_str_add(out, "\n   Compile: cc -std=c99 -O2 -c FILE.c\n");
    } else {
        mb_str_add(out, "\n   Compile: cc -std=c99 -O2 -ffp-contract=off -c FILE.c      and link with -lm\n   ");
        if (!f->int8)
            mb_str_add(out, "These flags (also with -O3 and -mfma, which is fast) give matchbox's own evaluation bit for bit; any others give outputs\n"
                            "   within 1e-5 of it.  ");
        mb_str_add(out, "-D%s_FAST multiplies and adds in two steps, for processors without fused ones.\n", f->upper);
    }
    mb_str_add(out, "   Elsewhere, C++ too: #define %s_DECLARATIONS, then #include this file for the declarations.\n", f->upper);
    mb_str_add(out, "   No memory is allocated and nothing outside the arguments is written. */\n\n");
}

static bool write_file(struct c_file *f, const char *path, int64_t *bytes, mb_error *err)
{
    mb_str head;
    size_t cap = 192 << 10;
    char *memory = mb_alloc(f->x->arena, 1, cap, err);
    if (!memory) return false;
    mb_str_init(&head, memory, cap);
    add_head(f, &head);
    mb_str_add(&head, "%.*s#include <math.h>\n#include <string.h>\n", (int)f->weights, f->body.s);
    add_functions(f, &head);
    if (head.full || f->body.full) return mb_fail(err, MB_ERR_MEMORY, "export: the policy is too large for a file of C");
    mb__writer w;
    *bytes = (int64_t)(head.n + f->body.n - f->weights);
    return mb__writer_open(&w, path, err) && mb__writer_put(&w, head.s, head.n, err) &&
           mb__writer_put(&w, f->body.s + f->weights, f->body.n - f->weights, err) && mb__writer_commit(&w, err);
}

bool mb__export_c(const mb__export *x, const char *path, int64_t *bytes, mb_error *err)
{
    struct c_file file = { .x = x, .net = x->net, .id = x->name, .int8 = x->options->int8, .recurrent = mb_net_memory(x->net) > 0,
                           .values = x->net->nheads > 0 && x->net->head[0].kind == MB_HEAD_VALUES, .drawn = true }, *f = &file;
    for (int i = 0; i < x->net->nheads; i++) {
        const mb_net_head *h = &x->net->head[i];
        file.drawn = file.drawn && h->kind != MB_HEAD_VALUES && (h->kind != MB_HEAD_GAUSSIAN || h->log_std);
    }
    size_t cap = (size_t)mb_net_weights(x->net) * 24 + ((size_t)256 << 10);
    char *memory = mb_alloc(x->arena, 1, cap, err);
    if (!memory) return false;
    for (size_t i = 0; i < sizeof f->upper - 1 && x->name[i]; i++) f->upper[i] = (char)toupper((unsigned char)x->name[i]);
    mb_str_init(&f->body, memory, cap);
    ADD("#ifndef %s_POLICY\n#define %s_POLICY\n#include <stdint.h>\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", f->upper, f->upper);
    add_structs(f);
    add_prototypes(f);
    ADD("\n#ifdef __cplusplus\n}\n#endif\n#endif\n\n#ifndef %s_DECLARATIONS\n", f->upper);
    f->weights = f->body.n;
    ADD("\n/* ---- weights ---- */\n");
    if (!add_weights(f, err) || !add_deviation(f, err)) return false;
    f->code = f->body.n;
    if (f->net->table) {
        add_table(f);
    } else {
        ADD("\n/* ---- the network ---- */\n");
        if (f->recurrent) ADD("\nvoid %s_reset(%s_memory *m)\n{\n    memset(m, 0, sizeof *m);\n}\n", f->id, f->id);
        add_network(f);
        add_act(f, false);
        if (f->drawn) add_act(f, true);
    }
    ADD("\n#endif\n");
    return write_file(f, path, bytes, err);
}
