/* matchbox sweep FILE */
#include "cli/sweep_view.h"
#include <string.h>
#include <sys/stat.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                \
    TEXT(dir, "", "directory of the sweep; default: sweeps/NAME of NAME.yaml")                               \
    NUM(int, jobs, 0, 0, 1024, "runs side by side; 0: what the file says, else one per core")                \
    NUM(int, trials, 0, 0, 10000, "settings to try; 0: what the file says (more later continues the sweep)") \
    TEXT(output, "", "also write the best settings to this preset file (also -o)")                           \
    TEXT(name, "", "also write them to presets/ALGO/NAME.yaml, for --preset NAME")                           \
    NUM(bool, report, false, 0, 1, "only show what is recorded; also while another process works")           \
    NUM(bool, json, false, 0, 1, "the last line of output is the sweep as JSON")
MB_OPTIONS(sweep_command, OPTIONS)

struct screen { double began, line_at; int lines; bool live; };

/* ---- while it runs ---- */

static void wipe(struct screen *v)
{
    if (v->lines > 0) fprintf(stderr, "\033[%dA\033[J", v->lines);
    v->lines = 0;
}

static void progress(void *ctx, const mb_sweep_info *s)
{
    struct screen *v = ctx;
    char line[512], steps[16];
    int columns, rows;
    double now = mb_now();
    if (!v->live) return;
    term_size(&columns, &rows);
    wipe(v);
    sweep_headline(line, sizeof line, s);
    fprintf(stderr, "%.*s\n", columns - 1, line);
    v->lines = 1 + sweep_table(stderr, s, rows - 3 < 14 ? rows - 3 : 14, columns, term_color(stderr));
    fprintf(stderr, "%.0f s, %s steps/s\n", now - v->began, term_count(steps, (double)s->steps / (now - v->began + 1e-9)));
    v->lines++;
    fflush(stderr);
}

static void result(void *ctx, const mb_sweep_info *s, int trial)
{
    struct screen *v = ctx;
    char settings[1024], steps[16];
    const mb_sweep_trial *t = &s->trials[trial];
    if (v->live) return;
    sweep_settings_text(settings, sizeof settings, s, trial);
    if (t->failed) fprintf(stderr, "trial %d failed: %s (%s)\n", t->id, t->why, settings);
    else fprintf(stderr, "trial %d: %.6g after %s steps (%s)\n", t->id, t->value, term_count(steps, (double)t->steps), settings);
}

/* ---- afterwards ---- */

static bool write_preset(mb_sweep *s, const mb_sweep_info *info, const char *path, mb_error *err)
{
    char memory[64 * 1024], dir[1024];
    mb_str text;
    mb_str_init(&text, memory, sizeof memory);
    snprintf(dir, sizeof dir, "%s", path);
    char *slash = strrchr(dir, '/');
    if (slash) *slash = 0;
    return mb_sweep_preset(s, info->best, &text, err) && (!slash || mb_dir_make(dir, err)) && mb_file_write(path, text.s, text.n, err);
}

static bool write_presets(cli *c, mb_sweep *s, const mb_sweep_info *info, char *path, size_t n, mb_error *err)
{
    char named[1024];
    const char *output = cli_text(c, "output"), *name = cli_text(c, "name");
    snprintf(path, n, "%.900s/best.yaml", info->dir);
    if (!write_preset(s, info, path, err)) return false;
    const mb_sweep_trial *best = &info->trials[info->best];
    const char *algo = strcmp(info->dims[0].key, "algo") == 0 ? best->text[0] : info->algo;
    snprintf(named, sizeof named, "presets/%.100s/%.200s.yaml", algo, name ? name : "");
    if (name && !write_preset(s, info, named, err)) return false;
    if (output && !write_preset(s, info, output, err)) return false;
    if (output || name) snprintf(path, n, "%s", output ? output : named);
    return true;
}

