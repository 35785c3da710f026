/* safetensors: files of the reference library are read, written byte for byte, and refused when they are cut or lie. */
#include "matchbox/lm.h"
#include "mb_test.h"
#include "reference/data/safetensors.h"
#include <stdlib.h>
#include <unistd.h>

static mb_arena *arena;
static mb_error err;
static const char *const one = "tests/reference/data/lm/one.safetensors";

static mb_safetensors *open_it(const char *path)
{
    err = (mb_error){ 0 };
    mb_arena_free(arena);
    arena = mb_arena_new((size_t)1 << 28, &err);
    return mb_safetensors_open(arena, path, &err);
}

static bool bits_equal(const float *x, const uint32_t *bits, int n)
{
    return memcmp(x, bits, (size_t)n * sizeof *x) == 0;
}

TEST(types_and_shapes)
{
    mb_safetensors *f = open_it(one);
    CHECK(f && mb_safetensors_count(f) == 9);
    if (!f) return;
    float x[ST_N];
    const mb_st_tensor *t = mb_safetensors_find(f, "model.embed.weight");
    CHECK(t && t->type == MB_ST_F32 && t->rank == 2 && t->d[0] == 3 && t->d[1] == 4 && t->n == 12);
    mb_st_read(t, x);
    for (int i = 0; i < 12; i++) CHECK(x[i] == (float)i / 7);
    CHECK((t = mb_safetensors_find(f, "scalar")) && t->rank == 0 && t->n == 1);
    mb_st_read(t, x);
    CHECK(x[0] == 2.5f);
    CHECK((t = mb_safetensors_find(f, "empty")) && t->rank == 2 && t->n == 0);
    CHECK((t = mb_safetensors_find(f, "ids")) && t->type == MB_ST_I64);
    mb_st_read(t, x);
    CHECK(x[0] == -3 && x[1] == 7 && x[2] == 0x1p40f);
    CHECK((t = mb_safetensors_find(f, "flags")) && t->type == MB_ST_BOOL);
    mb_st_read(t, x);
    CHECK(x[0] == 1 && x[1] == 0 && x[2] == 1);
    CHECK((t = mb_safetensors_find(f, "na\xc3\xafve \"name\"")) != NULL);
    CHECK(!mb_safetensors_find(f, "nothing"));
    mb_safetensors_close(f);
}

TEST(halves_are_exact_both_ways)
{
    mb_safetensors *f = open_it(one);
    float x[ST_N], back[ST_N];
    uint16_t half[ST_N];
    memcpy(x, st_x, sizeof x);
    for (int k = 0; f && k < 2; k++) {
        const mb_st_tensor *t = mb_safetensors_find(f, k ? "b.brain" : "a.half");
        CHECK(t && t->n == ST_N);
        mb_st_read(t, back);
        CHECK(bits_equal(back, k ? st_brain_back : st_half_back, ST_N));
        CHECK(mb_st_convert(x, ST_N, k ? MB_ST_BF16 : MB_ST_F16, half, &err));
        for (int i = 0; i < ST_N; i++)
            if (half[i] != (k ? st_brain : st_half)[i]) CHECK_NEAR(half[i], (k ? st_brain : st_half)[i], 0);
    }
    mb_safetensors_close(f);
}

/* Every half-precision number there is survives the way to float and back. */
TEST(all_halves)
{
    for (uint32_t h = 0; h < 65536; h++) {
        uint16_t bits = (uint16_t)h, again;
        float x;
        mb_st_tensor t = { .type = MB_ST_F16, .n = 1, .data = &bits };
        mb_st_read(&t, &x);
        CHECK(mb_st_convert(&x, 1, MB_ST_F16, &again, &err));
        if ((h & 0x7c00) == 0x7c00 && (h & 0x3ff)) CHECK(x != x && (again & 0x7c00) == 0x7c00 && (again & 0x3ff));
        else CHECK(again == bits);
    }
}

