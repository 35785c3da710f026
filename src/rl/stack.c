/* stack.c - the last frames of each row, put together for acting. */
#include "matchbox/replay.h"
#include <stdio.h>
#include <string.h>

mb_env_shape mb_stack_shape(const mb_env_shape *s, int stack)
{
    mb_env_shape out = *s;
    if (stack < 2) return out;
    for (int f = 0; f < out.obs.nfields; f++) {
        mb_field *d = &out.obs.field[f];
        if (d->kind == MB_FIELD_DISCRETE) continue;
        d->n *= stack;
        d->c *= stack;
        if (d->lows) *d = (mb_field){ .kind = d->kind, .n = d->n, .low = -MB_INF, .high = MB_INF, .name = d->name, .h = d->h, .w = d->w, .c = d->c };
    }
    return out;
}

struct mb_stack {
    mb_vec *vec;
    int stack;
    mb_env_shape shape;              /* of single frames */
    void *out[MB_MAX_FIELDS];        /* [rows, pixels, stack, channels] */
    size_t pixel[MB_MAX_FIELDS];     /* bytes of a pixel; a vector is one */
};

mb_stack *mb_stack_new(mb_scope *s, const char *name, mb_vec *vec, int stack, mb_error *err)
{
    mb_stack *k = mb_alloc(s->arena, 1, sizeof *k, err);
    if (!k) return NULL;
    *k = (mb_stack){ .vec = vec, .stack = stack, .shape = *mb_vec_shape(vec) };
    const mb_vec_view *w = mb_vec_view_of(vec);
    for (int f = 0; f < w->nfields && stack > 1; f++) {
        const mb_field *d = &k->shape.obs.field[f];
        size_t bytes = mb_field_bytes(d), n = d->kind == MB_FIELD_DISCRETE ? 1 : (size_t)stack;
        char text[96];
        k->pixel[f] = d->h > 0 ? bytes / (size_t)(d->h * d->w) : bytes;
        snprintf(text, sizeof text, "%s/stack%d", name, f);
        if (!(k->out[f] = mb_alloc(s->arena, (size_t)w->rows * n, bytes, err))) return NULL;
        if (s->store && !mb_keep(s->store, text, k->out[f], (size_t)w->rows * n * bytes, err)) return NULL;
    }
    return k;
}

/* One frame behind the others: in every pixel the oldest goes. */
static void push(char *to, const char *frame, size_t bytes, size_t pixel, int stack, bool start)
{
    size_t old = pixel * (size_t)(stack - 1);
    for (size_t at = 0; at < bytes; at += pixel, to += pixel * (size_t)stack) {
        memmove(to, to + pixel, old);
        memcpy(to + old, frame + at, pixel);
        for (int i = 0; start && i < stack - 1; i++) memcpy(to + pixel * (size_t)i, frame + at, pixel);
    }
}

void *const *mb_stack_observe(mb_stack *k)
{
    const mb_vec_view *w = mb_vec_view_of(k->vec);
    if (k->stack < 2) return w->obs;
    for (int f = 0; f < w->nfields; f++) {
        size_t bytes = mb_field_bytes(&k->shape.obs.field[f]);
        if (k->shape.obs.field[f].kind == MB_FIELD_DISCRETE) {
            memcpy(k->out[f], w->obs[f], (size_t)w->rows * bytes);
            continue;
        }
        for (int r = 0; r < w->rows; r++)
            push((char *)k->out[f] + (size_t)r * bytes * (size_t)k->stack, (const char *)w->obs[f] + (size_t)r * bytes, bytes, k->pixel[f], k->stack,
                 w->start[r / w->nagents]);
    }
    return k->out;
}
