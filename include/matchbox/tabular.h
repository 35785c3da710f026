/* matchbox/tabular.h - finite Markov decision processes: exact dynamic programming, tables of values, eligibility traces,
   importance sampling, and the learning models of animal psychology.  Rank 3 (layer: rl).
   Arithmetic is in double; arrays over (state, action) have the action counting fastest. */
#ifndef MATCHBOX_TABULAR_H
#define MATCHBOX_TABULAR_H
#include "matchbox/env.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- states: one or several discrete observation fields as one number, the first field counting slowest ---- */

typedef struct mb_states { int n, nfields; int radix[MB_MAX_FIELDS]; } mb_states;
/* Fails with MB_ERR_UNSUPPORTED, naming the field, when one is not discrete or there are more than 2^24 states.
   `who` begins the message. */
MB_API bool mb_states_of(const char *who, const mb_env_shape *env, mb_states *out, mb_error *err);
/* The state in row `row` of observation fields as in mb_vec_view (obs or final_obs). */
MB_API int mb_state_at(const mb_states *s, void *const obs[], int row);
/* What every tabular learner asks of an environment: discrete observations, one discrete action, one agent. */
MB_API bool mb_tabular_check(const char *who, const mb_env_shape *env, mb_error *err);

/* ---- models ---- */

typedef struct mb_mdp {
    int nstates, nactions;
    int *first;          /* [nstates * nactions + 1] outcomes of pair i = s * nactions + a: first[i] .. first[i + 1] - 1;
                            none: not allowed, or no such state */
    mb_outcome *outcome;
    double *start;       /* [nstates] probability that an episode begins there */
} mb_mdp;

/* The exact model an environment offers (mb_env_def.model), checked: probabilities add up, next states exist, rewards are
   finite.  Memory from `a`.  No model: MB_ERR_UNSUPPORTED. */
MB_API bool mb_mdp_of_env(mb_mdp *out, mb_arena *a, const mb_env_def *def, const void *options, mb_error *err);
/* Some action is allowed in s. */
MB_API bool mb_mdp_exists(const mb_mdp *m, int s);
/* reach[s] = 1 for the states that some policy visits and acts in, else 0; reach [nstates]. */
MB_API void mb_mdp_reachable(const mb_mdp *m, double *reach);
static inline bool mb_mdp_allows(const mb_mdp *m, int s, int a)
{
    int i = s * m->nactions + a;
    return m->first[i] < m->first[i + 1];
}
/* Expected reward plus discounted value: sum over outcomes of p (r + gamma v[next]); v of a terminated outcome is 0. */
MB_API double mb_mdp_backup(const mb_mdp *m, double gamma, const double *v, int s, int a);

/* ---- dynamic programming (Bellman 1957, Howard 1960); v [nstates], q and policy [nstates, nactions] ---- */

/* One sweep of v(s) = max_a q(s, a) over all states in order, each using the newest values; q may be NULL.  Returns the
   largest change. */
MB_API double mb_value_sweep(const mb_mdp *m, double gamma, double *v, double *q);
/* Sweeps until none changes a value by more than `tolerance`, max_sweeps at most.  Returns the number of sweeps. */
MB_API int mb_value_iteration(const mb_mdp *m, double gamma, double tolerance, int max_sweeps, double *v, double *q);
/* policy[s, a] the same for all allowed actions. */
MB_API void mb_uniform_policy(const mb_mdp *m, double *policy);
/* One sweep of v(s) = sum_a policy(s, a) q(s, a).  Returns the largest change. */
MB_API double mb_policy_sweep(const mb_mdp *m, const double *policy, double gamma, double *v);
/* The exact value of a policy: the linear system (I - gamma P) v = r by Gaussian elimination with row pivoting, O(n^3).
   work [nstates * (nstates + 1)].  Fails with MB_ERR_NUMERIC, naming a state, where gamma is 1 and the policy may never end. */
