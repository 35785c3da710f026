/* matchbox/env.h - environments: spaces, the single-instance interface, the vectoriser, canvas and checker.
   Rank 1: knows core only.  An environment is a plain struct with reset and step; it can only say *terminated*.
   Time limits, automatic resets, final observations, episode statistics and threads belong to the vectoriser. */
#ifndef MATCHBOX_ENV_H
#define MATCHBOX_ENV_H
#include "matchbox/core.h"
#include "matchbox/math.h"
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- spaces: a space is a short list of named fields ---- */

typedef enum mb_field_kind {
    MB_FIELD_BOX,      /* float[n] within [low, high] (or lows[i], highs[i]) */
    MB_FIELD_DISCRETE, /* one int32 in 0 .. n-1 */
    MB_FIELD_IMAGE     /* uint8[h][w][c], n = h*w*c; observations only */
} mb_field_kind;

enum { MB_MAX_FIELDS = 8 };
typedef struct mb_field {
    mb_field_kind kind;
    int n;                      /* components, or number of choices */
    float low, high;            /* bounds of a box; -INFINITY, INFINITY: none */
    const char *name;           /* NULL in a space of one field */
    int h, w, c;                /* image shape (also of a box that is a grid: else 0) */
    const float *lows, *highs;  /* [n] bounds per component, or NULL: low and high for all */
} mb_field;
typedef struct mb_space { int nfields; mb_field field[MB_MAX_FIELDS]; } mb_space;

#define MB_INF __builtin_inff()
#define MB_F_BOX(name_, n_, low_, high_)  { MB_FIELD_BOX, n_, low_, high_, name_, 0, 0, 0, NULL, NULL }
#define MB_F_BOXES(name_, n_, lows_, highs_) { MB_FIELD_BOX, n_, -MB_INF, MB_INF, name_, 0, 0, 0, lows_, highs_ }
#define MB_F_GRID(name_, h_, w_, c_, low_, high_) { MB_FIELD_BOX, (h_)*(w_)*(c_), low_, high_, name_, h_, w_, c_, NULL, NULL }
#define MB_F_DISCRETE(name_, n_)          { MB_FIELD_DISCRETE, n_, 0, 0, name_, 0, 0, 0, NULL, NULL }
#define MB_F_IMAGE(name_, h_, w_, c_)     { MB_FIELD_IMAGE, (h_)*(w_)*(c_), 0, 255, name_, h_, w_, c_, NULL, NULL }
#define MB_BOX(n_)                        { 1, { MB_F_BOX(NULL, n_, -MB_INF, MB_INF) } }
#define MB_BOX_IN(n_, low_, high_)        { 1, { MB_F_BOX(NULL, n_, low_, high_) } }
#define MB_BOX_BOUNDS(n_, lows_, highs_)  { 1, { MB_F_BOXES(NULL, n_, lows_, highs_) } }
#define MB_DISCRETE(n_)                   { 1, { MB_F_DISCRETE(NULL, n_) } }
#define MB_GRID(h_, w_, c_, low_, high_)  { 1, { MB_F_GRID(NULL, h_, w_, c_, low_, high_) } }
#define MB_IMAGE(h_, w_, c_)              { 1, { MB_F_IMAGE(NULL, h_, w_, c_) } }
#define MB_FIELDS(n_, ...)                { n_, { __VA_ARGS__ } } /* MB_FIELDS(2, MB_F_DISCRETE("move", 4), MB_F_BOX("aim", 2, -1, 1)) */

/* What is seen of an environment with goals: the state, the goal that it achieves, the goal that is wanted (both of one kind). */
enum { MB_GOAL_SEEN, MB_GOAL_ACHIEVED, MB_GOAL_DESIRED, MB_GOAL_FIELDS };
#define MB_GOALS(nseen_, ngoal_, low_, high_)                                                      \
    MB_FIELDS(MB_GOAL_FIELDS, MB_F_BOX("observation", nseen_, -MB_INF, MB_INF), MB_F_BOX("achieved_goal", ngoal_, low_, high_), \
              MB_F_BOX("desired_goal", ngoal_, low_, high_))

/* ---- one instance's window onto the learner's memory ---- */

/* Agent k's part of an array with n items per agent begins at k*n.  Discrete action fields fill `index` in order of
   the fields, box action fields fill `value`.  A discrete observation is one int32, an image is uint8. */
