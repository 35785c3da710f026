/* Features of observations for linear value functions: as they are, tile coding, state aggregation. */
#include "matchbox/tabular.h"
#include <math.h>

static bool need_bounds(const char *who, const mb_field *f, mb_error *err)
{
    for (int i = 0; i < f->n; i++) {
        float low = f->lows ? f->lows[i] : f->low, high = f->highs ? f->highs[i] : f->high;
        if (!isfinite(low) || !isfinite(high) || !(low < high))
            return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: tiles need bounded observations, and component %d lies in [%g, %g]; use raw "
                           "features", who, i, (double)low, (double)high);
    }
    return true;
}

bool mb_features_of(const char *who, const mb_env_shape *env, mb_feature_kind kind, int tilings, int tiles, int group,
                    mb_features *out, mb_error *err)
{
    const mb_field *f = &env->obs.field[0];
    if (env->obs.nfields != 1 || f->kind == MB_FIELD_IMAGE)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: needs one observation field, a box or discrete", who);
    *out = (mb_features){ .kind = kind, .field = *f, .tilings = tilings, .tiles = tiles, .group = group, .active = 1 };
    if (f->kind == MB_FIELD_DISCRETE) {
        out->n = (f->n + group - 1) / group;
        return true;
    }
    if (kind == MB_FEATURES_RAW) {
        out->n = f->n;
        return true;
    }
    if (!need_bounds(who, f, err)) return false;
    int64_t n = tilings;
    for (int i = 0; i < f->n && n <= MB_MAX_FEATURES; i++) n *= tiles + 1; /* shifted tilings reach one tile further */
    if (n > MB_MAX_FEATURES)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: %d tilings of %d tiles in each of %d dimensions are more than %d features", who,
                       tilings, tiles, f->n, (int)MB_MAX_FEATURES);
    out->n = (int)n;
    out->active = tilings;
    return true;
}

/* The tile of tiling k that holds the point; tilings are shifted by odd multiples of a fraction of a tile, different in each
   dimension (Miller & Glanz 1996), so that their union does not prefer diagonals. */
static int tile_of(const mb_features *x, const float *obs, int k)
{
    const mb_field *f = &x->field;
    int index = k;
    for (int i = 0; i < f->n; i++) {
        double low = (double)(f->lows ? f->lows[i] : f->low), high = (double)(f->highs ? f->highs[i] : f->high);
        double at = ((double)obs[i] - low) / (high - low) * x->tiles;
        double shift = (double)(k * (2 * i + 1) % x->tilings) / x->tilings;
        int tile = (int)floor(at + shift);
        index = index * (x->tiles + 1) + (tile < 0 ? 0 : tile > x->tiles ? x->tiles : tile);
    }
    return index;
}

void mb_features_at(const mb_features *x, const void *obs, int row, double *out)
{
    const mb_field *f = &x->field;
    for (int i = 0; i < x->n; i++) out[i] = 0;
    if (f->kind == MB_FIELD_DISCRETE) {
        out[((const int32_t *)obs)[row] / x->group] = 1;
        return;
    }
    const float *o = (const float *)obs + (size_t)row * (size_t)f->n;
    if (x->kind == MB_FEATURES_RAW)
        for (int i = 0; i < f->n; i++) out[i] = (double)o[i];
    else
        for (int k = 0; k < x->tilings; k++) out[tile_of(x, o, k)] = 1;
}
