/* Off-policy actors and critics against tests/reference/critic.py: the squashed Gaussian, values and losses with their gradients, and whole
   updates of SAC, TD3 and DDPG. */
#include "matchbox/critic.h"
#include "nn/graph_test.h"
#include "reference/data/critic.h"

enum { R = CRITIC_R, A = CRITIC_A, N = CRITIC_N, CHOICES = CRITIC_CHOICES, IN = CRITIC_IN };

TEST(squashed_gaussian)
{
    mb_graph *g = begin();
    mb_var in[2] = { given(g, critic_mean, MB_S2(R, A)), given(g, critic_log_std, MB_S2(R, A)) }, d[2];
    mb_squashed s = mb_squash(in[0], in[1], given(g, critic_noise, MB_S2(R, A)));
    mb_var each = mb_mul(given(g, critic_weight, MB_S1(R)), mb_add(s.logp, mb_sum_last(mb_square(s.act))));
    CHECK(mb_grad(mb_sum(each), in, 2, d));
    mb_output(s.act), mb_output(s.logp), mb_output(d[0]), mb_output(d[1]);
    finish(g);
    same(mb_data(s.act), critic_act, R * A, 1e-6);
    same(mb_data(s.logp), critic_logp, R, 3e-6);
    same(mb_data(d[0]), critic_mean_grad, R * A, 5e-6);
    same(mb_data(d[1]), critic_log_std_grad, R * A, 5e-6);
}

TEST(a_density_stays_finite_at_the_bounds)
{
    static const float far[] = { 60, -60 }, low[] = { -5, -5 }, none[] = { 0, 0 };
    mb_graph *g = begin();
    mb_var mean = given(g, far, MB_S2(1, 2)), d;
    mb_squashed s = mb_squash(mean, given(g, low, MB_S2(1, 2)), given(g, none, MB_S2(1, 2)));
    CHECK(mb_grad(mb_sum(s.logp), &mean, 1, &d));
    mb_output(s.logp), mb_output(d);
    finish(g);
    /* log(1 - tanh(u)^2) -> log 4 - 2 |u|: 5 + 2 * 60 - log 4 - log(2 pi) / 2 for each */
    CHECK_NEAR(mb_data(s.logp)[0], 2 * (5 + 120 - log(4) - 0.5 * log(2 * 3.14159265358979)), 1e-4);
    CHECK_NEAR(mb_data(d)[0], 2, 1e-6);
    CHECK_NEAR(mb_data(d)[1], -2, 1e-6);
}

TEST(smoothed_actions)
{
    mb_graph *g = begin();
    mb_var y = mb_smoothed_action(mb_tanh(given(g, critic_mean, MB_S2(R, A))), given(g, critic_noise, MB_S2(R, A)), 0.3f, 0.2f);
    mb_output(y);
    finish(g);
    same(mb_data(y), critic_smoothed, R * A, 1e-6);
}

TEST(soft_values_and_the_loss_of_the_critics)
{
    mb_graph *g = begin();
    mb_ac_terms t = { .nq = N, .nnext = N, .reward = given(g, critic_reward, MB_S1(R)), .discount = given(g, critic_discount, MB_S1(R)),
                      .alpha = mb_constant(g, 0.2f), .logp = given(g, critic_logp, MB_S1(R)) };
    for (int i = 0; i < N; i++) {
        t.q[i] = given(g, critic_q + i * R, MB_S1(R));
        t.next_q[i] = given(g, critic_next_q + i * R, MB_S1(R));
    }
    mb_var error, d[N], v = mb_soft_value(&t, mb_least(N, t.next_q)), loss = mb_critics_loss(&t, v, &error);
    CHECK(mb_grad(mb_sum(loss), t.q, N, d));
    mb_output(v), mb_output(loss), mb_output(error);
    for (int i = 0; i < N; i++) mb_output(d[i]);
    finish(g);
    same(mb_data(v), critic_soft, R, 2e-6);
    same(mb_data(loss), critic_loss, R, 5e-6);
    same(mb_data(error), critic_error, R, 2e-6);
    for (int i = 0; i < N; i++) same(mb_data(d[i]), critic_q_grad + i * R, R, 5e-6);
}

