/* matchbox/graph.h - tensors, automatic differentiation, plans.  Rank 1: knows core only, nothing of rewards.
   A graph states mathematics once; mb_grad adds nodes for derivatives (so second derivatives come free); mb_compile removes
   dead nodes, fuses, lays out memory by lifetime and splits work over threads with a fixed partition.  Executing allocates
   nothing.  The first impossible operation poisons the graph; later ones pass it on, and mb_compile reports it once with
   shapes, names and source line.

   Shapes are [d0, d1, ...], row-major, rank 0 (a scalar) to 5.  d0 is the batch: operations that treat each row of the
   batch alone are executed together, tile of rows by tile of rows, while the tile sits in cache. */
#ifndef MATCHBOX_GRAPH_H
#define MATCHBOX_GRAPH_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mb_graph mb_graph;
typedef struct mb_plan mb_plan;
typedef struct mb_var { mb_graph *g; int id; } mb_var; /* id < 0: poisoned */

enum { MB_MAX_RANK = 5 };
typedef struct mb_shape { int rank; int d[MB_MAX_RANK]; } mb_shape;
typedef enum mb_dtype { MB_F32, MB_I32, MB_U8 } mb_dtype;

/* ---- parameters: named tensors with a checkpoint block each ---- */

typedef struct mb_tensor {
    const char *name;
    mb_shape shape;
    int64_t n;       /* elements */
    float *data;     /* 64-byte aligned */
} mb_tensor;
enum { MB_MAX_TENSORS = 1024 };
typedef struct mb_params { mb_scope *scope; const char *name; int n; mb_tensor *t[MB_MAX_TENSORS]; } mb_params;

MB_API mb_params *mb_params_new(mb_scope *s, const char *name, mb_error *err);
/* Zeroed; kept in the scope's store as "PARAMS/NAME". */
MB_API mb_tensor *mb_params_add(mb_params *p, const char *name, mb_shape shape, mb_error *err);
MB_API int64_t mb_params_count(const mb_params *p);
MB_API bool mb_params_copy(mb_params *to, const mb_params *from, mb_error *err); /* same shapes required */
MB_API mb_shape mb_shape_of(int rank, ...);
#define MB_S0() mb_shape_of(0)
#define MB_S1(a) mb_shape_of(1, a)
#define MB_S2(a, b) mb_shape_of(2, a, b)
#define MB_S3(a, b, c) mb_shape_of(3, a, b, c)
#define MB_S4(a, b, c, d) mb_shape_of(4, a, b, c, d)

/* ---- building ---- */

MB_API mb_graph *mb_graph_new(mb_scope *s, const char *name, mb_error *err);
MB_API mb_var mb_input(mb_graph *g, const char *name, mb_dtype type, mb_shape shape); /* memory: mb_data after compiling, or mb_bind */
MB_API mb_var mb_scalar(mb_graph *g, const char *name, float value);                  /* set with mb_set between executions */
MB_API mb_var mb_constant(mb_graph *g, float value);
MB_API mb_var mb_param(mb_graph *g, mb_tensor *t);
MB_API mb_shape mb_dims(mb_var a);

