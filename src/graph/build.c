/* build.c - graphs, nodes, leaves, parameters and poison. */
#include "graph/internal.h"
#include <stdio.h>
#include <string.h>

int64_t mb__count(mb_shape s)
{
    int64_t n = 1;
    for (int i = 0; i < s.rank; i++) n *= s.d[i];
    return n;
}

int64_t mb__row_count(mb_shape s)
{
    return s.rank == 0 ? 1 : mb__count(s) / (s.d[0] ? s.d[0] : 1);
}

bool mb__same(mb_shape a, mb_shape b)
{
    return a.rank == b.rank && memcmp(a.d, b.d, (size_t)a.rank * sizeof(int)) == 0;
}

void mb__shape_text(mb_shape s, char *out, size_t n)
{
    mb_str b;
    mb_str_init(&b, out, n);
    mb_str_add(&b, "[");
    for (int i = 0; i < s.rank; i++) mb_str_add(&b, i ? ",%d" : "%d", s.d[i]);
    mb_str_add(&b, "]");
}

mb_shape mb_shape_of(int rank, ...)
{
    mb_shape s = { .rank = rank };
    va_list ap;
    va_start(ap, rank);
    for (int i = 0; i < rank && i < MB_MAX_RANK; i++) s.d[i] = va_arg(ap, int);
    va_end(ap);
    return s;
}

mb_graph *mb_graph_new(mb_scope *s, const char *name, mb_error *err)
{
    mb_graph *g = mb_alloc(s->arena, 1, sizeof *g, err);
    if (!g) return NULL;
    g->scope = s;
    g->name = name;
    g->cap = 256;
    g->nodes = mb_alloc(s->arena, (size_t)g->cap, sizeof *g->nodes, err);
    return g->nodes ? g : NULL;
}

mb__node *mb__of(mb_var v)
{
    return &v.g->nodes[v.id];
}

mb_var mb__poison(mb_graph *g, const char *fmt, ...)
{
    if (!g->poisoned) {
        char text[300];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        g->poisoned = true;
        if (g->err.code == MB_OK) {
            mb_fail(&g->err, MB_ERR_SHAPE, "%s", text);
            mb_note(&g->err, "in graph '%s', node %d", g->name, g->n);
        }
    }
    return (mb_var){ g, -1 };
}

mb_var mb__at(mb_var v, const char *file, int line)
{
    mb_graph *g = v.g;
    if (v.id >= 0) {
        mb__node *n = mb__of(v);
        if (!n->file) n->file = file, n->line = line;
    } else if (g && g->poisoned && g->err.nnotes == 1) {
        mb_note(&g->err, "made at %s:%d", file, line);
    }
    return v;
}

bool mb__bad(mb_graph *g, int n, const mb_var *v)
{
    for (int i = 0; i < n; i++) {
        if (v[i].id < 0) return true;
        if (v[i].g != g) {
            mb__poison(g, "operand %d belongs to graph '%s', not to '%s'", i + 1, v[i].g->name, g->name);
            return true;
        }
    }
    return g->poisoned;
}

static bool grow(mb_graph *g)
{
    mb__node *more = mb_alloc(g->scope->arena, (size_t)g->cap * 2, sizeof *more, &g->err);
    if (!more) {
        g->poisoned = true;
        return false;
    }
    memcpy(more, g->nodes, (size_t)g->n * sizeof *more);
    g->nodes = more;
    g->cap *= 2;
    return true;
}

mb_var mb__node_new(mb_graph *g, const mb__op *op, int nin, const mb_var *in, mb_dtype type, mb_shape s)
{
    if (g->poisoned || (g->n == g->cap && !grow(g))) return (mb_var){ g, -1 };
    int *ids = mb_alloc(g->scope->arena, (size_t)nin, sizeof *ids, &g->err);
    if (!ids) {
        g->poisoned = true;
        return (mb_var){ g, -1 };
    }
    for (int i = 0; i < nin; i++) ids[i] = in[i].id;
    g->nodes[g->n] = (mb__node){ .op = op, .nin = nin, .in = ids, .type = type, .shape = s, .region = g->region };
    return (mb_var){ g, g->n++ };
}

/* ---- leaves ---- */

static size_t type_size(mb_dtype t)
{
    return t == MB_U8 ? 1 : 4;
}

