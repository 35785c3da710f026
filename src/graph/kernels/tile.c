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
#elif defined(__AVX2__) || defined(__aarch64__)
#define MB__BLOCKS(X)                                                                              \
    X(1, 1) X(1, 2) X(1, 3) X(1, 4) X(1, 5) X(1, 6) X(1, 7) X(1, 8)                                \
    X(2, 1) X(2, 2) X(2, 3) X(2, 4) X(3, 1) X(3, 2) X(3, 3) X(3, 4)                                \
    X(4, 1) X(4, 2) X(4, 3) X(5, 1) X(5, 2) X(6, 1) X(6, 2) X(12, 1)
enum { WIDTH_1 = 8, WIDTH_2 = 4, WIDTH_3 = 4, WIDTH_4 = 3, WIDTH_5 = 2, WIDTH_6 = 2, WIDTH_12 = 1 };
#else /* an fma is a call here: small code is all that is wanted */
#define MB__BLOCKS(X) X(1, 1) X(2, 1) X(3, 1) X(4, 1) X(5, 1) X(6, 1) X(12, 1)
enum { WIDTH_1 = 1, WIDTH_2 = 1, WIDTH_3 = 1, WIDTH_4 = 1, WIDTH_5 = 1, WIDTH_6 = 1, WIDTH_12 = 1 };
#endif
enum { ROWS = 6, ROWS_NARROW = 12 }; /* of the largest block, and of the largest one for few columns */

#define LOAD(p, j, NV) (TAIL && (j) == (NV) - 1 ? v_load_first((p) + (j) * MB__LANES, tail) : v_load((p) + (j) * MB__LANES))

/* c += A B over one run of k.  Rows of A are addressed from every third one, which suits base + index * scale addressing. */
#define MB__RUN(MR, NV, a_begin, b_begin)                                                          \
    do {                                                                                           \
        const float *a = (a_begin), *b = (b_begin), *third[((MR) + 2) / 3];                        \
        MB__UNROLL for (int i = 0; i < ((MR) + 2) / 3; i++) third[i] = a + 3 * i * lda;            \
        for (int k = 0; k < t->nk; k++) {                                                          \
            vfloat x[NV];                                                                          \
            MB__UNROLL for (int j = 0; j < (NV); j++) x[j] = LOAD(b, j, NV);                       \
            MB__UNROLL for (int i = 0; i < (MR); i++) {                                            \
                vfloat y = v_set(COLS ? a[i] : third[i / 3][i % 3 * lda]);                         \
                MB__UNROLL for (int j = 0; j < (NV); j++) c[i][j] = v_fma(y, x[j], c[i][j]);       \
            }                                                                                      \
            b += ldb;                                                                              \
            a += lda;                                                                              \
            MB__UNROLL for (int i = 0; i < ((MR) + 2) / 3; i++) third[i]++;                        \
        }                                                                                          \
    } while (0)

/* `blocks` blocks of MR rows.  COLS, TAIL and STEPS are constants of each instance: COLS, rows of A as columns; TAIL, the
   last vector has `tail` lanes; STEPS, n1 and n2 may be other than 1. */
#define MB__BLOCK(MR, NV)                                                                          \
    static void MB__NAME(MR, NV)(const mb__tile *t, const float *A, const float *B, float *C, const float *bias, int blocks, int tail) \
    {                                                                                              \
        const ptrdiff_t lda = t->lda, ldb = t->ldb, ldc = t->ldc;                                  \
        for (; blocks > 0; blocks--, A += COLS ? (MR) : (MR) * lda, C += (MR) * ldc) {             \
            vfloat c[MR][NV];                                                                      \
            if (t->accumulate) {                                                                   \
                MB__UNROLL for (int i = 0; i < (MR); i++)                                          \
                    MB__UNROLL for (int j = 0; j < (NV); j++) c[i][j] = LOAD(C + i * ldc, j, NV);  \
            } else {                                                                               \
                MB__UNROLL for (int j = 0; j < (NV); j++) {                                        \
                    vfloat start = bias ? LOAD(bias, j, NV) : v_zero();                            \
                    MB__UNROLL for (int i = 0; i < (MR); i++) c[i][j] = start;                     \
                }                                                                                  \
            }                                                                                      \
            if (!STEPS) MB__RUN(MR, NV, A, B);                                                     \
            for (int u = 0; STEPS && u < t->n1; u++)                                               \
                for (int w = 0; w < t->n2; w++)                                                    \
                    MB__RUN(MR, NV, A + u * t->a1 + w * t->a2, B + u * t->b1 + w * t->b2);         \
            if (t->relu)                                                                           \
                MB__UNROLL for (int i = 0; i < (MR); i++)                                          \
                    MB__UNROLL for (int j = 0; j < (NV); j++) c[i][j] = v_relu(c[i][j]);           \
            MB__UNROLL for (int i = 0; i < (MR); i++)                                              \
                MB__UNROLL for (int j = 0; j < (NV); j++) {                                        \
                    float *to = C + i * ldc + j * MB__LANES;                                       \
                    if (TAIL && j == (NV) - 1) v_store_first(to, c[i][j], tail);                   \
                    else v_store(to, c[i][j]);                                                     \
                }                                                                                  \
        }                                                                                          \
        (void)tail;                                                                                \
    }

