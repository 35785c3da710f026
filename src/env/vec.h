/* vec.h - inside of the vectoriser, shared by vec.c and vec_check.c. */
#ifndef MB_ENV_VEC_H
#define MB_ENV_VEC_H
#include "matchbox/env.h"
#include "matchbox/phase.h"

/* Bounds that a run of floats is compared with: one pair for all, or a pattern that repeats every
 * `period`. */
typedef struct mb__limits {
    float low, high;
    const float *lows, *highs;
    size_t period;
} mb__limits;

typedef struct mb__group mb__group;

struct mb_vec {
    const mb_env_def *def;
    mb_arena *arena;
    mb_env_shape shape;
    void *options;                /* a copy of its own */
    bool opened;
    const char *name;
    mb_pool *pool;
    mb_phases *phases;
    mb_vec_view *view;
    void (*run)(const mb_env_batch *b);
    char *states;
    size_t stride;                /* [nenvs] instances, `stride` bytes each */
    mb_rng *rng;                  /* [nenvs] */
    int32_t *length;              /* [nenvs] running length */
    float *ret;                   /* [rows] running return */
    int32_t *broken;              /* [nenvs] episodes cut short; NULL: cannot happen */
    void *own_obs[MB_MAX_FIELDS]; /* where observations are when nobody bound other memory; in
                                     checkpoints */
    uint8_t *own_mask;
    size_t field_bytes[MB_MAX_FIELDS];
    mb__limits limits[MB_MAX_FIELDS]; /* of box fields of an observation */
    int choices[MB_MAX_FIELDS];       /* [nindex] of the discrete action fields */
    float *value_low, *value_high;    /* [nvalue] bounds of box actions */
    float *clipped; /* [rows, nvalue] what the environments receive; NULL: nothing to clip */
    int block, nblocks; /* instances that one thread takes at a time */
    int span;           /* instances at a time without threads: what stays in the cache */
    uint8_t *bad; /* [nblocks] a check failed in this block */
    bool resetting;
    mb__group *group; /* of a foreign environment, else NULL */
    int timed;      /* steps timed so far, see mb_vec_step */
    double seconds; /* the fastest of them */
};

/* Bounds of one box field, with the pattern allocated from `a`. */
bool mb__limits_make(mb__limits *l, const mb_field *f, mb_arena *a, mb_error *err);
/* All of x[n] finite and within bounds. */
bool mb__within(const mb__limits *l, const float *x, size_t n);
/* Actions of instances first .. first+count-1; box actions are clipped into v->clipped. */
bool mb__actions_fit(mb_vec *v, int first, int count);
/* Rewards, observations and final observations of these instances. */
bool mb__results_fit(const mb_vec *v, int first, int count);
/* Name the first thing wrong in these instances; returns false. */
bool mb__describe(const mb_vec *v, int first, int count, mb_error *err);
#endif
