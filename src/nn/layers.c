/* layers.c - dense layers, initialisation, activations and the registry of bodies. */
#include "matchbox/nn.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

void mb_init_uniform(float *w, int64_t n, float bound, mb_rng *rng)
{
    for (int64_t i = 0; i < n; i++) w[i] = mb_uniform(rng, -bound, bound);
}

static double dot(const float *a, const float *b, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum = mb_fma((double)a[i], (double)b[i], sum);
    return sum;
}

/* Gram-Schmidt on the rows or columns of a normal matrix, whichever are fewer; twice is enough.  Columns are made straight in
   scratch memory first. */
bool mb_init_orthogonal(float *w, int rows, int cols, float gain, mb_rng *rng, mb_arena *scratch, mb_error *err)
{
    bool wide = rows < cols;
    int n = wide ? rows : cols, len = wide ? cols : rows;
    size_t mark = mb_arena_mark(scratch);
    float *x = wide ? w : mb_alloc(scratch, (size_t)rows * (size_t)cols, sizeof *x, err);
    if (!x) return false;
    for (int i = 0; i < rows * cols; i++) x[wide ? i : i % cols * rows + i / cols] = mb_normal(rng);
    for (int i = 0; i < n; i++) {
        float *v = x + (ptrdiff_t)i * len;
        for (int pass = 0; pass < 2; pass++)
            for (int k = 0; k < i; k++) {
                const float *u = x + (ptrdiff_t)k * len;
                float d = (float)dot(u, v, len);
                for (int j = 0; j < len; j++) v[j] = mb_fmaf(-d, u[j], v[j]);
            }
        float size = (float)sqrt(dot(v, v, len));
        for (int j = 0; j < len; j++) v[j] /= size;
    }
    for (int i = 0; i < rows * cols; i++) w[i] = x[wide ? i : i % cols * rows + i / cols] * gain;
    mb_arena_release(scratch, mark);
    return true;
}

bool mb_dense_init(mb_dense *l, mb_params *p, const char *name, int in, int out, float gain, mb_rng *rng, mb_error *err)
{
    char full[96];
    snprintf(full, sizeof full, "%s.w", name);
    l->w = mb_params_add(p, full, MB_S2(in, out), err);
    snprintf(full, sizeof full, "%s.b", name);
    l->b = l->w ? mb_params_add(p, full, MB_S1(out), err) : NULL;
    if (!l->b) return false;
    return mb_init_orthogonal(l->w->data, in, out, gain, rng, p->scope->arena, err);
}

mb_var mb_dense_apply(const mb_dense *l, mb_var x)
{
    return mb_linear(x, mb_param(x.g, l->w), mb_param(x.g, l->b));
}

mb_var mb_activate(mb_var x, mb_activation a)
{
    switch (a) {
    case MB_TANH: return mb_tanh(x);
    case MB_RELU: return mb_relu(x);
    case MB_SILU: return mb_silu(x);
    case MB_GELU: return mb_gelu(x);
    case MB_SIGMOID: return mb_sigmoid(x);
    default: return x;
    }
}

extern const mb_model_def *const mb__model_table[];

const mb_model_def *mb_model_at(int i)
{
    for (int k = 0; k <= i; k++)
        if (!mb__model_table[k]) return NULL;
    return mb__model_table[i];
}

const mb_model_def *mb_model_find(const char *name, mb_error *err)
{
    const char *names[32] = { NULL };
    for (int i = 0; i < 31 && mb__model_table[i]; i++) {
        if (!strcmp(mb__model_table[i]->name, name)) return mb__model_table[i];
        names[i] = mb__model_table[i]->name;
    }
    mb_fail(err, MB_ERR_USAGE, "unknown model '%s'", name);
    const char *near = mb_nearest(name, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    return NULL;
}

bool mb_body_init(mb_body *b, mb_scope *s, mb_params *p, const char *prefix, mb_body_spec spec, mb_rng *rng, mb_error *err)
{
    *b = (mb_body){ .def = mb_model_find(spec.net->model, err), .spec = spec, .scope = s };
    return b->def && b->def->setup(b, p, prefix, rng, err);
}
