/* ddpg.c - deep deterministic policy gradient: one critic, and an actor that climbs it.  Lillicrap et al. (2016), arXiv:1509.02971.
   Defaults are the hyper-parameters of CleanRL's ddpg_continuous_action.py but for when learning starts (5,000 steps).  What differs from the paper:
   Gaussian noise instead of a correlated process, no weight decay, no batch normalisation; layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(float, noise, 0.1f, 0, 10, "deviation of the noise on actions, of half their range")        \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "3e-4", 1, 1, false)
MB_OPTIONS(ddpg, OPTIONS)

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_actnet_check("ddpg", env, false, err);
}

/* the critic towards r + gamma Q'(s', pi'(s')) */
static mb_var critic(void *ctx, const mb_ac_terms *t, mb_var *error)
{
    return mb_critics_loss(t, t->next_q[0], error);
}

/* -Q(s, pi(s)) */
static mb_var actor_loss(void *ctx, const mb_ac_terms *t)
{
    return mb_neg(t->q[0]);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct critic *s = self;
    const struct ddpg_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, 1, 1);
    l.follow_actor = true;
    s->sigma = o->noise;
    return critic_setup(run, s, &l, (mb_ac_method){ critic, actor_loss, s }, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    critic_cycle c = CRITIC_CYCLE_FROM((const struct ddpg_options *)options);
    return critic_iterate(run, self, &c, err);
}

MB_ALGO(ddpg) = {
    MB_ALGO_HEAD, .name = "ddpg", .summary = "deep deterministic policy gradient: off-policy, for continuous actions",
    .paper = "arXiv:1509.02971", .state_size = sizeof(struct critic), MB_USE_OPTIONS(ddpg),
    .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = critic_actor, .netlist = critic_netlist,
};
