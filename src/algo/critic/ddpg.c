/* ddpg.c - deep deterministic policy gradient: one critic, and an actor that climbs it.  Lillicrap et al. (2016), arXiv:1509.02971.
   Defaults are the hyper-parameters of CleanRL's ddpg_continuous_action.py but for when learning starts (5,000 steps).  What differs from the paper:
   Gaussian noise instead of a correlated process, no weight decay, no batch normalisation; layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(float, noise, 0.1f, 0, 10, "deviation of the noise on actions, of half their range")        \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, 1, 1)
MB_OPTIONS(ddpg, OPTIONS)

struct ddpg { mb_aclearner *learner; int64_t updates; };

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
    struct ddpg *s = self;
    const struct ddpg_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, 1, 1);
    l.follow_actor = true;
    s->learner = mb_aclearner_new(run->scope, run->vec, &l, (mb_ac_method){ critic, actor_loss, s }, err);
    return s->learner && critic_keep(run, &s->updates, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct ddpg *s = self;
    const struct ddpg_options *o = options;
    critic_cycle c = CYCLE_FROM(o, o->noise);
    return critic_iterate(run, s->learner, &c, &s->updates, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct ddpg *s = self;
    const struct ddpg_options *o = options;
    return mb_actagent_actor(s->learner->actor, "eval", vec, o->stack, o->noise, out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct ddpg *s = self;
    return mb_actnet_netlist(s->learner->actor, ((const struct ddpg_options *)options)->stack, out, err);
}

MB_ALGO(ddpg) = {
    MB_ALGO_HEAD, .name = "ddpg", .summary = "deep deterministic policy gradient: off-policy, for continuous actions",
    .paper = "arXiv:1509.02971", .state_size = sizeof(struct ddpg), MB_USE_OPTIONS(ddpg),
    .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = actor, .netlist = netlist,
};
