/* matchbox/critic.h - off-policy actors and critics: networks that act in continuous spaces (and discrete ones), ensembles of critics,
   the mathematics of their targets and losses, a learner from a replay.  Rank 3 (layer: rl).  Networks see continuous actions
   scaled to [-1, 1]; environments see them within their bounds. */
#ifndef MATCHBOX_CRITIC_H
#define MATCHBOX_CRITIC_H
#include "matchbox/replay.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- mathematics, as graphs ---- */

/* A Gaussian with these parameters [R, n], squashed by tanh, drawn with `noise` [R, n] (standard normal): the action in (-1, 1) and the
   logarithm of its density [R], log N(u) - sum log(1 - tanh(u)^2) (Haarnoja et al. 2018b, appendix C, eq. 26).  The gradient goes
   through the action (reparameterised). */
typedef struct mb_squashed { mb_var act, logp; } mb_squashed;
MB_API mb_squashed mb_squash(mb_var mean, mb_var log_std, mb_var noise);
/* x moved smoothly into (low, high) */
MB_API mb_var mb_between(mb_var x, float low, float high);
/* Least, and mean, of n values of one shape, element by element. */
MB_API mb_var mb_least(int n, const mb_var *x);
MB_API mb_var mb_middle(int n, const mb_var *x);
/* The quantiles of n critics [R, atoms] in one pool, in ascending order, without the `drop` n greatest: [R, n (atoms - drop)] (Kuznetsov et al.
   2020, eq. 12).  No gradient. */
MB_API mb_var mb_truncated_quantiles(int n, const mb_var *q, int drop);
/* clip(act + clip(sigma noise, -most, most), -1, 1): target policy smoothing (Fujimoto et al. 2018, eqs. 14, 15) */
MB_API mb_var mb_smoothed_action(mb_var act, mb_var noise, float sigma, float most);
/* Lowering it moves the entropy towards its target: log_alpha (entropy - target), the mean over [R] (Haarnoja et al. 2018b, eq. 18, on the
   logarithm).  No gradient for `entropy`. */
MB_API mb_var mb_temperature_loss(mb_var log_alpha, mb_var entropy, float target);

/* ---- networks that act ---- */

typedef struct mb_actnet_options {
    mb_tower_options tower;
    bool squashed;            /* a Gaussian squashed by tanh; false: tanh of the mean and nothing else */
    float log_std_low, log_std_high;
} mb_actnet_options;
typedef struct mb_actnet {
    mb_scope *scope;
    const char *name;
    mb_env_shape shape;       /* what it sees: with stacked frames */
    mb_actnet_options o;
    mb_params *params;
    mb_tower tower;
    int nvalue, branches, n[MB_MAX_FIELDS];      /* continuous components, or discrete fields with n choices */
    mb_dense mean, log_std, logits[MB_MAX_FIELDS];
    mb_tensor *half, *mid;    /* [nvalue, nvalue] diagonal, [nvalue]: an environment's action is mid + a half */
} mb_actnet;
/* Actions all continuous within finite bounds or, where `discrete` is allowed, all discrete; else MB_ERR_USAGE saying what to do. */
MB_API bool mb_actnet_check(const char *algo, const mb_env_shape *env, bool discrete, mb_error *err);
MB_API mb_actnet *mb_actnet_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_actnet_options *o, mb_error *err);
/* What it says about observations x [R, features] (mb_obs_encode): mean [R, nvalue] before tanh and log_std (id -3: not squashed), or the
   logits of each discrete field [R, n]; forbidden choices (mask uint8 [R, nmask], id < 0: none) at -1e9. */
typedef struct mb_act_params { mb_var mean, log_std, logits[MB_MAX_FIELDS]; } mb_act_params;
MB_API mb_act_params mb_actnet_apply(const mb_actnet *a, mb_var x, mb_var mask);
/* Actions of a replay [R, nvalue] scaled to [-1, 1]. */
MB_API mb_var mb_actnet_scaled(const mb_actnet *a, mb_var act);
struct mb_netlist;
MB_API bool mb_actnet_netlist(const mb_actnet *a, int stack, struct mb_netlist *out, mb_error *err);

/* At work on the rows of a vectoriser. */
typedef struct mb_actagent mb_actagent;
MB_API mb_actagent *mb_actagent_new(const mb_actnet *a, const char *name, mb_vec *vec, int stack, mb_error *err);
/* How the next actions come about: the best, a draw from the policy (where it is deterministic: the best plus Gaussian noise of `sigma` of
   half the range, clipped), or evenly from all allowed ones. */
typedef enum mb_act_how { MB_ACT_BEST, MB_ACT_DRAW, MB_ACT_ANY } mb_act_how;
MB_API void mb_actagent_act(mb_actagent *a, mb_act_how how, float sigma);
/* For evaluation; draws with `sigma` when not greedy. */
MB_API bool mb_actagent_actor(const mb_actnet *a, const char *name, mb_vec *vec, int stack, float sigma, mb_actor *out, mb_error *err);

/* ---- ensembles of critics ---- */

