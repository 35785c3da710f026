/* Products, elementwise functions and reductions of every kernel variant this machine can run, on random shapes, strides
   and values; the plain loops they are held against are themselves held against double arithmetic. */
#include "kernel_fixture.h"

/* ---- products ---- */

typedef struct product { int m, n, k; ptrdiff_t lda, ldb, ldc; bool accumulate, bias, wild; mb__act_fn act; } product;

static product random_product(bool transposed)
{
    static const int sizes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15, 16, 17, 24, 31, 32, 33, 48, 63, 64, 65, 100, 128, 130 };
    const int n = (int)(sizeof sizes / sizeof *sizes);
    product p = { sizes[below(n)], sizes[below(n)], below(20) == 0 ? 0 : sizes[below(n)], 0, 0, 0, below(2) == 0, below(2) == 0,
                  below(4) == 0, (mb__act_fn)below(6) };
    if (below(30) == 0) p.k = between(380, 1100), p.m = between(1, 20), p.n = between(1, 40);
    if (below(30) == 0) p.m = between(300, 900), p.n = between(1, 20), p.k = between(1, 70);
    if (below(30) == 0) p.m = between(40, 130), p.n = between(40, 300), p.k = between(100, 420);
    p.lda = (transposed ? p.m : p.k) + (below(2) ? below(9) : 0);
    if (p.lda == 0) p.lda = 1;
    p.ldb = p.n + (below(2) ? below(9) : 0);
    p.ldc = p.n + (below(2) ? below(9) : 0);
    return p;
}

static void product_reference(const product *p, bool transposed, const float *A, const float *B, const float *bias,
                              const float *start, float *want)
{
    for (int i = 0; i < p->m; i++)
        for (int j = 0; j < p->n; j++) {
            float s = p->accumulate ? start[i * p->n + j] : p->bias ? bias[j] : 0.0f;
            for (int k = 0; k < p->k; k++) s = fmaf(transposed ? A[k * p->lda + i] : A[i * p->lda + k], B[k * p->ldb + j], s);
            want[i * p->n + j] = activated(p->act, s);
        }
}

static void put_start(const product *p, const float *start, float *C)
{
    for (int i = 0; i < p->m && p->accumulate; i++)
        for (int j = 0; j < p->n; j++) C[i * p->ldc + j] = start[i * p->n + j];
}

TEST(gemm_nn)
{
    rng = mb_rng_make(1, "kernels", 0);
    for (int round = 0; round < 300; round++) {
        product p = random_product(false);
        const float *A = fill(0, p.m * p.lda, p.wild), *B = fill(1, (p.k + 1) * p.ldb, p.wild);
        const float *bias = fill(2, p.n, p.wild), *start = fill(3, (int64_t)p.m * p.n, p.wild);
        product_reference(&p, false, A, B, bias, start, pool[4]);
        EACH_VARIANT(k)
        {
            float *C = guarded(5);
            put_start(&p, start, C);
            k->gemm_nn(p.m, p.n, p.k, A, p.lda, B, p.ldb, C, p.ldc, p.bias ? bias : NULL, p.act, p.accumulate);
            bool ok = matches(5, pool[4], p.n, p.ldc, p.m, p.n);
            if (!ok) printf("  %s gemm_nn m=%d n=%d k=%d act=%d acc=%d\n", k->isa, p.m, p.n, p.k, (int)p.act, p.accumulate);
            CHECK(ok);
        }
    }
}

TEST(gemm_tn)
{
    rng = mb_rng_make(2, "kernels", 0);
    for (int round = 0; round < 300; round++) {
        product p = random_product(true);
        p.bias = false;
        p.act = MB__ACT_NONE;
        const float *A = fill(0, (p.k + 1) * p.lda, p.wild), *B = fill(1, (p.k + 1) * p.ldb, p.wild);
        const float *start = fill(3, (int64_t)p.m * p.n, p.wild);
        product_reference(&p, true, A, B, NULL, start, pool[4]);
        EACH_VARIANT(k)
        {
            float *C = guarded(5);
            put_start(&p, start, C);
            k->gemm_tn(p.m, p.n, p.k, A, p.lda, B, p.ldb, C, p.ldc, p.accumulate);
            bool ok = matches(5, pool[4], p.n, p.ldc, p.m, p.n);
            if (!ok) printf("  %s gemm_tn m=%d n=%d k=%d acc=%d\n", k->isa, p.m, p.n, p.k, p.accumulate);
            CHECK(ok);
        }
    }
}

