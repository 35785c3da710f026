/* matchbox lm check-invariance MODEL TASK|FILE: any split into micro-batches has the same gradient */
#include "cli/lm_common.h"
#include <math.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                               \
    NUM(int, documents, 32, 1, 4096, "of the batch")                                        \
    LIST(micro, "4096,512,128", 16, 1048576, "tokens of the micro-batches that are compared; the first is the measure") \
    NUM(double, tolerance, 1e-6, 0, 1, "largest difference, as a share of the gradient's largest element") \
    NUM(int, threads, 1, 1, 1024, "")                                                       \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON object")
MB_OPTIONS(lm_check_invariance, OPTIONS)

enum { LONGEST = 4096 };
struct batch { mb_lm_text *text; int n; };

static bool read_batch(const cli *c, struct lm_place *p, int documents, struct batch *b, mb_error *err)
{
    const char *word = c->words[1];
    bool file = strchr(word, '/') || strchr(word, '.');
    int context = mb_lm_config_of(p->kit->lm)->context, longest = context < LONGEST ? context : LONGEST;
    mb_task *t = file ? NULL : mb_lm_task_open(p->arena, word, "", 1, err);
    mb_lm_source *s = file ? mb_lm_source_file(p->arena, word, err) : t ? mb_lm_source_task(p->arena, t, err) : NULL;
    b->text = s ? mb_alloc(p->arena, (size_t)documents, sizeof *b->text, err) : NULL;
    if (!b->text) return false;
    double all = 0;
    for (b->n = 0; b->n < documents; b->n++) {
        int32_t *token = mb_alloc(p->arena, (size_t)longest, sizeof *token, err);
        uint8_t *counts = mb_alloc(p->arena, (size_t)longest, 1, err);
        float *coefficient = mb_alloc(p->arena, (size_t)longest, sizeof *coefficient, err);
        int n = coefficient ? mb_lm_document(p->kit, s, (uint64_t)b->n, false, token, counts, longest, err) : -1;
        if (n < 1) return false;
        for (int k = 1; k < n; k++) all += counts[k];
        b->text[b->n] = (mb_lm_text){ .token = token, .n = n, .counts = counts, .coefficient = coefficient };
    }
    for (int i = 0; i < b->n; i++)
        for (int k = 0; k < b->text[i].n; k++) ((float *)(uintptr_t)b->text[i].coefficient)[k] = -1 / (float)all;
    return true;
}

/* the gradient of the whole batch, with micro-batches of `micro` tokens */
static mb_gradsum *gradient(struct lm_place *p, const struct batch *b, int micro, mb_error *err)
{
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    o.tokens = micro;
    o.kind = MB_SGD, o.beta1 = 0; /* no moments: there will be no step */
    for (int i = 0; i < b->n; i++)
        if (b->text[i].n > o.tokens) o.tokens = b->text[i].n;
    mb_lm_learner *l = mb_lm_learner_new(p->kit->lm, "check", o, err);
    return l && mb_lm_gradient(l, b->text, b->n, err) ? mb_lm_gradient_of(l) : NULL;
}

static double apart(const mb_gradsum *a, const mb_gradsum *b)
{
    double worst = 0, size = 0;
    for (int i = 0; i < a->params->n; i++)
        for (int64_t k = 0; k < a->sum[i].n; k++) {
            double x = (double)a->sum[i].data[k], d = fabs(x - (double)b->sum[i].data[k]);
            size = fabs(x) > size ? fabs(x) : size;
            worst = d > worst ? d : worst;
        }
    return size > 0 ? worst / size : worst;
}

static bool compare(const cli *c, const struct lm_check_invariance_options *o, struct lm_place *p, mb_error *err)
{
    struct batch b;
    double worst = 0;
    char memory[256];
    mb_str out;
    if (!read_batch(c, p, o->documents, &b, err)) return false;
    mb_gradsum *whole = gradient(p, &b, o->micro.v[0], err);
    for (int i = 1; whole && i < o->micro.n; i++) {
        mb_gradsum *g = gradient(p, &b, o->micro.v[i], err);
        if (!g) return false;
        double d = apart(whole, g);
        worst = d > worst ? d : worst;
        if (!o->json) printf("micro-batches of %d tokens instead of %d: %.3g of the largest element\n", o->micro.v[i], o->micro.v[0], d);
    }
    if (!whole) return false;
    mb_str_init(&out, memory, sizeof memory);
    mb_str_add(&out, "{\"documents\":%d,\"difference\":", b.n);
    mb_str_number(&out, worst);
    mb_str_add(&out, "}");
    if (o->json) cli_json(&out);
    if (worst <= o->tolerance) return true;
    return mb_fail(err, MB_ERR_NUMERIC, "lm check-invariance: gradients differ by %.3g of the largest element, more than %g", worst, o->tolerance);
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_check_invariance_options *o = c->options;
    struct lm_place p;
    bool ok = lm_open(&p, c->words[0], o->threads, 1, err) && compare(c, o, &p, err);
    lm_close(&p);
    return ok;
}

CLI_COMMAND(lm_check_invariance) = {
    .name = "lm check-invariance", .usage = "lm check-invariance MODEL TASK|FILE", .summary = "does a gradient depend on its micro-batches?",
    .about = "Computes the gradient of the mean loss over a batch of documents several times, each time with micro-batches of another size, and "
             "compares: denominators are the whole batch's, so nothing but rounding may differ.",
    .min_words = 2, .max_words = 2, MB_USE_OPTIONS(lm_check_invariance), .run = run,
};
