/* The world of MiniGrid (Chevalier-Boisvert et al. 2023): a walled grid of objects, an agent that
   turns, walks and handles what lies before it, and its 7x7 view in which walls and shut doors hide
   what is behind them.  Cell codes, actions, the rule of visibility and the reward are those of the
   Python package minigrid 3.2.0. */
#ifndef MB_ENV_MINIGRID_H
#define MB_ENV_MINIGRID_H
#include "env/place.h"

enum { MG_VIEW = 7, MG_MISSIONS = 8 };
enum mg_action { MG_LEFT, MG_RIGHT, MG_FORWARD, MG_PICKUP, MG_DROP, MG_TOGGLE, MG_DONE };
/* One numbering for the family, below MG_MISSIONS. */
enum mg_mission { MG_OPEN_DOOR_REACH_GOAL, MG_REACH_GOAL };
enum { MG_ACTIONS = MG_DONE + 1 };

/* Cells are small numbers; the view shows them as the reference's object, color and state. */
enum mg_cell {
    MG_UNSEEN, MG_EMPTY, MG_WALL, MG_GOAL, MG_KEY, MG_DOOR_OPEN, MG_DOOR_CLOSED, MG_DOOR_LOCKED
};
static const uint8_t mg_code[][4] = { /* object, color, state, 1 if one can see through */
    [MG_EMPTY] = { 1, 0, 0, 1 },
    [MG_WALL] = { 2, 5, 0, 0 }, /* grey */
    [MG_GOAL] = { 8, 1, 0, 1 }, /* green */
    [MG_KEY] = { 5, 4, 0, 1 },  /* yellow, as the doors */
    [MG_DOOR_OPEN] = { 4, 4, 0, 1 },
    [MG_DOOR_CLOSED] = { 4, 4, 1, 0 },
    [MG_DOOR_LOCKED] = { 4, 4, 2, 0 },
};

struct minigrid {
    int32_t step_count;
    uint8_t x, y;       /* of the agent; x grows to the right, y downward */
    uint8_t dir;        /* 0 right, 1 down, 2 left, 3 up */
    uint8_t carrying;   /* the cell in the agent's hands, or 0 */
    uint8_t size;       /* cells per side */
    uint8_t mission;
    uint8_t cell[];     /* [size, size], row y, column x */
};

static const int8_t mg_dx[4] = { 1, 0, -1, 0 }, mg_dy[4] = { 0, 1, 0, -1 };

static inline size_t mg_state_size(int size)
{
    size_t n = offsetof(struct minigrid, cell) + (size_t)(size * size);
    return (n + 7) / 8 * 8;
}

static inline uint8_t *mg_at(struct minigrid *s, int x, int y)
{
    return &s->cell[y * s->size + x];
}

static inline bool mg_can_enter(unsigned cell)
{
    return cell == MG_EMPTY || cell == MG_GOAL || cell == MG_DOOR_OPEN;
}

/* An empty room with a wall around it. */
static inline void mg_begin(struct minigrid *s, int size, int mission)
{
    memset(s, 0, mg_state_size(size));
    s->size = (uint8_t)size;
    s->mission = (uint8_t)mission;
    memset(s->cell, MG_EMPTY, (size_t)(size * size));
    memset(s->cell, MG_WALL, (size_t)size);
    memset(mg_at(s, 0, size - 1), MG_WALL, (size_t)size);
    for (int y = 1; y < size - 1; y++) *mg_at(s, 0, y) = *mg_at(s, size - 1, y) = MG_WALL;
}

/* One row of the view: sight spreads sideways through see-through cells, first to the right, then
   to the left, and from every see-through cell one row up, straight and diagonally.  `seen` and
   `clear` hold one bit per column, lowest first. A pass does not start its step up from the column
   it ends in: that is the reference's rule, and it shows. */
static inline unsigned mg_spread(unsigned seen, unsigned clear, unsigned *above)
{
    enum { ALL = (1 << MG_VIEW) - 1, FIRST = 1, LAST = 1 << (MG_VIEW - 1) };
    /* to the right: adding sends a carry from each lit cell to the end of its run of see-through
       cells */
    unsigned lit = seen & clear;
    lit |= clear & ~(clear + lit);
    seen = (seen | lit << 1) & ALL;
    unsigned rightward = seen & clear & ~(unsigned)LAST;
    /* to the left there is no carry: double the reach three times */
    lit = seen & clear;
    lit |= clear & lit >> 1;
    unsigned run = clear & clear >> 1;
    lit |= run & lit >> 2;
    run &= run >> 2;
    lit |= run & lit >> 4;
    seen |= lit >> 1;
    unsigned leftward = seen & clear & ~(unsigned)FIRST;
    *above = rightward | rightward << 1 | leftward | leftward >> 1;
    return seen;
}