TEST(a_batch_of_one_equals_a_row)
{
    rng = mb_rng_make(3, "kernels", 0);
    const float *A = fill(0, 70 * 64, false), *B = fill(1, 64 * 64, false), *bias = fill(2, 64, false);
    EACH_VARIANT(k)
    {
        k->gemm_nn(70, 64, 64, A, 64, B, 64, pool[3], 64, bias, MB__ACT_TANH, false);
        for (int r = 0; r < 70; r++) {
            k->gemm_nn(1, 64, 64, A + r * 64, 64, B, 64, pool[4], 64, bias, MB__ACT_TANH, false);
            CHECK(memcmp(pool[3] + r * 64, pool[4], 64 * sizeof(float)) == 0);
        }
    }
}

TEST(products_agree_with_double)
{
    rng = mb_rng_make(4, "kernels", 0);
    const float *A = fill(0, 40 * 256, false), *B = fill(1, 256 * 50, false);
    EACH_VARIANT(k)
    {
        k->gemm_nn(40, 50, 256, A, 256, B, 50, pool[2], 50, NULL, MB__ACT_NONE, false);
        k->gemm_tn(40, 50, 200, A, 40, B, 50, pool[3], 50, false);
        for (int i = 0; i < 40; i++)
            for (int j = 0; j < 50; j++) {
                double nn = 0, tn = 0;
                for (int q = 0; q < 256; q++) nn += (double)A[i * 256 + q] * (double)B[q * 50 + j];
                for (int q = 0; q < 200; q++) tn += (double)A[q * 40 + i] * (double)B[q * 50 + j];
                CHECK_NEAR(pool[2][i * 50 + j], nn, 2e-4);
                CHECK_NEAR(pool[3][i * 50 + j], tn, 2e-4);
            }
    }
}

static float bf16(float x) /* nearest even by way of scaling, not of bits */
{
    if (x != x || isinf(x)) return x;
    if (fabsf(x) < 0x1p-126f) return copysignf(0.0f, x);
    int e;
    double m = frexp((double)x, &e);
    return (float)ldexp(nearbyint(ldexp(m, 8)), e - 8);
}
static float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.0f, x) : x; }

TEST(gemm_nn_bf16)
{
    rng = mb_rng_make(5, "kernels", 0);
    for (int round = 0; round < 120; round++) {
        product p = random_product(false);
        const float *A = fill(0, p.m * p.lda, p.wild), *B = fill(1, (p.k + 1) * p.ldb, p.wild);
        const float *bias = fill(2, p.n, p.wild), *start = fill(3, (int64_t)p.m * p.n, p.wild);
        for (int i = 0; i < p.m; i++)
            for (int j = 0; j < p.n; j++) {
                float s = flushed(p.accumulate ? start[i * p.n + j] : p.bias ? bias[j] : 0.0f);
                for (int k = 0; k < p.k; k += 2) {
                    bool odd = k + 1 < p.k;
                    s = flushed(fmaf(odd ? bf16(A[i * p.lda + k + 1]) : 0.0f, odd ? bf16(B[(k + 1) * p.ldb + j]) : 0.0f, s));
                    s = flushed(fmaf(bf16(A[i * p.lda + k]), bf16(B[k * p.ldb + j]), s));
                }
                pool[4][i * p.n + j] = activated(p.act, s);
            }
        EACH_VARIANT(k)
        {
            float *C = guarded(5);
            put_start(&p, start, C);
            k->gemm_nn_bf16(p.m, p.n, p.k, A, p.lda, B, p.ldb, C, p.ldc, p.bias ? bias : NULL, p.act, p.accumulate,
                            (uint32_t *)pool[6]);
            CHECK(matches(5, pool[4], p.n, p.ldc, p.m, p.n));
        }
    }
}

