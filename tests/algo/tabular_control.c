/* Control: tables against exact values, the cliff, time limits, several environments, exact resume, the maximization bias. */
#include "../../bench/rows/cliff.h"
#include "mb_test.h"
#include <unistd.h>

#define WITH(...) (const char *const[]){ __VA_ARGS__, NULL }

static double distance(const char *algo, const char *env, const char *const *settings, double gamma, int64_t steps)
{
    static struct agent a;
    agent_open(&a, algo, env, settings, 101, steps);
    agent_train(&a, steps);
    double error = agent_error(&a, gamma, strcmp(algo, "double-q-learning") == 0 ? 2 : 1);
    agent_close(&a);
    return error;
}

/* Watkins and Dayan's theorem at work: every pair visited again and again, and step sizes that suit the noise. */
TEST(q_learning_finds_the_exact_values)
{
    CHECK(distance("q-learning", "cliffwalking", WITH("alpha=1", "epsilon=1"), 0.99, 400000) < 1e-2);
    CHECK(distance("q-learning", "taxi", WITH("alpha=1", "epsilon=1"), 0.99, 500000) < 1e-2);
    CHECK(distance("q-learning", "rooms", WITH("alpha=1", "epsilon=1", "env.slip=0"), 0.99, 400000) < 1e-2);
    CHECK(distance("q-learning", "frozenlake", WITH("alpha=1", "decay=1", "decay-after=10", "epsilon=0.5", "gamma=0.9",
                                                    "env.success-rate=0.8"), 0.9, 2500000) < 1e-2);
    CHECK(distance("double-q-learning", "cliffwalking", WITH("alpha=1", "epsilon=1"), 0.99, 500000) < 1e-2);
}

/* On-policy values are lower than the optimal ones by the cost of exploring; without exploration left they meet. */
TEST(sarsa_meets_the_exact_values_as_exploration_ends)
{
    static const char *const algos[] = { "sarsa", "expected-sarsa" };
    for (int k = 0; k < 2; k++) {
        double far = distance(algos[k], "rooms", WITH("alpha=0.1", "epsilon=1", "env.slip=0", "gamma=0.9"), 0.9, 200000);
        double near = distance(algos[k], "rooms", WITH("alpha=0.5", "epsilon=linear:1:0", "env.slip=0", "gamma=0.9"), 0.9, 1000000);
        CHECK(far > 0.2);
        CHECK(near < 0.5 * far);
    }
}

/* Sutton & Barto, example 6.6: learning on-policy pays while exploring, off-policy finds the path along the edge. */
TEST(cliff)
{
    enum { RUNS = 10, EPISODES = 500 };
    double sarsa = 0, q = 0, expected = 0, q_greedy = 0;
    for (int i = 0; i < RUNS; i++) {
        struct cliff_result x = cliff_run("q-learning", (uint64_t)(101 + i), EPISODES);
        q += x.online / RUNS;
        q_greedy += x.greedy / RUNS;
        sarsa += cliff_run("sarsa", (uint64_t)(101 + i), EPISODES).online / RUNS;
        expected += cliff_run("expected-sarsa", (uint64_t)(101 + i), EPISODES).online / RUNS;
    }
    CHECK(sarsa > q + 10);
    CHECK(expected > q + 10);
    CHECK_NEAR(q_greedy, -13, 1e-9);
}

/* ---- environments of this test ---- */

static void one_reset(void *state, const void *options, mb_rng *rng, mb_io *io) { ((int32_t *)io->obs_field[0])[0] = 0; }
static mb_step one_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    ((int32_t *)io->obs_field[0])[0] = 0;
    return (mb_step){ 1, false };
}
/* Reward 1 for ever, cut after 5 steps: worth 1 / (1 - gamma) to whoever knows that a time limit is not an end. */
static const mb_env_def corridor = { MB_ENV_HEAD, .name = "corridor", .summary = "for ever", .obs = MB_DISCRETE(1), .act = MB_DISCRETE(2),
                                     .time_limit = 5, .state_size = 4, .reset = one_reset, .step = one_step };

static mb_step bias_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    int32_t *s = state, *obs = io->obs_field[0];
    bool left = *s == 0 && io->index[0] == 0;
    float reward = *s == 1 ? mb_normal(rng) - 0.1f : 0;
    *obs = *s = left;
    return (mb_step){ reward, !left };
}
static void bias_reset(void *state, const void *options, mb_rng *rng, mb_io *io) { *(int32_t *)io->obs_field[0] = *(int32_t *)state = 0; }
/* Sutton & Barto, example 6.7: going left (action 0) leads to ten gambles of mean -0.1, everything else ends with 0. */
static const mb_env_def bias = { MB_ENV_HEAD, .name = "bias", .summary = "a tempting loss", .obs = MB_DISCRETE(2), .act = MB_DISCRETE(10),
                                 .state_size = 4, .reset = bias_reset, .step = bias_step };

