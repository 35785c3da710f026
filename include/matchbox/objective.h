/* matchbox/objective.h - what reinforcement learning and preference learning of language models optimise, declared by fields:
   ratio level, advantage rule, denominator, clip, KL estimator and its place.  Presets name the papers and the conventions of
   the frameworks.  Rank 3 (layer: rl); the clipped loss and the KL estimators are those of rl.h, used for actions and tokens alike.

   Sequences are rows of rectangular arrays [n, longest], element (i, t) at i * longest + t; `mask` is 1 for the tokens that
   count.  A sequence's length is the sum of its mask; length 0 leaves every count of sequences. */
#ifndef MATCHBOX_OBJECTIVE_H
#define MATCHBOX_OBJECTIVE_H
#include "matchbox/graph.h"
#include "matchbox/rl.h"

#ifdef __cplusplus
extern "C" {
#endif

enum mb_objective_kind { /* the order of the choices of `objective` */
    MB_OBJ_POLICY, MB_OBJ_CISPO, MB_OBJ_MIRROR, MB_OBJ_SFT,
    MB_OBJ_DPO, MB_OBJ_IPO, MB_OBJ_SIMPO, MB_OBJ_ORPO, MB_OBJ_HINGE, MB_OBJ_REWARD, /* pairs from here on */
    MB_OBJ_KTO                                                                      /* single items with a verdict */
};
enum { MB_LEVEL_TOKEN, MB_LEVEL_SEQUENCE, MB_LEVEL_NONE };
enum { MB_RATIO_MEAN, MB_RATIO_SUM };
enum { MB_ADV_CENTER, MB_ADV_STANDARDIZE, MB_ADV_LEAVE_ONE_OUT, MB_ADV_NONE, MB_ADV_WHITEN, MB_ADV_CENTER_WHITEN, MB_ADV_RELATIVE,
       MB_ADV_TURN, MB_ADV_GAE };
enum { MB_DEN_SEQUENCE_MEAN, MB_DEN_TOKEN_MEAN, MB_DEN_SEQUENCE_SUM, MB_DEN_CONSTANT, MB_DEN_TOTAL };

#define MB_OBJECTIVE_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                                           \
    PICK(objective, 0, "policy|cispo|mirror|sft|dpo|ipo|simpo|orpo|hinge|reward|kto", "what is minimised")                           \
    PICK(ratio, 0, "token|sequence|none", "level of the importance ratio; none: -A log p")                                           \
    PICK(ratio_norm, 0, "mean|sum", "log ratio of a sequence: mean or sum over its tokens")                                          \
    PICK(advantage, 1, "center|standardize|leave-one-out|none|whiten|center-whiten|relative|turn|gae", "from rewards to advantages") \
    PICK(std, 0, "sample|population", "standard deviation with n - 1 or n")                                                          \
    NUM(double, std_eps, 1e-4, 0, 1, "added to the standard deviation")                                                              \
    PICK(std_scope, 0, "group|batch", "whose rewards the deviation is of; the mean stays the group's")                               \
    PICK(denominator, 0, "sequence-mean|token-mean|sequence-sum|constant|total-constant", "what the sum over tokens is divided by")  \
    PICK(denominator_scope, 0, "batch|group", "group: each group has its denominator, then the mean over groups")                    \
    NUM(double, constant, 0, 0, 1e9, "tokens in the denominators constant and total-constant")                                       \
    NUM(double, clip_low, 0.2, -1, 1, "the ratio counts down to 1 - this; -1: no lower bound")                                       \
    NUM(double, clip_high, 0.2, -1, 1e9, "the ratio counts up to 1 + this; -1: no clip at all")                                      \
    NUM(double, dual_clip, 0, 0, 1e6, "for A < 0 the loss is at most this times -A; 0: off")                                         \
    PICK(kl, 0, "none|k1|k2|k3", "estimator of the divergence from the reference")                                                   \
    PICK(kl_place, 0, "loss|reward", "KL joins each token's loss, or is taken from the reward")                                      \
    NUM(double, beta, 0, 0, 1e6, "weight of the KL; temperature of preference objectives and of mirror descent")                     \
    NUM(double, gamma_shape, 0.1, 0, 1, "f(p) = p / (p + this) on a teacher's tokens")                                               \
    NUM(double, gamma, 1, 0, 1, "discount over tokens (gae, whiten)")                                                                \
    NUM(double, lambda, 1, 0, 1, "lambda of gae")                                                                                       \
    NUM(double, turn_weight, 1, 0, 100, "turn: weight of the outcome's advantage beside the turn's")                                 \
    PICK(group_filter, 0, "none|mixed", "mixed: groups that teach nothing (equal rewards; relative: all wins or all losses) leave every count")                          \
    NUM(bool, drop_truncated, false, 0, 1, "tokens of truncated sequences do not count")                                             \
    NUM(double, overlong_max, 0, 0, 1e9, "length from which the reward loses 1; 0: no shaping")                                      \
    NUM(double, overlong_cache, 0, 0, 1e9, "tokens before overlong-max over which the penalty grows from 0")                         \
    NUM(double, top_entropy, 1, 0, 1, "share of tokens, those of highest entropy, that carry the policy's gradient")                 \
    NUM(double, kl_fraction, 1, 0, 1, "share of tokens, drawn at random, that carry the KL")                                         \
    NUM(int, kl_skip_class, -1, -1, 1000, "tokens of this class carry no KL; -1: none")                                              \
    NUM(int, seed, 1, 0, 1e9, "of the drawn tokens")                                                                                 \
    NUM(double, smoothing, 0, 0, 0.5, "dpo: share of labels taken to be wrong")                                                      \
    NUM(double, margin, 0, 0, 1e6, "simpo: gamma; reward: margin between the scores")                                                \
    NUM(bool, margin_times_beta, false, 0, 1, "simpo: the margin is given as gamma / beta")                                          \
    NUM(bool, average, false, 0, 1, "dpo, ipo, hinge: log-ratios per token instead of summed")                                       \
    PICK(nll, 0, "mean|sum", "orpo: likelihood of the chosen text per token or summed")                                              \
    NUM(double, center, 0, 0, 100, "reward: weight of (score + score)^2")                                                            \
    NUM(double, weight_desirable, 1, 0, 1e6, "kto")                                                                                  \
    NUM(double, weight_undesirable, 1, 0, 1e6, "kto")
typedef struct mb_objective { MB_OBJECTIVE_OPTIONS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) } mb_objective;

