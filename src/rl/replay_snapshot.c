/* replay_snapshot.c - states of environments beside transitions: episodes can begin where others have been. */
#include "rl/replay.h"
#include <string.h>

int64_t mb__snapshots(const mb_replay_options *o, int64_t length)
{
    return length / o->snapshot + 1;
}

size_t mb__snapshot_bytes(const mb_env_shape *s)
{
    size_t agents = (size_t)s->nagents, n = (s->state_size + 7) & ~(size_t)7;
    n += sizeof(mb_rng) + sizeof(int32_t) + 1 + agents * (sizeof(float) + 1) + (s->masked ? agents * (size_t)mb_space_nmask(&s->act) : 0);
    for (int f = 0; f < s->obs.nfields; f++) n += agents * mb_field_bytes(&s->obs.field[f]);
    return n;
}

bool mb__snapshot_make(mb_replay *r, mb_error *err)
{
    const mb_env_def *env = mb_vec_env(r->vec, NULL);
    if (env->foreign) return mb_fail(err, MB_ERR_UNSUPPORTED, "replay '%s': %s is stepped elsewhere, so its states cannot be kept", r->name, env->name);
    r->nshots = mb__snapshots(&r->o, r->length);
    r->shot_bytes = mb__snapshot_bytes(mb_vec_shape(r->vec));
    MB_ASSERT(r->shot_bytes == mb_vec_state_bytes(r->vec));
    size_t n = (size_t)r->nshots * (size_t)r->rows;
    r->shot = mb__replay_kept(r, "snapshots", n, r->shot_bytes, err);
    r->shot_is = mb__replay_kept(r, "snapshots-are", n, 1, err);
    r->shot_rng = mb__replay_kept(r, "snapshots-rng", 1, sizeof *r->shot_rng, err);
    if (!r->shot || !r->shot_is || !r->shot_rng) return false;
    *r->shot_rng = mb_rng_make(r->scope->seed, r->name, 1);
    return true;
}

static size_t place_of(const mb_replay *r, int64_t mark, int row)
{
    return (size_t)(mark % r->nshots) * (size_t)r->rows + (size_t)row;
}

/* The last observation of an episode has no state any more: the environment has begun the next one. */
void mb__snapshot_take(mb_replay *r, int64_t at, int row)
{
    if (at % r->o.snapshot != 0) return;
    size_t place = place_of(r, at / r->o.snapshot, row);
    r->shot_is[place] = !(r->flag[mb__replay_place(r, at, row)] & SLOT_FINAL);
    if (r->shot_is[place]) mb_vec_save(r->vec, (r->first + row * r->step) / r->nagents, r->shot + place * r->shot_bytes);
}

const void *mb_replay_snapshot(mb_replay *r, int row)
{
    enum { TRIES = 1000 };
    if (!r->shot) return NULL;
    int64_t newest = r->head[row] / r->o.snapshot, n = newest + 1 < r->nshots ? newest + 1 : r->nshots;
    for (int i = 0; i < TRIES; i++) {
        size_t place = place_of(r, newest - (int64_t)(mb_uniform64(r->shot_rng) * (double)n), row);
        if (r->shot_is[place]) return r->shot + place * r->shot_bytes;
    }
    return NULL;
}

void mb_replay_restart(mb_replay *r, float share, int steps)
{
    const mb_vec_view *w = mb_vec_view_of(r->vec);
    int before = -1;
    for (int j = 0; j < r->rows; j++) {
        int env = (r->first + j * r->step) / r->nagents;
        if (env == before || !w->start[env]) continue;
        before = env;
        const void *state = mb_uniform(r->shot_rng, 0, 1) < share ? mb_replay_snapshot(r, j) : NULL;
        if (state) mb_vec_restart(r->vec, env, state, steps);
    }
}
