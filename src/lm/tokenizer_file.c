/* tokenizer.json: what it asks for, or which part of it is not known. */
#include "lm/tokenizer.h"
#ifdef MB_HAVE_JANSSON
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { IDS_MOST = 1 << 24 };
struct reader { const char *file; mb_arena *a; mb_tokenizer *t; mb_error *err; bool bytes; }; /* bytes: the file says it is byte-level */

static bool wrong(const struct reader *r, const char *what)
{
    return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: %s", r->file, what);
}

static bool unknown(const struct reader *r, const char *part, const char *what)
{
    mb_fail(r->err, MB_ERR_UNSUPPORTED, "%.200s: %s '%.60s' is not supported", r->file, part, what ? what : "(none)");
    return mb_note(r->err, "supported: byte-level BPE as in GPT-2, Llama 3, SmolLM2, Qwen2 and Qwen3");
}

static const char *type_of(const json_t *v) { return json_string_value(json_object_get(v, "type")); }
static bool is(const json_t *v, const char *type) { return type_of(v) && strcmp(type_of(v), type) == 0; }
static bool set(const json_t *v, const char *key, bool otherwise)
{
    const json_t *x = json_object_get(v, key);
    return json_is_boolean(x) ? json_is_true(x) : otherwise;
}

/* ---- words of the vocabulary ---- */

/* The bytes that a word of the vocabulary stands for; a word with other characters stands for itself.  Room for strlen(word). */
static size_t bytes_of(const char *word, const int16_t byte_of[512], char *out)
{
    size_t n = 0, len = strlen(word);
    for (size_t i = 0; i < len;) {
        int c = mb__utf8(word + i, len - i);
        int point = c == 1 ? (uint8_t)word[i] : c == 2 ? ((uint8_t)word[i] & 31) << 6 | ((uint8_t)word[i + 1] & 63) : -1;
        if (point < 0 || point >= 512 || byte_of[point] < 0) {
            memcpy(out, word, len);
            return len;
        }
        out[n++] = (char)byte_of[point];
        i += (size_t)c;
    }
    return n;
}

static bool add_token(const struct reader *r, int64_t id, const char *bytes, size_t n, bool special)
{
    if (id < 0 || id >= r->t->size) return wrong(r, "an id is not a number of tokens");
    char *kept = mb_alloc(r->a, n + 1, 1, r->err);
    if (!kept) return false;
    memcpy(kept, bytes, n);
    r->t->token[id] = (mb__token){ kept, (uint32_t)n, special, true };
    return true;
}

static uint32_t power_above(size_t n)
{
    uint32_t p = 16;
    while (p < 2 * n) p *= 2;
    return p;
}

/* ---- vocabulary, merges, added tokens ---- */

static bool size_of(const struct reader *r, const json_t *vocab, const json_t *added)
{
    const char *word;
    json_t *v;
    size_t i;
    int64_t most = -1;
    json_object_foreach((json_t *)(uintptr_t)vocab, word, v) if (json_integer_value(v) > most) most = json_integer_value(v);
    json_array_foreach((json_t *)(uintptr_t)added, i, v)
        if (json_integer_value(json_object_get(v, "id")) > most) most = json_integer_value(json_object_get(v, "id"));
    if (most < 0 || most >= IDS_MOST) return wrong(r, "the largest id is not a number of tokens");
    r->t->size = (int)most + 1;
    r->t->token = mb_alloc(r->a, (size_t)r->t->size, sizeof *r->t->token, r->err);
    r->t->nhash = power_above((size_t)r->t->size);
    r->t->hash = mb_alloc(r->a, r->t->nhash, sizeof *r->t->hash, r->err);
    return r->t->token && r->t->hash;
}

static bool read_vocab(const struct reader *r, const json_t *vocab, const int16_t byte_of[512])
{
    const char *word;
    json_t *v;
    char bytes[4096];
    json_object_foreach((json_t *)(uintptr_t)vocab, word, v) {
        if (!json_is_integer(v)) return wrong(r, "an id of 'vocab' is not a number");
        if (strlen(word) >= sizeof bytes) return wrong(r, "a word of 'vocab' is longer than 4 kB");
        if (!add_token(r, json_integer_value(v), bytes, bytes_of(word, byte_of, bytes), false)) return false;
    }
    for (int32_t id = 0; id < r->t->size; id++)
        if (r->t->token[id].present) mb__token_hash(r->t, id);
    int lack = 0;
    for (int b = 0; b < 256; b++) {
        char byte = (char)b;
        r->t->byte_id[b] = mb_token_id(r->t, &byte, 1);
        lack += r->t->byte_id[b] < 0;
    }
    if (lack == 0 || r->bytes) return true; /* a vocabulary of the bytes that were seen: the others cannot be encoded */
    return mb_fail(r->err, MB_ERR_UNSUPPORTED, "%.200s: no token stands for %d of the 256 bytes: this is no byte-level vocabulary", r->file, lack);
}

