/* Plans: order of effects, shared parameters, bfloat16, forced kernels, nothing allocated while executing. */
#include "mb_test.h"
#include <matchbox.h>

static mb_error err;

static mb_scope scope_new(const char *kernels)
{
    err = (mb_error){ MB_OK };
    return (mb_scope){ .arena = mb_arena_new((size_t)1 << 30, &err), .seed = 3, .kernels = kernels };
}

TEST(parameters_are_read_before_the_step)
{
    mb_scope s = scope_new(NULL);
    mb_params *p = mb_params_new(&s, "p", &err), *q = mb_params_new(&s, "q", &err);
    mb_tensor *w = mb_params_add(p, "w", MB_S1(3), &err), *t = mb_params_add(q, "w", MB_S1(3), &err);
    for (int i = 0; i < 3; i++) w->data[i] = (float)(i + 1);
    mb_graph *g = mb_graph_new(&s, "g", &err);
    mb_var loss = mb_scale(mb_sum(mb_square(mb_param(g, w))), 0.5f);
    mb_optimize(loss, p, (mb_optimizer){ .kind = MB_SGD, .lr = mb_scalar(g, "lr", 0.5f) });
    mb_follow(g, q, p, 1);
    mb_var seen = mb_scale(mb_param(g, w), 1);
    mb_output(seen);
    mb_output(loss);
    mb_plan *plan = mb_compile(g, &err);
    CHECK(plan != NULL);
    mb_exec(plan);
    CHECK_NEAR(mb_get(loss), 7, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(mb_data(seen)[i], i + 1, 0);          /* read before */
        CHECK_NEAR(w->data[i], 0.5 * (i + 1), 0);        /* stepped */
        CHECK_NEAR(t->data[i], 0.5 * (i + 1), 0);        /* followed after the step */
    }
    mb_arena_free(s.arena);
}

TEST(plans_share_parameters)
{
    mb_scope s = scope_new(NULL);
    mb_params *p = mb_params_new(&s, "p", &err);
    mb_tensor *w = mb_params_add(p, "w", MB_S0(), &err);
    mb_graph *a = mb_graph_new(&s, "learn", &err), *b = mb_graph_new(&s, "act", &err);
    mb_optimize(mb_square(mb_shift(mb_param(a, w), -3)), p, (mb_optimizer){ .kind = MB_SGD, .lr = mb_scalar(a, "lr", 0.25f) });
    mb_var y = mb_scale(mb_param(b, w), 2);
    mb_output(y);
    mb_plan *learn = mb_compile(a, &err), *act = mb_compile(b, &err);
    CHECK(learn && act);
    for (int i = 0; i < 30; i++) mb_exec(learn);
    mb_exec(act);
    CHECK_NEAR(mb_get(y), 6, 1e-5);
    mb_arena_free(s.arena);
}

TEST(a_poisoned_optimiser_says_why)
{
    mb_scope s = scope_new(NULL);
    mb_params *p = mb_params_new(&s, "p", &err);
    mb_tensor *w = mb_params_add(p, "w", MB_S1(3), &err);
    mb_graph *g = mb_graph_new(&s, "g", &err);
    mb_optimize(mb_param(g, w), p, (mb_optimizer){ .kind = MB_SGD, .lr = mb_scalar(g, "lr", 1) });
    CHECK(!mb_compile(g, &err));
    CHECK_ERROR(err, "the loss must be a scalar");
    mb_arena_free(s.arena);
}

/* a product in bfloat16 is near the float one, differs from it, and is the same in every variant */
static void product(const char *kernels, bool bf16, float *out)
{
    mb_scope s = scope_new(kernels);
    mb_graph *g = mb_graph_new(&s, "bf16", &err);
    mb_graph_bf16(g, bf16);
    mb_var a = mb_input(g, "a", MB_F32, MB_S2(33, 40)), b = mb_input(g, "b", MB_F32, MB_S2(40, 19));
    mb_rng rng = mb_rng_make(5, "bf16", 0);
    for (int i = 0; i < 33 * 40; i++) mb_data(a)[i] = mb_normal(&rng);
    for (int i = 0; i < 40 * 19; i++) mb_data(b)[i] = mb_normal(&rng);
    mb_var y = mb_matmul(a, b);
    mb_output(y);
    mb_plan *p = mb_compile(g, &err);
    CHECK(p != NULL);
    if (p) mb_exec(p), memcpy(out, mb_data(y), 33 * 19 * sizeof(float));
    mb_arena_free(s.arena);
}

TEST(bfloat16_products)
{
    float exact[33 * 19], half[33 * 19], other[33 * 19];
    product("plain", false, exact);
    product("plain", true, half);
    product(NULL, true, other);
    double worst = 0;
    for (int i = 0; i < 33 * 19; i++) worst = fmax(worst, fabs((double)(exact[i] - half[i])));
    CHECK(worst > 1e-4 && worst < 0.2);
    CHECK(memcmp(half, other, sizeof half) == 0);
}

