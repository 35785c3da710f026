/* The checkpoint store: the format byte by byte, every cut and every flipped bit, and what each
   refusal says. */
#include "core/file.h"
#include "core/scratch.h"
#include "mb_test.h"

#include <sys/stat.h>
#include <unistd.h>

/* made by tests/reference/checkpoint.py */
static const unsigned char golden[] = {
    0x4d, 0x41, 0x54, 0x43, 0x48, 0x42, 0x4f, 0x58, 0x01, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00,
    0x00, 0xec, 0xe5, 0x66, 0x41, 0xe3, 0xff, 0xff, 0xff, 0xa5, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0xb4, 0x39, 0x6a, 0xa2, 0x05, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x6e, 0x65, 0x74, 0x2e, 0x77, 0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x20,
    0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x50, 0x40, 0x43, 0xbd, 0x09, 0x84, 0x03, 0x00,
    0x00, 0x00, 0x0c, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x72, 0x6e, 0x67, 0xef, 0xbe,
    0xad, 0xde, 0x07, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xcf, 0x42, 0x22, 0x4a, 0x04,
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x6e, 0x6f, 0x6e, 0x65,
    0x6a, 0x1d, 0x06, 0x80, 0x05, 0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x6e, 0x65, 0x74, 0x2e, 0x62, 0x9a, 0x99, 0x99, 0x99, 0x99, 0x99, 0xb9, 0x3f, 0x9c,
    0x75, 0x00, 0x88, 0x3c, 0xe4, 0x37, 0xfe, 0xe2, 0xcc, 0xad, 0x81, 0x2d, 0x31, 0x5f, 0xe0,
};
static const int64_t golden_step = -123456789012;

typedef struct world {
    mb_arena *arena;
    mb_store *store;
    mb_error e;
    float w[4];
    uint32_t rng[3];
    double b[2];
} world;

static world *open_world(void)
{
    static world x;
    memset(&x, 0, sizeof x);
    x.arena = mb_arena_new(1 << 20, &x.e);
    x.store = mb_store_new(x.arena, &x.e);
    mb_keep(x.store, "net.w", x.w, sizeof x.w, &x.e);
    mb_keep(x.store, "rng", x.rng, sizeof x.rng, &x.e);
    mb_keep(x.store, "none", NULL, 0, &x.e);
    mb_keep(x.store, "net.b", x.b, sizeof x.b, &x.e);
    return &x;
}

static void fill(world *x)
{
    memcpy(x->w, (float[]){1.0f, -2.5f, 0, 3.25f}, sizeof x->w);
    memcpy(x->rng, (uint32_t[]){0xDEADBEEFu, 7, 0}, sizeof x->rng);
    memcpy(x->b, (double[]){0.1, -1e300}, sizeof x->b);
}

static bool filled(const world *x)
{
    return x->w[1] == -2.5f && x->w[3] == 3.25f && x->rng[0] == 0xDEADBEEFu && x->b[1] == -1e300;
}

static bool untouched(const world *x)
{
    static const world zero;
    return !memcmp(x->w, zero.w, sizeof x->w) && !memcmp(x->rng, zero.rng, sizeof x->rng) &&
           !memcmp(x->b, zero.b, sizeof x->b);
}

/* Write bytes as they are. */
static void put_file(const char *path, const void *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    CHECK(f && fwrite(data, 1, n, f) == n);
    if (f) fclose(f);
}

TEST(crc32c_known_answers)
{
    unsigned char v[32];
    CHECK(mb_crc32c(0, "123456789", 9) == 0xe3069283u && mb_crc32c(0, "", 0) == 0);
    memset(v, 0, 32);
    CHECK(mb_crc32c(0, v, 32) == 0x8a9136aau); /* RFC 3720, B.4 */
    memset(v, 0xff, 32);
    CHECK(mb_crc32c(0, v, 32) == 0x62a8ab43u);
    for (int i = 0; i < 32; i++) v[i] = (unsigned char)i;
    CHECK(mb_crc32c(0, v, 32) == 0x46dd794eu);
    for (int i = 0; i < 32; i++) v[i] = (unsigned char)(31 - i);
    CHECK(mb_crc32c(0, v, 32) == 0x113fdb5cu);
}

