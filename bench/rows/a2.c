/* a2.c - two readers (catalogue row A2): answers to Countdown problems are graded by two readers written apart, one of whom has a share
   of wrong marks planted in it; what does looking at their disagreements alone find?
   build/bench/rows/a2 [--seed=N] [--items=2000] [--planted=0.05] [--second=exact|hasty]     last line: JSON
   The exact readers parse with precedence: one by recursive descent, one with two stacks.  The hasty one reads from left to right,
   as a pattern that knows no precedence would. */
#include <matchbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 100000, TEXT = 64 };
struct item { char text[TEXT]; long target; };
struct value { long p, q; bool ok; }; /* p / q */

static struct value apply(struct value a, char op, struct value b)
{
    struct value r = { 0, 1, a.ok && b.ok };
    switch (op) {
    case '+': r.p = a.p * b.q + b.p * a.q, r.q = a.q * b.q; break;
    case '-': r.p = a.p * b.q - b.p * a.q, r.q = a.q * b.q; break;
    case '*': r.p = a.p * b.p, r.q = a.q * b.q; break;
    default: r.p = a.p * b.q, r.q = a.q * b.p, r.ok = r.ok && b.p != 0;
    }
    return r;
}

/* ---- reader one: recursive descent ---- */

static struct value sum(const char **at);
static struct value factor(const char **at)
{
    if (**at == '(') {
        ++*at;
        struct value v = sum(at);
        v.ok = v.ok && **at == ')';
        if (**at) ++*at;
        return v;
    }
    char *end;
    struct value v = { strtol(*at, &end, 10), 1, end != *at };
    *at = end;
    return v;
}
static struct value product(const char **at)
{
    struct value v = factor(at);
    while (**at == '*' || **at == '/') {
        char op = *(*at)++;
        v = apply(v, op, factor(at));
    }
    return v;
}
static struct value sum(const char **at)
{
    struct value v = product(at);
    while (**at == '+' || **at == '-') {
        char op = *(*at)++;
        v = apply(v, op, product(at));
    }
    return v;
}
static bool descent(const struct item *x)
{
    const char *at = x->text;
    struct value v = sum(&at);
    return v.ok && !*at && v.p == x->target * v.q;
}

/* ---- reader two: two stacks; hasty: no precedence, parentheses skipped ---- */

static int rank_of(char op) { return op == '*' || op == '/' ? 2 : op == '+' || op == '-' ? 1 : 0; }

static bool stacks(const struct item *x, bool hasty)
{
    struct value values[TEXT];
    char ops[TEXT];
    int n = 0, m = 0;
    for (const char *c = x->text;; c++) {
        if (*c >= '0' && *c <= '9') {
            char *end;
            values[n++] = (struct value){ strtol(c, &end, 10), 1, true };
            c = end - 1;
        } else if (*c == '(') {
            if (!hasty) ops[m++] = '(';
        } else if (!hasty || *c != ')') {
            while (m && ops[m - 1] != '(' && (hasty || rank_of(ops[m - 1]) >= rank_of(*c))) {
                n--;
                values[n - 1] = apply(values[n - 1], ops[--m], values[n]);
            }
            if (*c == ')') m--;
            else if (*c) ops[m++] = *c;
        }
        if (!*c) break;
    }
    return n == 1 && values[0].ok && values[0].p == x->target * values[0].q;
}

/* ---- answers ---- */

static int draw(mb_rng *r, int n) { return (int)(mb_uniform64(r) * n); }

static void make(mb_rng *r, struct item *x)
{
    static const char ops[] = "+-*/";
    int a = 1 + draw(r, 20), b = 1 + draw(r, 20), c = 1 + draw(r, 20);
    char o = ops[draw(r, 4)], p = ops[draw(r, 4)];
    snprintf(x->text, TEXT, draw(r, 2) ? "%d%c(%d%c%d)" : "%d%c%d%c%d", a, o, b, p, c);
    const char *at = x->text;
    struct value v = sum(&at);
    bool whole = v.ok && v.q != 0 && v.p % v.q == 0;
    x->target = whole && draw(r, 2) ? v.p / v.q : draw(r, 100); /* about half of the answers are right */
}

struct counts { int planted, found, shown; };
static double kappa_of(void *ctx, double *a, int na, double *b, int nb)
{
    static int x[MOST], y[MOST];
    mb_agreement out;
    mb_error err = { MB_OK };
    for (int i = 0; i < na; i++) x[i] = (int)a[i], y[i] = (int)b[i];
    return mb_cohen_kappa(x, y, na, 2, &out, &err) ? out.kappa : 0;
}

int main(int argc, char **argv)
{
    static double one[MOST], two[MOST];
    uint64_t seed = 1;
    int items = 2000;
    double planted = 0.05;
    bool hasty = false;
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--seed=", 7) == 0) seed = strtoull(argv[i] + 7, NULL, 10);
        else if (strncmp(argv[i], "--items=", 8) == 0) items = atoi(argv[i] + 8);
        else if (strncmp(argv[i], "--planted=", 10) == 0) planted = atof(argv[i] + 10);
        else if (strncmp(argv[i], "--second=", 9) == 0) hasty = strcmp(argv[i] + 9, "hasty") == 0;
        else return fprintf(stderr, "a2: unknown argument %s\n", argv[i]), 2;
    }
    if (items < 1 || items > MOST) return fprintf(stderr, "a2: --items must lie in [1, %d]\n", MOST), 2;
    struct counts c = { 0 };
    mb_rng r = mb_rng_make(seed, "a2", 0);
    for (int i = 0; i < items; i++) {
        struct item x;
        make(&r, &x);
        bool wrong = mb_uniform64(&r) < planted, truth = descent(&x);
        one[i] = truth != wrong;
        two[i] = stacks(&x, hasty);
        c.planted += wrong;
        c.shown += one[i] != two[i];
        c.found += wrong && one[i] != two[i];
    }
    mb_error err = { MB_OK };
    mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
    mb_interval k;
    double kappa = kappa_of(NULL, one, items, two, items);
    if (!a || !mb_bootstrap_interval(&(mb_bootstrap){ .resamples = 1000, .seed = seed, .paired = true }, kappa_of, NULL, one, items, two, items, 1, a, &k, &err))
        return fprintf(stderr, "a2: %s\n", err.what), 1;
    printf("%d answers, %d wrong marks planted, %d disagreements, %d of them planted; kappa %.3f [%.3f, %.3f]\n", items, c.planted, c.shown, c.found,
           kappa, k.lo, k.hi);
    printf("{\"recall\":%.6f,\"precision\":%.6f,\"kappa\":%.6f,\"kappa_low\":%.6f,\"kappa_high\":%.6f,\"looked_at\":%.6f}\n",
           c.planted ? (double)c.found / c.planted : 1, c.shown ? (double)c.found / c.shown : 1, kappa, k.lo, k.hi, (double)c.shown / items);
    return 0;
}
