/* grad.c - reverse-mode differentiation.  Every rule builds more graph, so derivatives can be differentiated again.

   Contributions to one node are gathered, then joined in the cheapest way: products over rows (weight gradients of a layer
   used many times, as in an unrolled recurrence) become one node with many pairs, sums over rows likewise, and gradients of
   neighbouring slices become one concatenation.

   Values of a region (mb_recompute) are not read by the rules: on the way back the region is built a second time from what
   lies outside of it (Chen et al. 2016, arXiv:1604.06174), so the planner can drop the first ones after the forward pass. */
#include "graph/internal.h"
#include <string.h>

struct part { int id, next, axis, start; }; /* axis -1: a contribution to all of it */

struct work {
    mb_graph *g;
    struct part *parts;
    int n, cap;
    int *head; /* node -> its last contribution, -1: none */
    int *again; /* node -> the one that computes it again, itself where it is kept; NULL: no regions */
    int built;  /* the region whose second building is in `again` */
};

static bool add_part(struct work *w, int node, mb_var v, int axis, int start)
{
    if (w->n == w->cap) {
        struct part *more = mb_alloc(w->g->scope->arena, (size_t)w->cap * 2, sizeof *more, &w->g->err);
        if (!more) return w->g->poisoned = true, false;
        memcpy(more, w->parts, (size_t)w->n * sizeof *more);
        w->parts = more;
        w->cap *= 2;
    }
    w->parts[w->n] = (struct part){ v.id, w->head[node], axis, start };
    w->head[node] = w->n++;
    return true;
}

/* All contributions are reductions `op`: one node with the inputs of all of them (in the order they were made). */
static mb_var merge(struct work *w, const mb__op *op, const int *ids, int n)
{
    mb_graph *g = w->g;
    int total = 0;
    for (int i = 0; i < n; i++) total += g->nodes[ids[i]].nin;
    mb_var *in = mb_alloc(g->scope->arena, (size_t)total, sizeof *in, &g->err);
    if (!in) return mb__poison(g, "no memory");
    total = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < g->nodes[ids[i]].nin; k++) in[total++] = (mb_var){ g, g->nodes[ids[i]].in[k] };
    mb_shape shape = g->nodes[ids[0]].shape;
    int bf16 = g->nodes[ids[0]].p[1];
    mb_var y = mb__node_new(g, op, total, in, MB_F32, shape);
    if (y.id >= 0) mb__of(y)->p[1] = bf16;
    return y;
}

/* May these reductions share one node?  Their batches must be equally long. */
static bool mergeable(const mb_graph *g, const mb__op *op, const int *ids, int n)
{
    for (int i = 0; i < n; i++) {
        const mb__node *a = &g->nodes[ids[i]];
        if (a->op != op || g->nodes[a->in[0]].shape.d[0] != g->nodes[g->nodes[ids[0]].in[0]].shape.d[0]) return false;
    }
    return true;
}

static mb_var join_whole(struct work *w, const int *ids, int n)
{
    if (n > 1 && mergeable(w->g, &mb__op_tn, ids, n)) return merge(w, &mb__op_tn, ids, n);
    if (n > 1 && mergeable(w->g, &mb__op_col_sum, ids, n)) return merge(w, &mb__op_col_sum, ids, n);
    mb_var sum = { w->g, ids[0] };
    for (int i = 1; i < n; i++) sum = (mb_add)(sum, (mb_var){ w->g, ids[i] });
    return sum;
}

/* Slices along one axis, sorted by start: add equal ones, fill gaps with zeros, join. */
static mb_var join_slices(struct work *w, mb_shape shape, struct part *s, int n)
{
    mb_graph *g = w->g;
    int axis = s[0].axis, at = 0, count = 0;
    mb_var *out = mb_alloc(g->scope->arena, (size_t)n * 2 + 1, sizeof *out, &g->err);
    if (!out) return mb__poison(g, "no memory");
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && s[k].start < s[k - 1].start; k--) {
            struct part t = s[k];
            s[k] = s[k - 1];
            s[k - 1] = t;
        }
    for (int i = 0; i < n; i++) {
        mb_shape piece = shape;
        if (s[i].start > at) {
            piece.d[axis] = s[i].start - at;
            out[count++] = mb__zeros(g, piece);
        }
        mb_var v = { g, s[i].id };
        int len = mb_dims(v).d[axis];
        while (i + 1 < n && s[i + 1].start == s[i].start && g->nodes[s[i + 1].id].shape.d[axis] == len)
            v = (mb_add)(v, (mb_var){ g, s[++i].id });
        out[count++] = v;
        at = s[i].start + len;
    }
    if (at < shape.d[axis]) {
        mb_shape piece = shape;
        piece.d[axis] -= at;
        out[count++] = mb__zeros(g, piece);
    }
    return (mb_concat)(count, out, axis);
}

