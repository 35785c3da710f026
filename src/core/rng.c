/* Philox 4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC
   2011). */
#include "matchbox/core.h"
#include "matchbox/math.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

void mb__philox(const uint32_t key[2], const uint32_t ctr[4], uint32_t out[4])
{
    uint32_t k0 = key[0], k1 = key[1], c0 = ctr[0], c1 = ctr[1], c2 = ctr[2], c3 = ctr[3];
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u; /* golden ratio */
        k1 += 0xBB67AE85u; /* sqrt(3) - 1 */
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

/* Fold the purpose into a 64-bit key, eight bytes at a time, with the generator itself as the
   mixing function. The position and the length are mixed in too, so "a" + "b" is not "ab". */
static void derive_key(uint64_t seed, const char *purpose, uint32_t key[2])
{
    size_t n = strlen(purpose);
    key[0] = (uint32_t)seed;
    key[1] = (uint32_t)(seed >> 32);
    for (size_t at = 0; at <= n; at += 8) {
        uint32_t block[4] = {0, 0, (uint32_t)at, (uint32_t)n}, out[4];
        for (size_t i = 0; i < 8 && at + i < n; i++)
            block[i / 4] |= (uint32_t)(unsigned char)purpose[at + i] << (i % 4 * 8);
        mb__philox(key, block, out);
        key[0] = out[0];
        key[1] = out[1];
    }
}

mb_rng mb_rng_make(uint64_t seed, const char *purpose, uint64_t index)
{
    mb_rng r = {.ctr = {0, 0, (uint32_t)index, (uint32_t)(index >> 32)}, .used = 4};
    derive_key(seed, purpose, r.key);
    return r;
}

void mb__rng_refill(mb_rng *r)
{
    mb__philox(r->key, r->ctr, r->out);
    if (++r->ctr[0] == 0) r->ctr[1]++;
    r->used = 0;
}

#if defined(__x86_64__)
/* The next block of four streams whose words are used up.  A 64-bit lane holds one stream's word in its lower half, as the
   multiplication wants it; what lies in the upper half is never looked at. */
__attribute__((target("avx2"))) static void refill_four(mb_rng *const r[4])
{
    __m256i even = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)r[0]->ctr)),
                                           _mm_loadu_si128((const void *)r[2]->ctr), 1);
    __m256i odd = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const void *)r[1]->ctr)),
                                          _mm_loadu_si128((const void *)r[3]->ctr), 1);
    __m256i c0 = _mm256_unpacklo_epi64(even, odd), c1 = _mm256_srli_epi64(c0, 32);
    __m256i c2 = _mm256_unpackhi_epi64(even, odd), c3 = _mm256_srli_epi64(c2, 32);
    int64_t key[4];
    for (int i = 0; i < 4; i++) memcpy(&key[i], r[i]->key, sizeof *key);
    __m256i k0 = _mm256_setr_epi64x(key[0], key[1], key[2], key[3]), k1 = _mm256_srli_epi64(k0, 32);
    const __m256i m0 = _mm256_set1_epi64x(0xD2511F53), m1 = _mm256_set1_epi64x(0xCD9E8D57);
    for (int round = 0; round < 10; round++) {
        __m256i a = _mm256_mul_epu32(m0, c0), b = _mm256_mul_epu32(m1, c2);
        c0 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(b, 32), c1), k0);
        c2 = _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(a, 32), c3), k1);
        c1 = b;
        c3 = a;
        k0 = _mm256_add_epi32(k0, _mm256_set1_epi32((int)0x9E3779B9u));
        k1 = _mm256_add_epi32(k1, _mm256_set1_epi32((int)0xBB67AE85u));
    }
    __m256i low = _mm256_blend_epi32(c0, _mm256_slli_epi64(c1, 32), 0xAA), high = _mm256_blend_epi32(c2, _mm256_slli_epi64(c3, 32), 0xAA);
    even = _mm256_unpacklo_epi64(low, high);
    odd = _mm256_unpackhi_epi64(low, high);
    _mm_storeu_si128((void *)r[0]->out, _mm256_castsi256_si128(even));
    _mm_storeu_si128((void *)r[1]->out, _mm256_castsi256_si128(odd));
    _mm_storeu_si128((void *)r[2]->out, _mm256_extracti128_si256(even, 1));
    _mm_storeu_si128((void *)r[3]->out, _mm256_extracti128_si256(odd, 1));
    for (int i = 0; i < 4; i++) {
        if (++r[i]->ctr[0] == 0) r[i]->ctr[1]++;
        r[i]->used = 0;
    }
}

static void refill_fours(mb_rng *streams, const int *which, int n)
{
    mb_rng *group[4] = { streams, streams, streams, streams };
    int held = 0;
    for (int i = 0; i < n; i++) {
        group[held] = &streams[which[i]];
        held += group[held]->used >= 4;
        if (held == 4) {
            refill_four(group);
            held = 0;
        }
    }
    for (int k = 0; k < held; k++) mb__rng_refill(group[k]);
}
#endif

void mb__rng_refill_many(mb_rng *streams, const int *which, int n)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) {
        refill_fours(streams, which, n);
        return;
    }
#endif
    for (int i = 0; i < n; i++)
        if (streams[which[i]].used >= 4) mb__rng_refill(&streams[which[i]]);
}

float mb__uniform_edge(float low, float high)
{
    return low < high ? nextafterf(high, low) : low;
}

/* Lemire (2019): the product's upper half is unbiased once the few low halves below 2^32 mod n are
   drawn again. */
int mb__below_slow(mb_rng *r, uint32_t n, uint64_t product)
{
    uint32_t reject = (0u - n) % n;
    while ((uint32_t)product < reject) product = (uint64_t)mb_rand(r) * n;
    return (int)(product >> 32);
}

double mb_uniform64(mb_rng *r)
{
    uint64_t high = mb_rand(r) >> 5, low = mb_rand(r) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

/* Box-Muller, the cosine half: one call is one number and always two words of the stream. */
static inline __attribute__((always_inline)) float box_muller(mb_rng *r)
{
    float u = ((float)mb_rand(r) + 0.5f) * 0x1p-32f; /* (0, 1]: the tail reaches 6.8 */
    float turn = (float)(mb_rand(r) >> 8) * 0x1p-24f;
    return sqrtf(-2.0f * mb_logf(u)) * mb_cosf(turn * 6.28318530717958647692f);
}

#if defined(__x86_64__)
/* The same bits, with fma as an instruction instead of a call. */
__attribute__((target("avx2,fma"))) static float box_muller_fma(mb_rng *r)
{
    return box_muller(r);
}
#endif

float mb_normal(mb_rng *r)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return box_muller_fma(r);
#endif
    return box_muller(r);
}

void mb_shuffle(mb_rng *r, int *items, int n)
{
    for (int i = n - 1; i > 0; i--) {
        int j = mb_below(r, i + 1), held = items[i];
        items[i] = items[j];
        items[j] = held;
    }
}
