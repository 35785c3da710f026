/* The world of MiniGrid (Chevalier-Boisvert et al. 2023): a walled grid of objects, an agent that turns, walks and handles
   what lies before it, and its 7x7 view in which walls and shut doors hide what is behind them.  Cell codes, actions, the
   rule of visibility and the reward are those of the Python package minigrid 3.2.0. */
#ifndef MB_ENV_MINIGRID_H
#define MB_ENV_MINIGRID_H
#include "env/place.h"

enum { MG_VIEW = 7, MG_MISSIONS = 8 };
enum mg_action { MG_LEFT, MG_RIGHT, MG_FORWARD, MG_PICKUP, MG_DROP, MG_TOGGLE, MG_DONE, MG_ACTIONS };
enum mg_mission { MG_OPEN_DOOR_REACH_GOAL, MG_REACH_GOAL }; /* one numbering for the family, up to MG_MISSIONS */

/* A cell is an object (the reference's number; 4 bits), its state (2 bits) and its color (2 bits, as below). */
enum mg_object { MG_UNSEEN = 0, MG_EMPTY = 1, MG_WALL = 2, MG_DOOR = 4, MG_KEY = 5, MG_GOAL = 8 };
enum mg_state { MG_OPEN, MG_CLOSED, MG_LOCKED };
#define MG_CELL(object, state, color) ((object) | (state) << 4 | (color) << 6)
enum { MG_BLACK, MG_GREEN, MG_YELLOW, MG_GREY }; /* 0: objects without a color */
enum {
    MG_C_EMPTY = MG_CELL(MG_EMPTY, 0, MG_BLACK),
    MG_C_WALL = MG_CELL(MG_WALL, 0, MG_GREY),
    MG_C_GOAL = MG_CELL(MG_GOAL, 0, MG_GREEN),
    MG_C_KEY = MG_CELL(MG_KEY, 0, MG_YELLOW),
    MG_C_DOOR = MG_CELL(MG_DOOR, 0, MG_YELLOW) /* | state << 4 */
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

static inline int mg_object(unsigned cell) { return cell & 15; }
static inline int mg_state(unsigned cell) { return cell >> 4 & 3; }
static inline bool mg_blocks_view(unsigned cell)
{
    return mg_object(cell) == MG_WALL || (mg_object(cell) == MG_DOOR && mg_state(cell) != MG_OPEN);
}
static inline bool mg_can_enter(unsigned cell)
{
    return cell == MG_C_EMPTY || cell == MG_C_GOAL || cell == MG_C_DOOR;
}

/* An empty room with a wall around it. */
static inline void mg_begin(struct minigrid *s, int size, int mission)
{
    memset(s, 0, mg_state_size(size));
    s->size = (uint8_t)size;
    s->mission = (uint8_t)mission;
    memset(s->cell, MG_C_EMPTY, (size_t)(size * size));
    memset(s->cell, MG_C_WALL, (size_t)size);
    memset(mg_at(s, 0, size - 1), MG_C_WALL, (size_t)size);
    for (int y = 1; y < size - 1; y++) *mg_at(s, 0, y) = *mg_at(s, size - 1, y) = MG_C_WALL;
}

/* One row of the view: spread sight sideways through see-through cells, then one row up (straight and diagonally).
   `seen` and `clear` hold one bit per column; the two passes and their ends are the reference's. */
static inline unsigned mg_spread(unsigned seen, unsigned clear, unsigned *above)
{
    enum { ALL = (1 << MG_VIEW) - 1, FIRST = 1, LAST = 1 << (MG_VIEW - 1) };
    for (int i = 1; i < MG_VIEW; i++) seen |= (seen & clear) << 1 & ALL;
    unsigned rightward = seen & clear & ~(unsigned)LAST;
    for (int i = 1; i < MG_VIEW; i++) seen |= (seen & clear) >> 1;
    unsigned leftward = seen & clear & ~(unsigned)FIRST;
    *above = rightward | rightward << 1 | leftward | leftward >> 1;
    return seen;
}

/* The view as cells, view[row][column], the agent at the middle of the last row looking up; MG_UNSEEN where hidden. */
static inline void mg_view(const struct minigrid *s, uint8_t view[MG_VIEW][MG_VIEW])
{
    int dx = mg_dx[s->dir], dy = mg_dy[s->dir], size = s->size;
    unsigned seen = 1u << MG_VIEW / 2;
    for (int row = MG_VIEW - 1; row >= 0; row--) {
        int ahead = MG_VIEW - 1 - row;
        /* the agent's right hand points to (-dy, dx) */
        int x = s->x + dx * ahead + dy * (MG_VIEW / 2), y = s->y + dy * ahead - dx * (MG_VIEW / 2);
        unsigned clear = 0, above;
        for (int i = 0; i < MG_VIEW; i++, x -= dy, y += dx) {
            bool inside = x >= 0 && x < size && y >= 0 && y < size;
            uint8_t cell = inside ? s->cell[y * size + x] : MG_C_WALL;
            view[row][i] = cell;
            clear |= (unsigned)!mg_blocks_view(cell) << i;
        }
        seen = mg_spread(seen, clear, &above);
        for (int i = 0; i < MG_VIEW; i++) view[row][i] = seen >> i & 1 ? view[row][i] : MG_UNSEEN;
        seen = above;
    }
    view[MG_VIEW - 1][MG_VIEW / 2] = s->carrying ? s->carrying : MG_C_EMPTY;
}

/* Fields: image uint8 [column][row][object, color, state], direction, mission. */
static inline void mg_observe(const struct minigrid *s, mb_io *io)
{
    static const uint8_t color_code[4] = { 0, 1, 4, 5 }; /* the reference's numbers of MG_BLACK .. MG_GREY */
    uint8_t view[MG_VIEW][MG_VIEW], *out = io->obs_field[0];
    mg_view(s, view);
    for (int i = 0; i < MG_VIEW; i++)
        for (int row = 0; row < MG_VIEW; row++, out += 3) {
            unsigned cell = view[row][i];
            out[0] = (uint8_t)mg_object(cell);
            out[1] = color_code[cell >> 6];
            out[2] = (uint8_t)mg_state(cell);
        }
    *(int32_t *)io->obs_field[1] = s->dir;
    *(int32_t *)io->obs_field[2] = s->mission;
}

static inline void mg_toggle(const struct minigrid *s, uint8_t *cell)
{
    if (mg_object(*cell) != MG_DOOR) return;
    int state = mg_state(*cell);
    if (state == MG_LOCKED && s->carrying != MG_C_KEY) return;
    *cell = (uint8_t)(MG_C_DOOR | (state == MG_OPEN ? MG_CLOSED : MG_OPEN) << 4);
}

static inline mb_step mg_step(struct minigrid *s, int max_steps, mb_io *io)
{
    int x = s->x + mg_dx[s->dir], y = s->y + mg_dy[s->dir]; /* inside, because there is a wall around */
    uint8_t *front = mg_at(s, x, y);
    mb_step result = { 0 };
    s->step_count++;
    switch (io->index[0]) {
    case MG_LEFT: s->dir = (s->dir + 3) & 3; break;
    case MG_RIGHT: s->dir = (s->dir + 1) & 3; break;
    case MG_FORWARD:
        if (mg_can_enter(*front)) s->x = (uint8_t)x, s->y = (uint8_t)y;
        if (*front == MG_C_GOAL) result = (mb_step){ (float)(1 - 0.9 * ((double)s->step_count / max_steps)), true };
        break;
    case MG_PICKUP:
        if (mg_object(*front) == MG_KEY && !s->carrying) s->carrying = *front, *front = MG_C_EMPTY;
        break;
    case MG_DROP:
        if (*front == MG_C_EMPTY && s->carrying) *front = s->carrying, s->carrying = 0;
        break;
    case MG_TOGGLE: mg_toggle(s, front); break;
    default: break; /* MG_DONE changes nothing */
    }
    mg_observe(s, io);
    return result;
}

/* Put the agent there; false when the cell cannot be stood on. */
static inline bool mg_put_agent(struct minigrid *s, const char *env, int x, int y, int dir, int step_count, mb_error *err)
{
    if (!mg_can_enter(*mg_at(s, x, y)))
        return mb_fail(err, MB_ERR_RANGE, "%s: the agent cannot stand at (%d, %d) in this state", env, x, y);
    s->x = (uint8_t)x, s->y = (uint8_t)y, s->dir = (uint8_t)dir;
    s->step_count = step_count;
    return true;
}

static inline void mg_draw_cell(mb_canvas *c, unsigned cell, float x, float y, float u)
{
    switch (mg_object(cell)) {
    case MG_WALL: mb_canvas_rect(c, x, y, x + u, y + u, 0x6e7480); break;
    case MG_GOAL: mb_canvas_rect(c, x + 0.06f * u, y + 0.06f * u, x + 0.94f * u, y + 0.94f * u, 0x3fae5a); break;
    case MG_KEY:
        mb_canvas_line(c, x + 0.56f * u, y + 0.3f * u, x + 0.56f * u, y + 0.85f * u, 0.12f * u, 0xf2c230);
        mb_canvas_line(c, x + 0.40f * u, y + 0.63f * u, x + 0.56f * u, y + 0.63f * u, 0.08f * u, 0xf2c230);
        mb_canvas_line(c, x + 0.40f * u, y + 0.82f * u, x + 0.56f * u, y + 0.82f * u, 0.08f * u, 0xf2c230);
        mb_canvas_disc(c, x + 0.56f * u, y + 0.28f * u, 0.18f * u, 0xf2c230);
        mb_canvas_disc(c, x + 0.56f * u, y + 0.28f * u, 0.07f * u, 0x1c1f26);
        break;
    case MG_DOOR:
        if (mg_state(cell) == MG_OPEN) {
            mb_canvas_rect(c, x + 0.88f * u, y, x + u, y + u, 0xf2c230);
            break;
        }
        mb_canvas_rect(c, x, y, x + u, y + u, 0xf2c230);
        mb_canvas_rect(c, x + 0.08f * u, y + 0.08f * u, x + 0.92f * u, y + 0.92f * u, mg_state(cell) == MG_LOCKED ? 0x7d651c : 0x1c1f26);
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
    int dx = mg_dx[s->dir], dy = mg_dy[s->dir];
    for (int row = 0; row < MG_VIEW; row++)
        for (int i = 0; i < MG_VIEW; i++) {
            int ahead = MG_VIEW - 1 - row, aside = i - MG_VIEW / 2;
            float x = (float)(s->x + dx * ahead - dy * aside) * u, y = (float)(s->y + dy * ahead + dx * aside) * u;
            if (view[row][i] != MG_UNSEEN) mb_canvas_rect(c, x, y, x + u, y + u, 0x3a4150);
        }
    for (int i = 1; i < s->size; i++) {
        mb_canvas_line(c, (float)i * u, 0, (float)i * u, 1, 0.002f, 0x4a5060);
        mb_canvas_line(c, 0, (float)i * u, 1, (float)i * u, 0.002f, 0x4a5060);
    }
    for (int i = 0; i < s->size * s->size; i++)
        mg_draw_cell(c, s->cell[i], (float)(i % s->size) * u, (float)(i / s->size) * u, u);
    float x = ((float)s->x + 0.5f) * u, y = ((float)s->y + 0.5f) * u, fx = (float)dx * u, fy = (float)dy * u;
    for (int i = 0; i <= 24; i++) { /* a triangle filled with strokes from its tip to its base */
        float t = (float)i / 24 - 0.5f;
        mb_canvas_line(c, x + 0.36f * fx, y + 0.36f * fy, x - 0.32f * fx - 0.62f * t * fy, y - 0.32f * fy + 0.62f * t * fx,
                       0.05f * u, 0xe5484d);
    }
    if (s->carrying) mg_draw_cell(c, s->carrying, x - 0.25f * u, y - 0.25f * u, 0.5f * u);
}

#define MG_OBS MB_FIELDS(3, MB_F_IMAGE("image", MG_VIEW, MG_VIEW, 3), MB_F_DISCRETE("direction", 4), MB_F_DISCRETE("mission", MG_MISSIONS))
#endif