TEST(forced_kernels_do_the_work)
{
    static const char *const isas[] = { "plain", "avx2", "avx512" };
    for (int i = 0; i < 3; i++) {
        mb_scope s = scope_new(isas[i]);
        mb_graph *g = mb_graph_new(&s, "forced", &err);
        mb_output(mb_sum(mb_tanh(mb_input(g, "x", MB_F32, MB_S2(100, 8)))));
        mb_plan *p = mb_compile(g, &err);
        if (p) {
            mb_exec(p);
            CHECK(strcmp(mb_plan_info_of(p).isa, isas[i]) == 0);
            CHECK(mb_plan_info_of(p).executed >= mb_plan_info_of(p).steps);
        } else {
            CHECK(err.code == MB_ERR_UNSUPPORTED && i > 0);
        }
        mb_arena_free(s.arena);
    }
    mb_scope s = scope_new("sse9");
    mb_graph *g = mb_graph_new(&s, "forced", &err);
    mb_output(mb_constant(g, 1));
    CHECK(!mb_compile(g, &err));
    CHECK_ERROR(err, "kernels 'sse9'");
    mb_arena_free(s.arena);
}

TEST(executing_allocates_nothing)
{
    mb_scope s = scope_new(NULL);
    mb_params *p = mb_params_new(&s, "p", &err);
    mb_rng rng = mb_rng_make(1, "init", 0);
    mb_dense l;
    CHECK(mb_dense_init(&l, p, "l", 8, 8, 1, &rng, &err));
    mb_graph *g = mb_graph_new(&s, "g", &err);
    mb_var y = mb_dense_apply(&l, mb_input(g, "x", MB_F32, MB_S2(300, 8)));
    mb_optimize(mb_mean(mb_square(y)), p, (mb_optimizer){ .kind = MB_ADAM, .lr = mb_scalar(g, "lr", 1e-3f), .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-5f });
    mb_plan *plan = mb_compile(g, &err);
    CHECK(plan != NULL);
    mb_arena_seal(s.arena, true);
    size_t before = mb_arena_used(s.arena);
    for (int i = 0; plan && i < 10; i++) mb_exec(plan);
    CHECK(mb_arena_used(s.arena) == before);
    mb_arena_free(s.arena);
}

/* What gradient rules ask for twice is computed once, also where the first one has been fused or merged itself. */
TEST(equal_values_are_computed_once)
{
    mb_scope s = scope_new(NULL);
    mb_graph *g = mb_graph_new(&s, "twice", &err);
    mb_var x = mb_input(g, "x", MB_F32, MB_S2(70, 3));
    mb_var a = mb_mul(mb_exp(mb_neg(x)), x), b = mb_mul(mb_exp(mb_neg(x)), x), c = mb_scale(mb_sub(mb_add(a, b), mb_exp(x)), 2);
    mb_output(c);
    for (int i = 0; i < 210; i++) mb_data(x)[i] = (float)(i - 100) * 0.02f;
    mb_plan *p = mb_compile(g, &err);
    CHECK(p != NULL);
    if (!p) return;
    mb_exec(p);
    CHECK(mb_plan_info_of(p).steps == 7); /* neg, exp, mul, add, exp, sub, scale */
    for (int i = 0; i < 210; i++) {
        double v = (double)((float)(i - 100) * 0.02f);
        CHECK_NEAR(mb_data(c)[i], 2 * (2 * v * exp(-v) - exp(v)), 1e-4);
    }
    mb_arena_free(s.arena);
}

/* Forward pass, loss and gradients of a layer share one pass over the rows, although the loss is also an output, and a chain of
   scalars is one stage: a thread waits for the others only where sums are joined. */
TEST(outputs_do_not_split_a_pass)
{
    mb_scope s = scope_new(NULL);
    mb_params *p = mb_params_new(&s, "p", &err);
    mb_rng rng = mb_rng_make(1, "init", 0);
    mb_dense l;
    CHECK(mb_dense_init(&l, p, "l", 8, 8, 1, &rng, &err));
    mb_graph *g = mb_graph_new(&s, "g", &err);
    mb_var x = mb_input(g, "x", MB_F32, MB_S2(300, 8)), y = mb_tanh(mb_dense_apply(&l, x));
    double squares = 0, sum = 0;
    for (int i = 0; i < 2400; i++) mb_data(x)[i] = (float)(i % 7) * 0.3f - 0.8f;
    for (int i = 0; i < 2400; i++) {
        double v = (double)l.b->data[i % 8];
        for (int k = 0; k < 8; k++) v += (double)mb_data(x)[i / 8 * 8 + k] * (double)l.w->data[k * 8 + i % 8];
        squares += tanh(v) * tanh(v);
        sum += tanh(v);
    }
    mb_var loss = mb_mean(mb_square(y)), seen = mb_sqrt(mb_shift(mb_scale(mb_mean(y), 3), 1));
    mb_output(loss);
    mb_output(seen);
    mb_optimize(loss, p, (mb_optimizer){ .kind = MB_SGD, .lr = mb_scalar(g, "lr", 0.1f) });
    mb_plan *plan = mb_compile(g, &err);
    CHECK(plan != NULL);
    if (plan) mb_exec(plan);
    CHECK(plan && mb_plan_info_of(plan).stages == 5); /* scalars of the gradient, the pass, scalars of the outputs, norm, step */
    CHECK_NEAR(mb_get(loss), squares / 2400, 1e-5);
    CHECK_NEAR(mb_get(seen), sqrt(3 * sum / 2400 + 1), 1e-5);
    mb_arena_free(s.arena);
}

MB_TESTS(T(parameters_are_read_before_the_step), T(plans_share_parameters), T(a_poisoned_optimiser_says_why), T(bfloat16_products),
         T(forced_kernels_do_the_work), T(executing_allocates_nothing),
         T(equal_values_are_computed_once), T(outputs_do_not_split_a_pass))
