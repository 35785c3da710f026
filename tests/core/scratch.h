/* scratch.h - a directory for the files of one test program, gone when it ends. */
#ifndef MB_TEST_SCRATCH_H
#define MB_TEST_SCRATCH_H
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_dir[128];
static pid_t scratch_owner;

static int scratch_remove(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    return remove(path);
}

static void scratch_clean(void)
{
    if (getpid() == scratch_owner) nftw(scratch_dir, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The path of a file in the directory, made at the first call; good until the next call. */
static const char *path_of(const char *name)
{
    static char path[256];
    if (!scratch_dir[0]) {
        const char *base = getenv("TMPDIR");
        snprintf(scratch_dir, sizeof scratch_dir, "%s/matchbox-test-XXXXXX", base ? base : "/tmp");
        if (!mkdtemp(scratch_dir)) exit(1);
        scratch_owner = getpid();
        atexit(scratch_clean);
    }
    snprintf(path, sizeof path, "%s/%s", scratch_dir, name);
    return path;
}
#endif
