/* The files of a verdict: values of every seed, curves, system, verdict.json; and the verdict again from the stored values. */
#include "cli/reproduce.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, TEXT_BYTES = 32 << 20, CURVE_STORED = 50 };

bool outcome_dir(const mb_experiment *e, const char *results, char *out, size_t n, mb_error *err)
{
    int need = snprintf(out, n, "%s%s/%s", results, e->quick ? "/quick" : "", e->id);
    return (need > 0 && (size_t)need < n - 64) || mb_fail(err, MB_ERR_IO, "path too long: %.200s", results);
}

static bool write_in(const char *dir, const char *name, const mb_str *text, mb_error *err)
{
    char path[PATH_BYTES + 64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (text->full) return mb_fail(err, MB_ERR_MEMORY, "%s: more than %d bytes", path, TEXT_BYTES);
    return mb_file_write(path, text->s, text->n, err);
}

static bool text_new(mb_arena *a, mb_str *out, mb_error *err)
{
    char *memory = mb_alloc(a, 1, TEXT_BYTES, err);
    if (memory) mb_str_init(out, memory, TEXT_BYTES);
    return memory != NULL;
}

/* ---- values ---- */

static bool measure(const struct reproduction *r, int x, struct outcome *o, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    for (int c = 0; c < e->ncolumns; c++)
        for (int s = 0; s < e->nseeds; s++) {
            char run[PATH_BYTES];
            const mb_column *column = &e->column[c];
            const struct work *w = reproduction_work(r, x, column->arm, s);
            snprintf(run, sizeof run, "%.1000s/run", w->dir);
            if (mb_measure(column->metric, w->json, run, r->arena, &o->values[c * e->nseeds + s], err)) continue;
            return mb_note(err, "%.60s: arm '%.40s', seed %lld has no metric '%.50s'", e->id, e->arm[column->arm].name, (long long)e->seeds[s],
                           column->metric);
        }
    return true;
}

static bool write_seeds(const struct reproduction *r, int x, const struct outcome *o, const char *dir, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    mb_str out;
    if (!text_new(r->arena, &out, err)) return false;
    for (int arm = 0; arm < e->narms; arm++)
        for (int s = 0; s < e->nseeds; s++) {
            const char *comma = "";
            mb_str_add(&out, "{\"arm\":");
            mb_str_json(&out, e->arm[arm].name);
            mb_str_add(&out, ",\"seed\":%lld,\"run\":", (long long)e->seeds[s]);
            mb_str_json(&out, reproduction_work(r, x, arm, s)->name);
            mb_str_add(&out, ",\"values\":{");
            for (int c = 0; c < e->ncolumns; c++) {
                if (e->column[c].arm != arm) continue;
                mb_str_add(&out, "%s", comma);
                mb_str_json(&out, e->column[c].metric);
                mb_str_add(&out, ":");
                mb_str_number(&out, o->values[c * e->nseeds + s]);
                comma = ",";
            }
            mb_str_add(&out, "}}\n");
        }
    return write_in(dir, "seeds.jsonl", &out, err);
}

static void add_rounded(mb_str *out, double v)
{
    char text[32];
    double back;
    snprintf(text, sizeof text, "%.6g", v);
    mb_str_number(out, mb_parse_double(text, &back) ? back : v);
}

static void curve_line(mb_str *out, const mb_experiment *e, int arm, int seed, const mb_series *s)
{
    int n = s->n < CURVE_STORED ? s->n : CURVE_STORED;
    mb_str_add(out, "{\"arm\":");
    mb_str_json(out, e->arm[arm].name);
    mb_str_add(out, ",\"seed\":%lld,\"metric\":", (long long)e->seeds[seed]);
    mb_str_json(out, e->curve);
    for (int axis = 0; axis < 2; axis++) {
        mb_str_add(out, axis ? ",\"y\":[" : ",\"x\":[");
        for (int i = 0; i < n; i++) {
            double x = s->n <= CURVE_STORED ? s->x[i] : floor(s->x[0] + (s->x[s->n - 1] - s->x[0]) * i / (n - 1));
            if (i) mb_str_add(out, ",");
            add_rounded(out, axis ? mb_series_at(s, x) : x);
        }
        mb_str_add(out, "]");
    }
    mb_str_add(out, "}\n");
}

/* Curves of the arms that keep metrics; at most 50 points each. */
static bool write_curves(const struct reproduction *r, int x, const char *dir, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    char path[PATH_BYTES];
    mb_str out;
    if (!text_new(r->arena, &out, err)) return false;
    for (int arm = 0; arm < e->narms; arm++)
        for (int s = 0; s < e->nseeds && e->arm[arm].kind != MB_ARM_PROGRAM; s++) {
            mb_series series;
            mb_error quiet = { 0 };
            size_t mark = mb_arena_mark(r->arena);
            snprintf(path, sizeof path, "%.1000s/run", reproduction_work(r, x, arm, s)->dir);
            if (mb_series_read(path, e->curve, r->arena, &series, &quiet)) curve_line(&out, e, arm, s, &series);
            mb_arena_release(r->arena, mark);
        }
    if (out.n > 0) return write_in(dir, "curves.jsonl", &out, err);
    snprintf(path, sizeof path, "%.1000s/curves.jsonl", dir);
    unlink(path);
    return true;
}

/* The machine and program of the first run, and every commit that made one. */
static bool write_system(const struct reproduction *r, int x, const char *dir, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    char path[PATH_BYTES], *text;
    size_t n;
    mb_str out;
    snprintf(path, sizeof path, "%.1000s/job.json", reproduction_work(r, x, 0, 0)->dir);
    if (!text_new(r->arena, &out, err) || !mb_file_read(path, r->arena, &text, &n, err)) return false;
    char *facts = strstr(text, "  \"version\"");
    if (!facts) return mb_fail(err, MB_ERR_FORMAT, "%s: holds no facts about the system", path);
    mb_str_add(&out, "{\n  \"commits\": [");
    for (int k = 0, told = 0; k < e->narms * e->nseeds; k++) {
        const char *commit = r->work[r->index[x][k]].commit;
        bool seen = !commit;
        for (int i = 0; i < k && !seen; i++) {
            const char *other = r->work[r->index[x][i]].commit;
            seen = other && strcmp(other, commit) == 0;
        }
        if (seen) continue;
        mb_str_add(&out, "%s", told++ ? ", " : "");
        mb_str_json(&out, commit);
    }
    mb_str_add(&out, "],\n%s", facts);
    return write_in(dir, "system.json", &out, err);
}

static bool write_verdict(mb_arena *a, const mb_experiment *e, const struct outcome *o, const char *dir, mb_error *err)
{
    mb_str out;
    if (!text_new(a, &out, err)) return false;
    mb_experiment_json(e, o->check, o->verdict, o->seconds, &out);
    mb_str_add(&out, "\n");
    return write_in(dir, "verdict.json", &out, err);
}

static bool outcome_alloc(mb_arena *a, const mb_experiment *e, struct outcome *o, mb_error *err)
{
    *o = (struct outcome){ .values = mb_alloc(a, (size_t)e->ncolumns * (size_t)e->nseeds, sizeof *o->values, err) };
    o->check = o->values ? mb_alloc(a, (size_t)e->nchecks, sizeof *o->check, err) : NULL;
    return o->check != NULL;
}

bool outcome_write(const struct reproduction *r, int x, struct outcome *o, mb_error *err)
{
    const mb_experiment *e = &r->experiment[x];
    char dir[PATH_BYTES];
    if (!outcome_alloc(r->arena, e, o, err) || !outcome_dir(e, r->results, dir, sizeof dir, err)) return false;
    if (!measure(r, x, o, err) || !mb_experiment_judge(e, o->values, r->arena, o->check, &o->verdict, err)) return false;
    for (int k = 0; k < e->narms * e->nseeds; k++) o->seconds += r->work[r->index[x][k]].seconds;
    o->seconds = floor(o->seconds * 10 + 0.5) / 10;
    size_t mark = mb_arena_mark(r->arena);
    bool ok = mb_dir_make(dir, err) && write_seeds(r, x, o, dir, err) && write_curves(r, x, dir, err) && write_system(r, x, dir, err) &&
              outcome_page(r, x, o, dir, err) && write_verdict(r->arena, e, o, dir, err); /* the verdict last: it says that all is there */
    mb_arena_release(r->arena, mark);
    return ok;
}

/* ---- again from what is stored ---- */

static int arm_of(const mb_experiment *e, const char *name)
{
    for (int i = 0; name && i < e->narms; i++)
        if (strcmp(e->arm[i].name, name) == 0) return i;
    return -1;
}

/* Put the values of one line of seeds.jsonl in their places; lines of arms and seeds that are gone are passed over. */
static void take_line(const mb_experiment *e, const mb_yaml *y, struct outcome *o)
{
    int64_t seed;
    const char *number = mb_yaml_get(y, "seed");
    int arm = arm_of(e, mb_yaml_get(y, "arm"));
    if (arm < 0 || !number || !mb_parse_int(number, &seed)) return;
    for (int s = 0; s < e->nseeds; s++)
        for (int c = 0; c < e->ncolumns && e->seeds[s] == seed; c++) {
            char key[256];
            snprintf(key, sizeof key, "values.%s", e->column[c].metric);
            const char *text = e->column[c].arm == arm ? mb_yaml_get(y, key) : NULL;
            if (text) mb_parse_double(text, &o->values[c * e->nseeds + s]);
        }
}

static bool read_values(mb_arena *a, const mb_experiment *e, const char *dir, struct outcome *o, mb_error *err)
{
    char path[PATH_BYTES], *text;
    size_t n;
    mb_yaml y;
    for (int i = 0; i < e->ncolumns * e->nseeds; i++) o->values[i] = (double)NAN;
    snprintf(path, sizeof path, "%.1000s/seeds.jsonl", dir);
    if (!mb_file_read(path, a, &text, &n, err)) return false;
    for (char *line = text; *line;) {
        size_t width = strcspn(line, "\n"), mark = mb_arena_mark(a);
        if (!mb_yaml_parse(line, width, path, a, &y, err)) return false;
        take_line(e, &y, o);
        mb_arena_release(a, mark);
        line += width + (line[width] == '\n');
    }
    for (int c = 0; c < e->ncolumns; c++)
        for (int s = 0; s < e->nseeds; s++)
            if (isnan(o->values[c * e->nseeds + s]))
                return mb_fail(err, MB_ERR_FORMAT, "%s: no '%.60s' of arm '%.60s', seed %lld", path, e->column[c].metric, e->arm[e->column[c].arm].name,
                               (long long)e->seeds[s]);
    return true;
}

bool outcome_stored(mb_arena *a, const mb_experiment *e, const char *results, struct outcome *o, mb_error *err)
{
    char dir[PATH_BYTES], path[PATH_BYTES + 64], *text;
    size_t n;
    mb_str again;
    if (!outcome_alloc(a, e, o, err) || !outcome_dir(e, results, dir, sizeof dir, err)) return false;
    snprintf(path, sizeof path, "%s/verdict.json", dir);
    if (access(path, F_OK) != 0) {
        mb_fail(err, MB_ERR_IO, "%s: there is no %s", e->id, path);
        return mb_help(err, "matchbox reproduce %.60s%s", e->id, e->quick ? " --quick" : "");
    }
    if (!mb_file_read(path, a, &text, &n, err) || !read_values(a, e, dir, o, err)) return false;
    const char *seconds = strstr(text, "\"seconds\":");
    o->seconds = seconds ? strtod(seconds + 10, NULL) : 0;
    if (!mb_experiment_judge(e, o->values, a, o->check, &o->verdict, err) || !text_new(a, &again, err)) return false;
    mb_experiment_json(e, o->check, o->verdict, o->seconds, &again);
    mb_str_add(&again, "\n");
    if (strcmp(again.s, text) == 0) return true;
    mb_fail(err, MB_ERR_FORMAT, "%s: is not what %.200s and the values beside it give", path, e->path);
    mb_note(err, "the experiment has changed since, or the file was edited");
    return mb_help(err, "matchbox reproduce %.60s", e->id);
}
