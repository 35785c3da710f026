/* Language models: tokens per second of training and of sampling, on random tokens. */
#include "cli/bench.h"
#include "matchbox/transformer.h"
#include <string.h>

enum { LENGTH = 64, SAMPLES = 16, PROMPTS = 16, PROMPT = 20, WRITTEN = 40 };

static mb_lm *model_of(mb_scope *s, bool large, mb_error *err)
{
    mb_lm_config gpt = { .family = MB_LM_GPT2, .vocab = 65, .width = 384, .layers = 6, .heads = 6, .kv_heads = 6, .head_dim = 64, .inner = 1536,
                         .context = 256, .norm_eps = 1e-5f, .tied = true, .bos = -1, .qkv_bias = true, .out_bias = true, .mlp_bias = true };
    mb_lm_config llama = { .family = MB_LM_LLAMA, .vocab = 256, .width = 128, .layers = 4, .heads = 4, .kv_heads = 4, .head_dim = 32, .inner = 384,
                           .context = 256, .norm_eps = 1e-5f, .tied = true, .rope_theta = 10000, .bos = -1 };
    return mb_lm_new(s, "lm", large ? &gpt : &llama, err);
}

static bool train(mb_lm *m, mb_arena *a, int texts, double *rate, mb_error *err)
{
    enum { STEPS = 4 };
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    o.tokens = texts * LENGTH;
    mb_lm_learner *l = mb_lm_learner_new(m, "bench", o, err);
    mb_lm_text *t = mb_alloc(a, (size_t)texts, sizeof *t, err);
    int32_t *token = mb_alloc(a, (size_t)o.tokens, sizeof *token, err);
    float *c = mb_alloc(a, LENGTH, sizeof *c, err);
    if (!l || !t || !token || !c) return false;
    mb_rng r = mb_rng_make(1, "bench tokens", 0);
    for (int i = 0; i < o.tokens; i++) token[i] = mb_below(&r, mb_lm_config_of(m)->vocab);
    for (int i = 0; i < LENGTH; i++) c[i] = -1 / (float)o.tokens;
    for (int i = 0; i < texts; i++) t[i] = (mb_lm_text){ .token = token + i * LENGTH, .n = LENGTH, .coefficient = c };
    double from = 0;
    for (int i = 0; i <= STEPS; i++) { /* the first one warms up */
        if (i == 1) from = mb_now();
        if (!mb_lm_gradient(l, t, texts, err)) return false;
        mb_lm_step(l, 1e-4f);
    }
    *rate = (double)STEPS * o.tokens / (mb_now() - from);
    return true;
}

static bool sample(mb_lm *m, mb_arena *a, double *rate, mb_error *err)
{
    mb_lm_sampling s = MB_SAMPLING_PLAIN;
    mb_lm_sampler *p = mb_lm_sampler_new(m, 128, 128, LENGTH, &s, err);
    mb_lm_request *q = mb_alloc(a, PROMPTS, sizeof *q, err);
    mb_lm_sampled *out = mb_alloc(a, PROMPTS * SAMPLES, sizeof *out, err);
    int32_t *token = mb_alloc(a, PROMPT + PROMPTS * SAMPLES * WRITTEN, sizeof *token, err);
    if (!p || !q || !out || !token) return false;
    for (int i = 0; i < PROMPT; i++) token[i] = i;
    for (int i = 0; i < PROMPTS; i++) q[i] = (mb_lm_request){ .prompt = token, .n = PROMPT, .most = WRITTEN, .stream = (uint64_t)i };
    for (int i = 0; i < PROMPTS * SAMPLES; i++) out[i].token = token + PROMPT + i * WRITTEN;
    double from = mb_now();
    if (!mb_lm_sample(p, 1, q, PROMPTS, SAMPLES, out, err)) return false;
    *rate = PROMPTS * SAMPLES * WRITTEN / (mb_now() - from);
    return true;
}

bool bench_lm(const char *what, int threads, double *rate, mb_error *err)
{
    mb_arena *a = mb_arena_new((size_t)1 << 34, err);
    mb_scope scope = { .arena = a, .seed = 1 };
    bool ok = a && mb_isa(&scope.kernels, err) && (threads < 2 || (scope.pool = mb_pool_new(threads, err)));
    bool large = strcmp(what, "large") == 0;
    mb_lm *m = ok ? model_of(&scope, large, err) : NULL;
    ok = m && (strcmp(what, "sample") == 0 ? sample(m, a, rate, err) : train(m, a, large ? 4 : 32, rate, err));
    mb_pool_free(scope.pool);
    mb_arena_free(a);
    return ok;
}
