/* Philox 4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (SC
   2011). */
#include "matchbox/core.h"
#include "matchbox/math.h"

#include <math.h>
#include <string.h>

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
