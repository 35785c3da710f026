/* MinAtar Breakout: bounce a ball off a paddle into three rows of bricks; a new wall appears when all are gone.
   Dynamics and update order as in minatar 1.0.15. */
#include "env/arcade/minatar.h"

enum { PADDLE, BALL, TRAIL, BRICK, CHANNELS };
enum { WALL_TOP = 1, WALL_ROWS = 3, WALL_FULL = (1 << SIDE) - 1, PADDLE_START = 4 };
/* the ball's diagonals, clockwise */
enum { UP_LEFT, UP_RIGHT, DOWN_RIGHT, DOWN_LEFT };

#define STATE(ONE, MANY)                                                                           \
    ONE(last_action, 0, 5)                                                                         \
    ONE(ball_x, 0, 9) ONE(ball_y, 0, 9) ONE(ball_dir, 0, 3) ONE(pos, 0, 9)                         \
    ONE(strike, 0, 1) ONE(last_x, 0, 9) ONE(last_y, 0, 9)                                          \
    MANY(brick, 3, 0, 1023) /* rows 1 to 3 of the picture, bit x is the brick in column x */
MINATAR_STATE(breakout, STATE)

static const int8_t minimal[] = { NOOP, LEFT, RIGHT };

static void observe(const struct breakout *s, uint8_t *cells)
{
    minatar_clear(cells, CHANNELS);
    for (int row = 0; row < WALL_ROWS; row++)
        for (int x = 0; x < SIDE; x++)
            cells[((row + WALL_TOP) * SIDE + x) * CHANNELS + BRICK] = (uint8_t)(s->brick[row] >> x & 1);
    MINATAR_SET(cells, CHANNELS, s->ball_y, s->ball_x, BALL);
    MINATAR_SET(cells, CHANNELS, SIDE - 1, s->pos, PADDLE);
    MINATAR_SET(cells, CHANNELS, s->last_y, s->last_x, TRAIL);
}

static int mirror_x(int dir)
{
    return dir ^ 1;
}
static int mirror_y(int dir)
{
    return 3 - dir;
}

/* The ball is about to enter the bottom row; true when it is lost. */
static bool reach_bottom(struct breakout *s, int x, int *y)
{
    if (!(s->brick[0] | s->brick[1] | s->brick[2])) s->brick[0] = s->brick[1] = s->brick[2] = WALL_FULL;
    if (s->ball_x == s->pos) s->ball_dir = (int16_t)mirror_y(s->ball_dir);
    else if (x == s->pos) s->ball_dir = (int16_t)(s->ball_dir ^ 2); /* back where it came from */
    else return true;
    *y = s->last_y;
    return false;
}

static mb_step advance(struct breakout *s, int action)
{
    mb_step out = { 0, false };
    if (action == LEFT) s->pos = minatar_left(s->pos);
    else if (action == RIGHT) s->pos = minatar_right(s->pos);

    s->last_x = s->ball_x;
    s->last_y = s->ball_y;
    int x = s->ball_x + (s->ball_dir == UP_RIGHT || s->ball_dir == DOWN_RIGHT ? 1 : -1);
    int y = s->ball_y + (s->ball_dir >= DOWN_RIGHT ? 1 : -1);
    if (x < 0 || x >= SIDE) {
        x = x < 0 ? 0 : SIDE - 1;
        s->ball_dir = (int16_t)mirror_x(s->ball_dir);
    }
    bool in_brick = false;
    if (y < 0) {
        y = 0;
        s->ball_dir = (int16_t)mirror_y(s->ball_dir);
    } else if (y >= WALL_TOP && y < WALL_TOP + WALL_ROWS && s->brick[y - WALL_TOP] >> x & 1) {
        in_brick = true;
        if (!s->strike) { /* after a strike the ball flies through bricks until it leaves them */
            out.reward = 1;
            s->strike = 1;
            s->brick[y - WALL_TOP] = (int16_t)(s->brick[y - WALL_TOP] & ~(1 << x));
            y = s->last_y;
            s->ball_dir = (int16_t)mirror_y(s->ball_dir);
        }
    } else if (y == SIDE - 1) {
        out.terminated = reach_bottom(s, x, &y);
    }
    if (!in_brick) s->strike = 0;
    s->ball_x = (int16_t)x;
    s->ball_y = (int16_t)y;
    return out;
}

static void start(struct breakout *s, bool right)
{
    *s = (struct breakout){ .ball_x = right ? SIDE - 1 : 0, .ball_y = 3, .ball_dir = right ? DOWN_LEFT : DOWN_RIGHT,
                            .pos = PADDLE_START, .last_x = right ? SIDE - 1 : 0, .last_y = 3,
                            .brick = { WALL_FULL, WALL_FULL, WALL_FULL } };
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    start(state, mb_below(rng, 2));
    observe(state, io->obs_field[0]);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct breakout *s = state;
    mb_step out = advance(s, minatar_action(options, minimal, io->index[0], &s->last_action, rng));
    observe(s, io->obs_field[0]);
    return out;
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    return minatar_shape(options, sizeof minimal, shape);
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    if (!minatar_place("breakout", state, state_rows, STATE_ROWS, values, n, err)) return false;
    const struct breakout *s = state;
    if (s->ball_y == SIDE - 1)
        return mb_fail(err, MB_ERR_RANGE, "breakout: state number 'ball_y' must be less than 9, where the episode is over");
    observe(s, io->obs_field[0]);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    uint8_t cells[SIDE * SIDE * CHANNELS];
    observe(state, cells);
    minatar_draw(cells, CHANNELS, canvas);
}

MB_ENV(breakout) = {
    MB_ENV_HEAD, .name = "breakout", .summary = "MinAtar: bounce a ball into a wall of bricks",
    .source = "Young & Tian 2019, MinAtar Breakout", .obs = MINATAR_OBS(CHANNELS), .act = MB_DISCRETE(sizeof minimal),
    .state_size = sizeof(struct breakout), MB_USE_OPTIONS(minatar), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = &state_list[1],
};
