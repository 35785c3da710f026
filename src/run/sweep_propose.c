/* The next settings to try: at random, on a grid, by Parzen estimators or by a Gaussian process. */
#include "matchbox/math.h"
#include "rl/tune.h"
#include "run/sweep.h"
#include <math.h>

enum { TPE_DRAWS = 24, GP_DRAWS = 1000, GP_CLOSE = 200, GP_BEST = 5, GP_MOST = 150 };

double mb__judged(const mb_sweep *s, double value) { return s->spec.o.goal == 0 ? value : -value; }

double mb__trial_value(const mb_sweep *s, const struct trial *t, int rung)
{
    double sum = 0;
    for (int i = 0; i < s->spec.nseeds; i++) {
        if (!t->have[rung * s->spec.nseeds + i]) return (double)NAN;
        sum += t->value[rung * s->spec.nseeds + i];
    }
    return sum / s->spec.nseeds;
}

static double draw(const mb_sweep_dim *d, mb_rng *r)
{
    return d->nchoices > 0 ? (double)mb_below(r, d->nchoices) : mb_uniform64(r);
}

/* ---- grid: the first option changes slowest ---- */

static void grid_point(const struct spec *s, int index, double *unit)
{
    for (int d = s->ndims - 1; d >= 0; d--) {
        const mb_sweep_dim *dim = &s->dim[d];
        int n = dim->nchoices ? dim->nchoices : dim->points, i = index % n;
        unit[d] = dim->nchoices ? i : n == 1 ? 0.5 : (double)i / (n - 1);
        index /= n;
    }
}

/* ---- what has been seen ---- */

/* The highest rung with enough results to learn from, and the trials there, best first. */
struct seen { int rung, n, *trial; double *value; };

static bool see(const mb_sweep *s, struct seen *out, mb_error *err)
{
    out->trial = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *out->trial, err);
    out->value = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *out->value, err);
    if (!out->trial || !out->value) return false;
    int enough = s->spec.ndims + 2 > s->spec.o.startup ? s->spec.ndims + 2 : s->spec.o.startup;
    for (out->rung = s->spec.nrungs - 1;; out->rung--) {
        out->n = 0;
        for (int i = 0; i < s->ntrials; i++) {
            double v = mb__trial_value(s, &s->trial[i], out->rung);
            if (v != v || s->trial[i].view.failed) continue;
            out->trial[out->n] = i;
            out->value[out->n++] = mb__judged(s, v);
        }
        if (out->n >= enough || out->rung == 0) return true;
    }
}

/* ---- tree-structured Parzen estimators ---- */

/* Values of one dimension at the trials that are good, or at all others that were begun. */
static int collect(const mb_sweep *s, const bool *good, bool want, int dim, double *x)
{
    int n = 0;
    for (int i = 0; i < s->ntrials; i++)
        if (good[i] == want && mb__space_active(&s->spec, dim, s->trial[i].unit)) x[n++] = s->trial[i].unit[dim];
    return n;
}

/* Failed and running trials count as bad: the first must not, the second need not be proposed again. */
static bool by_tpe(const mb_sweep *s, const struct seen *seen, struct trial *t, mb_rng *r, mb_error *err)
{
    int *order = mb_alloc(s->arena, (size_t)seen->n + 1, sizeof *order, err);
    bool *good = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *good, err);
    double *x = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *x, err);
    if (!order || !good || !x) return false;
    mb__rank(seen->value, seen->n, order);
    for (int i = 0; i < mb__tpe_good(seen->n); i++) good[seen->trial[order[i]]] = true;
    for (int d = 0; d < s->spec.ndims; d++) {
        mb__parzen p, q;
        int choices = s->spec.dim[d].nchoices, n = collect(s, good, true, d, x);
        if (!mb__parzen_fit(s->arena, x, n, choices, &p, err)) return false;
        n = collect(s, good, false, d, x);
        if (!mb__parzen_fit(s->arena, x, n, choices, &q, err)) return false;
        t->unit[d] = mb__tpe_draw(&p, &q, TPE_DRAWS, r);
    }
    t->view.origin = "tpe";
    return true;
}

/* ---- Gaussian process ---- */

/* Settings of other algorithms stand in the middle, where they say nothing. */
static void place(const struct spec *s, const double *unit, double *x)
{
    for (int d = 0; d < s->ndims; d++)
        x[d] = mb__space_active(s, d, unit) ? unit[d] : s->dim[d].nchoices > 0 ? 0 : 0.5;
}

struct model { mb__gp value, cost; bool costs; double best, *scratch; };

