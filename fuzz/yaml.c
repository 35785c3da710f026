/* Any text as a configuration: it is read or refused with an error, and what was read can be found
   again. */
#include "matchbox/core.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* called by the fuzzer */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    mb_error e = {0};
    mb_yaml y = {0};
    mb_arena *a = mb_arena_new((size_t)32 << 20, &e);
    bool ok = mb_yaml_parse((const char *)data, n, "fuzz.yaml", a, &y, &e);
    if (ok != (e.code == MB_OK) || (!ok && !e.what[0])) __builtin_trap();
    for (int i = 0; i < y.n; i++) {
        const char *found = mb_yaml_get(&y, y.items[i].key);
        if (!found || found != y.items[i].value || y.items[i].line < 1) __builtin_trap();
    }
    mb_arena_free(a);
    return 0;
}
