/* matchbox lm task NAME: problems of a task, with correct answers, for people and as data sets; verdicts on answers. */
#include "cli/command.h"
#include "matchbox/verifier.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                                     \
    NUM(int, count, 3, 1, 100000000, "how many problems")                                                                        \
    NUM(int64_t, index, 0, 0, 1e15, "number of the first one")                                                                   \
    NUM(int64_t, seed, 1, 0, 1e15, "of the problems")                                                                            \
    PICK(split, 0, "train|held-out|all", "which problems: these never share one")                                                \
    TEXT(answer, "", "verdict on this answer to the first problem; several turns are separated by |")                            \
    TEXT(verifier, "", "command that verifies in place of the task's own, see docs/guide/tasks.md")                              \
    NUM(double, verifier_seconds, 5, 0.01, 3600, "time limit of that command")                                                   \
    NUM(int, verifier_megabytes, 512, 16, 1000000, "memory limit of that command")                                               \
    NUM(bool, pairs, false, 0, 1, "pairs of texts, labelled by their gold rewards with noise (task gold)")                       \
    NUM(double, pair_scale, 10, 0, 1e6, "pairs: the better text is chosen with probability sigmoid(this x difference of scores)") \
    NUM(bool, json, false, 0, 1, "one JSON array on the last line of output")                                                    \
    NUM(bool, jsonl, false, 0, 1, "one JSON object on each line")
MB_OPTIONS(lm_task, OPTIONS)

enum { LINE = 8 * MB_TASK_TURNS * MB_TASK_TEXT };
struct turns { char prompt[MB_TASK_TEXT], model[MB_TASK_TURNS][MB_TASK_TEXT], back[MB_TASK_TURNS][MB_TASK_TEXT]; int n; mb_ruling verdict; };

/* Play the problem to its end: with the task's own correct turns, or with those given. */
static bool walk(const mb_task *t, void *problem, char *given, struct turns *out, mb_error *err)
{
    mb_str s;
    mb_str_init(&s, out->prompt, MB_TASK_TEXT);
    mb_task_prompt(t, problem, &s);
    for (int k = 0; k < MB_TASK_TURNS; k++) {
        mb_str_init(&s, out->model[k], MB_TASK_TEXT);
        if (given) {
            size_t n = strcspn(given, "|");
            mb_str_add(&s, "%.*s", (int)n, given);
            given += n + (given[n] == '|');
        } else mb_task_show(t, problem, &s);
        if (s.full) return mb_fail(err, MB_ERR_RANGE, "lm task: a turn is longer than %d bytes", MB_TASK_TEXT - 1);
        mb_str back;
        mb_str_init(&back, out->back[k], MB_TASK_TEXT);
        out->n = k + 1;
        if (!mb_task_reply(t, problem, s.s, s.n, &back, NULL)) {
            out->verdict = mb_task_verify(t, problem, s.s, s.n);
            return true;
        }
    }
    return mb_fail(err, MB_ERR_RANGE, "lm task: more than %d turns", MB_TASK_TURNS);
}

static void field(mb_str *out, const char *name, const char *text)
{
    mb_str_add(out, "%s\"%s\":", out->n && out->s[out->n - 1] == '{' ? "" : ",", name);
    mb_str_json(out, text);
}

static void verdict_json(mb_str *out, const mb_ruling *v)
{
    mb_str_add(out, ",\"outcome\":\"%s\",\"score\":", mb_task_outcome_name(v->outcome));
    mb_str_number(out, v->score);
    mb_str_add(out, ",\"form\":");
    mb_str_number(out, v->form);
    field(out, "why", v->why);
}

/* prompt and completion for single turns; messages for several. */
static void problem_json(mb_str *out, int64_t index, const struct turns *x, bool judged)
{
    mb_str_add(out, "{\"index\":%lld", (long long)index);
    field(out, "prompt", x->prompt);
    if (x->n == 1) field(out, "completion", x->model[0]);
    else {
        mb_str_add(out, ",\"messages\":[{");
        field(out, "role", "user");
        field(out, "content", x->prompt);
        for (int k = 0; k < x->n; k++) {
            mb_str_add(out, "},{");
            field(out, "role", "assistant");
            field(out, "content", x->model[k]);
            if (k + 1 == x->n) break;
            mb_str_add(out, "},{");
            field(out, "role", "tool");
            field(out, "content", x->back[k]);
        }
        mb_str_add(out, "}]");
    }
    if (judged) verdict_json(out, &x->verdict);
    mb_str_add(out, "}");
}