static double acquisition(const struct model *m, const struct spec *s, const double *unit)
{
    double x[MB_SWEEP_DIMS], mean, variance, cost = 0, of_cost;
    place(s, unit, x);
    mb__gp_at(&m->value, x, m->scratch, &mean, &variance);
    double gain = mb__expected_improvement(mean, sqrt(variance), m->best);
    if (m->costs) mb__gp_at(&m->cost, x, m->scratch, &cost, &of_cost);
    return gain / mb_exp64(cost);
}

/* The best half and the newest half, when there are more than a fit takes in good time. */
static int choose(const mb_sweep *s, const struct seen *seen, int *chosen, mb_error *err)
{
    int n = 0, *order = mb_alloc(s->arena, (size_t)seen->n + 1, sizeof *order, err);
    bool *taken = mb_alloc(s->arena, (size_t)seen->n + 1, sizeof *taken, err);
    if (!order || !taken) return -1;
    mb__rank(seen->value, seen->n, order);
    for (int i = 0; i < seen->n; i++) taken[i] = seen->n <= GP_MOST || i >= seen->n - GP_MOST / 2;
    for (int i = 0; i < seen->n && i < GP_MOST / 2; i++) taken[order[i]] = true;
    for (int i = 0; i < seen->n; i++)
        if (taken[i]) chosen[n++] = i;
    return n;
}

/* Running trials are given the value that the process expects of them, so that they are not proposed again. */
static int believe(const mb_sweep *s, struct model *m, const struct seen *seen, double *x, double *y, int n)
{
    int d = s->spec.ndims, more = 0;
    for (int i = 0; i < s->ntrials && n + more < 2 * GP_MOST; i++) {
        double v = mb__trial_value(s, &s->trial[i], seen->rung), variance;
        if (v == v || s->trial[i].view.failed || s->trial[i].target != seen->rung) continue;
        place(&s->spec, s->trial[i].unit, x + (n + more) * d);
        mb__gp_at(&m->value, x + (n + more) * d, m->scratch, &y[n + more], &variance);
        more++;
    }
    return n + more;
}

static bool build(const mb_sweep *s, const struct seen *seen, struct model *m, mb_error *err)
{
    int d = s->spec.ndims, choices[MB_SWEEP_DIMS], cost = s->spec.o.cost;
    double *x = mb_alloc(s->arena, (size_t)(2 * GP_MOST * d), sizeof *x, err), *y = mb_alloc(s->arena, 2 * GP_MOST, sizeof *y, err);
    double *price = mb_alloc(s->arena, 2 * GP_MOST, sizeof *price, err);
    int *chosen = mb_alloc(s->arena, (size_t)seen->n + 1, sizeof *chosen, err), *kept = mb_alloc(s->arena, MB_SWEEP_DIMS, sizeof *kept, err);
    m->scratch = mb_alloc(s->arena, 2 * GP_MOST, sizeof(double), err);
    if (!x || !y || !price || !chosen || !kept || !m->scratch) return false;
    int n = choose(s, seen, chosen, err);
    for (int k = 0; k < d; k++) kept[k] = choices[k] = s->spec.dim[k].nchoices;
    for (int i = 0; i < n; i++) {
        const struct trial *t = &s->trial[seen->trial[chosen[i]]];
        place(&s->spec, t->unit, x + i * d);
        y[i] = seen->value[chosen[i]];
        price[i] = mb_log64(cost == COST_SECONDS ? t->view.seconds + 1e-3 : (double)t->view.steps + 1);
    }
    if (n < 0 || !mb__gp_new(s->arena, x, y, n, d, kept, &m->value, err)) return false;
    mb__gp_fit(&m->value);
    m->costs = cost != COST_NONE;
    if (m->costs && !mb__gp_new(s->arena, x, price, n, d, kept, &m->cost, err)) return false;
    if (m->costs) mb__gp_fit(&m->cost);
    m->best = -HUGE_VAL;
    for (int i = 0; i < n; i++) { /* the best that the process believes in: results are noisy */
        double mean, variance;
        mb__gp_at(&m->value, x + i * d, m->scratch, &mean, &variance);
        if (mean > m->best) m->best = mean;
    }
    int all = believe(s, m, seen, x, y, n);
    if (all == n) return true;
    mb__gp with = m->value;
    if (!mb__gp_new(s->arena, x, y, all, d, kept, &with, err)) return false;
    for (int k = 0; k < d; k++) with.length[k] = m->value.length[k];
    with.signal = m->value.signal;
    with.noise = m->value.noise;
    mb__gp_condition(&with);
    m->value = with;
    return true;
}

/* Near another point: a numeric option moves by a normal of width 0.1 or 0.02, a choice seldom. */
static void near_to(const struct spec *s, const double *from, double width, double *unit, mb_rng *r)
{
    for (int d = 0; d < s->ndims; d++) {
        double v = from[d] + width * (double)mb_normal(r);
        if (s->dim[d].nchoices > 0) unit[d] = mb_below(r, 10) == 0 ? draw(&s->dim[d], r) : from[d];
        else unit[d] = v < 0 ? 0 : v > 1 ? 1 : v;
    }
}

