/* Checkpoint store: registered blocks of memory in one checked file.

   Layout, little-endian, nothing aligned:
     head     "MATCHBOX", u32 version, u32 blocks, i64 step, u64 bytes of the whole file,
              u32 checksum of the head so far
     block    u32 length of the name, u64 bytes of data, name, data, u32 checksum of all that
     end      u32 checksum of the whole file before it
   Checksums are CRC-32C.  The version stands before anything that a later version may lay out
   differently.  Version 2 knows large blocks: the top bit of the name's length is set, and the data
   are u64 bytes of the block and, for every piece of it, what names the piece (pieces.h).  A store
   without large blocks writes version 1. */
#include "core/file.h"
#include "core/store.h"

#include <string.h>
#include <unistd.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "blocks are stored as they lie in memory");

enum { VERSION = 2, PLAIN = 1, HEAD = 36, BLOCK_HEAD = 12, CHECKSUM = 4 }; /* bytes, but the first two */
#define LARGE 0x80000000u /* in the length of a name */
enum { NAME_BYTES = 127, CHUNK = 1 << 16, GROUP = 64 };
static const char magic[8] = {'M', 'A', 'T', 'C', 'H', 'B', 'O', 'X'};

typedef struct block {
    const char *name;
    void *data;
    size_t bytes;
    bool large;
    uint64_t offset; /* of the data in the file being loaded */
    bool found, in_pieces;
} block;

/* Blocks come in groups, so that registering never moves or copies any. */
typedef struct group {
    block blocks[GROUP];
    int n;
    struct group *next;
} group;

struct mb_store {
    mb_arena *arena;
    group first, *last;
    int nblocks;
};

#define EACH_BLOCK(s, b)                                                                           \
    for (group *mb__g = (group *)&(s)->first; mb__g; mb__g = mb__g->next)                          \
        for (block *b = mb__g->blocks; b < mb__g->blocks + mb__g->n; b++)

mb_store *mb_store_new(mb_arena *a, mb_error *err)
{
    mb_store *s = mb_alloc(a, 1, sizeof *s, err);
    if (!s) return NULL;
    s->arena = a;
    s->last = &s->first;
    return s;
}

static block *find(const mb_store *s, const char *name)
{
    EACH_BLOCK(s, b)
        if (strcmp(b->name, name) == 0) return b;
    return NULL;
}

bool mb_keep(mb_store *s, const char *name, void *data, size_t bytes, mb_error *err)
{
    size_t length = strlen(name);
    if (length == 0 || length > NAME_BYTES)
        return mb_fail(err, MB_ERR_USAGE,
                       "the name of a block must have 1 to %d bytes, not %zu: '%.64s'", NAME_BYTES,
                       length, name);
    if (find(s, name))
        return mb_fail(err, MB_ERR_USAGE, "two blocks of the checkpoint are called '%s'", name);
    if (s->last->n == GROUP) {
        group *more = mb_alloc(s->arena, 1, sizeof *more, err);
        if (!more) return false;
        s->last = s->last->next = more;
    }
    char *copy = mb_strdup(s->arena, name, err);
    if (!copy) return false;
    s->last->blocks[s->last->n++] = (block){.name = copy, .data = data, .bytes = bytes};
    s->nblocks++;
    return true;
}

bool mb_keep_large(mb_store *s, const char *name, void *data, size_t bytes, mb_error *err)
{
    if (!mb_keep(s, name, data, bytes, err)) return false;
    s->last->blocks[s->last->n - 1].large = bytes > MB_STORE_PIECE;
    return true;
}

void mb__put(unsigned char *to, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++) to[i] = (unsigned char)(v >> (8 * i));
}

uint64_t mb__get(const unsigned char *from, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes - 1; i >= 0; i--) v = v << 8 | from[i];
    return v;
}

/* Write, and carry two checksums along. */
static bool emit(mb__writer *w, const void *data, size_t n, uint32_t *part, uint32_t *whole,
                 mb_error *err)
{
    *part = mb_crc32c(*part, data, n);
    *whole = mb_crc32c(*whole, data, n);
    return mb__writer_put(w, data, n, err);
}

