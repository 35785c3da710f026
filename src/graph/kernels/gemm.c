/* gemm.c - matrix products: blocking for the caches around tile.c, and the bfloat16 product. */
#include "graph/kernels/isa.h"
#include "graph/kernels/simd.h"

enum {
    K_BLOCK = 384,        /* longest run over k: a panel of B stays in the first-level cache */
    A_BLOCK = 8192,       /* floats of A that are kept while all columns pass */
    PACK = 8192,          /* floats of a copied panel, on the stack */
    PACK_COLS = MB__LANES == 16 ? 64 : 16, /* what a block of six rows is wide */
    PACK_ROWS = 6,
    NARROW = 8,           /* with so few columns the roles of A and B are exchanged: C^T is computed, in strips */
    STRIP = 64,           /* rows of C in a strip, and the longest run over k in one */
};

static int min_int(int a, int b) { return a < b ? a : b; }
/* the size of even pieces of n, each at most `most` */
static int even_piece(int n, int most)
{
    int pieces = (n + most - 1) / most;
    return (n + pieces - 1) / pieces;
}

/* B far apart in memory falls on few lines of the cache: copy a panel of it and let all rows pass */
static void packed_columns(const mb__tile *tile, int rows, int n)
{
    float panel[PACK];
    mb__tile t = *tile;
    t.B = panel;
    for (int j = 0; j < n; j += PACK_COLS) {
        const int width = min_int(PACK_COLS, n - j);
        if (width == PACK_COLS)
            for (int k = 0; k < t.nk; k++) memcpy(panel + k * PACK_COLS, tile->B + k * tile->ldb + j, PACK_COLS * sizeof *panel);
        else
            for (int k = 0; k < t.nk; k++) memcpy(panel + k * width, tile->B + k * tile->ldb + j, (size_t)width * sizeof *panel);
        t.ldb = width;
        t.C = tile->C + j;
        t.bias = tile->bias ? tile->bias + j : NULL;
        mb__tile_rows(&t, rows, width);
    }
}

/* C^T = B^T A^T in strips, with A turned on the way in: vectors run over rows of C instead of over its few columns */
static void gemm_nn_narrow(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C,
                           ptrdiff_t ldc, const float *bias, mb__act_fn act, bool accumulate)
{
    float turned_a[STRIP * STRIP], turned[NARROW * STRIP];
    for (int r = 0; r < m; r += STRIP) {
        const int rows = min_int(STRIP, m - r);
        if (accumulate) mb__transpose(rows, n, C + r * ldc, ldc, turned, STRIP);
        else
            for (int j = 0; j < n; j++)
                for (int i = 0; i < rows; i++) turned[j * STRIP + i] = bias ? bias[j] : 0.0f;
        mb__tile t = { .B = turned_a, .C = turned, .lda = ldb, .ldb = STRIP, .ldc = STRIP, .n1 = 1, .n2 = 1, .accumulate = true };
        for (int done = 0; done < k; done += t.nk) {
            t.nk = min_int(STRIP, k - done);
            t.A = B + done * ldb;
            t.relu = act == MB__ACT_RELU && done + t.nk == k;
            mb__transpose(rows, t.nk, A + r * lda + done, lda, turned_a, STRIP);
            mb__tile_cols(&t, n, rows);
        }
        mb__transpose(n, rows, turned, STRIP, C + r * ldc, ldc);
    }
    if (act > MB__ACT_RELU) mb__activate(act, C, ldc, m, n);
}

void mb__gemm_nn(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                 const float *bias, mb__act_fn act, bool accumulate)
{
    if (m <= 0 || n <= 0) return;
    if (n <= MB__LANES / 2 && m >= 16 && k >= 16) {
        gemm_nn_narrow(m, n, k, A, lda, B, ldb, C, ldc, bias, act, accumulate);
        return;
    }
    const bool pack = m >= 96 && ldb >= 256 && n >= PACK_COLS && k >= 32;
    const int k_most = pack ? min_int(K_BLOCK, PACK / PACK_COLS) : K_BLOCK, a_block = pack ? 4 * A_BLOCK : A_BLOCK;
    const int k_step = k > k_most ? even_piece(k, k_most) : k;
    int m_step = m;
    if ((int64_t)m * k_step > a_block) {
        int most = a_block / k_step;
        m_step = even_piece(m, most < 24 ? 24 : most - most % 6);
    }
    for (int r = 0; r < m; r += m_step) {
        int rows = min_int(m_step, m - r), done = 0;
        mb__tile t = { .A = A + r * lda, .B = B, .bias = bias, .C = C + r * ldc, .lda = lda, .ldb = ldb, .ldc = ldc,
                       .n1 = 1, .n2 = 1, .accumulate = accumulate };
        do { /* also once for k = 0 */
            t.nk = min_int(k_step, k - done);
            done += t.nk;
            t.relu = act == MB__ACT_RELU && done == k;
            if (pack) packed_columns(&t, rows, n);
            else mb__tile_rows(&t, rows, n);
            t.A += t.nk;
            t.B += t.nk * ldb;
            t.accumulate = true;
        } while (done < k);
        if (act > MB__ACT_RELU) mb__activate(act, t.C, ldc, rows, n);
    }
}

