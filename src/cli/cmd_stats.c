/* matchbox stats NUMBER... */
#include "cli/command.h"
#include "matchbox/stats.h"
#include <math.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                              \
    TEXT(than, "", "other numbers, with commas between them, to compare with")                             \
    NUM(bool, paired, false, 0, 1, "the numbers belong together in pairs, like seeds")                     \
    NUM(bool, json, false, 0, 1, "the last line of output is JSON")
MB_OPTIONS(stats, OPTIONS)

struct report {
    int n, m;                             /* how many numbers, how many to compare with */
    double mean, median, iqm, improvement;
    mb_interval interval, difference;     /* of the IQM, of the difference of both IQMs */
    mb_welch welch;
    double permutation;                   /* NaN: not paired */
};

static double iqm_difference(void *ctx, double *a, int na, double *b, int nb) { return mb_stat_iqm(a, na) - mb_stat_iqm(b, nb); }

/* x is sorted afterwards. */
static bool describe(double *x, const double *y, bool paired, mb_arena *a, struct report *r, mb_error *err)
{
    mb_bootstrap o = { .paired = paired };
    r->permutation = (double)NAN;
    if (r->m > 0) {
        double *d = mb_alloc(a, (size_t)r->n, sizeof *d, err);
        if (!d || !mb_bootstrap_interval(&o, iqm_difference, NULL, x, r->n, y, r->m, 1, a, &r->difference, err)) return false;
        r->improvement = mb_probability_of_improvement(x, r->n, y, r->m, 1);
        r->welch = mb_welch_test(x, r->n, y, r->m, MB_TWO_SIDED);
        for (int i = 0; paired && i < r->n; i++) d[i] = x[i] - y[i];
        if (paired) r->permutation = mb_permutation_test(d, r->n, MB_TWO_SIDED, 0);
    }
    o.paired = false;
    if (!mb_bootstrap_statistic(&o, MB_STAT_IQM, x, r->n, 1, a, &r->interval, err)) return false;
    r->mean = mb_stat_mean(x, r->n);
    r->iqm = mb_stat_iqm(x, r->n);
    r->median = mb_stat_median(x, r->n);
    return true;
}

static void number(mb_str *out, const char *before, double v)
{
    mb_str_add(out, "%s", before);
    mb_str_number(out, v);
}

static void print_json(const struct report *r)
{
    char text[2048];
    mb_str out;
    mb_str_init(&out, text, sizeof text);
    mb_str_add(&out, "{\"n\":%d", r->n);
    number(&out, ",\"mean\":", r->mean);
    number(&out, ",\"median\":", r->median);
    number(&out, ",\"iqm\":", r->iqm);
    number(&out, ",\"interval\":[", r->interval.lo);
    number(&out, ",", r->interval.hi);
    mb_str_add(&out, "]");
    if (r->m) {
        number(&out, ",\"difference\":[", r->difference.lo);
        number(&out, ",", r->difference.hi);
        number(&out, "],\"improvement\":", r->improvement);
        number(&out, ",\"welch_p\":", r->welch.p);
        number(&out, ",\"permutation_p\":", r->permutation);
    }
    mb_str_add(&out, "}");
    cli_json(&out);
}

static void print_report(const struct report *r)
{
    printf("%d numbers: mean %.6g, median %.6g, interquartile mean %.6g, 95 %% interval [%.6g, %.6g]\n", r->n, r->mean, r->median, r->iqm,
           r->interval.lo, r->interval.hi);
    if (!r->m) return;
    printf("against %d others: difference of the interquartile means, 95 %% interval [%.6g, %.6g]\n", r->m, r->difference.lo, r->difference.hi);
    printf("  probability of improvement %.4g, Welch's t test p = %.4g", r->improvement, r->welch.p);
    if (r->permutation == r->permutation) printf(", paired permutation test p = %.4g", r->permutation);
    printf(", two-sided\n");
}

static bool one_number(const char *text, double *out, mb_error *err)
{
    if (mb_parse_double(text, out) && *out - *out == 0) return true;
    mb_fail(err, MB_ERR_USAGE, "stats: '%.64s' is not a number", text);
    return mb_help(err, "matchbox help stats");
}

static bool run(cli *c, mb_error *err)
{
    const struct stats_options *o = c->options;
    const char *than = cli_text(c, "than");
    double x[CLI_WORDS], y[CLI_WORDS];
    struct report r = { .n = c->nwords };
    for (int i = 0; i < c->nwords; i++)
        if (!one_number(c->words[i], &x[i], err)) return false;
    char *rest = mb_strdup(c->arena, than ? than : "", err);
    if (!rest) return false;
    for (char *word = strtok(rest, ", "); word; word = strtok(NULL, ", ")) {
        if (r.m == CLI_WORDS) return mb_fail(err, MB_ERR_USAGE, "stats: more than %d numbers", CLI_WORDS);
        if (!one_number(word, &y[r.m++], err)) return false;
    }
    if (o->paired && r.m != r.n) return mb_fail(err, MB_ERR_USAGE, "stats: --paired needs as many numbers in --than: %d, not %d", r.n, r.m);
    if (!describe(x, y, o->paired, c->arena, &r, err)) return false;
    if (o->json) print_json(&r);
    else print_report(&r);
    return true;
}

CLI_COMMAND(stats) = {
    .name = "stats", .usage = "stats NUMBER... [--than NUMBER,...]", .summary = "interquartile mean, interval and tests of a few numbers",
    .about = "The statistics of results (docs/guide/experiments.md) for numbers on the command line: mean, median, interquartile mean with its 95 % "
             "bootstrap interval; against others also the interval of the difference, the probability of improvement and two-sided tests.",
    .min_words = 1, .max_words = CLI_WORDS, MB_USE_OPTIONS(stats), .run = run,
};
