/* model.c - one transformer for all families: GPT-2 (Radford et al. 2019: learned positions, layer norms, gelu) and the Llama line
   (Touvron et al. 2023: rotary positions, RMS norms, gated silu; Qwen2 adds biases, Qwen3 norms of queries and keys). */
#include "lm/model.h"
#include "matchbox/math.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- tensors ---- */

enum { VALUE_ONE = -1 };
struct maker { mb_lm *m; mb_error *err; mb_rng rng; bool ok; };

/* std VALUE_ONE: all ones */
static mb_tensor *tensor(struct maker *k, mb_shape shape, float std, int part, int parts, bool turned, const char *name)
{
    char own[160];
    if (!k->ok) return NULL;
    if (parts > 1) snprintf(own, sizeof own, "%s.%d", name, part);
    else snprintf(own, sizeof own, "%s", name);
    mb_tensor *t = mb_params_add(k->m->params, own, shape, k->err);
    char *kept = mb_strdup(k->m->scope->arena, name, k->err);
    k->ok = t && kept;
    if (!k->ok) return NULL;
    k->m->place[k->m->nplaces++] = (mb__lm_place){ kept, t, part, parts, turned };
    for (int64_t i = 0; i < t->n; i++) t->data[i] = std > 0 ? std * mb_normal(&k->rng) : std < 0 ? 1 : 0;
    return t;
}

static mb__lm_matrix matrix(struct maker *k, const char *prefix, const char *name, int in, int out, bool bias, float std, int part, int parts)
{
    char text[128];
    bool turned = k->m->c.family != MB_LM_GPT2;
    mb__lm_matrix x = { 0 };
    snprintf(text, sizeof text, "%s%s.weight", prefix, name);
    x.w = tensor(k, MB_S2(in, out), std, part, parts, turned, text);
    snprintf(text, sizeof text, "%s%s.bias", prefix, name);
    if (bias) x.b = tensor(k, MB_S1(out), 0, part, parts, false, text);
    return x;
}

static mb__lm_matrix norm(struct maker *k, const char *prefix, const char *name)
{
    char text[128];
    mb__lm_matrix x = { 0 };
    snprintf(text, sizeof text, "%s%s.weight", prefix, name);
    x.w = tensor(k, MB_S1(k->m->c.width), VALUE_ONE, 0, 1, false, text);
    snprintf(text, sizeof text, "%s%s.bias", prefix, name);
    if (k->m->c.family == MB_LM_GPT2) x.b = tensor(k, MB_S1(k->m->c.width), 0, 0, 1, false, text);
    return x;
}

static void gpt2_layer(struct maker *k, mb__lm_layer *l, int i)
{
    const mb_lm_config *c = &k->m->c;
    float std = 0.02f, deep = std / sqrtf(2 * (float)c->layers);
    char p[64];
    snprintf(p, sizeof p, "transformer.h.%d.", i);
    l->norm1 = norm(k, p, "ln_1");
    l->q = matrix(k, p, "attn.c_attn", c->width, c->width, true, std, 0, 3);
    l->k = matrix(k, p, "attn.c_attn", c->width, c->width, true, std, 1, 3);
    l->v = matrix(k, p, "attn.c_attn", c->width, c->width, true, std, 2, 3);
    l->o = matrix(k, p, "attn.c_proj", c->width, c->width, true, deep, 0, 1);
    l->norm2 = norm(k, p, "ln_2");
    l->up = matrix(k, p, "mlp.c_fc", c->width, c->inner, true, std, 0, 1);
    l->down = matrix(k, p, "mlp.c_proj", c->inner, c->width, true, deep, 0, 1);
}

static void rotary_layer(struct maker *k, mb__lm_layer *l, int i)
{
    const mb_lm_config *c = &k->m->c;
    float std = 0.02f, deep = std / sqrtf(2 * (float)c->layers);
    int q = c->heads * c->head_dim, kv = c->kv_heads * c->head_dim;
    char p[64], text[128];
    snprintf(p, sizeof p, "model.layers.%d.", i);
    l->norm1 = norm(k, p, "input_layernorm");
    l->q = matrix(k, p, "self_attn.q_proj", c->width, q, c->qkv_bias, std, 0, 1);
    l->k = matrix(k, p, "self_attn.k_proj", c->width, kv, c->qkv_bias, std, 0, 1);
    l->v = matrix(k, p, "self_attn.v_proj", c->width, kv, c->qkv_bias, std, 0, 1);
    l->o = matrix(k, p, "self_attn.o_proj", q, c->width, c->out_bias, deep, 0, 1);
    if (c->qk_norm) {
        snprintf(text, sizeof text, "%sself_attn.q_norm.weight", p);
        l->q_norm = tensor(k, MB_S1(c->head_dim), VALUE_ONE, 0, 1, false, text);
        snprintf(text, sizeof text, "%sself_attn.k_norm.weight", p);
        l->k_norm = tensor(k, MB_S1(c->head_dim), VALUE_ONE, 0, 1, false, text);
    }
    l->norm2 = norm(k, p, "post_attention_layernorm");
    l->gate = matrix(k, p, "mlp.gate_proj", c->width, c->inner, c->mlp_bias, std, 0, 1);
    l->up = matrix(k, p, "mlp.up_proj", c->width, c->inner, c->mlp_bias, std, 0, 1);
    l->down = matrix(k, p, "mlp.down_proj", c->inner, c->width, c->mlp_bias, deep, 0, 1);
}

