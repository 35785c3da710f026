/* internal.h - nodes, operations and plans, shared by the files of graph/.
   An operation is one mb__op: its name, which inputs it treats row by row, the kernel step, a plain double-precision
   reference (the oracle of the tests) and its gradient rule, which builds more graph. */
#ifndef MB_GRAPH_INTERNAL_H
#define MB_GRAPH_INTERNAL_H
#include "graph/kernels.h"
#include "matchbox/graph.h"

typedef enum mb__rows {
    MB__LEAF,   /* memory that exists before the plan runs */
    MB__ROW,    /* output row r depends on row r of its row inputs: runs inside a tile */
    MB__REDUCE, /* output is a sum over all rows of its inputs: partial sums per block, then a fixed tree */
    MB__WHOLE,  /* needs everything at once */
    MB__ALIAS   /* no work: another view of its input's memory */
} mb__rows;

typedef struct mb__op mb__op;
typedef struct mb__node {
    const mb__op *op;
    int nin;
    int *in;
    mb_shape shape;
    mb_dtype type;
    float c, d;
    int p[8];            /* operation's own integers: axis, start, stride, ... */
    void *data;          /* leaf: its memory; operation's own pointer else */
    const char *name;    /* inputs and parameters */
    const char *file;    /* where it was made */
    int line;
    bool output, trainable;
    int region;          /* recomputed for the backward pass together with the others of its number; 0: kept */
    int transposed;      /* id + 1 of the transpose of this matrix, once somebody asked for it */
    /* filled by the planner (in the plan's copy of the nodes) */
    bool needed, leaf;
    int level, stage, order, uses;
    int root;            /* node whose memory this is (itself unless an alias) */
    int64_t root_off;    /* elements from the root's row begin */
    int64_t ld;          /* elements between rows */
    int place;           /* mb__place */
    int64_t off;         /* bytes in slab or tile */
    int64_t partial;     /* bytes of the partial sums in the slab, -1: none */
} mb__node;

typedef enum mb__place { MB__NOWHERE, MB__AT_LEAF, MB__AT_SLAB, MB__AT_TILE } mb__place;

/* one kernel step on one tile */
typedef struct mb__run {
    const mb__kernels *k;
    const mb__node *node;
    int rows;             /* rows of this tile; all rows for WHOLE */
    int row0;             /* first row of the tile */
    void **in;            /* each input's first row (row inputs) or begin (others) */
    const int64_t *ld;    /* elements between rows of each input; last entry [nin]: of the output */
    const mb__node *const *src; /* each input's node */
    void *out;
    bool first;           /* REDUCE: begin a new sum (else continue the chain) */
    char *scratch;        /* op->scratch bytes, per thread */
    mb_pool *pool;        /* WHOLE: may share its work, where an element does not depend on who computes it; NULL: one thread */
    size_t scratch_bytes; /* WHOLE: from one thread's scratch to the next one's */
} mb__run;

typedef struct mb__ref { const mb__node *node; const mb__node *const *src; const double *const *in; double *out; } mb__ref;

struct mb__op {
    const char *name;
    mb__rows rows;
    bool (*in_row)(const mb__node *n, const mb__node *const *src, int i); /* is input i read row by row? NULL: all */
    bool needs_dense;     /* inputs must have contiguous rows (ld = elements of a row) */
    bool effect;          /* changes parameters: runs last, never dead */
    void (*run)(const mb__run *x);
    void (*ref)(const mb__ref *x);
    /* din[i] = gradient of input i given dy, or left at id -2 for none */
    void (*grad)(mb_graph *g, const mb__node *n, mb_var y, mb_var dy, mb_var *din);
    int64_t (*scratch)(const mb__node *n, const mb__node *const *src, int rows); /* bytes per thread; NULL: none */
    double (*flops)(const mb__node *n, const mb__node *const *src);
};

struct mb_graph {
    mb_scope *scope;
    const char *name;
    mb__node *nodes;
    int n, cap;
    bool poisoned, bf16;
    int region, nregions; /* the region being built, 0: none; regions so far */
    mb_error err;         /* the first impossible operation */
    mb_plan *plan;
};

