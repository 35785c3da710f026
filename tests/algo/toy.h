/* The smallest problem of every kind: each agent sees a target and is paid for repeating it.  Options choose the kind of action and
   of observation, masks and the number of agents.  Episodes end by themselves (1 step in 16) or by the time limit. */
#ifndef TOY_H
#define TOY_H
#include "run/run_test.h"
#include <malloc.h>

enum { DISCRETE, MULTI, CONTINUOUS, MIXED };
enum { NUMBER, VECTOR, PICTURE, BOTH };
#define TOY_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                      \
    PICK(action, DISCRETE, "discrete|multi|continuous|mixed", "kind of action")        \
    PICK(sight, NUMBER, "number|vector|picture|both", "kind of observation")           \
    NUM(bool, masked, false, 0, 1, "one wrong choice is forbidden")                    \
    NUM(int, agents, 1, 1, 2, "agents")
MB_OPTIONS(toy, TOY_OPTIONS)

enum { CHOICES = 3, MOVES = 2, SIDE = 5, TOY_AGENTS = 2 };
struct toy { int32_t target[TOY_AGENTS], forbidden[TOY_AGENTS]; };

static bool toy_shape(const void *options, mb_env_shape *s, mb_error *err)
{
    const struct toy_options *o = options;
    static const mb_space acts[] = { MB_DISCRETE(CHOICES), MB_FIELDS(2, MB_F_DISCRETE("a", CHOICES), MB_F_DISCRETE("b", MOVES)),
                                     MB_BOX_IN(1, -2, 2), MB_FIELDS(2, MB_F_BOX("x", 1, -2, 2), MB_F_DISCRETE("a", CHOICES)) };
    static const mb_space sights[] = { MB_DISCRETE(CHOICES), MB_BOX(CHOICES), MB_IMAGE(SIDE, SIDE, 1),
                                       MB_FIELDS(3, MB_F_DISCRETE("n", CHOICES), MB_F_BOX("v", CHOICES, -1, 1), MB_F_IMAGE("p", SIDE, SIDE, 1)) };
    s->act = acts[o->action];
    s->obs = sights[o->sight];
    s->nagents = o->agents;
    s->masked = o->masked && o->action != CONTINUOUS;
    return true;
}

static void toy_see(struct toy *s, const struct toy_options *o, mb_rng *rng, mb_io *io)
{
    int nmask = o->action == MULTI ? CHOICES + MOVES : CHOICES;
    for (int k = 0; k < o->agents; k++) {
        int target = s->target[k] = mb_below(rng, CHOICES), at = 0;
        s->forbidden[k] = (target + 1 + mb_below(rng, CHOICES - 1)) % CHOICES;
        if (o->sight == NUMBER || o->sight == BOTH) ((int32_t *)io->obs_field[at++])[k] = target;
        if (o->sight == VECTOR || o->sight == BOTH) {
            float *v = (float *)io->obs_field[at++] + k * CHOICES;
            for (int i = 0; i < CHOICES; i++) v[i] = i == target ? 1 : 0;
        }
        if (o->sight == PICTURE || o->sight == BOTH) {
            uint8_t *p = (uint8_t *)io->obs_field[at] + k * SIDE * SIDE;
            memset(p, 0, SIDE * SIDE);
            for (int i = 0; i < SIDE; i++) p[i * SIDE + target] = 255;
        }
        if (io->mask) io->mask[k * nmask + s->forbidden[k]] = 0;
    }
}

static void toy_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    toy_see(state, options, rng, io);
}

static mb_step toy_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct toy *s = state;
    const struct toy_options *o = options;
    float punished = 0;
    for (int k = 0; k < o->agents; k++) {
        float near = 0;
        int parts = 0, nindex = o->action == MULTI ? 2 : 1;
        if (o->action != CONTINUOUS) {
            int choice = io->index[k * nindex];
            near += choice == s->target[k], parts++;
            if (io->mask && choice == s->forbidden[k]) punished = 1000;
        }
        if (o->action == MULTI) near += io->index[k * nindex + 1] == s->target[k] % MOVES, parts++;
        if (o->action == CONTINUOUS || o->action == MIXED) {
            float d = io->value[k] - (float)(s->target[k] - 1);
            near += 1 - d * d, parts++;
        }
        io->reward[k] = near / (float)parts;
    }
    toy_see(s, o, rng, io);
    return (mb_step){ -punished, mb_below(rng, 16) == 0 };
}

static const mb_env_def toy = { MB_ENV_HEAD, .name = "toy", .summary = "repeat what you see", .obs = MB_DISCRETE(CHOICES), .act = MB_DISCRETE(CHOICES),
                                .time_limit = 8, .state_size = sizeof(struct toy), MB_USE_OPTIONS(toy), .shape = toy_shape,
                                .reset = toy_reset, .step = toy_step };

/* ---- runs of it ---- */

/* Settings from a table of "key", "value", ..., NULL. */
static inline void toy_set(mb_settings *s, const char *const *pairs)
{
    for (int i = 0; pairs && pairs[i]; i += 2) run_set(s, pairs[i], pairs[i + 1]);
}

/* set only where the algorithm has such an option */
static inline void toy_wish(mb_settings *s, const char *key, const char *value)
{
    mb_error quiet = { 0 };
    mb_settings_set(s, key, value, "test", &quiet);
}

/* The state of a trainer: a hash (FNV-1a) of the bytes a checkpoint would have. */
static inline uint64_t toy_state(mb_trainer *t)
{
    mb_error err = { 0 };
    size_t n = 0, mark = mb_arena_mark(run_memory);
    const char *path = run_file("state");
    if (!mb_store_save(mb_trainer_view(t)->scope->store, path, 0, &err)) printf("FAIL state: %s\n", err.what), exit(1);
    char *bytes = run_read(path, &n);
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < n; i++) hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3;
    mb_arena_release(run_memory, mark);
    return hash;
}

/* The state after five iterations and an evaluation; a forbidden action would show in the return. */
static inline uint64_t toy_once(mb_settings *s, const char *algo, bool masked)
{
    mb_error err = { 0 };
    mb_eval eval = { 0 };
    mb_trainer *t = mb_trainer_new(s, NULL, &err);
    bool ok = t != NULL;
    for (int i = 0; ok && i < 5; i++) ok = mb_trainer_iterate(t, &err);
    ok = ok && mb_trainer_evaluate(t, 4, &eval, &err);
    if (!ok || (masked && eval.return_min < -100)) {
        mb__checks_failed++;
        printf("FAIL %s: %s, return %g\n", algo, err.what, eval.return_min);
    }
    uint64_t state = ok ? toy_state(t) : 0;
    mb_trainer_free(t);
    return state;
}
#endif
