/* replay.h - what a replay is made of: shared by taking in and drawing. */
#ifndef MB_RL_REPLAY_H
#define MB_RL_REPLAY_H
#include "matchbox/replay.h"

enum {
    SLOT_START = 1,      /* an episode begins with this observation */
    SLOT_FINAL = 2,      /* an episode ended with this observation: no action follows */
    SLOT_TERMINATED = 4, /* the action of this slot ended the episode */
    SLOT_TRUNCATED = 8   /* the time limit cut it */
};

/* slot numbers in the streams of rows; goal: where hindsight took one from, -1: as it was */
typedef struct drawn { int64_t at, goal; int32_t row, goal_row; bool demo; } drawn;

/* Slot number t of a row lies at t % length of arrays [length, rows, ...]. */
struct mb_replay {
    mb_scope *scope;
    const char *name;
    mb_vec *vec;
    mb_replay_options o;
    mb_env_shape seen;              /* with stacked frames: what drawn observations look like */
    int first, step, rows, nagents; /* row j is agent first + j * step of the vectoriser */
    int nfields, nindex, nvalue, nmask;
    int64_t length;                 /* slots per row */
    size_t field_bytes[MB_MAX_FIELDS];
    char *obs[MB_MAX_FIELDS];       /* [length, rows, field] */
    uint8_t *mask, *flag;           /* [length, rows, nmask], [length, rows] */
    int32_t *index;                 /* [length, rows, nindex] */
    float *value, *reward;          /* [length, rows, nvalue], [length, rows] */
    float *memory;                  /* [marks, rows, o.memory] before slots whose number is a multiple of o.period */
    int64_t marks;
    char *shot;                     /* [nshots, rows, shot_bytes] states of environments at slots whose number is a multiple of o.snapshot */
    uint8_t *shot_is;               /* [nshots, rows] there is one */
    int64_t nshots;
    size_t shot_bytes;
    mb_rng *shot_rng;
    mb_arena *arena;                /* where the large arrays lie */
    int32_t *before, *after;        /* [length, rows] observations of the episode before and after; with hindsight, else NULL */
    int64_t *head;                  /* [rows] number of the open slot: observed, not acted on yet */
    double *most;                   /* the greatest priority so far, before the exponent */
    int64_t *added;
    mb_rng *rng;
    mb_sum_tree tree;               /* leaf: slot * rows + row */
    mb_replay *demo;
    float share;
    drawn *items;                   /* [batch] of the last draw */
    int batch, nitems;
};

static inline size_t mb__replay_place(const mb_replay *r, int64_t at, int row)
{
    return (size_t)(at % r->length) * (size_t)r->rows + (size_t)row;
}

/* The oldest slot that can be drawn: behind it must lie the frames of its stack. */
static inline int64_t mb__replay_oldest(const mb_replay *r, int row)
{
    return r->head[row] < r->length ? 0 : r->head[row] - r->length + r->o.stack;
}

/* Reward as it is learned from, but for noise. */
static inline float mb__replay_shaped(const mb_replay *r, float reward)
{
    float c = r->o.reward_clip, x = reward * r->o.reward_scale;
    return c > 0 ? (x < -c ? -c : x > c ? c : x) : x;
}

/* ---- replay_memory.c: budget, and where the arrays lie ---- */

/* Does the replay fit, in memory or on the disk?  Says so; makes the file.  Before anything is used. */
bool mb__replay_place_for(mb_replay *r, const mb_env_shape *shape, mb_error *err);
/* n * size bytes, kept as "NAME/what". */
void *mb__replay_kept(mb_replay *r, const char *what, size_t n, size_t size, mb_error *err);

/* ---- replay_snapshot.c: states of environments ---- */

/* How many states of one row, and the bytes of one (as mb_vec_state_bytes). */
int64_t mb__snapshots(const mb_replay_options *o, int64_t length);
size_t mb__snapshot_bytes(const mb_env_shape *s);
bool mb__snapshot_make(mb_replay *r, mb_error *err); /* false: the environment has no state that could be copied */
void mb__snapshot_take(mb_replay *r, int64_t at, int row); /* slot `at` of `row` was opened */

/* ---- hindsight.c ---- */

bool mb__hindsight_check(const mb_replay *r, mb_error *err); /* does it suit the environment and the other options? */
/* Slot `at` was observed: where in its episode it lies. */
void mb__hindsight_track(mb_replay *r, int64_t at, int row);
/* By chance, give a drawn transition another goal. */
void mb__hindsight_choose(mb_replay *r, drawn *d);
/* The goal of a drawn transition with one. */
const void *mb__hindsight_goal(const mb_replay *r, const drawn *d);
/* Rewards, discount and the slot behind at most nstep steps towards that goal. */
void mb__hindsight_walk(const mb_replay *r, const drawn *d, float *ret, float *discount, int64_t *next);

/* Can slot `at` of `row` be drawn: as a transition, or as the first of a stretch? */
bool mb__replay_fits(const mb_replay *r, int64_t at, int row);
#endif