static bool by_gp(const mb_sweep *s, const struct seen *seen, struct trial *t, mb_rng *r, mb_error *err)
{
    struct model m = { 0 };
    struct { double at[MB_SWEEP_DIMS], value; } top[GP_BEST] = { 0 };
    if (!build(s, seen, &m, err)) return false;
    for (int i = 0; i < GP_BEST; i++) top[i].value = -1;
    for (int i = 0; i < GP_DRAWS + GP_CLOSE; i++) {
        double unit[MB_SWEEP_DIMS];
        for (int d = 0; d < s->spec.ndims; d++) unit[d] = draw(&s->spec.dim[d], r);
        if (i >= GP_DRAWS) near_to(&s->spec, top[i % GP_BEST].at, i % 2 ? 0.1 : 0.02, unit, r);
        double v = acquisition(&m, &s->spec, unit);
        int at = GP_BEST;
        while (at > 0 && v > top[at - 1].value) at--;
        for (int k = GP_BEST - 1; k > at; k--) top[k] = top[k - 1];
        if (at == GP_BEST) continue;
        for (int d = 0; d < s->spec.ndims; d++) top[at].at[d] = unit[d];
        top[at].value = v;
    }
    for (int d = 0; d < s->spec.ndims; d++) t->unit[d] = top[0].at[d];
    t->view.origin = "gp";
    return true;
}

/* ---- all of them ---- */

static bool default_point(const mb_sweep *s, struct trial *t)
{
    for (int d = 0; d < s->spec.ndims; d++) {
        char text[256];
        int algo = s->spec.dim[d].algo < 0 ? 0 : s->spec.dim[d].algo;
        bool known = mb_settings_get(s->spec.base[algo], s->spec.dim[d].key, text, sizeof text);
        t->unit[d] = known ? mb__space_unit(&s->spec, d, text) : 0; /* unknown: the choice of the algorithm, the first */
    }
    t->view.origin = "default";
    return true;
}

bool mb__propose(mb_sweep *s, struct trial *t, mb_error *err)
{
    const struct sweep_options *o = &s->spec.o;
    mb_rng r = mb_rng_make((uint64_t)o->seed, "sweep.propose", (uint64_t)t->view.id);
    struct seen seen;
    if (o->method == BY_GRID) {
        grid_point(&s->spec, t->view.id - 1, t->unit);
        t->view.origin = "grid";
        return true;
    }
    if (o->with_default && t->view.id == 1) return default_point(s, t);
    bool model = o->method == BY_TPE || o->method == BY_GP;
    size_t mark = mb_arena_mark(s->arena);
    bool ok = !model || see(s, &seen, err);
    if (ok && model && seen.n >= o->startup) {
        ok = o->method == BY_TPE ? by_tpe(s, &seen, t, &r, err) : by_gp(s, &seen, t, &r, err);
    } else if (ok) {
        for (int d = 0; d < s->spec.ndims; d++) t->unit[d] = draw(&s->spec.dim[d], &r);
        t->view.origin = "random";
    }
    mb_arena_release(s->arena, mark);
    return ok;
}

bool mb_sweep_importance(mb_sweep *s, double *alone, double *total, mb_error *err)
{
    if (s->spec.o.method == BY_PBT) return mb_fail(err, MB_ERR_UNSUPPORTED, "importance: the settings of a population change on the way");
    int d = s->spec.ndims, choices[MB_SWEEP_DIMS], n = 0;
    size_t mark = mb_arena_mark(s->arena);
    double *x = mb_alloc(s->arena, (size_t)(s->ntrials + 1) * (size_t)d, sizeof *x, err);
    double *y = mb_alloc(s->arena, (size_t)s->ntrials + 1, sizeof *y, err);
    for (int k = 0; k < d; k++) choices[k] = s->spec.dim[k].nchoices;
    for (int i = 0; x && y && i < s->ntrials && n < 2 * GP_MOST; i++) {
        double v = mb__trial_value(s, &s->trial[i], 0);
        if (v != v) continue;
        place(&s->spec, s->trial[i].unit, x + n * d);
        y[n++] = mb__judged(s, v);
    }
    mb__gp g;
    bool ok = x && y && (n >= 4 || mb_fail(err, MB_ERR_UNSUPPORTED, "importance: %d results are too few, 4 are the least", n)) &&
              mb__gp_new(s->arena, x, y, n, d, choices, &g, err);
    if (ok) {
        mb__gp_fit(&g);
        mb__gp_importance(&g, alone, total);
    }
    mb_arena_release(s->arena, mark);
    return ok;
}
