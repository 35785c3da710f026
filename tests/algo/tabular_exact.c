/* Exact methods against NumPy on Gymnasium's transition tables, against closed forms, and against each other. */
#include "../../bench/rows/agent.h"
#include "mb_test.h"

enum { MAX_VALUES = 512 };

/* The line `name gamma n` of the data file, and its values. */
static int read_values(const char *name, double *out)
{
    FILE *f = fopen("tests/reference/data/tabular-values.txt", "r");
    char word[64];
    double gamma;
    int n = 0;
    bool found = false;
    CHECK(f != NULL);
    while (f && !found && fscanf(f, "%63s %lf %d", word, &gamma, &n) == 3) {
        found = strcmp(word, name) == 0;
        for (int i = 0; i < n; i++) CHECK(fscanf(f, "%lf", &out[i]) == 1);
    }
    if (f) fclose(f);
    CHECK(found);
    return n;
}

static double best_of(const mb_qtable *q, int s)
{
    return mb_max_value(mb_qtable_at(q, s), NULL, q->nactions);
}

static void compare(const char *name, const char *env, const char *const *settings)
{
    static const char *const algos[] = { "value-iteration", "policy-iteration" };
    double want[MAX_VALUES];
    int n = read_values(name, want);
    for (int k = 0; k < 2; k++) {
        struct agent a;
        agent_open(&a, algos[k], env, settings, 1, 100000);
        agent_train(&a, 100000);
        const mb_qtable *q = a.self;
        CHECK(q->states.n == n);
        double worst = 0;
        for (int s = 0; s < n; s++) worst = fmax(worst, fabs(best_of(q, s) - want[s]));
        CHECK_NEAR(worst, 0, 1e-8);
        agent_close(&a);
    }
}

TEST(frozenlake) { compare("frozenlake", "frozenlake", NULL); }
TEST(frozenlake_8x8) { compare("frozenlake-8x8", "frozenlake", (const char *const[]){ "env.map=8x8", NULL }); }
TEST(taxi) { compare("taxi", "taxi", NULL); }
TEST(rooms) { compare("rooms", "rooms", (const char *const[]){ "gamma=0.9", NULL }); }

/* Gymnasium's table also has rows for the cliff and the goal, which are never acted from; here they do not exist. */
TEST(cliffwalking)
{
    double want[MAX_VALUES];
    struct agent a;
    CHECK(read_values("cliffwalking", want) == 48);
    agent_open(&a, "policy-iteration", "cliffwalking", NULL, 1, 1000);
    agent_train(&a, 1000);
    for (int s = 0; s <= 36; s++) CHECK_NEAR(best_of(a.self, s), want[s], 1e-9);
    agent_close(&a);
}

/* Without discount the shortest way along the cliff is 13 steps of -1. */
TEST(undiscounted_cliff)
{
    struct agent a;
    agent_open(&a, "policy-iteration", "cliffwalking", (const char *const[]){ "gamma=1", NULL }, 1, 1000);
    agent_train(&a, 1000);
    CHECK_NEAR(best_of(a.self, 36), -13, 1e-9);
    agent_close(&a);
    agent_open(&a, "policy-iteration", "cliffwalking", (const char *const[]){ "gamma=1", "evaluation=sweeps", NULL }, 1, 1000);
    agent_train(&a, 1000);
    CHECK_NEAR(best_of(a.self, 36), -13, 1e-6);
    agent_close(&a);
}