enum { MB_CRITICS = 16 };
typedef struct mb_critics_options {
    mb_tower_options tower;
    int n;                    /* critics, each with weights of its own */
    int atoms;                /* numbers per critic: 1, or the quantiles of a distribution (continuous actions) */
} mb_critics_options;
typedef struct mb_critics {
    mb_scope *scope;
    const char *name;
    mb_env_shape shape;
    mb_critics_options o;
    mb_params *params;        /* of all critics, one after the other, equally many tensors each */
    mb_tower tower[MB_CRITICS];
    mb_dense head[MB_CRITICS][MB_MAX_FIELDS];
    int branches, choices[MB_MAX_FIELDS];
} mb_critics;
MB_API mb_critics *mb_critics_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_critics_options *o, mb_error *err);
/* What critics see: encoded observations [R, features] beside scaled actions [R, nvalue] (id < 0: discrete ones, which are outputs). */
MB_API mb_var mb_critics_input(mb_var x, mb_var act);
/* Critic i: features (d: masks of its dropout, or NULL), then the values of a branch: [R], or [R, atoms]; of discrete actions [R, choices]. */
MB_API mb_var mb_critic_features(const mb_critics *c, int i, mb_var input, mb_dropout *d);
MB_API mb_var mb_critic_values(const mb_critics *c, int i, mb_var features, int branch);

/* ---- a learner from a replay ---- */

/* What losses are made of, for one branch of discrete actions or all continuous ones. */
typedef struct mb_ac_terms {
    bool discrete;
    int nq, nnext;
    mb_var reward, discount;       /* [R] */
    mb_var alpha;                  /* temperature, a number without gradient; id < 0: none */
    mb_var q[MB_CRITICS];          /* critics: at (s, a) [R] or [R, atoms], for the actor at its own action; discrete for the actor [R, n] */
    mb_var next_q[MB_CRITICS];     /* target critics at (s', a'): [R] or [R, atoms]; discrete [R, n] */
    mb_var logp;                   /* of the actor's action: [R]; discrete: of every choice [R, n]; id < 0: deterministic */
} mb_ac_terms;
typedef struct mb_ac_method {
    /* loss [R] of the critics, summed over them; *error [R] >= 0: the priority */
    mb_var (*critic)(void *ctx, const mb_ac_terms *t, mb_var *error);
    mb_var (*actor)(void *ctx, const mb_ac_terms *t); /* loss [R] */
    void *ctx;
} mb_ac_method;

/* E_pi[q - alpha log pi] [R]: of values of drawn actions, or over all choices (Haarnoja et al. 2018a, eq. 3; Christodoulou 2019, eq. 10) */
MB_API mb_var mb_soft_value(const mb_ac_terms *t, mb_var q);
/* Sum over the critics of (q_i - (reward + discount v))^2, [R]; *error: the mean size of that difference. */
MB_API mb_var mb_critics_loss(const mb_ac_terms *t, mb_var v, mb_var *error);

typedef struct mb_aclearner_options {
    mb_actnet_options actor;
    mb_critics_options critics;
    mb_replay_options replay;
    int batch;
    int subset;               /* target critics drawn for each update; 0: all */
    bool follow_actor;        /* targets act by a target actor, and all targets move when the actor learns */
    float smooth, smooth_clip;/* noise on its actions, and its bound */
    bool temperature;         /* entropy has a price alpha ... */
    bool tuned;               /* ... which is learned */
    float alpha;              /* its (first) value */
    float target_entropy;     /* what it is learned towards */
    float tau;                /* how far targets move at a time */
    float adam_eps, decay, max_norm;
} mb_aclearner_options;
typedef struct mb_aclearner {
    mb_actnet *actor, *target_actor;
    mb_critics *critics, *targets;
    mb_tensor *log_alpha;
    mb_actagent *agent;
    mb_replay *replay;
    mb_sample batch;
    mb_ac_method method;
    mb_aclearner_options o;
    mb_rng *rng;
    mb_params *temperature;
    mb_obs_input obs;         /* the actor's, bound to the batch's */
    mb_var noise, next_noise; /* [B, nvalue] of the actor's actions in s and s'; id -3: none */
    mb_dropout dropout[2];    /* of the two plans */
    int nslots;               /* with a subset: weights of target critics in the graph, which are bound to those drawn */
    mb_var slot[MB_MAX_TENSORS];
    mb_var lr, actor_lr;
    mb_var loss, error, value, actor_loss, entropy; /* the first of the critics: sum over them, mean over the batch */
    mb_plan *update, *improve;
} mb_aclearner;
MB_API mb_aclearner *mb_aclearner_new(mb_scope *s, mb_vec *vec, const mb_aclearner_options *o, mb_ac_method m, mb_error *err);
MB_API void mb_aclearner_observe(mb_aclearner *l); /* after mb_vec_step */
/* One batch, one step of the critics; then, with `actor`, one of the actor and its temperature on the same batch. */
MB_API bool mb_aclearner_update(mb_aclearner *l, bool actor, float lr, float actor_lr, float beta, mb_error *err);
MB_API float mb_aclearner_alpha(const mb_aclearner *l);

#ifdef __cplusplus
}
#endif
#endif
