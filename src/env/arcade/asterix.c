/* MinAtar Asterix: run among enemies and treasures that cross the screen; touch treasure, avoid enemies.
   Dynamics and update order as in minatar 1.0.15. */
#include "env/arcade/minatar.h"

enum { PLAYER, ENEMY, TRAIL, GOLD, CHANNELS };
enum { SLOTS = 8, NOBODY = -1 }; /* one entity per row 1 to 8 */
enum { SPAWN_START = 10, MOVE_START = 5, RAMP_INTERVAL = 100 };

#define STATE(ONE, MANY)                                                                           \
    ONE(last_action, 0, 5)                                                                         \
    ONE(player_x, 0, 9) ONE(player_y, 1, 8)                                                        \
    ONE(spawn_speed, 1, 10) ONE(spawn_timer, 0, 10) ONE(move_speed, 1, 5) ONE(move_timer, 0, 5)    \
    ONE(ramp_timer, -1, 100) ONE(ramp_index, 0, 10000)                                             \
    MANY(x, 8, -1, 9)     /* of the entity in row 1 + slot, -1: none */                            \
    MANY(right, 8, 0, 1)  /* it moves to the right */                                              \
    MANY(gold, 8, 0, 1)   /* it is a treasure */
MINATAR_STATE(asterix, STATE)

static const int8_t minimal[] = { NOOP, LEFT, UP, RIGHT, DOWN };

/* What is drawn when an entity appears: direction, kind, and which of the free slots in order. */
struct spawn { bool right, gold; int slot; };

static void observe(const struct asterix *s, uint8_t *cells)
{
    minatar_clear(cells, CHANNELS);
    MINATAR_SET(cells, CHANNELS, s->player_y, s->player_x, PLAYER);
    for (int i = 0; i < SLOTS; i++) { /* without branches, which nobody could predict: an empty row gets a 0 in column 0 */
        int here = s->x[i] != NOBODY, x = here ? s->x[i] : 0, back = x + (s->right[i] ? -1 : 1);
        int inside = (back >= 0) & (back < SIDE);
        uint8_t *row = cells + (i + 1) * SIDE * CHANNELS;
        row[x * CHANNELS + (s->gold[i] ? GOLD : ENEMY)] = (uint8_t)here;
        row[(inside ? back : 0) * CHANNELS + TRAIL] = (uint8_t)(here & inside);
    }
}

static int free_slots(const struct asterix *s)
{
    int n = 0;
    for (int i = 0; i < SLOTS; i++) n += s->x[i] == NOBODY;
    return n;
}

static void leave(struct asterix *s, int i)
{
    s->x[i] = NOBODY;
    s->right[i] = s->gold[i] = 0;
}

static void appear(struct asterix *s, struct spawn d)
{
    for (int i = 0; i < SLOTS; i++)
        if (s->x[i] == NOBODY && d.slot-- == 0) {
            s->x[i] = d.right ? 0 : SIDE - 1; /* who moves right comes from the left */
            s->right[i] = d.right;
            s->gold[i] = d.gold;
        }
}

/* Treasure that the player touches is taken; an enemy ends the game. */
static void touch(struct asterix *s, int i, mb_step *out)
{
    if (s->x[i] != s->player_x || i + 1 != s->player_y) return;
    if (s->gold[i]) {
        leave(s, i);
        out->reward++;
    } else {
        out->terminated = true;
    }
}

static void move_entities(struct asterix *s, mb_step *out)
{
    for (int i = 0; i < SLOTS; i++) {
        if (s->x[i] == NOBODY) continue;
        s->x[i] = (int16_t)(s->x[i] + (s->right[i] ? 1 : -1));
        if (s->x[i] < 0 || s->x[i] >= SIDE) leave(s, i);
        else touch(s, i, out);
    }
}

static void ramp(struct asterix *s)
{
    if (s->spawn_speed <= 1 && s->move_speed <= 1) return;
    if (s->ramp_timer >= 0) {
        s->ramp_timer--;
        return;
    }
    if (s->move_speed > 1 && s->ramp_index % 2) s->move_speed--;
    if (s->spawn_speed > 1) s->spawn_speed--;
    s->ramp_index++;
    s->ramp_timer = RAMP_INTERVAL;
}

/* `d` matters only when an entity is due: spawn_timer is 0 and a slot is free. */
static mb_step advance(struct asterix *s, bool ramping, int action, struct spawn d)
{
    mb_step out = { 0, false };
    if (s->spawn_timer == 0) {
        appear(s, d);
        s->spawn_timer = s->spawn_speed;
    }
    if (action == LEFT) s->player_x = minatar_left(s->player_x);
    else if (action == RIGHT) s->player_x = minatar_right(s->player_x);
    else if (action == UP && s->player_y > 1) s->player_y--;
    else if (action == DOWN && s->player_y < SLOTS) s->player_y++;

    touch(s, s->player_y - 1, &out); /* the only entity in the player's row */
    if (s->move_timer == 0) {
        s->move_timer = s->move_speed;
        move_entities(s, &out);
    }
    s->spawn_timer--;
    s->move_timer--;
    if (ramping) ramp(s);
    return out;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct asterix *s = state;
    *s = (struct asterix){ .player_x = 5, .player_y = 5, .spawn_speed = SPAWN_START, .spawn_timer = SPAWN_START,
                           .move_speed = MOVE_START, .move_timer = MOVE_START, .ramp_timer = RAMP_INTERVAL };
    for (int i = 0; i < SLOTS; i++) s->x[i] = NOBODY;
    observe(s, io->obs_field[0]);
}

static struct spawn draw_spawn(const struct asterix *s, mb_rng *rng)
{
    struct spawn d = { 0 };
    int slots = free_slots(s);
    if (!slots) return d;
    d.right = mb_below(rng, 2);
    d.gold = mb_below(rng, 3) == 0;
    d.slot = mb_below(rng, slots);
    return d;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct asterix *s = state;
    const struct minatar_options *o = options;
    int action = minatar_action(o, minimal, io->index[0], &s->last_action, rng);
    struct spawn d = { 0 };
    if (s->spawn_timer == 0) d = draw_spawn(s, rng);
    mb_step out = advance(s, o->ramping, action, d);
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
    if (!minatar_place("asterix", state, state_rows, STATE_ROWS, values, n, err)) return false;
    observe(state, io->obs_field[0]);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    uint8_t cells[SIDE * SIDE * CHANNELS];
    observe(state, cells);
    minatar_draw(cells, CHANNELS, canvas);
}

MB_ENV(asterix) = {
    MB_ENV_HEAD, .name = "asterix", .summary = "MinAtar: collect treasure, avoid enemies",
    .source = "Young & Tian 2019, MinAtar Asterix", .obs = MINATAR_OBS(CHANNELS), .act = MB_DISCRETE(sizeof minimal),
    .state_size = sizeof(struct asterix), MB_USE_OPTIONS(minatar), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = &state_list[1],
};
