/* DoorKey: a wall with a locked door divides the room; fetch the key, open the door, reach the
   goal. MiniGrid-DoorKey of the Python package minigrid 3.2.0. */
#include "env/grid/minigrid.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, size, 6, 5, 16, "cells per side, walls included")                                     \
    NUM(int, max_steps, 0, 0, 100000, "steps until truncation; 0: 10 size^2")
MB_OPTIONS(doorkey, OPTIONS)

enum { OPEN, CLOSED, LOCKED }; /* as the reference numbers a door's state */

static int max_steps(const struct doorkey_options *o)
{
    return o->max_steps ? o->max_steps : 10 * o->size * o->size;
}

/* Room, goal, dividing wall and its door. */
static void build(struct minigrid *s, int size, int split, int door_row, int door_state)
{
    mg_begin(s, size, MG_OPEN_DOOR_REACH_GOAL);
    *mg_at(s, size - 2, size - 2) = MG_GOAL;
    for (int y = 1; y < size - 1; y++) *mg_at(s, split, y) = MG_WALL;
    *mg_at(s, split, door_row) = (uint8_t)(MG_DOOR_OPEN + door_state);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct minigrid *s = state;
    const struct doorkey_options *o = options;
    int split = 2 + mb_below(rng, o->size - 4), door_row = 1 + mb_below(rng, o->size - 3);
    build(s, o->size, split, door_row, LOCKED);
    s->x = (uint8_t)(1 + mb_below(rng, split - 1));
    s->y = (uint8_t)(1 + mb_below(rng, o->size - 2));
    s->dir = (uint8_t)mb_below(rng, 4);
    int x, y;
    do { /* the key: anywhere left of the wall but under the agent */
        x = 1 + mb_below(rng, split - 1);
        y = 1 + mb_below(rng, o->size - 2);
    } while (x == s->x && y == s->y);
    *mg_at(s, x, y) = MG_KEY;
    mg_observe(s, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    return mg_step(state, max_steps(options), io);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct doorkey_options *o = options;
    shape->time_limit = max_steps(o);
    shape->state_size = mg_state_size(o->size);
    return true;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io,
                  mb_error *err)
{
    const struct doorkey_options *o = options;
    struct minigrid *s = state;
    int last = o->size - 2;
    const struct mb__number want[9] = {
        { "x", 1, last },         { "y", 1, last },
        { "direction", 0, 3 },    { "step_count", 0, max_steps(o) - 1 },
        { "split", 2, last - 1 }, { "door_row", 1, last - 1 },
        { "door_state", 0, 2 },   { "key_x", -1, last },
        { "key_y", -1, last },
    };
    int w[9];
    if (!mb__place_read("doorkey", want, 9, v, n, w, err)) return false;
    build(s, o->size, w[4], w[5], w[6]);
    if (w[7] < 0 && w[8] < 0) {
        s->carrying = MG_KEY;
    } else {
        if (w[7] < 1 || w[8] < 1 || *mg_at(s, w[7], w[8]) != MG_EMPTY ||
            (w[7] == w[0] && w[8] == w[1]))
            return mb_fail(
                err, MB_ERR_RANGE,
                "doorkey: the key cannot lie at (%d, %d); -1, -1 means that it is carried", w[7],
                w[8]);
        *mg_at(s, w[7], w[8]) = MG_KEY;
    }
    if (!mg_put_agent(s, "doorkey", w[0], w[1], w[2], w[3], err)) return false;
    mg_observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    mg_draw(state, canvas);
}

MB_BATCH(reset, step)
MB_ENV(doorkey) = {
    MB_ENV_HEAD,
    .name = "doorkey",
    .summary = "fetch a key, unlock the door, reach the goal; a partial view of a grid",
    .source = "MiniGrid-DoorKey (Chevalier-Boisvert et al. 2023)",
    .obs = MG_OBS,
    .act = MB_DISCRETE(MG_ACTIONS),
    .time_limit = 360,
    .solved = 0.9f,
    .state_size = sizeof(struct minigrid) + 36,
    MB_USE_OPTIONS(doorkey),
    .shape = shape,
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "x,y,direction,step_count,split,door_row,door_state,key_x,key_y",
};