static size_t pieces_of(uint64_t bytes)
{
    return (size_t)((bytes + MB_STORE_PIECE - 1) / MB_STORE_PIECE);
}

static size_t piece_bytes(uint64_t bytes, size_t i)
{
    uint64_t left = bytes - (uint64_t)i * MB_STORE_PIECE;
    return left < MB_STORE_PIECE ? (size_t)left : MB_STORE_PIECE;
}

/* bytes that a block takes in the file, name and frame not counted */
static uint64_t stored(const block *b)
{
    return b->large ? 8 + (uint64_t)pieces_of(b->bytes) * MB__PIECE_ID : b->bytes;
}

/* Pieces go to their files, their names into this one. */
static bool emit_pieces(mb__writer *w, const block *b, uint32_t *crc, uint32_t *whole,
                        mb_error *err)
{
    unsigned char size[8];
    mb__put(size, b->bytes, 8);
    if (!emit(w, size, sizeof size, crc, whole, err)) return false;
    for (size_t i = 0; i < pieces_of(b->bytes); i++) {
        const char *data = (const char *)b->data + i * MB_STORE_PIECE;
        size_t n = piece_bytes(b->bytes, i);
        mb__piece p = mb__piece_of(data, n);
        if (!mb__piece_write(w->path, p, data, n, err)) return mb__writer_drop(w), false;
        if (!emit(w, p.id, sizeof p.id, crc, whole, err)) return false;
    }
    return true;
}

static bool emit_block(mb__writer *w, const block *b, uint32_t *whole, mb_error *err)
{
    unsigned char head[BLOCK_HEAD], sum[CHECKSUM];
    uint32_t crc = 0, unused = 0;
    size_t length = strlen(b->name);
    mb__put(head, b->large ? length | LARGE : length, 4);
    mb__put(head + 4, stored(b), 8);
    if (!emit(w, head, sizeof head, &crc, whole, err) ||
        !emit(w, b->name, length, &crc, whole, err))
        return false;
    if (b->large ? !emit_pieces(w, b, &crc, whole, err)
                 : !emit(w, b->data, b->bytes, &crc, whole, err))
        return false;
    mb__put(sum, crc, 4);
    return emit(w, sum, sizeof sum, &unused, whole, err);
}

bool mb_store_save(const mb_store *s, const char *path, int64_t step, mb_error *err)
{
    unsigned char head[HEAD], sum[CHECKSUM];
    uint64_t total = HEAD + CHECKSUM, version = PLAIN;
    EACH_BLOCK(s, b) {
        total += BLOCK_HEAD + strlen(b->name) + stored(b) + CHECKSUM;
        if (b->large) version = VERSION;
    }
    memcpy(head, magic, sizeof magic);
    mb__put(head + 8, version, 4);
    mb__put(head + 12, (uint64_t)s->nblocks, 4);
    mb__put(head + 16, (uint64_t)step, 8);
    mb__put(head + 24, total, 8);
    mb__put(head + 32, mb_crc32c(0, head, 32), 4);

    mb__writer w;
    uint32_t whole = 0, unused = 0;
    if (!mb__writer_open(&w, path, err) || !emit(&w, head, sizeof head, &unused, &whole, err))
        return false;
    EACH_BLOCK(s, b)
        if (!emit_block(&w, b, &whole, err)) return false;
    mb__put(sum, whole, 4);
    return mb__writer_put(&w, sum, sizeof sum, err) && mb__writer_commit(&w, err);
}

/* A checkpoint being read from front to back. */
typedef struct reader {
    int fd;
    const char *path;
    uint64_t size, at;
    uint32_t whole; /* checksum of all bytes before `at` */
    int64_t step;
    uint64_t version;
    uint32_t nblocks;
    bool whole_blocks_only; /* leave those in pieces alone */
} reader;

static bool fetch(reader *r, void *to, size_t n, uint32_t *part, mb_error *err)
{
    if (!mb__file_read_at(r->fd, r->path, to, n, r->at, err)) return false;
    *part = mb_crc32c(*part, to, n);
    r->whole = mb_crc32c(r->whole, to, n);
    r->at += n;
    return true;
}