/* Where the view lies in the grid: the corner at row 0, column 0, and the steps to the next column
   and row. */
struct mg_frame { int x, y, column_dx, column_dy, row_dx, row_dy; };
static inline struct mg_frame mg_frame_of(const struct minigrid *s)
{
    int dx = mg_dx[s->dir], dy = mg_dy[s->dir], half = MG_VIEW / 2, far_row = MG_VIEW - 1;
    /* the agent's right hand points to (-dy, dx) */
    return (struct mg_frame){
        s->x + dx * far_row + dy * half, s->y + dy * far_row - dx * half, -dy, dx, -dx, -dy
    };
}

/* The view as cells, view[column][row], the agent at the middle of the last row looking up;
   MG_UNSEEN where hidden. */
static inline void mg_view(const struct minigrid *s, uint8_t view[MG_VIEW][MG_VIEW])
{
    struct mg_frame f = mg_frame_of(s);
    int size = s->size, offset[MG_VIEW], inside[MG_VIEW]; /* per column; inside: all bits or none */
    for (int i = 0; i < MG_VIEW; i++) {
        int along = f.column_dx ? f.x + f.column_dx * i : f.y + f.column_dy * i;
        offset[i] = f.column_dx ? along : along * size;
        inside[i] = -(along >= 0 && along < size);
    }
    unsigned seen = 1u << MG_VIEW / 2;
    for (int row = MG_VIEW - 1; row >= 0; row--) {
        int along = f.row_dx ? f.x + f.row_dx * row : f.y + f.row_dy * row;
        int base = f.row_dx ? along : along * size, row_inside = -(along >= 0 && along < size);
        unsigned clear = 0, above;
        uint8_t cell[MG_VIEW];
        for (int i = 0; i < MG_VIEW; i++) {
            /* outside the grid there is wall, as in its first cell */
            cell[i] = s->cell[(base + offset[i]) & row_inside & inside[i]];
            clear |= (unsigned)mg_code[cell[i]][3] << i;
        }
        seen = mg_spread(seen, clear, &above);
        for (int i = 0; i < MG_VIEW; i++) view[i][row] = (uint8_t)(cell[i] & -(seen >> i & 1));
        seen = above;
    }
    view[MG_VIEW / 2][MG_VIEW - 1] = s->carrying ? s->carrying : MG_EMPTY;
}

/* Fields: image uint8 [column][row][object, color, state], direction, mission. */
static inline void mg_observe(const struct minigrid *s, mb_io *io)
{
    enum { LAST = MG_VIEW * MG_VIEW - 1 };
    uint8_t view[MG_VIEW][MG_VIEW], *out = io->obs_field[0];
    const uint8_t *cell = &view[0][0];
    mg_view(s, view);
    /* four bytes at once: the next cell overwrites the fourth */
    for (int i = 0; i < LAST; i++) memcpy(out + 3 * i, mg_code[cell[i]], 4);
    memcpy(out + 3 * LAST, mg_code[cell[LAST]], 3);
    *(int32_t *)io->obs_field[1] = s->dir;
    *(int32_t *)io->obs_field[2] = s->mission;
}

static inline void mg_toggle(const struct minigrid *s, uint8_t *cell)
{
    if (*cell == MG_DOOR_OPEN) *cell = MG_DOOR_CLOSED;
    else if (*cell == MG_DOOR_CLOSED || (*cell == MG_DOOR_LOCKED && s->carrying == MG_KEY))
        *cell = MG_DOOR_OPEN;
}

static inline mb_step mg_step(struct minigrid *s, int max_steps, mb_io *io)
{
    /* the cell ahead is inside the grid, because there is a wall around */
    int x = s->x + mg_dx[s->dir], y = s->y + mg_dy[s->dir];
    uint8_t *front = mg_at(s, x, y);
    mb_step result = { 0 };
    s->step_count++;
    switch (io->index[0]) {
    case MG_LEFT: s->dir = (s->dir + 3) & 3; break;
    case MG_RIGHT: s->dir = (s->dir + 1) & 3; break;
    case MG_FORWARD:
        if (mg_can_enter(*front)) s->x = (uint8_t)x, s->y = (uint8_t)y;
        if (*front == MG_GOAL)
            result = (mb_step){ (float)(1 - 0.9 * ((double)s->step_count / max_steps)), true };
        break;
    case MG_PICKUP:
        if (*front == MG_KEY && !s->carrying) s->carrying = *front, *front = MG_EMPTY;
        break;
    case MG_DROP:
        if (*front == MG_EMPTY && s->carrying) *front = s->carrying, s->carrying = 0;
        break;
    case MG_TOGGLE: mg_toggle(s, front); break;
    default: break; /* MG_DONE changes nothing */
    }
    mg_observe(s, io);
    return result;
}