typedef struct mb_io {
    const int32_t *index;        /* [nagents, nindex] discrete actions (step only) */
    const float *value;          /* [nagents, nvalue] continuous actions (step only) */
    float *obs;                  /* = obs_field[0] when that is a box, for the common case */
    void *obs_field[MB_MAX_FIELDS]; /* [nagents, n] each, in its own type */
    uint8_t *mask;               /* [nagents, nmask] 1 = allowed, choices of all discrete action fields in a row;
                                    all 1 on entry; NULL when the environment declared no mask */
    float *reward;               /* [nagents], 0 on entry: what one agent gets beyond mb_step.reward (step only) */
    uint8_t *active;             /* [nagents], 1 on entry: 0 = this agent's next action does not matter (not its turn) */
    bool broken;                 /* false on entry; true: the simulation broke down, so the episode is truncated here and
                                    counted (mb_vec_broken), whatever is returned.  The observation must still be sound (step only) */
} mb_io;

typedef struct mb_step { float reward; bool terminated; } mb_step; /* reward: given to every agent */

typedef struct mb_canvas mb_canvas;
typedef struct mb_env_batch mb_env_batch;
typedef struct mb_foreign mb_foreign;

/* What an instance looks like for given options: filled from the definition, then by its shape callback. */
typedef struct mb_env_shape {
    mb_space obs, act;
    int nagents;
    int time_limit;      /* steps; 0: none */
    bool masked;         /* writes action masks */
    size_t state_size;
} mb_env_shape;

/* One way a state and action can turn out; `next` after a terminated one is what is then observed (its value is 0). */
typedef struct mb_outcome { double p; int next; float reward; bool terminated; } mb_outcome;
enum { MB_MODEL_RESET = -1 };

typedef struct mb_env_def {
    int abi; size_t size;              /* MB_ENV sets both: a plug-in of another version is refused */
    const char *name, *summary, *source;
    mb_space obs, act;
    int nagents;                       /* 0 means 1 */
    int time_limit;
    bool masked;
    float solved;                      /* return that counts as solved; 0: not defined */
    size_t state_size;                 /* plain struct, no pointers, so that saving is copying */
    const mb_option *options; size_t options_size;
    /* optional: spaces, agents, limit or state size that depend on options; may refuse them */
    bool (*shape)(const void *options, mb_env_shape *shape, mb_error *err);
    void (*reset)(void *state, const void *options, mb_rng *rng, mb_io *io);
    mb_step (*step)(void *state, const void *options, mb_rng *rng, mb_io *io);
    void (*batch)(const mb_env_batch *b);   /* set by MB_BATCH: the vectoriser's loop with reset and step inlined */
    void (*draw)(const void *state, const void *options, mb_canvas *canvas);            /* optional */
    /* optional, for `trace`: put the instance into a full state given as numbers (order: see state_names) and observe */
    bool (*place)(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err);
    const char *state_names;           /* "x,v,angle,spin" */
    /* optional, where the observation is discrete and is the whole state (several fields: the first counts slowest): the
       exact model.  Writes up to `max` outcomes of `action` in `state` and returns how many there are, also when that is
       more.  Probabilities add up to 1; 0 outcomes: no such state, or the action is not allowed there.  state ==
       MB_MODEL_RESET: the states an episode begins in, as outcomes. */
    int (*model)(const void *options, int state, int action, mb_outcome *out, int max);
    /* optional, where goals are to be reached: the observation has the fields of MB_GOALS, and this says what a step gives and
       whether it ends the episode when the observation after it holds these two goals.  It may be asked about goals that were
       not the wanted ones (hindsight: replay.h). */
    mb_step (*goal_reward)(const void *options, const void *achieved, const void *desired);
    const mb_foreign *foreign;         /* stepped elsewhere, in place of shape, reset and step (foreign.h) */
    const char *origin;                /* the file it came from, set by whoever loads it: errors name it */
    /* optional, for what instances share and a plain state cannot hold (a model of a foreign library): `open` gets a copy of
       the options that belongs to these instances and puts a pointer into a member that no option names; `a` outlives it.
       Every other callback then finds it there, and several threads use it at once.  `close` gives it back; `open` may follow
       again on the same copy. */
    bool (*open)(void *options, mb_arena *a, mb_error *err);
    void (*close)(void *options);
} mb_env_def;

/* The descriptor of environment NAME; the same file is compiled once per instruction set. */
#ifndef MB_ISA
#define MB_ISA
#endif
#define MB_CAT2_(a, b) a##b
#define MB_CAT_(a, b) MB_CAT2_(a, b)
#define MB_ENV(name) MB_API extern const mb_env_def MB_CAT_(mb_env_##name, MB_ISA); const mb_env_def MB_CAT_(mb_env_##name, MB_ISA)
#define MB_ENV_HEAD .abi = MB_ABI, .size = sizeof(mb_env_def)

