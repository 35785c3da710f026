/* Doors: where every step leads, and the joint frequencies of both sources behind each door. */
#include "solo.h"
#include <math.h>

TEST(sources_belong_together_as_the_page_says)
{
    enum { N = 4000 };
    static const double both[] = { 0, 0.5, 0.25, 0.6 }, first[] = { 0.5, 0.5, 0.5, 0.6 };
    struct solo s;
    solo_open(&s, "doors", (const char *const[]){ "passage=3", NULL }, 7);
    CHECK(s.shape.obs.field[0].n == 13 && s.shape.obs.field[1].n == 2);
    for (int door = 0; door < 4; door++) {
        int n1 = 0, n2 = 0, n12 = 0;
        for (int i = 0; i < N; i++) {
            solo_reset(&s);
            CHECK(s.io.obs[0] == 1);
            for (int t = 1; t <= 3; t++) {
                s.index[0] = t == 1 ? door : (door + t) % 4; /* later actions do not matter */
                bool over = solo_step(&s);
                const float *got = (const float *)(const void *)s.obs[1];
                CHECK(over == (t == 3) && s.io.obs[1 + 3 * door + t - 1] == 1 && s.io.obs[0] == 0);
                CHECK(s.reward[0] == got[0] + got[1] && (t == 3 || s.reward[0] == 0));
                if (over) n1 += got[0] > 0, n2 += got[1] > 0, n12 += got[0] > 0 && got[1] > 0;
            }
        }
        double sd = 5 * sqrt(0.25 / N);
        CHECK_NEAR(n1 / (double)N, first[door], sd);
        CHECK_NEAR(n2 / (double)N, first[door], sd);
        CHECK_NEAR(n12 / (double)N, both[door], sd);
    }
    mb_error err = { 0 };
    CHECK(!s.def->place(s.state, s.options, (double[]){ 0, 3 }, 2, &s.io, &err));
    CHECK_ERROR(err, "steps in [0, 2]");
}

MB_TESTS(T(sources_belong_together_as_the_page_says))
