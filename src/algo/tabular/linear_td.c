/* Linear TD: predict the value of a target policy from features, perhaps while following another one.  Semi-gradient TD(0)
   with importance ratios may diverge then (Baird 1995); the gradient methods TDC and GTD2 (Sutton et al. 2009) do not.
   Policies are fixed: action probabilities in proportion to given weights. */
#include "matchbox/algo.h"
#include "matchbox/tabular.h"
#include <math.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    PICK(rule, MB_LINEAR_TD, "td|tdc|gtd2", "semi-gradient TD(0), or a gradient method")               \
    PICK(features, MB_FEATURES_TILES, "raw|tiles", "box observations as they are, or tile-coded")      \
    NUM(int, tilings, 8, 1, 1024, "shifted grids of tiles")                                            \
    NUM(int, tiles, 8, 1, 1024, "tiles per dimension in each grid")                                    \
    NUM(int, group, 1, 1, 1000000, "discrete observations: neighbouring states that share a weight")   \
    LIST(behaviour, "", 0, 1000000, "weight of each action in the policy that is followed; empty: uniform") \
    LIST(target, "", 0, 1000000, "weight of each action in the policy that is valued; empty: the same") \
    LIST(weights, "", -1000000, 1000000, "initial weights: one for all, or one each; empty: 0")        \
    SCHED(alpha, "0.1", 0, 10, "step size, divided by the number of tilings")                          \
    SCHED(beta, "0.05", 0, 10, "step size of the second set of weights (tdc, gtd2)")                   \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                         \
    NUM(int, horizon, 64, 1, 65536, "steps per environment in one iteration")
MB_OPTIONS(linear_td, OPTIONS)

struct linear_td {
    mb_features features;
    int nactions;
    double *w, *h;            /* [features] the values' weights; the gradient methods' second set */
    double *x, *y;            /* [rows, features] before the step; [features] after it */
    double *behaviour, *target; /* [actions] probabilities */
    mb_rng rng, eval;
};

static bool check_policy(const char *name, const mb_list *weights, int nactions, mb_error *err)
{
    int64_t sum = 0;
    for (int i = 0; i < weights->n; i++) sum += weights->v[i];
    if (weights->n == 0 || (weights->n == nactions && sum > 0)) return true;
    return mb_fail(err, MB_ERR_RANGE, "linear-td: option '%s' has %d weights that add up to %lld; give %d, one per action, not all 0", name,
                   weights->n, (long long)sum, nactions);
}

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct linear_td_options *o = options;
    mb_features f;
    if (env->nagents != 1 || env->act.nfields != 1 || env->act.field[0].kind != MB_FIELD_DISCRETE)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "linear-td: needs one agent and one discrete action");
    int n = env->act.field[0].n;
    if (!check_policy("behaviour", &o->behaviour, n, err) || !check_policy("target", &o->target, n, err)) return false;
    if (!mb_features_of("linear-td", env, (mb_feature_kind)o->features, o->tilings, o->tiles, o->group, &f, err)) return false;
    if (o->weights.n > 1 && o->weights.n != f.n)
        return mb_fail(err, MB_ERR_RANGE, "linear-td: option 'weights' has %d numbers; give 1, or %d for the features", o->weights.n, f.n);
    for (int a = 0; o->target.n && o->behaviour.n && a < n; a++)
        if (o->target.v[a] > 0 && o->behaviour.v[a] == 0)
            return mb_fail(err, MB_ERR_RANGE, "linear-td: the target policy takes action %d, which the behaviour never does", a);
    return true;
}

static void normalize(const mb_list *weights, int n, const double *otherwise, double *p)
{
    double sum = 0;
    for (int i = 0; i < weights->n; i++) sum += weights->v[i];
    for (int a = 0; a < n; a++) p[a] = weights->n ? weights->v[a] / sum : otherwise ? otherwise[a] : 1.0 / n;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct linear_td_options *o = options;
    struct linear_td *s = self;
    mb_scope *scope = run->scope;
    const mb_env_shape *shape = mb_vec_shape(run->vec);
    mb_feature_kind kind = (mb_feature_kind)o->features;
    if (!mb_features_of("linear-td", shape, kind, o->tilings, o->tiles, o->group, &s->features, err)) return false;
    size_t n = (size_t)s->features.n, rows = (size_t)mb_vec_view_of(run->vec)->rows, actions = (size_t)shape->act.field[0].n;
    s->nactions = (int)actions;
    s->rng = mb_rng_make(scope->seed, "linear-td", 0);
    s->w = mb_alloc(scope->arena, n, sizeof *s->w, err);
    s->h = mb_alloc(scope->arena, n, sizeof *s->h, err);
    s->x = mb_alloc(scope->arena, rows * n, sizeof *s->x, err);
    s->y = mb_alloc(scope->arena, n, sizeof *s->y, err);
    s->behaviour = mb_alloc(scope->arena, actions, sizeof *s->behaviour, err);
    s->target = mb_alloc(scope->arena, actions, sizeof *s->target, err);
    if (!s->w || !s->h || !s->x || !s->y || !s->behaviour || !s->target) return false;
    normalize(&o->behaviour, s->nactions, NULL, s->behaviour);
    normalize(&o->target, s->nactions, s->behaviour, s->target);
    for (size_t i = 0; i < n && o->weights.n; i++) s->w[i] = o->weights.v[o->weights.n > 1 ? i : 0];
    return !scope->store || (mb_keep(scope->store, "linear-td.w", s->w, n * sizeof *s->w, err) &&
                             mb_keep(scope->store, "linear-td.h", s->h, n * sizeof *s->h, err) &&
                             mb_keep(scope->store, "linear-td.rng", &s->rng, sizeof s->rng, err));
}

