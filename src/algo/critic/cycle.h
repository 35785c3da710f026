/* cycle.h - what the off-policy actor-critic algorithms have in common: their options, and the cycle of collecting and updating.  What
   each of them learns stands in its own file. */
#ifndef MB_ALGO_CRITIC_CYCLE_H
#define MB_ALGO_CRITIC_CYCLE_H
#include "matchbox/algo.h"
#include "matchbox/critic.h"

/* the defaults that differ from one algorithm to the next are arguments */
#define CRITIC_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, lr_, updates_, every_, norm_)                              \
    NUM(int, horizon, 1, 1, 8192, "steps per environment between updates")                         \
    NUM(int, updates, updates_, 1, 128, "updates of the critics after these steps")                 \
    NUM(int, actor_every, every_, 1, 128, "the actor learns in every so many of them")              \
    NUM(int, batch, 256, 1, 2048, "transitions in an update")                                       \
    NUM(int64_t, buffer, 1000000, 1, 1e12, "transitions the replay holds")                           \
    NUM(int64_t, learning_starts, 5000, 0, 1e12, "steps with random actions before the first update") \
    SCHED(lr, lr_, 0, 1, "step size of the critics")                                              \
    SCHED(actor_lr, "3e-4", 0, 1, "step size of the actor and of its temperature")                  \
    NUM(float, tau, 0.005f, 0, 1, "how far targets follow at a time: 1 copies")                     \
    NUM(float, gamma, 0.99f, 0, 1, "discount")                                                      \
    NUM(int, nstep, 1, 1, 1000, "rewards added up before bootstrapping")                            \
    NUM(float, adam_eps, 1e-8f, 0, 1, "epsilon of Adam")                                            \
    NUM(float, weight_decay, 0, 0, 1, "decoupled weight decay")                                     \
    NUM(float, max_grad_norm, 0, 0, 1000, "global gradient clip (0: none)")                         \
    NUM(bool, prioritized, false, 0, 1, "draw transitions in proportion to their last error")       \
    NUM(float, priority_alpha, 0.6f, 0, 1, "exponent of the priorities")                            \
    NUM(float, priority_eps, 1e-6f, 0, 1, "added to every priority")                                \
    SCHED(beta, "linear:0.4:1", 0, 1, "exponent of the importance weights")                         \
    NUM(float, reward_scale, 1, 0, 1e6f, "multiply rewards")                                        \
    NUM(int, stack, 1, 1, 16, "frames put together as one observation")                             \
    NUM(bool, layer_norm, norm_, 0, 1, "normalise the hidden layers of the critics")                \
    MB_BODY_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "256,256", MB_RELU)

/* the temperature, of those that have one */
#define SOFT_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                  \
    NUM(float, alpha, 1, 1e-6f, 1000, "temperature, the price of entropy: its first value")         \
    NUM(bool, tuned, true, 0, 1, "learn the temperature, so that the entropy is near its target")   \
    NUM(float, target_entropy, -1, -100, 100, "that target, for each component of a continuous action") \
    NUM(float, target_share, 0.5f, 0, 1, "that target for discrete actions, as a share of the most there can be") \
    NUM(float, log_std_low, -5, -20, 0, "least logarithm of the deviation")                         \
    NUM(float, log_std_high, 2, 0, 10, "and the greatest")

#define CRITIC_FROM(o, ncritics, natoms)                                                            \
    (mb_aclearner_options)                                                                          \
    {                                                                                               \
        .actor = { .tower = { .net = MB_BODY_FROM(o) } },                                           \
        .critics = { .tower = { .net = MB_BODY_FROM(o), .layer_norm = (o)->layer_norm }, .n = (ncritics), .atoms = (natoms) }, \
        .replay = { .capacity = (o)->buffer, .nstep = (o)->nstep, .gamma = (o)->gamma, .reward_scale = (o)->reward_scale, .stack = (o)->stack, \
                    .prioritized = (o)->prioritized, .alpha = (o)->priority_alpha, .eps = (o)->priority_eps }, \
        .batch = (o)->batch, .tau = (o)->tau, .adam_eps = (o)->adam_eps, .decay = (o)->weight_decay, .max_norm = (o)->max_grad_norm \
    }
