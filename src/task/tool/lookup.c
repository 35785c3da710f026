/* Key-value lookup: the answer stands in a table that only the tool `get KEY` can read.  With more steps, values name further keys.
   Each call has a verdict of its own (the right key or not), for rewards by turn. */
#include "task/answer.h"
#include <stdio.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                        \
    NUM(int, steps, 0, 0, 6, "calls that are needed; 0: the level")                  \
    NUM(int, keys, 8, 7, 16, "keys in the table")                                    \
    NUM(int, extra_calls, 1, 0, 8, "calls beyond those needed before the problem ends")
MB_OPTIONS(lookup, OPTIONS)

enum { KEYS = 16, STEPS = 6 };
struct lookup {
    int n, steps, add, calls, most;
    int at;            /* steps of the way whose key was asked for */
    int way[STEPS];    /* keys in order */
    int next[KEYS];    /* another key, or -1: `number` */
    int number[KEYS];
    int name[KEYS];
};
static const char *const words[] = { "ash", "bay", "cod", "dew", "elk", "fig", "gum", "hop", "ivy", "jay", "kit", "log", "moss", "nut", "oak", "pea",
                                     "rue", "sky", "tin", "urn" };
enum { WORDS = sizeof words / sizeof *words };

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct lookup_options *o = options;
    struct lookup *p = problem;
    int order[WORDS];
    *p = (struct lookup){ .n = o->keys, .steps = o->steps ? o->steps : level, .add = 1 + mb_below(rng, 9) };
    p->most = p->steps + o->extra_calls;
    for (int i = 0; i < WORDS; i++) order[i] = i;
    mb_shuffle(rng, order, WORDS);
    for (int i = 0; i < p->n; i++) {
        p->name[i] = order[i];
        p->number[i] = 10 + mb_below(rng, 90);
        p->next[i] = mb_below(rng, 2) ? mb_below(rng, p->n) : -1;
    }
    for (int i = 0; i < p->steps; i++) { /* the names are in random order already */
        p->way[i] = i;
        p->next[i] = i + 1 < p->steps ? i + 1 : -1;
    }
    return true;
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct lookup *p = problem;
    mb_str_add(out, "%s in %d step%s, add %d:", words[p->name[0]], p->steps, p->steps > 1 ? "s" : "", p->add);
}

static void key(const void *options, const void *problem, mb_str *out)
{
    const struct lookup *p = problem;
    prompt(options, problem, out);
    for (int i = 0; i < p->steps; i++) mb_str_add(out, "%d:%d,", p->name[i], p->number[i]);
}

static int result(const struct lookup *p) { return p->number[p->way[p->steps - 1]] + p->add; }

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct lookup *p = problem;
    if (p->at < p->steps) mb_str_add(out, "get %s", words[p->name[p->way[p->at]]]);
    else mb_str_add(out, "%d", result(p));
}

static void work(const void *options, const void *problem, mb_str *out)
{
    const struct lookup *p = problem;
    if (p->at < p->steps) mb_str_add(out, "step %d", p->at + 1);
    else mb_str_add(out, "%d+%d=%d", result(p) - p->add, p->add, result(p));
}

static bool reply(const void *options, void *problem, const char *text, mb_str *out, mb_ruling *turn)
{
    struct lookup *p = problem;
    if (strncmp(text, "get ", 4) != 0) return false;
    if (p->calls++ == p->most) {
        *turn = mb__wrong("more calls than are allowed");
        return false;
    }
    int k = 0;
    while (k < p->n && strcmp(words[p->name[k]], text + 4) != 0) k++;
    bool right = p->at < p->steps && k == p->way[p->at];
    *turn = right ? mb__score(1) : k < p->n ? mb__wrong("not the key that is needed") : mb__wrong("there is no such key");
    p->at += right;
    if (k == p->n) mb_str_add(out, "[none]");
    else if (p->next[k] >= 0) mb_str_add(out, "[%s]", words[p->name[p->next[k]]]);
    else mb_str_add(out, "[%d]", p->number[k]);
    return true;
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    if (strncmp(text, "get ", 4) == 0) return mb__invalid("a call, and no answer");
    return mb__expect(text, result(problem));
}

MB_TASK(lookup) = {
    .name = "lookup", .summary = "read a hidden table with a tool, then answer", .source = "in the manner of Zeng et al. 2025, arXiv:2505.11821 (turn-level credit)",
    .instructions = "The answer stands in a table. Write `get KEY` to read it; a value may be the next key. At the end write the number.",
    .levels = STEPS, .level_help = "calls that are needed", MB_USE_OPTIONS(lookup), .problem_size = sizeof(struct lookup), .make = make,
    .prompt = prompt, .key = key, .work = work, .answer = answer, .reply = reply, .verify = verify,
};
