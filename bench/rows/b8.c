/* Row B8: dynamic programming with two atoms per state.  identity: random problems, the value, the rate of contraction.  ties: layered
   problems in which every choice has the same mean, so that only the spread of returns differs; the safe and the risky policy, and plain
   value iteration (which takes the first of equals), are played for many episodes. */
#include "row.h"
#include "matchbox/distributional.h"
#include <math.h>

enum { LAYERS = 5, WIDTH = 4, S = LAYERS * WIDTH + 1, A = 3, K = 4, EPISODES = 100000 };
static mb_outcome outcome[S * A * K];
static int first[S * A + 1];

static mb_mdp random_mdp(mb_rng *r)
{
    for (int i = 0; i < S * A; i++) {
        double sum = 0;
        first[i] = i * K;
        for (int k = 0; k < K; k++) sum += (outcome[i * K + k] = (mb_outcome){ 0.05 + mb_uniform64(r), mb_below(r, S), mb_uniform(r, -1, 1), false }).p;
        for (int k = 0; k < K; k++) outcome[i * K + k].p /= sum;
    }
    first[S * A] = S * A * K;
    return (mb_mdp){ S, A, first, outcome, NULL };
}

/* From every state of a layer to any of the next; rewards come in pairs 0.5 + d and 0.5 - d of the
   same chance, d of the action's own, so that all policies have the same mean. */
static mb_mdp tied_mdp(mb_rng *r)
{
    for (int s = 0; s < S; s++) {
        bool end = s == S - 1;
        int base = (s / WIDTH + 1) * WIDTH, last = s / WIDTH == LAYERS - 1;
        for (int a = 0; a < A; a++) {
            double spread = 2 * mb_uniform64(r);
            first[s * A + a] = s * A * K + a * K;
            for (int k = 0; k < K; k++)
                outcome[s * A * K + a * K + k] = (mb_outcome){ end ? 1.0 / K : 0.25, end || last ? S - 1 : base + k,
                                                               end ? 0 : (float)(k % 2 ? 0.5 + spread : 0.5 - spread), end || last };
        }
    }
    first[S * A] = S * A * K;
    return (mb_mdp){ S, A, first, outcome, NULL };
}

static void fail(const mb_error *err)
{
    fprintf(stderr, "b8: %s\n", err->what);
    exit(1);
}

static void identity(mb_arena *arena, mb_rng *r, double alpha)
{
    static double policy[S * A], v[S], work[S * (S + 1)], low[S], high[S];
    mb_mdp m = random_mdp(r);
    mb_two_atom d;
    mb_error err = { 0 };
    double gap = 0, rate = 0, before = 0;
    mb_uniform_policy(&m, policy);
    if (!mb_two_atom_new(&d, arena, &m, alpha, 0.9, &err) || !mb_policy_value(&m, policy, 0.9, v, work, &err)) fail(&err);
    for (int i = 0; i < 500; i++) {
        double change = mb_two_atom_sweep(&d, &m, policy, low, high);
        if (i > 0 && before > 1e-6) rate = fmax(rate, change / before);
        before = change;
    }
    for (int s = 0; s < S; s++) gap = fmax(gap, fabs(alpha * d.low[s] + (1 - alpha) * d.high[s] - v[s]));
    row_print(2, (const char *const[]){ "gap", "rate" }, (double[]){ gap, rate });
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Mean, deviation and mean of the worst alpha of the returns from state 0. */
static void play(const mb_mdp *m, const double *policy, double gamma, double alpha, mb_rng *r, double *out)
{
    static double ret[EPISODES];
    double mean = 0, square = 0, worst = 0;
    for (int e = 0; e < EPISODES; e++) {
        double g = 1;
        bool over = false;
        ret[e] = 0;
        for (int s = 0; !over;) {
            int a = 0, k;
            while (policy[s * A + a] <= 0) a++;
            double u = mb_uniform64(r);
            for (k = 0; k + 1 < K && u >= m->outcome[m->first[s * A + a] + k].p; k++) u -= m->outcome[m->first[s * A + a] + k].p;
            const mb_outcome *o = &m->outcome[m->first[s * A + a] + k];
            ret[e] += g * (double)o->reward;
            g *= gamma;
            s = o->next;
            over = o->terminated;
        }
        mean += ret[e] / EPISODES;
    }
    for (int e = 0; e < EPISODES; e++) square += (ret[e] - mean) * (ret[e] - mean) / EPISODES;
    qsort(ret, EPISODES, sizeof *ret, ascending);
    int n = (int)(alpha * EPISODES);
    for (int e = 0; e < n; e++) worst += ret[e] / n;
    out[0] = mean, out[1] = sqrt(square), out[2] = worst;
}

static void ties(mb_arena *arena, mb_rng *r, double alpha)
{
    static double v[S], q[S * A], policy[3][S * A], low[S], high[S];
    mb_mdp m = tied_mdp(r);
    mb_error err = { 0 };
    double out[9], gamma = 0.95;
    mb_value_iteration(&m, gamma, 1e-12, 10000, v, q);
    for (int kind = 0; kind < 2; kind++) {
        mb_two_atom d;
        if (!mb_two_atom_new(&d, arena, &m, alpha, gamma, &err)) fail(&err);
        mb_two_atom_control(&d, &m, q, 1e-6, kind == 0, 1e-12, 10000, policy[kind], low, high);
    }
    for (int s = 0; s < S; s++) policy[2][s * A + mb_greedy(q + s * A, NULL, A, NULL)] = 1;
    for (int kind = 0; kind < 3; kind++) play(&m, policy[kind], gamma, alpha, r, out + 3 * kind);
    row_print(9, (const char *const[]){ "safe_mean", "safe_deviation", "safe_worst", "risky_mean", "risky_deviation", "risky_worst", "plain_mean",
                                        "plain_deviation", "plain_worst" }, out);
}

int main(int argc, char **argv)
{
    mb_error err = { 0 };
    mb_arena *arena = mb_arena_new((size_t)1 << 24, &err);
    mb_rng rng = mb_rng_make(row_seed(argc, argv), "b8", 0);
    double alpha = row_number(argc, argv, "alpha", 0.25);
    if (!arena) fail(&err);
    if (argc > 1 && !strcmp(argv[1], "ties")) ties(arena, &rng, alpha);
    else identity(arena, &rng, alpha);
    mb_arena_free(arena);
    return 0;
}
