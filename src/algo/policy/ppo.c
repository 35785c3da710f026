/* ppo.c - proximal policy optimisation with a clipped ratio.  Schulman et al. (2017), arXiv:1707.06347.
   Defaults are the hyper-parameters of CleanRL's ppo.py.  What differs: an episode cut by its time limit is bootstrapped with the
   value of its last observation instead of being taken for a failure. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/rl.h"
#include <math.h>
#include <stdio.h>

enum { CLIPPED, MSE };
enum { TOGETHER, SEPARATE };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, horizon, 128, 1, 65536, "steps per environment in one rollout")                       \
    NUM(int, minibatches, 4, 1, 4096, "minibatches in one epoch")                                  \
    NUM(int, epochs, 4, 1, 1000, "passes over each rollout")                                       \
    SCHED(lr, "linear:2.5e-4:0", 0, 1, "step size")                                                \
    PICK(optimizer, MB_ADAM, MB_OPTIMIZER_CHOICES, "optimiser")                                    \
    NUM(float, adam_eps, 1e-5f, 0, 1, "epsilon of Adam and RMSprop")                               \
    NUM(float, weight_decay, 0, 0, 1, "decoupled weight decay (adamw, muon)")                      \
    NUM(float, gamma, 0.99f, 0, 1, "discount")                                                     \
    NUM(float, lambda, 0.95f, 0, 1, "GAE mixing of n-step returns")                                \
    NUM(float, clip, 0.2f, 0, 1, "how far the policy ratio may move from 1")                       \
    NUM(float, clip_high, 0, 0, 100, "how far it may move up (0: as far as clip)")                 \
    NUM(float, dual_clip, 0, 0, 100, "bound of the loss for negative advantages, times A (0: none)") \
    PICK(value_loss, CLIPPED, "clipped|mse", "how the value error is measured")                    \
    NUM(float, value_clip, 0, 0, 1e6f, "clip of the change of value (0: as clip)")                 \
    NUM(bool, norm_adv, true, 0, 1, "standardize advantages per minibatch")                        \
    SCHED(ent_coef, "0.01", 0, 10, "weight of the entropy bonus")                                  \
    NUM(float, vf_coef, 0.5f, 0, 100, "weight of the value loss")                                  \
    NUM(float, kl_coef, 0, 0, 100, "weight of a KL penalty to the policy that collected (estimator k3)") \
    NUM(float, max_grad_norm, 0.5f, 0, 1000, "global gradient clip (0: none)")                     \
    NUM(float, target_kl, 0, 0, 10, "stop the epochs past this KL (0: never)")                     \
    NUM(float, adaptive_kl, 0, 0, 10, "keep the KL near this by scaling the step size (0: off)")   \
    NUM(bool, norm_obs, false, 0, 1, "normalise observations by running mean and deviation")       \
    NUM(bool, norm_reward, false, 0, 1, "divide rewards by the running deviation of the return")   \
    NUM(float, reward_scale, 1, 0, 1e6f, "multiply rewards")                                       \
    NUM(float, reward_clip, 0, 0, 1e6f, "clip rewards after scaling (0: never)")                   \
    NUM(float, log_std, 0, -10, 5, "log of the initial deviation of continuous actions")           \
    PICK(agents, TOGETHER, "together|separate", "several agents: one set of parameters or one each") \
    MB_NET_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(ppo, OPTIONS)

/* what learns one policy: all agents', or one agent's */
struct learner {
    mb_policy *policy;
    mb_rollout *rollout;
    mb_batch batch;
    mb_var lr, ent_coef;
    mb_var pg_loss, v_loss, entropy, kl, clipfrac, norm;
    mb_plan *update;
};

struct ppo {
    int n;
    struct learner *learner;
    mb_rollout **rollouts;
    mb_policy **policies;
    float *lr_scale; /* adaptive KL: kept */
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct ppo_options *o = options;
    const mb_model_def *model = mb_model_find(o->model.s, err);
    if (!model) return false;
    int rows = nenvs * (o->agents == SEPARATE ? 1 : env->nagents), items = model->recurrent ? rows : rows * o->horizon;
    if (items % o->minibatches == 0) return true;
    mb_fail(err, MB_ERR_USAGE, "ppo: %d %s do not divide into %d minibatches", items, model->recurrent ? "sequences (one per environment)" : "samples (envs x horizon)", o->minibatches);
    mb_note(err, "change minibatches, horizon or envs");
    return false;
}

