/* Vocabularies made of a text: the same bytes as the reference library's trainer writes (tests/reference/tokenizer_train.py). */
#include "matchbox/lm.h"
#include "mb_test.h"
#include <unistd.h>

static mb_arena *arena;
static mb_error err;

static void same_as(const char *name, const mb_tokenizer_plan *plan, int tokens)
{
    char path[64], want[128], *text, *ours, *theirs;
    size_t n, a, b;
    int size = 0;
    snprintf(path, sizeof path, "/tmp/matchbox-train-%ld.json", (long)getpid());
    snprintf(want, sizeof want, "tests/reference/data/lm/trained-%s.json", name);
    bool ok = mb_file_read("tests/reference/data/lm/train.txt", arena, &text, &n, &err) && mb_tokenizer_train(plan, text, n, path, &size, arena, &err) &&
              mb_file_read(path, arena, &ours, &a, &err) && mb_file_read(want, arena, &theirs, &b, &err);
    CHECK(ok && size == tokens && a == b && memcmp(ours, theirs, a) == 0);
    mb_tokenizer *t = mb_tokenizer_open(arena, path, &err);
    int32_t *ids = mb_alloc(arena, n, sizeof *ids, &err);
    int k = t ? mb_tokenize(t, text, n, true, ids, (int)n, arena, &err) : -1;
    char *back = mb_alloc(arena, n + 1, 1, &err);
    mb_str s;
    mb_str_init(&s, back, n + 1);
    if (k > 0) mb_detokenize(t, ids, k, false, &s);
    CHECK(k > 0 && s.n == n && memcmp(back, text, n) == 0);
    if (!plan->all_bytes && t) {
        CHECK(mb_tokenize(t, "\x01", 1, true, ids, 8, arena, &err) == -1);
        CHECK_ERROR(err, "no token of this vocabulary stands for byte 1");
        err = (mb_error){ 0 };
    }
    mb_tokenizer_close(t);
    unlink(path);
}

static const char *const specials[] = { "<|endoftext|>", "<|im_start|>", "<|im_end|>" };
TEST(characters) { same_as("chars", &(mb_tokenizer_plan){ .digits = true, .specials = specials, .nspecials = 1 }, 74); }
TEST(merges) { same_as("bpe", &(mb_tokenizer_plan){ .vocab = 380, .all_bytes = true, .specials = specials, .nspecials = 3 }, 380); }
TEST(merges_without_digits) { same_as("digits", &(mb_tokenizer_plan){ .vocab = 150, .digits = true }, 150); }

TEST(refusals)
{
    mb_tokenizer_plan p = { .vocab = 3 };
    CHECK(!mb_tokenizer_train(&p, "abcdef", 6, "/tmp/none", NULL, arena, &err));
    CHECK_ERROR(err, "3 tokens are too few");
    err = (mb_error){ 0 };
    CHECK(!mb_tokenizer_train(&p, "", 0, "/tmp/none", NULL, arena, &err));
    CHECK_ERROR(err, "the text is empty");
}

#if defined(MB_HAVE_JANSSON) && defined(MB_HAVE_PCRE2)
static const mb_test tests[] = { T(characters), T(merges), T(merges_without_digits), T(refusals) };
#else
static const mb_test tests[] = { T(refusals) };
#endif
int main(int argc, char **argv)
{
    arena = mb_arena_new((size_t)1 << 28, &err);
    return mb_test_main(tests, (int)(sizeof tests / sizeof *tests), argc, argv);
}
