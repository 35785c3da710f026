/* Addition of two numbers of equal length. */
#include "task/answer.h"
#include <stdio.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                         \
    NUM(int, digits, 0, 0, 17, "digits of each number; 0: the level")                                 \
    NUM(bool, reversed, false, 0, 1, "the answer is written lowest digit first, which is easier to learn")
MB_OPTIONS(addition, OPTIONS)

struct addition { int64_t a, b; };

static int64_t draw(mb_rng *rng, int digits)
{
    int64_t v = digits > 1 ? 1 + mb_below(rng, 9) : mb_below(rng, 10);
    for (int i = 1; i < digits; i++) v = 10 * v + mb_below(rng, 10);
    return v;
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct addition_options *o = options;
    int digits = o->digits ? o->digits : level;
    int64_t a = draw(rng, digits), b = draw(rng, digits);
    *(struct addition *)problem = (struct addition){ a, b };
    return true;
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct addition *p = problem;
    mb_str_add(out, "%lld+%lld=", (long long)p->a, (long long)p->b);
}

/* Lowest digits first: "8+7=15,c1 4+6+1=11,c1" */
static void work(const void *options, const void *problem, mb_str *out)
{
    const struct addition *p = problem;
    int64_t a = p->a, b = p->b, carry = 0;
    for (bool first = true; a || b || first; a /= 10, b /= 10, first = false) {
        int64_t x = a % 10, y = b % 10, s = x + y + carry;
        mb_str_add(out, carry ? "%s%d+%d+1=%d" : "%s%d+%d=%d", first ? "" : ",", (int)x, (int)y, (int)s);
        carry = s / 10;
    }
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct addition_options *o = options;
    const struct addition *p = problem;
    char text[24];
    int n = snprintf(text, sizeof text, "%lld", (long long)(p->a + p->b));
    for (int i = 0; i < n; i++) mb_str_add(out, "%c", text[o->reversed ? n - 1 - i : i]);
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct addition_options *o = options;
    const struct addition *p = problem;
    char turned[24];
    size_t n = strlen(text);
    if (!o->reversed) return mb__expect(text, p->a + p->b);
    if (n == 0 || n > 18) return mb__invalid("not a whole number");
    for (size_t i = 0; i < n; i++) turned[i] = text[n - 1 - i];
    turned[n] = 0;
    return mb__expect(turned, p->a + p->b);
}

MB_TASK(addition) = {
    .name = "addition", .summary = "add two numbers", .source = "Lee et al. 2024, arXiv:2307.03381 (small transformers learn to add)",
    .instructions = "Add the two numbers.", .levels = 17, .level_help = "digits of each number", MB_USE_OPTIONS(addition),
    .problem_size = sizeof(struct addition), .make = make, .prompt = prompt, .work = work, .answer = answer, .verify = verify,
};
