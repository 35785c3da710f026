/* The space of a sweep: ranges and choices, and the way from a number of [0, 1] to a value's text and back. */
#include "matchbox/math.h"
#include "run/sweep.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CHOICES = 64, GRID_POINTS = 3 };

/* ---- scales ---- */

static double onto(const mb_sweep_dim *d, double v)
{
    if (d->scale == MB_SCALE_LOG) return mb_log64(v);
    if (d->scale == MB_SCALE_LOGIT) return mb_log64(v / (1 - v));
    return v;
}

static double back(const mb_sweep_dim *d, double v)
{
    if (d->scale == MB_SCALE_LOG) return mb_exp64(v);
    if (d->scale == MB_SCALE_LOGIT) return 1 / (1 + mb_exp64(-v));
    return v;
}

/* Whole numbers own the half unit to both sides, so that all are equally likely on a linear scale. */
static double number_at(const mb_sweep_dim *d, double unit)
{
    double half = d->integer ? 0.5 : 0, lo = onto(d, d->lo - half), hi = onto(d, d->hi + half);
    double v = back(d, lo + unit * (hi - lo));
    if (d->integer) v = floor(v + 0.5);
    return v < d->lo ? d->lo : v > d->hi ? d->hi : v;
}

static double unit_of(const mb_sweep_dim *d, double v)
{
    double half = d->integer ? 0.5 : 0, lo = onto(d, d->lo - half), hi = onto(d, d->hi + half);
    if (v < d->lo) v = d->lo;
    if (v > d->hi) v = d->hi;
    return hi > lo ? (onto(d, v) - lo) / (hi - lo) : 0.5;
}

/* ---- values as texts ---- */

/* Four digits are enough for a setting, unless they leave the range. */
static void number_text(const mb_sweep_dim *d, double v, char *out, size_t n)
{
    mb_str b;
    double short_v;
    snprintf(out, n, "%.4g", v);
    if (mb_parse_double(out, &short_v) && short_v >= d->lo && short_v <= d->hi && (!d->integer || short_v == v)) return;
    mb_str_init(&b, out, n);
    mb_str_number(&b, v);
}

bool mb__space_number(const char *text, double *out)
{
    char word[64];
    const char *colon = strchr(text, ':');
    if (!colon) return mb_parse_double(text, out);
    snprintf(word, sizeof word, "%.*s", (int)strcspn(colon + 1, ":"), colon + 1);
    return mb_parse_double(word, out);
}

/* A schedule keeps its form: the end moves with the beginning. */
static void schedule_text(const char *base, double v, const char *number, char *out, size_t n)
{
    double from, to;
    const char *first = strchr(base, ':'), *second = first ? strchr(first + 1, ':') : NULL;
    if (!second || !mb__space_number(base, &from) || !mb_parse_double(second + 1, &to)) {
        snprintf(out, n, "%s", number);
        return;
    }
    snprintf(out, n, "%.*s:%s:%.4g", (int)(first - base), base, number, from != 0 ? to * v / from : to);
}

void mb__space_text(const struct spec *s, int dim, int algo, double unit, char *out, size_t n)
{
    const mb_sweep_dim *d = &s->dim[dim];
    char number[64], base[256];
    if (d->nchoices > 0) {
        snprintf(out, n, "%s", d->choices[(int)unit]);
        return;
    }
    double v = number_at(d, unit);
    number_text(d, v, number, sizeof number);
    const mb_option *row = mb_settings_row(s->base[algo], d->key);
    if (row && row->kind == MB_OPT_SCHED && mb_settings_get(s->base[algo], d->key, base, sizeof base))
        schedule_text(base, v, number, out, n);
    else snprintf(out, n, "%s", number);
}

double mb__space_unit(const struct spec *s, int dim, const char *text)
{
    const mb_sweep_dim *d = &s->dim[dim];
    double v;
    for (int i = 0; i < d->nchoices; i++)
        if (strcmp(d->choices[i], text) == 0) return i;
    if (d->nchoices > 0) return 0;
    return mb__space_number(text, &v) ? unit_of(d, v) : 0.5;
}

int mb__space_algo(const struct spec *s, const double *unit) { return s->nalgos > 1 ? (int)unit[0] : 0; }

