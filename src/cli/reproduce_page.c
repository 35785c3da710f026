/* The page of a verdict: what was claimed, what was found, pictures and tables. */
#include "cli/curves.h"
#include "cli/reproduce.h"
#include <dirent.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1200, PAGE_BYTES = 4 << 20 };

/* ---- pictures ---- */

/* "eval.return_mean" -> "eval-return-mean" */
static void file_name(char *out, size_t n, const char *metric)
{
    snprintf(out, n, "%s", metric);
    for (char *c = out; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))) *c = '-';
}

static mb_statistic statistic_of(const mb_experiment *e, int column)
{
    for (int k = 0; k < e->nchecks; k++)
        if (e->check[k].a == column || e->check[k].b == column) return e->check[k].statistic;
    return MB_STAT_IQM;
}

static bool fill_strip(const mb_experiment *e, const struct outcome *o, int column, mb_arena *a, struct strip *s, mb_error *err)
{
    mb_statistic statistic = statistic_of(e, column);
    const double *values = o->values + column * e->nseeds;
    mb_bootstrap b = { .level = 1 - e->level };
    double *copy = mb_alloc(a, (size_t)e->nseeds, sizeof *copy, err);
    if (!copy || !mb_bootstrap_statistic(&b, statistic, values, e->nseeds, 1, a, &s->interval, err)) return false;
    memcpy(copy, values, (size_t)e->nseeds * sizeof *copy);
    s->label = e->arm[e->column[column].arm].name;
    s->value = values;
    s->n = e->nseeds;
    s->middle = mb_statistic_of(statistic, copy, e->nseeds);
    return true;
}

/* Arms on different environments do not share a picture. */
static const char *place_of(const mb_experiment *e, int arm) { return e->arm[arm].env ? e->arm[arm].env : ""; }

static bool one_place(const mb_experiment *e)
{
    for (int i = 1; i < e->narms; i++)
        if (strcmp(place_of(e, i), place_of(e, 0)) != 0) return false;
    return true;
}

/* Columns of one metric in one place. */
static bool together(const mb_experiment *e, int a, int b)
{
    return strcmp(e->column[a].metric, e->column[b].metric) == 0 && strcmp(place_of(e, e->column[a].arm), place_of(e, e->column[b].arm)) == 0;
}

/* The first column of its picture, when other arms are in it too, or when it is what the first check is about. */
static bool worth_drawing(const mb_experiment *e, int column)
{
    int first = -1, n = 0;
    for (int i = 0; i < e->ncolumns; i++) {
        if (!together(e, i, column)) continue;
        if (n++ == 0) first = i;
    }
    return first == column && (n > 1 || column == e->check[0].a || !one_place(e));
}

/* Pictures of an earlier form of the experiment. */
static void remove_pictures(const char *dir)
{
    char path[PATH_BYTES + 300];
    DIR *d = opendir(dir);
    for (struct dirent *at; d && (at = readdir(d));) {
        size_t n = strlen(at->d_name);
        snprintf(path, sizeof path, "%s/%s", dir, at->d_name);
        if (n > 4 && strcmp(at->d_name + n - 4, ".svg") == 0) unlink(path);
    }
    if (d) closedir(d);
}

static const char *title_of(const mb_experiment *e, int arm, char out[160])
{
    snprintf(out, 160, "%.60s%s%.90s", e->id, one_place(e) ? "" : ": ", one_place(e) ? "" : place_of(e, arm));
    return out;
}

/* One picture for each metric and place, in the order of the checks; in *page lines that show them. */
static bool draw_values(const mb_experiment *e, const struct outcome *o, mb_arena *a, const char *dir, mb_str *page, mb_error *err)
{
    struct strip *strip = mb_alloc(a, (size_t)e->ncolumns, sizeof *strip, err);
    char name[160], what[160], title[160], path[PATH_BYTES + 200], note[128];
    if (!strip) return false;
    for (int c = 0; c < e->ncolumns; c++) {
        if (!worth_drawing(e, c)) continue;
        snprintf(note, sizeof note, "dots: seeds; line and band: %s and its %g %% bootstrap interval", mb_statistic_name(statistic_of(e, c)),
                 100 * (1 - e->level));
        struct strips s = { strip, 0, title_of(e, e->column[c].arm, title), e->column[c].metric, note };
        for (int arm = 0; arm < e->narms; arm++)
            for (int i = c; i < e->ncolumns; i++)
                if (e->column[i].arm == arm && together(e, i, c) && !fill_strip(e, o, i, a, &strip[s.n++], err)) return false;
        snprintf(what, sizeof what, "%.90s%s%.60s", e->column[c].metric, one_place(e) ? "" : "-", one_place(e) ? "" : place_of(e, e->column[c].arm));
        file_name(name, sizeof name, what);
        snprintf(path, sizeof path, "%s/%s.svg", dir, name);
        if (!strips_svg(&s, path, a, err)) return false;
        mb_str_add(page, "![%s of each seed](%s.svg)\n\n", e->column[c].metric, name);
    }
    return true;
}

