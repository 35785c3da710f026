/* td3.c - twin delayed deterministic policy gradient: two critics whose least is the target, a smoothed target action, an actor that
   learns every second time.  Fujimoto, van Hoof and Meger (2018), arXiv:1802.09477.  Defaults are the hyper-parameters of CleanRL's
   td3_continuous_action.py; learning starts at 5,000 steps instead of 25,000.  What differs: layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(float, noise, 0.1f, 0, 10, "deviation of the noise on actions, of half their range")        \
    NUM(float, smooth, 0.2f, 0, 10, "deviation of the noise on the target's actions (0: none)")     \
    NUM(float, smooth_clip, 0.5f, 0, 10, "where that noise is cut")                                 \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "3e-4", 1, 2, false)
MB_OPTIONS(td3, OPTIONS)

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
    struct critic *s = self;
    const struct td3_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, 2, 1);
    l.follow_actor = true;
    s->sigma = o->noise;
    l.smooth = o->smooth, l.smooth_clip = o->smooth_clip;
    return critic_setup(run, s, &l, (mb_ac_method){ critic, actor_loss, s }, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    critic_cycle c = CRITIC_CYCLE_FROM((const struct td3_options *)options);
    return critic_iterate(run, self, &c, err);
}

MB_ALGO(td3) = {
    MB_ALGO_HEAD, .name = "td3", .summary = "twin delayed deterministic policy gradient: off-policy, for continuous actions",
    .paper = "arXiv:1802.09477", .state_size = sizeof(struct critic), MB_USE_OPTIONS(td3),
    .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = critic_actor, .netlist = critic_netlist,
};