TEST(crc32c_both_ways_agree)
{
    unsigned char v[300];
    mb_rng r = mb_rng_make(1, "test", 0);
    for (size_t i = 0; i < sizeof v; i++) v[i] = (unsigned char)mb_rand(&r);
    for (size_t from = 0; from < 9; from++)
        for (size_t n = 0; n + from <= sizeof v; n++) {
            uint32_t start = mb_rand(&r), crc = mb_crc32c(start, v + from, n);
            CHECK(mb__crc32c_table(start, v + from, n) == crc);
            size_t cut = n ? mb_rand(&r) % n : 0; /* in two pieces */
            CHECK(mb_crc32c(mb_crc32c(start, v + from, cut), v + from + cut, n - cut) == crc);
        }
}

TEST(the_format_is_as_described)
{
    world *x = open_world();
    fill(x);
    const char *path = path_of("golden");
    CHECK(mb_store_save(x->store, path, golden_step, &x->e));
    char *data = NULL;
    size_t n = 0;
    CHECK(mb_file_read(path, x->arena, &data, &n, &x->e) && n == sizeof golden &&
          !memcmp(data, golden, n));
    mb_arena_free(x->arena);
}

TEST(a_checkpoint_comes_back)
{
    world *x = open_world();
    const char *path = path_of("back");
    int64_t step = 0;
    put_file(path, golden, sizeof golden);
    CHECK(mb_store_peek(path, &step, &x->e) && step == golden_step && untouched(x));
    step = 0;
    CHECK(mb_store_load(x->store, path, &step, &x->e) && step == golden_step && filled(x));
    CHECK(mb_store_load(x->store, path, NULL, &x->e) && mb_store_peek(path, NULL, &x->e));
    CHECK(x->e.code == MB_OK);
    mb_arena_free(x->arena);
}

/* Loading bytes that must be refused: an error, the step and every block as before. */
static void check_refused(world *x, const unsigned char *data, size_t n, const char *words)
{
    const char *path = path_of("bad");
    int64_t step = 42;
    put_file(path, data, n);
    x->e = (mb_error){0};
    CHECK(!mb_store_load(x->store, path, &step, &x->e) && step == 42 && untouched(x));
    CHECK(x->e.code == MB_ERR_FORMAT);
    CHECK_ERROR(x->e, words);
    mb_error e = {0};
    if (!strstr(words, "block")) CHECK(!mb_store_peek(path, &step, &e) && step == 42);
}

TEST(cut_at_every_length)
{
    world *x = open_world();
    for (size_t n = 0; n < sizeof golden; n++) {
        char words[80];
        size_t want = n < 36 ? 36 : sizeof golden;
        snprintf(words, sizeof words, "is truncated: %zu bytes expected, %zu found", want, n);
        check_refused(x, golden, n, words);
    }
    unsigned char longer[sizeof golden + 3] = {0};
    memcpy(longer, golden, sizeof golden);
    check_refused(x, longer, sizeof longer, "is 3 bytes longer than it should be");
    mb_arena_free(x->arena);
}

TEST(every_flipped_bit)
{
    world *x = open_world();
    for (size_t i = 0; i < sizeof golden; i++)
        for (int bit = 0; bit < 8; bit++) {
            unsigned char bad[sizeof golden];
            memcpy(bad, golden, sizeof bad);
            bad[i] ^= (unsigned char)(1 << bit);
            const char *words = i < 8    ? "is not a checkpoint"
                                : i < 12 ? "format version"
                                         : "damaged";
            check_refused(x, bad, sizeof bad, words);
        }
    mb_arena_free(x->arena);
}

