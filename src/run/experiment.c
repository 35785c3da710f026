/* Experiment files: reading and checking.  Three passes over the flat list of keys: names of arms and checks, then their
   fields, then what they mean together. */
#include "run/experiment.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ARMS_MAX = 64, CHECKS_MAX = 64, SEEDS_MAX = 10000, PATH_BYTES = 1024 };

bool mb__experiment_fail(const struct reader *r, const mb_yaml_item *at, const char *what, const char *value)
{
    mb_fail(r->err, MB_ERR_USAGE, "%.200s, line %d: '%.80s' %s%s%.80s%s", r->y.path, at ? at->line : 1, at ? at->key : "file", what,
            value ? " '" : "", value ? value : "", value ? "'" : "");
    return mb_help(r->err, "docs/guide/experiments.md");
}

bool mb_experiment_find(const char *id, char *path, size_t n, mb_error *err)
{
    char name[PATH_BYTES];
    size_t len = strlen(id);
    if (len > 5 && strcmp(id + len - 5, ".yaml") == 0) {
        if ((size_t)snprintf(path, n, "%s", id) < n) return true;
        return mb_fail(err, MB_ERR_USAGE, "path too long: %.200s", id);
    }
    if (len < sizeof name - 32) {
        snprintf(name, sizeof name, "experiments/%s.yaml", id);
        if (!strchr(id, '/') && mb_find_data(name, path, n)) return true;
    }
    mb_fail(err, MB_ERR_USAGE, "no experiment is called '%.64s': there is no experiments/%.64s.yaml", id, id);
    return mb_help(err, "matchbox list experiments");
}

/* ---- names ---- */

/* "arms.NAME.field": NAME and what follows it ("" when nothing does); false: not under `under`. */
static bool split(const char *key, const char *under, char *name, size_t n, const char **field)
{
    size_t len = strlen(under);
    if (strncmp(key, under, len) != 0) return false;
    size_t width = strcspn(key + len, ".");
    if (width == 0 || width >= n) return false;
    snprintf(name, n, "%.*s", (int)width, key + len);
    *field = key + len + width + (key[len + width] == '.');
    return true;
}

static bool collect(struct reader *r, const char *under, int most, const char **names, int *lines, int *count)
{
    char name[64];
    const char *field;
    for (int i = 0; i < r->y.n; i++) {
        if (!split(r->y.items[i].key, under, name, sizeof name, &field)) continue;
        if (*count && strcmp(names[*count - 1], name) == 0) continue;
        if (*count == most) return mb__experiment_fail(r, &r->y.items[i], "is one too many", NULL);
        lines[*count] = r->y.items[i].line;
        if (!(names[(*count)++] = mb_strdup(r->arena, name, r->err))) return false;
    }
    return true;
}

static int arm_called(const mb_experiment *e, const char *name)
{
    for (int i = 0; i < e->narms; i++)
        if (strcmp(e->arm[i].name, name) == 0) return i;
    return -1;
}

/* ---- values ---- */

static bool numbered(const struct reader *r, const mb_yaml_item *at, double low, double high, double *out)
{
    if (mb_parse_double(at->value, out) && *out >= low && *out <= high) return true;
    char what[96];
    snprintf(what, sizeof what, "must be a number in [%g, %g], not", low, high);
    return mb__experiment_fail(r, at, what, at->value);
}

static bool picked(const struct reader *r, const mb_yaml_item *at, const char *const *names, int *out)
{
    char what[128];
    mb_str list;
    for (*out = 0; names[*out]; ++*out)
        if (strcmp(names[*out], at->value) == 0) return true;
    mb_str_init(&list, what, sizeof what);
    mb_str_add(&list, "must be one of");
    for (int i = 0; names[i]; i++) mb_str_add(&list, "%s %s", i ? "," : "", names[i]);
    mb_str_add(&list, "; not");
    return mb__experiment_fail(r, at, what, at->value);
}

