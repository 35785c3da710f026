/* mujoco.h - what the environments on MuJoCo share.  An instance keeps what a step begins with (positions, velocities, the
   solver's warm start), a plain struct, so saving is copying.  Everything else is scratch: one mjModel and a few mjData belong to
   a vectoriser; a thread borrows an mjData for one reset or step.  No environment sees MuJoCo's own structs. */
#ifndef MB_ENV_MUJOCO_H
#define MB_ENV_MUJOCO_H
#include "matchbox/env.h"

enum { MUJOCO_NQ = 24, MUJOCO_NV = 23, MUJOCO_BEFORE = 2 };

struct mujoco_state {
    double time, qpos[MUJOCO_NQ], qvel[MUJOCO_NV], warmstart[MUJOCO_NV];
    double before[MUJOCO_BEFORE]; /* what the next reward compares with */
};

/* A simulation as a task reads it: MuJoCo's arrays under MuJoCo's names. */
struct mujoco_sim {
    const double *qpos, *qvel, *ctrl, *xpos, *xipos, *site_xpos, *cinert, *cvel, *qfrc_actuator, *qfrc_constraint, *cfrc_ext;
    const double *body_mass;
    int nq, nv, nu, nbody;
    double timestep, dt; /* of the physics, of the environment */
};

/* The options that environments after Gymnasium begin with, and those of tasks seen as pixels. */
#define MUJOCO_PIXEL_ROWS(NUM, PICK)                                                                                  \
    PICK(size, 1, "48|84", "width and height of the picture")                                                         \
    NUM(int, repeat, 2, 1, 10, "physical steps under one action; their rewards add up")
#define MUJOCO_PIXEL_VISUAL                                                                                           \
    "<visual><global offwidth='84' offheight='84'/><quality shadowsize='0' offsamples='0' numslices='8' numstacks='4' numquads='1'/></visual>"
#define MUJOCO_PIXELS(pick) ((pick) ? 84 : 48)
enum { MUJOCO_STACK = 3, MUJOCO_PIXEL_STEPS = 1000 }; /* frames in an observation; physical steps of an episode */
/* Behind a mujoco_state: the frames before the present one, oldest first. */
#define MUJOCO_FRAME_BYTES(size) ((size_t)(size) * (size_t)(size) * 3)
bool mb__mujoco_pixel_shape(int size, int repeat, mb_env_shape *shape);
#define MUJOCO_ROWS(NUM, TEXT)                                                                                        \
    NUM(int, version, 4, 4, 5, "Gymnasium's version: its observations and rewards")                                   \
    TEXT(model, "", "MJCF file in place of the built-in model; the same joints and motors")

enum mujoco_view { MUJOCO_SIDE, MUJOCO_TOP };
/* For tasks that are seen as pixels: the middle of the picture (relative to the first body where it is followed), distance in m,
   angles in degrees. */
struct mujoco_camera { double at[3], distance, azimuth, elevation; bool follow; };

struct mujoco_task {
    const char *name;
    const char *xml;                           /* the model in MJCF, or NULL: `write` gives it */
    void (*write)(mb_str *xml, int version);
    int frame_skip, nq, nv, nu, nbody;
    int forces_from;                           /* version from which cfrc_ext is read; 0: never */
    /* Qpos and qvel hold the model's start; change them to the episode's. */
    void (*begin)(const void *options, mb_rng *rng, double *qpos, double *qvel);
    void (*remember)(const struct mujoco_sim *x, double *before); /* after every reset and step; may be NULL */
    void (*observe)(const struct mujoco_sim *x, int version, float *obs);
    mb_step (*judge)(const void *options, const struct mujoco_sim *x, const double *before, const float *action);
    enum mujoco_view view;                     /* of the picture */
    double span, level;                        /* its width and the height of its middle, m */
    bool follow;                               /* the first body stays in the middle */
    const struct mujoco_camera *camera;        /* seen as pixels, in place of `observe`; else NULL */
};

