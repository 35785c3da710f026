/* Any "key=value": it is refused with an error and changes nothing, or its text reads back to the
   same bits. */
#include "matchbox/core.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, i, 1, -1000, 100000, "")                                                              \
    NUM(int64_t, l, 0, INT64_MIN, INT64_MAX, "") NUM(float, f, 0, -1e30, 1e38, "")                 \
        NUM(double, d, 0, -INFINITY, INFINITY, "") NUM(bool, b, true, 0, 1, "")                    \
            PICK(p, 0, "one|two|three", "") TEXT(t, "", "") LIST(n, "64,64", 1, 8192, "")          \
                SCHED(s, "linear:1:0", 0, 1, "")
MB_OPTIONS(fuzzed, OPTIONS)
#undef OPTIONS

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* called by the fuzzer */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char key[256] = "", text[512], again[512];
    size_t cut =
        n && memchr(data, '=', n) ? (size_t)((const uint8_t *)memchr(data, '=', n) - data) : n;
    snprintf(key, sizeof key, "%.*s", (int)(cut < 255 ? cut : 255), (const char *)data);
    snprintf(text, sizeof text, "%.*s", cut < n ? (int)(n - cut - 1 < 511 ? n - cut - 1 : 511) : 0,
             (const char *)data + (cut < n ? cut + 1 : 0));
    struct fuzzed_options o, before, back;
    memset(&o, 0, sizeof o);
    mb_options_default(fuzzed_option_rows, &o);
    before = back = o;
    mb_error e = {0};
    bool ok = mb_options_set("fuzz", fuzzed_option_rows, &o, key, text, &e);
    if (ok != (e.code == MB_OK) || (!ok && memcmp(&o, &before, sizeof o))) __builtin_trap();
    if (!ok) return 0;
    const mb_option *row = mb_options_find(fuzzed_option_rows, key);
    mb_options_get(row, &o, again, sizeof again);
    if (!mb_options_set("fuzz", fuzzed_option_rows, &back, row->name, again, &e)) __builtin_trap();
    if (memcmp(&o, &back, sizeof o)) __builtin_trap();
    return 0;
}
