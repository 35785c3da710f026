/* Arenas: alignment, zeroes, limits, release, sealing. */
#include "matchbox/core.h"
#include "mb_test.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

static bool all_zero(const unsigned char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

TEST(given_bytes_are_zero_and_aligned)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new((size_t)4 << 20, &e);
    unsigned char *last = NULL;
    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = mb_alloc(a, n, 7, &e);
        CHECK(p && (uintptr_t)p % 64 == 0 && p != last && all_zero(p, n * 7));
        memset(p, 0xAB, n * 7);
        last = p;
    }
    CHECK(e.code == MB_OK);
    mb_arena_free(a);
    mb_arena_free(NULL);
}

/* Fill, release, take again in other pieces: zero each time, below and above where pages go back to
   the system. */
static void check_release(size_t bytes)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new(2 * bytes + (1 << 20), &e);
    CHECK(mb_alloc(a, 1, 100, &e) != NULL);
    size_t mark = mb_arena_mark(a), used = mb_arena_used(a);
    for (int round = 0; round < 3; round++) {
        unsigned char *p = mb_alloc(a, bytes - (size_t)round * 1000, 1, &e);
        CHECK(p && all_zero(p, bytes - (size_t)round * 1000));
        memset(p, 0xFF, bytes - (size_t)round * 1000);
        mb_arena_release(a, mark);
        CHECK(mb_arena_used(a) == used);
    }
    unsigned char *small = mb_alloc(a, 3000, 1, &e), *large = mb_alloc(a, bytes, 1, &e);
    CHECK(small && large && all_zero(small, 3000) && all_zero(large, bytes));
    CHECK(mb_arena_peak(a) >= mb_arena_used(a) && mb_arena_used(a) >= bytes + 3000);
    mb_arena_free(a);
}

TEST(released_bytes_are_zero_again)
{
    check_release(5000);
    check_release((size_t)3 << 20);
    check_release(((size_t)65 << 20) + 12345);
}

TEST(small_and_large_releases_mix)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new((size_t)300 << 20, &e);
    uint32_t state = 1;
    for (int round = 0; round < 24; round++) {
        size_t mark = mb_arena_mark(a);
        for (int i = 0; i < 3; i++) {
            state = state * 1664525u + 1013904223u;
            size_t n = (state >> 8) % (round % 6 == 5 ? 30u << 20 : 20000u);
            unsigned char *p = mb_alloc(a, n, 1, &e);
            CHECK(p && all_zero(p, n));
            memset(p, round + 1, n);
        }
        mb_arena_release(a, mark);
    }
    mb_arena_free(a);
}

TEST(a_full_arena_says_so)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new(100000, &e);
    CHECK(mb_alloc(a, 1, 50000, &e) != NULL && e.code == MB_OK);
    size_t used = mb_arena_used(a);
    CHECK(mb_alloc(a, 1, 60000, &e) == NULL && e.code == MB_ERR_MEMORY);
    CHECK_ERROR(e, "60000 bytes wanted");
    CHECK(mb_arena_used(a) == used);
    e = (mb_error){0};
    CHECK(mb_alloc(a, 1, 40000, &e) != NULL); /* a refusal costs nothing */
    mb_arena_free(a);
}

TEST(products_that_overflow_are_refused)
{
    mb_error e = {0};
    size_t out;
    mb_arena *a = mb_arena_new(1 << 16, &e);
    CHECK(mb_alloc(a, SIZE_MAX / 2, 3, &e) == NULL && e.code == MB_ERR_MEMORY);
    e = (mb_error){0};
    CHECK(mb_alloc(a, SIZE_MAX, 1, &e) == NULL && e.code == MB_ERR_MEMORY);
    e = (mb_error){0};
    CHECK(mb_alloc(a, SIZE_MAX - 64, 1, &e) == NULL && e.code == MB_ERR_MEMORY);
    CHECK(!mb_size_mul(SIZE_MAX / 2, 3, &out) && mb_size_mul(6, 7, &out) && out == 42);
    CHECK(!mb_size_add(SIZE_MAX, 1, &out) && mb_size_add(40, 2, &out) && out == 42);
    mb_arena_free(a);
    e = (mb_error){0};
    CHECK(mb_arena_new(SIZE_MAX, &e) == NULL && e.code == MB_ERR_MEMORY);
    e = (mb_error){0};
    CHECK(mb_arena_new(SIZE_MAX / 4, &e) == NULL && e.code == MB_ERR_MEMORY);
}

TEST(a_sealed_arena_gives_nothing)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new(1 << 16, &e);
    mb_arena_seal(a, true);
    CHECK(mb_alloc(a, 1, 1, &e) == NULL && e.code == MB_ERR_MEMORY);
    CHECK_ERROR(e, "sealed");
    e = (mb_error){0};
    mb_arena_seal(a, false);
    char *copy = mb_strdup(a, "michie", &e);
    CHECK(copy && strcmp(copy, "michie") == 0);
    mb_arena_free(a);
}

TEST(address_space_is_not_memory)
{
    mb_error e = {0};
    mb_arena *a =
        mb_arena_new((size_t)1 << 36, &e); /* 64 GiB are reserved, a page or two are used */
    CHECK(a != NULL && mb_alloc(a, 1, 1000, &e) != NULL);
    mb_arena_free(a);
}

TEST(what_is_not_given_is_poisoned)
{
#if defined(__SANITIZE_ADDRESS__)
    mb_error e = {0};
    mb_arena *a = mb_arena_new(1 << 20, &e);
    size_t mark = mb_arena_mark(a);
    char *p = mb_alloc(a, 1, 100, &e), *q = mb_alloc(a, 1, 128, &e);
    CHECK(!__asan_address_is_poisoned(p + 99) && __asan_address_is_poisoned(p + 100));
    CHECK(!__asan_address_is_poisoned(q + 127) && __asan_address_is_poisoned(q + 128));
    CHECK(__asan_address_is_poisoned(q - 1));
    mb_arena_release(a, mark);
    CHECK(__asan_address_is_poisoned(p) && __asan_address_is_poisoned(q));
    mb_arena_free(a);
#endif
}

MB_TESTS(T(given_bytes_are_zero_and_aligned), T(released_bytes_are_zero_again),
         T(small_and_large_releases_mix), T(a_full_arena_says_so),
         T(products_that_overflow_are_refused), T(a_sealed_arena_gives_nothing),
         T(address_space_is_not_memory), T(what_is_not_given_is_poisoned))
