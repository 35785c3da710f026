/* Connect Four: stones fall into seven columns of six; four in a line win.  One action per column.
   The board is one bit per cell, column by column from the bottom left with an empty seventh bit
   above each column, so that shifting by 1, 6, 7 and 8 moves along the four directions without
   running over an edge. */
#include "env/board/board.h"

enum { COLUMNS = 7, ROWS = 6, STRIDE = ROWS + 1, CELLS = COLUMNS * ROWS };
#define BOTTOM_ROW UINT64_C(0x0040810204081) /* lowest bit of each column */
#define TOP_ROW (BOTTOM_ROW << (ROWS - 1))
#define BOARD (BOTTOM_ROW * ((1u << ROWS) - 1))

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    PICK(opponent, BOARD_RANDOM, "self|random|greedy", "who plays the other side")                 \
    PICK(side, BOARD_FIRST, "first|second|random", "when agent 0 moves")
MB_OPTIONS(connect_four, OPTIONS)

struct connect_four {
    uint64_t stones[2]; /* by color */
    uint8_t turn;       /* color to move */
    uint8_t flip;       /* color of agent 0 */
    uint8_t unused[6];  /* no padding: states are compared byte by byte */
};

static bool has_four(uint64_t stones)
{
    static const int directions[4] = { 1, STRIDE - 1, STRIDE, STRIDE + 1 };
    uint64_t any = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t pairs = stones & stones >> directions[i];
        any |= pairs & pairs >> 2 * directions[i];
    }
    return any != 0;
}

static uint64_t taken(const struct connect_four *s)
{
    return s->stones[0] | s->stones[1];
}

/* The cells where a stone would come to rest, at most one per column. */
static uint64_t landing_cells(uint64_t filled)
{
    return (filled + BOTTOM_ROW) & BOARD;
}

/* One bit per open column, for the mask. */
static unsigned open_columns(uint64_t filled)
{
    unsigned open = 0;
    for (int c = 0; c < COLUMNS; c++)
        open |= (unsigned)(~filled >> (c * STRIDE + ROWS - 1) & 1) << c;
    return open;
}

/* Those of `cells` that complete a four for the owner of `stones`. */
static uint64_t winning_cells(uint64_t stones, uint64_t cells)
{
    uint64_t wins = 0;
    for (; cells; cells &= cells - 1) {
        uint64_t cell = cells & -cells;
        if (has_four(stones | cell)) wins |= cell;
    }
    return wins;
}

/* A tactician of one ply: win now, else stop the other's win, else anything. */
static uint64_t greedy_cells(uint64_t own, uint64_t other)
{
    uint64_t cells = landing_cells(own | other);
    uint64_t wins = winning_cells(own, cells);
    if (wins) return wins;
    uint64_t blocks = winning_cells(other, cells);
    return blocks ? blocks : cells;
}

static void observe(const struct connect_four *s, int nagents, mb_io *io)
{
    for (int k = 0; k < nagents; k++) {
        float *out = io->obs + k * CELLS * BOARD_PLANES;
        int color = k ^ s->flip;
        uint64_t own = s->stones[color], other = s->stones[!color];
        float moving = (float)(s->turn == color);
        for (int row = ROWS - 1; row >= 0; row--)
            for (int c = 0; c < COLUMNS; c++, out += BOARD_PLANES) {
                int bit = c * STRIDE + row;
                out[0] = (float)(own >> bit & 1);
                out[1] = (float)(other >> bit & 1);
                out[2] = moving;
            }
    }
}

/* Put the mover's stone into `cell`.  Returns true when that ends the game and names the winner. */
static bool play(struct connect_four *s, uint64_t cell, int *winner)
{
    int mover = s->turn;
    s->stones[mover] |= cell;
    s->turn = (uint8_t)!mover;
    bool four = has_four(s->stones[mover]);
    *winner = four ? mover : BOARD_DRAW;
    return four || taken(s) == BOARD;
}

static uint64_t choose(const struct connect_four *s, int opponent, mb_rng *rng)
{
    uint64_t cells = opponent == BOARD_EXPERT
                         ? greedy_cells(s->stones[s->turn], s->stones[!s->turn])
                         : landing_cells(taken(s));
    return (uint64_t)1 << board_random_bit(cells, rng);
}