/* elementwise, NumPy broadcasting */
MB_API mb_var mb_add(mb_var a, mb_var b);
MB_API mb_var mb_sub(mb_var a, mb_var b);
MB_API mb_var mb_mul(mb_var a, mb_var b);
MB_API mb_var mb_div(mb_var a, mb_var b);
MB_API mb_var mb_min(mb_var a, mb_var b);
MB_API mb_var mb_max(mb_var a, mb_var b);
MB_API mb_var mb_gt(mb_var a, mb_var b);                 /* 1 where a > b; no gradient */
MB_API mb_var mb_ge(mb_var a, mb_var b);
MB_API mb_var mb_eq(mb_var a, mb_var b);
MB_API mb_var mb_select(mb_var c, mb_var a, mb_var b);   /* c != 0 ? a : b */
MB_API mb_var mb_neg(mb_var a);
MB_API mb_var mb_abs(mb_var a);
MB_API mb_var mb_sign(mb_var a);
MB_API mb_var mb_floor(mb_var a);
MB_API mb_var mb_square(mb_var a);
MB_API mb_var mb_sqrt(mb_var a);
MB_API mb_var mb_recip(mb_var a);
MB_API mb_var mb_exp(mb_var a);
MB_API mb_var mb_log(mb_var a);
MB_API mb_var mb_sin(mb_var a);
MB_API mb_var mb_cos(mb_var a);
MB_API mb_var mb_tanh(mb_var a);
MB_API mb_var mb_sigmoid(mb_var a);
MB_API mb_var mb_relu(mb_var a);
MB_API mb_var mb_softplus(mb_var a);
MB_API mb_var mb_silu(mb_var a);
MB_API mb_var mb_gelu(mb_var a);                         /* tanh form */
MB_API mb_var mb_scale(mb_var a, float c);               /* c * a */
MB_API mb_var mb_shift(mb_var a, float c);               /* a + c */
MB_API mb_var mb_clamp(mb_var a, float lo, float hi);    /* gradient 1 inside and at the bounds, else 0 */
MB_API mb_var mb_huber(mb_var a, float delta);           /* 0.5 a^2 within delta, else delta (|a| - delta/2) */
MB_API mb_var mb_stop(mb_var a);                         /* same value, no gradient */

/* reductions */
MB_API mb_var mb_sum(mb_var a);                          /* all -> [] */
MB_API mb_var mb_mean(mb_var a);
MB_API mb_var mb_sum_last(mb_var a);                     /* over the last axis: [..., n] -> [...] */
MB_API mb_var mb_mean_last(mb_var a);
MB_API mb_var mb_max_last(mb_var a);
MB_API mb_var mb_sum_rows(mb_var a);                     /* over the first axis: [R, ...] -> [...] */
MB_API mb_var mb_sum_axis(mb_var a, int axis);
MB_API mb_var mb_standardize(mb_var a);                  /* (a - mean) / (std + 1e-8), sample std (n - 1), over all elements */
MB_API mb_var mb_masked_mean(mb_var a, mb_var mask);     /* sum(a*mask) / max(sum(mask), 1) */

/* matrix products: a [..., m, k] with b [k, n]; or both with the same leading axes.  bfloat16: mb_graph_bf16 */
MB_API mb_var mb_matmul(mb_var a, mb_var b);
MB_API mb_var mb_matmul_nt(mb_var a, mb_var b);          /* b [..., n, k] transposed */
MB_API mb_var mb_linear(mb_var a, mb_var w, mb_var bias);/* a w + bias */
MB_API void mb_graph_bf16(mb_graph *g, bool on);         /* following matrix products multiply in bfloat16 */

/* softmax family, over the last axis */
MB_API mb_var mb_softmax(mb_var a);
MB_API mb_var mb_log_softmax(mb_var a);
MB_API mb_var mb_logsumexp(mb_var a);                    /* [..., n] -> [...] */

/* indexing */
MB_API mb_var mb_pick(mb_var a, mb_var index);           /* a [..., n], index int32 [...] -> [...] */
MB_API mb_var mb_embedding(mb_var table, mb_var index);  /* table [v, d], index int32 [...] -> [..., d] */
MB_API mb_var mb_one_hot(mb_var index, int n);           /* int32 [...] -> [..., n] */
MB_API mb_var mb_cast(mb_var a, float scale);            /* uint8 or int32 -> float32 times scale */

/* shape */
MB_API mb_var mb_reshape(mb_var a, mb_shape s);          /* same number of elements; d0 = -1: inferred */
MB_API mb_var mb_slice(mb_var a, int axis, int start, int n);
MB_API mb_var mb_concat(int n, const mb_var *parts, int axis);
MB_API mb_var mb_permute(mb_var a, const int *axes);     /* result axis i is axis axes[i] of a */
MB_API mb_var mb_transpose(mb_var a);                    /* last two axes */
MB_API mb_var mb_expand(mb_var a, mb_shape s);           /* broadcast to s */