/* "101-110", "1,2,5" or both mixed. */
static bool read_seeds(struct reader *r, const mb_yaml_item *at, mb_experiment *e)
{
    e->seeds = mb_alloc(r->arena, SEEDS_MAX, sizeof *e->seeds, r->err);
    if (!e->seeds) return false;
    e->nseeds = 0;
    for (const char *s = at->value; *s;) {
        char *end;
        long long first = strtoll(s, &end, 10), last = first;
        if (end == s || first < 0) return mb__experiment_fail(r, at, "must be seeds like 101-110 or 1,2,5; not", at->value);
        if (*end == '-') {
            s = end + 1;
            last = strtoll(s, &end, 10);
        }
        if (end == s || last < first || (*end && *end != ',') || last - first >= SEEDS_MAX - e->nseeds)
            return mb__experiment_fail(r, at, "must be seeds like 101-110 or 1,2,5; not", at->value);
        for (long long k = first; k <= last; k++) {
            for (int i = 0; i < e->nseeds; i++)
                if (e->seeds[i] == k) return mb__experiment_fail(r, at, "names a seed twice:", at->value);
            e->seeds[e->nseeds++] = k;
        }
        s = *end == ',' ? end + 1 : end;
    }
    return e->nseeds > 0 || mb__experiment_fail(r, at, "must name seeds", NULL);
}

/* ---- top level ---- */

static bool read_top(struct reader *r, const mb_yaml_item *at, mb_experiment *e)
{
    const char *key = at->key, *v = at->value;
    if (strcmp(key, "claim") == 0) e->claim = v;
    else if (strcmp(key, "row") == 0) e->row = v;
    else if (strcmp(key, "source") == 0) e->source = v;
    else if (strcmp(key, "note") == 0) e->note = v;
    else if (strcmp(key, "curve") == 0) e->curve = v;
    else if (strcmp(key, "metric") == 0) r->metric = v;
    else if (strcmp(key, "level") == 0) return numbered(r, at, 1e-6, 0.5, &e->level);
    else if (strcmp(key, "cap-minutes") == 0) return numbered(r, at, 0, 1e6, &e->cap_minutes);
    else if (strcmp(key, "seeds") == 0) return (e->quick && mb_yaml_get(&r->y, "quick.seeds")) || read_seeds(r, at, e);
    else if (strcmp(key, "quick.seeds") == 0) return !e->quick || read_seeds(r, at, e);
    else if (strncmp(key, "options.", 8) == 0 || strncmp(key, "quick.options.", 14) == 0) return true;
    else if (strcmp(key, "arms") == 0 || strcmp(key, "checks") == 0) return mb__experiment_fail(r, at, "is empty", NULL);
    else if (mb__arm_field(key) < 0) {
        static const char *const keys[] = { "claim", "row", "source", "note", "curve", "metric", "level", "cap-minutes", "seeds", "quick.seeds",
                                            "arms", "checks", "options", "quick.options", "algo", "env", "preset", "program", "command", NULL };
        mb__experiment_fail(r, at, "is no key of an experiment", NULL);
        const char *near = mb_nearest(key, keys);
        if (near) mb_note(r->err, "did you mean '%s'?", near);
        return false;
    }
    return true;
}

/* ---- checks ---- */

static const char *const relations[] = { "greater", "less", "equal", "at-least", "at-most", NULL };
static const char *const statistics[] = { "iqm", "mean", "median", NULL };
static const char *const tests[] = { "permutation", "welch", "none", NULL };
static const char *const truths[] = { "no", "yes", "false", "true", NULL };
const char *mb_relation_name(mb_relation r) { return relations[r]; }
const char *mb_statistic_name(mb_statistic s) { return statistics[s]; }
const char *mb_check_test_name(mb_check_test t) { return tests[t]; }

static bool metric_ok(const struct reader *r, const mb_yaml_item *at, const char *metric)
{
    char word[128], name[128];
    double bound;
    if (mb__metric_parse(metric, word, name, &bound)) return true;
    return mb__experiment_fail(r, at, "must be a printed key, 'last NAME', 'area NAME' or 'steps NAME NUMBER'; not", metric);
}

