/* Making a vocabulary: counts of the pieces of a text, then merges of the most frequent neighbours (Sennrich et al. 2016, on bytes as in
   Radford et al. 2019). */
#include "lm/tokenizer.h"
#include <stdio.h>
#include <string.h>

struct word { int32_t *ids; int n; int64_t count; const char *text; uint32_t bytes; };
struct pair { int32_t left, right; int64_t count; };
struct trainer {
    mb_arena *a;
    mb_error *err;
    struct word *word;
    int nwords;
    uint32_t *word_hash, nword_hash;   /* index + 1 */
    struct pair *pair;
    int npairs, pairs_most;
    uint32_t *pair_hash, npair_hash;
    char **token;                      /* bytes by id, with their lengths */
    uint32_t *token_n;
    int n, nalphabet, nspecials;
    int32_t (*merge)[2];
    int nmerges;
};

static uint32_t above(size_t n)
{
    uint32_t p = 16;
    while (p < 2 * n) p *= 2;
    return p;
}

/* ---- pieces and how often they occur ---- */

static void count_word(struct trainer *t, const char *text, size_t n)
{
    uint32_t crc = mb_crc32c(0, text, n);
    for (uint32_t i = crc;; i++) {
        uint32_t *at = &t->word_hash[i & (t->nword_hash - 1)];
        if (!*at) {
            t->word[t->nwords] = (struct word){ .count = 1, .text = text, .bytes = (uint32_t)n };
            *at = (uint32_t)++t->nwords;
            return;
        }
        struct word *w = &t->word[*at - 1];
        if (w->bytes != n || memcmp(w->text, text, n) != 0) continue;
        w->count++;
        return;
    }
}

/* Up to about a megabyte, cut where cutting changes no piece: behind a line's end with a sign on both sides. */
static size_t chunk(const char *text, size_t n)
{
    for (size_t i = (size_t)1 << 20; i + 1 < n; i++)
        if (text[i] == '\n' && (uint8_t)text[i - 1] > ' ' && (uint8_t)text[i - 1] < 127 && (uint8_t)text[i + 1] > ' ' && (uint8_t)text[i + 1] < 127) return i + 1;
    return n;
}

static bool count_words(struct trainer *t, const mb_tokenizer *splitters, const char *text, size_t n)
{
    uint32_t most = (uint32_t)(n / 2 + 16 < (1u << 22) ? n / 2 + 16 : 1u << 22);
    t->word = mb_alloc(t->a, most, sizeof *t->word, t->err);
    t->nword_hash = above(most);
    t->word_hash = mb_alloc(t->a, t->nword_hash, sizeof *t->word_hash, t->err);
    if (!t->word || !t->word_hash) return false;
    for (size_t at = 0, step; at < n; at += step) {
        mb__pieces p;
        size_t mark = mb_arena_mark(t->a), from = 0;
        step = chunk(text + at, n - at);
        if (!mb__split_text(splitters, text + at, step, t->a, &p, t->err)) return false;
        for (size_t i = 0; i < p.n; from = p.end[i++]) {
            if ((uint32_t)t->nwords == most) return mb_fail(t->err, MB_ERR_RANGE, "tokenizer: the text has more than %u different pieces", most);
            count_word(t, text + at + from, p.end[i] - from);
        }
        mb_arena_release(t->a, mark);
    }
    return true;
}

/* ---- alphabet ---- */

static bool add_token(struct trainer *t, const char *a, size_t na, const char *b, size_t nb)
{
    char *bytes = mb_alloc(t->a, na + nb + 1, 1, t->err);
    if (!bytes) return false;
    memcpy(bytes, a, na);
    memcpy(bytes + na, b, nb);
    t->token[t->n] = bytes;
    t->token_n[t->n++] = (uint32_t)(na + nb);
    return true;
}

