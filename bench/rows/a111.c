/* a111.c - sweeps as evidence (catalogue row A111): does stopping early find what the whole grid finds?
     a111 TASK --seed=N    TASK: taxi, cliffwalking (q-learning: alpha, epsilon, gamma) or cartpole (PPO: lr, clip)
   Runs a grid whole, and successive halving over draws from the same ranges; picks the best of each by the seeds of the search, and
   reports both on seeds that neither has seen.  --points=N: of the grid along the first number.  */
#include "row.h"
#include <math.h>
#include <sys/wait.h>

enum { PICK_SEEDS = 2, REPORT_SEEDS = 5, PARTS = 8, ETA = 4, LINE = 1 << 20 };

struct number { const char *name, *scale; double low, high; int points; /* 0: as --points says */ };
struct task { const char *name, *algo; int steps; struct number number[3]; };
static const struct task tasks[] = {
    { "taxi", "q-learning", 256000, { { "alpha", "log", 0.03, 1, 0 }, { "epsilon", "linear", 0.02, 0.3, 3 }, { "gamma", "linear", 0.9, 0.99, 3 } } },
    { "cliffwalking", "q-learning", 64000, { { "alpha", "log", 0.03, 1, 0 }, { "epsilon", "linear", 0.02, 0.3, 3 }, { "gamma", "linear", 0.9, 0.99, 3 } } },
    { "cartpole", "ppo", 20224, { { "lr", "log", 3e-4, 3e-2, 0 }, { "clip", "linear", 0.05, 0.4, 5 }, { NULL, NULL, 0, 0, 0 } } },
};

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "a111: %s %s\n", what, which);
    exit(1);
}

/* The last line that a command of matchbox prints. */
static void matchbox(const char *arguments, char *line)
{
    static char text[LINE];
    char build[1024], command[3000];
    row_build(build, sizeof build);
    snprintf(command, sizeof command, "'%s/matchbox' %s --json 2> matchbox.log || { cat matchbox.log >&2; false; }", build, arguments);
    FILE *f = popen(command, "r");
    *line = 0;
    while (f && fgets(text, LINE, f))
        if (*text == '{') memcpy(line, text, LINE);
    if (!f || pclose(f) != 0 || !*line) fail("this fails:", arguments);
}

/* The number behind the first "key": after the first `after`. */
static double number_of(const char *line, const char *after, const char *key)
{
    char name[64];
    const char *at = strstr(line, after);
    snprintf(name, sizeof name, "\"%s\":", key);
    at = at ? strstr(at, name) : NULL;
    if (!at) fail("the output has no", name);
    return strtod(at + strlen(name), NULL);
}

/* The grid, or as many draws from the same ranges less a quarter, stopped early. */
static void sweep(const struct task *t, const char *name, int first, int points, bool halving, char *line)
{
    char path[64], arguments[200];
    int trials = 1;
    snprintf(path, sizeof path, "%s.yaml", name);
    FILE *f = fopen(path, "w");
    if (!f) fail("cannot write", path);
    fprintf(f, "algo: %s\nenv: %s\noptions:\n  total-steps: %d\nspace:\n", t->algo, t->name, t->steps);
    for (int i = 0; i < 3 && t->number[i].name; i++) {
        const struct number *n = &t->number[i];
        int count = n->points ? n->points : points;
        fprintf(f, "  %s: %s %g %g %d\n", n->name, n->scale, n->low, n->high, count);
        trials *= count;
    }
    fprintf(f, "jobs: 1\nseeds: %d-%d\n", first, first + PICK_SEEDS - 1);
    if (halving) fprintf(f, "method: asha\nwith-default: false\ntrials: %d\nmin-steps: %d\neta: %d\nseed: %d\n", trials * 3 / 4, t->steps / PARTS, ETA, first);
    else fprintf(f, "method: grid\n");
    fclose(f);
    snprintf(arguments, sizeof arguments, "sweep %s --dir sweep-%s", path, name);
    matchbox(arguments, line);
}

/* Mean return on seeds that did not choose. */
static double report(const struct task *t, const char *name, int first, char *line)
{
    char arguments[300];
    double sum = 0;
    for (int i = 0; i < REPORT_SEEDS; i++) {
        snprintf(arguments, sizeof arguments, "train %s %s --preset sweep-%s/best.yaml --run none --threads 1 --eval-episodes 200 --seed %d", t->algo, t->name, name, first + i);
        matchbox(arguments, line);
        sum += number_of(line, "\"eval\":", "return_mean") / REPORT_SEEDS;
    }
    return sum;
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "grid_picked", "halving_picked", "grid", "halving", "behind", "budget" };
    static char line[LINE];
    const struct task *t = NULL;
    int seed = (int)row_seed(argc, argv), points = (int)row_number(argc, argv, "points", 5), pick = (seed - 1) % 25 * PICK_SEEDS + 1;
    int other = 1000 + seed * REPORT_SEEDS;
    double v[6];
    char dir[1024];
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++)
        if (argc > 1 && strcmp(argv[1], tasks[i].name) == 0) t = &tasks[i];
    row_scratch(dir, sizeof dir);
    if (!t) fail("expected taxi, cliffwalking or cartpole, not", argc > 1 ? argv[1] : "nothing");
    sweep(t, "grid", pick, points, false, line);
    v[0] = number_of(line, "\"best\":", "value");
    double whole = number_of(line, "\"failed\":", "steps");
    sweep(t, "halving", pick, points, true, line);
    v[1] = number_of(line, "\"best\":", "value");
    v[5] = number_of(line, "\"failed\":", "steps") / whole;
    v[2] = report(t, "grid", other, line);
    v[3] = report(t, "halving", other, line);
    v[4] = (v[2] - v[3]) / fabs(v[2]);
    row_print(6, names, v);
    return row_scratch_end(dir);
}
