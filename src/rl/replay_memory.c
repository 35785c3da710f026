/* replay_memory.c - the budget of a replay, told and kept before anything is used, and where its arrays lie: in memory, or in a file. */
#include "rl/replay.h"
#include <stdio.h>

static void size_text(double bytes, char *out, size_t n)
{
    if (bytes < 1e9) snprintf(out, n, "%.3g MB", bytes / 1e6);
    else snprintf(out, n, "%.3g GB", bytes / 1e9);
}

enum { COPIES = 2 }; /* on a disk: the arrays, and what a checkpoint holds of them */

static bool refuse(const mb_replay *r, double need, double have, mb_error *err)
{
    char needs[32], has[32];
    const char *where = r->o.disk ? "room on the disk, its checkpoint included" : "memory";
    size_text(need, needs, sizeof needs);
    size_text(have, has, sizeof has);
    mb_fail(err, MB_ERR_MEMORY, "replay '%s': %lld transitions need %s of %s, %s %s", r->name, (long long)r->o.capacity, needs, where, has,
            r->o.limit > 0 ? "are allowed" : "are free");
    return mb_note(err, "about %.2g transitions would fit: lower the capacity of the replay", (double)r->o.capacity * have / need);
}

static bool make_file(mb_replay *r, size_t bytes, mb_error *err)
{
    enum { ROOM = 1 << 20 }; /* array ends are rounded up */
    char path[1024];
    int n = snprintf(path, sizeof path, "%s/.matchbox-%s-%p", r->scope->dir, r->name, (void *)r);
    if (n < 0 || (size_t)n >= sizeof path) return mb_fail(err, MB_ERR_USAGE, "replay '%s': the name of its folder is too long", r->name);
    r->arena = mb_arena_file(path, bytes + ROOM, err);
    if (!r->arena) return mb_note(err, "while making the file of replay '%s'", r->name);
    mb_arena_adopt(r->scope->arena, r->arena);
    return true;
}

bool mb__replay_place_for(mb_replay *r, const mb_env_shape *shape, mb_error *err)
{
    size_t bytes;
    char text[32];
    r->arena = r->scope->arena;
    if (!mb_replay_bytes(shape, r->rows, &r->o, &bytes, err)) return false;
    bool idle = r->o.disk && r->scope->dir && !*r->scope->dir; /* nothing will be taken in */
    if (idle) return true;
    if (r->o.disk && !r->scope->dir)
        return mb_fail(err, MB_ERR_USAGE, "replay '%s': lying on the disk needs a run directory, and this run has none", r->name);
    double need = (double)bytes * (r->o.disk ? COPIES : 1);
    double have = r->o.limit > 0 ? r->o.limit : r->o.disk ? mb_disk_free(r->scope->dir) : mb_memory_free();
    if (need > have) return refuse(r, need, have, err);
    size_text((double)bytes, text, sizeof text);
    if (r->scope->log)
        mb_log_line(r->scope->log, MB_LOG_INFO, "replay '%s': %lld transitions, %s of %s when full", r->name, (long long)r->o.capacity, text,
                    r->o.disk ? "disk (and as much again in checkpoints)" : "memory");
    return !r->o.disk || make_file(r, bytes, err);
}

void *mb__replay_kept(mb_replay *r, const char *what, size_t n, size_t size, mb_error *err)
{
    char text[96];
    void *p = mb_alloc(r->arena, n, size, err);
    if (!p || !r->scope->store || n * size == 0) return p;
    snprintf(text, sizeof text, "%s/%s", r->name, what);
    return mb_keep_large(r->scope->store, text, p, n * size, err) ? p : NULL;
}

