/* SARSA (Rummery & Niranjan 1994): learn the values of the very policy that is followed, exploration included, from
   state, action, reward, next state and next action.  The next action is chosen before learning and then taken.  A time
   limit is not an end: an action is drawn in the final state too, only to bootstrap from. */
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
MB_OPTIONS(sarsa, OPTIONS)

struct sarsa {
    mb_qtable table;
    int32_t *next; /* [rows] actions already chosen for the current observations; -1: none yet */
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("sarsa", env, err);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct sarsa_options *o = options;
    struct sarsa *s = self;
    if (!mb_qtable_new(&s->table, run->scope, "sarsa", run->vec, o->initial, err)) return false;
    size_t rows = (size_t)s->table.rows;
    if (!(s->next = mb_alloc(run->scope->arena, rows, sizeof *s->next, err))) return false;
    for (size_t row = 0; row < rows; row++) s->next[row] = -1;
    return !run->scope->store || mb_keep(run->scope->store, "sarsa.next", s->next, rows * sizeof *s->next, err);
}

/* Take the actions chosen while learning; where an episode begins, choose one now. */
static void act_chosen(struct sarsa *s, mb_vec *vec, double epsilon)
{
    mb_qtable *q = &s->table;
    mb_vec_view *v = mb_vec_view_of(vec);
    for (int row = 0; row < v->rows; row++) {
        const uint8_t *mask = v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL;
        q->state[row] = mb_state_at(&q->states, v->obs, row);
        if (s->next[row] < 0)
            s->next[row] = mb_epsilon_greedy(mb_qtable_at(q, q->state[row]), mask, q->nactions, epsilon, &q->rng);
        v->index[row] = q->action[row] = s->next[row];
    }
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct sarsa_options *o = options;
    struct sarsa *s = self;
    mb_qtable *q = &s->table;
    const mb_vec_view *v = mb_vec_view_of(run->vec);
    double alpha = (double)mb_schedule_at(&o->alpha, mb_progress(run)), error = 0;
    mb_step_rule step = { alpha, o->decay, o->decay_after };
    double epsilon = (double)mb_schedule_at(&o->epsilon, mb_progress(run));
    for (int t = 0; t < o->horizon; t++) {
        act_chosen(s, run->vec, epsilon);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        for (int row = 0; row < v->rows; row++) {
            mb_after next = mb_state_after(&q->states, v, row);
            const double *values = mb_qtable_at(q, next.state);
            int choice = next.terminated ? -1 : mb_epsilon_greedy(values, next.mask, q->nactions, epsilon, &q->rng);
            double target = (double)v->reward[row] + (next.terminated ? 0 : o->gamma * values[choice]);
            s->next[row] = next.ended ? -1 : choice;
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
    struct sarsa *s = self;
    *out = (mb_actor){ &s->table, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct sarsa *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->table.q, s->table.states.n, out);
    return true;
}

MB_ALGO(sarsa) = {
    MB_ALGO_HEAD, .name = "sarsa", .summary = "on-policy control: learn the values of the policy that is followed",
    .paper = "Rummery & Niranjan (1994), On-line Q-learning using connectionist systems", .state_size = sizeof(struct sarsa),
    MB_USE_OPTIONS(sarsa), .default_steps = 200000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
