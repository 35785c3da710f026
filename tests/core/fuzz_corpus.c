/* The corpus of every fuzzer, and some thousand fixed mutations of it, as a normal test. */
#include "matchbox/core.h"
#include "mb_test.h"

#include <dirent.h>

#define LLVMFuzzerTestOneInput fuzz_yaml
#include "../../fuzz/yaml.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_options
#include "../../fuzz/options.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_checkpoint
#include "../../fuzz/checkpoint.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_verify
#include "../../fuzz/verify.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_tokenizer
#include "../../fuzz/tokenizer.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_safetensors
#include "../../fuzz/safetensors.c"

enum { SIZE_MAX_BYTES = 4096, FILES_MAX = 64 };
typedef struct sample {
    size_t n;
    uint8_t data[SIZE_MAX_BYTES];
} sample;
typedef int (*target)(const uint8_t *data, size_t n);

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Read the files of a directory in the order of their names; how many. */
static int read_corpus(const char *dir, sample *out)
{
    struct dirent **list;
    int n = 0, entries = scandir(dir, &list, NULL, by_name);
    for (int i = 0; i < entries; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
        FILE *f = list[i]->d_name[0] != '.' && n < FILES_MAX ? fopen(path, "rb") : NULL;
        if (f) {
            out[n].n = fread(out[n].data, 1, SIZE_MAX_BYTES, f);
            n++;
            fclose(f);
        }
        free(list[i]);
    }
    if (entries >= 0) free(list);
    return n;
}

/* One to four changes: a flipped bit, another byte, a cut, a piece of another sample, a doubled
   piece. */
static void mutate(mb_rng *r, sample *s, const sample *other)
{
    static const uint8_t bytes[] = "\0\n \t:,-[]{}&*'\"#%|>!=.eE019\xff\x80\xc3";
    for (int changes = 1 + mb_below(r, 4); changes > 0 && s->n > 0; changes--) {
        size_t at = (size_t)mb_below(r, (int)s->n),
               from = other->n ? (size_t)mb_below(r, (int)other->n) : 0;
        size_t n = other->n ? (size_t)mb_below(r, (int)(other->n - from)) : 0;
        switch (mb_below(r, 5)) {
        case 0: s->data[at] ^= (uint8_t)(1 << mb_below(r, 8)); break;
        case 1: s->data[at] = bytes[mb_below(r, (int)sizeof bytes)]; break;
        case 2: s->n = at; break;
        case 3:
            if (at + n > SIZE_MAX_BYTES) break;
            memcpy(s->data + at, other->data + from, n);
            if (at + n > s->n) s->n = at + n;
            break;
        default:
            n = s->n - at < 64 ? s->n - at : 64;
            if (s->n + n > SIZE_MAX_BYTES) break;
            memmove(s->data + at + n, s->data + at, s->n - at);
            s->n += n;
        }
    }
}

static void run_corpus(const char *dir, target fuzz, int mutations)
{
    static sample corpus[FILES_MAX], changed;
    mb_rng r = mb_rng_make(1, dir, 0);
    int n = read_corpus(dir, corpus);
    CHECK(n >= 5); /* run from the root of the project */
    for (int i = 0; i < n; i++) {
        uint8_t *exact = malloc(corpus[i].n +
                                1); /* its own size, so that a sanitizer sees a read past the end */
        if (!exact) exit(1);
        memcpy(exact, corpus[i].data, corpus[i].n);
        fuzz(exact, corpus[i].n);
        free(exact);
    }
    for (int i = 0; n > 0 && i < mutations; i++) {
        changed = corpus[mb_below(&r, n)];
        mutate(&r, &changed, &corpus[mb_below(&r, n)]);
        fuzz(changed.data, changed.n);
    }
}

TEST(yaml)
{
    run_corpus("fuzz/corpus/yaml", fuzz_yaml, 6000);
}
TEST(options)
{
    run_corpus("fuzz/corpus/options", fuzz_options, 20000);
}
TEST(checkpoint)
{
    run_corpus("fuzz/corpus/checkpoint", fuzz_checkpoint, 6000);
}
TEST(verify)
{
    run_corpus("fuzz/corpus/verify", fuzz_verify, 4000);
}
TEST(tokenizer)
{
    run_corpus("fuzz/corpus/tokenizer", fuzz_tokenizer, 1500);
}
TEST(safetensors)
{
    run_corpus("fuzz/corpus/safetensors", fuzz_safetensors, 1500);
}

MB_TESTS(T(yaml), T(options), T(checkpoint), T(verify), T(tokenizer), T(safetensors))
