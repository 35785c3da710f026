/* CMA-ES: three generations against tests/reference/cma.py, and what it finds on functions that are known to be hard. */
#include "matchbox/search.h"
#include "mb_test.h"
#include "reference/data/cma.h"

static mb_error err;
static mb_scope scope;

static void begin(void)
{
    err = (mb_error){ MB_OK };
    mb_arena_free(scope.arena);
    scope = (mb_scope){ .arena = mb_arena_new((size_t)1 << 30, &err), .seed = 1 };
}

TEST(three_generations)
{
    enum { N = CMA_N, P = CMA_POPULATION };
    begin();
    mb_cma *c = mb_cma_new(&scope, "cma", N, P, cma_start, 0.7, &err);
    CHECK(c && mb_cma_population(c) == P);
    for (int g = 0; c && g < CMA_GENERATIONS; g++) {
        mb_cma_tell(c, cma_points + g * P * N, cma_losses + g * P);
        CHECK_NEAR(mb_cma_sigma(c), cma_sigma[g], 1e-12);
        for (int i = 0; i < N; i++) CHECK_NEAR(mb_cma_mean(c)[i], cma_mean[g * N + i], 1e-12);
        for (int i = 0; i < N * N; i++) CHECK_NEAR(mb_cma_covariance(c)[i], cma_covariance[g * N * N + i], 1e-12);
    }
}

static double ellipsoid(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += pow(1e6, i / (n - 1.0)) * x[i] * x[i];
    return sum;
}
static double rosenbrock(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i + 1 < n; i++) sum += 100 * pow(x[i + 1] - x[i] * x[i], 2) + pow(1 - x[i], 2);
    return sum;
}

/* evaluations until the least of f is known to 1e-9 */
static int evaluations(double (*f)(const double *x, int n), int n, int most)
{
    double start[16], loss[64];
    begin();
    for (int i = 0; i < n; i++) start[i] = 0.1;
    mb_cma *c = mb_cma_new(&scope, "cma", n, 0, start, 0.3, &err);
    int used = 0, p = mb_cma_population(c);
    double best = 1;
    for (; used < most && best > 1e-9; used += p) {
        const double *x = mb_cma_ask(c);
        for (int k = 0; k < p; k++) {
            loss[k] = f(x + k * n, n);
            if (loss[k] < best) best = loss[k];
        }
        mb_cma_tell(c, x, loss);
    }
    return used;
}

TEST(badly_scaled_and_curved)
{
    CHECK(mb_cma_population(mb_cma_new(&scope, "default", 10, 0, NULL, 1, &err)) == 10); /* 4 + floor(3 ln 10) */
    CHECK(evaluations(ellipsoid, 8, 20000) < 5000);
    CHECK(evaluations(rosenbrock, 8, 20000) < 8000);
}

TEST(nan_is_worst_and_nonsense_is_refused)
{
    double loss[CMA_POPULATION];
    begin();
    mb_cma *c = mb_cma_new(&scope, "cma", CMA_N, CMA_POPULATION, cma_start, 0.7, &err), *d = mb_cma_new(&scope, "d", CMA_N, CMA_POPULATION, cma_start, 0.7, &err);
    int worst = 0;
    for (int i = 0; i < CMA_POPULATION; i++) {
        loss[i] = cma_losses[i];
        if (loss[i] > loss[worst]) worst = i;
    }
    loss[worst] = NAN;
    mb_cma_tell(c, cma_points, loss);
    mb_cma_tell(d, cma_points, cma_losses);
    for (int i = 0; i < CMA_N; i++) CHECK(mb_cma_mean(c)[i] == mb_cma_mean(d)[i]);
    CHECK(!mb_cma_new(&scope, "e", 0, 4, NULL, 1, &err));
    CHECK_ERROR(err, "at least");
}

MB_TESTS(T(three_generations), T(badly_scaled_and_curved), T(nan_is_worst_and_nonsense_is_refused))
