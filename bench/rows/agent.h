/* agent.h - one algorithm in one environment, driven by hand: for tests and measurements that look into its tables. */
#ifndef AGENT_H
#define AGENT_H
#include "matchbox/algo.h"
#include "matchbox/tabular.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct agent {
    const mb_algo_def *algo;
    mb_scope scope;
    mb_run run;
    mb_error err;
    void *self; /* the control algorithms' state begins with their mb_qtable */
    _Alignas(64) char algo_options[4096], env_options[2048];
};

/* An environment of the caller's own that agent_open also knows by name, or NULL. */
static const mb_env_def *agent_own_env;

static inline void agent_fail(struct agent *a)
{
    char text[1024];
    mb_error_text(&a->err, text, sizeof text);
    fprintf(stderr, "%s", text);
    exit(1);
}

/* settings: "alpha=0.1", "env.slip=0", ..., NULL ends them (or NULL). */
static inline bool agent_set(struct agent *a, const char *const *settings)
{
    for (; settings && *settings; settings++) {
        char key[64];
        const char *equals = strchr(*settings, '=');
        snprintf(key, sizeof key, "%.*s", (int)(equals - *settings), *settings);
        bool env = strncmp(key, "env.", 4) == 0;
        const mb_option *rows = env ? a->run.env->options : a->algo->options;
        if (!mb_options_set(env ? a->run.env->name : a->algo->name, rows, env ? a->env_options : a->algo_options, env ? key + 4 : key,
                            equals + 1, &a->err))
            return false;
    }
    return true;
}

static inline bool agent_build(struct agent *a, const char *algo, const char *env, const char *const *settings, int nenvs)
{
    bool own = agent_own_env && strcmp(env, agent_own_env->name) == 0;
    if (!(a->algo = mb_algo_find(algo, &a->err)) || !(a->run.env = own ? agent_own_env : mb_env_find(env, &a->err))) return false;
    mb_options_default(a->algo->options, a->algo_options);
    mb_options_default(a->run.env->options, a->env_options);
    a->run.env_options = a->env_options;
    if (!agent_set(a, settings)) return false;
    mb_env_shape shape;
    if (!mb_env_shape_of(a->run.env, a->env_options, &shape, &a->err)) return false;
    if (a->algo->check && !a->algo->check(a->algo_options, &shape, nenvs, &a->err)) return false;
    if (!(a->scope.arena = mb_arena_new((size_t)1 << 30, &a->err))) return false;
    if (!(a->scope.store = mb_store_new(a->scope.arena, &a->err))) return false;
    a->run.vec = mb_vec_new(&a->scope, "train", a->run.env, a->env_options, nenvs, &a->err);
    if (!a->run.vec || !mb_vec_reset(a->run.vec, &a->err)) return false;
    a->self = mb_alloc(a->scope.arena, 1, a->algo->state_size, &a->err);
    return a->self && a->algo->setup(&a->run, a->self, a->algo_options, &a->err);
}

/* False, with a->err filled, when the pair or a setting is refused. */
static inline bool agent_try(struct agent *a, const char *algo, const char *env, const char *const *settings, uint64_t seed, int nenvs,
                      int64_t total_steps)
{
    memset(a, 0, sizeof *a);
    a->scope.seed = seed;
    a->run.scope = &a->scope;
    a->run.total_steps = total_steps;
    if (!agent_build(a, algo, env, settings, nenvs)) return false;
    mb_arena_seal(a->scope.arena, true); /* from here on an allocation is an error */
    return true;
}

static inline void agent_open(struct agent *a, const char *algo, const char *env, const char *const *settings, uint64_t seed, int64_t total_steps)
{
    if (!agent_try(a, algo, env, settings, seed, 1, total_steps)) agent_fail(a);
}

static inline void agent_train(struct agent *a, int64_t until)
{
    while (a->run.step < until)
        if (!a->algo->iterate(&a->run, a->self, a->algo_options, &a->err)) agent_fail(a);
}

static inline void agent_close(struct agent *a) { mb_arena_free(a->scope.arena); }

/* The exact optimal action values of the agent's environment, in memory of `arena`. */
static inline double *agent_exact(struct agent *a, mb_arena *arena, mb_mdp *m, double gamma)
{
    if (!mb_mdp_of_env(m, arena, a->run.env, a->env_options, &a->err)) agent_fail(a);
    double *v = mb_alloc(arena, (size_t)m->nstates, sizeof *v, &a->err);
    double *q = mb_alloc(arena, (size_t)m->nstates * (size_t)m->nactions, sizeof *q, &a->err);
    if (!v || !q) agent_fail(a);
    mb_value_iteration(m, gamma, 1e-12, 1000000, v, q);
    return q;
}

/* The largest difference between the agent's table (divided by `parts`) and the exact values, over the pairs that can be met. */
static inline double agent_error(struct agent *a, double gamma, double parts)
{
    mb_mdp m;
    mb_arena *arena = mb_arena_new((size_t)1 << 26, &a->err);
    if (!arena) agent_fail(a);
    const mb_qtable *table = a->self;
    double *q = agent_exact(a, arena, &m, gamma), worst = 0;
    double *reach = mb_alloc(arena, (size_t)m.nstates, sizeof *reach, &a->err);
    if (!reach) agent_fail(a);
    mb_mdp_reachable(&m, reach);
    for (int i = 0; i < m.nstates * m.nactions; i++) {
        double difference = table->q[i] / parts - q[i];
        if (difference < 0) difference = -difference;
        if (reach[i / m.nactions] > 0 && m.first[i] < m.first[i + 1] && difference > worst) worst = difference;
    }
    mb_arena_free(arena);
    return worst;
}
#endif
