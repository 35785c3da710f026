/* Bit flipping: a row of bits, each action flips one; a wanted pattern is to be reached.  Andrychowicz et al. (2017), Hindsight
   experience replay, section 3.1: random exploration finds the reward once in 2^n episodes. */
#include "env/goal/goal.h"

enum { MOST = 64 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(int, bits, 10, 1, MOST, "how many bits there are, and actions, and steps in an episode")    \
    GOAL_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(bitflip, OPTIONS)

struct bitflip { uint64_t now, wanted; }; /* bit i is component i of what is seen */

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct bitflip_options *o = options;
    for (int f = 0; f < MB_GOAL_FIELDS; f++) shape->obs.field[f].n = o->bits;
    shape->act.field[0].n = o->bits;
    shape->time_limit = o->bits;
    return true;
}

static void observe(const struct bitflip *s, int n, mb_io *io)
{
    float *seen = io->obs_field[MB_GOAL_SEEN], *achieved = io->obs_field[MB_GOAL_ACHIEVED], *desired = io->obs_field[MB_GOAL_DESIRED];
    for (int i = 0; i < n; i++) {
        seen[i] = achieved[i] = (float)(s->now >> i & 1);
        desired[i] = (float)(s->wanted >> i & 1);
    }
}

static uint64_t any(mb_rng *rng, int n)
{
    uint64_t x = mb_rand(rng);
    return (x | (uint64_t)mb_rand(rng) << 32) >> (MOST - n);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct bitflip_options *o = options;
    struct bitflip *s = state;
    s->now = any(rng, o->bits);
    s->wanted = any(rng, o->bits);
    observe(s, o->bits, io);
}

static mb_step goal_reward(const void *options, const void *achieved, const void *desired)
{
    const struct bitflip_options *o = options;
    return goal_step(memcmp(achieved, desired, (size_t)o->bits * sizeof(float)) == 0, o->ends);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct bitflip_options *o = options;
    struct bitflip *s = state;
    s->now ^= (uint64_t)1 << io->index[0];
    observe(s, o->bits, io);
    return goal_step(s->now == s->wanted, o->ends);
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    const struct bitflip_options *o = options;
    struct bitflip *s = state, new = { 0 };
    if (n != 2 * o->bits)
        return mb_fail(err, MB_ERR_SHAPE, "bitflip: a state has %d numbers, not %d: the bits, then the wanted bits", 2 * o->bits, n);
    for (int i = 0; i < n; i++) {
        if (v[i] != 0 && v[i] != 1) return mb_fail(err, MB_ERR_RANGE, "bitflip: number %d of a state is %g; bits are 0 or 1", i + 1, v[i]);
        if (i < o->bits) new.now |= (uint64_t)v[i] << i;
        else new.wanted |= (uint64_t)v[i] << (i - o->bits);
    }
    *s = new;
    observe(s, o->bits, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct bitflip_options *o = options;
    const struct bitflip *s = state;
    float w = 0.9f / (float)o->bits;
    mb_canvas_clear(c, 0xf7f4ec);
    for (int row = 0; row < 2; row++) {
        uint64_t bits = row ? s->wanted : s->now;
        float y = row ? 0.6f : 0.25f;
        for (int i = 0; i < o->bits; i++) {
            float x = 0.05f + (float)i * w;
            mb_canvas_rect(c, x, y, x + 0.9f * w, y + 0.2f, bits >> i & 1 ? 0x2563a8 : 0xddd6c6);
        }
        mb_canvas_text(c, 0.05f, y - 0.09f, 0.07f, row ? "wanted" : "now", 0x2d4059);
    }
}

MB_BATCH(reset, step)
MB_ENV(bitflip) = {
    MB_ENV_HEAD, .name = "bitflip", .summary = "flip bits until they show a wanted pattern; nothing is told before (goals)",
    .source = "Andrychowicz et al. (2017), section 3.1", .obs = MB_GOALS(10, 10, 0, 1), .act = MB_DISCRETE(10), .time_limit = 10,
    .state_size = sizeof(struct bitflip), MB_USE_OPTIONS(bitflip), .shape = shape, .reset = reset, .step = step, .batch = batch,
    .draw = draw, .place = place, .state_names = "bit0,...,wanted0,...", .goal_reward = goal_reward,
};
