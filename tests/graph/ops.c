/* Every operation: its gradient against central differences of the double-precision reference, second derivatives where
   they exist, and the compiled plan against the reference, for several thread counts and every kernel variant of this CPU. */
#include "graph/internal.h"
#include "mb_test.h"
#include <matchbox.h>

enum { MAX_IN = 6 };
struct bench {
    mb_arena *arena;
    mb_pool *pool;
    mb_scope scope;
    mb_graph *g;
    mb_var in[MAX_IN];
    int nin, seed;
    float lo, hi;
};

static mb_error err;

static struct bench open_bench(int threads, const char *kernels)
{
    struct bench b = { .lo = -1.5f, .hi = 1.5f };
    err = (mb_error){ MB_OK };
    b.arena = mb_arena_new((size_t)1 << 32, &err);
    b.pool = threads > 1 ? mb_pool_new(threads, &err) : NULL;
    b.scope = (mb_scope){ .arena = b.arena, .pool = b.pool, .seed = 1, .kernels = kernels };
    return b;
}

static void close_bench(struct bench *b)
{
    mb_pool_free(b->pool);
    mb_arena_free(b->arena);
}

static mb_var input(struct bench *b, mb_shape s)
{
    mb_rng rng = mb_rng_make(7, "op input", (uint64_t)b->seed++);
    mb_var v = mb_input(b->g, "x", MB_F32, s);
    for (int64_t i = 0; i < mb__count(s); i++) mb_data(v)[i] = mb_uniform(&rng, b->lo, b->hi);
    return b->in[b->nin++] = v;
}

static mb_var indices(struct bench *b, mb_shape s, int n)
{
    mb_rng rng = mb_rng_make(8, "op index", (uint64_t)b->seed++);
    mb_var v = mb_input(b->g, "index", MB_I32, s);
    for (int64_t i = 0; i < mb__count(s); i++) ((int32_t *)mb_input_data(v))[i] = mb_below(&rng, n);
    return v;
}

typedef mb_var (*build_fn)(struct bench *b);

/* loss = sum of y times fixed random weights; twice: plus the squared gradients, so that the second derivative shows */
static mb_var loss_of(struct bench *b, mb_var y, bool twice)
{
    mb_var w = mb_input(b->g, "weights", MB_F32, mb_dims(y));
    mb_rng rng = mb_rng_make(9, "op weights", 0);
    for (int64_t i = 0; i < mb__count(mb_dims(y)); i++) mb_data(w)[i] = mb_uniform(&rng, -1, 1);
    mb_var loss = mb_sum(mb_mul(y, w)), d[MAX_IN];
    if (twice && mb_grad(loss, b->in, b->nin, d))
        for (int i = 0; i < b->nin; i++) loss = mb_add(loss, mb_sum(mb_square(d[i])));
    return loss;
}

static double value_at(struct bench *b, mb_var loss, double **x)
{
    size_t mark = mb_arena_mark(b->arena);
    double **v = mb_alloc(b->arena, (size_t)b->g->n, sizeof *v, &err);
    for (int i = 0; i < b->nin; i++) v[b->in[i].id] = x[i];
    mb__reference(b->g, b->arena, v, &err);
    double out = v[loss.id][0];
    mb_arena_release(b->arena, mark);
    return out;
}

