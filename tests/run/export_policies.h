/* Policies of every body for an environment with all kinds of observations and actions, and inputs for them. */
#ifndef EXPORT_POLICIES_H
#define EXPORT_POLICIES_H
#include "run/export_test.h"

enum { ROWS = 4 };

static mb_scope scope;

/* a grid, a number and two choices in; two choices and two numbers out, one of the choices masked */
static mb_env_shape mixed_shape(void)
{
    static const float lows[] = { -0.05f, -INFINITY }, highs[] = { 0.05f, 0.02f };
    mb_env_shape s = { .obs = MB_FIELDS(4, MB_F_DISCRETE("new", 3), MB_F_BOX("speed", 3, -2, 2), MB_F_IMAGE("view", 6, 5, 2), MB_F_DISCRETE("3rd kind", 2)),
                       .act = MB_FIELDS(3, MB_F_DISCRETE("move", 5), MB_F_BOXES("aim", 2, lows, highs), MB_F_DISCRETE("fire", 2)),
                       .nagents = 1, .masked = true };
    return s;
}

struct input { int32_t a[ROWS], b[ROWS]; float speed[ROWS * 3]; uint8_t view[ROWS * 60], mask[ROWS * 7], start[ROWS]; };

static void look(struct input *in, mb_rng *rng, bool first)
{
    for (int r = 0; r < ROWS; r++) {
        in->a[r] = mb_below(rng, 3), in->b[r] = mb_below(rng, 2);
        for (int i = 0; i < 3; i++) in->speed[r * 3 + i] = 2 * mb_normal(rng);
        for (int i = 0; i < 60; i++) in->view[r * 60 + i] = (uint8_t)mb_below(rng, 256);
        for (int i = 0; i < 7; i++) in->mask[r * 7 + i] = i == 2 || i == 5 || mb_below(rng, 3) > 0;
        in->start[r] = first || mb_below(rng, 9) == 0;
    }
}

/* A policy none of whose numbers is special. */
static mb_policy *new_policy(mb_net_options net, bool normalize, mb_error *err)
{
    run_begin();
    mb_arena_free(scope.arena);
    scope = (mb_scope){ .arena = mb_arena_new((size_t)1 << 32, err), .seed = 3 };
    mb_env_shape shape = mixed_shape();
    mb_policy *p = mb_policy_new(&scope, "net", &shape, &net, -1, normalize, err);
    if (!p) printf("FAIL %s\n", err->what), exit(1);
    mb_rng rng = mb_rng_make(5, "weights", 0);
    for (int i = 0; i < p->params->n; i++)
        for (int64_t k = 0; k < p->params->t[i]->n; k++) p->params->t[i]->data[k] += 0.1f * mb_normal(&rng);
    for (int i = 0; normalize && i < p->features; i++) p->obs_mean->data[i] = 0.3f * mb_normal(&rng), p->obs_scale->data[i] = 0.5f + mb_uniform(&rng, 0, 2);
    return p;
}

static void fields(const struct input *in, int row, const void *obs[])
{
    obs[0] = in->a + row, obs[1] = in->speed + row * 3, obs[2] = in->view + row * 60, obs[3] = in->b + row;
}

#define NET(...) (mb_net_options) { .channels = { 2, { 5, 3 } }, .kernel = 2, .stride = 1, .window = 5, .heads = 2, __VA_ARGS__ }

#endif
