/* Rollouts: what is recorded, time limits, several agents, normalisers, minibatches. */
#include "nn/graph_test.h"

/* Two agents walk a corridor for ever: reward 1 + agent each step; observed: own number, steps since the beginning, a coin.
   A state of its own counts all steps ever taken, so that every observation is known. */
struct corridor { float place, coin; };
static void observe(const struct corridor *s, mb_io *io)
{
    for (int k = 0; k < 2; k++) {
        io->obs[3 * k] = (float)k;
        io->obs[3 * k + 1] = s->place;
        io->obs[3 * k + 2] = s->coin;
        io->active[k] = k == 0 || (int)s->place % 2 == 0;
    }
}
static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct corridor *s = state;
    *s = (struct corridor){ 0, (float)mb_below(rng, 2) };
    observe(s, io);
}
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct corridor *s = state;
    s->place++;
    s->coin = (float)mb_below(rng, 2);
    io->reward[1] = 1;
    observe(s, io);
    return (mb_step){ 1, false };
}
enum { LIMIT = 5, ENVS = 3, AGENTS = 2, ROWS = ENVS * AGENTS, HORIZON = 12 };
static const mb_env_def corridor = { MB_ENV_HEAD, .name = "corridor", .obs = MB_BOX(3), .act = MB_FIELDS(2, MB_F_DISCRETE("a", 3), MB_F_BOX("b", 1, -1, 1)),
                                     .nagents = AGENTS, .time_limit = LIMIT, .state_size = sizeof(struct corridor), .reset = reset, .step = step };

static mb_vec *vec;
static mb_policy *policy(const char *name, const char *model, bool normalize)
{
    mb_net_options net = { .model = model, .hidden = { 1, { 4 } }, .window = 4, .heads = 2 };
    mb_policy *p = mb_policy_new(&scope, name, mb_vec_shape(vec), &net, 0, normalize, &err);
    if (!p) printf("FAIL policy: %s\n", err.what), exit(1);
    return p;
}

static void begin_corridor(void)
{
    begin();
    vec = mb_vec_new(&scope, "train", &corridor, NULL, ENVS, &err);
    if (!vec || !mb_vec_reset(vec, &err)) printf("FAIL vec: %s\n", err.what), exit(1);
}

static mb_rollout *collect(mb_policy *p, int first, int stride, mb_rollout_options o)
{
    mb_rollout *r = mb_rollout_new(p, vec, first ? "rollout1" : "rollout", first, stride, o, &err);
    if (!r || !mb_rollout_collect(&r, 1, NULL, NULL, &err)) printf("FAIL collect: %s\n", err.what), exit(1);
    return r;
}

static const mb_rollout_options plain = { .horizon = HORIZON, .gamma = 0.9f, .reward_scale = 1 };

TEST(what_happened_is_recorded)
{
    begin_corridor();
    mb_policy *p = policy("net", "mlp", false);
    memset(p->value_head.w->data, 0, (size_t)p->value_head.w->n * sizeof(float));
    p->value_head.b->data[0] = 7; /* a value that is 7 everywhere */
    mb_traj x = mb_rollout_traj(collect(p, 0, 1, plain));
    CHECK(x.T == HORIZON && x.rows == ROWS);
    for (int t = 0; t < HORIZON; t++)
        for (int r = 0; r < ROWS; r++) {
            int i = t * ROWS + r;
            CHECK_NEAR(x.reward[i], 1 + r % AGENTS, 0);
            CHECK_NEAR(x.value[i], 7, 0);
            CHECK(x.ended[i] == (t % LIMIT == LIMIT - 1));
            CHECK_NEAR(x.boot[i], t % LIMIT == LIMIT - 1 ? 7 : 0, 0); /* cut, not over */
        }
    for (int r = 0; r < ROWS; r++) CHECK_NEAR(x.last[r], 7, 0);
}

