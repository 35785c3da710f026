/* learner.c - texts into packed rows, log-probabilities and gradients out.  A text lies in one micro-batch; what a micro-batch has to do is
   a sum over its tokens with the caller's coefficients, so the gradient does not depend on how texts fall into micro-batches. */
#include "lm/model.h"
#include <stdio.h>
#include <string.h>

/* one compiled size */
struct plan {
    int rows;
    mb_plan *plan;
    mb_var token, position, begin, target, coefficient, out;
};

enum { SIZES = 3 }; /* the full micro-batch, a quarter, a sixteenth: what is left over costs little */

struct mb_lm_learner {
    mb_lm *m;
    mb_lm_learner_options o;
    mb_gradsum *sum;
    struct plan score[SIZES], learn[SIZES];
    int nsizes;
    mb_plan *step;
    mb_var lr, norm;
};

static mb_var total_of(const struct plan *p)
{
    int n = p->rows;
    mb_var logp = mb_reshape(mb_slice(p->out, 1, 0, 1), MB_S1(n));
    return mb_sum(mb_mul(logp, p->coefficient));
}

static bool make_plan(mb_lm_learner *l, struct plan *p, int rows, bool learn, const char *name, mb_error *err)
{
    mb_scope *s = l->m->scope;
    mb_graph *g = mb_graph_new(s, name, err);
    if (!g) return false;
    mb_graph_bf16(g, l->o.bfloat16);
    *p = (struct plan){ .rows = rows };
    p->token = mb_input(g, "token", MB_I32, MB_S1(rows));
    p->position = mb_input(g, "position", MB_I32, MB_S1(rows));
    p->begin = mb_input(g, "begin", MB_I32, MB_S1(rows));
    p->target = mb_input(g, "target", MB_I32, MB_S1(rows));
    p->coefficient = mb_input(g, "coefficient", MB_F32, MB_S1(rows));
    mb__lm_batch b = { .token = p->token, .position = p->position, .begin = p->begin, .recompute = learn && l->o.recompute };
    mb_var h = mb__lm_forward(l->m, g, &b);
    mb__lm_head *head = mb__lm_head_new(s, &l->o.sampling, l->m->c.vocab, l->m->c.width, rows, err);
    if (!head) return false;
    p->out = mb__lm_logp(h, mb__lm_head_table(l->m, g), p->target, p->token, p->begin, head);
    mb_output(p->out);
    if (learn) mb_accumulate(total_of(p), mb_constant(g, 0), l->sum);
    p->plan = mb_compile(g, err);
    return p->plan != NULL;
}

static bool make_step(mb_lm_learner *l, mb_error *err)
{
    mb_graph *g = mb_graph_new(l->m->scope, "lm step", err);
    if (!g) return false;
    l->lr = mb_scalar(g, "lr", 0);
    mb_optimizer o = { .kind = l->o.kind, .lr = l->lr, .beta1 = l->o.beta1, .beta2 = l->o.beta2, .eps = l->o.eps, .decay = l->o.decay,
                       .max_norm = l->o.max_norm };
    l->norm = mb_optimize_sum(g, l->sum, o);
    mb_output(l->norm);
    l->step = mb_compile(g, err);
    return l->step != NULL;
}

mb_lm_learner *mb_lm_learner_new(mb_lm *m, const char *name, mb_lm_learner_options o, mb_error *err)
{
    mb_arena *a = m->scope->arena;
    mb_lm_learner *l = mb_alloc(a, 1, sizeof *l, err);
    if (!l) return NULL;
    if (o.tokens < 1 || o.tokens > 1 << 20) {
        mb_fail(err, MB_ERR_RANGE, "language model: a micro-batch has 1 to %d tokens, not %d", 1 << 20, o.tokens);
        return NULL;
    }
    *l = (mb_lm_learner){ .m = m, .o = o };
    bool learns = !o.scores_only;
    if (learns && !(l->sum = mb_gradsum_new(mb_lm_trained(m), err))) return NULL;
    for (int i = 0, rows = o.tokens; i < SIZES && (i == 0 || rows >= 32); i++, rows = (rows + 3) / 4) {
        if (!make_plan(l, &l->score[i], rows, false, name, err) || (learns && !make_plan(l, &l->learn[i], rows, true, name, err))) return NULL;
        l->nsizes++;
    }
    return !learns || make_step(l, err) ? l : NULL;
}

/* ---- packing ---- */

