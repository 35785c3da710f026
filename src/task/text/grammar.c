/* Small grammars: finish a text so that it belongs to the language.  brackets: close what is open, in order (Dyck).  agreement: English
   sentences with nested clauses, where each verb has the number of its noun. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                             \
    PICK(language, 0, "brackets|agreement", "brackets: ([{ and their ends; agreement: nouns and verbs in nested clauses") \
    NUM(int, depth, 0, 0, 12, "open brackets, or clauses; 0: the level")
MB_OPTIONS(grammar, OPTIONS)

enum { MOST = 12, LONGEST = 64, NOUNS = 6, VERBS = 6 };
struct grammar { int n; char open[LONGEST]; int noun[MOST], verb[MOST]; bool plural[MOST]; };
static const char *const nouns[NOUNS] = { "cat", "dog", "bird", "boy", "girl", "king" };
static const char *const verbs[VERBS] = { "see", "hear", "like", "know", "call", "love" };

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct grammar_options *o = options;
    struct grammar *p = problem;
    int depth = o->depth ? o->depth : level;
    if (o->language == 1) {
        p->n = depth < 8 ? depth : 8;
        for (int i = 0; i < p->n; i++) p->noun[i] = mb_below(rng, NOUNS), p->verb[i] = mb_below(rng, VERBS), p->plural[i] = mb_below(rng, 2);
        return true;
    }
    char stack[MOST];
    int n = 0, open = 0;
    while (open < depth && n < LONGEST - 1) { /* until `depth` are open, with pairs closed on the way */
        bool closes = open > 0 && n < LONGEST / 2 && mb_below(rng, 3) == 0;
        if (closes) p->open[n++] = stack[--open] == '(' ? ')' : stack[open] == '[' ? ']' : '}';
        else p->open[n++] = stack[open++] = "([{"[mb_below(rng, 3)];
    }
    p->n = depth;
    return true;
}

static void noun(const struct grammar *p, int i, mb_str *out) { mb_str_add(out, "the %s%s", nouns[p->noun[i]], p->plural[i] ? "s" : ""); }

/* "the cat that the dogs that the boy" : verbs of the innermost clause come first; the outermost verb is `runs` or `run`. */
static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct grammar_options *o = options;
    const struct grammar *p = problem;
    if (o->language == 0) {
        mb_str_add(out, "%s", p->open);
        return;
    }
    for (int i = 0; i < p->n; i++) {
        if (i) mb_str_add(out, " that ");
        noun(p, i, out);
    }
    for (int i = p->n - 1; i > 0; i--) mb_str_add(out, " %s", verbs[p->verb[i]]);
    mb_str_add(out, " run:");
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct grammar_options *o = options;
    const struct grammar *p = problem;
    if (o->language == 1) {
        for (int i = p->n - 1; i >= 0; i--) mb_str_add(out, "%s%s%s", i < p->n - 1 ? " " : "", i ? verbs[p->verb[i]] : "run", p->plural[i] ? "" : "s");
        return;
    }
    char stack[LONGEST];
    int n = 0;
    for (const char *s = p->open; *s; s++)
        if (strchr("([{", *s)) stack[n++] = *s;
        else n--;
    while (n--) mb_str_add(out, "%c", stack[n] == '(' ? ')' : stack[n] == '[' ? ']' : '}');
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct grammar_options *o = options;
    char right[MB_TASK_TEXT];
    mb_str s;
    mb_str_init(&s, right, sizeof right);
    answer(options, problem, &s);
    const char *allowed = o->language ? "abcdefghijklmnopqrstuvwxyz " : ")]}";
    if (text[strspn(text, allowed)]) return mb__invalid("holds something else than %s", o->language ? "small letters" : ") ] }");
    return strcmp(text, right) == 0 ? mb__score(1) : mb__wrong("not a sentence of the language");
}

MB_TASK(grammar) = {
    .name = "grammar", .summary = "finish a text of a small language: brackets, agreement of verbs", .source = "Dyck languages; Linzen et al. 2016 (agreement)",
    .instructions = "Finish the text: close the brackets, or give the verbs the number of their nouns.", .levels = 8,
    .level_help = "open brackets, or nested clauses", MB_USE_OPTIONS(grammar), .problem_size = sizeof(struct grammar), .make = make,
    .prompt = prompt, .answer = answer, .verify = verify,
};
