/* matchbox/transformer.h - language models at work: architectures of Hugging Face, their weights, packed batches, sampling, training.
   layer: lm.  One engine samples and trains: a token's log-probability is the same to the bit in both. */
#ifndef MATCHBOX_TRANSFORMER_H
#define MATCHBOX_TRANSFORMER_H
#include "matchbox/graph.h"
#include "matchbox/lm.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what a model is: config.json ---- */

typedef enum mb_lm_family { MB_LM_GPT2, MB_LM_LLAMA, MB_LM_QWEN2, MB_LM_QWEN3 } mb_lm_family;
enum { MB_LM_STOPS = 8 };
typedef struct mb_lm_config {
    mb_lm_family family;     /* llama: Llama 2 and 3, SmolLM2 */
    int vocab, width, layers, heads, kv_heads, head_dim, inner, context;
    float norm_eps;
    bool tied;               /* the head is the embedding */
    bool qkv_bias, out_bias, mlp_bias, qk_norm;
    double rope_theta;
    bool rope_llama3;        /* scaled frequencies (Dubey et al. 2024), by these */
    double rope_factor, rope_low, rope_high, rope_original;
    int bos, nstops, stop[MB_LM_STOPS]; /* -1: none; tokens that end a text */
} mb_lm_config;

/* config.json, or a folder that holds one.  An architecture that is not known is named with those that are. */
MB_API bool mb_lm_config_read(const char *path, mb_lm_config *c, mb_error *err);
MB_API bool mb_lm_config_check(const mb_lm_config *c, mb_error *err);
/* As transformers reads it. */
MB_API bool mb_lm_config_write(const mb_lm_config *c, const char *path, mb_error *err);
MB_API const char *mb_lm_family_name(mb_lm_family f); /* "llama" */
/* Angles per position of pair i of a head, i below head_dim / 2 (0: positions are learned). */
MB_API double mb_lm_rope_frequency(const mb_lm_config *c, int i);
MB_API int64_t mb_lm_config_parameters(const mb_lm_config *c);

/* ---- weights ---- */

typedef struct mb_lm mb_lm;
/* Parameters called `name` in the scope, drawn N(0, 0.02^2), those into the residual stream over sqrt(2 layers) (Radford et al. 2019). */
MB_API mb_lm *mb_lm_new(mb_scope *s, const char *name, const mb_lm_config *c, mb_error *err);
/* Weights of a folder of Hugging Face (safetensors) into a model of the same shape. */
MB_API bool mb_lm_load(mb_lm *m, const char *folder, mb_error *err);
/* config.json and model.safetensors in `type` (F32, F16, BF16); tokenizer files are the caller's to add. */
MB_API bool mb_lm_save(const mb_lm *m, const char *folder, mb_st_type type, mb_error *err);
MB_API const mb_lm_config *mb_lm_config_of(const mb_lm *m);
MB_API mb_params *mb_lm_params(const mb_lm *m);
/* Adapters of low rank (LoRA: Hu et al. 2022) on every matrix of the layers: x W becomes x W + alpha / rank x A B, A drawn, B zero.  Learners and
   samplers made from now on have them, and learners train nothing else.  mb_lm_save writes merged weights. */
MB_API bool mb_lm_adapt(mb_lm *m, int rank, float alpha, mb_error *err);
MB_API void mb_lm_merge(mb_lm *m); /* W += alpha / rank A B, B = 0 */
MB_API mb_params *mb_lm_trained(const mb_lm *m); /* what learners train: the adapters, or all weights */

/* ---- how a distribution over the next token is made of logits ---- */

#define MB_SAMPLING_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                      \
    NUM(float, temperature, 1, 0, 100, "logits are divided by this; 0: the most likely token")                                 \
    NUM(int, top_k, 0, 0, 1e9, "keep this many most likely tokens; 0: all")                                                    \
    NUM(float, top_p, 1, 0, 1, "keep the most likely tokens that together have this probability")                              \
    NUM(float, min_p, 0, 0, 1, "keep tokens at least this times as likely as the most likely one")                             \
    NUM(float, repetition_penalty, 1, 0.01, 100, "positive logits of tokens that occurred are divided by this, negative multiplied")