struct mujoco_world; /* a compiled model with its scratch; built without MuJoCo, opening fails with a clear error */
struct mujoco_choice { int version; const char *model; int repeat, size; }; /* repeat: steps under one action; size: of pixels */
bool mb__mujoco_open(const struct mujoco_task *t, struct mujoco_choice c, mb_arena *a, struct mujoco_world **out, mb_error *err);
void mb__mujoco_close(struct mujoco_world *w);
void mb__mujoco_reset(struct mujoco_world *w, const void *options, struct mujoco_state *s, mb_rng *rng, mb_io *io);
mb_step mb__mujoco_step(struct mujoco_world *w, const void *options, struct mujoco_state *s, mb_io *io);
bool mb__mujoco_place(struct mujoco_world *w, const void *options, struct mujoco_state *s, const double *values, int n, mb_io *io, mb_error *err);
void mb__mujoco_draw(struct mujoco_world *w, const struct mujoco_state *s, mb_canvas *c);

/* The body of halfcheetah, with more text inside the model ("" or MUJOCO_PIXEL_VISUAL and the like) and the floor's size and look. */
void mb__cheetah_write(mb_str *xml, const char *more, const char *floor);
/* Noise on x[n]: uniform in [-scale, scale), or normal with this deviation. */
void mb__mujoco_uniform(mb_rng *rng, double *x, int n, double scale);
void mb__mujoco_normal(mb_rng *rng, double *x, int n, double scale);

static inline float *mujoco_put(float *obs, const double *x, int n)
{
    for (int i = 0; i < n; i++) obs[i] = (float)x[i];
    return obs + n;
}
static inline float *mujoco_put_clipped(float *obs, const double *x, int n, double limit)
{
    for (int i = 0; i < n; i++) obs[i] = (float)(x[i] < -limit ? -limit : x[i] > limit ? limit : x[i]);
    return obs + n;
}
static inline double mujoco_squares(const float *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}
/* Reward of those that shall stay healthy.  Version 4 pays the bonus also for the step in which they fall. */
static inline mb_step mujoco_healthy(int version, bool healthy, bool ends, double bonus, double rest)
{
    bool paid = healthy || (version == 4 && ends);
    return (mb_step){ (float)(rest + (paid ? bonus : 0)), !healthy && ends };
}
/* Walkers in a plane remember how far they got. */
static inline void mujoco_remember_x(const struct mujoco_sim *x, double *before) { before[0] = x->qpos[0]; }

/* The callbacks of environment NAME, whose options are `struct NAME_options` and whose task is TASK. */
#define MUJOCO_ENV(NAME, TASK) MUJOCO_GLUE(NAME, TASK, ((struct mujoco_choice){ p->o.version, p->o.model.s, 1, 0 }))
#define MUJOCO_PIXEL_ENV(NAME, TASK) MUJOCO_GLUE(NAME, TASK, ((struct mujoco_choice){ 0, "", p->o.repeat, MUJOCO_PIXELS(p->o.size) }))
#define MUJOCO_GLUE(NAME, TASK, CHOICE)                                                                                     \
    struct NAME##_opened { struct NAME##_options o; struct mujoco_world *world; };                                    \
    static inline struct mujoco_world *mujoco_of(const void *options) { return ((const struct NAME##_opened *)options)->world; } \
    static bool mujoco_open(void *options, mb_arena *a, mb_error *err)                                                 \
    {                                                                                                                 \
        struct NAME##_opened *p = options;                                                                            \
        return mb__mujoco_open(&TASK, CHOICE, a, &p->world, err);                                                     \
    }                                                                                                                 \
    static void mujoco_close(void *options) { mb__mujoco_close(mujoco_of(options)); }                                   \
    static void mujoco_reset(void *s, const void *o, mb_rng *rng, mb_io *io) { mb__mujoco_reset(mujoco_of(o), o, s, rng, io); } \
    static mb_step mujoco_step(void *s, const void *o, mb_rng *rng, mb_io *io) { return mb__mujoco_step(mujoco_of(o), o, s, io); } \
    static void mujoco_draw(const void *s, const void *o, mb_canvas *c) { mb__mujoco_draw(mujoco_of(o), s, c); }              \
    static bool mujoco_place(void *s, const void *o, const double *v, int n, mb_io *io, mb_error *err)                       \
    {                                                                                                                 \
        return mb__mujoco_place(mujoco_of(o), o, s, v, n, io, err);                                                    \
    }
#define MUJOCO_USE(NAME)                                                                                              \
    .options = NAME##_option_rows, .options_size = sizeof(struct NAME##_opened), .open = mujoco_open, .close = mujoco_close, \
    .state_size = sizeof(struct mujoco_state), .reset = mujoco_reset, .step = mujoco_step, .draw = mujoco_draw, .place = mujoco_place
#endif