typedef void block_fn(const mb__tile *t, const float *A, const float *B, float *C, const float *bias, int blocks, int tail);
enum { MOST_VECTORS = 8 };
typedef block_fn *block_table[ROWS_NARROW + 1][MOST_VECTORS + 1];
typedef struct family { block_table full, tail; } family;

#define COLS 0
#define STEPS 0
#define TAIL 0
#define MB__NAME(MR, NV) rows_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#define TAIL 1
#define MB__NAME(MR, NV) rows_tail_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#undef STEPS
#define STEPS 1
#define TAIL 0
#define MB__NAME(MR, NV) rows_steps_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#define TAIL 1
#define MB__NAME(MR, NV) rows_steps_tail_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#undef STEPS
#undef COLS
#define COLS 1
#define STEPS 0
#define TAIL 0
#define MB__NAME(MR, NV) cols_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#define TAIL 1
#define MB__NAME(MR, NV) cols_tail_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#undef STEPS
#define STEPS 1
#define TAIL 0
#define MB__NAME(MR, NV) cols_steps_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME
#undef TAIL
#define TAIL 1
#define MB__NAME(MR, NV) cols_steps_tail_##MR##_##NV
MB__BLOCKS(MB__BLOCK)
#undef MB__NAME

#define ROWS_FULL(MR, NV) [MR][NV] = rows_##MR##_##NV,
#define ROWS_TAIL(MR, NV) [MR][NV] = rows_tail_##MR##_##NV,
#define ROWS_STEPS_FULL(MR, NV) [MR][NV] = rows_steps_##MR##_##NV,
#define ROWS_STEPS_TAIL(MR, NV) [MR][NV] = rows_steps_tail_##MR##_##NV,
#define COLS_FULL(MR, NV) [MR][NV] = cols_##MR##_##NV,
#define COLS_TAIL(MR, NV) [MR][NV] = cols_tail_##MR##_##NV,
#define COLS_STEPS_FULL(MR, NV) [MR][NV] = cols_steps_##MR##_##NV,
#define COLS_STEPS_TAIL(MR, NV) [MR][NV] = cols_steps_tail_##MR##_##NV,
static const family rows[2] = { { { MB__BLOCKS(ROWS_FULL) }, { MB__BLOCKS(ROWS_TAIL) } },
                                { { MB__BLOCKS(ROWS_STEPS_FULL) }, { MB__BLOCKS(ROWS_STEPS_TAIL) } } };
static const family cols[2] = { { { MB__BLOCKS(COLS_FULL) }, { MB__BLOCKS(COLS_TAIL) } },
                                { { MB__BLOCKS(COLS_STEPS_FULL) }, { MB__BLOCKS(COLS_STEPS_TAIL) } } };

/* all columns of `blocks` blocks of mr rows */
static void columns(const mb__tile *t, const family *f, const float *A, float *C, int mr, int blocks, int n)
{
    static const unsigned char widths[ROWS_NARROW + 1] = { [1] = WIDTH_1, [2] = WIDTH_2, [3] = WIDTH_3, [4] = WIDTH_4,
                                                           [5] = WIDTH_5, [6] = WIDTH_6, [ROWS_NARROW] = WIDTH_12 };
    const int width = widths[mr], step = width * MB__LANES;
    const float *B = t->B, *bias = t->bias;
    for (; n >= step; n -= step, B += step, C += step) {
        f->full[mr][width](t, A, B, C, bias, blocks, 0);
        if (bias) bias += step;
    }
    if (n == 0) return;
    const int vectors = (n + MB__LANES - 1) / MB__LANES, last = n - (vectors - 1) * MB__LANES;
    (last == MB__LANES ? f->full : f->tail)[mr][vectors](t, A, B, C, bias, blocks, last);
}

/* m rows as evenly filled blocks of at most ROWS; a_row: from one row of A to the next */
static void split_rows(const mb__tile *t, const family *families, ptrdiff_t a_row, int m, int n)
{
    const family *f = &families[t->n1 != 1 || t->n2 != 1];
    const float *A = t->A;
    float *C = t->C;
    if (n <= WIDTH_12 * MB__LANES && m >= ROWS_NARROW) {
        int blocks = m / ROWS_NARROW, done = blocks * ROWS_NARROW;
        columns(t, f, A, C, ROWS_NARROW, blocks, n);
        A += done * a_row;
        C += done * t->ldc;
        m -= done;
    }
    if (m <= ROWS) {
        if (m > 0) columns(t, f, A, C, m, 1, n);
        return;
    }
    int blocks = (m + ROWS - 1) / ROWS, mr = m / blocks, more = m % blocks; /* `more` blocks have a row more */
    if (more > 0) columns(t, f, A, C, mr + 1, more, n);
    columns(t, f, A + more * (mr + 1) * a_row, C + more * (mr + 1) * t->ldc, mr, blocks - more, n);
}

void mb__tile_rows(const mb__tile *tile, int m, int n) { split_rows(tile, rows, tile->lda, m, n); }
void mb__tile_cols(const mb__tile *tile, int m, int n) { split_rows(tile, cols, 1, m, n); }
