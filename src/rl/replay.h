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

typedef struct drawn { int64_t at; int32_t row; bool demo; } drawn; /* slot number in the stream of the row */

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

/* Can slot `at` of `row` be drawn: as a transition, or as the first of a stretch? */
bool mb__replay_fits(const mb_replay *r, int64_t at, int row);
#endif
