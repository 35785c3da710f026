/* Row A110: behaviour and target policy.  Cliff walking with four learners, off-policy evaluation by importance sampling, and
   Baird's counterexample. */
#include "baird.h"
#include "cliff.h"
#include "ope.h"
#include "row.h"

static void cliff(void)
{
    static const char *const algos[] = { "sarsa", "expected-sarsa", "q-learning", "double-q-learning" };
    enum { RUNS = 100, EPISODES = 500 };
    printf("cliff walking, alpha 0.5, epsilon 0.1, gamma 1, %d episodes, %d runs (seeds 101 to %d)\n\n", EPISODES, RUNS, 100 + RUNS);
    printf("| learner | return while learning (last half) | standard error | greedy return at the end |\n|---|---|---|---|\n");
    for (int k = 0; k < 4; k++) {
        double sum = 0, squares = 0, greedy = 0;
        for (int i = 0; i < RUNS; i++) {
            struct cliff_result x = cliff_run(algos[k], (uint64_t)(101 + i), EPISODES);
            sum += x.online;
            squares += x.online * x.online;
            greedy += x.greedy / RUNS;
        }
        double mean = sum / RUNS;
        printf("| %s | %.1f | %.1f | %.1f |\n", algos[k], mean, sqrt((squares / RUNS - mean * mean) / (RUNS - 1)), greedy);
    }
}

static void evaluation(void)
{
    static const int episodes[] = { 1, 3, 10, 30, 100, 300 };
    printf("\noff-policy evaluation, exact value %.4f, 4000 repetitions\n\n", ope_exact());
    printf("| episodes | ordinary: bias, RMSE | weighted: bias, RMSE | per decision: bias, RMSE |\n|---|---|---|---|\n");
    for (int k = 0; k < 6; k++) {
        struct ope_result x = ope_measure(episodes[k], 4000, 1);
        printf("| %d |", episodes[k]);
        for (int j = 0; j < 3; j++) printf(" %+.3f, %.3f |", x.bias[j], x.rmse[j]);
        printf("\n");
    }
}

static void counterexample(void)
{
    static const char *const rules[] = { "td", "tdc", "gtd2" };
    static const int64_t steps[] = { 1000, 5000, 20000, 100000 };
    printf("\nBaird's counterexample, alpha 0.005, beta 0.05, gamma 0.99, seed 1\n\n");
    printf("| rule | steps | largest weight | RMS value | RMS Bellman error |\n|---|---|---|---|---|\n");
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < 4; i++) {
            struct baird_result x = baird_run(rules[k], 1, steps[i]);
            printf("| %s | %lld | %.3g | %.3g | %.3g |\n", rules[k], (long long)steps[i], x.largest, x.rms, x.bellman);
        }
}

/* One seed: a110 cliff --algo=A | a110 evaluation --episodes=N | a110 baird --rule=R --steps=N */
static int one(int argc, char **argv)
{
    uint64_t seed = row_seed(argc, argv);
    if (strcmp(argv[1], "cliff") == 0) {
        struct cliff_result x = cliff_run(row_text(argc, argv, "algo"), seed, 500);
        row_print(2, (const char *const[]){ "online", "greedy" }, (double[]){ x.online, x.greedy });
    } else if (strcmp(argv[1], "evaluation") == 0) {
        struct ope_result x = ope_measure((int)row_number(argc, argv, "episodes", 10), 400, seed);
        row_print(6, (const char *const[]){ "ordinary_bias", "weighted_bias", "decision_bias", "ordinary_rmse", "weighted_rmse", "decision_rmse" },
                  (double[]){ x.bias[0], x.bias[1], x.bias[2], x.rmse[0], x.rmse[1], x.rmse[2] });
    } else {
        struct baird_result x = baird_run(row_text(argc, argv, "rule"), seed, (int64_t)row_number(argc, argv, "steps", 20000));
        row_print(3, (const char *const[]){ "largest", "rms", "bellman" }, (double[]){ x.largest, x.rms, x.bellman });
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && row_text(argc, argv, "seed")) return one(argc, argv);
    cliff();
    evaluation();
    counterexample();
    return 0;
}
