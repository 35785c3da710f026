/* solo.h - one environment instance without the vectoriser, for tests that look at every state
   themselves. */
#ifndef SOLO_H
#define SOLO_H
#include "matchbox/env.h"
#include "mb_test.h"

enum { SOLO_BYTES = 8192, SOLO_AGENTS = 4 };

struct solo {
    const mb_env_def *def;
    mb_env_shape shape;
    mb_rng rng;
    mb_io io;
    int32_t index[SOLO_AGENTS * 4];
    float value[SOLO_AGENTS * 4], reward[SOLO_AGENTS];
    uint8_t mask[1024], active[SOLO_AGENTS];
    _Alignas(64) char options[2048], state[4096], obs[4][SOLO_BYTES];
};

static void solo_clear(struct solo *s)
{
    memset(s->mask, 1, sizeof s->mask);
    memset(s->active, 1, sizeof s->active);
    memset(s->reward, 0, sizeof s->reward);
}

/* Environment `name` with options "key=value", ... (NULL ends them).  A wrong name or option fails
   the test program. */
static void solo_open(struct solo *s, const char *name, const char *const *settings, uint64_t seed)
{
    mb_error err = { 0 };
    memset(s, 0, sizeof *s);
    bool ok = (s->def = mb_env_find(name, &err)) != NULL;
    if (ok) mb_options_default(s->def->options, s->options);
    for (; ok && settings && *settings; settings++) {
        char key[64];
        const char *equals = strchr(*settings, '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - *settings), *settings);
        ok = mb_options_set(name, s->def->options, s->options, key, equals + 1, &err);
    }
    ok = ok && mb_env_shape_of(s->def, s->options, &s->shape, &err);
    if (!ok || s->shape.state_size > sizeof s->state || s->shape.obs.nfields > 4) {
        printf("cannot open %s: %s\n0 passed, 1 failed\n", name, err.what);
        exit(1);
    }
    s->rng = mb_rng_make(seed, "solo", 0);
    s->io =
        (mb_io){ .index = s->index, .value = s->value, .reward = s->reward, .active = s->active };
    for (int f = 0; f < s->shape.obs.nfields; f++) s->io.obs_field[f] = s->obs[f];
    if (s->shape.obs.field[0].kind == MB_FIELD_BOX) s->io.obs = (float *)(void *)s->obs[0];
    if (s->shape.masked) s->io.mask = s->mask;
    solo_clear(s);
}

static void solo_reset(struct solo *s)
{
    solo_clear(s);
    s->def->reset(s->state, s->options, &s->rng, &s->io);
}

/* Step with the actions in s->index and s->value; rewards add up in s->reward as the vectoriser
   does it. */
static bool solo_step(struct solo *s)
{
    solo_clear(s);
    mb_step r = s->def->step(s->state, s->options, &s->rng, &s->io);
    for (int k = 0; k < s->shape.nagents; k++) s->reward[k] += r.reward;
    return r.terminated;
}
#endif
