/* reduce.c - sums and maxima, softmax, and the search for bad values.
   A row is reduced by 16 chains (index mod 16) and a fixed tree, whatever the width of a vector: chain j meets j + 8,
   then j + 4, j + 2, j + 1.  Many short rows are turned on their side, so that chains and tree run over vectors of rows. */
#include "graph/kernels/isa.h"
#include "graph/kernels/simd.h"
#include <float.h>

enum {
    CHAINS = 16,
    PARTS = CHAINS / MB__LANES,
    SIDE = 64,               /* rows turned at a time */
    SIDE_COLS = 2 * CHAINS,  /* the widest softmax that is turned */
    PIECE = 256
};

typedef struct chains { vfloat part[PARTS]; } chains;

static inline chains chains_set(float x)
{
    chains c;
    MB__UNROLL for (int i = 0; i < PARTS; i++) c.part[i] = v_set(x);
    return c;
}
static inline float max_of(float m, float x) { return x > m || x != x ? x : m; }
static inline float tree_sum(const chains *from)
{
    float c[CHAINS];
    memcpy(c, from, sizeof c);
    for (int half = CHAINS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) c[j] = c[j] + c[j + half];
    return c[0];
}
static inline float tree_max(const chains *from)
{
    float c[CHAINS];
    memcpy(c, from, sizeof c);
    for (int half = CHAINS / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++) c[j] = max_of(c[j], c[j + half]);
    return c[0];
}

/* 16 floats; the last n < 16 of a row are filled up with `fill` */
static inline chains chains_load(const float *p)
{
    chains c;
    MB__UNROLL for (int i = 0; i < PARTS; i++) c.part[i] = v_load(p + i * MB__LANES);
    return c;
}
static inline chains chains_load_first(const float *p, int n, float fill)
{
    float x[CHAINS];
    for (int j = 0; j < CHAINS; j++) x[j] = j < n ? p[j] : fill;
    return chains_load(x);
}
static inline void chains_add(chains *to, chains x)
{
    MB__UNROLL for (int i = 0; i < PARTS; i++) to->part[i] = to->part[i] + x.part[i];
}
static inline void chains_max(chains *to, chains x)
{
    MB__UNROLL for (int i = 0; i < PARTS; i++) to->part[i] = v_max(to->part[i], x.part[i]);
}
static inline void chains_fma(chains *to, chains x)
{
    MB__UNROLL for (int i = 0; i < PARTS; i++) to->part[i] = v_fma(x.part[i], x.part[i], to->part[i]);
}

static float sum_row(const float *x, int n)
{
    chains c = chains_set(0.0f);
    int j = 0;
    for (; j + CHAINS <= n; j += CHAINS) chains_add(&c, chains_load(x + j));
    if (j < n) chains_add(&c, chains_load_first(x + j, n - j, 0.0f));
    return tree_sum(&c);
}
static float max_row(const float *x, int n)
{
    chains c = chains_set(-__builtin_inff());
    int j = 0;
    for (; j + CHAINS <= n; j += CHAINS) chains_max(&c, chains_load(x + j));
    if (j < n) chains_max(&c, chains_load_first(x + j, n - j, -__builtin_inff()));
    return tree_max(&c);
}

/* ---- short rows, turned: side[j*SIDE + r] ---- */