static void problem_text(int64_t index, const struct turns *x, bool judged)
{
    printf("%6lld  %s\n", (long long)index, x->prompt);
    for (int k = 0; k < x->n; k++) {
        printf("     >  %s\n", x->model[k]);
        if (k + 1 < x->n) printf("     <  %s\n", x->back[k]);
    }
    if (!judged) return;
    printf("%s", mb_task_outcome_name(x->verdict.outcome));
    if (x->verdict.outcome == MB_SCORED) printf(" %g", x->verdict.score);
    printf(x->verdict.why[0] ? ": %s\n" : "\n", x->verdict.why);
}

static bool pair(const mb_task *t, const struct lm_task_options *o, uint64_t index, const void *problem, mb_str *out, mb_error *err)
{
    mb_rng rng = mb_rng_make(t->seed, "pairs of texts", index);
    struct { char prompt[MB_TASK_TEXT], chosen[MB_TASK_TEXT], rejected[MB_TASK_TEXT]; } x;
    mb_str p, a, b;
    bool flipped;
    mb_str_init(&p, x.prompt, sizeof x.prompt);
    mb_str_init(&a, x.chosen, sizeof x.chosen);
    mb_str_init(&b, x.rejected, sizeof x.rejected);
    mb_task_prompt(t, problem, &p);
    if (!mb_task_pair(t, problem, o->pair_scale, &rng, &a, &b, &flipped, err)) return false;
    mb_str_add(out, "{\"index\":%lld", (long long)index);
    field(out, "prompt", x.prompt);
    field(out, "chosen", x.chosen);
    field(out, "rejected", x.rejected);
    mb_str_add(out, ",\"flipped\":%s}", flipped ? "true" : "false");
    return true;
}

static void ask_outside(cli *c, struct turns *x)
{
    const struct lm_task_options *o = c->options;
    char out[64];
    snprintf(out, sizeof out, "/tmp/matchbox-verifier-%ld", (long)getpid());
    mb_outside_verifier v = { cli_text(c, "verifier"), out, o->verifier_seconds, o->verifier_megabytes };
    const char *last = x->model[x->n - 1];
    x->verdict = mb_verify_outside(&v, x->prompt, last, strlen(last), c->arena);
    unlink(out);
}

static bool one(cli *c, const mb_task *t, int64_t index, void *problem, struct turns *x, mb_str *out, mb_error *err)
{
    const struct lm_task_options *o = c->options;
    const char *answer = cli_text(c, "answer");
    char *given = answer ? mb_strdup(c->arena, answer, err) : NULL;
    bool judged = answer || cli_text(c, "verifier");
    if (!mb_task_problem(t, o->split, (uint64_t)index, problem, err)) return false;
    if (o->pairs) return pair(t, o, (uint64_t)index, problem, out, err);
    if (!walk(t, problem, given, x, err)) return false;
    if (cli_text(c, "verifier")) ask_outside(c, x);
    if (o->json || o->jsonl) problem_json(out, index, x, judged);
    else problem_text(index, x, judged);
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_task_options *o = c->options;
    mb_task *t = mb_task_open(c->arena, c->words[0], (uint64_t)o->seed, err);
    for (int i = 0; t && i < c->nsettings; i++)
        if (!mb_task_set(t, c->settings[i].key, c->settings[i].value ? c->settings[i].value : "true", err)) return mb_note(err, "on the command line");
    void *problem = t ? mb_alloc(c->arena, 1, t->def->problem_size, err) : NULL;
    struct turns *x = problem ? mb_alloc(c->arena, 1, sizeof *x, err) : NULL;
    char *memory = x ? mb_alloc(c->arena, LINE, 1, err) : NULL;
    if (!memory) return false;
    int count = cli_text(c, "answer") ? 1 : o->count;
    if (o->json) printf("[");
    for (int i = 0; i < count; i++) {
        mb_str line;
        mb_str_init(&line, memory, LINE);
        if (!one(c, t, o->index + i, problem, x, &line, err)) return false;
        if (o->json || o->jsonl || o->pairs) printf("%s%s%s", o->json && i ? "," : "", memory, o->json ? "" : "\n");
    }
    if (o->json) printf("]\n");
    return true;
}

CLI_COMMAND(lm_task) = {
    .name = "lm task", .usage = "lm task NAME", .summary = "problems of a task with correct answers; verdicts on answers",
    .about = "Prints problems of a task with a correct answer each: as text, or as JSON lines to learn from (prompt and completion, or messages where "
             "a task has several turns). With --answer it prints the verdict on an answer. The task's own options (matchbox help NAME) are "
             "given as --task.KEY VALUE. The training and the held-out split never share a problem, whatever the seeds.",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(lm_task), .run = run,
};
