/* Reading answers: integers and arithmetic expressions, exactly, with bounded work. */
#include "task/answer.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

MB_PRINTF(2, 0) static mb_ruling verdict(mb_task_outcome outcome, const char *fmt, va_list ap)
{
    mb_ruling v = { outcome, outcome == MB_VERIFIER_ERROR ? (double)NAN : 0, 1, "" };
    vsnprintf(v.why, sizeof v.why, fmt, ap);
    return v;
}

mb_ruling mb__score(double score) { return (mb_ruling){ MB_SCORED, score, 1, "" }; }

#define SAY(name, outcome)                      \
    mb_ruling name(const char *fmt, ...)       \
    {                                           \
        va_list ap;                             \
        va_start(ap, fmt);                      \
        mb_ruling v = verdict(outcome, fmt, ap); \
        va_end(ap);                             \
        return v;                               \
    }
SAY(mb__wrong, MB_SCORED)
SAY(mb__invalid, MB_INVALID)
SAY(mb__broken, MB_VERIFIER_ERROR)

static bool digit(char c) { return c >= '0' && c <= '9'; }

bool mb__integer(const char *text, int64_t *out)
{
    bool minus = *text == '-';
    const char *s = text + minus;
    int64_t v = 0;
    int n = 0;
    for (; digit(s[n]) && n < 19; n++)
        if (n < 18) v = 10 * v + (s[n] - '0');
    if (n == 0 || n > 18 || s[n] || (n > 1 && s[0] == '0') || (minus && v == 0)) return false;
    *out = minus ? -v : v;
    return true;
}

mb_ruling mb__expect(const char *text, int64_t want)
{
    int64_t got;
    if (!mb__integer(text, &got)) return mb__invalid("not a whole number");
    return got == want ? mb__score(1) : mb__wrong("%lld is not the answer", (long long)got);
}

/* ---- expressions ---- */

struct reader { const char *at; int depth, n; int64_t *numbers; mb__value state; };

static bool expression(struct reader *r, mb__ratio *out);

static bool stop(struct reader *r, mb__value why)
{
    if (r->state == MB__VALUE) r->state = why;
    return why != MB__NOT_AN_EXPRESSION; /* without a value reading goes on: the numbers still count */
}

static bool refuse(struct reader *r)
{
    r->state = MB__NOT_AN_EXPRESSION;
    return false;
}

static void spaces(struct reader *r)
{
    while (*r->at == ' ') r->at++;
}

static int64_t divisor(int64_t a, int64_t b)
{
    if (a < 0) a = -a;
    while (b) {
        int64_t t = a % b;
        a = b;
        b = t;
    }
    return a ? a : 1;
}

static bool number(struct reader *r, mb__ratio *out)
{
    int64_t v = 0;
    int n = 0;
    for (; digit(r->at[n]) && n < 10; n++) v = 10 * v + (r->at[n] - '0');
    if (n == 0 || n == 10 || (n > 1 && *r->at == '0') || r->n == MB__NUMBERS) return refuse(r);
    r->at += n;
    r->numbers[r->n++] = v;
    *out = (mb__ratio){ v, 1 };
    return true;
}

static bool factor(struct reader *r, mb__ratio *out)
{
    spaces(r);
    if (*r->at != '(') return number(r, out);
    if (++r->depth > MB__DEPTH) return refuse(r);
    r->at++;
    if (!expression(r, out)) return false;
    spaces(r);
    if (*r->at != ')') return refuse(r);
    r->at++;
    r->depth--;
    return true;
}

/* a op b in lowest terms; numerators and denominators stay below 2^62. */
static bool apply(struct reader *r, mb__ratio *a, char op, mb__ratio b)
{
    if (r->state != MB__VALUE) return true;
    if (op == '/') {
        if (b.num == 0) return stop(r, MB__DIVIDES_BY_ZERO);
        b = b.num < 0 ? (mb__ratio){ -b.den, -b.num } : (mb__ratio){ b.den, b.num };
    }
    __int128 num = (__int128)a->num * b.num, den = (__int128)a->den * b.den;
    if (op == '+' || op == '-') {
        __int128 x = (__int128)a->num * b.den, y = (__int128)b.num * a->den;
        num = op == '+' ? x + y : x - y;
    }
    const __int128 most = (__int128)1 << 62;
    if (num > most || num < -most || den > most) return stop(r, MB__TOO_LARGE);
    int64_t g = divisor((int64_t)num, (int64_t)den);
    *a = (mb__ratio){ (int64_t)num / g, (int64_t)den / g };
    return true;
}

static bool term(struct reader *r, mb__ratio *out)
{
    mb__ratio b = { 0, 1 };
    if (!factor(r, out)) return false;
    for (spaces(r); *r->at == '*' || *r->at == '/'; spaces(r)) {
        char op = *r->at++;
        if (!factor(r, &b) || !apply(r, out, op, b)) return false;
    }
    return true;
}

static bool expression(struct reader *r, mb__ratio *out)
{
    mb__ratio b = { 0, 1 };
    if (!term(r, out)) return false;
    for (spaces(r); *r->at == '+' || *r->at == '-'; spaces(r)) {
        char op = *r->at++;
        if (!term(r, &b) || !apply(r, out, op, b)) return false;
    }
    return true;
}

mb__value mb__calculate(const char *text, mb__ratio *out, int64_t *numbers, int *n)
{
    struct reader r = { .at = text, .numbers = numbers };
    *out = (mb__ratio){ 0, 1 };
    bool ok = expression(&r, out);
    spaces(&r);
    if (!ok || *r.at) return MB__NOT_AN_EXPRESSION;
    *n = r.n;
    return r.state;
}
