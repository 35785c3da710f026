/* matchbox reproduce ID... */
#include "cli/reproduce.h"
#include <string.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                  \
    NUM(bool, quick, false, 0, 1, "the small budget of the file: shows that it works, never counts as evidence") \
    NUM(int, jobs, 0, 0, 1024, "runs side by side; 0: one for each core")                                      \
    TEXT(results, "", "directory of runs and verdicts; default: results")                                      \
    NUM(bool, stored, false, 0, 1, "run nothing: check that the stored verdicts follow from the stored values") \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array of verdicts")
MB_OPTIONS(reproduce, OPTIONS)

enum { JSON_BYTES = 4 << 20 };

static bool read_all(cli *c, bool quick, struct reproduction *r, mb_error *err)
{
    char path[1024];
    r->nexperiments = c->nwords;
    r->experiment = mb_alloc(c->arena, (size_t)c->nwords, sizeof *r->experiment, err);
    if (!r->experiment) return false;
    for (int i = 0; i < c->nwords; i++) {
        if (!mb_experiment_find(c->words[i], path, sizeof path, err)) return false;
        if (!mb_experiment_read(path, quick, c->arena, &r->experiment[i], err)) return false;
        for (int k = 0; k < i; k++)
            if (strcmp(r->experiment[k].id, r->experiment[i].id) == 0)
                return mb_fail(err, MB_ERR_USAGE, "reproduce: '%s' is given twice", r->experiment[i].id);
    }
    return true;
}

static void add_json(mb_str *out, const mb_experiment *e, const struct outcome *o)
{
    if (out->n > 1) mb_str_add(out, ",");
    mb_experiment_json(e, o->check, o->verdict, o->seconds, out);
}

static void print_outcome(const mb_experiment *e, const struct outcome *o, const char *results, bool stored)
{
    char dir[1024];
    mb_error quiet = { 0 };
    const mb_check_result *first = &o->check[0];
    printf("%-6s %s%s: effect %.4g [%.4g, %.4g], %d seed%s, %.1f s\n", e->id, mb_verdict_name(o->verdict), e->quick ? " (quick: no evidence)" : "",
           first->effect, first->interval.lo, first->interval.hi, e->nseeds, e->nseeds == 1 ? "" : "s", o->seconds);
    if (stored) return;
    printf("       %s\n", e->claim);
    for (int k = 0; k < e->nchecks && e->nchecks > 1; k++)
        printf("       %-24s %s: %.4g [%.4g, %.4g]%s\n", e->check[k].name, mb_verdict_name(o->check[k].verdict), o->check[k].effect,
               o->check[k].interval.lo, o->check[k].interval.hi, e->check[k].counted ? "" : ", not counted");
    if (outcome_dir(e, results, dir, sizeof dir, &quiet)) printf("       %s/README.md\n", dir);
}

static bool has_failed(const struct reproduction *r, int x)
{
    for (int k = 0; k < r->experiment[x].narms * r->experiment[x].nseeds; k++)
        if (r->work[r->index[x][k]].state != RUN_DONE) return true;
    return false;
}

/* Every experiment whose runs are all there gets its verdict, also when another one failed. */
static bool judge_all(struct reproduction *r, bool stored, bool json, mb_str *out, mb_error *err)
{
    mb_str_add(out, "[");
    for (int x = 0; x < r->nexperiments; x++) {
        struct outcome o;
        size_t mark = mb_arena_mark(r->arena);
        if (!stored && has_failed(r, x)) continue;
        bool ok = stored ? outcome_stored(r->arena, &r->experiment[x], r->results, &o, err) : outcome_write(r, x, &o, err);
        if (!ok) return false;
        if (json) add_json(out, &r->experiment[x], &o);
        else print_outcome(&r->experiment[x], &o, r->results, stored);
        mb_arena_release(r->arena, mark);
    }
    mb_str_add(out, "]");
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct reproduce_options *o = c->options;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct reproduction r = { .arena = c->arena, .quick = o->quick, .jobs = o->jobs > 0 ? o->jobs : cores > 0 ? (int)cores : 1 };
    char *memory = mb_alloc(c->arena, 1, JSON_BYTES, err);
    mb_str out;
    if (!memory) return false;
    mb_str_init(&out, memory, JSON_BYTES);
    r.results = cli_text(c, "results") ? cli_text(c, "results") : "results";
    if (!read_all(c, o->quick, &r, err)) return false;
    if (!o->stored && (!reproduction_plan(&r, err) || !reproduction_run(&r, err))) return false;
    if (!judge_all(&r, o->stored, o->json, &out, err)) return false;
    if (o->json) cli_json(&out);
    return r.failed == 0 || mb_fail(err, MB_ERR_IO, "reproduce: %d of %d runs failed; what they said is above", r.failed, r.nwork);
}

CLI_COMMAND(reproduce) = {
    .name = "reproduce", .usage = "reproduce ID... [--quick]", .summary = "run an experiment and say whether its claim holds",
    .about = "Runs the arms of experiments/ID.yaml over their seeds, side by side, and judges the claim: supported, not supported or "
             "inconclusive, with effect and interval, by the rules of docs/guide/experiments.md. What is done is never run again, and what "
             "was interrupted or killed goes on from its checkpoint: give the same command again. Verdict, values, curves and a page "
             "with pictures go to results/ID (quick runs: results/quick/ID).",
    .min_words = 1, .max_words = CLI_WORDS, MB_USE_OPTIONS(reproduce), .run = run,
};
