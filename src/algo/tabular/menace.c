/* MENACE, the Matchbox Educable Noughts And Crosses Engine (Michie 1963): one matchbox for every position in which the player
   has a choice, positions that turn or mirror into each other sharing one; in a box, beads for the moves.  A bead drawn
   at random is the move; after the game the drawn beads of every opened box are multiplied or kept back.
   Michie's machine played first, from 304 boxes; this one also has boxes for the second player, by the same rules. */
#include "matchbox/algo.h"
#include "matchbox/tabular.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    LIST(beads, "4,3,2,1", 1, 1000000, "beads per move in a new box, by how many moves the player has made") \
    NUM(int, win, 3, 0, 1000, "beads added for every move of a won game")                              \
    NUM(int, draw, 1, 0, 1000, "beads added for every move of a drawn game")                           \
    NUM(int, loss, 1, 0, 1000, "beads taken for every move of a lost game")                            \
    NUM(int, horizon, 64, 1, 65536, "moves per environment in one iteration")
MB_OPTIONS(menace, OPTIONS)

enum { SQUARES = 9, CODES = 19683, PLANES = 3, TURNS = 8, MAX_MOVES = 5, MAX_BEADS = 1000000000, FORCED = -1 };

/* ---- positions ---- */

struct board { uint8_t cell[SQUARES]; }; /* 0 empty, 1 the mover's, 2 the other player's */

/* Square i of the board turned (or mirrored) in way t comes from square source(t, i): four quarter turns, four of the mirror image. */
static int source(int t, int i)
{
    int y = i / 3, x = i % 3;
    if (t & 4) x = 2 - x;
    for (int k = t & 3; k > 0; k--) {
        int old = y;
        y = 2 - x;
        x = old;
    }
    return y * 3 + x;
}

static int code_of(const struct board *b, int t)
{
    int code = 0;
    for (int i = 0; i < SQUARES; i++) code = code * 3 + b->cell[source(t, i)];
    return code;
}

/* The lowest code among the eight views of a position, and the first way of turning that gives it. */
static int canonical(const struct board *b, int *way)
{
    int best = CODES;
    for (int t = 0; t < TURNS; t++) {
        int code = code_of(b, t);
        if (code >= best) continue;
        best = code;
        *way = t;
    }
    return best;
}

static struct board board_of(int code)
{
    struct board b;
    for (int i = SQUARES - 1; i >= 0; i--, code /= 3) b.cell[i] = (uint8_t)(code % 3);
    return b;
}

static int count(const struct board *b, int kind)
{
    int n = 0;
    for (int i = 0; i < SQUARES; i++) n += b->cell[i] == kind;
    return n;
}

static bool has_line(const struct board *b)
{
    static const uint8_t lines[8][3] = { { 0, 1, 2 }, { 3, 4, 5 }, { 6, 7, 8 }, { 0, 3, 6 }, { 1, 4, 7 }, { 2, 5, 8 }, { 0, 4, 8 }, { 2, 4, 6 } };
    for (int i = 0; i < 8; i++) {
        int kind = b->cell[lines[i][0]];
        if (kind && b->cell[lines[i][1]] == kind && b->cell[lines[i][2]] == kind) return true;
    }
    return false;
}

/* Does a position need a box for the first (second == 0) or the second player?  Not when it is over or leaves no choice. */
static bool needs_box(int code, int second)
{
    struct board b = board_of(code);
    int way, own = count(&b, 1), other = count(&b, 2);
    return other - own == second && own + other <= SQUARES - 2 && !has_line(&b) && canonical(&b, &way) == code;
}

/* Of moves that a symmetry of the position makes the same, only the lowest square has beads. */
static bool is_distinct(const struct board *b, int square)
{
    if (b->cell[square]) return false;
    int self = code_of(b, 0);
    for (int t = 1; t < TURNS; t++) {
        if (code_of(b, t) != self) continue;
        for (int i = 0; i < square; i++)
            if (source(t, i) == square) return false;
    }
    return true;
}

/* ---- the machine ---- */

struct menace {
    int nboxes, nfirst;  /* boxes of both players; the first nfirst are the first player's */
    int32_t *box_of;     /* [CODES] number of the box of a canonical position; -1: none */
    int32_t *code;       /* [nboxes] */
    int32_t *beads;      /* [nboxes, SQUARES] */
    int32_t *game;       /* [rows, 2 + 2 MAX_MOVES] moves made, whether it has resigned, then box and square of each */
    mb_rng rng, eval;
};

