/* Knights and knaves: knights say what is true, knaves what is false.  Every puzzle has exactly one solution, found by trying all. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) NUM(int, people, 0, 0, 8, "how many people speak; 0: level + 2")
MB_OPTIONS(knights, OPTIONS)

enum { MOST = 8 };
enum { IS_KNIGHT, IS_KNAVE, ALIKE, DIFFER, AT_LEAST_ONE, KINDS };
struct says { int kind, a, b; };
struct knights { int n; unsigned truth; struct says says[MOST]; }; /* bit i of truth: person i is a knight */

static bool holds(const struct says *s, unsigned world)
{
    bool a = world >> s->a & 1, b = world >> s->b & 1;
    switch (s->kind) {
    case IS_KNIGHT: return a;
    case IS_KNAVE: return !a;
    case ALIKE: return a == b;
    case DIFFER: return a != b;
    default: return !a || !b; /* at least one of them is a knave */
    }
}

static int solutions(const struct knights *p, unsigned *one)
{
    int found = 0;
    for (unsigned w = 0; w < 1u << p->n; w++) {
        bool ok = true;
        for (int i = 0; i < p->n && ok; i++) ok = holds(&p->says[i], w) == (w >> i & 1);
        if (ok) *one = w, found++;
    }
    return found;
}

static struct says draw(mb_rng *rng, int n, int self)
{
    struct says s = { mb_below(rng, KINDS), 0, 0 };
    s.a = (self + 1 + mb_below(rng, n - 1)) % n;
    do s.b = mb_below(rng, n);
    while (s.b == s.a);
    if (s.kind >= ALIKE && s.a > s.b) {
        int t = s.a;
        s.a = s.b, s.b = t;
    }
    return s;
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct knights_options *o = options;
    struct knights *p = problem;
    p->n = o->people > 1 ? o->people : level + 2;
    for (int tries = 0; tries < 10000; tries++) {
        for (int i = 0; i < p->n; i++) p->says[i] = draw(rng, p->n, i);
        if (solutions(p, &p->truth) == 1) return true;
    }
    return mb_fail(err, MB_ERR_RANGE, "knights: no puzzle of %d people was found", p->n);
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct knights *p = problem;
    for (int i = 0; i < p->n; i++) {
        const struct says *s = &p->says[i];
        char a = (char)('A' + s->a), b = (char)('A' + s->b);
        mb_str_add(out, "%s%c: ", i ? " " : "", 'A' + i);
        if (s->kind <= IS_KNAVE) mb_str_add(out, "%c is a %s.", a, s->kind == IS_KNIGHT ? "knight" : "knave");
        else if (s->kind <= DIFFER) mb_str_add(out, "%c and %c %s.", a, b, s->kind == ALIKE ? "are alike" : "differ");
        else mb_str_add(out, "%c or %c is a knave.", a, b);
    }
    mb_str_add(out, " Who?");
}

/* Suppose A is a knave, then a knight ...: which of the worlds before the solution fail, and whose words show it. */
static void work(const void *options, const void *problem, mb_str *out)
{
    const struct knights *p = problem;
    for (unsigned w = 0; w <= p->truth; w++) {
        int liar = -1;
        for (int i = 0; i < p->n && liar < 0; i++)
            if (holds(&p->says[i], w) != (w >> i & 1)) liar = i;
        if (w) mb_str_add(out, " ");
        for (int i = 0; i < p->n; i++) mb_str_add(out, "%d", (int)(w >> i & 1));
        if (liar >= 0) mb_str_add(out, "%c", 'A' + liar);
    }
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct knights *p = problem;
    for (int i = 0; i < p->n; i++) mb_str_add(out, "%s%c %s", i ? "," : "", 'A' + i, p->truth >> i & 1 ? "knight" : "knave");
}

/* "A knight, B knave": every person once, in any order. */
static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct knights *p = problem;
    unsigned seen = 0, said = 0;
    for (const char *s = text; *s;) {
        unsigned who = (unsigned)(*s - 'A');
        if (*s < 'A' || who >= (unsigned)p->n || s[1] != ' ') return mb__invalid("not of the form A knight,B knave");
        if (seen >> who & 1) return mb__invalid("%c is named twice", *s);
        bool knight = strncmp(s + 2, "knight", 6) == 0, knave = strncmp(s + 2, "knave", 5) == 0;
        if (!knight && !knave) return mb__invalid("neither knight nor knave");
        seen |= 1u << who, said |= (unsigned)knight << who;
        s += 2 + (knight ? 6 : 5);
        if (*s && *s != ',') return mb__invalid("not of the form A knight,B knave");
        if (*s == ',' && *(s += 1 + (s[1] == ' ')) == 0) return mb__invalid("ends in a comma");
    }
    if (seen != (1u << p->n) - 1) return mb__invalid("someone is missing");
    return said == p->truth ? mb__score(1) : mb__wrong("somebody's words do not fit");
}

MB_TASK(knights) = {
    .name = "knights", .summary = "who tells the truth: knights and knaves", .source = "Smullyan 1978; Xie et al. 2025, arXiv:2502.14768 (Logic-RL)",
    .instructions = "Knights always tell the truth and knaves always lie. Say of each person which it is, as in: A knight,B knave.",
    .levels = MOST - 2, .level_help = "level + 2 people", MB_USE_OPTIONS(knights), .problem_size = sizeof(struct knights), .make = make,
    .prompt = prompt, .work = work, .answer = answer, .verify = verify,
};
