/* TD(lambda) (Sutton 1988): learn what each state is worth under a fixed policy - here the one that takes every allowed action
   equally often - from the difference between successive predictions.  lambda 0 is TD(0), lambda 1 Monte Carlo.
   Online, with eligibility traces.  Where the environment offers its exact model, the distance to the exact values is
   reported as rms_error. */
#include "matchbox/algo.h"
#include "matchbox/tabular.h"
#include <math.h>

enum { ACCUMULATING, REPLACING };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    NUM(double, lambda, 0.8, 0, 1, "how slowly traces fade: 0 is TD(0), 1 is Monte Carlo")             \
    PICK(traces, ACCUMULATING, "accumulating|replacing", "what a repeated visit does to its trace")    \
    SCHED(alpha, "0.1", 0, 1, "step size")                                                             \
    NUM(double, gamma, 1, 0, 1, "discount")                                                            \
    NUM(double, initial, 0, -1e6, 1e6, "value of every state at first")                                \
    NUM(int, horizon, 64, 1, 65536, "steps per environment in one iteration")
MB_OPTIONS(td, OPTIONS)

enum { MAX_EXACT = 2000 }; /* states: beyond, solving for the exact values takes longer than learning */

struct td {
    mb_states states;
    int nactions;
    double *v;       /* [states] */
    double *trace;   /* [rows, states] */
    int32_t *state;  /* [rows] where each row was before the step */
    double *exact;   /* [states], or NULL: no model */
    double *weight;  /* [states] 1 for the states the policy reaches */
    mb_rng rng, eval;
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("td", env, err);
}

/* Exact values of the uniform policy, where there is a model and they are finite; otherwise s->exact stays NULL. */
static bool solve(struct td *s, mb_run *run, double gamma, mb_error *err)
{
    mb_arena *a = run->scope->arena;
    size_t n = (size_t)s->states.n;
    double *exact = mb_alloc(a, n, sizeof *exact, err);
    s->weight = mb_alloc(a, n, sizeof *s->weight, err);
    if (!exact || !s->weight) return false;
    size_t mark = mb_arena_mark(a);
    mb_mdp m;
    mb_error quiet = { 0 };
    double *policy = mb_alloc(a, n * (size_t)s->nactions, sizeof *policy, err);
    double *work = mb_alloc(a, n * (n + 1), sizeof *work, err);
    if (!policy || !work) return false;
    if (mb_mdp_of_env(&m, a, run->env, run->env_options, &quiet)) {
        mb_uniform_policy(&m, policy);
        mb_mdp_reachable(&m, s->weight);
        if (mb_policy_value(&m, policy, gamma, exact, work, &quiet)) s->exact = exact;
    }
    mb_arena_release(a, mark);
    return true;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct td_options *o = options;
    struct td *s = self;
    mb_scope *scope = run->scope;
    const mb_env_shape *shape = mb_vec_shape(run->vec);
    if (!mb_tabular_check("td", shape, err) || !mb_states_of("td", shape, &s->states, err)) return false;
    s->nactions = shape->act.field[0].n;
    s->rng = mb_rng_make(scope->seed, "td", 0);
    size_t n = (size_t)s->states.n, rows = (size_t)mb_vec_view_of(run->vec)->rows;
    s->v = mb_alloc(scope->arena, n, sizeof *s->v, err);
    s->trace = mb_alloc(scope->arena, rows * n, sizeof *s->trace, err);
    s->state = mb_alloc(scope->arena, rows, sizeof *s->state, err);
    if (!s->v || !s->trace || !s->state) return false;
    for (size_t i = 0; i < n; i++) s->v[i] = o->initial;
    if (run->env->model && s->states.n <= MAX_EXACT && !solve(s, run, o->gamma, err)) return false;
    return !scope->store || (mb_keep(scope->store, "td.v", s->v, n * sizeof *s->v, err) &&
                             mb_keep(scope->store, "td.trace", s->trace, rows * n * sizeof *s->trace, err) &&
                             mb_keep(scope->store, "td.rng", &s->rng, sizeof s->rng, err));
}

static void act_uniformly(const struct td *s, mb_vec_view *v, mb_rng *rng)
{
    for (int row = 0; row < v->rows; row++) {
        const uint8_t *mask = v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL;
        v->index[row] = mb_random_action(mask, s->nactions, rng);
    }
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct td_options *o = options;
    struct td *s = self;
    mb_vec_view *v = mb_vec_view_of(run->vec);
    int n = s->states.n;
    double alpha = (double)mb_schedule_at(&o->alpha, mb_progress(run)), error = 0;
    for (int t = 0; t < o->horizon; t++) {
        for (int row = 0; row < v->rows; row++) s->state[row] = mb_state_at(&s->states, v->obs, row);
        act_uniformly(s, v, &s->rng);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        for (int row = 0; row < v->rows; row++) {
            double *trace = s->trace + (size_t)row * (size_t)n;
            mb_after next = mb_state_after(&s->states, v, row);
            double delta = (double)v->reward[row] + (next.terminated ? 0 : o->gamma * s->v[next.state]) - s->v[s->state[row]];
            mb_trace_visit(trace, s->state[row], o->traces == REPLACING);
            mb_trace_learn(s->v, trace, n, alpha, delta, next.ended ? 0 : o->gamma * o->lambda);
            error += fabs(delta);
        }
    }
    run->step += (int64_t)o->horizon * v->nenvs;
    mb_report(run->metrics, "td_error", error / ((double)o->horizon * v->rows));
    if (s->exact) mb_report(run->metrics, "rms_error", mb_rms_error(s->v, s->exact, s->weight, n));
    return true;
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    struct td *s = self;
    act_uniformly(s, mb_vec_view_of(vec), &s->eval);
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct td *s = self;
    s->eval = mb_rng_make(run->scope->seed, "td.eval", 0);
    *out = (mb_actor){ s, act };
    return true;
}

MB_ALGO(td) = {
    MB_ALGO_HEAD, .name = "td", .summary = "TD(lambda): predict what states are worth under the uniform policy",
    .paper = "Sutton (1988), Learning to predict by the methods of temporal differences", .state_size = sizeof(struct td),
    MB_USE_OPTIONS(td), .default_steps = 20000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