/* the value of an observation is the head's bias plus the place: the last place of an episode must be seen, not the first of the next */
TEST(the_final_observation_is_judged)
{
    begin_corridor();
    mb_net_options net = { .model = "mlp", .hidden = { 0, { 0 } } };
    mb_policy *p = mb_policy_new(&scope, "net", mb_vec_shape(vec), &net, 0, false, &err);
    memset(p->value_head.w->data, 0, 3 * sizeof(float));
    p->value_head.w->data[1] = 1;
    mb_traj x = mb_rollout_traj(collect(p, 0, 1, plain));
    for (int t = 0; t < HORIZON; t++)
        for (int r = 0; r < ROWS; r++) {
            CHECK_NEAR(x.value[t * ROWS + r], t % LIMIT, 0);
            CHECK_NEAR(x.boot[t * ROWS + r], t % LIMIT == LIMIT - 1 ? LIMIT : 0, 0);
        }
    for (int r = 0; r < ROWS; r++) CHECK_NEAR(x.last[r], HORIZON % LIMIT, 0);
}

/* a minibatch holds each item once; feed-forward items are single steps, recurrent ones whole sequences with their memory */
static void check_batches(mb_rollout *r, mb_policy *p, bool recurrent)
{
    int items = mb_rollout_items(r), parts = 3, steps = recurrent ? HORIZON : 1;
    CHECK(items == (recurrent ? ROWS : ROWS * HORIZON));
    mb_graph *g = mb_graph_new(&scope, "batches", &err);
    mb_batch b = mb_rollout_batch(g, r, items / parts);
    CHECK(b.weight.id >= 0 && (b.keep.id >= 0) == recurrent);
    for (int i = 0; i < ROWS * HORIZON; i++) mb_rollout_adv(r)[i] = (float)i, mb_rollout_ret(r)[i] = (float)i + 0.5f;
    bool seen[ROWS * HORIZON] = { false }, moved = false;
    mb_rollout_shuffle(r);
    for (int part = 0; part < parts; part++) {
        mb_rollout_load(r, &b, part * b.size);
        const float *adv = mb_data(b.adv), *ret = mb_data(b.ret), *obs = mb_input_data(b.obs.field[0]), *weight = mb_data(b.weight);
        for (int i = 0; i < b.size * steps; i++) {
            int at = (int)adv[i], t = at / ROWS, row = at % ROWS;
            CHECK_NEAR(ret[i], at + 0.5, 0);
            CHECK(!seen[at]);
            seen[at] = true;
            moved = moved || at != part * b.size + i;
            CHECK_NEAR(obs[3 * i], row % AGENTS, 0);
            CHECK_NEAR(obs[3 * i + 1], t % LIMIT, 0);
            CHECK_NEAR(weight[i], row % AGENTS == 0 || t % LIMIT % 2 == 0, 0);
            if (!recurrent) continue;
            CHECK(t == i % HORIZON); /* in order of time */
            CHECK_NEAR(mb_data(b.keep)[i], t % LIMIT != 0, 0);
        }
    }
    for (int i = 0; i < ROWS * HORIZON; i++) CHECK(seen[i]);
    CHECK(moved);
}

TEST(minibatches_hold_each_item_once)
{
    begin_corridor();
    mb_policy *p = policy("net", "mlp", false);
    check_batches(collect(p, 0, 1, plain), p, false);
    begin_corridor();
    p = policy("net", "gru", false);
    check_batches(collect(p, 0, 1, plain), p, true);
}

TEST(each_agent_may_have_its_own_policy)
{
    begin_corridor();
    mb_policy *p[2] = { policy("net", "gru", false), policy("net1", "gru", false) };
    mb_rollout *r[2];
    for (int k = 0; k < 2; k++) r[k] = mb_rollout_new(p[k], vec, k ? "rollout1" : "rollout", k, 2, plain, &err);
    CHECK(mb_rollout_collect(r, 2, NULL, NULL, &err));
    for (int k = 0; k < 2; k++) {
        mb_traj x = mb_rollout_traj(r[k]);
        CHECK(x.rows == ENVS);
        mb_graph *g = mb_graph_new(&scope, "batch", &err);
        mb_batch b = mb_rollout_batch(g, r[k], mb_rollout_items(r[k]));
        mb_rollout_in_order(r[k]);
        mb_rollout_load(r[k], &b, 0);
        for (int i = 0; i < ENVS * HORIZON; i++) {
            CHECK_NEAR(((float *)mb_input_data(b.obs.field[0]))[3 * i], k, 0);
            CHECK_NEAR(x.reward[i], 1 + k, 0);
        }
    }
}