static bool fail_truncated(const reader *r, uint64_t expected, mb_error *err)
{
    return mb_fail(err, MB_ERR_FORMAT,
                   "checkpoint '%.200s' is truncated: %llu bytes expected, %llu found", r->path,
                   (unsigned long long)expected, (unsigned long long)r->size);
}

static bool fail_damaged(const reader *r, const char *what, mb_error *err)
{
    return mb_fail(err, MB_ERR_FORMAT,
                   "checkpoint '%.200s' is damaged: the checksum of %s is wrong", r->path, what);
}

/* Check magic, version, checksum and length: after this the file has as many bytes as it should. */
static bool read_head(reader *r, mb_error *err)
{
    unsigned char head[HEAD];
    uint32_t unused = 0;
    size_t n = r->size < HEAD ? (size_t)r->size : HEAD, known = n < sizeof magic ? n : sizeof magic;
    if (!fetch(r, head, n, &unused, err)) return false;
    if (memcmp(head, magic, known) != 0)
        return mb_fail(err, MB_ERR_FORMAT,
                       "'%.200s' is not a checkpoint: it does not begin with MATCHBOX", r->path);
    uint64_t version = n >= 12 ? mb__get(head + 8, 4) : VERSION;
    if (version != PLAIN && version != VERSION) {
        mb_fail(err, MB_ERR_FORMAT,
                "checkpoint '%.200s' has format version %llu, this program reads versions 1 to %d",
                r->path, (unsigned long long)version, VERSION);
        return mb_note(err, "%s",
                       version > VERSION ? "a newer matchbox made it: use that one"
                                         : "it may be damaged");
    }
    if (n < HEAD) return fail_truncated(r, HEAD, err);
    if (mb__get(head + 32, 4) != mb_crc32c(0, head, 32)) return fail_damaged(r, "its head", err);
    uint64_t total = mb__get(head + 24, 8);
    if (r->size < total) return fail_truncated(r, total, err);
    if (r->size > total)
        return mb_fail(err, MB_ERR_FORMAT,
                       "checkpoint '%.200s' is %llu bytes longer than it should be", r->path,
                       (unsigned long long)(r->size - total));
    if (total < HEAD + CHECKSUM) return fail_damaged(r, "its head", err);
    r->version = version;
    r->nblocks = (uint32_t)mb__get(head + 12, 4);
    r->step = (int64_t)mb__get(head + 16, 8);
    return true;
}

typedef struct entry {
    char name[NAME_BYTES + 1];
    uint64_t length;                /* of the name */
    uint64_t bytes, stored, offset; /* of the block, of its data in the file */
    bool large;
} entry;

/* The head and name of a block.  Nothing of what it says is believed before it is known to fit into
   the file. */
static bool read_block_head(reader *r, entry *e, uint32_t *crc, mb_error *err)
{
    unsigned char head[BLOCK_HEAD], size[8];
    uint64_t rest = r->size - CHECKSUM - r->at; /* up to the last checksum: `at` never passes it */
    if (rest < BLOCK_HEAD + CHECKSUM) return fail_damaged(r, "the list of blocks", err);
    if (!fetch(r, head, sizeof head, crc, err)) return false;
    uint64_t length = mb__get(head, 4);
    rest -= BLOCK_HEAD + CHECKSUM;
    e->large = r->version == VERSION && (length & LARGE);
    if (e->large) length ^= LARGE;
    e->bytes = e->stored = mb__get(head + 4, 8);
    if (length == 0 || length > NAME_BYTES || length > rest || e->stored > rest - length)
        return fail_damaged(r, "a block's head", err);
    if (!fetch(r, e->name, (size_t)length, crc, err)) return false;
    e->name[length] = '\0';
    e->length = length;
    e->offset = r->at;
    if (!e->large) return true;
    if (e->stored < sizeof size) return fail_damaged(r, "a block's head", err);
    if (!mb__file_read_at(r->fd, r->path, size, sizeof size, r->at, err)) return false;
    e->bytes = mb__get(size, 8);
    uint64_t npieces = (e->stored - 8) / MB__PIECE_ID;
    if ((e->stored - 8) % MB__PIECE_ID || npieces > UINT64_MAX / MB_STORE_PIECE || !npieces ||
        e->bytes > npieces * MB_STORE_PIECE || e->bytes <= (npieces - 1) * MB_STORE_PIECE)
        return fail_damaged(r, "a block's head", err);
    return true;
}

