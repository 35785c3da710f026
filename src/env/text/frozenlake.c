/* FrozenLake: cross a frozen lake without falling into a hole; the ice is slippery.
   Maps, order of outcomes, rewards and limits as in Gymnasium 1.4.0 FrozenLake-v1. */
#include "env/place.h"
#include "env/text/outcome.h"

enum { MAP_4X4, MAP_8X8 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    PICK(map, MAP_4X4, "4x4|8x8", "the lake")                                                      \
    NUM(bool, slippery, true, 0, 1, "a move may slip to either side")                              \
    NUM(double, success_rate, 1.0 / 3.0, 0, 1, "probability that a move on slippery ice goes as intended") \
    NUM(float, goal_reward, 1, -100, 100, "reward for reaching the goal")                          \
    NUM(float, hole_reward, 0, -100, 100, "reward for falling into a hole")                        \
    NUM(float, step_reward, 0, -100, 100, "reward for any other step")
MB_OPTIONS(frozenlake, OPTIONS)

enum { LEFT, DOWN, RIGHT, UP, NACTIONS };

struct frozenlake { int32_t cell; }; /* row * side + column, also the observation; begins at S, cell 0 */

static const struct { int side, time_limit; const char *cells; } maps[] = {
    { 4, 100, "SFFF" "FHFH" "FFFH" "HFFG" },
    { 8, 200, "SFFFFFFF" "FFFFFFFF" "FFFHFFFF" "FFFFFHFF" "FFFHFFFF" "FHHFFFHF" "FHFFHFHF" "FFFHFFFG" },
};

static int neighbour(int cell, int side, int move)
{
    int row = cell / side, column = cell % side;
    if (move == LEFT && column > 0) return cell - 1;
    if (move == RIGHT && column < side - 1) return cell + 1;
    if (move == UP && row > 0) return cell - side;
    if (move == DOWN && row < side - 1) return cell + side;
    return cell;
}

static struct outcome enter(const struct frozenlake_options *o, int cell, double probability)
{
    char tile = maps[o->map].cells[cell];
    float reward = tile == 'G' ? o->goal_reward : tile == 'H' ? o->hole_reward : o->step_reward;
    return (struct outcome){ probability, cell, reward, tile == 'G' || tile == 'H' };
}

/* All that can happen; returns how many. */
static int outcomes(const struct frozenlake_options *o, int cell, int action, struct outcome *out)
{
    int side = maps[o->map].side;
    char tile = maps[o->map].cells[cell];
    if (tile == 'G' || tile == 'H') {
        out[0] = (struct outcome){ 1, cell, 0, true };
        return 1;
    }
    if (!o->slippery) {
        out[0] = enter(o, neighbour(cell, side, action), 1);
        return 1;
    }
    for (int i = 0; i < 3; i++) { /* the actions are in order around the compass: one to the side, ahead, the other side */
        double p = i == 1 ? o->success_rate : (1 - o->success_rate) / 2;
        out[i] = enter(o, neighbour(cell, side, (action + i + 3) % NACTIONS), p);
    }
    return 3;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct frozenlake *s = state;
    s->cell = 0;
    *(int32_t *)io->obs_field[0] = s->cell;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct frozenlake *s = state;
    struct outcome all[MAX_OUTCOMES];
    struct outcome o = outcome_draw(all, outcomes(options, s->cell, io->index[0], all), rng);
    *(int32_t *)io->obs_field[0] = s->cell = o.next;
    return (mb_step){ o.reward, o.terminated };
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct frozenlake_options *o = options;
    shape->obs.field[0].n = maps[o->map].side * maps[o->map].side;
    shape->time_limit = maps[o->map].time_limit;
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct frozenlake *s = state;
    const struct frozenlake_options *o = options;
    const struct mb__number want[] = { { "cell", 0, maps[o->map].side * maps[o->map].side - 1 } };
    int cell = 0;
    if (!mb__place_read("frozenlake", want, 1, values, n, &cell, err)) return false;
    *(int32_t *)io->obs_field[0] = s->cell = cell;
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct frozenlake *s = state;
    const struct frozenlake_options *o = options;
    int side = maps[o->map].side;
    float size = 1 / (float)side, gap = 0.03f * size;
    mb_canvas_clear(canvas, 0x9fb8c9);
    for (int cell = 0; cell < side * side; cell++) {
        char tile = maps[o->map].cells[cell];
        float x = (float)(cell % side) * size, y = (float)(cell / side) * size;
        mb_color color = tile == 'G' ? 0xf2c14e : tile == 'S' ? 0xc8e6c9 : 0xe8f4fa;
        mb_canvas_rect(canvas, x + gap, y + gap, x + size - gap, y + size - gap, color);
        if (tile == 'H') mb_canvas_disc(canvas, x + 0.5f * size, y + 0.5f * size, 0.38f * size, 0x274c67);
        if (cell == s->cell) mb_canvas_disc(canvas, x + 0.5f * size, y + 0.5f * size, 0.25f * size, 0xc0392b);
    }
}

static int exact_model(const void *options, int state, int action, mb_outcome *out, int max)
{
    struct outcome all[MAX_OUTCOMES] = { { .probability = 1, .next = 0 } }; /* an episode begins at S, cell 0 */
    return outcome_model(all, state == MB_MODEL_RESET ? 1 : outcomes(options, state, action, all), out, max);
}

MB_ENV(frozenlake) = {
    MB_ENV_HEAD, .name = "frozenlake", .summary = "cross a slippery lake without falling into a hole",
    .source = "Gymnasium FrozenLake-v1", .obs = MB_DISCRETE(16), .act = MB_DISCRETE(NACTIONS), .time_limit = 100, .solved = 0.7f,
    .state_size = sizeof(struct frozenlake), MB_USE_OPTIONS(frozenlake), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = "cell", .model = exact_model,
};