/* C^T = B^T A in strips of STRIP rows of C, turned on the way in and out */
static void gemm_tn_narrow(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C,
                           ptrdiff_t ldc, bool accumulate)
{
    float turned[NARROW * STRIP];
    for (int r = 0; r < m; r += STRIP) {
        int rows = min_int(STRIP, m - r);
        if (accumulate) mb__transpose(rows, n, C + r * ldc, ldc, turned, STRIP);
        mb__tile t = { .A = B, .B = A + r, .C = turned, .lda = ldb, .ldb = lda, .ldc = STRIP,
                       .nk = k, .n1 = 1, .n2 = 1, .accumulate = accumulate };
        mb__tile_cols(&t, n, rows);
        mb__transpose(n, rows, turned, STRIP, C + r * ldc, ldc);
    }
}

/* Six columns of A at a time use a fraction of every cache line: copy some blocks of them and let all columns of B pass. */
static void packed_rows(const mb__tile *tile, int m, int n)
{
    float panel[PACK];
    mb__tile t = *tile;
    const int most = PACK / (PACK_ROWS * t.nk); /* blocks that fit */
    t.lda = PACK_ROWS;
    for (int r = 0; r < m; r += most * PACK_ROWS) {
        const int rows = min_int(most * PACK_ROWS, m - r);
        for (int i = 0; i < rows; i += PACK_ROWS) {
            const int width = min_int(PACK_ROWS, rows - i);
            const float *from = tile->A + r + i;
            float *to = panel + i * t.nk;
            if (width == PACK_ROWS)
                for (int k = 0; k < t.nk; k++) memcpy(to + k * PACK_ROWS, from + k * tile->lda, PACK_ROWS * sizeof *to);
            else
                for (int k = 0; k < t.nk; k++) memcpy(to + k * PACK_ROWS, from + k * tile->lda, (size_t)width * sizeof *to);
        }
        for (int j = 0; j < n; j += PACK_COLS)
            for (int i = 0; i < rows; i += PACK_ROWS) {
                t.A = panel + i * t.nk;
                t.B = tile->B + j;
                t.C = tile->C + (r + i) * t.ldc + j;
                mb__tile_cols(&t, min_int(PACK_ROWS, rows - i), min_int(PACK_COLS, n - j));
            }
    }
}

void mb__gemm_tn(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                 bool accumulate)
{
    if (m <= 0 || n <= 0) return;
    if (n <= NARROW && m > n) {
        gemm_tn_narrow(m, n, k, A, lda, B, ldb, C, ldc, accumulate);
        return;
    }
    const bool pack = m >= 12 && n >= 48 && k >= 32 && lda >= 256;
    const int k_most = pack ? 128 : K_BLOCK, k_step = k > k_most ? even_piece(k, k_most) : k;
    mb__tile t = { .A = A, .B = B, .C = C, .lda = lda, .ldb = ldb, .ldc = ldc, .n1 = 1, .n2 = 1, .accumulate = accumulate };
    int done = 0;
    do {
        t.nk = min_int(k_step, k - done);
        done += t.nk;
        if (pack) packed_rows(&t, m, n);
        else mb__tile_cols(&t, m, n);
        t.A += t.nk * lda;
        t.B += t.nk * ldb;
        t.accumulate = true;
    } while (done < k);
}

