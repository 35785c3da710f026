/* table.c - the table of this instruction set. */
#include "graph/kernels/isa.h"

#define mb__kernels_here MB__KERNEL(kernels)
extern const mb__kernels mb__kernels_here;
const mb__kernels mb__kernels_here = {
    .isa = &MB__STRING(MB_ISA)[1],
    .gemm_nn = mb__gemm_nn, .gemm_tn = mb__gemm_tn, .gemm_nn_bf16 = mb__gemm_nn_bf16, .transpose = mb__transpose,
    .map = mb__map, .map_flat = mb__map_flat, .row_sum = mb__row_sum, .row_max = mb__row_max, .col_sum = mb__col_sum,
    .log_softmax = mb__log_softmax, .softmax = mb__softmax,
    .conv_fwd = mb__conv_fwd, .conv_dw = mb__conv_dw, .conv_dx = mb__conv_dx,
    .sum_squares = mb__sum_squares, .adam = mb__adam, .rmsprop = mb__rmsprop, .sgd = mb__sgd,
    .add_to = mb__add_to, .follow = mb__follow, .find_bad = mb__find_bad,
};
