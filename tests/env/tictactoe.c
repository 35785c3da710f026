/* Tic-tac-toe: its whole game tree walked through the environment's own step. */
#include "solo.h"

enum { SQUARES = 9, STATES = 19683 }; /* 3^9 */
static const char *const self_play[] = { "opponent=self", NULL };

struct tree {
    struct solo env;
    long games, first_wins, second_wins, draws, positions;
    bool seen[STATES];
    signed char value[STATES];
};

/* The board as a number in base 3, from agent 0's observation (0 empty, 1 own, 2 the other's). */
static int board_id(const struct solo *s)
{
    int id = 0;
    for (int i = 0; i < SQUARES; i++) {
        const float *square = s->io.obs + 3 * i;
        id = id * 3 + (square[0] > 0 ? 1 : square[1] > 0 ? 2 : 0);
    }
    return id;
}

/* Visit everything below the current state and return its value for the first player. */
static int walk(struct tree *t, bool over)
{
    struct solo *s = &t->env;
    int id = board_id(s);
    t->positions += !t->seen[id];
    t->seen[id] = true;
    if (over) {
        int value = (s->reward[0] > 0) - (s->reward[0] < 0);
        CHECK(s->reward[0] == -s->reward[1]);
        t->games++;
        t->first_wins += value > 0;
        t->second_wins += value < 0;
        t->draws += value == 0;
        return t->value[id] = (signed char)value;
    }
    int mover = s->active[1];
    CHECK(s->active[0] + s->active[1] == 1);
    char state[64];
    uint8_t legal[SQUARES];
    memcpy(state, s->state, s->shape.state_size);
    memcpy(legal, s->mask + mover * SQUARES, SQUARES);
    int best = mover ? 2 : -2;
    for (int a = 0; a < SQUARES; a++) {
        CHECK(legal[a] == (id / (int)lround(pow(3, 8 - a)) % 3 == 0));
        if (!legal[a]) continue;
        memcpy(s->state, state, s->shape.state_size);
        s->index[mover] = a;
        s->index[!mover] = (a + 5) % SQUARES; /* the waiting agent's action must not matter */
        int value = walk(t, solo_step(s));
        if (mover ? value < best : value > best) best = value;
    }
    return t->value[id] = (signed char)best;
}

static struct tree tree; /* also read by the tests after the first */

/* The published counts: 255,168 games (131,184 / 77,904 / 46,080), 5,478 positions, a draw with
   best play. */
TEST(game_tree)
{
    solo_open(&tree.env, "tictactoe", self_play, 1);
    solo_reset(&tree.env);
    CHECK(tree.env.shape.nagents == 2);
    CHECK(walk(&tree, false) == 0);
    CHECK(tree.games == 255168);
    CHECK(tree.first_wins == 131184);
    CHECK(tree.second_wins == 77904);
    CHECK(tree.draws == 46080);
    CHECK(tree.positions == 5478);
}

static int swap_colors(int id)
{
    int out = 0;
    for (int p = 1; p < STATES; p *= 3) out += p * ((3 - id / p % 3) % 3);
    return out;
}

/* Whatever a random mover does, the perfect opponent's reply never worsens its exact value. */
TEST(perfect_never_errs)
{
    for (int side = 0; side < 2; side++) {
        const char *const settings[] = { "opponent=perfect", side ? "side=second" : "side=first",
                                         NULL };
        struct solo s;
        solo_open(&s, "tictactoe", settings, 7);
        int wins = 0, losses = 0;
        for (int game = 0; game < 2000; game++) {
            solo_reset(&s);
            bool over = false;
            while (!over) {
                int a = mb_below(&s.rng, SQUARES);
                if (!s.mask[a]) continue;
                int id = board_id(&s);
                id += (int)lround(pow(3, 8 - a)); /* the position the opponent faced */
                if (side) id = swap_colors(id);
                s.index[0] = a;
                over = solo_step(&s);
                int after = board_id(&s);
                if (side) after = swap_colors(after);
                CHECK(tree.seen[id] && tree.seen[after] && tree.value[after] == tree.value[id]);
            }
            wins += s.reward[0] > 0;
            losses += s.reward[0] < 0;
        }
        CHECK(wins == 0);
        CHECK(losses > 1000);
    }
}

