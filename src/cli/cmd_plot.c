/* matchbox plot RUN... */
#include "cli/curves.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    TEXT(output, "", "file to write, .svg or .png (also -o); without it: into the terminal")         \
    TEXT(metric, "", "what to plot, as in metrics.jsonl: one or several with commas; default return_mean; eval/return_mean for evaluations") \
    NUM(bool, text, false, 0, 1, "draw in the terminal, also when a file is written")
MB_OPTIONS(plot, OPTIONS)

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), k = strlen(tail);
    return n > k && strcmp(text + n - k, tail) == 0;
}

/* The same runs by each of the metrics in `list`, which has commas; returns how many, 0: see err. */
static int read_metrics(cli *c, const char *list, struct curves *out, mb_error *err)
{
    char *text = mb_strdup(c->arena, list, err);
    int n = 0;
    for (char *rest = text; rest && *rest;) {
        char *name = rest;
        rest += strcspn(rest, ",");
        if (*rest) *rest++ = 0;
        if (n == PANELS_MAX) return mb_fail(err, MB_ERR_USAGE, "plot: more than %d metrics", PANELS_MAX);
        if (!curves_read(c->arena, c->words, c->nwords, name, &out[n++], err)) return 0;
    }
    if (n == 0) mb_fail(err, MB_ERR_USAGE, "plot: option 'metric' names none");
    return n;
}

static bool run(cli *c, mb_error *err)
{
    const struct plot_options *o = c->options;
    const char *file = cli_text(c, "output"), *metric = cli_text(c, "metric");
    struct curves curves[PANELS_MAX];
    if (file && !ends_with(file, ".svg") && !ends_with(file, ".png")) {
        mb_fail(err, MB_ERR_USAGE, "plot: '%.200s' ends neither in .svg nor in .png", file);
        return mb_help(err, "matchbox help plot");
    }
    int n = read_metrics(c, metric ? metric : "return_mean", curves, err);
    if (n == 0) return false;
    if (!file || o->text) {
        int columns, rows;
        term_size(&columns, &rows);
        for (int i = 0; i < n; i++) curves_text(stdout, &curves[i], columns, rows, term_color(stdout));
    }
    if (!file) return true;
    if (!(ends_with(file, ".png") ? figure_png(curves, n, file, err) : figure_svg(curves, n, file, c->arena, err))) return false;
    printf("%s\n", file);
    return true;
}

CLI_COMMAND(plot) = {
    .name = "plot", .usage = "plot RUN... [-o F.svg|F.png]", .summary = "learning curves with intervals over seeds",
    .about = "Draws the learning curves of runs. Runs of the same algorithm, environment and preset are seeds of one curve: their "
             "mean with its 95 % interval (Student's t).",
    .min_words = 1, .max_words = CLI_WORDS, MB_USE_OPTIONS(plot), .run = run,
};
