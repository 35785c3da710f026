/* mb_test.h - the test harness: TEST(name) { CHECK(...); }  and MB_TESTS(a, b, c) as main.
   A program prints one line per failed check and ends with `N passed, N failed` (tests, not checks). */
#ifndef MB_TEST_H
#define MB_TEST_H
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int mb__checks_failed;
static const char *mb__test_name;

#define TEST(name) static void test_##name(void)
#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond)) {                                                                             \
            mb__checks_failed++;                                                                   \
            printf("FAIL %s: %s (%s:%d)\n", mb__test_name, #cond, __FILE__, __LINE__);             \
        }                                                                                          \
    } while (0)
#define CHECK_NEAR(a, b, tol)                                                                      \
    do {                                                                                           \
        double mb__a = (double)(a), mb__b = (double)(b), mb__t = (double)(tol);                    \
        if (!(fabs(mb__a - mb__b) <= mb__t)) {                                                     \
            mb__checks_failed++;                                                                   \
            printf("FAIL %s: %s = %.9g, expected %s = %.9g within %.3g (%s:%d)\n", mb__test_name, #a, mb__a, #b, mb__b, mb__t, __FILE__, __LINE__); \
        }                                                                                          \
    } while (0)
/* `err` filled and mentioning `text` */
#define CHECK_ERROR(err, text)                                                                     \
    do {                                                                                           \
        char mb__e[2048];                                                                          \
        mb_error_text(&(err), mb__e, sizeof mb__e);                                                \
        if ((err).code == MB_OK || !strstr(mb__e, text)) {                                         \
            mb__checks_failed++;                                                                   \
            printf("FAIL %s: error does not say '%s' but: %s (%s:%d)\n", mb__test_name, text, mb__e, __FILE__, __LINE__); \
        }                                                                                          \
    } while (0)

typedef struct mb_test { const char *name; void (*run)(void); } mb_test;
/* Run the tests whose name contains argv[1] (all without it). */
static int mb_test_main(const mb_test *tests, int n, int argc, char **argv)
{
    int passed = 0, failed = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < n; i++) {
        if (argc > 1 && !strstr(tests[i].name, argv[1])) continue;
        mb__checks_failed = 0;
        mb__test_name = tests[i].name;
        tests[i].run();
        if (mb__checks_failed) failed++; else passed++;
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
#define MB_TESTS(...)                                                                              \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const mb_test tests[] = { __VA_ARGS__ };                                            \
        return mb_test_main(tests, (int)(sizeof tests / sizeof *tests), argc, argv);               \
    }
#define T(name) { #name, test_##name }
#endif
