/* Population-based training, one generation at a time: when every member has come to the end of an interval, the worst copy
   the best and change what they copied.  (Jaderberg et al. 2017 let each member do so when it is ready; waiting for all makes
   the result the same for any number of jobs.) */
#include "rl/tune.h"
#include "run/sweep.h"
#include <math.h>
#include <stdio.h>

/* The newest trial of every member; false: not all are there. */
static bool members(const mb_sweep *s, int *of)
{
    int found = 0, n = s->spec.o.population;
    for (int m = 0; m < n; m++) of[m] = -1;
    for (int i = 0; i < s->ntrials; i++) {
        int m = s->trial[i].member;
        found += of[m] < 0;
        of[m] = i;
    }
    return found == n;
}

bool mb__pbt_ready(const mb_sweep *s)
{
    int of[256], rung = -1;
    bool any = false;
    if (!members(s, of)) return false;
    for (int m = 0; m < s->spec.o.population; m++) {
        const struct trial *t = &s->trial[of[m]];
        if (t->view.failed) continue;
        double v = mb__trial_value(s, t, t->target);
        if (v != v || (any && t->target != rung)) return false;
        rung = t->target;
        any = true;
    }
    return any && rung < s->spec.nrungs - 1;
}

/* Numbers are changed as numbers (a logit range: the distance to 1), choices drawn anew or kept. */
static void explore(const mb_sweep *s, const struct trial *from, struct trial *t, mb_rng *r)
{
    for (int d = 0; d < s->spec.ndims; d++) {
        const mb_sweep_dim *dim = &s->spec.dim[d];
        char text[256];
        double v, anew = 0;
        if (dim->nchoices > 0) {
            t->unit[d] = mb_below(r, 4) == 0 ? mb_below(r, dim->nchoices) : from->unit[d];
            continue;
        }
        bool rest = dim->scale == MB_SCALE_LOGIT;
        mb__space_text(&s->spec, d, 0, mb_uniform64(r), text, sizeof text);
        mb__space_number(text, &anew);
        if (!mb__space_number(from->text[d], &v)) v = anew;
        v = rest ? 1 - mb__pbt_explore(1 - v, 1 - dim->hi, 1 - dim->lo, 1 - anew, r) : mb__pbt_explore(v, dim->lo, dim->hi, anew, r);
        snprintf(text, sizeof text, "%.17g", dim->integer ? floor(v + 0.5) : v);
        t->unit[d] = mb__space_unit(&s->spec, d, text);
    }
}

static bool copy_member(mb_sweep *s, int member, const struct trial *from, int rung, mb_rng *r, mb_error *err)
{
    char source[SWEEP_PATH], target[SWEEP_PATH], tail[32], seed[32];
    const char *changes[2 * MB_SWEEP_DIMS + 1];
    struct trial *t = mb__trial_new(s, err);
    if (!t) return false;
    t->member = member;
    t->view.parent = from->view.id;
    t->view.origin = "copy";
    t->first = t->target = rung;
    explore(s, from, t, r);
    if (!mb__trial_texts(s, t, err)) return false;
    for (int d = 0; d < s->spec.ndims; d++) {
        changes[2 * d] = s->spec.dim[d].key;
        changes[2 * d + 1] = t->text[d];
    }
    changes[2 * s->spec.ndims] = NULL;
    snprintf(seed, sizeof seed, "seed-%lld", (long long)mb__trial_seed(s, from, 0));
    snprintf(tail, sizeof tail, "seed-%lld", (long long)mb__trial_seed(s, t, 0));
    if (!mb__trial_dir(s, from->view.id, seed, source, err) || !mb__trial_dir(s, t->view.id, tail, target, err)) return false;
    if (!mb__run_clone(source, target, changes, err) || !mb__sweep_db_trial_add(s->db, t, &s->spec, err)) return false;
    s->ntrials++;
    mb__trial_update(s, t);
    return true;
}

/* Everything of one generation in one transaction; the copied directories come first and stay when they are whole, so that a
   generation that was cut off is made again just so. */
bool mb__pbt_advance(mb_sweep *s, mb_error *err)
{
    int of[256], parent[256], n = s->spec.o.population, rung = 0;
    double value[256];
    members(s, of);
    for (int m = 0; m < n; m++) {
        const struct trial *t = &s->trial[of[m]];
        value[m] = t->view.failed ? (double)NAN : mb__judged(s, mb__trial_value(s, t, t->target));
        if (!t->view.failed) rung = t->target;
    }
    mb_rng r = mb_rng_make((uint64_t)s->spec.o.seed, "sweep.population", (uint64_t)rung);
    mb__pbt_exploit(value, n, s->spec.o.fraction, &r, parent);
    if (!mb__sweep_db_begin(s->db, err)) return false;
    for (int m = 0; m < n; m++) {
        struct trial *t = &s->trial[of[m]];
        if (parent[m] != m && value[parent[m]] == value[parent[m]]) {
            if (!copy_member(s, m, &s->trial[of[parent[m]]], rung + 1, &r, err)) return false;
        } else if (!t->view.failed) {
            t->target = rung + 1;
            if (!mb__sweep_db_trial_target(s->db, t, err)) return false;
            mb__trial_update(s, t);
        }
    }
    s->planned_steps += (int64_t)n * (s->spec.rung[rung + 1] - s->spec.rung[rung]);
    return mb__sweep_db_commit(s->db, err);
}