/* images, NHWC */
MB_API mb_var mb_conv2d(mb_var x, mb_var w, mb_var bias, int stride, int pad); /* w [kh, kw, cin, cout]; x float or uint8 (times 1/255 unless mb_cast) */
MB_API mb_var mb_max_pool(mb_var x, int size, int stride);
MB_API mb_var mb_avg_pool(mb_var x, int size, int stride);

/* a [R, n] with each row in ascending order.  No gradient. */
MB_API mb_var mb_sort_last(mb_var a);

/* every element of a row against every element of another */
/* mass [R, m] at places [R, m], split linearly between the two neighbours among n equally spaced points from low to high (places
   beyond are moved to the ends): [R, n].  No gradient. */
MB_API mb_var mb_spread(mb_var mass, mb_var place, float low, float high, int n);
/* Sum over i of the mean over j of |tau_i - 1(u < 0)| huber_kappa(u) / kappa, u = y_j - q_i (kappa 0: |u|): q [R, N], tau [N] or [R, N],
   y [R, M] -> [R].  Gradient for q only. */
MB_API mb_var mb_pinball(mb_var q, mb_var tau, mb_var y, float kappa);

/* normalisation over the last axis */
MB_API mb_var mb_layer_norm(mb_var a, mb_var gain, mb_var bias, float eps);
MB_API mb_var mb_rms_norm(mb_var a, mb_var gain, float eps);

/* Unrolled recurrence: xs [B, T, n], carry variables [B, ...]; cell gets x_t [B, n] and the carry, updates the carry in place
   and returns the output of the step.  Where keep [B, T] is 0 the carry is zeroed before the step.  Result [B, T, m]. */
typedef mb_var (*mb_cell)(void *ctx, mb_var x, mb_var *carry, int ncarry);
MB_API mb_var mb_scan(mb_var xs, mb_var keep, mb_var *carry, int ncarry, mb_cell cell, void *ctx);

/* ---- derivatives and optimisers ---- */

/* out[i] = d loss / d wrt[i], nodes of the same graph; loss must be a scalar.  Unreachable ones are zero. */
MB_API bool mb_grad(mb_var loss, const mb_var *wrt, int n, mb_var *out);

typedef enum mb_optimizer_kind { MB_SGD, MB_RMSPROP, MB_ADAM, MB_ADAMW, MB_MUON } mb_optimizer_kind;
#define MB_OPTIMIZER_CHOICES "sgd|rmsprop|adam|adamw|muon"
typedef struct mb_optimizer {
    mb_optimizer_kind kind;
    mb_var lr;                /* scalar */
    float beta1, beta2, eps;  /* Adam: 0.9 0.999 1e-5; RMSprop: beta2 = smoothing; SGD, Muon: beta1 = momentum */
    float decay;              /* AdamW, Muon: decoupled weight decay */
    float max_norm;           /* global-norm clip; 0: none */
    mb_arena *memory;         /* where its state lies (mb_arena_file: in a mapped file); NULL: the scope's arena */
} mb_optimizer;
/* One step on every tensor of `p` against `loss`, scheduled after everything else.  State is kept in the scope's store.
   Returns the gradient's global norm before clipping (scalar). */
MB_API mb_var mb_optimize(mb_var loss, mb_params *p, mb_optimizer o);

/* ---- batches larger than memory (docs/guide/memory.md) ---- */

/* Gradients of several executions: one sum per tensor of the parameters, and how many terms they are of.  Not kept in the store:
   between two steps the sums are zero. */
typedef struct mb_gradsum { mb_params *params; mb_tensor *sum; float *terms; } mb_gradsum; /* sum[i] is shaped as params->t[i] */
MB_API mb_gradsum *mb_gradsum_new(mb_params *p, mb_error *err);
/* Each execution adds the gradient of `total` and adds `terms`; both scalars: the sum (not the mean) of the losses of this
   micro-batch, and how many losses it sums. */
