/* Large blocks of a checkpoint: stored in pieces, each once, checked, swept when nobody names them. */
#include "core/pieces.h"
#include "core/scratch.h"
#include "mb_test.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES = 2 * MB_STORE_PIECE + 1000 };
typedef struct world {
    mb_arena *arena;
    mb_store *store;
    mb_error e;
    unsigned char *large;
    float small[4];
} world;

static void open_world(world *x)
{
    memset(x, 0, sizeof *x);
    x->arena = mb_arena_new((size_t)1 << 28, &x->e);
    x->store = mb_store_new(x->arena, &x->e);
    x->large = mb_alloc(x->arena, BYTES, 1, &x->e);
    CHECK(mb_keep(x->store, "small", x->small, sizeof x->small, &x->e) && mb_keep_large(x->store, "replay", x->large, BYTES, &x->e));
}

static void fill(world *x)
{
    for (size_t i = 0; i < BYTES; i++) x->large[i] = (unsigned char)(i * 7 + i / 1000);
    x->small[2] = 5;
}

static const char *folder(const char *name) /* an empty one in the scratch directory */
{
    static char path[256];
    snprintf(path, sizeof path, "%s", path_of(name));
    mkdir(path, 0777);
    return path;
}

static const char *in(const char *dir, const char *name)
{
    static char path[4][400];
    static int n;
    n = (n + 1) % 4;
    snprintf(path[n], sizeof path[n], "%s/%s", dir, name);
    return path[n];
}

static int count(const char *dir, char *last)
{
    int n = 0;
    DIR *d = opendir(in(dir, "pieces"));
    for (struct dirent *e; d && (e = readdir(d));)
        if (e->d_name[0] != '.') {
            n++;
            if (last) snprintf(last, 64, "%.60s", e->d_name);
        }
    if (d) closedir(d);
    return n;
}

static void change_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    int c = 0;
    CHECK(f && !fseek(f, at, SEEK_SET) && (c = fgetc(f)) != EOF && !fseek(f, at, SEEK_SET) && fputc(c ^ 4, f) != EOF);
    if (f) fclose(f);
}

static bool equal_files(const char *a, const char *b)
{
    mb_error e = { 0 };
    mb_arena *m = mb_arena_new(1 << 24, &e);
    char *x, *y;
    size_t n, k;
    bool same = mb_file_read(a, m, &x, &n, &e) && mb_file_read(b, m, &y, &k, &e) && n == k && !memcmp(x, y, n);
    mb_arena_free(m);
    return same;
}

TEST(names_are_as_described)
{
    /* made by tests/reference/checkpoint.py */
    static const unsigned char golden[MB__PIECE_ID] = { 0xb8, 0xb6, 0x0f, 0x65, 0x78, 0x57, 0xca, 0xc2, 0x21, 0x83, 0xde, 0x28, 0xeb, 0x03, 0x00, 0x00 };
    unsigned char data[1003];
    for (int i = 0; i < 1003; i++) data[i] = (unsigned char)(i * i);
    mb__piece p = mb__piece_of(data, sizeof data);
    CHECK(!memcmp(p.id, golden, sizeof golden));
    data[1001] ^= 1;
    p = mb__piece_of(data, sizeof data);
    CHECK(memcmp(p.id, golden, sizeof golden));
}

TEST(what_did_not_change_is_not_written_again)
{
    world x, y;
    open_world(&x), open_world(&y);
    const char *dir = folder("twice");
    struct stat st;
    fill(&x);
    CHECK(mb_store_save(x.store, in(dir, "1.ckpt"), 1, &x.e) && count(dir, NULL) == 3);
    CHECK(!stat(in(dir, "1.ckpt"), &st) && st.st_size < 300);
    x.large[MB_STORE_PIECE + 5] ^= 1;
    x.small[2] = 6;
    CHECK(mb_store_save(x.store, in(dir, "2.ckpt"), 2, &x.e) && count(dir, NULL) == 4);
    int64_t step = 0;
    CHECK(mb_store_load(y.store, in(dir, "1.ckpt"), &step, &y.e) && step == 1 && y.small[2] == 5);
    CHECK(y.large[MB_STORE_PIECE + 5] == (x.large[MB_STORE_PIECE + 5] ^ 1));
    memset(y.large, 9, BYTES);
    memset(y.small, 0, sizeof y.small);
    CHECK(mb_store_load_small(y.store, in(dir, "2.ckpt"), &step, &y.e) && step == 2 && !memcmp(x.small, y.small, sizeof x.small));
    CHECK(y.large[0] == 9 && y.large[BYTES - 1] == 9);
    CHECK(mb_store_load(y.store, in(dir, "2.ckpt"), &step, &y.e) && step == 2 && !memcmp(x.large, y.large, BYTES));
    /* what was loaded makes the same file, elsewhere too */
    const char *other = in(folder("elsewhere"), "2.ckpt");
    CHECK(mb_store_save(y.store, other, 2, &y.e) && equal_files(other, in(path_of("twice"), "2.ckpt")));
    CHECK(mb_store_peek(other, &step, &y.e) && step == 2);
    mb_arena_free(x.arena), mb_arena_free(y.arena);
}

