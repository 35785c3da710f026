/* Building text in caller memory, shortest numbers, JSON strings, spelling suggestions and the log.
   */
#include "core/text.h"
#include "matchbox/core.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void mb_str_init(mb_str *b, char *memory, size_t cap)
{
    *b = (mb_str){.s = memory, .cap = cap, .full = cap == 0};
    if (cap) memory[0] = '\0';
}

/* Append n bytes, or nothing and set `full`. */
static void append(mb_str *b, const char *text, size_t n)
{
    if (b->full) return;
    if (n >= b->cap - b->n) {
        b->full = true;
        return;
    }
    memcpy(b->s + b->n, text, n);
    b->n += n;
    b->s[b->n] = '\0';
}

void mb_str_add(mb_str *b, const char *fmt, ...)
{
    if (b->full) return;
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(b->s + b->n, b->cap - b->n, fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= b->cap - b->n) {
        b->s[b->n] = '\0'; /* a part of an addition is never kept */
        b->full = true;
        return;
    }
    b->n += (size_t)n;
}

/* Length of the valid UTF-8 sequence at s (1 to 4), or 0: no overlong forms, surrogates or values
   past 10FFFF. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xC2 && s[0] <= 0xDF   ? 2
               : s[0] >= 0xE0 && s[0] <= 0xEF ? 3
               : s[0] >= 0xF0 && s[0] <= 0xF4 ? 4
                                              : 0;
    if (n == 0) return 0;
    unsigned char low = 0x80, high = 0xBF; /* what the second byte may be */
    if (s[0] == 0xE0) low = 0xA0;
    if (s[0] == 0xED) high = 0x9F;
    if (s[0] == 0xF0) low = 0x90;
    if (s[0] == 0xF4) high = 0x8F;
    if (s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < n; i++)
        if ((s[i] & 0xC0) != 0x80) return 0;
    return n;
}

static void json_byte(mb_str *b, unsigned char c)
{
    const char *plain = "\"\\\n\r\t\b\f", *letter = "\"\\nrtbf";
    const char *at = strchr(plain, c);
    char text[8];
    if (at) snprintf(text, sizeof text, "\\%c", letter[at - plain]);
    else if (c < 0x20 || c == 0x7f) snprintf(text, sizeof text, "\\u%04x", c);
    else snprintf(text, sizeof text, "%c", c);
    append(b, text, strlen(text));
}

void mb_str_json(mb_str *b, const char *text)
{
    size_t start = b->n;
    append(b, "\"", 1);
    for (const unsigned char *s = (const unsigned char *)text; *s;) {
        size_t n = utf8_length(s);
        if (n == 1) json_byte(b, *s);
        else if (n) append(b, (const char *)s, n);
        else append(b, "\\ufffd", 6); /* not UTF-8: the replacement character */
        s += n ? n : 1;
    }
    append(b, "\"", 1);
    if (b->full && b->cap) b->s[b->n = start] = '\0';
}

/* snprintf and strtod follow the program's locale; our files do not. */
static void to_point(char *s)
{
    for (char *at = s; *at; at++) {
        if (strchr("0123456789+-eE.", *at)) continue;
        *at = '.';
        char *rest = at + 1; /* a decimal point of several bytes */
        while (*rest && !strchr("0123456789+-eE", *rest)) rest++;
        memmove(at + 1, rest, strlen(rest) + 1);
    }
}

/* "1e+05" -> "1e5", "1e-05" -> "1e-5" */
static void short_exponent(char *s)
{
    char *e = strchr(s, 'e');
    if (!e) return;
    char *to = e + 1, *from = e + 1;
    if (*from == '-') to++;
    if (*from == '-' || *from == '+') from++;
    while (from[0] == '0' && from[1]) from++;
    memmove(to, from, strlen(from) + 1);
}

void mb__format_number(double v, bool single, char out[MB__NUMBER_MAX])
{
    if (v != v) {
        strcpy(out, "nan");
    } else if (isinf(v)) {
        strcpy(out, v > 0 ? "inf" : "-inf");
    } else if (fabs(v) < 1e15 && v == floor(v) && (!single || fabs(v) < 1e7)) {
        snprintf(out, MB__NUMBER_MAX, "%.0f", v);
    } else {
        for (int digits = 1; digits <= 17; digits++) {
            double back = 0;
            snprintf(out, MB__NUMBER_MAX, "%.*g", digits, v);
            to_point(out);
            if (mb_parse_double(out, &back) && (single ? (float)back == (float)v : back == v))
                break;
        }
        short_exponent(out);
    }
}

void mb_str_number(mb_str *b, double v)
{
    char text[MB__NUMBER_MAX];
    if (isfinite(v)) mb__format_number(v, false, text);
    else strcpy(text, "null");
    append(b, text, strlen(text));
}

enum { WORD_MAX = 64 };

static char fold(char c)
{
    return c == '_' ? '-' : c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}
static int least(int a, int b)
{
    return a < b ? a : b;
}

int mb__edit_distance(const char *a, const char *b, int most)
{
    int na = (int)strnlen(a, WORD_MAX + 1), nb = (int)strnlen(b, WORD_MAX + 1);
    if (na > WORD_MAX || nb > WORD_MAX || na - nb > most || nb - na > most) return most + 1;
    int rows[3][WORD_MAX + 1]; /* this row of the table and the two before it */
    int *two = rows[0], *one = rows[1], *now = rows[2];
    for (int j = 0; j <= nb; j++) one[j] = j;
    for (int i = 1; i <= na; i++) {
        now[0] = i;
        for (int j = 1; j <= nb; j++) {
            int same = fold(a[i - 1]) == fold(b[j - 1]);
            now[j] = least(least(one[j] + 1, now[j - 1] + 1), one[j - 1] + !same);
            if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
                fold(a[i - 2]) == fold(b[j - 1]))
                now[j] = least(now[j], two[j - 2] + 1);
        }
        int *old = two;
        two = one, one = now, now = old;
    }
    return least(one[nb], most + 1);
}

int mb__typo_limit(const char *word)
{
    size_t n = strnlen(word, WORD_MAX + 1);
    return n <= 2 ? 1 : n <= 5 ? 2 : 3;
}

const char *mb_nearest(const char *word, const char *const *names)
{
    int best = mb__typo_limit(word) + 1;
    size_t n = strlen(word);
    const char *found = NULL, *longer = NULL;
    for (; *names; names++) {
        int d = mb__edit_distance(word, *names, best - 1);
        if (d < best && (size_t)d < strlen(*names)) best = d, found = *names;
        if (!longer && n >= 3 && strncmp(*names, word, n) == 0) longer = *names;
    }
    return found ? found : longer; /* "cart" also means cartpole */
}

void mb_log_line(const mb_logger *log, mb_log_level level, const char *fmt, ...)
{
    if (!log || !log->line) return;
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    log->line(log->ctx, level, text);
}
