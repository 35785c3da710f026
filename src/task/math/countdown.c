/* Countdown: reach a target from given numbers with + - * /, each number used exactly once.
   Score 1 for the target, 0 for another value or other numbers (a multiset comparison, not membership); invalid what is no
   expression or divides by zero.  Values are exact fractions: nothing is rounded on the way. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                \
    NUM(int, numbers, 0, 0, 6, "how many numbers; 0: level + 1")                             \
    NUM(int, largest, 20, 2, 100, "numbers go from 1 to this")                               \
    NUM(int, target_max, 999, 10, 100000, "largest target")                                  \
    NUM(bool, divide, true, 0, 1, "/ is allowed, in the puzzle's own solution too")
MB_OPTIONS(countdown, OPTIONS)

enum { MOST = 6, SOLUTION = 96, STEPS = 128 };
struct countdown { int n; int64_t number[MOST], target; char solution[SOLUTION], steps[STEPS]; };

/* One value of the tree that is being built, with its text. */
struct part { int64_t v; enum { NUMBER, SUM, PRODUCT } form; char text[SOLUTION]; };

static bool combine(const struct part *a, char op, const struct part *b, int64_t most, struct part *out)
{
    int64_t v = op == '+' ? a->v + b->v : op == '-' ? a->v - b->v : op == '*' ? a->v * b->v : a->v % b->v == 0 ? a->v / b->v : 0;
    if (v < 1 || v > most) return false;
    mb_str s;
    *out = (struct part){ .v = v, .form = op == '+' || op == '-' ? SUM : PRODUCT };
    mb_str_init(&s, out->text, sizeof out->text);
    bool left = a->form == SUM && out->form == PRODUCT;
    bool right = op == '/' ? b->form != NUMBER : op != '+' && b->form == SUM;
    mb_str_add(&s, left ? "(%s)" : "%s", a->text);
    mb_str_add(&s, right ? "%c(%s)" : "%c%s", op, b->text);
    return !s.full;
}

/* Join two random parts until one is left; false: it came to nothing. */
static bool build(struct countdown *p, const struct countdown_options *o, mb_rng *rng)
{
    struct part part[MOST], joined;
    int n = p->n;
    mb_str steps;
    mb_str_init(&steps, p->steps, sizeof p->steps);
    for (int i = 0; i < n; i++) {
        part[i] = (struct part){ .v = p->number[i] };
        mb_str s;
        mb_str_init(&s, part[i].text, SOLUTION);
        mb_str_add(&s, "%d", (int)p->number[i]);
    }
    while (n > 1) {
        int i = mb_below(rng, n), j = mb_below(rng, n - 1);
        j += j >= i;
        char op = "+-*/"[mb_below(rng, o->divide ? 4 : 3)];
        if (!combine(&part[i], op, &part[j], o->target_max, &joined)) return false;
        mb_str_add(&steps, "%s%lld%c%lld=%lld", steps.n ? "," : "", (long long)part[i].v, op, (long long)part[j].v, (long long)joined.v);
        part[i] = joined;
        part[j] = part[--n];
    }
    p->target = part[0].v;
    memcpy(p->solution, part[0].text, SOLUTION);
    return !steps.full;
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct countdown_options *o = options;
    struct countdown *p = problem;
    for (int tries = 0; tries < 10000; tries++) {
        *p = (struct countdown){ .n = o->numbers ? o->numbers : level + 1 };
        for (int i = 0; i < p->n; i++) p->number[i] = 1 + mb_below(rng, o->largest);
        if (build(p, o, rng)) return true;
    }
    return mb_fail(err, MB_ERR_RANGE, "countdown: no puzzle of %d numbers has a target up to %d", p->n, o->target_max);
}

static void put(const int64_t *number, int n, int64_t target, mb_str *out)
{
    for (int i = 0; i < n; i++) mb_str_add(out, i ? ",%lld" : "%lld", (long long)number[i]);
    mb_str_add(out, "=%lld:", (long long)target);
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct countdown *p = problem;
    put(p->number, p->n, p->target, out);
}

static void sort(int64_t *v, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && v[j] < v[j - 1]; j--) {
            int64_t t = v[j];
            v[j] = v[j - 1];
            v[j - 1] = t;
        }
}

/* The order of the numbers makes no other puzzle. */
static void key(const void *options, const void *problem, mb_str *out)
{
    struct countdown p = *(const struct countdown *)problem;
    sort(p.number, p.n);
    put(p.number, p.n, p.target, out);
}

static void work(const void *options, const void *problem, mb_str *out) { mb_str_add(out, "%s", ((const struct countdown *)problem)->steps); }
static void answer(const void *options, const void *problem, mb_str *out) { mb_str_add(out, "%s", ((const struct countdown *)problem)->solution); }

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    struct countdown p = *(const struct countdown *)problem;
    const struct countdown_options *o = options;
    int64_t used[MB__NUMBERS];
    mb__ratio v;
    int n = 0;
    mb__value state = mb__calculate(text, &v, used, &n);
    if (state == MB__NOT_AN_EXPRESSION) return mb__invalid("not an expression of + - * / ( ) and whole numbers");
    if (!o->divide && strchr(text, '/')) return mb__invalid("/ is not allowed here");
    sort(p.number, p.n);
    sort(used, n);
    if (n != p.n || memcmp(used, p.number, (size_t)n * sizeof *used) != 0) return mb__wrong("does not use each given number exactly once");
    if (state == MB__DIVIDES_BY_ZERO) return mb__invalid("divides by zero");
    if (state == MB__TOO_LARGE) return mb__broken("a value on the way does not fit 62 bits");
    if (v.num == p.target && v.den == 1) return mb__score(1);
    return v.den == 1 ? mb__wrong("gives %lld", (long long)v.num) : mb__wrong("gives %lld/%lld", (long long)v.num, (long long)v.den);
}

MB_TASK(countdown) = {
    .name = "countdown", .summary = "reach a target from given numbers with + - * /",
    .source = "the television game; TinyZero (Pan et al. 2025); Gandhi et al. 2024, arXiv:2404.03683",
    .instructions = "Given numbers and a target, write an expression of + - * / and brackets that uses each number exactly once and equals the target.",
    .levels = 5, .level_help = "level + 1 numbers", MB_USE_OPTIONS(countdown), .problem_size = sizeof(struct countdown),
    .make = make, .prompt = prompt, .key = key, .work = work, .answer = answer, .verify = verify,
};
