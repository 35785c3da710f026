/* Reading a sweep file: what is varied, how, and whether all of it can be. */
#include "rl/tune.h"
#include "run/sweep.h"
#include <stdio.h>
#include <string.h>

const mb_option *mb_sweep_option_rows(void) { return sweep_option_rows; }

/* ---- plain keys ---- */

static bool at_line(const char *file, int line, mb_error *err)
{
    mb_note(err, "%.150s, line %d", file, line);
    return mb_help(err, "matchbox help sweep");
}

static bool unknown_key(const mb_yaml_item *item, mb_error *err)
{
    const char *names[48] = { "algo", "env", "preset", "options", "space" };
    char text[48][64];
    int n = 5;
    for (const mb_option *row = sweep_option_rows; row->name && n < 47; row++, n++) {
        snprintf(text[n], sizeof text[n], "%s", row->name);
        for (char *c = text[n]; *c; c++)
            if (*c == '_') *c = '-';
        names[n] = text[n];
    }
    char first[64];
    snprintf(first, sizeof first, "%.*s", (int)strcspn(item->key, "."), item->key);
    mb_fail(err, MB_ERR_USAGE, "a sweep has no key '%.100s'", item->key);
    const char *near = mb_nearest(first, names);
    return near ? mb_note(err, "did you mean '%s'?", near) : false;
}

static bool read_algos(mb_arena *a, struct spec *s, const char *value, mb_error *err)
{
    char *text = mb_strdup(a, value, err);
    if (!text || !(s->algos = mb_strdup(a, value, err))) return false;
    for (char *at = text; *at;) {
        char *end = at + strcspn(at, ","), *next = *end ? end + 1 : end;
        *end = 0;
        if (s->nalgos == SWEEP_ALGOS) return mb_fail(err, MB_ERR_USAGE, "more than %d algorithms in one sweep", SWEEP_ALGOS);
        const mb_algo_def *def = mb_algo_find(at, err);
        if (!def) return false;
        s->algo[s->nalgos++] = def->name;
        at = next;
    }
    return s->nalgos > 0 || mb_fail(err, MB_ERR_USAGE, "'algo' names no algorithm");
}

static bool read_item(mb_arena *a, struct spec *s, mb_yaml_item *item, mb_error *err)
{
    if (strcmp(item->key, "algo") == 0) return read_algos(a, s, item->value, err);
    if (strcmp(item->key, "env") == 0) return (s->env = item->value) != NULL;
    if (strcmp(item->key, "preset") == 0) return (s->preset = item->value) != NULL;
    if (strncmp(item->key, "space.", 6) == 0) return true; /* when the settings are known */
    if (strncmp(item->key, "options.", 8) == 0) {
        static const char *const ours[] = { "run", "seed", "stop-after", "stop_after", "preset", NULL };
        if (s->nfixed == SWEEP_FIXED) return mb_fail(err, MB_ERR_USAGE, "more than %d options", SWEEP_FIXED);
        for (int i = 0; ours[i]; i++)
            if (strcmp(item->key + 8, ours[i]) == 0)
                return mb_fail(err, MB_ERR_USAGE, "options: '%s' is chosen by the sweep itself", ours[i]);
        item->key += 8;
        s->says_threads = s->says_threads || strcmp(item->key, "threads") == 0;
        s->fixed[s->nfixed++] = item;
        return true;
    }
    if (!mb_options_find(sweep_option_rows, item->key)) return unknown_key(item, err);
    return mb_options_set("sweep", sweep_option_rows, &s->o, item->key, item->value, err);
}

/* "1-3,7" */
static bool read_seeds(struct spec *s, mb_error *err)
{
    for (const char *at = s->o.seeds.s; *at;) {
        char part[32];
        int64_t from, to;
        size_t n = strcspn(at, ",");
        snprintf(part, sizeof part, "%.*s", (int)n, at);
        char *dash = strchr(part, '-');
        if (dash) *dash = 0;
        bool ok = n < sizeof part && mb_parse_int(part, &from) && mb_parse_int(dash ? dash + 1 : part, &to) && from >= 0 && from <= to;
        if (!ok) return mb_fail(err, MB_ERR_USAGE, "sweep: option 'seeds' must be like 1-3 or 1,4,7, not '%s'", s->o.seeds.s);
        for (; from <= to; from++) {
            if (s->nseeds == SWEEP_SEEDS) return mb_fail(err, MB_ERR_RANGE, "sweep: more than %d seeds", SWEEP_SEEDS);
            s->seed[s->nseeds++] = from;
        }
        at += n + (at[n] == ',');
    }
    s->nnamed = s->nseeds;
    if (s->o.method == BY_PBT) s->nseeds = 1; /* members have different ones */
    return s->nnamed > 0 || mb_fail(err, MB_ERR_USAGE, "sweep: option 'seeds' names no seed");
}

