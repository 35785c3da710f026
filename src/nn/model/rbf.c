/* rbf.c - radial basis functions: bells around the points of a lattice, normalised so that they add up to 1.  Nothing in the body is learned: what
   stands behind it is linear in the bells.  After the network of RBF-DQN (Cheng, Luo, Fan, Zhang & Li 2024). */
#include "matchbox/nn.h"
#include <math.h>

enum { MOST = 1 << 14 };

static bool setup(mb_body *b, mb_params *p, const char *prefix, mb_rng *rng, mb_error *err)
{
    int side = b->spec.net->lattice;
    if (b->spec.h) return mb_fail(err, MB_ERR_USAGE, "model 'rbf' looks at a few numbers, not at an image; use --model cnn");
    b->out = 1;
    for (int i = 0; i < b->spec.in; i++) {
        if (b->out > MOST / side) {
            mb_fail(err, MB_ERR_USAGE, "model 'rbf': a lattice of %d points along each of %d components has more than %d", side, b->spec.in, (int)MOST);
            return mb_note(err, "lower --lattice, or use --model mlp");
        }
        b->out *= side;
    }
    return true;
}

/* Point k of the lattice over [0, 1]^in: the first component counts slowest. */
static void fill(float *to, int side, int in, int n)
{
    for (int k = 0; k < n; k++)
        for (int i = in - 1, rest = k; i >= 0; i--, rest /= side) to[k * in + i] = (float)(rest % side) / (float)(side - 1);
}

/* softmax of -|x - c|^2 / (2 s^2): |x|^2 is the same for all centres and cancels */
static mb_var apply(const mb_body *b, mb_var x, mb_var keep, mb_var *state)
{
    int side = b->spec.net->lattice, in = b->spec.in, n = b->out;
    float s = b->spec.net->reach / (float)(side - 1);
    mb_var points = mb_input(x.g, "rbf.points", MB_F32, MB_S2(n, in));
    if (points.id >= 0) fill(mb_input_data(points), side, in, n);
    mb_var size = mb_reshape(mb_sum_last(mb_square(points)), MB_S2(1, n));
    return mb_softmax(mb_scale(mb_sub(mb_scale(mb_matmul_nt(x, points), 2), size), 0.5f / (s * s)));
}

MB_MODEL(rbf) = { .name = "rbf", .summary = "radial basis functions on a lattice, for a few numbers in [0, 1]", .setup = setup, .apply = apply };
