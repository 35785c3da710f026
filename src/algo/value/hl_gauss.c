/* hl_gauss.c - values learned as a classification: the target is a histogram around a number.  Farebrother et al. (2024), arXiv:2403.03950,
   with the histogram of Imani and White (2018); `two-hot` splits the number between two neighbouring points.
   Defaults: the paper's deviation of 0.75 bins and the other hyper-parameters of dqn. */
#include "algo/value/cycle.h"

enum { HISTOGRAM, TWO_HOT };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, atoms, 51, 2, 501, "points of the support")                                           \
    PICK(target, HISTOGRAM, "hl-gauss|two-hot", "how a number becomes a distribution")               \
    NUM(float, width, 0.75f, 0.01f, 100, "deviation of the Gaussian, in bins")                       \
    NUM(float, v_min, -100, -1e9f, 1e9f, "the least value")                                         \
    NUM(float, v_max, 100, -1e9f, 1e9f, "the greatest value")                                       \
    VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "2.5e-4", 1e-8f, 1, false)
MB_OPTIONS(hl_gauss, OPTIONS)

struct hl_gauss { mb_qlearner *learner; mb_support support; int target; float sigma; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct hl_gauss_options *o = options;
    if (o->v_min >= o->v_max) return mb_fail(err, MB_ERR_USAGE, "hl-gauss: v-min (%g) must be less than v-max (%g)", (double)o->v_min, (double)o->v_max);
    return mb_qnet_check("hl-gauss", env, err);
}

static mb_var expect(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    const struct hl_gauss *s = ctx;
    mb_error unused = { 0 };
    mb_var p = mb_softmax(mb_qnet_values(q, features, noise, branch));
    return mb_support_mean(p, mb_support_points(features.g, &s->support, &unused));
}

/* cross-entropy to the histogram of r + gamma^n max_a E Z'(s', a): eqs. 3.1 and 3.4 */
static mb_var loss(void *ctx, const mb_q_terms *t, mb_var *error)
{
    const struct hl_gauss *s = ctx;
    mb_error unused = { 0 };
    mb_var z = mb_support_points(t->features.g, &s->support, &unused);
    mb_var logits = mb_q_pick(mb_qnet_values(t->online, t->features, t->noise, t->branch), t->act);
    mb_var next = expect(ctx, t->target, t->next_features, t->target_noise, t->branch);
    mb_var chooser = t->chooser == t->target ? next : expect(ctx, t->chooser, t->next_online, t->chooser_noise, t->branch);
    mb_var value = mb_sum_last(mb_mul(mb_q_greedy(chooser, t->next_allowed), next));
    mb_var y = mb_stop(mb_add(t->reward, mb_mul(t->discount, value)));
    mb_var p = s->target == TWO_HOT ? mb_two_hot(y, &s->support) : mb_hl_gauss(y, z, &s->support, s->sigma);
    *error = mb_abs(mb_sub(y, mb_support_mean(mb_softmax(logits), z)));
    return mb_cross_entropy(logits, mb_stop(p));
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct hl_gauss_options *o = options;
    struct hl_gauss *s = self;
    s->support = (mb_support){ o->v_min, o->v_max, o->atoms };
    s->target = o->target;
    s->sigma = o->width * (o->v_max - o->v_min) / (float)(o->atoms - 1);
    mb_qlearner_options l = VALUE_FROM(o);
    l.net.atoms = o->atoms;
    mb_q_method m = { .expect = expect, .loss = loss, .ctx = s };
    return (s->learner = mb_qlearner_new(run->scope, run->vec, &l, m, err)) != NULL;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct hl_gauss *s = self;
    value_cycle c = CYCLE_FROM((const struct hl_gauss_options *)options);
    return value_iterate(run, s->learner, &c, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct hl_gauss_options *o = options;
    struct hl_gauss *s = self;
    return mb_qagent_actor(s->learner->online, "eval", vec, o->stack, expect, s, mb_schedule_at(&o->epsilon, 1), out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct hl_gauss *s = self;
    return mb_qnet_netlist(s->learner->online, ((const struct hl_gauss_options *)options)->stack, &s->support, out, err);
}

MB_ALGO(hl_gauss) = {
    MB_ALGO_HEAD, .name = "hl-gauss", .summary = "values learned as a classification: Gaussian histograms or two-hot targets",
    .paper = "arXiv:2403.03950", .state_size = sizeof(struct hl_gauss), MB_USE_OPTIONS(hl_gauss),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor, .netlist = netlist,
};