static bool overlap(const mb_graph *g, const struct part *a, const struct part *b)
{
    int la = g->nodes[a->id].shape.d[a->axis], lb = g->nodes[b->id].shape.d[b->axis];
    if (a->start == b->start && la == lb) return false;
    return a->start < b->start + lb && b->start < a->start + la;
}

/* The sum of all contributions to `node`. */
static mb_var join(struct work *w, int node)
{
    mb_graph *g = w->g;
    mb_shape shape = g->nodes[node].shape;
    int n = 0, nwhole = 0;
    for (int i = w->head[node]; i >= 0; i = w->parts[i].next) n++;
    int *whole = mb_alloc(g->scope->arena, (size_t)n + 1, sizeof *whole, &g->err);
    struct part *group = mb_alloc(g->scope->arena, (size_t)n, sizeof *group, &g->err), *left = mb_alloc(g->scope->arena, (size_t)n, sizeof *left, &g->err);
    if (!whole || !group || !left) return mb__poison(g, "no memory");
    int nleft = 0;
    for (int i = w->head[node]; i >= 0; i = w->parts[i].next)
        if (w->parts[i].axis < 0) whole[nwhole++] = w->parts[i].id;
        else left[nleft++] = w->parts[i];
    mb_var sum = { g, MB__NONE };
    for (int i = 0; i < nwhole / 2; i++) { /* the list is newest first: back to the order of making */
        int t = whole[i];
        whole[i] = whole[nwhole - 1 - i];
        whole[nwhole - 1 - i] = t;
    }
    if (nwhole) sum = join_whole(w, whole, nwhole);
    while (nleft) { /* as many non-overlapping slices of one axis as possible at a time */
        int ngroup = 0, keep = 0;
        for (int i = 0; i < nleft; i++) {
            bool fits = ngroup == 0 || left[i].axis == group[0].axis;
            if (nleft < 4096)
                for (int k = 0; fits && k < ngroup; k++) fits = !overlap(g, &left[i], &group[k]);
            if (fits) group[ngroup++] = left[i];
            else left[keep++] = left[i];
        }
        nleft = keep;
        mb_var v = join_slices(w, shape, group, ngroup);
        sum = sum.id == MB__NONE ? v : (mb_add)(sum, v);
    }
    return sum;
}

static bool is_slice(const mb__op *op)
{
    return op == &mb__op_slice || op == &mb__op_slice_view || op == &mb__op_slice_rows;
}

/* which nodes lead from a wanted variable to the loss */
static void mark(const mb_graph *g, int loss, const mb_var *wrt, int n, bool *on)
{
    for (int i = 0; i < n; i++) on[wrt[i].id] = true;
    for (int i = 0; i <= loss; i++) {
        const mb__node *a = &g->nodes[i];
        if (a->op == &mb__op_stop) continue;
        for (int k = 0; k < a->nin && !on[i]; k++) on[i] = on[a->in[k]];
    }
}

/* node `id` of a region once more, reading what was built again */
static bool build_again(struct work *w, int id)
{
    mb_graph *g = w->g;
    const mb__node n = g->nodes[id]; /* a copy: the array may move */
    if (n.op->rows == MB__LEAF || n.op->effect) return true;
    mb_var *in = mb_alloc(g->scope->arena, (size_t)n.nin, sizeof *in, &g->err);
    if (!in) return g->poisoned = true, false;
    for (int k = 0; k < n.nin; k++) in[k] = (mb_var){ g, g->nodes[n.in[k]].region == n.region ? w->again[n.in[k]] : n.in[k] };
    mb_var y = mb__node_new(g, n.op, n.nin, in, n.type, n.shape);
    if (y.id < 0) return false;
    mb__node *c = mb__of(y);
    int *ids = c->in;
    *c = n;
    c->in = ids;
    c->output = false;
    c->region = c->transposed = 0;
    w->again[id] = y.id;
    return true;
}

/* The way back enters a region at its last node: build all of it again, in order. */
static bool enter(struct work *w, int last)
{
    int region = w->g->nodes[last].region, first = last;
    if (!region || region == w->built) return true;
    w->built = region;
    while (first > 0 && w->g->nodes[first - 1].region == region) first--;
    for (int i = first; i <= last; i++)
        if (!build_again(w, i)) return false;
    return true;
}