#if defined(__AVX2__)
static void transpose_8x8(const float *S, ptrdiff_t lds, float *D, ptrdiff_t ldd)
{
    __m256 r[8], t[8];
    MB__UNROLL for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(S + i * lds);
    MB__UNROLL for (int i = 0; i < 8; i += 2) {
        t[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
        t[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
    }
    MB__UNROLL for (int i = 0; i < 8; i += 4) {
        r[i] = _mm256_shuffle_ps(t[i], t[i + 2], 0x44);
        r[i + 1] = _mm256_shuffle_ps(t[i], t[i + 2], 0xee);
        r[i + 2] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0x44);
        r[i + 3] = _mm256_shuffle_ps(t[i + 1], t[i + 3], 0xee);
    }
    MB__UNROLL for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(D + i * ldd, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(D + (i + 4) * ldd, _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}
#else
static void transpose_8x8(const float *S, ptrdiff_t lds, float *D, ptrdiff_t ldd)
{
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < 8; j++) D[i * ldd + j] = S[j * lds + i];
}
#endif

void mb__transpose(int rows, int cols, const float *S, ptrdiff_t lds, float *D, ptrdiff_t ldd)
{
    int r = 0;
    for (; r + 8 <= rows; r += 8) {
        int j = 0;
        for (; j + 8 <= cols; j += 8) transpose_8x8(S + r * lds + j, lds, D + j * ldd + r, ldd);
        for (; j < cols; j++)
            for (int i = r; i < r + 8; i++) D[j * ldd + i] = S[i * lds + j];
    }
    for (; r < rows; r++)
        for (int j = 0; j < cols; j++) D[j * ldd + r] = S[r * lds + j];
}

/* ---- bfloat16 ---- */

/* nearest even bfloat16 as the high half of a float; denormals become zero, NaN quiet */
static inline uint32_t to_bf16(float x)
{
    uint32_t u = (uint32_t)mb__bitsf(x), sign = u & 0x80000000u, magnitude = u & 0x7fffffffu;
    uint32_t near = (u + 0x7fffu + ((u >> 16) & 1u)) & 0xffff0000u;
    near = magnitude > 0x7f800000u ? 0x7fc00000u : near;
    return magnitude < 0x00800000u ? sign : near;
}
static inline float flush(float x) { return __builtin_fabsf(x) < 0x1p-126f ? __builtin_copysignf(0.0f, x) : x; }
static inline float from_bf16(uint32_t u) { return mb__floatf((int32_t)u); }

enum { BF16_COLS = 64, BF16_K = 512 };

/* acc[n] = acc + one row of A times the packed pairs; hi and lo: the row's odd and even values */
static void bf16_row(int n, int pairs, const float *hi, const float *lo, const uint32_t *pack, ptrdiff_t ldp, float *acc)
{
    for (int p = 0; p < pairs; p++, pack += ldp) {
        const float h = hi[p], l = lo[p];
        MB__INDEPENDENT for (int j = 0; j < n; j++)
        {
            float odd = from_bf16(pack[j] & 0xffff0000u), even = from_bf16(pack[j] << 16);
            acc[j] = flush(mb_fmaf(l, even, flush(mb_fmaf(h, odd, acc[j]))));
        }
    }
}

static void bf16_pack(int n, int k, const float *B, ptrdiff_t ldb, uint32_t *pack)
{
    for (int p = 0; p < k; p += 2, pack += n) {
        const float *even = B + p * ldb, *odd = even + ldb;
        if (p + 1 < k)
            for (int j = 0; j < n; j++) pack[j] = to_bf16(odd[j]) | to_bf16(even[j]) >> 16;
        else
            for (int j = 0; j < n; j++) pack[j] = to_bf16(even[j]) >> 16;
    }
}

/* one row of A, k values from an even place on, as its odd and even bfloat16 values */
static int bf16_split(int k, const float *A, float *hi, float *lo)
{
    for (int p = 0; p < k / 2; p++) {
        lo[p] = from_bf16(to_bf16(A[2 * p]));
        hi[p] = from_bf16(to_bf16(A[2 * p + 1]));
    }
    if (k % 2) {
        lo[k / 2] = from_bf16(to_bf16(A[k - 1]));
        hi[k / 2] = 0.0f;
    }
    return (k + 1) / 2;
}

void mb__gemm_nn_bf16(int m, int n, int k, const float *A, ptrdiff_t lda, const float *B, ptrdiff_t ldb, float *C, ptrdiff_t ldc,
                      const float *bias, mb__act_fn act, bool accumulate, uint32_t *pack)
{
    if (m <= 0 || n <= 0) return;
    bf16_pack(n, k, B, ldb, pack);
    for (int r = 0; r < m; r++) {
        float *row = C + r * ldc;
        for (int j = 0; j < n; j++) row[j] = flush(accumulate ? row[j] : bias ? bias[j] : 0.0f);
        for (int done = 0; done < k; done += BF16_K) {
            float hi[BF16_K / 2], lo[BF16_K / 2], acc[BF16_COLS];
            int pairs = bf16_split(min_int(BF16_K, k - done), A + r * lda + done, hi, lo);
            for (int j = 0; j < n; j += BF16_COLS) {
                size_t cols = (size_t)min_int(BF16_COLS, n - j);
                memcpy(acc, row + j, cols * sizeof *acc);
                bf16_row((int)cols, pairs, hi, lo, pack + (ptrdiff_t)(done / 2) * n + j, n, acc);
                memcpy(row + j, acc, cols * sizeof *acc);
            }
        }
        if (act == MB__ACT_RELU)
            for (int j = 0; j < n; j++) row[j] = row[j] < 0.0f ? 0.0f : row[j];
    }
    if (act > MB__ACT_RELU) mb__activate(act, C, ldc, m, n);
}
