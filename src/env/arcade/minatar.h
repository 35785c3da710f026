/* What the five MinAtar games share: action set, sticky actions, options, the full state as rows, drawing.
   Young & Tian (2019), "MinAtar: An Atari-Inspired Testbed for Thorough and Reproducible Reinforcement Learning
   Experiments"; rules and update order as in the package minatar 1.0.15.

   Each game is a pure function of its state, the action and a few drawn numbers (`advance`), so that it can be compared
   with the reference draw by draw; `step` draws the numbers from the environment's own stream.  The state is a
   struct of int16_t alone: no padding, and a list of numbers in the order of its rows. */
#ifndef MATCHBOX_ENV_ARCADE_MINATAR_H
#define MATCHBOX_ENV_ARCADE_MINATAR_H
#include "matchbox/env.h"

enum { SIDE = 10 };                                     /* every game lives on 10 x 10 cells */
enum { NOOP, LEFT, UP, RIGHT, DOWN, FIRE, ALL_ACTIONS }; /* the reference's numbers */
enum { MINIMAL, FULL };

#define MINATAR_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                              \
    NUM(float, sticky, 0.1f, 0, 1, "probability that the previous action is repeated instead")     \
    NUM(bool, ramping, true, 0, 1, "the game becomes harder over time (no effect in breakout, freeway)") \
    PICK(actions, MINIMAL, "minimal|full", "actions that do something here, or all six")           \
    NUM(int, time_limit, 0, 0, 1000000000, "steps per episode, 0: none, as in the reference")
MB_OPTIONS(minatar, MINATAR_OPTIONS)

/* cells: one byte per cell and channel, [y][x][channel], 0 or 1 (not scaled: high is 1) */
#define MINATAR_OBS(channels_)                                                                     \
    { 1, { { MB_FIELD_IMAGE, SIDE * SIDE * (channels_), 0, 1, NULL, SIDE, SIDE, channels_, NULL, NULL } } }
#define MINATAR_SET(cells_, channels_, y_, x_, channel_) (cells_)[((y_) * SIDE + (x_)) * (channels_) + (channel_)] = 1

/* An empty picture, in pieces small enough to become plain stores: a memset of the whole is compiled to `rep stos`,
   whose start alone takes longer than the rest of a step. */
static inline void minatar_clear(uint8_t *cells, int channels)
{
    enum { PIECE = SIDE * SIDE / 2 };
    for (int c = 0; c < 2 * channels; c++) memset(cells + c * PIECE, 0, PIECE);
}

/* ---- the state as rows: one field is ONE(name, low, high), an array MANY(name, count, low, high) ---- */

struct minatar_row { const char *name; int count, low, high; };
#define MINATAR_FIELD(name, low, high) int16_t name;
#define MINATAR_FIELDS(name, count, low, high) int16_t name[count];
#define MINATAR_ROW(name, low, high) { #name, 1, low, high },
#define MINATAR_ROWS(name, count, low, high) { #name, count, low, high },
#define MINATAR_NAME(name, low, high) "," #name
#define MINATAR_NAMES(name, count, low, high) "," #name "[" #count "]"
#define MINATAR_STATE(game, STATE)                                                                 \
    struct game { STATE(MINATAR_FIELD, MINATAR_FIELDS) };                                          \
    static const struct minatar_row state_rows[] = { STATE(MINATAR_ROW, MINATAR_ROWS) };           \
    static const char state_list[] = STATE(MINATAR_NAME, MINATAR_NAMES);                           \
    enum { STATE_ROWS = sizeof state_rows / sizeof *state_rows };

/* Read a whole number within its bounds. */
static inline bool minatar_value(const char *game, const char *name, double v, int low, int high, int16_t *out,
                                 mb_error *err)
{
    if (!(v >= low && v <= high) || v != (double)(int)v)
        return mb_fail(err, MB_ERR_RANGE, "%s: state number '%s' must be a whole number in [%d, %d], not %g", game,
                       name, low, high, v);
    *out = (int16_t)v;
    return true;
}

/* Fill the state from numbers in the order of its rows. */
static inline bool minatar_place(const char *game, int16_t *state, const struct minatar_row *rows, int nrows,
                                 const double *values, int n, mb_error *err)
{
    int total = 0;
    for (int r = 0; r < nrows; r++) total += rows[r].count;
    if (n != total) return mb_fail(err, MB_ERR_SHAPE, "%s: a state has %d numbers, not %d", game, total, n);
    for (int r = 0; r < nrows; r++)
        for (int k = 0; k < rows[r].count; k++)
            if (!minatar_value(game, rows[r].name, *values++, rows[r].low, rows[r].high, state++, err)) return false;
    return true;
}

/* ---- actions ---- */

/* The action that takes effect, in the reference's numbers; *last remembers it for the next step. */
static inline int minatar_action(const struct minatar_options *o, const int8_t *minimal, int index, int16_t *last,
                                 mb_rng *rng)
{
    int action = o->actions == FULL ? index : minimal[index];
    if (o->sticky > 0 && mb_uniform(rng, 0, 1) < o->sticky) action = *last;
    *last = (int16_t)action;
    return action;
}

static inline bool minatar_shape(const struct minatar_options *o, int nminimal, mb_env_shape *shape)
{
    shape->act.field[0].n = o->actions == FULL ? ALL_ACTIONS : nminimal;
    shape->time_limit = o->time_limit;
    return true;
}

static inline int16_t minatar_left(int x)
{
    return (int16_t)(x > 0 ? x - 1 : 0);
}
static inline int16_t minatar_right(int x)
{
    return (int16_t)(x < SIDE - 1 ? x + 1 : SIDE - 1);
}

/* ---- drawing: each cell in the colour of its highest channel, as the reference's own display does ---- */

static inline void minatar_draw(const uint8_t *cells, int channels, mb_canvas *canvas)
{
    static const mb_color palette[] = { 0x4fc3f7, 0xffb74d, 0x6d6d7a, 0xe57373, 0xba68c8,
                                        0x81c784, 0xf06292, 0x4dd0e1, 0xfff176, 0xaed581 };
    mb_canvas_clear(canvas, 0x15151c);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const uint8_t *cell = cells + (y * SIDE + x) * channels;
            int top = channels - 1;
            while (top >= 0 && !cell[top]) top--;
            float left = (float)x / SIDE, up = (float)y / SIDE, size = 0.92f / SIDE;
            if (top >= 0) mb_canvas_rect(canvas, left, up, left + size, up + size, palette[top]);
        }
}
#endif