TEST(transpose)
{
    rng = mb_rng_make(6, "kernels", 0);
    for (int round = 0; round < 100; round++) {
        int rows = between(1, 70), cols = between(1, 70), lds = cols + below(5), ldd = rows + below(5);
        const float *S = fill(0, rows * lds, true);
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < cols; j++) pool[1][j * rows + i] = S[i * lds + j];
        EACH_VARIANT(k)
        {
            k->transpose(rows, cols, S, lds, guarded(2), ldd);
            CHECK(matches(2, pool[1], rows, ldd, cols, rows));
        }
    }
}

/* ---- elementwise ---- */

static float mapped(mb__map_fn fn, float x, float y, float z, float c, float d)
{
    switch (fn) {
    case MB__MAP_COPY: return x;
    case MB__MAP_NEG: return -x;
    case MB__MAP_ABS: return fabsf(x);
    case MB__MAP_SQUARE: return x * x;
    case MB__MAP_SQRT: return sqrtf(x);
    case MB__MAP_RECIP: return 1.0f / x;
    case MB__MAP_EXP: return mb_expf(x);
    case MB__MAP_LOG: return mb_logf(x);
    case MB__MAP_SIN: return mb_sinf(x);
    case MB__MAP_COS: return mb_cosf(x);
    case MB__MAP_TANH: return mb_tanhf(x);
    case MB__MAP_SIGMOID: return mb_sigmoidf(x);
    case MB__MAP_RELU: return x != x ? x : x < 0.0f ? 0.0f : x;
    case MB__MAP_SOFTPLUS: return mb_softplusf(x);
    case MB__MAP_SILU: return mb_siluf(x);
    case MB__MAP_GELU: return mb_geluf(x);
    case MB__MAP_SIGN: return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x;
    case MB__MAP_FLOOR: return floorf(x);
    case MB__MAP_SCALE: return c * x;
    case MB__MAP_SHIFT: return x + c;
    case MB__MAP_CLAMP: return x != x ? x : fminf(fmaxf(x, c), d);
    case MB__MAP_ADD: return x + y;
    case MB__MAP_SUB: return x - y;
    case MB__MAP_MUL: return x * y;
    case MB__MAP_DIV: return x / y;
    case MB__MAP_MIN: return x != x || y != y ? NAN : x < y ? x : y;
    case MB__MAP_MAX: return x != x || y != y ? NAN : x > y ? x : y;
    case MB__MAP_GT: return x > y ? 1.0f : 0.0f;
    case MB__MAP_GE: return x >= y ? 1.0f : 0.0f;
    case MB__MAP_EQ: return x == y ? 1.0f : 0.0f;
    case MB__MAP_FMA: return fmaf(x, y, z);
    case MB__MAP_SELECT: return x != 0.0f ? y : z;
    case MB__MAP_TANH_GRAD: return fmaf(-(x * x), y, y);
    case MB__MAP_SIGMOID_GRAD: return y * x * (1.0f - x);
    case MB__MAP_RELU_GRAD: return x > 0.0f ? y : 0.0f;
    case MB__MAP_CLAMP_GRAD: return x >= c && x <= d ? y : 0.0f;
    case MB__MAP_AXPY: return fmaf(c, x, y);
    case MB__MAP_N: break;
    }
    return NAN;
}

/* an operand of one of the shapes that broadcasting makes */
static mb__operand random_operand(int slot, int rows, int cols)
{
    const float *p = fill(slot, (int64_t)(rows + 1) * (cols + 8) * 3, true);
    switch (below(6)) {
    case 0: return (mb__operand){ p, 0, 1 };               /* a row for all rows */
    case 1: return (mb__operand){ p, 1 + below(3), 0 };    /* a value for each row */
    case 2: return (mb__operand){ p, 0, 0 };               /* one value */
    case 3: return (mb__operand){ p, cols + below(8), 1 }; /* with a stride */
    case 4: return (mb__operand){ p, 1, rows };            /* transposed */
    default: return (mb__operand){ p, cols, 1 };
    }
}