/* Runs of the arms in the place of arm `of`; in *groups how many arms have curves. */
static int list_runs(const struct reproduction *r, int x, int of, const char **dirs, const char **labels, int *group, int *groups, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    char path[PATH_BYTES];
    int n = 0;
    *groups = 0;
    for (int arm = of; arm < e->narms && *groups < CURVES_MAX; arm++) {
        int before = n;
        for (int s = 0; s < e->nseeds && strcmp(place_of(e, arm), place_of(e, of)) == 0; s++) {
            mb_series series;
            mb_error quiet = { 0 };
            snprintf(path, sizeof path, "%.1000s/run", reproduction_work(r, x, arm, s)->dir);
            if (!mb_series_read(path, e->curve, r->arena, &series, &quiet)) continue;
            if (!(dirs[n] = mb_strdup(r->arena, path, err))) return -1;
            group[n++] = *groups;
        }
        if (n > before) labels[(*groups)++] = e->arm[arm].name;
    }
    return n;
}

/* Learning curves of the arms that have them, a picture for each place. */
static bool draw_curves(const struct reproduction *r, int x, const char *dir, mb_str *page, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    size_t most = (size_t)e->narms * (size_t)e->nseeds;
    const char **dirs = mb_alloc(r->arena, most, sizeof *dirs, err), **labels = mb_alloc(r->arena, most, sizeof *labels, err);
    int *group = mb_alloc(r->arena, most, sizeof *group, err);
    if (!dirs || !labels || !group) return false;
    for (int of = 0; of < e->narms; of++) {
        char path[PATH_BYTES + 200], name[160], what[160], title[160];
        int groups, n = 0;
        bool seen = false;
        struct curves c;
        for (int i = 0; i < of; i++) seen = seen || strcmp(place_of(e, i), place_of(e, of)) == 0;
        if (seen || (n = list_runs(r, x, of, dirs, labels, group, &groups, err)) == 0) continue;
        if (n < 0) return false;
        snprintf(what, sizeof what, "curves%s%.90s", one_place(e) ? "" : "-", one_place(e) ? "" : place_of(e, of));
        file_name(name, sizeof name, what);
        snprintf(path, sizeof path, "%s/%s.svg", dir, name);
        if (!curves_of_groups(r->arena, dirs, group, n, labels, groups, e->curve, title_of(e, of, title), &c, err)) return false;
        if (!figure_svg(&c, 1, path, r->arena, err)) return false;
        mb_str_add(page, "![learning curves](%s.svg)\n\n", name);
    }
    return true;
}

/* ---- tables ---- */

static const char *number(char out[48], double v)
{
    snprintf(out, 48, fabs(v) >= 1000 && fabs(v) < 1e7 ? "%.1f" : "%.4g", v);
    return out;
}

static void check_row(const mb_experiment *e, const mb_check *c, const mb_check_result *r, mb_str *out)
{
    char a[48], b[48], effect[48], lo[48], hi[48];
    const mb_column *left = &e->column[c->a], *right = c->b >= 0 ? &e->column[c->b] : NULL;
    mb_str_add(out, "| %s%s | %s of `%s`, arm %s, %s ", c->name, c->counted ? "" : " (not counted)", mb_statistic_name(c->statistic), left->metric,
               e->arm[left->arm].name, mb_relation_name(c->relation));
    if (right && strcmp(right->metric, left->metric) != 0) mb_str_add(out, "`%s` of %s", right->metric, e->arm[right->arm].name);
    else if (right) mb_str_add(out, "%s", e->arm[right->arm].name);
    else mb_str_add(out, "%s", number(b, c->value));
    if (c->margin > 0) mb_str_add(out, ", margin %s", number(b, c->margin));
    mb_str_add(out, " | %s | %s | %s [%s, %s] | ", number(a, r->a), right ? number(b, r->b) : "", number(effect, r->effect), number(lo, r->interval.lo),
               number(hi, r->interval.hi));
    if (c->test == MB_TEST_NONE) mb_str_add(out, "no test");
    else mb_str_add(out, "%s, p = %.3g", mb_check_test_name(c->test), r->p_holm);
    mb_str_add(out, " | %s |\n", mb_verdict_name(r->verdict));
}

/* Whether every arm has this option with this value. */
static bool shared(const mb_experiment *e, const mb_pair *option)
{
    for (int i = 0; i < e->narms; i++) {
        bool found = false;
        for (int k = 0; k < e->arm[i].noptions; k++)
            found = found || (strcmp(e->arm[i].options[k].key, option->key) == 0 && strcmp(e->arm[i].options[k].value, option->value) == 0);
        if (!found) return false;
    }
    return true;
}