static void show(const struct connect_four *s, int nagents, mb_io *io)
{
    observe(s, nagents, io);
    board_turn(io, nagents, s->flip, s->turn, open_columns(taken(s)), COLUMNS);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct connect_four *s = state;
    const struct connect_four_options *o = options;
    int winner;
    *s = (struct connect_four){ .flip = (uint8_t)board_flip(o->side, rng) };
    if (o->opponent != BOARD_SELF && s->flip) play(s, choose(s, o->opponent, rng), &winner);
    show(s, board_agents(o->opponent), io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct connect_four *s = state;
    const struct connect_four_options *o = options;
    int nagents = board_agents(o->opponent), winner = !s->turn; /* who wins if the column is full */
    int column = io->index[s->turn ^ s->flip];
    uint64_t cell = landing_cells(taken(s)) & (uint64_t)0x3f << column * STRIDE;
    bool over = !cell || play(s, cell, &winner);
    if (!over && o->opponent != BOARD_SELF) over = play(s, choose(s, o->opponent, rng), &winner);
    if (!over) {
        show(s, nagents, io);
        return (mb_step){ 0 };
    }
    observe(s, nagents, io);
    return board_over(io, nagents, s->flip, winner);
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct connect_four_options *o = options;
    shape->nagents = board_agents(o->opponent);
    return true;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io,
                  mb_error *err)
{
    struct connect_four *s = state;
    const struct connect_four_options *o = options;
    struct board_placed p = { 0 };
    if (!board_place(&p, "connect-four", o->opponent, CELLS, v, n, err)) return false;
    struct connect_four placed = { .turn = p.turn, .flip = p.flip };
    for (int i = 0; i < CELLS; i++) {
        int bit = i % COLUMNS * STRIDE + ROWS - 1 - i / COLUMNS;
        for (int color = 0; color < 2; color++)
            placed.stones[color] |= (p.stones[color] >> i & 1) << bit;
    }
    uint64_t filled = taken(&placed);
    /* a stone rests on the bottom or on another stone */
    if (filled & ~(filled << 1 | BOTTOM_ROW))
        return mb_fail(err, MB_ERR_RANGE, "connect-four: a stone hangs in the air in this state");
    if (has_four(placed.stones[0]) || has_four(placed.stones[1]) || filled == BOARD)
        return mb_fail(err, MB_ERR_RANGE, "connect-four: the game is over in this state");
    *s = placed;
    show(s, board_agents(o->opponent), io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct connect_four *s = state;
    mb_canvas_clear(c, 0xf7f3e8);
    mb_canvas_rect(c, 0, 1.0f / 7, 1, 1, 0x2456a6);
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++) {
            int bit = column * STRIDE + row;
            float x = ((float)column + 0.5f) / COLUMNS, y = ((float)(ROWS - row) + 0.5f) / STRIDE;
            bool red = s->stones[0] >> bit & 1, yellow = s->stones[1] >> bit & 1;
            mb_canvas_disc(c, x, y, 0.060f, red ? 0xa92f23 : yellow ? 0xd9a514 : 0x1b4486);
            mb_canvas_disc(c, x, y, red || yellow ? 0.048f : 0.055f,
                           red ? 0xd8493a : yellow ? 0xf5c93c : 0xf7f3e8);
        }
    mb_canvas_disc(c, 0.5f, 0.5f / 7, 0.04f, s->turn ? 0xf5c93c : 0xd8493a); /* who is to move */
}

MB_BATCH(reset, step)
MB_ENV(connect_four) = {
    MB_ENV_HEAD,
    .name = "connect-four",
    .summary = "four stones in a row in a 7x6 rack",
    .source = "Allis (1988), A knowledge-based approach of Connect-Four",
    .obs = MB_GRID(ROWS, COLUMNS, BOARD_PLANES, 0, 1),
    .act = MB_DISCRETE(COLUMNS),
    .masked = true,
    .state_size = sizeof(struct connect_four),
    MB_USE_OPTIONS(connect_four),
    .shape = shape,
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "cell0,cell1,cell2,cell3,cell4,cell5,cell6,cell7,cell8,cell9,cell10,"
                   "cell11,cell12,cell13,cell14,cell15,cell16,cell17,cell18,cell19,cell20,cell21,"
                   "cell22,cell23,cell24,cell25,cell26,cell27,cell28,cell29,cell30,cell31,cell32,"
                   "cell33,cell34,cell35,cell36,cell37,cell38,cell39,cell40,cell41,color",
};
