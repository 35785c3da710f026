/* index.c - gathering by index, its scattering gradients, one-hot and casts. */
#include "graph/internal.h"
#include <string.h>

static int inner(mb_shape s, int drop) /* entries per row of the batch, without the last `drop` axes */
{
    int n = 1;
    for (int i = 1; i < s.rank - drop; i++) n *= s.d[i];
    return n;
}

static int last(mb_shape s)
{
    return s.d[s.rank - 1];
}

static int bounded(int i, int n) /* a wild index reads a valid place; the caller's data was checked where it came in */
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

static mb_var wrong_index(mb_var a, mb_var index, const char *what)
{
    char s[64], t[64];
    mb__shape_text(mb_dims(a), s, sizeof s);
    mb__shape_text(mb_dims(index), t, sizeof t);
    return mb__poison(a.g, "%s of %s needs an int32 index of its leading shape, not %s", what, s, t);
}

/* element offset of entry i (of `per` entries in each row) of an operand whose rows are ld apart */
static int64_t entry(int64_t i, int per, int64_t ld, int width)
{
    return i / per * ld + i % per * width;
}

/* ---- pick: x[..., index[...]] ---- */

static void pick_run(const mb__run *x)
{
    int n = last(x->src[0]->shape), per = inner(x->src[0]->shape, 1);
    const float *a = x->in[0];
    const int32_t *index = x->in[1];
    float *out = x->out;
    for (int64_t i = 0, m = (int64_t)x->rows * per; i < m; i++)
        out[i] = a[entry(i, per, x->ld[0], n) + bounded(index[entry(i, per, x->ld[1], 1)], n)];
}

static void pick_ref(const mb__ref *x)
{
    int n = last(x->src[0]->shape);
    for (int64_t i = 0, m = mb__count(x->node->shape); i < m; i++) x->out[i] = x->in[0][i * n + bounded((int)x->in[1][i], n)];
}

static void pick_grad_rule(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var in[2] = { dy, { g, n->in[1] } };
    din[0] = mb__node_new(g, &mb__op_pick_grad, 2, in, MB_F32, g->nodes[n->in[0]].shape);
}

const mb__op mb__op_pick = { .name = "pick", .rows = MB__ROW, .run = pick_run, .ref = pick_ref, .grad = pick_grad_rule };

mb_var (mb_pick)(mb_var a, mb_var index)
{
    mb_var in[2] = { a, index };
    if (mb__bad(a.g, 2, in)) return (mb_var){ a.g, -1 };
    mb_shape s = mb_dims(a);
    s.rank--;
    if (s.rank < 1 || !mb__same(s, mb_dims(index)) || mb__of(index)->type != MB_I32) return wrong_index(a, index, "pick");
    return mb__node_new(a.g, &mb__op_pick, 2, in, MB_F32, s);
}

/* ---- its gradient: zeros but for the picked place ---- */

static void pick_grad_run(const mb__run *x)
{
    int n = last(x->node->shape), per = inner(x->node->shape, 1);
    const float *dy = x->in[0];
    const int32_t *index = x->in[1];
    float *out = x->out;
    int64_t m = (int64_t)x->rows * per;
    memset(out, 0, (size_t)(m * n) * sizeof(float));
    for (int64_t i = 0; i < m; i++)
        out[i * n + bounded(index[entry(i, per, x->ld[1], 1)], n)] = dy[entry(i, per, x->ld[0], 1)];
}

static void pick_grad_ref(const mb__ref *x)
{
    int n = last(x->node->shape);
    int64_t m = mb__count(x->node->shape) / n;
    memset(x->out, 0, (size_t)(m * n) * sizeof(double));
    for (int64_t i = 0; i < m; i++) x->out[i * n + bounded((int)x->in[1][i], n)] = x->in[0][i];
}

static void pick_grad_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var index = { g, n->in[1] };
    din[0] = (mb_pick)(dy, index);
}

const mb__op mb__op_pick_grad = { .name = "pick_grad", .rows = MB__ROW, .run = pick_grad_run, .ref = pick_grad_ref,
                                  .grad = pick_grad_grad };

/* ---- embedding: table[index[...]] ---- */

static bool second_row(const mb__node *n, const mb__node *const *src, int i)
{
    return i == 1;
}

static void embed_run(const mb__run *x)
{
    mb_shape t = x->src[0]->shape;
    const float *table = x->in[0];
    const int32_t *index = x->in[1];
    float *out = x->out;
    int per = inner(x->node->shape, 1);
    for (int64_t i = 0, m = (int64_t)x->rows * per; i < m; i++)
        memcpy(out + i * t.d[1], table + (int64_t)bounded(index[entry(i, per, x->ld[1], 1)], t.d[0]) * t.d[1],
               (size_t)t.d[1] * sizeof(float));
}

static void embed_ref(const mb__ref *x)
{
    mb_shape t = x->src[0]->shape;
    for (int64_t i = 0, m = mb__count(x->node->shape) / t.d[1]; i < m; i++)
        memcpy(x->out + i * t.d[1], x->in[0] + (int64_t)bounded((int)x->in[1][i], t.d[0]) * t.d[1],
               (size_t)t.d[1] * sizeof(double));
}

