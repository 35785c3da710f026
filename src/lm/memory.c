/* memory.c - what a run will take, told before it is made. */
#include "lm/ops.h"

/* floats per token that the way forward keeps for the way back, of one layer: what its operations read again */
static double layer_floats(const mb_lm_config *c)
{
    double q = (double)c->heads * c->head_dim, kv = (double)c->kv_heads * c->head_dim, d = c->width, inner = c->inner;
    double norms = c->qk_norm ? 2 * (q + kv) : 0;
    return 8 * d + 4 * q + 3 * kv + norms + (c->family == MB_LM_GPT2 ? 3 : 5) * inner;
}

mb_lm_memory mb_lm_plan_memory(const mb_lm_config *c, const mb_lm_learner_options *o, int slots, int positions)
{
    double n = (double)mb_lm_config_parameters(c), tokens = o->tokens;
    double held = 4194304.0 / c->vocab, rows = held > 256 ? 256 : held < 16 ? 16 : held; /* as op_head.c takes them */
    mb_lm_memory m = { .weights = 4 * n };
    if (!o->scores_only) {
        double kept = o->recompute ? (double)c->layers * 2 * c->width + layer_floats(c) : c->layers * layer_floats(c);
        m.gradients = 2 * 4 * n; /* of a micro-batch, and their sum */
        m.optimizer = 4 * n * (o->kind == MB_SGD ? (o->beta1 > 0 ? 1 : 0) : o->kind == MB_RMSPROP ? 1 : 2);
        m.activations = 4 * tokens * (kept + 4.0 * c->width);
    } else {
        m.activations = 4 * tokens * layer_floats(c);
    }
    m.head = 4 * (rows * (c->vocab + 2.0 * c->width) + 2.0 * c->vocab);
    int pages = slots > 0 ? (slots + 16) * ((positions + MB__LM_PAGE - 1) / MB__LM_PAGE) : 0;
    m.cache = (double)mb__lm_cache_bytes(c, pages);
    return m;
}
