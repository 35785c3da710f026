/* The quadtree: cells in one array, built by adding point after point, so that the same points give the same tree. */
#include "rl/tree.h"
#include <math.h>

enum { DEEPEST = 40 };

struct cell {
    double x, y, half;       /* the square: middle and half its width */
    double sum[2];           /* of its points' coordinates */
    int count, child[4];     /* child 0: none */
    int point;               /* of a leaf with one point, or with points at one place */
    bool leaf;
};
struct mb__tree { int n, used, room; struct cell *cell; const double *y; };

mb__tree *mb__tree_new(mb_arena *a, int n, mb_error *err)
{
    mb__tree *t = mb_alloc(a, 1, sizeof *t, err);
    if (!t) return NULL;
    t->n = n;
    t->room = 4 * n * DEEPEST / 8 + 64;
    t->cell = mb_alloc(a, (size_t)t->room, sizeof *t->cell, err);
    return t->cell ? t : NULL;
}

static int quarter(const struct cell *c, const double *p) { return (p[0] > c->x) + 2 * (p[1] > c->y); }

static int add_cell(mb__tree *t, const struct cell *parent, int q)
{
    double h = 0.5 * parent->half;
    t->cell[t->used] = (struct cell){ .x = parent->x + (q & 1 ? h : -h), .y = parent->y + (q & 2 ? h : -h), .half = h, .leaf = true };
    return t->used++;
}

static void add_to(struct cell *c, const double *p)
{
    c->sum[0] += p[0];
    c->sum[1] += p[1];
    c->count++;
}

/* A leaf that gets a second point hands its first one down, unless both are at one place or the tree is as deep or full as
   it may get. */
static void add_point(mb__tree *t, int i)
{
    const double *p = t->y + 2 * i;
    int at = 0;
    for (int depth = 0;; depth++) {
        struct cell *c = &t->cell[at];
        const double *first = t->y + 2 * c->point;
        bool stay = c->leaf && (c->count == 0 || (first[0] == p[0] && first[1] == p[1]) || depth == DEEPEST || t->used + 4 > t->room);
        if (stay) {
            if (c->count == 0) c->point = i;
            add_to(c, p);
            return;
        }
        if (c->leaf) {
            int q = quarter(c, first), down = add_cell(t, c, q);
            c->leaf = false;
            c->child[q] = down;
            t->cell[down].point = c->point;
            t->cell[down].count = c->count;
            t->cell[down].sum[0] = c->sum[0];
            t->cell[down].sum[1] = c->sum[1];
        }
        add_to(c, p);
        int q = quarter(c, p);
        if (!c->child[q]) c->child[q] = add_cell(t, c, q);
        at = c->child[q];
    }
}

void mb__tree_build(mb__tree *t, const double *y)
{
    double low[2] = { HUGE_VAL, HUGE_VAL }, high[2] = { -HUGE_VAL, -HUGE_VAL };
    for (int i = 0; i < 2 * t->n; i++) {
        if (y[i] < low[i % 2]) low[i % 2] = y[i];
        if (y[i] > high[i % 2]) high[i % 2] = y[i];
    }
    double half = 0.5 * fmax(high[0] - low[0], high[1] - low[1]);
    t->y = y;
    t->used = 1;
    t->cell[0] = (struct cell){ .x = 0.5 * (low[0] + high[0]), .y = 0.5 * (low[1] + high[1]), .half = half * 1.00001 + 1e-12, .leaf = true };
    for (int i = 0; i < t->n; i++) add_point(t, i);
}

void mb__tree_repulsion(const mb__tree *t, const double *y, double theta, double force[2], double *z)
{
    int stack[4 * DEEPEST + 8], n = 1;
    double sum = 0;
    stack[0] = 0;
    force[0] = force[1] = 0;
    while (n > 0) {
        const struct cell *c = &t->cell[stack[--n]];
        double many = c->count, dx = y[0] - c->sum[0] / many, dy = y[1] - c->sum[1] / many, square = dx * dx + dy * dy;
        bool inside = fabs(y[0] - c->x) <= c->half && fabs(y[1] - c->y) <= c->half;
        if (!c->leaf && (inside || !(4 * c->half * c->half < theta * theta * square))) {
            for (int q = 3; q >= 0; q--)
                if (c->child[q]) stack[n++] = c->child[q];
            continue;
        }
        if (c->leaf && inside && square == 0) { /* the point itself; others at its place repel nobody, but count */
            sum += many - 1;
            continue;
        }
        double q = 1 / (1 + square);
        sum += many * q;
        force[0] += many * q * q * dx;
        force[1] += many * q * q * dy;
    }
    *z = sum;
}
