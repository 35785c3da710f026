/* Chained arithmetic: values defined one from another, the last is asked for.  Each step takes the one before it, so the number of
   steps is the number of things to be right about. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                        \
    NUM(int, steps, 0, 0, 20, "steps after the first value; 0: the level")           \
    NUM(int, modulus, 0, 0, 1000, "values are taken modulo this; 0: whole numbers")  \
    NUM(int, largest, 9, 1, 99, "numbers go from 1 to this")
MB_OPTIONS(chain, OPTIONS)

enum { MOST = 20 };
struct chain { int n, modulus; int64_t value[MOST + 1]; int number[MOST + 1]; char op[MOST + 1]; };

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct chain_options *o = options;
    struct chain *p = problem;
    *p = (struct chain){ .n = o->steps ? o->steps : level, .modulus = o->modulus };
    p->number[0] = 1 + mb_below(rng, o->largest);
    p->value[0] = o->modulus ? p->number[0] % o->modulus : p->number[0];
    for (int i = 1; i <= p->n; i++) {
        int64_t v = p->value[i - 1], k = 1 + mb_below(rng, o->largest);
        char op = "+-*"[mb_below(rng, 3)];
        if (op == '*' && !o->modulus && (v > 1000 || v < -1000)) op = '-';
        v = op == '+' ? v + k : op == '-' ? v - k : v * k;
        if (o->modulus) v = (v % o->modulus + o->modulus) % o->modulus;
        p->value[i] = v, p->number[i] = (int)k, p->op[i] = op;
    }
    return true;
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct chain *p = problem;
    if (p->modulus) mb_str_add(out, "mod %d;", p->modulus);
    mb_str_add(out, "a=%d;", p->number[0]);
    for (int i = 1; i <= p->n; i++) mb_str_add(out, "%c=%c%c%d;", 'a' + i, 'a' + i - 1, p->op[i], p->number[i]);
    mb_str_add(out, "%c?", 'a' + p->n);
}

static void work(const void *options, const void *problem, mb_str *out)
{
    const struct chain *p = problem;
    for (int i = 0; i <= p->n; i++) mb_str_add(out, "%s%c=%lld", i ? ";" : "", 'a' + i, (long long)p->value[i]);
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct chain *p = problem;
    mb_str_add(out, "%lld", (long long)p->value[p->n]);
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct chain *p = problem;
    return mb__expect(text, p->value[p->n]);
}

MB_TASK(chain) = {
    .name = "chain", .summary = "arithmetic in steps that build on each other", .source = "compositional arithmetic, as in Dziri et al. 2023, arXiv:2305.18654",
    .instructions = "Each letter is defined from the one before. Find the value of the last letter.", .levels = 20,
    .level_help = "number of steps", MB_USE_OPTIONS(chain), .problem_size = sizeof(struct chain), .make = make, .prompt = prompt,
    .work = work, .answer = answer, .verify = verify,
};