static void options(const mb_experiment *e, const mb_arm *arm, bool common, mb_str *out)
{
    for (int k = 0; k < arm->noptions; k++)
        if (shared(e, &arm->options[k]) == common) mb_str_add(out, " --%s %s", arm->options[k].key, arm->options[k].value);
}

static void arms(const mb_experiment *e, mb_str *out)
{
    mb_str common;
    char text[8192];
    mb_str_init(&common, text, sizeof text);
    options(e, &e->arm[0], true, &common);
    mb_str_add(out, "## Arms\n\n");
    if (common.n) mb_str_add(out, "All of them with `%s`.\n\n", common.s + 1);
    mb_str_add(out, "| arm | command |\n|---|---|\n");
    for (int i = 0; i < e->narms; i++) {
        const mb_arm *arm = &e->arm[i];
        mb_str_add(out, "| %s | `", arm->name);
        if (arm->kind == MB_ARM_TRAIN) mb_str_add(out, "matchbox train %s %s", arm->algo, arm->env);
        else mb_str_add(out, "%s%s", arm->kind == MB_ARM_COMMAND ? "matchbox " : "build/", arm->command);
        if (arm->preset) mb_str_add(out, " --preset %s", arm->preset);
        options(e, arm, false, out);
        mb_str_add(out, "` |\n");
    }
}

static void values(const mb_experiment *e, const struct outcome *o, mb_str *out)
{
    char text[48];
    mb_str_add(out, "\n## Values\n\n| metric | arm | every seed |\n|---|---|---|\n");
    for (int arm = 0; arm < e->narms; arm++)
        for (int c = 0; c < e->ncolumns; c++) {
            if (e->column[c].arm != arm) continue;
            mb_str_add(out, "| `%s` | %s |", e->column[c].metric, e->arm[arm].name);
            for (int s = 0; s < e->nseeds && s < 100; s++) mb_str_add(out, " %s", number(text, o->values[c * e->nseeds + s]));
            mb_str_add(out, "%s |\n", e->nseeds > 100 ? " ..." : "");
        }
}

static void head(const mb_experiment *e, const struct outcome *o, mb_str *out)
{
    char effect[48], lo[48], hi[48];
    const mb_check_result *first = &o->check[0];
    mb_str_add(out, "# %s: %s\n\n%s\n\n", e->id, mb_verdict_name(o->verdict), e->claim);
    if (*e->source) mb_str_add(out, "Source: %s\n\n", e->source);
    mb_str_add(out, "**%c%s**%s: effect %s, %g %% interval [%s, %s], %d seed%s (%lld to %lld).\n\n", mb_verdict_name(o->verdict)[0] - 'a' + 'A',
               mb_verdict_name(o->verdict) + 1, e->quick ? " by a quick run, which counts for nothing" : "", number(effect, first->effect),
               100 * (1 - e->level), number(lo, first->interval.lo), number(hi, first->interval.hi), e->nseeds, e->nseeds == 1 ? "" : "s",
               (long long)e->seeds[0], (long long)e->seeds[e->nseeds - 1]);
    if (*e->note) mb_str_add(out, "%s\n\n", e->note);
}

bool outcome_page(const struct reproduction *r, int x, const struct outcome *o, const char *dir, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    char path[PATH_BYTES], minutes[48], *memory = mb_alloc(r->arena, 1, PAGE_BYTES, err);
    mb_str out;
    if (!memory) return false;
    mb_str_init(&out, memory, PAGE_BYTES);
    remove_pictures(dir);
    head(e, o, &out);
    mb_str_add(&out, "| check | what is claimed | arm | other | effect and interval | test (Holm) | verdict |\n|---|---|--:|--:|--:|---|---|\n");
    for (int k = 0; k < e->nchecks; k++) check_row(e, &e->check[k], &o->check[k], &out);
    mb_str_add(&out, "\n");
    if (!draw_values(e, o, r->arena, dir, &out, err) || !draw_curves(r, x, dir, &out, err)) return false;
    arms(e, &out);
    values(e, o, &out);
    mb_str_add(&out, "\nThe same numbers, exact: `seeds.jsonl`. Machine time: %s minutes for %d runs", number(minutes, o->seconds / 60), e->narms * e->nseeds);
    if (e->cap_minutes > 0 && !e->quick) mb_str_add(&out, ", of at most %g", e->cap_minutes);
    mb_str_add(&out, "; machine, compiler and commit: `system.json`. Again: `matchbox reproduce %s%s`. What the words mean: "
                     "docs/guide/experiments.md.\n", e->id, e->quick ? " --quick" : "");
    if (out.full) return mb_fail(err, MB_ERR_MEMORY, "the page of %s is too long", e->id);
    snprintf(path, sizeof path, "%.1000s/README.md", dir);
    return mb_file_write(path, out.s, out.n, err);
}
