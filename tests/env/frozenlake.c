/* FrozenLake's transition tables against Gymnasium's. */
#include "env/text/frozenlake.c"
#include "table.h"

static int model(const void *options, int state, int action, struct outcome *out)
{
    return outcomes(options, state, action, out);
}

static struct frozenlake_options defaults(void)
{
    struct frozenlake_options o;
    mb_options_default(frozenlake_option_rows, &o);
    return o;
}

TEST(small_lake)
{
    struct frozenlake_options o = defaults();
    CHECK(compare_table("tests/reference/data/toytext-frozenlake-4x4.txt", &o, model) == 64);
}

TEST(large_lake)
{
    struct frozenlake_options o = defaults();
    o.map = MAP_8X8;
    o.success_rate = 0.75;
    CHECK(compare_table("tests/reference/data/toytext-frozenlake-8x8.txt", &o, model) == 256);
    mb_env_shape s = { .obs = MB_DISCRETE(16) };
    mb_error err = { 0 };
    CHECK(shape(&o, &s, &err) && s.obs.field[0].n == 64 && s.time_limit == 200);
}

TEST(dry_lake_with_other_rewards)
{
    struct frozenlake_options o = defaults();
    o.slippery = false;
    o.goal_reward = 5;
    o.hole_reward = -3;
    o.step_reward = -1;
    CHECK(compare_table("tests/reference/data/toytext-frozenlake-dry.txt", &o, model) == 64);
}

TEST(steps_follow_the_table)
{
    struct frozenlake_options o = defaults();
    int states[] = { 0, 4, 9, 14 };
    for (int i = 0; i < 4; i++)
        for (int a = 0; a < NACTIONS; a++) check_frequencies(&mb_env_frozenlake, &o, model, states[i], a, 10000);
}

TEST(place_refuses_what_is_no_state)
{
    struct frozenlake_options o = defaults();
    struct frozenlake s;
    int32_t obs;
    mb_error err = { 0 };
    mb_io io = { .obs_field = { &obs } };
    CHECK(!place(&s, &o, (double[]){ 16 }, 1, &io, &err));
    CHECK_ERROR(err, "[0, 15], not 16");
}

MB_TESTS(T(small_lake), T(large_lake), T(dry_lake_with_other_rewards), T(steps_follow_the_table), T(place_refuses_what_is_no_state))
