/* a169.c - every policy-gradient estimator against the exact gradient (catalogue row A169).
   The policy writes sequences of at most 4 tokens out of {stop, a, b}; its softmax has a parameter per position and token, so all
   sequences can be listed, and J, its gradient and each estimator's mean and spread are exact or sampled 10,000 times.
   build/bench/rows/a169 [batches] */
#include "row.h"
#include <math.h>
#include <matchbox.h>
#include <stdio.h>
#include <stdlib.h>

enum { V = 3, L = 4, P = V * L, MAX_GROUP = 64 };
typedef struct sequence { int n, token[L]; double logp, reward, score[P]; } sequence; /* score: d log pi / d theta */

static double theta[P];

static void softmax(int t, double *p)
{
    double sum = 0;
    for (int v = 0; v < V; v++) sum += p[v] = exp(theta[t * V + v]);
    for (int v = 0; v < V; v++) p[v] /= sum;
}

/* an arbitrary fixed task: right when the number of a's is odd; a wrong short answer earns a little */
static double reward_of(const sequence *s)
{
    int as = 0;
    for (int t = 0; t < s->n; t++) as += s->token[t] == 1;
    return as % 2 == 1 ? 1 : s->n <= 2 ? 0.2 : 0;
}

static void finish(sequence *s)
{
    s->logp = 0;
    for (int i = 0; i < P; i++) s->score[i] = 0;
    for (int t = 0; t < s->n; t++) {
        double p[V];
        softmax(t, p);
        s->logp += log(p[s->token[t]]);
        for (int v = 0; v < V; v++) s->score[t * V + v] = (v == s->token[t]) - p[v];
    }
    s->reward = reward_of(s);
}

static int enumerate(sequence *all)
{
    int n = 0;
    for (int code = 0; code < 81; code++) {
        sequence s = { 0 };
        bool canonical = true;
        for (int t = 0, c = code; t < L; t++, c /= V) {
            bool over = s.n && s.token[s.n - 1] == 0;
            if (over) canonical = canonical && c % V == 0;
            else s.token[s.n++] = c % V;
        }
        if (!canonical) continue;
        finish(&s);
        all[n++] = s;
    }
    return n;
}

static sequence sample(mb_rng *rng)
{
    sequence s = { 0 };
    do {
        double p[V], u = mb_uniform64(rng);
        softmax(s.n, p);
        int v = 0;
        while (v < V - 1 && u >= p[v]) u -= p[v++];
        s.token[s.n++] = v;
    } while (s.n < L && s.token[s.n - 1]);
    finish(&s);
    return s;
}

enum { REINFORCE, REINFORCE_BEST, RLOO, DR_GRPO, GRPO_NO_LENGTH, GRPO, METHODS };
static const char *const names[METHODS] = { "REINFORCE, no baseline", "REINFORCE, baseline J", "RLOO (leave one out)",
                                            "Dr. GRPO (group mean)", "GRPO without 1/length", "GRPO (1/length, 1/std)" };

static void estimate(int method, const sequence *g, int n, double j, double *grad)
{
    double mean = 0, var = 0;
    for (int i = 0; i < n; i++) mean += g[i].reward / n;
    for (int i = 0; i < n; i++) var += (g[i].reward - mean) * (g[i].reward - mean) / (n - 1);
    for (int k = 0; k < P; k++) grad[k] = 0;
    for (int i = 0; i < n; i++) {
        double a = g[i].reward;
        if (method == REINFORCE_BEST) a -= j;
        if (method == RLOO) a -= (mean * n - g[i].reward) / (n - 1);
        if (method >= DR_GRPO) a -= mean;
        if (method >= GRPO_NO_LENGTH) a /= sqrt(var) + 1e-4;
        if (method == GRPO) a /= g[i].n;
        for (int k = 0; k < P; k++) grad[k] += a * g[i].score[k] / n;
    }
}

static double norm(const double *x)
{
    double s = 0;
    for (int k = 0; k < P; k++) s += x[k] * x[k];
    return sqrt(s);
}

struct quality { double along, angle, chance, variance; };

