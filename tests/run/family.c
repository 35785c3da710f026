/* Families: options drawn from ranges, the same for the same seed; and what is said of a text that makes none. */
#include "matchbox/run.h"
#include "mb_test.h"
#include <stdlib.h>

static mb_arena *arena;
static mb_error err;

static mb_family *family(const char *text)
{
    err = (mb_error){ 0 };
    if (!arena) arena = mb_arena_new((size_t)1 << 24, &err);
    return mb_family_new(arena, mb_env_find("cartpole", &err), text, &err);
}

TEST(members_fill_the_ranges)
{
    enum { N = 2000 };
    mb_family *f = family("gravity=7..13,env.pole-length=0.25..1");
    CHECK(f && mb_family_size(f) == 2);
    double sum[2] = { 0 }, low[2] = { 1e9, 1e9 }, high[2] = { -1e9, -1e9 };
    for (int i = 0; f && i < N; i++) {
        const char **c;
        CHECK(mb_family_member(f, 3, i, arena, &c, &err));
        CHECK(strcmp(c[0], "env.gravity") == 0 && strcmp(c[2], "env.pole-length") == 0 && !c[4]);
        for (int k = 0; k < 2; k++) {
            double v = atof(c[2 * k + 1]);
            sum[k] += v / N;
            if (v < low[k]) low[k] = v;
            if (v > high[k]) high[k] = v;
        }
    }
    CHECK(low[0] >= 7 && high[0] <= 13 && low[1] >= 0.25 && high[1] <= 1);
    CHECK_NEAR(sum[0], 10, 4 * 6 / sqrt(12 * N)); /* four standard errors of a uniform mean */
    CHECK_NEAR(sum[1], 0.625, 4 * 0.75 / sqrt(12 * N));
}

TEST(the_same_seed_and_number_give_the_same)
{
    mb_family *f = family("gravity=7..13"), *again = family("gravity=7..13");
    const char **a, **b, **c, **d;
    CHECK(mb_family_member(f, 3, 5, arena, &a, &err) && mb_family_member(again, 3, 5, arena, &b, &err));
    CHECK(mb_family_member(f, 3, 6, arena, &c, &err) && mb_family_member(f, 4, 5, arena, &d, &err));
    CHECK(strcmp(a[1], b[1]) == 0 && strcmp(a[1], c[1]) != 0 && strcmp(a[1], d[1]) != 0);
}

TEST(whole_numbers_stay_whole)
{
    err = (mb_error){ 0 };
    mb_family *f = mb_family_new(arena, mb_env_find("bandit", &err), "arms=2..4", &err);
    int seen[5] = { 0 };
    for (int i = 0; f && i < 300; i++) {
        const char **c;
        CHECK(mb_family_member(f, 1, i, arena, &c, &err));
        int v = atoi(c[1]);
        CHECK(v >= 2 && v <= 4 && !strchr(c[1], '.'));
        seen[v >= 2 && v <= 4 ? v : 0]++;
    }
    CHECK(seen[2] > 60 && seen[3] > 60 && seen[4] > 60);
}

TEST(errors)
{
    CHECK(!family(""));
    CHECK_ERROR(err, "no range was given");
    CHECK(!family("gravity=7"));
    CHECK_ERROR(err, "is not OPTION=LOW..HIGH");
    CHECK(!family("gravity=13..7"));
    CHECK_ERROR(err, "with LOW <= HIGH");
    CHECK(!family("gravity=7..x"));
    CHECK_ERROR(err, "with LOW <= HIGH");
    CHECK(!family("gravity=7..1000"));
    CHECK_ERROR(err, "leaves the range [0, 100]");
    CHECK(!family("grvity=7..8"));
    CHECK_ERROR(err, "has no option 'grvity'");
}

MB_TESTS(T(members_fill_the_ranges), T(the_same_seed_and_number_give_the_same), T(whole_numbers_stay_whole), T(errors))