static int32_t *game_of(const struct menace *s, int row) { return s->game + row * (2 + 2 * MAX_MOVES); }

static void stock(struct menace *s, const struct menace_options *o, int box)
{
    struct board b = board_of(s->code[box]);
    int stage = count(&b, 1), last = o->beads.n - 1;
    int beads = o->beads.v[stage < last ? stage : last];
    for (int i = 0; i < SQUARES; i++) s->beads[box * SQUARES + i] = is_distinct(&b, i) ? beads : 0;
}

static int total(const int32_t *beads)
{
    int n = 0;
    for (int i = 0; i < SQUARES; i++) n += beads[i];
    return n;
}

static int draw_bead(const int32_t *beads, mb_rng *rng)
{
    int n = mb_below(rng, total(beads)), i = 0;
    while (n >= beads[i]) n -= beads[i++];
    return i;
}

static int most_beads(const int32_t *beads)
{
    int best = 0;
    for (int i = 1; i < SQUARES; i++)
        if (beads[i] > beads[best]) best = i;
    return best;
}

static struct board read_board(const mb_vec_view *v, int row)
{
    const float *obs = (const float *)v->obs[0] + row * SQUARES * PLANES;
    struct board b;
    for (int i = 0; i < SQUARES; i++) b.cell[i] = obs[i * PLANES] > 0 ? 1 : obs[i * PLANES + 1] > 0 ? 2 : 0;
    return b;
}

static int empty_square(const struct board *b, mb_rng *rng)
{
    int skip = rng ? mb_below(rng, count(b, 0)) : 0, i = 0;
    while (b->cell[i] || skip-- > 0) i++;
    return i;
}

/* Box of the position and the way it has to be turned; FORCED when it has none. */
static int find_box(const struct menace *s, const struct board *b, int *way)
{
    return s->box_of[canonical(b, way)];
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    struct menace *s = self;
    mb_vec_view *v = mb_vec_view_of(vec);
    for (int row = 0; row < v->rows; row++) {
        if (!v->active[row]) continue;
        struct board b = read_board(v, row);
        int way = 0, box = find_box(s, &b, &way);
        const int32_t *beads = s->beads + (box < 0 ? 0 : box) * SQUARES;
        if (box == FORCED || total(beads) == 0) v->index[row] = empty_square(&b, greedy ? NULL : &s->eval);
        else v->index[row] = source(way, greedy ? most_beads(beads) : draw_bead(beads, &s->eval));
    }
    return true;
}

/* ---- learning ---- */

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const mb_field *f = &env->obs.field[0];
    bool board = env->obs.nfields == 1 && f->kind == MB_FIELD_BOX && f->h == 3 && f->w == 3 && f->c == PLANES;
    if (board && env->act.nfields == 1 && env->act.field[0].kind == MB_FIELD_DISCRETE && env->act.field[0].n == SQUARES) return true;
    return mb_fail(err, MB_ERR_UNSUPPORTED, "menace: these matchboxes only know noughts and crosses; train it on tictactoe");
}

static bool build_boxes(struct menace *s, const struct menace_options *o, mb_arena *a, mb_error *err)
{
    s->box_of = mb_alloc(a, CODES, sizeof *s->box_of, err);
    if (!s->box_of) return false;
    for (int code = 0; code < CODES; code++) s->box_of[code] = FORCED;
    for (int second = 0; second < 2; second++) {
        for (int code = 0; code < CODES; code++)
            if (needs_box(code, second)) s->box_of[code] = s->nboxes++;
        if (!second) s->nfirst = s->nboxes;
    }
    s->code = mb_alloc(a, (size_t)s->nboxes, sizeof *s->code, err);
    s->beads = mb_alloc(a, (size_t)s->nboxes * SQUARES, sizeof *s->beads, err);
    if (!s->code || !s->beads) return false;
    for (int code = 0; code < CODES; code++)
        if (s->box_of[code] >= 0) s->code[s->box_of[code]] = code;
    for (int box = 0; box < s->nboxes; box++) stock(s, o, box);
    return true;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct menace *s = self;
    mb_scope *scope = run->scope;
    size_t game = (2 + 2 * MAX_MOVES) * sizeof *s->game, rows = (size_t)mb_vec_view_of(run->vec)->rows;
    if (!build_boxes(s, options, scope->arena, err)) return false;
    if (!(s->game = mb_alloc(scope->arena, rows, game, err))) return false;
    s->rng = mb_rng_make(scope->seed, "menace", 0);
    return !scope->store || (mb_keep(scope->store, "menace.beads", s->beads, (size_t)s->nboxes * SQUARES * sizeof *s->beads, err) &&
                             mb_keep(scope->store, "menace.game", s->game, rows * game, err) &&
                             mb_keep(scope->store, "menace.rng", &s->rng, sizeof s->rng, err));
}

