/* td3.c - twin delayed deterministic policy gradient: two critics whose least is the target, a smoothed target action, an actor that
   learns every second time.  Fujimoto, van Hoof and Meger (2018), arXiv:1802.09477.  Defaults are the hyper-parameters of CleanRL's
   td3_continuous_action.py; learning starts at 5,000 steps instead of 25,000.  What differs: layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(float, noise, 0.1f, 0, 10, "deviation of the noise on actions, of half their range")        \
    NUM(float, smooth, 0.2f, 0, 10, "deviation of the noise on the target's actions (0: none)")     \
    NUM(float, smooth_clip, 0.5f, 0, 10, "where that noise is cut")                                 \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, 1, 2)
MB_OPTIONS(td3, OPTIONS)

struct td3 { mb_aclearner *learner; int64_t updates; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_actnet_check("td3", env, false, err);
}

/* both critics towards r + gamma min Q'(s', pi'(s') + noise) */
static mb_var critic(void *ctx, const mb_ac_terms *t, mb_var *error)
{
    return mb_critics_loss(t, mb_least(t->nnext, t->next_q), error);
}

/* -Q_1(s, pi(s)) */
static mb_var actor_loss(void *ctx, const mb_ac_terms *t)
{
    return mb_neg(t->q[0]);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct td3 *s = self;
    const struct td3_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, 2, 1);
    l.follow_actor = true;
    l.smooth = o->smooth, l.smooth_clip = o->smooth_clip;
    s->learner = mb_aclearner_new(run->scope, run->vec, &l, (mb_ac_method){ critic, actor_loss, s }, err);
    return s->learner && critic_keep(run, &s->updates, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct td3 *s = self;
    const struct td3_options *o = options;
    critic_cycle c = CYCLE_FROM(o, o->noise);
    return critic_iterate(run, s->learner, &c, &s->updates, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct td3 *s = self;
    const struct td3_options *o = options;
    return mb_actagent_actor(s->learner->actor, "eval", vec, o->stack, o->noise, out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct td3 *s = self;
    return mb_actnet_netlist(s->learner->actor, ((const struct td3_options *)options)->stack, out, err);
}

MB_ALGO(td3) = {
    MB_ALGO_HEAD, .name = "td3", .summary = "twin delayed deterministic policy gradient: off-policy, for continuous actions",
    .paper = "arXiv:1802.09477", .state_size = sizeof(struct td3), MB_USE_OPTIONS(td3),
    .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = actor, .netlist = netlist,
};
