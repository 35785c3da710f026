/* Row A115: from animals to agents.  The puzzle box as a linear operator, the effects of classical conditioning by
   Rescorla and Wagner's rule and by temporal differences, and dynamic programming as TD's limit. */
#include "agent.h"
#include "row.h"
#include <math.h>

/* A cat in a box tries one of ten responses every 10 seconds; one opens the door, and is strengthened. */
enum { RESPONSES = 10, TRIALS = 24, CATS = 1000 };

static void escape(uint64_t seed, double latency[TRIALS])
{
    for (int cat = 0; cat < CATS; cat++) {
        mb_rng rng = mb_rng_make(seed, "cat", (uint64_t)cat);
        double p[RESPONSES];
        for (int i = 0; i < RESPONSES; i++) p[i] = 1.0 / RESPONSES;
        for (int trial = 0; trial < TRIALS; trial++) {
            do latency[trial] += 10.0 / CATS;
            while (mb_uniform64(&rng) >= p[0]);
            mb_linear_operator(p, RESPONSES, 0, 0.15);
        }
    }
}

static double exact_latency(int trial) { return 10 / (1 - 0.9 * pow(0.85, trial)); }

static void puzzle_box(void)
{
    double latency[TRIALS] = { 0 };
    escape(101, latency);
    printf("puzzle box: escape latency in seconds, mean of %d cats (10 responses, rate 0.15; exact: 10 / p)\n\n| trial | latency | exact |\n|---|---|---|\n", CATS);
    for (int trial = 0; trial < TRIALS; trial += trial < 4 ? 1 : 4)
        printf("| %d | %.1f | %.1f |\n", trial + 1, latency[trial], exact_latency(trial));
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

enum { ACQUISITION, EXTINCTION, OVERSHADOWING, BLOCKING, SECOND_ORDER, DESIGNS };
struct prediction { double rw, td; };

static void conditioning_results(struct prediction out[DESIGNS])
{
    double v[2] = { 0 }, w[2 * STEPS] = { 0 };
    trials(v, 0, 1, 100, 1);
    td_trials(w, -1, 4, 300, true);
    out[ACQUISITION] = (struct prediction){ v[1], td_strength(w) };
    trials(v, 0, 1, 100, 0);
    td_trials(w, -1, 4, 300, false);
    out[EXTINCTION] = (struct prediction){ v[1], td_strength(w) };
    double v1[2] = { 0 }, w1[2 * STEPS] = { 0 };
    trials(v1, 1, 1, 100, 1);
    td_trials(w1, 4, 4, 300, true);
    out[OVERSHADOWING] = (struct prediction){ v1[1], td_strength(w1) };
    double v2[2] = { 0 }, w2[2 * STEPS] = { 0 };
    trials(v2, 1, 0, 100, 1);
    td_trials(w2, 4, -1, 300, true);
    trials(v2, 1, 1, 100, 1);
    td_trials(w2, 4, 4, 300, true);
    out[BLOCKING] = (struct prediction){ v2[1], td_strength(w2) };
    double v3[2] = { 0 }, w3[2 * STEPS] = { 0 };
    trials(v3, 1, 0, 100, 1);
    td_trials(w3, 4, -1, 300, true);
    trials(v3, 1, 1, 10, 0);
    td_trials(w3, 4, 2, 10, false);
    out[SECOND_ORDER] = (struct prediction){ v3[1], td_strength(w3) };
}

static void conditioning(void)
{
    static const char *const names[DESIGNS] = { "acquisition: B with the outcome", "extinction: then B alone", "overshadowing: A and B with the outcome",
                                                "blocking: A with it, then A and B with it",
                                                "second order: A with it, then B before A without it" };
    struct prediction p[DESIGNS];
    conditioning_results(p);
    printf("\nclassical conditioning: what stimulus B predicts\n\n| design | Rescorla-Wagner | TD |\n|---|---|---|\n");
    for (int i = 0; i < DESIGNS; i++) printf("| %s | %.3f | %.3f |\n", names[i], p[i].rw, p[i].td);
}

/* The same values from the model and from experience: TD(0) with a step size that falls to 0. */
static double distance(const char *alpha, uint64_t seed, int64_t steps)
{
    static struct agent a;
    double exact[5];
    for (int s = 0; s < 5; s++) exact[s] = (s - 2) / 3.0;
    agent_open(&a, "td", "randomwalk", (const char *const[]){ "lambda=0", alpha, "env.states=5", NULL }, seed, steps);
    agent_train(&a, steps);
    struct { mb_states states; int nactions; double *v; } *td = a.self; /* the beginning of the algorithm's state */
    double d = mb_rms_error(td->v, exact, NULL, 5);
    agent_close(&a);
    return d;
}

static void limit(void)
{
    static const int64_t steps[] = { 1000, 10000, 100000, 1000000, 10000000 };
    printf("\nTD(0) on the 5-state random walk: root mean squared distance to dynamic programming's solution, mean of 10 seeds\n\n| steps | distance |\n|---|---|\n");
    for (int k = 0; k < 5; k++) {
        double sum = 0;
        for (int i = 0; i < 10; i++) sum += distance(k < 2 ? "alpha=linear:0.2:0" : "alpha=linear:0.02:0", (uint64_t)(101 + i), steps[k]) / 10;
        printf("| %lld | %.4f |\n", (long long)steps[k], sum);
    }
}

/* One seed: a115 box | a115 conditioning | a115 limit --steps=N */
static int one(int argc, char **argv)
{
    uint64_t seed = row_seed(argc, argv);
    if (strcmp(argv[1], "box") == 0) {
        double latency[TRIALS] = { 0 };
        escape(seed, latency);
        row_print(3, (const char *const[]){ "first", "last", "last_off" },
                  (double[]){ latency[0], latency[TRIALS - 1], latency[TRIALS - 1] - exact_latency(TRIALS - 1) });
    } else if (strcmp(argv[1], "conditioning") == 0) {
        struct prediction p[DESIGNS];
        conditioning_results(p);
        row_print(10, (const char *const[]){ "rw_acquisition", "td_acquisition", "rw_extinction", "td_extinction", "rw_overshadowing",
                  "td_overshadowing", "rw_blocking", "td_blocking", "rw_second_order", "td_second_order" }, &p[0].rw);
    } else {
        int64_t steps = (int64_t)row_number(argc, argv, "steps", 1000000);
        double d = distance(steps < 100000 ? "alpha=linear:0.2:0" : "alpha=linear:0.02:0", seed, steps);
        row_print(1, (const char *const[]){ "distance" }, &d);
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && row_text(argc, argv, "seed")) return one(argc, argv);
    puzzle_box();
    conditioning();
    limit();
    return 0;
}
