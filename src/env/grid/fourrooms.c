/* FourRooms: four rooms joined by four gaps; agent and goal begin anywhere (Sutton, Precup & Singh
   1999). MiniGrid-FourRooms of the Python package minigrid 3.2.0, where the size is always 19. */
#include "env/grid/minigrid.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, size, 19, 5, 31, "cells per side, walls included; odd")                               \
    NUM(int, max_steps, 100, 1, 100000, "steps until truncation")
MB_OPTIONS(fourrooms, OPTIONS)

enum { NORTH, WEST, EAST, SOUTH, GAPS };

/* Rooms with their gaps: the row of the northern and southern one, the column of the western and
   eastern one. */
static void build(struct minigrid *s, int size, const int gap[GAPS])
{
    int middle = size / 2;
    mg_begin(s, size, MG_REACH_GOAL);
    for (int i = 1; i < size - 1; i++) *mg_at(s, middle, i) = *mg_at(s, i, middle) = MG_WALL;
    *mg_at(s, middle, gap[NORTH]) = *mg_at(s, middle, gap[SOUTH]) = MG_EMPTY;
    *mg_at(s, gap[WEST], middle) = *mg_at(s, gap[EAST], middle) = MG_EMPTY;
}

/* A random empty cell. */
static int empty_cell(const struct minigrid *s, mb_rng *rng)
{
    int i;
    do i = mb_below(rng, s->size * s->size);
    while (s->cell[i] != MG_EMPTY);
    return i;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct minigrid *s = state;
    const struct fourrooms_options *o = options;
    int middle = o->size / 2, gap[GAPS];
    for (int i = 0; i < GAPS; i++)
        gap[i] = 1 + mb_below(rng, middle - 1) + (i == EAST || i == SOUTH ? middle : 0);
    build(s, o->size, gap);
    int agent = empty_cell(s, rng), goal;
    do goal = empty_cell(s, rng);
    while (goal == agent);
    s->cell[goal] = MG_GOAL;
    s->x = (uint8_t)(agent % o->size);
    s->y = (uint8_t)(agent / o->size);
    s->dir = (uint8_t)mb_below(rng, 4);
    mg_observe(s, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct fourrooms_options *o = options;
    return mg_step(state, o->max_steps, io);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct fourrooms_options *o = options;
    if (o->size % 2 == 0)
        return mb_fail(
            err, MB_ERR_RANGE,
            "fourrooms: option 'size' must be odd, so that the walls meet in the middle, not %d",
            o->size);
    shape->time_limit = o->max_steps;
    shape->state_size = mg_state_size(o->size);
    return true;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io,
                  mb_error *err)
{
    const struct fourrooms_options *o = options;
    struct minigrid *s = state;
    int last = o->size - 2, middle = o->size / 2;
    const struct mb__number want[10] = {
        { "x", 1, last },           { "y", 1, last },
        { "direction", 0, 3 },      { "step_count", 0, o->max_steps - 1 },
        { "goal_x", 1, last },      { "goal_y", 1, last },
        { "north", 1, middle - 1 }, { "west", 1, middle - 1 },
        { "east", middle + 1, last }, { "south", middle + 1, last },
    };
    int w[10];
    if (!mb__place_read("fourrooms", want, 10, v, n, w, err)) return false;
    build(s, o->size, w + 6);
    if (*mg_at(s, w[4], w[5]) != MG_EMPTY)
        return mb_fail(err, MB_ERR_RANGE, "fourrooms: the goal cannot be in the wall at (%d, %d)",
                       w[4], w[5]);
    *mg_at(s, w[4], w[5]) = MG_GOAL;
    if (!mg_put_agent(s, "fourrooms", w[0], w[1], w[2], w[3], err)) return false;
    mg_observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    mg_draw(state, canvas);
}

MB_BATCH(reset, step)
MB_ENV(fourrooms) = {
    MB_ENV_HEAD,
    .name = "fourrooms",
    .summary = "find the goal in four rooms; a partial view of a grid",
    .source = "MiniGrid-FourRooms (Chevalier-Boisvert et al. 2023)",
    .obs = MG_OBS,
    .act = MB_DISCRETE(MG_ACTIONS),
    .time_limit = 100,
    .state_size = sizeof(struct minigrid) + 361,
    MB_USE_OPTIONS(fourrooms),
    .shape = shape,
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "x,y,direction,step_count,goal_x,goal_y,north,west,east,south",
};