/* Read one block and check it. */
static bool read_block(reader *r, entry *e, mb_error *err)
{
    unsigned char sum[CHECKSUM], chunk[CHUNK];
    uint32_t crc = 0, unused = 0;
    if (!read_block_head(r, e, &crc, err)) return false;
    for (uint64_t left = e->stored; left > 0;) {
        size_t n = left < CHUNK ? (size_t)left : CHUNK;
        if (!fetch(r, chunk, n, &crc, err)) return false;
        left -= n;
    }
    if (!fetch(r, sum, sizeof sum, &unused, err)) return false;
    if (mb__get(sum, 4) == crc && strlen(e->name) == e->length)
        return true;
    mb_fail(err, MB_ERR_FORMAT,
            "checkpoint '%.200s' is damaged: the checksum of block '%.64s' is wrong", r->path,
            e->name);
    return false;
}

/* Compare one block of the file with what was registered. */
static bool match(const reader *r, mb_store *s, const entry *e, const char *prefix, mb_error *err)
{
    if (strncmp(e->name, prefix, strlen(prefix)) != 0) return true;
    block *b = find(s, e->name);
    if (!b) {
        if (prefix[0]) return true; /* a part is wanted: the rest may be anything */
        mb_fail(err, MB_ERR_FORMAT, "checkpoint '%.200s' has a block '%s' that is not wanted here",
                r->path, e->name);
    } else if (b->found) {
        return mb_fail(err, MB_ERR_FORMAT, "checkpoint '%.200s' has block '%s' twice", r->path,
                       e->name);
    } else if (b->bytes != e->bytes) {
        mb_fail(err, MB_ERR_FORMAT,
                "checkpoint '%.200s': block '%s' has %llu bytes, %zu are expected", r->path,
                e->name, (unsigned long long)e->bytes, b->bytes);
    } else {
        b->found = true;
        b->in_pieces = e->large;
        b->offset = e->offset;
        return true;
    }
    return mb_note(err, "made by another configuration?");
}

static bool none_missing(const reader *r, const mb_store *s, const char *prefix, mb_error *err)
{
    EACH_BLOCK(s, b) {
        if (b->found || strncmp(b->name, prefix, strlen(prefix)) != 0) continue;
        mb_fail(err, MB_ERR_FORMAT, "checkpoint '%.200s' has no block '%s'", r->path, b->name);
        return mb_note(err, "made by another configuration?");
    }
    return true;
}

/* The pieces of every large block that is wanted: check them, or read them into their place. */
static bool read_pieces(const reader *r, const mb_store *s, bool copy, mb_error *err)
{
    if (r->whole_blocks_only) return true;
    EACH_BLOCK(s, b)
        for (size_t i = 0; b->found && b->in_pieces && i < pieces_of(b->bytes); i++) {
            mb__piece p;
            char *to = copy ? (char *)b->data + i * MB_STORE_PIECE : NULL;
            if (!mb__file_read_at(r->fd, r->path, p.id, sizeof p.id,
                                  b->offset + 8 + i * MB__PIECE_ID, err) ||
                !mb__piece_read(r->path, p, to, piece_bytes(b->bytes, i), err))
                return false;
        }
    return true;
}

/* Read the whole file; with a store, also match its blocks.  Damage is reported before what does
   not match. */
static bool check(reader *r, mb_store *s, const char *prefix, mb_error *err)
{
    unsigned char sum[CHECKSUM];
    uint32_t unused = 0;
    mb_error misfit = {.code = MB_OK};
    if (!read_head(r, err)) return false;
    for (uint32_t i = 0; i < r->nblocks; i++) {
        entry e;
        if (!read_block(r, &e, err)) return false;
        if (s && misfit.code == MB_OK) match(r, s, &e, prefix, &misfit);
    }
    uint32_t whole = r->whole;
    if (r->at + CHECKSUM != r->size) return fail_damaged(r, "the list of blocks", err);
    if (!fetch(r, sum, sizeof sum, &unused, err)) return false;
    if (mb__get(sum, 4) != whole) return fail_damaged(r, "the whole file", err);
    if (s && misfit.code == MB_OK) none_missing(r, s, prefix, &misfit);
    if (misfit.code == MB_OK) return !s || read_pieces(r, s, false, err);
    if (err && err->code == MB_OK) *err = misfit;
    return false;
}