TEST(damage_names_the_block)
{
    world *x = open_world();
    unsigned char bad[sizeof golden];
    memcpy(bad, golden, sizeof bad);
    bad[36 + 12 + 5 + 2] ^= 1; /* in the data of net.w */
    check_refused(x, bad, sizeof bad, "the checksum of block 'net.w' is wrong");
    memcpy(bad, golden, sizeof bad);
    bad[8] = 3;
    check_refused(x, bad, sizeof bad, "a newer matchbox made it");
    memset(bad, 'x', sizeof bad);
    check_refused(x, bad, sizeof bad, "is not a checkpoint: it does not begin with MATCHBOX");
    check_refused(x, bad, 3, "is not a checkpoint");
    check_refused(x, (const unsigned char *)"", 0, "is truncated: 36 bytes expected, 0 found");
    mb_arena_free(x->arena);
}

/* Sums that are right do not make contents right: heads and sizes that somebody wrote on purpose.
   */
static void seal(unsigned char *file, size_t n)
{
    uint32_t crc = mb_crc32c(0, file, 32);
    for (int i = 0; i < 4; i++) file[32 + i] = (unsigned char)(crc >> (8 * i));
    crc = mb_crc32c(0, file, n - 4);
    for (size_t i = 0; i < 4; i++) file[n - 4 + i] = (unsigned char)(crc >> (8 * i));
}

TEST(lies_with_right_checksums)
{
    world *x = open_world();
    unsigned char bad[sizeof golden];
    memcpy(bad, golden, sizeof bad);
    bad[12] = 3; /* one block fewer than there are */
    seal(bad, sizeof bad);
    check_refused(x, bad, sizeof bad, "damaged");
    bad[12] = 5;
    seal(bad, sizeof bad);
    check_refused(x, bad, sizeof bad, "damaged");
    bad[12] = bad[13] = bad[14] = bad[15] = 0xff;
    seal(bad, sizeof bad);
    check_refused(x, bad, sizeof bad, "damaged");
    memcpy(bad, golden, sizeof bad);
    memset(bad + 36 + 4, 0xff, 8); /* a block larger than memory */
    seal(bad, sizeof bad);
    check_refused(x, bad, sizeof bad, "damaged");
    memcpy(bad, golden, sizeof bad);
    memset(bad + 36, 0xff, 4); /* a name larger than the file */
    seal(bad, sizeof bad);
    check_refused(x, bad, sizeof bad, "damaged");
    for (unsigned char n = 36; n < 40; n++) { /* a file without room for its last checksum */
        memcpy(bad, golden, sizeof bad);
        memset(bad + 24, 0, 8);
        bad[24] = n;
        uint32_t crc = mb_crc32c(0, bad, 32);
        for (int i = 0; i < 4; i++) bad[32 + i] = (unsigned char)(crc >> (8 * i));
        check_refused(x, bad, n, "damaged");
    }
    mb_arena_free(x->arena);
}

/* A store with the given blocks, loaded from the golden file. */
static mb_error load_into(const char *name, size_t bytes, const char *prefix, bool all)
{
    static unsigned char data[64];
    mb_error e = {0};
    mb_arena *a = mb_arena_new(1 << 20, &e);
    mb_store *s = mb_store_new(a, &e);
    const char *path = path_of("other");
    int64_t step;
    put_file(path, golden, sizeof golden);
    memset(data, 0, sizeof data);
    if (all) {
        mb_keep(s, "net.w", data, 16, &e);
        mb_keep(s, "rng", data + 16, 12, &e);
        mb_keep(s, "net.b", data + 32, 16, &e);
    }
    mb_keep(s, name, data + 48, bytes, &e);
    bool ok = mb_store_load_prefix(s, path, prefix, &step, &e);
    for (size_t i = 0; i < sizeof data; i++) CHECK(ok || data[i] == 0);
    CHECK(ok == (e.code == MB_OK));
    mb_arena_free(a);
    return e;
}

