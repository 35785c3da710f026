/* Format rules: write given values as XML of a given form.  The verifier is a strict reader of elements, one attribute and text: no
   comments, entities, declarations, and a bounded depth.  Score: the share of leaves that stand where they should. */
#include "task/answer.h"
#include <stdio.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                              \
    NUM(int, leaves, 0, 0, 12, "values to write; 0: level + 1")                            \
    NUM(bool, attributes, false, 0, 1, "values stand in an attribute: <a v=\"3\"/>")       \
    NUM(bool, partial, true, 0, 1, "a part that is right scores; else all or nothing")
MB_OPTIONS(xml, OPTIONS)

enum { LEAVES = 12, PATH = 24, DEPTH = 4, NAMES = 8 };
struct leaf { char path[PATH]; int value; }; /* "r/g/a" */
struct xml { int n; struct leaf leaf[LEAVES]; };

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct xml_options *o = options;
    struct xml *p = problem;
    p->n = o->leaves ? o->leaves : level + 1;
    char root = "rst"[mb_below(rng, 3)], group = 0;
    for (int i = 0; i < p->n; i++) {
        struct leaf *l = &p->leaf[i];
        if (level >= 3 && mb_below(rng, 3) == 0) group = group ? (char)0 : "ghk"[mb_below(rng, 3)];
        char tag = (char)('a' + mb_below(rng, 4));
        if (group) snprintf(l->path, PATH, "%c/%c/%c", root, group, tag);
        else snprintf(l->path, PATH, "%c/%c", root, tag);
        l->value = mb_below(rng, 100);
    }
    return true;
}

/* "r/a=3 r/g/b=5": leaves next to each other in a group of one name share the element. */
static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct xml *p = problem;
    for (int i = 0; i < p->n; i++) mb_str_add(out, "%s%s=%d", i ? " " : "", p->leaf[i].path, p->leaf[i].value);
    mb_str_add(out, ":");
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct xml_options *o = options;
    const struct xml *p = problem;
    char group = 0, root = p->leaf[0].path[0];
    mb_str_add(out, "<%c>", root);
    for (int i = 0; i < p->n; i++) {
        const char *path = p->leaf[i].path;
        char g = strlen(path) > 3 ? path[2] : (char)0, tag = path[strlen(path) - 1];
        if (group && g != group) mb_str_add(out, "</%c>", group);
        if (g && g != group) mb_str_add(out, "<%c>", g);
        group = g;
        mb_str_add(out, o->attributes ? "<%c v=\"%d\"/>" : "<%c>%d</%c>", tag, p->leaf[i].value, tag);
    }
    if (group) mb_str_add(out, "</%c>", group);
    mb_str_add(out, "</%c>", root);
}

/* ---- the reader ---- */

struct reader { const char *at; char stack[DEPTH][NAMES + 1]; int depth, n; struct leaf *leaf; bool attributes; const char *why; };

static bool refuse(struct reader *r, const char *why)
{
    if (!r->why) r->why = why;
    return false;
}

static bool name(struct reader *r, char out[NAMES + 1])
{
    int n = 0;
    for (; *r->at >= 'a' && *r->at <= 'z'; r->at++) {
        if (n == NAMES) return refuse(r, "an element's name is too long");
        out[n++] = *r->at;
    }
    out[n] = 0;
    return n > 0 || refuse(r, "an element without a name");
}

static bool number(struct reader *r, int *out)
{
    char text[8] = "";
    size_t n = strspn(r->at, "0123456789");
    int64_t v;
    if (n == 0 || n >= sizeof text) return refuse(r, "not a value");
    memcpy(text, r->at, n);
    if (!mb__integer(text, &v)) return refuse(r, "not a value");
    *out = (int)v;
    r->at += n;
    return true;
}

static bool leaf(struct reader *r, int value)
{
    if (r->n == LEAVES) return refuse(r, "more values than any problem has");
    struct leaf *l = &r->leaf[r->n++];
    mb_str s;
    mb_str_init(&s, l->path, sizeof l->path);
    for (int i = 0; i < r->depth; i++) mb_str_add(&s, i ? "/%s" : "%s", r->stack[i]);
    l->value = value;
    return !s.full || refuse(r, "nested too deep");
}

static bool take(struct reader *r, const char *what)
{
    size_t n = strlen(what);
    if (strncmp(r->at, what, n) != 0) return false;
    r->at += n;
    return true;
}

/* One tag, or one value.  False: not well-formed. */
static bool piece(struct reader *r)
{
    char tag[NAMES + 1];
    int value;
    if (take(r, "</")) {
        if (!name(r, tag)) return false;
        if (r->depth == 0 || strcmp(r->stack[r->depth - 1], tag) != 0) return refuse(r, "an end tag that nothing began");
        r->depth--;
        return take(r, ">") || refuse(r, "a tag without >");
    }
    if (!take(r, "<")) return r->depth ? number(r, &value) && leaf(r, value) : refuse(r, "text outside the elements");
    if (r->depth == DEPTH) return refuse(r, "nested too deep");
    if (!name(r, tag)) return false;
    memcpy(r->stack[r->depth++], tag, sizeof tag);
    if (take(r, ">")) return true;
    if (!r->attributes || !take(r, " v=\"")) return refuse(r, "a tag without >");
    if (!number(r, &value) || !leaf(r, value)) return false;
    r->depth--;
    return take(r, "\"/>") || refuse(r, "an attribute that does not end in \"/>");
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct xml_options *o = options;
    const struct xml *p = problem;
    struct leaf got[LEAVES];
    char room[MB_TASK_TEXT];
    struct reader r = { .at = text, .leaf = got, .attributes = o->attributes };
    do {
        if (!piece(&r)) return mb__invalid("%s", r.why);
        r.at += strspn(r.at, " \n");
    } while (r.depth > 0);
    if (*r.at) return mb__invalid("text behind the last element");
    int right = 0, most = r.n > p->n ? r.n : p->n;
    for (int i = 0; i < p->n && i < r.n; i++) right += got[i].value == p->leaf[i].value && strcmp(got[i].path, p->leaf[i].path) == 0;
    mb_str s;
    mb_str_init(&s, room, sizeof room);
    answer(options, problem, &s);
    bool whole = right == most && most > 0;
    if (whole && strcmp(room, text) != 0 && strlen(room) < strlen(text) && !strpbrk(text, " \n")) whole = false; /* elements split or empty */
    if (whole) return mb__score(1);
    mb_ruling v = mb__wrong("%d of %d values stand where they should", right, most);
    v.score = o->partial ? (right == most ? 0.5 : (double)right / most) : 0;
    return v;
}

MB_TASK(xml) = {
    .name = "xml", .summary = "write values as XML of a given form", .source = "format rewards, as in DeepSeek-R1 (arXiv:2501.12948), as a task of their own",
    .instructions = "Write the values as XML, each where its path says, in this order. Neighbours in a group of one name share its element.",
    .levels = 10, .level_help = "level + 1 values; groups from level 3 on", MB_USE_OPTIONS(xml), .problem_size = sizeof(struct xml), .make = make,
    .prompt = prompt, .answer = answer, .verify = verify,
};
