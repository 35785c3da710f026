/* Tic-tac-toe (noughts and crosses), the game of Michie's matchboxes (1963).
   Squares are numbered 0 .. 8 row by row from the top left; one action per square. */
#include "env/board/board.h"

enum { SQUARES = 9, FULL = (1 << SQUARES) - 1, CENTER = 1 << 4, CORNERS = 0x145 };

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    PICK(opponent, BOARD_RANDOM, "self|random|perfect", "who plays the other side")                \
    PICK(side, BOARD_FIRST, "first|second|random", "when agent 0 moves")
MB_OPTIONS(tictactoe, OPTIONS)

struct tictactoe {
    uint16_t stones[2]; /* one bit per square, by color */
    uint8_t turn;       /* color to move */
    uint8_t flip;       /* color of agent 0 */
};

static bool has_line(unsigned stones)
{
    static const uint16_t lines[8] = { 0007, 0070, 0700, 0111, 0222, 0444, 0421, 0124 };
    bool any = false;
    for (int i = 0; i < 8; i++) any |= (stones & lines[i]) == lines[i];
    return any;
}

static unsigned empty_squares(const struct tictactoe *s)
{
    return FULL & ~(unsigned)(s->stones[0] | s->stones[1]);
}

/* Value for the player to move, who owns `own`: a win sooner is worth more (10 minus its plies), a
   loss later costs less. */
static int search(unsigned own, unsigned other, int ply, int alpha, int beta)
{
    if (has_line(other)) return ply - 10;
    unsigned empty = FULL & ~(own | other);
    if (!empty) return 0;
    for (; empty; empty &= empty - 1) {
        int value = -search(other, own | (empty & -empty), ply + 1, -beta, -alpha);
        if (value > alpha) alpha = value;
        if (alpha >= beta) break;
    }
    return alpha;
}

/* All replies that keep a draw against a single first stone, known by analysis, so that no search
   starts that early. */
static unsigned opening_replies(unsigned stone)
{
    if (stone == CENTER) return CORNERS;
    if (stone & CORNERS) return CENTER;
    int square = __builtin_ctz(stone);
    unsigned opposite = 1u << (8 - square);
    bool upright = square == 1 || square == 7; /* middle of the top or bottom row */
    unsigned beside = upright ? stone << 1 | stone >> 1 : stone << 3 | stone >> 3;
    return CENTER | opposite | beside;
}

/* The set of minimax-optimal squares; among wins the quickest, among losses the slowest. */
static unsigned best_squares(unsigned own, unsigned other)
{
    unsigned empty = FULL & ~(own | other);
    if (empty == FULL) return FULL;
    if (__builtin_popcount(empty) == SQUARES - 1) return opening_replies(own | other);
    int best = -100;
    unsigned squares = 0;
    for (; empty; empty &= empty - 1) {
        unsigned square = empty & -empty;
        /* one below `best` so that a tie is told from a worse move */
        int value = -search(other, own | square, 1, -100, 1 - best);
        if (value > best) squares = 0;
        if (value >= best) squares |= square;
        if (value > best) best = value;
    }
    return squares;
}

static void observe(const struct tictactoe *s, int nagents, mb_io *io)
{
    for (int k = 0; k < nagents; k++) {
        float *out = io->obs + k * SQUARES * BOARD_PLANES;
        int color = k ^ s->flip;
        unsigned own = s->stones[color], other = s->stones[!color];
        for (int i = 0; i < SQUARES; i++, out += BOARD_PLANES) {
            out[0] = (float)(own >> i & 1);
            out[1] = (float)(other >> i & 1);
            out[2] = (float)(s->turn == color);
        }
    }
}

/* Put the mover's stone on `square`.  Returns true when that ends the game and names the winner. */
static bool play(struct tictactoe *s, int square, int *winner)
{
    int mover = s->turn;
    s->stones[mover] = (uint16_t)(s->stones[mover] | 1 << square);
    s->turn = (uint8_t)!mover;
    bool line = has_line(s->stones[mover]);
    *winner = line ? mover : BOARD_DRAW;
    return line || !empty_squares(s);
}