static void turn_in(int rows, int cols, const float *X, ptrdiff_t ldx, float *side)
{
    for (int j = 0; j < cols; j++)
        for (int r = 0; r < rows; r++) side[j * SIDE + r] = X[r * ldx + j];
    for (int j = 0; j < cols; j++) /* whole vectors below */
        for (int r = rows; r < SIDE && r % CHAINS != 0; r++) side[j * SIDE + r] = 0.0f;
}
static void side_sum(int rows, int cols, float *side)
{
    for (int r = 0; r < rows; r++) side[r] = 0.0f + side[r]; /* as a chain begun at 0: never -0 */
    for (int j = CHAINS; j < cols; j++)
        MB__INDEPENDENT for (int r = 0; r < rows; r++) side[j % CHAINS * SIDE + r] += side[j * SIDE + r];
    for (int half = CHAINS / 2; half > 0; half /= 2)
        for (int j = 0; j < half && j + half < cols; j++)
            MB__INDEPENDENT for (int r = 0; r < rows; r++) side[j * SIDE + r] += side[(j + half) * SIDE + r];
}
static void side_max(int rows, int cols, float *side)
{
    for (int j = CHAINS; j < cols; j++)
        MB__INDEPENDENT for (int r = 0; r < rows; r++)
            side[j % CHAINS * SIDE + r] = max_of(side[j % CHAINS * SIDE + r], side[j * SIDE + r]);
    for (int half = CHAINS / 2; half > 0; half /= 2)
        for (int j = 0; j < half && j + half < cols; j++)
            MB__INDEPENDENT for (int r = 0; r < rows; r++)
                side[j * SIDE + r] = max_of(side[j * SIDE + r], side[(j + half) * SIDE + r]);
}
static inline int whole_vectors(int rows) { return (rows + CHAINS - 1) / CHAINS * CHAINS; }
static inline int min_int(int a, int b) { return a < b ? a : b; }

void mb__row_sum(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, ptrdiff_t ldy)
{
    float side[CHAINS * SIDE];
    if (cols > CHAINS || cols <= 0) {
        for (int r = 0; r < rows; r++) y[r * ldy] = sum_row(X + r * ldx, cols);
        return;
    }
    for (int r = 0; r < rows; r += SIDE) {
        int n = min_int(SIDE, rows - r);
        turn_in(n, cols, X + r * ldx, ldx, side);
        side_sum(whole_vectors(n), cols, side);
        for (int i = 0; i < n; i++) y[(r + i) * ldy] = side[i];
    }
}

void mb__row_max(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, ptrdiff_t ldy)
{
    float side[CHAINS * SIDE];
    if (cols > CHAINS || cols <= 0) {
        for (int r = 0; r < rows; r++) y[r * ldy] = max_row(X + r * ldx, cols);
        return;
    }
    for (int r = 0; r < rows; r += SIDE) {
        int n = min_int(SIDE, rows - r);
        turn_in(n, cols, X + r * ldx, ldx, side);
        side_max(whole_vectors(n), cols, side);
        for (int i = 0; i < n; i++) y[(r + i) * ldy] = side[i];
    }
}

void mb__col_sum(int rows, int cols, const float *X, ptrdiff_t ldx, float *y, bool accumulate)
{
    enum { GROUP = 4, WIDE = GROUP * MB__LANES };
    int j = 0;
    for (; j + WIDE <= cols; j += WIDE) {
        vfloat s[GROUP];
        MB__UNROLL for (int i = 0; i < GROUP; i++) s[i] = accumulate ? v_load(y + j + i * MB__LANES) : v_zero();
        const float *x = X + j;
        for (int r = 0; r < rows; r++, x += ldx)
            MB__UNROLL for (int i = 0; i < GROUP; i++) s[i] = s[i] + v_load(x + i * MB__LANES);
        MB__UNROLL for (int i = 0; i < GROUP; i++) v_store(y + j + i * MB__LANES, s[i]);
    }
    for (; j < cols; j += MB__LANES) {
        const int n = min_int(MB__LANES, cols - j);
        vfloat s = accumulate ? v_load_first(y + j, n) : v_zero();
        const float *x = X + j;
        for (int r = 0; r < rows; r++, x += ldx) s = s + v_load_first(x, n);
        v_store_first(y + j, s, n);
    }
}

/* ---- softmax ---- */

/* exp(x - max), summed as row_sum would */
static float sum_exp(const float *x, int n, float max)
{
    float e[PIECE];
    chains c = chains_set(0.0f);
    for (int j = 0; j < n; j += PIECE) {
        int w = min_int(PIECE, n - j), whole = whole_vectors(w);
        MB__INDEPENDENT for (int i = 0; i < w; i++) e[i] = mb_expf(x[j + i] - max);
        for (int i = w; i < whole; i++) e[i] = 0.0f;
        for (int i = 0; i < whole; i += CHAINS) chains_add(&c, chains_load(e + i));
    }
    return tree_sum(&c);
}

