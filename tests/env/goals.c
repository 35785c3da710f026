/* Environments with goals: arithmetic against closed forms and a plain second computation, mazes against a search. */
#include "solo.h"
#include <math.h>

static const float *field(const struct solo *s, int f) { return (const float *)(const void *)s->obs[f]; }

TEST(flipping_the_bits_that_differ_solves_it)
{
    for (int bits = 1; bits <= 64; bits += 21) {
        char text[32];
        snprintf(text, sizeof text, "bits=%d", bits);
        struct solo s;
        solo_open(&s, "bitflip", (const char *const[]){ text, NULL }, 3);
        CHECK(s.shape.time_limit == bits && s.shape.act.field[0].n == bits && s.shape.obs.field[2].n == bits);
        int ones = 0;
        for (int episode = 0; episode < 50; episode++) {
            solo_reset(&s);
            int left = 0;
            for (int i = 0; i < bits; i++) left += field(&s, 0)[i] != field(&s, 2)[i], ones += field(&s, 2)[i] == 1;
            for (int i = 0; i < bits; i++) {
                CHECK(field(&s, 0)[i] == field(&s, 1)[i]);
                if (field(&s, 0)[i] == field(&s, 2)[i]) continue;
                s.index[0] = i;
                CHECK(solo_step(&s) == (--left == 0));
                CHECK(s.reward[0] == (left ? -1.0f : 0.0f));
            }
        }
        CHECK_NEAR(ones / (50.0 * bits), 0.5, 5 * sqrt(0.25 / (50.0 * bits)));
    }
}

static bool put(struct solo *s, const double *v, int n)
{
    mb_error err = { 0 };
    solo_clear(s);
    return s->def->place(s->state, s->options, v, n, &s->io, &err);
}

/* The arm's tip by adding two vectors of given length, and by the law of cosines. */
TEST(the_arm_is_an_arm)
{
    struct solo s;
    solo_open(&s, "reacher-goal", NULL, 5);
    mb_rng r = mb_rng_make(2, "states", 0);
    for (int i = 0; i < 2000; i++) {
        double v[4] = { 6 * mb_uniform64(&r) - 3, 6 * mb_uniform64(&r) - 3, 0.1, -0.05 };
        CHECK(put(&s, v, 4));
        for (int k = 0; k < 2; k++) s.value[k] = 2 * (float)mb_uniform64(&r) - 1;
        bool over = solo_step(&s);
        double a = v[0] + 4 * 0.05 * (double)s.value[0], b = v[1] + 4 * 0.05 * (double)s.value[1];
        double x = 0.1 * cos(a) + 0.11 * cos(a + b), y = 0.1 * sin(a) + 0.11 * sin(a + b);
        CHECK_NEAR(field(&s, 1)[0], x, 1e-7);
        CHECK_NEAR(field(&s, 1)[1], y, 1e-7);
        CHECK_NEAR(x * x + y * y, 0.1 * 0.1 + 0.11 * 0.11 + 2 * 0.1 * 0.11 * cos(b), 1e-12);
        CHECK_NEAR(field(&s, 0)[0], cos(a), 1e-6);
        CHECK_NEAR(field(&s, 0)[3], sin(b), 1e-6);
        bool near = hypot(x - 0.1, y + 0.05) <= 0.02;
        CHECK(over == near && s.reward[0] == (near ? 0.0f : -1.0f));
    }
    CHECK(!put(&s, (double[]){ 0, 0, 0.2, 0.1 }, 4) && !put(&s, (double[]){ 0, 0, 0 }, 3));
    for (int i = 0; i < 500; i++) {
        solo_reset(&s);
        CHECK(hypot((double)field(&s, 2)[0], (double)field(&s, 2)[1]) <= 0.2 + 1e-6);
    }
}

