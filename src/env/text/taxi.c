/* Taxi: fetch a passenger at one of four stands and bring them to another.
   Dietterich (2000); map, numbering, rewards and the rainy and fickle variants as in Gymnasium 1.4.0 Taxi-v4
   (without the variants Taxi-v3 is the same). */
#include "env/place.h"
#include "env/text/outcome.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(bool, mask, false, 0, 1, "allow only actions that change something")                       \
    NUM(bool, rainy, false, 0, 1, "moves may drift to either side")                                \
    NUM(double, rainy_probability, 0.8, 0, 1, "probability that a move in rain goes as intended")  \
    NUM(bool, fickle, false, 0, 1, "the passenger may change the destination after boarding")      \
    NUM(double, fickle_probability, 0.3, 0, 1, "probability that the passenger of an episode does")
MB_OPTIONS(taxi, OPTIONS)

enum { SOUTH, NORTH, EAST, WEST, PICKUP, DROPOFF, NACTIONS };
enum { SIDE = 5, STANDS = 4, ABOARD = STANDS, STATES = SIDE * SIDE * (STANDS + 1) * STANDS };

struct taxi { int32_t code, fickle; }; /* fickle: the passenger will still change the destination */

/* The parts of a state's number, which is also the observation. */
struct place { int row, column, passenger, destination; };

static const int stand_row[STANDS] = { 0, 0, 4, 4 }, stand_column[STANDS] = { 0, 4, 0, 3 }; /* red, green, yellow, blue */
/* bit c: in this row a wall stands to the east of column c */
static const uint8_t walls[SIDE] = { 1 << 1, 1 << 1, 0, 1 << 0 | 1 << 2, 1 << 0 | 1 << 2 };

static int encode(struct place p)
{
    return ((p.row * SIDE + p.column) * (STANDS + 1) + p.passenger) * STANDS + p.destination;
}

static struct place decode(int code)
{
    return (struct place){ code / STANDS / (STANDS + 1) / SIDE, code / STANDS / (STANDS + 1) % SIDE,
                           code / STANDS % (STANDS + 1), code % STANDS };
}

/* The stand at which the taxi is, or -1. */
static int stand_at(struct place p)
{
    for (int i = 0; i < STANDS; i++)
        if (p.row == stand_row[i] && p.column == stand_column[i]) return i;
    return -1;
}

static bool can_move(struct place p, int move)
{
    switch (move) {
    case SOUTH: return p.row < SIDE - 1;
    case NORTH: return p.row > 0;
    case EAST: return p.column < SIDE - 1 && !(walls[p.row] >> p.column & 1);
    default: return p.column > 0 && !(walls[p.row] >> (p.column - 1) & 1);
    }
}

static struct place moved(struct place p, int move)
{
    if (!can_move(p, move)) return p;
    p.row += (move == SOUTH) - (move == NORTH);
    p.column += (move == EAST) - (move == WEST);
    return p;
}

static struct outcome pick_up(struct place p)
{
    if (p.passenger == ABOARD || p.passenger != stand_at(p)) return (struct outcome){ 1, encode(p), -10, false };
    p.passenger = ABOARD;
    return (struct outcome){ 1, encode(p), -1, false };
}

/* At the destination: done.  At another stand the passenger gets out to wait there. */
static struct outcome drop_off(struct place p)
{
    int stand = stand_at(p);
    if (p.passenger != ABOARD || stand < 0) return (struct outcome){ 1, encode(p), -10, false };
    p.passenger = stand;
    bool arrived = stand == p.destination;
    return (struct outcome){ 1, encode(p), arrived ? 20 : -1, arrived };
}

/* All that can happen; returns how many. */
static int outcomes(const struct taxi_options *o, int code, int action, struct outcome *out)
{
    /* left and right of each heading */
    static const int8_t left[] = { EAST, WEST, NORTH, SOUTH }, right[] = { WEST, EAST, SOUTH, NORTH };
    struct place p = decode(code);
    if (action >= PICKUP) {
        out[0] = action == PICKUP ? pick_up(p) : drop_off(p);
        return 1;
    }
    if (!o->rainy) {
        out[0] = (struct outcome){ 1, encode(moved(p, action)), -1, false };
        return 1;
    }
    bool blocked = !can_move(p, action); /* who cannot go ahead does not drift either */
    double side = (1 - o->rainy_probability) / 2;
    out[0] = (struct outcome){ o->rainy_probability, encode(moved(p, action)), -1, false };
    out[1] = (struct outcome){ side, encode(blocked ? p : moved(p, left[action])), -1, false };
    out[2] = (struct outcome){ side, encode(blocked ? p : moved(p, right[action])), -1, false };
    return 3;
}

/* bit a: action a changes the state */
static unsigned useful_actions(int code)
{
    struct place p = decode(code);
    int stand = stand_at(p);
    unsigned bits = 0;
    for (int move = SOUTH; move <= WEST; move++) bits |= (unsigned)can_move(p, move) << move;
    bits |= (unsigned)(p.passenger != ABOARD && p.passenger == stand) << PICKUP;
    bits |= (unsigned)(p.passenger == ABOARD && stand >= 0) << DROPOFF;
    return bits;
}