static struct quality measure(int method, int n, int batches, double j, const double *exact, uint64_t seed)
{
    mb_rng rng = mb_rng_make(seed, "a169", (uint64_t)(method * 100 + n));
    double mean[P] = { 0 }, square = 0, dot = 0;
    sequence g[MAX_GROUP];
    for (int b = 0; b < batches; b++) {
        double grad[P];
        for (int i = 0; i < n; i++) g[i] = sample(&rng);
        estimate(method, g, n, j, grad);
        for (int k = 0; k < P; k++) mean[k] += grad[k] / batches, square += grad[k] * grad[k] / batches;
    }
    double m = norm(mean), size = norm(exact), variance = square - m * m;
    for (int k = 0; k < P; k++) dot += mean[k] * exact[k];
    /* chance: sampling error of the mean's direction, to tell a bias from it */
    return (struct quality){ dot / (size * size), acos(fmin(1, dot / (m * size))) * 57.29577951308232,
                             sqrt(variance / batches) / m * 57.29577951308232, variance / (size * size) * n };
}

static void report(int method, int n, int batches, double j, const double *exact)
{
    struct quality q = measure(method, n, batches, j, exact, 169);
    printf("%-24s %5d %12.4f %9.2f +- %-5.2f %14.4f\n", names[method], n, q.along, q.angle, q.chance, q.variance);
}

/* A policy drawn with `seed`; its sequences, J and gradient, all exact.  Returns the number of sequences. */
static int draw_policy(uint64_t seed, double *j, double *exact, double *total)
{
    mb_rng rng = mb_rng_make(seed, "a169 policy", 0);
    for (int i = 0; i < P; i++) theta[i] = (double)mb_normal(&rng);
    sequence all[81];
    int n = enumerate(all);
    *j = *total = 0;
    for (int k = 0; k < P; k++) exact[k] = 0;
    for (int i = 0; i < n; i++) {
        double p = exp(all[i].logp);
        *total += p;
        *j += p * all[i].reward;
        for (int k = 0; k < P; k++) exact[k] += p * all[i].reward * all[i].score[k];
    }
    return n;
}

/* One policy: a169 --group=N --batches=N --seed=S prints every estimator's quality. */
static int one(int argc, char **argv)
{
    static const char *const keys[METHODS] = { "reinforce", "baseline", "rloo", "dr_grpo", "no_length", "grpo" };
    int group = (int)row_number(argc, argv, "group", 8), batches = (int)row_number(argc, argv, "batches", 10000);
    double j, exact[P], total, value[3 * METHODS];
    char name[3 * METHODS][32];
    const char *at[3 * METHODS];
    if (group < 2 || group > MAX_GROUP) return fprintf(stderr, "--group must lie in [2, %d]\n", MAX_GROUP), 2;
    draw_policy(row_seed(argc, argv), &j, exact, &total);
    for (int m = 0; m < METHODS; m++) {
        struct quality q = measure(m, group, batches, j, exact, row_seed(argc, argv));
        const double v[3] = { q.along, q.angle, q.variance };
        static const char *const what[3] = { "along", "angle", "variance" };
        for (int k = 0; k < 3; k++) {
            snprintf(name[3 * m + k], sizeof *name, "%s_%s", keys[m], what[k]);
            at[3 * m + k] = name[3 * m + k];
            value[3 * m + k] = v[k];
        }
    }
    row_print(3 * METHODS, at, value);
    return 0;
}

int main(int argc, char **argv)
{
    if (row_text(argc, argv, "seed")) return one(argc, argv);
    int batches = argc > 1 ? atoi(argv[1]) : 10000;
    double j, exact[P], total;
    int n = draw_policy(169, &j, exact, &total);
    printf("%d sequences, total probability %.12f, J = %.6f, |grad J| = %.6f, %d batches\n", n, total, j, norm(exact), batches);
    printf("along: mean estimate along the exact gradient (1: unbiased).  angle: between them, degrees, +- what chance alone gives.\n");
    printf("variance: of one sample, in units of |grad J|^2\n\n%-24s %5s %12s %18s %14s\n", "estimator", "group", "along", "angle", "variance");
    for (int m = 0; m < METHODS; m++)
        for (int group = 2; group <= MAX_GROUP; group *= 2) report(m, group, batches, j, exact);
    return 0;
}