static int choose(const struct tictactoe *s, int opponent, mb_rng *rng)
{
    bool perfect = opponent == BOARD_EXPERT;
    return board_random_bit(
        perfect ? best_squares(s->stones[s->turn], s->stones[!s->turn]) : empty_squares(s), rng);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct tictactoe *s = state;
    const struct tictactoe_options *o = options;
    int nagents = board_agents(o->opponent), winner;
    *s = (struct tictactoe){ .flip = (uint8_t)board_flip(o->side, rng) };
    if (o->opponent != BOARD_SELF && s->flip) play(s, choose(s, o->opponent, rng), &winner);
    observe(s, nagents, io);
    board_turn(io, nagents, s->flip, s->turn, empty_squares(s), SQUARES);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct tictactoe *s = state;
    const struct tictactoe_options *o = options;
    int nagents = board_agents(o->opponent), winner;
    int square = io->index[s->turn ^ s->flip];
    bool over = true;
    if (empty_squares(s) >> square & 1) {
        over = play(s, square, &winner);
        if (!over && o->opponent != BOARD_SELF)
            over = play(s, choose(s, o->opponent, rng), &winner);
    } else {
        winner = !s->turn; /* an occupied square loses at once */
    }
    observe(s, nagents, io);
    if (over) return board_over(io, nagents, s->flip, winner);
    board_turn(io, nagents, s->flip, s->turn, empty_squares(s), SQUARES);
    return (mb_step){ 0 };
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct tictactoe_options *o = options;
    shape->nagents = board_agents(o->opponent);
    return true;
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io,
                  mb_error *err)
{
    struct tictactoe *s = state;
    const struct tictactoe_options *o = options;
    struct board_placed p = { 0 };
    if (!board_place(&p, "tictactoe", o->opponent, SQUARES, v, n, err)) return false;
    struct tictactoe placed = { { (uint16_t)p.stones[0], (uint16_t)p.stones[1] }, p.turn, p.flip };
    if (has_line(placed.stones[0]) || has_line(placed.stones[1]) || !empty_squares(&placed))
        return mb_fail(err, MB_ERR_RANGE, "tictactoe: the game is over in this state");
    *s = placed;
    int nagents = board_agents(o->opponent);
    observe(s, nagents, io);
    board_turn(io, nagents, s->flip, s->turn, empty_squares(s), SQUARES);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct tictactoe *s = state;
    mb_canvas_clear(c, 0xf7f3e8);
    for (int i = 1; i < 3; i++) {
        float at = (float)i / 3;
        mb_canvas_line(c, at, 0.04f, at, 0.96f, 0.012f, 0x5b5348);
        mb_canvas_line(c, 0.04f, at, 0.96f, at, 0.012f, 0x5b5348);
    }
    for (int i = 0; i < SQUARES; i++) {
        float x = ((float)(i % 3) + 0.5f) / 3, y = ((float)(i / 3) + 0.5f) / 3, r = 0.09f;
        if (s->stones[0] >> i & 1) {
            mb_canvas_line(c, x - r, y - r, x + r, y + r, 0.03f, 0xc0392b);
            mb_canvas_line(c, x - r, y + r, x + r, y - r, 0.03f, 0xc0392b);
        }
        if (s->stones[1] >> i & 1) {
            mb_canvas_disc(c, x, y, 0.105f, 0x2563a8);
            mb_canvas_disc(c, x, y, 0.075f, 0xf7f3e8);
        }
    }
}

MB_BATCH(reset, step)
MB_ENV(tictactoe) = {
    MB_ENV_HEAD, .name = "tictactoe", .summary = "three stones in a row on a 3x3 board",
    .source = "Michie (1963), Experiments on the mechanization of game-learning",
    .obs = MB_GRID(3, 3, BOARD_PLANES, 0, 1), .act = MB_DISCRETE(SQUARES), .masked = true,
    .state_size = sizeof(struct tictactoe), MB_USE_OPTIONS(tictactoe), .shape = shape,
    .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "square0,square1,square2,square3,square4,square5,square6,square7,square8,color",
};
