/* Files: atomic replacement, whole reads, directories, locks; every refusal with path, reason and
   remedy. */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* strerror is not safe in threads and says nothing of what to do. */
static const struct {
    int number;
    const char *reason, *remedy;
} reasons[] = {
    {ENOSPC, "no space left on the device",
     "free some space there, or choose a directory on another disk"},
    {EDQUOT, "the disk quota is used up",
     "free some space there, or choose a directory on another disk"},
    {EFBIG, "the file would be larger than allowed",
     "raise the limit (ulimit -f) or choose another file system"},
    {EACCES, "permission denied", "check the permissions, or choose another directory"},
    {EPERM, "operation not permitted", "check the permissions, or choose another directory"},
    {EROFS, "the file system is read-only", "choose a directory that can be written"},
    {ENOENT, "no such file or directory", "check the path"},
    {ENOTDIR, "a part of the path is not a directory", "check the path"},
    {EISDIR, "it is a directory", "give the name of a file"},
    {EEXIST, "a file of that name is in the way", "remove it or choose another name"},
    {ENAMETOOLONG, "the name is too long", "choose a shorter one"},
    {ELOOP, "too many symbolic links", "check the path"},
    {EMFILE, "too many open files", "raise the limit (ulimit -n)"},
    {ENFILE, "too many open files in the system", "try again later"},
    {EIO, "input/output error", "the disk may be failing: look at the system log"},
    {ENOMEM, "out of memory", "close other programs"},
};

bool mb__fail_system(mb_error *err, const char *verb, const char *path, int number)
{
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].number != number) continue;
        mb_fail(err, MB_ERR_IO, "cannot %s '%.256s': %s", verb, path, reasons[i].reason);
        return mb_note(err, "%s", reasons[i].remedy);
    }
    return mb_fail(err, MB_ERR_IO, "cannot %s '%.256s': system error %d", verb, path, number);
}