bool mb__space_active(const struct spec *s, int dim, const double *unit)
{
    return s->dim[dim].algo < 0 || s->dim[dim].algo == mb__space_algo(s, unit);
}

int mb__space_grid_size(const struct spec *s)
{
    int64_t n = 1;
    for (int d = 0; d < s->ndims && n < 1000000; d++) n *= s->dim[d].nchoices ? s->dim[d].nchoices : s->dim[d].points;
    return n > 1000000 ? 1000000 : (int)n;
}

/* ---- reading a range ---- */

/* "a | b | c" */
static bool read_choices(mb_arena *a, mb_sweep_dim *d, const char *text, mb_error *err)
{
    char *copy = mb_strdup(a, text, err);
    const char **choices = mb_alloc(a, CHOICES, sizeof *choices, err);
    if (!copy || !choices) return false;
    for (char *at = copy; *at;) {
        char *end = at + strcspn(at, "|"), *next = *end ? end + 1 : end;
        *end = 0;
        at += strspn(at, " ");
        for (char *last = at + strlen(at); last > at && last[-1] == ' ';) *--last = 0;
        if (d->nchoices == CHOICES) return mb_fail(err, MB_ERR_RANGE, "more than %d choices", CHOICES);
        if (!*at) return mb_fail(err, MB_ERR_USAGE, "an empty choice");
        choices[d->nchoices++] = at;
        at = next;
    }
    d->scale = MB_SCALE_CHOICE;
    d->choices = choices;
    return d->nchoices > 0 || mb_fail(err, MB_ERR_USAGE, "no choices");
}

static bool expected(const char *text, mb_error *err)
{
    mb_fail(err, MB_ERR_USAGE, "'%.100s' is no range", text);
    return mb_note(err, "expected: linear A B, log A B, logit A B, each with a number of grid points behind it or not; choice A | B; or nothing");
}

static bool read_numbers(mb_sweep_dim *d, const char *text, const char *rest, mb_error *err)
{
    char word[3][64] = { "", "", "" };
    int n = 0;
    int64_t points = GRID_POINTS;
    while (*(rest += strspn(rest, " "))) {
        size_t len = strcspn(rest, " ");
        if (n == 3 || len >= sizeof word[0]) return expected(text, err);
        snprintf(word[n++], sizeof word[0], "%.*s", (int)len, rest);
        rest += len;
    }
    int64_t lo, hi;
    bool ok = n >= 2 && (n == 2 || (mb_parse_int(word[2], &points) && points >= 1 && points <= 1000));
    if (ok && d->integer) {
        ok = mb_parse_int(word[0], &lo) && mb_parse_int(word[1], &hi);
        if (!ok) return mb_fail(err, MB_ERR_USAGE, "'%.100s': the option takes whole numbers", text);
        d->lo = (double)lo, d->hi = (double)hi;
    } else if (!ok || !mb_parse_double(word[0], &d->lo) || !mb_parse_double(word[1], &d->hi)) {
        return expected(text, err);
    }
    d->points = (int)points;
    if (d->integer && d->hi - d->lo + 1 < d->points) d->points = (int)(d->hi - d->lo + 1);
    if (!(d->lo < d->hi)) return mb_fail(err, MB_ERR_RANGE, "'%.100s': the range is empty", text);
    if (d->scale == MB_SCALE_LOG && !(d->lo > 0)) return mb_fail(err, MB_ERR_RANGE, "'%.100s': a log range must lie above 0", text);
    if (d->scale == MB_SCALE_LOGIT && !(d->lo > 0 && d->hi < 1)) return mb_fail(err, MB_ERR_RANGE, "'%.100s': a logit range must lie between 0 and 1", text);
    if (d->scale == MB_SCALE_LOGIT && d->integer) return mb_fail(err, MB_ERR_USAGE, "'%.100s': whole numbers have no logit scale", text);
    return true;
}