static void observe(const struct taxi *s, mb_io *io)
{
    *(int32_t *)io->obs_field[0] = s->code;
    if (!io->mask) return;
    unsigned bits = useful_actions(s->code);
    for (int a = 0; a < NACTIONS; a++) io->mask[a] = bits >> a & 1;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct taxi *s = state;
    const struct taxi_options *o = options;
    int cell = mb_below(rng, SIDE * SIDE), passenger = mb_below(rng, STANDS), other = mb_below(rng, STANDS - 1);
    s->code = encode((struct place){ cell / SIDE, cell % SIDE, passenger, other + (other >= passenger) });
    s->fickle = o->fickle && mb_uniform64(rng) < o->fickle_probability;
    observe(s, io);
}

/* The first move with the passenger aboard is when a fickle one changes the destination. */
static void change_mind(struct taxi *s, struct place before, mb_rng *rng)
{
    struct place p = decode(s->code);
    if (before.passenger != ABOARD || (p.row == before.row && p.column == before.column)) return;
    int other = mb_below(rng, STANDS - 1);
    p.destination = other + (other >= p.destination);
    s->code = encode(p);
    s->fickle = 0;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct taxi *s = state;
    struct outcome all[MAX_OUTCOMES];
    struct place before = decode(s->code);
    struct outcome o = outcome_draw(all, outcomes(options, s->code, io->index[0], all), rng);
    s->code = o.next;
    if (s->fickle) change_mind(s, before, rng);
    observe(s, io);
    return (mb_step){ o.reward, o.terminated };
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    shape->masked = ((const struct taxi_options *)options)->mask;
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct taxi *s = state;
    static const struct mb__number want[] = { { "state", 0, STATES - 1 }, { "fickle", 0, 1 } };
    int v[2] = { 0 };
    if (!mb__place_read("taxi", want, n == 2 ? 2 : 1, values, n, v, err)) return false; /* fickle may be left out: 0 */
    *s = (struct taxi){ v[0], v[1] };
    observe(s, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    static const mb_color color[STANDS] = { 0xe57373, 0x81c784, 0xfff176, 0x64b5f6 };
    const struct taxi *s = state;
    struct place p = decode(s->code);
    float size = 1.0f / SIDE, half = 0.5f * size;
    mb_canvas_clear(canvas, 0xdcdcd4);
    for (int i = 0; i < STANDS; i++) {
        float x = (float)stand_column[i] * size, y = (float)stand_row[i] * size;
        mb_canvas_rect(canvas, x, y, x + size, y + size, color[i]);
        if (i == p.destination)
            mb_canvas_rect(canvas, x + 0.3f * size, y + 0.3f * size, x + 0.7f * size, y + 0.7f * size, 0x37474f);
        if (i == p.passenger) mb_canvas_disc(canvas, x + half, y + half, 0.15f * size, 0x8e24aa);
    }
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE - 1; column++)
            if (walls[row] >> column & 1)
                mb_canvas_line(canvas, (float)(column + 1) * size, (float)row * size, (float)(column + 1) * size,
                               (float)(row + 1) * size, 0.015f, 0x212121);
    float x = (float)p.column * size, y = (float)p.row * size;
    mb_canvas_rect(canvas, x + 0.2f * size, y + 0.35f * size, x + 0.8f * size, y + 0.65f * size, 0xf9a825);
    if (p.passenger == ABOARD) mb_canvas_disc(canvas, x + half, y + half, 0.12f * size, 0x8e24aa);
}

static int model_start(mb_outcome *out, int max)
{
    int n = 0;
    for (int code = 0; code < STATES; code++) {
        struct place p = decode(code);
        if (p.passenger == ABOARD || p.passenger == p.destination) continue;
        if (n < max) out[n] = (mb_outcome){ .p = 1.0 / (SIDE * SIDE * STANDS * (STANDS - 1)), .next = code };
        n++;
    }
    return n;
}

/* A fickle passenger is no part of the observation: then there is no model.  Masked actions are left out. */
static int exact_model(const void *options, int state, int action, mb_outcome *out, int max)
{
    const struct taxi_options *o = options;
    struct outcome all[MAX_OUTCOMES];
    if (o->fickle) return 0;
    if (state == MB_MODEL_RESET) return model_start(out, max);
    if (o->mask && !(useful_actions(state) >> action & 1)) return 0;
    return outcome_model(all, outcomes(o, state, action, all), out, max);
}

MB_ENV(taxi) = {
    MB_ENV_HEAD, .name = "taxi", .summary = "fetch a passenger and bring them to their destination", .source = "Gymnasium Taxi-v3, v4",
    .obs = MB_DISCRETE(STATES), .act = MB_DISCRETE(NACTIONS), .time_limit = 200, .solved = 8, .state_size = sizeof(struct taxi),
    MB_USE_OPTIONS(taxi), .shape = shape, .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "state,fickle", .model = exact_model,
};
