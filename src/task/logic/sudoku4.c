/* Sudoku of 4 x 4: every row, column and 2 x 2 block holds 1 to 4.  Every puzzle has exactly one solution. */
#include "task/answer.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) \
    NUM(int, holes, 0, 0, 11, "empty cells; 0: level + 2")
MB_OPTIONS(sudoku4, OPTIONS)

enum { CELLS = 16, SIDE = 4 };
struct sudoku4 { char given[CELLS], full[CELLS]; }; /* 0: empty; else 1 to 4 */

static bool allowed(const char *g, int cell, int v)
{
    int r = cell / SIDE, c = cell % SIDE;
    for (int i = 0; i < SIDE; i++) {
        int block = (r / 2 * 2 + i / 2) * SIDE + c / 2 * 2 + i % 2;
        if (g[r * SIDE + i] == v || g[i * SIDE + c] == v || g[block] == v) return false;
    }
    return true;
}

/* How many ways there are to fill the grid from `cell` on, counted to 2. */
static int ways(char *g, int cell)
{
    while (cell < CELLS && g[cell]) cell++;
    if (cell == CELLS) return 1;
    int n = 0;
    for (int v = 1; v <= SIDE && n < 2; v++) {
        if (!allowed(g, cell, v)) continue;
        g[cell] = (char)v;
        n += ways(g, cell + 1);
    }
    g[cell] = 0;
    return n;
}

static bool fill(char *g, int cell, mb_rng *rng)
{
    if (cell == CELLS) return true;
    int order[SIDE] = { 1, 2, 3, 4 };
    mb_shuffle(rng, order, SIDE);
    for (int i = 0; i < SIDE; i++) {
        if (!allowed(g, cell, order[i])) continue;
        g[cell] = (char)order[i];
        if (fill(g, cell + 1, rng)) return true;
    }
    g[cell] = 0;
    return false;
}

static bool make(const void *options, int level, mb_rng *rng, void *problem, mb_error *err)
{
    const struct sudoku4_options *o = options;
    struct sudoku4 *p = problem;
    int holes = o->holes ? o->holes : level + 2;
    for (int tries = 0; tries < 200; tries++) {
        int order[CELLS], made = 0;
        char g[CELLS];
        memset(p, 0, sizeof *p);
        fill(p->full, 0, rng);
        memcpy(p->given, p->full, CELLS);
        for (int i = 0; i < CELLS; i++) order[i] = i;
        mb_shuffle(rng, order, CELLS);
        for (int i = 0; i < CELLS && made < holes; i++) {
            p->given[order[i]] = 0;
            memcpy(g, p->given, CELLS);
            if (ways(g, 0) == 1) made++;
            else p->given[order[i]] = p->full[order[i]];
        }
        if (made == holes) return true;
    }
    return mb_fail(err, MB_ERR_RANGE, "sudoku4: no puzzle with %d empty cells and one solution was found", holes);
}

static void grid(const char *g, mb_str *out)
{
    for (int i = 0; i < CELLS; i++) {
        if (i && i % SIDE == 0) mb_str_add(out, "/");
        mb_str_add(out, g[i] ? "%d" : ".", g[i]);
    }
}

static void prompt(const void *options, const void *problem, mb_str *out)
{
    grid(((const struct sudoku4 *)problem)->given, out);
    mb_str_add(out, ":");
}

/* Cells in the order in which only one digit is left for them, as row, column and digit. */
static void work(const void *options, const void *problem, mb_str *out)
{
    struct sudoku4 p = *(const struct sudoku4 *)problem;
    bool first = true;
    for (int left = CELLS; left > 0; left--)
        for (int cell = 0; cell < CELLS; cell++) {
            int n = 0;
            for (int v = 1; v <= SIDE; v++) n += allowed(p.given, cell, v);
            if (p.given[cell] || n != 1) continue;
            p.given[cell] = p.full[cell];
            mb_str_add(out, "%s%d%d=%d", first ? "" : ",", cell / SIDE + 1, cell % SIDE + 1, p.full[cell]);
            first = false;
        }
}

static void answer(const void *options, const void *problem, mb_str *out) { grid(((const struct sudoku4 *)problem)->full, out); }

static mb_ruling verify(const void *options, const void *problem, const char *text)
{
    const struct sudoku4 *p = problem;
    char g[CELLS] = { 0 };
    int n = 0;
    for (const char *s = text; *s; s++) {
        if (*s == '/' || *s == ' ' || *s == '\n') continue;
        if (*s < '1' || *s > '4') return mb__invalid("holds something else than 1 2 3 4 and /");
        if (n == CELLS) return mb__invalid("more than 16 digits");
        g[n++] = (char)(*s - '0');
    }
    if (n != CELLS) return mb__invalid("%d digits, 16 are needed", n);
    for (int i = 0; i < CELLS; i++) {
        char v = g[i];
        if (p->given[i] && p->given[i] != v) return mb__wrong("changes a given digit");
        g[i] = 0;
        bool ok = allowed(g, i, v);
        g[i] = v;
        if (!ok) return mb__wrong("row %d, column %d: %d stands there twice", i / SIDE + 1, i % SIDE + 1, v);
    }
    return mb__score(1);
}

MB_TASK(sudoku4) = {
    .name = "sudoku4", .summary = "Sudoku of 4 x 4", .source = "Latin squares with blocks; tasks of this kind in reasoning-gym",
    .instructions = "Fill the grid so that every row, column and 2 x 2 block holds 1, 2, 3 and 4. Write the rows with / between them.",
    .levels = 8, .level_help = "level + 2 empty cells", MB_USE_OPTIONS(sudoku4), .problem_size = sizeof(struct sudoku4), .make = make,
    .prompt = prompt, .work = work, .answer = answer, .verify = verify,
};
