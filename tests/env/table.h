/* Compares a finite environment's outcomes with the reference's table (tests/reference/gym_toytext.py) and its step with
   its own outcomes.  The including test first includes the environment's file. */
#ifndef TESTS_ENV_TABLE_H
#define TESTS_ENV_TABLE_H
#include "mb_test.h"

typedef int outcomes_fn(const void *options, int state, int action, struct outcome *out);

/* Every line of a table, in the table's order of outcomes; returns the number of state-action pairs. */
static int compare_table(const char *file, const void *options, outcomes_fn *model)
{
    char line[512];
    int pairs = 0;
    FILE *f = fopen(file, "r");
    if (!f) printf("FAIL: cannot read %s (run the tests in the project's root)\n", file);
    while (f && fgets(line, sizeof line, f)) {
        int state, action, n, at;
        if (sscanf(line, "%d %d %d%n", &state, &action, &n, &at) != 3) continue;
        struct outcome o[MAX_OUTCOMES];
        int have = model(options, state, action, o);
        bool equal = have == n;
        for (int i = 0; equal && i < n; i++) {
            double p, reward;
            int next, done, more;
            CHECK(sscanf(line + at, "%lf %d %lf %d%n", &p, &next, &reward, &done, &more) == 4);
            at += more;
            equal = fabs(p - o[i].probability) < 1e-11 && next == o[i].next && reward == (double)o[i].reward && done == o[i].terminated;
        }
        CHECK(equal);
        if (!equal) printf("FAIL: %s differs: %s", file, line);
        pairs++;
    }
    if (f) fclose(f);
    return pairs;
}

/* Step from (state, action) `n` times: how often each next state comes out follows the table within five standard errors. */
static void check_frequencies(const mb_env_def *def, const void *options, outcomes_fn *model, int state, int action, int n)
{
    struct outcome o[MAX_OUTCOMES];
    int have = model(options, state, action, o), seen[MAX_OUTCOMES] = { 0 };
    int32_t obs, act = action;
    char instance[64];
    mb_error err = { 0 };
    mb_rng rng = mb_rng_make(5, "env", 0);
    mb_io io = { .index = &act, .obs_field = { &obs } };
    double value = state;
    CHECK(def->state_size <= sizeof instance);
    for (int k = 0; k < n; k++) {
        CHECK(def->place(instance, options, &value, 1, &io, &err));
        CHECK(obs == state);
        mb_step s = def->step(instance, options, &rng, &io);
        int i = 0;
        while (i < have && (o[i].next != obs || o[i].reward != s.reward)) i++;
        CHECK(i < have && s.terminated == o[i].terminated);
        if (i < have) seen[i]++;
    }
    for (int i = 0; i < have; i++) {
        double p = 0;
        bool counted = false;
        for (int j = 0; j < have; j++)
            if (o[j].next == o[i].next && o[j].reward == o[i].reward) {
                p += o[j].probability;
                counted |= j < i; /* several outcomes that look alike were counted at the first */
            }
        if (!counted) CHECK_NEAR(seen[i], n * p, 5 * sqrt(n * p * (1 - p)) + 1e-9);
    }
}
#endif
