/* The verdict of an experiment: effect, interval and test of every check, Holm's correction over those that count. */
#include "matchbox/experiment.h"
#include <math.h>

enum { CHECKS_MAX = 64 };

const char *mb_verdict_name(mb_verdict v) { return v == MB_SUPPORTED ? "supported" : v == MB_NOT_SUPPORTED ? "not supported" : "inconclusive"; }

static double difference(void *ctx, double *a, int na, double *b, int nb)
{
    mb_statistic s = *(const mb_statistic *)ctx;
    double x = mb_statistic_of(s, a, na);
    return b ? x - mb_statistic_of(s, b, nb) : x;
}

struct sample { const double *a, *b; int n; double *d, *shifted; };

/* p of "a is above b + shift" (or below): b may be a number. */
static double p_value(const mb_check *c, const struct sample *s, double shift, mb_alternative alternative)
{
    for (int i = 0; i < s->n; i++) {
        s->d[i] = s->a[i] - (s->b ? s->b[i] : c->value) - shift;
        s->shifted[i] = s->a[i] - shift;
    }
    if (c->test == MB_TEST_PERMUTATION) return mb_permutation_test(s->d, s->n, alternative, 0);
    double p = mb_welch_test(s->shifted, s->n, s->b, s->n, alternative).p;
    if (p == p) return p;
    double least = alternative == MB_GREATER ? s->d[0] : -s->d[0]; /* neither side varies */
    return least > 0 ? 0 : 1;
}

static double p_of(const mb_check *c, const struct sample *s)
{
    if (c->test == MB_TEST_NONE) return (double)NAN;
    switch (c->relation) {
    case MB_REL_GREATER: return p_value(c, s, c->margin, MB_GREATER);
    case MB_REL_LESS: return p_value(c, s, -c->margin, MB_LESS);
    case MB_REL_AT_LEAST: return p_value(c, s, -c->margin, MB_GREATER);
    case MB_REL_AT_MOST: return p_value(c, s, c->margin, MB_LESS);
    case MB_REL_EQUAL: break;
    }
    return fmax(p_value(c, s, -c->margin, MB_GREATER), p_value(c, s, c->margin, MB_LESS)); /* two one-sided tests */
}

/* Where must the effect lie for the claim: (low, high), ends included when it is a threshold or a band. */
static void claimed(const mb_check *c, double *low, double *high, bool *closed)
{
    *low = -HUGE_VAL;
    *high = HUGE_VAL;
    *closed = c->relation != MB_REL_GREATER && c->relation != MB_REL_LESS;
    if (c->relation == MB_REL_GREATER) *low = c->margin;
    if (c->relation == MB_REL_LESS) *high = -c->margin;
    if (c->relation == MB_REL_AT_LEAST || c->relation == MB_REL_EQUAL) *low = -c->margin;
    if (c->relation == MB_REL_AT_MOST || c->relation == MB_REL_EQUAL) *high = c->margin;
}

static mb_verdict verdict_of(const mb_check *c, const mb_check_result *r, double level)
{
    double low, high;
    bool closed;
    claimed(c, &low, &high, &closed);
    bool inside = closed ? r->interval.lo >= low && r->interval.hi <= high : r->interval.lo > low && r->interval.hi < high;
    bool outside = r->interval.hi < low || r->interval.lo > high;
    bool significant = c->test == MB_TEST_NONE || r->p_holm < level;
    return inside && significant ? MB_SUPPORTED : outside ? MB_NOT_SUPPORTED : MB_INCONCLUSIVE;
}

static bool measure(const mb_experiment *e, const mb_check *c, const double *values, mb_arena *arena, mb_check_result *r, mb_error *err)
{
    size_t mark = mb_arena_mark(arena), n = (size_t)e->nseeds;
    struct sample s = { values + (size_t)c->a * n, c->b >= 0 ? values + (size_t)c->b * n : NULL, e->nseeds, NULL, NULL };
    mb_bootstrap o = { .level = 1 - e->level, .paired = s.b != NULL };
    mb_statistic statistic = c->statistic;
    s.d = mb_alloc(arena, n, sizeof *s.d, err);
    s.shifted = mb_alloc(arena, n, sizeof *s.shifted, err);
    if (!s.d || !s.shifted) return false;
    if (!mb_bootstrap_interval(&o, difference, &statistic, s.a, s.n, s.b, s.b ? s.n : 0, 1, arena, &r->interval, err)) return false;
    for (int i = 0; i < s.n; i++) s.d[i] = s.a[i];
    r->a = mb_statistic_of(statistic, s.d, s.n);
    r->b = (double)NAN;
    r->effect = r->a - c->value;
    if (s.b) {
        for (int i = 0; i < s.n; i++) s.d[i] = s.b[i];
        r->b = mb_statistic_of(statistic, s.d, s.n);
        r->effect = r->a - r->b;
    } else {
        r->interval.lo -= c->value;
        r->interval.hi -= c->value;
    }
    r->p = p_of(c, &s);
    mb_arena_release(arena, mark);
    return true;
}