TEST(soft_values_of_choices)
{
    mb_graph *g = begin();
    mb_var logits = given(g, critic_logits, MB_S2(R, CHOICES)), d;
    mb_ac_terms t = { .discrete = true, .alpha = mb_constant(g, 0.2f), .logp = mb_log_softmax(logits) };
    mb_var v = mb_soft_value(&t, given(g, critic_values, MB_S2(R, CHOICES)));
    CHECK(mb_grad(mb_sum(v), &logits, 1, &d));
    mb_output(v), mb_output(d);
    finish(g);
    same(mb_data(v), critic_soft_choices, R, 2e-6);
    same(mb_data(d), critic_logits_grad, R * CHOICES, 2e-6);
}

TEST(temperature)
{
    mb_graph *g = begin();
    static const float start[] = { -0.4f };
    mb_var log_alpha = given(g, start, MB_S0()), d;
    mb_var loss = mb_temperature_loss(log_alpha, mb_neg(given(g, critic_logp, MB_S1(R))), -2);
    CHECK(mb_grad(loss, &log_alpha, 1, &d));
    mb_output(d);
    finish(g);
    same(mb_data(d), critic_temperature_grad, 1, 2e-6);
}

TEST(truncated_quantiles)
{
    mb_graph *g = begin();
    mb_var q[N];
    for (int i = 0; i < N; i++) q[i] = given(g, critic_atoms + i * R * CRITIC_M, MB_S2(R, CRITIC_M));
    mb_var y = mb_truncated_quantiles(N, q, CRITIC_DROP);
    mb_output(y);
    finish(g);
    same(mb_data(y), critic_truncated, R * N * (CRITIC_M - CRITIC_DROP), 0);
}

/* a thinned layer: shares, scale, no mask used twice, nothing thinned without masks */
TEST(dropout)
{
    enum { ROWS = 64, UNITS = 128 };
    mb_graph *g = begin();
    mb_rng rng = mb_rng_make(1, "dropout", 0), start = rng;
    mb_params *p = mb_params_new(&scope, "p", &err);
    mb_tower_options o = { .net = { .model = "mlp", .hidden = { 2, { UNITS, UNITS } }, .activation = MB_IDENTITY }, .dropout = 0.25f };
    mb_tower t;
    mb_dropout d = { 0 };
    float x[ROWS] = { 0 };
    CHECK(mb_tower_init(&t, &scope, p, "t", (mb_body_spec){ .in = 1 }, &o, &start, &err));
    mb_var in = given(g, x, MB_S2(ROWS, 1)), y = mb_tower_apply(&t, in, &d), whole = mb_tower_apply(&t, in, NULL);
    CHECK(d.n == 2);
    mb_output(y), mb_output(whole);
    for (int i = 0; i < UNITS; i++) t.layer[1].dense.b->data[i] = 3;
    mb_plan *plan = finish(g);
    same(mb_data(y), mb_data(whole), ROWS * UNITS, 0); /* not drawn yet */
    mb_dropout_draw(&d, &rng);
    mb_exec(plan);
    int zeros = 0, equal = 0;
    const float *a = mb_input_data(d.mask[0]), *b = mb_input_data(d.mask[1]);
    for (int i = 0; i < ROWS * UNITS; i++) {
        zeros += mb_data(y)[i] == 0;
        equal += a[i] == b[i];
        CHECK(mb_data(y)[i] == 0 || fabsf(mb_data(y)[i] - 4) < 1e-5f);
        CHECK(mb_data(whole)[i] == 3);
    }
    CHECK_NEAR(zeros / (double)(ROWS * UNITS), 0.25, 0.02);
    CHECK_NEAR(equal / (double)(ROWS * UNITS), 0.625, 0.02);
}

/* ---- whole updates ---- */