MB_API const mb_option *mb_objective_rows(void);
MB_API void mb_objective_default(mb_objective *o);
/* Fields of a preset over the defaults.  name: "grpo", "dapo" ...; convention: "paper" (NULL), "trl", "verl", "openrlhf", "open-instruct".
   A framework without a convention of its own for a preset uses the paper's. */
MB_API bool mb_objective_preset(mb_objective *o, const char *name, const char *convention, mb_error *err);
/* The i-th preset, NULL after the last; *summary: its source in words. */
MB_API const char *mb_objective_preset_at(int i, const char **summary);
MB_API bool mb_objective_pairs(const mb_objective *o); /* takes pairs of texts */
/* Combinations that mean nothing: a constant of 0, beta 0 where it divides, KL without an estimator ... */
MB_API bool mb_objective_check(const mb_objective *o, mb_error *err);

/* ---- sequences ---- */

typedef struct mb_sequences {
    int n, longest;
    const int *group;                                    /* [n] */
    const double *reward;                                /* [n] */
    const double *logp, *old_logp, *ref_logp;            /* [n, longest]; old NULL: logp; ref NULL: no reference */
    const uint8_t *mask;                                 /* [n, longest] */
    const uint8_t *teacher;                              /* [n, longest] or NULL: 1 for tokens a teacher wrote */
    const uint8_t *truncated, *reference;                /* [n] or NULL: cut at the length limit; the group's reference (relative) */
    const double *value, *entropy;                       /* [n, longest] or NULL */
    const int *token_class;                              /* [n, longest] or NULL */
    int turns; const double *turn_reward; const int *turn; /* [n, turns], [n, longest] or NULL */
} mb_sequences;

