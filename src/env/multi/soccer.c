/* Soccer: Littman's two-player zero-sum Markov game (1994) on a pitch of four rows and five
   columns. Both players choose at once; the two moves happen in random order.  Walking into the
   other player leaves both in place and gives the ball to the one who was walked into.

   Player A (agent 0) scores to the left, B (agent 1) to the right.  Each agent sees the pitch as if
   it played to the left (B's view and moves are turned by half a turn), so that one policy can play
   both sides. */
#include "env/place.h"

enum { ROWS = 4, COLUMNS = 5, CELLS = ROWS * COLUMNS, PLANES = 3 };
enum { NORTH, SOUTH, EAST, WEST, STAND, ACTIONS };

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(float, draw, 0.1f, 0, 1, "probability that a step ends the game without a winner")
MB_OPTIONS(soccer, OPTIONS)

struct soccer {
    uint8_t x[2], y[2]; /* column, row from the top, of A and B */
    uint8_t ball;       /* who has it */
};

static bool goal_row(int y) { return y == 1 || y == 2; }

static void observe(const struct soccer *s, mb_io *io)
{
    memset(io->obs, 0, 2 * CELLS * PLANES * sizeof *io->obs);
    for (int k = 0; k < 2; k++) {
        float *out = io->obs + k * CELLS * PLANES;
        for (int p = 0; p < 2; p++) {
            int cell = s->y[p] * COLUMNS + s->x[p];
            float *at = out + (k ? CELLS - 1 - cell : cell) * PLANES;
            at[p != k] = 1;
            at[2] = s->ball == p;
        }
    }
}

static void kick_off(struct soccer *s, int ball)
{
    *s = (struct soccer){ { 3, 1 }, { 1, 2 }, (uint8_t)ball };
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    kick_off(state, mb_below(rng, 2));
    observe(state, io);
}

/* Player p moves.  True when that is a goal. */
static bool move(struct soccer *s, int p, int action)
{
    static const int8_t dx[ACTIONS] = { 0, 0, 1, -1, 0 }, dy[ACTIONS] = { -1, 1, 0, 0, 0 };
    int turned = p ? -1 : 1, other = !p;
    int x = s->x[p] + turned * dx[action], y = s->y[p] + turned * dy[action];
    if (action == STAND) return false;
    if (x == s->x[other] && y == s->y[other]) {
        s->ball = (uint8_t)other;
        return false;
    }
    bool into_goal = x == (p ? COLUMNS : -1) && goal_row(y);
    if (into_goal && s->ball == p) return true;
    if (x < 0 || x >= COLUMNS || y < 0 || y >= ROWS) return false;
    s->x[p] = (uint8_t)x;
    s->y[p] = (uint8_t)y;
    return false;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct soccer *s = state;
    const struct soccer_options *o = options;
    int first = mb_below(rng, 2), scorer = -1;
    bool drawn = mb_uniform(rng, 0, 1) < o->draw;
    if (move(s, first, io->index[first])) scorer = first;
    else if (move(s, !first, io->index[!first])) scorer = !first;
    observe(s, io);
    if (scorer >= 0) {
        io->reward[scorer] = 1;
        io->reward[!scorer] = -1;
    }
    return (mb_step){ 0, scorer >= 0 || drawn };
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io,
                  mb_error *err)
{
    static const struct mb__number want[5] = {
        { "a_x", 0, COLUMNS - 1 }, { "a_y", 0, ROWS - 1 }, { "b_x", 0, COLUMNS - 1 },
        { "b_y", 0, ROWS - 1 },    { "ball", 0, 1 },
    };
    int w[5];
    if (!mb__place_read("soccer", want, 5, v, n, w, err)) return false;
    if (w[0] == w[2] && w[1] == w[3])
        return mb_fail(
            err, MB_ERR_RANGE,
            "soccer: both players stand at (%d, %d) in this state; they need different cells", w[0],
            w[1]);
    *(struct soccer *)state = (struct soccer){ { (uint8_t)w[0], (uint8_t)w[2] },
                                               { (uint8_t)w[1], (uint8_t)w[3] },
                                               (uint8_t)w[4] };
    observe(state, io);
    return true;
}

/* The pitch has a margin of one cell on each side for the goals. */
static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct soccer *s = state;
    const float u = 1.0f / (COLUMNS + 2), v = 1.0f / (ROWS + 1), top = 0.5f * v;
    mb_canvas_clear(c, 0x1f5c33);
    for (int i = 0; i < CELLS; i++) {
        float x = (float)(i % COLUMNS + 1) * u, y = top + (float)(i / COLUMNS) * v;
        mb_canvas_rect(c, x, y, x + u, y + v,
                       (i % COLUMNS + i / COLUMNS) % 2 ? 0x3f9b57 : 0x47a860);
    }
    mb_canvas_rect(c, 0.35f * u, top + v, u, top + 3 * v, 0xd8d8d8);
    mb_canvas_rect(c, 1 - u, top + v, 1 - 0.35f * u, top + 3 * v, 0xd8d8d8);
    mb_canvas_line(c, 0.5f, top, 0.5f, top + ROWS * v, 0.004f, 0xe8f2e8);
    for (int p = 0; p < 2; p++) {
        float x = ((float)s->x[p] + 1.5f) * u, y = top + ((float)s->y[p] + 0.5f) * v;
        mb_canvas_disc(c, x, y, 0.36f * u, p ? 0x2563a8 : 0xd8493a);
        mb_canvas_text(c, x - 0.12f * u, y - 0.17f * v, 0.34f * v, p ? "B" : "A", 0xffffff);
        if (s->ball == p) {
            mb_canvas_disc(c, x + 0.3f * u, y + 0.22f * v, 0.14f * u, 0x222222);
            mb_canvas_disc(c, x + 0.3f * u, y + 0.22f * v, 0.12f * u, 0xfafafa);
        }
    }
}

MB_BATCH(reset, step)
MB_ENV(soccer) = {
    MB_ENV_HEAD,
    .name = "soccer",
    .summary = "one against one: carry the ball into the other's goal (zero-sum)",
    .source = "Littman (1994), Markov games as a framework for multi-agent reinforcement learning",
    .obs = MB_GRID(ROWS, COLUMNS, PLANES, 0, 1),
    .act = MB_DISCRETE(ACTIONS),
    .nagents = 2,
    .time_limit = 100,
    .state_size = sizeof(struct soccer),
    MB_USE_OPTIONS(soccer),
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "a_x,a_y,b_x,b_y,ball",
};
