/* iqn.c - implicit quantile networks: the network is asked for any quantile.  Dabney, Ostrovski, Silver and Munos (2018),
   arXiv:1806.06923.  Defaults: the paper's fractions and embedding, the other hyper-parameters of dqn. */
#include "algo/value/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, fractions, 8, 1, 256, "quantile fractions drawn for the values that learn (N)")        \
    NUM(int, target_fractions, 8, 1, 256, "for those they learn from (N')")                         \
    NUM(int, act_fractions, 32, 1, 256, "for those that choose actions (K), evenly spaced")         \
    NUM(int, cosines, 64, 1, 256, "cosines that a fraction is shown by")                            \
    NUM(float, kappa, 1, 0, 1000, "where the quantile loss turns from a square into a line (0: a line)") \
    NUM(float, risk, 1, 0.001f, 1, "act on the mean of this worst share of the returns (CVaR); 1: of all") \
    VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "2.5e-4", 1e-8f, 1, false)
MB_OPTIONS(iqn, OPTIONS)

struct iqn {
    mb_qlearner *learner;
    int n, target_n, act_n;
    float kappa, risk;
    mb_var tau[MB_MAX_FIELDS], target_tau[MB_MAX_FIELDS]; /* per branch, drawn anew for every update */
    int branches;
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    return mb_qnet_check("iqn", env, err);
}

/* quantiles at the fractions tau [R, N]: [R, N, n] */
static mb_var quantiles(const mb_qnet *q, mb_var features, mb_var tau, const mb_qnoise *noise, int branch)
{
    mb_shape s = mb_dims(tau);
    mb_var x = mb_qnet_values(q, mb_qnet_embed(q, features, tau), noise, branch);
    return mb_reshape(x, MB_S3(s.d[0], s.d[1], q->n[branch]));
}

/* of one action or mix of actions c [R, n]: [R, N] */
static mb_var along(mb_var x, mb_var c)
{
    mb_shape s = mb_dims(x);
    return mb_sum_last(mb_mul(x, mb_reshape(c, MB_S3(s.d[0], 1, s.d[2]))));
}

static mb_var expect(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    const struct iqn *s = ctx;
    int rows = mb_dims(features).d[0], n = s->act_n;
    mb_var tau = mb_input(features.g, "fractions", MB_F32, MB_S1(n));
    float *x = mb_input_data(tau);
    for (int i = 0; x && i < n; i++) x[i] = s->risk * ((float)i + 0.5f) / (float)n;
    mb_var all = quantiles(q, features, mb_expand(mb_reshape(tau, MB_S2(1, n)), MB_S2(rows, n)), noise, branch);
    return mb_scale(mb_sum_axis(all, 1), 1 / (float)n);
}

/* eqs. 2 and 3: quantile regression between drawn fractions */
static mb_var loss(void *ctx, const mb_q_terms *t, mb_var *error)
{
    struct iqn *s = ctx;
    int rows = mb_dims(t->reward).d[0], b = t->branch;
    mb_graph *g = t->features.g;
    s->tau[b] = mb_input(g, "fractions", MB_F32, MB_S2(rows, s->n));
    s->target_tau[b] = mb_input(g, "fractions", MB_F32, MB_S2(rows, s->target_n));
    s->branches = b + 1;
    mb_var theta = along(quantiles(t->online, t->features, s->tau[b], t->noise, b), mb_one_hot(t->act, t->online->n[b]));
    mb_var best = mb_q_greedy(expect(ctx, t->chooser, t->next_online, t->chooser_noise, b), t->next_allowed);
    mb_var next = along(quantiles(t->target, t->next_features, s->target_tau[b], t->target_noise, b), best);
    mb_var target = mb_stop(mb_add(mb_reshape(t->reward, MB_S2(rows, 1)), mb_mul(mb_reshape(t->discount, MB_S2(rows, 1)), next)));
    *error = mb_abs(mb_sub(mb_mean_last(target), mb_mean_last(theta)));
    return mb_pinball(theta, s->tau[b], target, s->kappa);
}

static void draw_fractions(mb_var tau, mb_rng *rng)
{
    mb_shape s = mb_dims(tau);
    float *x = mb_input_data(tau);
    for (int i = 0; i < s.d[0] * s.d[1]; i++) x[i] = mb_uniform(rng, 0, 1);
}

static void draw(void *ctx, mb_rng *rng)
{
    struct iqn *s = ctx;
    for (int b = 0; b < s->branches; b++) {
        draw_fractions(s->tau[b], rng);
        draw_fractions(s->target_tau[b], rng);
    }
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct iqn_options *o = options;
    struct iqn *s = self;
    s->n = o->fractions, s->target_n = o->target_fractions, s->act_n = o->act_fractions;
    s->kappa = o->kappa, s->risk = o->risk;
    mb_qlearner_options l = VALUE_FROM(o);
    l.net.embed = o->cosines;
    mb_q_method m = { .expect = expect, .loss = loss, .draw = draw, .ctx = s };
    return (s->learner = mb_qlearner_new(run->scope, run->vec, &l, m, err)) != NULL;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct iqn *s = self;
    value_cycle c = CYCLE_FROM((const struct iqn_options *)options);
    return value_iterate(run, s->learner, &c, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct iqn_options *o = options;
    struct iqn *s = self;
    return mb_qagent_actor(s->learner->online, "eval", vec, o->stack, expect, s, mb_schedule_at(&o->epsilon, 1), out, err);
}

MB_ALGO(iqn) = {
    MB_ALGO_HEAD, .name = "iqn", .summary = "implicit quantile networks: any quantile of the returns, and acting on the worst of them",
    .paper = "arXiv:1806.06923", .state_size = sizeof(struct iqn), MB_USE_OPTIONS(iqn),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