static mb_var leaf(mb_graph *g, const char *name, mb_dtype type, mb_shape s, void *data)
{
    for (int i = 0; i < s.rank; i++)
        if (s.rank > MB_MAX_RANK || s.d[i] < 1) {
            char t[64];
            mb__shape_text(s, t, sizeof t);
            return mb__poison(g, "input '%s' cannot have shape %s", name ? name : "?", t);
        }
    if (!data) data = mb_alloc(g->scope->arena, (size_t)mb__count(s), type_size(type), &g->err);
    mb_var v = mb__node_new(g, &mb__op_leaf, 0, NULL, type, s);
    if (v.id < 0 || !data) {
        g->poisoned = true;
        return (mb_var){ g, -1 };
    }
    mb__of(v)->data = data;
    mb__of(v)->name = name;
    return v;
}

mb_var mb_input(mb_graph *g, const char *name, mb_dtype type, mb_shape s)
{
    return leaf(g, name, type, s, NULL);
}

mb_var mb_scalar(mb_graph *g, const char *name, float value)
{
    mb_var v = leaf(g, name, MB_F32, MB_S0(), NULL);
    if (v.id >= 0) *(float *)mb__of(v)->data = value;
    return v;
}

mb_var mb_constant(mb_graph *g, float value)
{
    return mb_scalar(g, "constant", value);
}

mb_var mb_param(mb_graph *g, mb_tensor *t)
{
    for (int i = 0; i < g->n; i++)
        if (g->nodes[i].op == &mb__op_leaf && g->nodes[i].data == t->data) return (mb_var){ g, i };
    mb_var v = leaf(g, t->name, MB_F32, t->shape, t->data);
    if (v.id >= 0) mb__of(v)->trainable = true;
    return v;
}

mb_shape mb_dims(mb_var a)
{
    return a.id < 0 ? MB_S0() : mb__of(a)->shape;
}

const mb__op mb__op_leaf = { .name = "leaf", .rows = MB__LEAF };

void mb_bind(mb_var input, const void *data)
{
    if (input.id < 0) return;
    union { const void *in; void *out; } u = { data };
    mb__of(input)->data = u.out;
    if (input.g->plan) input.g->plan->nodes[input.id].data = u.out;
}

void mb_set(mb_var scalar, float v)
{
    if (scalar.id >= 0) *(float *)mb__of(scalar)->data = v;
}

bool mb_recompute(mb_graph *g, bool on)
{
    if (g->poisoned) return false;
    if (on == (g->region > 0)) {
        mb__poison(g, on ? "recompute: a region is open already" : "recompute: no region is open");
        return false;
    }
    g->region = on ? ++g->nregions : 0;
    return true;
}

void mb_output(mb_var a)
{
    if (a.id >= 0) mb__of(a)->output = true;
}

mb_var mb__zeros(mb_graph *g, mb_shape s)
{
    return mb_expand(mb_constant(g, 0), s);
}

/* ---- parameters ---- */

mb_params *mb_params_new(mb_scope *s, const char *name, mb_error *err)
{
    mb_params *p = mb_alloc(s->arena, 1, sizeof *p, err);
    if (!p) return NULL;
    p->scope = s;
    p->name = name;
    return p;
}

mb_tensor *mb_params_add(mb_params *p, const char *name, mb_shape shape, mb_error *err)
{
    if (p->n == MB_MAX_TENSORS) {
        mb_fail(err, MB_ERR_SHAPE, "parameters '%s': more than %d tensors", p->name, MB_MAX_TENSORS);
        return NULL;
    }
    char full[160];
    snprintf(full, sizeof full, "%s/%s", p->name, name);
    mb_tensor *t = mb_alloc(p->scope->arena, 1, sizeof *t, err);
    if (!t) return NULL;
    t->shape = shape;
    t->n = mb__count(shape);
    t->name = mb_strdup(p->scope->arena, full, err);
    t->data = mb_alloc(p->scope->arena, (size_t)t->n, sizeof(float), err);
    if (!t->name || !t->data) return NULL;
    if (p->scope->store && !mb_keep(p->scope->store, t->name, t->data, (size_t)t->n * sizeof(float), err)) return NULL;
    return p->t[p->n++] = t;
}

int64_t mb_params_count(const mb_params *p)
{
    int64_t n = 0;
    for (int i = 0; i < p->n; i++) n += p->t[i]->n;
    return n;
}

bool mb_params_copy(mb_params *to, const mb_params *from, mb_error *err)
{
    for (int i = 0; i < to->n || i < from->n; i++)
        if (i >= to->n || i >= from->n || !mb__same(to->t[i]->shape, from->t[i]->shape))
            return mb_fail(err, MB_ERR_SHAPE, "parameters '%s' and '%s' differ at tensor %d", to->name, from->name, i);
    for (int i = 0; i < to->n; i++) memcpy(to->t[i]->data, from->t[i]->data, (size_t)to->t[i]->n * sizeof(float));
    return true;
}
