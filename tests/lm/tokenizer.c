/* Tokenizers of four families against the reference library, on hard strings; any bytes come back; files that ask for what is
   not known are refused by name. */
#include "matchbox/lm.h"
#include "mb_test.h"
#include "reference/data/tokenizers.h"
#include <stdlib.h>
#include <unistd.h>

enum { CAP = 8192 };
static mb_arena *arena;
static mb_error err;

static mb_tokenizer *open_it(const char *path)
{
    err = (mb_error){ 0 };
    mb_arena_free(arena);
    arena = mb_arena_new((size_t)1 << 30, &err);
    return mb_tokenizer_open(arena, path, &err);
}

static mb_tokenizer *family(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "tests/reference/data/lm/tokenizer-%s.json", name);
    return open_it(path);
}

static void against(const char *name, const int *ids, const int *end)
{
    mb_tokenizer *t = family(name);
    CHECK(t != NULL);
    for (int i = 0; t && i < TOK_STRINGS; i++) {
        static int32_t ours[CAP];
        const int *theirs = ids + (i ? end[i - 1] : 0);
        int m = end[i] - (i ? end[i - 1] : 0);
        int n = mb_tokenize(t, tok_string[i].text, (size_t)tok_string[i].n, true, ours, CAP, arena, &err);
        bool same = n == m;
        for (int k = 0; same && k < n; k++) same = ours[k] == theirs[k];
        CHECK(same);
        if (same) continue;
        printf("FAIL %s: string %d \"%s\":", name, i, tok_string[i].text);
        for (int k = 0; k < n; k++) printf(" %d", ours[k]);
        printf(", expected");
        for (int k = 0; k < m; k++) printf(" %d", theirs[k]);
        printf("\n");
    }
    mb_tokenizer_close(t);
}

TEST(gpt2) { against("gpt2", gpt2_ids, gpt2_end); }
TEST(llama3) { against("llama3", llama3_ids, llama3_end); }
TEST(qwen2) { against("qwen2", qwen2_ids, qwen2_end); }
TEST(smollm) { against("smollm", smollm_ids, smollm_end); }

/* What comes back are the bytes that went in, UTF-8 or not. */
TEST(any_bytes_come_back)
{
    static const char *const names[] = { "gpt2", "llama3", "smollm" };
    for (int f = 0; f < 3; f++) {
        mb_tokenizer *t = family(names[f]);
        mb_rng rng = mb_rng_make(5, "test", (uint64_t)f);
        for (int round = 0; t && round < 300; round++) {
            static int32_t ids[CAP];
            char text[200], back[512];
            mb_str out;
            size_t n = (size_t)(mb_uniform64(&rng) * 200);
            for (size_t i = 0; i < n; i++) text[i] = (char)(mb_uniform64(&rng) * (round % 2 ? 256 : 128));
            int k = mb_tokenize(t, text, n, false, ids, CAP, arena, &err);
            mb_str_init(&out, back, sizeof back);
            mb_detokenize(t, ids, k, false, &out);
            CHECK(k >= 0 && out.n == n && memcmp(back, text, n) == 0);
        }
        mb_tokenizer_close(t);
    }
}

TEST(special_tokens)
{
    mb_tokenizer *t = family("qwen2");
    static int32_t ids[CAP];
    char back[64];
    mb_str out;
    const char *text = "<|im_start|>hi<|im_end|>";
    int n = t ? mb_tokenize(t, text, strlen(text), true, ids, CAP, arena, &err) : -1;
    CHECK(n > 2 && ids[0] == mb_token_id(t, "<|im_start|>", 12) && ids[n - 1] == mb_token_id(t, "<|im_end|>", 10));
    mb_str_init(&out, back, sizeof back);
    mb_detokenize(t, ids, n, true, &out);
    CHECK(strcmp(back, "hi") == 0);
    CHECK(t && mb_tokenize(t, text, strlen(text), true, ids, 2, arena, &err) == -1);
    CHECK_ERROR(err, "more than 2 tokens");
    mb_tokenizer_close(t);
}

/* Quadratic merging would take hours here. */
TEST(a_long_word_takes_no_time)
{
    enum { LONG = 400000 };
    mb_tokenizer *t = family("gpt2");
    char *text = malloc(LONG), *back = malloc(LONG + 1);
    int32_t *ids = malloc(LONG * sizeof *ids);
    for (int i = 0; i < LONG; i++) text[i] = "thereinforcement"[i % 16];
    double from = mb_thread_cpu();
    int n = t ? mb_tokenize(t, text, LONG, true, ids, LONG, arena, &err) : -1;
    CHECK(n > 0 && mb_thread_cpu() - from < 10);
    mb_str out;
    mb_str_init(&out, back, LONG + 1);
    mb_detokenize(t, ids, n, false, &out);
    CHECK(out.n == LONG && memcmp(text, back, LONG) == 0);
    free(text), free(back), free(ids);
    mb_tokenizer_close(t);
}

static void refused(const char *text, const char *says)
{
    char path[] = "/tmp/mb-tok-XXXXXX";
    close(mkstemp(path));
    FILE *f = fopen(path, "wb");
    fputs(text, f);
    fclose(f);
    CHECK(!open_it(path));
    CHECK_ERROR(err, says);
    unlink(path);
}

TEST(files_that_are_not_known)
{
    CHECK(!open_it("tests/reference/data"));
    CHECK_ERROR(err, "tokenizer.json: cannot be read");
    refused("{", "line 1");
    refused("{\"model\":{\"type\":\"Unigram\"}}", "model 'Unigram' is not supported");
    refused("{\"model\":{\"type\":\"BPE\"}}", "'vocab' is missing");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":-1}}}", "largest id");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":99999999999}}}", "largest id");
    refused("{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[]}}", "no token stands for 255 of the 256 bytes");
    refused("{\"model\":{\"byte_fallback\":true,\"vocab\":{}}}", "byte_fallback");
}

/* Every beginning of a real file is refused without a crash. */
TEST(cut_files)
{
    char path[] = "/tmp/mb-tok-XXXXXX", *text;
    size_t n;
    mb_arena *own = mb_arena_new((size_t)1 << 24, &err);
    CHECK(mb_file_read("tests/reference/data/lm/tokenizer-qwen2.json", own, &text, &n, &err));
    close(mkstemp(path));
    for (size_t cut = 0; cut < n; cut += 1 + n / 60) {
        FILE *f = fopen(path, "wb");
        CHECK(f && fwrite(text, 1, cut, f) == cut && fclose(f) == 0);
        CHECK(!open_it(path) && err.code != MB_OK);
    }
    unlink(path);
    mb_arena_free(own);
}

#if defined MB_HAVE_JANSSON && defined MB_HAVE_PCRE2 && defined MB_HAVE_UTF8PROC
MB_TESTS(T(gpt2), T(llama3), T(qwen2), T(smollm), T(any_bytes_come_back), T(special_tokens), T(a_long_word_takes_no_time),
         T(files_that_are_not_known), T(cut_files))
#else
int main(void) { return printf("0 passed, 0 failed\n"), 0; }
#endif
