/* MinAtar SpaceInvaders: shoot a block of aliens that marches sideways and down, and dodge its bullets.
   Dynamics and update order as in minatar 1.0.15. */
#include "env/arcade/minatar.h"

enum { CANNON, ALIEN, ALIEN_LEFT, ALIEN_RIGHT, FRIENDLY_BULLET, ENEMY_BULLET, CHANNELS };
enum { SHOT_PAUSE = 5, MOVE_INTERVAL = 12, FASTEST_INTERVAL = 6, ENEMY_SHOT_INTERVAL = 10 };
enum { BLOCK_ROWS = 4, BLOCK = 0xfc }; /* aliens begin in columns 2 to 7 */
enum { LEFT_EDGE = 1, RIGHT_EDGE = 1 << (SIDE - 1) };

#define STATE(ONE, MANY)                                                                           \
    ONE(last_action, 0, 5)                                                                         \
    ONE(pos, 0, 9) ONE(alien_dir, -1, 1) ONE(move_interval, 1, 12) ONE(alien_move_timer, 0, 12)    \
    ONE(alien_shot_timer, 0, 10) ONE(shot_timer, 0, 5)                                             \
    MANY(alien, 10, 0, 1023) /* row by row, bit x is column x */                                   \
    MANY(friendly, 10, 0, 1023)                                                                    \
    MANY(enemy, 10, 0, 1023)
MINATAR_STATE(spaceinvaders, STATE)

static const int8_t minimal[] = { NOOP, LEFT, RIGHT, FIRE };

/* Channels 1 to 5 of one row.  The three maps of the row lie side by side in one word, so that a shift brings the bits
   of column x to places 0, 10 and 20; one product copies them to the bytes of their channels, and everything else it
   leaves lies between the bytes' lowest bits. */
static void show_row(int alien, int friendly, int enemy, int heading, uint8_t *cell)
{
    enum { FROM_FRIENDLY = SIDE, FROM_ENEMY = 2 * SIDE };
    uint64_t maps = (uint64_t)(alien | friendly << FROM_FRIENDLY | enemy << FROM_ENEMY);
    uint64_t spread = 1u << 8 * ALIEN | 1ull << 8 * heading | 1ull << (8 * FRIENDLY_BULLET - FROM_FRIENDLY) |
                      1ull << (8 * ENEMY_BULLET - FROM_ENEMY);
    for (int x = 0; x < SIDE; x++, cell += CHANNELS) {
        uint64_t here = maps >> x & (1u | 1u << FROM_FRIENDLY | 1u << FROM_ENEMY);
        uint64_t bytes = here * spread & 0x010101010101;
        memcpy(cell, &bytes, CHANNELS); /* byte order: little-endian machines only, as the whole library */
    }
}

static void observe(const struct spaceinvaders *s, uint8_t *cells)
{
    minatar_clear(cells, CHANNELS);
    for (int y = 0; y < SIDE; y++)
        if (s->alien[y] | s->friendly[y] | s->enemy[y])
            show_row(s->alien[y], s->friendly[y], s->enemy[y], s->alien_dir < 0 ? ALIEN_LEFT : ALIEN_RIGHT,
                     cells + y * SIDE * CHANNELS);
    MINATAR_SET(cells, CHANNELS, SIDE - 1, s->pos, CANNON);
}

static int count_aliens(const struct spaceinvaders *s)
{
    int n = 0;
    for (int y = 0; y < SIDE; y++) n += __builtin_popcount((unsigned)s->alien[y]);
    return n;
}

/* All columns that hold an alien, as bits. */
static int alien_columns(const struct spaceinvaders *s)
{
    int columns = 0;
    for (int y = 0; y < SIDE; y++) columns |= s->alien[y];
    return columns;
}

static void move_bullets(struct spaceinvaders *s)
{
    memmove(s->friendly, s->friendly + 1, (SIDE - 1) * sizeof *s->friendly);
    s->friendly[SIDE - 1] = 0;
    memmove(s->enemy + 1, s->enemy, (SIDE - 1) * sizeof *s->enemy);
    s->enemy[0] = 0;
}

/* Sideways, or one row down and about at the edge; true when an alien was already at the bottom. */
static bool march(struct spaceinvaders *s)
{
    int columns = alien_columns(s);
    if (!((columns & LEFT_EDGE && s->alien_dir < 0) || (columns & RIGHT_EDGE && s->alien_dir > 0))) {
        for (int y = 0; y < SIDE; y++) s->alien[y] = (int16_t)(s->alien_dir < 0 ? s->alien[y] >> 1 : s->alien[y] << 1);
        return false;
    }
    s->alien_dir = (int16_t)-s->alien_dir;
    int16_t bottom = s->alien[SIDE - 1];
    memmove(s->alien + 1, s->alien, (SIDE - 1) * sizeof *s->alien);
    s->alien[0] = bottom;
    return bottom != 0;
}

