/* Questions about a generated encyclopaedia of towns, to be answered with two tools: `search WORDS` gives the article that holds most
   of the words, `calc EXPRESSION` an exact value.  Every problem has a world of its own, so nothing can be learned by heart. */
#include "task/answer.h"
#include <stdio.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                  \
    NUM(int, towns, 6, 2, 12, "articles")                                      \
    NUM(int, calls, 8, 1, 14, "calls after which the problem ends")
MB_OPTIONS(encyclopaedia, OPTIONS)

enum { TOWNS = 12, FACTS = 3, NAME = 12, ARTICLE = 128, QUERY_WORDS = 8 };
struct town { char name[NAME]; int fact[FACTS], sister; };
struct term { int town, fact; bool of_sister; };
struct encyclopaedia {
    int n, terms, calls;
    char op;
    unsigned seen;       /* articles that were read */
    bool calculated;
    struct term term[2];
    struct town town[TOWNS];
};
static const char *const facts[FACTS] = { "height", "people", "bridges" };
static const int fact_max[FACTS] = { 900, 9000, 40 };

static void name_town(mb_rng *rng, char out[NAME])
{
    static const char *const first[] = { "Bel", "Dor", "Fen", "Gar", "Hol", "Kir", "Lun", "Mar", "Nor", "Pel", "Ros", "Tar" };
    static const char *const second[] = { "ba", "da", "gen", "ka", "li", "mo", "na", "ra", "sta", "ton", "vo", "wick" };
    snprintf(out, NAME, "%s%s", first[mb_below(rng, 12)], second[mb_below(rng, 12)]);
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct encyclopaedia_options *o = options;
    struct encyclopaedia *p = problem;
    p->n = o->towns;
    for (int i = 0; i < p->n; i++) {
        struct town *t = &p->town[i];
        bool again;
        do {
            name_town(rng, t->name);
            again = false;
            for (int k = 0; k < i; k++) again = again || strcmp(p->town[k].name, t->name) == 0;
        } while (again);
        for (int k = 0; k < FACTS; k++) t->fact[k] = 1 + mb_below(rng, fact_max[k]);
        t->sister = (i + 1 + mb_below(rng, p->n - 1)) % p->n;
    }
    p->terms = level > 2 ? 2 : 1;
    p->op = "+-"[mb_below(rng, 2)];
    for (int i = 0; i < p->terms; i++) p->term[i] = (struct term){ mb_below(rng, p->n), mb_below(rng, FACTS), level % 2 == 0 };
    return true;
}

static const struct town *subject(const struct encyclopaedia *p, const struct term *t)
{
    const struct town *town = &p->town[t->town];
    return t->of_sister ? &p->town[town->sister] : town;
}

static int value(const struct encyclopaedia *p, int i) { return subject(p, &p->term[i])->fact[p->term[i].fact]; }

static int result(const struct encyclopaedia *p)
{
    return p->terms == 1 ? value(p, 0) : p->op == '+' ? value(p, 0) + value(p, 1) : value(p, 0) - value(p, 1);
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct encyclopaedia *p = problem;
    for (int i = 0; i < p->terms; i++) {
        const struct term *t = &p->term[i];
        if (i) mb_str_add(out, " %s ", p->op == '+' ? "plus" : "minus");
        mb_str_add(out, "%s of %s%s", facts[t->fact], t->of_sister ? "sister of " : "", p->town[t->town].name);
    }
    mb_str_add(out, "?");
}

static void article(const struct encyclopaedia *p, int i, mb_str *out)
{
    const struct town *t = &p->town[i];
    mb_str_add(out, "%s", t->name);
    for (int k = 0; k < FACTS; k++) mb_str_add(out, " %s %d", facts[k], t->fact[k]);
    mb_str_add(out, " sister %s", p->town[t->sister].name);
}

static void key(const void *options, const void *problem, mb_str *out)
{
    const struct encyclopaedia *p = problem;
    prompt(options, problem, out);
    for (int i = 0; i < p->terms; i++) mb_str_add(out, " %d", value(p, i));
}