static int column_of(mb_experiment *e, int arm, const char *metric)
{
    for (int i = 0; i < e->ncolumns; i++)
        if (e->column[i].arm == arm && strcmp(e->column[i].metric, metric) == 0) return i;
    e->column[e->ncolumns] = (mb_column){ arm, metric };
    return e->ncolumns++;
}

struct raw_check { const mb_yaml_item *first, *metric, *arm, *than, *than_metric, *relation, *value; };

static bool check_field(struct reader *r, const char *field, const mb_yaml_item *at, struct raw_check *raw, mb_check *c)
{
    int k = 0;
    if (!raw->first) raw->first = at;
    if (strcmp(field, "metric") == 0) raw->metric = at;
    else if (strcmp(field, "arm") == 0) raw->arm = at;
    else if (strcmp(field, "than") == 0) raw->than = at;
    else if (strcmp(field, "than-metric") == 0) raw->than_metric = at;
    else if (strcmp(field, "relation") == 0) {
        raw->relation = at;
        if (!picked(r, at, relations, &k)) return false;
        c->relation = (mb_relation)k;
    } else if (strcmp(field, "value") == 0) {
        raw->value = at;
        return numbered(r, at, -1e300, 1e300, &c->value);
    } else if (strcmp(field, "margin") == 0) {
        return numbered(r, at, 0, 1e300, &c->margin);
    } else if (strcmp(field, "statistic") == 0) {
        if (!picked(r, at, statistics, &k)) return false;
        c->statistic = (mb_statistic)k;
    } else if (strcmp(field, "test") == 0) {
        if (!picked(r, at, tests, &k)) return false;
        c->test = (mb_check_test)k;
    } else if (strcmp(field, "counted") == 0) {
        if (!picked(r, at, truths, &k)) return false;
        c->counted = k % 2 == 1;
    } else {
        return mb__experiment_fail(r, at, "is no key of a check", NULL);
    }
    return true;
}

static bool find_arm(struct reader *r, const mb_yaml_item *at, const mb_experiment *e, int *out)
{
    if ((*out = arm_called(e, at->value)) >= 0) return true;
    mb__experiment_fail(r, at, "names no arm:", at->value);
    return mb_note(r->err, "an arm without settings of its own is written '%.40s:'", at->value);
}

/* What the fields of a check mean together. */
static bool finish_check(struct reader *r, const struct raw_check *raw, mb_experiment *e, mb_check *c)
{
    int a, b = -1;
    const char *metric = raw->metric ? raw->metric->value : r->metric;
    bool number = c->relation == MB_REL_AT_LEAST || c->relation == MB_REL_AT_MOST;
    if (!raw->arm) return mb__experiment_fail(r, raw->first, "belongs to a check without 'arm'", NULL);
    if (!raw->relation) return mb__experiment_fail(r, raw->first, "belongs to a check without 'relation'", NULL);
    if (!metric) return mb__experiment_fail(r, raw->first, "belongs to a check without 'metric'", NULL);
    if (!metric_ok(r, raw->metric ? raw->metric : raw->first, metric) || !find_arm(r, raw->arm, e, &a)) return false;
    bool other = raw->than || raw->than_metric;
    if (raw->than && !find_arm(r, raw->than, e, &b)) return false;
    if (!raw->than && raw->than_metric) b = a;
    if (raw->than_metric && !metric_ok(r, raw->than_metric, raw->than_metric->value)) return false;
    if (!other == !raw->value) return mb__experiment_fail(r, raw->relation, "needs 'than' (an arm) or 'value' (a number), one of them", NULL);
    if (number && other) return mb__experiment_fail(r, raw->relation, "compares with a 'value'; use greater or less for arms, not", raw->relation->value);
    if (c->relation == MB_REL_EQUAL && !(c->margin > 0)) return mb__experiment_fail(r, raw->relation, "needs a 'margin' above 0", NULL);
    if (c->test == MB_TEST_WELCH && !other) return mb__experiment_fail(r, raw->relation, "with a 'value' cannot use Welch's test, which is for two arms", NULL);
    c->line = raw->first->line;
    c->a = column_of(e, a, metric);
    c->b = other ? column_of(e, b, raw->than_metric ? raw->than_metric->value : metric) : -1;
    return true;
}

