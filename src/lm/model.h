/* lm/model.h - a language model's tensors and its forward pass. */
#ifndef MB_LM_MODEL_H
#define MB_LM_MODEL_H
#include "lm/ops.h"

typedef struct mb__lm_matrix { mb_tensor *w, *b, *down, *up; } mb__lm_matrix; /* w [in, out]; b NULL: none; down [in, rank], up [rank, out]: NULL: none */
typedef struct mb__lm_layer {
    mb__lm_matrix norm1, norm2;            /* w [width], b of layer norms */
    mb__lm_matrix q, k, v, o, gate, up, down; /* gate: GPT-2 has none */
    mb_tensor *q_norm, *k_norm;
} mb__lm_layer;

/* Where a tensor stands in a file: the whole of NAME, or columns part * its width .. of it; turned: the file has [out, in]. */
typedef struct mb__lm_place { const char *name; mb_tensor *t; int part, parts; bool turned; } mb__lm_place;

struct mb_lm {
    mb_lm_config c;
    mb_scope *scope;
    mb_params *params;
    mb_tensor *embed, *positions, *head;   /* head NULL: tied */
    mb__lm_matrix norm;
    mb__lm_layer *layer;
    float *rope;                           /* [context, head_dim]: cosines, sines */
    mb__lm_place *place; int nplaces;
    mb_params *adapters; float adapter_scale; /* NULL: none */
};

/* How a row of tokens meets the others: packed texts, or slots of a cache. */
typedef struct mb__lm_batch {
    mb_var token, position, begin;         /* [N] int32 */
    mb_var slot; mb__lm_cache *cache;      /* cache NULL: packed */
    bool recompute;
} mb__lm_batch;
/* scale * down * up of matrix i of a layer, added to `to` [in, out]; false: it has none. */
bool mb__lm_add_adapter(const mb_lm *m, const mb_tensor *w, float *to);
/* Final states [N, width], before the head. */
mb_var mb__lm_forward(const mb_lm *m, mb_graph *g, const mb__lm_batch *b);
mb_var mb__lm_head_table(const mb_lm *m, mb_graph *g); /* [vocab, width] */

#endif