static void embed_grad_rule(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var in[2] = { mb__dense(dy), { g, n->in[1] } };
    din[0] = mb__node_new(g, &mb__op_embed_grad, 2, in, MB_F32, g->nodes[n->in[0]].shape);
}

const mb__op mb__op_embed = { .name = "embedding", .rows = MB__ROW, .in_row = second_row, .run = embed_run, .ref = embed_ref,
                              .grad = embed_grad_rule };

mb_var mb_embedding(mb_var table, mb_var index)
{
    mb_var in[2] = { mb__dense(table), index };
    if (mb__bad(table.g, 2, in)) return (mb_var){ table.g, -1 };
    mb_shape t = mb_dims(table), s = mb_dims(index);
    if (t.rank != 2 || s.rank < 1 || s.rank == MB_MAX_RANK || mb__of(index)->type != MB_I32)
        return wrong_index(table, index, "embedding");
    s.d[s.rank++] = t.d[1];
    return mb__node_new(table.g, &mb__op_embed, 2, in, MB_F32, s);
}

static void embed_grad_run(const mb__run *x)
{
    mb_shape t = x->node->shape;
    const float *dy = x->in[0];
    const int32_t *index = x->in[1];
    float *out = x->out;
    int per = inner(x->src[0]->shape, 1);
    if (x->first) memset(out, 0, (size_t)mb__count(t) * sizeof(float));
    for (int64_t i = 0, m = (int64_t)x->rows * per; i < m; i++) {
        int row = bounded(index[entry(i, per, x->ld[1], 1)], t.d[0]);
        x->k->add_to(out + (int64_t)row * t.d[1], dy + i * t.d[1], t.d[1]);
    }
}

static void embed_grad_ref(const mb__ref *x)
{
    mb_shape t = x->node->shape;
    memset(x->out, 0, (size_t)mb__count(t) * sizeof(double));
    for (int64_t i = 0, m = mb__count(x->src[0]->shape) / t.d[1]; i < m; i++)
        for (int j = 0; j < t.d[1]; j++)
            x->out[(int64_t)bounded((int)x->in[1][i], t.d[0]) * t.d[1] + j] += x->in[0][i * t.d[1] + j];
}

static void embed_grad_grad(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din)
{
    mb_var index = { g, n->in[1] };
    din[0] = mb_embedding(dy, index);
}

const mb__op mb__op_embed_grad = { .name = "embedding_grad", .rows = MB__REDUCE, .run = embed_grad_run, .ref = embed_grad_ref,
                                   .grad = embed_grad_grad };

/* ---- one-hot and casts ---- */

static void one_hot_run(const mb__run *x)
{
    int n = last(x->node->shape), per = inner(x->node->shape, 1);
    const int32_t *index = x->in[0];
    float *out = x->out;
    int64_t m = (int64_t)x->rows * per;
    memset(out, 0, (size_t)(m * n) * sizeof(float));
    for (int64_t i = 0; i < m; i++) out[i * n + bounded(index[entry(i, per, x->ld[0], 1)], n)] = 1;
}

static void one_hot_ref(const mb__ref *x)
{
    int n = last(x->node->shape);
    int64_t m = mb__count(x->node->shape) / n;
    memset(x->out, 0, (size_t)(m * n) * sizeof(double));
    for (int64_t i = 0; i < m; i++) x->out[i * n + bounded((int)x->in[0][i], n)] = 1;
}

const mb__op mb__op_one_hot = { .name = "one_hot", .rows = MB__ROW, .run = one_hot_run, .ref = one_hot_ref };

mb_var mb_one_hot(mb_var index, int n)
{
    if (mb__bad(index.g, 1, &index)) return (mb_var){ index.g, -1 };
    mb_shape s = mb_dims(index);
    if (s.rank < 1 || s.rank == MB_MAX_RANK || n < 1 || mb__of(index)->type != MB_I32)
        return mb__poison(index.g, "one_hot needs int32 indices of rank 1 to 4 and at least one choice");
    s.d[s.rank++] = n;
    return mb__node_new(index.g, &mb__op_one_hot, 1, &index, MB_F32, s);
}

static void cast_run(const mb__run *x)
{
    int64_t e = mb__row_count(x->node->shape);
    float *out = x->out, scale = x->node->c;
    const uint8_t *bytes = x->in[0];
    const int32_t *words = x->in[0];
    for (int64_t r = 0; r < x->rows; r++, out += e) { /* one plain loop per type: the compiler widens them */
        if (x->src[0]->type == MB_U8)
            for (int64_t i = 0; i < e; i++) out[i] = (float)bytes[r * x->ld[0] + i] * scale;
        else
            for (int64_t i = 0; i < e; i++) out[i] = (float)words[r * x->ld[0] + i] * scale;
    }
}

static void cast_ref(const mb__ref *x)
{
    for (int64_t i = 0, m = mb__count(x->node->shape); i < m; i++) x->out[i] = x->in[0][i] * (double)x->node->c;
}

const mb__op mb__op_cast = { .name = "cast", .rows = MB__ROW, .run = cast_run, .ref = cast_ref };

mb_var mb_cast(mb_var a, float scale)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    if (mb__of(a)->type == MB_F32) return mb_scale(a, scale);
    mb_var y = mb__node_new(a.g, &mb__op_cast, 1, &a, MB_F32, mb_dims(a));
    if (y.id >= 0) mb__of(y)->c = scale;
    return y;
}
