/* matchbox lm corpus TASK...: plain text of correct transcripts, for pre-training and supervised learning. */
#include "cli/command.h"
#include "matchbox/task.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                             \
    NUM(int, count, 1000, 1, 100000000, "how many documents")                                                            \
    NUM(int64_t, seed, 1, 0, 1e15, "of the problems and their order")                                                    \
    PICK(split, 0, "train|held-out|all", "which problems")                                                               \
    PICK(format, 0, "text|jsonl|parts", "text: a document each line; jsonl: {\"text\", \"task\"}; parts: {\"parts\": [[writer, text], ...]}") \
    TEXT(output, "", "file to write (also -o); without it standard output")
MB_OPTIONS(lm_corpus, OPTIONS)

enum { SOURCES = 64, DOCUMENT = 2 * MB_TASK_TURNS * MB_TASK_TEXT };
struct source { mb_task *task; double share; };
struct corpus { struct source source[SOURCES]; int n; double shares; char *text, *line; void *problem; };

/* countdown:level=2:style=work:share=3 */
static bool add_source(const cli *c, struct corpus *x, const char *word, int64_t seed, mb_error *err)
{
    char *text = mb_strdup(c->arena, word, err), *next;
    if (!text) return false;
    if ((next = strchr(text, ':'))) *next++ = 0;
    struct source *s = &x->source[x->n];
    *s = (struct source){ mb_task_open(c->arena, text, (uint64_t)seed, err), 1 };
    if (!s->task) return false;
    for (char *at = next; at && *at; at = next) {
        if ((next = strchr(at, ':'))) *next++ = 0;
        char *value = strchr(at, '=');
        if (!value) return mb_fail(err, MB_ERR_USAGE, "lm corpus: '%.60s' is not key=value", at), mb_note(err, "in '%.100s'", word);
        *value++ = 0;
        if (strcmp(at, "share") != 0 ? !mb_task_set(s->task, at, value, err) : !(mb_parse_double(value, &s->share) && s->share > 0))
            return err->code ? mb_note(err, "in '%.100s'", word) : mb_fail(err, MB_ERR_RANGE, "lm corpus: a share is a number above 0, not '%.40s'", value);
    }
    x->shares += s->share;
    x->n++;
    return true;
}

static void print_parts(FILE *f, const char *text, const mb_task_part *part, int n, mb_str *line)
{
    static const char *const writers[] = { "task", "model" };
    size_t from = 0;
    mb_str_add(line, "{\"parts\":[");
    for (int i = 0; i < n; from = part[i++].end) {
        char piece[MB_TASK_TEXT];
        snprintf(piece, sizeof piece, "%.*s", (int)(part[i].end - from), text + from);
        mb_str_add(line, "%s[\"%s\",", i ? "," : "", writers[part[i].model]);
        mb_str_json(line, piece);
        mb_str_add(line, "]");
    }
    mb_str_add(line, "]}");
    fprintf(f, "%s\n", line->s);
}

static bool document(struct corpus *x, const struct lm_corpus_options *o, int index, FILE *f, mb_error *err)
{
    mb_rng rng = mb_rng_make((uint64_t)o->seed, "corpus", (uint64_t)index);
    double u = mb_uniform64(&rng) * x->shares;
    int k = 0;
    while (k + 1 < x->n && u >= x->source[k].share) u -= x->source[k++].share;
    const mb_task *t = x->source[k].task;
    mb_task_part part[2 * MB_TASK_TURNS + 1];
    mb_str s, line;
    mb_str_init(&s, x->text, DOCUMENT);
    mb_str_init(&line, x->line, 8 * DOCUMENT);
    if (!mb_task_problem(t, o->split, (uint64_t)index, x->problem, err)) return false;
    int n = mb_task_transcript(t, x->problem, &s, part);
    if (o->format == 0) fprintf(f, "%s\n", s.s);
    else if (o->format == 2) print_parts(f, s.s, part, n, &line);
    else {
        mb_str_add(&line, "{\"task\":\"%s\",\"text\":", t->def->name);
        mb_str_json(&line, s.s);
        fprintf(f, "%s}\n", line.s);
    }
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_corpus_options *o = c->options;
    const char *path = cli_text(c, "output");
    struct corpus x = { .n = 0 };
    if (c->nwords > SOURCES) return mb_fail(err, MB_ERR_USAGE, "lm corpus: more than %d tasks", SOURCES);
    for (int i = 0; i < c->nwords; i++)
        if (!add_source(c, &x, c->words[i], o->seed, err)) return false;
    x.problem = mb_alloc(c->arena, 1, MB_TASK_PROBLEM, err);
    x.text = mb_alloc(c->arena, DOCUMENT, 1, err);
    x.line = mb_alloc(c->arena, 8 * DOCUMENT, 1, err);
    if (!x.problem || !x.text || !x.line) return false;
    FILE *f = path ? fopen(path, "w") : stdout;
    if (!f) return mb_fail(err, MB_ERR_IO, "%.300s: cannot be written", path);
    bool ok = true;
    for (int i = 0; ok && i < o->count; i++) ok = document(&x, o, i, f, err);
    bool full = ferror(f);
    if (path) full = fclose(f) != 0 || full;
    return ok && (!full || mb_fail(err, MB_ERR_IO, "%.300s: could not be written whole", path ? path : "standard output"));
}

CLI_COMMAND(lm_corpus) = {
    .name = "lm corpus", .usage = "lm corpus TASK[:KEY=VALUE...]...", .summary = "text of tasks and their correct answers, to pre-train on",
    .about = "Writes documents: the prompt and correct turns of random problems. Each word names a task with its settings and its share of the "
             "documents, as in countdown:level=2:style=work:share=3. Problems come from the training split.",
    .min_words = 1, .max_words = SOURCES, MB_USE_OPTIONS(lm_corpus), .run = run,
};
