/* pieces.c - the pieces of large blocks.  A piece never changes: what was written once serves every checkpoint that has
   the same bytes there. */
#include "core/pieces.h"
#include "core/file.h"
#include "core/store.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 16, PATH_BYTES = 4096 };

/* ---- names ---- */

typedef struct digest { uint64_t hash; uint32_t crc; } digest;

/* A multiplicative hash over words, beside the checksum: together they name a piece. */
static void take(digest *d, const unsigned char *data, size_t n)
{
    uint64_t h = d->hash;
    d->crc = mb_crc32c(d->crc, data, n);
    for (; n >= 8; n -= 8, data += 8) {
        uint64_t w;
        memcpy(&w, data, 8);
        h = (h ^ w) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (; n > 0; n--, data++) h = (h ^ *data) * 0x100000001b3u;
    d->hash = h;
}

static mb__piece named(const digest *d, size_t n)
{
    mb__piece p;
    uint64_t h = d->hash * 0xbf58476d1ce4e5b9u;
    h ^= h >> 32;
    mb__put(p.id, h, 8);
    mb__put(p.id + 8, d->crc, 4);
    mb__put(p.id + 12, n, 4);
    return p;
}

mb__piece mb__piece_of(const void *data, size_t n)
{
    digest d = { n, 0 };
    take(&d, data, n);
    return named(&d, n);
}

static bool folder_of(const char *path, char *out, mb_error *err)
{
    const char *slash = strrchr(path, '/');
    int n = snprintf(out, PATH_BYTES, "%.*spieces", slash ? (int)(slash - path) + 1 : 0, path);
    return n < PATH_BYTES - 64 || mb__fail_system(err, "write", path, ENAMETOOLONG);
}

static bool path_of(const char *path, mb__piece p, char *out, mb_error *err)
{
    if (!folder_of(path, out, err)) return false;
    char *at = out + strlen(out);
    *at++ = '/';
    for (int i = 0; i < MB__PIECE_ID; i++, at += 2) snprintf(at, 3, "%02x", p.id[i]);
    return true;
}

/* ---- files ---- */

bool mb__piece_write(const char *path, mb__piece p, const void *data, size_t n, mb_error *err)
{
    char folder[PATH_BYTES], file[PATH_BYTES];
    struct stat st;
    if (!path_of(path, p, file, err) || !folder_of(path, folder, err)) return false;
    if (stat(file, &st) == 0 && (size_t)st.st_size == n) return true;
    return (stat(folder, &st) == 0 || mb_dir_make(folder, err)) && mb_file_write(file, data, n, err);
}

bool mb__piece_read(const char *path, mb__piece p, void *data, size_t n, mb_error *err)
{
    char file[PATH_BYTES];
    unsigned char chunk[CHUNK];
    uint64_t size;
    digest d = { n, 0 };
    if (!path_of(path, p, file, err)) return false;
    int fd = mb__file_open(file, &size, err);
    if (fd < 0) return mb_note(err, "a piece of checkpoint '%.150s'", path);
    bool ok = size == n;
    for (size_t at = 0; ok && at < n; at += CHUNK) {
        size_t part = n - at < CHUNK ? n - at : CHUNK;
        unsigned char *to = data ? (unsigned char *)data + at : chunk;
        ok = mb__file_read_at(fd, file, to, part, at, err);
        if (ok) take(&d, to, part);
    }
    close(fd);
    mb__piece found = named(&d, n);
    if (ok && memcmp(&found, &p, sizeof p) == 0) return true;
    mb_fail(err, MB_ERR_FORMAT, "checkpoint '%.150s' is damaged: piece '%.200s' is not what it should be", path, file);
    return false;
}

/* ---- sweeping ---- */

typedef struct list { mb__piece *piece; size_t n, cap; } list;

/* without room: only count */
static bool remember(void *ctx, mb__piece p, mb_error *err)
{
    list *l = ctx;
    if (l->piece && l->n == l->cap) return mb_fail(err, MB_ERR_BUSY, "the checkpoints are being changed by another process");
    if (l->piece) l->piece[l->n] = p;
    l->n++;
    return true;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, MB__PIECE_ID);
}

/* Shell's, with halved gaps: some thousand names. */
static void sort(mb__piece *p, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap /= 2)
        for (size_t i = gap; i < n; i++) {
            mb__piece x = p[i];
            size_t at = i;
            for (; at >= gap && compare(&p[at - gap], &x) > 0; at -= gap) p[at] = p[at - gap];
            p[at] = x;
        }
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}

/* Every piece that a checkpoint of `dir` names. */
static bool collect(const char *dir, list *l, mb_error *err)
{
    char path[PATH_BYTES];
    bool ok = true;
    DIR *d = opendir(dir);
    if (!d) return mb__fail_system(err, "read", dir, errno);
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (!ends_with(e->d_name, ".ckpt")) continue;
        snprintf(path, sizeof path, "%.3000s/%.900s", dir, e->d_name);
        ok = mb__store_pieces(path, remember, l, err);
    }
    closedir(d);
    return ok;
}

static bool wanted(const list *l, const char *name)
{
    mb__piece p;
    if (strlen(name) != 2 * MB__PIECE_ID) return false;
    for (int i = 0; i < MB__PIECE_ID; i++) {
        char byte[3] = { name[2 * i], name[2 * i + 1], 0 };
        p.id[i] = (unsigned char)strtoul(byte, NULL, 16);
    }
    return l->n && bsearch(&p, l->piece, l->n, sizeof p, compare);
}

static void remove_others(const char *folder, const list *l)
{
    char path[PATH_BYTES];
    DIR *d = opendir(folder);
    if (!d) return;
    for (struct dirent *e; (e = readdir(d));) {
        if (e->d_name[0] == '.' || wanted(l, e->d_name)) continue;
        snprintf(path, sizeof path, "%.3000s/%.900s", folder, e->d_name);
        unlink(path);
    }
    closedir(d);
}

bool mb_store_sweep(const char *dir, mb_error *err)
{
    char folder[PATH_BYTES];
    struct stat st;
    list l = { 0 };
    mb_arena *a;
    snprintf(folder, sizeof folder, "%.4000s/pieces", dir);
    if (stat(folder, &st) != 0) return true;
    if (!collect(dir, &l, err) || !(a = mb_arena_new((size_t)1 << 28, err))) return false;
    l.cap = l.n;
    l.n = 0;
    bool ok = (l.piece = mb_alloc(a, l.cap + 1, sizeof *l.piece, err)) && collect(dir, &l, err);
    if (ok) sort(l.piece, l.n);
    if (ok) remove_others(folder, &l);
    mb_arena_free(a);
    return ok;
}
