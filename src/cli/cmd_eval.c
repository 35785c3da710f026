/* matchbox eval RUN, in its environment or over a family of them */
#include "cli/command.h"
#include "matchbox/stats.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                            \
    NUM(int, episodes, 100, 1, 1000000, "episodes to play")                                              \
    NUM(int64_t, seed, -1, -1, 9007199254740992.0, "of the episodes; -1: the run's, as at the end of train") \
    TEXT(family, "", "OPTION=LOW..HIGH,...: in environments whose options are drawn from these ranges, --episodes in each") \
    NUM(int, members, 32, 2, 100000, "environments of the family")                                       \
    NUM(int64_t, family_seed, 1, 0, 9007199254740992.0, "of the options that are drawn")                 \
    NUM(bool, json, false, 0, 1, "the last line of output is the result as JSON")
MB_OPTIONS(eval, OPTIONS)

static uint64_t seed_of(const struct eval_options *o) { return o->seed < 0 ? MB_SEED_OF_RUN : (uint64_t)o->seed; }

static bool play(cli *c, const char *const *changes, const mb_hooks *hooks, mb_eval *e, int64_t *trained, mb_error *err)
{
    const struct eval_options *o = c->options;
    mb_player *p = mb_player_open_in(c->words[0], changes, o->episodes < 100 ? o->episodes : 100, seed_of(o), hooks, err);
    if (!p) return false;
    bool ok = mb_player_eval(p, o->episodes, cli_stop_flag(), e, err);
    *trained = mb_player_trained(p);
    mb_player_free(p);
    return ok;
}

/* ---- over a family ---- */

struct family { int n; mb_eval *eval; const char ***changes; double mean, iqm, worst; mb_interval interval; };

static bool play_family(cli *c, const char *text, const mb_hooks *hooks, struct family *f, mb_error *err)
{
    const struct eval_options *o = c->options;
    int64_t trained;
    f->n = o->members;
    f->eval = mb_alloc(c->arena, (size_t)f->n, sizeof *f->eval, err);
    f->changes = mb_alloc(c->arena, (size_t)f->n, sizeof *f->changes, err);
    double *scores = mb_alloc(c->arena, (size_t)f->n, sizeof *scores, err);
    mb_player *p = scores ? mb_player_open(c->words[0], 1, MB_SEED_OF_RUN, hooks, err) : NULL;
    if (!p) return false;
    mb_family *family = mb_family_new(c->arena, mb_settings_env(mb_player_settings(p)), text, err);
    bool ok = family != NULL;
    for (int i = 0; ok && i < f->n; i++)
        ok = mb_family_member(family, (uint64_t)o->family_seed, i, c->arena, &f->changes[i], err) &&
             play(c, f->changes[i], hooks, &f->eval[i], &trained, err);
    mb_player_free(p);
    if (!ok) return false;
    f->worst = f->eval[0].return_mean;
    for (int i = 0; i < f->n; i++) {
        scores[i] = f->eval[i].return_mean;
        if (scores[i] < f->worst) f->worst = scores[i];
    }
    f->mean = mb_stat_mean(scores, f->n);
    ok = mb_bootstrap_statistic(&(mb_bootstrap){ .seed = 1 }, MB_STAT_MEAN, scores, f->n, 1, c->arena, &f->interval, err);
    f->iqm = mb_stat_iqm(scores, f->n);
    return ok;
}

static void family_json(const struct family *f, mb_str *out)
{
    const struct { const char *name; double value; } numbers[] = {
        { "return_mean", f->mean }, { "return_iqm", f->iqm }, { "return_worst", f->worst }, { "low", f->interval.lo }, { "high", f->interval.hi },
    };
    mb_str_add(out, "{");
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        mb_str_add(out, "\"%s\":", numbers[i].name);
        mb_str_number(out, numbers[i].value);
        mb_str_add(out, ",");
    }
    mb_str_add(out, "\"members\":[");
    for (int i = 0; i < f->n; i++) {
        mb_str_add(out, i ? ",{" : "{");
        for (int k = 0; f->changes[i][k]; k += 2) mb_str_add(out, "\"%s\":%s,", f->changes[i][k], f->changes[i][k + 1]);
        mb_str_add(out, "\"return_mean\":");
        mb_str_number(out, f->eval[i].return_mean);
        mb_str_add(out, "}");
    }
    mb_str_add(out, "]}");
}

static void family_text(const struct family *f, int episodes)
{
    for (int i = 0; i < f->n; i++) {
        printf("  %10.2f ", f->eval[i].return_mean);
        for (int k = 0; f->changes[i][k]; k += 2) printf(" %s=%s", f->changes[i][k] + strlen("env."), f->changes[i][k + 1]);
        printf("\n");
    }
    printf("return %.2f [95 %% interval %.2f, %.2f] over %d environments of the family, %d episodes each; middle half %.2f, worst %.2f\n", f->mean,
           f->interval.lo, f->interval.hi, f->n, episodes, f->iqm, f->worst);
}

static bool run(cli *c, mb_error *err)
{
    const struct eval_options *o = c->options;
    const char *text = cli_text(c, "family");
    struct family f = { 0 };
    struct term_bar bar = { 0 };
    mb_hooks hooks = term_hooks(&bar);
    mb_eval e;
    mb_str out;
    int64_t trained;
    size_t cap = (size_t)o->members * 1024 + 4096;
    char *memory = mb_alloc(c->arena, cap, 1, err);
    if (!memory) return false;
    mb_str_init(&out, memory, cap);
    if (!(text ? play_family(c, text, &hooks, &f, err) : play(c, NULL, &hooks, &e, &trained, err))) return false;
    if (o->json) {
        if (text) family_json(&f, &out);
        else mb_eval_json(&e, &out);
        cli_json(&out);
    } else if (text) {
        family_text(&f, o->episodes);
    } else {
        printf("return %.2f over %d episodes (standard deviation %.2f, %.6g to %.6g), %.1f steps each, after %lld steps of training\n",
               e.return_mean, e.episodes, e.return_std, e.return_min, e.return_max, e.length_mean, (long long)trained);
    }
    return true;
}

CLI_COMMAND(eval) = {
    .name = "eval", .usage = "eval RUN [--episodes N]", .summary = "play episodes with the trained policy",
    .about = "Plays whole episodes with the greedy or mean action of the newest checkpoint. Every environment plays its share of "
             "the episodes, so that short ones do not count more often. With --family the score is over environments whose options are drawn "
             "from ranges: one instance of a task says little about the others.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(eval), .run = run,
};
