/* MountainCar: a car too weak for the slope must rock back and forth to reach the flag.
   Moore (1990), Sutton & Barto; constants and order of integration as in Gymnasium MountainCar-v0.
 */
#include "env/classic/mountain.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(double, force, 0.001, 0, 0.07, "velocity gained per step by the engine")                   \
    NUM(double, gravity, 0.0025, 0, 0.07, "velocity gained per step by the steepest slope")        \
    NUM(double, goal_position, 0.5, -1.2, 0.6, "where the flag stands")                            \
    NUM(double, goal_velocity, 0.0, 0, 0.07, "least velocity at the flag")
MB_OPTIONS(mountaincar, OPTIONS)

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mountain_start(state, rng, io);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct mountain *s = state;
    const struct mountaincar_options *o = options;
    mountain_roll(s, (double)(io->index[0] - 1) * o->force, o->gravity);
    mountain_observe(s, io);
    return (mb_step){-1.0f, s->position >= o->goal_position && s->velocity >= o->goal_velocity};
}

MB_BATCH(reset, step)

static bool place(void *state, const void *options, const double *values, int n, mb_io *io,
                  mb_error *err)
{
    return mountain_place("mountaincar", state, values, n, io, err);
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    const struct mountaincar_options *o = options;
    mountain_draw(state, o->goal_position, canvas);
}

MB_ENV(mountaincar) = {
    MB_ENV_HEAD,
    .name = "mountaincar",
    .summary = "rock a weak car out of a valley",
    .source = "Gymnasium MountainCar-v0",
    .obs = MB_BOX_BOUNDS(2, mountain_lows, mountain_highs),
    .act = MB_DISCRETE(3),
    .time_limit = 200,
    .solved = -110,
    .state_size = sizeof(struct mountain),
    MB_USE_OPTIONS(mountaincar),
    .reset = reset,
    .step = step,
    .batch = batch,
    .draw = draw,
    .place = place,
    .state_names = "position,velocity",
};