/* The uniform walk between -1 and 1 over n states: the values lie on a straight line; a biased one has gambler's ruin. */
TEST(random_walk_closed_form)
{
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
    const mb_env_def *env = mb_env_find("randomwalk", &err);
    char options[256];
    mb_options_default(env->options, options);
    mb_mdp m;
    CHECK(mb_mdp_of_env(&m, a, env, options, &err));
    double policy[38], v[19], work[19 * 20];
    mb_uniform_policy(&m, policy);
    CHECK(mb_policy_value(&m, policy, 1, v, work, &err));
    for (int s = 0; s < 19; s++) CHECK_NEAR(v[s], (s - 9) / 10.0, 1e-12);
    double ruin = 0.4 / 0.6; /* right with chance 0.6 */
    for (int s = 0; s < 19; s++) { policy[2 * s] = 0.4; policy[2 * s + 1] = 0.6; }
    CHECK(mb_policy_value(&m, policy, 1, v, work, &err));
    for (int s = 0; s < 19; s++) {
        double wins = (1 - pow(ruin, s + 1)) / (1 - pow(ruin, 20));
        CHECK_NEAR(v[s], 2 * wins - 1, 1e-12);
    }
    double swept[19] = { 0 };
    for (int i = 0; i < 10000; i++) mb_policy_sweep(&m, policy, 1, swept);
    for (int s = 0; s < 19; s++) CHECK_NEAR(swept[s], v[s], 1e-10);
    mb_arena_free(a);
}

/* A policy that never ends has no undiscounted value; without a model there is nothing to iterate on. */
TEST(errors_say_what_to_do)
{
    mb_error err = { 0 };
    mb_arena *arena = mb_arena_new((size_t)1 << 26, &err);
    const mb_env_def *env = mb_env_find("cliffwalking", &err);
    char options[256];
    mb_options_default(env->options, options);
    mb_mdp m;
    CHECK(mb_mdp_of_env(&m, arena, env, options, &err));
    static double policy[48 * 4], v[48], work[48 * 49];
    for (int s = 0; s < 48; s++) policy[4 * s] = 1; /* always up */
    CHECK(!mb_policy_value(&m, policy, 1, v, work, &err));
    CHECK_ERROR(err, "gamma below 1");
    mb_arena_free(arena);
    struct agent a;
    CHECK(!agent_try(&a, "value-iteration", "blackjack", NULL, 1, 1, 10));
    CHECK_ERROR(a.err, "offers no exact model");
    CHECK(!agent_try(&a, "q-learning", "cartpole", NULL, 1, 1, 10));
    CHECK_ERROR(a.err, "needs discrete observations");
    CHECK(!agent_try(&a, "value-iteration", "taxi", (const char *const[]){ "env.fickle=true", NULL }, 1, 1, 10));
    CHECK_ERROR(a.err, "with these options");
}

/* Sampled steps follow the model: frequencies of (next, reward, end) in rooms, against the declared probabilities. */
TEST(rooms_step_follows_its_model)
{
    enum { DRAWS = 40000 };
    mb_error err = { 0 };
    const mb_env_def *env = mb_env_find("rooms", &err);
    char options[256], state[64];
    mb_options_default(env->options, options);
    int32_t obs, index;
    float reward = 0;
    uint8_t active = 1;
    mb_io io = { .index = &index, .obs_field = { &obs }, .reward = &reward, .active = &active };
    mb_rng rng = mb_rng_make(7, "rooms", 0);
    int cells[] = { 0, 25, 61, 103 };
    for (int k = 0; k < 4; k++)
        for (int a = 0; a < 4; a++) {
            mb_outcome o[4];
            int n = env->model(options, cells[k], a, o, 4), seen[104] = { 0 };
            double want[104] = { 0 }, at = cells[k];
            for (int i = 0; i < n; i++) want[o[i].next] += o[i].p;
            for (int i = 0; i < DRAWS; i++) {
                CHECK(env->place(state, options, &at, 1, &io, &err));
                index = a;
                mb_step s = env->step(state, options, &rng, &io);
                CHECK(s.terminated == (obs == 62) && s.reward == (float)s.terminated);
                seen[obs]++;
            }
            for (int i = 0; i < 104; i++) CHECK_NEAR(seen[i] / (double)DRAWS, want[i], 5 * sqrt(want[i] * (1 - want[i]) / DRAWS));
        }
}

MB_TESTS(T(frozenlake), T(frozenlake_8x8), T(taxi), T(rooms), T(cliffwalking), T(undiscounted_cliff), T(random_walk_closed_form),
         T(errors_say_what_to_do), T(rooms_step_follows_its_model))
