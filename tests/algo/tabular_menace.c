/* MENACE: the number of boxes and beads that Michie gives, the rule of reinforcement, and what it learns. */
#include "../../bench/rows/agent.h"
#include "mb_test.h"
#include <math.h>

/* The beginning of the algorithm's state, as in src/algo/tabular/menace.c. */
struct boxes { int nboxes, nfirst; int32_t *box_of, *code, *beads, *game; };

static int stones(int code)
{
    int n = 0;
    for (; code; code /= 3) n += code % 3 != 0;
    return n;
}

static int beads_in(const struct boxes *s, int box)
{
    int n = 0;
    for (int i = 0; i < 9; i++) n += s->beads[box * 9 + i];
    return n;
}

/* Michie's count: 304 boxes, 1 + 12 + 108 + 183 for the machine's first to fourth move. */
TEST(there_are_304_boxes)
{
    struct agent a;
    agent_open(&a, "menace", "tictactoe", NULL, 1, 100);
    const struct boxes *s = a.self;
    int stage[9] = { 0 };
    CHECK(s->nfirst == 304);
    for (int box = 0; box < s->nboxes; box++) stage[stones(s->code[box])]++;
    CHECK(stage[0] == 1 && stage[2] == 12 && stage[4] == 108 && stage[6] == 183 && stage[8] == 0);
    CHECK(stage[1] == 3 && stage[3] == 38); /* known counts of positions up to symmetry */
    for (int code = 0; code < 19683; code++) CHECK(s->box_of[code] < 0 || s->code[s->box_of[code]] == code);
    agent_close(&a);
}

/* Three distinct first moves with 4 beads each; later boxes hold 3, 2, 1 for every distinct move. */
TEST(a_new_box_is_stocked_by_stage)
{
    struct agent a;
    agent_open(&a, "menace", "tictactoe", NULL, 1, 100);
    const struct boxes *s = a.self;
    CHECK(s->code[0] == 0 && beads_in(s, 0) == 12);
    for (int box = 0; box < s->nfirst; box++) {
        int per_move = 4 - stones(s->code[box]) / 2;
        for (int i = 0; i < 9; i++) CHECK(s->beads[box * 9 + i] == 0 || s->beads[box * 9 + i] == per_move);
        CHECK(beads_in(s, box) > 0);
    }
    agent_close(&a);
}

/* Play single moves and account for every bead: only boxes opened in the ended game change, by +3, +1 or -1. */
TEST(beads_follow_the_result)
{
    struct agent a;
    agent_open(&a, "menace", "tictactoe", (const char *const[]){ "horizon=1", NULL }, 5, 3000);
    const struct boxes *s = a.self;
    const mb_vec_view *v = mb_vec_view_of(a.run.vec);
    int32_t before[12];
    int64_t sum = 0, ended = 0, wins = 0;
    for (int box = 0; box < s->nboxes; box++) sum += beads_in(s, box);
    while (a.run.step < 3000) {
        bool resigned = s->game[1];
        memcpy(before, s->game, sizeof before);
        agent_train(&a, a.run.step + 1);
        int64_t now = 0;
        for (int box = 0; box < s->nboxes; box++) now += beads_in(s, box);
        if (v->terminated[0] && !resigned) {
            int change = v->reward[0] > 0 ? 3 : v->reward[0] < 0 ? -1 : 1;
            int moves = before[0] + 1; /* the last one is remembered and forgotten within the step */
            CHECK(now - sum == change * moves || now - sum == change * before[0]); /* a forced last move opens no box */
            ended++;
            wins += change == 3;
        }
        sum = now;
    }
    CHECK(ended > 300 && wins > 100);
    agent_close(&a);
}

static double score(const char *opponent, uint64_t seed, int64_t steps)
{
    char setting[64];
    snprintf(setting, sizeof setting, "env.opponent=%s", opponent);
    struct agent a;
    agent_open(&a, "menace", "tictactoe", (const char *const[]){ setting, NULL }, seed, steps);
    agent_train(&a, steps - 2000);
    const mb_vec_view *v = mb_vec_view_of(a.run.vec);
    double sum = 0, games = 0;
    mb_actor actor;
    CHECK(a.algo->actor(&a.run, a.self, a.algo_options, a.run.vec, &actor, &a.err));
    for (int i = 0; i < 2000; i++) {
        CHECK(actor.act(actor.self, a.run.vec, true, &a.err) && mb_vec_step(a.run.vec, &a.err));
        if (v->terminated[0]) { sum += (double)v->reward[0]; games++; }
    }
    agent_close(&a);
    return sum / games;
}

TEST(learns_to_beat_chance_and_to_hold_perfection)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        CHECK(score("random", seed, 22000) > 0.8);
        CHECK(score("perfect", seed, 22000) > -0.02); /* a draw is all there is */
    }
}

TEST(plays_nothing_else)
{
    struct agent a;
    CHECK(!agent_try(&a, "menace", "connect-four", NULL, 1, 1, 10));
    CHECK_ERROR(a.err, "train it on tictactoe");
}

MB_TESTS(T(there_are_304_boxes), T(a_new_box_is_stocked_by_stage), T(beads_follow_the_result),
         T(learns_to_beat_chance_and_to_hold_perfection), T(plays_nothing_else))
