/* matchbox lm sample MODEL [PROMPT]: texts of a model */
#include "cli/lm_common.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                   \
    TEXT(file, "", "file with the prompt; - is standard input")                                 \
    TEXT(stop, "", "string that ends a text")                                                   \
    NUM(int, samples, 1, 1, 100000, "texts, which share the prompt's keys and values")          \
    NUM(int, most, 64, 1, 1000000, "new tokens at most")                                        \
    NUM(int64_t, seed, 1, 0, 1e15, "of the random numbers")                                     \
    NUM(int, threads, 1, 1, 1024, "results never depend on it")                                 \
    MB_SAMPLING_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                           \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array: text, tokens, logp, kept mass, truncated")
MB_OPTIONS(lm_sample, OPTIONS)

enum { IDS = 1 << 20, TEXT_BYTES = 1 << 20 };

static bool prompt_of(const cli *c, const char **text, size_t *n, mb_error *err)
{
    const char *file = cli_text(c, "file");
    char *data;
    *text = c->nwords > 1 ? c->words[1] : "";
    *n = strlen(*text);
    if (!file) return true;
    if (!mb_file_read(strcmp(file, "-") == 0 ? "/dev/stdin" : file, c->arena, &data, n, err)) return false;
    *text = data;
    return true;
}

static void numbers(mb_str *out, const char *name, const float *v, int n)
{
    mb_str_add(out, ",\"%s\":[", name);
    for (int i = 0; i < n; i++) {
        if (i) mb_str_add(out, ",");
        mb_str_number(out, (double)v[i]);
    }
    mb_str_add(out, "]");
}

static void one_json(mb_str *out, const mb_lm_sampled *s, const char *text)
{
    mb_str_add(out, "{\"text\":");
    mb_str_json(out, text);
    mb_str_add(out, ",\"tokens\":[");
    for (int i = 0; i < s->n; i++) mb_str_add(out, i ? ",%d" : "%d", (int)s->token[i]);
    mb_str_add(out, "]");
    numbers(out, "logp", s->logp, s->n);
    numbers(out, "kept", s->kept, s->n);
    mb_str_add(out, ",\"truncated\":%s}", s->truncated ? "true" : "false");
}

static bool print(const cli *c, const mb_lm_kit *k, const mb_lm_sampled *s, int n, bool json, mb_error *err)
{
    size_t cap = (size_t)n * 65536 + TEXT_BYTES;
    char *text = mb_alloc(c->arena, TEXT_BYTES, 1, err), *memory = text ? mb_alloc(c->arena, cap, 1, err) : NULL;
    mb_str out, one;
    if (!memory) return false;
    mb_str_init(&out, memory, cap);
    mb_str_add(&out, "[");
    for (int i = 0; i < n; i++) {
        mb_str_init(&one, text, TEXT_BYTES);
        mb_detokenize(k->tokenizer, s[i].token, s[i].n, true, &one);
        if (i) mb_str_add(&out, ",");
        if (json) one_json(&out, &s[i], one.s);
        else printf("%s%s\n", one.s, s[i].truncated ? " ..." : "");
    }
    mb_str_add(&out, "]");
    if (json) cli_json(&out);
    return true;
}

static bool sample(const cli *c, const struct lm_sample_options *o, struct lm_place *p, mb_error *err)
{
    const char *text, *stops[1] = { cli_text(c, "stop") };
    size_t n;
    int32_t *ids = mb_alloc(c->arena, IDS, sizeof *ids, err);
    mb_lm_sampled *out = mb_alloc(c->arena, (size_t)o->samples, sizeof *out, err);
    if (!ids || !out || !prompt_of(c, &text, &n, err)) return false;
    int from = p->kit->begin >= 0, context = mb_lm_config_of(p->kit->lm)->context;
    if (from) ids[0] = p->kit->begin;
    int got = mb_lm_encode(p->kit, text, n, ids + from, IDS - from, err);
    if (got < 0) return false;
    got += from;
    if (got < 1) return mb_fail(err, MB_ERR_USAGE, "lm sample: this model's texts begin with nothing of their own: give a prompt");
    if (got >= context) return mb_fail(err, MB_ERR_RANGE, "lm sample: the prompt has %d tokens; the model's context is %d", got, context);
    int most = o->most < context - got ? o->most : context - got, slots = o->samples < 64 ? o->samples : 64;
    for (int i = 0; i < o->samples; i++) {
        out[i].token = mb_alloc(c->arena, (size_t)most, sizeof(int32_t), err);
        out[i].logp = mb_alloc(c->arena, (size_t)most, sizeof(float), err);
        out[i].kept = mb_alloc(c->arena, (size_t)most, sizeof(float), err);
        if (!out[i].token || !out[i].logp || !out[i].kept) return false;
    }
    mb_lm_sampling s = { o->temperature, o->top_k, o->top_p, o->min_p, o->repetition_penalty };
    mb_lm_sampler *sampler = mb_lm_sampler_new(p->kit->lm, slots < 32 && got > 32 ? 32 : slots, slots, got + most, &s, err);
    mb_lm_request r = { .prompt = ids, .n = got, .most = most, .tokenizer = p->kit->tokenizer, .stops = stops, .nstops = stops[0] != NULL };
    return sampler && mb_lm_sample(sampler, (uint64_t)o->seed, &r, 1, o->samples, out, err) && print(c, p->kit, out, o->samples, o->json, err);
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_sample_options *o = c->options;
    struct lm_place p;
    bool ok = lm_open(&p, c->words[0], o->threads, 1, err) && sample(c, o, &p, err);
    lm_close(&p);
    return ok;
}

CLI_COMMAND(lm_sample) = {
    .name = "lm sample", .usage = "lm sample MODEL [PROMPT]", .summary = "texts of a language model",
    .about = "Continues a prompt with the model of a folder of Hugging Face or of a run. The same seed gives the same texts, however many are sampled "
             "and whatever the threads. With --json each token comes with the log-probability of the distribution it was drawn from.",
    .min_words = 1, .max_words = 2, MB_USE_OPTIONS(lm_sample), .run = run,
};
