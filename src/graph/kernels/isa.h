/* isa.h - what the kernel files of one instruction set share.  MB_ISA (_avx512, _avx2, _plain) ends every name. */
#ifndef MB_KERNELS_ISA_H
#define MB_KERNELS_ISA_H
#include "graph/kernels.h"

#define MB__PASTE2(a, b) a##b
#define MB__PASTE(a, b) MB__PASTE2(a, b)
#define MB__KERNEL(name) MB__PASTE(mb__##name, MB_ISA)
#define MB__STRING2(a) #a
#define MB__STRING(a) MB__STRING2(a)

/* A product with every row alike: C[i][j] = start + sum over (u < n1, v < n2, k < nk), ascending, of
     A(i, k) B[u*b1 + v*b2 + k*ldb + j]    A(i, k) = A[u*a1 + v*a2 + i*lda + k]      "rows": a row of A is contiguous in k
                                                  or A[u*a1 + v*a2 + i + k*lda]      "cols": contiguous in i
   A matrix product has n1 = n2 = 1; convolutions are the same sums with steps of their own.
   start: C itself when `accumulate`, else bias[j], else 0. */
typedef struct mb__tile {
    const float *A, *B, *bias;
    float *C;
    ptrdiff_t lda, ldb, ldc;
    int nk, n1, n2;
    ptrdiff_t a1, a2, b1, b2;
    bool accumulate, relu;
} mb__tile;
#define mb__tile_rows MB__KERNEL(tile_rows)
#define mb__tile_cols MB__KERNEL(tile_cols)
void mb__tile_rows(const mb__tile *tile, int m, int n);
void mb__tile_cols(const mb__tile *tile, int m, int n);

/* C = act(C) in place; relu is already in the tile */
#define mb__activate MB__KERNEL(activate)
void mb__activate(mb__act_fn act, float *C, ptrdiff_t ldc, int rows, int cols);

#define mb__gemm_nn MB__KERNEL(gemm_nn)
#define mb__gemm_tn MB__KERNEL(gemm_tn)
#define mb__gemm_nn_bf16 MB__KERNEL(gemm_nn_bf16)
#define mb__transpose MB__KERNEL(transpose)
#define mb__map MB__KERNEL(map)
#define mb__map_flat MB__KERNEL(map_flat)
#define mb__row_sum MB__KERNEL(row_sum)
#define mb__row_max MB__KERNEL(row_max)
#define mb__col_sum MB__KERNEL(col_sum)
#define mb__log_softmax MB__KERNEL(log_softmax)
#define mb__softmax MB__KERNEL(softmax)
#define mb__conv_fwd MB__KERNEL(conv_fwd)
#define mb__conv_dw MB__KERNEL(conv_dw)
#define mb__conv_dx MB__KERNEL(conv_dx)
#define mb__sum_squares MB__KERNEL(sum_squares)
#define mb__adam MB__KERNEL(adam)
#define mb__rmsprop MB__KERNEL(rmsprop)
#define mb__sgd MB__KERNEL(sgd)
#define mb__add_to MB__KERNEL(add_to)
#define mb__follow MB__KERNEL(follow)
#define mb__find_bad MB__KERNEL(find_bad)

void mb__gemm_nn(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                 const float *bias, mb__act_fn act, bool accumulate);
void mb__gemm_tn(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                 bool accumulate);
void mb__gemm_nn_bf16(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                      const float *bias, mb__act_fn act, bool accumulate, uint32_t *pack);
void mb__transpose(int rows, int cols, const float *S, ptrdiff_t lds, float *D, ptrdiff_t ldd);
void mb__map(mb__map_fn fn, float *Y, ptrdiff_t ldy, int rows, int cols, const mb__operand *in, float c, float d);
void mb__map_flat(mb__map_fn fn, float *y, const float *a, const float *b, const float *e, ptrdiff_t n, float c, float d);
void mb__row_sum(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, ptrdiff_t ldy);
void mb__row_max(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, ptrdiff_t ldy);
void mb__col_sum(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, bool accumulate);
void mb__log_softmax(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy);
void mb__softmax(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy);
void mb__conv_fwd(const mb__conv *s, const float *x, const uint8_t *x_u8, float scale, const float *W, const float *bias,
                  mb__act_fn act, float *Y);
void mb__conv_dw(const mb__conv *s, const float *x, const uint8_t *x_u8, float scale, const float *dY, float *dW, bool accumulate);
void mb__conv_dx(const mb__conv *s, const float *dY, const float *Wt, float *dX);
float mb__sum_squares(const float *x, int64_t n);
void mb__adam(float *p, float *m, float *v, const float *g, int64_t n, float scale, float lr, float beta1, float beta2, float eps,
              float correct1, float correct2, float decay);
void mb__rmsprop(float *p, float *v, const float *g, int64_t n, float scale, float lr, float alpha, float eps);
void mb__sgd(float *p, float *m, const float *g, int64_t n, float scale, float lr, float momentum);
void mb__add_to(float *x, const float *y, int64_t n);
void mb__follow(float *x, const float *y, int64_t n, float tau);
int64_t mb__find_bad(const float *x, int64_t n, float lo, float hi);

#endif
