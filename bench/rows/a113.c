/* Row A113: the temporal-difference error as the signal of dopamine cells.  A cue at 0.5 s, the outcome at 1.5 s of trials of 2 s in steps
   of 0.1 s; the model is that of mb_td_trial (complete serial compound).  Errors are those of probe trials after learning.  Kinds:
   certain, chance (the outcome comes with probability p), time (it comes at one of eleven times), blocking. */
#include "row.h"
#include "matchbox/tabular.h"
#include <math.h>

enum { STEPS = 20, CUE = 5, WHEN = 15, TIMES = 11, FIRST = 8 };
static const double gamma_ = 0.98;

struct probe { double delta[STEPS]; };

/* A trial and its errors, learned from at the rate of the model. */
static struct probe trial(const mb_conditioning *m, double *w, const int *onset, int when, double outcome)
{
    struct probe p;
    double expect[STEPS];
    mb_td_trial(m, w, onset, when, outcome, expect);
    mb_td_errors(m, expect, when, outcome, p.delta);
    return p;
}

/* Without learning. */
static struct probe probe(const mb_conditioning *m, double *w, const int *onset, int when, double outcome)
{
    mb_conditioning still = *m;
    still.alpha = 0;
    return trial(&still, w, onset, when, outcome);
}

static double largest_elsewhere(const struct probe *p, int a, int b)
{
    double most = 0;
    for (int t = 0; t < STEPS; t++)
        if (t != a && t != b && fabs(p->delta[t]) > most) most = fabs(p->delta[t]);
    return most;
}

static void certain(mb_rng *rng, int trials)
{
    double w[STEPS] = { 0 }, size = 0.5 + mb_uniform64(rng);
    mb_conditioning m = { .n = 1, .T = STEPS, .alpha = 0.1, .gamma = gamma_ };
    const int onset[] = { CUE };
    struct probe naive = probe(&m, w, onset, WHEN, size);
    for (int i = 0; i < trials; i++) trial(&m, w, onset, WHEN, size);
    struct probe after = probe(&m, w, onset, WHEN, size), omitted = probe(&m, w, onset, -1, 0);
    double expected = pow(gamma_, WHEN - CUE);
    row_print(7, (const char *const[]){ "naive_cue", "naive_outcome", "cue", "outcome", "omission", "elsewhere", "cue_theory" },
              (double[]){ naive.delta[CUE] / size, naive.delta[WHEN] / size, after.delta[CUE] / size, after.delta[WHEN] / size,
                          omitted.delta[WHEN] / size, largest_elsewhere(&after, CUE, WHEN) / size, expected });
}

/* Means over 2,000 trials at the end, learning going on: an outcome that is 1 with probability p, else 0. */
static void chance(mb_rng *rng, int trials, double p)
{
    enum { PROBES = 2000 };
    double w[STEPS] = { 0 }, cue = 0, got = 0, missed = 0;
    int ngot = 0;
    mb_conditioning m = { .n = 1, .T = STEPS, .alpha = 0.02, .gamma = gamma_ };
    const int onset[] = { CUE };
    for (int i = 0; i < trials + PROBES; i++) {
        bool comes = mb_uniform64(rng) < p;
        struct probe x = trial(&m, w, onset, WHEN, comes ? 1 : 0);
        if (i < trials) continue;
        cue += x.delta[CUE] / PROBES;
        ngot += comes;
        *(comes ? &got : &missed) += x.delta[WHEN];
    }
    got /= ngot > 0 ? ngot : 1, missed /= PROBES - ngot > 0 ? PROBES - ngot : 1;
    row_print(3, (const char *const[]){ "cue_off", "outcome_off", "omission_off" },
              (double[]){ cue - p * pow(gamma_, WHEN - CUE), got - (1 - p), missed + p });
}

/* The outcome comes for certain, at one of eleven times.  Theory: before the k-th, the mean of gamma^i over the times still to come. */
static void time_varies(mb_rng *rng, int trials)
{
    double w[STEPS] = { 0 }, off = 0, first = 0, last = 0;
    mb_conditioning m = { .n = 1, .T = STEPS, .alpha = 0.02, .gamma = 0.9 };
    const int onset[] = { CUE };
    double sum[STEPS] = { 0 };
    for (int i = 0; i < trials; i++) {
        trial(&m, w, onset, FIRST + mb_below(rng, TIMES), 1);
        for (int t = 0; t < STEPS && 2 * i >= trials; t++) sum[t] += w[t];
    }
    for (int t = 0; t < STEPS; t++) w[t] = sum[t] / (trials - (trials + 1) / 2); /* mean of the second half */
    for (int k = 0; k < TIMES; k++) {
        double delta = probe(&m, w, onset, FIRST + k, 1).delta[FIRST + k], expected = 0;
        for (int i = 0; i < TIMES - k; i++) expected += pow(m.gamma, i) / (TIMES - k);
        off = fmax(off, fabs(delta - (1 - expected)));
        if (k == 0) first = delta;
        last = delta;
    }
    row_print(3, (const char *const[]){ "early", "late", "largest_off" }, (double[]){ first, last, off });
}

/* A learned cue leaves nothing to learn for another that comes with it: the second cue alone, with and without the first phase. */
static void blocking(mb_rng *rng, int trials)
{
    double value[2], size = 0.5 + mb_uniform64(rng);
    for (int control = 0; control < 2; control++) {
        double w[2 * STEPS] = { 0 };
        mb_conditioning m = { .n = 2, .T = STEPS, .alpha = 0.1, .gamma = gamma_ };
        const int alone[] = { CUE, -1 }, together[] = { CUE, CUE }, second[] = { -1, CUE };
        for (int i = 0; i < trials && !control; i++) trial(&m, w, alone, WHEN, size);
        for (int i = 0; i < trials; i++) trial(&m, w, together, WHEN, size);
        value[control] = probe(&m, w, second, WHEN, size).delta[CUE] / size;
    }
    row_print(2, (const char *const[]){ "blocked", "control" }, value);
}

int main(int argc, char **argv)
{
    mb_rng rng = mb_rng_make(row_seed(argc, argv), "a113", 0);
    const char *kind = argc > 1 ? argv[1] : "certain";
    int trials = (int)row_number(argc, argv, "trials", 2000);
    if (!strcmp(kind, "chance")) chance(&rng, trials, row_number(argc, argv, "p", 0.5));
    else if (!strcmp(kind, "time")) time_varies(&rng, trials);
    else if (!strcmp(kind, "blocking")) blocking(&rng, trials);
    else certain(&rng, trials);
    return 0;
}