/* ---- registry ---- */
MB_API const mb_env_def *mb_env_find(const char *name, mb_error *err); /* the build for this CPU (see mb_isa); unknown: nearest name in a note */
MB_API const mb_env_def *mb_env_at(int i);                             /* in order of name; NULL past the end */
/* "avx512", "avx2" or "plain": what MATCHBOX_KERNELS asks for, or else the best this CPU has.  An unknown or
   unavailable name fails with MB_ERR_USAGE.  (The one place where the environment variable is read.) */
MB_API bool mb_isa(const char **name, mb_error *err);

/* For whoever calls reset and step without a vectoriser: once on their own copy of the options before, and after.  Both do
   nothing for an environment that needs nothing opened. */
MB_API bool mb_env_open(const mb_env_def *def, void *options, mb_arena *a, mb_error *err);
MB_API void mb_env_close(const mb_env_def *def, void *options);
/* Fill `shape` from definition and options and check it (sizes positive, fields sane). */
MB_API bool mb_env_shape_of(const mb_env_def *def, const void *options, mb_env_shape *shape, mb_error *err);
MB_API int mb_space_nindex(const mb_space *act);  /* discrete fields */
MB_API int mb_space_nvalue(const mb_space *act);  /* components of all box fields */
MB_API int mb_space_nmask(const mb_space *act);   /* choices of all discrete fields together */
MB_API size_t mb_field_bytes(const mb_field *f);  /* bytes of one observation field for one agent */

/* ---- the vectoriser's inner loop: public because each environment's file instantiates it ---- */

struct mb_env_batch {
    int count;                       /* instances in this call */
    bool reset_all;                  /* begin new episodes everywhere instead of stepping */
    char *states; size_t state_size;
    const void *options;
    mb_rng *rng;                     /* [count] */
    int nagents, nfields, nindex, nvalue, nmask, time_limit;
    bool obs_is_float;               /* field 0 is a box */
    size_t field_bytes[MB_MAX_FIELDS];
    /* everything below is [count, ...], first instance of this call */
    const int32_t *index; const float *value;
    char *obs[MB_MAX_FIELDS];        /* where observations go (the learner's memory) */
    char *final_obs[MB_MAX_FIELDS];  /* written for ended episodes only; NULL: nobody asked */
    uint8_t *mask, *active;          /* mask may be NULL */
    float *reward;                   /* [count, nagents] */
    uint8_t *terminated, *truncated, *start; /* start: the observation written begins an episode */
    int32_t *length;                 /* running length of the episode */
    float *ret;                      /* [count, nagents] running return */
    int32_t *last_length;            /* > 0: an episode ended in this step, of this length */
    float *last_ret;                 /* [count, nagents] and this return */
    int32_t *broken;                 /* [count] episodes cut short so far; NULL: an environment that cannot break down */
};

static inline __attribute__((always_inline)) void mb__batch_io(const mb_env_batch *b, int i, mb_io *io)
{
    io->index = b->index + (size_t)(i * b->nagents) * (size_t)b->nindex;
    io->value = b->value + (size_t)(i * b->nagents) * (size_t)b->nvalue;
    for (int f = 0; f < b->nfields; f++)
        io->obs_field[f] = b->obs[f] + (size_t)(i * b->nagents) * b->field_bytes[f];
    io->obs = b->obs_is_float ? (float *)io->obs_field[0] : NULL;
    io->mask = b->mask ? b->mask + (size_t)(i * b->nagents) * (size_t)b->nmask : NULL;
    io->reward = b->reward + i * b->nagents;
    io->active = b->active + i * b->nagents;
}

