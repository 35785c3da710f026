/* Policy iteration (Howard 1960): evaluate the policy, make it greedy with respect to its values, until it stands still.
   It begins with the uniform policy, whose value is finite wherever some policy's is.  A step is one improvement. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/tabular.h"

enum { EXACT, SWEEPS };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                         \
    PICK(evaluation, EXACT, "exact|sweeps", "solve the linear system, or sweep until converged")       \
    NUM(int, max_sweeps, 100000, 1, 1000000000, "sweeps of one evaluation at most")                    \
    NUM(double, tolerance, 1e-10, 0, 1, "an evaluation has converged when no value changes by more")
MB_OPTIONS(policy_iteration, OPTIONS)

enum { MAX_EXACT = 5000 }; /* states: 200 MB of linear system */

struct policy_iteration {
    mb_qtable table;
    mb_mdp model;
    double *v;      /* [states] */
    double *policy; /* [states, actions] */
    double *work;   /* the linear system */
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct policy_iteration_options *o = options;
    mb_states states;
    if (!mb_tabular_check("policy-iteration", env, err) || !mb_states_of("policy-iteration", env, &states, err)) return false;
    if (o->evaluation == EXACT && states.n > MAX_EXACT)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "policy-iteration: a linear system of %d states is too large (at most %d); use "
                       "--evaluation sweeps", states.n, (int)MAX_EXACT);
    return true;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct policy_iteration_options *o = options;
    struct policy_iteration *s = self;
    mb_scope *scope = run->scope;
    if (!mb_mdp_of_env(&s->model, scope->arena, run->env, run->env_options, err)) return false;
    if (!mb_qtable_new(&s->table, scope, "policy-iteration", run->vec, 0, err)) return false;
    size_t n = (size_t)s->model.nstates, pairs = n * (size_t)s->model.nactions;
    s->v = mb_alloc(scope->arena, n, sizeof *s->v, err);
    s->policy = mb_alloc(scope->arena, pairs, sizeof *s->policy, err);
    s->work = mb_alloc(scope->arena, o->evaluation == EXACT ? n * (n + 1) : 0, sizeof *s->work, err);
    if (!s->v || !s->policy || !s->work) return false;
    mb_uniform_policy(&s->model, s->policy);
    return !scope->store || (mb_keep(scope->store, "policy-iteration.v", s->v, n * sizeof *s->v, err) &&
                             mb_keep(scope->store, "policy-iteration.policy", s->policy, pairs * sizeof *s->policy, err));
}

static bool evaluate(struct policy_iteration *s, const struct policy_iteration_options *o, mb_error *err)
{
    if (o->evaluation == EXACT) return mb_policy_value(&s->model, s->policy, o->gamma, s->v, s->work, err);
    double change = 1 + o->tolerance;
    for (int i = 0; i < o->max_sweeps && change > o->tolerance; i++)
        change = mb_policy_sweep(&s->model, s->policy, o->gamma, s->v);
    return true;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct policy_iteration_options *o = options;
    struct policy_iteration *s = self;
    if (!evaluate(s, o, err)) return false;
    double value = 0;
    for (int i = 0; i < s->model.nstates; i++) value += s->model.start[i] * s->v[i];
    /* ties to within rounding keep the present action, or two equal policies would take turns for ever */
    int changed = mb_policy_improve(&s->model, o->gamma, s->v, 1e-9, s->policy, s->table.q);
    mb_report(run->metrics, "changed", changed);
    mb_report(run->metrics, "value", value);
    run->step++;
    if (changed == 0 && run->step < run->total_steps) run->step = run->total_steps;
    return true;
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    mb_qtable_act_greedy(self, vec);
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct policy_iteration *s = self;
    *out = (mb_actor){ &s->table, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct policy_iteration *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->table.q, s->table.states.n, out);
    return true;
}

MB_ALGO(policy_iteration) = {
    MB_ALGO_HEAD, .name = "policy-iteration", .summary = "exact optimal policy of a small model: evaluate, improve, repeat",
    .paper = "Howard (1960), Dynamic Programming and Markov Processes", .state_size = sizeof(struct policy_iteration),
    MB_USE_OPTIONS(policy_iteration), .default_steps = 1000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