static bool write_figures(cli *c, const mb_sweep_info *info, const struct shares *shares, mb_error *err)
{
    char path[1024];
    snprintf(path, sizeof path, "%.900s/slices.svg", info->dir);
    if (!sweep_slices_svg(info, path, c->arena, err)) return false;
    snprintf(path, sizeof path, "%.900s/importance.svg", info->dir);
    return !shares->known || sweep_importance_svg(info, shares, path, c->arena, err);
}

static bool print_json(cli *c, const mb_sweep_info *info, const struct shares *shares, const char *preset, double seconds, mb_error *err)
{
    size_t bytes = 4096 + (size_t)info->ntrials * (512 + 256 * (size_t)info->ndims);
    char *memory = mb_alloc(c->arena, 1, bytes, err);
    mb_str text;
    if (!memory) return false;
    mb_str_init(&text, memory, bytes);
    sweep_json(info, shares, preset, seconds, &text);
    if (text.full) return mb_fail(err, MB_ERR_MEMORY, "sweep: the JSON is too long");
    cli_json(&text);
    return true;
}

static bool show(cli *c, mb_sweep *s, bool figures, double seconds, mb_error *err)
{
    const struct sweep_command_options *o = c->options;
    mb_sweep_info info = mb_sweep_state(s);
    struct shares shares = { 0 };
    mb_error quiet = { 0 };
    char line[512], preset[1024] = "";
    int columns, rows;
    term_size(&columns, &rows);
    if (!term_is_tty(stdout)) columns = 200;
    shares.known = mb_sweep_importance(s, shares.alone, shares.total, &quiet);
    if (info.best >= 0 && (figures || cli_text(c, "output") || cli_text(c, "name")) &&
        !write_presets(c, s, &info, preset, sizeof preset, err)) return false;
    if (figures && info.best >= 0 && !write_figures(c, &info, &shares, err)) return false;
    if (o->json) return print_json(c, &info, &shares, *preset ? preset : NULL, seconds, err);
    sweep_headline(line, sizeof line, &info);
    printf("%s\n", line);
    sweep_table(stdout, &info, o->report ? 1000 : 11, columns, term_color(stdout));
    sweep_importance_text(stdout, &info, &shares, columns);
    if (*preset) printf("best settings: %s\n", preset);
    if (figures && info.best >= 0) printf("pictures: %s/slices.svg%s\n", info.dir, shares.known ? ", importance.svg" : "");
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct sweep_command_options *o = c->options;
    struct screen v = { .began = mb_now(), .live = term_is_tty(stderr) };
    mb_sweep_hooks hooks = { .progress = progress, .result = result, .stop = cli_stop_flag(), .ctx = &v };
    const char *dir = cli_text(c, "dir");
    mb_sweep *s = o->report ? mb_sweep_look(c->words[0], dir, err) : mb_sweep_open(c->words[0], dir, o->trials, o->jobs, err);
    if (!s) return false;
    bool ok = o->report || mb_sweep_run(s, &hooks, err);
    wipe(&v);
    mb_error also = { 0 };
    if (ok || err->code == MB_ERR_INTERRUPTED) {
        bool shown = show(c, s, ok && !o->report, mb_now() - v.began, ok ? err : &also);
        ok = ok && shown;
    }
    mb_sweep_free(s);
    return ok;
}

CLI_COMMAND(sweep) = {
    .name = "sweep", .usage = "sweep FILE.yaml [--jobs N] [--report]", .summary = "search for good settings with many runs",
    .about = "Tries settings as the file says: on a grid, at random, by a model of what was seen (tpe, gp), with early stopping (asha) "
             "or in a population whose members copy each other (pbt). Trials are ordinary runs, side by side. Started again it "
             "continues, whatever ended it. It ends with a table, a preset of the best settings and pictures.",
    .min_words = 1, .max_words = 1, .options = sweep_command_option_rows, .options_size = sizeof(struct sweep_command_options),
    .file_keys = mb_sweep_option_rows, .run = run,
};
