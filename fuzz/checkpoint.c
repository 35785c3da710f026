/* Any bytes as a checkpoint, as they are and with outer checksums mended: loaded, or no change. */
#include "matchbox/core.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
/* Load from a file in memory that holds the bytes. */
static void load(const uint8_t *data, size_t n)
{
    static const char zero[16];
    char path[64], w[16] = "", rng[12] = "";
    int64_t step = 42;
    mb_error e = {0};
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n) __builtin_trap();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mb_arena *a = mb_arena_new(1 << 16, &e);
    mb_store *s = mb_store_new(a, &e);
    mb_keep(s, "net.w", w, sizeof w, &e);
    mb_keep(s, "rng", rng, sizeof rng, &e);
    bool ok = mb_store_load(s, path, &step, &e);
    if (ok != (e.code == MB_OK) || (ok && !mb_store_peek(path, &step, &e))) __builtin_trap();
    if (!ok && (step != 42 || memcmp(w, zero, 16) || memcmp(rng, zero, 12))) __builtin_trap();
    mb_arena_free(a);
    close(fd);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* called by the fuzzer */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    uint8_t copy[4096];
    load(data, n);
    if (n < 40 || n > sizeof copy) return 0;
    memcpy(copy, data, n), memcpy(copy, "MATCHBOX\1\0\0", 12);
    memcpy(copy + 24, &(uint64_t){n}, 8);
    memcpy(copy + 32, &(uint32_t){mb_crc32c(0, copy, 32)}, 4);
    memcpy(copy + n - 4, &(uint32_t){mb_crc32c(0, copy, n - 4)}, 4);
    load(copy, n);
    return 0;
}
