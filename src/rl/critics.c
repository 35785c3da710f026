/* critics.c - ensembles of critics: networks side by side, all in one set of parameters. */
#include "matchbox/critic.h"
#include <stdio.h>

static bool heads(mb_critics *c, int i, mb_rng *rng, mb_error *err)
{
    const mb_space *act = &c->shape.act;
    char name[32];
    c->branches = 0;
    for (int f = 0; f < act->nfields; f++) {
        if (act->field[f].kind != MB_FIELD_DISCRETE) continue;
        int b = c->branches++;
        c->choices[b] = act->field[f].n;
        snprintf(name, sizeof name, "q%d.head%d", i, b);
        if (!mb_dense_init(&c->head[i][b], c->params, name, c->tower[i].out, c->choices[b], 0.5f, rng, err)) return false;
    }
    if (c->branches) return true;
    c->branches = 1;
    snprintf(name, sizeof name, "q%d.head", i);
    return mb_dense_init(&c->head[i][0], c->params, name, c->tower[i].out, c->o.atoms, 0.5f, rng, err);
}

mb_critics *mb_critics_new(mb_scope *s, const char *name, const mb_env_shape *shape, const mb_critics_options *o, mb_error *err)
{
    mb_critics *c = mb_alloc(s->arena, 1, sizeof *c, err);
    if (!c) return NULL;
    *c = (mb_critics){ .scope = s, .name = mb_strdup(s->arena, name, err), .shape = *shape, .o = *o, .params = mb_params_new(s, name, err) };
    if (!c->name || !c->params || !(c->o.tower.net.model = mb_strdup(s->arena, o->tower.net.model, err))) return NULL;
    mb_body_spec spec = { 0 };
    spec.in = mb_obs_features(&shape->obs, &spec.h, &spec.w, &spec.c) + mb_space_nvalue(&shape->act);
    mb_rng rng = mb_rng_make(s->seed, "critics", 0); /* targets begin as the critics they follow */
    if (o->tower.dropout > 0 && 2 * o->n * o->tower.net.hidden.n > MB_DROPOUTS) {
        mb_fail(err, MB_ERR_RANGE, "critics: %d of them with %d layers each are too many to be thinned", o->n, o->tower.net.hidden.n);
        return NULL;
    }
    for (int i = 0; i < o->n; i++) {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "q%d", i);
        if (!mb_tower_init(&c->tower[i], s, c->params, prefix, spec, &c->o.tower, &rng, err) || !heads(c, i, &rng, err)) return NULL;
    }
    return c;
}

mb_var mb_critics_input(mb_var x, mb_var act)
{
    mb_var both[2] = { x, act };
    return act.id >= 0 ? mb_concat(2, both, 1) : x;
}

mb_var mb_critic_features(const mb_critics *c, int i, mb_var input, mb_dropout *d)
{
    return mb_tower_apply(&c->tower[i], input, d);
}

mb_var mb_critic_values(const mb_critics *c, int i, mb_var features, int branch)
{
    mb_var q = mb_dense_apply(&c->head[i][branch], features);
    bool one = mb_space_nvalue(&c->shape.act) > 0 && c->o.atoms == 1;
    return one ? mb_reshape(q, MB_S1(mb_dims(q).d[0])) : q;
}
