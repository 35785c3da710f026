/* school.c - what every trainer of language models sets up: model, task, documents, learner, tests. */
#include "matchbox/lm_task.h"
#include <string.h>

static bool open_texts(mb_lm_school *c, mb_arena *a, const char *name, const mb_text_options *text, mb_error *err)
{
    if (strcmp(name, "text") != 0 && !(c->task = mb_lm_task_open(a, name, text->settings.s, c->seed, err))) return false;
    if (*text->file.s) c->source = mb_lm_source_file(a, text->file.s, err);
    else if (c->task) c->source = mb_lm_source_task(a, c->task, err);
    else mb_fail(err, MB_ERR_USAGE, "text: which documents? env.file names them"), mb_help(err, "matchbox help lm sft");
    return c->source != NULL;
}

static bool open_kit(mb_lm_school *c, mb_scope *s, mb_error *err)
{
    enum { DOCUMENTS = 4000 };
    mb_lm_model_options m;
    memcpy(&m, &c->o, sizeof m); /* the first rows */
    bool fresh = !*m.model.s && !*m.tokenizer.s;
    mb_arena *scratch = mb_arena_new((size_t)1 << 32, err);
    char *corpus = NULL;
    size_t n = 0;
    bool ok = scratch && (!fresh || mb_lm_source_corpus(c->source, DOCUMENTS, scratch, &corpus, &n, err));
    if (ok) c->kit = mb_lm_kit_new(s, "lm", &m, corpus, n, err);
    mb_arena_free(scratch);
    return c->kit != NULL;
}

static bool open_learner(mb_lm_school *c, mb_scope *s, const mb_lm_sampling *sampling, mb_error *err)
{
    const mb_lm_common *o = &c->o;
    int context = mb_lm_config_of(c->kit->lm)->context, longest = o->longest && o->longest < context ? o->longest : context;
    mb_lm_learner_options l = MB_LM_LEARNER_DEFAULT;
    l.tokens = o->micro > context ? o->micro : context;
    l.beta1 = o->beta1, l.beta2 = o->beta2, l.decay = o->decay, l.max_norm = o->max_norm;
    l.recompute = o->recompute, l.bfloat16 = o->bfloat16;
    if (sampling) l.sampling = *sampling;
    if (o->lora && !mb_lm_adapt(c->kit->lm, o->lora, o->lora_alpha, err)) return false;
    c->learner = mb_lm_learner_new(c->kit->lm, "lm learn", l, err);
    c->teacher = c->learner ? mb_lm_teacher_new(s->arena, c->kit, c->learner, c->source, o->batch, longest, c->seed, err) : NULL;
    return c->teacher != NULL;
}

bool mb_lm_school_open(mb_lm_school *c, mb_scope *s, const char *name, const mb_text_options *text, const mb_lm_common *o, const mb_lm_sampling *sampling,
                       mb_error *err)
{
    enum { TESTED = 64 }; /* problems at a time */
    mb_lm_sampling plain = MB_SAMPLING_PLAIN;
    *c = (mb_lm_school){ .o = *o, .seed = s->seed };
    if (!open_texts(c, s->arena, name, text, err) || !open_kit(c, s, err) || !open_learner(c, s, sampling, err)) return false;
    if (!c->task || o->test_problems == 0) return true;
    int problems = o->test_problems < TESTED ? o->test_problems : TESTED;
    c->tester = mb_lm_player_new(s, c->kit, c->task, problems, o->test_samples, o->most, &plain, err);
    return c->tester != NULL;
}

void mb_lm_school_close(mb_lm_school *c) { mb_lm_kit_close(c->kit); }

bool mb_lm_school_test(mb_lm_school *c, int64_t step, bool last, bool *tested, mb_error *err)
{
    *tested = c->tester && (last || (c->o.test_every > 0 && step % c->o.test_every == 0));
    return !*tested || mb_lm_evaluate(c->tester, MB_SPLIT_HELD_OUT, c->o.test_problems, c->seed + 1, &c->report, err);
}

float mb_lm_warm(float lr, int64_t step, int warm) { return step < warm ? lr * (float)(step + 1) / (float)warm : lr; }

bool mb_lm_report_at(const mb_lm_report *r, int i, const char **name, double *value)
{
    static const char *const pass[MB_LM_KS] = { "test/pass_1", "test/pass_2", "test/pass_4", "test/pass_8", "test/pass_16", "test/pass_32", "test/pass_64",
                                                "test/pass_128" };
    const struct { const char *name; double value; } more[] = {
        { "test/majority", r->majority }, { "test/length", r->length }, { "test/truncated", r->truncated }, { "test/invalid", r->invalid },
        { "test/verifier_errors", r->errors },
    };
    int n = (int)(sizeof more / sizeof *more);
    if (i < r->nks) *name = pass[i], *value = r->pass[i];
    else if (i - r->nks < n) *name = more[i - r->nks].name, *value = more[i - r->nks].value;
    return i < r->nks + n;
}
