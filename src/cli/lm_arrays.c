/* Reads {"config": {...}, "sequences": [...]} and its relatives, saying of what is wrong where it stands. */
#include "cli/lm_arrays.h"
#ifdef MB_HAVE_JANSSON
#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct reader { const char *file; mb_arena *a; mb_error *err; };

static bool wrong(const struct reader *r, const char *where, int i, const char *key, const char *what)
{
    return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: %s %d: '%s' %s", r->file, where, i, key, what);
}

/* ---- config ---- */

static bool set(const struct reader *r, mb_objective *o, const char *key, const json_t *v)
{
    char text[64], name[64];
    if (json_is_null(v)) snprintf(text, sizeof text, "%s", strncmp(key, "clip", 4) == 0 ? "-1" : "0");
    else if (json_is_string(v)) snprintf(text, sizeof text, "%s", json_string_value(v));
    else if (json_is_boolean(v)) snprintf(text, sizeof text, "%s", json_is_true(v) ? "true" : "false");
    else if (json_is_integer(v)) snprintf(text, sizeof text, "%lld", (long long)json_integer_value(v));
    else if (json_is_real(v)) snprintf(text, sizeof text, "%.17g", json_real_value(v));
    else return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: config: '%.60s' is neither a number nor a word", r->file, key);
    snprintf(name, sizeof name, "%s", key);
    if (mb_options_set("lm loss", mb_objective_rows(), o, name, text, r->err)) return true;
    return mb_note(r->err, "in the config of %.150s", r->file);
}

static bool read_config(const struct reader *r, const json_t *config, const char *preset, const char *convention, mb_objective *o)
{
    const char *key;
    json_t *v;
    if (config && !json_is_object(config)) return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: 'config' is not an object", r->file);
    if (!preset) preset = json_string_value(json_object_get(config, "preset"));
    if (!convention) convention = json_string_value(json_object_get(config, "convention"));
    mb_objective_default(o);
    if (preset && !mb_objective_preset(o, preset, convention, r->err)) return false;
    json_object_foreach((json_t *)(uintptr_t)config, key, v)
        if (strcmp(key, "preset") != 0 && strcmp(key, "convention") != 0 && !set(r, o, key, v)) return false;
    return mb_objective_check(o, r->err);
}

/* ---- numbers ---- */

static bool number(const struct reader *r, const char *where, int i, const json_t *item, const char *key, bool needed, double *out)
{
    const json_t *v = json_object_get(item, key);
    if (!v) return needed ? wrong(r, where, i, key, "is missing") : true;
    if (json_is_boolean(v)) *out = json_is_true(v);
    else if (json_is_number(v)) *out = json_number_value(v);
    else return wrong(r, where, i, key, "is not a number");
    return true;
}

/* One array of a sequence, as long as its logp, into row i; one value may stand for all tokens. */
static bool row(const struct reader *r, int i, const json_t *item, const char *key, size_t n, double *out)
{
    const json_t *v = json_object_get(item, key);
    if (!v) return true;
    if (json_is_boolean(v) || json_is_number(v)) {
        double one = json_is_number(v) ? json_number_value(v) : json_is_true(v);
        for (size_t t = 0; t < n; t++) out[t] = one;
        return true;
    }
    if (!json_is_array(v)) return wrong(r, "sequence", i, key, "is not an array");
    if (json_array_size(v) != n) {
        mb_fail(r->err, MB_ERR_FORMAT, "%.200s: sequence %d: '%s' has %zu elements, 'logp' has %zu", r->file, i, key, json_array_size(v), n);
        return mb_help(r->err, "every array of a sequence has one element per token");
    }
    for (size_t t = 0; t < n; t++) {
        const json_t *e = json_array_get(v, t);
        if (!json_is_number(e) && !json_is_boolean(e)) return wrong(r, "sequence", i, key, "holds something that is not a number");
        out[t] = json_is_number(e) ? json_number_value(e) : json_is_true(e);
    }
    return true;
}

/* ---- sequences ---- */

static bool any_has(const json_t *list, const char *key)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_object_get(json_array_get(list, i), key)) return true;
    return false;
}

/* What all sequences must have once one has it: there is no value to stand in. */
static bool all_or_none(const char *key) { return strcmp(key, "ref_logp") == 0 || strcmp(key, "values") == 0 || strcmp(key, "entropy") == 0; }

/* [n, longest] of `key`, NULL when no sequence has it. */
static bool matrix(const struct reader *r, const json_t *list, const char *key, double otherwise, bool optional, size_t longest, double **out)
{
    size_t n = json_array_size(list);
    if (!any_has(list, key) && optional) {
        *out = NULL;
        return true;
    }
    *out = mb_alloc(r->a, n * longest, sizeof **out, r->err);
    if (!*out) return false;
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        size_t len = json_array_size(json_object_get(item, "logp"));
        for (size_t t = 0; t < len; t++) (*out)[i * longest + t] = otherwise;
        if ((!optional || all_or_none(key)) && !json_object_get(item, key) && strcmp(key, "mask") != 0)
            return wrong(r, "sequence", (int)i, key, optional ? "is missing, and others have it" : "is missing");
        if (!row(r, (int)i, item, key, len, *out + i * longest)) return false;
    }
    return true;
}