static void check_gradient(const char *name, build_fn build, float lo, float hi, bool twice)
{
    struct bench b = open_bench(1, NULL);
    b.lo = lo, b.hi = hi;
    b.g = mb_graph_new(&b.scope, name, &err);
    mb_var loss = loss_of(&b, build(&b), twice), grad[MAX_IN];
    bool ok = mb_grad(loss, b.in, b.nin, grad);
    if (!ok) printf("FAIL %s: %s\n", name, b.g->err.what);
    CHECK(ok);
    if (!ok) return close_bench(&b);
    double *x[MAX_IN], **v = mb_alloc(b.arena, (size_t)b.g->n, sizeof *v, &err), worst = 0;
    for (int i = 0; i < b.nin; i++) {
        int64_t n = mb__count(mb_dims(b.in[i]));
        v[b.in[i].id] = x[i] = mb_alloc(b.arena, (size_t)n, sizeof(double), &err);
        for (int64_t k = 0; k < n; k++) x[i][k] = (double)mb_data(b.in[i])[k];
    }
    CHECK(mb__reference(b.g, b.arena, v, &err));
    for (int i = 0; i < b.nin; i++)
        for (int64_t k = 0, n = mb__count(mb_dims(b.in[i])); k < n; k++) {
            const double h = 1e-5, old = x[i][k];
            x[i][k] = old + h;
            double up = value_at(&b, loss, x);
            x[i][k] = old - h;
            double down = value_at(&b, loss, x);
            x[i][k] = old;
            double fd = (up - down) / (2 * h), an = v[grad[i].id][k], gap = fabs(fd - an) / (1 + fabs(fd));
            if (!(gap <= worst)) worst = gap;
        }
    if (!(worst <= 2e-6)) printf("FAIL %s: gradient differs from central differences by %g\n", name, worst);
    CHECK(worst <= 2e-6);
    close_bench(&b);
}

/* the plan against the reference; returns the loss and gradients as bytes to compare between variants */
static int64_t run_plan(const char *name, build_fn build, float lo, float hi, int threads, const char *kernels, float *out)
{
    struct bench b = open_bench(threads, kernels);
    b.lo = lo, b.hi = hi;
    b.g = mb_graph_new(&b.scope, name, &err);
    mb_var y = build(&b), loss = loss_of(&b, y, false), grad[MAX_IN];
    y = mb_scale(y, 1);
    mb_output(y);
    mb_output(loss);
    CHECK(mb_grad(loss, b.in, b.nin, grad));
    for (int i = 0; i < b.nin; i++) mb_output(grad[i] = mb_scale(grad[i], 1));
    mb_plan *p = mb_compile(b.g, &err);
    if (!p) printf("FAIL %s: %s\n", name, err.what);
    CHECK(p != NULL);
    if (!p) return close_bench(&b), 0;
    mb_exec(p);
    mb_exec(p);
    double **v = mb_alloc(b.arena, (size_t)b.g->n, sizeof *v, &err), worst = 0;
    CHECK(mb__reference(b.g, b.arena, v, &err));
    int64_t n = 0;
    for (int i = -1; i < b.nin; i++) {
        mb_var q = i < 0 ? y : grad[i];
        for (int64_t k = 0; k < mb__count(mb_dims(q)); k++) {
            out[n++] = mb_data(q)[k];
            double gap = fabs((double)mb_data(q)[k] - v[q.id][k]) / (1 + fabs(v[q.id][k]));
            if (!(gap <= worst)) worst = gap;
        }
    }
    if (!(worst <= 2e-4)) printf("FAIL %s: plan differs from the reference by %g\n", name, worst);
    CHECK(worst <= 2e-4);
    close_bench(&b);
    return n;
}

static void check_op(const char *name, build_fn build, float lo, float hi, bool twice)
{
    static float first[1 << 18], other[1 << 18];
    static const char *const isas[] = { "plain", "avx2", "avx512" };
    check_gradient(name, build, lo, hi, false);
    if (twice) check_gradient(name, build, lo, hi, true);
    int64_t n = run_plan(name, build, lo, hi, 1, "plain", first);
    for (int threads = 1; threads <= 3; threads++)
        for (int i = 0; i < 3; i++) {
            if (!mb__kernels_find(isas[i])) continue;
            int64_t m = run_plan(name, build, lo, hi, threads, isas[i], other);
            bool same = m == n && memcmp(first, other, (size_t)n * sizeof(float)) == 0;
            if (!same) printf("FAIL %s: %s with %d threads differs from plain with one\n", name, isas[i], threads);
            CHECK(same);
        }
}

