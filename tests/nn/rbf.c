/* Radial basis functions: every bell by its formula, and what does not fit. */
#include "nn/graph_test.h"

TEST(bells_on_a_lattice)
{
    enum { SIDE = 4, IN = 2, N = SIDE * SIDE, R = 3 };
    const float x[R * IN] = { 0.2f, 0.9f, 0, 1, 1.3f, -0.2f };
    mb_graph *g = begin();
    mb_net_options net = { .model = "rbf", .lattice = SIDE, .reach = 0.6f };
    mb_rng rng = mb_rng_make(1, "rbf", 0);
    mb_params *p = mb_params_new(&scope, "net", &err);
    mb_body b = { 0 };
    CHECK(p && mb_body_init(&b, &scope, p, "body", (mb_body_spec){ .in = IN, .net = &net }, &rng, &err) && b.out == N);
    mb_var none = { g, -3 }, y = b.def->apply(&b, given(g, x, MB_S2(R, IN)), none, &none);
    mb_output(y);
    finish(g);
    for (int r = 0; r < R; r++) {
        double bell[N], sum = 0, s = (double)0.6f / (SIDE - 1);
        for (int k = 0; k < N; k++) {
            double dx = (double)x[r * IN] - k / SIDE / 3.0, dy = (double)x[r * IN + 1] - k % SIDE / 3.0;
            sum += bell[k] = exp(-(dx * dx + dy * dy) / (2 * s * s));
        }
        for (int k = 0; k < N; k++) CHECK_NEAR(mb_data(y)[r * N + k], bell[k] / sum, 1e-5);
    }
}

TEST(too_many_points_are_refused)
{
    begin();
    mb_net_options net = { .model = "rbf", .lattice = 6, .reach = 1 };
    mb_rng rng = mb_rng_make(1, "rbf", 0);
    mb_params *p = mb_params_new(&scope, "net", &err);
    for (int image = 0; image < 2; image++) {
        mb_body b = { 0 };
        mb_error e = { 0 };
        mb_body_spec spec = { .in = 8, .h = image ? 2 : 0, .w = image ? 4 : 0, .c = image, .net = &net };
        CHECK(!mb_body_init(&b, &scope, p, image ? "image" : "body", spec, &rng, &e));
        CHECK_ERROR(e, image ? "not at an image" : "lower --lattice");
    }
}

MB_TESTS(T(bells_on_a_lattice), T(too_many_points_are_refused))
