/* Text: builders, JSON strings, shortest numbers, number parsing, suggestions, log lines; in any
   locale. */
#include "matchbox/core.h"
#include "mb_test.h"

#include <locale.h>

TEST(a_builder_keeps_whole_additions)
{
    char memory[16];
    mb_str b;
    mb_str_init(&b, memory, sizeof memory);
    mb_str_add(&b, "%s-%d", "ten", 10);
    CHECK(strcmp(b.s, "ten-10") == 0 && b.n == 6 && !b.full);
    mb_str_add(&b, "%s", "123456789"); /* 15 bytes and the NUL: just fits */
    CHECK(b.n == 15 && !b.full);
    mb_str_add(&b, "x");
    CHECK(b.full && strcmp(b.s, "ten-10123456789") == 0);
    mb_str_init(&b, memory, 8);
    mb_str_add(&b, "too long for it");
    CHECK(b.full && b.n == 0 && b.s[0] == '\0');
    mb_str_add(&b, "x");
    mb_str_json(&b, "x");
    CHECK(b.n == 0); /* nothing is added behind a gap */
    mb_str_init(&b, NULL, 0);
    mb_str_add(&b, "x");
    mb_str_number(&b, 1);
    mb_str_json(&b, "x");
    CHECK(b.full && b.n == 0);
}

static const char *json(const char *text)
{
    static char memory[256];
    mb_str b;
    mb_str_init(&b, memory, sizeof memory);
    mb_str_json(&b, text);
    return memory;
}

