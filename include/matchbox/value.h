/* matchbox/value.h - action values: networks with duelling, noisy and distributional heads, agents that act on them, the
   mathematics of their targets.  Rank 3 (layer: rl).  Several discrete action fields are branches of one network, each with values of its own
   that are learned from the same reward (Tavakoli et al. 2018, without their shared target). */
#ifndef MATCHBOX_VALUE_H
#define MATCHBOX_VALUE_H
#include "matchbox/replay.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- networks ---- */

typedef struct mb_qnet_options {
    mb_net_options net;
    int atoms;               /* numbers per action: 1, or those of a distribution */
    bool duelling;           /* value + advantage - mean advantage (Wang et al. 2016, eq. 9) */
    bool noisy;              /* the last hidden layer and the heads have noisy weights (Fortunato et al. 2018, factorised, eqs. 9-11) */
    float sigma;             /* their initial scale: 0.5 */
    bool layer_norm;         /* hidden layers are normalised before their activation (Ba et al. 2016); not with noisy ones */
    int embed;               /* > 0: the heads see features times an embedding of quantile fractions with so many cosines (IQN) */
} mb_qnet_options;

typedef struct mb_noisy { mb_tensor *w, *b, *sw, *sb; int in, out; } mb_noisy; /* plain when sw is NULL */
typedef struct mb_qnet {
    mb_scope *scope;
    const char *name;
    mb_env_shape shape;      /* what it sees: with stacked frames */
    mb_qnet_options o;
    mb_params *params;
    mb_body body;
    int branches, n[MB_MAX_FIELDS], features;
    mb_noisy hidden, value, advantage[MB_MAX_FIELDS];
    int nnormed;             /* hidden layers with normalisation: they stand behind the body */
    struct { mb_dense dense; mb_tensor *gain, *shift; } normed[MB_LIST_MAX];
    mb_dense embed;
} mb_qnet;
MB_API mb_qnet *mb_qnet_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_qnet_options *o, mb_error *err);
/* discrete actions only; MB_ERR_USAGE otherwise */
MB_API bool mb_qnet_check(const char *algo, const mb_env_shape *env, mb_error *err);

/* The noise of one use of a network in a graph: inputs, zero unless drawn. */
enum { MB_NOISY_LAYERS = MB_MAX_FIELDS + 2 };
typedef struct mb_qnoise { int n; mb_var in[MB_NOISY_LAYERS], out[MB_NOISY_LAYERS]; } mb_qnoise;
MB_API mb_qnoise mb_qnet_noise(mb_graph *g, const mb_qnet *q);
MB_API void mb_qnoise_draw(const mb_qnoise *noise, mb_rng *rng); /* rng NULL: none, the mean of the weights */

/* [R, features], or [B, T, features] with keep and memory for recurrent bodies */
MB_API mb_var mb_qnet_features(const mb_qnet *q, const mb_obs_input *in, const mb_qnoise *noise, mb_var keep, mb_var *state);
/* Values of one branch from features [R, f]: [R, n], or [R, n, atoms] when atoms > 1. */
MB_API mb_var mb_qnet_values(const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch);
/* Features times the embedding of fractions tau [R, N] (Dabney et al. 2018b, eq. 4): [R * N, f] */
MB_API mb_var mb_qnet_embed(const mb_qnet *q, mb_var features, mb_var tau);
/* The part of a mask [..., nmask] that belongs to a branch, as numbers [..., n]; id < 0: everything is allowed */
MB_API mb_var mb_qnet_allowed(const mb_qnet *q, mb_var mask, int branch);

/* The network as a net list, its noise off.  Where it tells distributions, an action is worth its expectation under the softmax
   on `support`, or, without one, the mean of its quantiles.  Duelling distributions, drawn quantiles and stacked frames:
   MB_ERR_UNSUPPORTED. */
struct mb_netlist;
struct mb_support;
MB_API bool mb_qnet_netlist(const mb_qnet *q, int stack, const struct mb_support *support, struct mb_netlist *out, mb_error *err);

/* ---- acting ---- */

/* Expected values [R, n] of a branch: how a distribution is made into a number. */
typedef mb_var (*mb_q_expect)(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch);
MB_API mb_var mb_q_plain(void *ctx, const mb_qnet *q, mb_var features, const mb_qnoise *noise, int branch); /* atoms 1: the values themselves */

typedef struct mb_qagent mb_qagent;
/* Acts in `vec` on frames stacked `stack` high.  `name` makes streams and checkpoint blocks unique. */
MB_API mb_qagent *mb_qagent_new(const mb_qnet *q, const char *name, mb_vec *vec, int stack, mb_q_expect expect, void *ctx, mb_error *err);
/* Write an action for every row: with chance epsilon any allowed one, else the best allowed one (the first of equals).
   noise: draw new weights (noisy networks). */
MB_API void mb_qagent_act(mb_qagent *a, float epsilon, bool noise);
MB_API const float *mb_qagent_memory(const mb_qagent *a); /* [rows, state] after acting; NULL: not recurrent */
/* The greatest allowed value of a branch for other observations (obs NULL: those of the call before): [rows].  Feed-forward
   networks, frames not stacked; mask NULL: everything is allowed. */
