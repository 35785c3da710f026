/* Spread: shortest solutions found through step itself against their closed form, collisions and
   rewards. */
#include "solo.h"

enum { SIZE = 4, CELLS = SIZE * SIZE, PAIRS = CELLS * CELLS };
static const char *const small[] = { "size=4", NULL };

static bool put(struct solo *s, int a, int b, int c, int d)
{
    const int cell[4] = { a, b, c, d };
    double v[8];
    mb_error err = { 0 };
    for (int i = 0; i < 4; i++) v[2 * i] = cell[i] % SIZE, v[2 * i + 1] = cell[i] / SIZE;
    solo_clear(s);
    return s->def->place(s->state, s->options, v, 8, &s->io, &err);
}

/* The cell that shows in a plane of agent k's view (0 itself, 1 the other), or -1. */
static int seen(const struct solo *s, int k, int plane)
{
    int found = -1;
    for (int i = 0; i < CELLS; i++)
        if (s->io.obs[(k * CELLS + i) * 3 + plane] > 0) found = i;
    return found;
}

static int distance(int a, int b)
{
    return abs(a % SIZE - b % SIZE) + abs(a / SIZE - b / SIZE);
}
static int larger(int a, int b) { return a > b ? a : b; }

/* Joint steps from (a, b) to success by breadth-first search over step. */
static int shortest(struct solo *s, int a, int b, int c, int d)
{
    static int depth[PAIRS], queue[PAIRS];
    int head = 0, tail = 0;
    memset(depth, 0, sizeof depth);
    queue[tail++] = a * CELLS + b;
    depth[queue[0]] = 1;
    while (head < tail) {
        int at = queue[head++];
        for (int pair = 0; pair < 25; pair++) {
            CHECK(put(s, at / CELLS, at % CELLS, c, d));
            s->index[0] = pair % 5;
            s->index[1] = pair / 5;
            bool over = solo_step(s);
            int to = seen(s, 0, 0) * CELLS + seen(s, 0, 1);
            if (over) return depth[at];
            if (depth[to]) continue;
            depth[to] = depth[at] + 1;
            queue[tail++] = to;
        }
    }
    return -1;
}

/* On an open grid the agents need exactly the better of the two assignments: the larger of its two
   distances. */
TEST(shortest_solutions)
{
    struct solo s;
    solo_open(&s, "spread", small, 1);
    CHECK(s.shape.time_limit == 40 && s.shape.obs.field[0].n == CELLS * 3);
    for (int i = 0; i < 60; i++) {
        solo_reset(&s);
        int a = seen(&s, 0, 0), b = seen(&s, 0, 1), c = seen(&s, 0, 2), d = -1;
        for (int j = 0; j < c; j++)
            if (s.io.obs[j * 3 + 2] > 0) d = j;
        CHECK(d >= 0 && a != b && a != c && a != d && b != c && b != d);
        CHECK(seen(&s, 1, 0) == b && seen(&s, 1, 1) == a);
        int straight = larger(distance(a, c), distance(b, d)),
            crossed = larger(distance(a, d), distance(b, c));
        CHECK(shortest(&s, a, b, c, d) == (straight < crossed ? straight : crossed));
    }
}

TEST(collisions)
{
    struct solo s;
    solo_open(&s, "spread", small, 1);
    struct { int a, b, move_a, move_b, to_a, to_b; } cases[] = {
        { 0, 2, 2, 3, 0, 2 }, /* both want cell 1: nobody moves */
        { 0, 1, 2, 3, 0, 1 }, /* swapping */
        { 0, 1, 2, 4, 0, 1 }, /* into one who stands */
        { 0, 3, 2, 2, 1, 3 }, /* against the edge */
        { 0, 1, 2, 2, 1, 2 }, /* following */
        { 5, 10, 0, 1, 1, 14 }, { 5, 10, 1, 0, 9, 6 }, { 5, 10, 3, 2, 4, 11 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(put(&s, cases[i].a, cases[i].b, 7, 12));
        s.index[0] = cases[i].move_a;
        s.index[1] = cases[i].move_b;
        CHECK(!solo_step(&s));
        CHECK(seen(&s, 0, 0) == cases[i].to_a && seen(&s, 0, 1) == cases[i].to_b);
    }
}

TEST(rewards)
{
    struct solo s;
    solo_open(&s, "spread", small, 1);
    struct { int action; float reward; } path[] = { { 2, 0.09f }, { 3, -0.11f }, { 2, 0.09f } };
    CHECK(put(&s, 0, 15, 1, 14));
    for (int i = 0; i < 3; i++) { /* A steps onto its landmark, off, and on again */
        s.index[0] = path[i].action;
        s.index[1] = 4;
        CHECK(!solo_step(&s));
        CHECK_NEAR(s.reward[0], path[i].reward, 1e-6);
        CHECK(s.reward[0] == s.reward[1]);
    }
    s.index[0] = 4;
    s.index[1] = 3;
    CHECK(solo_step(&s));
    CHECK_NEAR(s.reward[1], 1.09, 1e-6);
    CHECK(!put(&s, 1, 14, 1, 14) && !put(&s, 3, 3, 1, 14) && !put(&s, 3, 4, 1, 1));
}

MB_TESTS(T(shortest_solutions), T(collisions), T(rewards))