/* log_softmax or softmax of at most SIDE rows of at most SIDE_COLS */
static void softmax_side(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy, bool take_log)
{
    float x[SIDE_COLS * SIDE], e[SIDE_COLS * SIDE];
    const int n = whole_vectors(rows);
    turn_in(rows, cols, X, ldx, x);
    memcpy(e, x, (size_t)cols * SIDE * sizeof *e);
    side_max(n, cols, e);
    for (int j = cols - 1; j >= 0; j--) /* e[0..] holds the maxima until the last */
        MB__INDEPENDENT for (int r = 0; r < n; r++)
        {
            x[j * SIDE + r] -= e[r];
            e[j * SIDE + r] = mb_expf(x[j * SIDE + r]);
        }
    if (!take_log) memcpy(x, e, (size_t)cols * SIDE * sizeof *e);
    side_sum(n, cols, e);
    if (take_log) {
        MB__INDEPENDENT for (int r = 0; r < n; r++) e[r] = mb_logf(e[r]);
        for (int j = 0; j < cols; j++)
            for (int r = 0; r < rows; r++) Y[r * ldy + j] = x[j * SIDE + r] - e[r];
    } else {
        for (int j = 0; j < cols; j++)
            for (int r = 0; r < rows; r++) Y[r * ldy + j] = x[j * SIDE + r] / e[r];
    }
}

void mb__log_softmax(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy)
{
    if (cols <= SIDE_COLS) {
        for (int r = 0; r < rows; r += SIDE)
            softmax_side(min_int(SIDE, rows - r), cols, X + r * ldx, ldx, Y + r * ldy, ldy, true);
        return;
    }
    for (int r = 0; r < rows; r++, X += ldx, Y += ldy) {
        const float max = max_row(X, cols), log_sum = mb_logf(sum_exp(X, cols, max));
        MB__INDEPENDENT for (int j = 0; j < cols; j++) Y[j] = (X[j] - max) - log_sum;
    }
}

void mb__softmax(int rows, int cols, const float *X, ptrdiff_t ldx, float *Y, ptrdiff_t ldy)
{
    if (cols <= SIDE_COLS && rows > 3) { /* fewer do not fill the vectors; both ways have the same chains */
        for (int r = 0; r < rows; r += SIDE)
            softmax_side(min_int(SIDE, rows - r), cols, X + r * ldx, ldx, Y + r * ldy, ldy, false);
        return;
    }
    for (int r = 0; r < rows; r++, X += ldx, Y += ldy) {
        const float max = max_row(X, cols);
        MB__INDEPENDENT for (int j = 0; j < cols; j++) Y[j] = mb_expf(X[j] - max);
        const float sum = sum_row(Y, cols);
        MB__INDEPENDENT for (int j = 0; j < cols; j++) Y[j] = Y[j] / sum;
    }
}

/* ---- over flat arrays ---- */

float mb__sum_squares(const float *x, int64_t n)
{
    chains c = chains_set(0.0f);
    int64_t j = 0;
    for (; j + CHAINS <= n; j += CHAINS) chains_fma(&c, chains_load(x + j));
    if (j < n) chains_fma(&c, chains_load_first(x + j, (int)(n - j), 0.0f));
    return tree_sum(&c);
}

int64_t mb__find_bad(const float *x, int64_t n, float lo, float hi)
{
    const float low = lo > -FLT_MAX ? lo : -FLT_MAX, high = hi < FLT_MAX ? hi : FLT_MAX;
    for (int64_t from = 0; from < n; from += PIECE) {
        const int64_t end = from + PIECE < n ? from + PIECE : n;
        int bad = 0;
        for (int64_t i = from; i < end; i++) bad |= !(x[i] >= low) | !(x[i] <= high);
        if (!bad) continue;
        for (int64_t i = from; i < end; i++)
            if (!(x[i] >= low && x[i] <= high)) return i;
    }
    return -1;
}
