/* droq.c - soft actor-critic with dropout and layer normalisation in its critics: as many updates for every step as with a large ensemble, with
   two critics.  Hiraoka and others (2022), arXiv:2110.02034.  Defaults are the paper's.  What differs: layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(int, critics, 2, 1, 16, "critics")                                                          \
    NUM(float, dropout, 0.01f, 0, 0.9f, "chance that a hidden unit of a critic is left out of an update") \
    SOFT_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "3e-4", 20, 20, true)
MB_OPTIONS(droq, OPTIONS)

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_actnet_check("droq", env, true, err);
}

/* all critics towards r + gamma (min Q'(s', a') - alpha log pi(a' | s')) */
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
    const struct droq_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, o->critics, 1);
    l.critics.tower.dropout = o->dropout;
    SOFT_FROM(l, o, mb_vec_shape(run->vec));
    return critic_setup(run, s, &l, (mb_ac_method){ critic, actor_loss, s }, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    critic_cycle c = CRITIC_CYCLE_FROM((const struct droq_options *)options);
    return critic_iterate(run, self, &c, err);
}

MB_ALGO(droq) = {
    MB_ALGO_HEAD, .name = "droq", .summary = "two thinned and normalised critics: many updates for every step",
    .paper = "arXiv:2110.02034", .state_size = sizeof(struct critic), MB_USE_OPTIONS(droq),
    .default_steps = 125000, .check = check, .setup = setup, .iterate = iterate, .actor = critic_actor, .netlist = critic_netlist,
};