bool mb_experiment_judge(const mb_experiment *e, const double *values, mb_arena *a, mb_check_result *results, mb_verdict *verdict,
                         mb_error *err)
{
    double p[CHECKS_MAX];
    int n = 0;
    for (int k = 0; k < e->nchecks; k++) {
        if (!measure(e, &e->check[k], values, a, &results[k], err)) return mb_note(err, "check '%s' of %s", e->check[k].name, e->id);
        if (e->check[k].counted && e->check[k].test != MB_TEST_NONE) p[n++] = results[k].p;
    }
    mb_holm(p, n, p);
    *verdict = MB_SUPPORTED;
    n = 0;
    for (int k = 0; k < e->nchecks; k++) {
        const mb_check *c = &e->check[k];
        mb_check_result *r = &results[k];
        r->p_holm = c->counted && c->test != MB_TEST_NONE ? p[n++] : r->p;
        r->verdict = verdict_of(c, r, e->level);
        if (!c->counted || *verdict == MB_NOT_SUPPORTED || r->verdict == MB_SUPPORTED) continue;
        *verdict = r->verdict;
    }
    return true;
}

/* ---- as JSON ---- */

static void text(mb_str *out, const char *key, const char *value)
{
    mb_str_add(out, ",\"%s\":", key);
    mb_str_json(out, value);
}

static void number(mb_str *out, const char *key, double v)
{
    mb_str_add(out, ",\"%s\":", key);
    mb_str_number(out, v);
}

static void interval(mb_str *out, const mb_interval *i)
{
    mb_str_add(out, ",\"interval\":[");
    mb_str_number(out, i->lo);
    mb_str_add(out, ",");
    mb_str_number(out, i->hi);
    mb_str_add(out, "]");
}

static void check_json(const mb_experiment *e, const mb_check *c, const mb_check_result *r, mb_str *out)
{
    const mb_column *a = &e->column[c->a], *b = c->b >= 0 ? &e->column[c->b] : NULL;
    mb_str_json(out, c->name);
    mb_str_add(out, ":{\"arm\":");
    mb_str_json(out, e->arm[a->arm].name);
    text(out, "metric", a->metric);
    text(out, "relation", mb_relation_name(c->relation));
    if (b) {
        text(out, "than", e->arm[b->arm].name);
        text(out, "than_metric", b->metric);
    } else {
        number(out, "value", c->value);
    }
    number(out, "margin", c->margin);
    text(out, "statistic", mb_statistic_name(c->statistic));
    text(out, "test", mb_check_test_name(c->test));
    number(out, "a", r->a);
    if (b) number(out, "b", r->b);
    number(out, "effect", r->effect);
    interval(out, &r->interval);
    number(out, "p", r->p);
    number(out, "p_holm", r->p_holm);
    text(out, "verdict", mb_verdict_name(r->verdict));
    mb_str_add(out, ",\"counted\":%s}", c->counted ? "true" : "false");
}

void mb_experiment_json(const mb_experiment *e, const mb_check_result *results, mb_verdict verdict, double seconds, mb_str *out)
{
    mb_str_add(out, "{\"id\":");
    mb_str_json(out, e->id);
    text(out, "row", e->row);
    text(out, "claim", e->claim);
    text(out, "verdict", mb_verdict_name(verdict));
    number(out, "effect", results[0].effect);
    interval(out, &results[0].interval);
    number(out, "level", e->level);
    mb_str_add(out, ",\"quick\":%s,\"seeds\":[", e->quick ? "true" : "false");
    for (int i = 0; i < e->nseeds; i++) mb_str_add(out, "%s%lld", i ? "," : "", (long long)e->seeds[i]);
    mb_str_add(out, "]");
    number(out, "seconds", seconds);
    mb_str_add(out, ",\"checks\":{");
    for (int k = 0; k < e->nchecks; k++) {
        if (k) mb_str_add(out, ",");
        check_json(e, &e->check[k], &results[k], out);
    }
    mb_str_add(out, "}}");
}
