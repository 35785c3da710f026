/* qr_dqn.c - quantiles of the distribution of returns.  Dabney, Rowland, Bellemare and Munos (2018), arXiv:1710.10044.
   Defaults: the paper's loss and the other hyper-parameters of dqn. */
#include "algo/value/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, quantiles, 50, 1, 1000, "quantiles of every action")                                    \
    NUM(float, kappa, 1, 0, 1000, "where the quantile loss turns from a square into a line (0: a line)") \
    VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "2.5e-4", 1e-8f, 1, false)
MB_OPTIONS(qr_dqn, OPTIONS)

struct qr_dqn { mb_qlearner *learner; int quantiles; float kappa; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_qnet_check("qr-dqn", env, err);
}

/* [R, n, quantiles], also when there is but one */
static mb_var quantiles(const struct qr_dqn *s, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    mb_var x = mb_qnet_values(q, features, noise, branch);
    return mb_reshape(x, MB_S3(mb_dims(features).d[0], q->n[branch], s->quantiles));
}

static mb_var expect(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    return mb_mean_last(quantiles(ctx, q, features, noise, branch));
}

/* quantile regression towards r + gamma^n theta'_j(s', a*), eq. 10 and algorithm 1; fractions are the midpoints (lemma 2) */
static mb_var loss(void *ctx, const mb_q_terms *t, mb_var *error)
{
    const struct qr_dqn *s = ctx;
    int rows = mb_dims(t->reward).d[0], n = s->quantiles;
    mb_graph *g = t->features.g;
    mb_var tau = mb_input(g, "fractions", MB_F32, MB_S1(n));
    float *x = mb_input_data(tau);
    for (int i = 0; x && i < n; i++) x[i] = ((float)i + 0.5f) / (float)n;
    mb_var theta = mb_q_pick(quantiles(s, t->online, t->features, t->noise, t->branch), t->act);
    mb_var best = mb_q_greedy(expect(ctx, t->chooser, t->next_online, t->chooser_noise, t->branch), t->next_allowed);
    mb_var next = mb_q_mix(quantiles(s, t->target, t->next_features, t->target_noise, t->branch), best);
    mb_var target = mb_stop(mb_add(mb_reshape(t->reward, MB_S2(rows, 1)), mb_mul(mb_reshape(t->discount, MB_S2(rows, 1)), next)));
    *error = mb_abs(mb_sub(mb_mean_last(target), mb_mean_last(theta)));
    return mb_pinball(theta, tau, target, s->kappa);
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct qr_dqn_options *o = options;
    struct qr_dqn *s = self;
    s->quantiles = o->quantiles;
    s->kappa = o->kappa;
    mb_qlearner_options l = VALUE_FROM(o);
    l.net.atoms = o->quantiles;
    mb_q_method m = { .expect = expect, .loss = loss, .ctx = s };
    return (s->learner = mb_qlearner_new(run->scope, run->vec, &l, m, err)) != NULL;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct qr_dqn *s = self;
    value_cycle c = CYCLE_FROM((const struct qr_dqn_options *)options);
    return value_iterate(run, s->learner, &c, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct qr_dqn_options *o = options;
    struct qr_dqn *s = self;
    return mb_qagent_actor(s->learner->online, "eval", vec, o->stack, expect, s, mb_schedule_at(&o->epsilon, 1), out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct qr_dqn *s = self;
    return mb_qnet_netlist(s->learner->online, ((const struct qr_dqn_options *)options)->stack, NULL, out, err);
}

MB_ALGO(qr_dqn) = {
    MB_ALGO_HEAD, .name = "qr-dqn", .summary = "quantiles of the distribution of returns",
    .paper = "arXiv:1710.10044", .state_size = sizeof(struct qr_dqn), MB_USE_OPTIONS(qr_dqn),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor, .netlist = netlist,
};
