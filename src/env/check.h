/* check.h - inside of the environment checker, shared by check.c and check_play.c. */
#ifndef MB_ENV_CHECK_H
#define MB_ENV_CHECK_H
#include "env/vec.h"

enum { MAX_TEXT = 512 };

/* One kind of finding is told once. */
enum mb__check_kind {
    NAMES, GUARDS, NUMBERS, BOUNDS, UNWRITTEN, REWARDS, MASKS, ACTIVE, TWINS, DIRTY, OPTIONS,
    RESET_REWARD, ACTIONS, SEEDS, PLACE, DRAW, BATCH, GOALS
};

/* n bytes with a guard on either side */
struct mb__check_region { const char *what; uint8_t *data; size_t n; };

/* One guarded instance. */
struct mb__check_twin {
    struct mb__check_region state[2];
    int home; /* which of the two holds the state */
    struct mb__check_region obs[MB_MAX_FIELDS], mask, reward, active, index, value;
    mb_rng rng;
    mb_step last;
};

struct mb__check {
    const mb_env_def *def;
    const void *options;
    const void *unopened; /* the same before `open`, for the vectoriser */
    mb_env_shape shape;
    mb_arena *arena;
    void (*report)(void *ctx, bool ok, const char *what);
    void *ctx;
    uint32_t told; /* bits of mb__check_kind */
    int findings, nindex, nvalue, nmask;
    int64_t step;     /* steps taken so far */
    int64_t episodes;
    int32_t length;   /* steps in this episode */
    bool resetting;
    mb_rng choose;    /* random actions */
};

/* Tell a finding. */
void mb__check_find(struct mb__check *c, enum mb__check_kind kind, const char *fmt, ...)
    MB_PRINTF(3, 4);

/* n zero bytes between guards; tell when the guards were written to. */
bool mb__check_region_make(struct mb__check_region *r, const char *what, size_t n, mb_arena *a,
                           mb_error *err);
void mb__check_region_check(struct mb__check *c, struct mb__check_region *r);

bool mb__check_twin_make(struct mb__check *c, struct mb__check_twin *t, uint64_t seed,
                         mb_error *err);
mb_io mb__check_twin_io(const struct mb__check *c, const struct mb__check_twin *t);
/* Reset or step with the actions in t->index and t->value.
   Images are filled with `rubbish` before. */
void mb__check_twin_reset(struct mb__check *c, struct mb__check_twin *t, uint8_t rubbish);
void mb__check_twin_step(struct mb__check *c, struct mb__check_twin *t, uint8_t rubbish);
bool mb__check_episode_over(const struct mb__check *c, const struct mb__check_twin *t);

/* Random actions within bounds that the masks allow: of one field, of all agents. */
void mb__check_random_box(struct mb__check *c, const mb_field *f, float *out);
int mb__check_random_choice(struct mb__check *c, const mb_field *f, const uint8_t *mask);
void mb__check_random_actions(struct mb__check *c, struct mb__check_twin *t);
void mb__check_copy_actions(struct mb__check_twin *to, const struct mb__check_twin *from);

/* `steps` random steps of t[0] and t[1] in turn, looking at everything.
   t[2] and t[3] are for trials. */
void mb__check_play(struct mb__check *c, int64_t steps, struct mb__check_twin t[4]);
#endif
