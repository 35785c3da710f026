/* CliffWalking: walk along a cliff from one end to the other; who falls begins again.
   Sutton & Barto, Example 6.6; numbering, rewards and the slippery variant as in Gymnasium 1.4.0 CliffWalking-v1. */
#include "env/place.h"
#include "env/text/outcome.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(bool, slippery, false, 0, 1, "a move goes to either side as often as ahead")
MB_OPTIONS(cliffwalking, OPTIONS)

enum { UP, RIGHT, DOWN, LEFT, NACTIONS };
enum { ROWS = 4, COLUMNS = 12, CELLS = ROWS * COLUMNS, START = 36, GOAL = 47 };

struct cliffwalking { int32_t cell; }; /* row * 12 + column, also the observation */

static bool is_cliff(int cell)
{
    return cell > START && cell < GOAL;
}

static struct outcome walk(int cell, int move, double probability)
{
    int row = cell / COLUMNS, column = cell % COLUMNS;
    if (move == UP && row > 0) cell -= COLUMNS;
    else if (move == DOWN && row < ROWS - 1) cell += COLUMNS;
    else if (move == LEFT && column > 0) cell--;
    else if (move == RIGHT && column < COLUMNS - 1) cell++;
    if (is_cliff(cell)) return (struct outcome){ probability, START, -100, false };
    return (struct outcome){ probability, cell, -1, cell == GOAL };
}

/* All that can happen; returns how many. */
static int outcomes(const struct cliffwalking_options *o, int cell, int action, struct outcome *out)
{
    if (!o->slippery) {
        out[0] = walk(cell, action, 1);
        return 1;
    }
    for (int i = 0; i < 3; i++) out[i] = walk(cell, (action + i + 3) % NACTIONS, 1.0 / 3.0);
    return 3;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cliffwalking *s = state;
    *(int32_t *)io->obs_field[0] = s->cell = START;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct cliffwalking *s = state;
    struct outcome all[MAX_OUTCOMES];
    struct outcome o = outcome_draw(all, outcomes(options, s->cell, io->index[0], all), rng);
    *(int32_t *)io->obs_field[0] = s->cell = o.next;
    return (mb_step){ o.reward, o.terminated };
}
MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct cliffwalking *s = state;
    static const struct mb__number want[] = { { "cell", 0, CELLS - 1 } };
    int cell = 0;
    if (!mb__place_read("cliffwalking", want, 1, values, n, &cell, err)) return false;
    *(int32_t *)io->obs_field[0] = s->cell = cell;
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct cliffwalking *s = state;
    float w = 1.0f / COLUMNS, h = 1.0f / ROWS;
    mb_canvas_clear(canvas, 0x6b705c);
    for (int cell = 0; cell < CELLS; cell++) {
        float x = (float)(cell % COLUMNS) * w, y = (float)(cell / COLUMNS) * h;
        mb_color color = is_cliff(cell) ? 0x3d2c2e : cell == GOAL ? 0xf2c14e : cell == START ? 0xc8e6c9 : 0xa3b18a;
        mb_canvas_rect(canvas, x + 0.04f * w, y + 0.04f * h, x + 0.96f * w, y + 0.96f * h, color);
        if (cell == s->cell) mb_canvas_disc(canvas, x + 0.5f * w, y + 0.5f * h, 0.3f * w, 0xc0392b);
    }
}

/* The cliff and the goal are never acted from: no such states. */
static int exact_model(const void *options, int state, int action, mb_outcome *out, int max)
{
    struct outcome all[MAX_OUTCOMES] = { { .probability = 1, .next = START } };
    if (state > START) return 0;
    return outcome_model(all, state == MB_MODEL_RESET ? 1 : outcomes(options, state, action, all), out, max);
}

MB_ENV(cliffwalking) = {
    MB_ENV_HEAD, .name = "cliffwalking", .summary = "walk along a cliff without falling", .source = "Gymnasium CliffWalking-v1",
    .obs = MB_DISCRETE(CELLS), .act = MB_DISCRETE(NACTIONS), .state_size = sizeof(struct cliffwalking),
    MB_USE_OPTIONS(cliffwalking), .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "cell", .model = exact_model,
};
