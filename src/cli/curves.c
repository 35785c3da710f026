/* Reading learning curves and averaging them over seeds. */
#include "cli/curves.h"
#include "matchbox/experiment.h"
#include "matchbox/stats.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct run_data { char algo[64], env[64], preset[64]; mb_series p; int group; };

static bool read_run(mb_arena *a, const char *dir, const char *metric, struct run_data *r, mb_error *err)
{
    char path[1024];
    mb_yaml y;
    snprintf(path, sizeof path, "%.1000s/config.yaml", dir);
    if (!mb_yaml_read(path, a, &y, err)) return mb_note(err, "'%.150s' must be the directory of a run", dir);
    const char *algo = mb_yaml_get(&y, "algo"), *env = mb_yaml_get(&y, "env"), *preset = mb_yaml_get(&y, "preset");
    snprintf(r->algo, sizeof r->algo, "%s", algo ? algo : "?");
    snprintf(r->env, sizeof r->env, "%s", env ? env : "?");
    snprintf(r->preset, sizeof r->preset, "%s", preset ? preset : "");
    if (mb_series_read(dir, metric, a, &r->p, err)) return true;
    return mb_note(err, "the curve begins when the first episode has ended; other metrics: --metric NAME");
}

static bool same_group(const struct run_data *a, const struct run_data *b)
{
    return strcmp(a->algo, b->algo) == 0 && strcmp(a->env, b->env) == 0 && strcmp(a->preset, b->preset) == 0;
}

/* The points of a group whose runs have values at the very same steps, not too many; else NULL.  Nothing is then read off lines
   between points, where the interval would look narrower than it is anywhere. */
static const mb_series *same_steps(const struct run_data *runs, int nruns, int group)
{
    const mb_series *first = NULL;
    for (int r = 0; r < nruns; r++) {
        const mb_series *p = &runs[r].p;
        if (runs[r].group != group) continue;
        if (!first) first = p;
        if (p->n != first->n || p->n > CURVE_POINTS || memcmp(p->x, first->x, (size_t)p->n * sizeof *p->x) != 0) return NULL;
    }
    return first;
}

static void average(const struct run_data *runs, int nruns, int group, struct curve *c)
{
    double from = -HUGE_VAL, to = HUGE_VAL;
    for (int r = 0; r < nruns; r++) {
        if (runs[r].group != group) continue;
        const mb_series *p = &runs[r].p;
        if (p->x[0] > from) from = p->x[0];
        if (p->x[p->n - 1] < to) to = p->x[p->n - 1];
        c->seeds++;
    }
    const mb_series *same = same_steps(runs, nruns, group);
    c->n = same ? same->n : to > from ? CURVE_POINTS : 1;
    c->least = HUGE_VAL;
    c->greatest = -HUGE_VAL;
    for (int i = 0; i < c->n; i++) {
        double x = same ? same->x[i] : from + (to - from) * i / (CURVE_POINTS - 1), sum = 0, squares = 0;
        for (int r = 0; r < nruns; r++)
            if (runs[r].group == group) sum += mb_series_at(&runs[r].p, x);
        double mean = sum / c->seeds;
        for (int r = 0; r < nruns; r++) {
            if (runs[r].group != group) continue;
            double v = mb_series_at(&runs[r].p, x), d = v - mean;
            squares += d * d;
            c->least = fmin(c->least, v);
            c->greatest = fmax(c->greatest, v);
        }
        double half = c->seeds > 1 ? mb_student_quantile(0.975, c->seeds - 1) * sqrt(squares / (c->seeds - 1) / c->seeds) : 0;
        c->x[i] = x;
        c->mean[i] = mean;
        c->low[i] = mean - half;
        c->high[i] = mean + half;
    }
}

/* The title says what all curves share, the labels what tells them apart. */
static void name_curves(const struct run_data *const *first, struct curves *out)
{
    bool one_env = true, one_preset = true;
    for (int g = 1; g < out->n; g++) {
        one_env = one_env && strcmp(first[g]->env, first[0]->env) == 0;
        bool default_preset = strcmp(first[g]->preset, first[g]->env) == 0;
        one_preset = one_preset && (default_preset || strcmp(first[g]->preset, first[0]->preset) == 0);
    }
    snprintf(out->title, sizeof out->title, "%s", one_env ? first[0]->env : "learning curves");
    for (int g = 0; g < out->n; g++) {
        struct curve *c = &out->curve[g];
        int n = snprintf(c->label, sizeof c->label, "%s", first[g]->algo);
        if (!one_env) n += snprintf(c->label + n, sizeof c->label - (size_t)n, " on %s", first[g]->env);
        if (!one_preset) n += snprintf(c->label + n, sizeof c->label - (size_t)n, ", preset %s", first[g]->preset);
        snprintf(c->label + n, sizeof c->label - (size_t)n, c->seeds == 1 ? ", 1 seed" : ", %d seeds", c->seeds);
        out->has_interval = out->has_interval || c->seeds > 1;
    }
}