/* Is the file that `fd` has open still the one called `name`? */
static bool still_named(int fd, const char *name)
{
    struct stat open_file, named;
    return fstat(fd, &open_file) == 0 && stat(name, &named) == 0 &&
           open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

/* The temporary has a fixed name, so that a killed writer leaves at most one; the lock keeps two
   writers apart. */
static bool open_locked(mb__writer *w, mb_error *err)
{
    for (int tries = 0; tries < 100; tries++) {
        w->fd = open(w->tmp, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
        if (w->fd < 0) return mb__fail_system(err, "write", w->path, errno);
        bool locked = flock(w->fd, LOCK_EX | LOCK_NB) == 0;
        if (locked && still_named(w->fd, w->tmp)) {
            if (ftruncate(w->fd, 0) == 0) return true;
            int number = errno;
            close(w->fd);
            return mb__fail_system(err, "write", w->path, number);
        }
        close(w->fd);
        if (!locked)
            return mb_fail(err, MB_ERR_BUSY, "'%.256s' is being written by another process",
                           w->path);
    }
    return mb_fail(err, MB_ERR_BUSY, "'%.256s' is being written by other processes", w->path);
}

bool mb__writer_open(mb__writer *w, const char *path, mb_error *err)
{
    struct stat st;
    if ((size_t)snprintf(w->path, sizeof w->path, "%s", path) >= sizeof w->path)
        return mb__fail_system(err, "write", path, ENAMETOOLONG);
    if (!path[0]) return mb__fail_system(err, "write", path, ENOENT);
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
        return mb__fail_system(err, "write", path, EISDIR);
    snprintf(w->tmp, sizeof w->tmp, "%s.tmp", w->path);
    return open_locked(w, err);
}

void mb__writer_drop(mb__writer *w)
{
    unlink(w->tmp);
    close(w->fd);
}

/* Give up: the old file stays as it was. */
static bool abandon(mb__writer *w, const char *verb, int number, mb_error *err)
{
    mb__writer_drop(w);
    mb__fail_system(err, verb, w->path, number);
    return mb_note(err, "what was there before is unchanged");
}

bool mb__writer_put(mb__writer *w, const void *data, size_t n, mb_error *err)
{
    const char *at = data;
    while (n > 0) {
        ssize_t wrote = write(w->fd, at, n < (1u << 30) ? n : 1u << 30);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return abandon(w, "write", wrote < 0 ? errno : EIO, err);
        at += wrote;
        n -= (size_t)wrote;
    }
    return true;
}

/* Make a rename or a new name survive a power cut.  Some file systems cannot: that is not an error.
   */
static void sync_directory_of(const char *path)
{
    char dir[4096];
    const char *slash = strrchr(path, '/');
    if (!slash) strcpy(dir, ".");
    else snprintf(dir, sizeof dir, "%.*s", slash == path ? 1 : (int)(slash - path), path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

bool mb__writer_commit(mb__writer *w, mb_error *err)
{
    if (fsync(w->fd) != 0) return abandon(w, "write", errno, err);
    if (rename(w->tmp, w->path) != 0) return abandon(w, "replace", errno, err);
    close(w->fd);
    sync_directory_of(w->path);
    return true;
}

bool mb_file_write(const char *path, const void *data, size_t n, mb_error *err)
{
    mb__writer w;
    return mb__writer_open(&w, path, err) && mb__writer_put(&w, data, n, err) &&
           mb__writer_commit(&w, err);
}

int mb__file_open(const char *path, uint64_t *size, mb_error *err)
{
    struct stat st;
    /* a pipe must not block: it is refused below */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        mb__fail_system(err, "read", path, errno);
        return -1;
    }
    int number = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (number) mb__fail_system(err, "read", path, number);
    else if (!S_ISREG(st.st_mode))
        mb_fail(err, MB_ERR_IO, "cannot read '%.256s': not a regular file", path);
    else {
        *size = (uint64_t)st.st_size;
        return fd;
    }
    close(fd);
    return -1;
}

bool mb__file_read_at(int fd, const char *path, void *data, size_t n, uint64_t offset,
                      mb_error *err)
{
    char *at = data;
    while (n > 0) {
        ssize_t got = pread(fd, at, n < (1u << 30) ? n : 1u << 30, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return mb__fail_system(err, "read", path, errno);
        if (got == 0)
            return mb_fail(err, MB_ERR_IO, "cannot read '%.256s': it became shorter meanwhile",
                           path);
        at += got;
        offset += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

bool mb_file_read(const char *path, mb_arena *a, char **data, size_t *n, mb_error *err)
{
    uint64_t size;
    int fd = mb__file_open(path, &size, err);
    if (fd < 0) return false;
    size_t with_nul;
    char *text = NULL;
    if (!mb_size_add((size_t)size, 1, &with_nul))
        mb_fail(err, MB_ERR_MEMORY, "'%.256s' is too large", path);
    else text = mb_alloc(a, with_nul, 1, err);
    bool ok = text ? mb__file_read_at(fd, path, text, (size_t)size, 0, err)
                   : mb_note(err, "while reading '%.128s'", path);
    close(fd);
    if (ok) *data = text, *n = (size_t)size;
    return ok;
}

bool mb_dir_make(const char *path, mb_error *err)
{
    char part[4096];
    struct stat st;
    size_t n = strlen(path);
    if (n == 0) return mb__fail_system(err, "make the directory", path, ENOENT);
    if (n >= sizeof part) return mb__fail_system(err, "make the directory", path, ENAMETOOLONG);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        snprintf(part, sizeof part, "%.*s", (int)i, path);
        if (mkdir(part, 0777) == 0) sync_directory_of(part);
        else if (stat(part, &st) != 0 || !S_ISDIR(st.st_mode))
            return mb__fail_system(err, "make the directory", part, errno ? errno : ENOTDIR);
    }
    return true;
}

/* Who holds the lock wrote its number into it. */
static bool fail_locked(int fd, const char *path, mb_error *err)
{
    char pid[16] = "";
    ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
    pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
    if (pid[0])
        mb_fail(err, MB_ERR_BUSY, "'%.256s' is held by another process, number %s", path, pid);
    else mb_fail(err, MB_ERR_BUSY, "'%.256s' is held by another process", path);
    return mb_note(err, "wait until it has ended, or choose another directory");
}

bool mb_file_lock(const char *path, int *fd, mb_error *err)
{
    char pid[24];
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock < 0) return mb__fail_system(err, "lock", path, errno);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int number = errno;
        if (number == EWOULDBLOCK) fail_locked(lock, path, err);
        else mb__fail_system(err, "lock", path, number);
        close(lock);
        return false;
    }
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    /* the number is a courtesy: a full disk must not keep anyone from a lock */
    if (ftruncate(lock, 0) == 0 && pwrite(lock, pid, (size_t)n, 0) != n) (void)!ftruncate(lock, 0);
    *fd = lock;
    return true;
}

void mb_file_unlock(int fd)
{
    if (fd >= 0) close(fd);
}