static uint8_t *bytes_of(const struct reader *r, const double *x, size_t n)
{
    uint8_t *b = x ? mb_alloc(r->a, n, 1, r->err) : NULL;
    for (size_t i = 0; b && i < n; i++) b[i] = x[i] != 0;
    return b;
}

static int *ints_of(const struct reader *r, const double *x, size_t n)
{
    int *v = x ? mb_alloc(r->a, n, sizeof *v, r->err) : NULL;
    for (size_t i = 0; v && i < n; i++) v[i] = (int)x[i];
    return v;
}

/* [n] of a number per sequence */
static bool column(const struct reader *r, const json_t *list, const char *key, bool needed, double **out)
{
    size_t n = json_array_size(list);
    *out = NULL;
    if (!needed && !any_has(list, key)) return true;
    *out = mb_alloc(r->a, n, sizeof **out, r->err);
    for (size_t i = 0; *out && i < n; i++)
        if (!number(r, "sequence", (int)i, json_array_get(list, i), key, needed, *out + i)) return false;
    return *out != NULL;
}

static bool turn_rewards(const struct reader *r, const json_t *list, mb_sequences *s)
{
    int most = 0;
    for (int i = 0; i < s->n; i++) {
        int k = (int)json_array_size(json_object_get(json_array_get(list, (size_t)i), "turn_rewards"));
        if (k > most) most = k;
    }
    if (!most) return true;
    double *v = mb_alloc(r->a, (size_t)s->n * (size_t)most, sizeof *v, r->err);
    if (!v) return false;
    for (int i = 0; i < s->n; i++) {
        const json_t *a = json_object_get(json_array_get(list, (size_t)i), "turn_rewards");
        for (size_t k = 0; k < json_array_size(a); k++) v[(size_t)i * (size_t)most + k] = json_number_value(json_array_get(a, k));
    }
    s->turns = most;
    s->turn_reward = v;
    return true;
}

static bool finite_rows(const struct reader *r, const mb_sequences *s, const double *x, const char *key)
{
    for (int i = 0; x && i < s->n; i++)
        for (int t = 0; t < s->longest; t++)
            if (!(x[i * s->longest + t] - x[i * s->longest + t] == 0)) return wrong(r, "sequence", i, key, "is not finite");
    return true;
}

static bool read_sequences(const struct reader *r, const json_t *list, const mb_objective *o, mb_sequences *s, int **lengths)
{
    double *group, *reward, *truncated, *reference, *logp, *old, *ref, *mask, *teacher, *value, *entropy, *class, *turn;
    size_t longest = 1;
    if (json_array_size(list) == 0) return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: 'sequences' is missing or empty", r->file);
    s->n = (int)json_array_size(list);
    if (!(*lengths = mb_alloc(r->a, (size_t)s->n, sizeof **lengths, r->err))) return false;
    for (int i = 0; i < s->n; i++) {
        const json_t *v = json_object_get(json_array_get(list, (size_t)i), "logp");
        (*lengths)[i] = (int)json_array_size(v);
        if (!json_is_array(v)) return wrong(r, "sequence", i, "logp", "is missing or no array");
        if (json_array_size(v) > longest) longest = json_array_size(v);
    }
    s->longest = (int)longest;
    bool graded = o->objective != MB_OBJ_SFT;
    bool ok = column(r, list, "group", false, &group) && column(r, list, "reward", graded, &reward) &&
              column(r, list, "truncated", false, &truncated) && column(r, list, "reference", false, &reference) &&
              matrix(r, list, "logp", 0, false, longest, &logp) && matrix(r, list, "old_logp", 0, true, longest, &old) &&
              matrix(r, list, "ref_logp", 0, true, longest, &ref) && matrix(r, list, "mask", 1, false, longest, &mask) &&
              matrix(r, list, "teacher", 0, true, longest, &teacher) && matrix(r, list, "values", 0, true, longest, &value) &&
              matrix(r, list, "entropy", 0, true, longest, &entropy) && matrix(r, list, "token_class", 0, true, longest, &class) &&
              matrix(r, list, "turn", 0, true, longest, &turn) && turn_rewards(r, list, s);
    if (!ok) return false;
    size_t n = (size_t)s->n, cells = n * longest;
    double *zero = mb_alloc(r->a, n, sizeof *zero, r->err);
    int *groups = group ? ints_of(r, group, n) : mb_alloc(r->a, n, sizeof *groups, r->err);
    if (!zero || !groups) return false;
    s->group = groups, s->reward = reward ? reward : zero;
    for (int i = 0; old && i < s->n; i++) /* a sequence without it was sampled by these weights */
        if (!json_object_get(json_array_get(list, (size_t)i), "old_logp"))
            memcpy(old + (size_t)i * longest, logp + (size_t)i * longest, longest * sizeof *old);
    s->logp = logp, s->old_logp = old, s->ref_logp = ref, s->value = value, s->entropy = entropy;
    s->mask = bytes_of(r, mask, cells), s->teacher = bytes_of(r, teacher, cells);
    s->truncated = bytes_of(r, truncated, n), s->reference = bytes_of(r, reference, n);
    s->token_class = ints_of(r, class, cells), s->turn = ints_of(r, turn, cells);
    if (r->err->code != MB_OK) return false;
    return finite_rows(r, s, logp, "logp") && finite_rows(r, s, old, "old_logp") && finite_rows(r, s, ref, "ref_logp");
}

