/* tile.c - the register-blocked product under every matrix product and convolution.
   A block of MR rows by NV vectors of C stays in registers while k runs; each lane is one ascending chain of fma. */
#include "graph/kernels/isa.h"
#include "graph/kernels/simd.h"

/* Fewer rows take more vectors, so that there are always enough independent chains to hide the latency of an fma. */
#if defined(__AVX512F__)
#define MB__BLOCKS(X)                                                                              \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8)                                \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(2, 5) X(2, 6) X(2, 7) X(2, 8)                                \
    X(3, 1) X(3, 2) X(3, 3) X(3, 4) X(4, 1) X(4, 2) X(4, 3) X(4, 4)                                \
    X(5, 1) X(5, 2) X(5, 3) X(5, 4) X(6, 1) X(6, 2) X(6, 3) X(6, 4) X(12, 1) X(12, 2)
enum { WIDTH_1 = 8, WIDTH_2 = 8, WIDTH_3 = 4, WIDTH_4 = 4, WIDTH_5 = 4, WIDTH_6 = 4, WIDTH_12 = 2 };
#else
#define MB__BLOCKS(X)                                                                              \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8)                                \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(3, 3) X(3, 4)                                \
    X(4, 1) X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(12, 1)
enum { WIDTH_1 = 8, WIDTH_2 = 4, WIDTH_3 = 4, WIDTH_4 = 3, WIDTH_5 = 2, WIDTH_6 = 2, WIDTH_12 = 1 };
#endif
enum { ROWS = 6, ROWS_NARROW = 12 }; /* of the largest block, and of the largest one for few columns */

#define LOAD(p, j, NV) (TAIL && (j) == (NV) - 1 ? v_load_first((p) + (j) * MB__LANES, tail) : v_load((p) + (j) * MB__LANES))

/* `blocks` blocks of MR rows.  COLS and TAIL are constants of each instance; with TAIL the last vector has `tail` lanes.
   Rows of A are addressed from every third one, which suits base + index * scale addressing. */
#define MB__BLOCK_BODY(MR, NV)                                                                     \
    const ptrdiff_t lda = t->lda, ldb = t->ldb, ldc = t->ldc;                                      \
    const float *A = t->A;                                                                         \
    float *C = t->C;                                                                               \
    for (int block = 0; block < blocks; block++, A += COLS ? (MR) : (MR) * lda, C += (MR) * ldc) { \
        vfloat c[MR][NV];                                                                          \
        if (t->accumulate) {                                                                       \
            MB__UNROLL for (int i = 0; i < (MR); i++)                                              \
                MB__UNROLL for (int j = 0; j < (NV); j++) c[i][j] = LOAD(C + i * ldc, j, NV);      \
        } else {                                                                                   \
            MB__UNROLL for (int j = 0; j < (NV); j++) {                                            \
                vfloat start = t->bias ? LOAD(t->bias, j, NV) : v_zero();                          \
                MB__UNROLL for (int i = 0; i < (MR); i++) c[i][j] = start;                         \
            }                                                                                      \
        }                                                                                          \
        for (int u = 0; u < t->n1; u++)                                                            \
            for (int w = 0; w < t->n2; w++) {                                                      \
                const float *a = A + u * t->a1 + w * t->a2, *b = t->B + u * t->b1 + w * t->b2;     \
                const float *third[((MR) + 2) / 3];                                                \
                MB__UNROLL for (int i = 0; i < ((MR) + 2) / 3; i++) third[i] = a + 3 * i * lda;    \
                for (int k = 0; k < t->nk; k++) {                                                  \
                    vfloat x[NV];                                                                  \
                    MB__UNROLL for (int j = 0; j < (NV); j++) x[j] = LOAD(b, j, NV);               \
                    MB__UNROLL for (int i = 0; i < (MR); i++) {                                    \
                        vfloat y = v_set(COLS ? a[i] : third[i / 3][i % 3 * lda]);                 \
                        MB__UNROLL for (int j = 0; j < (NV); j++) c[i][j] = v_fma(y, x[j], c[i][j]); \
                    }                                                                              \
                    b += ldb;                                                                      \
                    a += lda;                                                                      \
                    MB__UNROLL for (int i = 0; i < ((MR) + 2) / 3; i++) third[i]++;                \
                }                                                                                  \
            }                                                                                      \
        if (t->relu)                                                                               \
            MB__UNROLL for (int i = 0; i < (MR); i++)                                              \
                MB__UNROLL for (int j = 0; j < (NV); j++) c[i][j] = v_relu(c[i][j]);               \
        MB__UNROLL for (int i = 0; i < (MR); i++)                                                  \
            MB__UNROLL for (int j = 0; j < (NV); j++) {                                            \
                float *to = C + i * ldc + j * MB__LANES;                                           \
                if (TAIL && j == (NV) - 1) v_store_first(to, c[i][j], tail);                       \
                else v_store(to, c[i][j]);                                                         \
            }                                                                                      \
    }