/* Only now does the caller's memory change. */
static bool copy_blocks(const reader *r, const mb_store *s, mb_error *err)
{
    EACH_BLOCK(s, b)
        if (b->found && !b->in_pieces &&
            !mb__file_read_at(r->fd, r->path, b->data, b->bytes, b->offset, err))
            return false;
    return read_pieces(r, s, true, err);
}

static bool load(mb_store *s, reader r, const char *prefix, int64_t *step, mb_error *err)
{
    const char *path = r.path;
    r.fd = mb__file_open(path, &r.size, err);
    if (r.fd < 0) return false;
    EACH_BLOCK(s, b) b->found = false;
    bool ok = check(&r, s, prefix, err) && copy_blocks(&r, s, err);
    close(r.fd);
    if (ok && step) *step = r.step;
    return ok;
}

bool mb_store_load_prefix(mb_store *s, const char *path, const char *prefix, int64_t *step,
                          mb_error *err)
{
    return load(s, (reader){.path = path}, prefix, step, err);
}

bool mb_store_load(mb_store *s, const char *path, int64_t *step, mb_error *err)
{
    return load(s, (reader){.path = path}, "", step, err);
}

bool mb_store_load_small(mb_store *s, const char *path, int64_t *step, mb_error *err)
{
    return load(s, (reader){.path = path, .whole_blocks_only = true}, "", step, err);
}

const char *mb_store_name(const mb_store *s, const void *data, size_t *bytes)
{
    EACH_BLOCK(s, b)
        if (b->data == data) {
            *bytes = b->bytes;
            return b->name;
        }
    return NULL;
}

bool mb_store_read(const char *path, const char *name, mb_arena *a, char **data, size_t *n, mb_error *err)
{
    reader r = {.path = path};
    r.fd = mb__file_open(path, &r.size, err);
    if (r.fd < 0) return false;
    bool ok = check(&r, NULL, "", err);
    r.at = HEAD;
    r.whole = 0;
    *data = NULL;
    for (uint32_t i = 0; ok && !*data && i < r.nblocks; i++) {
        entry e;
        if (!(ok = read_block(&r, &e, err)) || strcmp(e.name, name) != 0) continue;
        *n = (size_t)e.bytes;
        *data = mb_alloc(a, *n + 1, 1, err);
        ok = *data && mb__file_read_at(r.fd, path, *data, *n, e.offset, err);
    }
    close(r.fd);
    if (ok && !*data) return mb_fail(err, MB_ERR_FORMAT, "checkpoint '%.200s' has no block '%.64s'", path, name);
    return ok;
}

bool mb_store_peek(const char *path, int64_t *step, mb_error *err)
{
    reader r = {.path = path};
    r.fd = mb__file_open(path, &r.size, err);
    if (r.fd < 0) return false;
    bool ok = check(&r, NULL, "", err);
    close(r.fd);
    if (ok && step) *step = r.step;
    return ok;
}

bool mb__store_pieces(const char *path, bool (*each)(void *ctx, mb__piece p, mb_error *err),
                      void *ctx, mb_error *err)
{
    reader r = {.path = path};
    r.fd = mb__file_open(path, &r.size, err);
    if (r.fd < 0) return false;
    bool ok = read_head(&r, err);
    for (uint32_t i = 0; ok && r.version == VERSION && i < r.nblocks; i++) {
        entry e;
        uint32_t crc = 0;
        ok = read_block_head(&r, &e, &crc, err);
        for (size_t k = 0; ok && e.large && k < pieces_of(e.bytes); k++) {
            mb__piece p;
            ok = mb__file_read_at(r.fd, path, p.id, sizeof p.id, e.offset + 8 + k * MB__PIECE_ID,
                                  err) &&
                 each(ctx, p, err);
        }
        if (ok) r.at = e.offset + e.stored + CHECKSUM;
    }
    close(r.fd);
    return ok;
}
