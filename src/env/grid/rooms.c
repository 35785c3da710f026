/* Rooms: four rooms joined by four doorways, fully observed; the observation is the number of the agent's cell.
   The floor plan of Sutton, Precup & Singh (1999), "Between MDPs and semi-MDPs": 104 cells; an action goes where it says
   with chance 2/3 and in each other direction with chance 1/9; against a wall the agent stays.  Reward 1 at the goal. */
#include "matchbox/env.h"

enum { UP, RIGHT, DOWN, LEFT, ACTIONS, W = 13, H = 13, CELLS = 104 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    NUM(double, slip, 1.0 / 3.0, 0, 1, "chance that the direction is another than the chosen one")   \
    NUM(int, goal, 62, 0, 103, "cell of the goal, counted row by row; 62: the doorway between the eastern rooms") \
    PICK(start, 0, "random|corner", "where an episode begins: any cell but the goal, or the top left one")
MB_OPTIONS(rooms, OPTIONS)

static const char plan[H][W + 1] = {
    "#############",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#.....#.....#",
    "##.####.....#",
    "#.....###.###",
    "#.....#.....#",
    "#.....#.....#",
    "#...........#",
    "#.....#.....#",
    "#############",
};

struct rooms { int32_t at; }; /* cell 0 .. 103 */

/* Where cell number `cell` is in the plan, as y * W + x. */
static int spot_of(int cell)
{
    int spot = 0;
    for (;; spot++)
        if (plan[spot / W][spot % W] == '.' && cell-- == 0) return spot;
}
static int cell_of(int spot)
{
    int cell = 0;
    for (int i = 0; i < spot; i++) cell += plan[i / W][i % W] == '.';
    return cell;
}

/* The cell beyond in a direction, or the same one against a wall. */
static int neighbor(int cell, int direction)
{
    static const int8_t dx[ACTIONS] = { 0, 1, 0, -1 }, dy[ACTIONS] = { -1, 0, 1, 0 };
    int spot = spot_of(cell), to = spot + dy[direction] * W + dx[direction];
    return plan[to / W][to % W] == '.' ? cell_of(to) : cell;
}

static void observe(const struct rooms *s, mb_io *io) { ((int32_t *)io->obs_field[0])[0] = s->at; }

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct rooms_options *o = options;
    struct rooms *s = state;
    s->at = 0;
    if (o->start == 0 || o->goal == 0) s->at = mb_below(rng, CELLS - 1);
    if (o->start == 0 || o->goal == 0) s->at += s->at >= o->goal;
    observe(s, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct rooms_options *o = options;
    struct rooms *s = state;
    int direction = io->index[0];
    if (o->slip > 0 && mb_uniform64(rng) < o->slip) direction = (direction + 1 + mb_below(rng, ACTIONS - 1)) % ACTIONS;
    s->at = neighbor(s->at, direction);
    observe(s, io);
    bool there = s->at == o->goal;
    return (mb_step){ there ? 1.0f : 0.0f, there };
}

static int model(const void *options, int state, int action, mb_outcome *out, int max)
{
    const struct rooms_options *o = options;
    if (state == MB_MODEL_RESET) {
        bool corner = o->start != 0 && o->goal != 0;
        int n = corner ? 1 : CELLS - 1;
        for (int i = 0; i < n && i < max; i++) out[i] = (mb_outcome){ .p = 1.0 / n, .next = corner ? 0 : i + (i >= o->goal) };
        return n;
    }
    if (state == o->goal) return 0;
    for (int i = 0; i < ACTIONS && i < max; i++) {
        int next = neighbor(state, (action + i) % ACTIONS);
        bool there = next == o->goal;
        out[i] = (mb_outcome){ i == 0 ? 1 - o->slip : o->slip / (ACTIONS - 1), next, there ? 1.0f : 0.0f, there };
    }
    return ACTIONS;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    struct rooms *s = state;
    if (n != 1) return mb_fail(err, MB_ERR_SHAPE, "rooms: a state has 1 number, not %d: the cell", n);
    if (!(v[0] >= 0 && v[0] < CELLS) || v[0] != (double)(int32_t)v[0])
        return mb_fail(err, MB_ERR_RANGE, "rooms: the cell must be a whole number in [0, %d], not %g", CELLS - 1, v[0]);
    s->at = (int32_t)v[0];
    observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct rooms_options *o = options;
    const struct rooms *s = state;
    int goal = spot_of(o->goal), at = spot_of(s->at);
    mb_canvas_clear(c, 0xf4f1ea);
    for (int i = 0; i < W * H; i++) {
        float x = (float)(i % W) / W, y = (float)(i / W) / H;
        bool wall = plan[i / W][i % W] == '#';
        if (wall || i == goal) mb_canvas_rect(c, x, y, x + 1.0f / W, y + 1.0f / H, wall ? 0x5b5348 : 0x4f9d69);
    }
    mb_canvas_disc(c, ((float)(at % W) + 0.5f) / W, ((float)(at / W) + 0.5f) / H, 0.3f / W, 0x2563a8);
}

MB_BATCH(reset, step)
MB_ENV(rooms) = {
    MB_ENV_HEAD, .name = "rooms", .summary = "four rooms, fully observed: find the goal's doorway on a slippery floor",
    .source = "Sutton, Precup & Singh (1999), Between MDPs and semi-MDPs", .obs = MB_DISCRETE(CELLS), .act = MB_DISCRETE(ACTIONS),
    .time_limit = 500, .state_size = sizeof(struct rooms), MB_USE_OPTIONS(rooms), .reset = reset, .step = step, .batch = batch,
    .draw = draw, .place = place, .state_names = "cell", .model = model,
};
