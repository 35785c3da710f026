/* kernel_fixture.h - shared by the tests of the kernels: the variants of this machine, random values, guard bands.
   A kernel is right when it gives the bits of plain loops that spell out the contract of graph/kernels.h (any NaN equals
   any NaN) and leaves everything around its result as it was. */
#ifndef MB_KERNEL_FIXTURE_H
#define MB_KERNEL_FIXTURE_H
#include "graph/kernels.h"
#include "matchbox/core.h"
#include "matchbox/math.h"
#include "mb_test.h"

enum { MAX = 1 << 18, GUARD = 37 };
static const uint32_t guard_bits = 0x7fe12345u; /* a NaN no kernel makes */
static float pool[8][MAX];
static mb_rng rng;

static const mb__kernels *variants[3];
static int nvariants(void)
{
    static const char *const names[] = { "avx512", "avx2", "plain" };
    static int n;
    if (n == 0)
        for (int i = 0; i < 3; i++)
            if (mb__kernels_find(names[i])) variants[n++] = mb__kernels_find(names[i]);
    return n;
}
#define EACH_VARIANT(k)                                                                            \
    for (int iv = 0; iv < nvariants(); iv++)                                                       \
        for (const mb__kernels *k = variants[iv]; k; k = NULL)

static int below(int n) { return mb_below(&rng, n); }
static int between(int lo, int hi) { return lo + below(hi - lo + 1); }
/* mostly ordinary numbers; with `wild`, also zeros of both signs, denormals, huge numbers, infinities and NaN */
static float value(bool wild)
{
    static const float odd[] = { 0.0f, -0.0f, 1e-42f, -1e-40f, 3e38f, -3e38f, INFINITY, -INFINITY, NAN, 1.0f, -1.0f, 88.7f, -104.0f };
    if (wild && below(6) == 0) return odd[below((int)(sizeof odd / sizeof *odd))];
    return mb_uniform(&rng, -2.0f, 2.0f);
}
static float *fill(int slot, int64_t n, bool wild)
{
    CHECK(n <= MAX);
    for (int64_t i = 0; i < n; i++) pool[slot][i] = value(wild);
    return pool[slot];
}
static float *guarded(int slot)
{
    for (int i = 0; i < MAX; i++) memcpy(&pool[slot][i], &guard_bits, 4);
    return pool[slot] + GUARD;
}
static bool same(float a, float b)
{
    uint32_t x, y;
    memcpy(&x, &a, 4);
    memcpy(&y, &b, 4);
    return x == y || (a != a && b != b && x != guard_bits && y != guard_bits);
}
/* got[rows, cols] equals want, and everything around it in the slot is as it was */
static bool matches(int slot, const float *want, ptrdiff_t ldw, ptrdiff_t ld, int rows, int cols)
{
    const float *got = pool[slot] + GUARD;
    int64_t end = rows > 0 ? (rows - 1) * ld + cols : 0;
    for (int64_t i = -GUARD; i < end + 64; i++) {
        bool inside = i >= 0 && i < end && i % ld < cols;
        uint32_t bits;
        memcpy(&bits, &got[i], 4);
        if (inside ? !same(got[i], want[i / ld * ldw + i % ld]) : bits != guard_bits) {
            printf("  element %lld (row %lld, column %lld): got %a, expected %a\n", (long long)i, (long long)(i / ld),
                   (long long)(i % ld), (double)got[i], inside ? (double)want[i / ld * ldw + i % ld] : (double)NAN);
            return false;
        }
    }
    return true;
}

static float activated(mb__act_fn act, float x)
{
    switch (act) {
    case MB__ACT_NONE: return x;
    case MB__ACT_RELU: return x < 0.0f ? 0.0f : x;
    case MB__ACT_TANH: return mb_tanhf(x);
    case MB__ACT_SIGMOID: return mb_sigmoidf(x);
    case MB__ACT_SILU: return mb_siluf(x);
    case MB__ACT_GELU: return mb_geluf(x);
    }
    return NAN;
}

#endif