static bool alphabet(struct trainer *t, const mb_tokenizer_plan *p, const char *text, size_t n)
{
    bool seen[256] = { false };
    int16_t byte_of[512];
    int32_t id_of[256] = { 0 };
    size_t symbols = 0;
    mb__byte_alphabet(byte_of);
    for (size_t i = 0; i < n; i++) seen[(uint8_t)text[i]] = true;
    for (int i = 0; i < p->nspecials; i++)
        if (!add_token(t, p->specials[i], strlen(p->specials[i]), "", 0)) return false;
    for (int c = 0; c < 512; c++) { /* in the order of the characters that stand for them */
        char byte = (char)byte_of[c];
        if (byte_of[c] < 0 || (!seen[byte_of[c]] && !p->all_bytes)) continue;
        id_of[byte_of[c]] = t->n;
        if (!add_token(t, &byte, 1, "", 0)) return false;
    }
    t->nspecials = p->nspecials;
    t->nalphabet = t->n;
    for (int i = 0; i < t->nwords; i++) {
        struct word *w = &t->word[i];
        w->n = (int)w->bytes;
        if (!(w->ids = mb_alloc(t->a, w->bytes, sizeof *w->ids, t->err))) return false;
        for (uint32_t k = 0; k < w->bytes; k++) w->ids[k] = id_of[(uint8_t)w->text[k]];
        symbols += w->bytes;
    }
    t->pairs_most = (int)(3 * symbols + 16); /* a merge removes a symbol and makes at most two new pairs */
    t->pair = mb_alloc(t->a, (size_t)t->pairs_most, sizeof *t->pair, t->err);
    t->npair_hash = above((size_t)t->pairs_most);
    t->pair_hash = mb_alloc(t->a, t->npair_hash, sizeof *t->pair_hash, t->err);
    return t->pair && t->pair_hash;
}

/* ---- merges ---- */

static void count_pair(struct trainer *t, int32_t left, int32_t right, int64_t by)
{
    int32_t key[2] = { left, right };
    for (uint32_t i = mb_crc32c(0, key, sizeof key);; i++) {
        uint32_t *at = &t->pair_hash[i & (t->npair_hash - 1)];
        if (!*at) {
            MB_ASSERT(t->npairs < t->pairs_most);
            t->pair[t->npairs] = (struct pair){ left, right, by };
            *at = (uint32_t)++t->npairs;
            return;
        }
        struct pair *p = &t->pair[*at - 1];
        if (p->left != left || p->right != right) continue;
        p->count += by;
        return;
    }
}

static void count_pairs(struct trainer *t, const struct word *w, int64_t sign)
{
    for (int k = 0; k + 1 < w->n; k++) count_pair(t, w->ids[k], w->ids[k + 1], sign * w->count);
}

static void merge_word(struct trainer *t, struct word *w, const struct pair *p, int32_t id)
{
    int at = 0;
    while (at + 1 < w->n && !(w->ids[at] == p->left && w->ids[at + 1] == p->right)) at++;
    if (at + 1 >= w->n) return;
    count_pairs(t, w, -1);
    int out = at;
    for (; at < w->n; at++) {
        bool here = at + 1 < w->n && w->ids[at] == p->left && w->ids[at + 1] == p->right;
        w->ids[out++] = here ? id : w->ids[at];
        at += here;
    }
    w->n = out;
    count_pairs(t, w, 1);
}

static const struct pair *most_frequent(const struct trainer *t)
{
    const struct pair *best = NULL;
    for (int i = 0; i < t->npairs; i++) {
        const struct pair *p = &t->pair[i];
        if (p->count < 1 || (best && p->count < best->count)) continue;
        if (best && p->count == best->count && (p->left > best->left || (p->left == best->left && p->right > best->right))) continue;
        best = p;
    }
    return best;
}

/* A token with these bytes that is there already, or a new one. */
static int32_t joined(struct trainer *t, const struct pair *p)
{
    uint32_t a = t->token_n[p->left], b = t->token_n[p->right];
    for (int32_t i = t->nspecials; i < t->n; i++)
        if (t->token_n[i] == a + b && memcmp(t->token[i], t->token[p->left], a) == 0 && memcmp(t->token[i] + a, t->token[p->right], b) == 0) return i;
    return add_token(t, t->token[p->left], a, t->token[p->right], b) ? t->n - 1 : -1;
}

static bool merge(struct trainer *t, int vocab)
{
    for (int i = 0; i < t->nwords; i++) count_pairs(t, &t->word[i], 1);
    while (t->n < vocab) {
        const struct pair *best = most_frequent(t);
        if (!best) return true;
        struct pair p = *best;
        int32_t id = joined(t, &p);
        if (id < 0) return false;
        t->merge[t->nmerges][0] = p.left;
        t->merge[t->nmerges++][1] = p.right;
        for (int i = 0; i < t->nwords; i++) merge_word(t, &t->word[i], &p, id);
    }
    return true;
}

/* ---- the file ---- */

static void put_token(const struct trainer *t, int32_t id, const uint16_t point_of[256], mb_str *out)
{
    char text[1024];
    mb_str s;
    mb_str_init(&s, text, sizeof text);
    for (uint32_t i = 0; i < t->token_n[id]; i++) {
        unsigned c = id < t->nspecials ? (uint8_t)t->token[id][i] : point_of[(uint8_t)t->token[id][i]];
        if (c < 128 || id < t->nspecials) mb_str_add(&s, "%c", (int)c);
        else mb_str_add(&s, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 63)));
    }
    mb_str_json(out, text);
}

