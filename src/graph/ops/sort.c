/* sort.c - the numbers of a row in ascending order. */
#include "graph/internal.h"
#include <string.h>

/* Shell's sort with Ciura's gaps: rows have some hundred numbers at most.  Comparisons with NaN are false, so NaN stays somewhere. */
#define SORTER(name, number)                                                                        \
    static void name(number *x, int n)                                                              \
    {                                                                                               \
        static const int gaps[] = { 1750, 701, 301, 132, 57, 23, 10, 4, 1 };                        \
        for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)                                     \
            for (int i = gaps[g]; i < n; i++) {                                                     \
                number v = x[i];                                                                    \
                int j = i;                                                                          \
                for (; j >= gaps[g] && x[j - gaps[g]] > v; j -= gaps[g]) x[j] = x[j - gaps[g]];     \
                x[j] = v;                                                                           \
            }                                                                                       \
    }
SORTER(sort_floats, float)
SORTER(sort_doubles, double)

static void sort_run(const mb__run *x)
{
    int n = x->node->shape.d[1];
    for (int r = 0; r < x->rows; r++) {
        float *out = (float *)x->out + (int64_t)r * n;
        memcpy(out, (const float *)x->in[0] + (int64_t)r * n, (size_t)n * sizeof *out);
        sort_floats(out, n);
    }
}

static void sort_ref(const mb__ref *x)
{
    int rows = x->node->shape.d[0], n = x->node->shape.d[1];
    memcpy(x->out, x->in[0], (size_t)rows * (size_t)n * sizeof *x->out);
    for (int r = 0; r < rows; r++) sort_doubles(x->out + (int64_t)r * n, n);
}

const mb__op mb__op_sort = { .name = "sort", .rows = MB__ROW, .needs_dense = true, .run = sort_run, .ref = sort_ref };

mb_var mb_sort_last(mb_var a)
{
    if (mb__bad(a.g, 1, &a)) return (mb_var){ a.g, -1 };
    if (mb_dims(a).rank != 2) return mb__poison(a.g, "sort: needs [R, n]");
    mb_var in = mb__dense(mb_stop(a));
    return mb__node_new(a.g, &mb__op_sort, 1, &in, MB_F32, mb_dims(a));
}
