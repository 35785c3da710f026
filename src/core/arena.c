/* Arenas: one reservation of address space, committed in steps as it is used.  The only allocator
   of the library. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifdef ASAN
#include <sanitizer/asan_interface.h>
enum { RED_ZONE = 64 }; /* poisoned bytes between two allocations */
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
enum { RED_ZONE = 0 };
#endif

enum { ALIGN = 64 };
#define COMMIT_STEP ((size_t)1 << 20) /* pages are made usable this many bytes at a time */
#define RETURN_ABOVE                                                                               \
    ((size_t)64 << 20) /* a release of more than this gives its pages back to the system */

/* Lives at the beginning of its own reservation; offsets count from there. */
struct mb_arena {
    size_t reserved;  /* bytes of address space */
    size_t committed; /* bytes made readable and writable */
    size_t used;      /* end of the last allocation */
    size_t dirty;     /* bytes above `used` and below this may not be zero any more */
    size_t peak;
    mb_arena *children, *sibling; /* adopted ones */
    int file;         /* whose pages these are; -1: anonymous memory */
    bool sealed;
};

bool mb_size_mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}
bool mb_size_add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static bool round_up(size_t n, size_t step, size_t *out)
{
    if (!mb_size_add(n, step - 1, out)) return false;
    *out -= *out % step;
    return true;
}

/* Bytes of the reservation that the arena itself takes. */
static size_t head(void)
{
    return (sizeof(mb_arena) + ALIGN - 1) / ALIGN * ALIGN;
}

/* Bytes `from` to `to` get room on the disk now, so that no later write can find it full. */
static bool extend(int file, size_t from, size_t to, mb_error *err)
{
    int rc = file < 0 ? 0 : posix_fallocate(file, (off_t)from, (off_t)(to - from));
    return rc == 0 || mb__fail_system(err, "extend", "a file for memory", rc);
}

static mb_arena *make(size_t bytes, int file, mb_error *err)
{
    size_t total, page = (size_t)sysconf(_SC_PAGESIZE);
    if (!mb_size_add(bytes, head(), &total) || !round_up(total, page, &total)) {
        mb_fail(err, MB_ERR_MEMORY, "an arena of %zu bytes does not fit in the address space",
                bytes);
        return NULL;
    }
    if (!extend(file, 0, page, err)) return NULL;
    void *at = mmap(NULL, total, PROT_NONE, file < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED, file, 0);
    if (at == MAP_FAILED || mprotect(at, page, PROT_READ | PROT_WRITE) != 0) {
        if (at != MAP_FAILED) munmap(at, total);
        mb_fail(err, MB_ERR_MEMORY, "the system refused to reserve %zu bytes of address space",
                total);
        mb_note(err, "a limit may be set: see 'ulimit -v'");
        return NULL;
    }
    mb_arena *a = at;
    *a = (mb_arena){
        .reserved = total, .committed = page, .used = head(), .dirty = head(), .peak = head(), .file = file};
    ASAN_POISON_MEMORY_REGION((char *)a + a->used, page - a->used);
    return a;
}

mb_arena *mb_arena_new(size_t bytes, mb_error *err)
{
    return make(bytes, -1, err);
}

mb_arena *mb_arena_file(const char *path, size_t bytes, mb_error *err)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        mb__fail_system(err, "make", path, errno);
        return NULL;
    }
    unlink(path);
    mb_arena *a = make(bytes, file, err);
    if (!a) close(file);
    return a;
}

void mb_arena_idle(mb_arena *a)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (a->file < 0 || a->committed <= page || msync(a, a->committed, MS_SYNC) != 0) return;
    madvise((char *)a + page, a->committed - page, MADV_DONTNEED);
    posix_fadvise(a->file, (off_t)page, 0, POSIX_FADV_DONTNEED);
}

void mb_arena_free(mb_arena *a)
{
    if (!a) return;
    for (mb_arena *next, *child = a->children; child; child = next) {
        next = child->sibling;
        mb_arena_free(child);
    }
    int file = a->file;
    ASAN_UNPOISON_MEMORY_REGION(a, a->committed);
    munmap(a, a->reserved);
    if (file >= 0) close(file);
}

void mb_arena_adopt(mb_arena *a, mb_arena *child)
{
    child->sibling = a->children;
    a->children = child;
}

/* Make bytes up to `end` usable. */
static bool commit(mb_arena *a, size_t end, mb_error *err)
{
    if (end <= a->committed) return true;
    size_t to = a->reserved;
    if (!round_up(end, COMMIT_STEP, &to) || to > a->reserved) to = a->reserved;
    if (!extend(a->file, a->committed, to, err)) return false;
    if (mprotect((char *)a + a->committed, to - a->committed, PROT_READ | PROT_WRITE) != 0)
        return mb_fail(err, MB_ERR_MEMORY,
                       "out of memory: the system refused %zu more bytes after %zu",
                       to - a->committed, a->used);
    ASAN_POISON_MEMORY_REGION((char *)a + a->committed, to - a->committed);
    a->committed = to;
    return true;
}

void *mb_alloc(mb_arena *a, size_t n, size_t size, mb_error *err)
{
    size_t bytes, whole, end;
    if (a->sealed) {
        mb_fail(err, MB_ERR_MEMORY,
                "allocation of %zu x %zu bytes after set-up: the arena is sealed", n, size);
        return NULL;
    }
    if (!mb_size_mul(n, size, &bytes) || !round_up(bytes ? bytes : 1, ALIGN, &whole) ||
        !mb_size_add(whole, RED_ZONE, &whole) || !mb_size_add(a->used, whole, &end)) {
        mb_fail(err, MB_ERR_MEMORY, "%zu x %zu bytes do not fit in the address space", n, size);
        return NULL;
    }
    if (end > a->reserved) {
        mb_fail(err, MB_ERR_MEMORY, "arena full: %zu bytes wanted, %zu of %zu left", bytes,
                a->reserved - a->used, a->reserved - head());
        return NULL;
    }
    if (!commit(a, end, err)) return NULL;
    char *p = (char *)a + a->used;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    /* what was released before is cleared only when it is given again */
    size_t old = a->dirty > a->used ? a->dirty - a->used : 0;
    memset(p, 0, old < bytes ? old : bytes);
    a->used = end;
    if (end > a->dirty) a->dirty = end;
    if (end > a->peak) a->peak = end;
    return p;
}

char *mb_strdup(mb_arena *a, const char *text, mb_error *err)
{
    size_t n = strlen(text) + 1;
    char *copy = mb_alloc(a, n, 1, err);
    return copy ? memcpy(copy, text, n) : NULL;
}

size_t mb_arena_mark(const mb_arena *a)
{
    return a->used;
}

void mb_arena_release(mb_arena *a, size_t mark)
{
    MB_ASSERT(mark >= head() && mark <= a->used && mark % ALIGN == 0);
    ASAN_POISON_MEMORY_REGION((char *)a + mark, a->used - mark);
    if (a->file < 0 && a->dirty - mark > RETURN_ABOVE) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), from = (mark + page - 1) / page * page;
        size_t to = (a->dirty + page - 1) / page * page;
        /* pages given back read zero: only what shares a page with the mark stays dirty */
        if (madvise((char *)a + from, to - from, MADV_DONTNEED) == 0) a->dirty = from;
    }
    a->used = mark;
}

void mb_arena_seal(mb_arena *a, bool sealed)
{
    a->sealed = sealed;
}
size_t mb_arena_used(const mb_arena *a)
{
    return a->used - head();
}
size_t mb_arena_peak(const mb_arena *a)
{
    return a->peak - head();
}