static void file_text(const struct trainer *t, bool digits, mb_str *out)
{
    int16_t byte_of[512];
    uint16_t point_of[256];
    mb__byte_alphabet(byte_of);
    for (int c = 0; c < 512; c++)
        if (byte_of[c] >= 0) point_of[byte_of[c]] = (uint16_t)c;
    static const char level[] = "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"trim_offsets\":true,\"use_regex\":true}";
    mb_str_add(out, "{\"version\":\"1.0\",\"truncation\":null,\"padding\":null,\"added_tokens\":[");
    for (int i = 0; i < t->nspecials; i++) {
        mb_str_add(out, "%s{\"id\":%d,\"content\":", i ? "," : "", i);
        put_token(t, i, point_of, out);
        mb_str_add(out, ",\"single_word\":false,\"lstrip\":false,\"rstrip\":false,\"normalized\":false,\"special\":true}");
    }
    mb_str_add(out, "],\"normalizer\":null,\"pre_tokenizer\":");
    if (digits) mb_str_add(out, "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},%s]}", level);
    else mb_str_add(out, "%s", level);
    mb_str_add(out, ",\"post_processor\":null,\"decoder\":%s,\"model\":{\"type\":\"BPE\",\"dropout\":null,\"unk_token\":null,\"continuing_subword_prefix\":null,"
                    "\"end_of_word_suffix\":null,\"fuse_unk\":false,\"byte_fallback\":false,\"ignore_merges\":false,\"vocab\":{", level);
    for (int i = 0; i < t->n; i++) {
        if (i) mb_str_add(out, ",");
        put_token(t, i, point_of, out);
        mb_str_add(out, ":%d", i);
    }
    mb_str_add(out, "},\"merges\":[");
    for (int i = 0; i < t->nmerges; i++) {
        mb_str_add(out, i ? ",[" : "[");
        put_token(t, t->merge[i][0], point_of, out);
        mb_str_add(out, ",");
        put_token(t, t->merge[i][1], point_of, out);
        mb_str_add(out, "]");
    }
    mb_str_add(out, "]}}\n");
}

static bool write_file(const struct trainer *t, bool digits, const char *path)
{
    size_t cap = 4096;
    for (int i = 0; i < t->n; i++) cap += 6 * (size_t)t->token_n[i] + 160;
    for (int i = 0; i < t->nmerges; i++) cap += 6 * ((size_t)t->token_n[t->merge[i][0]] + t->token_n[t->merge[i][1]]) + 16;
    char *memory = mb_alloc(t->a, cap, 1, t->err);
    if (!memory) return false;
    mb_str out;
    mb_str_init(&out, memory, cap);
    file_text(t, digits, &out);
    MB_ASSERT(!out.full);
    return mb_file_write(path, out.s, out.n, t->err);
}

bool mb_tokenizer_train(const mb_tokenizer_plan *p, const char *text, size_t n, const char *path, int *size, mb_arena *scratch, mb_error *err)
{
    int most = p->nspecials + 256 + (p->vocab > 0 ? p->vocab : 0);
    size_t mark = mb_arena_mark(scratch);
    struct trainer t = { .a = scratch, .err = err };
    mb_tokenizer splitters = { 0 };
    if (n == 0) return mb_fail(err, MB_ERR_USAGE, "tokenizer: the text is empty");
    t.token = mb_alloc(scratch, (size_t)most, sizeof *t.token, err);
    t.token_n = mb_alloc(scratch, (size_t)most, sizeof *t.token_n, err);
    t.merge = mb_alloc(scratch, (size_t)most, sizeof *t.merge, err);
    if (p->digits) splitters.splitter[splitters.nsplitters++] = (mb__splitter){ MB__SPLIT_DIGITS, NULL };
    bool ok = t.token && t.token_n && t.merge && mb__splitter_regex(&splitters, mb__gpt2_regex, err) && count_words(&t, &splitters, text, n) &&
              alphabet(&t, p, text, n);
    if (ok && p->vocab && p->vocab < t.nalphabet)
        ok = mb_fail(err, MB_ERR_RANGE, "tokenizer: %d tokens are too few: specials and alphabet alone are %d", p->vocab, t.nalphabet);
    ok = ok && merge(&t, p->vocab) && write_file(&t, p->digits, path);
    if (ok && size) *size = t.n;
    mb_tokenizer_close(&splitters);
    mb_arena_release(scratch, mark);
    return ok;
}