TEST(another_configuration)
{
    mb_error e = load_into("none", 0, "", true);
    CHECK(e.code == MB_OK);
    e = load_into("none", 8, "", true);
    CHECK_ERROR(e,
                "block 'none' has 0 bytes, 8 are expected\n  note: made by another configuration?");
    e = load_into("extra", 8, "", true);
    CHECK_ERROR(e, "has a block 'none' that is not wanted here");
    e = load_into("net.w", 16, "", false);
    CHECK_ERROR(e, "has a block 'rng' that is not wanted here");
    e = load_into("net.w", 16, "net.w", false);
    CHECK(e.code == MB_OK);
    e = load_into("net.w", 16, "net.", false);
    CHECK(e.code == MB_OK); /* net.b is there, but not asked for */
    e = load_into("net.v", 16, "net.", false);
    CHECK_ERROR(e, "has no block 'net.v'\n  note: made by another configuration?");
    e = load_into("net.w", 12, "net.", false);
    CHECK_ERROR(e, "block 'net.w' has 16 bytes, 12 are expected");
}

TEST(a_part_can_be_loaded)
{
    world *x = open_world();
    const char *path = path_of("part");
    int64_t step = 0;
    put_file(path, golden, sizeof golden);
    CHECK(mb_store_load_prefix(x->store, path, "net.", &step, &x->e) && step == golden_step);
    CHECK(x->w[1] == -2.5f && x->b[1] == -1e300 && x->rng[0] == 0);
    mb_arena_free(x->arena);
}

TEST(names_are_unique_and_bounded)
{
    world *x = open_world();
    char name[200];
    CHECK(!mb_keep(x->store, "rng", x->rng, 4, &x->e) && x->e.code == MB_ERR_USAGE);
    CHECK_ERROR(x->e, "two blocks of the checkpoint are called 'rng'");
    x->e = (mb_error){0};
    CHECK(!mb_keep(x->store, "", x->rng, 4, &x->e) && x->e.code == MB_ERR_USAGE);
    memset(name, 'n', sizeof name);
    name[128] = '\0';
    x->e = (mb_error){0};
    CHECK(!mb_keep(x->store, name, x->rng, 4, &x->e) && x->e.code == MB_ERR_USAGE);
    name[127] = '\0';
    x->e = (mb_error){0};
    CHECK(mb_keep(x->store, name, x->rng, 4, &x->e));
    mb_arena_free(x->arena);
}

TEST(many_and_large_blocks)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new((size_t)64 << 20, &e);
    mb_store *s = mb_store_new(a, &e);
    enum { N = 300 };
    unsigned char *data[N];
    for (int i = 0; i < N; i++) {
        char name[32];
        size_t n = i == 77 ? 5000000 : (size_t)i * 13;
        snprintf(name, sizeof name, "block%d", i);
        data[i] = mb_alloc(a, n, 1, &e);
        memset(data[i], i, n);
        CHECK(mb_keep(s, name, data[i], n, &e));
    }
    const char *path = path_of("many");
    int64_t step;
    CHECK(mb_store_save(s, path, 1, &e));
    for (int i = 0; i < N; i++) memset(data[i], 0, i == 77 ? 5000000 : (size_t)i * 13);
    CHECK(mb_store_load(s, path, &step, &e) && step == 1);
    CHECK(data[299][298 * 13] == (299 & 255) && data[77][4999999] == 77 && data[1][12] == 1);
    mb_arena_free(a);
}

TEST(files_that_cannot_be)
{
    world *x = open_world();
    int64_t step;
    CHECK(!mb_store_load(x->store, path_of("missing"), &step, &x->e) && x->e.code == MB_ERR_IO);
    CHECK_ERROR(x->e, "no such file or directory");
    x->e = (mb_error){0};
    CHECK(!mb_store_load(x->store, "/dev/null", &step, &x->e) && x->e.code == MB_ERR_IO);
    x->e = (mb_error){0};
    CHECK(!mb_store_save(x->store, path_of("no/such/dir"), 1, &x->e) && x->e.code == MB_ERR_IO);
    mb_arena_free(x->arena);
}

MB_TESTS(T(crc32c_known_answers), T(crc32c_both_ways_agree), T(the_format_is_as_described),
         T(a_checkpoint_comes_back), T(cut_at_every_length), T(every_flipped_bit),
         T(damage_names_the_block), T(lies_with_right_checksums), T(another_configuration),
         T(a_part_can_be_loaded), T(names_are_unique_and_bounded), T(many_and_large_blocks),
         T(files_that_cannot_be))
