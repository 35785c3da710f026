/* Row A108: how far Q-learning's table is from the exact values, over the pairs that can be met, by steps. */
#include "agent.h"

#define WITH(...) (const char *const[]){ __VA_ARGS__, NULL }

static void row(const char *env, const char *what, const char *const *settings, double gamma, int64_t steps)
{
    enum { SEEDS = 10 };
    double sum = 0, worst = 0;
    for (int i = 0; i < SEEDS; i++) {
        static struct agent a;
        agent_open(&a, "q-learning", env, settings, (uint64_t)(101 + i), steps);
        agent_train(&a, steps);
        double error = agent_error(&a, gamma, 1);
        sum += error;
        if (error > worst) worst = error;
        agent_close(&a);
    }
    printf("| %s | %s | %g | %lld | %.5f | %.5f |\n", env, what, gamma, (long long)steps, sum / SEEDS, worst);
}

int main(void)
{
    printf("| environment | what | gamma | steps | largest error, mean of 10 seeds | worst seed |\n|---|---|---|---|---|---|\n");
    row("cliffwalking", "deterministic, step size 1", WITH("alpha=1", "epsilon=1"), 0.99, 400000);
    row("taxi", "deterministic, step size 1", WITH("alpha=1", "epsilon=1"), 0.99, 500000);
    row("rooms", "no slipping, step size 1", WITH("alpha=1", "epsilon=1", "env.slip=0"), 0.99, 400000);
    row("rooms", "slipping 1/3", WITH("alpha=1", "decay=1", "decay-after=10", "epsilon=1", "gamma=0.9"), 0.9, 1000000);
    row("rooms", "slipping 1/3", WITH("alpha=1", "decay=1", "decay-after=10", "epsilon=1", "gamma=0.9"), 0.9, 10000000);
    row("frozenlake", "slippery", WITH("alpha=1", "decay=1", "decay-after=10", "epsilon=0.5", "gamma=0.9"), 0.9, 1000000);
    row("frozenlake", "slippery", WITH("alpha=1", "decay=1", "decay-after=10", "epsilon=0.5", "gamma=0.9"), 0.9, 10000000);
    row("frozenlake", "slippery", WITH("alpha=1", "decay=1", "decay-after=10", "epsilon=0.5"), 0.99, 10000000);
    return 0;
}