/* ---- the loss, one graph ---- */

static bool build(mb_run *run, struct learner *l, const struct ppo_options *o, mb_error *err)
{
    mb_graph *g = mb_graph_new(run->scope, "ppo.update", err);
    if (!g) return false;
    mb_graph_bf16(g, o->bfloat16);
    int size = mb_rollout_items(l->rollout) / o->minibatches;
    mb_batch b = l->batch = mb_rollout_batch(g, l->rollout, size);
    mb_policy_out out = mb_policy_apply(l->policy, &b.obs, b.keep, b.state);
    bool several = size * (b.time ? b.time : 1) > 1; /* one alone has no deviation */
    mb_var adv = o->norm_adv && several ? mb_standardize(b.adv) : b.adv;

    /* policy: follow the advantage, but stop gaining once the ratio leaves the clip range */
    mb_pg pg = { .ratio = true, .clip = true, .clip_low = o->clip, .clip_high = o->clip_high > 0 ? o->clip_high : o->clip, .dual_clip = o->dual_clip };
    mb_pg_terms t = mb_pg_loss(mb_log_prob(&out.dist, &b.act), b.logp, adv, &pg);
    l->pg_loss = mb_weighted_mean(t.each, b.weight);

    /* value: squared error to the return, taken pessimistically around the old value */
    float value_clip = o->value_loss == CLIPPED ? (o->value_clip > 0 ? o->value_clip : o->clip) : 0;
    l->v_loss = mb_mean(mb_value_loss(out.value, b.value, b.ret, value_clip));
    l->entropy = mb_weighted_mean(mb_entropy(&out.dist), b.weight.id >= 0 && mb_space_nindex(&l->policy->shape.act) ? b.weight : (mb_var){ g, -1 });
    l->kl = mb_weighted_mean(mb_kl_estimate(t.log_ratio, MB_KL_3), b.weight);
    l->clipfrac = mb_weighted_mean(t.clipped, b.weight);

    l->lr = mb_scalar(g, "lr", 0);
    l->ent_coef = mb_scalar(g, "ent_coef", 0);
    mb_var loss = mb_sub(mb_add(l->pg_loss, mb_scale(l->v_loss, o->vf_coef)), mb_mul(l->ent_coef, l->entropy));
    if (o->kl_coef > 0) loss = mb_add(loss, mb_scale(l->kl, o->kl_coef));
    l->norm = mb_optimize(loss, l->policy->params,
                          (mb_optimizer){ .kind = (mb_optimizer_kind)o->optimizer, .lr = l->lr, .beta1 = 0.9f, .beta2 = 0.999f,
                                          .eps = o->adam_eps, .decay = o->weight_decay, .max_norm = o->max_grad_norm });
    mb_var outputs[] = { l->pg_loss, l->v_loss, l->entropy, l->kl, l->clipfrac, l->norm };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) mb_output(outputs[i]);
    return (l->update = mb_compile(g, err)) != NULL;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    static const char *const names[] = { "net", "net1", "net2", "net3", "net4", "net5", "net6", "net7" };
    static const char *const rollouts[] = { "rollout", "rollout1", "rollout2", "rollout3", "rollout4", "rollout5", "rollout6", "rollout7" };
    struct ppo *s = self;
    const struct ppo_options *o = options;
    const mb_env_shape *shape = mb_vec_shape(run->vec);
    mb_net_options net = MB_NET_FROM(o);
    s->n = o->agents == SEPARATE ? shape->nagents : 1;
    if (s->n > 8) return mb_fail(err, MB_ERR_UNSUPPORTED, "ppo: separate parameters for %d agents: at most 8", s->n);
    s->learner = mb_alloc(run->scope->arena, (size_t)s->n, sizeof *s->learner, err);
    s->rollouts = mb_alloc(run->scope->arena, (size_t)s->n, sizeof *s->rollouts, err);
    s->policies = mb_alloc(run->scope->arena, (size_t)s->n, sizeof *s->policies, err);
    s->lr_scale = mb_alloc(run->scope->arena, 1, sizeof *s->lr_scale, err);
    if (!s->learner || !s->rollouts || !s->policies || !s->lr_scale) return false;
    *s->lr_scale = 1;
    if (!mb_keep(run->scope->store, "ppo/lr_scale", s->lr_scale, sizeof *s->lr_scale, err)) return false;
    mb_rollout_options ro = { .horizon = o->horizon, .normalize_reward = o->norm_reward, .gamma = o->gamma,
                              .reward_scale = o->reward_scale, .reward_clip = o->reward_clip };
    for (int i = 0; i < s->n; i++) {
        struct learner *l = &s->learner[i];
        l->policy = s->policies[i] = mb_policy_new(run->scope, names[i], shape, &net, o->log_std, o->norm_obs, err);
        if (!l->policy) return false;
        l->rollout = s->rollouts[i] = mb_rollout_new(l->policy, run->vec, rollouts[i], i, s->n, ro, err);
        if (!l->rollout || !build(run, l, o, err)) return false;
    }
    return true;
}

