/* YAML: flattened keys with lines, and every refusal with file and line. */
#include "matchbox/core.h"
#include "mb_test.h"

static bool parse(const char *text, mb_arena **a, mb_yaml *y, mb_error *e)
{
    *e = (mb_error){0};
    *y = (mb_yaml){0};
    *a = mb_arena_new((size_t)8 << 20, e);
    return mb_yaml_parse(text, strlen(text), "f.yaml", *a, y, e);
}

TEST(nested_mappings_become_dotted_keys)
{
    mb_arena *a;
    mb_yaml y;
    mb_error e;
    CHECK(parse(
        "# a preset\nalgo: ppo\nenv:\n  name: cartpole\n  physics: {gravity: 9.8, push: '10'}\n\n"
        "hidden: [64, 64]\nlayers:\n- 1\n- 2\nempty:\nnone: []\nstep: \"a b\"\n",
        &a, &y, &e));
    static const struct {
        const char *key, *value;
        int line;
    } want[] = {{"algo", "ppo", 2},
                {"env.name", "cartpole", 4},
                {"env.physics.gravity", "9.8", 5},
                {"env.physics.push", "10", 5},
                {"hidden", "64,64", 7},
                {"layers", "1,2", 8},
                {"empty", "", 11},
                {"none", "", 12},
                {"step", "a b", 13}};
    CHECK(y.n == 9 && strcmp(y.path, "f.yaml") == 0);
    for (int i = 0; i < y.n && i < 9; i++) {
        CHECK(strcmp(y.items[i].key, want[i].key) == 0 &&
              strcmp(y.items[i].value, want[i].value) == 0);
        CHECK(y.items[i].line == want[i].line);
    }
    CHECK(strcmp(mb_yaml_get(&y, "env.name"), "cartpole") == 0 && mb_yaml_get(&y, "env") == NULL);
    mb_arena_free(a);
}

TEST(an_empty_text_has_no_items)
{
    static const char *const texts[] = {"",   "# nothing\n", "---\n",
                                        "{}", "---\n...\n",  "\xEF\xBB\xBF"};
    for (int i = 0; i < 6; i++) {
        mb_arena *a;
        mb_yaml y;
        mb_error e;
        CHECK(parse(texts[i], &a, &y, &e) && y.n == 0);
        mb_arena_free(a);
    }
}

static void check_refused(const char *text, const char *words)
{
    mb_arena *a;
    mb_yaml y;
    mb_error e;
    CHECK(!parse(text, &a, &y, &e) && e.code == MB_ERR_FORMAT && y.n == 0);
    CHECK_ERROR(e, words);
    mb_arena_free(a);
}

TEST(refusals_name_file_and_line)
{
    check_refused("a: 1\nb: 2\na: 3\n",
                  "f.yaml, line 3: a second value for 'a'\n  note: the first one is on line 1");
    check_refused("a:\n  b: 1\nc: 1\na:\n  d: 1\n", "f.yaml, line 4: a second value for 'a'");
    check_refused("a.b: 1\na:\n  b: 2\n", "f.yaml, line 3: a second value for 'a.b'");
    check_refused("a: &x 1\n", "f.yaml, line 1: anchors are not supported");
    check_refused("a: &x [1]\n", "anchors are not supported");
    check_refused("a: &x {b: 1}\n", "anchors are not supported");
    check_refused("&x a: 1\n", "anchors are not supported");
    check_refused("a: 1\nb: *x\n",
                  "f.yaml, line 2: aliases are not supported, write the value out for 'b'");
    check_refused("*x : 1\n", "f.yaml, line 1: a key must be a plain word");
    check_refused("[1, 2]: 3\n", "f.yaml, line 1: a key must be a plain word");
    check_refused("? {a: 1}\n: 3\n", "a key must be a plain word");
    check_refused("a: 1\n'': 2\n", "f.yaml, line 2: a key is empty");
    check_refused("a:\n- 1\n- [2]\n", "f.yaml, line 3: a list may hold only plain values");
    check_refused("a:\n- b: 1\n", "f.yaml, line 2: a list may hold only plain values");
    check_refused("a: ['1,2']\n", "an item of a list must not contain a comma: '1,2'");
    check_refused("- 1\n", "f.yaml, line 1: expected 'key: value' lines");
    check_refused("only words\n", "f.yaml, line 1: expected 'key: value' lines");
    check_refused("a: 1\n---\nb: 2\n", "f.yaml, line 2: a second document begins");
    check_refused("a: 1\n---\n- 2\n", "a second document begins");
    check_refused("a: \"x\\0y\"\n", "f.yaml, line 1: a zero byte in the text");
    check_refused("a: 1\n  b: 2\n", "f.yaml, line 2");
    check_refused("a: [1\nb: 2\n", "f.yaml, line 2");
    check_refused("a: \"x\n", "f.yaml, line 2");
    check_refused("a: \xff\n", "f.yaml, line 1");
    check_refused("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}\n", "nested more than 8 deep");
}

