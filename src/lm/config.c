/* config.c - config.json of Hugging Face: GPT-2, Llama 2 and 3, SmolLM2 (a Llama), Qwen2 and 2.5, Qwen3. */
#include "matchbox/transformer.h"
#include "matchbox/math.h"
#include <stdio.h>
#include <string.h>

static const struct { const char *name, *architecture; } families[] = {
    [MB_LM_GPT2] = { "gpt2", "GPT2LMHeadModel" },
    [MB_LM_LLAMA] = { "llama", "LlamaForCausalLM" },
    [MB_LM_QWEN2] = { "qwen2", "Qwen2ForCausalLM" },
    [MB_LM_QWEN3] = { "qwen3", "Qwen3ForCausalLM" },
};

const char *mb_lm_family_name(mb_lm_family f) { return families[f].name; }

static bool wrong_size(mb_error *err, const char *what, int64_t got, const char *expected)
{
    return mb_fail(err, MB_ERR_FORMAT, "language model: %s of %lld: %s", what, (long long)got, expected);
}

bool mb_lm_config_check(const mb_lm_config *c, mb_error *err)
{
    const struct { const char *what; int v, most; } sizes[] = {
        { "a vocabulary", c->vocab, 1 << 24 }, { "a width", c->width, 1 << 16 },        { "a number of layers", c->layers, 512 },
        { "a number of heads", c->heads, 1024 }, { "a number of key heads", c->kv_heads, 1024 }, { "a head size", c->head_dim, 1024 },
        { "an inner width", c->inner, 1 << 20 }, { "a context", c->context, 1 << 24 },
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (sizes[i].v < 1 || sizes[i].v > sizes[i].most) {
            char text[64];
            snprintf(text, sizeof text, "it must lie in [1, %d]", sizes[i].most);
            return wrong_size(err, sizes[i].what, sizes[i].v, text);
        }
    if (c->heads % c->kv_heads) return wrong_size(err, "a number of key heads", c->kv_heads, "it must divide the heads");
    if (c->family != MB_LM_GPT2 && c->head_dim % 2) return wrong_size(err, "a head size", c->head_dim, "rotary positions need an even one");
    if (!(c->norm_eps >= 0 && c->norm_eps < 1)) return mb_fail(err, MB_ERR_FORMAT, "language model: a norm's epsilon must lie in [0, 1)");
    if (c->family != MB_LM_GPT2 && !(c->rope_theta > 0)) return mb_fail(err, MB_ERR_FORMAT, "language model: rope_theta must be above 0");
    if (c->rope_llama3 && !(c->rope_factor >= 1 && c->rope_low > 0 && c->rope_high > c->rope_low && c->rope_original > 0))
        return mb_fail(err, MB_ERR_FORMAT, "language model: the numbers of llama3's rope scaling do not fit");
    return true;
}

/* Dubey et al. 2024: wavelengths above original / low are stretched by the factor, below original / high kept, between them mixed. */
double mb_lm_rope_frequency(const mb_lm_config *c, int i)
{
    if (c->family == MB_LM_GPT2) return 0;
    double f = mb_pow64(c->rope_theta, -2.0 * i / c->head_dim);
    if (!c->rope_llama3) return f;
    double wave = 2 * 3.14159265358979323846 / f, low = c->rope_original / c->rope_low, high = c->rope_original / c->rope_high;
    if (wave < high) return f;
    if (wave > low) return f / c->rope_factor;
    double mix = (c->rope_original / wave - c->rope_low) / (c->rope_high - c->rope_low);
    return (1 - mix) * f / c->rope_factor + mix * f;
}

int64_t mb_lm_config_parameters(const mb_lm_config *c)
{
    int64_t d = c->width, q = (int64_t)c->heads * c->head_dim, kv = (int64_t)c->kv_heads * c->head_dim, inner = c->inner;
    bool gpt2 = c->family == MB_LM_GPT2;
    int64_t layer = d * (q + 2 * kv) + q * d + d * inner * (gpt2 ? 2 : 3) + 2 * d * (gpt2 ? 2 : 1);
    if (c->qkv_bias) layer += q + 2 * kv;
    if (c->out_bias) layer += d;
    if (c->mlp_bias) layer += inner * (gpt2 ? 1 : 2) + d;
    if (c->qk_norm) layer += 2 * c->head_dim;
    return layer * c->layers + (int64_t)c->vocab * d * (c->tied ? 1 : 2) + d * (gpt2 ? 2 : 1) + (gpt2 ? (int64_t)c->context * d : 0);
}

bool mb_lm_config_write(const mb_lm_config *c, const char *path, mb_error *err)
{
    char text[4096], number[40];
    mb_str b;
    mb_str_init(&b, text, sizeof text);
    bool gpt2 = c->family == MB_LM_GPT2;
    mb_str_add(&b, "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n  \"dtype\": \"float32\",\n", families[c->family].architecture,
               families[c->family].name);
    if (c->bos >= 0) mb_str_add(&b, "  \"bos_token_id\": %d,\n", c->bos);
    mb_str_add(&b, "  \"eos_token_id\": ");
    if (c->nstops == 0) mb_str_add(&b, "null");
    else if (c->nstops == 1) mb_str_add(&b, "%d", c->stop[0]);
    for (int i = 0; c->nstops > 1 && i < c->nstops; i++) mb_str_add(&b, "%s%d%s", i ? ", " : "[", c->stop[i], i + 1 == c->nstops ? "]" : "");
    mb_str n;
    mb_str_init(&n, number, sizeof number);
    mb_str_number(&n, (double)c->norm_eps);
    mb_str_add(&b, ",\n  \"vocab_size\": %d,\n  \"tie_word_embeddings\": %s,\n", c->vocab, c->tied ? "true" : "false");
    if (gpt2) {
        mb_str_add(&b, "  \"n_embd\": %d,\n  \"n_layer\": %d,\n  \"n_head\": %d,\n  \"n_inner\": %d,\n  \"n_positions\": %d,\n", c->width, c->layers,
                   c->heads, c->inner, c->context);
        mb_str_add(&b, "  \"activation_function\": \"gelu_new\",\n  \"layer_norm_epsilon\": %s\n}\n", n.s);
        return mb_file_write(path, b.s, b.n, err);
    }
    mb_str_add(&b, "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n  \"num_attention_heads\": %d,\n", c->width, c->layers, c->heads);
    mb_str_add(&b, "  \"num_key_value_heads\": %d,\n  \"head_dim\": %d,\n  \"intermediate_size\": %d,\n", c->kv_heads, c->head_dim, c->inner);
    mb_str_add(&b, "  \"max_position_embeddings\": %d,\n  \"hidden_act\": \"silu\",\n  \"rms_norm_eps\": %s,\n", c->context, n.s);
    if (c->family != MB_LM_QWEN2) mb_str_add(&b, "  \"attention_bias\": %s,\n", c->qkv_bias ? "true" : "false");
    if (c->family == MB_LM_LLAMA) mb_str_add(&b, "  \"mlp_bias\": %s,\n", c->mlp_bias ? "true" : "false");
    mb_str_add(&b, "  \"rope_theta\": %.17g,\n  \"rope_scaling\": ", c->rope_theta); /* what readers before version 5 look for */
    char scaling[256] = "";
    if (c->rope_llama3)
        snprintf(scaling, sizeof scaling,
                 "\"rope_type\": \"llama3\", \"factor\": %.17g, \"low_freq_factor\": %.17g, \"high_freq_factor\": %.17g, "
                 "\"original_max_position_embeddings\": %.17g", c->rope_factor, c->rope_low, c->rope_high, c->rope_original);
    if (*scaling) mb_str_add(&b, "{%s},\n", scaling);
    else mb_str_add(&b, "null,\n");
    mb_str_add(&b, "  \"rope_parameters\": {%s, \"rope_theta\": %.17g}\n}\n", *scaling ? scaling : "\"rope_type\": \"default\"", c->rope_theta);
    return mb_file_write(path, b.s, b.n, err);
}
