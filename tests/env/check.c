/* The checker against environments that are broken in one way each: it must say exactly what, where
 * and how to mend it. */
#include "matchbox/env.h"
#include "mb_test.h"

/* A well-behaved walk on a line; each test replaces one of its functions. */
struct walk {
    int32_t at, seen;
};

static void walk_observe(const struct walk *s, mb_io *io)
{
    io->obs[0] = (float)s->at;
    io->obs[1] = (float)s->seen;
    if (io->mask) io->mask[1] = s->at < 9;
}

static void walk_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct walk *s = state;
    *s = (struct walk){mb_below(rng, 5), 0};
    walk_observe(s, io);
}

static mb_step walk_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct walk *s = state;
    s->at += io->index[0] ? 1 : s->at > 0 ? -1 : 0;
    s->seen++;
    walk_observe(s, io);
    return (mb_step){(float)s->at, s->at >= 9 || s->seen >= 50};
}

static const mb_env_def walk = {
    MB_ENV_HEAD,
    .name = "walk",
    .summary = "walk along a line",
    .obs = MB_BOX_IN(2, 0, 50),
    .act = MB_DISCRETE(2),
    .time_limit = 30,
    .masked = true,
    .state_size = sizeof(struct walk),
    .reset = walk_reset,
    .step = walk_step,
};

static char findings[2048];
static int passed, failed;

static void collect(void *ctx, bool ok, const char *what)
{
    if (ok) passed++;
    else {
        failed++;
        strncat(findings, what, sizeof findings - strlen(findings) - 2);
        strcat(findings, "\n");
    }
}

static bool check(const mb_env_def *def)
{
    mb_error err = {0};
    findings[0] = 0;
    passed = failed = 0;
    bool ok = mb_env_check(def, NULL, 3000, collect, NULL, &err);
    CHECK(ok == (failed == 0 && err.code == MB_OK));
    return ok;
}

/* Exactly one finding, with these words. */
static void expect(const mb_env_def *def, const char *text)
{
    CHECK(!check(def));
    CHECK(failed == 1);
    CHECK(strstr(findings, text) != NULL);
    if (failed != 1 || !strstr(findings, text))
        printf("     wanted: %s\n     got: %s", text, findings);
}

TEST(sound_environment_passes)
{
    CHECK(check(&walk));
    CHECK(passed >= 8 && failed == 0);
    if (failed) printf("%s", findings);
}

static mb_step out_of_bounds(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = walk_step(state, options, rng, io);
    if (io->obs[1] > 3) io->obs[1] = 51;
    return s;
}

static mb_step not_finite(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = walk_step(state, options, rng, io);
    if (io->obs[1] > 3) io->obs[0] = 0.0f / (io->obs[1] - io->obs[1]);
    return s;
}

static mb_step bad_reward(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = walk_step(state, options, rng, io);
    s.reward = s.terminated ? MB_INF : 0;
    return s;
}

static mb_step forgets(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    float obs[2], *real = io->obs;
    io->obs = obs;
    mb_step s = walk_step(state, options, rng, io);
    real[0] = obs[0];
    return s;
}

TEST(observations_and_rewards)
{
    mb_env_def d = walk;
    d.step = out_of_bounds;
    expect(&d, "at step 4 of episode 1 observation, agent 0, component 1 is 51, outside its bounds "
               "[0, 50]: clip it");
    d.step = not_finite;
    expect(&d, "nan: it must be finite");
    d.step = bad_reward;
    expect(&d, "the reward of agent 0 is inf: it must be finite");
    d.step = forgets;
    expect(&d, "at step 1 of episode 1 observation, agent 0, component 1 was not written");
}

static mb_step overruns(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = walk_step(state, options, rng, io);
    ((uint8_t *)state)[sizeof(struct walk) + 2] = 1;
    return s;
}

static mb_step overruns_obs(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = walk_step(state, options, rng, io);
    io->obs[2] = 7;
    return s;
}

TEST(writes_outside)
{
    mb_env_def d = walk;
    d.step = overruns;
    expect(&d, "it wrote beyond its state: byte 3 after the end of 8 bytes; set .state_size = "
               "sizeof(struct ...)");
    d.step = overruns_obs;
    expect(&d, "it wrote beyond its observation: byte 1 after the end of 8 bytes");
}

static mb_step static_counter(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    static int steps;
    mb_step s = walk_step(state, options, rng, io);
    s.reward = (float)(steps++ % 7);
    return s;
}

struct linked {
    struct walk w;
    struct walk *self;
};

static void linked_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct linked *s = state;
    s->self = &s->w;
    walk_reset(&s->w, options, rng, io);
}

