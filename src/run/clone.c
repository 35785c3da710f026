/* A run that continues where another stands, with other settings: what a population copies. */
#include "core/file.h"
#include "run/clone.h"
#include "run/impl.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1024, CONFIG_BYTES = 256 * 1024 };

static bool copy(mb_arena *a, const char *from, const char *to, const char *name, bool needed, mb_error *err)
{
    char source[PATH_BYTES], target[PATH_BYTES], *text;
    size_t n;
    if (!mb__run_path(source, sizeof source, from, name, err) || !mb__run_path(target, sizeof target, to, name, err)) return false;
    if (!needed && access(source, F_OK) != 0) return true;
    return mb_file_read(source, a, &text, &n, err) && mb_file_write(target, text, n, err);
}

/* The name of the newest checkpoint that is whole. */
static bool newest(const char *from, char *name, size_t n, mb_error *err)
{
    char path[PATH_BYTES], whole[PATH_BYTES];
    int64_t best = -1;
    if (!mb__run_path(path, sizeof path, from, "checkpoints", err)) return false;
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        int64_t step;
        mb_error quiet = { 0 };
        if (e->d_name[0] < '0' || e->d_name[0] > '9' || !mb__run_path(whole, sizeof whole, path, e->d_name, &quiet)) continue;
        if (!mb_store_peek(whole, &step, &quiet) || step <= best) continue;
        best = step;
        snprintf(name, n, "checkpoints/%s", e->d_name);
    }
    if (d) closedir(d);
    return best >= 0 || mb_fail(err, MB_ERR_IO, "%.300s: holds no checkpoint to copy", from);
}

static bool write_config(mb_arena *a, const char *from, const char *to, const char *const *changes, mb_error *err)
{
    char path[PATH_BYTES];
    mb_str text;
    char *memory = mb_alloc(a, 1, CONFIG_BYTES, err);
    mb_settings *s = memory ? mb__settings_of_run(a, from, NULL, err) : NULL;
    if (!s) return false;
    for (int i = 0; changes[i]; i += 2)
        if (!mb_settings_set(s, changes[i], changes[i + 1], "in a copied run", err)) return false;
    mb_str_init(&text, memory, CONFIG_BYTES);
    mb_settings_yaml(s, &text, false);
    return mb__run_path(path, sizeof path, to, "config.yaml", err) && mb_file_write(path, text.s, text.n, err);
}

/* The pieces of large blocks lie beside the checkpoints: those of a copy are its own. */
static bool copy_pieces(mb_arena *a, const char *from, const char *to, mb_error *err)
{
    char path[PATH_BYTES], name[PATH_BYTES];
    bool ok = true;
    if (!mb__run_path(path, sizeof path, from, "checkpoints/pieces", err)) return false;
    DIR *d = opendir(path);
    if (!d) return true;
    ok = mb__run_path(path, sizeof path, to, "checkpoints/pieces", err) && mb_dir_make(path, err);
    for (struct dirent *e; ok && (e = readdir(d));) {
        if (e->d_name[0] == '.') continue;
        size_t mark = mb_arena_mark(a);
        snprintf(name, sizeof name, "checkpoints/pieces/%.900s", e->d_name);
        ok = copy(a, from, to, name, true, err);
        mb_arena_release(a, mark);
    }
    closedir(d);
    return ok;
}

static bool fill(mb_arena *a, const char *from, const char *to, const char *const *changes, mb_error *err)
{
    char path[PATH_BYTES], checkpoint[PATH_BYTES];
    if (!mb__run_path(path, sizeof path, to, "checkpoints", err) || !mb_dir_make(path, err)) return false;
    return newest(from, checkpoint, sizeof checkpoint, err) && copy_pieces(a, from, to, err) && copy(a, from, to, checkpoint, true, err) &&
           copy(a, from, to, "metrics.jsonl", false, err) && copy(a, from, to, "env.c", false, err) &&
           copy(a, from, to, "env.so", false, err) && write_config(a, from, to, changes, err);
}

/* What an earlier attempt left. */
static void remove_leftovers(const char *dir)
{
    static const char *const parts[] = { "checkpoints/pieces", "checkpoints", "", NULL };
    for (int i = 0; parts[i]; i++) {
        char path[PATH_BYTES], file[2 * PATH_BYTES];
        snprintf(path, sizeof path, "%.900s/%s", dir, parts[i]);
        DIR *d = opendir(path);
        for (struct dirent *e; d && (e = readdir(d));) {
            snprintf(file, sizeof file, "%s/%s", path, e->d_name);
            unlink(file);
        }
        if (d) closedir(d);
        rmdir(path);
    }
}

bool mb__run_clone(const char *from, const char *to, const char *const *changes, mb_error *err)
{
    char temporary[PATH_BYTES];
    if (access(to, F_OK) == 0) return true;
    if (snprintf(temporary, sizeof temporary, "%s.part", to) >= (int)sizeof temporary) return mb_fail(err, MB_ERR_IO, "path too long: %.200s", to);
    remove_leftovers(temporary);
    mb_arena *a = mb__run_arena(err);
    bool ok = a && fill(a, from, temporary, changes, err);
    mb_arena_free(a);
    if (ok && rename(temporary, to) != 0) ok = mb__fail_system(err, "rename", temporary, errno);
    return ok || mb_note(err, "while copying the run %.150s", from);
}