typedef struct mb_lm_sampling { MB_SAMPLING_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_lm_sampling;
#define MB_SAMPLING_PLAIN ((mb_lm_sampling){ 1, 0, 1, 0, 1 }) /* the model's own distribution */

/* ---- training: texts as tokens, packed without padding ---- */

/* One text.  target[i] != 0: token i (i >= 1) counts; its log-probability given those before it goes to logp[i].  coefficient[i]: the
   gradient of the loss by that log-probability. */
typedef struct mb_lm_text {
    const int32_t *token; int n;
    const uint8_t *counts;      /* [n] or NULL: all but the first */
    const float *coefficient;   /* [n]; for gradients */
    float *logp, *entropy, *kept; /* [n] each, or NULL; only where it counts is written */
} mb_lm_text;

typedef struct mb_lm_learner_options {
    int tokens;                 /* of a micro-batch: texts are packed into rows of this many */
    mb_optimizer_kind kind;
    float beta1, beta2, eps, decay, max_norm;
    bool recompute;             /* layers are computed again on the way back */
    bool bfloat16;              /* matrix products in bfloat16 */
    bool scores_only;           /* no gradients, no optimiser */
    mb_lm_sampling sampling;    /* of the distribution whose log-probabilities are taken */
} mb_lm_learner_options;
#define MB_LM_LEARNER_DEFAULT ((mb_lm_learner_options){ 1024, MB_ADAMW, 0.9f, 0.99f, 1e-8f, 0, 1, false, false, false, MB_SAMPLING_PLAIN })
typedef struct mb_lm_learner mb_lm_learner;
/* Everything is allocated here; a text has at most `tokens` tokens. */
MB_API mb_lm_learner *mb_lm_learner_new(mb_lm *m, const char *name, mb_lm_learner_options o, mb_error *err);
/* Log-probabilities alone; nothing is learned. */
MB_API bool mb_lm_score(mb_lm_learner *l, const mb_lm_text *texts, int n, mb_error *err);
/* The same, and the sum over texts of coefficient times d logp is added to the gradient. */
MB_API bool mb_lm_gradient(mb_lm_learner *l, const mb_lm_text *texts, int n, mb_error *err);
/* One step of the optimiser with the gradients added since the last, which are zero then.  The gradient's norm before clipping. */
MB_API float mb_lm_step(mb_lm_learner *l, float lr);
MB_API mb_gradsum *mb_lm_gradient_of(mb_lm_learner *l);
MB_API double mb_lm_learner_flops(const mb_lm_learner *l); /* of one full micro-batch */
/* Bytes that a learner will take, before it is made: parameters, gradients, optimiser, activations (an estimate from above). */
typedef struct mb_lm_memory { double weights, gradients, optimizer, activations, head, cache; } mb_lm_memory;
MB_API mb_lm_memory mb_lm_plan_memory(const mb_lm_config *c, const mb_lm_learner_options *o, int slots, int positions);

/* ---- sampling ---- */

typedef struct mb_lm_sampler mb_lm_sampler;
typedef struct mb_lm_request {
    const int32_t *prompt; int n;   /* at least one token */
    int most;                       /* new tokens at most */
    uint64_t stream;                /* names the random numbers: the same stream gives the same text whatever is sampled beside it */
    mb_tokenizer *tokenizer; const char *const *stops; int nstops; /* strings that end a text (tokenizer needed); 0: none */
} mb_lm_request;
/* One sampled text; arrays of `most`. */
typedef struct mb_lm_sampled { int32_t *token; float *logp, *kept, *entropy; int n; bool truncated; } mb_lm_sampled; /* truncated: no end came */
/* rows: tokens computed together; slots: texts under way; positions: prompt and new tokens of a text at most. */
MB_API mb_lm_sampler *mb_lm_sampler_new(mb_lm *m, int rows, int slots, int positions, const mb_lm_sampling *s, mb_error *err);
/* `samples` texts of each request into out[request * samples + sample]; sample j of a request draws from stream * samples + j.  Samples
   of a request share its prompt's keys and values.  The end token, where one came, is the text's last. */
MB_API bool mb_lm_sample(mb_lm_sampler *s, uint64_t seed, const mb_lm_request *requests, int n, int samples, mb_lm_sampled *out, mb_error *err);
MB_API void mb_lm_sampler_set(mb_lm_sampler *s, const mb_lm_sampling *sampling);
MB_API int64_t mb_lm_sampler_executions(const mb_lm_sampler *s);

#ifdef __cplusplus
}
#endif
#endif
