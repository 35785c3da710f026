/* Connect Four: published position counts, a brute-force judge of every final position, and random
   play. */
#include "solo.h"

enum { COLUMNS = 7, ROWS = 6, CELLS = 42, LAST_PLY = 8, SLOTS = 1 << 19 };
static const char *const self_play[] = { "opponent=self", NULL };

static int cell(const struct solo *s, int agent, int row, int column)
{
    const float *at = s->io.obs + (agent * CELLS + row * COLUMNS + column) * 3;
    return at[0] > 0 ? 1 : at[1] > 0 ? 2 : 0;
}

/* Does `who` (1 own, 2 other) hold four in a line in agent 0's view?  Every start and direction. */
static bool four_in_line(const struct solo *s, int who)
{
    static const int step[4][2] = { { 0, 1 }, { 1, 0 }, { 1, 1 }, { 1, -1 } };
    for (int row = 0; row < ROWS; row++)
        for (int column = 0; column < COLUMNS; column++)
            for (int d = 0; d < 4; d++) {
                int n = 0;
                for (int i = 0; i < 4; i++) {
                    int r = row + i * step[d][0], c = column + i * step[d][1];
                    n += r >= 0 && r < ROWS && c >= 0 && c < COLUMNS && cell(s, 0, r, c) == who;
                }
                if (n == 4) return true;
            }
    return false;
}

struct node { char state[32]; uint64_t own, other; bool over; };
struct level { struct node *node; int n; };

static struct node read_node(const struct solo *s, bool over)
{
    struct node node = { .over = over };
    memcpy(node.state, s->state, s->shape.state_size);
    for (int i = 0; i < CELLS; i++) {
        int c = cell(s, 0, i / COLUMNS, i % COLUMNS);
        if (c == 1) node.own |= (uint64_t)1 << i;
        if (c == 2) node.other |= (uint64_t)1 << i;
    }
    return node;
}

static void add_unique(struct level *level, int *slot, struct node node)
{
    uint64_t h = (node.own * 0x9e3779b97f4a7c15u ^ node.other) * 0xd6e8feb86659fd93u;
    for (uint64_t i = h >> 45;; i = (i + 1) % SLOTS) {
        if (!slot[i]) {
            slot[i] = level->n + 1;
            level->node[level->n++] = node;
            return;
        }
        const struct node *there = &level->node[slot[i] - 1];
        if (there->own == node.own && there->other == node.other) return;
    }
}

/* Legal positions after n plies: 1, 7, 49, 238, ... (OEIS A212693, Tromp). */
TEST(position_counts)
{
    static const int expected[LAST_PLY + 1] = { 1, 7, 49, 238, 1120, 4263, 16422, 54859, 184275 };
    struct solo s;
    solo_open(&s, "connect-four", self_play, 1);
    CHECK(s.shape.state_size <= sizeof ((struct node *)0)->state);
    int *slot = malloc(SLOTS * sizeof *slot);
    struct level now = { malloc(sizeof(struct node)), 1 };
    solo_reset(&s);
    now.node[0] = read_node(&s, false);
    for (int ply = 1; ply <= LAST_PLY; ply++) {
        struct level next = { malloc((size_t)now.n * COLUMNS * sizeof(struct node)), 0 };
        memset(slot, 0, SLOTS * sizeof *slot);
        for (int i = 0; i < now.n; i++)
            for (int c = 0; c < COLUMNS && !now.node[i].over; c++) {
                memcpy(s.state, now.node[i].state, s.shape.state_size);
                s.index[!(ply & 1)] = c;
                s.index[ply & 1] = (c + 3) % COLUMNS;
                bool over = solo_step(&s);
                bool line = ply > 6 && over ? four_in_line(&s, ply & 1 ? 1 : 2) : false;
                if (over && !line) continue; /* a full column */
                add_unique(&next, slot, read_node(&s, over));
            }
        free(now.node);
        now = next;
        CHECK(now.n == expected[ply]);
    }
    free(now.node);
    free(slot);
}

static int legal_move(struct solo *s, int agent)
{
    for (;;) {
        int a = mb_below(&s->rng, COLUMNS);
        if (s->mask[agent * COLUMNS + a]) return a;
    }
}

