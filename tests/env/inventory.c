/* Inventory: periods followed by hand, mean demand and costs, rationing, and the limits of places. */
#include "solo.h"
#include <math.h>

static bool put(struct solo *s, int stock, int a, int b)
{
    mb_error err = { 0 };
    solo_clear(s);
    return s->def->place(s->state, s->options, (double[]){ stock, a, b }, s->shape.obs.field[0].n > 2 ? 3 : 2, &s->io, &err);
}
/* the number in component i: the warehouse's stock, then what retailers have, less what is owed */
static int seen(const struct solo *s, int i) { return (int)lround(i ? ((double)s->io.obs[i] - 0.5) * 40 : (double)s->io.obs[0] * 20); }

TEST(a_period_adds_up)
{
    struct solo s;
    solo_open(&s, "inventory", (const char *const[]){ "layout=divergent", NULL }, 3);
    mb_rng r = mb_rng_make(4, "orders", 0);
    CHECK(s.shape.act.field[0].n == 216 && s.shape.obs.field[0].n == 3);
    double sum = 0, square = 0;
    enum { N = 20000 };
    for (int i = 0; i < N; i++) {
        int stock = mb_below(&r, 12), a = mb_below(&r, 15) - 5, b = mb_below(&r, 15) - 5, q = mb_below(&r, 6), x = mb_below(&r, 6), y = mb_below(&r, 6);
        CHECK(put(&s, stock, a, b) && seen(&s, 0) == stock && seen(&s, 1) == a && seen(&s, 2) == b);
        s.index[0] = q + 6 * (x + 6 * y);
        CHECK(!solo_step(&s));
        int gone = stock + q - seen(&s, 0), sold = a + b + gone - seen(&s, 1) - seen(&s, 2);
        CHECK(gone == (x + y < stock ? x + y : stock) && sold >= 0);
        double cost = 0.5 * seen(&s, 0);
        for (int k = 1; k <= 2; k++) cost += seen(&s, k) > 0 ? seen(&s, k) : -5 * seen(&s, k);
        CHECK_NEAR(s.reward[0], -cost, 1e-4);
        sum += sold / 2.0, square += sold * sold;
    }
    CHECK_NEAR(sum / N, 2, 5 * sqrt(1.0 / N));                       /* Poisson: two retailers of mean 2 */
    CHECK_NEAR(square / N - 4 * sum / N * sum / N, 4, 0.3);          /* and a variance of 4 together */
}

TEST(who_has_least_is_served_first)
{
    struct solo s;
    solo_open(&s, "inventory", (const char *const[]){ "layout=divergent", "demand=0.1", NULL }, 3);
    for (int i = 0, quiet = 0; i < 200 && quiet < 20; i++) {
        CHECK(put(&s, 4, -2, 1));
        s.index[0] = 6 * (5 + 6 * 5);
        solo_step(&s);
        if (seen(&s, 1) + seen(&s, 2) != 3) continue; /* somebody bought */
        quiet++;
        CHECK(seen(&s, 1) == 2 && seen(&s, 2) == 1); /* three lift -2 to 1, then the first of equals */
    }
}

TEST(orders_arrive_when_they_should)
{
    struct solo s;
    solo_open(&s, "inventory", (const char *const[]){ "lead=3", "demand=0.1", "hold-warehouse=0", NULL }, 3);
    CHECK(s.shape.obs.field[0].n == 6);
    solo_reset(&s);
    int stock = seen(&s, 0);
    for (int t = 1; t <= 4; t++) {
        s.index[0] = t == 1 ? 3 : 0;
        solo_step(&s);
        CHECK(seen(&s, 0) == stock + (t >= 3 ? 3 : 0));
        CHECK_NEAR(s.io.obs[2], t == 2 ? 0.6 : 0, 1e-6); /* arrives next, three of five */
    }
}

TEST(places_have_walls)
{
    struct solo s;
    solo_open(&s, "inventory", (const char *const[]){ "most=6", "demand=0.1", NULL }, 3);
    mb_error err = { 0 };
    CHECK(!s.def->place(s.state, s.options, (double[]){ 7, 0 }, 2, &s.io, &err));
    CHECK_ERROR(err, "[0, 6]");
    solo_reset(&s);
    for (int t = 0; t < 50; t++) {
        s.index[0] = 35;
        solo_step(&s);
        CHECK(s.io.obs[0] <= 1 && s.io.obs[1] <= 1);
    }
    CHECK_NEAR(s.io.obs[0], 1, 1e-6);
}

MB_TESTS(T(a_period_adds_up), T(who_has_least_is_served_first), T(orders_arrive_when_they_should), T(places_have_walls))