TEST(limits_hold)
{
    static char text[1 << 17];
    mb_str b;
    mb_str_init(&b, text, sizeof text);
    for (int i = 0; i < 8193; i++) mb_str_add(&b, "key%d: 1\n", i);
    check_refused(text, "f.yaml, line 8193: too many keys");
    mb_str_init(&b, text, sizeof text);
    mb_str_add(&b, "a: [");
    for (int i = 0; i < 1000; i++) mb_str_add(&b, "12345, ");
    mb_str_add(&b, "1]\n");
    check_refused(text, "the list is too long");
    memset(text, 'k', 300);
    strcpy(text + 300, ": 1\n");
    check_refused(text, "a key is too long");
    memset(text, '[', 20000); /* deep flow nesting */
    strcpy(text + 20000, "\n");
    check_refused(text, "f.yaml");
    static char spaces[(1 << 20) + 2];
    memset(spaces, ' ', sizeof spaces - 1);
    check_refused(spaces, "bytes are too many");
}

TEST(a_small_arena_gives_an_error)
{
    for (size_t bytes = 4096; bytes < 200000; bytes += 8192) {
        mb_error e = {0};
        mb_yaml y = {0};
        mb_arena *a = mb_arena_new(bytes, &e);
        bool ok = mb_yaml_parse("a: 1\nb: 2\n", 10, "f.yaml", a, &y, &e);
        CHECK(ok ? y.n == 2 : e.code == MB_ERR_MEMORY);
        mb_arena_free(a);
    }
}

/* Every prefix of a good text: good or refused, never worse. */
TEST(cut_at_every_length)
{
    static const char text[] =
        "a: 1\nenv: {b: [1, 2, x], 'c': \"d\\n\"}\nlist:\n - 1\n - 2\nlast: |\n  x\n";
    mb_error e = {0};
    mb_arena *a = mb_arena_new((size_t)8 << 20, &e);
    size_t mark = mb_arena_mark(a);
    for (size_t n = 0; n < sizeof text; n++) {
        mb_yaml y = {0};
        e = (mb_error){0};
        bool ok = mb_yaml_parse(text, n, "f.yaml", a, &y, &e);
        CHECK(ok == (e.code == MB_OK) && (ok || e.code == MB_ERR_FORMAT));
        mb_arena_release(a, mark);
    }
    mb_arena_free(a);
}

TEST(files)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new((size_t)8 << 20, &e);
    mb_yaml y;
    CHECK(!mb_yaml_read("no/such/file.yaml", a, &y, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "no/such/file.yaml");
    mb_arena_free(a);
}

MB_TESTS(T(nested_mappings_become_dotted_keys), T(an_empty_text_has_no_items),
         T(refusals_name_file_and_line), T(limits_hold), T(a_small_arena_gives_an_error),
         T(cut_at_every_length), T(files))
