/* One whole update of PPO on a fixed batch: losses, every gradient and the parameters after one step of Adam, against
   tests/reference/ppo_update.py. */
#include "algo/policy/ppo.c"
#include "mb_test.h"
#include "reference/data/ppo_update.h"

enum { COUNT = sizeof ref_params / sizeof *ref_params, TENSORS = sizeof ref_names / sizeof *ref_names };

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    for (int i = 0; i < REF_IN; i++) io->obs[i] = 0;
}
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    reset(state, options, rng, io);
    return (mb_step){ 0, false };
}
static const mb_env_def still = { MB_ENV_HEAD, .name = "still", .obs = MB_BOX(REF_IN), .masked = true, .reset = reset, .step = step, .state_size = 4,
                                  .act = MB_FIELDS(2, MB_F_DISCRETE("a", REF_CHOICES), MB_F_BOX("b", REF_BOX, -MB_INF, MB_INF)) };

struct bench { mb_error err; mb_scope scope; mb_run run; struct ppo ppo; struct ppo_options o; };

static const char *base(const char *name)
{
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

/* the learner with the reference's options, parameters and batch; the caller may change options first */
static struct learner *prepare(struct bench *b)
{
    b->scope = (mb_scope){ .arena = mb_arena_new((size_t)1 << 32, &b->err), .seed = 1 };
    b->scope.store = mb_store_new(b->scope.arena, &b->err);
    b->run = (mb_run){ .scope = &b->scope, .env = &still, .total_steps = 1 };
    b->run.vec = mb_vec_new(&b->scope, "train", &still, NULL, REF_B / 4, &b->err);
    if (!b->run.vec || !mb_vec_reset(b->run.vec, &b->err) || !setup(&b->run, &b->ppo, &b->o, &b->err)) {
        printf("FAIL setup: %s\n", b->err.what);
        exit(1);
    }
    struct learner *l = &b->ppo.learner[0];
    const float *from = ref_params;
    CHECK(l->policy->params->n == TENSORS);
    for (int i = 0; i < TENSORS; i++) {
        mb_tensor *t = l->policy->params->t[i];
        CHECK(strcmp(base(t->name), ref_names[i]) == 0);
        memcpy(t->data, from, (size_t)t->n * sizeof *from);
        from += t->n;
    }
    memcpy(mb_input_data(l->batch.obs.field[0]), ref_obs, sizeof ref_obs);
    memcpy(mb_input_data(l->batch.obs.mask), ref_mask, sizeof ref_mask);
    memcpy(mb_input_data(l->batch.act.index[0]), ref_index, sizeof ref_index);
    memcpy(mb_input_data(l->batch.act.value), ref_box, sizeof ref_box);
    memcpy(mb_data(l->batch.logp), ref_old_logp, sizeof ref_old_logp);
    memcpy(mb_data(l->batch.adv), ref_adv, sizeof ref_adv);
    memcpy(mb_data(l->batch.ret), ref_ret, sizeof ref_ret);
    memcpy(mb_data(l->batch.value), ref_old_value, sizeof ref_old_value);
    mb_set(l->ent_coef, 0.01f);
    return l;
}

static void options(struct bench *b)
{
    *b = (struct bench){ 0 };
    mb_options_default(ppo_option_rows, &b->o);
    const char *const set[][2] = { { "horizon", "4" }, { "minibatches", "1" }, { "hidden", "4" }, { "clip", "0.2" }, { "clip_high", "0.3" },
                                   { "dual_clip", "1.5" }, { "kl_coef", "0.1" } };
    for (size_t i = 0; i < sizeof set / sizeof *set; i++) CHECK(mb_options_set("ppo", ppo_option_rows, &b->o, set[i][0], set[i][1], &b->err));
}

static float *parameter(const struct learner *l, int k)
{
    for (int i = 0; i < TENSORS; i++) {
        mb_tensor *t = l->policy->params->t[i];
        if (k < t->n) return &t->data[k];
        k -= (int)t->n;
    }
    return NULL;
}

TEST(losses_and_the_step_of_adam)
{
    struct bench b;
    options(&b);
    struct learner *l = prepare(&b);
    mb_set(l->lr, 0.01f);
    mb_exec(l->update);
    CHECK_NEAR(mb_get(l->pg_loss), ref_losses[1], 2e-6);
    CHECK_NEAR(mb_get(l->v_loss), ref_losses[2], 2e-6);
    CHECK_NEAR(mb_get(l->entropy), ref_losses[3], 4e-6);
    CHECK_NEAR(mb_get(l->kl), ref_losses[4], 2e-6);
    CHECK_NEAR(mb_get(l->norm), ref_norm[0], 2e-6);
    CHECK(ref_norm[0] > 0.5f); /* or the clip of the norm would not show */
    for (int k = 0; k < COUNT; k++) CHECK_NEAR(*parameter(l, k), ref_after[k], 4e-6);
    mb_arena_free(b.scope.arena);
}

/* plain descent with step size 1 moves every parameter by its gradient */
TEST(every_gradient)
{
    struct bench b;
    options(&b);
    b.o.optimizer = MB_SGD;
    b.o.max_grad_norm = 0;
    struct learner *l = prepare(&b);
    mb_set(l->lr, 1);
    mb_exec(l->update);
    for (int k = 0; k < COUNT; k++) CHECK_NEAR(ref_params[k] - *parameter(l, k), ref_grads[k], 2e-6);
    mb_arena_free(b.scope.arena);
}

MB_TESTS(T(losses_and_the_step_of_adam), T(every_gradient))