/* ---- pairs and items ---- */

static bool read_pairs(const struct reader *r, const json_t *list, const mb_objective *o, struct lm_pairs *p)
{
    size_t n = json_array_size(list);
    if (n == 0) return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: 'pairs' is missing or empty", r->file);
    p->n = (int)n;
    bool score = o->objective == MB_OBJ_REWARD, per_token = o->average || o->objective == MB_OBJ_SIMPO || o->objective == MB_OBJ_ORPO;
    bool ref = !score && o->objective != MB_OBJ_SIMPO && o->objective != MB_OBJ_ORPO;
    const struct { const char *key; double **to; bool needed; } fields[] = {
        { score ? "chosen_score" : "chosen_logp", &p->chosen, true },       { "chosen_ref", &p->chosen_ref, ref },
        { "chosen_tokens", &p->chosen_n, per_token },                       { score ? "rejected_score" : "rejected_logp", &p->rejected, true },
        { "rejected_ref", &p->rejected_ref, ref },                          { "rejected_tokens", &p->rejected_n, per_token },
    };
    for (size_t k = 0; k < sizeof fields / sizeof fields[0]; k++) {
        double *v = *fields[k].to = mb_alloc(r->a, n, sizeof *v, r->err);
        for (size_t i = 0; v && i < n; i++)
            if (!number(r, "pair", (int)i, json_array_get(list, i), fields[k].key, fields[k].needed, &v[i])) return false;
        if (!v) return false;
    }
    for (size_t i = 0; per_token && i < n; i++)
        if (!(p->chosen_n[i] > 0 && p->rejected_n[i] > 0)) return wrong(r, "pair", (int)i, "chosen_tokens", "and 'rejected_tokens' must be above 0");
    return true;
}

static bool read_items(const struct reader *r, const json_t *root, struct lm_items *p)
{
    const json_t *list = json_object_get(root, "items"), *config = json_object_get(root, "config");
    size_t n = json_array_size(list);
    if (n == 0) return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: 'items' is missing or empty", r->file);
    p->n = (int)n;
    double **to[] = { &p->logp, &p->ref, &p->desirable };
    static const char *const keys[] = { "logp", "ref", "desirable" };
    for (int k = 0; k < 3; k++) {
        double *v = *to[k] = mb_alloc(r->a, n, sizeof *v, r->err);
        for (size_t i = 0; v && i < n; i++)
            if (!number(r, "item", (int)i, json_array_get(list, i), keys[k], true, &v[i])) return false;
        if (!v) return false;
    }
    const json_t *z0 = json_object_get(root, "z0");
    if (!z0) z0 = json_object_get(config, "z0");
    if (!json_is_number(z0)) return mb_fail(r->err, MB_ERR_FORMAT, "%.200s: 'z0' is missing or no number", r->file);
    p->z0 = json_number_value(z0);
    return true;
}

bool lm_arrays_read(const char *file, const char *preset, const char *convention, mb_arena *a, struct lm_arrays *out, mb_error *err)
{
    struct reader r = { file, a, err };
    json_error_t at;
    bool in = strcmp(file, "-") == 0;
    json_t *root = in ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &at) : json_load_file(file, JSON_REJECT_DUPLICATES, &at);
    if (!root && at.line < 0) return mb_fail(err, MB_ERR_IO, "%.200s: cannot be read: %s", file, at.text);
    if (!root) return mb_fail(err, MB_ERR_FORMAT, "%.200s, line %d, column %d: %s", file, at.line, at.column, at.text);
    json_t *config = json_object_get(root, "config");
    json_t *z0 = json_object_get(config, "z0");
    if (z0) json_object_set(root, "z0", z0), json_object_del(config, "z0"); /* it belongs to the data */
    bool ok = json_is_object(root) || mb_fail(err, MB_ERR_FORMAT, "%.200s: is not an object with 'config' and 'sequences'", file);
    ok = ok && read_config(&r, config, preset, convention, &out->objective);
    if (ok && mb_objective_pairs(&out->objective)) ok = read_pairs(&r, json_object_get(root, "pairs"), &out->objective, &out->pairs);
    else if (ok && out->objective.objective == MB_OBJ_KTO) ok = read_items(&r, root, &out->items);
    else if (ok) ok = read_sequences(&r, json_object_get(root, "sequences"), &out->objective, &out->seq, &out->lengths);
    json_decref(root);
    return ok;
}
#else
bool lm_arrays_read(const char *file, const char *preset, const char *convention, mb_arena *a, struct lm_arrays *out, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "lm loss: this matchbox was built without jansson, which reads JSON");
    return mb_help(err, "apt-get install libjansson-dev, then make");
}
#endif
