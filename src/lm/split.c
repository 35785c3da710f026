/* From a text to the pieces in which merging happens: normalisation and the file's own regular expressions. */
#include "lm/tokenizer.h"
#include <string.h>
#ifdef MB_HAVE_PCRE2
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#endif
#ifdef MB_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

int mb__utf8(const char *s, size_t n)
{
    const uint8_t *b = (const uint8_t *)s;
    if (n == 0) return 0;
    if (b[0] < 0x80) return 1;
    int len = b[0] >= 0xf0 && b[0] < 0xf5 ? 4 : b[0] >= 0xe0 && b[0] < 0xf0 ? 3 : b[0] >= 0xc2 && b[0] < 0xe0 ? 2 : 0;
    if (!len || n < (size_t)len) return 0;
    for (int i = 1; i < len; i++)
        if ((b[i] & 0xc0) != 0x80) return 0;
    bool overlong = (b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xf0 && b[1] < 0x90);
    bool surrogate = b[0] == 0xed && b[1] >= 0xa0, beyond = b[0] == 0xf4 && b[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : len;
}

/* ---- normalisation ---- */

#ifdef MB_HAVE_UTF8PROC
static bool ascii(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)s[i] >= 0x80) return false;
    return true;
}

/* Every run of valid UTF-8 is normalised; other bytes stay as they are. */
bool mb__normalize(const mb_tokenizer *t, const char **text, size_t *n, mb_arena *scratch, mb_error *err)
{
    if (!t->nfc || ascii(*text, *n)) return true;
    size_t room = 3 * *n + 16, out = 0; /* NFC makes UTF-8 at most three times as long */
    char *to = mb_alloc(scratch, room, 1, err);
    utf8proc_int32_t *points = mb_alloc(scratch, room, sizeof *points, err);
    if (!to || !points) return false;
    for (size_t i = 0; i < *n;) {
        size_t end = i;
        for (int len; (len = mb__utf8(*text + end, *n - end)) > 0; end += (size_t)len);
        if (end == i) {
            to[out++] = (*text)[i++];
            continue;
        }
        utf8proc_ssize_t k = utf8proc_decompose((const utf8proc_uint8_t *)*text + i, (utf8proc_ssize_t)(end - i), points, (utf8proc_ssize_t)room,
                                                UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        if (k >= 0) k = utf8proc_reencode(points, k, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
        if (k < 0 || out + (size_t)k > room) return mb_fail(err, MB_ERR_FORMAT, "tokenizer: the text cannot be normalised");
        memcpy(to + out, points, (size_t)k);
        out += (size_t)k;
        i = end;
    }
    *text = to;
    *n = out;
    return true;
}
#else
bool mb__normalize(const mb_tokenizer *t, const char **text, size_t *n, mb_arena *scratch, mb_error *err)
{
    if (!t->nfc) return true;
    mb_fail(err, MB_ERR_UNSUPPORTED, "tokenizer: this matchbox was built without utf8proc, which NFC normalisation needs");
    return mb_help(err, "apt-get install libutf8proc-dev, then make");
}
#endif

/* ---- splitting ---- */

#ifdef MB_HAVE_PCRE2
/* White space is Unicode's White_Space, as in the tokenizers library; PCRE2's own \s leaves out U+0085. */
static bool translate(const char *pattern, char *out, size_t cap)
{
    mb_str s;
    bool class = false;
    mb_str_init(&s, out, cap);
    for (const char *c = pattern; *c; c++) {
        if (*c == '\\' && (c[1] == 's' || c[1] == 'S')) {
            bool not = c[1] == 'S';
            if (class && not) return false;
            mb_str_add(&s, class ? "%s" : not ? "[^%s]" : "[%s]", "\\t-\\r \\x{85}\\p{Z}");
            c++;
        } else if (*c == '\\' && c[1]) {
            mb_str_add(&s, "%c%c", c[0], c[1]);
            c++;
        } else {
            if (*c == '[') class = true;
            if (*c == ']') class = false;
            mb_str_add(&s, "%c", *c);
        }
    }
    return !s.full;
}

bool mb__splitter_regex(mb_tokenizer *t, const char *pattern, mb_error *err)
{
    char text[4096];
    int code;
    PCRE2_SIZE at = 0;
    if (t->nsplitters == MB__SPLITTERS) return mb_fail(err, MB_ERR_UNSUPPORTED, "tokenizer: more than %d splitters", MB__SPLITTERS);
    if (!translate(pattern, text, sizeof text)) return mb_fail(err, MB_ERR_UNSUPPORTED, "tokenizer: the expression '%.100s' is not known", pattern);
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
    if (!re) {
        char why[128];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return mb_fail(err, MB_ERR_FORMAT, "tokenizer: the expression '%.100s': %s", pattern, why);
    }
    pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    t->splitter[t->nsplitters++] = (mb__splitter){ MB__SPLIT_REGEX, re };
    return true;
}

void mb__splitter_free(mb__splitter *s) { pcre2_code_free(s->code); }

static bool is_digit(const char *s, size_t n) /* a character of category N */
{
    uint8_t c = (uint8_t)*s;
    if (c < 0x80) return c >= '0' && c <= '9';
#ifdef MB_HAVE_UTF8PROC
    utf8proc_int32_t point;
    utf8proc_iterate((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &point);
    utf8proc_category_t k = utf8proc_category(point);
    return k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
#else
    return false;
#endif
}

static bool add(mb__pieces *p, size_t end)
{
    if (p->n && p->end[p->n - 1] == end) return true;
    if (p->n == p->cap) return false;
    p->end[p->n++] = end;
    return true;
}

/* Ends of the pieces of text[from .. to), which is valid UTF-8; what lies between matches is a piece too. */
static bool by_regex(const mb__splitter *s, pcre2_match_data *match, const char *text, size_t from, size_t to, mb__pieces *out, mb_error *err)
{
    for (size_t at = from; at < to;) {
        int r = pcre2_match(s->code, (PCRE2_SPTR)text + from, to - from, at - from, PCRE2_NO_UTF_CHECK, match, NULL);
        if (r == PCRE2_ERROR_NOMATCH) break;
        if (r < 0) return mb_fail(err, MB_ERR_FORMAT, "tokenizer: matching the expression of the file failed (%d)", r);
        const PCRE2_SIZE *v = pcre2_get_ovector_pointer(match);
        size_t begin = from + v[0], end = from + v[1];
        if (begin > from) add(out, begin);
        if (end > begin) add(out, end);
        at = end > begin ? end : at + (size_t)mb__utf8(text + at, to - at);
    }
    add(out, to);
    return true;
}

static void by_digits(bool runs, const char *text, size_t from, size_t to, mb__pieces *out)
{
    bool digit = false;
    for (size_t at = from; at < to;) {
        size_t len = (size_t)mb__utf8(text + at, to - at);
        bool now = is_digit(text + at, to - at);
        if (at > from && (now != digit || (now && !runs))) add(out, at);
        digit = now;
        at += len;
    }
    add(out, to);
}

static bool refine(const mb__splitter *s, pcre2_match_data *match, const char *text, const mb__pieces *in, mb__pieces *out, mb_error *err)
{
    size_t from = 0;
    out->n = 0;
    for (size_t i = 0; i < in->n; i++) {
        size_t to = in->end[i];
        if (mb__utf8(text + from, to - from) == 0) add(out, to); /* a byte that is not UTF-8 */
        else if (s->kind != MB__SPLIT_REGEX) by_digits(s->kind == MB__SPLIT_DIGIT_RUNS, text, from, to, out);
        else if (!by_regex(s, match, text, from, to, out, err)) return false;
        from = to;
    }
    return true;
}

bool mb__split_text(const mb_tokenizer *t, const char *text, size_t n, mb_arena *scratch, mb__pieces *out, mb_error *err)
{
    mb__pieces p[2] = { { mb_alloc(scratch, n + 1, sizeof(size_t), err), 0, n + 1 }, { mb_alloc(scratch, n + 1, sizeof(size_t), err), 0, n + 1 } };
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    if (!p[0].end || !p[1].end || !match) return false;
    for (size_t i = 0; i < n;) { /* runs of UTF-8, and bytes that are not */
        size_t end = i;
        for (int len; (len = mb__utf8(text + end, n - end)) > 0; end += (size_t)len);
        i = end > i ? end : i + 1;
        add(&p[0], i);
    }
    bool ok = true;
    int now = 0;
    for (int k = 0; ok && k < t->nsplitters; k++, now = !now) ok = refine(&t->splitter[k], match, text, &p[now], &p[!now], err);
    pcre2_match_data_free(match);
    *out = p[now];
    return ok;
}
#else
bool mb__splitter_regex(mb_tokenizer *t, const char *pattern, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "tokenizer: this matchbox was built without PCRE2, which tokenizers need");
    return mb_help(err, "apt-get install libpcre2-dev, then make");
}
void mb__splitter_free(mb__splitter *s) {}
bool mb__split_text(const mb_tokenizer *t, const char *text, size_t n, mb_arena *scratch, mb__pieces *out, mb_error *err)
{
    return mb_fail(err, MB_ERR_UNSUPPORTED, "tokenizer: this matchbox was built without PCRE2");
}
#endif
