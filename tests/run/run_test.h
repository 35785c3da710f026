/* What the tests of the runner share: a folder of their own and small runs. */
#ifndef RUN_TEST_H
#define RUN_TEST_H
#include "matchbox/run.h"
#include "mb_test.h"
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

static char run_root[64];
static mb_arena *run_memory;

static void run_begin(void)
{
    mb_error err = { 0 };
    if (run_memory) return;
    strcpy(run_root, "/tmp/matchbox-test-XXXXXX");
    if (!mkdtemp(run_root)) exit(2);
    run_memory = mb_arena_new((size_t)1 << 30, &err);
}

static inline const char *run_file(const char *name)
{
    static char path[8][256];
    static int next;
    char *p = path[next++ % 8];
    snprintf(p, 256, "%s/%s", run_root, name);
    return p;
}

static inline char *run_read(const char *path, size_t *n)
{
    mb_error err = { 0 };
    char *data = NULL;
    if (!mb_file_read(path, run_memory, &data, n, &err)) return NULL;
    return data;
}

static inline bool same_files(const char *a, const char *b)
{
    size_t n = 0, m = 0;
    char *x = run_read(a, &n), *y = run_read(b, &m);
    return x && y && n == m && memcmp(x, y, n) == 0;
}

static inline bool exists(const char *path) { return access(path, F_OK) == 0; }

/* Settings of the random baseline on tic-tac-toe or another environment, in a directory of the test's folder. */
static inline mb_settings *run_settings(const char *dir, const char *env)
{
    mb_error err = { 0 };
    run_begin();
    mb_settings *s = mb_settings_new(run_memory, "random", env, &err);
    bool ok = s && mb_settings_set(s, "run", run_file(dir), "test", &err) && mb_settings_set(s, "total-steps", "20480", "test", &err) &&
              mb_settings_set(s, "eval-episodes", "0", "test", &err);
    if (!ok) printf("FAIL settings: %s\n", err.what);
    return s;
}

static inline void run_set(mb_settings *s, const char *key, const char *value)
{
    mb_error err = { 0 };
    if (!mb_settings_set(s, key, value, "test", &err)) {
        mb__checks_failed++;
        printf("FAIL setting %s: %s\n", key, err.what);
    }
}

/* Make, run to the end and close; false: err says why. */
static inline bool run_all(mb_settings *s, mb_summary *sum, mb_error *err)
{
    mb_trainer *t = mb_trainer_new(s, NULL, err);
    bool ok = t && mb_trainer_run(t, err) && mb_trainer_summary(t, sum, err);
    mb_trainer_free(t);
    return ok;
}

static inline bool continue_all(const char *dir, mb_summary *sum, mb_error *err)
{
    mb_trainer *t = mb_trainer_open(dir, NULL, err);
    bool ok = t && mb_trainer_run(t, err) && mb_trainer_summary(t, sum, err);
    mb_trainer_free(t);
    return ok;
}
#endif