/* What does not depend on the weights being trained: computed once for the whole batch, so that any split of it into parts
   has the denominators of the whole.  Arrays [n, longest] of the caller. */
typedef struct mb_objective_weights {
    double *adv;       /* advantage of each token */
    double *weight;    /* 1 / denominator; 0 where the mask is */
    double *gain;      /* 1 where the token carries the policy's gradient */
    double *kl;        /* 1 where it carries the KL */
    double *returns;   /* gae: targets of the value function; else zero */
    bool per_token;    /* advantages differ within a sequence */
    int groups_dropped;
} mb_objective_weights;
MB_API bool mb_objective_prepare(const mb_objective *o, const mb_sequences *x, mb_objective_weights *out, mb_arena *scratch, mb_error *err);

/* ---- as graphs ---- */

typedef struct mb_objective_inputs {
    mb_var logp, old_logp, ref_logp;                /* [n, longest]; ref id < 0: no reference */
    mb_var mask, adv, weight, gain, kl, teacher;    /* [n, longest]; teacher id < 0: none */
} mb_objective_inputs;
typedef struct mb_objective_terms {
    mb_var loss;          /* scalar */
    mb_pg_terms pg;       /* ratios and where the clip holds; poisoned for sft and mirror */
    mb_var kl[4];         /* [1..3]: k1, k2, k3 of every token [n, longest]; id < 0 without a reference */
} mb_objective_terms;
MB_API mb_objective_terms mb_objective_loss(const mb_objective *o, const mb_objective_inputs *in);

/* The same compiled, in float32, for training: what the loss asks of each token's log-probability. */
typedef struct mb_objective_plan mb_objective_plan;
/* For n sequences of at most `longest` tokens; reference: there are ref_logp. */
MB_API mb_objective_plan *mb_objective_plan_new(mb_scope *s, const mb_objective *o, int n, int longest, bool reference, mb_error *err);
MB_API void mb_objective_plan_free(mb_objective_plan *p); /* its scratch; NULL is fine */
typedef struct mb_objective_result {
    double loss;
    const float *grad;              /* [n, longest] d loss / d logp; zero where the mask is */
    double clipped_low, clipped_high; /* shares of tokens the clip holds back, by the side of their ratio */
    double kl[4];                   /* [1..3] token means; 0 without a reference */
    double flat;                    /* share of groups without a difference in reward */
    int dropped;                    /* groups the filter dropped */
} mb_objective_result;
/* x->teacher is not used here.  Everything of x must have the sizes of the plan; the result is valid until the next call. */
MB_API bool mb_objective_run(mb_objective_plan *p, const mb_sequences *x, mb_objective_result *out, mb_error *err);

/* Pairs: sums of log-probabilities over the tokens of a text, and their counts, [n] each.  For `reward` logp is the score. */
typedef struct mb_pair_inputs { mb_var chosen, chosen_ref, chosen_n, rejected, rejected_ref, rejected_n; } mb_pair_inputs;
MB_API mb_var mb_preference_loss(const mb_objective *o, const mb_pair_inputs *in); /* scalar: the mean over pairs */
/* Single items (Ethayarajh et al. 2024, eq. 8): desirable [n] is 1 or 0, z0 a scalar without gradient. */
MB_API mb_var mb_kto_loss(const mb_objective *o, mb_var logp, mb_var ref_logp, mb_var desirable, mb_var z0);

#ifdef __cplusplus
}
#endif
#endif