/* Change the beads of every move of a row's game, and clear the table for the next one. */
static void reinforce(struct menace *s, int row, int change)
{
    int32_t *game = game_of(s, row);
    for (int i = 0; i < game[0]; i++) {
        int32_t *beads = &s->beads[game[2 + 2 * i] * SQUARES + game[3 + 2 * i]];
        *beads += change;
        if (*beads < 0) *beads = 0;
        if (*beads > MAX_BEADS / SQUARES) *beads = MAX_BEADS / SQUARES;
    }
    game[0] = 0;
}

/* One move of one row.  A box without beads gives up the game, which counts as lost; only the very first box is stocked anew, or
   the machine would never play again. */
static int make_move(struct menace *s, const struct menace_options *o, const mb_vec_view *v, int row)
{
    int32_t *game = game_of(s, row);
    struct board b = read_board(v, row);
    int way = 0, box = find_box(s, &b, &way);
    if (box == FORCED || game[1]) return empty_square(&b, &s->rng);
    if (total(s->beads + box * SQUARES) == 0) {
        if (game[0] > 0) {
            reinforce(s, row, -o->loss);
            game[1] = 1;
            return empty_square(&b, &s->rng); /* the game is played out, and not learned from */
        }
        stock(s, o, box);
    }
    int square = draw_bead(s->beads + box * SQUARES, &s->rng);
    game[2 + 2 * game[0]] = box;
    game[3 + 2 * game[0]] = square;
    game[0]++;
    return source(way, square);
}

/* Ended games: by the reward of this last step.  Returns how many of each sort there were, over the rows. */
static void finish_games(struct menace *s, const struct menace_options *o, const mb_vec_view *v, int tally[4])
{
    for (int row = 0; row < v->rows; row++) {
        if (!v->terminated[row / v->nagents]) continue;
        int32_t *game = game_of(s, row);
        float r = v->reward[row];
        int kind = r > 0 ? 0 : r < 0 ? 2 : 1;
        tally[kind]++;
        tally[3] += game[1];
        reinforce(s, row, kind == 0 ? o->win : kind == 1 ? o->draw : -o->loss);
        game[1] = 0;
    }
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct menace_options *o = options;
    struct menace *s = self;
    mb_vec_view *v = mb_vec_view_of(run->vec);
    int tally[4] = { 0 };
    for (int t = 0; t < o->horizon; t++) {
        for (int row = 0; row < v->rows; row++) v->index[row] = v->active[row] ? make_move(s, o, v, row) : 0;
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        finish_games(s, o, v, tally);
    }
    run->step += (int64_t)o->horizon * v->nenvs;
    double games = tally[0] + tally[1] + tally[2];
    if (games > 0) {
        mb_report(run->metrics, "won", tally[0] / games);
        mb_report(run->metrics, "drawn", tally[1] / games);
        mb_report(run->metrics, "lost", tally[2] / games);
        mb_report(run->metrics, "resigned", tally[3] / games);
    }
    mb_report(run->metrics, "beads_in_first_box", total(s->beads));
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct menace *s = self;
    s->eval = mb_rng_make(run->scope->seed, "menace.eval", 0);
    *out = (mb_actor){ s, act };
    return true;
}

MB_ALGO(menace) = {
    MB_ALGO_HEAD, .name = "menace", .summary = "Michie's 304 matchboxes that learn noughts and crosses",
    .paper = "Michie (1963), Experiments on the mechanization of game-learning", .state_size = sizeof(struct menace),
    MB_USE_OPTIONS(menace), .default_steps = 20000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
