/* sac.c - soft actor-critic: an actor that is paid for its entropy, two critics, a temperature that is learned.  Haarnoja et al. (2018a),
   arXiv:1801.01290, and (2018b), arXiv:1812.05905; discrete actions: Christodoulou (2019), arXiv:1910.07207.  Defaults are the
   hyper-parameters of CleanRL's sac_continuous_action.py, whose actor learns twice in every second update.  What differs: entropy is that of
   actions scaled to [-1, 1], the loss of the temperature is linear in its logarithm, layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    SOFT_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "1e-3", 1, 1, false)
MB_OPTIONS(sac, OPTIONS)

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_actnet_check("sac", env, true, err);
}

/* both critics towards r + gamma (min Q'(s', a') - alpha log pi(a' | s')) */
static mb_var critic(void *ctx, const mb_ac_terms *t, mb_var *error)
{
    return mb_critics_loss(t, mb_soft_value(t, mb_least(t->nnext, t->next_q)), error);
}

/* alpha log pi(a | s) - min Q(s, a) */
static mb_var actor_loss(void *ctx, const mb_ac_terms *t)
{
    return mb_neg(mb_soft_value(t, mb_least(t->nq, t->q)));
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct critic *s = self;
    const struct sac_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, 2, 1);
    SOFT_FROM(l, o, mb_vec_shape(run->vec));
    return critic_setup(run, s, &l, (mb_ac_method){ critic, actor_loss, s }, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    critic_cycle c = CRITIC_CYCLE_FROM((const struct sac_options *)options);
    return critic_iterate(run, self, &c, err);
}

MB_ALGO(sac) = {
    MB_ALGO_HEAD, .name = "sac", .summary = "soft actor-critic: off-policy, paid for entropy; continuous and discrete actions",
    .paper = "arXiv:1812.05905", .state_size = sizeof(struct critic), MB_USE_OPTIONS(sac),
    .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = critic_actor, .netlist = critic_netlist,
};
