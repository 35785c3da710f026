/* md3qn.c - the joint distribution of the returns of several sources of reward, as particles.  Zhang, Chen, Zhao, Xiong, Qin and Liu
   (2021), Distributional reinforcement learning for multi-dimensional reward functions, arXiv:2110.13578.  An environment shows what its sources
   gave in a box named "sources"; without one the reward is the only source.  What differs from the paper: fewer particles, and widths of the
   kernels for returns of any scale. */
#include "algo/value/cycle.h"
#include "matchbox/distributional.h"
#include <string.h>

enum { JOINT, MARGINAL, WIDTHS = 6 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, particles, 32, 1, 256, "particles of every action")                                     \
    PICK(law, JOINT, "joint|marginal", "what is fitted: the sources together, or each for itself")   \
    VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "2.5e-4", 1e-8f, 1, false)
MB_OPTIONS(md3qn, OPTIONS)

struct md3qn { mb_qlearner *learner; int particles, field, sources, law; float scale; };

/* the field that shows the sources; -1: none */
static int field_of(const mb_space *obs)
{
    for (int f = 0; f < obs->nfields; f++)
        if (obs->field[f].kind == MB_FIELD_BOX && obs->field[f].name && !strcmp(obs->field[f].name, "sources")) return f;
    return -1;
}

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct md3qn_options *o = options;
    if (!mb_qnet_check("md3qn", env, err)) return false;
    if (field_of(&env->obs) < 0 || (o->nstep == 1 && o->stack == 1)) return true;
    return mb_fail(err, MB_ERR_USAGE, "md3qn: the sources of rewards are seen one step at a time: set nstep and stack to 1");
}

/* [R, n, particles, sources] */
static mb_var particles(const struct md3qn *s, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    mb_var x = mb_qnet_values(q, features, noise, branch);
    return mb_reshape(x, MB_S4(mb_dims(features).d[0], q->n[branch], s->particles, s->sources));
}

/* the mean over the particles of what the sources give together */
static mb_var expect(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch)
{
    return mb_mean_last(mb_sum_last(particles(ctx, q, features, noise, branch)));
}

/* one action's particles: [R, particles, sources] */
static mb_var of_action(const struct md3qn *s, mb_var x, mb_var weight)
{
    mb_shape d = mb_dims(x);
    mb_var row = mb_q_mix(mb_reshape(x, MB_S3(d.d[0], d.d[1], s->particles * s->sources)), weight);
    return mb_reshape(row, MB_S3(d.d[0], s->particles, s->sources));
}

/* MMD^2 between Z(s, a) and r + gamma Z'(s', a*), all sources as one vector (eq. 13) or each by itself */
static mb_var loss(void *ctx, const mb_q_terms *t, mb_var *error)
{
    static const float widths[WIDTHS] = { 0.02f, 0.16f, 1.28f, 10.24f, 81.92f, 655.36f };
    const struct md3qn *s = ctx;
    int rows = mb_dims(t->reward).d[0], n = t->online->n[t->branch];
    mb_var now = of_action(s, particles(s, t->online, t->features, t->noise, t->branch), mb_one_hot(t->act, n));
    mb_var best = mb_q_greedy(expect(ctx, t->chooser, t->next_online, t->chooser_noise, t->branch), t->next_allowed);
    mb_var next = of_action(s, particles(s, t->target, t->next_features, t->target_noise, t->branch), best);
    mb_var got = s->field < 0 ? t->reward : mb_scale(t->batch->next.field[s->field], s->scale);
    mb_var target = mb_add(mb_reshape(got, MB_S3(rows, 1, s->sources)), mb_mul(mb_reshape(t->discount, MB_S3(rows, 1, 1)), next));
    target = mb_stop(target);
    *error = mb_abs(mb_sub(mb_mean_last(mb_sum_last(target)), mb_mean_last(mb_sum_last(now))));
    if (s->law == JOINT) return mb_mmd2(now, target, widths, WIDTHS);
    mb_var sum = now;
    for (int i = 0; i < s->sources; i++) {
        mb_var one = mb_mmd2(mb_slice(now, 2, i, 1), mb_slice(target, 2, i, 1), widths, WIDTHS);
        sum = i ? mb_add(sum, one) : one;
    }
    return sum;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct md3qn_options *o = options;
    struct md3qn *s = self;
    const mb_space *obs = &mb_vec_shape(run->vec)->obs;
    int field = field_of(obs);
    *s = (struct md3qn){ .particles = o->particles, .field = field, .sources = field < 0 ? 1 : obs->field[field].n, .law = o->law, .scale = o->reward_scale };
    mb_qlearner_options l = VALUE_FROM(o);
    l.net.atoms = s->particles * s->sources;
    mb_q_method m = { .expect = expect, .loss = loss, .ctx = s };
    return (s->learner = mb_qlearner_new(run->scope, run->vec, &l, m, err)) != NULL;
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct md3qn *s = self;
    value_cycle c = CYCLE_FROM((const struct md3qn_options *)options);
    return value_iterate(run, s->learner, &c, err);
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct md3qn_options *o = options;
    struct md3qn *s = self;
    return mb_qagent_actor(s->learner->online, "eval", vec, o->stack, expect, s, mb_schedule_at(&o->epsilon, 1), out, err);
}

MB_ALGO(md3qn) = {
    MB_ALGO_HEAD, .name = "md3qn", .summary = "the joint distribution of the returns of several sources of reward",
    .paper = "arXiv:2110.13578", .state_size = sizeof(struct md3qn), MB_USE_OPTIONS(md3qn),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
