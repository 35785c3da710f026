/* Families of environments: one environment, its options drawn from ranges. */
#include "run/impl.h"
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANGES = 16, KEY_BYTES = 64 };
struct range { char key[KEY_BYTES]; double low, high; bool whole; };
struct mb_family { int n; struct range range[RANGES]; };

/* The whole of `text` up to `end` as a number; strtod alone would read "7." of "7..13". */
static bool number(const char *text, const char *end, double *out)
{
    char copy[40], *stop;
    if (end <= text || end - text >= (ptrdiff_t)sizeof copy) return false;
    snprintf(copy, sizeof copy, "%.*s", (int)(end - text), text);
    *out = strtod(copy, &stop);
    return *stop == 0;
}

/* "gravity=7..13" with or without "env." in front */
static bool read_range(const mb_env_def *env, const char *text, struct range *r, mb_error *err)
{
    const char *equals = strchr(text, '='), *dots = equals ? strstr(equals, "..") : NULL;
    if (strncmp(text, "env.", 4) == 0) text += 4;
    if (!dots || equals <= text) {
        mb_fail(err, MB_ERR_USAGE, "family: '%.80s' is not OPTION=LOW..HIGH", text);
        return mb_note(err, "for example --family length=0.25..1,gravity=7..13");
    }
    char name[KEY_BYTES];
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    const mb_option *row = env->options ? mb_options_find(env->options, name) : NULL;
    if (!row) {
        mb_fail(err, MB_ERR_USAGE, "family: %s has no option '%s'", env->name, name);
        return mb_help(err, "matchbox help %s", env->name);
    }
    bool numeric = row->kind == MB_OPT_INT || row->kind == MB_OPT_INT64 || row->kind == MB_OPT_FLOAT || row->kind == MB_OPT_DOUBLE;
    if (!numeric) return mb_fail(err, MB_ERR_USAGE, "family: option '%s' of %s is not a number", name, env->name);
    const char *end = text + strcspn(text, ",");
    bool ok = number(equals + 1, dots, &r->low) && number(dots + 2, end, &r->high);
    if (!ok || !(r->low <= r->high)) return mb_fail(err, MB_ERR_USAGE, "family: '%.80s': the range is not LOW..HIGH with LOW <= HIGH", text);
    if (r->low < row->lo || r->high > row->hi)
        return mb_fail(err, MB_ERR_RANGE, "family: '%.80s' leaves the range [%g, %g] of the option", text, row->lo, row->hi);
    r->whole = row->kind == MB_OPT_INT || row->kind == MB_OPT_INT64;
    snprintf(r->key, sizeof r->key, "env.%.*s", KEY_BYTES - 5, name);
    return true;
}

mb_family *mb_family_new(mb_arena *a, const mb_env_def *env, const char *text, mb_error *err)
{
    mb_family *f = mb_alloc(a, 1, sizeof *f, err);
    if (!f) return NULL;
    for (const char *at = text; *at;) {
        if (f->n == RANGES) {
            mb_fail(err, MB_ERR_USAGE, "family: more than %d ranges", RANGES);
            return NULL;
        }
        if (!read_range(env, at, &f->range[f->n++], err)) return NULL;
        const char *comma = strchr(at, ',');
        at = comma ? comma + 1 : at + strlen(at);
    }
    if (f->n) return f;
    mb_fail(err, MB_ERR_USAGE, "family: no range was given");
    return NULL;
}

int mb_family_size(const mb_family *f) { return f->n; }

bool mb_family_member(const mb_family *f, uint64_t seed, int member, mb_arena *a, const char ***changes, mb_error *err)
{
    const char **c = *changes = mb_alloc(a, (size_t)(2 * f->n + 1), sizeof *c, err);
    if (!c) return false;
    mb_rng rng = mb_rng_make(seed, "run.family", (uint64_t)member);
    for (int i = 0; i < f->n; i++) {
        const struct range *r = &f->range[i];
        double u = mb_uniform64(&rng), v = r->whole ? floor(r->low + u * (r->high - r->low + 1)) : r->low + u * (r->high - r->low);
        char text[32];
        snprintf(text, sizeof text, r->whole ? "%.0f" : "%.9g", v);
        c[2 * i] = r->key;
        if (!(c[2 * i + 1] = mb_strdup(a, text, err))) return false;
    }
    return true;
}