/* Every position of random games, judged independently. */
TEST(brute_force_judge)
{
    struct solo s;
    solo_open(&s, "connect-four", self_play, 2);
    for (int game = 0; game < 3000; game++) {
        solo_reset(&s);
        bool over = false;
        int stones = 0;
        while (!over) {
            int mover = s.active[1];
            for (int c = 0; c < COLUMNS; c++)
                CHECK(s.mask[mover * COLUMNS + c] == (cell(&s, 0, 0, c) == 0) &&
                      s.mask[!mover * COLUMNS + c] == 1);
            s.index[mover] = legal_move(&s, mover);
            over = solo_step(&s);
            bool first = four_in_line(&s, 1), second = four_in_line(&s, 2);
            CHECK(over == (first || second || ++stones == CELLS));
            CHECK(s.reward[0] == (float)(first - second) && s.reward[1] == -s.reward[0]);
            for (int i = 0; i < CELLS; i++) {
                int a = cell(&s, 0, i / COLUMNS, i % COLUMNS),
                    b = cell(&s, 1, i / COLUMNS, i % COLUMNS);
                CHECK(b == (3 - a) % 3);
            }
        }
    }
}

struct score { double win, loss, draw; };
static struct score play_random(const char *opponent, const char *side, int games)
{
    const char *const settings[] = { opponent, side, NULL };
    struct score score = { 0 };
    struct solo s;
    solo_open(&s, "connect-four", settings, 3);
    for (int game = 0; game < games; game++) {
        solo_reset(&s);
        do s.index[0] = legal_move(&s, 0);
        while (!solo_step(&s));
        score.win += s.reward[0] > 0;
        score.loss += s.reward[0] < 0;
        score.draw += s.reward[0] == 0;
    }
    return (struct score){ score.win / games, score.loss / games, score.draw / games };
}

/* Win, loss and draw rates of random play, from tests/reference/connect_four.py (400,000 games). */
TEST(random_play)
{
    const double win = 0.5559, loss = 0.4416, draw = 0.0026;
    struct score first = play_random("opponent=random", "side=first", 40000);
    CHECK_NEAR(first.win, win, 0.008);
    CHECK_NEAR(first.loss, loss, 0.008);
    CHECK_NEAR(first.draw, draw, 0.002);
    struct score second = play_random("opponent=random", "side=second", 40000);
    CHECK_NEAR(second.win, loss, 0.008);
    CHECK_NEAR(second.loss, win, 0.008);
}

/* Put a position in rows of text, top first: x is the first player. */
static bool place(struct solo *s, const char *rows, double color, mb_error *err)
{
    double v[CELLS + 1];
    for (int i = 0; i < CELLS; i++) v[i] = rows[i] == 'x' ? 1 : rows[i] == 'o' ? 2 : 0;
    v[CELLS] = color;
    solo_clear(s);
    return s->def->place(s->state, s->options, v, CELLS + 1, &s->io, err);
}

TEST(greedy_tactics)
{
    const char *const settings[] = { "opponent=greedy", NULL };
    struct solo s;
    mb_error err = { 0 };
    solo_open(&s, "connect-four", settings, 4);
    for (int i = 0; i < 50; i++) { /* x makes an open pair into three: o must stop it */
        CHECK(place(&s, "......." "......." "......." "......." "o......" "oxx....", 0, &err));
        s.index[0] = 3;
        CHECK(!solo_step(&s));
        CHECK(cell(&s, 0, 5, 4) == 2);
    }
    for (int i = 0; i < 50; i++) { /* o wins in column 0, although x threatens as well */
        CHECK(place(&s, "......." "......." "......." "o......" "o......" "oxx...x", 0, &err));
        s.index[0] = 3;
        CHECK(solo_step(&s));
        CHECK(s.reward[0] == -1);
    }
    struct score score = play_random("opponent=greedy", "side=first", 4000);
    CHECK(score.loss > 0.8);
}

TEST(illegal_move_loses)
{
    struct solo s;
    solo_open(&s, "connect-four", self_play, 1);
    solo_reset(&s);
    for (int i = 0; i < ROWS; i++) {
        s.index[i & 1] = 2;
        CHECK(!solo_step(&s));
    }
    CHECK(s.mask[2] == 0);
    s.index[0] = 2;
    CHECK(solo_step(&s));
    CHECK(s.reward[0] == -1 && s.reward[1] == 1);
}

TEST(place_errors)
{
    struct solo s;
    mb_error err = { 0 };
    solo_open(&s, "connect-four", NULL, 1);
    CHECK(!place(&s, "......." "......." "......." "......." "...x..." "......o", 0, &err));
    CHECK_ERROR(err, "hangs in the air");
    err = (mb_error){ 0 };
    CHECK(!place(&s, "......." "......." "......." "......." "ooo...." "xxxx...", 1, &err));
    CHECK_ERROR(err, "game is over");
    err = (mb_error){ 0 };
    CHECK(!place(&s, "......." "......." "......." "......." "......." "x......", 0, &err));
    CHECK_ERROR(err, "opponent's turn");
}

MB_TESTS(T(position_counts), T(brute_force_judge), T(random_play), T(greedy_tactics),
         T(illegal_move_loses), T(place_errors))
