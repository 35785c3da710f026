/* Spread: two agents must cover two landmarks at the same time, on a grid; both get the same
   reward. After the simple-spread task of Lowe et al. (2017), made discrete: cells instead of a
   plane, and an episode ends with success. */
#include "env/place.h"

enum { PLANES = 3 };
enum { NORTH, SOUTH, EAST, WEST, STAND, ACTIONS };

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, size, 5, 3, 12, "cells per side")                                                     \
    NUM(float, cover_bonus, 0.1f, 0, 1,                                                            \
        "for every landmark newly covered, and back when it is left")                              \
    NUM(float, step_cost, 0.01f, 0, 1, "for every step")
MB_OPTIONS(spread, OPTIONS)

struct spread { uint8_t agent[2], landmark[2]; }; /* cells, row by row */

static int covered(const struct spread *s)
{
    int n = 0;
    for (int i = 0; i < 2; i++) n += s->landmark[i] == s->agent[0] || s->landmark[i] == s->agent[1];
    return n;
}

static void observe(const struct spread *s, int size, mb_io *io)
{
    int n = size * size * PLANES;
    memset(io->obs, 0, (size_t)(2 * n) * sizeof *io->obs);
    for (int k = 0; k < 2; k++) {
        float *out = io->obs + k * n;
        out[s->agent[k] * PLANES] = 1;
        out[s->agent[!k] * PLANES + 1] = 1;
        for (int i = 0; i < 2; i++) out[s->landmark[i] * PLANES + 2] = 1;
    }
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct spread_options *o = options;
    struct spread *s = state;
    int cell[4], n = 0;
    while (n < 4) { /* four different cells */
        cell[n] = mb_below(rng, o->size * o->size);
        bool fresh = true;
        for (int i = 0; i < n; i++) fresh &= cell[i] != cell[n];
        n += fresh;
    }
    *s = (struct spread){ { (uint8_t)cell[0], (uint8_t)cell[1] },
                          { (uint8_t)cell[2], (uint8_t)cell[3] } };
    observe(s, o->size, io);
}

/* Where an agent wants to go; the edge stops it. */
static int target(int cell, int action, int size)
{
    int x = cell % size, y = cell / size;
    switch (action) {
    case NORTH: return y > 0 ? cell - size : cell;
    case SOUTH: return y < size - 1 ? cell + size : cell;
    case EAST: return x < size - 1 ? cell + 1 : cell;
    case WEST: return x > 0 ? cell - 1 : cell;
    default: return cell;
    }
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct spread_options *o = options;
    struct spread *s = state;
    int before = covered(s);
    int a = target(s->agent[0], io->index[0], o->size),
        b = target(s->agent[1], io->index[1], o->size);
    /* nobody moves when both want the same cell or each other's; following is fine */
    if (a != b && !(a == s->agent[1] && b == s->agent[0])) {
        s->agent[0] = (uint8_t)a;
        s->agent[1] = (uint8_t)b;
    }
    int after = covered(s);
    bool success = after == 2;
    observe(s, o->size, io);
    return (mb_step){ (float)success + o->cover_bonus * (float)(after - before) - o->step_cost,
                      success };
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct spread_options *o = options;
    mb_field *f = &shape->obs.field[0];
    f->h = f->w = o->size;
    f->n = o->size * o->size * PLANES;
    shape->time_limit = 10 * o->size;
    return true;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io,
                  mb_error *err)
{
    const struct spread_options *o = options;
    int last = o->size - 1, w[8], cell[4];
    const struct mb__number want[8] = {
        { "a_x", 0, last },         { "a_y", 0, last },         { "b_x", 0, last },
        { "b_y", 0, last },         { "landmark0_x", 0, last }, { "landmark0_y", 0, last },
        { "landmark1_x", 0, last }, { "landmark1_y", 0, last },
    };
    if (!mb__place_read("spread", want, 8, v, n, w, err)) return false;
    for (int i = 0; i < 4; i++) cell[i] = w[2 * i + 1] * o->size + w[2 * i];
    if (cell[0] == cell[1] || cell[2] == cell[3])
        return mb_fail(
            err, MB_ERR_RANGE,
            "spread: the two agents, and the two landmarks, need different cells in a state");
    struct spread placed = { { (uint8_t)cell[0], (uint8_t)cell[1] },
                             { (uint8_t)cell[2], (uint8_t)cell[3] } };
    if (covered(&placed) == 2)
        return mb_fail(err, MB_ERR_RANGE,
                       "spread: both landmarks are covered in this state: the episode is over");
    *(struct spread *)state = placed;
    observe(state, o->size, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct spread_options *o = options;
    const struct spread *s = state;
    static const mb_color color[2] = { 0xd8493a, 0x2563a8 };
    float u = 1.0f / (float)o->size;
    mb_canvas_clear(c, 0xf7f3e8);
    for (int i = 1; i < o->size; i++) {
        mb_canvas_line(c, (float)i * u, 0, (float)i * u, 1, 0.004f, 0xd9d2c0);
        mb_canvas_line(c, 0, (float)i * u, 1, (float)i * u, 0.004f, 0xd9d2c0);
    }
    for (int i = 0; i < 2; i++) { /* landmarks are rings */
        float x = ((float)(s->landmark[i] % o->size) + 0.5f) * u,
              y = ((float)(s->landmark[i] / o->size) + 0.5f) * u;
        mb_canvas_disc(c, x, y, 0.44f * u, 0x3fae5a);
        mb_canvas_disc(c, x, y, 0.36f * u, 0xf7f3e8);
    }
    for (int k = 0; k < 2; k++) {
        float x = ((float)(s->agent[k] % o->size) + 0.5f) * u,
              y = ((float)(s->agent[k] / o->size) + 0.5f) * u;
        mb_canvas_disc(c, x, y, 0.28f * u, color[k]);
    }
}

MB_BATCH(reset, step)
MB_ENV(spread) = {
    MB_ENV_HEAD,
    .name = "spread",
    .summary = "two agents cover two landmarks together, on a grid (cooperative)",
    .source = "after simple spread (Lowe et al. 2017)",
    .obs = MB_GRID(5, 5, PLANES, 0, 1),
    .act = MB_DISCRETE(ACTIONS),
    .nagents = 2,
    .time_limit = 50,
    .state_size = sizeof(struct spread),
    MB_USE_OPTIONS(spread),
    .shape = shape,
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "a_x,a_y,b_x,b_y,landmark0_x,landmark0_y,landmark1_x,landmark1_y",
};
