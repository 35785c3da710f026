/* Any bytes as a tokenizer.json: refused with an error, or it encodes what it can and gives the same bytes back. */
#include "matchbox/lm.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void use(const mb_tokenizer *t, mb_arena *a)
{
    static const char text[] = "The cat's 12+3=15,\n\t<|x|> na\xc3\xafve \xff\xfe  end";
    int32_t ids[512];
    char back[1024];
    mb_error e = {0};
    int n = mb_tokenize(t, text, sizeof text - 1, true, ids, 512, a, &e);
    if ((n < 0) != (e.code != MB_OK)) __builtin_trap();
    for (int i = 0; i < n; i++)
        if (ids[i] >= mb_tokenizer_size(t)) __builtin_trap();
    mb_str s;
    mb_str_init(&s, back, sizeof back);
    if (n > 0) mb_detokenize(t, ids, n, false, &s);
}
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n); /* called by the fuzzer */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    char path[64];
    mb_error e = {0};
    int fd = memfd_create("fuzz", 0);
    if (fd < 0 || write(fd, data, n) != (ssize_t)n) __builtin_trap();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    mb_arena *a = mb_arena_new(1 << 24, &e);
    mb_tokenizer *t = a ? mb_tokenizer_open(a, path, &e) : NULL;
    if ((t != NULL) != (e.code == MB_OK)) __builtin_trap();
    if (t) use(t, a);
    mb_tokenizer_close(t);
    mb_arena_free(a);
    close(fd);
    return 0;
}