static void check_map(mb__map_fn fn, int rows, int cols)
{
    mb__operand in[3];
    for (int i = 0; i < 3; i++) in[i] = random_operand(i, rows, cols);
    const float c = -0.75f, d = 1.25f;
    const int ldy = cols + (below(2) ? below(9) : 0);
    for (int r = 0; r < rows; r++)
        for (int j = 0; j < cols; j++) {
            float x[3];
            for (int i = 0; i < 3; i++) x[i] = in[i].p[r * in[i].row + j * in[i].col];
            pool[3][r * cols + j] = mapped(fn, x[0], x[1], x[2], c, d);
        }
    EACH_VARIANT(k)
    {
        k->map(fn, guarded(4), ldy, rows, cols, in, c, d);
        bool ok = matches(4, pool[3], cols, ldy, rows, cols);
        if (!ok) printf("  %s map %d rows=%d cols=%d ldy=%d\n", k->isa, (int)fn, rows, cols, ldy);
        CHECK(ok);
        /* in place */
        float *y = guarded(4);
        mb__operand own[3] = { { y, ldy, 1 }, in[1], in[2] };
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < cols; j++) y[r * ldy + j] = in[0].p[r * in[0].row + j * in[0].col];
        k->map(fn, y, ldy, rows, cols, own, c, d);
        CHECK(matches(4, pool[3], cols, ldy, rows, cols));
    }
}

TEST(map)
{
    rng = mb_rng_make(7, "kernels", 0);
    for (int fn = 0; fn < MB__MAP_N; fn++)
        for (int round = 0; round < 30; round++) {
            bool narrow = round % 2;
            check_map((mb__map_fn)fn, narrow ? between(1, 150) : between(1, 6), narrow ? between(1, 40) : between(1, 1100));
        }
}

/* ---- reductions ---- */

static float reduced(const float *x, int n, bool max)
{
    float c[16];
    for (int j = 0; j < 16; j++) c[j] = max ? -INFINITY : 0.0f;
    for (int j = 0; j < n; j++) c[j % 16] = max ? mapped(MB__MAP_MAX, x[j], c[j % 16], 0, 0, 0) : c[j % 16] + x[j];
#define R(a, b) (max ? mapped(MB__MAP_MAX, b, a, 0, 0, 0) : (a) + (b))
    return R(R(R(R(c[0], c[8]), R(c[4], c[12])), R(R(c[2], c[10]), R(c[6], c[14]))),
             R(R(R(c[1], c[9]), R(c[5], c[13])), R(R(c[3], c[11]), R(c[7], c[15]))));
#undef R
}

TEST(row_sum_and_row_max)
{
    rng = mb_rng_make(8, "kernels", 0);
    for (int round = 0; round < 200; round++) {
        int rows = between(1, 150), cols = round % 2 ? between(1, 17) : between(1, 300), ldx = cols + below(4), ldy = 1 + below(3);
        const float *X = fill(0, rows * ldx, round % 3 == 0);
        for (int max = 0; max < 2; max++) {
            for (int r = 0; r < rows; r++) pool[1][r] = reduced(X + r * ldx, cols, max);
            EACH_VARIANT(k)
            {
                (max ? k->row_max : k->row_sum)(rows, cols, X, ldx, guarded(2), ldy);
                for (int r = 0; r < rows; r++) /* equal as numbers: which zero is the largest is the kernels' own affair */
                    if (max && pool[1][r] == 0.0f && pool[2][GUARD + r * ldy] == 0.0f) pool[2][GUARD + r * ldy] = pool[1][r];
                CHECK(matches(2, pool[1], 1, ldy, rows, 1));
            }
        }
        EACH_VARIANT(k) k->row_max(rows, cols, X, ldx, pool[3 + iv], 1);
        for (int i = 1; i < nvariants(); i++)
            for (int r = 0; r < rows; r++) CHECK(same(pool[3][r], pool[3 + i][r]));
    }
}

