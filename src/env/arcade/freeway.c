/* MinAtar Freeway: lead a chicken across eight lanes of cars as often as time allows (2,500 frames).
   Dynamics and update order as in minatar 1.0.15. */
#include "env/arcade/minatar.h"

enum { CHICKEN, CAR, SPEED, CHANNELS = 7 }; /* the trail of a car that moves every k-th frame is in channel SPEED + k - 1 */
enum { LANES = 8, COLUMN = 4, CHICKEN_PAUSE = 3, SLOWEST = 5, FRAMES = 2500 };

#define STATE(ONE, MANY)                                                                           \
    ONE(last_action, 0, 5)                                                                         \
    ONE(pos, 1, 9) ONE(move_timer, 0, 3) ONE(frames_left, 0, 2500)                                 \
    MANY(x, 8, 0, 9)       /* of the car in row 1 + lane */                                        \
    MANY(timer, 8, 0, 5)   /* frames until it moves */                                             \
    MANY(speed, 8, -5, 5)  /* it moves every |speed|-th frame, to the right when positive */
MINATAR_STATE(freeway, STATE)

static const int8_t minimal[] = { NOOP, UP, DOWN };

struct traffic { int8_t speed[LANES]; }; /* what is drawn after each crossing: -5 to 5 without 0 */

static void observe(const struct freeway *s, uint8_t *cells)
{
    minatar_clear(cells, CHANNELS);
    MINATAR_SET(cells, CHANNELS, s->pos, COLUMN, CHICKEN);
    for (int i = 0; i < LANES; i++) {
        int speed = s->speed[i], every = speed > 0 ? speed : -speed;
        int back = (s->x[i] + (speed > 0 ? SIDE - 1 : 1)) % SIDE;
        MINATAR_SET(cells, CHANNELS, i + 1, s->x[i], CAR);
        MINATAR_SET(cells, CHANNELS, i + 1, back, SPEED + every - 1);
    }
}

static void set_traffic(struct freeway *s, struct traffic d)
{
    for (int i = 0; i < LANES; i++) {
        s->speed[i] = d.speed[i];
        s->timer[i] = (int16_t)(d.speed[i] > 0 ? d.speed[i] : -d.speed[i]);
    }
}

/* Does this action bring the chicken to the other side? */
static bool crosses(const struct freeway *s, int action)
{
    return action == UP && s->move_timer == 0 && s->pos == 1;
}

static void drive(struct freeway *s)
{
    for (int i = 0; i < LANES; i++) {
        int x = s->x[i], every = s->speed[i] > 0 ? s->speed[i] : -s->speed[i], moves = s->timer[i] == 0;
        int next = x + (s->speed[i] > 0 ? moves : -moves);
        next = next < 0 ? SIDE - 1 : next == SIDE ? 0 : next;
        s->timer[i] = (int16_t)(moves ? every : s->timer[i] - 1);
        s->x[i] = (int16_t)next;
        if (s->pos == i + 1 && (x == COLUMN || next == COLUMN)) s->pos = SIDE - 1; /* hit before or after the move */
    }
}

/* `d` matters only when the chicken crosses in this step. */
static mb_step advance(struct freeway *s, int action, struct traffic d)
{
    mb_step out = { 0, false };
    if (crosses(s, action)) {
        out.reward = 1;
        set_traffic(s, d);
        s->pos = SIDE - 1;
        s->move_timer = CHICKEN_PAUSE;
    } else if (s->move_timer == 0 && (action == UP || action == DOWN)) {
        s->move_timer = CHICKEN_PAUSE;
        if (action == UP) s->pos--;
        else if (s->pos < SIDE - 1) s->pos++;
    }
    drive(s);
    if (s->move_timer > 0) s->move_timer--;
    out.terminated = --s->frames_left < 0;
    return out;
}

static struct traffic draw_traffic(mb_rng *rng)
{
    struct traffic d;
    for (int i = 0; i < LANES; i++) {
        int k = mb_below(rng, 2 * SLOWEST); /* period and direction in one draw */
        d.speed[i] = (int8_t)(k < SLOWEST ? k + 1 : SLOWEST - k - 1);
    }
    return d;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct freeway *s = state;
    *s = (struct freeway){ .pos = SIDE - 1, .move_timer = CHICKEN_PAUSE, .frames_left = FRAMES };
    set_traffic(s, draw_traffic(rng));
    observe(s, io->obs_field[0]);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct freeway *s = state;
    int action = minatar_action(options, minimal, io->index[0], &s->last_action, rng);
    struct traffic d = { { 0 } };
    if (crosses(s, action)) d = draw_traffic(rng);
    mb_step out = advance(s, action, d);
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
    if (!minatar_place("freeway", state, state_rows, STATE_ROWS, values, n, err)) return false;
    const struct freeway *s = state;
    for (int i = 0; i < LANES; i++)
        if (!s->speed[i]) return mb_fail(err, MB_ERR_RANGE, "freeway: the 'speed' of lane %d must not be 0", i);
    observe(s, io->obs_field[0]);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    uint8_t cells[SIDE * SIDE * CHANNELS];
    observe(state, cells);
    minatar_draw(cells, CHANNELS, canvas);
}

MB_ENV(freeway) = {
    MB_ENV_HEAD, .name = "freeway", .summary = "MinAtar: cross eight lanes of cars",
    .source = "Young & Tian 2019, MinAtar Freeway", .obs = MINATAR_OBS(CHANNELS), .act = MB_DISCRETE(sizeof minimal),
    .state_size = sizeof(struct freeway), MB_USE_OPTIONS(minatar), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = &state_list[1],
};
