/* dqn.c - deep Q-learning.  Mnih et al. (2015), Nature 518; double: van Hasselt et al. (2016), arXiv:1509.06461; duelling: Wang et
   al. (2016), arXiv:1511.06581; prioritised: Schaul et al. (2016), arXiv:1511.05952; noisy: Fortunato et al. (2018), arXiv:1706.10295.
   Defaults are the hyper-parameters of CleanRL's dqn.py; all switches are off.  What differs: an episode cut by its time limit is
   bootstrapped, layers begin orthogonal. */
#include "algo/value/cycle.h"

enum { MSE, HUBER };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    PICK(loss, MSE, "mse|huber", "how the error is measured")                                        \
    VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "2.5e-4", 1e-8f, 1, false)
MB_OPTIONS(dqn, OPTIONS)

struct dqn { mb_qlearner *learner; const struct dqn_options *o; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_qnet_check("dqn", env, err);
}

/* (r + gamma^n Q'(s', argmax Q(s')) - Q(s, a))^2 */
static mb_var loss(void *ctx, const mb_q_terms *t, mb_var *error)
{
    const struct dqn *s = ctx;
    mb_var q = mb_pick(mb_qnet_values(t->online, t->features, t->noise, t->branch), t->act);
    mb_var next = mb_qnet_values(t->target, t->next_features, t->target_noise, t->branch);
    mb_var chooser = t->chooser == t->target ? next : mb_qnet_values(t->chooser, t->next_online, t->chooser_noise, t->branch);
    mb_var value = mb_sum_last(mb_mul(mb_q_greedy(chooser, t->next_allowed), next));
    mb_var d = mb_sub(q, mb_stop(mb_add(t->reward, mb_mul(t->discount, value))));
    *error = mb_abs(d);
    return s->o->loss == HUBER ? mb_huber(d, 1) : mb_square(d);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct dqn *s = self;
    s->o = options;
    mb_qlearner_options o = VALUE_FROM(s->o);
    mb_q_method m = { .expect = mb_q_plain, .loss = loss, .ctx = s };
    return (s->learner = mb_qlearner_new(run->scope, run->vec, &o, m, err)) != NULL;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct dqn *s = self;
    value_cycle c = CYCLE_FROM((const struct dqn_options *)options);
    return value_iterate(run, s->learner, &c, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct dqn *s = self;
    const struct dqn_options *o = options;
    return mb_qagent_actor(s->learner->online, "eval", vec, o->stack, mb_q_plain, s->learner->method.ctx, mb_schedule_at(&o->epsilon, 1), out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct dqn *s = self;
    return mb_qnet_netlist(s->learner->online, s->o->stack, NULL, out, err);
}

MB_ALGO(dqn) = {
    MB_ALGO_HEAD, .name = "dqn", .summary = "deep Q-learning; double, duelling, prioritised, n-step and noisy by switches",
    .paper = "10.1038/nature14236", .state_size = sizeof(struct dqn), MB_USE_OPTIONS(dqn),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
