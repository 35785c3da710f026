/* simd.h - one vector of floats: 16 lanes with AVX-512, 8 with AVX2, 4 elsewhere.
   Every operation is exactly rounded or a bit operation, so the number of lanes never shows in a result. */
#ifndef MB_KERNELS_SIMD_H
#define MB_KERNELS_SIMD_H
#include "matchbox/math.h"
#include <stddef.h>
#include <string.h>

#define MB__INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpass-failed" /* the pragmas are wishes: without optimisation or fma there is no vectorising */
#define MB__UNROLL _Pragma("clang loop unroll(full)")
#define MB__INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define MB__UNROLL _Pragma("GCC unroll 16")
#define MB__INDEPENDENT _Pragma("GCC ivdep") /* no iteration reads what another one writes */
#endif

/* v_load_first and v_store_first touch the first n lanes only, 1 <= n <= MB__LANES; the other lanes load as +0. */
#if defined(__AVX512F__)
#include <immintrin.h>
enum { MB__LANES = 16 };
typedef __m512 vfloat;
MB__INLINE vfloat v_load(const float *p) { return _mm512_loadu_ps(p); }
MB__INLINE void v_store(float *p, vfloat v) { _mm512_storeu_ps(p, v); }
MB__INLINE vfloat v_set(float x) { return _mm512_set1_ps(x); }
MB__INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { return _mm512_fmadd_ps(a, b, c); }
MB__INLINE vfloat v_relu(vfloat x) { return _mm512_max_ps(_mm512_setzero_ps(), x); } /* x < 0 ? 0 : x */
MB__INLINE vfloat v_clamp(vfloat x, vfloat lo, vfloat hi) { return _mm512_min_ps(hi, _mm512_max_ps(lo, x)); } /* NaN stays */
MB__INLINE vfloat v_max(vfloat m, vfloat x) /* x > m ? x : m, and NaN when either is */
{
    return _mm512_mask_mov_ps(_mm512_max_ps(x, m), _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q), x);
}
MB__INLINE __mmask16 v_first(int n) { return (__mmask16)((1u << n) - 1u); }
MB__INLINE vfloat v_load_first(const float *p, int n) { return _mm512_maskz_loadu_ps(v_first(n), p); }
MB__INLINE void v_store_first(float *p, vfloat v, int n) { _mm512_mask_storeu_ps(p, v_first(n), v); }

#elif defined(__AVX2__)
#include <immintrin.h>
enum { MB__LANES = 8 };
typedef __m256 vfloat;
MB__INLINE vfloat v_load(const float *p) { return _mm256_loadu_ps(p); }
MB__INLINE void v_store(float *p, vfloat v) { _mm256_storeu_ps(p, v); }
MB__INLINE vfloat v_set(float x) { return _mm256_set1_ps(x); }
MB__INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c) { return _mm256_fmadd_ps(a, b, c); }
MB__INLINE vfloat v_relu(vfloat x) { return _mm256_max_ps(_mm256_setzero_ps(), x); }
MB__INLINE vfloat v_clamp(vfloat x, vfloat lo, vfloat hi) { return _mm256_min_ps(hi, _mm256_max_ps(lo, x)); }
MB__INLINE vfloat v_max(vfloat m, vfloat x)
{
    return _mm256_blendv_ps(_mm256_max_ps(x, m), x, _mm256_cmp_ps(x, x, _CMP_UNORD_Q));
}
MB__INLINE vfloat v_load_first(const float *p, int n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(n), lane));
}
MB__INLINE void v_store_first(float *p, vfloat v, int n) /* a masked store is slow on several processors */
{
    if (n == 8) {
        v_store(p, v);
        return;
    }
    __m128 h = _mm256_castps256_ps128(v);
    if (n & 4) {
        _mm_storeu_ps(p, h);
        h = _mm256_extractf128_ps(v, 1);
        p += 4;
    }
    if (n & 2) {
        _mm_storel_pi((__m64 *)p, h);
        h = _mm_movehl_ps(h, h);
        p += 2;
    }
    if (n & 1) _mm_store_ss(p, h);
}

#else
enum { MB__LANES = 4 };
typedef float vfloat __attribute__((vector_size(16)));
MB__INLINE vfloat v_load(const float *p)
{
    vfloat v;
    memcpy(&v, p, sizeof v);
    return v;
}
MB__INLINE void v_store(float *p, vfloat v) { memcpy(p, &v, sizeof v); }
MB__INLINE vfloat v_set(float x) { return (vfloat){ x, x, x, x }; }
#if defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
MB__INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c)
{
    return (vfloat)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
#else
MB__INLINE vfloat v_fma(vfloat a, vfloat b, vfloat c)
{
    return (vfloat){ mb_fmaf(a[0], b[0], c[0]), mb_fmaf(a[1], b[1], c[1]), mb_fmaf(a[2], b[2], c[2]),
                     mb_fmaf(a[3], b[3], c[3]) };
}
#endif
typedef int32_t vint __attribute__((vector_size(16)));
MB__INLINE vfloat v_select(vint take, vfloat a, vfloat b) { return (vfloat)(((vint)a & take) | ((vint)b & ~take)); }
MB__INLINE vfloat v_max(vfloat m, vfloat x)
{
    return v_select((vint)(x > m) | (vint)(x != x), x, m);
}
MB__INLINE vfloat v_clamp(vfloat x, vfloat lo, vfloat hi)
{
    x = v_select((vint)(x < lo), lo, x);
    return v_select((vint)(x > hi), hi, x);
}
MB__INLINE vfloat v_relu(vfloat x)
{
    return (vfloat)((vint)x & ~(vint)(x < v_set(0.0f)));
}
MB__INLINE vfloat v_load_first(const float *p, int n)
{
    vfloat v = v_set(0.0f);
    memcpy(&v, p, (size_t)n * sizeof *p);
    return v;
}
MB__INLINE void v_store_first(float *p, vfloat v, int n) { memcpy(p, &v, (size_t)n * sizeof *p); }
#endif

MB__INLINE vfloat v_zero(void) { return v_set(0.0f); }

/* mb_tanhf lane by lane; written out because compilers do not find the two-instruction clamp */
MB__INLINE vfloat v_tanh(vfloat x)
{
    vfloat y = v_clamp(x, v_set(-8.0f), v_set(8.0f)), z = y * y;
    vfloat p = v_fma(v_set(0x1.011d96p-26f), z, v_set(0x1.6c33c2p-16f));
    vfloat q = v_fma(v_set(0x1.c3cef8p-21f), z, v_set(0x1.63c594p-12f));
    p = v_fma(p, z, v_set(0x1.d2abe6p-9f));
    q = v_fma(q, z, v_set(0x1.abfbf4p-6f));
    p = v_fma(p, z, v_set(0x1.1326d4p-3f));
    q = v_fma(q, z, v_set(0x1.dee8bcp-2f));
    p = v_fma(p, z, v_set(1.0f));
    q = v_fma(q, z, v_set(1.0f));
    return p * y / q;
}

#endif
