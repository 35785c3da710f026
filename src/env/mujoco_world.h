/* mujoco_world.h - inside of mujoco.c, shared with mujoco_draw.c: everything that knows MuJoCo's own structs. */
#ifndef MB_ENV_MUJOCO_WORLD_H
#define MB_ENV_MUJOCO_WORLD_H
#include "env/mujoco.h"
#include <mujoco/mujoco.h>
#include <stdatomic.h>

#if mjVERSION_HEADER == 222
#define MUJOCO_VERSION "2.2.2"
#elif mjVERSION_HEADER == 237
#define MUJOCO_VERSION "2.3.7"
#else
#error "matchbox was not tried with this version of MuJoCo"
#endif

#define MUJOCO_FUNCTIONS(F)                                                                                           \
    F(mj_version) F(mj_loadXML) F(mj_deleteModel) F(mj_makeData) F(mj_deleteData) F(mj_resetData) F(mj_forward) F(mj_step) \
    F(mj_rnePostConstraint) F(mj_kinematics)
#define MUJOCO_MEMBER(name) __typeof__(name) *name;

enum { MUJOCO_SLOTS = 64, MUJOCO_XML = 32768 };

struct mujoco_slot {
    _Alignas(64) atomic_bool busy;
    mjData *data; /* NULL until first needed */
    struct mujoco_sim sim;
};

struct mujoco_world {
    const struct mujoco_task *task;
    int version, repeat;
    bool forces;
    struct mujoco_eyes *eyes; /* of a task seen as pixels */
    MUJOCO_FUNCTIONS(MUJOCO_MEMBER)
    void (**user_warning)(const char *);
    mjModel *model;
    struct mujoco_slot slot[MUJOCO_SLOTS];
};

/* mujoco_pixels.c: frames of the simulation as it stands in d, drawn by OpenGL without a window system. */
struct mujoco_eyes *mb__eyes_open(struct mujoco_world *w, int size, mb_arena *a, mb_error *err);
void mb__eyes_close(struct mujoco_world *w, struct mujoco_eyes *e);
/* The present frame goes behind the older ones in `old` into the observation; first: it takes all their places. */
void mb__eyes_see(struct mujoco_world *w, mjData *d, bool first, uint8_t *old, uint8_t *obs);

struct mujoco_slot *mb__mujoco_borrow(struct mujoco_world *w);
void mb__mujoco_return(struct mujoco_slot *s);
#endif
