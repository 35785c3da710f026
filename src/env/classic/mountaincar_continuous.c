/* MountainCarContinuous: the mountain car with a graded engine whose use costs reward.
   Constants, order of integration and reward as in Gymnasium MountainCarContinuous-v0. */
#include "env/classic/mountain.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(double, power, 0.0015, 0, 0.07, "velocity gained per step by the engine at full power")    \
    NUM(double, gravity, 0.0025, 0, 0.07, "velocity gained per step by the steepest slope")        \
    NUM(double, goal_position, 0.45, -1.2, 0.6, "where the flag stands")                           \
    NUM(double, goal_velocity, 0.0, 0, 0.07, "least velocity at the flag")
MB_OPTIONS(mountaincar_continuous, OPTIONS)

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mountain_start(state, rng, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct mountain *s = state;
    const struct mountaincar_continuous_options *o = options;
    float push = io->value[0];
    mountain_roll(s, (double)push * o->power, o->gravity);
    mountain_observe(s, io);
    bool there = s->position >= o->goal_position && s->velocity >= o->goal_velocity;
    return (mb_step){(there ? 100.0f : 0.0f) - 0.1f * (push * push), there};
}

MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io,
                  mb_error *err)
{
    return mountain_place("mountaincar-continuous", state, values, n, io, err);
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct mountaincar_continuous_options *o = options;
    mountain_draw(state, o->goal_position, canvas);
}

MB_ENV(mountaincar_continuous) = {
    MB_ENV_HEAD,
    .name = "mountaincar-continuous",
    .summary = "rock a weak car out of a valley, sparing its engine",
    .source = "Gymnasium MountainCarContinuous-v0",
    .obs = MB_BOX_BOUNDS(2, mountain_lows, mountain_highs),
    .act = MB_BOX_IN(1, -1, 1),
    .time_limit = 999,
    .solved = 90,
    .state_size = sizeof(struct mountain),
    MB_USE_OPTIONS(mountaincar_continuous),
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "position,velocity",
};
