/* matchbox/rl.h - reinforcement-learning mathematics with a name: rollouts, returns and advantages, the clipped
   policy-gradient loss, value losses, normalisers.  Rank 3: knows networks and environments, no algorithm.
   Time-major arrays: element (t, r) of [T, rows] is x[t * rows + r]. */
#ifndef MATCHBOX_RL_H
#define MATCHBOX_RL_H
#include "matchbox/env.h"
#include "matchbox/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- returns and advantages ---- */

/* What happened at step t in row r.  ended: the episode ended with this step (terminated or truncated);
   boot: value of the state after the step when it was truncated (0 when terminated; unused when not ended). */
typedef struct mb_traj {
    int T, rows;
    const float *reward;   /* [T, rows] */
    const float *value;    /* [T, rows] V(s_t) */
    const float *last;     /* [rows] V(s_T) */
    const uint8_t *ended;  /* [T, rows] */
    const float *boot;     /* [T, rows] V(final observation), already 0 for terminated */
} mb_traj;
/* Generalised advantage estimation (Schulman et al. 2016, eq. 16): A_t = delta_t + gamma lambda A_{t+1} inside an episode,
   delta_t = r_t + gamma V(s_{t+1}) - V(s_t); ret = A + V.  lambda 1: Monte-Carlo with bootstrap at the horizon. */
MB_API void mb_gae(const mb_traj *x, float gamma, float lambda, float *adv, float *ret);
/* Discounted returns G_t = r_t + gamma G_{t+1}, bootstrapped where the episode is cut. */
MB_API void mb_discounted_returns(const mb_traj *x, float gamma, float *ret);
/* n-step returns with bootstrap V(s_{t+n}). */
MB_API void mb_nstep_returns(const mb_traj *x, float gamma, int n, float *ret);
/* V-trace targets and policy-gradient advantages (Espeholt et al. 2018, eq. 1; remark 1 for lambda).  log_rho: log target / behaviour. */
MB_API void mb_vtrace(const mb_traj *x, const float *log_rho, float gamma, float lambda, float rho_bar, float c_bar, float *vs, float *adv);

/* ---- policy-gradient losses: one clipped loss with options, for actions here and for tokens elsewhere ---- */

typedef struct mb_pg {
    bool ratio;              /* importance ratio against logp_old; false: REINFORCE, -A log pi */
    bool clip;
    float clip_low, clip_high;   /* ratio kept in [1 - low, 1 + high] */
    float dual_clip;         /* > 1: for A < 0 the loss is bounded by dual_clip * A (Ye et al. 2020); 0: off */
    bool detached;           /* the clipped ratio only weighs -A log pi, no token loses its gradient (CISPO: MiniMax 2025, eq. 4) */
} mb_pg;
typedef struct mb_pg_terms {
    mb_var each;             /* loss per element, to be averaged by the caller's denominator */
    mb_var ratio, log_ratio; /* exp and log of pi / pi_old */
    mb_var clipped;          /* 1 where the clip holds the gradient back */
} mb_pg_terms;
/* min(rho A, clip(rho, 1 - low, 1 + high) A), negated (Schulman et al. 2017, eq. 7; clip-higher: Yu et al. 2025, eq. 10). */
MB_API mb_pg_terms mb_pg_loss(mb_var logp, mb_var logp_old, mb_var adv, const mb_pg *o);
/* Estimators of KL(pi_old || pi) per element from log_ratio = log pi - log pi_old, samples from pi_old (Schulman 2020): k1 = -log_ratio,
   k2 = log_ratio^2 / 2, k3 = ratio - 1 - log_ratio. */
typedef enum mb_kl_kind { MB_KL_NONE, MB_KL_1, MB_KL_2, MB_KL_3 } mb_kl_kind;
MB_API mb_var mb_kl_estimate(mb_var log_ratio, mb_kl_kind kind);
/* Squared error to the return; clip > 0: the larger of it and of the error with the change of value clipped (PPO's). */
MB_API mb_var mb_value_loss(mb_var value, mb_var old, mb_var ret, float clip);
/* Mean over elements with weight: weight id < 0 means all. */
MB_API mb_var mb_weighted_mean(mb_var each, mb_var weight);

/* ---- rollouts: T steps of every row, in the learner's memory ---- */

typedef struct mb_rollout mb_rollout;
typedef struct mb_rollout_options {
    int horizon;
    bool normalize_reward;     /* divide rewards by the running deviation of the discounted return (of gamma) */
    float gamma, reward_scale; /* reward_scale multiplies rewards first */
    float reward_clip;         /* after scaling; 0: none */
} mb_rollout_options;
/* The policy acts for agents first, first + step, ... of `vec` (0, 1: all of them).  With all agents, observations go straight
   into the rollout's memory. */
MB_API mb_rollout *mb_rollout_new(mb_policy *p, mb_vec *vec, const char *name, int first, int step, mb_rollout_options o, mb_error *err);
/* Run the horizon for all rollouts of one vectoriser together; `stepped` (may be NULL) is called after each of its steps. */
MB_API bool mb_rollout_collect(mb_rollout *const *r, int n, void (*stepped)(void *ctx, const mb_vec *vec), void *ctx, mb_error *err);
MB_API mb_traj mb_rollout_traj(const mb_rollout *r);
MB_API float *mb_rollout_adv(mb_rollout *r);   /* [T, rows], filled by the caller (mb_gae) */
MB_API float *mb_rollout_ret(mb_rollout *r);
MB_API int mb_rollout_rows(const mb_rollout *r);
/* Fold the observations of this rollout into the policy's observation normaliser (if it has one). */
MB_API void mb_rollout_normalize_obs(mb_rollout *r);
/* `policies` (one, or one per agent) acting in another vectoriser: what an algorithm's `actor` hands out. */
MB_API bool mb_policy_actor(mb_policy *const *policies, int n, const char *name, mb_vec *vec, mb_actor *out, mb_error *err);
/* What the policy made of the last observations, before its heads: [*rows, *width] (of the first policy where there are several).
   NULL: no actor made by mb_policy_actor. */
MB_API const float *mb_policy_actor_latent(const mb_actor *actor, int *rows, int *width);

/* A minibatch in a graph.  Feed-forward: B = size rows drawn from T * rows; recurrent: B = size sequences of T steps, shape [B, T, ...]. */
typedef struct mb_batch {
    int size, time;
    mb_obs_input obs;
    mb_act_input act;
    mb_var logp, adv, ret, value; /* [B] or [B, T] */
    mb_var weight;                /* 1 where the agent's action mattered, else 0; id -1 when it always does */
    mb_var keep, state;           /* recurrent: [B, T], [B, state] */
} mb_batch;
MB_API mb_batch mb_rollout_batch(mb_graph *g, const mb_rollout *r, int size);
/* Items to draw minibatches from: T * rows, or rows when recurrent. */
MB_API int mb_rollout_items(const mb_rollout *r);
MB_API void mb_rollout_shuffle(mb_rollout *r);
MB_API void mb_rollout_in_order(mb_rollout *r); /* as they were collected: for one update on everything */
/* Fill the batch's inputs with items first .. first + size - 1. */
MB_API void mb_rollout_load(mb_rollout *r, const mb_batch *b, int first);

/* ---- running statistics (Welford; batches joined after Chan et al.) ---- */
typedef struct mb_running { double n, mean, m2; } mb_running;
MB_API void mb_running_add(mb_running *s, double x);
MB_API void mb_running_join(mb_running *s, double n, double mean, double m2);
MB_API double mb_running_var(const mb_running *s); /* population variance; 1 before two values */

#ifdef __cplusplus
}
#endif
#endif