/* After a step has written its observation, reward and flags: time limit, statistics, final observation, new episode. */
static inline __attribute__((always_inline)) bool mb__batch_after(const mb_env_batch *b, int i, mb_io *io, mb_step s)
{
    for (int k = 0; k < b->nagents; k++) {
        io->reward[k] += s.reward;
        b->ret[i * b->nagents + k] += io->reward[k];
    }
    int32_t length = ++b->length[i];
    if (io->broken && b->broken) b->broken[i]++;
    bool terminated = s.terminated && !io->broken;
    bool truncated = io->broken || (!terminated && b->time_limit > 0 && length >= b->time_limit);
    b->terminated[i] = terminated;
    b->truncated[i] = truncated;
    b->start[i] = b->terminated[i] | b->truncated[i];
    b->last_length[i] = 0;
    return b->start[i];
}
static inline void mb__batch_end(const mb_env_batch *b, int i, mb_io *io)
{
    b->last_length[i] = b->length[i];
    b->length[i] = 0;
    for (int k = 0; k < b->nagents; k++) {
        b->last_ret[i * b->nagents + k] = b->ret[i * b->nagents + k];
        b->ret[i * b->nagents + k] = 0;
    }
    for (int f = 0; f < b->nfields; f++)
        if (b->final_obs[f]) {
            size_t n = (size_t)b->nagents * b->field_bytes[f];
            memcpy(b->final_obs[f] + (size_t)i * n, io->obs_field[f], n);
        }
}
/* The next observation begins an episode: everybody acts, everything is allowed, unless reset says otherwise. */
static inline void mb__batch_renew(const mb_env_batch *b, mb_io *io)
{
    for (int k = 0; k < b->nagents; k++) io->active[k] = 1;
    if (io->mask) memset(io->mask, 1, (size_t)(b->nagents * b->nmask));
}
static inline __attribute__((always_inline)) void mb__batch_clear(const mb_env_batch *b, mb_io *io)
{
    for (int k = 0; k < b->nagents; k++) { io->reward[k] = 0; io->active[k] = 1; }
    if (io->mask) memset(io->mask, 1, (size_t)(b->nagents * b->nmask));
    io->broken = false;
}

/* Bit i says whether flags[i] is set, for n <= 64 flags that are 0 or 1: to walk over the few instances that ended. */
static inline uint64_t mb__flags64(const uint8_t *flags, int n)
{
    uint64_t bits = 0, eight = 0;
    int i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&eight, flags + i, 8); /* the product moves the eight lowest bits beside each other */
        if (eight) bits |= ((eight * 0x0102040810204080u) >> 56) << i;
    }
    for (; i < n; i++) bits |= (uint64_t)flags[i] << i;
    return bits;
}

/* static void batch(const mb_env_batch *b) for an environment with this reset and step. */
#define MB_BATCH(reset_, step_) MB_BATCH_NAMED(batch, reset_, step_)
#define MB_BATCH_NAMED(name_, reset_, step_)                                                       \
    static void name_(const mb_env_batch *b)                                                       \
    {                                                                                              \
        mb_io io = { 0 };                                                                          \
        for (int i = 0; i < b->count; i++) {                                                       \
            void *state = b->states + (size_t)i * b->state_size;                                   \
            mb__batch_io(b, i, &io);                                                               \
            mb__batch_clear(b, &io);                                                               \
            if (b->reset_all) {                                                                    \
                reset_(state, b->options, &b->rng[i], &io);                                        \
                continue;                                                                          \
            }                                                                                      \
            mb_step s = step_(state, b->options, &b->rng[i], &io);                                 \
            if (mb__batch_after(b, i, &io, s)) {                                                   \
                mb__batch_end(b, i, &io);                                                          \
                mb__batch_renew(b, &io);                                                           \
                reset_(state, b->options, &b->rng[i], &io);                                        \
            }                                                                                      \
        }                                                                                          \
    }

/* ---- the vectoriser ---- */

typedef struct mb_vec mb_vec;

/* Row r of the per-agent arrays is agent r % nagents of environment r / nagents; rows = nenvs * nagents. */
typedef struct mb_vec_view {
    int nenvs, nagents, rows, nfields, nindex, nvalue, nmask;
    /* the current observations: rows of each field.  They live in the vectoriser's memory, or where mb_vec_bind put them */
    void *obs[MB_MAX_FIELDS];
    uint8_t *mask;               /* [rows, nmask] for the current observations, or NULL */
    uint8_t *active;             /* [rows] for the current observations */
    uint8_t *start;              /* [nenvs] the current observation begins an episode */
    int32_t *index;              /* [rows, nindex] actions: written by the caller before mb_vec_step */
    float *value;                /* [rows, nvalue] */
    float *reward;               /* [rows] of the last step */
    uint8_t *terminated, *truncated; /* [nenvs] of the last step */
    void *final_obs[MB_MAX_FIELDS];  /* rows of environments that ended in the last step; others stale */
    int32_t *last_length;        /* [nenvs] > 0: an episode of this length ended in the last step */
    float *last_return;          /* [rows] undiscounted return of that episode per agent */
} mb_vec_view;

/* nenvs instances of `def`; `name` makes its streams ("train", "eval") and its checkpoint blocks unique.  The options are
   copied (not a copy that was opened); NULL: their defaults. */
