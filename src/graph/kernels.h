/* kernels.h - the hot loops, compiled once per instruction set (src/graph/kernels/ *.c with -DMB_ISA=_avx512|_avx2|_plain)
   and chosen at run time.  Every variant gives the same bits:
   - a matrix product's element is ONE ascending fma chain over k, begun at the bias, at the old value, or at +0;
   - elementwise functions are the polynomials of matchbox/math.h, the same operations in the same order as its scalar forms;
   - sums along a row are 16 chains (index mod 16, chain j begun at 0) and the fixed tree
     (((0+8)+(4+12))+((2+10)+(6+14)))+(((1+9)+(5+13))+((3+11)+(7+15)));
   - sums down the rows of a column are one ascending chain.
   NaN and infinities propagate through everything (relu and clamp included).
   All matrices are row-major with a row stride ld >= columns, in floats; nothing needs alignment or padding, and nothing
   is written outside [rows, cols].  Kernels never allocate. */
#ifndef MB_GRAPH_KERNELS_H
#define MB_GRAPH_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum mb__act_fn { MB__ACT_NONE, MB__ACT_RELU, MB__ACT_TANH, MB__ACT_SIGMOID, MB__ACT_SILU, MB__ACT_GELU } mb__act_fn;

/* elementwise functions of x (first operand), y, z and the constants c, d */
typedef enum mb__map_fn {
    MB__MAP_COPY,      /* x */
    MB__MAP_NEG, MB__MAP_ABS, MB__MAP_SQUARE, MB__MAP_SQRT, MB__MAP_RECIP /* 1/x */,
    MB__MAP_EXP, MB__MAP_LOG, MB__MAP_SIN, MB__MAP_COS, MB__MAP_TANH, MB__MAP_SIGMOID, MB__MAP_RELU,
    MB__MAP_SOFTPLUS   /* log(1 + e^x), stable */, MB__MAP_SILU, MB__MAP_GELU /* tanh form */,
    MB__MAP_SIGN       /* -1, 0, 1 */, MB__MAP_FLOOR,
    MB__MAP_SCALE      /* c*x */, MB__MAP_SHIFT /* x + c */, MB__MAP_CLAMP /* into [c, d] */,
    MB__MAP_ADD, MB__MAP_SUB, MB__MAP_MUL, MB__MAP_DIV, MB__MAP_MIN, MB__MAP_MAX,
    MB__MAP_GT         /* x > y ? 1 : 0 */, MB__MAP_GE, MB__MAP_EQ,
    MB__MAP_FMA        /* x*y + z */, MB__MAP_SELECT /* x != 0 ? y : z */,
    MB__MAP_TANH_GRAD    /* x = tanh, y = upstream: y*(1 - x*x) as fma(-x*x, y, y) */,
    MB__MAP_SIGMOID_GRAD /* y*x*(1 - x) */, MB__MAP_RELU_GRAD /* x > 0 ? y : 0 ; x = output or input */,
    MB__MAP_CLAMP_GRAD   /* c <= x <= d ? y : 0 */, MB__MAP_AXPY /* c*x + y as one fma */,
    MB__MAP_N
} mb__map_fn;

/* one operand of a map over [rows, cols]: element (r, j) is p[r*row + j*col]; row 0 repeats a row vector, col 0 repeats
   one value along the row */
typedef struct mb__operand { const float *p; ptrdiff_t row; ptrdiff_t col; } mb__operand;

typedef struct mb__conv { /* NHWC; weights [kh, kw, cin, cout]; zero padding `pad` on every side */
    int h, w, cin, kh, kw, cout, stride, pad, oh, ow;
} mb__conv;

typedef struct mb__kernels {
    const char *isa;
    /* C[m,n] = act(start + A[m,k] B[k,n]); start = C when `accumulate`, else bias[n], else 0 */
    void (*gemm_nn)(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                    const float *bias, mb__act_fn act, bool accumulate);
    /* C[m,n] = (accumulate ? C : 0) + A[k,m]^T B[k,n] */
    void (*gemm_tn)(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                    bool accumulate);
    /* D[cols,rows] = S[rows,cols]^T */
    void (*transpose)(int rows, int cols, const float *S, ptrdiff_t lds, float *D, ptrdiff_t ldd);
    /* Y[rows,cols] = fn(operands); Y may be one of the operands exactly (in place) */
    void (*map)(mb__map_fn fn, float *Y, ptrdiff_t ldy, int rows, int cols, const mb__operand *in, float c, float d);
    /* the same over n elements that lie one after the other in every operand */
    void (*map_flat)(mb__map_fn fn, float *y, const float *a, const float *b, const float *e, ptrdiff_t n, float c, float d);
    /* y[r] (stride ldy) = sum / max over the row (max of no NaN-free row: NaN if any NaN) */
    void (*row_sum)(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, ptrdiff_t ldy);
    void (*row_max)(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, ptrdiff_t ldy);
    /* y[cols] = (accumulate ? y : 0) + column sums, ascending over rows */
    void (*col_sum)(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, bool accumulate);
    /* Y = log_softmax / softmax of each row: max, exp(x - max), row_sum, log */
    void (*log_softmax)(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy);
    void (*softmax)(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy);
    /* one image: Y[oh,ow,cout] = act(bias + sum over (ky, kx, c) ascending); positions in the padding are skipped.
       x_u8: the image is uint8 and is multiplied by `scale` when read (x = NULL then) */
    void (*conv_fwd)(const mb__conv *s, const float *x, const uint8_t *x_u8, float scale, const float *W, const float *bias,
                     mb__act_fn act, float *Y);
    /* dW[kh,kw,cin,cout] += over output positions ascending; dX[h,w,cin] = over (ky,kx,cout); Wt is [kh,kw,cout,cin] */
    void (*conv_dw)(const mb__conv *s, const float *x, const uint8_t *x_u8, float scale, const float *dY, float *dW, bool accumulate);
    void (*conv_dx)(const mb__conv *s, const float *dY, const float *Wt, float *dX);
    /* sum of squares, 16 chains and the tree */
    float (*sum_squares)(const float *x, int64_t n);
    /* optimisers over flat arrays; g is read as scale*g (global-norm clipping) */
    void (*adam)(float *p, float *m, float *v, const float *g, int64_t n, float scale, float lr, float beta1, float beta2, float eps,
                 float correct1 /* 1/(1-beta1^t) */, float correct2 /* 1/(1-beta2^t) */, float decay /* lr*weight_decay, decoupled */);
    void (*rmsprop)(float *p, float *v, const float *g, int64_t n, float scale, float lr, float alpha, float eps);
    void (*sgd)(float *p, float *m /* NULL without momentum */, const float *g, int64_t n, float scale, float lr, float momentum);
    /* x += y */
    void (*add_to)(float *x, const float *y, int64_t n);
    /* x += tau (y - x) */
    void (*follow)(float *x, const float *y, int64_t n, float tau);
    /* index of the first element that is NaN, infinite, below lo or above hi; -1: none.  Fast when all is well. */
    int64_t (*find_bad)(const float *x, int64_t n, float lo, float hi);
    /* bfloat16 product: A and B are float32 in memory, rounded to nearest even bfloat16 when packed; each pair of k is
       fma(odd k) then fma(even k) into one chain, denormals flushed, as vdpbf16ps does.  `pack` holds (k+1)/2*n uint32. */
    void (*gemm_nn_bf16)(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                         const float *bias, mb__act_fn act, bool accumulate, uint32_t *pack);
} mb__kernels;

/* The table called `isa` (from mb_isa), NULL when this build or CPU does not have it. */
const mb__kernels *mb__kernels_find(const char *isa);

#endif
