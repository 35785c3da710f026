/* Catch: move a paddle along the bottom row to where one falling ball will land.
   Mnih et al. (2014), "Recurrent Models of Visual Attention"; board and rules as in bsuite's catch/0. */
#include "env/place.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, rows, 10, 2, 64, "height of the board")                                               \
    NUM(int, columns, 5, 2, 64, "width of the board")
MB_OPTIONS(catch, OPTIONS)

enum { LEFT, STAY, RIGHT, NACTIONS };

struct catch_state { int32_t ball_x, ball_y, paddle_x; };

/* 1 where the ball or the paddle is (bottom row), else 0 */
static void observe(const struct catch_state *s, const struct catch_options *o, float *obs)
{
    memset(obs, 0, sizeof *obs * (size_t)(o->rows * o->columns));
    obs[s->ball_y * o->columns + s->ball_x] = 1;
    obs[(o->rows - 1) * o->columns + s->paddle_x] = 1;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct catch_state *s = state;
    const struct catch_options *o = options;
    *s = (struct catch_state){ .ball_x = mb_below(rng, o->columns), .paddle_x = o->columns / 2 };
    observe(s, o, io->obs);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct catch_state *s = state;
    const struct catch_options *o = options;
    int x = s->paddle_x + io->index[0] - STAY;
    s->paddle_x = x < 0 ? 0 : x >= o->columns ? o->columns - 1 : x;
    s->ball_y++;
    observe(s, o, io->obs);
    if (s->ball_y < o->rows - 1) return (mb_step){ 0, false };
    return (mb_step){ s->ball_x == s->paddle_x ? 1 : -1, true };
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct catch_options *o = options;
    shape->obs.field[0].n = o->rows * o->columns;
    shape->obs.field[0].h = o->rows;
    shape->obs.field[0].w = o->columns;
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct catch_state *s = state;
    const struct catch_options *o = options;
    const struct mb__number want[] = { { "ball_x", 0, o->columns - 1 }, { "ball_y", 0, o->rows - 2 },
                                       { "paddle_x", 0, o->columns - 1 } };
    int v[3];
    if (!mb__place_read("catch", want, 3, values, n, v, err)) return false;
    *s = (struct catch_state){ v[0], v[1], v[2] };
    observe(s, o, io->obs);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct catch_state *s = state;
    const struct catch_options *o = options;
    float w = 1 / (float)o->columns, h = 1 / (float)o->rows;
    float ball = w < h ? w : h, x = (float)s->paddle_x * w;
    mb_canvas_clear(canvas, 0x15151c);
    mb_canvas_rect(canvas, x, 1 - h, x + w, 1 - 0.5f * h, 0x4fc3f7);
    mb_canvas_disc(canvas, ((float)s->ball_x + 0.5f) * w, ((float)s->ball_y + 0.5f) * h, 0.35f * ball, 0xffb74d);
}

MB_ENV(catch) = {
    MB_ENV_HEAD, .name = "catch", .summary = "catch a falling ball with a paddle", .source = "Mnih et al. 2014; bsuite catch",
    .obs = MB_GRID(10, 5, 1, 0, 1), .act = MB_DISCRETE(NACTIONS), .solved = 1, .state_size = sizeof(struct catch_state),
    MB_USE_OPTIONS(catch), .shape = shape, .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "ball_x,ball_y,paddle_x",
};
