/* What the two-player board games share: who sits where, legal-move masks, and how a game is paid
   out.

   A game is seen by colors: color 0 moves first.  With opponent=self the environment has two agents
   that move in turn (the waiting one is inactive and its action is ignored); otherwise it has one
   agent, and the built-in opponent answers inside reset and step.  `flip` is the color of agent 0,
   so agent k plays color k ^ flip. */
#ifndef MB_ENV_BOARD_H
#define MB_ENV_BOARD_H
#include "matchbox/env.h"

enum board_opponent { BOARD_SELF, BOARD_RANDOM, BOARD_EXPERT };
enum board_side { BOARD_FIRST, BOARD_SECOND, BOARD_EITHER };
enum { BOARD_DRAW = -1, BOARD_PLANES = 3 };

static inline int board_agents(int opponent) { return opponent == BOARD_SELF ? 2 : 1; }

/* The color agent 0 plays in a new game. */
static inline int board_flip(int side, mb_rng *rng)
{
    return side == BOARD_EITHER ? mb_below(rng, 2) : side == BOARD_SECOND;
}

/* Position of the n-th set bit (n = 0: the lowest), for n below the number of set bits. */
static inline int board_nth_bit(uint64_t set, int n)
{
    while (n-- > 0) set &= set - 1;
    return __builtin_ctzll(set);
}
static inline int board_random_bit(uint64_t set, mb_rng *rng)
{
    return board_nth_bit(set, mb_below(rng, __builtin_popcountll(set)));
}

/* The game goes on with `turn` to move: the mover's mask shows the `nmoves` low bits of `legal`,
   the others wait. */
static inline void board_turn(mb_io *io, int nagents, int flip, int turn, uint64_t legal,
                              int nmoves)
{
    int mover = turn ^ flip;
    for (int k = 0; k < nagents; k++) io->active[k] = k == mover;
    for (int m = 0; m < nmoves; m++) io->mask[mover * nmoves + m] = legal >> m & 1;
}

/* The game is over: +1 to the winner's agent, -1 to the loser's, nothing for a draw. */
static inline mb_step board_over(mb_io *io, int nagents, int flip, int winner)
{
    if (winner != BOARD_DRAW)
        for (int k = 0; k < nagents; k++) io->reward[k] = (k ^ flip) == winner ? 1.0f : -1.0f;
    return (mb_step){ 0, true };
}

struct board_placed { uint64_t stones[2]; uint8_t turn, flip; };

/* Read a full state: `ncells` cells (0 empty, 1 the first player's, 2 the second's), then the color
   of agent 0. Bit i of stones is cell i.  Whether the game may stand like this is the caller's to
   check. */
static inline bool board_place(struct board_placed *out, const char *name, int opponent, int ncells,
                               const double *v, int n, mb_error *err)
{
    if (n != ncells + 1)
        return mb_fail(err, MB_ERR_SHAPE,
                       "%s: a state has %d numbers, not %d: %d cells, then the color of agent 0",
                       name, ncells + 1, n, ncells);
    *out = (struct board_placed){ .flip = v[ncells] == 1 };
    for (int i = 0; i <= ncells; i++) {
        if (v[i] != 0 && v[i] != 1 && !(v[i] == 2 && i < ncells))
            return mb_fail(
                err, MB_ERR_RANGE,
                "%s: state number %d is %g; cells are 0 (empty), 1 (first player) or 2 (second), "
                "the color of agent 0 is 0 or 1",
                name, i + 1, v[i]);
        if (i < ncells && v[i] != 0) out->stones[v[i] == 2] |= (uint64_t)1 << i;
    }
    int first = __builtin_popcountll(out->stones[0]), second = __builtin_popcountll(out->stones[1]);
    if (first - second < 0 || first - second > 1)
        return mb_fail(err, MB_ERR_RANGE,
                       "%s: %d stones of the first player and %d of the second: they move in turn",
                       name, first, second);
    out->turn = first > second;
    if (opponent != BOARD_SELF && out->turn != out->flip)
        return mb_fail(err, MB_ERR_RANGE,
                       "%s: it is the opponent's turn in this state; give one where agent 0 moves",
                       name);
    return true;
}
#endif
