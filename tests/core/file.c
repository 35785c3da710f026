/* Files: all or nothing, a full disk, no permission, locks. */
#include "core/scratch.h"
#include "matchbox/core.h"
#include "mb_test.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool holds(const char *path, const char *text)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new(1 << 20, &e);
    char *data = NULL;
    size_t n = 0;
    bool ok = mb_file_read(path, a, &data, &n, &e) && n == strlen(text) && strcmp(data, text) == 0;
    mb_arena_free(a);
    return ok;
}

static bool exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

TEST(write_and_read)
{
    mb_error e = {0};
    const char *path = path_of("a");
    CHECK(mb_file_write(path, "first", 5, &e) && holds(path, "first"));
    CHECK(mb_file_write(path, "second, longer", 14, &e) && holds(path, "second, longer"));
    CHECK(mb_file_write(path, "", 0, &e) && holds(path, ""));
    CHECK(!exists(path_of("a.tmp")) && e.code == MB_OK);
}

TEST(what_a_killed_writer_left_is_in_nobodys_way)
{
    mb_error e = {0};
    FILE *f = fopen(path_of("left.tmp"), "w");
    CHECK(f && fputs("half of something much longer", f) >= 0);
    if (f) fclose(f);
    CHECK(mb_file_write(path_of("left"), "whole", 5, &e) && holds(path_of("left"), "whole"));
    CHECK(!exists(path_of("left.tmp")));
}

