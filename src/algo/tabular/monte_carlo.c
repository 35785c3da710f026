/* Monte Carlo control (Michie & Chambers 1968; Sutton & Barto 2018, section 5.4): play an episode with an epsilon-greedy
   policy, then move every pair met on the way towards the return that followed - its first visit's or each visit's.
   An episode cut by a time limit, or longer than `max_episode`, counts the policy's value of where it was cut. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/tabular.h"
#include <math.h>

enum { FIRST, EVERY };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    PICK(visits, FIRST, "first|every", "which visits of an episode count")                             \
    SCHED(alpha, "1", 0, 1, "step size of the first update of a state and action")                    \
    NUM(double, decay, 0.6, 0, 1, "how fast the step size falls with visits: alpha ((after + 1) / (after + n))^decay") \
    NUM(double, decay_after, 0, 0, 1e9, "visits before it begins to fall in earnest")                  \
    SCHED(epsilon, "linear:1:0.05", 0, 1, "chance of a random action")                                 \
    NUM(double, gamma, 0.99, 0, 1, "discount")                                                         \
    NUM(double, initial, 0, -1e6, 1e6, "value of everything never tried")                              \
    NUM(int, max_episode, 1000, 1, 1000000, "steps after which an episode is learned from in pieces")  \
    NUM(int, horizon, 64, 1, 65536, "steps per environment in one iteration")
MB_OPTIONS(monte_carlo, OPTIONS)

struct monte_carlo {
    mb_qtable table;
    int32_t *length; /* [rows] steps remembered of the running episode */
    int32_t *pair;   /* [rows, max_episode] state * actions + action */
    float *reward;   /* [rows, max_episode] */
    int32_t *first;  /* [states * actions] scratch: step of the first visit in the episode at hand */
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_tabular_check("monte-carlo", env, err);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct monte_carlo_options *o = options;
    struct monte_carlo *s = self;
    mb_scope *scope = run->scope;
    if (!mb_qtable_new(&s->table, scope, "monte-carlo", run->vec, o->initial, err)) return false;
    size_t rows = (size_t)s->table.rows, steps = rows * (size_t)o->max_episode;
    s->length = mb_alloc(scope->arena, rows, sizeof *s->length, err);
    s->pair = mb_alloc(scope->arena, steps, sizeof *s->pair, err);
    s->reward = mb_alloc(scope->arena, steps, sizeof *s->reward, err);
    s->first = mb_alloc(scope->arena, (size_t)s->table.states.n * (size_t)s->table.nactions, sizeof *s->first, err);
    if (!s->length || !s->pair || !s->reward || !s->first) return false;
    return !scope->store || (mb_keep(scope->store, "monte-carlo.length", s->length, rows * sizeof *s->length, err) &&
                             mb_keep(scope->store, "monte-carlo.pair", s->pair, steps * sizeof *s->pair, err) &&
                             mb_keep(scope->store, "monte-carlo.reward", s->reward, steps * sizeof *s->reward, err));
}

/* Learn from the remembered steps of a row, after which `boot` was to be had.  Returns the sum of absolute errors. */
static double learn(struct monte_carlo *s, const struct monte_carlo_options *o, int row, double boot, mb_step_rule step)
{
    int n = s->length[row], actions = s->table.nactions;
    const int32_t *pair = s->pair + (size_t)row * (size_t)o->max_episode;
    const float *reward = s->reward + (size_t)row * (size_t)o->max_episode;
    double g = boot, error = 0;
    for (int t = n - 1; t >= 0; t--) s->first[pair[t]] = t; /* the last to write is the first visit */
    for (int t = n - 1; t >= 0; t--) {
        g = (double)reward[t] + o->gamma * g;
        if (o->visits == FIRST && s->first[pair[t]] != t) continue;
        error += fabs(mb_qtable_learn(&s->table, pair[t] / actions, pair[t] % actions, g, step));
    }
    s->length[row] = 0;
    return error;
}

static void remember(struct monte_carlo *s, const struct monte_carlo_options *o, int row, float reward)
{
    size_t i = (size_t)row * (size_t)o->max_episode + (size_t)s->length[row]++;
    s->pair[i] = s->table.state[row] * s->table.nactions + s->table.action[row];
    s->reward[i] = reward;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct monte_carlo_options *o = options;
    struct monte_carlo *s = self;
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
            remember(s, o, row, v->reward[row]);
            if (!next.ended && s->length[row] < o->max_episode) continue;
            const double *values = mb_qtable_at(q, next.state);
            error += learn(s, o, row, next.terminated ? 0 : mb_expected_value(values, next.mask, q->nactions, epsilon), step);
        }
    }
    run->step += (int64_t)o->horizon * v->nenvs;
    mb_report(run->metrics, "return_error", error / ((double)o->horizon * v->rows));
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
    struct monte_carlo *s = self;
    *out = (mb_actor){ &s->table, act };
    return true;
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct monte_carlo *s = self;
    mb_table_netlist(mb_vec_shape(run->vec), s->table.q, s->table.states.n, out);
    return true;
}

MB_ALGO(monte_carlo) = {
    MB_ALGO_HEAD, .name = "monte-carlo", .summary = "control from whole episodes: values are averages of returns",
    .paper = "Sutton & Barto (2018), Reinforcement Learning, section 5.4", .state_size = sizeof(struct monte_carlo),
    MB_USE_OPTIONS(monte_carlo), .default_steps = 200000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