static mb_step linked_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct linked *s = state;
    int32_t seen =
        s->self->seen; /* through the pointer: rubbish once the state was copied elsewhere */
    mb_step r = walk_step(&s->w, options, rng, io);
    r.reward = (float)(seen & 1023);
    return r;
}

TEST(hidden_state)
{
    mb_env_def d = walk;
    d.step = static_counter;
    expect(&d, "differs between two instances with the same seed and actions: keep everything in "
               "the state (no static variables");
    d = walk;
    d.reset = linked_reset;
    d.step = linked_step;
    d.state_size = sizeof(struct linked);
    expect(&d, "the reward differs between two instances with the same seed and actions");
}

static void keeps_old(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct walk *s = state;
    s->at = mb_below(rng, 5);
    s->seen = s->seen > 20 ? 20 : s->seen;
    walk_observe(s, io);
}

static void pays_in_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    walk_reset(state, options, rng, io);
    io->reward[0] = 0;
}

static void ignores_stream(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    walk_reset(state, options, rng, io);
    *(struct walk *)state = (struct walk){2, 0};
    walk_observe(state, io);
}

TEST(resets)
{
    mb_env_def d = walk;
    d.reset = keeps_old;
    expect(&d, "between a new episode in a used state and one in fresh memory: reset must set "
               "everything that step reads");
    d.reset = pays_in_reset;
    expect(&d, "in the reset of episode 1 it wrote a reward");
    d.reset = ignores_stream;
    expect(&d, "two different seeds gave the same 2000 steps although random numbers were drawn");
}

static mb_step nothing_allowed(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    mb_step s = walk_step(state, options, rng, io);
    if (io->obs[0] < 1) io->mask[0] = io->mask[1] = 0;
    return s;
}

static mb_step nobody_active(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->active[0] = 0;
    return walk_step(state, options, rng, io);
}

TEST(masks_and_turns)
{
    mb_env_def d = walk;
    d.step = nothing_allowed;
    expect(
        &d,
        "the mask allows agent 0 nothing in action field 0 (2 choices, all 0): allow at least one");
    d.step = nobody_active;
    expect(&d, "no agent is active, yet the episode goes on");
}

static void wrong_batch(const mb_env_batch *b)
{
    mb_io io = {0};
    for (int i = 0; i < b->count; i++) {
        mb__batch_io(b, i, &io);
        mb__batch_clear(b, &io);
        void *state = b->states + (size_t)i * b->state_size;
        if (b->reset_all) walk_reset(state, b->options, &b->rng[i], &io);
        else
            mb__batch_after(
                b, i, &io,
                walk_step(state, b->options, &b->rng[i], &io)); /* never begins a new episode */
    }
}

static void paints_the_state(const void *state, const void *options, mb_canvas *canvas)
{
    union {
        const void *from;
        struct walk *to;
    } sneak = {state};
    mb_canvas_disc(canvas, 0.5f, 0.5f, 0.2f, 0xFFFFFF);
    sneak.to->seen++;
}

static bool takes_anything(void *state, const void *options, const double *values, int n, mb_io *io,
                           mb_error *err)
{
    return true;
}

TEST(other_functions)
{
    mb_env_def d = walk;
    d.batch = wrong_batch;
    expect(&d, "batch and reset/step disagree after");
    d = walk;
    d.draw = paints_the_state;
    expect(&d, "draw changed the state");
    d = walk;
    d.place = takes_anything;
    d.state_names = "at";
    expect(&d, "place accepts a state of 0 numbers");
    d = walk;
    d.name = "My_Walk";
    expect(&d, "the name 'My_Walk' holds 'M'");
}

static void refused(const mb_env_def *d, const char *text)
{
    mb_error err = {0};
    CHECK(!mb_env_check(d, NULL, 100, collect, NULL, &err));
    CHECK_ERROR(err, text);
}

TEST(impossible_definitions_are_refused)
{
    mb_env_def d = walk;
    d.abi = 99;
    refused(&d, "descriptor of version 99");
    d = walk;
    d.step = NULL;
    refused(&d, "environment 'walk' has no step function");
    d = walk;
    d.state_size = 0;
    refused(&d, "has a state of 0 bytes; set .state_size");
    d = walk;
    d.act.field[0].n = 0;
    refused(&d, "action field 0 has 0 components or choices");
    d = walk;
    d.obs.field[0].low = 60;
    refused(&d, "its bounds [60, 50] are empty");
    d = walk;
    d.obs.nfields = 2;
    d.obs.field[1] = d.obs.field[0];
    refused(&d, "observation field 0 of 2 has no name");
}

MB_TESTS(T(sound_environment_passes), T(observations_and_rewards), T(writes_outside),
         T(hidden_state), T(resets), T(masks_and_turns), T(other_functions),
         T(impossible_definitions_are_refused))