/* "a b" or ["a", "b"] */
static bool read_merge(const struct reader *r, const json_t *v, int32_t rank, const int16_t byte_of[512])
{
    char text[2048], both[2048];
    const char *left = json_string_value(json_array_get(v, 0)), *right = json_string_value(json_array_get(v, 1));
    if (json_is_string(v)) {
        snprintf(text, sizeof text, "%s", json_string_value(v));
        char *space = strchr(text, ' ');
        if (space) *space = 0, left = text, right = space + 1;
    }
    if (!left || !right || strlen(left) + strlen(right) >= sizeof both) return wrong(r, "an entry of 'merges' is no pair");
    size_t n = bytes_of(left, byte_of, both), m = bytes_of(right, byte_of, both + n);
    mb__merge x = { mb_token_id(r->t, both, n), mb_token_id(r->t, both + n, m), mb_token_id(r->t, both, n + m), rank };
    if (x.left < 0 || x.right < 0 || x.result < 0)
        return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: merge %d, of '%.40s' and '%.40s', is not of words of the vocabulary", r->file, rank, left, right);
    mb__merge_add(r->t, x);
    return true;
}

static bool read_merges(const struct reader *r, const json_t *merges, const int16_t byte_of[512])
{
    size_t i;
    json_t *v;
    if (!json_is_array(merges)) return wrong(r, "'merges' is missing");
    r->t->nmerge_hash = power_above(json_array_size(merges));
    r->t->merge = mb_alloc(r->a, r->t->nmerge_hash, sizeof *r->t->merge, r->err);
    if (!r->t->merge) return false;
    for (uint32_t k = 0; k < r->t->nmerge_hash; k++) r->t->merge[k].rank = -1;
    json_array_foreach((json_t *)(uintptr_t)merges, i, v)
        if (!read_merge(r, v, (int32_t)i, byte_of)) return false;
    return true;
}

static bool read_added(const struct reader *r, const json_t *list)
{
    size_t i;
    json_t *v;
    mb_tokenizer *t = r->t;
    t->added = mb_alloc(r->a, json_array_size(list), sizeof *t->added, r->err);
    if (!t->added) return false;
    json_array_foreach((json_t *)(uintptr_t)list, i, v) {
        const char *content = json_string_value(json_object_get(v, "content"));
        const json_t *id = json_object_get(v, "id");
        if (!content || !*content || !json_is_integer(id)) return wrong(r, "an added token has no content or no id");
        if (set(v, "single_word", false)) return unknown(r, "the flag of added tokens", "single_word");
        size_t n = strlen(content);
        if (!add_token(r, json_integer_value(id), content, n, set(v, "special", false))) return false;
        mb__token_hash(t, (int32_t)json_integer_value(id));
        mb__added a = { t->token[json_integer_value(id)].bytes, n, (int32_t)json_integer_value(id), set(v, "lstrip", false), set(v, "rstrip", false),
                        set(v, "normalized", true) };
        int k = t->nadded++;
        for (; k > 0 && t->added[k - 1].n < n; k--) t->added[k] = t->added[k - 1]; /* longest first */
        t->added[k] = a;
    }
    return true;
}

/* ---- the other parts ---- */

static bool read_normalizer(const struct reader *r, const json_t *v)
{
    size_t i;
    json_t *part;
    if (!v || json_is_null(v)) return true;
    if (is(v, "NFC")) return r->t->nfc = true;
    if (!is(v, "Sequence")) return unknown(r, "normalizer", type_of(v));
    json_array_foreach(json_object_get(v, "normalizers"), i, part)
        if (!read_normalizer(r, part)) return false;
    return true;
}

