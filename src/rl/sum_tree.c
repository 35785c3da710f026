/* sum_tree.c - priorities as the leaves of a binary tree of sums. */
#include "matchbox/replay.h"

static int64_t width_of(int64_t leaves)
{
    int64_t w = 1;
    while (w < leaves) w *= 2;
    return w;
}

size_t mb_sum_tree_bytes(int64_t leaves)
{
    return (size_t)(2 * width_of(leaves)) * sizeof(double);
}

bool mb_sum_tree_new(mb_sum_tree *t, mb_scope *s, const char *name, int64_t leaves, mb_error *err)
{
    *t = (mb_sum_tree){ .leaves = leaves, .width = width_of(leaves) };
    t->node = mb_alloc(s->arena, 2 * (size_t)t->width, sizeof *t->node, err);
    return t->node && (!s->store || mb_keep_large(s->store, name, t->node, mb_sum_tree_bytes(leaves), err));
}

void mb_sum_tree_set(mb_sum_tree *t, int64_t leaf, double priority)
{
    int64_t i = t->width + leaf;
    t->node[i] = priority;
    for (i /= 2; i > 0; i /= 2) t->node[i] = t->node[2 * i] + t->node[2 * i + 1];
}

double mb_sum_tree_get(const mb_sum_tree *t, int64_t leaf)
{
    return t->node[t->width + leaf];
}

double mb_sum_tree_total(const mb_sum_tree *t)
{
    return t->node[1];
}

/* Rounding may carry `at` past the end of a subtree: never into one that is empty. */
int64_t mb_sum_tree_find(const mb_sum_tree *t, double at)
{
    int64_t i = 1;
    while (i < t->width) {
        double left = t->node[2 * i];
        bool right = !(at < left) && t->node[2 * i + 1] > 0;
        if (right) at -= left;
        i = 2 * i + right;
    }
    return i - t->width;
}
