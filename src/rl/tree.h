/* rl/tree.h - a quadtree over points of the plane, for sums over far points (Barnes & Hut 1986). */
#ifndef MB_RL_TREE_H
#define MB_RL_TREE_H
#include "matchbox/core.h"

typedef struct mb__tree mb__tree;
mb__tree *mb__tree_new(mb_arena *a, int n, mb_error *err);
/* Of the points y [n, 2], anew. */
void mb__tree_build(mb__tree *t, const double *y);
/* Sums over all points but the one at y itself: force = sum q^2 (y - y_j), z = sum q, with q = 1 / (1 + |y - y_j|^2); a cell
   whose width is below theta times its distance counts as its points in their centre. */
void mb__tree_repulsion(const mb__tree *t, const double *y, double theta, double force[2], double *z);

#endif
