/* redq.c - randomised ensembled double Q-learning: many critics, targets from a few drawn among them, many updates for every step.  Chen,
   Wang, Zhou and Ross (2021), arXiv:2101.05982.  Defaults are the paper's: ten critics, two drawn, 20 updates.  What differs: layers begin
   orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(int, critics, 10, 1, 16, "critics in the ensemble")                                         \
    NUM(int, subset, 2, 1, 16, "of them drawn for every target")                                    \
    SOFT_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "3e-4", 20, 20, false)
MB_OPTIONS(redq, OPTIONS)

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct redq_options *o = options;
    if (o && o->subset > o->critics) return mb_fail(err, MB_ERR_RANGE, "redq: %d critics cannot be drawn from %d", o->subset, o->critics);
    return mb_actnet_check("redq", env, true, err);
}

/* all critics towards r + gamma (min of the drawn Q'(s', a') - alpha log pi(a' | s')) */
static mb_var critic(void *ctx, const mb_ac_terms *t, mb_var *error)
{
    return mb_critics_loss(t, mb_soft_value(t, mb_least(t->nnext, t->next_q)), error);
}

/* alpha log pi(a | s) - mean Q(s, a) */
static mb_var actor_loss(void *ctx, const mb_ac_terms *t)
{
    return mb_neg(mb_soft_value(t, mb_middle(t->nq, t->q)));
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct critic *s = self;
    const struct redq_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, o->critics, 1);
    l.subset = o->subset;
    SOFT_FROM(l, o, mb_vec_shape(run->vec));
    return critic_setup(run, s, &l, (mb_ac_method){ critic, actor_loss, s }, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    critic_cycle c = CRITIC_CYCLE_FROM((const struct redq_options *)options);
    return critic_iterate(run, self, &c, err);
}

MB_ALGO(redq) = {
    MB_ALGO_HEAD, .name = "redq", .summary = "an ensemble of critics, of which few make a target: many updates for every step",
    .paper = "arXiv:2101.05982", .state_size = sizeof(struct critic), MB_USE_OPTIONS(redq),
    .default_steps = 125000, .check = check, .setup = setup, .iterate = iterate, .actor = critic_actor, .netlist = critic_netlist,
};