/* Put the agent there; false when the cell cannot be stood on. */
static inline bool mg_put_agent(struct minigrid *s, const char *env, int x, int y, int dir,
                                int step_count, mb_error *err)
{
    if (!mg_can_enter(*mg_at(s, x, y)))
        return mb_fail(err, MB_ERR_RANGE, "%s: the agent cannot stand at (%d, %d) in this state",
                       env, x, y);
    s->x = (uint8_t)x, s->y = (uint8_t)y, s->dir = (uint8_t)dir;
    s->step_count = step_count;
    return true;
}

static inline void mg_draw_cell(mb_canvas *c, unsigned cell, float x, float y, float u)
{
    switch (cell) {
    case MG_WALL: mb_canvas_rect(c, x, y, x + u, y + u, 0x6e7480); break;
    case MG_GOAL:
        mb_canvas_rect(c, x + 0.06f * u, y + 0.06f * u, x + 0.94f * u, y + 0.94f * u, 0x3fae5a);
        break;
    case MG_KEY:
        mb_canvas_line(c, x + 0.56f * u, y + 0.3f * u, x + 0.56f * u, y + 0.85f * u, 0.12f * u,
                       0xf2c230);
        mb_canvas_line(c, x + 0.40f * u, y + 0.63f * u, x + 0.56f * u, y + 0.63f * u, 0.08f * u,
                       0xf2c230);
        mb_canvas_line(c, x + 0.40f * u, y + 0.82f * u, x + 0.56f * u, y + 0.82f * u, 0.08f * u,
                       0xf2c230);
        mb_canvas_disc(c, x + 0.56f * u, y + 0.28f * u, 0.18f * u, 0xf2c230);
        mb_canvas_disc(c, x + 0.56f * u, y + 0.28f * u, 0.07f * u, 0x1c1f26);
        break;
    case MG_DOOR_OPEN: mb_canvas_rect(c, x + 0.88f * u, y, x + u, y + u, 0xf2c230); break;
    case MG_DOOR_CLOSED:
    case MG_DOOR_LOCKED:
        mb_canvas_rect(c, x, y, x + u, y + u, 0xf2c230);
        mb_canvas_rect(c, x + 0.08f * u, y + 0.08f * u, x + 0.92f * u, y + 0.92f * u,
                       cell == MG_DOOR_LOCKED ? 0x7d651c : 0x1c1f26);
        mb_canvas_disc(c, x + 0.72f * u, y + 0.5f * u, 0.08f * u, 0xf2c230);
        break;
    default: break;
    }
}

/* The whole grid, what the agent sees lit, and the agent as an arrowhead. */
static inline void mg_draw(const struct minigrid *s, mb_canvas *c)
{
    float u = 1.0f / (float)s->size;
    uint8_t view[MG_VIEW][MG_VIEW];
    mg_view(s, view);
    mb_canvas_clear(c, 0x1c1f26);
    struct mg_frame f = mg_frame_of(s);
    for (int row = 0; row < MG_VIEW; row++)
        for (int i = 0; i < MG_VIEW; i++) {
            float x = (float)(f.x + f.row_dx * row + f.column_dx * i) * u,
                  y = (float)(f.y + f.row_dy * row + f.column_dy * i) * u;
            if (view[i][row] != MG_UNSEEN) mb_canvas_rect(c, x, y, x + u, y + u, 0x3a4150);
        }
    for (int i = 1; i < s->size; i++) {
        mb_canvas_line(c, (float)i * u, 0, (float)i * u, 1, 0.002f, 0x4a5060);
        mb_canvas_line(c, 0, (float)i * u, 1, (float)i * u, 0.002f, 0x4a5060);
    }
    for (int i = 0; i < s->size * s->size; i++)
        mg_draw_cell(c, s->cell[i], (float)(i % s->size) * u, (float)(i / s->size) * u, u);
    float x = ((float)s->x + 0.5f) * u, y = ((float)s->y + 0.5f) * u;
    float fx = (float)mg_dx[s->dir] * u, fy = (float)mg_dy[s->dir] * u;
    for (int i = 0; i <= 24; i++) { /* a triangle filled with strokes from its tip to its base */
        float t = (float)i / 24 - 0.5f;
        mb_canvas_line(c, x + 0.36f * fx, y + 0.36f * fy, x - 0.32f * fx - 0.62f * t * fy,
                       y - 0.32f * fy + 0.62f * t * fx, 0.05f * u, 0xe5484d);
    }
    if (s->carrying) mg_draw_cell(c, s->carrying, x - 0.25f * u, y - 0.25f * u, 0.5f * u);
}

#define MG_OBS                                                                                     \
    MB_FIELDS(3, MB_F_IMAGE("image", MG_VIEW, MG_VIEW, 3), MB_F_DISCRETE("direction", 4),          \
              MB_F_DISCRETE("mission", MG_MISSIONS))
#endif