/* The node as its rule shall see it: inputs and result that are computed again. */
static bool see_again(struct work *w, mb__node *n, mb_var *y)
{
    mb_graph *g = w->g;
    int *in = mb_alloc(g->scope->arena, (size_t)n->nin, sizeof *in, &g->err);
    if (!in) return g->poisoned = true, false;
    for (int k = 0; k < n->nin; k++) in[k] = g->nodes[n->in[k]].region == n->region ? w->again[n->in[k]] : n->in[k];
    n->in = in;
    y->id = w->again[y->id];
    return true;
}

static bool back(struct work *w, int id, mb_var dy, const bool *on)
{
    mb_graph *g = w->g;
    mb__node n = g->nodes[id]; /* a copy: the array may move while rules build */
    const int *to = n.in;
    mb_var y = { g, id };
    if (is_slice(n.op)) return add_part(w, n.in[0], dy, n.p[0], n.p[1]);
    if (!n.op->grad) {
        bool any = false;
        for (int k = 0; k < n.nin; k++) any = any || (on[n.in[k]] && g->nodes[n.in[k]].type == MB_F32);
        if (!any || n.op == &mb__op_one_hot || n.op == &mb__op_cast) return true;
        mb__poison(g, "'%s' cannot be differentiated again", n.op->name);
        return false;
    }
    mb_var *din = mb_alloc(g->scope->arena, (size_t)n.nin, sizeof *din, &g->err);
    if (!din) return g->poisoned = true, false;
    for (int k = 0; k < n.nin; k++) din[k] = (mb_var){ g, MB__NONE };
    if (n.region && !see_again(w, &n, &y)) return false;
    n.op->grad(g, &n, y, dy, din);
    for (int k = 0; k < n.nin; k++) {
        if (din[k].id == -1) return false;
        if (din[k].id >= 0 && on[to[k]] && !add_part(w, to[k], din[k], -1, 0)) return false;
    }
    return true;
}

bool mb_grad(mb_var loss, const mb_var *wrt, int n, mb_var *out)
{
    mb_graph *g = loss.g;
    for (int i = 0; i < n; i++) out[i] = (mb_var){ g, -1 };
    if (mb__bad(g, 1, &loss) || mb__bad(g, n, wrt)) return false;
    if (mb__count(mb_dims(loss)) != 1) {
        mb__poison(g, "grad: the loss must be a scalar");
        return false;
    }
    int last = loss.id + 1;
    struct work w = { g, NULL, 0, 256, NULL, NULL, 0 };
    if (g->region) {
        mb__poison(g, "grad: a region of recomputation is still open");
        return false;
    }
    w.parts = mb_alloc(g->scope->arena, (size_t)w.cap, sizeof *w.parts, &g->err);
    w.head = mb_alloc(g->scope->arena, (size_t)last, sizeof *w.head, &g->err);
    bool *on = mb_alloc(g->scope->arena, (size_t)g->n + 1, sizeof *on, &g->err);
    mb_var *total = mb_alloc(g->scope->arena, (size_t)last, sizeof *total, &g->err);
    if (!w.parts || !w.head || !on || !total) return g->poisoned = true, false;
    if (g->nregions && !(w.again = mb_alloc(g->scope->arena, (size_t)last, sizeof *w.again, &g->err))) return g->poisoned = true, false;
    for (int i = 0; w.again && i < last; i++) w.again[i] = i;
    for (int i = 0; i < last; i++) w.head[i] = -1, total[i] = (mb_var){ g, MB__NONE };
    mark(g, loss.id, wrt, n, on);
    if (on[loss.id] && !add_part(&w, loss.id, mb_expand(mb_constant(g, 1), mb_dims(loss)), -1, 0)) return false;
    for (int i = loss.id; i >= 0; i--) {
        if (!on[i] || w.head[i] < 0) continue;
        if (!enter(&w, i)) return false;
        total[i] = join(&w, i);
        if (total[i].id < 0 || (g->nodes[i].nin > 0 && !back(&w, i, total[i], on))) return false;
    }
    for (int i = 0; i < n; i++) {
        out[i] = wrt[i].id < last ? total[wrt[i].id] : (mb_var){ g, MB__NONE };
        if (out[i].id == MB__NONE) out[i] = mb__zeros(g, mb_dims(wrt[i]));
        if (out[i].id < 0) return false;
    }
    return !g->poisoned;
}
