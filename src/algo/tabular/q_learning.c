/* Q-learning (Watkins 1989): learn the values of the greedy policy while following an exploring one.
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
MB_OPTIONS(q_learning, OPTIONS)

struct q_learning { mb_qtable table; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("q-learning", env, err);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct q_learning_options *o = options;
    struct q_learning *s = self;
    return mb_qtable_new(&s->table, run->scope, "q-learning", run->vec, o->initial, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct q_learning_options *o = options;
    struct q_learning *s = self;
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
            double boot = next.terminated ? 0 : mb_max_value(mb_qtable_at(q, next.state), next.mask, q->nactions);
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
    struct q_learning *s = self;
    *out = (mb_actor){ &s->table, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct q_learning *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->table.q, s->table.states.n, out);
    return true;
}

MB_ALGO(q_learning) = {
    MB_ALGO_HEAD, .name = "q-learning", .summary = "off-policy control: learn the greedy policy's values while exploring",
    .paper = "Watkins (1989), Learning from Delayed Rewards", .state_size = sizeof(struct q_learning),
    MB_USE_OPTIONS(q_learning), .default_steps = 200000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
