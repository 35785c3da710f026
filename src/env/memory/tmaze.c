/* T-maze: a cue at the start of a corridor tells which way to turn at its end.
   Bakker (2002), "Reinforcement Learning with Long Short-Term Memory": observations, rewards and moves of its
   noise-free task. */
#include "env/place.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, length, 10, 1, 10000, "steps from the start to the junction")                         \
    NUM(int, time_limit, 200, 0, 1000000, "steps per episode, 0: none")
MB_OPTIONS(tmaze, OPTIONS)

enum { NORTH, EAST, SOUTH, WEST, NACTIONS };
enum { NSEEN = 3 };

struct tmaze { int32_t position, goal_south; }; /* position 0: the start, `length`: the junction */

static const float found = 4, lost = -0.1f, bumped = -0.1f;

static void observe(const struct tmaze *s, const struct tmaze_options *o, float *obs)
{
    static const float cue_north[NSEEN] = { 0, 1, 1 }, cue_south[NSEEN] = { 1, 1, 0 };
    static const float corridor[NSEEN] = { 1, 0, 1 }, junction[NSEEN] = { 0, 1, 0 };
    const float *seen = s->position == o->length ? junction
                        : s->position > 0        ? corridor
                        : s->goal_south          ? cue_south
                                                 : cue_north;
    memcpy(obs, seen, sizeof corridor);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct tmaze *s = state;
    *s = (struct tmaze){ .goal_south = mb_below(rng, 2) };
    observe(s, options, io->obs);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct tmaze *s = state;
    const struct tmaze_options *o = options;
    int action = io->index[0], before = s->position;
    if (before == o->length && (action == NORTH || action == SOUTH)) {
        observe(s, o, io->obs);
        return (mb_step){ (action == SOUTH) == (s->goal_south != 0) ? found : lost, true };
    }
    if (action == EAST && before < o->length) s->position++;
    if (action == WEST && before > 0) s->position--;
    observe(s, o, io->obs);
    return (mb_step){ s->position == before ? bumped : 0, false };
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct tmaze_options *o = options;
    if (o->time_limit > 0 && o->time_limit <= o->length)
        return mb_fail(err, MB_ERR_RANGE, "tmaze: time_limit %d leaves no time for a corridor of length %d: give more, or 0",
                       o->time_limit, o->length);
    shape->time_limit = o->time_limit;
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    const struct tmaze_options *o = options;
    const struct mb__number want[] = { { "position", 0, o->length }, { "goal_south", 0, 1 } };
    int v[2] = { 0 };
    if (!mb__place_read("tmaze", want, 2, values, n, v, err)) return false;
    *(struct tmaze *)state = (struct tmaze){ v[0], v[1] };
    observe(state, o, io->obs);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct tmaze *s = state;
    const struct tmaze_options *o = options;
    float w = 1 / (float)(o->length + 3), end = ((float)o->length + 1.5f) * w;
    float goal = s->goal_south ? 0.8f : 0.2f;
    mb_canvas_clear(canvas, 0x3d405b);
    mb_canvas_rect(canvas, w, 0.5f - 0.5f * w, end + 0.5f * w, 0.5f + 0.5f * w, 0xf4f1de);
    mb_canvas_rect(canvas, end - 0.5f * w, 0.2f - 0.5f * w, end + 0.5f * w, 0.8f + 0.5f * w, 0xf4f1de);
    mb_canvas_disc(canvas, end, goal, 0.35f * w, 0x81b29a);
    mb_canvas_disc(canvas, ((float)s->position + 1.5f) * w, 0.5f, 0.35f * w, 0xe07a5f);
}

MB_ENV(tmaze) = {
    MB_ENV_HEAD, .name = "tmaze", .summary = "remember a cue until the end of a corridor", .source = "Bakker 2002",
    .obs = MB_BOX_IN(NSEEN, 0, 1), .act = MB_DISCRETE(NACTIONS), .time_limit = 200, .solved = 3.9f,
    .state_size = sizeof(struct tmaze),
    MB_USE_OPTIONS(tmaze), .shape = shape, .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "position,goal_south",
};
