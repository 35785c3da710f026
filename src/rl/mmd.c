/* mmd.c - the maximum mean discrepancy of samples of vectors.  Gretton et al. (2012), JMLR 13; as a loss between returns: Nguyen-Tang et al.
   (2021), arXiv:2007.12354; of several sources of reward at once: Zhang et al. (2021), arXiv:2110.13578. */
#include "matchbox/distributional.h"

/* the mean over all pairs of the sum of kernels: x [B, M, N], y [B, K, N] -> [B] */
static mb_var mean_kernel(mb_var x, mb_var y, const float *widths, int n)
{
    mb_shape a = mb_dims(x), b = mb_dims(y);
    mb_var d = mb_sub(mb_reshape(x, MB_S4(a.d[0], a.d[1], 1, a.d[2])), mb_reshape(y, MB_S4(b.d[0], 1, b.d[1], b.d[2])));
    d = mb_sum_last(mb_square(d));
    mb_var sum = d;
    for (int i = 0; i < n; i++) {
        mb_var k = mb_exp(mb_scale(d, -1 / widths[i]));
        sum = i ? mb_add(sum, k) : k;
    }
    return mb_mean_last(mb_mean_last(sum));
}

mb_var mb_mmd2(mb_var x, mb_var y, const float *widths, int n)
{
    mb_var own = mb_add(mean_kernel(x, x, widths, n), mean_kernel(y, y, widths, n));
    return mb_sub(own, mb_scale(mean_kernel(x, y, widths, n), 2));
}
