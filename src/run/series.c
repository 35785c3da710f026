/* Reading metrics.jsonl, and the number that a run gives for a metric. */
#include "run/experiment.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The number after "key": in a line of JSON; false: absent or null. */
static bool number_of(const char *line, const char *key, double *out)
{
    char quoted[128], *end;
    snprintf(quoted, sizeof quoted, "\"%s\":", key);
    const char *at = strstr(line, quoted);
    if (!at) return false;
    at += strlen(quoted);
    *out = strtod(at, &end);
    return end > at && isfinite(*out);
}

static bool line_value(const char *line, const char *metric, double *x, double *y)
{
    bool of_eval = strncmp(metric, "eval/", 5) == 0, is_eval = strstr(line, "\"eval\":") != NULL;
    return of_eval == is_eval && number_of(line, "step", x) && number_of(line, of_eval ? metric + 5 : metric, y);
}

static int count_lines(const char *text)
{
    int n = 1;
    for (; *text; text++) n += *text == '\n';
    return n;
}

bool mb_series_read(const char *dir, const char *metric, mb_arena *a, mb_series *out, mb_error *err)
{
    char path[1024], *text;
    size_t n;
    snprintf(path, sizeof path, "%.1000s/metrics.jsonl", dir);
    if (!mb_file_read(path, a, &text, &n, err)) return mb_note(err, "'%.150s' must be the directory of a run", dir);
    int lines = count_lines(text);
    *out = (mb_series){ mb_alloc(a, (size_t)lines, sizeof(double), err), mb_alloc(a, (size_t)lines, sizeof(double), err), 0 };
    if (!out->x || !out->y) return false;
    for (char *line = text; *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
        *end = 0;
        double x, y;
        if (line_value(line, metric, &x, &y) && (out->n == 0 || x > out->x[out->n - 1])) {
            out->x[out->n] = x;
            out->y[out->n++] = y;
        }
        line = next;
    }
    if (out->n > 0) return true;
    return mb_fail(err, MB_ERR_FORMAT, "%.200s: holds no values of '%.64s'", path, metric);
}

double mb_series_at(const mb_series *s, double x)
{
    int i = 0;
    while (i < s->n - 1 && s->x[i + 1] < x) i++;
    if (i == s->n - 1 || x <= s->x[i]) return s->y[i];
    double f = (x - s->x[i]) / (s->x[i + 1] - s->x[i]);
    return s->y[i] + f * (s->y[i + 1] - s->y[i]);
}

/* ---- metrics ---- */

static double area(const mb_series *s)
{
    double sum = 0, width = s->x[s->n - 1] - s->x[0];
    if (!(width > 0)) return s->y[0];
    for (int i = 1; i < s->n; i++) sum += (s->x[i] - s->x[i - 1]) * (s->y[i] + s->y[i - 1]) / 2;
    return sum / width;
}

static double steps_to(const mb_series *s, double threshold)
{
    for (int i = 0; i < s->n; i++)
        if (s->y[i] >= threshold) return s->x[i];
    return s->x[s->n - 1];
}

/* JSON is YAML: the reader of settings gives every scalar under its dotted key. */
static bool printed(const char *key, const char *json, mb_arena *a, double *out, mb_error *err)
{
    mb_yaml y;
    if (!mb_yaml_parse(json, strlen(json), "the printed JSON", a, &y, err)) return false;
    const char *text = mb_yaml_get(&y, key);
    if (!text) return mb_fail(err, MB_ERR_FORMAT, "the printed JSON has no '%.64s'", key);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) return *out = text[0] == 't', true;
    if (mb_parse_double(text, out) && isfinite(*out)) return true;
    return mb_fail(err, MB_ERR_FORMAT, "'%.64s' in the printed JSON is '%.40s', not a number", key, text);
}

/* 1: a printed key; 2: last or area of `name`; 3: steps until `name` is at least `bound`; 0: neither. */
int mb__metric_parse(const char *metric, char word[128], char name[128], double *bound)
{
    char number[48], more[2];
    int n = sscanf(metric, "%127s %127s %47s %1s", word, name, number, more);
    bool known = n == 1 || (n == 2 && (strcmp(word, "last") == 0 || strcmp(word, "area") == 0)) ||
                 (n == 3 && strcmp(word, "steps") == 0 && mb_parse_double(number, bound));
    return known ? n : 0;
}

bool mb_measure(const char *metric, const char *json, const char *dir, mb_arena *a, double *out, mb_error *err)
{
    char word[128], name[128];
    size_t mark = mb_arena_mark(a);
    mb_series s;
    double bound = 0;
    int kind = mb__metric_parse(metric, word, name, &bound);
    bool ok;
    if (kind == 0) ok = mb_fail(err, MB_ERR_USAGE, "'%.100s' is no metric", metric);
    else if (kind == 1) ok = printed(metric, json, a, out, err);
    else if ((ok = mb_series_read(dir, name, a, &s, err)))
        *out = kind == 3 ? steps_to(&s, bound) : word[0] == 'l' ? s.y[s.n - 1] : area(&s);
    mb_arena_release(a, mark);
    return ok;
}
