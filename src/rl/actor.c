/* actor.c - trained policies acting in another vectoriser: evaluation, play, export. */
#include "matchbox/rl.h"
#include <stdio.h>
#include <string.h>

struct actor {
    int n, nenvs;                 /* policies: one for all agents, or one for each */
    mb_agent **agent;
    int32_t *index;               /* one policy's actions, before they are spread */
    float *value;
    char *obs[MB_MAX_FIELDS];     /* one policy's observations, gathered */
    uint8_t *mask;
    size_t field_bytes[MB_MAX_FIELDS];
};

static void gather(char *to, const void *from, int rows, int first, int step, size_t bytes)
{
    for (int j = 0; j < rows; j++) memcpy(to + (size_t)j * bytes, (const char *)from + (size_t)(first + j * step) * bytes, bytes);
}

static void act_for(struct actor *a, int k, mb_vec_view *w, bool greedy)
{
    void *obs[MB_MAX_FIELDS];
    for (int f = 0; f < w->nfields; f++) {
        gather(a->obs[f], w->obs[f], a->nenvs, k, a->n, a->field_bytes[f]);
        obs[f] = a->obs[f];
    }
    if (w->mask) gather((char *)a->mask, w->mask, a->nenvs, k, a->n, (size_t)w->nmask);
    mb_agent_act(a->agent[k], obs, w->mask ? a->mask : NULL, w->start, 1, greedy, (mb_agent_out){ a->index, a->value, NULL, NULL });
    for (int j = 0; j < a->nenvs; j++) {
        int row = k + j * a->n;
        memcpy(w->index + row * w->nindex, a->index + j * w->nindex, (size_t)w->nindex * sizeof(int32_t));
        memcpy(w->value + row * w->nvalue, a->value + j * w->nvalue, (size_t)w->nvalue * sizeof(float));
    }
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    struct actor *a = self;
    mb_vec_view *w = mb_vec_view_of(vec);
    if (a->n == 1) mb_agent_act(a->agent[0], w->obs, w->mask, w->start, w->nagents, greedy, (mb_agent_out){ w->index, w->value, NULL, NULL });
    else
        for (int k = 0; k < a->n; k++) act_for(a, k, w, greedy);
    return true;
}

const float *mb_policy_actor_latent(const mb_actor *actor, int *rows, int *width)
{
    const struct actor *a = actor->self;
    if (actor->act != act) return NULL;
    *rows = a->nenvs;
    return mb_agent_latent(a->agent[0], width);
}

bool mb_policy_actor(mb_policy *const *policies, int n, const char *name, mb_vec *vec, mb_actor *out, mb_error *err)
{
    mb_arena *arena = policies[0]->scope->arena;
    const mb_vec_view *w = mb_vec_view_of(vec);
    struct actor *a = mb_alloc(arena, 1, sizeof *a, err);
    if (!a) return false;
    a->n = n;
    a->nenvs = w->rows / n;
    a->agent = mb_alloc(arena, (size_t)n, sizeof *a->agent, err);
    a->index = mb_alloc(arena, (size_t)w->rows * (size_t)w->nindex + 1, sizeof(int32_t), err);
    a->value = mb_alloc(arena, (size_t)w->rows * (size_t)w->nvalue + 1, sizeof(float), err);
    a->mask = mb_alloc(arena, (size_t)w->rows + 1, (size_t)w->nmask, err);
    if (!a->agent || !a->index || !a->value || !a->mask) return false;
    for (int f = 0; f < w->nfields; f++) {
        a->field_bytes[f] = mb_field_bytes(&policies[0]->shape.obs.field[f]);
        if (!(a->obs[f] = mb_alloc(arena, (size_t)a->nenvs, a->field_bytes[f], err))) return false;
    }
    for (int k = 0; k < n; k++) {
        char text[64];
        snprintf(text, sizeof text, n > 1 ? "%s%d" : "%s", name, k);
        const char *unique = mb_strdup(arena, text, err);
        if (!unique || !(a->agent[k] = mb_agent_new_open(policies[k], unique, a->nenvs, err))) return false;
    }
    *out = (mb_actor){ a, act };
    return true;
}