/* An action in proportion to p among the allowed ones; any allowed one when p gives them no weight. */
static int choose(const double *p, const uint8_t *mask, int n, mb_rng *rng)
{
    double sum = 0;
    for (int a = 0; a < n; a++) sum += !mask || mask[a] ? p[a] : 0;
    if (!(sum > 0)) return mb_random_action(mask, n, rng);
    double u = mb_uniform64(rng) * sum;
    int last = 0;
    for (int a = 0; a < n; a++) {
        if ((mask && !mask[a]) || !(p[a] > 0)) continue;
        last = a;
        u -= p[a];
        if (u < 0) break;
    }
    return last;
}

static void act_from(const double *p, int n, mb_vec_view *v, mb_rng *rng)
{
    for (int row = 0; row < v->rows; row++)
        v->index[row] = choose(p, v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL, n, rng);
}

/* Learn from the step row `row` has just made.  Returns the TD error. */
static double learn(struct linear_td *s, const struct linear_td_options *o, const mb_vec_view *v, int row, double alpha, double beta)
{
    bool ended = v->terminated[row] || v->truncated[row];
    int a = v->index[row], n = s->features.n;
    double rho = s->target[a] / s->behaviour[a];
    mb_features_at(&s->features, ended ? v->final_obs[0] : v->obs[0], row, s->y);
    return mb_linear_learn((mb_linear_rule)o->rule, s->w, s->h, s->x + (size_t)row * (size_t)n, v->terminated[row] ? NULL : s->y, n, rho,
                           (double)v->reward[row], o->gamma, alpha, beta);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct linear_td_options *o = options;
    struct linear_td *s = self;
    mb_vec_view *v = mb_vec_view_of(run->vec);
    size_t n = (size_t)s->features.n;
    double alpha = (double)mb_schedule_at(&o->alpha, mb_progress(run)) / s->features.active, error = 0, largest = 0;
    double beta = (double)mb_schedule_at(&o->beta, mb_progress(run)) / s->features.active;
    for (int t = 0; t < o->horizon; t++) {
        for (int row = 0; row < v->rows; row++) mb_features_at(&s->features, v->obs[0], row, s->x + (size_t)row * n);
        act_from(s->behaviour, s->nactions, v, &s->rng);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        for (int row = 0; row < v->rows; row++) error += fabs(learn(s, o, v, row, alpha, beta));
    }
    for (size_t i = 0; i < n; i++) largest = fabs(s->w[i]) > largest ? fabs(s->w[i]) : largest;
    run->step += (int64_t)o->horizon * v->nenvs;
    mb_report(run->metrics, "td_error", error / ((double)o->horizon * v->rows));
    mb_report(run->metrics, "largest_weight", largest);
    return true;
}

/* Acts as the policy that is valued. */
static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    struct linear_td *s = self;
    act_from(s->target, s->nactions, mb_vec_view_of(vec), &s->eval);
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct linear_td *s = self;
    s->eval = mb_rng_make(run->scope->seed, "linear-td.eval", 0);
    *out = (mb_actor){ s, act };
    return true;
}

MB_ALGO(linear_td) = {
    MB_ALGO_HEAD, .name = "linear-td", .summary = "prediction with linear features, on or off policy: TD(0), TDC, GTD2",
    .paper = "Sutton et al. (2009), Fast gradient-descent methods for temporal-difference learning with linear function approximation",
    .state_size = sizeof(struct linear_td), MB_USE_OPTIONS(linear_td), .default_steps = 20000, .check = check, .setup = setup,
    .iterate = iterate, .actor = actor,
};
