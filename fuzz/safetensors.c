/* Any bytes as a safetensors file: opened and every tensor readable, or refused with an error. */
#include "matchbox/lm.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* called by the fuzzer */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[64];
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n) __builtin_trap();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mb_error e = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 28, &e);
    mb_safetensors *f = mb_safetensors_open(a, path, &e);
    if ((f != NULL) != (e.code == MB_OK)) __builtin_trap();
    const mb_st_tensor *t;
    for (int i = 0; f && (t = mb_safetensors_at(f, i)); i++) {
        float *x = mb_alloc(a, (size_t)t->n, sizeof *x, &e);
        if (x) mb_st_read(t, x);
    }
    mb_safetensors_close(f);
    mb_arena_free(a);
    close(fd);
    return 0;
}
