/* lm/ops.h - operations of language models on rows of tokens.  Rows of a packed batch are tokens of several texts one after the other;
   begin[i] is the row where the text of row i begins.  An element of every result is computed by the same operations in the same order
   whatever the other rows are, how many there are and who computes it, so a token that is sampled through the cache and the same token
   in a packed batch have the same bits. */
#ifndef MB_LM_OPS_H
#define MB_LM_OPS_H
#include "graph/internal.h"
#include "matchbox/transformer.h"

/* x [N, in] times w [in, out], plus bias [out] (id < 0: none).  Whole operations: weight gradients are one chain over all rows. */
mb_var mb__lm_linear(mb_var x, mb_var w, mb_var bias);
/* table [V, d], index [N] -> [N, d]; the gradient adds rows in ascending order. */
mb_var mb__lm_embed(mb_var table, mb_var index);
/* Rotary positions (Su et al. 2021, halves): x [N, heads * dim], position [N], table [context, dim]: cosines, then sines, of dim / 2 angles. */
mb_var mb__lm_rope(mb_var x, mb_var position, const float *table, int context, int dim);

/* Causal attention within each text: q [N, heads * dim] already scaled, k and v [N, kv * dim] -> [N, heads * dim]. */
mb_var mb__lm_attend(mb_var q, mb_var k, mb_var v, mb_var begin, int heads, int kv, int dim);

/* ---- keys and values of texts that are being written ---- */

enum { MB__LM_PAGE = 64 }; /* positions of a page */
typedef struct mb__lm_cache {
    int layers, kv, dim, slots, pages_per_slot, npages, nfree;
    float *data;      /* page, layer, kv head: keys turned [dim, PAGE], then values [PAGE, dim] */
    int *table;       /* [slots, pages_per_slot] page of each run of positions */
    int *users;       /* [npages] slots that read a page */
    int *free;        /* [npages] */
} mb__lm_cache;
mb__lm_cache *mb__lm_cache_new(mb_arena *a, const mb_lm_config *c, int slots, int positions, int npages, mb_error *err);
size_t mb__lm_cache_bytes(const mb_lm_config *c, int npages);
float *mb__lm_cache_at(const mb__lm_cache *c, int page, int layer, int head);
bool mb__lm_cache_room(mb__lm_cache *c, int slot, int position);           /* a page of its own for this position; false: none is left */
/* `to` continues the first n positions of `from`: whole pages are shared, the last is copied. */
bool mb__lm_cache_fork(mb__lm_cache *c, int from, int to, int n);
void mb__lm_cache_drop(mb__lm_cache *c, int slot);
/* As mb__lm_attend for rows (slot, position): writes their k and v into the cache, then attends to all positions up to theirs. */
mb_var mb__lm_cached(mb_var q, mb_var k, mb_var v, mb_var slot, mb_var position, mb__lm_cache *c, int layer);

/* ---- the head ---- */

typedef struct mb__lm_row { float logp, entropy, kept; int32_t token; } mb__lm_row; /* kept: mass of what truncation left */
/* Logits of a row are in z; scratch: e [2 v], seen [v], all zero between rows. */
struct mb__lm_dist { const mb__kernels *k; const mb_lm_sampling *s; float *z, *e; uint8_t *seen; int v; };
/* Penalty, temperature and truncation; history: the tokens of the text so far.  z: scores below the largest, 0; e: their exponentials,
   0 where dropped.  Returns the sum of e; *kept: its share before truncation.  mb__lm_forget with the same history must follow. */
float mb__lm_distribution(const struct mb__lm_dist *d, const int32_t *history, int n, float *kept);
void mb__lm_forget(const struct mb__lm_dist *d, const int32_t *history, int n);
mb__lm_row mb__lm_score(const struct mb__lm_dist *d, float sum, float kept, int32_t token);
int32_t mb__lm_draw(const struct mb__lm_dist *d, float sum, double u);
/* c times d logp(token) / d logits into z */
void mb__lm_score_grad(const struct mb__lm_dist *d, float sum, int32_t token, float c);

typedef struct mb__lm_head {
    const mb_lm_sampling *sampling;
    int v, d, rows, block;  /* vocabulary, width, rows of the batch, rows whose logits are held */
    float *logits, *h, *e, *back; /* [block, v], [block, d], [threads, 2 v], [block, d] */
    float *turned;          /* [threads, d, 64] */
    uint8_t *seen;          /* [threads, v] */
    int *which;             /* [rows] rows that are wanted */
    /* of the sampler: draws for row `row`, whose logits are in d->z */
    void (*draw)(void *ctx, int row, const struct mb__lm_dist *d);
    void *ctx;
} mb__lm_head;
/* sampling is read at every execution */
mb__lm_head *mb__lm_head_new(mb_scope *s, const mb_lm_sampling *sampling, int v, int d, int rows, mb_error *err);
/* h [N, d], table [V, d], target [N] (-1: not wanted), token and begin [N] -> [N, 3]: log-probability, entropy, kept mass; zero where not
   wanted.  The logits of `block` rows are held at a time.  Differentiable by the log-probability, in h and the table. */
mb_var mb__lm_logp(mb_var h, mb_var table, mb_var target, mb_var token, mb_var begin, mb__lm_head *head);
/* Rows with want [N] not 0 are handed to head->draw, by any thread: an effect. */
mb_var mb__lm_sample(mb_var h, mb_var table, mb_var want, mb__lm_head *head);

#endif