/* log-probabilities and values that acting wrote are those that learning computes from the same parameters */
TEST(learning_sees_what_acting_did)
{
    const char *const models[] = { "mlp", "lstm", "gru", "attention" };
    for (int m = 0; m < 4; m++) {
        begin_corridor();
        mb_policy *p = policy("net", models[m], true);
        mb_rollout *r = collect(p, 0, 1, plain);
        CHECK(mb_rollout_collect(&r, 1, NULL, NULL, &err)); /* a second time: memory is carried over */
        mb_graph *g = mb_graph_new(&scope, "learn", &err);
        mb_batch b = mb_rollout_batch(g, r, mb_rollout_items(r));
        mb_policy_out out = mb_policy_apply(p, &b.obs, b.keep, b.state);
        mb_var logp = mb_log_prob(&out.dist, &b.act);
        mb_output(logp);
        mb_output(out.value);
        mb_plan *plan = finish(g);
        mb_rollout_shuffle(r);
        mb_rollout_load(r, &b, 0);
        mb_exec(plan);
        same(mb_data(logp), mb_data(b.logp), ROWS * HORIZON, 1e-5);
        same(mb_data(out.value), mb_data(b.value), ROWS * HORIZON, 1e-5);
    }
}

TEST(observations_are_normalised_by_all_that_was_seen)
{
    begin_corridor();
    mb_policy *p = policy("net", "mlp", true);
    mb_rollout *r = mb_rollout_new(p, vec, "rollout", 0, 1, plain, &err);
    double sum[3] = { 0 }, squares[3] = { 0 }, n = 0;
    for (int k = 0; k < 3; k++) {
        CHECK(mb_rollout_collect(&r, 1, NULL, NULL, &err));
        mb_graph *g = mb_graph_new(&scope, "batch", &err);
        mb_batch b = mb_rollout_batch(g, r, mb_rollout_items(r));
        mb_rollout_in_order(r);
        mb_rollout_load(r, &b, 0);
        const float *obs = mb_input_data(b.obs.field[0]);
        for (int i = 0; i < ROWS * HORIZON; i++, n++)
            for (int j = 0; j < 3; j++) sum[j] += (double)obs[3 * i + j], squares[j] += (double)(obs[3 * i + j] * obs[3 * i + j]);
        mb_rollout_normalize_obs(r);
        for (int j = 0; j < 3; j++) {
            double mean = sum[j] / n, var = squares[j] / n - mean * mean;
            CHECK_NEAR(p->obs_mean->data[j], mean, 1e-6);
            CHECK_NEAR(p->obs_scale->data[j], 1 / sqrt(var + 1e-8), 1e-5 / sqrt(var));
        }
    }
}

TEST(rewards_are_divided_by_the_deviation_of_returns)
{
    begin_corridor();
    mb_rollout_options o = plain;
    o.normalize_reward = true;
    mb_traj x = mb_rollout_traj(collect(policy("net", "mlp", false), 0, 1, o));
    double ret[ROWS] = { 0 }, sum = 0, squares = 0, n = 0;
    for (int t = 0; t < HORIZON; t++)
        for (int r = 0; r < ROWS; r++) {
            double reward = 1 + r % AGENTS;
            ret[r] = 0.9 * ret[r] + reward;
            sum += ret[r], squares += ret[r] * ret[r], n++;
            double mean = sum / n, var = n > 1 ? squares / n - mean * mean : 1;
            CHECK_NEAR(x.reward[t * ROWS + r], reward / sqrt(var + 1e-8), 2e-5 * reward / sqrt(var + 1e-8));
            if (t % LIMIT == LIMIT - 1) ret[r] = 0;
        }
}

TEST(rewards_are_scaled_then_clipped)
{
    begin_corridor();
    mb_rollout_options o = plain;
    o.reward_scale = 0.75f;
    o.reward_clip = 1;
    mb_traj x = mb_rollout_traj(collect(policy("net", "mlp", false), 0, 1, o));
    for (int i = 0; i < ROWS * HORIZON; i++) CHECK_NEAR(x.reward[i], i % AGENTS ? 1 : 0.75, 0);
}

MB_TESTS(T(what_happened_is_recorded), T(the_final_observation_is_judged), T(minibatches_hold_each_item_once),
         T(each_agent_may_have_its_own_policy), T(learning_sees_what_acting_did), T(observations_are_normalised_by_all_that_was_seen),
         T(rewards_are_divided_by_the_deviation_of_returns), T(rewards_are_scaled_then_clipped))
