/* CliffWalking's transition tables against Gymnasium's. */
#include "env/text/cliffwalking.c"
#include "table.h"

static int model(const void *options, int state, int action, struct outcome *out)
{
    return outcomes(options, state, action, out);
}

TEST(dry_cliff)
{
    struct cliffwalking_options o = { .slippery = false };
    CHECK(compare_table("tests/reference/data/toytext-cliffwalking.txt", &o, model) == 192);
}

TEST(slippery_cliff)
{
    struct cliffwalking_options o = { .slippery = true };
    CHECK(compare_table("tests/reference/data/toytext-cliffwalking-slippery.txt", &o, model) == 192);
}

TEST(steps_follow_the_table)
{
    for (int slippery = 0; slippery < 2; slippery++) {
        struct cliffwalking_options o = { .slippery = slippery };
        int states[] = { START, 24, 35, 25 };
        for (int i = 0; i < 4; i++)
            for (int a = 0; a < NACTIONS; a++) check_frequencies(&mb_env_cliffwalking, &o, model, states[i], a, 10000);
    }
}

TEST(begins_at_the_bottom_left)
{
    struct cliffwalking_options o = { .slippery = false };
    struct cliffwalking s;
    int32_t obs;
    mb_io io = { .obs_field = { &obs } };
    mb_rng rng = mb_rng_make(1, "env", 0);
    reset(&s, &o, &rng, &io);
    CHECK(obs == 36);
}

MB_TESTS(T(dry_cliff), T(slippery_cliff), T(steps_follow_the_table), T(begins_at_the_bottom_left))
