/* matchbox plot RUN... */
#include "cli/curves.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    TEXT(output, "", "file to write, .svg or .png (also -o); without it: into the terminal")         \
    TEXT(metric, "", "what to plot, as in metrics.jsonl; default return_mean; eval/return_mean for evaluations") \
    NUM(bool, text, false, 0, 1, "draw in the terminal, also when a file is written")
MB_OPTIONS(plot, OPTIONS)

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), k = strlen(tail);
    return n > k && strcmp(text + n - k, tail) == 0;
}

static bool run(cli *c, mb_error *err)
{
    const struct plot_options *o = c->options;
    const char *file = cli_text(c, "output"), *metric = cli_text(c, "metric");
    struct curves curves;
    if (file && !ends_with(file, ".svg") && !ends_with(file, ".png")) {
        mb_fail(err, MB_ERR_USAGE, "plot: '%.200s' ends neither in .svg nor in .png", file);
        return mb_help(err, "matchbox help plot");
    }
    if (!curves_read(c->arena, c->words, c->nwords, metric ? metric : "return_mean", &curves, err)) return false;
    if (!file || o->text) {
        int columns, rows;
        term_size(&columns, &rows);
        curves_text(stdout, &curves, columns, rows, term_color(stdout));
    }
    if (!file) return true;
    if (!(ends_with(file, ".png") ? figure_png(&curves, file, err) : figure_svg(&curves, file, c->arena, err))) return false;
    printf("%s\n", file);
    return true;
}

CLI_COMMAND(plot) = {
    .name = "plot", .usage = "plot RUN... [-o F.svg|F.png]", .summary = "learning curves with intervals over seeds",
    .about = "Draws the learning curves of runs. Runs of the same algorithm, environment and preset are seeds of one curve: their "
             "mean with its 95 % interval (Student's t).",
    .min_words = 1, .max_words = CLI_WORDS, MB_USE_OPTIONS(plot), .run = run,
};