/* Every optimal first reply occurs: the opening rules against the enumerated values. */
TEST(perfect_openings)
{
    const char *const settings[] = { "opponent=perfect", NULL };
    struct solo s;
    solo_open(&s, "tictactoe", settings, 3);
    for (int a = 0; a < SQUARES; a++) {
        bool replied[SQUARES] = { false };
        for (int game = 0; game < 400; game++) {
            solo_reset(&s);
            s.index[0] = a;
            CHECK(!solo_step(&s));
            for (int b = 0; b < SQUARES; b++)
                if (s.io.obs[3 * b + 1] > 0) replied[b] = true;
        }
        for (int b = 0; b < SQUARES; b++) {
            int id = (int)lround(pow(3, 8 - a) + 2 * pow(3, 8 - b));
            CHECK(replied[b] == (a != b && tree.value[id] == 0));
        }
    }
}

/* Random play, from the tree: the first player wins 58.5 %, loses 28.8 %. */
TEST(random_play)
{
    struct solo s;
    solo_open(&s, "tictactoe", NULL, 11);
    int games = 40000, wins = 0, losses = 0;
    for (int game = 0; game < games; game++) {
        solo_reset(&s);
        bool over = false;
        while (!over) {
            int a = mb_below(&s.rng, SQUARES);
            if (!s.mask[a]) continue;
            s.index[0] = a;
            over = solo_step(&s);
        }
        wins += s.reward[0] > 0;
        losses += s.reward[0] < 0;
    }
    CHECK_NEAR((double)wins / games, 737.0 / 1260, 0.01);
    CHECK_NEAR((double)losses / games, 121.0 / 420, 0.01);
}

TEST(illegal_move_loses)
{
    struct solo s;
    solo_open(&s, "tictactoe", self_play, 1);
    solo_reset(&s);
    s.index[0] = 4;
    CHECK(!solo_step(&s));
    CHECK(s.active[1] == 1 && s.active[0] == 0 && s.mask[SQUARES + 4] == 0 && s.mask[4] == 1);
    s.index[1] = 4;
    CHECK(solo_step(&s));
    CHECK(s.reward[0] == 1 && s.reward[1] == -1);
}

TEST(sides)
{
    const char *const settings[] = { "opponent=self", "side=random", NULL };
    struct solo s;
    solo_open(&s, "tictactoe", settings, 5);
    int first = 0;
    for (int i = 0; i < 1000; i++) {
        solo_reset(&s);
        first += s.active[0];
        CHECK(s.io.obs[2] == (float)s.active[0] && s.io.obs[27 + 2] == (float)s.active[1]);
    }
    CHECK(first > 400 && first < 600);
}

TEST(place)
{
    struct solo s;
    mb_error err = { 0 };
    solo_open(&s, "tictactoe", NULL, 1);
    double v[] = { 1, 1, 0, 2, 2, 0, 0, 0, 0, 0 };
    CHECK(s.def->place(s.state, s.options, v, 10, &s.io, &err));
    s.index[0] = 2;
    CHECK(solo_step(&s) && s.reward[0] == 1);
    v[9] = 1;
    CHECK(!s.def->place(s.state, s.options, v, 10, &s.io, &err));
    CHECK_ERROR(err, "opponent's turn");
    err = (mb_error){ 0 };
    v[5] = 2;
    CHECK(!s.def->place(s.state, s.options, v, 10, &s.io, &err));
    CHECK_ERROR(err, "they move in turn");
    err = (mb_error){ 0 };
    CHECK(!s.def->place(s.state, s.options, v, 9, &s.io, &err));
    CHECK_ERROR(err, "10 numbers");
}

MB_TESTS(T(game_tree), T(perfect_never_errs), T(perfect_openings), T(random_play),
         T(illegal_move_loses), T(sides), T(place))
