/* matchbox lm eval MODEL TASK: what a model can do on held-out problems */
#include "cli/lm_common.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                              \
    NUM(int, problems, 256, 1, 10000000, "how many problems")                              \
    NUM(int, samples, 16, 1, 128, "answers to each")                                       \
    NUM(int, most, 64, 1, 1000000, "new tokens of a turn at most")                         \
    PICK(split, 1, "train|held-out|all", "which problems")                                 \
    NUM(int64_t, seed, 1, 0, 1e15, "of the problems and the answers")                      \
    NUM(int, threads, 1, 1, 1024, "results never depend on it")                            \
    NUM(bool, show, false, 0, 1, "print the first answers with their verdicts")            \
    MB_SAMPLING_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                      \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON object")
MB_OPTIONS(lm_eval, OPTIONS)

static void show(const mb_lm_player *p, const mb_lm_episode *e)
{
    char prompt[MB_TASK_TEXT], answer[MB_TASK_READ];
    mb_str a, b;
    mb_str_init(&a, prompt, sizeof prompt);
    mb_str_init(&b, answer, sizeof answer);
    mb_lm_player_text(p, e, false, &a);
    mb_lm_player_text(p, e, true, &b);
    printf("%s%s   [%s %g%s%s]\n", a.s, b.s, mb_task_outcome_name(e->ruling.outcome), e->ruling.score, *e->ruling.why ? ": " : "", e->ruling.why);
}

static void print(const mb_lm_report *r, const mb_lm_report *greedy, bool json)
{
    char memory[2048];
    mb_str out;
    const char *name;
    double value;
    mb_str_init(&out, memory, sizeof memory);
    mb_str_add(&out, "{\"problems\":%d,\"samples\":%d,\"greedy\":", r->problems, r->samples);
    mb_str_number(&out, greedy->pass[0]);
    if (!json) printf("%d problems, %d answers each\n  %-16s %.4f\n", r->problems, r->samples, "greedy", greedy->pass[0]);
    for (int i = 0; mb_lm_report_at(r, i, &name, &value); i++) {
        if (strchr(name, '/')) name = strchr(name, '/') + 1;
        mb_str_add(&out, ",\"%s\":", name);
        mb_str_number(&out, value);
        if (!json) printf("  %-16s %.4f\n", name, value);
    }
    mb_str_add(&out, "}");
    if (json) cli_json(&out);
}

static bool evaluate(const cli *c, const struct lm_eval_options *o, struct lm_place *p, mb_error *err)
{
    mb_lm_sampling sampling = { o->temperature, o->top_k, o->top_p, o->min_p, o->repetition_penalty }, first = MB_SAMPLING_PLAIN;
    first.temperature = 0;
    mb_task *t = mb_task_open(p->arena, c->words[1], (uint64_t)o->seed, err);
    for (int i = 0; t && i < c->nsettings; i++)
        if (!mb_task_set(t, c->settings[i].key, c->settings[i].value ? c->settings[i].value : "true", err)) return mb_note(err, "on the command line");
    int each = o->problems < 64 ? o->problems : 64;
    mb_lm_player *many = t ? mb_lm_player_new(&p->scope, p->kit, t, each, o->samples, o->most, &sampling, err) : NULL;
    mb_lm_player *one = many ? mb_lm_player_new(&p->scope, p->kit, t, each, 1, o->most, &first, err) : NULL;
    mb_lm_report report, greedy;
    if (!one || !mb_lm_evaluate(many, o->split, o->problems, (uint64_t)o->seed, &report, err)) return false;
    if (!mb_lm_evaluate(one, o->split, o->problems, (uint64_t)o->seed, &greedy, err)) return false;
    const mb_lm_episode *e;
    if (o->show && !mb_lm_play(many, o->split, 0, (uint64_t)o->seed, &e, err)) return false;
    for (int i = 0; o->show && i < each * o->samples && i < 20 * o->samples; i += o->samples) show(many, &e[i]);
    print(&report, &greedy, o->json);
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct lm_eval_options *o = c->options;
    struct lm_place p;
    bool ok = lm_open(&p, c->words[0], o->threads, (uint64_t)o->seed, err) && evaluate(c, o, &p, err);
    lm_close(&p);
    return ok;
}

CLI_COMMAND(lm_eval) = {
    .name = "lm eval", .usage = "lm eval MODEL TASK [--task.option value ...]", .summary = "a language model on held-out problems: pass@k",
    .about = "Samples answers to held-out problems of a task and reports the greedy answer's share of right ones, unbiased pass@k, the majority's, "
             "lengths and invalid answers. Errors of the verifier are counted apart.",
    .min_words = 2, .max_words = 2, .takes_settings = true, MB_USE_OPTIONS(lm_eval), .run = run,
};