static void still_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    for (int i = 0; i < IN; i++) io->obs[i] = 0;
}
static mb_step still_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    still_reset(state, options, rng, io);
    return (mb_step){ 0, false };
}
static const mb_env_def still = { MB_ENV_HEAD, .name = "still", .obs = MB_BOX(IN), .reset = still_reset, .step = still_step, .state_size = 4,
                                  .act = MB_BOX_IN(A, -1, 1) };

static void load(mb_params *p, const float *from)
{
    for (int i = 0; i < p->n; i++) {
        memcpy(p->t[i]->data, from, (size_t)p->t[i]->n * sizeof *from);
        from += p->t[i]->n;
    }
}
static void matches(const mb_params *p, const float *want, double tol)
{
    for (int i = 0; i < p->n; i++) {
        same(p->t[i]->data, want, (int)p->t[i]->n, tol);
        want += p->t[i]->n;
    }
}

static mb_var soft_critic(void *ctx, const mb_ac_terms *t, mb_var *error)
{
    return mb_critics_loss(t, mb_soft_value(t, mb_least(t->nnext, t->next_q)), error);
}
static mb_var soft_actor(void *ctx, const mb_ac_terms *t) { return mb_neg(mb_soft_value(t, mb_least(t->nq, t->q))); }
static mb_var first_actor(void *ctx, const mb_ac_terms *t) { return mb_neg(t->q[0]); }

/* a learner with the reference's options, weights and batch, after one update */
static mb_aclearner *updated(int ncritics, bool soft, float smooth)
{
    begin();
    mb_vec *vec = mb_vec_new(&scope, "train", &still, NULL, 1, &err);
    mb_tower_options tower = { .net = { .model = "mlp", .hidden = { 1, { CRITIC_HIDDEN } }, .activation = MB_RELU } };
    mb_aclearner_options o = { .actor = { tower, soft, -5, 2 }, .critics = { tower, ncritics, 1 }, .replay = { .capacity = 100, .nstep = 1, .gamma = 0.9f },
                               .batch = R, .follow_actor = !soft, .smooth = smooth, .smooth_clip = 0.25f, .temperature = soft, .tuned = soft,
                               .alpha = 0.3f, .target_entropy = -2, .tau = 0.1f, .adam_eps = 1e-8f };
    CHECK(vec && mb_vec_reset(vec, &err));
    mb_aclearner *l = mb_aclearner_new(&scope, vec, &o, (mb_ac_method){ soft_critic, soft ? soft_actor : first_actor, NULL }, &err);
    if (!l) printf("FAIL learner: %s\n", err.what), exit(1);
    load(l->critics->params, critic_start_q);
    load(l->targets->params, critic_start_target);
    load(l->actor->params, critic_start_pi);
    if (!soft) load(l->target_actor->params, critic_start_pi_target);
    memcpy(mb_input_data(l->batch.obs.field[0]), critic_obs, sizeof critic_obs);
    memcpy(mb_input_data(l->batch.next.field[0]), critic_next, sizeof critic_next);
    memcpy(mb_input_data(l->batch.act.value), critic_taken, sizeof critic_taken);
    memcpy(mb_input_data(l->batch.reward), critic_reward, sizeof critic_reward);
    memcpy(mb_input_data(l->batch.discount), critic_discount, sizeof critic_discount);
    if (l->next_noise.id >= 0) memcpy(mb_input_data(l->next_noise), critic_next_noise, sizeof critic_next_noise);
    if (l->noise.id >= 0) memcpy(mb_input_data(l->noise), critic_noise, sizeof critic_noise);
    mb_set(l->lr, 0.01f), mb_set(l->actor_lr, 0.01f);
    mb_exec(l->update);
    mb_exec(l->improve);
    return l;
}

TEST(an_update_of_sac)
{
    const mb_aclearner *l = updated(2, true, 0);
    CHECK_NEAR(mb_get(l->loss), *critic_sac_loss, 1e-5);
    CHECK_NEAR(mb_get(l->actor_loss), *critic_sac_actor_loss, 1e-5);
    CHECK_NEAR(*l->log_alpha->data, *critic_sac_log_alpha, 1e-6);
    matches(l->critics->params, critic_sac_q, 3e-6);
    matches(l->targets->params, critic_sac_target, 3e-6);
    matches(l->actor->params, critic_sac_pi, 3e-6);
}