TEST(damaged_and_missing_pieces_are_refused)
{
    world x, y;
    open_world(&x), open_world(&y);
    const char *dir = folder("damage");
    char name[64] = "";
    fill(&x);
    CHECK(mb_store_save(x.store, in(dir, "1.ckpt"), 1, &x.e) && count(dir, name) == 3);
    char piece[400];
    snprintf(piece, sizeof piece, "%s/pieces/%s", dir, name);
    change_byte(piece, 900);
    CHECK(!mb_store_load(y.store, in(dir, "1.ckpt"), NULL, &y.e) && y.large[0] == 0 && y.large[1] == 0 && y.small[2] == 0);
    CHECK_ERROR(y.e, "is not what it should be");
    CHECK(y.e.code == MB_ERR_FORMAT);
    y.e = (mb_error){ 0 };
    unlink(piece);
    CHECK(!mb_store_load(y.store, in(dir, "1.ckpt"), NULL, &y.e) && y.large[1] == 0);
    CHECK_ERROR(y.e, "a piece of checkpoint");
    y.e = (mb_error){ 0 };
    CHECK(mb_store_load_prefix(y.store, in(dir, "1.ckpt"), "small", NULL, &y.e) && y.small[2] == 5); /* who needs no replay reads none */
    CHECK(mb_store_save(x.store, in(dir, "1.ckpt"), 1, &x.e) && mb_store_load(y.store, in(dir, "1.ckpt"), NULL, &y.e));
    mb_arena_free(x.arena), mb_arena_free(y.arena);
}

TEST(cut_and_flipped)
{
    world x, y;
    open_world(&x), open_world(&y);
    const char *dir = folder("flip");
    fill(&x);
    CHECK(mb_store_save(x.store, in(dir, "good.ckpt"), 1, &x.e));
    mb_arena *m = mb_arena_new(1 << 24, &x.e);
    char *data;
    size_t n;
    CHECK(mb_file_read(in(dir, "good.ckpt"), m, &data, &n, &x.e));
    for (size_t i = 0; i < 2 * n; i++) { /* cut here, then a bit flipped there */
        size_t at = i % n;
        if (i >= n) data[at] ^= 16;
        CHECK(mb_file_write(in(dir, "bad.ckpt"), data, i < n ? at : n, &x.e));
        mb_error e = { 0 };
        CHECK(!mb_store_load(y.store, in(dir, "bad.ckpt"), NULL, &e) && e.code == MB_ERR_FORMAT && y.large[1] == 0);
        if (i >= n) data[at] ^= 16;
    }
    mb_arena_free(m);
    mb_arena_free(x.arena), mb_arena_free(y.arena);
}

TEST(sweeping_keeps_what_is_named)
{
    world x;
    open_world(&x);
    const char *dir = folder("sweep");
    fill(&x);
    CHECK(mb_store_sweep(dir, &x.e)); /* nothing there yet */
    CHECK(mb_store_save(x.store, in(dir, "1.ckpt"), 1, &x.e));
    x.large[0] ^= 1;
    CHECK(mb_store_save(x.store, in(dir, "2.ckpt"), 2, &x.e) && count(dir, NULL) == 4);
    CHECK(mb_file_write(in(dir, "pieces/left.tmp"), "x", 1, &x.e));
    CHECK(mb_store_sweep(dir, &x.e) && count(dir, NULL) == 4);
    unlink(in(dir, "1.ckpt"));
    CHECK(mb_file_write(in(dir, "torn.ckpt"), "MATCHBOX", 8, &x.e));
    mb_error e = { 0 };
    CHECK(!mb_store_sweep(dir, &e) && count(dir, NULL) == 4 && e.code == MB_ERR_FORMAT);
    unlink(in(dir, "torn.ckpt"));
    CHECK(mb_store_sweep(dir, &x.e) && count(dir, NULL) == 3);
    CHECK(mb_store_load(x.store, in(dir, "2.ckpt"), NULL, &x.e));
    mb_arena_free(x.arena);
}

MB_TESTS(T(names_are_as_described), T(what_did_not_change_is_not_written_again), T(damaged_and_missing_pieces_are_refused), T(cut_and_flipped),
         T(sweeping_keeps_what_is_named))