/* The lowest alien of the column nearest to the cannon shoots; of two equally near columns the left one. */
static void enemy_fire(struct spaceinvaders *s)
{
    int columns = alien_columns(s), column = 0, nearest = SIDE;
    for (int x = 0; x < SIDE; x++) {
        int distance = x < s->pos ? s->pos - x : x - s->pos;
        if (columns >> x & 1 && distance < nearest) {
            nearest = distance;
            column = x;
        }
    }
    for (int y = SIDE - 1; y >= 0; y--)
        if (s->alien[y] >> column & 1) {
            s->enemy[y] = (int16_t)(s->enemy[y] | 1 << column);
            return;
        }
}

/* Aliens and bullets that meet vanish; returns how many. */
static int hits(struct spaceinvaders *s)
{
    int n = 0;
    for (int y = 0; y < SIDE; y++) {
        int hit = s->alien[y] & s->friendly[y];
        s->alien[y] = (int16_t)(s->alien[y] & ~hit);
        s->friendly[y] = (int16_t)(s->friendly[y] & ~hit);
        n += __builtin_popcount((unsigned)hit);
    }
    return n;
}

static void new_block(struct spaceinvaders *s)
{
    for (int y = 0; y < BLOCK_ROWS; y++) s->alien[y] = BLOCK;
}

static mb_step advance(struct spaceinvaders *s, bool ramping, int action)
{
    mb_step out = { 0, false };
    if (action == FIRE && s->shot_timer == 0) {
        s->friendly[SIDE - 1] = (int16_t)(s->friendly[SIDE - 1] | 1 << s->pos);
        s->shot_timer = SHOT_PAUSE;
    } else if (action == LEFT) s->pos = minatar_left(s->pos);
    else if (action == RIGHT) s->pos = minatar_right(s->pos);

    int here = 1 << s->pos;
    move_bullets(s);
    out.terminated = (s->enemy[SIDE - 1] | s->alien[SIDE - 1]) & here;
    if (s->alien_move_timer == 0) {
        int aliens = count_aliens(s);
        s->alien_move_timer = (int16_t)(aliens < s->move_interval ? aliens : s->move_interval);
        out.terminated |= march(s);
        out.terminated |= (s->alien[SIDE - 1] & here) != 0;
    }
    if (s->alien_shot_timer == 0) {
        s->alien_shot_timer = ENEMY_SHOT_INTERVAL;
        enemy_fire(s);
    }
    out.reward = (float)hits(s);
    if (s->shot_timer > 0) s->shot_timer--;
    s->alien_move_timer--;
    s->alien_shot_timer--;
    if (!alien_columns(s)) {
        if (s->move_interval > FASTEST_INTERVAL && ramping) s->move_interval--;
        new_block(s);
    }
    return out;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct spaceinvaders *s = state;
    *s = (struct spaceinvaders){ .pos = 5, .alien_dir = -1, .move_interval = MOVE_INTERVAL,
                                 .alien_move_timer = MOVE_INTERVAL, .alien_shot_timer = ENEMY_SHOT_INTERVAL };
    new_block(s);
    observe(s, io->obs_field[0]);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct spaceinvaders *s = state;
    const struct minatar_options *o = options;
    mb_step out = advance(s, o->ramping, minatar_action(o, minimal, io->index[0], &s->last_action, rng));
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
    if (!minatar_place("spaceinvaders", state, state_rows, STATE_ROWS, values, n, err)) return false;
    const struct spaceinvaders *s = state;
    if (!s->alien_dir)
        return mb_fail(err, MB_ERR_RANGE, "spaceinvaders: state number 'alien_dir' must be -1 or 1, not 0");
    if (!alien_columns(s))
        return mb_fail(err, MB_ERR_RANGE, "spaceinvaders: state number 'alien' must hold at least one alien");
    observe(s, io->obs_field[0]);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    uint8_t cells[SIDE * SIDE * CHANNELS];
    observe(state, cells);
    minatar_draw(cells, CHANNELS, canvas);
}

MB_ENV(spaceinvaders) = {
    MB_ENV_HEAD, .name = "spaceinvaders", .summary = "MinAtar: shoot marching aliens, dodge their bullets",
    .source = "Young & Tian 2019, MinAtar SpaceInvaders", .obs = MINATAR_OBS(CHANNELS), .act = MB_DISCRETE(sizeof minimal),
    .state_size = sizeof(struct spaceinvaders), MB_USE_OPTIONS(minatar), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = &state_list[1],
};
