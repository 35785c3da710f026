/* Word problems: a small story of things gained and lost, one sentence a step. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                     \
    NUM(int, steps, 0, 0, 8, "events after the first sentence; 0: level")                         \
    NUM(int, distractors, 0, 0, 3, "sentences about another person, which change nothing")
MB_OPTIONS(word, OPTIONS)

enum { MOST = 8, LARGEST = 12 };
enum { BUYS, GIVES, DOUBLES, FINDS, LOSES, SHARES, EVENTS };
struct word { int n, who, other, what, start, event[MOST], number[MOST], value[MOST + 1], distractors, at[3], extra[3]; };

static const char *const names[] = { "Ann", "Ben", "Cy", "Dora", "Eli", "Fay", "Gus", "Hal" };
static const char *const things[] = { "apples", "coins", "books", "cards", "shells", "pens" };
enum { NAMES = sizeof names / sizeof *names, THINGS = sizeof things / sizeof *things };

static int after(int event, int v, int k)
{
    switch (event) {
    case BUYS: case FINDS: return v + k;
    case GIVES: case LOSES: return v - k;
    case DOUBLES: return 2 * v;
    default: return v / 2; /* SHARES: only with an even number */
    }
}

static bool fits(int event, int v, int k)
{
    if (event == GIVES || event == LOSES) return v >= k;
    if (event == DOUBLES) return v > 0 && v <= 100;
    return event != SHARES || (v > 0 && v % 2 == 0);
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct word_options *o = options;
    struct word *p = problem;
    *p = (struct word){ .n = o->steps ? o->steps : level, .who = mb_below(rng, NAMES), .what = mb_below(rng, THINGS), .start = 2 + mb_below(rng, LARGEST - 1) };
    p->other = (p->who + 1 + mb_below(rng, NAMES - 1)) % NAMES;
    p->value[0] = p->start;
    for (int i = 0; i < p->n; i++) {
        int event, k;
        do event = mb_below(rng, EVENTS), k = 1 + mb_below(rng, LARGEST);
        while (!fits(event, p->value[i], k));
        p->event[i] = event, p->number[i] = k;
        p->value[i + 1] = after(event, p->value[i], k);
    }
    p->distractors = o->distractors;
    for (int i = 0; i < p->distractors; i++) p->at[i] = mb_below(rng, p->n + 1), p->extra[i] = 2 + mb_below(rng, LARGEST - 1);
    return true;
}

static void sentence(const struct word *p, int i, mb_str *out)
{
    int k = p->number[i];
    const char *who = names[p->who];
    switch (p->event[i]) {
    case BUYS: mb_str_add(out, " %s buys %d more.", who, k); break;
    case GIVES: mb_str_add(out, " %s gives %d to %s.", who, k, names[p->other]); break;
    case DOUBLES: mb_str_add(out, " Then %s has twice as many.", who); break;
    case FINDS: mb_str_add(out, " %s finds %d.", who, k); break;
    case LOSES: mb_str_add(out, " %s loses %d.", who, k); break;
    default: mb_str_add(out, " %s gives half of them away.", who);
    }
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct word *p = problem;
    mb_str_add(out, "%s has %d %s.", names[p->who], p->start, things[p->what]);
    for (int i = 0; i <= p->n; i++) {
        for (int k = 0; k < p->distractors; k++)
            if (p->at[k] == i) mb_str_add(out, " %s sees %d birds.", names[p->other], p->extra[k]);
        if (i < p->n) sentence(p, i, out);
    }
    mb_str_add(out, " How many %s does %s have?", things[p->what], names[p->who]);
}

static void work(const void *options, const void *problem, mb_str *out)
{
    const struct word *p = problem;
    for (int i = 0; i < p->n; i++) {
        int e = p->event[i], v = p->value[i], k = e == DOUBLES || e == SHARES ? 2 : p->number[i];
        mb_str_add(out, "%s%d%c%d=%d", i ? "," : "", v, "+-*+-/"[e], k, p->value[i + 1]);
    }
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct word *p = problem;
    mb_str_add(out, "%d", p->value[p->n]);
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct word *p = problem;
    return mb__expect(text, p->value[p->n]);
}

MB_TASK(word) = {
    .name = "word", .summary = "small stories with a number at the end", .source = "in the manner of GSM8K (Cobbe et al. 2021), generated",
    .instructions = "Read the story and answer the question with a number.", .levels = MOST, .level_help = "events of the story",
    MB_USE_OPTIONS(word), .problem_size = sizeof(struct word), .make = make, .prompt = prompt, .work = work, .answer = answer, .verify = verify,
};