MB_API bool mb_accumulate(mb_var total, mb_var terms, mb_gradsum *to);
/* In a graph of its own, executed after the micro-batches: one step with the gradient of the mean over all terms, that is sums
   over terms whatever the micro-batches' sizes; then the sums are zero.  Returns the gradient's norm before clipping. */
MB_API mb_var mb_optimize_sum(mb_graph *g, mb_gradsum *from, mb_optimizer o);
/* What is made between true and false is computed again for the backward pass instead of being kept: less memory, more time.  The
   values are the same; sums over rows can be cut into other tiles, so gradients agree up to rounding.  Regions do not nest. */
MB_API bool mb_recompute(mb_graph *g, bool on);

/* After the optimisers: to = (1 - tau) to + tau from. */
MB_API bool mb_follow(mb_graph *g, mb_params *to, const mb_params *from, float tau);

/* ---- compiling and executing ---- */

MB_API void mb_output(mb_var a);                         /* keep the value: readable after executing */
MB_API mb_plan *mb_compile(mb_graph *g, mb_error *err);  /* NULL: poisoned graph, or no memory */
MB_API void mb_exec(mb_plan *p);
MB_API float *mb_data(mb_var a);                         /* of an input or output, after compiling; row-major */
MB_API void *mb_input_data(mb_var a);                    /* any dtype */
MB_API void mb_bind(mb_var input, const void *data);     /* read the input from the caller's memory from now on */
MB_API void mb_set(mb_var scalar, float v);
MB_API float mb_get(mb_var scalar);

typedef struct mb_plan_info {
    const char *isa;         /* kernel variant in use */
    int nodes, steps, stages;
    int64_t executed;        /* kernel steps executed so far */
    size_t slab_bytes;       /* memory with lifetime reuse ... */
    size_t plain_bytes;      /* ... and what it would be without */
    double flops;            /* multiply-adds of matrix products and convolutions, times 2, per execution */
} mb_plan_info;
MB_API mb_plan_info mb_plan_info_of(const mb_plan *p);
/* Execute node by node (slow) and name the first one that gives NaN or infinity from finite inputs; false: none found. */
MB_API bool mb_plan_trace(mb_plan *p, char *what, size_t n);

/* The graph's values in double precision, node by node and slowly: for auditing a loss, not for training.  `given`: values of inputs
   and scalars (parameters are read where they lie); `wanted`: memory of the caller for any node.  Scratch from `a`. */
typedef struct mb_value64 { mb_var var; double *data; } mb_value64;
MB_API bool mb_eval64(mb_graph *g, const mb_value64 *given, int ngiven, const mb_value64 *wanted, int nwanted, mb_arena *a, mb_error *err);

/* ---- where a node was made: the functions above, remembering the caller's line ---- */
MB_API mb_var mb__at(mb_var v, const char *file, int line);
#define MB__AT(call) mb__at(call, __FILE__, __LINE__)
#define mb_add(a, b) MB__AT((mb_add)(a, b))
#define mb_sub(a, b) MB__AT((mb_sub)(a, b))
#define mb_mul(a, b) MB__AT((mb_mul)(a, b))
#define mb_div(a, b) MB__AT((mb_div)(a, b))
#define mb_min(a, b) MB__AT((mb_min)(a, b))
#define mb_max(a, b) MB__AT((mb_max)(a, b))
#define mb_matmul(a, b) MB__AT((mb_matmul)(a, b))
#define mb_matmul_nt(a, b) MB__AT((mb_matmul_nt)(a, b))
#define mb_linear(a, w, b) MB__AT((mb_linear)(a, w, b))
#define mb_pick(a, i) MB__AT((mb_pick)(a, i))
#define mb_reshape(a, s) MB__AT((mb_reshape)(a, s))
#define mb_slice(a, x, s, n) MB__AT((mb_slice)(a, x, s, n))
#define mb_concat(n, p, x) MB__AT((mb_concat)(n, p, x))
#define mb_conv2d(x, w, b, s, p) MB__AT((mb_conv2d)(x, w, b, s, p))
#define mb_select(c, a, b) MB__AT((mb_select)(c, a, b))

#ifdef __cplusplus
}
#endif
#endif