/* building */
enum { MB__NONE = -2 };   /* "no gradient" */
int64_t mb__count(mb_shape s);
int64_t mb__row_count(mb_shape s);                /* elements of one row (d0 dropped) */
bool mb__same(mb_shape a, mb_shape b);
void mb__shape_text(mb_shape s, char *out, size_t n);
mb__node *mb__of(mb_var v);
mb_var mb__poison(mb_graph *g, const char *fmt, ...) MB_PRINTF(2, 3);
bool mb__bad(mb_graph *g, int n, const mb_var *v); /* any poisoned or foreign input */
/* A new node with these inputs; fields c, d, p may be set through mb__of afterwards. */
mb_var mb__node_new(mb_graph *g, const mb__op *op, int nin, const mb_var *in, mb_dtype type, mb_shape s);
mb_var mb__map(int fn, int n, const mb_var *in, float c, float d);
mb_var mb__sum_to(mb_var a, mb_shape s);          /* undo a broadcast */
mb_var mb__zeros(mb_graph *g, mb_shape s);
mb_var mb__dense(mb_var a);                       /* a copy if it is a strided view */

extern const mb__op mb__op_leaf, mb__op_map, mb__op_expand, mb__op_reshape, mb__op_stop,
    mb__op_slice_view, mb__op_slice, mb__op_slice_rows, mb__op_concat, mb__op_concat_rows,
    mb__op_permute, mb__op_permute_whole, mb__op_matmul, mb__op_bmm, mb__op_tn, mb__op_sum_last,
    mb__op_max_last, mb__op_col_sum, mb__op_log_softmax, mb__op_softmax, mb__op_pick,
    mb__op_pick_grad, mb__op_embed, mb__op_embed_grad, mb__op_one_hot, mb__op_cast, mb__op_conv,
    mb__op_conv_dw, mb__op_conv_dx, mb__op_max_pool, mb__op_max_pool_grad, mb__op_avg_pool,
    mb__op_avg_pool_grad, mb__op_spread, mb__op_pinball, mb__op_pinball_grad, mb__op_sort, mb__op_adam, mb__op_norm, mb__op_follow,
    mb__op_accumulate, mb__op_clear;

/* reference.c: evaluate every node in double precision; values[i] for node i (leaf values taken from `values` when set) */
bool mb__reference(const mb_graph *g, mb_arena *a, double **values, mb_error *err);

/* ---- plans ---- */

/* where a step finds one operand: address = base + (in a tile: the thread's tile memory) + first row * step */
typedef struct mb__operand_at {
    enum { MB__ABSOLUTE, MB__IN_TILE, MB__BOUND } kind;
    char *base;                /* absolute address (MB__ABSOLUTE) */
    int64_t off;               /* bytes from the tile's beginning or from *bound */
    void *const *bound;        /* leaves whose memory the caller may exchange */
    int64_t step;              /* bytes from row to row of the batch; 0: the same for all */
} mb__operand_at;

typedef struct mb__step {
    const mb__node *node;
    int nin;
    bool reduce, flat;
    mb__operand_at *at;        /* nin inputs, then the output */
    int64_t *ld;               /* elements from row to row, inputs then output */
    const mb__node **src;
    char *partial;             /* REDUCE over several blocks: the sums of blocks 1, 2, ... */
} mb__step;

/* Steps with the same batch that need nothing from each other's other rows: executed tile of rows by tile of rows.
   A block is a run of neighbouring tiles whose sums form one chain; blocks are what threads claim. */
typedef struct mb__stage {
    int rows;                  /* 0: WHOLE operations, one after the other */
    int tile, tiles_per_block, nblocks;
    int first, nsteps;         /* into plan->steps */
    bool brief;                /* not worth waking other threads */
} mb__stage;

struct mb_plan {
    mb_graph *g;
    const mb__kernels *k;
    mb_pool *pool;
    mb__node *nodes;           /* the plan's own copy, fused */
    const mb__node ***src;     /* inputs of each node */
    int n, nstages, nsteps, max_in, nthreads;
    mb__stage *stages;
    mb__step *steps;
    char *slab, *tiles, *scratch; /* the last two: one region per thread */
    size_t slab_bytes, tile_bytes, scratch_bytes, plain_bytes;
    void **pointers;           /* max_in + 1 per thread */
    int64_t *executed;         /* steps run, per thread, one cache line apart */
    double flops;
};

bool mb__alias_whole(const mb__node *n);

#endif