TEST(a_time_limit_is_not_an_end)
{
    static const char *const algos[] = { "q-learning", "sarsa", "expected-sarsa", "monte-carlo", "double-q-learning" };
    agent_own_env = &corridor;
    for (int k = 0; k < 5; k++) {
        struct agent a;
        agent_open(&a, algos[k], "corridor", WITH("gamma=0.9", "alpha=0.1", "decay=0"), 1, 20000);
        agent_train(&a, 20000);
        const mb_qtable *t = a.self;
        for (int i = 0; i < 2; i++) CHECK_NEAR(t->q[i] / (k == 4 ? 2 : 1), 10, 0.1);
        agent_close(&a);
    }
    struct agent a;
    agent_open(&a, "td", "corridor", WITH("gamma=0.9"), 1, 20000);
    agent_train(&a, 20000);
    struct { mb_states states; int nactions; double *v; } *td = a.self;
    CHECK_NEAR(td->v[0], 10, 0.1);
    agent_close(&a);
}

/* How often the tempting action is taken in episodes 100 to 300, averaged over runs; 0.05 would be exploration alone. */
static double tempted(const char *algo)
{
    enum { RUNS = 200 };
    double left = 0, all = 0;
    agent_own_env = &bias;
    for (int run = 0; run < RUNS; run++) {
        static struct agent a;
        agent_open(&a, algo, "bias", WITH("alpha=0.1", "gamma=1", "epsilon=0.1", "horizon=1"), (uint64_t)(run + 1), INT64_MAX / 2);
        const mb_vec_view *v = mb_vec_view_of(a.run.vec);
        for (int episode = 0; episode < 300; episode += v->last_length[0] > 0) {
            agent_train(&a, a.run.step + 1);
            if (episode < 100 || v->last_length[0] == 0) continue;
            left += v->last_length[0] == 2;
            all++;
        }
        agent_close(&a);
    }
    return left / all;
}

TEST(double_q_learning_is_less_tempted)
{
    CHECK(tempted("double-q-learning") < tempted("q-learning") - 0.03);
}

/* ---- resume ---- */

static bool same_files(const char *x, const char *y)
{
    FILE *f = fopen(x, "rb"), *g = fopen(y, "rb");
    int a = 0, b = 0;
    while (f && g && a == b && a != EOF) { a = getc(f); b = getc(g); }
    if (f) fclose(f);
    if (g) fclose(g);
    return f && g && a == b;
}

/* Stop in the middle of episodes, continue in a fresh process's place: the same bytes as without the stop. */
static void check_resume(const char *algo, const char *env, int nenvs)
{
    static struct agent a, b, c;
    char half[64], whole[64], joined[64];
    snprintf(half, sizeof half, "/tmp/mb-tabular-%d.half", (int)getpid());
    snprintf(whole, sizeof whole, "/tmp/mb-tabular-%d.whole", (int)getpid());
    snprintf(joined, sizeof joined, "/tmp/mb-tabular-%d.joined", (int)getpid());
    CHECK(agent_try(&a, algo, env, NULL, 7, nenvs, 8000) && agent_try(&b, algo, env, NULL, 7, nenvs, 8000) &&
          agent_try(&c, algo, env, NULL, 8, nenvs, 8000));
    agent_train(&a, 8000);
    CHECK(mb_store_save(a.scope.store, whole, a.run.step, &a.err));
    agent_train(&b, 3000);
    CHECK(mb_store_save(b.scope.store, half, b.run.step, &b.err));
    CHECK(mb_store_load(c.scope.store, half, &c.run.step, &c.err) && c.run.step == b.run.step); /* another seed: all must come from the file */
    agent_train(&c, 8000);
    CHECK(mb_store_save(c.scope.store, joined, c.run.step, &c.err));
    CHECK(same_files(whole, joined));
    CHECK(!same_files(whole, half));
    agent_close(&a);
    agent_close(&b);
    agent_close(&c);
    remove(half);
    remove(whole);
    remove(joined);
}

TEST(resume_is_exact)
{
    static const char *const algos[] = { "q-learning", "sarsa", "expected-sarsa", "monte-carlo", "double-q-learning", "td", "linear-td" };
    agent_own_env = NULL;
    for (int k = 0; k < 7; k++) {
        check_resume(algos[k], "rooms", 1);
        check_resume(algos[k], "frozenlake", 3);
    }
    check_resume("menace", "tictactoe", 3);
    check_resume("q-learning", "blackjack", 2);
}

/* Masked actions are never taken nor counted. */
TEST(masks)
{
    struct agent a;
    agent_open(&a, "q-learning", "taxi", WITH("env.mask=true", "alpha=1", "epsilon=1"), 1, 500000);
    agent_train(&a, 500000);
    CHECK(agent_error(&a, 0.99, 1) < 1e-2);
    mb_mdp m;
    mb_arena *arena = mb_arena_new((size_t)1 << 26, &a.err);
    agent_exact(&a, arena, &m, 0.99);
    const mb_qtable *t = a.self;
    for (int i = 0; i < m.nstates * m.nactions; i++) CHECK(m.first[i] < m.first[i + 1] || t->visits[i] == 0);
    mb_arena_free(arena);
    agent_close(&a);
}

MB_TESTS(T(q_learning_finds_the_exact_values), T(sarsa_meets_the_exact_values_as_exploration_ends), T(cliff), T(a_time_limit_is_not_an_end),
         T(double_q_learning_is_less_tempted), T(resume_is_exact), T(masks))
