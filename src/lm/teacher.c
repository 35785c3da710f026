/* teacher.c - supervised steps: documents as tokens, the mean loss over the tokens that count, one step of the optimiser. */
#include "matchbox/lm_task.h"
#include <string.h>

struct mb_lm_teacher {
    const mb_lm_kit *kit;
    mb_lm_learner *learner;
    const mb_lm_source *source;
    int batch, longest;
    uint64_t seed;
    mb_lm_text *text;
    int32_t *token;
    uint8_t *counts;
    float *coefficient, *logp;
};

mb_lm_teacher *mb_lm_teacher_new(mb_arena *a, const mb_lm_kit *k, mb_lm_learner *l, const mb_lm_source *s, int batch, int longest, uint64_t seed,
                                 mb_error *err)
{
    mb_lm_teacher *t = mb_alloc(a, 1, sizeof *t, err);
    size_t cells = (size_t)batch * (size_t)longest;
    if (!t) return NULL;
    *t = (mb_lm_teacher){ .kit = k, .learner = l, .source = s, .batch = batch, .longest = longest, .seed = seed };
    t->text = mb_alloc(a, (size_t)batch, sizeof *t->text, err);
    t->token = mb_alloc(a, cells, sizeof *t->token, err);
    t->counts = mb_alloc(a, cells, 1, err);
    t->coefficient = mb_alloc(a, cells, sizeof *t->coefficient, err);
    t->logp = mb_alloc(a, cells, sizeof *t->logp, err);
    return t->text && t->token && t->counts && t->coefficient && t->logp ? t : NULL;
}

/* Tasks have documents without end; a file's are drawn. */
static uint64_t document_of(const mb_lm_teacher *t, int64_t step, int i)
{
    uint64_t number = (uint64_t)step * (uint64_t)t->batch + (uint64_t)i;
    int64_t count = mb_lm_source_count(t->source);
    if (count == 0) return number;
    mb_rng r = mb_rng_make(t->seed, "lm document", number);
    return (uint64_t)(mb_uniform64(&r) * (double)count);
}

bool mb_lm_teach(mb_lm_teacher *t, int64_t step, bool everything, float lr, mb_lm_lesson *out, mb_error *err)
{
    int64_t counted = 0, all = 0;
    for (int i = 0; i < t->batch; i++) {
        size_t at = (size_t)i * (size_t)t->longest;
        int n = mb_lm_document(t->kit, t->source, document_of(t, step, i), everything, t->token + at, t->counts + at, t->longest, err);
        if (n < 0) return false;
        if (n == 0) t->token[at] = 0, t->counts[at] = 0, n = 1;
        t->text[i] = (mb_lm_text){ t->token + at, n, t->counts + at, t->coefficient + at, t->logp + at, NULL, NULL };
        all += n;
        for (int k = 1; k < n; k++) counted += t->counts[at + (size_t)k];
    }
    float each = counted ? -1 / (float)counted : 0;
    for (size_t at = 0; at < (size_t)t->batch * (size_t)t->longest; at++) t->coefficient[at] = each;
    if (!mb_lm_gradient(t->learner, t->text, t->batch, err)) return false;
    out->loss = 0;
    for (int i = 0; i < t->batch; i++)
        for (int k = 1; k < t->text[i].n; k++)
            if (t->text[i].counts[k]) out->loss -= (double)t->text[i].logp[k];
    out->loss /= counted ? (double)counted : 1;
    out->norm = (double)mb_lm_step(t->learner, lr);
    out->tokens = all;
    return true;
}