#define SOFT_FROM(l, o, shape)                                                                      \
    do {                                                                                            \
        (l).actor.squashed = (l).temperature = true;                                                \
        (l).actor.log_std_low = (o)->log_std_low, (l).actor.log_std_high = (o)->log_std_high;       \
        (l).tuned = (o)->tuned, (l).alpha = (o)->alpha;                                             \
        (l).target_entropy = critic_target_entropy(shape, (o)->target_entropy, (o)->target_share);  \
    } while (0)

static inline float critic_target_entropy(const mb_env_shape *shape, float each, float share)
{
    float most = 0;
    for (int f = 0; f < shape->act.nfields; f++)
        if (shape->act.field[f].kind == MB_FIELD_DISCRETE) most += mb_logf((float)shape->act.field[f].n);
    return share * most + each * (float)mb_space_nvalue(&shape->act);
}

typedef struct critic_cycle {
    int horizon, updates, actor_every;
    int64_t learning_starts;
    mb_schedule lr, actor_lr, beta;
} critic_cycle;
#define CRITIC_CYCLE_FROM(o)                                                                               \
    (critic_cycle)                                                                                  \
    {                                                                                               \
        (o)->horizon, (o)->updates, (o)->actor_every, (o)->learning_starts, (o)->lr, (o)->actor_lr, (o)->beta \
    }

/* what an algorithm of this family keeps */
struct critic {
    mb_aclearner *learner;
    int64_t updates;             /* of the critics so far */
    float sigma;                 /* noise on a deterministic actor's actions */
};

static inline bool critic_setup(mb_run *run, struct critic *s, const mb_aclearner_options *o, mb_ac_method m, mb_error *err)
{
    s->learner = mb_aclearner_new(run->scope, run->vec, o, m, err);
    return s->learner && (!run->scope->store || mb_keep(run->scope->store, "critics.updates", &s->updates, sizeof s->updates, err));
}

/* Steps of all environments, then the updates. */
static inline bool critic_iterate(mb_run *run, struct critic *s, const critic_cycle *c, mb_error *err)
{
    mb_aclearner *l = s->learner;
    const mb_vec_view *w = mb_vec_view_of(run->vec);
    for (int t = 0; t < c->horizon; t++) {
        mb_actagent_act(l->agent, run->step < c->learning_starts ? MB_ACT_ANY : MB_ACT_DRAW, s->sigma);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        mb_aclearner_observe(l);
        run->step += w->nenvs;
    }
    if (run->step < c->learning_starts || !mb_replay_ready(l->replay)) return true;
    double p = mb_progress(run);
    bool improved = false;
    for (int i = 0; i < c->updates; i++) {
        bool actor = ++s->updates % c->actor_every == 0;
        if (!mb_aclearner_update(l, actor, mb_schedule_at(&c->lr, p), mb_schedule_at(&c->actor_lr, p), mb_schedule_at(&c->beta, p), err)) return false;
        improved = improved || actor;
    }
    mb_report(run->metrics, "loss/value", (double)mb_get(l->loss));
    mb_report(run->metrics, "value/mean", (double)mb_get(l->value));
    if (!improved) return true;
    mb_report(run->metrics, "loss/policy", (double)mb_get(l->actor_loss));
    if (!l->log_alpha) return true;
    mb_report(run->metrics, "policy/entropy", (double)mb_get(l->entropy));
    mb_report(run->metrics, "policy/temperature", (double)mb_aclearner_alpha(l));
    return true;
}

static inline bool critic_actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct critic *s = self;
    return mb_actagent_actor(s->learner->actor, "eval", vec, s->learner->o.replay.stack, s->sigma, out, err);
}

static inline bool critic_netlist(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err)
{
    const struct critic *s = self;
    return mb_actnet_netlist(s->learner->actor, s->learner->o.replay.stack, out, err);
}
#endif
