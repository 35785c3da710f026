/* reference.c - every node in double precision, plainly: the oracle of the tests, of finite differences and of audits. */
#include "graph/internal.h"
#include <string.h>

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

bool mb_eval64(mb_graph *g, const mb_value64 *given, int ngiven, const mb_value64 *wanted, int nwanted, mb_arena *a, mb_error *err)
{
    if (g->poisoned) {
        if (err && err->code == MB_OK) *err = g->err;
        return false;
    }
    double **values = mb_alloc(a, (size_t)g->n, sizeof *values, err);
    if (!values) return false;
    for (int i = 0; i < ngiven; i++) values[given[i].var.id] = given[i].data;
    for (int id = 0; id < g->n; id++) {
        const mb__node *n = &g->nodes[id];
        if (n->op == &mb__op_leaf && !values[id] && !n->data)
            return mb_fail(err, MB_ERR_USAGE, "graph '%s': no value was given for input '%s'", g->name, n->name ? n->name : "?");
    }
    if (!mb__reference(g, a, values, err)) return false;
    for (int i = 0; i < nwanted; i++)
        memcpy(wanted[i].data, values[wanted[i].var.id], (size_t)mb__count(g->nodes[wanted[i].var.id].shape) * sizeof(double));
    return true;
}