/* The first thing that is still missing. */
static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct encyclopaedia *p = problem;
    for (int i = 0; i < p->terms; i++) {
        int town = p->term[i].town, sister = p->town[town].sister;
        if (!(p->seen >> town & 1)) { mb_str_add(out, "search %s", p->town[town].name); return; }
        if (p->term[i].of_sister && !(p->seen >> sister & 1)) { mb_str_add(out, "search %s", p->town[sister].name); return; }
    }
    if (p->terms == 2 && !p->calculated) mb_str_add(out, "calc %d%c%d", value(p, 0), p->op, value(p, 1));
    else mb_str_add(out, "%d", result(p));
}

/* ---- the tools ---- */

static int words_in(const char *text, const char *query)
{
    int found = 0;
    for (int i = 0; i < QUERY_WORDS && *query; i++) {
        size_t n = strcspn(query, " ");
        for (const char *s = text; n && *s; s += strcspn(s, " "), s += *s == ' ')
            if (strcspn(s, " ") == n && strncmp(s, query, n) == 0) { found += s == text ? 2 : 1; break; } /* the title counts double */
        query += n;
        query += strspn(query, " ");
    }
    return found;
}

static void search(struct encyclopaedia *p, const char *query, mb_str *out, mb_ruling *turn)
{
    int best = -1, most = 0;
    char text[ARTICLE];
    mb_str s;
    for (int i = 0; i < p->n; i++) {
        mb_str_init(&s, text, sizeof text);
        article(p, i, &s);
        int n = words_in(text, query);
        if (n > most) most = n, best = i;
    }
    if (best < 0) {
        *turn = mb__wrong("nothing was found");
        mb_str_add(out, "[nothing]");
        return;
    }
    p->seen |= 1u << best;
    mb_str_add(out, "[");
    article(p, best, out);
    mb_str_add(out, "]");
}

static void calc(struct encyclopaedia *p, const char *text, mb_str *out, mb_ruling *turn)
{
    int64_t numbers[MB__NUMBERS];
    mb__ratio v;
    int n;
    if (mb__calculate(text, &v, numbers, &n) != MB__VALUE) {
        *turn = mb__wrong("cannot be calculated");
        mb_str_add(out, "[error]");
        return;
    }
    p->calculated = p->calculated || (v.den == 1 && v.num == result(p));
    mb_str_add(out, v.den == 1 ? "[%lld]" : "[%lld/%lld]", (long long)v.num, (long long)v.den);
}

static bool reply(const void *options, void *problem, const char *text, mb_str *out, mb_ruling *turn)
{
    const struct encyclopaedia_options *o = options;
    struct encyclopaedia *p = problem;
    bool finds = strncmp(text, "search ", 7) == 0, counts = strncmp(text, "calc ", 5) == 0;
    if (!finds && !counts) return false;
    if (p->calls++ == o->calls) {
        *turn = mb__wrong("more calls than are allowed");
        return false;
    }
    unsigned seen = p->seen;
    if (finds) search(p, text + 7, out, turn);
    else calc(p, text + 5, out, turn);
    if (finds && turn->score > 0 && p->seen == seen) *turn = mb__wrong("this article was read before");
    return true;
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    if (strncmp(text, "search ", 7) == 0 || strncmp(text, "calc ", 5) == 0) return mb__invalid("a call, and no answer");
    return mb__expect(text, result(problem));
}

MB_TASK(encyclopaedia) = {
    .name = "encyclopaedia", .summary = "questions answered with a search tool and a calculator",
    .source = "in the manner of Jin et al. 2025, arXiv:2503.09516 (Search-R1), over generated facts",
    .instructions = "Write `search WORDS` to read an article, `calc EXPRESSION` to calculate, and at the end the number alone.",
    .levels = 4, .level_help = "1: one fact; 2: of the sister town; 3: two facts, added or subtracted; 4: of two sister towns", MB_USE_OPTIONS(encyclopaedia),
    .problem_size = sizeof(struct encyclopaedia), .make = make, .prompt = prompt, .key = key, .answer = answer, .reply = reply, .verify = verify,
};