TEST(the_ball_moves_as_told_and_stops_at_walls)
{
    struct solo s;
    solo_open(&s, "pointmaze", (const char *const[]){ "map=open", NULL }, 5);
    CHECK(put(&s, (double[]){ 2.5, 2.5, 1, -1, 5.5, 3.5 }, 6));
    s.value[0] = 0.5f, s.value[1] = 0;
    double v = 1, w = -1, x = 2.5, y = 2.5;
    for (int i = 0; i < 5; i++) { /* speed' = speed + 0.1 (10 force - speed), position' = position + 0.1 speed' */
        v += 0.1 * (5 - v), w += 0.1 * (0 - w), x += 0.1 * v, y += 0.1 * w;
        CHECK(!solo_step(&s));
        CHECK_NEAR(field(&s, 0)[0], x, 1e-5);
        CHECK_NEAR(field(&s, 0)[1], y, 1e-5);
        CHECK_NEAR(field(&s, 0)[2], v, 1e-5);
        CHECK_NEAR(field(&s, 0)[3], w, 1e-5);
    }
    s.value[0] = -1, s.value[1] = -1;
    for (int i = 0; i < 40; i++) solo_step(&s);
    CHECK_NEAR(field(&s, 0)[0], 1.1, 1e-5); /* in the corner, a tenth from both walls */
    CHECK_NEAR(field(&s, 0)[1], 1.1, 1e-5);
    CHECK(field(&s, 0)[2] == 0 && field(&s, 0)[3] == 0);
    CHECK(!put(&s, (double[]){ 0.5, 2.5, 0, 0, 5.5, 3.5 }, 6) && !put(&s, (double[]){ 1.05, 2.5, 0, 0, 5.5, 3.5 }, 6));
}

/* In each maze, every free cell can be reached from every other, cell by cell, with the nine choices: none is walled in. */
TEST(every_goal_can_be_reached)
{
    static const struct { const char *map; int w, h, free; } maps[] = { { "map=open", 7, 5, 15 }, { "map=u", 5, 5, 7 }, { "map=medium", 8, 8, 26 } };
    for (int m = 0; m < 3; m++) {
        struct solo s;
        solo_open(&s, "pointmaze", (const char *const[]){ maps[m].map, "actions=discrete", NULL }, 5);
        CHECK(s.shape.act.nfields == 1 && s.shape.act.field[0].n == 9);
        bool seen[64] = { 0 };
        int stack[64], n = 0, cells = 0, free = 0;
        for (int c = 0; c < maps[m].w * maps[m].h; c++) {
            bool is = put(&s, (double[]){ c % maps[m].w + 0.5, c / maps[m].w + 0.5, 0, 0, 1.5, 1.5 }, 6);
            if (is && !free++) stack[n++] = c, seen[c] = true;
        }
        while (n > 0) {
            int c = stack[--n];
            cells++;
            static const int push[] = { 1, 3, 5, 7 };
            for (int k = 0; k < 4; k++) {
                put(&s, (double[]){ c % maps[m].w + 0.5, c / maps[m].w + 0.5, 0, 0, 1.5, 1.5 }, 6);
                s.index[0] = push[k];
                for (int t = 0; t < 4; t++) solo_step(&s); /* 0.1 + 0.19 + 0.271 + 0.344 of a cell */
                int to = (int)field(&s, 0)[1] * maps[m].w + (int)field(&s, 0)[0];
                if (!seen[to]) seen[to] = true, stack[n++] = to;
            }
        }
        CHECK(cells == free && free == maps[m].free);
    }
}

/* The hypothetical answers: whatever the two goals, what goal_reward says is what the rule of the page says. */
TEST(other_goals_are_judged_by_the_same_rule)
{
    struct solo s;
    solo_open(&s, "pointmaze", NULL, 5);
    mb_rng r = mb_rng_make(4, "goals", 0);
    for (int i = 0; i < 1000; i++) {
        float a[2], d[2];
        for (int k = 0; k < 2; k++) a[k] = mb_uniform(&r, 0, 2), d[k] = mb_uniform(&r, 0, 2);
        mb_step got = s.def->goal_reward(s.options, a, d);
        bool near = hypot((double)a[0] - (double)d[0], (double)a[1] - (double)d[1]) <= 0.45;
        CHECK(got.terminated == near && got.reward == (near ? 0.0f : -1.0f));
    }
    solo_open(&s, "pointmaze", (const char *const[]){ "ends=false", NULL }, 5);
    CHECK(!s.def->goal_reward(s.options, (float[]){ 1, 1 }, (float[]){ 1, 1 }).terminated);
}

MB_TESTS(T(flipping_the_bits_that_differ_solves_it), T(the_arm_is_an_arm), T(the_ball_moves_as_told_and_stops_at_walls), T(every_goal_can_be_reached),
         T(other_goals_are_judged_by_the_same_rule))