MB_API bool mb_policy_value(const mb_mdp *m, const double *policy, double gamma, double *v, double *work, mb_error *err);
/* Make the policy greedy with respect to v, keeping the present action where it is as good as any to within `slack`.
   Fills q when not NULL.  Returns how many states changed their action. */
MB_API int mb_policy_improve(const mb_mdp *m, double gamma, const double *v, double slack, double *policy, double *q);

/* ---- tables of action values ---- */

/* The best of n actions: the lowest-numbered among equals, or a random one of them when `ties` is given.
   mask: [n] 1 = allowed, or NULL; when it allows none, all count. */
MB_API int mb_greedy(const double *q, const uint8_t *mask, int n, mb_rng *ties);
/* Any allowed action, all equally likely. */
MB_API int mb_random_action(const uint8_t *mask, int n, mb_rng *rng);
/* With probability epsilon any allowed action, else the best, ties broken at random. */
MB_API int mb_epsilon_greedy(const double *q, const uint8_t *mask, int n, double epsilon, mb_rng *rng);
MB_API double mb_max_value(const double *q, const uint8_t *mask, int n);
/* The mean of q under the epsilon-greedy policy, its ties shared equally. */
MB_API double mb_expected_value(const double *q, const uint8_t *mask, int n, double epsilon);
/* Step sizes that fall with the visits of a pair: the n-th is alpha ((after + 1) / (after + n))^decay.  decay 0: constant; in
   (1/2, 1]: the conditions of stochastic approximation hold; decay 1, after 0, alpha 1: averages. */
typedef struct mb_step_rule { double alpha, decay, after; } mb_step_rule;
MB_API double mb_step_size(mb_step_rule rule, int64_t n);

typedef struct mb_qtable {
    mb_states states;
    int nactions, rows;
    double *q;               /* [states, actions] */
    int64_t *visits;         /* [states, actions] updates so far */
    int32_t *state, *action; /* [rows] what mb_qtable_act saw and chose */
    mb_rng rng;              /* exploration */
} mb_qtable;

/* A table for the rows of `vec`, all values `initial`, in the scope's arena and kept in its store as NAME.q and so on.
   `t` itself must stay where it is. */
MB_API bool mb_qtable_new(mb_qtable *t, mb_scope *s, const char *name, const mb_vec *vec, double initial, mb_error *err);
static inline double *mb_qtable_at(const mb_qtable *t, int state) { return t->q + (size_t)state * (size_t)t->nactions; }
/* Choose epsilon-greedy actions for every row's current observation: writes view->index, t->state and t->action. */
MB_API void mb_qtable_act(mb_qtable *t, mb_vec *vec, double epsilon);
/* Move q(state, action) by a step towards `target`; returns the error target - q before. */
MB_API double mb_qtable_learn(mb_qtable *t, int state, int action, double target, mb_step_rule step);
/* Greedy actions, ties to the lowest number: for evaluation. */
MB_API void mb_qtable_act_greedy(const mb_qtable *t, mb_vec *vec);

/* Where row `row` is after a step: the final observation where the episode ended (then mask is NULL: the vectoriser keeps
   masks of current observations only), else the current one. */
typedef struct mb_after { int state; const uint8_t *mask; bool terminated, ended; } mb_after;
MB_API mb_after mb_state_after(const mb_states *s, const mb_vec_view *view, int row);

/* ---- eligibility traces: TD(lambda) prediction (Sutton 1988) ---- */

/* v += alpha delta e, then e = gamma lambda e, for n states, after the visit to `s` was added to e: accumulating (e += 1)
   or replacing (e = 1).  lambda 0 is TD(0); lambda 1 is Monte Carlo. */
MB_API void mb_trace_visit(double *e, int s, bool replacing);
MB_API void mb_trace_learn(double *v, double *e, int n, double alpha, double delta, double decay);
/* Root of the mean squared difference over the states with weight > 0 (NULL: all). */
MB_API double mb_rms_error(const double *v, const double *exact, const double *weight, int n);

