/* Double Q-learning (van Hasselt 2010): of two tables one chooses the best next action and the other says what it is worth,
   so that noise is not mistaken for value.  A fair coin says which one learns from a step; actions follow their sum.
   A time limit is not an end: the final state's value is bootstrapped. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/tabular.h"
#include <math.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    SCHED(alpha, "0.1", 0, 1, "step size of the first visit of a state and action")                   \
    NUM(double, decay, 0, 0, 1, "how fast the step size falls with visits: alpha ((after + 1) / (after + n))^decay") \
    NUM(double, decay_after, 0, 0, 1e9, "visits before it begins to fall in earnest")                  \
    SCHED(epsilon, "linear:1:0.05", 0, 1, "chance of a random action")                                 \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                         \
    NUM(double, initial, 0, -1e6, 1e6, "value of everything never tried")                              \
    NUM(int, horizon, 64, 1, 65536, "steps per environment in one iteration")
MB_OPTIONS(double_q_learning, OPTIONS)

struct double_q_learning { mb_qtable sum, half[2]; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("double-q-learning", env, err);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct double_q_learning_options *o = options;
    struct double_q_learning *s = self;
    return mb_qtable_new(&s->sum, run->scope, "double-q-learning", run->vec, 2 * o->initial, err) &&
           mb_qtable_new(&s->half[0], run->scope, "double-q-learning.a", run->vec, o->initial, err) &&
           mb_qtable_new(&s->half[1], run->scope, "double-q-learning.b", run->vec, o->initial, err);
}

/* Learn from one row's step: the table that learns chooses the next action, the other one values it. */
static double learn(struct double_q_learning *s, const struct double_q_learning_options *o, const mb_vec_view *v, int row, mb_step_rule step)
{
    mb_qtable *sum = &s->sum;
    int coin = mb_below(&sum->rng, 2), state = sum->state[row], action = sum->action[row];
    mb_qtable *learner = &s->half[coin], *judge = &s->half[!coin];
    mb_after next = mb_state_after(&sum->states, v, row);
    int best = mb_greedy(mb_qtable_at(learner, next.state), next.mask, sum->nactions, NULL);
    double boot = next.terminated ? 0 : mb_qtable_at(judge, next.state)[best];
    double error = mb_qtable_learn(learner, state, action, (double)v->reward[row] + o->gamma * boot, step);
    mb_qtable_at(sum, state)[action] = mb_qtable_at(learner, state)[action] + mb_qtable_at(judge, state)[action];
    return error;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct double_q_learning_options *o = options;
    struct double_q_learning *s = self;
    const mb_vec_view *v = mb_vec_view_of(run->vec);
    double alpha = (double)mb_schedule_at(&o->alpha, mb_progress(run)), error = 0;
    mb_step_rule step = { alpha, o->decay, o->decay_after };
    double epsilon = (double)mb_schedule_at(&o->epsilon, mb_progress(run));
    for (int t = 0; t < o->horizon; t++) {
        mb_qtable_act(&s->sum, run->vec, epsilon);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        for (int row = 0; row < v->rows; row++) error += fabs(learn(s, o, v, row, step));
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
    struct double_q_learning *s = self;
    *out = (mb_actor){ &s->sum, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct double_q_learning *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->sum.q, s->sum.states.n, out);
    return true;
}

MB_ALGO(double_q_learning) = {
    MB_ALGO_HEAD, .name = "double-q-learning", .summary = "Q-learning with two tables that check each other",
    .paper = "van Hasselt (2010), Double Q-learning", .state_size = sizeof(struct double_q_learning),
    MB_USE_OPTIONS(double_q_learning), .default_steps = 200000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
