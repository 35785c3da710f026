/* config_read.c - reading config.json; whatever would change the numbers and is not known here is refused by name. */
#include "matchbox/transformer.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#ifdef MB_HAVE_JANSSON
#include <jansson.h>

struct reader { const json_t *root; const char *file; mb_error *err; bool ok; };

static int64_t whole(struct reader *r, const char *key, int64_t otherwise) /* otherwise < 0: it must be there */
{
    const json_t *v = json_object_get(r->root, key);
    if (json_is_integer(v)) return json_integer_value(v);
    if (r->ok && (otherwise < 0 || (v && !json_is_null(v)))) r->ok = mb_fail(r->err, MB_ERR_FORMAT, "%.200s: '%s' is not a whole number", r->file, key);
    return otherwise;
}

static double number(const json_t *o, const char *key, double otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static bool truth(const json_t *o, const char *key, bool otherwise)
{
    const json_t *v = json_object_get(o, key);
    return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

static bool refuse(struct reader *r, const char *what, const char *value)
{
    if (r->ok) r->ok = mb_fail(r->err, MB_ERR_UNSUPPORTED, "%.200s: %s '%.60s' is not supported", r->file, what, value ? value : "(none)");
    return false;
}

static int size_of(struct reader *r, const char *key, int64_t otherwise)
{
    int64_t v = whole(r, key, otherwise);
    return v < 0 || v > 1 << 28 ? -1 : (int)v;
}

static void read_stops(struct reader *r, mb_lm_config *c)
{
    const json_t *v = json_object_get(r->root, "eos_token_id");
    size_t n = json_is_array(v) ? json_array_size(v) : json_is_integer(v);
    for (size_t i = 0; i < n && c->nstops < MB_LM_STOPS; i++) c->stop[c->nstops++] = (int)json_integer_value(json_is_array(v) ? json_array_get(v, i) : v);
    v = json_object_get(r->root, "bos_token_id");
    c->bos = json_is_integer(v) ? (int)json_integer_value(v) : -1;
}

static void read_rope(struct reader *r, mb_lm_config *c)
{
    const json_t *p = json_object_get(r->root, "rope_parameters"), *s = json_is_object(p) ? p : json_object_get(r->root, "rope_scaling");
    c->rope_theta = number(p, "rope_theta", number(r->root, "rope_theta", 10000));
    const char *type = json_string_value(json_object_get(s, "rope_type"));
    if (!type) type = json_string_value(json_object_get(s, "type"));
    if (!type || strcmp(type, "default") == 0) return;
    if (strcmp(type, "llama3") != 0) {
        refuse(r, "rope scaling", type);
        return;
    }
    c->rope_llama3 = true;
    c->rope_factor = number(s, "factor", 0);
    c->rope_low = number(s, "low_freq_factor", 0);
    c->rope_high = number(s, "high_freq_factor", 0);
    c->rope_original = number(s, "original_max_position_embeddings", 0);
}

static void read_gpt2(struct reader *r, mb_lm_config *c)
{
    const char *act = json_string_value(json_object_get(r->root, "activation_function"));
    c->width = size_of(r, "n_embd", -1);
    c->layers = size_of(r, "n_layer", -1);
    c->heads = c->kv_heads = size_of(r, "n_head", -1);
    c->context = size_of(r, "n_positions", -1);
    c->inner = size_of(r, "n_inner", 4 * (int64_t)c->width);
    c->head_dim = c->heads > 0 ? c->width / c->heads : 0;
    c->norm_eps = (float)number(r->root, "layer_norm_epsilon", 1e-5);
    c->tied = truth(r->root, "tie_word_embeddings", true);
    c->qkv_bias = c->out_bias = c->mlp_bias = true;
    if (act && strcmp(act, "gelu_new") != 0) refuse(r, "activation", act);
    if (truth(r->root, "scale_attn_by_inverse_layer_idx", false)) refuse(r, "scaling of attention", "by layer");
}

static void read_rotary(struct reader *r, mb_lm_config *c)
{
    const char *act = json_string_value(json_object_get(r->root, "hidden_act"));
    c->width = size_of(r, "hidden_size", -1);
    c->layers = size_of(r, "num_hidden_layers", -1);
    c->heads = size_of(r, "num_attention_heads", -1);
    c->kv_heads = size_of(r, "num_key_value_heads", c->heads < 0 ? 1 : c->heads);
    c->head_dim = size_of(r, "head_dim", c->heads > 0 ? c->width / c->heads : 0);
    c->inner = size_of(r, "intermediate_size", -1);
    c->context = size_of(r, "max_position_embeddings", -1);
    c->norm_eps = (float)number(r->root, "rms_norm_eps", 1e-6);
    c->tied = truth(r->root, "tie_word_embeddings", false);
    bool bias = truth(r->root, "attention_bias", false);
    c->qkv_bias = c->family == MB_LM_QWEN2 || bias;
    c->out_bias = c->family != MB_LM_QWEN2 && bias;
    c->mlp_bias = truth(r->root, "mlp_bias", false);
    c->qk_norm = c->family == MB_LM_QWEN3;
    if (act && strcmp(act, "silu") != 0) refuse(r, "activation", act);
    if (truth(r->root, "use_sliding_window", false)) refuse(r, "attention", "sliding window");
    if (truth(r->root, "rope_interleaved", false)) refuse(r, "rotary positions", "interleaved");
    read_rope(r, c);
}

static bool read_family(struct reader *r, mb_lm_config *c)
{
    const char *type = json_string_value(json_object_get(r->root, "model_type"));
    for (int f = MB_LM_GPT2; type && f <= MB_LM_QWEN3; f++)
        if (strcmp(type, mb_lm_family_name((mb_lm_family)f)) == 0) {
            c->family = (mb_lm_family)f;
            return true;
        }
    refuse(r, "model_type", type);
    return mb_note(r->err, "supported: gpt2, llama (Llama 2 and 3, SmolLM2), qwen2 (Qwen2, Qwen2.5), qwen3");
}

bool mb_lm_config_read(const char *path, mb_lm_config *c, mb_error *err)
{
    char file[1100];
    struct stat st;
    json_error_t at;
    snprintf(file, sizeof file, stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "%.1000s/config.json" : "%.1000s", path);
    json_t *root = json_load_file(file, 0, &at);
    if (!root) {
        if (at.line < 0) return mb_fail(err, MB_ERR_IO, "%.300s: cannot be read: %s", file, at.text);
        return mb_fail(err, MB_ERR_FORMAT, "%.300s, line %d, column %d: %s", file, at.line, at.column, at.text);
    }
    struct reader r = { root, file, err, true };
    *c = (mb_lm_config){ .bos = -1 };
    if (read_family(&r, c)) {
        c->vocab = size_of(&r, "vocab_size", -1);
        read_stops(&r, c);
        if (c->family == MB_LM_GPT2) read_gpt2(&r, c);
        else read_rotary(&r, c);
    }
    json_decref(root);
    return r.ok && (mb_lm_config_check(c, err) || mb_note(err, "in %.180s", file));
}
#else
bool mb_lm_config_read(const char *path, mb_lm_config *c, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%.300s: this matchbox was built without jansson, which config.json needs", path);
    return mb_help(err, "apt-get install libjansson-dev, then make");
}
#endif
