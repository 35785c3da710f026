/* tqc.c - truncated quantile critics: distributions of returns, whose greatest quantiles are left out of the target.  Kuznetsov, Shvechikov,
   Grishin and Vetrov (2020), arXiv:2005.04269.  Defaults are the paper's, with SAC's two layers of 256 instead of three of 512.  What
   differs: layers begin orthogonal. */
#include "algo/critic/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(int, critics, 5, 1, 16, "critics, each with a distribution of returns")                     \
    NUM(int, quantiles, 25, 2, 256, "numbers that a distribution is")                               \
    NUM(int, drop, 2, 0, 255, "of them left out of the target for each critic, the greatest of all") \
    SOFT_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "3e-4", 1, 1, false)
MB_OPTIONS(tqc, OPTIONS)

struct tqc { struct critic critic; int drop; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct tqc_options *o = options;
    if (o && o->drop >= o->quantiles) return mb_fail(err, MB_ERR_RANGE, "tqc: %d of %d quantiles cannot be left out: none would be left", o->drop, o->quantiles);
    return mb_actnet_check("tqc", env, false, err);
}

/* every critic's quantiles towards r + gamma (z' - alpha log pi(a' | s')), z' what is left of all target quantiles (eqs. 12-14) */
static mb_var critic(void *ctx, const mb_ac_terms *t, mb_var *error)
{
    const struct tqc *s = ctx;
    int rows = mb_dims(t->reward).d[0], atoms = mb_dims(t->q[0]).d[1];
    mb_var entropy = mb_mul(t->alpha, t->logp), sum = entropy, target = mb_truncated_quantiles(t->nnext, t->next_q, s->drop);
    mb_var tau = mb_input(t->reward.g, "fractions", MB_F32, MB_S1(atoms));
    float *x = mb_input_data(tau);
    for (int i = 0; x && i < atoms; i++) x[i] = ((float)i + 0.5f) / (float)atoms;
    mb_var discount = mb_reshape(t->discount, MB_S2(rows, 1)), soft = mb_sub(target, mb_reshape(entropy, MB_S2(rows, 1)));
    target = mb_stop(mb_add(mb_reshape(t->reward, MB_S2(rows, 1)), mb_mul(discount, soft)));
    for (int i = 0; i < t->nq; i++) {
        mb_var loss = mb_pinball(t->q[i], tau, target, 1), gap = mb_abs(mb_sub(mb_mean_last(t->q[i]), mb_mean_last(target)));
        sum = i ? mb_add(sum, loss) : loss;
        *error = i ? mb_add(*error, gap) : gap;
    }
    *error = mb_scale(*error, 1 / (float)t->nq);
    return mb_scale(sum, 1 / (float)atoms);
}

/* alpha log pi(a | s) - mean of all quantiles */
static mb_var actor_loss(void *ctx, const mb_ac_terms *t)
{
    return mb_neg(mb_soft_value(t, mb_mean_last(mb_middle(t->nq, t->q))));
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct tqc *s = self;
    const struct tqc_options *o = options;
    mb_aclearner_options l = CRITIC_FROM(o, o->critics, o->quantiles);
    SOFT_FROM(l, o, mb_vec_shape(run->vec));
    s->drop = o->drop;
    return critic_setup(run, &s->critic, &l, (mb_ac_method){ critic, actor_loss, s }, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    critic_cycle c = CRITIC_CYCLE_FROM((const struct tqc_options *)options);
    return critic_iterate(run, self, &c, err);
}

MB_ALGO(tqc) = {
    MB_ALGO_HEAD, .name = "tqc", .summary = "soft actor-critic whose critics are distributions, cut at the top against overestimation",
    .paper = "arXiv:2005.04269", .state_size = sizeof(struct tqc), MB_USE_OPTIONS(tqc),
    .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = critic_actor, .netlist = critic_netlist,
};
