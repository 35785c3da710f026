/* T-maze: every cell, action and goal from the rules of Bakker (2002), and what memory is worth. */
#include "env/memory/tmaze.c"
#include "mb_test.h"

static float obs[NSEEN];
static int32_t action;
static mb_io io = { .index = &action, .obs = obs, .obs_field = { obs } };

static bool sees(float a, float b, float c)
{
    return obs[0] == a && obs[1] == b && obs[2] == c;
}

TEST(every_cell_and_action)
{
    struct tmaze_options o = { .length = 5 };
    mb_rng rng = mb_rng_make(1, "env", 0);
    for (int goal = 0; goal < 2; goal++)
        for (int at = 0; at <= 5; at++)
            for (action = 0; action < NACTIONS; action++) {
                struct tmaze s = { 0 };
                mb_error err = { 0 };
                CHECK(place(&s, &o, (double[]){ at, goal }, 2, &io, &err));
                CHECK(at == 0 ? goal ? sees(1, 1, 0) : sees(0, 1, 1) : at == 5 ? sees(0, 1, 0) : sees(1, 0, 1));
                mb_step out = step(&s, &o, &rng, &io);
                bool turns = at == 5 && (action == NORTH || action == SOUTH);
                int to = action == EAST && at < 5 ? at + 1 : action == WEST && at > 0 ? at - 1 : at;
                CHECK(out.terminated == turns && s.position == to);
                CHECK(out.reward == (turns && action == (goal ? SOUTH : NORTH) ? 4.0f : to == at ? -0.1f : 0.0f));
            }
}

/* Memory always finds the goal; without it the turn is a coin's. */
TEST(worth_of_memory)
{
    struct tmaze_options o = { .length = 10 };
    mb_rng rng = mb_rng_make(1, "env", 0);
    double blind = 0;
    enum { EPISODES = 20000 };
    for (int e = 0; e < 2 * EPISODES; e++) {
        struct tmaze s = { 0 };
        reset(&s, &o, &rng, &io);
        int remembered = e < EPISODES ? NORTH : obs[0] > 0.5f ? SOUTH : NORTH, length = 0;
        double total = 0;
        for (mb_step out = { 0 }; !out.terminated; length++) {
            action = sees(0, 1, 0) ? remembered : EAST;
            out = step(&s, &o, &rng, &io);
            total += (double)out.reward;
        }
        CHECK(length == 11);
        if (e < EPISODES) blind += total / EPISODES;
        else CHECK(total == 4);
    }
    CHECK_NEAR(blind, (4 - 0.1) / 2, 5 * 2.05 / sqrt(EPISODES));
}

TEST(too_little_time_is_refused)
{
    struct tmaze_options o = { .length = 300, .time_limit = 200 };
    mb_env_shape s = { .obs = MB_BOX_IN(NSEEN, 0, 1) };
    mb_error err = { 0 };
    CHECK(!shape(&o, &s, &err));
    CHECK_ERROR(err, "time_limit 200 leaves no time");
}

MB_TESTS(T(every_cell_and_action), T(worth_of_memory), T(too_little_time_is_refused))
