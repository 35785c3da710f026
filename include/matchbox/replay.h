/* matchbox/replay.h - what was lived through, to be learned from again: uniform and prioritised sampling, n-step returns,
   sequences with burn-in, frame stacks, demonstrations, hindsight.  Rank 3 (layer: rl): knows environments and graphs, no algorithm.

   Every row of a vectoriser (one agent of one environment) is a stream of slots.  A slot holds one observation with its
   mask, and the action, reward and end that followed; the next observation is the slot behind, so none is stored twice.
   The observation an episode ended with has a slot of its own, without an action: nothing is lost at the end of an episode,
   and a time limit can be bootstrapped.  Rewards and flags of episodes that time limits cut are kept apart from real ends.

   For an agent whose action did not matter (not its turn) the transition counts like any other: acting is then a choice
   between equals.  The mask of an episode's last observation is not known: everything is allowed there. */
#ifndef MATCHBOX_REPLAY_H
#define MATCHBOX_REPLAY_H
#include "matchbox/env.h"
#include "matchbox/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mb_replay mb_replay;

/* Hindsight (Andrychowicz et al. 2017): when drawn, a goal that was reached takes the place of the wanted one, and reward and end
   are what goal_reward of the environment says of it.  Which: one reached later in the same episode, its last one, any of it, any
   in the replay.  Of an episode that still runs, what was reached so far. */
typedef enum mb_hindsight { MB_HINDSIGHT_NONE, MB_HINDSIGHT_FUTURE, MB_HINDSIGHT_FINAL, MB_HINDSIGHT_EPISODE, MB_HINDSIGHT_RANDOM } mb_hindsight;
#define MB_HINDSIGHT_CHOICES "none|future|final|episode|random"

typedef struct mb_replay_options {
    int64_t capacity;        /* transitions of all rows together; the oldest make room.  An ended episode takes one more */
    int nstep;               /* rewards added up before bootstrapping; 0 means 1 */
    float gamma;             /* discount of these rewards */
    float reward_scale;      /* multiplies rewards as they come in; 0 means 1 */
    float reward_clip;       /* after scaling; 0: none */
    float reward_noise;      /* then a number drawn evenly from [0, this) is added */
    int stack;               /* an image or box is the last `stack` frames, put together when drawn; 0 means 1 */
    bool prioritized;        /* draw with probability p^alpha / sum (Schaul et al. 2016, eq. 1), p = error + eps */
    float alpha, eps;
    int sequence;            /* > 0: draw stretches of so many slots instead of single transitions */
    int period;              /* sequences begin at multiples of this; 0 means `sequence` */
    int memory;              /* floats of recurrent memory per row, kept where sequences begin */
    mb_hindsight hindsight;  /* transitions only, of environments with goals; not with stacks */
    float hindsight_k;       /* transitions relabelled for each one left as it was; they are drawn so, none is stored twice */
    bool disk;               /* its arrays lie in a nameless file of the scope's folder: pages not in use need no memory.  The
                                folder must have room for them and for their copy in a checkpoint */
    int snapshot;            /* > 0: at slots whose number is a multiple of this, the state of the environment is kept as well */
    double limit;            /* bytes the replay may take; 0: what the machine (or the disk) has free */
} mb_replay_options;

/* Bytes that a replay of these options takes.  false (MB_ERR_MEMORY): more than an address space holds. */
MB_API bool mb_replay_bytes(const mb_env_shape *s, int rows, const mb_replay_options *o, size_t *bytes, mb_error *err);
/* Replay of agents first, first + step, ... of `vec` (0, 1: all of them), whose present observations begin it.  All of its
   state is kept in the scope's store; large arrays are checkpointed incrementally.  Its size is logged; NULL with
   MB_ERR_MEMORY and what to do when it does not fit, before any memory is used. */
MB_API mb_replay *mb_replay_new(mb_scope *s, const char *name, mb_vec *vec, int first, int step, mb_replay_options o, mb_error *err);
/* After each mb_vec_step: take in what happened.  memory: [rows, o.memory] after the actions were chosen, or NULL. */
MB_API void mb_replay_add(mb_replay *r, const float *memory);
MB_API int mb_replay_rows(const mb_replay *r);
/* Steps taken in so far, all rows together; those that the capacity has pushed out count. */
MB_API int64_t mb_replay_added(const mb_replay *r);