TEST(written_as_the_reference_writes)
{
    char path[] = "/tmp/mb-st-XXXXXX", *ours, *theirs;
    size_t n, m;
    mb_safetensors *f = open_it(one);
    int fd = mkstemp(path);
    close(fd);
    mb_st_tensor t[9];
    for (int i = 0; f && i < 9; i++) t[i] = *mb_safetensors_at(f, i);
    CHECK(f && mb_safetensors_write(path, t, 9, arena, &err));
    CHECK(mb_file_read(path, arena, &ours, &n, &err) && mb_file_read(one, arena, &theirs, &m, &err));
    CHECK(n == m && memcmp(ours, theirs, n) == 0);
    mb_safetensors_close(f);
    unlink(path);
}

TEST(shards)
{
    mb_safetensors *f = open_it("tests/reference/data/lm/sharded");
    float x[4];
    CHECK(f && mb_safetensors_count(f) == 3);
    if (!f) return;
    mb_st_read(mb_safetensors_find(f, "layer.0.w"), x);
    CHECK(x[0] == -1 && x[3] == -1);
    mb_st_read(mb_safetensors_find(f, "layer.1.w"), x);
    CHECK(x[0] == 0.25f);
    mb_safetensors_close(f);
    CHECK(!open_it("tests/reference/data"));
    CHECK_ERROR(err, "holds neither model.safetensors nor");
}

/* Any bytes: opened or refused with an error, never a crash. */
static bool try_bytes(const char *path, const char *data, size_t n)
{
    FILE *out = fopen(path, "wb");
    CHECK(out && fwrite(data, 1, n, out) == n && fclose(out) == 0);
    mb_safetensors *f = open_it(path);
    CHECK((f != NULL) == (err.code == MB_OK));
    if (f) mb_safetensors_close(f);
    return f != NULL;
}

TEST(cut_and_flipped)
{
    char path[] = "/tmp/mb-st-XXXXXX";
    static char copy[8192];
    int fd = mkstemp(path);
    FILE *in = fopen(one, "rb");
    size_t n = fread(copy, 1, sizeof copy, in);
    fclose(in);
    close(fd);
    CHECK(n > 500 && n < sizeof copy);
    for (size_t cut = 0; cut < n; cut++) CHECK(!try_bytes(path, copy, cut));
    size_t header = (size_t)(unsigned char)copy[0] | (size_t)(unsigned char)copy[1] << 8;
    for (size_t i = 0; i < 8 + header; i++) {
        copy[i] = (char)(copy[i] ^ (1 << i % 7));
        try_bytes(path, copy, n);
        copy[i] = (char)(copy[i] ^ (1 << i % 7));
    }
    CHECK(try_bytes(path, copy, n));
    unlink(path);
}

static void hostile(const char *header, size_t data, const char *says)
{
    char path[] = "/tmp/mb-st-XXXXXX", bytes[4096] = { 0 };
    size_t n = strlen(header);
    close(mkstemp(path));
    for (int i = 0; i < 8; i++) bytes[i] = (char)((uint64_t)n >> (8 * i) & 255);
    memcpy(bytes + 8, header, n);
    CHECK(!try_bytes(path, bytes, 8 + n + data));
    CHECK_ERROR(err, says);
    unlink(path);
}

TEST(headers_that_lie)
{
    hostile("[]", 0, "no JSON object");
    hostile("{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "type 'F99' is not known");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "is no number of elements");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,4]}}", 4, "is no number of elements");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4, "at most 8");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}", 4, "leave the 4 bytes");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "leave the 4 bytes");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "4 bytes for a shape and type of 8");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4,
            "overlaps");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "leaves a hole");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 8, "belong to no tensor");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"a\":{}}", 4, "no JSON object");
    hostile("{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, "is no number of elements");
    hostile("{\"a\":1}", 4, "type '(none)' is not known");
}

#ifdef MB_HAVE_JANSSON
MB_TESTS(T(types_and_shapes), T(halves_are_exact_both_ways), T(all_halves), T(written_as_the_reference_writes), T(shards), T(cut_and_flipped),
         T(headers_that_lie))
#else
MB_TESTS(T(all_halves))
#endif
