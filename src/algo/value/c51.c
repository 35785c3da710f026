/* c51.c - a categorical distribution over returns.  Bellemare, Dabney and Munos (2017), arXiv:1707.06887.
   Defaults are the hyper-parameters of CleanRL's c51.py.  What differs: an episode cut by its time limit is bootstrapped. */
#include "algo/value/cycle.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, atoms, 101, 2, 501, "points of the support")                                           \
    NUM(float, v_min, -100, -1e9f, 1e9f, "the least return")                                         \
    NUM(float, v_max, 100, -1e9f, 1e9f, "the greatest return")                                       \
    VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "2.5e-4", 7.8125e-5f, 1, false)
MB_OPTIONS(c51, OPTIONS)

struct c51 { mb_qlearner *learner; mb_support support; };

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct c51_options *o = options;
    if (o->v_min >= o->v_max) return mb_fail(err, MB_ERR_USAGE, "c51: v-min (%g) must be less than v-max (%g)", (double)o->v_min, (double)o->v_max);
    return mb_qnet_check("c51", env, err);
}

static mb_var expect(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    const struct c51 *s = ctx;
    mb_error unused = { 0 };
    mb_var p = mb_softmax(mb_qnet_values(q, features, noise, branch));
    return mb_support_mean(p, mb_support_points(features.g, &s->support, &unused));
}

/* cross-entropy to the projection of r + gamma^n Z'(s', a*), a* = argmax E Z(s', .) */
static mb_var loss(void *ctx, const mb_q_terms *t, mb_var *error)
{
    struct c51 *s = ctx;
    mb_error unused = { 0 };
    mb_var z = mb_support_points(t->features.g, &s->support, &unused);
    mb_var logits = mb_q_pick(mb_qnet_values(t->online, t->features, t->noise, t->branch), t->act);
    mb_var best = mb_q_greedy(expect(ctx, t->chooser, t->next_online, t->chooser_noise, t->branch), t->next_allowed);
    mb_var next = mb_q_mix(mb_softmax(mb_qnet_values(t->target, t->next_features, t->target_noise, t->branch)), best);
    mb_var target = mb_stop(mb_categorical_project(t->reward, t->discount, next, z, &s->support));
    mb_var each = mb_cross_entropy(logits, target);
    *error = mb_abs(each); /* rounding may leave it a hair below 0 */
    return each;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct c51_options *o = options;
    struct c51 *s = self;
    s->support = (mb_support){ o->v_min, o->v_max, o->atoms };
    mb_qlearner_options l = VALUE_FROM(o);
    l.net.atoms = o->atoms;
    mb_q_method m = { .expect = expect, .loss = loss, .ctx = s };
    return (s->learner = mb_qlearner_new(run->scope, run->vec, &l, m, err)) != NULL;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct c51 *s = self;
    value_cycle c = CYCLE_FROM((const struct c51_options *)options);
    return value_iterate(run, s->learner, &c, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct c51_options *o = options;
    struct c51 *s = self;
    return mb_qagent_actor(s->learner->online, "eval", vec, o->stack, expect, s, mb_schedule_at(&o->epsilon, 1), out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct c51 *s = self;
    return mb_qnet_netlist(s->learner->online, ((const struct c51_options *)options)->stack, &s->support, out, err);
}

MB_ALGO(c51) = {
    MB_ALGO_HEAD, .name = "c51", .summary = "a categorical distribution over returns",
    .paper = "arXiv:1707.06887", .state_size = sizeof(struct c51), MB_USE_OPTIONS(c51),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor, .netlist = netlist,
};