#define OP(name, lo, hi, twice, expr)                                                              \
    static mb_var build_##name(struct bench *b)                                                    \
    {                                                                                              \
        return expr;                                                                               \
    }                                                                                              \
    TEST(name)                                                                                     \
    {                                                                                              \
        check_op(#name, build_##name, lo, hi, twice);                                              \
    }
#define X(...) input(b, mb_shape_of(__VA_ARGS__))

OP(add, -2, 2, true, mb_add(X(2, 7, 5), X(1, 5)))
OP(add_column, -2, 2, true, mb_add(X(2, 7, 5), X(2, 7, 1)))
OP(add_scalar, -2, 2, true, mb_add(X(2, 7, 5), X(0)))
OP(add_middle, -2, 2, true, mb_add(X(3, 4, 3, 5), X(3, 4, 1, 5)))
OP(add_lead, -2, 2, true, mb_mul(X(3, 4, 3, 5), X(2, 3, 5)))
OP(sub, -2, 2, true, mb_sub(X(1, 5), X(2, 7, 5)))
OP(mul, -2, 2, true, mb_mul(X(2, 7, 5), X(2, 1, 5)))
OP(div, 0.5f, 2, true, mb_div(X(2, 7, 5), X(2, 7, 1)))
OP(min, -2, 2, false, mb_min(X(2, 7, 5), X(2, 7, 5)))
OP(max, -2, 2, false, mb_max(X(2, 7, 5), X(1, 5)))
OP(select, -2, 2, false, mb_select(mb_gt(X(2, 7, 5), X(1, 5)), X(2, 7, 5), X(0)))
OP(neg, -2, 2, true, mb_neg(X(2, 70, 5)))
OP(abs, -2, 2, false, mb_abs(X(2, 7, 5)))
OP(square, -2, 2, true, mb_square(X(2, 7, 5)))
OP(sqrt, 0.5f, 2, true, mb_sqrt(X(2, 7, 5)))
OP(recip, 0.5f, 2, true, mb_recip(X(2, 7, 5)))
OP(exp, -2, 2, true, mb_exp(X(2, 7, 5)))
OP(log, 0.5f, 2, true, mb_log(X(2, 7, 5)))
OP(sin, -4, 4, true, mb_sin(X(2, 7, 5)))
OP(cos, -4, 4, true, mb_cos(X(2, 7, 5)))
OP(tanh, -2, 2, true, mb_tanh(X(2, 7, 5)))
OP(sigmoid, -3, 3, true, mb_sigmoid(X(2, 7, 5)))
OP(relu, -2, 2, false, mb_relu(X(2, 7, 5)))
OP(softplus, -3, 3, true, mb_softplus(X(2, 7, 5)))
OP(silu, -3, 3, true, mb_silu(X(2, 7, 5)))
OP(gelu, -3, 3, true, mb_gelu(X(2, 7, 5)))
OP(scale_shift, -2, 2, true, mb_shift(mb_scale(X(1, 9), 3), -2))
OP(clamp, -2, 2, false, mb_clamp(X(2, 7, 5), -0.7f, 0.9f))
OP(huber, -2, 2, false, mb_huber(X(2, 7, 5), 0.8f))
OP(stop, -2, 2, false, mb_mul(X(2, 7, 5), mb_stop(mb_exp(mb_constant(b->g, 0.5f)))))
OP(sum, -2, 2, true, mb_sum(mb_square(X(3, 70, 2, 3))))
OP(mean, -2, 2, true, mb_mean(mb_square(X(1, 200))))
OP(sum_last, -2, 2, true, mb_sum_last(mb_square(X(3, 7, 2, 5))))
OP(max_last, -2, 2, false, mb_max_last(X(2, 7, 5)))
OP(max_last_one, -2, 2, false, mb_max_last(X(1, 9)))
OP(sum_rows, -2, 2, true, mb_sum_rows(mb_square(X(2, 150, 5))))
OP(sum_axis, -2, 2, true, mb_sum_axis(mb_square(X(3, 7, 4, 5)), 1))
OP(standardize, -2, 2, true, mb_standardize(X(1, 90)))
OP(masked_mean, 0.1f, 2, true, mb_masked_mean(X(1, 20), mb_scale(X(1, 20), 2)))
OP(matmul, -1, 1, true, mb_matmul(X(2, 70, 6), X(2, 6, 5)))
OP(matmul_deep, -1, 1, true, mb_matmul(X(3, 5, 4, 6), X(2, 6, 3)))
OP(matmul_nt, -1, 1, true, mb_matmul_nt(X(2, 7, 6), X(2, 5, 6)))
OP(matmul_batched, -1, 1, true, mb_matmul(X(3, 5, 4, 6), X(3, 5, 6, 3)))
OP(matmul_batched_nt, -1, 1, true, mb_matmul_nt(X(4, 2, 3, 4, 6), X(4, 2, 3, 5, 6)))
OP(linear_tanh, -1, 1, true, mb_tanh(mb_linear(X(2, 130, 6), X(2, 6, 17), X(1, 17))))
OP(linear_relu, -1, 1, false, mb_relu(mb_linear(X(2, 9, 6), X(2, 6, 1), X(1, 1))))
OP(softmax, -2, 2, true, mb_softmax(X(2, 7, 5)))
OP(softmax_one, -2, 2, true, mb_softmax(X(1, 5)))
OP(log_softmax, -2, 2, true, mb_log_softmax(X(3, 3, 7, 5)))
OP(logsumexp, -2, 2, false, mb_logsumexp(X(2, 7, 5)))
OP(pick, -2, 2, true, mb_pick(mb_square(X(2, 7, 5)), indices(b, MB_S1(7), 5)))
OP(pick_deep, -2, 2, true, mb_pick(mb_square(X(3, 7, 3, 5)), indices(b, MB_S2(7, 3), 5)))
OP(embedding, -2, 2, true, mb_embedding(mb_square(X(2, 6, 4)), indices(b, MB_S2(70, 3), 6)))
OP(one_hot, -2, 2, false, mb_mul(mb_one_hot(indices(b, MB_S1(7), 5), 5), X(1, 5)))
OP(cast, -2, 2, false, mb_mul(mb_cast(indices(b, MB_S1(7), 5), 0.5f), X(1, 7)))
OP(reshape, -2, 2, true, mb_square(mb_reshape(mb_exp(X(3, 6, 2, 5)), MB_S2(12, 5))))
OP(reshape_rows, -2, 2, true, mb_square(mb_reshape(mb_exp(X(3, 6, 2, 5)), MB_S2(6, 10))))
OP(slice_columns, -2, 2, true, mb_mul(mb_slice(mb_exp(X(2, 70, 9)), 1, 2, 4), X(1, 4)))
OP(slice_rows, -2, 2, true, mb_square(mb_slice(mb_exp(X(2, 9, 4)), 0, 3, 4)))
OP(slice_deep, -2, 2, true, mb_square(mb_slice(mb_exp(X(3, 9, 4, 5)), 2, 1, 3)))
OP(slice_matmul, -1, 1, true, mb_matmul(mb_slice(X(2, 70, 9), 1, 2, 4), X(2, 4, 3)))
OP(transpose, -2, 2, true, mb_square(mb_transpose(X(2, 7, 5))))
OP(expand, -2, 2, true, mb_square(mb_expand(X(3, 7, 1, 5), MB_S3(7, 3, 5))))
OP(layer_norm, -2, 2, true, mb_layer_norm(X(2, 7, 6), X(1, 6), X(1, 6), 1e-5f))
OP(rms_norm, -2, 2, true, mb_rms_norm(X(3, 4, 3, 6), X(1, 6), 1e-5f))
OP(conv2d, -1, 1, true, mb_conv2d(X(4, 3, 6, 5, 2), X(4, 3, 3, 2, 4), X(1, 4), 1, 0))
OP(conv2d_pad, -1, 1, true, mb_conv2d(X(4, 3, 7, 7, 2), X(4, 3, 3, 2, 3), X(1, 3), 2, 1))
OP(max_pool, -1, 1, false, mb_max_pool(X(4, 3, 6, 6, 2), 2, 2))
OP(pinball, -2, 2, false, mb_pinball(X(2, 70, 5), mb_cast(indices(b, MB_S1(5), 9), 0.11f), mb_cast(indices(b, MB_S2(70, 19), 40), 0.053f), 0.6f))
OP(sort, -2, 2, true, mb_mul(X(2, 70, 21), mb_sort_last(mb_cast(indices(b, MB_S2(70, 21), 400), 0.1f))))
OP(spread, -2, 2, true, mb_mul(X(2, 70, 5), mb_spread(mb_cast(indices(b, MB_S2(70, 7), 9), 0.1f), mb_cast(indices(b, MB_S2(70, 7), 40), 0.11f), 0.5f, 3.5f, 5)))
OP(avg_pool, -1, 1, true, mb_avg_pool(X(4, 3, 6, 6, 2), 3, 1))

static mb_var build_concat(struct bench *b)
{
    mb_var parts[3] = { X(2, 70, 3), mb_slice(mb_exp(X(2, 70, 5)), 1, 1, 2), X(2, 70, 1) };
    return mb_square(mb_concat(3, parts, 1));
}
static mb_var build_concat_rows(struct bench *b)
{
    mb_var parts[2] = { X(2, 5, 3), X(2, 2, 3) };
    return mb_square(mb_concat(2, parts, 0));
}
static mb_var build_permute(struct bench *b)
{
    static const int axes[4] = { 0, 2, 1, 3 };
    return mb_square(mb_permute(X(4, 5, 2, 3, 4), axes));
}
static mb_var build_permute_batch(struct bench *b)
{
    static const int axes[3] = { 2, 0, 1 };
    return mb_square(mb_permute(X(3, 5, 2, 3), axes));
}
static mb_var rnn(void *ctx, mb_var x, mb_var *carry, int n)
{
    struct bench *b = ctx;
    return carry[0] = mb_tanh(mb_add(x, mb_matmul(carry[0], b->in[2])));
}
static mb_var build_scan(struct bench *b)
{
    mb_var xs = X(3, 5, 6, 4), h = X(2, 5, 4);
    X(2, 4, 4);
    mb_var keep = mb_input(b->g, "keep", MB_F32, MB_S2(5, 6));
    for (int i = 0; i < 30; i++) mb_data(keep)[i] = i % 7 == 3 ? 0 : 1;
    return mb_scan(mb_exp(mb_scale(xs, 0.3f)), keep, &h, 1, rnn, b);
}
TEST(concat) { check_op("concat", build_concat, -2, 2, true); }
TEST(concat_rows) { check_op("concat_rows", build_concat_rows, -2, 2, true); }
TEST(permute) { check_op("permute", build_permute, -2, 2, true); }
TEST(permute_batch) { check_op("permute_batch", build_permute_batch, -2, 2, true); }
TEST(scan) { check_op("scan", build_scan, -1, 1, true); }

/* ---- poison: one clear error, with shapes and place ---- */

TEST(poison)
{
    struct bench b = open_bench(1, NULL);
    b.g = mb_graph_new(&b.scope, "ppo.update", &err);
    mb_var a = mb_input(b.g, "a", MB_F32, MB_S2(512, 4)), c = mb_input(b.g, "c", MB_F32, MB_S2(128, 4));
    mb_var y = mb_tanh(mb_mul(a, c));
    mb_output(mb_sum(mb_matmul(y, a)));
    mb_error e = { MB_OK };
    CHECK(!mb_compile(b.g, &e));
    CHECK(e.code == MB_ERR_SHAPE);
    CHECK_ERROR(e, "mul of [512,4] and [128,4] does not broadcast");
    CHECK_ERROR(e, "in graph 'ppo.update', node 2");
    CHECK_ERROR(e, "ops.c:");
    close_bench(&b);
}

/* ---- memory: values whose lives do not overlap share it ---- */

TEST(memory_reuse)
{
    struct bench b = open_bench(1, NULL);
    b.g = mb_graph_new(&b.scope, "long", &err);
    mb_var x = mb_input(b.g, "x", MB_F32, MB_S2(512, 64));
    for (int i = 0; i < 40; i++) x = mb_tanh(x);
    mb_output(mb_sum(x));
    mb_plan *p = mb_compile(b.g, &err);
    CHECK(p != NULL);
    if (!p) return close_bench(&b);
    mb_plan_info info = mb_plan_info_of(p);
    CHECK(info.slab_bytes * 20 < info.plain_bytes);
    CHECK(info.executed == 0);
    mb_exec(p);
    CHECK(mb_plan_info_of(p).executed >= info.steps);
    close_bench(&b);
}

TEST(dead_nodes)
{
    struct bench b = open_bench(1, NULL);
    b.g = mb_graph_new(&b.scope, "dead", &err);
    mb_var x = mb_input(b.g, "x", MB_F32, MB_S2(8, 8));
    mb_tanh(mb_exp(x));
    mb_output(mb_sum(x));
    mb_plan *p = mb_compile(b.g, &err);
    CHECK(p && mb_plan_info_of(p).steps == 2); /* a sum over each row, then over the rows */
    close_bench(&b);
}

TEST(trace_names_the_first_nan)
{
    struct bench b = open_bench(1, NULL);
    b.g = mb_graph_new(&b.scope, "nan", &err);
    mb_var x = mb_input(b.g, "x", MB_F32, MB_S1(4));
    mb_output(mb_sum(mb_tanh(mb_log(mb_shift(x, -1)))));
    mb_plan *p = mb_compile(b.g, &err);
    char what[256] = "";
    CHECK(p && mb_plan_trace(p, what, sizeof what));
    CHECK(strstr(what, "log") != NULL);
    close_bench(&b);
}

MB_TESTS(T(add), T(add_column), T(add_scalar), T(add_middle), T(add_lead), T(sub), T(mul), T(div), T(min), T(max), T(select), T(neg),
         T(abs), T(square), T(sqrt), T(recip), T(exp), T(log), T(sin), T(cos), T(tanh), T(sigmoid), T(relu), T(softplus), T(silu),
         T(gelu), T(scale_shift), T(clamp), T(huber), T(stop), T(sum), T(mean), T(sum_last), T(max_last), T(max_last_one),
         T(sum_rows), T(sum_axis), T(standardize), T(masked_mean), T(matmul), T(matmul_deep), T(matmul_nt), T(matmul_batched),
         T(matmul_batched_nt), T(linear_tanh), T(linear_relu), T(softmax), T(softmax_one), T(log_softmax), T(logsumexp), T(pick),
         T(pick_deep), T(embedding), T(one_hot), T(cast), T(reshape), T(reshape_rows), T(slice_columns), T(slice_rows),
         T(slice_deep), T(slice_matmul), T(transpose), T(expand), T(layer_norm), T(rms_norm), T(conv2d), T(conv2d_pad), T(max_pool), T(pinball), T(sort), T(spread),
         T(avg_pool), T(concat), T(concat_rows), T(permute), T(permute_batch), T(scan), T(poison), T(memory_reuse), T(dead_nodes),
         T(trace_names_the_first_nan))
