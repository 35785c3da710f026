/* kernel_table.c - which kernel tables this build has and this processor can run. */
#include "graph/kernels.h"
#include <string.h>

extern const mb__kernels mb__kernels_plain;
#if defined(__x86_64__)
extern const mb__kernels mb__kernels_avx512, mb__kernels_avx2;
static bool has_avx2(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
static bool has_avx512(void)
{
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw");
}
#endif

const mb__kernels *mb__kernels_find(const char *isa)
{
    if (!isa) return NULL;
#if defined(__x86_64__)
    if (strcmp(isa, "avx512") == 0) return has_avx512() ? &mb__kernels_avx512 : NULL;
    if (strcmp(isa, "avx2") == 0) return has_avx2() ? &mb__kernels_avx2 : NULL;
#endif
    return strcmp(isa, "plain") == 0 ? &mb__kernels_plain : NULL;
}
