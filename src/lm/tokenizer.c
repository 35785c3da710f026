/* Text to ids and back. */
#include "lm/tokenizer.h"
#include <string.h>

static bool printable(int b) { return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174; }

void mb__byte_alphabet(int16_t byte_of[512])
{
    for (int i = 0; i < 512; i++) byte_of[i] = -1;
    for (int b = 0, next = 256; b < 256; b++) byte_of[printable(b) ? b : next++] = (int16_t)b;
}

const char mb__gpt2_regex[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static uint32_t hash_of(const char *s, size_t n)
{
    uint32_t h = 2166136261u; /* FNV-1a */
    for (size_t i = 0; i < n; i++) h = (h ^ (uint8_t)s[i]) * 16777619u;
    return h;
}

void mb__token_hash(mb_tokenizer *t, int32_t id)
{
    const mb__token *k = &t->token[id];
    for (uint32_t i = hash_of(k->bytes, k->n);; i++) {
        int32_t *at = &t->hash[i & (t->nhash - 1)];
        if (*at && (t->token[*at - 1].n != k->n || memcmp(t->token[*at - 1].bytes, k->bytes, k->n) != 0)) continue;
        if (!*at) *at = id + 1;
        return;
    }
}

int32_t mb_token_id(const mb_tokenizer *t, const char *bytes, size_t n)
{
    for (uint32_t i = hash_of(bytes, n);; i++) {
        int32_t at = t->hash[i & (t->nhash - 1)];
        if (!at) return -1;
        if (t->token[at - 1].n == n && memcmp(t->token[at - 1].bytes, bytes, n) == 0) return at - 1;
    }
}

int mb_tokenizer_size(const mb_tokenizer *t) { return t->size; }

const char *mb_token_bytes(const mb_tokenizer *t, int32_t id, size_t *n)
{
    if (id < 0 || id >= t->size || !t->token[id].present) return NULL;
    *n = t->token[id].n;
    return t->token[id].bytes;
}

/* ---- encoding ---- */

struct encoder {
    const mb_tokenizer *t;
    int32_t *ids;
    int n, cap;
    mb_arena *scratch;
    mb_error *err;
};

static bool full(struct encoder *e) { return mb_fail(e->err, MB_ERR_RANGE, "tokenizer: more than %d tokens", e->cap); }

static bool put(struct encoder *e, int32_t id)
{
    if (e->n == e->cap) return full(e);
    e->ids[e->n++] = id;
    return true;
}

static bool plain(struct encoder *e, const char *text, size_t n)
{
    mb__pieces p;
    size_t mark = mb_arena_mark(e->scratch), from = 0;
    bool ok = mb__split_text(e->t, text, n, e->scratch, &p, e->err);
    for (size_t i = 0; ok && i < p.n; from = p.end[i++]) {
        int k = mb__bpe(e->t, text + from, p.end[i] - from, e->ids + e->n, e->cap - e->n, e->scratch, e->err);
        ok = k >= 0 && (k <= e->cap - e->n || full(e));
        if (ok) e->n += k;
    }
    mb_arena_release(e->scratch, mark);
    return ok;
}

static bool white(const char *s, size_t n, size_t *len) /* a character of Unicode's White_Space at s */
{
    static const char *const wide[] = { "\xc2\x85", "\xc2\xa0", "\xe1\x9a\x80", "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\x9f",
                                        "\xe3\x80\x80" };
    *len = 1;
    if (n && (*s == ' ' || (*s >= '\t' && *s <= '\r'))) return true;
    for (size_t k = 0; k < sizeof wide / sizeof *wide; k++) {
        *len = strlen(wide[k]);
        if (n >= *len && memcmp(s, wide[k], *len) == 0) return true;
    }
    *len = 3; /* U+2000 .. U+200A */
    return n >= 3 && memcmp(s, "\xe2\x80", 2) == 0 && (uint8_t)s[2] >= 0x80 && (uint8_t)s[2] <= 0x8a;
}

/* The longest added token that stands at text[at]; NULL: none. */
static const mb__added *added_at(const mb_tokenizer *t, bool normalized, const char *text, size_t n, size_t at)
{
    for (int k = 0; k < t->nadded; k++) {
        const mb__added *a = &t->added[k];
        if (a->normalized == normalized && a->n <= n - at && a->bytes[0] == text[at] && memcmp(text + at, a->bytes, a->n) == 0) return a;
    }
    return NULL;
}

static size_t strip_left(const char *text, size_t from, size_t end)
{
    size_t keep = from, len;
    for (size_t i = from; i < end;) { /* the end of the last character that is not white */
        int c = mb__utf8(text + i, end - i);
        size_t step = c ? (size_t)c : 1;
        if (!white(text + i, end - i, &len)) keep = i + step;
        i += step;
    }
    return keep;
}

/* Added tokens are cut out; what lies between them goes on: raw text is normalised, normalised text is split and merged. */
static bool encode(struct encoder *e, const char *text, size_t n, bool normalized)
{
    size_t from = 0, len;
    bool ok = true;
    for (size_t at = 0; ok && at <= n;) {
        const mb__added *a = at < n ? added_at(e->t, normalized, text, n, at) : NULL;
        if (!a && at < n) {
            at++;
            continue;
        }
        size_t end = a && a->lstrip ? strip_left(text, from, at) : at, mark = mb_arena_mark(e->scratch);
        const char *part = text + from;
        size_t m = end - from;
        if (m && normalized) ok = plain(e, part, m);
        else if (m) ok = mb__normalize(e->t, &part, &m, e->scratch, e->err) && encode(e, part, m, true);
        mb_arena_release(e->scratch, mark);
        if (!a) break;
        ok = ok && put(e, a->id);
        for (at += a->n; a->rstrip && at < n && white(text + at, n - at, &len); at += len);
        from = at;
    }
    return ok;
}

int mb_tokenize(const mb_tokenizer *t, const char *text, size_t n, bool specials, int32_t *ids, int cap, mb_arena *scratch, mb_error *err)
{
    struct encoder e = { t, ids, 0, cap, scratch, err };
    size_t mark = mb_arena_mark(scratch);
    bool ok = true;
    if (n > INT32_MAX / 8) return mb_fail(err, MB_ERR_RANGE, "tokenizer: a text of %zu bytes is too long", n), -1;
    if (!specials || !t->ntemplate) ok = encode(&e, text, n, false);
    for (int i = 0; specials && ok && i < t->ntemplate; i++)
        ok = t->template[i] == MB__TEXT_HERE ? encode(&e, text, n, false) : put(&e, t->template[i]);
    mb_arena_release(scratch, mark);
    return ok ? e.n : -1;
}

void mb_detokenize(const mb_tokenizer *t, const int32_t *ids, int n, bool skip_specials, mb_str *out)
{
    for (int i = 0; i < n; i++) {
        size_t len;
        const char *bytes = mb_token_bytes(t, ids[i], &len);
        if (!bytes || (skip_specials && t->token[ids[i]].special)) continue;
        if (out->full || out->n + len + 1 > out->cap) {
            out->full = true;
            return;
        }
        memcpy(out->s + out->n, bytes, len); /* a token may hold any byte, zero too */
        out->n += len;
        out->s[out->n] = 0;
    }
}

void mb_tokenizer_close(mb_tokenizer *t)
{
    for (int i = 0; t && i < t->nsplitters; i++)
        if (t->splitter[i].code) mb__splitter_free(&t->splitter[i]);
}