bool curves_read(mb_arena *a, const char *const *dirs, int nruns, const char *metric, struct curves *out, mb_error *err)
{
    const struct run_data *first[CURVES_MAX] = { NULL };
    struct run_data *runs = mb_alloc(a, (size_t)nruns, sizeof *runs, err);
    if (!runs) return false;
    *out = (struct curves){ .metric = metric };
    for (int r = 0; r < nruns; r++) {
        if (!read_run(a, dirs[r], metric, &runs[r], err)) return false;
        int g = 0;
        while (g < out->n && !same_group(first[g], &runs[r])) g++;
        if (g == CURVES_MAX) return mb_fail(err, MB_ERR_USAGE, "plot: more than %d different curves", CURVES_MAX);
        if (g == out->n) first[out->n++] = &runs[r];
        runs[r].group = g;
    }
    out->curve = mb_alloc(a, (size_t)out->n, sizeof *out->curve, err);
    if (!out->curve) return false;
    for (int g = 0; g < out->n; g++) average(runs, nruns, g, &out->curve[g]);
    name_curves(first, out);
    return true;
}

bool curves_of_groups(mb_arena *a, const char *const *dirs, const int *group, int nruns, const char *const *labels, int ngroups,
                      const char *metric, const char *title, struct curves *out, mb_error *err)
{
    struct run_data *runs = mb_alloc(a, (size_t)nruns, sizeof *runs, err);
    *out = (struct curves){ .metric = metric, .n = ngroups };
    if (!runs || !(out->curve = mb_alloc(a, (size_t)ngroups, sizeof *out->curve, err))) return false;
    snprintf(out->title, sizeof out->title, "%s", title);
    for (int r = 0; r < nruns; r++) {
        if (!mb_series_read(dirs[r], metric, a, &runs[r].p, err)) return false;
        runs[r].group = group[r];
    }
    for (int g = 0; g < ngroups; g++) {
        struct curve *c = &out->curve[g];
        average(runs, nruns, g, c);
        snprintf(c->label, sizeof c->label, c->seeds == 1 ? "%.150s, 1 seed" : "%.150s, %d seeds", labels[g], c->seeds);
        out->has_interval = out->has_interval || c->seeds > 1;
    }
    return true;
}

const char *metric_title(const char *metric)
{
    static const char *const titles[][2] = {
        { "return_mean", "return, mean of the last 100 episodes" }, { "length_mean", "episode length, mean of the last 100" },
        { "eval/return_mean", "return, evaluation" },               { "eval/length_mean", "episode length, evaluation" },
        { "policy/entropy", "entropy of the policy, nats" },        { "policy/kl", "KL divergence of an update, nats" },
        { "optimizer/lr", "step size" },                            { "optimizer/grad_norm", "norm of the gradient" },
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        if (strcmp(metric, titles[i][0]) == 0) return titles[i][1];
    return metric;
}

/* ---- axes ---- */

struct axis axis_of(double low, double high, int about)
{
    if (!(high - low > 1e-9 * fmax(fabs(low), fabs(high)))) { /* equal up to rounding */
        double room = low != 0 ? fabs(low) * 0.1 : 1;
        low -= room;
        high += room;
    }
    double raw = (high - low) / about, unit = 1;
    while (unit * 10 <= raw) unit *= 10;
    while (unit > raw) unit /= 10;
    double q = raw / unit, step = unit * (q < 1.5 ? 1 : q < 3.5 ? 2 : q < 7.5 ? 5 : 10);
    struct axis a = { low, high, step, ceil(low / step - 1e-9) * step, 0 };
    a.n = (int)floor((high - a.first) / step + 1e-9) + 1;
    return a;
}

double axis_tick(const struct axis *a, int i)
{
    double v = a->first + i * a->step;
    return fabs(v) < a->step * 1e-6 ? 0 : v;
}

const char *axis_label(char out[32], const struct axis *a, double v)
{
    double size = fmax(fabs(a->low), fabs(a->high)), unit = size >= 2e9 ? 1e9 : size >= 2e6 ? 1e6 : size >= 2e3 ? 1e3 : 1;
    const char *letter = v == 0 ? "" : unit == 1e9 ? "G" : unit == 1e6 ? "M" : unit == 1e3 ? "k" : "";
    int decimals = 0;
    for (double s = a->step / unit; s < 0.999 && decimals < 9; s *= 10) decimals++;
    if (size > 0 && size < 1e-3) snprintf(out, 32, "%.4g", v); /* more places than a label has */
    else snprintf(out, 32, "%.*f%s", v == 0 ? 0 : decimals, v / unit, letter);
    return out;
}

/* The axis holds what the seeds reached. The interval of two or three seeds can be many times as wide and is cut there:
   it would flatten the curves and show returns that the environment cannot give. */
void curves_range(const struct curves *c, struct axis *x, struct axis *y, int xticks, int yticks)
{
    double left = HUGE_VAL, right = -HUGE_VAL, low = HUGE_VAL, high = -HUGE_VAL;
    for (int g = 0; g < c->n; g++) {
        const struct curve *k = &c->curve[g];
        left = fmin(left, k->x[0]);
        right = fmax(right, k->x[k->n - 1]);
        low = fmin(low, k->least);
        high = fmax(high, k->greatest);
    }
    if (left < 0.1 * right) left = 0; /* most curves begin at the beginning */
    double room = (high - low) * 0.04;
    if (low >= 0 && low < 0.3 * high) low = room = 0;
    *x = axis_of(left, right, xticks);
    *y = axis_of(low - room, high + (high - low) * 0.04, yticks);
}
