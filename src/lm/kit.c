/* kit.c - a model with its tokenizer: from a folder, from a run, or new. */
#include "lm/model.h"
#include "matchbox/lm_task.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 1200 };
static const char END[] = "<|end|>";

static bool there(const char *folder, const char *name)
{
    char path[PATH_BYTES];
    struct stat st;
    snprintf(path, sizeof path, "%.1000s/%s", folder, name);
    return stat(path, &st) == 0;
}

/* a run keeps its model in the folder model/ */
static void model_folder(const char *given, char *out, size_t n)
{
    snprintf(out, n, !there(given, "config.json") && there(given, "model/config.json") ? "%.1000s/model" : "%.1000s", given);
}

static bool open_tokenizer(mb_lm_kit *k, mb_arena *a, const char *folder, mb_error *err)
{
    char path[PATH_BYTES], *json;
    snprintf(path, sizeof path, "%.1000s/tokenizer.json", folder);
    if (!mb_file_read(path, a, &json, &k->json_bytes, err)) return false;
    k->json = json;
    k->tokenizer = mb_tokenizer_open(a, path, err);
    return k->tokenizer != NULL;
}

/* Made of the corpus, by way of a file: the tokenizer of a model is what its tokenizer.json says. */
static bool make_tokenizer(mb_lm_kit *k, mb_arena *a, const mb_lm_model_options *o, const char *corpus, size_t n, mb_error *err)
{
    char folder[] = "/tmp/matchbox-tokenizer-XXXXXX", path[64];
    const char *const specials[] = { END };
    mb_tokenizer_plan plan = { .vocab = o->vocab, .all_bytes = o->vocab > 0, .specials = specials, .nspecials = 1 };
    if (!corpus) return mb_fail(err, MB_ERR_USAGE, "language model: a new model needs texts to make its tokenizer of");
    if (!mkdtemp(folder)) return mb_fail(err, MB_ERR_IO, "language model: cannot make a directory in /tmp");
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    bool ok = mb_tokenizer_train(&plan, corpus, n, path, NULL, k->scratch, err) && open_tokenizer(k, a, folder, err);
    unlink(path);
    rmdir(folder);
    return ok;
}

static bool new_config(const mb_lm_kit *k, const mb_lm_model_options *o, mb_lm_config *c, mb_error *err)
{
    bool gpt2 = o->family == MB_LM_GPT2;
    if (o->width % o->heads) return mb_fail(err, MB_ERR_USAGE, "language model: a width of %d does not divide into %d heads", o->width, o->heads);
    *c = (mb_lm_config){ .family = (mb_lm_family)o->family, .vocab = mb_tokenizer_size(k->tokenizer), .width = o->width, .layers = o->layers, .heads = o->heads,
                         .kv_heads = gpt2 || !o->kv_heads ? o->heads : o->kv_heads, .head_dim = o->width / o->heads, .context = o->context,
                         .norm_eps = gpt2 ? 1e-5f : 1e-6f, .tied = true, .rope_theta = gpt2 ? 0 : 10000, .bos = -1, .qk_norm = o->family == MB_LM_QWEN3,
                         .qkv_bias = gpt2 || o->family == MB_LM_QWEN2, .out_bias = gpt2, .mlp_bias = gpt2 };
    c->inner = o->inner ? o->inner : gpt2 ? 4 * o->width : (8 * o->width / 3 + 15) / 16 * 16;
    int32_t end = mb_token_id(k->tokenizer, END, sizeof END - 1);
    if (end < 0) end = mb_token_id(k->tokenizer, "<|endoftext|>", 13);
    if (end < 0) return mb_fail(err, MB_ERR_USAGE, "language model: the tokenizer has neither '%s' nor '<|endoftext|>'", END);
    c->bos = c->stop[0] = end;
    c->nstops = 1;
    return true;
}

static bool fits(const mb_lm_kit *k, const mb_lm_config *c, const char *folder, mb_error *err)
{
    int size = mb_tokenizer_size(k->tokenizer);
    if (size <= c->vocab) return true;
    return mb_fail(err, MB_ERR_FORMAT, "%.200s: its tokenizer has %d tokens, its config.json %d", folder, size, c->vocab);
}

static mb_lm_kit *open_kit(mb_lm_kit *k, mb_scope *s, const char *name, const mb_lm_model_options *o, const char *corpus, size_t n, mb_error *err)
{
    char folder[PATH_BYTES];
    mb_lm_config c;
    bool given = *o->model.s;
    model_folder(o->model.s, folder, sizeof folder);
    if (given && (!open_tokenizer(k, s->arena, folder, err) || !mb_lm_config_read(folder, &c, err) || !fits(k, &c, folder, err))) return NULL;
    if (!given && *o->tokenizer.s && !open_tokenizer(k, s->arena, o->tokenizer.s, err)) return NULL;
    if (!given && !*o->tokenizer.s && !make_tokenizer(k, s->arena, o, corpus, n, err)) return NULL;
    if (!given && !new_config(k, o, &c, err)) return NULL;
    k->lm = mb_lm_new(s, name, &c, err);
    if (!k->lm || (given && !mb_lm_load(k->lm, folder, err))) return NULL;
    k->begin = c.bos;
    k->end = c.nstops ? c.stop[0] : -1;
    return k;
}

mb_lm_kit *mb_lm_kit_new(mb_scope *s, const char *name, const mb_lm_model_options *o, const char *corpus, size_t n, mb_error *err)
{
    mb_lm_kit *k = mb_alloc(s->arena, 1, sizeof *k, err);
    if (!k || !(k->scratch = mb_arena_new((size_t)1 << 32, err))) return NULL;
    if (open_kit(k, s, name, o, corpus, n, err)) return k;
    mb_lm_kit_close(k);
    return NULL;
}

void mb_lm_kit_close(mb_lm_kit *k)
{
    if (!k) return;
    mb_tokenizer_close(k->tokenizer);
    mb_arena_free(k->scratch);
    k->tokenizer = NULL;
    k->scratch = NULL;
}

bool mb_lm_kit_save(const mb_lm_kit *k, const char *folder, mb_st_type type, mb_error *err)
{
    char path[PATH_BYTES];
    snprintf(path, sizeof path, "%.1000s/tokenizer.json", folder);
    return mb_lm_save(k->lm, folder, type, err) && mb_file_write(path, k->json, k->json_bytes, err);
}

int mb_lm_encode(const mb_lm_kit *k, const char *text, size_t n, int32_t *ids, int cap, mb_error *err)
{
    size_t mark = mb_arena_mark(k->scratch);
    int count = n ? mb_tokenize(k->tokenizer, text, n, false, ids, cap, k->scratch, err) : 0;
    mb_arena_release(k->scratch, mark);
    return count;
}