#define MB__BLOCK(MR, NV)                                                                          \
    static void MB__NAME(MR, NV)(const mb__tile *t, int blocks, int tail) { MB__BLOCK_BODY(MR, NV) }
#define MB__ENTRY(MR, NV) [MR][NV] = MB__NAME(MR, NV),
typedef void block_fn(const mb__tile *t, int blocks, int tail);

#define COLS 0
#define TAIL 0
#define MB__NAME(MR, NV) rows_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
static block_fn *const rows_full[ROWS_NARROW + 1][9] = { MB__BLOCKS(MB__ENTRY) };
#undef MB__NAME
#undef TAIL
#define TAIL 1
#define MB__NAME(MR, NV) rows_tail_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
static block_fn *const rows_tail[ROWS_NARROW + 1][9] = { MB__BLOCKS(MB__ENTRY) };
#undef MB__NAME
#undef TAIL
#undef COLS
#define COLS 1
#define TAIL 0
#define MB__NAME(MR, NV) cols_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
static block_fn *const cols_full[ROWS_NARROW + 1][9] = { MB__BLOCKS(MB__ENTRY) };
#undef MB__NAME
#undef TAIL
#define TAIL 1
#define MB__NAME(MR, NV) cols_tail_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
static block_fn *const cols_tail[ROWS_NARROW + 1][9] = { MB__BLOCKS(MB__ENTRY) };

typedef block_fn *const block_table[9];

/* all columns of `blocks` blocks of mr rows */
static void columns(const mb__tile *tile, block_table *full, block_table *part, int mr, int blocks, int n)
{
    static const int widths[ROWS_NARROW + 1] = { [1] = WIDTH_1, [2] = WIDTH_2, [3] = WIDTH_3, [4] = WIDTH_4,
                                                 [5] = WIDTH_5, [6] = WIDTH_6, [ROWS_NARROW] = WIDTH_12 };
    const int width = widths[mr];
    mb__tile t = *tile;
    while (n > 0) {
        int vectors = (n + MB__LANES - 1) / MB__LANES;
        if (vectors > width) vectors = width;
        int cols = vectors * MB__LANES;
        if (cols <= n) full[mr][vectors](&t, blocks, 0);
        else part[mr][vectors](&t, blocks, n - (vectors - 1) * MB__LANES);
        t.B += cols;
        t.C += cols;
        if (t.bias) t.bias += cols;
        n -= cols;
    }
}

/* m rows as evenly filled blocks of at most ROWS; a_row: from one row of A to the next */
static void split_rows(const mb__tile *tile, block_table *full, block_table *part, ptrdiff_t a_row, int m, int n)
{
    mb__tile t = *tile;
    if (n <= WIDTH_12 * MB__LANES && m >= ROWS_NARROW) {
        int blocks = m / ROWS_NARROW, rows = blocks * ROWS_NARROW;
        columns(&t, full, part, ROWS_NARROW, blocks, n);
        t.A += rows * a_row;
        t.C += rows * t.ldc;
        m -= rows;
    }
    if (m <= 0) return;
    int blocks = (m + ROWS - 1) / ROWS, mr = m / blocks, more = m % blocks; /* `more` blocks have a row more */
    if (more > 0) {
        columns(&t, full, part, mr + 1, more, n);
        t.A += more * (mr + 1) * a_row;
        t.C += more * (mr + 1) * t.ldc;
    }
    columns(&t, full, part, mr, blocks - more, n);
}

void mb__tile_rows(const mb__tile *tile, int m, int n) { split_rows(tile, rows_full, rows_tail, tile->lda, m, n); }
void mb__tile_cols(const mb__tile *tile, int m, int n) { split_rows(tile, cols_full, cols_tail, 1, m, n); }