/* ---- settings ---- */

/* An option "ppo.clip" is not for the other algorithms of the sweep. */
static bool meant_for(const struct spec *s, const char *key, int algo)
{
    for (int i = 0; i < s->nalgos; i++) {
        size_t n = strlen(s->algo[i]);
        if (i != algo && strncmp(key, s->algo[i], n) == 0 && key[n] == '.') return false;
    }
    return true;
}

mb_settings *mb__spec_settings(mb_arena *a, const struct spec *s, int algo, mb_error *err)
{
    mb_settings *t = mb_settings_new(a, s->algo[algo], s->env, err);
    if (!t || !mb_settings_preset(t, s->preset, err)) return NULL;
    for (int i = 0; i < s->nfixed; i++) {
        char origin[256];
        snprintf(origin, sizeof origin, "%.150s, line %d", s->file, s->fixed[i]->line);
        if (!meant_for(s, s->fixed[i]->key, algo)) continue;
        if (!mb_settings_set(t, s->fixed[i]->key, s->fixed[i]->value, origin, err)) return NULL;
    }
    return t;
}

static int64_t number_of(const mb_settings *s, const char *key)
{
    char text[64];
    int64_t v = 0;
    return mb_settings_get(s, key, text, sizeof text) && mb_parse_int(text, &v) ? v : 0;
}

int64_t mb__spec_total(const struct spec *s, int algo) { return number_of(s->base[algo], "total-steps"); }

static bool set_rungs(struct spec *s, mb_error *err)
{
    int64_t total = mb__spec_total(s, 0), least = s->o.min_steps;
    bool rungs = s->o.method == BY_PBT || s->o.method == BY_ASHA || least > 0;
    for (int i = 1; i < s->nalgos && rungs; i++)
        if (mb__spec_total(s, i) != total) return mb_fail(err, MB_ERR_USAGE, "early stopping needs the same total-steps for every algorithm: set it in 'options'");
    if (rungs && s->varies_steps) return mb_fail(err, MB_ERR_USAGE, "total-steps cannot be varied together with early stopping or pbt");
    s->nrungs = 1;
    s->rung[0] = total;
    if (s->o.method == BY_PBT) {
        int64_t every = s->o.interval > 0 ? s->o.interval : (total + 9) / 10;
        if ((total + every - 1) / every > SWEEP_RUNGS) return mb_fail(err, MB_ERR_RANGE, "sweep: option 'interval': more than %d intervals in total-steps", SWEEP_RUNGS);
        for (s->nrungs = 0; every * s->nrungs < total; s->nrungs++) s->rung[s->nrungs] = every * (s->nrungs + 1);
        s->rung[s->nrungs - 1] = total;
    } else if (rungs) {
        if (least == 0) least = total / ((int64_t)s->o.eta * s->o.eta * s->o.eta);
        if (least < 1 || least >= total) return mb_fail(err, MB_ERR_RANGE, "sweep: option 'min-steps' must lie below total-steps (%lld)", (long long)total);
        s->nrungs = mb__asha_rungs(least, total, s->o.eta, s->rung, SWEEP_RUNGS);
    }
    return true;
}

static bool check_whole(struct spec *s, mb_error *err)
{
    if (s->ndims == 0) return mb_fail(err, MB_ERR_USAGE, "'space' is missing or empty: nothing is varied");
    if (s->o.method == BY_GRID && s->nalgos > 1) return mb_fail(err, MB_ERR_USAGE, "a grid takes one algorithm: their options differ");
    if (s->o.method == BY_PBT && s->nalgos > 1) return mb_fail(err, MB_ERR_USAGE, "a population takes one algorithm: its members copy each other");
    s->eval_episodes = (int)number_of(s->base[0], "eval-episodes");
    if (strncmp(s->o.objective.s, "eval/", 5) == 0 && s->eval_episodes == 0)
        return mb_fail(err, MB_ERR_USAGE, "the objective '%s' needs evaluations, and eval-episodes is 0", s->o.objective.s);
    return set_rungs(s, err);
}

