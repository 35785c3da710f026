/* Bootstrap intervals: percentiles of a statistic over resamples, drawn within each task. */
#include "matchbox/stats.h"

enum { RESAMPLES = 10000 };

static void draw(mb_rng *rng, const double *from, int n, double *to)
{
    for (int i = 0; i < n; i++) to[i] = from[mb_below(rng, n)];
}

static void draw_pairs(mb_rng *rng, const double *a, const double *b, int n, double *to_a, double *to_b)
{
    for (int i = 0; i < n; i++) {
        int k = mb_below(rng, n);
        to_a[i] = a[k];
        to_b[i] = b[k];
    }
}

bool mb_bootstrap_interval(const mb_bootstrap *o, mb_bootstrap_fn *fn, void *ctx, const double *a, int na, const double *b, int nb,
                           int ntasks, mb_arena *arena, mb_interval *out, mb_error *err)
{
    if (na < 1 || ntasks < 1 || (b && nb < 1) || (o->paired && na != nb))
        return mb_fail(err, MB_ERR_USAGE, "bootstrap: %d tasks with %d and %d values cannot be resampled%s", ntasks, na, nb,
                       o->paired ? " in pairs" : "");
    int resamples = o->resamples > 0 ? o->resamples : RESAMPLES;
    double tail = (1 - (o->level > 0 ? o->level : 0.95)) / 2;
    size_t mark = mb_arena_mark(arena);
    double *values = mb_alloc(arena, (size_t)resamples, sizeof *values, err);
    double *xa = values ? mb_alloc(arena, (size_t)na * (size_t)ntasks, sizeof *xa, err) : NULL;
    double *xb = xa ? mb_alloc(arena, (size_t)(b ? nb : 0) * (size_t)ntasks, sizeof *xb, err) : NULL;
    if (!xb) return false;
    mb_rng rng = mb_rng_make(o->seed, "bootstrap", 0);
    for (int r = 0; r < resamples; r++) {
        for (int t = 0; t < ntasks; t++) {
            if (b && o->paired) {
                draw_pairs(&rng, a + t * na, b + t * nb, na, xa + t * na, xb + t * nb);
                continue;
            }
            draw(&rng, a + t * na, na, xa + t * na);
            if (b) draw(&rng, b + t * nb, nb, xb + t * nb);
        }
        values[r] = fn(ctx, xa, na * ntasks, b ? xb : NULL, nb * ntasks);
    }
    mb_sort(values, resamples);
    *out = (mb_interval){ mb_stat_quantile(values, resamples, tail), mb_stat_quantile(values, resamples, 1 - tail) };
    mb_arena_release(arena, mark);
    return true;
}

static double of_one(void *ctx, double *a, int na, double *b, int nb)
{
    return mb_statistic_of(*(const mb_statistic *)ctx, a, na);
}

bool mb_bootstrap_statistic(const mb_bootstrap *o, mb_statistic s, const double *x, int nseeds, int ntasks, mb_arena *arena,
                            mb_interval *out, mb_error *err)
{
    return mb_bootstrap_interval(o, of_one, &s, x, nseeds, NULL, 0, ntasks, arena, out, err);
}
