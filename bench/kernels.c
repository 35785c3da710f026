/* bench/kernels.c - speed of the kernels at the shapes of reinforcement learning.
   Prints `name value unit peak_fraction`; the peak is that of independent fma chains, measured in the same process.
     bench/kernels [ISA [NAME]]     ISA: avx512, avx2 or plain, default the best;  NAME: only the lines that contain it
   With OpenBLAS on the machine (libopenblas.so.0) its sgemm is timed next to ours; run it then as
     env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE OPENBLAS_NUM_THREADS=1 bench/kernels */
#include "graph/kernels.h"
#include "matchbox/core.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { SIZE = 1 << 21, WINDOWS = 15 };
static float *memory[4];
static const mb__kernels *K;
static const char *only = "";
static void (*sgemm)(int, int, int, int, int, int, float, const float *, int, const float *, int, float, float *, int);

typedef struct job {
    int kind, m, n, k;
    mb__act_fn act;
    mb__map_fn fn;
    mb__conv conv;
    bool bytes;
} job;
enum { GEMM_NN, GEMM_TN, MAP, CONV_FWD, CONV_DW, CONV_DX, TRANSPOSE, COL_SUM, LOG_SOFTMAX, ADAM, SUM_SQUARES, BLAS_NN, BLAS_TN };

