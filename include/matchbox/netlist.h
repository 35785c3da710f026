/* matchbox/netlist.h - a trained policy as a short list of layers with their weights: what is written when a policy leaves
   (C, ONNX), and a small machine that executes the list with the very functions that exported C files carry.  Rank 2 (layer: nn).
   One observation at a time: values are vectors on numbered wires, and memory is a wire that keeps its value until the
   next decision. */
#ifndef MATCHBOX_NETLIST_H
#define MATCHBOX_NETLIST_H
#include "matchbox/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mb_net_op {
    MB_NET_DENSE,  /* out = act(b + in w); w [in, out], b [out] or NULL */
    MB_NET_CONV,   /* image [h, w, c], no padding; w [side, side, c, out], b [out]; out [oh, ow, out], activated */
    MB_NET_JOIN,   /* out = in[0], then in[1] from its element `from` on */
    MB_NET_ADD,    /* out = in[0] + in[1] */
    MB_NET_MEAN,   /* out[i] = mean of in[0] from i k to (i + 1) k */
    MB_NET_EXPECT, /* out[i] = expectation under the softmax of the same k elements of k points from low to high */
    MB_NET_DUEL,   /* out = in[0] less its mean, plus the one number in[1] */
    MB_NET_NORM,   /* normalised over its elements (epsilon 1e-5), times w, plus b */
    MB_NET_LSTM,   /* in: the gates' part of x and of h, order input, forget, cell, output; mem: h, c; out = h */
    MB_NET_GRU,    /* in: the gates' part of x and of h, order reset, update, new; mem: h; out = h */
    MB_NET_ATTEND  /* in: query, key, value; w: bias [window, heads] by age; mem: keys and values of the last window - 1
                      decisions, oldest first, and 1 where there was one */
} mb_net_op;

typedef struct mb_net_step {
    mb_net_op op;
    int in[3], out, mem[3];  /* wires */
    const mb_tensor *w, *b;
    mb_activation act;       /* dense, conv */
    int h, width, c, side, stride, oh, ow; /* conv */
    int from;                /* join */
    int window, heads;       /* attend */
    int k;                   /* mean, expect */
    float low, high;         /* expect */
} mb_net_step;

/* name: of memory; NULL: a value that lives for one decision */
typedef struct mb_net_wire { int n; const char *name; } mb_net_wire;

typedef enum mb_head_kind {
    MB_HEAD_CHOICE,  /* the field's log-probabilities are the log-softmax of the wire, forbidden choices at -1e9 */
    MB_HEAD_VALUES,  /* the wire says what each choice of the field is worth, forbidden ones are at -3e38 */
    MB_HEAD_GAUSSIAN /* the wire is the mean of all box fields, log_std [nvalue] its deviation; NULL: there is nothing to draw */
} mb_head_kind;
typedef struct mb_net_head { mb_head_kind kind; int wire, field; const mb_tensor *log_std; } mb_net_head;

enum { MB_NET_MOST = 96, MB_NET_ATOMS = 1024 }; /* wires, steps; k of mean and expect */
typedef struct mb_netlist {
    mb_env_shape shape;
    const char *model;                 /* "mlp", ..., "table" */
    int features;                      /* of the encoded observation, wire 0: image first, discrete one-hot */
    const mb_tensor *mean, *scale;     /* clamp((x - mean) * scale, -10, 10) on wire 0; NULL: as it is */
    int nwires, nsteps, nheads;
    mb_net_wire wire[MB_NET_MOST];
    mb_net_step step[MB_NET_MOST];
    mb_net_head head[MB_MAX_FIELDS];
    /* or a table of action values [nstates, choices] and nothing of the above: the best allowed action, lowest among equals */
    const double *table;
    int nstates;
} mb_netlist;

/* ---- making one ---- */

MB_API int mb_net_wire_new(mb_netlist *n, int size, const char *memory); /* memory: its name, or NULL */
MB_API int mb_net_dense(mb_netlist *n, int x, const mb_dense *l, mb_activation act);
MB_API int mb_net_matmul(mb_netlist *n, int x, const mb_tensor *w);
MB_API int mb_net_add(mb_netlist *n, mb_net_step step, int size); /* a new wire of this size takes its result */
MB_API int mb_net_cell(mb_netlist *n, mb_net_step step);           /* its result is the memory wire step.out */
/* Append a body's layers after *wire, which becomes the wire of its features; refuses as below. */
MB_API bool mb_body_list(const mb_body *b, mb_netlist *n, int *wire, mb_error *err);
/* The policy without its value function.  A body that cannot be listed: MB_ERR_UNSUPPORTED, naming it and those that can. */
MB_API bool mb_policy_netlist(const mb_policy *p, mb_netlist *out, mb_error *err);
/* A table of action values over discrete observations. */
MB_API void mb_table_netlist(const mb_env_shape *shape, const double *q, int nstates, mb_netlist *out);

MB_API int64_t mb_net_weights(const mb_netlist *n);  /* numbers in all tensors */
MB_API int mb_net_memory(const mb_netlist *n);       /* floats kept between decisions */
/* Tensor i of those the list reads, each once; NULL past the end. */
MB_API const mb_tensor *mb_net_tensor(const mb_netlist *n, int i);

/* ---- weights in 8 bits: symmetric, one step size for each output ---- */

typedef struct mb_net_int8 { int rows, cols; int8_t *q; float *step; } mb_net_int8; /* q [cols][rows]: w[r, c] is about q[c][r] step[c] */
/* Of a dense or convolution step's weights, in the arena. */
MB_API bool mb_net_quantize(const mb_net_step *s, mb_arena *a, mb_net_int8 *out, mb_error *err);

/* The first of the largest of n numbers; and the inverse transform on n log-probabilities for u in [0, 1). */
MB_API int mb_net_best(const float *v, int n);
MB_API int mb_net_pick(const float *logp, int n, float u);

/* ---- executing one: slow, exact, for checks and errors ---- */

typedef struct mb_net_machine mb_net_machine;
MB_API mb_net_machine *mb_net_machine_new(const mb_netlist *n, bool int8, mb_arena *a, mb_error *err);
typedef struct mb_net_result {
    int index[MB_MAX_FIELDS];          /* greedy choice of each discrete field */
    const float *logp[MB_MAX_FIELDS];  /* [n] log-probabilities, or values, of each discrete field (of tables: NULL) */
    const float *mean;                 /* [nvalue] not clipped */
} mb_net_result;
/* One decision.  obs: one row of each field; mask [nmask] or NULL; memory [mb_net_memory], zero at the start of an episode.
   The result points into the machine. */
MB_API mb_net_result mb_net_decide(mb_net_machine *m, const void *const obs[], const uint8_t *mask, float *memory);

#ifdef __cplusplus
}
#endif
#endif