static void put_text(const struct plan *p, const mb_lm_text *t, int row)
{
    int32_t *token = mb_input_data(p->token), *position = mb_input_data(p->position), *begin = mb_input_data(p->begin);
    int32_t *target = mb_input_data(p->target);
    float *c = mb_data(p->coefficient);
    for (int i = 0; i < t->n; i++) {
        bool counts = i + 1 < t->n && (!t->counts || t->counts[i + 1]);
        token[row + i] = t->token[i];
        position[row + i] = i;
        begin[row + i] = row;
        target[row + i] = counts ? t->token[i + 1] : -1;
        c[row + i] = counts && t->coefficient ? t->coefficient[i + 1] : 0;
    }
}

static void put_nothing(const struct plan *p, int from)
{
    int32_t *token = mb_input_data(p->token), *position = mb_input_data(p->position), *begin = mb_input_data(p->begin);
    int32_t *target = mb_input_data(p->target);
    float *c = mb_data(p->coefficient);
    for (int i = from; i < p->rows; i++) token[i] = position[i] = 0, begin[i] = i, target[i] = -1, c[i] = 0;
}

static void get_text(const struct plan *p, const mb_lm_text *t, int row)
{
    const float *out = mb_data(p->out) + (int64_t)row * 3;
    for (int i = 1; i < t->n; i++, out += 3) {
        if (t->counts && !t->counts[i]) continue;
        if (t->logp) t->logp[i] = out[0];
        if (t->entropy) t->entropy[i] = out[1];
        if (t->kept) t->kept[i] = out[2];
    }
}

static bool check(const mb_lm_learner *l, const mb_lm_text *t, int n, mb_error *err)
{
    for (int i = 0; i < n; i++) {
        if (t[i].n < 1) return mb_fail(err, MB_ERR_RANGE, "language model: text %d is empty", i);
        if (t[i].n > l->m->c.context)
            return mb_fail(err, MB_ERR_RANGE, "language model: text %d has %d tokens; the model's context is %d", i, t[i].n, l->m->c.context);
        if (t[i].n > l->o.tokens)
            return mb_fail(err, MB_ERR_RANGE, "language model: text %d has %d tokens; a micro-batch holds %d", i, t[i].n, l->o.tokens);
        for (int k = 0; k < t[i].n; k++)
            if (t[i].token[k] < 0 || t[i].token[k] >= l->m->c.vocab)
                return mb_fail(err, MB_ERR_RANGE, "language model: token %d of text %d is %d; the vocabulary has %d", k, i, (int)t[i].token[k],
                               l->m->c.vocab);
    }
    return true;
}

/* Texts from `from` on into one micro-batch, in order, as many as fit; how many. */
static int run_some(mb_lm_learner *l, const struct plan *sizes, const mb_lm_text *texts, int from, int n)
{
    int end = from, rows = 0, size = 0;
    while (end < n && rows + texts[end].n <= l->o.tokens) rows += texts[end++].n;
    while (size + 1 < l->nsizes && sizes[size + 1].rows >= rows) size++;
    const struct plan *p = &sizes[size];
    for (int i = from, row = 0; i < end; row += texts[i++].n) put_text(p, &texts[i], row);
    put_nothing(p, rows);
    mb_exec(p->plan);
    for (int i = from, row = 0; i < end; row += texts[i++].n) get_text(p, &texts[i], row);
    return end - from;
}

bool mb_lm_score(mb_lm_learner *l, const mb_lm_text *texts, int n, mb_error *err)
{
    if (!check(l, texts, n, err)) return false;
    for (int i = 0; i < n;) i += run_some(l, l->score, texts, i, n);
    return true;
}

bool mb_lm_gradient(mb_lm_learner *l, const mb_lm_text *texts, int n, mb_error *err)
{
    if (!l->sum) return mb_fail(err, MB_ERR_USAGE, "language model: this learner only scores");
    if (!check(l, texts, n, err)) return false;
    for (int i = 0; i < n;) i += run_some(l, l->learn, texts, i, n);
    return true;
}

float mb_lm_step(mb_lm_learner *l, float lr)
{
    *l->sum->terms = 1; /* coefficients have their denominators already */
    mb_set(l->lr, lr);
    mb_exec(l->step);
    return mb_get(l->norm);
}

mb_gradsum *mb_lm_gradient_of(mb_lm_learner *l) { return l->sum; }
double mb_lm_learner_flops(const mb_lm_learner *l)
{
    return mb_plan_info_of(l->sum ? l->learn[0].plan : l->score[0].plan).flops;
}