/* A state of row `row` for mb_vec_load or mb_vec_restart, chosen evenly among those that are kept.  NULL: there is none. */
MB_API const void *mb_replay_snapshot(mb_replay *r, int row);
/* Between mb_vec_step and mb_replay_add: where an episode has just ended, the next one begins with chance `share` in a state that is
   kept (of its own row) in place of the usual ones, with `steps` before the time limit (0: see mb_vec_restart). */
MB_API void mb_replay_restart(mb_replay *r, float share, int steps);

/* ---- drawing ---- */

/* A batch in a graph.  Transitions: shapes [B, ...].  Sequences of S slots: [B, S, ...], `next` and `weight` unused (id -1).
   For a stretch, slots without an action (the last observation of an episode) have `valid` 0. */
typedef struct mb_sample {
    int size, time;
    mb_obs_input obs, next;  /* after n steps, or after the end of the episode if that came first */
    mb_act_input act;
    mb_var reward;           /* sum of gamma^k r_k over the n steps or fewer */
    mb_var discount;         /* of the value of `next`: gamma^n; 0 when the episode terminated */
    mb_var weight;           /* importance weight (1 when drawn uniformly), [B] also for sequences */
    mb_var valid, keep;      /* sequences, [B, S]; keep: 0 where an episode begins */
    mb_var boot;             /* sequences, int32 [B, S]: the slot of the stretch whose value `discount` belongs to; where it
                                lies behind the stretch, `valid` is 0 */
    mb_var state;            /* sequences, [B, memory] before the first slot */
} mb_sample;
MB_API mb_sample mb_replay_inputs(mb_graph *g, mb_replay *r, int size);
/* Mix `demo` (same space and options) in: of every batch, the first `share` (0..1) of the rows come from it. */
MB_API bool mb_replay_mix(mb_replay *r, mb_replay *demo, float share, mb_error *err);
/* true: a batch can be drawn */
MB_API bool mb_replay_ready(const mb_replay *r);
/* Draw a batch and fill the inputs.  beta: exponent of the importance weights, w = (N P)^-beta / max w (eq. of section 3.4);
   what is drawn depends on the seed and the number of draws before, never on threads. */
MB_API bool mb_replay_draw(mb_replay *r, const mb_sample *b, float beta, mb_error *err);
/* New priorities of the batch drawn last: |error| [B].  NaN, infinite or negative: MB_ERR_NUMERIC, nothing changes. */
MB_API bool mb_replay_update(mb_replay *r, const float *error, mb_error *err);
/* For tests and tools: where item i of the last batch came from, as the number of its slot in its row's stream. */
MB_API int64_t mb_replay_drawn(const mb_replay *r, int i, int *row);
/* The slot whose achieved goal took the place of the wanted one; -1: item i is as it was. */
MB_API int64_t mb_replay_goal(const mb_replay *r, int i, int *row);

/* ---- sums over a tree: drawing in proportion to priorities (Schaul et al. 2016, appendix B.2.1) ----
   Every inner node is the sum of its two children, never a running difference, so the tree depends on the leaves alone
   and not on the order they came in: exact after a resume. */
typedef struct mb_sum_tree { int64_t leaves, width; double *node; } mb_sum_tree; /* node[1] is the root, leaf i node[width + i] */
MB_API size_t mb_sum_tree_bytes(int64_t leaves);
MB_API bool mb_sum_tree_new(mb_sum_tree *t, mb_scope *s, const char *name, int64_t leaves, mb_error *err);
MB_API void mb_sum_tree_set(mb_sum_tree *t, int64_t leaf, double priority); /* >= 0 */
MB_API double mb_sum_tree_get(const mb_sum_tree *t, int64_t leaf);
MB_API double mb_sum_tree_total(const mb_sum_tree *t);
/* The leaf at `at` (0 <= at < total) of the line on which leaf i covers a length of its priority. */
MB_API int64_t mb_sum_tree_find(const mb_sum_tree *t, double at);

/* ---- frame stacks for acting: the same frames that the replay puts together ---- */

/* What a network sees that looks at `stack` frames: boxes and images grow (an image in its channels, oldest first). */
MB_API mb_env_shape mb_stack_shape(const mb_env_shape *s, int stack);
typedef struct mb_stack mb_stack;
MB_API mb_stack *mb_stack_new(mb_scope *s, const char *name, mb_vec *vec, int stack, mb_error *err);
/* Take the present observations in and return the stacks, one pointer per field, [rows, ...].  Once before every action;
   an episode begins with its first frame repeated. */
MB_API void *const *mb_stack_observe(mb_stack *s);

#ifdef __cplusplus
}
#endif
#endif
