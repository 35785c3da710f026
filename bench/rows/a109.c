/* Row A109: TD(lambda) on the 19-state random walk, 100 runs (seeds 101 to 200): the error of the first 10 episodes by step size
   and lambda, and the best of each curve. */
#include "row.h"
#include "walk.h"

enum { LAMBDAS = 6, ALPHAS = 6, RUNS = 100 };

int main(int argc, char **argv)
{
    if (row_text(argc, argv, "seed")) {
        double error = walk_error(row_number(argc, argv, "lambda", 0.8), row_number(argc, argv, "alpha", 0.3), row_seed(argc, argv));
        row_print(1, (const char *const[]){ "error" }, &error);
        return 0;
    }
    static const double lambda[LAMBDAS] = { 0, 0.4, 0.8, 0.9, 0.95, 1 };
    static const double alpha[LAMBDAS][ALPHAS] = {
        { 0.1, 0.2, 0.4, 0.6, 0.8, 1.0 }, { 0.1, 0.2, 0.3, 0.4, 0.6, 0.8 }, { 0.05, 0.1, 0.15, 0.2, 0.3, 0.4 },
        { 0.025, 0.05, 0.1, 0.15, 0.2, 0.3 }, { 0.025, 0.05, 0.075, 0.1, 0.15, 0.2 }, { 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05 },
    };
    printf("| lambda | alpha: RMS error (standard error) | best |\n|---|---|---|\n");
    for (int i = 0; i < LAMBDAS; i++) {
        double best = 1e9;
        printf("| %g | ", lambda[i]);
        for (int k = 0; k < ALPHAS; k++) {
            struct walk_point x = walk_measure(lambda[i], alpha[i][k], RUNS);
            printf("%g: %.3f (%.3f)%s", alpha[i][k], x.mean, x.error, k + 1 < ALPHAS ? ", " : " | ");
            if (x.mean < best) best = x.mean;
        }
        printf("%.3f |\n", best);
    }
    return 0;
}
