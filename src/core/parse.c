/* Whole-text number parsing, the same in every locale. */
#include "matchbox/core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Multiply by ten and add, or false when the result does not fit. */
static bool push_digit(uint64_t *v, unsigned d)
{
    if (*v > (UINT64_MAX - d) / 10) return false;
    *v = *v * 10 + d;
    return true;
}

/* Read digits with an optional point: the digits as one number and the power of ten it is to be
   multiplied by. NULL: no digits, or too many. */
static const char *read_decimal(const char *s, uint64_t *digits, int *power)
{
    bool any = false, point = false;
    for (; digit(*s) || (*s == '.' && !point); s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        if (*power < -1000 || !push_digit(digits, (unsigned)(*s - '0'))) return NULL;
        any = true;
        *power -= point;
    }
    return any ? s : NULL;
}

/* Read "e6", "k", "M" or "G" at the end into the power of ten; false when something else is there.
   */
static bool read_scale(const char *s, int *power)
{
    if (*s == 'e' || *s == 'E') {
        bool negative = s[1] == '-';
        s += s[1] == '-' || s[1] == '+' ? 2 : 1;
        int e = 0;
        if (!digit(*s)) return false;
        for (; digit(*s); s++) e = e < 1000 ? e * 10 + (*s - '0') : e;
        *power += negative ? -e : e;
    } else if (*s) {
        *power += *s == 'k' || *s == 'K' ? 3 : *s == 'M' ? 6 : *s == 'G' ? 9 : 0;
        s += strchr("kKMG", *s) != NULL;
    }
    return *s == '\0';
}

bool mb_parse_int(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t v = 0, limit = (uint64_t)INT64_MAX + negative;
    int power = 0;
    const char *s = read_decimal(text + (*text == '-' || *text == '+'), &v, &power);
    if (!s || !read_scale(s, &power)) return false;
    for (; power > 0 && v; power--)
        if (!push_digit(&v, 0)) return false;
    for (; power < 0 && v; power++) {
        if (v % 10) return false; /* 1.5 is not a whole number, 1.5k is */
        v /= 10;
    }
    if (v > limit) return false;
    *out = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* [sign] digits [. digits] [e [sign] digits], or inf, or nan: nothing else that strtod would take.
   */
static bool decimal_syntax(const char *s)
{
    s += *s == '-' || *s == '+';
    if (!strcmp(s, "inf") || !strcmp(s, "nan")) return true;
    int digits = 0;
    for (; digit(*s); s++) digits++;
    if (*s == '.')
        for (s++; digit(*s); s++) digits++;
    if (!digits) return false;
    if (*s == 'e' || *s == 'E') {
        s += s[1] == '-' || s[1] == '+' ? 2 : 1;
        if (!digit(*s)) return false;
        while (digit(*s)) s++;
    }
    return *s == '\0';
}

/* strtod wants the locale's decimal point. */
static bool to_locale(const char *text, char *out, size_t n)
{
    char half[16];
    const char *point = strchr(text, '.');
    if (!point) return (size_t)snprintf(out, n, "%s", text) < n;
    snprintf(half, sizeof half, "%.1f", 0.5); /* "0.5" or "0,5": what stands between is the point */
    int len = (int)strlen(half) - 2;
    return (size_t)snprintf(out, n, "%.*s%.*s%s", (int)(point - text), text, len, half + 1,
                            point + 1) < n;
}

bool mb_parse_double(const char *text, double *out)
{
    char local[400];
    if (!decimal_syntax(text) || !to_locale(text, local, sizeof local)) return false;
    char *end;
    double v = strtod(local, &end);
    if (*end) return false;
    *out = v;
    return true;
}