TEST(an_update_of_td3)
{
    const mb_aclearner *l = updated(2, false, 0.3f);
    CHECK_NEAR(mb_get(l->loss), *critic_td3_loss, 1e-5);
    CHECK_NEAR(mb_get(l->actor_loss), *critic_td3_actor_loss, 1e-5);
    matches(l->critics->params, critic_td3_q, 3e-6);
    matches(l->targets->params, critic_td3_target, 3e-6);
    matches(l->actor->params, critic_td3_pi, 3e-6);
    matches(l->target_actor->params, critic_td3_pi_target, 3e-6);
}

TEST(an_update_of_ddpg)
{
    const mb_aclearner *l = updated(1, false, 0);
    CHECK_NEAR(mb_get(l->loss), *critic_ddpg_loss, 1e-5);
    matches(l->critics->params, critic_ddpg_q, 3e-6);
    matches(l->targets->params, critic_ddpg_target, 3e-6);
    matches(l->actor->params, critic_ddpg_pi, 3e-6);
    matches(l->target_actor->params, critic_ddpg_pi_target, 3e-6);
}

/* Target critics say 1, 2, 3, 4 whatever they see; two are drawn each time, so their least is 1, 2 or 3 with chance 3/6, 2/6, 1/6. */
TEST(a_subset_of_the_targets)
{
    enum { MANY = 4, DRAWS = 600 };
    begin();
    mb_vec *vec = mb_vec_new(&scope, "train", &still, NULL, 1, &err);
    mb_tower_options tower = { .net = { .model = "mlp", .hidden = { 1, { CRITIC_HIDDEN } }, .activation = MB_RELU } };
    mb_aclearner_options o = { .actor = { tower, true, -5, 2 }, .critics = { tower, MANY, 1 }, .replay = { .capacity = 100, .nstep = 1, .gamma = 0.5f }, .batch = 1,
                               .subset = 2, .temperature = true, .alpha = 1e-6f, .adam_eps = 1e-8f };
    CHECK(vec && mb_vec_reset(vec, &err));
    mb_aclearner *l = mb_aclearner_new(&scope, vec, &o, (mb_ac_method){ soft_critic, soft_actor, NULL }, &err);
    if (!l) printf("FAIL learner: %s\n", err.what), exit(1);
    for (int i = 0; i < l->critics->params->n; i++) {
        memset(l->critics->params->t[i]->data, 0, (size_t)l->critics->params->t[i]->n * sizeof(float));
        memset(l->targets->params->t[i]->data, 0, (size_t)l->targets->params->t[i]->n * sizeof(float));
    }
    for (int i = 0; i < MANY; i++) *l->targets->head[i][0].b->data = (float)(i + 1);
    for (int i = 0; i < 3; i++) {
        CHECK(mb_vec_step(vec, &err));
        mb_aclearner_observe(l);
    }
    int seen[MANY + 1] = { 0 };
    for (int i = 0; i < DRAWS; i++) {
        CHECK(mb_aclearner_update(l, false, 0, 0, 0, &err));
        float least = 2 * sqrtf(mb_get(l->loss) / MANY); /* the target is half of it */
        CHECK_NEAR(least, roundf(least), 1e-3);
        seen[(int)roundf(least)]++;
    }
    for (int i = 1; i <= MANY; i++) CHECK_NEAR(seen[i], DRAWS * (MANY - i) / 6.0, 4 * sqrt(DRAWS / 4.0));
    CHECK(seen[MANY] == 0);
}

MB_TESTS(T(squashed_gaussian), T(a_density_stays_finite_at_the_bounds), T(smoothed_actions), T(soft_values_and_the_loss_of_the_critics),
         T(soft_values_of_choices), T(temperature), T(truncated_quantiles), T(dropout), T(an_update_of_sac), T(an_update_of_td3), T(an_update_of_ddpg), T(a_subset_of_the_targets))
