/* The state of a sweep as a table and as JSON. */
#include "cli/sweep_view.h"
#include <math.h>
#include <string.h>

static bool better(const mb_sweep_info *s, const mb_sweep_trial *a, const mb_sweep_trial *b)
{
    bool x = a->rung >= 0 && !a->failed, y = b->rung >= 0 && !b->failed;
    if (!x || !y) return x;
    if (a->rung != b->rung) return a->rung > b->rung;
    return s->maximize ? a->value > b->value : a->value < b->value;
}

void sweep_order(const mb_sweep_info *s, int *order)
{
    for (int i = 0; i < s->ntrials; i++) {
        int at = i;
        for (; at > 0 && better(s, &s->trials[i], &s->trials[order[at - 1]]); at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

static bool active(const mb_sweep_info *s, int dim, const mb_sweep_trial *t)
{
    return s->dims[dim].algo < 0 || s->dims[dim].algo == (int)t->unit[0];
}

void sweep_settings_text(char *out, size_t n, const mb_sweep_info *s, int trial)
{
    mb_str b;
    const mb_sweep_trial *t = &s->trials[trial];
    mb_str_init(&b, out, n);
    for (int d = 0; d < s->ndims; d++)
        if (active(s, d, t)) mb_str_add(&b, "%s%s %s", b.n ? ", " : "", s->dims[d].key, t->text[d]);
}

void sweep_headline(char *out, size_t n, const mb_sweep_info *s)
{
    char steps[16];
    mb_str b;
    mb_str_init(&b, out, n);
    mb_str_add(&b, "%s: %d of %d trials", s->method, s->ntrials < s->planned ? s->ntrials : s->planned, s->planned);
    if (s->ntrials > s->planned) mb_str_add(&b, " and %d copies", s->ntrials - s->planned);
    mb_str_add(&b, ", %d at work", s->running);
    if (s->failed) mb_str_add(&b, ", %d failed", s->failed);
    mb_str_add(&b, ", %s steps", term_count(steps, (double)s->steps));
    if (s->best >= 0) mb_str_add(&b, ", best %.6g (trial %d)", s->trials[s->best].value, s->trials[s->best].id);
}

/* Print at most `columns` characters of the text, which is ASCII or cut at a byte nobody misses. */
static void cut_line(FILE *f, const char *text, int columns)
{
    fprintf(f, "%.*s\n", columns > 1 ? columns - 1 : 1, text);
}

static void row_text(char *out, size_t n, const mb_sweep_info *s, int i)
{
    char settings[1024], steps[16], state[24];
    const mb_sweep_trial *t = &s->trials[i];
    sweep_settings_text(settings, sizeof settings, s, i);
    if (t->failed) snprintf(state, sizeof state, "failed");
    else if (t->running) snprintf(state, sizeof state, "at work");
    else if (t->rung < 0) snprintf(state, sizeof state, "waits");
    else snprintf(state, sizeof state, "%.6g", t->value);
    snprintf(out, n, "%6d  %12s  %7s  %-7s  %s", t->id, state, term_count(steps, (double)t->steps), t->origin, t->failed ? t->why : settings);
}

int sweep_table(FILE *f, const mb_sweep_info *s, int rows, int columns, bool color)
{
    enum { MOST = 1000 };
    static int order[1000000];
    char line[2048];
    int printed = 1;
    if (s->ntrials == 0 || rows < 2 || s->ntrials > (int)(sizeof order / sizeof *order)) return 0;
    sweep_order(s, order);
    snprintf(line, sizeof line, "%6s  %12s  %7s  %-7s  %s", "trial", s->objective, "steps", "by", "settings");
    if (strlen(s->objective) > 12) snprintf(line, sizeof line, "%6s  %12s  %7s  %-7s  %s", "trial", "objective", "steps", "by", "settings");
    if (color) fputs("\033[1m", f);
    cut_line(f, line, columns);
    if (color) fputs("\033[0m", f);
    for (int i = 0; i < s->ntrials && printed < rows && i < MOST; i++, printed++) {
        row_text(line, sizeof line, s, order[i]);
        bool best = order[i] == s->best;
        if (color && best) fputs("\033[32m", f);
        cut_line(f, line, columns);
        if (color && best) fputs("\033[0m", f);
    }
    return printed;
}

void sweep_importance_text(FILE *f, const mb_sweep_info *s, const struct shares *shares, int columns)
{
    if (!shares->known) return;
    int room = columns - 40 < 10 ? 10 : columns - 40 > 40 ? 40 : columns - 40;
    fprintf(f, "importance (share of the variance, alone and with interactions)\n");
    for (int d = 0; d < s->ndims; d++) {
        int bar = (int)(shares->alone[d] * room + 0.5), more = (int)(shares->total[d] * room + 0.5) - bar;
        fprintf(f, "  %-20.20s %3.0f%% %3.0f%%  ", s->dims[d].key, 100 * shares->alone[d], 100 * shares->total[d]);
        for (int i = 0; i < bar && i < room; i++) fputc('#', f);
        for (int i = 0; i < more && bar + i < room; i++) fputc('-', f);
        fputc('\n', f);
    }
}

/* ---- JSON ---- */

static void trial_json(const mb_sweep_info *s, int i, mb_str *out)
{
    const mb_sweep_trial *t = &s->trials[i];
    mb_str_add(out, "{\"trial\":%d,\"value\":", t->id);
    mb_str_number(out, t->value);
    mb_str_add(out, ",\"steps\":%lld,\"rung\":%d,\"origin\":\"%s\",\"parent\":%d,\"failed\":%s,\"settings\":{", (long long)t->steps, t->rung,
               t->origin, t->parent, t->failed ? "true" : "false");
    bool first = true;
    for (int d = 0; d < s->ndims; d++) {
        if (!active(s, d, t)) continue;
        mb_str_add(out, "%s", first ? "" : ",");
        mb_str_json(out, s->dims[d].key);
        mb_str_add(out, ":");
        mb_str_json(out, t->text[d]);
        first = false;
    }
    mb_str_add(out, "}}");
}

void sweep_json(const mb_sweep_info *s, const struct shares *shares, const char *preset, double seconds, mb_str *out)
{
    mb_str_add(out, "{\"sweep\":");
    mb_str_json(out, s->dir);
    mb_str_add(out, ",\"algo\":");
    mb_str_json(out, s->algo);
    mb_str_add(out, ",\"env\":");
    mb_str_json(out, s->env);
    mb_str_add(out, ",\"method\":\"%s\",\"objective\":", s->method);
    mb_str_json(out, s->objective);
    mb_str_add(out, ",\"planned\":%d,\"trials\":%d,\"done\":%d,\"failed\":%d,\"running\":%d,\"steps\":%lld,\"seconds\":", s->planned, s->ntrials,
               s->done, s->failed, s->running, (long long)s->steps);
    mb_str_number(out, seconds);
    mb_str_add(out, ",\"best\":");
    if (s->best >= 0) trial_json(s, s->best, out);
    else mb_str_add(out, "null");
    mb_str_add(out, ",\"preset\":");
    if (preset) mb_str_json(out, preset);
    else mb_str_add(out, "null");
    mb_str_add(out, ",\"importance\":[");
    for (int d = 0; d < s->ndims && shares->known; d++) {
        mb_str_add(out, "%s{\"option\":", d ? "," : "");
        mb_str_json(out, s->dims[d].key);
        mb_str_add(out, ",\"alone\":");
        mb_str_number(out, shares->alone[d]);
        mb_str_add(out, ",\"total\":");
        mb_str_number(out, shares->total[d]);
        mb_str_add(out, "}");
    }
    mb_str_add(out, "],\"results\":[");
    for (int i = 0; i < s->ntrials; i++) {
        mb_str_add(out, "%s", i ? "," : "");
        trial_json(s, i, out);
    }
    mb_str_add(out, "]}");
}
