/* reference.c - every node in double precision, plainly: the oracle of the tests and of finite differences. */
#include "graph/internal.h"

static void read_leaf(const mb__node *n, double *out)
{
    for (int64_t i = 0, m = mb__count(n->shape); i < m; i++)
        out[i] = n->type == MB_U8 ? (double)((const uint8_t *)n->data)[i] : n->type == MB_I32 ? (double)((const int32_t *)n->data)[i]
                                                                                             : (double)((const float *)n->data)[i];
}

bool mb__reference(const mb_graph *g, mb_arena *a, double **values, mb_error *err)
{
    for (int id = 0; id < g->n; id++) {
        const mb__node *n = &g->nodes[id];
        bool given = values[id] && n->op == &mb__op_leaf;
        if (!values[id]) values[id] = mb_alloc(a, (size_t)mb__count(n->shape), sizeof(double), err);
        const mb__node **src = mb_alloc(a, (size_t)n->nin, sizeof *src, err);
        const double **in = mb_alloc(a, (size_t)n->nin, sizeof *in, err);
        if (!values[id] || !src || !in) return false;
        for (int k = 0; k < n->nin; k++) src[k] = &g->nodes[n->in[k]], in[k] = values[n->in[k]];
        if (n->op == &mb__op_leaf) {
            if (!given) read_leaf(n, values[id]);
        } else if (n->op->ref) {
            n->op->ref(&(mb__ref){ n, src, in, values[id] });
        }
    }
    return true;
}