/* ---- one cycle: collect, estimate advantages, several epochs of minibatches ---- */

static void stepped(void *ctx, const mb_vec *vec)
{
    mb_report_episodes(ctx, vec);
}

static void learn(mb_run *run, struct learner *l, const struct ppo_options *o, float *lr_scale)
{
    mb_traj traj = mb_rollout_traj(l->rollout);
    mb_gae(&traj, o->gamma, o->lambda, mb_rollout_adv(l->rollout), mb_rollout_ret(l->rollout));
    float lr = mb_schedule_at(&o->lr, mb_progress(run));
    mb_set(l->ent_coef, mb_schedule_at(&o->ent_coef, mb_progress(run)));
    float kl = 0;
    for (int epoch = 0; epoch < o->epochs && !(o->target_kl > 0 && kl > o->target_kl); epoch++) {
        mb_rollout_shuffle(l->rollout);
        for (int i = 0; i < o->minibatches; i++) {
            mb_set(l->lr, lr * *lr_scale);
            mb_rollout_load(l->rollout, &l->batch, i * l->batch.size);
            mb_exec(l->update);
            kl = mb_get(l->kl);
            if (o->adaptive_kl > 0) { /* Rudin et al. (2022): 1.5 times down or up when the KL leaves a factor of two */
                if (kl > 2 * o->adaptive_kl && *lr_scale > 1e-3f) *lr_scale /= 1.5f;
                if (kl < 0.5f * o->adaptive_kl && *lr_scale < 1e2f) *lr_scale *= 1.5f;
            }
        }
    }
    mb_report(run->metrics, "loss/policy", (double)mb_get(l->pg_loss));
    mb_report(run->metrics, "loss/value", (double)mb_get(l->v_loss));
    mb_report(run->metrics, "policy/entropy", (double)mb_get(l->entropy));
    mb_report(run->metrics, "policy/kl", (double)kl);
    mb_report(run->metrics, "policy/clip_fraction", (double)mb_get(l->clipfrac));
    mb_report(run->metrics, "optimizer/grad_norm", (double)mb_get(l->norm));
    mb_report(run->metrics, "optimizer/lr", (double)(lr * *lr_scale));
    mb_rollout_normalize_obs(l->rollout);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct ppo *s = self;
    const struct ppo_options *o = options;
    if (!mb_rollout_collect(s->rollouts, s->n, stepped, run->metrics, err)) return false;
    for (int i = 0; i < s->n; i++) learn(run, &s->learner[i], o, s->lr_scale);
    run->step += (int64_t)o->horizon * mb_vec_view_of(run->vec)->nenvs;
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct ppo *s = self;
    return mb_policy_actor(s->policies, s->n, "eval", vec, out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct ppo *s = self;
    return mb_policy_netlist(s->policies[s->n > 1 ? agent : 0], out, err);
}

MB_ALGO(ppo) = {
    MB_ALGO_HEAD, .name = "ppo", .summary = "on-policy actor-critic with a clipped policy ratio",
    .paper = "arXiv:1707.06347", .state_size = sizeof(struct ppo), MB_USE_OPTIONS(ppo),
    .default_envs = 4, .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
