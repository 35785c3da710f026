/* Expected SARSA (van Seijen et al. 2009): SARSA with the next action's value averaged over the policy instead of sampled,
   so that the choice adds no noise.  A time limit is not an end: the final state's value is bootstrapped. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/tabular.h"
#include <math.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    SCHED(alpha, "0.1", 0, 1, "step size of the first visit of a state and action")                   \
    NUM(double, decay, 0, 0, 1, "how fast the step size falls with visits: alpha ((after + 1) / (after + n))^decay") \
    NUM(double, decay_after, 0, 0, 1e9, "visits before it begins to fall in earnest")                  \
    SCHED(epsilon, "0.1", 0, 1, "chance of a random action")                                 \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                         \
    NUM(double, initial, 0, -1e6, 1e6, "value of everything never tried")                              \
    NUM(int, horizon, 64, 1, 65536, "steps per environment in one iteration")
MB_OPTIONS(expected_sarsa, OPTIONS)

struct expected_sarsa { mb_qtable table; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("expected-sarsa", env, err);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct expected_sarsa_options *o = options;
    struct expected_sarsa *s = self;
    return mb_qtable_new(&s->table, run->scope, "expected-sarsa", run->vec, o->initial, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct expected_sarsa_options *o = options;
    struct expected_sarsa *s = self;
    mb_qtable *q = &s->table;
    const mb_vec_view *v = mb_vec_view_of(run->vec);
    double alpha = (double)mb_schedule_at(&o->alpha, mb_progress(run)), error = 0;
    mb_step_rule step = { alpha, o->decay, o->decay_after };
    double epsilon = (double)mb_schedule_at(&o->epsilon, mb_progress(run));
    for (int t = 0; t < o->horizon; t++) {
        mb_qtable_act(q, run->vec, epsilon);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        for (int row = 0; row < v->rows; row++) {
            mb_after next = mb_state_after(&q->states, v, row);
            const double *values = mb_qtable_at(q, next.state);
            double boot = next.terminated ? 0 : mb_expected_value(values, next.mask, q->nactions, epsilon);
            double target = (double)v->reward[row] + o->gamma * boot;
            error += fabs(mb_qtable_learn(q, q->state[row], q->action[row], target, step));
        }
    }
    run->step += (int64_t)o->horizon * v->nenvs;
    mb_report(run->metrics, "td_error", error / ((double)o->horizon * v->rows));
    mb_report(run->metrics, "epsilon", epsilon);
    return true;
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    mb_qtable_act_greedy(self, vec);
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct expected_sarsa *s = self;
    *out = (mb_actor){ &s->table, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct expected_sarsa *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->table.q, s->table.states.n, out);
    return true;
}

MB_ALGO(expected_sarsa) = {
    MB_ALGO_HEAD, .name = "expected-sarsa", .summary = "on-policy control with the mean value of the next action",
    .paper = "van Seijen, van Hasselt, Whiteson & Wiering (2009), A theoretical and empirical analysis of Expected Sarsa", .state_size = sizeof(struct expected_sarsa),
    MB_USE_OPTIONS(expected_sarsa), .default_steps = 200000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