static bool make_rope(mb_lm *m, mb_error *err)
{
    const mb_lm_config *c = &m->c;
    int half = c->head_dim / 2;
    if (c->family == MB_LM_GPT2) return true;
    m->rope = mb_alloc(m->scope->arena, (size_t)c->context * (size_t)c->head_dim, sizeof(float), err);
    for (int i = 0; m->rope && i < half; i++) {
        float f = (float)mb_lm_rope_frequency(c, i);
        for (int64_t t = 0; t < c->context; t++) {
            float angle = (float)t * f; /* rounded to float32, as transformers does */
            m->rope[t * c->head_dim + i] = (float)mb_cos64((double)angle);
            m->rope[t * c->head_dim + half + i] = (float)mb_sin64((double)angle);
        }
    }
    return m->rope != NULL;
}

mb_lm *mb_lm_new(mb_scope *s, const char *name, const mb_lm_config *c, mb_error *err)
{
    if (!mb_lm_config_check(c, err)) return NULL;
    mb_lm *m = mb_alloc(s->arena, 1, sizeof *m, err);
    if (!m) return NULL;
    *m = (mb_lm){ .c = *c, .scope = s };
    m->params = mb_params_new(s, name, err);
    m->layer = mb_alloc(s->arena, (size_t)c->layers, sizeof *m->layer, err);
    m->place = mb_alloc(s->arena, (size_t)c->layers * 18 + 8, sizeof *m->place, err);
    if (!m->params || !m->layer || !m->place || !make_rope(m, err)) return NULL;
    struct maker k = { m, err, mb_rng_make(s->seed, "lm weights", 0), true };
    bool gpt2 = c->family == MB_LM_GPT2;
    m->embed = tensor(&k, MB_S2(c->vocab, c->width), 0.02f, 0, 1, false, gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight");
    if (gpt2) m->positions = tensor(&k, MB_S2(c->context, c->width), 0.02f, 0, 1, false, "transformer.wpe.weight");
    for (int i = 0; k.ok && i < c->layers; i++) {
        if (gpt2) gpt2_layer(&k, &m->layer[i], i);
        else rotary_layer(&k, &m->layer[i], i);
    }
    m->norm = norm(&k, gpt2 ? "transformer." : "model.", gpt2 ? "ln_f" : "norm");
    if (!c->tied) m->head = tensor(&k, MB_S2(c->vocab, c->width), 0.02f, 0, 1, false, "lm_head.weight");
    return k.ok ? m : NULL;
}

const mb_lm_config *mb_lm_config_of(const mb_lm *m) { return &m->c; }
mb_params *mb_lm_params(const mb_lm *m) { return m->params; }

/* ---- the forward pass ---- */

static mb_var apply(const mb_lm *m, mb_var x, const mb__lm_matrix *w)
{
    const mb_var none = { NULL, -1 };
    mb_var y = mb__lm_linear(x, mb_param(x.g, w->w), w->b ? mb_param(x.g, w->b) : none);
    if (!w->down) return y;
    return mb_add(y, mb_scale(mb__lm_linear(mb__lm_linear(x, mb_param(x.g, w->down), none), mb_param(x.g, w->up), none), m->adapter_scale));
}

static mb_var normalize(const mb_lm *m, mb_var x, const mb__lm_matrix *w)
{
    if (w->b) return mb_layer_norm(x, mb_param(x.g, w->w), mb_param(x.g, w->b), m->c.norm_eps);
    return mb_rms_norm(x, mb_param(x.g, w->w), m->c.norm_eps);
}

/* the norm of each head (Qwen3), then its rotation */
static mb_var place_heads(const mb_lm *m, mb_var x, mb_tensor *gain, mb_var position, int heads)
{
    int n = mb_dims(x).d[0], dim = m->c.head_dim;
    if (gain) x = mb_reshape(mb_rms_norm(mb_reshape(x, MB_S3(n, heads, dim)), mb_param(x.g, gain), m->c.norm_eps), MB_S2(n, heads * dim));
    return m->rope ? mb__lm_rope(x, position, m->rope, m->c.context, dim) : x;
}

static mb_var attention(const mb_lm *m, const mb__lm_layer *l, mb_var x, const mb__lm_batch *b)
{
    const mb_lm_config *c = &m->c;
    mb_var q = place_heads(m, apply(m, x, &l->q), l->q_norm, b->position, c->heads);
    mb_var k = place_heads(m, apply(m, x, &l->k), l->k_norm, b->position, c->kv_heads), v = apply(m, x, &l->v);
    q = mb_scale(q, 1 / sqrtf((float)c->head_dim));
    mb_var y = b->cache ? mb__lm_cached(q, k, v, b->slot, b->position, b->cache, (int)(l - m->layer))
                        : mb__lm_attend(q, k, v, b->begin, c->heads, c->kv_heads, c->head_dim);
    return apply(m, y, &l->o);
}

static mb_var feed(const mb_lm *m, const mb__lm_layer *l, mb_var x)
{
    mb_var up = apply(m, x, &l->up);
    return apply(m, l->gate.w ? mb_mul(mb_silu(apply(m, x, &l->gate)), up) : mb_gelu(up), &l->down);
}

mb_var mb__lm_forward(const mb_lm *m, mb_graph *g, const mb__lm_batch *b)
{
    mb_var x = mb__lm_embed(mb_param(g, m->embed), b->token);
    if (m->positions) x = mb_add(x, mb__lm_embed(mb_param(g, m->positions), b->position));
    for (int i = 0; i < m->c.layers; i++) {
        const mb__lm_layer *l = &m->layer[i];
        if (b->recompute) mb_recompute(g, true);
        x = mb_add(x, attention(m, l, normalize(m, x, &l->norm1), b));
        x = mb_add(x, feed(m, l, normalize(m, x, &l->norm2)));
        if (b->recompute) mb_recompute(g, false);
    }
    return normalize(m, x, &m->norm);
}

mb_var mb__lm_head_table(const mb_lm *m, mb_graph *g)
{
    return mb_param(g, m->head ? m->head : m->embed);
}
