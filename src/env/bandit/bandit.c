/* Bandits: choose among arms that pay differently, once or many times, with or without a context that tells which pay.
   Robbins (1952); the ten-armed testbed of Sutton & Barto, section 2.3, is `--env.problem 0 --env.pulls 1000`. */
#include "env/place.h"

enum { GAUSSIAN, BERNOULLI, RARE };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, arms, 10, 2, 4096, "arms to choose from")                                             \
    NUM(int, contexts, 1, 1, 4096, "contexts, each with arms of its own; one is drawn per pull and observed") \
    NUM(int, pulls, 1, 1, 1000000, "pulls per episode")                                            \
    PICK(pays, GAUSSIAN, "gaussian|bernoulli|rare",                                                \
         "normal around a normal mean; 1 with a uniform probability; always 1 for one arm and 0 for all others") \
    NUM(float, noise, 1, 0, 100, "standard deviation of a gaussian arm's reward")                  \
    NUM(int, problem, 1, 0, 2000000000, "number that all means follow from; 0: another problem in every episode")
MB_OPTIONS(bandit, OPTIONS)

struct bandit { int32_t problem, context, pulled; };

/* What an arm pays on average: a pure function of its number, so that no table is needed. */
static float arm_mean(const struct bandit_options *o, int problem, int context, int arm)
{
    if (o->pays == RARE) {
        mb_rng r = mb_rng_make((uint64_t)problem, "bandit/rare", (uint64_t)context);
        return mb_below(&r, o->arms) == arm ? 1 : 0;
    }
    mb_rng r = mb_rng_make((uint64_t)problem, "bandit/arm", (uint64_t)context * (uint64_t)o->arms + (uint64_t)arm);
    return o->pays == GAUSSIAN ? mb_normal(&r) : mb_uniform(&r, 0, 1);
}

static float pull(const struct bandit_options *o, float mean, mb_rng *rng)
{
    switch (o->pays) {
    case GAUSSIAN: return mean + o->noise * mb_normal(rng);
    case BERNOULLI: return mb_uniform(rng, 0, 1) < mean ? 1 : 0;
    default: return mean;
    }
}

static void observe(struct bandit *s, const struct bandit_options *o, mb_rng *rng, mb_io *io)
{
    s->context = o->contexts > 1 ? mb_below(rng, o->contexts) : 0;
    *(int32_t *)io->obs_field[0] = s->context;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct bandit *s = state;
    const struct bandit_options *o = options;
    *s = (struct bandit){ .problem = o->problem ? o->problem : 1 + mb_below(rng, 2000000000) };
    observe(s, o, rng, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct bandit *s = state;
    const struct bandit_options *o = options;
    float reward = pull(o, arm_mean(o, s->problem, s->context, io->index[0]), rng);
    observe(s, o, rng, io);
    return (mb_step){ reward, ++s->pulled >= o->pulls };
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct bandit_options *o = options;
    shape->obs.field[0].n = o->contexts;
    shape->act.field[0].n = o->arms;
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    const struct bandit_options *o = options;
    const struct mb__number want[] = { { "problem", 1, 2000000000 }, { "context", 0, o->contexts - 1 },
                                       { "pulled", 0, o->pulls - 1 } };
    int v[3] = { 0 };
    if (!mb__place_read("bandit", want, 3, values, n, v, err)) return false;
    *(struct bandit *)state = (struct bandit){ v[0], v[1], v[2] };
    *(int32_t *)io->obs_field[0] = v[1];
    return true;
}

/* The means of the (first 64) arms as bars around the middle. */
static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct bandit *s = state;
    const struct bandit_options *o = options;
    int shown = o->arms < 64 ? o->arms : 64;
    float w = 1 / (float)shown;
    mb_canvas_clear(canvas, 0xf7f4ec);
    for (int a = 0; a < shown; a++) {
        float mean = arm_mean(o, s->problem, s->context, a), top = 0.5f - 0.15f * mean;
        mb_canvas_rect(canvas, ((float)a + 0.15f) * w, mean > 0 ? top : 0.5f, ((float)a + 0.85f) * w, mean > 0 ? 0.5f : top,
                       mean > 0 ? 0x2d6a4f : 0xc8553d);
    }
    mb_canvas_line(canvas, 0, 0.5f, 1, 0.5f, 0.004f, 0x6b6455);
}

MB_ENV(bandit) = {
    MB_ENV_HEAD, .name = "bandit", .summary = "choose the arm that pays best, with or without a context",
    .source = "Sutton & Barto, chapter 2", .obs = MB_DISCRETE(1), .act = MB_DISCRETE(10), .state_size = sizeof(struct bandit),
    MB_USE_OPTIONS(bandit), .shape = shape, .reset = reset, .step = step, .batch = batch, .draw = draw, .place = place,
    .state_names = "problem,context,pulled",
};