static bool read_splitter(const struct reader *r, const json_t *v)
{
    size_t i;
    json_t *part;
    if (!v || json_is_null(v)) return true;
    if (is(v, "Sequence")) {
        json_array_foreach(json_object_get(v, "pretokenizers"), i, part)
            if (!read_splitter(r, part)) return false;
        return true;
    }
    if (is(v, "ByteLevel")) {
        if (set(v, "add_prefix_space", true)) return unknown(r, "pre-tokenizer", "ByteLevel with add_prefix_space");
        return !set(v, "use_regex", true) || mb__splitter_regex(r->t, mb__gpt2_regex, r->err);
    }
    if (is(v, "Digits")) {
        if (r->t->nsplitters == MB__SPLITTERS) return unknown(r, "number of pre-tokenizers", "more than 8");
        r->t->splitter[r->t->nsplitters++] = (mb__splitter){ set(v, "individual_digits", false) ? MB__SPLIT_DIGITS : MB__SPLIT_DIGIT_RUNS, NULL };
        return true;
    }
    if (!is(v, "Split")) return unknown(r, "pre-tokenizer", type_of(v));
    const char *regex = json_string_value(json_object_get(json_object_get(v, "pattern"), "Regex"));
    const char *behavior = json_string_value(json_object_get(v, "behavior"));
    if (!regex) return unknown(r, "pre-tokenizer", "Split without a Regex");
    if (!behavior || strcmp(behavior, "Isolated") != 0 || set(v, "invert", false)) return unknown(r, "behaviour of Split", behavior);
    return mb__splitter_regex(r->t, regex, r->err);
}

static bool read_template(const struct reader *r, const json_t *v)
{
    size_t i;
    json_t *part;
    mb_tokenizer *t = r->t;
    if (!v || json_is_null(v) || is(v, "ByteLevel")) return true;
    if (is(v, "Sequence")) {
        json_array_foreach(json_object_get(v, "processors"), i, part)
            if (!read_template(r, part)) return false;
        return true;
    }
    if (!is(v, "TemplateProcessing")) return unknown(r, "post-processor", type_of(v));
    json_array_foreach(json_object_get(v, "single"), i, part) {
        const json_t *special = json_object_get(part, "SpecialToken");
        const char *name = json_string_value(json_object_get(special, "id"));
        const json_t *ids = name ? json_object_get(json_object_get(json_object_get(v, "special_tokens"), name), "ids") : NULL;
        size_t n = special ? json_array_size(ids) : 1;
        if (special && !n) return wrong(r, "the template names a special token without ids");
        for (size_t k = 0; k < n; k++) {
            if (t->ntemplate == MB__TEMPLATE) return unknown(r, "template", "of more than 16 parts");
            t->template[t->ntemplate++] = special ? (int32_t)json_integer_value(json_array_get(ids, k)) : MB__TEXT_HERE;
        }
    }
    return true;
}

static bool read_model(const struct reader *r, const json_t *model, const json_t *added)
{
    int16_t byte_of[512];
    const json_t *vocab = json_object_get(model, "vocab");
    mb__byte_alphabet(byte_of);
    if (type_of(model) && !is(model, "BPE")) return unknown(r, "model", type_of(model));
    if (set(model, "byte_fallback", false)) return unknown(r, "model", "BPE with byte_fallback");
    if (!json_is_object(vocab)) return wrong(r, "'vocab' is missing");
    r->t->ignore_merges = set(model, "ignore_merges", false);
    return size_of(r, vocab, added) && read_vocab(r, vocab, byte_of) && read_merges(r, json_object_get(model, "merges"), byte_of) &&
           read_added(r, added);
}

mb_tokenizer *mb_tokenizer_open(mb_arena *a, const char *path, mb_error *err)
{
    char inside[1024];
    struct stat st;
    json_error_t at;
    snprintf(inside, sizeof inside, stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? "%.1000s/tokenizer.json" : "%.1000s", path);
    mb_tokenizer *t = mb_alloc(a, 1, sizeof *t, err);
    struct reader r = { inside, a, t, err, false };
    if (!t) return NULL;
    json_t *root = json_load_file(inside, 0, &at);
    if (!root) {
        if (at.line < 0) mb_fail(err, MB_ERR_IO, "%.300s: cannot be read: %s", inside, at.text);
        else mb_fail(err, MB_ERR_FORMAT, "%.300s, line %d, column %d: %s", inside, at.line, at.column, at.text);
        return NULL;
    }
    const json_t *decoder = json_object_get(root, "decoder");
    r.bytes = json_is_object(decoder) && is(decoder, "ByteLevel");
    bool ok = read_model(&r, json_object_get(root, "model"), json_object_get(root, "added_tokens")) &&
              read_normalizer(&r, json_object_get(root, "normalizer")) && read_splitter(&r, json_object_get(root, "pre_tokenizer")) &&
              read_template(&r, json_object_get(root, "post_processor"));
    if (ok && json_is_object(decoder) && !is(decoder, "ByteLevel")) ok = unknown(&r, "decoder", type_of(decoder));
    json_decref(root);
    if (ok) return t;
    mb_tokenizer_close(t);
    return NULL;
}
#else
mb_tokenizer *mb_tokenizer_open(mb_arena *a, const char *path, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%.300s: this matchbox was built without jansson, which tokenizers need", path);
    mb_help(err, "apt-get install libjansson-dev, then make");
    return NULL;
}
#endif
