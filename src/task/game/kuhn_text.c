/* Kuhn poker as text: three cards, one bet (Kuhn 1950).  The payoff -2 to 2 is scored as (payoff + 2) / 4.  Demonstrations and the perfect
   opponent play the equilibrium in which the first player bets a jack one time in three; its value to the first player is -1/18. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) \
    PICK(opponent, 0, "level|random|bold|perfect|self", "level: random at 1, always betting at 2, equilibrium at 3; self: both sides are the model")
MB_OPTIONS(kuhn_text, OPTIONS)

enum { BY_LEVEL, RANDOM, BOLD, PERFECT, SELF };
enum { JACK, QUEEN, KING };
struct kuhn_text { int card[2], me, level, moves, forfeit; bool bold[3], over; double dice[3]; mb_rng rng; }; /* bold[i]: move i was bet or call */

static int mover(const struct kuhn_text *p) { return p->moves % 2; }
static bool facing(const struct kuhn_text *p) { return p->moves > 0 && p->bold[p->moves - 1]; }

static void play(struct kuhn_text *p, bool bold)
{
    bool answered = facing(p);
    p->bold[p->moves++] = bold;
    p->over = answered || (p->moves == 2 && !bold);
}

/* Probability of bet or call at equilibrium, with the first player's free parameter at 1/3. */
static double equilibrium(const struct kuhn_text *p)
{
    static const double open[3] = { 1.0 / 3, 0, 1 }, second_bet[3] = { 1.0 / 3, 0, 1 }, second_call[3] = { 0, 1.0 / 3, 1 }, first_call[3] = { 0, 2.0 / 3, 1 };
    int card = p->card[mover(p)];
    if (p->moves == 0) return open[card];
    if (p->moves == 2) return first_call[card];
    return facing(p) ? second_call[card] : second_bet[card];
}

static void opponent(struct kuhn_text *p, int kind)
{
    if (kind == BY_LEVEL) kind = p->level == 1 ? RANDOM : p->level == 2 ? BOLD : PERFECT;
    double bet = kind == RANDOM ? 0.5 : kind == BOLD ? 1 : equilibrium(p);
    play(p, mb_uniform64(&p->rng) < bet);
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct kuhn_text_options *o = options;
    struct kuhn_text *p = problem;
    p->level = level;
    p->rng = mb_rng_make(((uint64_t)mb_rand(rng) << 32) | mb_rand(rng), "kuhn", 0);
    p->card[0] = mb_below(&p->rng, 3);
    p->card[1] = (p->card[0] + 1 + mb_below(&p->rng, 2)) % 3;
    p->me = mb_below(&p->rng, 2);
    for (int i = 0; i < 3; i++) p->dice[i] = mb_uniform64(&p->rng);
    if (o->opponent != SELF && p->me == 1) opponent(p, o->opponent);
    return true;
}

/* "K check bet:": one's card and what was done; the words to choose from follow from it. */
static void prompt(const void *options, const void *problem, mb_str *out)
{
    const struct kuhn_text *p = problem;
    mb_str_add(out, "%c", "JQK"[p->card[mover(p)]]);
    for (int i = 0; i < p->moves; i++) mb_str_add(out, p->bold[i] ? " bet" : " check");
    mb_str_add(out, facing(p) ? " call or fold:" : " check or bet:");
}

static void key(const void *options, const void *problem, mb_str *out)
{
    const struct kuhn_text *p = problem;
    mb_str_add(out, "%d%d %x%x", p->card[0], p->card[1], (unsigned)p->rng.key[0], (unsigned)p->rng.key[1]);
}

static void answer(const void *options, const void *problem, mb_str *out)
{
    const struct kuhn_text *p = problem;
    bool bold = p->moves < 3 && p->dice[p->moves] < equilibrium(p);
    mb_str_add(out, "%s", facing(p) ? bold ? "call" : "fold" : bold ? "bet" : "check");
}

static bool reply(const void *options, void *problem, const char *text, mb_str *out, mb_ruling *turn)
{
    const struct kuhn_text_options *o = options;
    struct kuhn_text *p = problem;
    if (p->over) return false;
    bool bold = strcmp(text, facing(p) ? "call" : "bet") == 0;
    if (!bold && strcmp(text, facing(p) ? "fold" : "check") != 0) {
        p->forfeit = 1 + mover(p);
        p->over = true;
        *turn = mb__invalid("neither %s", facing(p) ? "call nor fold" : "check nor bet");
        return false;
    }
    play(p, bold);
    if (!p->over && o->opponent != SELF) opponent(p, o->opponent);
    if (p->over) return false;
    prompt(options, problem, out);
    return true;
}

/* Of the first player. */
static int payoff(const struct kuhn_text *p)
{
    int last = p->moves - 1, stake = p->bold[last] ? 2 : 1;
    if (last > 0 && p->bold[last - 1] && !p->bold[last]) return last % 2 == 0 ? -1 : 1; /* folded */
    return p->card[0] > p->card[1] ? stake : -stake;
}

static mb_ruling result(const void *options, const void *problem, int role)
{
    const struct kuhn_text *p = problem;
    if (p->forfeit) return p->forfeit == 1 + role ? mb__invalid("an illegal move") : mb__score(1);
    if (!p->over) return mb__invalid("the game is not over");
    return mb__score((2 + (role == 0 ? payoff(p) : -payoff(p))) / 4.0);
}

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    return result(options, problem, ((const struct kuhn_text *)problem)->me);
}

static int role(const void *problem) { return mover(problem); }

MB_TASK(kuhn_text) = {
    .name = "kuhn-text", .summary = "Kuhn poker in words, against an opponent or oneself", .source = "Kuhn 1950; SPIRAL (Liu et al. 2025, arXiv:2506.24119)",
    .instructions = "You play Kuhn poker with the cards J, Q and K. Answer with one of the two words.", .levels = 3,
    .level_help = "1: a random opponent; 2: one that always bets and calls; 3: equilibrium", MB_USE_OPTIONS(kuhn_text),
    .problem_size = sizeof(struct kuhn_text), .roles = 2, .make = make, .prompt = prompt, .key = key, .answer = answer, .reply = reply,
    .verify = verify, .role = role, .result = result,
};
