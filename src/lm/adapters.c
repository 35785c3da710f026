/* adapters.c - low-rank adapters (Hu et al. 2022, arXiv:2106.09685) on the matrices of every layer, and their merging. */
#include "lm/model.h"
#include "matchbox/math.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static mb__lm_matrix *matrix_of(mb__lm_layer *l, int i)
{
    mb__lm_matrix *const all[] = { &l->q, &l->k, &l->v, &l->o, &l->gate, &l->up, &l->down };
    return i < (int)(sizeof all / sizeof *all) ? all[i] : NULL;
}

static bool adapt_one(mb_lm *m, mb__lm_matrix *x, int rank, mb_rng *rng, mb_error *err)
{
    char name[160];
    const char *own = strchr(x->w->name, '/') + 1;
    snprintf(name, sizeof name, "%.140s.down", own);
    x->down = mb_params_add(m->adapters, name, MB_S2(x->w->shape.d[0], rank), err);
    snprintf(name, sizeof name, "%.140s.up", own);
    x->up = x->down ? mb_params_add(m->adapters, name, MB_S2(rank, x->w->shape.d[1]), err) : NULL;
    if (!x->up) return false;
    float std = 1 / sqrtf((float)x->w->shape.d[0]);
    for (int64_t i = 0; i < x->down->n; i++) x->down->data[i] = std * mb_normal(rng);
    return true;
}

bool mb_lm_adapt(mb_lm *m, int rank, float alpha, mb_error *err)
{
    mb_rng rng = mb_rng_make(m->scope->seed, "lm adapters", 0);
    mb__lm_matrix *x;
    char name[64];
    if (m->adapters || rank < 1) return mb_fail(err, MB_ERR_USAGE, m->adapters ? "language model: it has adapters already" : "language model: adapters of rank %d", rank);
    snprintf(name, sizeof name, "%.50s.adapters", m->params->name);
    const char *kept = mb_strdup(m->scope->arena, name, err);
    if (!kept || !(m->adapters = mb_params_new(m->scope, kept, err))) return false;
    m->adapter_scale = alpha / (float)rank;
    for (int l = 0; l < m->c.layers; l++)
        for (int i = 0; (x = matrix_of(&m->layer[l], i)); i++)
            if (x->w && !adapt_one(m, x, rank, &rng, err)) return false;
    return true;
}

mb_params *mb_lm_trained(const mb_lm *m) { return m->adapters ? m->adapters : m->params; }

bool mb__lm_add_adapter(const mb_lm *m, const mb_tensor *w, float *to)
{
    const mb__lm_matrix *x;
    for (int l = 0; m->adapters && l < m->c.layers; l++)
        for (int i = 0; (x = matrix_of(&m->layer[l], i)); i++) {
            if (x->w != w || !x->down) continue;
            int in = w->shape.d[0], out = w->shape.d[1], rank = x->down->shape.d[1];
            for (int r = 0; r < in; r++)
                for (int k = 0; k < rank; k++) {
                    float a = m->adapter_scale * x->down->data[(int64_t)r * rank + k];
                    for (int j = 0; j < out; j++) to[(int64_t)r * out + j] = mb_fmaf(a, x->up->data[(int64_t)k * out + j], to[(int64_t)r * out + j]);
                }
            return true;
        }
    return false;
}

void mb_lm_merge(mb_lm *m)
{
    mb__lm_matrix *x;
    for (int l = 0; m->adapters && l < m->c.layers; l++)
        for (int i = 0; (x = matrix_of(&m->layer[l], i)); i++) {
            if (!x->w || !mb__lm_add_adapter(m, x->w, x->w->data)) continue;
            memset(x->up->data, 0, (size_t)x->up->n * sizeof(float));
        }
}