static void run(const job *j)
{
    float *a = memory[0], *b = memory[1], *c = memory[2], *d = memory[3];
    const mb__operand in[3] = { { a, j->n, 1 }, { b, j->n, 1 }, { d, j->n, 1 } };
    switch (j->kind) {
    case GEMM_NN: K->gemm_nn(j->m, j->n, j->k, a, j->k, b, j->n, c, j->n, d, j->act, false); break;
    case GEMM_TN: K->gemm_tn(j->m, j->n, j->k, a, j->m, b, j->n, c, j->n, false); break;
    case BLAS_NN: sgemm(101, 111, 111, j->m, j->n, j->k, 1.0f, a, j->k, b, j->n, 0.0f, c, j->n); break;
    case BLAS_TN: sgemm(101, 112, 111, j->m, j->n, j->k, 1.0f, a, j->m, b, j->n, 0.0f, c, j->n); break;
    case MAP: K->map(j->fn, c, j->n, j->m, j->n, in, 1.0f, 1.0f); break;
    case CONV_FWD: K->conv_fwd(&j->conv, j->bytes ? NULL : a, j->bytes ? (uint8_t *)a : NULL, 0.01f, b, d, j->act, c); break;
    case CONV_DW: K->conv_dw(&j->conv, j->bytes ? NULL : a, j->bytes ? (uint8_t *)a : NULL, 0.01f, d, c, false); break;
    case CONV_DX: K->conv_dx(&j->conv, d, b, c); break;
    case TRANSPOSE: K->transpose(j->m, j->n, a, j->n, c, j->m); break;
    case COL_SUM: K->col_sum(j->m, j->n, a, j->n, c, false); break;
    case LOG_SOFTMAX: K->log_softmax(j->m, j->n, a, j->n, c, j->n); break;
    case ADAM: K->adam(a, b, c, d, j->n, 1.0f, 1e-9f, 0.9f, 0.999f, 1e-5f, 1.0f, 1.0f, 0.0f); break;
    case SUM_SQUARES: *c = K->sum_squares(a, j->n); break;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ---- peak: 12 independent chains ---- */

enum { CHAINS = 12, TURNS = 20000 };
static float sink;
#define PEAK_BODY(V, SET, FMA)                                                                     \
    V c[CHAINS], x = SET(0.999f);                                                                  \
    for (int i = 0; i < CHAINS; i++) c[i] = SET(sink + (float)i);                                  \
    for (int t = 0; t < TURNS; t++) {                                                              \
        for (int i = 0; i < CHAINS; i++) c[i] = FMA(c[i], x, x);                                   \
        __asm__ volatile("" : "+x"(c[0])); /* keeps the compiler from leaving turns out */         \
    }                                                                                              \
    V s = c[0];                                                                                    \
    for (int i = 1; i < CHAINS; i++) s = FMA(s, x, c[i]);                                          \
    memcpy(&sink, &s, sizeof sink);
#define SAME(x) (x)
#if defined(__x86_64__)
__attribute__((target("avx512f"))) static void chains_avx512(void) { PEAK_BODY(__m512, _mm512_set1_ps, _mm512_fmadd_ps) }
__attribute__((target("avx2,fma"))) static void chains_avx2(void) { PEAK_BODY(__m256, _mm256_set1_ps, _mm256_fmadd_ps) }
#endif
static void chains_plain(void) { PEAK_BODY(float, SAME, __builtin_fmaf) }

static double peak_now(void) /* flop per second, over about 50 us */
{
    int lanes = 1;
    double from = mb_thread_cpu();
#if defined(__x86_64__)
    if (strcmp(K->isa, "avx512") == 0) lanes = 16, chains_avx512();
    else if (strcmp(K->isa, "avx2") == 0) lanes = 8, chains_avx2();
    else
#endif
        chains_plain();
    return 2.0 * lanes * CHAINS * TURNS / (mb_thread_cpu() - from);
}

/* Median seconds of one call over windows of about 200 us, and the median flop that the peak would have made meanwhile:
   both are taken in turns, since the clock and the neighbours of a core change all the time. */
typedef struct timing { double seconds, peak_flop; } timing;
static timing timed(const job *j)
{
    int calls = 1;
    double t[WINDOWS], p[WINDOWS];
    for (;; calls *= 2) {
        double from = mb_thread_cpu();
        for (int i = 0; i < calls; i++) run(j);
        if (mb_thread_cpu() - from > 2e-4) break;
    }
    for (int w = 0; w < WINDOWS; w++) {
        double rate = peak_now(), from = mb_thread_cpu();
        for (int i = 0; i < calls; i++) run(j);
        t[w] = (mb_thread_cpu() - from) / calls;
        p[w] = t[w] * 0.5 * (rate + peak_now());
    }
    qsort(t, WINDOWS, sizeof *t, compare);
    qsort(p, WINDOWS, sizeof *p, compare);
    return (timing){ t[WINDOWS / 2], p[WINDOWS / 2] };
}

static void flops(const char *name, const job *j, double count)
{
    if (!strstr(name, only)) return;
    timing t = timed(j);
    printf("%-32s %9.2f GFLOP/s %.3f\n", name, count / t.seconds * 1e-9, count / t.peak_flop);
}
static void each(const char *name, const job *j, double elements)
{
    if (strstr(name, only)) printf("%-32s %9.4f ns/element -\n", name, timed(j).seconds / elements * 1e9);
}

/* ---- what is measured ---- */

static void products(void)
{
    static const int shapes[][3] = { /* rows, inputs, outputs */
        { 1, 4, 64 }, { 1, 64, 64 }, { 1, 64, 2 }, { 4, 4, 64 }, { 4, 64, 64 }, { 4, 64, 2 }, { 8, 64, 64 }, { 16, 64, 64 },
        { 32, 64, 64 }, { 64, 4, 64 }, { 64, 64, 64 }, { 64, 64, 1 }, { 64, 64, 2 }, { 64, 64, 6 }, { 128, 4, 64 }, { 128, 64, 64 }, { 128, 64, 1 },
        { 128, 64, 2 }, { 256, 3, 64 }, { 256, 64, 64 }, { 1024, 64, 64 }, { 64, 17, 256 }, { 64, 256, 256 }, { 256, 256, 256 },
        { 1024, 400, 64 }, { 256, 1024, 128 }, { 512, 512, 512 }, { 64, 100, 100 } };
    char name[64];
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int rows = shapes[i][0], in = shapes[i][1], out = shapes[i][2];
        const double count = 2.0 * rows * in * out;
        job j = { .kind = GEMM_NN, .m = rows, .n = out, .k = in };
        snprintf(name, sizeof name, "gemm_nn %dx%d->%d", rows, in, out);
        flops(name, &j, count);
        j.act = MB__ACT_TANH;
        snprintf(name, sizeof name, "gemm_nn %dx%d->%d tanh", rows, in, out);
        if (out == 64) flops(name, &j, count);
        j.kind = BLAS_NN;
        snprintf(name, sizeof name, "openblas nn %dx%d->%d", rows, in, out);
        if (sgemm) flops(name, &j, count);
        j = (job){ .kind = GEMM_TN, .m = in, .n = out, .k = rows };
        snprintf(name, sizeof name, "gemm_tn %dx%d->%d", rows, in, out);
        flops(name, &j, count);
        j.kind = BLAS_TN;
        snprintf(name, sizeof name, "openblas tn %dx%d->%d", rows, in, out);
        if (sgemm) flops(name, &j, count);
    }
}

static void convolution(const char *name, mb__conv s, bool bytes)
{
    char line[64];
    const double count = 2.0 * s.oh * s.ow * s.kh * s.kw * s.cin * s.cout;
    snprintf(line, sizeof line, "conv_fwd %s", name);
    flops(line, &(job){ .kind = CONV_FWD, .conv = s, .bytes = bytes, .act = MB__ACT_RELU }, count);
    snprintf(line, sizeof line, "conv_dw %s", name);
    flops(line, &(job){ .kind = CONV_DW, .conv = s, .bytes = bytes }, count);
    snprintf(line, sizeof line, "conv_dx %s", name);
    flops(line, &(job){ .kind = CONV_DX, .conv = s }, count);
}

static void elements(void)
{
    static const struct { const char *name; mb__map_fn fn; } maps[] = {
        { "map tanh", MB__MAP_TANH }, { "map exp", MB__MAP_EXP }, { "map log", MB__MAP_LOG }, { "map sin", MB__MAP_SIN },
        { "map sigmoid", MB__MAP_SIGMOID }, { "map gelu", MB__MAP_GELU }, { "map softplus", MB__MAP_SOFTPLUS },
        { "map add", MB__MAP_ADD }, { "map tanh_grad", MB__MAP_TANH_GRAD }, { "map min", MB__MAP_MIN }, { "map select", MB__MAP_SELECT } };
    for (size_t i = 0; i < sizeof maps / sizeof *maps; i++)
        each(maps[i].name, &(job){ .kind = MAP, .fn = maps[i].fn, .m = 64, .n = 64 }, 64 * 64);
    each("transpose 64x64", &(job){ .kind = TRANSPOSE, .m = 64, .n = 64 }, 64 * 64);
    each("col_sum 128x64", &(job){ .kind = COL_SUM, .m = 128, .n = 64 }, 128 * 64);
    each("col_sum 128x2", &(job){ .kind = COL_SUM, .m = 128, .n = 2 }, 128 * 2);
    each("log_softmax 128x2", &(job){ .kind = LOG_SOFTMAX, .m = 128, .n = 2 }, 128 * 2);
    each("log_softmax 128x18", &(job){ .kind = LOG_SOFTMAX, .m = 128, .n = 18 }, 128 * 18);
    each("adam 9155", &(job){ .kind = ADAM, .n = 9155 }, 9155);
    each("sum_squares 9155", &(job){ .kind = SUM_SQUARES, .n = 9155 }, 9155);
}

int main(int argc, char **argv)
{
    static const char *const isas[] = { "avx512", "avx2", "plain" };
    for (int i = 0; i < 3 && !K; i++) K = mb__kernels_find(argc > 1 ? argv[1] : isas[i]);
    if (argc > 2) only = argv[2];
    if (!K) {
        fprintf(stderr, "no kernels called '%s' here; there are avx512, avx2 and plain\n", argc > 1 ? argv[1] : "");
        return 2;
    }
    mb_rng rng = mb_rng_make(1, "bench", 0);
    for (int i = 0; i < 4; i++) {
        memory[i] = aligned_alloc(64, SIZE * sizeof(float));
        if (!memory[i]) return 1;
        for (int e = 0; e < SIZE; e++) memory[i][e] = mb_uniform(&rng, 0.0f, 0.1f);
    }
    void *blas = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (blas) *(void **)&sgemm = dlsym(blas, "cblas_sgemm");
    double best = 0;
    for (int i = 0; i < 200; i++) {
        double rate = peak_now();
        if (rate > best) best = rate;
    }
    printf("peak %-27s %9.2f GFLOP/s 1.000\n", K->isa, best * 1e-9);
    products();
    convolution("10x10x4 k3 16", (mb__conv){ 10, 10, 4, 3, 3, 16, 1, 0, 8, 8 }, false);
    convolution("10x10x10 k3 16", (mb__conv){ 10, 10, 10, 3, 3, 16, 1, 0, 8, 8 }, false);
    convolution("84x84x4 k8 32 s4 u8", (mb__conv){ 84, 84, 4, 8, 8, 32, 4, 0, 20, 20 }, true);
    convolution("20x20x32 k4 64 s2", (mb__conv){ 20, 20, 32, 4, 4, 64, 2, 0, 9, 9 }, false);
    convolution("9x9x64 k3 64", (mb__conv){ 9, 9, 64, 3, 3, 64, 1, 0, 7, 7 }, false);
    elements();
    return 0;
}
