/* box2d.h - what the environments on Box2D share.  A world of Box2D cannot be copied, so an instance is its history: the stream its
   episode began with and the actions since.  Beside every instance's place in memory there is a live world, which is used while it
   is that history's; where it is not (something else was loaded into the place) the history is played again. */
#ifndef MB_ENV_BOX2D_H
#define MB_ENV_BOX2D_H
#include "env/box2d_shim.h"
#include "matchbox/env.h"

struct box2d_state {
    mb_rng start;   /* the episode's own stream */
    uint64_t trail; /* of the stream and all actions, to tell histories apart */
    int32_t n, spare;
    float action[]; /* [limit][nact] */
};
#define BOX2D_STATE_BYTES(limit, nact) (sizeof(struct box2d_state) + (size_t)(limit) * (nact) * sizeof(float))

#define BOX2D_MEMBER(name) __typeof__(mb__b2_##name) *name;
struct box2d_api { BOX2D_FUNCTIONS(BOX2D_MEMBER) };

enum { BOX2D_TERRAIN = 201, BOX2D_OBS = 24 };

/* An episode that is being played; everything in it follows from its history. */
struct box2d_live {
    struct box2d_live *next;
    const void *place;          /* the instance it stands beside */
    struct box2d_world *world;
    mb_rng rng, start;
    uint64_t trail;
    int n;
    float obs[BOX2D_OBS];
    double shaping;             /* what the next reward compares with */
    int wind, turbulence;       /* lander: positions in the pattern */
    int npoints;
    float terrain[BOX2D_TERRAIN][2];
};

struct box2d_task {
    const char *name;
    int nact, nobs, limit;
    /* Build the world of a new episode (l->rng) and make its first step; then one step.  Both write l->obs. */
    void (*begin)(const struct box2d_api *b, const void *options, struct box2d_live *l);
    mb_step (*advance)(const struct box2d_api *b, const void *options, struct box2d_live *l, const float *action);
    void (*draw)(const struct box2d_api *b, const struct box2d_live *l, mb_canvas *c);
};

struct box2d_shared; /* the library and the live worlds of one vectoriser */
bool mb__box2d_open(const struct box2d_task *t, mb_arena *a, struct box2d_shared **out, mb_error *err);
void mb__box2d_close(struct box2d_shared *x);
void mb__box2d_reset(struct box2d_shared *x, const void *options, struct box2d_state *s, mb_rng *rng, mb_io *io);
mb_step mb__box2d_step(struct box2d_shared *x, const void *options, struct box2d_state *s, const float *action, mb_io *io);
void mb__box2d_draw(struct box2d_shared *x, const void *options, const struct box2d_state *s, mb_canvas *c);

/* What the two landers and the two walkers are. */
extern const struct box2d_task mb__lander_task[2], mb__walker_task[2];
struct lander_options { double gravity; bool wind; double wind_power, turbulence; };

static inline double box2d_uniform(mb_rng *rng, double low, double high) { return low + (high - low) * mb_uniform64(rng); }

/* The callbacks of environment NAME, whose `struct NAME_options` begins its options, or which has none (PLAIN). */
#define BOX2D_ENV(NAME, TASK)       BOX2D_GLUE(NAME, struct NAME##_options o;, TASK)
#define BOX2D_ENV_PLAIN(NAME, TASK) BOX2D_GLUE(NAME, , TASK)
#define BOX2D_GLUE(NAME, MEMBER, TASK)                                                                                \
    struct NAME##_opened { MEMBER struct box2d_shared *shared; };                                                     \
    static inline struct box2d_shared *box2d_of(const void *o) { return ((const struct NAME##_opened *)o)->shared; } \
    static bool box2d_open(void *o, mb_arena *a, mb_error *err)                                                      \
    {                                                                                                                 \
        return mb__box2d_open(TASK, a, &((struct NAME##_opened *)o)->shared, err);                                    \
    }                                                                                                                 \
    static void box2d_close(void *o) { mb__box2d_close(box2d_of(o)); }                                              \
    static void box2d_reset(void *s, const void *o, mb_rng *rng, mb_io *io) { mb__box2d_reset(box2d_of(o), o, s, rng, io); } \
    static void box2d_draw(const void *s, const void *o, mb_canvas *c) { mb__box2d_draw(box2d_of(o), o, s, c); }
#define BOX2D_USE(NAME) .options = NAME##_option_rows, BOX2D_USE_PLAIN(NAME)
#define BOX2D_USE_PLAIN(NAME)                                                                                         \
    .options_size = sizeof(struct NAME##_opened), .open = box2d_open, .close = box2d_close, .reset = box2d_reset, .draw = box2d_draw
#endif
