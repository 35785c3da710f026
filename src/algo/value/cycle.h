/* cycle.h - what the algorithms that learn action values from a replay have in common: their options, and the cycle of
   collecting `horizon` steps and updating.  What each of them learns stands in its own file. */
#ifndef MB_ALGO_VALUE_CYCLE_H
#define MB_ALGO_VALUE_CYCLE_H
#include "matchbox/algo.h"
#include "matchbox/value.h"

/* the defaults that differ from one algorithm to the next are arguments */
#define VALUE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, lr_, eps_, nstep_, on_)                          \
    NUM(int, horizon, 10, 1, 8192, "steps per environment between updates")                         \
    NUM(int, updates, 1, 0, 128, "updates after these steps")                                      \
    NUM(int, batch, 128, 1, 2048, "transitions in an update")                                       \
    NUM(int64_t, buffer, 10000, 1, 1e12, "transitions the replay holds")                             \
    NUM(int64_t, learning_starts, 10000, 0, 1e12, "steps before the first update")                   \
    NUM(int64_t, target_every, 500, 1, 1e12, "steps between moves of the target network")            \
    NUM(float, tau, 1, 0, 1, "how far it moves: 1 copies")                                           \
    SCHED(epsilon, "linear:1:0.05", 0, 1, "chance of a random action")                               \
    NUM(float, explore, 0.5f, 0, 1, "share of the training during which epsilon changes")            \
    SCHED(lr, lr_, 0, 1, "step size")                                                                \
    PICK(optimizer, MB_ADAM, MB_OPTIMIZER_CHOICES, "optimiser")                                      \
    NUM(float, adam_eps, eps_, 0, 1, "epsilon of Adam and RMSprop")                                  \
    NUM(float, weight_decay, 0, 0, 1, "decoupled weight decay (adamw, muon)")                        \
    NUM(float, max_grad_norm, 0, 0, 1000, "global gradient clip (0: none)")                          \
    NUM(float, gamma, 0.99f, 0, 1, "discount")                                                       \
    NUM(int, nstep, nstep_, 1, 1000, "rewards added up before bootstrapping")                        \
    NUM(bool, double_q, on_, 0, 1, "the online network chooses the next action, the target network values it") \
    NUM(bool, duelling, on_, 0, 1, "values of states and advantages of actions have heads of their own") \
    NUM(bool, noisy, on_, 0, 1, "noisy weights in the last hidden layer and the heads")              \
    NUM(float, sigma, 0.5f, 0, 10, "initial scale of that noise")                                    \
    NUM(bool, prioritized, on_, 0, 1, "draw transitions in proportion to their last error")          \
    NUM(float, alpha, 0.6f, 0, 1, "exponent of the priorities")                                      \
    SCHED(beta, "linear:0.4:1", 0, 1, "exponent of the importance weights")                          \
    NUM(float, priority_eps, 1e-6f, 0, 1, "added to every priority")                                 \
    NUM(float, reward_scale, 1, 0, 1e6f, "multiply rewards")                                         \
    NUM(float, reward_clip, 0, 0, 1e6f, "clip rewards after scaling (0: never)")                     \
    NUM(float, reward_noise, 0, 0, 1e6f, "then add noise from [0, this): how well is it borne")      \
    PICK(hindsight, MB_HINDSIGHT_NONE, MB_HINDSIGHT_CHOICES, "learn from goals that were reached, in place of the wanted ones: which") \
    NUM(float, hindsight_k, 4, 0, 1000, "transitions with such a goal for each one left as it was")  \
    PICK(buffer_on, 0, "memory|disk", "where the replay lies: a file takes no memory for what is not in use") \
    NUM(float, restart, 0, 0, 1, "chance that an episode of the training begins in a state that lies in the replay") \
    NUM(int, restart_steps, 0, 0, 1e9, "steps that such an episode may take (0: those that were left)") \
    NUM(int, restart_every, 16, 1, 1e9, "every so many steps a state is kept for that")              \
    NUM(int, stack, 1, 1, 16, "frames put together as one observation")                              \
    MB_BODY_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "120,84", MB_RELU)

#define VALUE_FROM(o)                                                                                \
    (mb_qlearner_options)                                                                            \
    {                                                                                                \
        .net = { .net = MB_BODY_FROM(o), .atoms = 1, .duelling = (o)->duelling, .noisy = (o)->noisy, .sigma = (o)->sigma }, \
        .replay = { .capacity = (o)->buffer, .nstep = (o)->nstep, .gamma = (o)->gamma, .reward_scale = (o)->reward_scale, \
                    .reward_clip = (o)->reward_clip, .reward_noise = (o)->reward_noise, .stack = (o)->stack, \
                    .hindsight = (mb_hindsight)(o)->hindsight, .hindsight_k = (o)->hindsight_k, .disk = (o)->buffer_on == 1, \
                    .snapshot = (o)->restart > 0 ? (o)->restart_every : 0, .prioritized = (o)->prioritized, .alpha = (o)->alpha, \
                    .eps = (o)->priority_eps },                                                      \
        .double_q = (o)->double_q, .batch = (o)->batch, .optimizer = (mb_optimizer_kind)(o)->optimizer, .adam_eps = (o)->adam_eps, \
        .decay = (o)->weight_decay, .max_norm = (o)->max_grad_norm, .tau = (o)->tau                  \
    }

typedef struct value_cycle {
    int horizon, updates;
    int64_t learning_starts, target_every;
    mb_schedule epsilon, lr, beta;
    float explore, restart;
    int restart_steps;
    bool noisy;
} value_cycle;
#define CYCLE_FROM(o)                                                                                \
    (value_cycle)                                                                                    \
    {                                                                                                \
        (o)->horizon, (o)->updates, (o)->learning_starts, (o)->target_every, (o)->epsilon, (o)->lr, (o)->beta, (o)->explore, \
        (o)->restart, (o)->restart_steps, (o)->noisy                                                 \
    }

/* Noisy weights explore by themselves. */
static inline float value_epsilon(const mb_run *run, const value_cycle *c)
{
    if (c->noisy) return 0;
    double p = mb_progress(run);
    return mb_schedule_at(&c->epsilon, c->explore > 0 && p < (double)c->explore ? p / (double)c->explore : 1);
}

/* Steps of all environments, then the updates, then the target network when it is due. */
static inline bool value_iterate(mb_run *run, mb_qlearner *l, const value_cycle *c, mb_error *err)
{
    const mb_vec_view *w = mb_vec_view_of(run->vec);
    int64_t before = run->step;
    for (int t = 0; t < c->horizon; t++) {
        mb_qagent_act(l->agent, value_epsilon(run, c), c->noisy);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        if (c->restart > 0) mb_replay_restart(l->replay, c->restart, c->restart_steps);
        mb_qlearner_observe(l);
        run->step += w->nenvs;
    }
    if (run->step < c->learning_starts || !mb_replay_ready(l->replay)) return true;
    for (int i = 0; i < c->updates; i++) {
        double p = mb_progress(run);
        if (!mb_qlearner_update(l, mb_schedule_at(&c->lr, p), mb_schedule_at(&c->beta, p), err)) return false;
    }
    if (run->step / c->target_every != before / c->target_every) mb_qlearner_follow(l);
    if (c->updates == 0) return true;
    mb_report(run->metrics, "loss/value", (double)mb_get(l->loss));
    mb_report(run->metrics, "value/mean", (double)mb_get(l->value));
    mb_report(run->metrics, "optimizer/grad_norm", (double)mb_get(l->norm));
    mb_report(run->metrics, "policy/epsilon", (double)value_epsilon(run, c));
    return true;
}
#endif
