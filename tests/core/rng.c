/* Random numbers: the published answers of Philox 4x32-10, streams, and distributions. */
#include "matchbox/core.h"
#include "mb_test.h"

/* kat_vectors of Random123 (D. E. Shaw Research): zeroes, ones, and digits of pi. */
TEST(philox_known_answers)
{
    static const struct {
        uint32_t ctr[4], key[2], out[4];
    } kat[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}},
        {{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
         {0xa4093822u, 0x299f31d0u},
         {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}},
    };
    for (int i = 0; i < 3; i++) {
        uint32_t out[4];
        mb__philox(kat[i].key, kat[i].ctr, out);
        CHECK(memcmp(out, kat[i].out, sizeof out) == 0);
    }
}

/* A stream is the blocks 0, 1, 2 ... of its key and index, in order, each word once. */
TEST(streams_count_blocks)
{
    mb_rng r = mb_rng_make(7, "reset", 0x500000003u), copy = r;
    CHECK(r.ctr[2] == 3 && r.ctr[3] == 5);
    for (uint32_t block = 0; block < 5; block++) {
        uint32_t ctr[4] = {block, 0, 3, 5}, out[4];
        mb__philox(r.key, ctr, out);
        for (int i = 0; i < 4; i++) CHECK(mb_rand(&copy) == out[i]);
    }
    r.ctr[0] = ~0u; /* the carry */
    mb_rand(&r);
    CHECK(r.ctr[0] == 0 && r.ctr[1] == 1 && r.ctr[2] == 3);
}

/* Several streams at once, some of them not used up, one at the carry: as if each had drawn alone. */
TEST(many_streams_refill_at_once)
{
    enum { N = 23 };
    mb_rng one[N], many[N];
    int which[N], n = 0, different = 0;
    for (int i = 0; i < N; i++) {
        one[i] = mb_rng_make(5, "many", (uint64_t)i << 30);
        for (int k = 0; k < (i % 3 == 0 ? i % 4 : 4); k++) mb_rand(&one[i]);
        if (i == 7) one[i].ctr[0] = ~0u;
        many[i] = one[i];
        if (i != 4) which[n++] = i;
    }
    for (int round = 0; round < 3; round++) {
        mb__rng_refill_many(many, which, n);
        CHECK(many[4].used == one[4].used);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < 4; k++) different += mb_rand(&one[i]) != mb_rand(&many[i]);
        for (int i = 0; i < N; i++) different += memcmp(&one[i], &many[i], sizeof one[i]) != 0;
    }
    CHECK(different == 0 && one[7].ctr[1] == 1);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

TEST(no_two_streams_begin_alike)
{
    static const char *const purposes[] = {
        "",        "a",         "b",     "ab",       "ba",        "reset",           "action",
        "action0", "minibatch", "a\x01", "12345678", "123456789", "1234567812345678"};
    enum { PURPOSES = sizeof purposes / sizeof *purposes, SEEDS = 8, INDICES = 1000 };
    static uint64_t first[PURPOSES * SEEDS * INDICES];
    int n = 0;
    for (int p = 0; p < PURPOSES; p++)
        for (uint64_t seed = 0; seed < SEEDS; seed++)
            for (uint64_t i = 0; i < INDICES; i++) {
                mb_rng r = mb_rng_make(seed << (seed % 2 * 32), purposes[p], i);
                uint64_t high = mb_rand(&r);
                first[n++] = high << 32 | mb_rand(&r);
            }
    qsort(first, (size_t)n, sizeof *first, compare);
    int same = 0;
    for (int i = 1; i < n; i++) same += first[i] == first[i - 1];
    CHECK(same == 0);
}

TEST(uniform_stays_inside)
{
    mb_rng r = mb_rng_make(1, "uniform", 0);
    double sum = 0, squares = 0;
    for (int i = 0; i < 200000; i++) {
        float u = mb_uniform(&r, 0, 1), v = mb_uniform(&r, -0.05f, 0.05f);
        CHECK(u >= 0 && u < 1 && v >= -0.05f && v < 0.05f);
        sum += (double)u;
        squares += (double)u * (double)u;
    }
    CHECK_NEAR(sum / 200000, 0.5, 5 * 0.2887 / sqrt(200000));
    CHECK_NEAR(squares / 200000, 1.0 / 3, 5 * 0.2981 / sqrt(200000));
    CHECK(mb_uniform(&r, 2, 2) == 2);
}

/* The largest of 2^24 steps on an interval whose ends need rounding: never the upper end. */
TEST(uniform_never_gives_the_upper_end)
{
    static const float ends[][2] = {
        {1, 1.0000001f}, {0, 1e-45f}, {-1e-3f, 1e-3f}, {16777216, 16777218}, {-0.1f, 0.7f}};
    for (int i = 0; i < 5; i++) {
        mb_rng r = mb_rng_make(0, "", 0);
        for (int word = 0; word < 2; word++) {
            r.used = 3;
            r.out[3] = word ? ~0u : 0;
            float v = mb_uniform(&r, ends[i][0], ends[i][1]);
            CHECK(v >= ends[i][0] && v < ends[i][1]);
        }
    }
}

