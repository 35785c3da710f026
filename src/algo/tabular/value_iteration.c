/* Value iteration (Bellman 1957): sweep v(s) = max_a sum p (r + gamma v(s')) over the exact model until it stands still.
   Here a step is one sweep, and the run ends when the values have converged. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/tabular.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                         \
    NUM(double, tolerance, 1e-10, 0, 1, "converged when no value changes by more than this")
MB_OPTIONS(value_iteration, OPTIONS)

struct value_iteration { mb_qtable table; mb_mdp model; double *v; /* [states] */ };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("value-iteration", env, err);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct value_iteration *s = self;
    mb_scope *scope = run->scope;
    if (!mb_mdp_of_env(&s->model, scope->arena, run->env, run->env_options, err)) return false;
    if (!mb_qtable_new(&s->table, scope, "value-iteration", run->vec, 0, err)) return false;
    size_t n = (size_t)s->model.nstates;
    if (!(s->v = mb_alloc(scope->arena, n, sizeof *s->v, err))) return false;
    return !scope->store || mb_keep(scope->store, "value-iteration.v", s->v, n * sizeof *s->v, err);
}

/* What the start is worth: the value averaged over the states an episode begins in. */
static double start_value(const struct value_iteration *s)
{
    double sum = 0;
    for (int i = 0; i < s->model.nstates; i++) sum += s->model.start[i] * s->v[i];
    return sum;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct value_iteration_options *o = options;
    struct value_iteration *s = self;
    double change = mb_value_sweep(&s->model, o->gamma, s->v, s->table.q);
    mb_report(run->metrics, "change", change);
    mb_report(run->metrics, "value", start_value(s));
    run->step++;
    if (change <= o->tolerance && run->step < run->total_steps) run->step = run->total_steps;
    return true;
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    mb_qtable_act_greedy(self, vec);
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct value_iteration *s = self;
    *out = (mb_actor){ &s->table, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct value_iteration *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->table.q, s->table.states.n, out);
    return true;
}

MB_ALGO(value_iteration) = {
    MB_ALGO_HEAD, .name = "value-iteration", .summary = "exact optimal values of a small model by sweeps of Bellman's equation",
    .paper = "Bellman (1957), Dynamic Programming", .state_size = sizeof(struct value_iteration),
    MB_USE_OPTIONS(value_iteration), .default_steps = 100000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