TEST(json_strings)
{
    CHECK(strcmp(json(""), "\"\"") == 0);
    CHECK(strcmp(json("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"") == 0);
    CHECK(strcmp(json("\n\r\t\b\f\x01\x1f\x7f"), "\"\\n\\r\\t\\b\\f\\u0001\\u001f\\u007f\"") == 0);
    CHECK(strcmp(json("\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80"),
                 "\"\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\"") == 0);
}

/* RFC 3629: lone continuation, overlong, surrogate, beyond 10FFFF, cut at the end; each wrong byte
   once */
TEST(json_replaces_what_is_not_utf8)
{
    CHECK(strcmp(json("a\x80z"), "\"a\\ufffdz\"") == 0);
    CHECK(strcmp(json("\xC0\xAF"), "\"\\ufffd\\ufffd\"") == 0);
    CHECK(strcmp(json("\xE0\x80\xAF"), "\"\\ufffd\\ufffd\\ufffd\"") == 0);
    CHECK(strcmp(json("\xED\xA0\x80"), "\"\\ufffd\\ufffd\\ufffd\"") == 0);
    CHECK(strcmp(json("\xF4\x90\x80\x80"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"") == 0);
    CHECK(strcmp(json("\xF0\x80\x80\xAF"), "\"\\ufffd\\ufffd\\ufffd\\ufffd\"") == 0);
    CHECK(strcmp(json("\xF0\x9F\x98"), "\"\\ufffd\\ufffd\\ufffd\"") == 0);
    CHECK(strcmp(json("\xE2\x82"), "\"\\ufffd\\ufffd\"") == 0);
}

TEST(a_json_string_that_does_not_fit_leaves_nothing)
{
    char memory[8];
    for (size_t cap = 1; cap < 8; cap++) {
        mb_str b;
        mb_str_init(&b, memory, cap);
        mb_str_json(&b, "abcd");
        CHECK(cap > 6 ? !b.full && b.n == 6 : b.full && b.n == 0 && b.s[0] == '\0');
    }
}

static const char *number(double v)
{
    static char memory[64];
    mb_str b;
    mb_str_init(&b, memory, sizeof memory);
    mb_str_number(&b, v);
    return memory;
}

static void check_numbers(void)
{
    CHECK(strcmp(number(0), "0") == 0);
    CHECK(strcmp(number(500), "500") == 0);
    CHECK(strcmp(number(-500000), "-500000") == 0);
    CHECK(strcmp(number(0.1), "0.1") == 0);
    CHECK(strcmp(number(2.5e-4), "0.00025") == 0);
    CHECK(strcmp(number(1e-5), "1e-5") == 0);
    CHECK(strcmp(number(1e300), "1e300") == 0);
    CHECK(strcmp(number(0.1 + 0.2), "0.30000000000000004") == 0);
    CHECK(strcmp(number(5e-324), "5e-324") == 0);
    CHECK(strcmp(number((double)NAN), "null") == 0 &&
          strcmp(number(-(double)INFINITY), "null") == 0);
    CHECK(strcmp(number(123456789012345.0), "123456789012345") == 0);
}

TEST(numbers_are_short)
{
    check_numbers();
}

TEST(numbers_read_back_to_the_same_bits)
{
    mb_rng r = mb_rng_make(1, "test", 0);
    for (int i = 0; i < 50000; i++) {
        union {
            uint64_t bits;
            double v;
        } in = {(uint64_t)mb_rand(&r) << 32 | mb_rand(&r)}, out = {0};
        if (!isfinite(in.v)) continue;
        CHECK(mb_parse_double(number(in.v), &out.v) && in.bits == out.bits);
    }
    union {
        double v;
        uint64_t bits;
    } zero = {.v = 0};
    CHECK(mb_parse_double(number(-0.0), &zero.v) && zero.bits == (uint64_t)1 << 63);
}

TEST(parse_double)
{
    double v = 0;
    static const char *const good[] = {"1", "-1.5", "+.5", "5.", "1e3", "1E-3", "0.000"};
    static const double want[] = {1, -1.5, 0.5, 5, 1000, 0.001, 0};
    for (int i = 0; i < 7; i++) CHECK(mb_parse_double(good[i], &v) && v == want[i]);
    CHECK(mb_parse_double("inf", &v) && v == (double)INFINITY);
    CHECK(mb_parse_double("-inf", &v) && v == -(double)INFINITY);
    CHECK(mb_parse_double("nan", &v) && v != v);
    static const char *const bad[] = {"",    " 1",   "1 ",  "1,5", "1e",  "e5",  ".",    "-",
                                      "1e+", "0x10", "1..", "--1", "1k5", "NaN", "infi", "1_0"};
    v = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!mb_parse_double(bad[i], &v) && v == 42);
}

TEST(parse_int)
{
    int64_t v = 0;
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {{"0", 0},
                {"-7", -7},
                {"+7", 7},
                {"500k", 500000},
                {"2M", 2000000},
                {"3G", 3000000000},
                {"1e6", 1000000},
                {"1.5M", 1500000},
                {"2.5e1", 25},
                {"10e-1", 1},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"0e999999999", 0},
                {"1.000", 1},
                {"007", 7},
                {"4K", 4000}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(mb_parse_int(good[i].text, &v) && v == good[i].want);
    static const char *const bad[] = {"",
                                      "-",
                                      "k",
                                      "1.5",
                                      "1e",
                                      "1e-1",
                                      "5kk",
                                      "5m",
                                      "0x5",
                                      " 5",
                                      "5 ",
                                      "1e19",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999G",
                                      "1.5e0",
                                      "1e99999999999",
                                      "nan",
                                      "1,000",
                                      "."};
    v = 42;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!mb_parse_int(bad[i], &v) && v == 42);
    char zeros[5000];
    memset(zeros, '0', sizeof zeros);
    zeros[1] = '.', zeros[sizeof zeros - 1] = '\0';
    mb_parse_int(zeros, &v); /* any answer, no overflow */
}

TEST(the_locale_does_not_matter)
{
    static const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "ps_AF.utf8"};
    for (int i = 0; i < 4; i++) {
        if (!setlocale(LC_NUMERIC, names[i])) continue;
        double v = 0;
        check_numbers();
        CHECK(mb_parse_double("0.25", &v) && v == 0.25 && !mb_parse_double("0,25", &v));
    }
    setlocale(LC_NUMERIC, "C");
}

TEST(nearest_name)
{
    static const char *const names[] = {"cartpole", "acrobot", "mountaincar", "pendulum",
                                        "ppo",      "a2c",     NULL};
    const char *near = mb_nearest("cartpol", names);
    CHECK(near && strcmp(near, "cartpole") == 0);
    near = mb_nearest("arcobot", names);
    CHECK(near && strcmp(near, "acrobot") == 0);
    static const char *const rate[] = {"lr", NULL};
    CHECK(mb_nearest("rl", rate) != NULL); /* a swap is one mistake */
    near = mb_nearest("Pendulum", names);
    CHECK(near && strcmp(near, "pendulum") == 0);
    near = mb_nearest("cart", names);
    CHECK(near && strcmp(near, "cartpole") == 0);
    near = mb_nearest("ppp", names);
    CHECK(near && strcmp(near, "ppo") == 0);
    CHECK(mb_nearest("halfcheetah", names) == NULL);
    CHECK(mb_nearest("", names) == NULL);
    char longest[3000];
    memset(longest, 'c', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    CHECK(mb_nearest(longest, names) == NULL);
}

static void keep_line(void *ctx, mb_log_level level, const char *text)
{
    snprintf(ctx, 64, "%d %s", (int)level, text);
}

TEST(log_lines)
{
    char got[64] = "";
    mb_logger log = {keep_line, got};
    mb_log_line(&log, MB_LOG_WARN, "%d steps", 5);
    CHECK(strcmp(got, "1 5 steps") == 0);
    mb_log_line(NULL, MB_LOG_INFO, "silence");
    log.line = NULL;
    mb_log_line(&log, MB_LOG_INFO, "silence");
    CHECK(strcmp(got, "1 5 steps") == 0);
}

TEST(clocks_run)
{
    double wall = mb_now(), cpu = mb_thread_cpu();
    while (mb_now() - wall < 0.01) {}
    CHECK(mb_now() > wall && mb_thread_cpu() > cpu &&
          mb_thread_cpu() - cpu < mb_now() - wall + 0.01);
}

MB_TESTS(T(a_builder_keeps_whole_additions), T(json_strings), T(json_replaces_what_is_not_utf8),
         T(a_json_string_that_does_not_fit_leaves_nothing), T(numbers_are_short),
         T(numbers_read_back_to_the_same_bits), T(parse_double), T(parse_int),
         T(the_locale_does_not_matter), T(nearest_name), T(log_lines), T(clocks_run))