TEST(col_sum)
{
    rng = mb_rng_make(9, "kernels", 0);
    for (int round = 0; round < 200; round++) {
        int rows = between(0, 150), cols = between(1, 150), ldx = cols + below(4);
        bool accumulate = below(2);
        const float *X = fill(0, (rows + 1) * ldx, round % 3 == 0), *start = fill(1, cols, false);
        for (int j = 0; j < cols; j++) {
            float s = accumulate ? start[j] : 0.0f;
            for (int r = 0; r < rows; r++) s += X[r * ldx + j];
            pool[2][j] = s;
        }
        EACH_VARIANT(k)
        {
            float *y = guarded(3);
            if (accumulate) memcpy(y, start, (size_t)cols * sizeof *y);
            k->col_sum(rows, cols, X, ldx, y, accumulate);
            CHECK(matches(3, pool[2], cols, cols, 1, cols));
        }
    }
}

TEST(softmax)
{
    rng = mb_rng_make(10, "kernels", 0);
    for (int round = 0; round < 200; round++) {
        int rows = between(1, 150), cols = round % 2 ? between(1, 34) : between(1, 600), ld = cols + below(4), ldy = cols + below(4);
        if (cols > 34) rows = between(1, 5);
        const float *X = fill(0, rows * ld, round % 5 == 0);
        for (int take_log = 0; take_log < 2; take_log++) {
            for (int r = 0; r < rows; r++) {
                const float *x = X + r * ld;
                float max = reduced(x, cols, true), *y = pool[1] + r * cols;
                double sum = 0;
                for (int j = 0; j < cols; j++) {
                    pool[2][j] = mb_expf(x[j] - max);
                    sum += exp((double)x[j] - (double)max);
                }
                float s = reduced(pool[2], cols, false);
                for (int j = 0; j < cols; j++) {
                    y[j] = take_log ? (x[j] - max) - mb_logf(s) : pool[2][j] / s;
                    double exact = (double)x[j] - (double)max - log(sum);
                    if (isfinite(exact) && exact > -80.0) CHECK_NEAR(y[j], take_log ? exact : exp(exact), 2e-6 * (1 + fabs(exact)));
                }
            }
            EACH_VARIANT(k)
            {
                (take_log ? k->log_softmax : k->softmax)(rows, cols, X, ld, guarded(3), ldy);
                CHECK(matches(3, pool[1], cols, ldy, rows, cols));
            }
        }
    }
}

TEST(sum_squares)
{
    rng = mb_rng_make(11, "kernels", 0);
    for (int round = 0; round < 100; round++) {
        int n = between(0, 1000);
        const float *x = fill(0, n, false);
        float c[16] = { 0 };
        double exact = 0;
        for (int i = 0; i < n; i++) c[i % 16] = fmaf(x[i], x[i], c[i % 16]), exact += (double)x[i] * (double)x[i];
        float want = reduced(c, 16, false);
        CHECK_NEAR(want, exact, 1e-5 * exact);
        EACH_VARIANT(k) CHECK(same(k->sum_squares(x, n), want));
    }
}

TEST(find_bad)
{
    rng = mb_rng_make(12, "kernels", 0);
    for (int round = 0; round < 200; round++) {
        int n = between(1, 2000), at = below(n);
        float *x = fill(0, n, false);
        const float bad[] = { NAN, INFINITY, -INFINITY, 2.5f, -2.5f };
        EACH_VARIANT(k)
        {
            CHECK(k->find_bad(x, n, -2.0f, 2.0f) == -1);
            CHECK(k->find_bad(x, 0, -2.0f, 2.0f) == -1);
        }
        x[at] = bad[round % 5];
        EACH_VARIANT(k)
        {
            CHECK(k->find_bad(x, n, -2.0f, 2.0f) == at);
            CHECK(k->find_bad(x, n, -INFINITY, INFINITY) == (round % 5 < 3 ? at : -1));
        }
    }
}

TEST(tables)
{
    CHECK(mb__kernels_find(NULL) == NULL);
    CHECK(mb__kernels_find("vax") == NULL);
    CHECK(mb__kernels_find("plain") != NULL);
    EACH_VARIANT(k) CHECK(mb__kernels_find(k->isa) == k);
}

MB_TESTS(T(tables), T(gemm_nn), T(gemm_tn), T(a_batch_of_one_equals_a_row), T(products_agree_with_double), T(gemm_nn_bf16), T(transpose),
         T(map), T(row_sum_and_row_max), T(col_sum), T(softmax), T(sum_squares), T(find_bad))