/* The last part of the path without its ending. */
static const char *name_of(mb_arena *a, const char *file, mb_error *err)
{
    const char *slash = strrchr(file, '/');
    char *name = mb_strdup(a, slash ? slash + 1 : file, err);
    char *dot = name ? strrchr(name, '.') : NULL;
    if (dot && dot != name) *dot = 0;
    return name;
}

static bool add_algo_dim(struct spec *s)
{
    if (s->nalgos > 1)
        s->dim[s->ndims++] = (mb_sweep_dim){ .key = "algo", .scale = MB_SCALE_CHOICE, .nchoices = s->nalgos, .choices = s->algo, .algo = -1 };
    return true;
}

bool mb__spec_read(mb_arena *a, const char *file, struct spec *s, mb_error *err)
{
    mb_yaml y;
    *s = (struct spec){ .file = file };
    mb_options_default(sweep_option_rows, &s->o);
    if (!mb_yaml_read(file, a, &y, err) || !(s->name = name_of(a, file, err)) || !(s->file = mb_strdup(a, file, err))) return false;
    for (int i = 0; i < y.n; i++)
        if (!read_item(a, s, &y.items[i], err)) return at_line(file, y.items[i].line, err);
    if (s->nalgos == 0 || !s->env) {
        mb_fail(err, MB_ERR_USAGE, "%.200s: the key '%s' is missing", file, s->env ? "algo" : "env");
        return mb_help(err, "matchbox help sweep");
    }
    mb_settings *probe[SWEEP_ALGOS];
    for (int i = 0; i < s->nalgos; i++) {
        if (!(s->base[i] = mb__spec_settings(a, s, i, err)) || !(probe[i] = mb__spec_settings(a, s, i, err))) return false;
    }
    add_algo_dim(s);
    for (int i = 0; i < y.n; i++)
        if (strncmp(y.items[i].key, "space.", 6) == 0 && !mb__space_add(a, s, &y.items[i], y.items[i].key + 6, err))
            return at_line(file, y.items[i].line, err);
    for (int d = 0; d < s->ndims; d++) { /* both ends of every range, and every choice, against the option itself */
        const mb_sweep_dim *dim = &s->dim[d];
        for (int i = 0; i < s->nalgos && strcmp(dim->key, "algo") != 0; i++)
            for (int k = 0; k < (dim->nchoices ? dim->nchoices : 2); k++) {
                char value[256], origin[256];
                if (dim->algo >= 0 && dim->algo != i) continue;
                mb__space_text(s, d, i, k, value, sizeof value);
                snprintf(origin, sizeof origin, "%.150s, line %d, key 'space.%.60s'", file, s->line[d], dim->key);
                if (!mb_settings_set(probe[i], dim->key, value, origin, err)) return false;
            }
    }
    if (!read_seeds(s, err) || !check_whole(s, err)) {
        mb_note(err, "in %.150s", file);
        return mb_help(err, "matchbox help sweep");
    }
    return true;
}

/* ---- one text for equal work ---- */

void mb__spec_canonical(const struct spec *s, mb_str *out)
{
    mb_str_add(out, "algo: %s\nenv: %s\npreset: %s\n", s->algos, s->env, s->preset ? s->preset : "");
    for (int i = 0; i < s->nfixed; i++) mb_str_add(out, "options.%s: %s\n", s->fixed[i]->key, s->fixed[i]->value);
    for (int d = 0; d < s->ndims; d++) {
        const mb_sweep_dim *dim = &s->dim[d];
        static const char *const scales[] = { "linear", "log", "logit", "choice" };
        mb_str_add(out, "space.%s: %s", dim->key, scales[dim->scale]);
        for (int k = 0; k < dim->nchoices; k++) mb_str_add(out, " %s|", dim->choices[k]);
        if (!dim->nchoices) mb_str_add(out, " %.17g %.17g %d", dim->lo, dim->hi, dim->points);
        mb_str_add(out, "\n");
    }
    for (const mb_option *row = sweep_option_rows; row->name; row++) {
        char value[256];
        bool free_to_change = strcmp(row->name, "trials") == 0 || strcmp(row->name, "jobs") == 0 || strcmp(row->name, "budget") == 0;
        if (free_to_change) continue;
        mb_options_get(row, &s->o, value, sizeof value);
        mb_str_add(out, "%s: %s\n", row->name, value);
    }
}
