/* Row A115: from animals to agents.  The puzzle box as a linear operator, the effects of classical conditioning by
   Rescorla and Wagner's rule and by temporal differences, and dynamic programming as TD's limit. */
#include "agent.h"
#include <math.h>

/* A cat in a box tries one of ten responses every 10 seconds; one opens the door, and is strengthened. */
static void puzzle_box(void)
{
    enum { RESPONSES = 10, TRIALS = 24, CATS = 1000 };
    static double latency[TRIALS];
    for (int cat = 0; cat < CATS; cat++) {
        mb_rng rng = mb_rng_make(101, "cat", (uint64_t)cat);
        double p[RESPONSES];
        for (int i = 0; i < RESPONSES; i++) p[i] = 1.0 / RESPONSES;
        for (int trial = 0; trial < TRIALS; trial++) {
            do latency[trial] += 10.0 / CATS;
            while (mb_uniform64(&rng) >= p[0]);
            mb_linear_operator(p, RESPONSES, 0, 0.15);
        }
    }
    printf("puzzle box: escape latency in seconds, mean of %d cats (10 responses, rate 0.15; exact: 10 / p)\n\n| trial | latency | exact |\n|---|---|---|\n", CATS);
    for (int trial = 0; trial < TRIALS; trial += trial < 4 ? 1 : 4)
        printf("| %d | %.1f | %.1f |\n", trial + 1, latency[trial], 10 / (1 - 0.9 * pow(0.85, trial)));
}

static void trials(double *v, int a, int b, int n, double outcome)
{
    const double salience[2] = { 1, 1 };
    const uint8_t present[2] = { (uint8_t)a, (uint8_t)b };
    for (int i = 0; i < n; i++) mb_rescorla_wagner(v, present, salience, 2, 0.1, outcome);
}

enum { STEPS = 12 };
/* TD trials with onsets a and b (-1: absent) and the outcome at step 8 when `outcome`. */
static void td_trials(double *w, int a, int b, int n, bool outcome)
{
    const mb_conditioning m = { .n = 2, .T = STEPS, .alpha = 0.1, .gamma = 0.95 };
    const int onset[2] = { a, b };
    for (int i = 0; i < n; i++) mb_td_trial(&m, w, onset, outcome ? 8 : -1, 1, NULL);
}

/* What B alone predicts at its onset. */
static double td_strength(double *w) { return w[STEPS]; }

static void conditioning(void)
{
    printf("\nclassical conditioning: what stimulus B predicts\n\n| design | Rescorla-Wagner | TD |\n|---|---|---|\n");
    double v[2] = { 0 }, w[2 * STEPS] = { 0 };
    trials(v, 0, 1, 100, 1);
    td_trials(w, -1, 4, 300, true);
    printf("| acquisition: B with the outcome | %.3f | %.3f |\n", v[1], td_strength(w));
    trials(v, 0, 1, 100, 0);
    td_trials(w, -1, 4, 300, false);
    printf("| extinction: then B alone | %.3f | %.3f |\n", v[1], td_strength(w));
    double v1[2] = { 0 }, w1[2 * STEPS] = { 0 };
    trials(v1, 1, 1, 100, 1);
    td_trials(w1, 4, 4, 300, true);
    printf("| overshadowing: A and B with the outcome | %.3f | %.3f |\n", v1[1], td_strength(w1));
    double v2[2] = { 0 }, w2[2 * STEPS] = { 0 };
    trials(v2, 1, 0, 100, 1);
    td_trials(w2, 4, -1, 300, true);
    trials(v2, 1, 1, 100, 1);
    td_trials(w2, 4, 4, 300, true);
    printf("| blocking: A with it, then A and B with it | %.3f | %.3f |\n", v2[1], td_strength(w2));
    double v3[2] = { 0 }, w3[2 * STEPS] = { 0 };
    trials(v3, 1, 0, 100, 1);
    td_trials(w3, 4, -1, 300, true);
    trials(v3, 1, 1, 10, 0);
    td_trials(w3, 4, 2, 10, false);
    printf("| second order: A with it, then B before A without it | %.3f | %.3f |\n", v3[1], td_strength(w3));
}

/* The same values from the model and from experience: TD(0) with a step size that falls to 0. */
static void limit(void)
{
    static const int64_t steps[] = { 1000, 10000, 100000, 1000000, 10000000 };
    printf("\nTD(0) on the 5-state random walk: root mean squared distance to dynamic programming's solution, mean of 10 seeds\n\n| steps | distance |\n|---|---|\n");
    for (int k = 0; k < 5; k++) {
        double sum = 0, exact[5];
        for (int s = 0; s < 5; s++) exact[s] = (s - 2) / 3.0;
        for (int i = 0; i < 10; i++) {
            static struct agent a;
            agent_open(&a, "td", "randomwalk", (const char *const[]){ "lambda=0", k < 2 ? "alpha=linear:0.2:0" : "alpha=linear:0.02:0", "env.states=5", NULL },
                       (uint64_t)(101 + i), steps[k]);
            agent_train(&a, steps[k]);
            struct { mb_states states; int nactions; double *v; } *td = a.self; /* the beginning of the algorithm's state */
            sum += mb_rms_error(td->v, exact, NULL, 5) / 10;
            agent_close(&a);
        }
        printf("| %lld | %.4f |\n", (long long)steps[k], sum);
    }
}

int main(void)
{
    puzzle_box();
    conditioning();
    limit();
    return 0;
}