MB_API mb_vec *mb_vec_new(mb_scope *s, const char *name, const mb_env_def *def, const void *options, int nenvs, mb_error *err);
MB_API const mb_env_shape *mb_vec_shape(const mb_vec *v);
MB_API const mb_env_def *mb_vec_env(const mb_vec *v, const void **options); /* options (may be NULL): those of all instances */
MB_API mb_vec_view *mb_vec_view_of(const mb_vec *v); /* stays valid; contents change with every step */
/* Write the following observations into the caller's memory instead: obs[f] has room for rows * field bytes, mask for
   rows * nmask (NULL: the vectoriser's own).  The view follows at once; nothing is copied: bind just before reset or step.
   obs NULL goes back to the vectoriser's own memory and copies the current observations and masks there: that memory is
   what a checkpoint holds, so whoever binds elsewhere ends each iteration with mb_vec_bind(v, NULL, NULL). */
MB_API void mb_vec_bind(mb_vec *v, void *const obs[], uint8_t *mask);
MB_API bool mb_vec_reset(mb_vec *v, mb_error *err);       /* new episodes everywhere */
MB_API void mb_vec_seed(mb_vec *v, uint64_t seed);        /* begin the streams anew, as if the scope's seed were this; then reset */
/* End the workers of a foreign environment, give back what `open` got; a later reset starts again.  Others have nothing to
   close.  NULL is fine. */
MB_API void mb_vec_close(mb_vec *v);
/* Episodes that ended because the simulation broke down, since the beginning; part of the checkpoint. */
MB_API int64_t mb_vec_broken(const mb_vec *v);
/* Step all.  Fails with MB_ERR_ENV or MB_ERR_NUMERIC, naming environment, instance, field and component, when an
   observation or reward is not finite or leaves its bounds, a discrete action is out of range or a box action is NaN (box
   actions outside their bounds are clipped on their way in; view->value keeps what the caller wrote). */
MB_API bool mb_vec_step(mb_vec *v, mb_error *err);
/* Copy one instance with its stream, clock, running return, current observation and mask, for search and snapshots. */
MB_API size_t mb_vec_state_bytes(const mb_vec *v);
MB_API void mb_vec_save(const mb_vec *v, int env, void *out);
MB_API void mb_vec_load(mb_vec *v, int env, const void *in); /* rewards and flags of the last step stay as they are */
/* Begin an episode of instance `env` in a saved state: with a stream and return of its own, and a clock that leaves `steps` before the
   time limit (0: what the saved clock leaves; without a limit it has no effect). */
MB_API void mb_vec_restart(mb_vec *v, int env, const void *in, int steps);
MB_API void mb_vec_draw(const mb_vec *v, int env, mb_canvas *canvas); /* a plain text frame when the environment cannot draw */
MB_API void *mb_vec_state(mb_vec *v, int env);             /* for tests and trace */

/* A policy bound to one vectoriser: reads its current observations, writes its actions. */
typedef struct mb_actor {
    void *self;
    /* greedy: the mode or mean action; else a sample.  Recurrent state restarts where view->start is set. */
    bool (*act)(void *self, mb_vec *vec, bool greedy, mb_error *err);
} mb_actor;

/* ---- canvas: RGB pixels in caller memory, no window system ---- */

struct mb_canvas { int w, h; uint8_t *rgb; }; /* [h][w][3] */
typedef uint32_t mb_color;                     /* 0xRRGGBB */
/* Coordinates are fractions of the canvas, (0,0) top left, (1,1) bottom right; shapes are clipped and anti-aliased. */
MB_API void mb_canvas_clear(mb_canvas *c, mb_color color);
MB_API void mb_canvas_rect(mb_canvas *c, float x0, float y0, float x1, float y1, mb_color color);
MB_API void mb_canvas_line(mb_canvas *c, float x0, float y0, float x1, float y1, float width, mb_color color); /* width: fraction of c->w */
MB_API void mb_canvas_disc(mb_canvas *c, float x, float y, float radius, mb_color color);                       /* radius: fraction of c->w */
MB_API void mb_canvas_text(mb_canvas *c, float x, float y, float height, const char *text, mb_color color);     /* 5x7 font, scaled */

/* ---- the checker: `matchbox check ENV` ---- */

/* Run the contract (bounds, determinism, save and load, writes outside the state, masks, NaN, resets, 10^5 random steps) and call
   `report` for every finding.  True when there was none. */
MB_API bool mb_env_check(const mb_env_def *def, const void *options, int64_t steps,
                         void (*report)(void *ctx, bool ok, const char *what), void *ctx, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif
