/* vec_check.c - what the vectoriser verifies around every step: a fast scan that says yes or no,
   and, only after a no, a slow one that names environment, instance, agent, field, component and
   value. */
#include "env/foreign.h"
#include <float.h>

/* ---- the fast scan ---- */

static float finite_low(float x)
{
    return x < -FLT_MAX ? -FLT_MAX : x;
}

static float finite_high(float x)
{
    return x > FLT_MAX ? FLT_MAX : x;
}

bool mb__limits_make(mb__limits *l, const mb_field *f, mb_arena *a, mb_error *err)
{
    *l = (mb__limits){.low = finite_low(f->low), .high = finite_high(f->high)};
    if (!f->lows) return true;
    size_t n = (size_t)f->n,
           period = n * ((64 + n - 1) / n); /* long enough to be worth a vector loop */
    float *lows = mb_alloc(a, period, sizeof *lows, err),
          *highs = mb_alloc(a, period, sizeof *highs, err);
    if (!lows || !highs) return false;
    for (size_t i = 0; i < period; i++) {
        lows[i] = finite_low(f->lows[i % n]);
        highs[i] = finite_high(f->highs[i % n]);
    }
    l->lows = lows;
    l->highs = highs;
    l->period = period;
    return true;
}

/* Comparisons are written so that NaN fails them; nothing branches, so the loops become vector
 * code: here of what every processor has, and again for those that have more. */
static inline __attribute__((always_inline)) bool scan_all(const float *x, size_t n, float low, float high)
{
    int32_t ok = 1;
    for (size_t i = 0; i < n; i++) ok &= (x[i] >= low) & (x[i] <= high);
    return ok;
}

static inline __attribute__((always_inline)) bool scan_each(const float *x, size_t n, const float *low, const float *high)
{
    int32_t ok = 1;
    for (size_t i = 0; i < n; i++) ok &= (x[i] >= low[i]) & (x[i] <= high[i]);
    return ok;
}

static inline __attribute__((always_inline)) bool scan_indices(const int32_t *x, size_t n, uint32_t choices)
{
    uint32_t ok = 1;
    for (size_t i = 0; i < n; i++) ok &= (uint32_t)x[i] < choices;
    return ok;
}

#if defined(__x86_64__)
#define WIDE __attribute__((target("avx2"))) static bool
WIDE all_wide(const float *x, size_t n, float low, float high) { return scan_all(x, n, low, high); }
WIDE each_wide(const float *x, size_t n, const float *low, const float *high) { return scan_each(x, n, low, high); }
WIDE indices_wide(const int32_t *x, size_t n, uint32_t choices) { return scan_indices(x, n, choices); }
#define SCAN(name, n, ...) ((n) >= 32 && __builtin_cpu_supports("avx2") ? name##_wide(__VA_ARGS__) : scan_##name(__VA_ARGS__))
#else
#define SCAN(name, n, ...) scan_##name(__VA_ARGS__)
#endif

static bool all_between(const float *x, size_t n, float low, float high) { return SCAN(all, n, x, n, low, high); }

bool mb__within(const mb__limits *l, const float *x, size_t n)
{
    if (!l->period) return all_between(x, n, l->low, l->high);
    bool ok = true;
    while (n >= l->period) {
        ok &= SCAN(each, l->period, x, l->period, l->lows, l->highs);
        x += l->period;
        n -= l->period;
    }
    return ok & SCAN(each, n, x, n, l->lows, l->highs);
}

static bool indices_fit(const mb_vec *v, size_t first, size_t rows)
{
    const mb_vec_view *w = v->view;
    size_t nindex = (size_t)w->nindex;
    const int32_t *a = w->index + first * nindex;
    if (nindex == 1) return SCAN(indices, rows, a, rows, (uint32_t)v->choices[0]);
    uint32_t ok = 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < nindex; k++)
            ok &= (uint32_t)a[i * nindex + k] < (uint32_t)v->choices[k];
    return ok;
}

static bool clip_values(const mb_vec *v, size_t first, size_t rows)
{
    size_t n = (size_t)v->view->nvalue;
    const float *in = v->view->value + first * n;
    float *out = v->clipped + first * n;
    int32_t ok = 1;
    for (size_t i = 0; i < rows; i++)
        for (size_t k = 0; k < n; k++) {
            float x = in[i * n + k];
            ok &= (x >= -FLT_MAX) & (x <= FLT_MAX);
            x = x < v->value_low[k] ? v->value_low[k] : x;
            out[i * n + k] = x > v->value_high[k] ? v->value_high[k] : x;
        }
    return ok;
}

bool mb__actions_fit(mb_vec *v, int first, int count)
{
    size_t row = (size_t)(first * v->view->nagents), rows = (size_t)(count * v->view->nagents);
    bool ok = v->view->nindex == 0 || indices_fit(v, row, rows);
    return (v->view->nvalue == 0 || clip_values(v, row, rows)) && ok;
}

static bool field_fits(const mb_vec *v, int f, const void *data, size_t rows)
{
    const mb_field *field = &v->shape.obs.field[f];
    if (field->kind == MB_FIELD_BOX)
        return mb__within(&v->limits[f], data, rows * (size_t)field->n);
    return field->kind != MB_FIELD_DISCRETE || SCAN(indices, rows, data, rows, (uint32_t)field->n);
}

static bool observations_fit(const mb_vec *v, void *const obs[], int first, int count)
{
    size_t row = (size_t)(first * v->view->nagents), rows = (size_t)(count * v->view->nagents);
    bool ok = true;
    for (int f = 0; f < v->view->nfields; f++)
        ok &= field_fits(v, f, (const char *)obs[f] + row * v->field_bytes[f], rows);
    return ok;
}

enum { GATHERED = 512 }; /* words */

/* Field f where an episode ended: small ones are laid beside each other and scanned together. */
static bool final_field_fits(const mb_vec *v, int f, int first, int count)
{
    const mb_vec_view *w = v->view;
    size_t rows = (size_t)w->nagents, bytes = rows * v->field_bytes[f], words = bytes / sizeof(float), held = 0;
    const char *data = (const char *)w->final_obs[f];
    const bool together = v->shape.obs.field[f].kind != MB_FIELD_IMAGE && words <= GATHERED / 8;
    float all[GATHERED];
    bool ok = true;
    for (int i = first; i < first + count; i += 64)
        for (uint64_t which = mb__flags64(w->start + i, first + count - i < 64 ? first + count - i : 64); which; which &= which - 1) {
            const float *one = (const float *)(const void *)(data + (size_t)(i + __builtin_ctzll(which)) * bytes);
            if (!together) {
                ok &= field_fits(v, f, one, rows);
                continue;
            }
            for (size_t k = 0; k < words; k++) memcpy(&all[held * words + k], &one[k], sizeof(float));
            if (++held < GATHERED / words) continue;
            ok &= field_fits(v, f, all, held * rows);
            held = 0;
        }
    return held ? field_fits(v, f, all, held * rows) && ok : ok;
}

bool mb__results_fit(const mb_vec *v, int first, int count)
{
    const mb_vec_view *w = v->view;
    bool ok = all_between(w->reward + first * w->nagents, (size_t)(count * w->nagents), -FLT_MAX,
                          FLT_MAX);
    ok &= observations_fit(v, w->obs, first, count);
    for (int f = 0; f < w->nfields && !v->resetting; f++) ok &= final_field_fits(v, f, first, count);
    return ok;
}

/* ---- the slow scan ---- */

static const char *who(const mb_vec *v, int row, char *out, size_t n)
{
    int nagents = v->view->nagents;
    mb_str s;
    mb_str_init(&s, out, n);
    mb_str_add(&s, "environment '%s', instance %d", v->def->origin ? v->def->origin : v->def->name, row / nagents);
    if (nagents > 1) mb_str_add(&s, ", agent %d", row % nagents);
    return out;
}

/* What to type for more: a file is checked under its own name, a foreign environment has its worker named. */
static bool help_check(const mb_vec *v, int row, mb_error *err)
{
    if (v->group)
        return mb_note(err, "instance %d is stepped by worker %d", row / v->view->nagents,
                       mb__group_worker(v->group, row / v->view->nagents));
    return mb_help(err, "matchbox check %.80s", v->def->origin ? v->def->origin : v->def->name);
}

static const char *field_name(const mb_field *f, char *out, size_t n)
{
    mb_str s;
    mb_str_init(&s, out, n);
    if (f->name) mb_str_add(&s, " '%s'", f->name);
    else mb_str_add(&s, "%s", "");
    return out;
}

static bool bad_float(const mb_vec *v, int row, const char *what, const mb_field *f, int k, float x,
                      mb_error *err)
{
    char place[128], name[64];
    float low = f->lows ? f->lows[k] : f->low, high = f->highs ? f->highs[k] : f->high;
    bool finite = x >= -FLT_MAX && x <= FLT_MAX;
    mb_fail(err, finite ? MB_ERR_ENV : MB_ERR_NUMERIC,
            "%s: %s%s, component %d, is %g; it must be finite and lie in [%g, %g]",
            who(v, row, place, sizeof place), what, field_name(f, name, sizeof name), k, (double)x,
            (double)low, (double)high);
    return help_check(v, row, err);
}

static bool bad_index(const mb_vec *v, int row, const char *what, const mb_field *f, int32_t x,
                      mb_error *err)
{
    char place[128], name[64];
    mb_fail(err, MB_ERR_ENV, "%s: %s%s is %d; it must lie in 0 .. %d",
            who(v, row, place, sizeof place), what, field_name(f, name, sizeof name), (int)x,
            f->n - 1);
    return v->def->origin || v->group ? help_check(v, row, err) : mb_help(err, "matchbox help %s", v->def->name);
}

static bool describe_observation(const mb_vec *v, const char *what, void *const obs[], int row,
                                 mb_error *err)
{
    for (int i = 0; i < v->view->nfields; i++) {
        const mb_field *f = &v->shape.obs.field[i];
        const void *data = (const char *)obs[i] + (size_t)row * v->field_bytes[i];
        if (field_fits(v, i, data, 1)) continue;
        if (f->kind == MB_FIELD_DISCRETE)
            return bad_index(v, row, what, f, *(const int32_t *)data, err);
        for (int k = 0; k < f->n; k++) {
            float x = ((const float *)data)[k];
            float low = f->lows ? f->lows[k] : f->low, high = f->highs ? f->highs[k] : f->high;
            if (!(x >= finite_low(low) && x <= finite_high(high)))
                return bad_float(v, row, what, f, k, x, err);
        }
    }
    return true;
}

static bool describe_action(const mb_vec *v, int row, mb_error *err)
{
    const int32_t *index = v->view->index + (size_t)row * (size_t)v->view->nindex;
    const float *value = v->view->value + (size_t)row * (size_t)v->view->nvalue;
    for (int i = 0; i < v->shape.act.nfields; i++) {
        const mb_field *f = &v->shape.act.field[i];
        if (f->kind == MB_FIELD_DISCRETE) {
            if ((uint32_t)*index >= (uint32_t)f->n)
                return bad_index(v, row, "action", f, *index, err);
            index++;
            continue;
        }
        for (int k = 0; k < f->n; k++, value++)
            if (!(*value >= -FLT_MAX && *value <= FLT_MAX))
                return bad_float(v, row, "action", f, k, *value, err);
    }
    return true;
}

bool mb__describe(const mb_vec *v, int first, int count, mb_error *err)
{
    const mb_vec_view *w = v->view;
    char place[128];
    for (int row = first * w->nagents; row < (first + count) * w->nagents; row++) {
        if (!v->resetting && !describe_action(v, row, err)) return false;
        if (!(w->reward[row] >= -FLT_MAX && w->reward[row] <= FLT_MAX))
            return mb_fail(err, MB_ERR_NUMERIC, "%s: the reward is %g; it must be finite",
                           who(v, row, place, sizeof place), (double)w->reward[row]) ||
                   help_check(v, row, err);
        bool ended = !v->resetting && w->start[row / w->nagents];
        if (ended && !describe_observation(v, "final observation", w->final_obs, row, err))
            return false;
        if (!describe_observation(v, "observation", w->obs, row, err)) return false;
    }
    return mb_fail(err, MB_ERR_ENV, "environment '%s': a check failed in instances %d to %d",
                   v->def->name, first, first + count - 1);
}
