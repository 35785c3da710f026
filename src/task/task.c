/* Tasks by name, problems by (split, index), and the style around answers. */
#include "core/text.h"
#include "matchbox/math.h"
#include "task/answer.h"

extern const mb_task_def *const mb__task_table[]; /* generated from the listing of src/task */

MB_OPTIONS(mb__task, MB_TASK_OPTIONS)
const mb_option *mb_task_option_rows(void) { return mb__task_option_rows; }

const mb_task_def *mb_task_at(int i) { return i >= 0 ? mb__task_table[i] : NULL; }

const char *mb_task_outcome_name(mb_task_outcome o)
{
    return o == MB_SCORED ? "score" : o == MB_INVALID ? "invalid" : "error";
}

const mb_task_def *mb_task_find(const char *name, mb_error *err)
{
    const char *names[256] = { NULL };
    for (int i = 0; mb__task_table[i] && i < 255; i++) {
        if (mb__edit_distance(mb__task_table[i]->name, name, 0) == 0) return mb__task_table[i];
        names[i] = mb__task_table[i]->name;
    }
    mb_fail(err, MB_ERR_USAGE, "no task is called '%.64s'", name);
    const char *near = mb_nearest(name, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    mb_help(err, "matchbox list tasks");
    return NULL;
}

mb_task *mb_task_open(mb_arena *a, const char *name, uint64_t seed, mb_error *err)
{
    const mb_task_def *d = mb_task_find(name, err);
    mb_task *t = d ? mb_alloc(a, 1, sizeof *t, err) : NULL;
    void *options = t ? mb_alloc(a, 1, d->options_size, err) : NULL;
    if (!options) return NULL;
    *t = (mb_task){ .def = d, .options = options, .seed = seed };
    mb_options_default(d->options, options);
    mb_options_default(mb__task_option_rows, &t->settings);
    return t;
}

static bool no_option(const mb_task_def *d, const char *key, mb_error *err)
{
    const char *names[64] = { NULL };
    int n = 0;
    for (const mb_option *r = d->options; r->name && n < 50; r++) names[n++] = r->name;
    for (const mb_option *r = mb__task_option_rows; r->name && n < 63; r++) names[n++] = r->name;
    mb_fail(err, MB_ERR_USAGE, "%s: unknown option '%.64s'", d->name, key);
    const char *near = mb_nearest(key, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    return mb_help(err, "matchbox help %s", d->name);
}

bool mb_task_set(mb_task *t, const char *key, const char *value, mb_error *err)
{
    if (strncmp(key, "task.", 5) == 0) key += 5;
    bool common = mb_options_find(mb__task_option_rows, key);
    if (!common && !mb_options_find(t->def->options, key)) return no_option(t->def, key, err);
    if (!mb_options_set(t->def->name, common ? mb__task_option_rows : t->def->options, common ? (void *)&t->settings : t->options, key, value, err))
        return mb_help(err, "matchbox help %s", t->def->name);
    const mb_task_settings *s = &t->settings;
    if (s->level > t->def->levels || s->level_to > t->def->levels)
        return mb_fail(err, MB_ERR_RANGE, "%s: levels go from 1 to %d", t->def->name, t->def->levels);
    return true;
}

/* ---- problems ---- */

/* Where a problem falls in [0, 1), by what it is, not by how it was drawn. */
static double place(const mb_task *t, const void *problem)
{
    char memory[MB_TASK_TEXT];
    mb_str key;
    mb_str_init(&key, memory, sizeof memory);
    mb_str_add(&key, "%s:", t->def->name);
    (t->def->key ? t->def->key : t->def->prompt)(t->options, problem, &key);
    mb_rng r = mb_rng_make(0, memory, 0);
    return mb_uniform64(&r);
}

bool mb_task_problem(const mb_task *t, int split, uint64_t index, void *problem, mb_error *err)
{
    enum { TRIES = 4096 };
    const mb_task_settings *s = &t->settings;
    char purpose[128] = "task ";
    strncat(purpose, t->def->name, sizeof purpose - 6);
    for (uint64_t k = 0; k < TRIES; k++) {
        mb_rng rng = mb_rng_make(t->seed, purpose, index * TRIES + k);
        int level = s->level_to > s->level ? s->level + mb_below(&rng, s->level_to - s->level + 1) : s->level;
        memset(problem, 0, t->def->problem_size);
        if (!t->def->make(t->options, level, &rng, problem, err)) return mb_note(err, "task %s, level %d", t->def->name, level);
        if (split == MB_SPLIT_ALL || (place(t, problem) < s->held_out) == (split == MB_SPLIT_HELD_OUT)) return true;
    }
    mb_fail(err, MB_ERR_RANGE, "%s: no problem of the %s split among %d drawn ones", t->def->name,
            split == MB_SPLIT_HELD_OUT ? "held-out" : "training", TRIES);
    return mb_note(err, "these settings allow too few problems: raise the level, or change held-out");
}

void mb_task_prompt(const mb_task *t, const void *problem, mb_str *out)
{
    if (t->settings.instruct) {
        const char *how = t->settings.style == MB_STYLE_TAGS ? " Think inside <think> </think> and give the answer inside <answer> </answer>."
                          : t->settings.style == MB_STYLE_WORK ? " Write the steps, then #, then the answer." : " Write nothing but the answer.";
        mb_str_add(out, "%s%s\n", t->def->instructions, how);
    }
    t->def->prompt(t->options, problem, out);
}

void mb_task_show(const mb_task *t, const void *problem, mb_str *out)
{
    int style = t->settings.style;
    if (style == MB_STYLE_TAGS) mb_str_add(out, "<think>");
    if (style != MB_STYLE_ANSWER && t->def->work) t->def->work(t->options, problem, out);
    if (style != MB_STYLE_ANSWER) mb_str_add(out, "%s", style == MB_STYLE_TAGS ? "</think><answer>" : "#");
    t->def->answer(t->options, problem, out);
    if (style == MB_STYLE_TAGS) mb_str_add(out, "</answer>");
}

/* ---- turns: the answer within its style ---- */

static bool blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

/* The part between the only `open` and the only `close`, with nothing behind; false: it is not so. */
static bool between(const char *text, const char *open, const char *close, const char **from, const char **to)
{
    const char *a = strstr(text, open), *b = a ? strstr(a, close) : NULL;
    if (!b || strstr(a + 1, open) || strstr(b + 1, close)) return false;
    *from = a + strlen(open);
    *to = b;
    return *from <= *to;
}

static const char *style_cut(int style, const char *text, const char **from, const char **to)
{
    *from = text, *to = text + strlen(text);
    if (style == MB_STYLE_WORK) {
        const char *mark = strchr(text, '#');
        if (!mark || strchr(mark + 1, '#')) return "not one # before the answer";
        *from = mark + 1;
    } else if (style == MB_STYLE_TAGS) {
        const char *think, *end, *s;
        if (!between(text, "<think>", "</think>", &think, &end)) return "not one pair of <think> tags";
        if (!between(text, "<answer>", "</answer>", from, to)) return "not one pair of <answer> tags";
        if (*from < end) return "the answer does not follow the thinking";
        for (s = text; s < think - strlen("<think>"); s++)
            if (!blank(*s)) return "text before <think>";
        for (s = end + strlen("</think>"); s < *from - strlen("<answer>"); s++)
            if (!blank(*s)) return "text between the tags";
        for (s = *to + strlen("</answer>"); *s; s++)
            if (!blank(*s)) return "text behind </answer>";
    }
    return NULL;
}

/* The answer in `out` (MB_TASK_READ bytes); what is wrong with the form, or NULL. */
static const char *extract(const mb_task *t, const char *text, size_t n, char *out)
{
    if (n >= MB_TASK_READ) return "longer than any answer";
    if (memchr(text, 0, n)) return "holds a zero byte";
    char whole[MB_TASK_READ];
    memcpy(whole, text, n);
    whole[n] = 0;
    const char *from, *to, *why = style_cut(t->settings.style, whole, &from, &to);
    if (why) return why;
    while (from < to && blank(*from)) from++;
    while (to > from && blank(to[-1])) to--;
    memcpy(out, from, (size_t)(to - from));
    out[to - from] = 0;
    return from == to ? "empty" : NULL;
}

static mb_ruling malformed(const char *why)
{
    mb_ruling v = mb__invalid("%s", why);
    v.form = 0;
    return v;
}

bool mb_task_reply(const mb_task *t, void *problem, const char *text, size_t n, mb_str *out, mb_ruling *turn)
{
    char answer[MB_TASK_READ];
    mb_ruling ignored;
    if (!turn) turn = &ignored;
    *turn = mb__score(1);
    const char *why = extract(t, text, n, answer);
    if (why) *turn = malformed(why);
    if (!t->def->reply) return false;
    return t->def->reply(t->options, problem, why ? "" : answer, out, turn);
}

static mb_ruling checked(mb_ruling v)
{
    if (v.outcome != MB_SCORED || (v.score >= 0 && v.score <= 1)) return v;
    return mb__broken("the verifier gave a score outside 0 to 1");
}

mb_ruling mb_task_verify(const mb_task *t, const void *problem, const char *text, size_t n)
{
    char answer[MB_TASK_READ];
    const char *why = extract(t, text, n, answer);
    return why ? malformed(why) : checked(t->def->verify(t->options, problem, answer));
}

int mb_task_transcript(const mb_task *t, void *problem, mb_str *out, mb_task_part part[2 * MB_TASK_TURNS + 1])
{
    char turn[MB_TASK_TEXT], back[MB_TASK_TEXT];
    int n = 0;
    bool more = true;
    mb_task_prompt(t, problem, out);
    part[n++] = (mb_task_part){ out->n, false };
    for (int k = 0; more && k < MB_TASK_TURNS; k++) {
        mb_str s, b;
        mb_str_init(&s, turn, sizeof turn);
        mb_str_init(&b, back, sizeof back);
        mb_task_show(t, problem, &s);
        more = mb_task_reply(t, problem, s.s, s.n, &b, NULL);
        mb_str_add(out, "%s", turn);
        part[n++] = (mb_task_part){ out->n, true };
        if (!more) break;
        mb_str_add(out, "%s", back);
        part[n++] = (mb_task_part){ out->n, false };
    }
    return n;
}

mb_ruling mb_task_result(const mb_task *t, const void *problem, int role)
{
    if (!t->def->result) return mb__broken("%.60s has no roles", t->def->name);
    return checked(t->def->result(t->options, problem, role));
}

bool mb_task_pair(const mb_task *t, const void *problem, double scale, mb_rng *rng, mb_str *chosen, mb_str *rejected, bool *flipped, mb_error *err)
{
    const mb_task_def *d = t->def;
    char text[2][MB_TASK_TEXT];
    double score[2];
    if (!d->candidate) return mb_fail(err, MB_ERR_USAGE, "%s: this task makes no pairs; gold does", d->name);
    for (int k = 0; k < 2; k++) {
        mb_str s;
        mb_str_init(&s, text[k], MB_TASK_TEXT);
        d->candidate(t->options, problem, rng, &s);
        mb_ruling v = d->verify(t->options, problem, text[k]);
        score[k] = v.outcome == MB_SCORED ? v.score : 0;
    }
    double likely = 1 / (1 + mb_exp64(-scale * (score[0] - score[1])));
    int first = mb_uniform64(rng) < likely ? 0 : 1;
    *flipped = score[first] < score[1 - first];
    mb_str_add(chosen, "%s", text[first]);
    mb_str_add(rejected, "%s", text[1 - first]);
    return true;
}