static bool read_checks(struct reader *r, mb_experiment *e)
{
    const char *names[CHECKS_MAX];
    int lines[CHECKS_MAX];
    char name[64];
    const char *field;
    struct raw_check raw[CHECKS_MAX] = { 0 };
    if (!collect(r, "checks.", CHECKS_MAX, names, lines, &e->nchecks)) return false;
    if (e->nchecks == 0) return mb__experiment_fail(r, NULL, "has no checks: what is to be shown?", NULL);
    e->check = mb_alloc(r->arena, (size_t)e->nchecks, sizeof *e->check, r->err);
    e->column = mb_alloc(r->arena, 2 * (size_t)e->nchecks, sizeof *e->column, r->err);
    if (!e->check || !e->column) return false;
    for (int k = 0; k < e->nchecks; k++) {
        mb_check *c = &e->check[k];
        *c = (mb_check){ .name = names[k], .counted = true };
        for (int i = 0; i < r->y.n; i++)
            if (split(r->y.items[i].key, "checks.", name, sizeof name, &field) && strcmp(name, names[k]) == 0 &&
                !check_field(r, field, &r->y.items[i], &raw[k], c))
                return false;
        if (!finish_check(r, &raw[k], e, c)) return false;
    }
    return true;
}

/* ---- the whole file ---- */

static bool read_arms(struct reader *r, mb_experiment *e)
{
    const char *names[ARMS_MAX];
    int lines[ARMS_MAX];
    if (!collect(r, "arms.", ARMS_MAX, names, lines, &e->narms)) return false;
    if (e->narms == 0) return mb__experiment_fail(r, NULL, "has no arms: what is to be run?", NULL);
    e->arm = mb_alloc(r->arena, (size_t)e->narms, sizeof *e->arm, r->err);
    if (!e->arm) return false;
    for (int i = 0; i < e->narms; i++) {
        for (int k = 0; k < i; k++)
            if (strcmp(names[k], names[i]) == 0) return mb__experiment_fail(r, NULL, "has parts of one arm in two places:", names[i]);
        e->arm[i].name = names[i];
        e->arm[i].line = lines[i];
        if (!mb__arm_read(r, e, &e->arm[i])) return false;
    }
    return true;
}

bool mb_experiment_read(const char *path, bool quick, mb_arena *a, mb_experiment *out, mb_error *err)
{
    struct reader r = { .arena = a, .err = err };
    char id[96];
    *out = (mb_experiment){ .level = 0.05, .quick = quick, .source = "", .note = "" };
    if (!mb_yaml_read(path, a, &r.y, err)) return false;
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    snprintf(id, sizeof id, "%.*s", (int)strcspn(name, "."), name);
    out->id = mb_strdup(a, id, err);
    out->path = r.y.path;
    out->curve = "return_mean";
    if (!out->id) return false;
    for (int i = 0; i < r.y.n; i++) {
        const mb_yaml_item *at = &r.y.items[i];
        bool part = strncmp(at->key, "arms.", 5) == 0 || strncmp(at->key, "checks.", 7) == 0;
        if (!part && !read_top(&r, at, out)) return false;
    }
    if (!out->claim || !*out->claim) return mb__experiment_fail(&r, NULL, "has no 'claim'", NULL);
    if (!out->row) out->row = out->id;
    if (out->nseeds == 0) return mb__experiment_fail(&r, NULL, "has no 'seeds'", NULL);
    return read_arms(&r, out) && read_checks(&r, out);
}