/* Around the value that applies without the sweep, within the option's own range. */
static bool default_range(mb_arena *a, mb_sweep_dim *d, const mb_option *row, const char *now, mb_error *err)
{
    double v = 0;
    d->points = GRID_POINTS;
    if (row->kind == MB_OPT_BOOL) return read_choices(a, d, "true|false", err);
    if (row->kind == MB_OPT_PICK) return read_choices(a, d, row->choices, err);
    bool number = row->kind != MB_OPT_TEXT && row->kind != MB_OPT_LIST && mb__space_number(now, &v);
    double factor = d->integer ? 4 : 10;
    if (number && !d->integer && row->lo >= 0 && row->hi <= 1 && v > 0.5) {
        double rest = v < 1 ? 1 - v : 0.02;
        d->scale = MB_SCALE_LOGIT;
        d->lo = 1 - (8 * rest < 0.5 ? 8 * rest : 0.5);
        d->hi = 1 - rest / 8;
    } else if (number && v > 0) {
        d->scale = MB_SCALE_LOG;
        d->lo = d->integer ? floor(v / factor) : v / factor;
        d->hi = v * factor;
        if (d->integer && d->lo < 1) d->lo = 1;
    } else if (number && row->lo >= -100 && row->hi <= 100) {
        d->lo = row->lo, d->hi = row->hi;
    } else {
        mb_fail(err, MB_ERR_USAGE, "option '%s' has no default range", d->key);
        return mb_note(err, "it is %.100s now; write a range or choices", *now ? now : "empty");
    }
    if (d->lo < row->lo) d->lo = row->lo;
    if (d->hi > row->hi) d->hi = row->hi;
    return d->lo < d->hi || mb_fail(err, MB_ERR_RANGE, "option '%s' has no default range around %.60s", d->key, now);
}

static bool read_range(mb_arena *a, mb_sweep_dim *d, const mb_option *row, const char *text, const char *now, mb_error *err)
{
    static const char *const scales[] = { "linear", "log", "logit" };
    d->integer = row->kind == MB_OPT_INT || row->kind == MB_OPT_INT64;
    bool number = d->integer || row->kind == MB_OPT_FLOAT || row->kind == MB_OPT_DOUBLE || row->kind == MB_OPT_SCHED;
    if (!*text) return default_range(a, d, row, now, err);
    if (strncmp(text, "choice ", 7) == 0) return read_choices(a, d, text + 7, err);
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(scales[i]);
        if (strncmp(text, scales[i], n) != 0 || text[n] != ' ') continue;
        if (!number) return mb_fail(err, MB_ERR_USAGE, "option '%s' is no number: expected choice A | B", d->key);
        d->scale = (mb_sweep_scale)i;
        return read_numbers(d, text, text + n, err);
    }
    return expected(text, err);
}

/* Which of the algorithms "ppo.clip" is for; -1: all. */
static int algo_of(const struct spec *s, const char *key)
{
    for (int i = 0; i < s->nalgos; i++) {
        size_t n = strlen(s->algo[i]);
        if (strncmp(key, s->algo[i], n) == 0 && key[n] == '.') return i;
    }
    return -1;
}

bool mb__space_add(mb_arena *a, struct spec *s, const mb_yaml_item *item, const char *key, mb_error *err)
{
    static const char *const fixed[] = { "run", "seed", "preset", "threads", "device", "stop_after", "checkpoint_every", "checkpoint_steps",
                                         "log_steps", "eval_every", "eval_episodes", NULL };
    char now[256] = "";
    if (s->ndims == MB_SWEEP_DIMS) return mb_fail(err, MB_ERR_USAGE, "more than %d options are varied", MB_SWEEP_DIMS);
    mb_sweep_dim *d = &s->dim[s->ndims];
    *d = (mb_sweep_dim){ .key = key, .algo = algo_of(s, key) };
    int first = d->algo < 0 ? 0 : d->algo, last = d->algo < 0 ? s->nalgos - 1 : d->algo;
    for (int i = first; i <= last; i++) { /* each must know it; the first says its kind */
        const mb_option *row = mb_settings_row(s->base[i], key);
        if (!row) return mb_settings_set(s->base[i], key, "0", NULL, err); /* says so, with a suggestion */
        for (int k = 0; fixed[k]; k++)
            if (strcmp(row->name, fixed[k]) == 0) return mb_fail(err, MB_ERR_USAGE, "option '%s' cannot be varied", key);
        if (i > first) continue;
        mb_settings_get(s->base[i], key, now, sizeof now);
        if (!read_range(a, d, row, item->value, now, err)) return mb_note(err, "key '%.100s'", item->key);
        s->varies_steps = s->varies_steps || strcmp(row->name, "total_steps") == 0;
    }
    s->line[s->ndims++] = item->line;
    return true;
}
