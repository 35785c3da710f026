/* Soccer: every state and pair of moves against the rules of the paper, written down again in board
   coordinates. */
#include "solo.h"

enum { W = 5, H = 4 };
struct board { int x[2], y[2], ball, scorer; };

/* The paper's rules for one order of moves.  Moves are compass directions on the board: N S E W
   stand. */
static struct board play(struct board b, int first, const int move[2])
{
    static const char *const steps[5] = { "0-", "0+", "+0", "-0", "00" };
    b.scorer = -1;
    for (int turn = 0; turn < 2 && b.scorer < 0; turn++) {
        int p = turn ? !first : first, q = !p;
        const char *d = steps[move[p]];
        int x = b.x[p] + (d[0] == '+') - (d[0] == '-'), y = b.y[p] + (d[1] == '+') - (d[1] == '-');
        if (x == b.x[p] && y == b.y[p]) continue;
        if (x == b.x[q] && y == b.y[q]) b.ball = q;
        else if (p == 0 && b.ball == 0 && x == -1 && (y == 1 || y == 2)) b.scorer = 0;
        else if (p == 1 && b.ball == 1 && x == W && (y == 1 || y == 2)) b.scorer = 1;
        else if (x >= 0 && x < W && y >= 0 && y < H) b.x[p] = x, b.y[p] = y;
    }
    return b;
}

static bool equal(struct board a, struct board b)
{
    return a.x[0] == b.x[0] && a.x[1] == b.x[1] && a.y[0] == b.y[0] && a.y[1] == b.y[1] &&
           a.ball == b.ball && a.scorer == b.scorer;
}

/* The board as agent k sees it, turned back when k is B. */
static struct board seen(const struct solo *s, int k)
{
    struct board b = { .scorer = s->reward[0] > 0 ? 0 : s->reward[1] > 0 ? 1 : -1, .ball = -1 };
    for (int i = 0; i < W * H; i++) {
        const float *at = s->io.obs + (k * W * H + (k ? W * H - 1 - i : i)) * 3;
        for (int p = 0; p < 2; p++)
            if (at[p ^ k] > 0) {
                b.x[p] = i % W, b.y[p] = i / W;
                if (at[2] > 0) b.ball = p;
            }
    }
    return b;
}

static bool put(struct solo *s, struct board b)
{
    mb_error err = { 0 };
    double v[5] = { b.x[0], b.y[0], b.x[1], b.y[1], b.ball };
    solo_clear(s);
    return s->def->place(s->state, s->options, v, 5, &s->io, &err);
}

static const char *const no_draw[] = { "draw=0", NULL };

TEST(every_transition)
{
    static const int turned[5] = { 1, 0, 3, 2, 4 }; /* B's actions are turned by half a turn */
    struct solo s;
    solo_open(&s, "soccer", no_draw, 1);
    long orders[2] = { 0 }, states = 0;
    for (int code = 0; code < W * H * W * H * 2; code++) {
        int a = code / 2 % (W * H), b = code / 2 / (W * H);
        if (a == b) continue;
        states++;
        struct board from = { { a % W, b % W }, { a / W, b / W }, code & 1, -1 };
        for (int pair = 0; pair < 25; pair++) {
            int move[2] = { pair % 5, pair / 5 };
            CHECK(put(&s, from) && equal(seen(&s, 0), from));
            s.index[0] = move[0];
            s.index[1] = turned[move[1]];
            bool over = solo_step(&s);
            struct board to = seen(&s, 0), a_first = play(from, 0, move),
                         b_first = play(from, 1, move);
            bool was_a = equal(to, a_first), was_b = equal(to, b_first);
            CHECK((was_a || was_b) && equal(to, seen(&s, 1)));
            CHECK(over == (to.scorer >= 0) && s.reward[0] == -s.reward[1]);
            if (was_a != was_b) orders[was_b]++;
        }
    }
    CHECK(states == 760);
    CHECK_NEAR(orders[0], (double)(orders[0] + orders[1]) / 2,
               3 * sqrt((double)(orders[0] + orders[1])));
    CHECK(orders[0] > 100);
}

TEST(kick_off)
{
    struct solo s;
    solo_open(&s, "soccer", NULL, 2);
    int ball = 0;
    for (int i = 0; i < 2000; i++) {
        solo_reset(&s);
        struct board b = seen(&s, 0);
        CHECK(b.x[0] == 3 && b.y[0] == 1 && b.x[1] == 1 && b.y[1] == 2);
        ball += b.ball;
    }
    CHECK_NEAR(ball, 1000, 120);
}

/* A game where nobody can score is drawn after ten steps on average; random play is even. */
TEST(draws_and_balance)
{
    struct solo s;
    solo_open(&s, "soccer", NULL, 3);
    enum { GAMES = 20000 };
    double steps = 0, score[2] = { 0 };
    for (int i = 0; i < GAMES; i++) {
        solo_reset(&s);
        s.index[0] = s.index[1] = 4;
        do steps++;
        while (!solo_step(&s));
        CHECK(s.reward[0] == 0 && s.reward[1] == 0);
    }
    CHECK_NEAR(steps / GAMES, 10, 0.35);
    solo_open(&s, "soccer", no_draw, 4);
    for (int i = 0; i < GAMES / 4; i++) {
        solo_reset(&s);
        do s.index[0] = mb_below(&s.rng, 5), s.index[1] = mb_below(&s.rng, 5);
        while (!solo_step(&s));
        for (int k = 0; k < 2; k++) score[k] += s.reward[k] > 0;
    }
    CHECK(score[0] + score[1] == GAMES / 4);
    CHECK_NEAR(score[0], score[1], 5 * sqrt(score[0] + score[1]));
}

TEST(refused_states)
{
    struct solo s;
    mb_error err = { 0 };
    solo_open(&s, "soccer", NULL, 1);
    double v[5] = { 1, 1, 1, 1, 0 };
    CHECK(!s.def->place(s.state, s.options, v, 5, &s.io, &err));
    CHECK_ERROR(err, "both players stand at (1, 1)");
    err = (mb_error){ 0 };
    v[0] = 0.5;
    CHECK(!s.def->place(s.state, s.options, v, 5, &s.io, &err));
    CHECK_ERROR(err, "whole number in [0, 4], not 0.5");
}

MB_TESTS(T(every_transition), T(kick_off), T(draws_and_balance), T(refused_states))