TEST(uniform64_uses_53_bits)
{
    mb_rng r = mb_rng_make(1, "uniform64", 0);
    double sum = 0;
    bool fine = false;
    for (int i = 0; i < 100000; i++) {
        double u = mb_uniform64(&r);
        CHECK(u >= 0 && u < 1);
        fine = fine || fmod(u * 0x1p53, 2) == 1.0;
        sum += u;
    }
    CHECK(fine);
    CHECK_NEAR(sum / 100000, 0.5, 5 * 0.2887 / sqrt(100000));
    r.used = 2, r.out[2] = r.out[3] = ~0u;
    CHECK(mb_uniform64(&r) == 1 - 0x1p-53);
}

TEST(below_is_unbiased)
{
    mb_rng r = mb_rng_make(1, "below", 0);
    for (int n = 1; n <= 11; n++) {
        int count[11] = {0};
        enum { DRAWS = 110000 };
        for (int i = 0; i < DRAWS; i++) {
            int k = mb_below(&r, n);
            CHECK(k >= 0 && k < n);
            if (k >= 0 && k < n) count[k]++;
        }
        double chi = 0, mean = (double)DRAWS / n;
        for (int k = 0; k < n; k++) chi += (count[k] - mean) * (count[k] - mean) / mean;
        CHECK(chi <= (n - 1) + 5 * sqrt(2.0 * (n - 1) + 1)); /* five standard deviations */
    }
}

/* 2^32 = 3 * 1431655765 + 1: exactly one word must be drawn again for n = 3; with 2^31 - 1 exactly
   two. */
TEST(below_draws_again_what_would_bias)
{
    mb_rng r = mb_rng_make(1, "below", 1);
    mb_rand(&r);
    r.used = 0, r.out[0] = 0, r.out[1] = 0xC0000000u;
    CHECK(mb_below(&r, 3) == 2 && r.used == 2);
    r.used = 0, r.out[0] = 1;
    CHECK(mb_below(&r, 3) == 0 && r.used == 1);
    static const uint32_t words[] = {0, 0x7fffffffu, 1, 0x80000000u, 0x80000001u, ~0u};
    for (int i = 0; i < 6; i++) { /* (2^31 - 1)^2 = 1 modulo 2^32 */
        r.used = 0, r.out[0] = words[i], r.out[1] = 0xC0000000u;
        mb_below(&r, 0x7fffffff);
        CHECK((r.used == 2) == (i < 2));
    }
}

/* The formula in double precision from the same words, and the distribution function itself. */
TEST(normal_is_normal)
{
    enum { N = 100000 };
    mb_rng r = mb_rng_make(1, "normal", 0);
    int below[7] = {0};
    double sum = 0, squares = 0, fourth = 0;
    for (int i = 0; i < N; i++) {
        mb_rng words = r;
        double u = (double)(((float)mb_rand(&words) + 0.5f) * 0x1p-32f);
        double turn = (double)(mb_rand(&words) >> 8) * 0x1p-24;
        double z = (double)mb_normal(&r),
               want = sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * turn);
        CHECK_NEAR(z, want, 4e-6);
        sum += z, squares += z * z, fourth += z * z * z * z;
        for (int k = 0; k < 7; k++) below[k] += z < (k - 3);
    }
    CHECK_NEAR(sum / N, 0, 5 / sqrt(N));
    CHECK_NEAR(squares / N, 1, 5 * sqrt(2.0 / N));
    CHECK_NEAR(fourth / N, 3, 5 * sqrt(96.0 / N));
    for (int k = 0; k < 7; k++) {
        double p = 0.5 * erfc(-(k - 3) / sqrt(2.0));
        CHECK_NEAR((double)below[k] / N, p, 5 * sqrt(p * (1 - p) / N));
    }
}

TEST(normal_survives_extreme_words)
{
    mb_rng r = mb_rng_make(1, "normal", 1);
    static const uint32_t words[] = {0, 1, 0x7fffffffu, 0x80000000u, ~0u};
    for (int i = 0; i < 25; i++) {
        r.used = 2, r.out[2] = words[i / 5], r.out[3] = words[i % 5];
        float z = mb_normal(&r);
        CHECK(isfinite(z) && fabsf(z) < 6.8f);
    }
}

TEST(shuffle_reaches_every_order_equally)
{
    mb_rng r = mb_rng_make(1, "shuffle", 0);
    int count[27] = {0};
    enum { N = 60000 };
    for (int i = 0; i < N; i++) {
        int v[3] = {0, 1, 2};
        mb_shuffle(&r, v, 3);
        count[v[0] * 9 + v[1] * 3 + v[2]]++;
    }
    int orders = 0;
    for (int i = 0; i < 27; i++) {
        if (!count[i]) continue;
        orders++;
        CHECK_NEAR(count[i], N / 6.0, 5 * sqrt(N / 6.0));
    }
    CHECK(orders == 6);
    mb_shuffle(&r, NULL, 0);
}

MB_TESTS(T(philox_known_answers), T(streams_count_blocks), T(many_streams_refill_at_once), T(no_two_streams_begin_alike),
         T(uniform_stays_inside), T(uniform_never_gives_the_upper_end), T(uniform64_uses_53_bits),
         T(below_is_unbiased), T(below_draws_again_what_would_bias), T(normal_is_normal),
         T(normal_survives_extreme_words), T(shuffle_reaches_every_order_equally))