MB_API void mb_qagent_best(mb_qagent *a, void *const *obs, const uint8_t *mask, int branch, float *out);
/* For evaluation: greedy is epsilon 0; otherwise `epsilon`. */
MB_API bool mb_qagent_actor(const mb_qnet *q, const char *name, mb_vec *vec, int stack, mb_q_expect expect, void *ctx, float epsilon, mb_actor *out,
                            mb_error *err);

/* ---- targets and losses, as graphs ---- */

/* 1 where q [R, n] is greatest among the allowed, shared by equals; rows add up to 1.  No gradient. */
MB_API mb_var mb_q_greedy(mb_var q, mb_var allowed);
/* Rows of x [R, n, k] weighted by c [R, n]: [R, k] */
MB_API mb_var mb_q_mix(mb_var x, mb_var c);
/* One action's row of x [R, n, k] */
MB_API mb_var mb_q_pick(mb_var x, mb_var index);

typedef struct mb_support { float low, high; int n; } mb_support; /* n equally spaced points */
MB_API mb_var mb_support_points(mb_graph *g, const mb_support *s, mb_error *err); /* constant input [n] */
MB_API mb_var mb_support_mean(mb_var p, mb_var points);                           /* [..., n] -> [...] */
/* The distribution of reward + discount * z for z on the support with probabilities p [R, n], projected back onto it
   (Bellemare et al. 2017, eq. 7): [R, n] */
MB_API mb_var mb_categorical_project(mb_var reward, mb_var discount, mb_var p, mb_var points, const mb_support *s);
/* A number y [R] as two neighbouring points of the support: their mean is y (clamped).  [R, n] */
MB_API mb_var mb_two_hot(mb_var y, const mb_support *s);
/* A number as the histogram of a Gaussian of deviation sigma around it, one bin around every point (Farebrother et al. 2024,
   eq. 3.4), renormalised to the support: [R, n] */
MB_API mb_var mb_hl_gauss(mb_var y, mb_var points, const mb_support *s, float sigma);
/* -sum p log softmax(logits): [..., n] -> [...] */
MB_API mb_var mb_cross_entropy(mb_var logits, mb_var p);
/* The error function, to 2e-7 (Abramowitz and Stegun 1964, 7.1.26) */
MB_API mb_var mb_erf(mb_var x);
/* h(x) = sign(x) (sqrt(|x| + 1) - 1) + eps x, eps 1e-3 (Pohlen et al. 2018), and its inverse: values whose scale varies */
MB_API mb_var mb_rescale(mb_var x);
MB_API mb_var mb_unscale(mb_var x);

/* ---- a learner from a replay ---- */

/* What a loss is made of, for one branch of actions. */
typedef struct mb_q_terms {
    const mb_qnet *online, *target;
    const mb_qnoise *noise, *target_noise;
    mb_var features, next_features, next_online; /* of s; of s' by the target; of s' by the network that chooses a' */
    const mb_qnet *chooser;                      /* the online network (double) or the target */
    const mb_qnoise *chooser_noise;
    int branch;
    mb_var act, reward, discount, next_allowed;  /* [R] ...; [R, n] or id < 0 */
    const mb_sample *batch;                      /* all that was drawn */
} mb_q_terms;
typedef struct mb_q_method {
    mb_q_expect expect;
    /* loss [R] per item; *error [R] >= 0: its priority */
    mb_var (*loss)(void *ctx, const mb_q_terms *t, mb_var *error);
    /* optional: called before every execution, to fill inputs of its own */
    void (*draw)(void *ctx, mb_rng *rng);
    void *ctx;
} mb_q_method;

typedef struct mb_qlearner_options {
    mb_qnet_options net;
    mb_replay_options replay;
    bool double_q;           /* the online network chooses a', the target network values it (van Hasselt et al. 2016) */
    int batch;
    mb_optimizer_kind optimizer;
    float adam_eps, decay, max_norm;
    float tau;               /* how far the target network follows at a time: 1 copies */
} mb_qlearner_options;

typedef struct mb_qlearner {
    mb_qnet *online, *target;
    mb_qagent *agent;
    mb_replay *replay;
    mb_sample batch;
    mb_q_method method;
    mb_qlearner_options o;
    mb_qnoise noise, target_noise, chooser_noise;
    mb_rng *rng;
    mb_var lr, loss, error, value, norm; /* loss: mean over the batch; error [B]; value: mean of the chosen actions' */
    mb_plan *update, *follow;
} mb_qlearner;
MB_API mb_qlearner *mb_qlearner_new(mb_scope *s, mb_vec *vec, const mb_qlearner_options *o, mb_q_method m, mb_error *err);
/* After mb_vec_step: what happened goes into the replay. */
MB_API void mb_qlearner_observe(mb_qlearner *l);
/* One batch, one step of the optimiser; new priorities. */
MB_API bool mb_qlearner_update(mb_qlearner *l, float lr, float beta, mb_error *err);
MB_API void mb_qlearner_follow(mb_qlearner *l); /* the target network moves towards the online one */

#ifdef __cplusplus
}
#endif
#endif
