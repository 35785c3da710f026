/* Row A108: how far Q-learning's table is from the exact values, over the pairs that can be met, by steps. */
#include "agent.h"
#include "row.h"

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

/* One seed: a108 ENV --steps=N --gamma=G --set.NAME=VALUE ... --seed=S */
static int one(int argc, char **argv)
{
    static struct agent a;
    const char *settings[32] = { NULL };
    int n = 0;
    for (int i = 2; i < argc && n < 31; i++)
        if (strncmp(argv[i], "--set.", 6) == 0) settings[n++] = argv[i] + 6;
    int64_t steps = (int64_t)row_number(argc, argv, "steps", 400000);
    agent_open(&a, "q-learning", argv[1], settings, row_seed(argc, argv), steps);
    agent_train(&a, steps);
    double error = agent_error(&a, row_number(argc, argv, "gamma", 0.99), 1);
    row_print(1, (const char *const[]){ "error" }, &error);
    agent_close(&a);
    return 0;
}

int main(int argc, char **argv)
{
    if (row_text(argc, argv, "seed")) return one(argc, argv);
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