TEST(refusals_say_path_and_reason)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new(1 << 16, &e);
    char *data, longest[5000];
    size_t n;
    CHECK(!mb_file_write(path_of("no/dir"), "x", 1, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "/no/dir': no such file or directory\n  note: check the path");
    e = (mb_error){0};
    CHECK(!mb_file_write(scratch_dir, "x", 1, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "it is a directory");
    e = (mb_error){0};
    CHECK(!mb_file_write("", "x", 1, &e) && e.code == MB_ERR_IO);
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    e = (mb_error){0};
    CHECK(!mb_file_write(longest, "x", 1, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "too long");
    e = (mb_error){0};
    CHECK(!mb_file_read(path_of("missing"), a, &data, &n, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "cannot read '");
    e = (mb_error){0};
    CHECK(!mb_file_read(scratch_dir, a, &data, &n, &e) && e.code == MB_ERR_IO);
    e = (mb_error){0};
    CHECK(!mb_file_read("/dev/zero", a, &data, &n, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "not a regular file");
    mb_arena_free(a);
}

TEST(a_file_larger_than_the_arena)
{
    mb_error e = {0};
    mb_arena *a = mb_arena_new(4096, &e);
    char *data, many[20000];
    size_t n;
    memset(many, 'm', sizeof many);
    CHECK(mb_file_write(path_of("large"), many, sizeof many, &e));
    CHECK(!mb_file_read(path_of("large"), a, &data, &n, &e) && e.code == MB_ERR_MEMORY);
    CHECK_ERROR(e, "large'");
    mb_arena_free(a);
}

/* Run a check in a child, where limits and identity can be changed; its failures count here. */
static void in_child(void (*check)(void))
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        mb__checks_failed = 0;
        check();
        fflush(stdout);
        _exit(mb__checks_failed != 0);
    }
    int status = 1;
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
}

static char big[1 << 20];

/* A write that fails in the middle: the old file stays, the temporary goes. */
static void check_old_stays(const char *path, const char *words)
{
    mb_error e = {0};
    char tmp[300];
    snprintf(tmp, sizeof tmp, "%s.tmp", path);
    CHECK(mb_file_write(path, "old", 3, &e));
    CHECK(!mb_file_write(path, big, sizeof big, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, path);
    CHECK_ERROR(e, words);
    CHECK_ERROR(e, "what was there before is unchanged");
    CHECK(holds(path, "old") && !exists(tmp));
}

static void file_size_limit(void)
{
    struct rlimit limit = {100000, 100000};
    signal(SIGXFSZ, SIG_IGN);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    check_old_stays(path_of("limited"), "the file would be larger than allowed");
}

/* A small file system of our own, where the system lets us have one. */
static void full_disk(void)
{
    if (unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)) != 0) return;
    if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return;
    const char *at = path_of("disk");
    if (mkdir(at, 0777) != 0 || mount("tmpfs", at, "tmpfs", 0, "size=256k") != 0) return;
    check_old_stays(path_of("disk/file"),
                    "no space left on the device\n  note: free some space there");
}

static void no_permission(void)
{
    mb_error e = {0};
    char path[256];
    snprintf(path, sizeof path, "%s", path_of("locked/file"));
    CHECK(mb_dir_make(path_of("locked"), &e) && mb_file_write(path, "old", 3, &e));
    CHECK(chmod(path_of("locked"), 0555) == 0 && chmod(scratch_dir, 0755) == 0);
    if (geteuid() == 0 && seteuid(65534) != 0) return;
    CHECK(!mb_file_write(path, "new", 3, &e) && e.code == MB_ERR_IO);
    CHECK_ERROR(e, "permission denied\n  note: check the permissions");
    CHECK(holds(path, "old"));
    e = (mb_error){0};
    CHECK(!mb_dir_make(path_of("locked/sub/sub"), &e) && e.code == MB_ERR_IO);
    int fd;
    e = (mb_error){0};
    CHECK(!mb_file_lock(path_of("locked/lock"), &fd, &e) && e.code == MB_ERR_IO);
}

TEST(a_write_beyond_the_limit)
{
    in_child(file_size_limit);
}
TEST(a_full_disk)
{
    in_child(full_disk);
}
TEST(an_unwritable_directory)
{
    in_child(no_permission);
    chmod(path_of("locked"), 0755); /* so that it can be cleaned away */
}

TEST(directories)
{
    mb_error e = {0};
    struct stat st;
    CHECK(mb_dir_make(path_of("x/y//z/"), &e) && mb_dir_make(path_of("x/y/z"), &e));
    CHECK(stat(path_of("x/y/z"), &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(mb_dir_make("/", &e) && mb_dir_make(".", &e) && e.code == MB_OK);
    CHECK(mb_file_write(path_of("plain"), "x", 1, &e));
    CHECK(!mb_dir_make(path_of("plain"), &e) && e.code == MB_ERR_IO);
    e = (mb_error){0};
    CHECK(!mb_dir_make(path_of("plain/sub"), &e) && e.code == MB_ERR_IO);
    e = (mb_error){0};
    CHECK(!mb_dir_make("", &e) && e.code == MB_ERR_IO);
}

TEST(a_lock_has_one_holder)
{
    mb_error e = {0};
    int one = -1, two = -1;
    const char *path = path_of("lock");
    CHECK(mb_file_lock(path, &one, &e) && one >= 0);
    CHECK(!mb_file_lock(path, &two, &e) && e.code == MB_ERR_BUSY && two == -1);
    char words[64];
    snprintf(words, sizeof words, "is held by another process, number %d\n", (int)getpid());
    CHECK_ERROR(e, words);
    mb_file_unlock(one);
    e = (mb_error){0};
    CHECK(mb_file_lock(path, &two, &e));
    mb_file_unlock(two);
    mb_file_unlock(-1);
}

/* Several writers of one file at a time: each call either writes all of it or says that it is busy.
   */
TEST(writers_do_not_mix)
{
    enum { WRITERS = 4, ROUNDS = 60, BYTES = 30000 };
    const char *path = path_of("shared");
    pid_t child[WRITERS];
    fflush(stdout);
    for (int w = 0; w < WRITERS; w++) {
        child[w] = fork();
        if (child[w]) continue;
        static char mine[BYTES];
        memset(mine, 'a' + w, sizeof mine);
        for (int i = 0; i < ROUNDS; i++) {
            mb_error e = {0};
            if (!mb_file_write(path, mine, sizeof mine, &e) && e.code != MB_ERR_BUSY) _exit(1);
            FILE *f = fopen(path, "r");
            static char got[BYTES + 1];
            size_t n = f ? fread(got, 1, sizeof got, f) : BYTES;
            if (n != BYTES || (f && memchr(got, got[0] == 'a' ? 'b' : 'a', n))) _exit(2);
            for (size_t k = 1; f && k < n; k++)
                if (got[k] != got[0]) _exit(3);
            if (f) fclose(f);
        }
        _exit(0);
    }
    for (int w = 0; w < WRITERS; w++) {
        int status = 1;
        CHECK(waitpid(child[w], &status, 0) == child[w] && status == 0);
    }
}

MB_TESTS(T(write_and_read), T(what_a_killed_writer_left_is_in_nobodys_way),
         T(refusals_say_path_and_reason), T(a_file_larger_than_the_arena),
         T(a_write_beyond_the_limit), T(a_full_disk), T(an_unwritable_directory), T(directories),
         T(a_lock_has_one_holder), T(writers_do_not_mix))
