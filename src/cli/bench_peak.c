/* The arithmetic peak of one core, measured: independent chains of multiply-adds that never leave the registers. */
#include "cli/bench.h"
#include <string.h>

enum { CHAINS = 12, ROUNDS = 1 << 20, TRIES = 7 };

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx512f"))) static float run_avx512(void)
{
    __m512 a[CHAINS], m = _mm512_set1_ps(0.999f), c = _mm512_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) a[i] = _mm512_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) a[i] = _mm512_fmadd_ps(a[i], m, c);
    for (int i = 1; i < CHAINS; i++) a[0] = _mm512_add_ps(a[0], a[i]);
    return _mm512_cvtss_f32(a[0]);
}

__attribute__((target("avx2,fma"))) static float run_avx2(void)
{
    __m256 a[CHAINS], m = _mm256_set1_ps(0.999f), c = _mm256_set1_ps(0.001f);
    for (int i = 0; i < CHAINS; i++) a[i] = _mm256_set1_ps((float)i);
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) a[i] = _mm256_fmadd_ps(a[i], m, c);
    for (int i = 1; i < CHAINS; i++) a[0] = _mm256_add_ps(a[0], a[i]);
    return _mm256_cvtss_f32(a[0]);
}
#endif

/* Four floats at a time, which every processor has; multiply and add are two operations here as well. */
static float run_plain(void)
{
    typedef float v4 __attribute__((vector_size(16)));
    v4 a[CHAINS], m = { 0.999f, 0.999f, 0.999f, 0.999f }, c = { 0.001f, 0.001f, 0.001f, 0.001f };
    for (int i = 0; i < CHAINS; i++) a[i] = m * (float)i;
    for (int r = 0; r < ROUNDS; r++)
#pragma GCC unroll 12
        for (int i = 0; i < CHAINS; i++) a[i] = a[i] * m + c;
    for (int i = 1; i < CHAINS; i++) a[0] += a[i];
    return a[0][0];
}

double bench_peak(const char *kernels)
{
    float (*run)(void) = run_plain;
    int lanes = 4;
#if defined(__x86_64__)
    if (strcmp(kernels, "avx512") == 0) run = run_avx512, lanes = 16;
    if (strcmp(kernels, "avx2") == 0) run = run_avx2, lanes = 8;
#endif
    volatile float sink = 0;
    double best = 0;
    for (int i = 0; i < TRIES; i++) {
        double from = mb_now();
        sink += run();
        double rate = 2.0 * lanes * CHAINS * ROUNDS / (mb_now() - from);
        if (rate > best) best = rate;
    }
    (void)sink;
    return best;
}