/* ---- off-policy evaluation from whole episodes: importance sampling (Precup, Sutton & Singh 2000) ---- */

typedef struct mb_ope {
    double ordinary, weighted, per_decision; /* estimates of the value of the start */
    double n, sum_wg, sum_w, sum_pd;         /* running sums */
} mb_ope;
/* Add an episode of T steps with rewards r and ratios rho = target / behaviour probability of each action, and bring the
   estimates up to date. */
MB_API void mb_ope_add(mb_ope *x, const double *r, const double *rho, int T, double gamma);

/* ---- linear value functions v(x) = w . x, for rows of n features ---- */

/* Discrete observations become groups of neighbouring states (state aggregation; groups of 1: a table).  Boxes are taken as
   they are (RAW) or tile-coded (TILES; Albus 1975): `tilings` shifted grids of `tiles` intervals per dimension. */
typedef enum mb_feature_kind { MB_FEATURES_RAW, MB_FEATURES_TILES } mb_feature_kind;
enum { MB_MAX_FEATURES = 1 << 20 };
typedef struct mb_features {
    mb_feature_kind kind;
    mb_field field;
    int tilings, tiles, group;
    int n, active; /* features, and how many of them are 1 at a time (1 for raw ones) */
} mb_features;
/* `who` begins the message when the observation does not suit. */
MB_API bool mb_features_of(const char *who, const mb_env_shape *env, mb_feature_kind kind, int tilings, int tiles, int group,
                           mb_features *out, mb_error *err);
/* The features of row `row` of the one observation field; out [n]. */
MB_API void mb_features_at(const mb_features *x, const void *obs, int row, double *out);

typedef enum mb_linear_rule { MB_LINEAR_TD, MB_LINEAR_TDC, MB_LINEAR_GTD2 } mb_linear_rule;
/* One off-policy update from features x to features y (NULL: terminated).  rho: importance ratio of the action taken.
   TD: w += alpha rho delta x, delta = r + gamma w.y - w.x.  TDC (Sutton et al. 2009): w += alpha rho (delta x - gamma y h.x).
   GTD2: w += alpha rho (x - gamma y) h.x.  Both gradient rules: h += beta (rho delta - h.x) x.  Returns delta. */
MB_API double mb_linear_learn(mb_linear_rule rule, double *w, double *h, const double *x, const double *y, int n, double rho,
                              double r, double gamma, double alpha, double beta);

/* ---- from animals to agents ---- */

/* Rescorla & Wagner (1972): every present stimulus moves by salience * rate * (outcome - sum of the strengths of those
   present).  Returns that sum before the trial: what the animal expected. */
MB_API double mb_rescorla_wagner(double *strength, const uint8_t *present, const double *salience, int n, double rate, double outcome);
/* One trial of the temporal-difference model (Sutton & Barto 1990) with a complete serial compound: stimulus i has one
   weight for every time step since its onset.  w [n, T]; onset[i] in 0 .. T-1, or -1 for absent; the outcome arrives at step
   `when` (-1: never).  expect [T], when not NULL, receives the predictions before learning. */
typedef struct mb_conditioning { int n, T; double alpha, gamma; } mb_conditioning;
MB_API void mb_td_trial(const mb_conditioning *m, double *w, const int *onset, int when, double outcome, double *expect);
/* The errors of such a trial: delta[t] of T, of the step that ends in t, from the predictions of mb_td_trial; 0 behind the outcome. */
MB_API void mb_td_errors(const mb_conditioning *m, const double *expect, int when, double outcome, double *delta);
/* The linear operator (Bush & Mosteller 1951): a rewarded response gains rate * (1 - p), the others shrink by the same
   factor, so that probabilities still add up to 1. */
MB_API void mb_linear_operator(double *p, int n, int rewarded, double rate);

#ifdef __cplusplus
}
#endif
#endif
