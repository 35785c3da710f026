/* What the tests of networks and losses share: a scope of their own and inputs with given numbers. */
#ifndef GRAPH_TEST_H
#define GRAPH_TEST_H
#include "mb_test.h"
#include "matchbox/rl.h"

static mb_error err;
static mb_scope scope;

static inline mb_graph *begin(void)
{
    err = (mb_error){ MB_OK };
    mb_arena_free(scope.arena);
    scope = (mb_scope){ .arena = mb_arena_new((size_t)1 << 32, &err), .seed = 1 };
    return mb_graph_new(&scope, "test", &err);
}

static inline mb_var given(mb_graph *g, const float *x, mb_shape s)
{
    mb_var v = mb_input(g, "given", MB_F32, s);
    size_t n = 1;
    for (int i = 0; i < s.rank; i++) n *= (size_t)s.d[i];
    memcpy(mb_data(v), x, n * sizeof *x);
    return v;
}

static inline mb_plan *finish(mb_graph *g)
{
    mb_plan *p = mb_compile(g, &err);
    if (!p) printf("FAIL compile: %s\n", err.what), exit(1);
    mb_exec(p);
    return p;
}

static inline void same(const float *x, const float *expected, int n, double tol)
{
    for (int i = 0; i < n; i++) CHECK_NEAR(x[i], expected[i], tol * (1 + fabs((double)expected[i])));
}
#endif
