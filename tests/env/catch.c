/* Catch: every column, every course of the paddle, from closed forms. */
#include "env/arcade/catch.c"
#include "mb_test.h"

static float obs[64 * 64];
static int32_t action;
static mb_io io = { .index = &action, .obs = obs, .obs_field = { obs } };

static struct catch_options defaults(void)
{
    struct catch_options o;
    mb_options_default(catch_option_rows, &o);
    return o;
}

/* Play one episode with a policy that always moves `move`; the return. */
static float play(int ball, int paddle, int move, int *length)
{
    struct catch_options o = defaults();
    struct catch_state s;
    mb_error err = { 0 };
    mb_rng rng = mb_rng_make(1, "env", 0);
    CHECK(place(&s, &o, (double[]){ ball, 0, paddle }, 3, &io, &err));
    action = move;
    float total = 0;
    for (*length = 0;; ) {
        mb_step out = step(&s, &o, &rng, &io);
        total += out.reward;
        (*length)++;
        float ones = 0;
        for (int i = 0; i < o.rows * o.columns; i++) ones += obs[i];
        CHECK(ones == (out.terminated && s.ball_x == s.paddle_x ? 1 : 2));
        if (out.terminated) return total;
    }
}

TEST(outcome_follows_from_the_landing_cell)
{
    for (int ball = 0; ball < 5; ball++)
        for (int paddle = 0; paddle < 5; paddle++) {
            int length, lands[3] = { 0, paddle, 4 }; /* nine moves reach either wall */
            for (int move = LEFT; move <= RIGHT; move++) {
                CHECK(play(ball, paddle, move, &length) == (lands[move] == ball ? 1.0f : -1.0f));
                CHECK(length == 9);
            }
        }
}

TEST(start_is_uniform_over_columns)
{
    struct catch_options o = defaults();
    struct catch_state s;
    mb_rng rng = mb_rng_make(3, "env", 0);
    int n[5] = { 0 };
    for (int i = 0; i < 50000; i++) {
        reset(&s, &o, &rng, &io);
        n[s.ball_x]++;
        CHECK(s.paddle_x == 2 && s.ball_y == 0);
    }
    for (int c = 0; c < 5; c++) CHECK_NEAR(n[c], 10000, 450); /* five standard deviations */
}

TEST(place_refuses_what_is_no_state)
{
    struct catch_options o = defaults();
    struct catch_state s;
    mb_error err = { 0 };
    CHECK(!place(&s, &o, (double[]){ 5, 0, 0 }, 3, &io, &err));
    CHECK_ERROR(err, "[0, 4], not 5");
    err = (mb_error){ 0 };
    CHECK(!place(&s, &o, (double[]){ 0, 9, 0 }, 3, &io, &err));
    CHECK_ERROR(err, "[0, 8], not 9");
}

MB_TESTS(T(outcome_follows_from_the_landing_cell), T(start_is_uniform_over_columns), T(place_refuses_what_is_no_state))
