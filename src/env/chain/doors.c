/* Doors: behind each lie two sources of reward that belong together in another way; the choice is at the beginning, the reward at the end of a
   passage.  The joint distribution of both returns is known for every door.  After the mazes of Zhang et al. (2021), arXiv:2110.13578, section 5.1. */
#include "matchbox/env.h"

enum { EXCLUSIVE, TOGETHER, INDEPENDENT, RICH, DOORS, SOURCES = 2, LONGEST = 20 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(int, passage, 3, 1, LONGEST, "steps from a door to its end")
MB_OPTIONS(doors, OPTIONS)

struct doors { int door, at; float got[SOURCES]; }; /* at: steps taken; 0: before the doors */

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct doors_options *o = options;
    shape->obs.field[0].n = 1 + DOORS * o->passage;
    return true;
}

static void observe(const struct doors *s, const struct doors_options *o, mb_io *io)
{
    float *place = io->obs_field[0];
    memset(place, 0, (size_t)(1 + DOORS * o->passage) * sizeof *place);
    place[s->at ? 1 + s->door * o->passage + s->at - 1 : 0] = 1;
    memcpy(io->obs_field[1], s->got, sizeof s->got);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    *(struct doors *)state = (struct doors){ 0 };
    observe(state, options, io);
}

static void pay(struct doors *s, mb_rng *rng)
{
    bool a = s->door == RICH ? mb_uniform(rng, 0, 1) < 0.6f : mb_below(rng, 2);
    bool b = s->door == EXCLUSIVE ? !a : s->door == INDEPENDENT ? mb_below(rng, 2) != 0 : a;
    s->got[0] = a;
    s->got[1] = b;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct doors_options *o = options;
    struct doors *s = state;
    if (s->at++ == 0) s->door = io->index[0];
    bool end = s->at == o->passage;
    if (end) pay(s, rng);
    observe(s, o, io);
    return (mb_step){ s->got[0] + s->got[1], end };
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    const struct doors_options *o = options;
    if (n != 2) return mb_fail(err, MB_ERR_SHAPE, "doors: a state has 2 numbers (the door, the steps taken), not %d", n);
    if (!(v[0] >= 0 && v[0] < DOORS) || !(v[1] >= 0 && v[1] < o->passage) || v[0] != (double)(int)v[0] || v[1] != (double)(int)v[1])
        return mb_fail(err, MB_ERR_RANGE, "doors: a state is a door in [0, %d] and steps in [0, %d], not %g and %g", DOORS - 1, o->passage - 1, v[0], v[1]);
    *(struct doors *)state = (struct doors){ .door = (int)v[0], .at = (int)v[1] };
    observe(state, o, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct doors_options *o = options;
    const struct doors *s = state;
    static const char *const names[] = { "one", "both", "any", "rich" };
    float w = 0.8f / (float)o->passage;
    mb_canvas_clear(c, 0xf7f4ec);
    for (int d = 0; d < DOORS; d++) {
        float y = 0.08f + 0.23f * (float)d;
        mb_canvas_rect(c, 0.15f, y, 0.95f, y + 0.15f, 0xddd6c6);
        mb_canvas_text(c, 0.17f, y + 0.04f, 0.06f, names[d], 0x8a8272);
        if (s->at && s->door == d) mb_canvas_disc(c, 0.15f + w * ((float)s->at - 0.5f), y + 0.075f, 0.03f, 0x2563a8);
        for (int i = 0; i < SOURCES; i++)
            if (s->at && s->door == d && s->got[i] > 0) mb_canvas_disc(c, 0.8f + 0.08f * (float)i, y + 0.075f, 0.03f, i ? 0xc8553d : 0x3fae5a);
    }
    if (!s->at) mb_canvas_disc(c, 0.07f, 0.5f, 0.03f, 0x2563a8);
}

MB_BATCH(reset, step)
MB_ENV(doors) = {
    MB_ENV_HEAD, .name = "doors", .summary = "four doors, two sources of reward: their joint distribution differs from door to door",
    .source = "after Zhang et al. (2021), section 5.1",
    .obs = MB_FIELDS(2, MB_F_BOX("observation", 1 + DOORS * 3, 0, 1), MB_F_BOX("sources", SOURCES, 0, 1)), .act = MB_DISCRETE(DOORS),
    .time_limit = LONGEST, .solved = 1.2f, .state_size = sizeof(struct doors), MB_USE_OPTIONS(doors), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = "door,steps",
};
