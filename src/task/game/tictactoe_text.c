/* Tic-tac-toe as text: the board is shown, the answer is a cell from 1 to 9.  Score 1 for a win, 0.5 for a draw, 0 for a loss; an illegal
   move loses the game and is invalid. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                           \
    PICK(opponent, 0, "level|random|perfect|self", "level: random at 1, perfect in half of its moves at 2, always at 3; self: both sides are the model") \
    NUM(int, plies, 0, 0, 6, "random moves before the game begins")
MB_OPTIONS(tictactoe_text, OPTIONS)

enum { BY_LEVEL, RANDOM, PERFECT, SELF };
enum { CELLS = 9 };
struct tictactoe_text { char cell[CELLS]; int mover, me, forfeit, level; bool over; mb_rng rng; }; /* sides 0 and 1; forfeit: 1 + the side */

static int line_of(const char *c)
{
    static const char lines[8][3] = { { 0, 1, 2 }, { 3, 4, 5 }, { 6, 7, 8 }, { 0, 3, 6 }, { 1, 4, 7 }, { 2, 5, 8 }, { 0, 4, 8 }, { 2, 4, 6 } };
    for (int i = 0; i < 8; i++) {
        char a = c[(int)lines[i][0]];
        if (a && a == c[(int)lines[i][1]] && a == c[(int)lines[i][2]]) return a;
    }
    return 0;
}

static bool full(const char *c) { return memchr(c, 0, CELLS) == NULL; }

/* Value of the position to the side to move within (low, high): a win is 10 less the moves until it, a loss the opposite; the best cell. */
static int solve(char *c, int side, int depth, int low, int high, int *best)
{
    int ignored;
    if (line_of(c)) return depth - 10;
    if (full(c)) return 0;
    for (int i = 0; i < CELLS && low < high; i++) {
        if (c[i]) continue;
        c[i] = (char)(1 + side);
        int v = -solve(c, !side, depth + 1, -high, -low, &ignored);
        c[i] = 0;
        if (v > low) low = v, *best = i;
    }
    return low;
}

static int random_cell(struct tictactoe_text *p)
{
    int i;
    do i = mb_below(&p->rng, CELLS);
    while (p->cell[i]);
    return i;
}

static void play(struct tictactoe_text *p, int cell)
{
    p->cell[cell] = (char)(1 + p->mover);
    p->mover = !p->mover;
    p->over = line_of(p->cell) || full(p->cell);
}

static void opponent(struct tictactoe_text *p, int kind)
{
    bool perfect = kind == PERFECT || (kind == BY_LEVEL && (p->level > 2 || (p->level == 2 && mb_below(&p->rng, 2))));
    int best = 0;
    if (perfect) solve(p->cell, p->mover, 0, -100, 100, &best);
    else best = random_cell(p);
    play(p, best);
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct tictactoe_text_options *o = options;
    struct tictactoe_text *p = problem;
    do {
        memset(p, 0, sizeof *p);
        p->level = level;
        p->rng = mb_rng_make(((uint64_t)mb_rand(rng) << 32) | mb_rand(rng), "tictactoe", 0);
        for (int i = 0; i < o->plies && !p->over; i++) play(p, random_cell(p));
    } while (p->over);
    p->me = mb_below(&p->rng, 2);
    if (o->opponent != SELF && p->mover != p->me) opponent(p, o->opponent);
    return true;
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct tictactoe_text *p = problem;
    for (int i = 0; i < CELLS; i++) mb_str_add(out, "%s%c", i && i % 3 == 0 ? "/" : "", ".XO"[(int)p->cell[i]]);
    mb_str_add(out, " %c:", "XO"[p->mover]);
}

/* A game is its opening and the opponent's dice. */
static void key(const void *options, const void *problem, mb_str *out)
{
    const struct tictactoe_text *p = problem;
    prompt(options, problem, out);
    mb_str_add(out, "%x%x", (unsigned)p->rng.key[0], (unsigned)p->rng.key[1]);
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    struct tictactoe_text p = *(const struct tictactoe_text *)problem;
    int best = 0;
    if (!p.over) solve(p.cell, p.mover, 0, -100, 100, &best);
    mb_str_add(out, "%d", best + 1);
}

static bool reply(const void *options, void *problem, const char *text, mb_str *out, mb_ruling *turn)
{
    const struct tictactoe_text_options *o = options;
    struct tictactoe_text *p = problem;
    int cell = text[0] - '1';
    if (p->over) return false;
    if (text[0] < '1' || text[0] > '9' || text[1] || p->cell[cell]) {
        p->forfeit = 1 + p->mover;
        p->over = true;
        *turn = mb__invalid("not a free cell from 1 to 9");
        return false;
    }
    play(p, cell);
    if (!p->over && o->opponent != SELF) opponent(p, o->opponent);
    if (p->over) return false;
    prompt(options, problem, out);
    return true;
}

static mb_ruling result(const void *options, const void *problem, int role)
{
    const struct tictactoe_text *p = problem;
    if (p->forfeit) return p->forfeit == 1 + role ? mb__invalid("an illegal move") : mb__score(1);
    if (!p->over) return mb__invalid("the game is not over");
    int won = line_of(p->cell);
    return mb__score(won == 0 ? 0.5 : won == 1 + role);
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    return result(options, problem, ((const struct tictactoe_text *)problem)->me);
}

static int role(const void *problem) { return ((const struct tictactoe_text *)problem)->mover; }

MB_TASK(tictactoe_text) = {
    .name = "tictactoe-text", .summary = "tic-tac-toe in words, against an opponent or oneself", .source = "SPIRAL (Liu et al. 2025, arXiv:2506.24119)",
    .instructions = "You play tic-tac-toe. Cells are numbered 1 to 9, row by row. Answer with the cell to play.", .levels = 3,
    .level_help = "1: a random opponent; 2: perfect in half of its moves; 3: perfect", MB_USE_OPTIONS(tictactoe_text),
    .problem_size = sizeof(struct tictactoe_text), .roles = 2, .make = make, .prompt = prompt, .key = key, .answer = answer, .reply = reply,
    .verify = verify, .role = role, .result = result,
};
