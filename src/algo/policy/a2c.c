/* a2c.c - advantage actor-critic: the synchronous form of A3C.  Mnih et al. (2016), arXiv:1602.01783.
   Short rollouts of many environments, one update on each with its own actions; nothing is reused.  What differs: environments
   step together instead of in asynchronous threads, and an episode cut by its time limit is bootstrapped with the value of its
   last observation instead of being taken for a failure. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/rl.h"

enum { TOGETHER, SEPARATE };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, horizon, 5, 1, 65536, "steps per environment in one rollout")                         \
    SCHED(lr, "linear:7e-4:0", 0, 1, "step size")                                                  \
    PICK(optimizer, MB_RMSPROP, MB_OPTIMIZER_CHOICES, "optimiser")                                 \
    NUM(float, rms_decay, 0.99f, 0, 1, "smoothing of RMSprop's squared gradients")                 \
    NUM(float, eps, 1e-5f, 0, 1, "epsilon of RMSprop and Adam")                                    \
    NUM(float, weight_decay, 0, 0, 1, "decoupled weight decay (adamw, muon)")                      \
    NUM(float, gamma, 0.99f, 0, 1, "discount")                                                     \
    NUM(float, lambda, 1, 0, 1, "GAE mixing of n-step returns (1: each looks to the end of the rollout)") \
    NUM(int, nstep, 0, 0, 65536, "returns of this many steps instead (0: GAE)")                    \
    NUM(bool, norm_adv, false, 0, 1, "standardize advantages per rollout")                         \
    SCHED(ent_coef, "0.01", 0, 10, "weight of the entropy bonus")                                  \
    NUM(float, vf_coef, 0.5f, 0, 100, "weight of the value loss")                                  \
    NUM(float, max_grad_norm, 0.5f, 0, 1000, "global gradient clip (0: none)")                     \
    NUM(bool, norm_obs, false, 0, 1, "normalise observations by running mean and deviation")       \
    NUM(bool, norm_reward, false, 0, 1, "divide rewards by the running deviation of the return")   \
    NUM(float, reward_scale, 1, 0, 1e6f, "multiply rewards")                                       \
    NUM(float, reward_clip, 0, 0, 1e6f, "clip rewards after scaling (0: never)")                   \
    NUM(float, log_std, 0, -10, 5, "log of the initial deviation of continuous actions")           \
    PICK(agents, TOGETHER, "together|separate", "several agents: one set of parameters or one each") \
    MB_NET_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(a2c, OPTIONS)

/* what learns one policy: all agents', or one agent's */
struct learner {
    mb_policy *policy;
    mb_rollout *rollout;
    mb_batch batch;
    mb_var lr, ent_coef;
    mb_var pg_loss, v_loss, entropy, norm;
    mb_plan *update;
};

struct a2c {
    int n;
    struct learner *learner;
    mb_rollout **rollouts;
    mb_policy **policies;
};

/* ---- the loss, one graph ---- */

static bool build(mb_run *run, struct learner *l, const struct a2c_options *o, mb_error *err)
{
    mb_graph *g = mb_graph_new(run->scope, "a2c.update", err);
    if (!g) return false;
    mb_graph_bf16(g, o->bfloat16);
    int items = mb_rollout_items(l->rollout);
    mb_batch b = l->batch = mb_rollout_batch(g, l->rollout, items);
    mb_policy_out out = mb_policy_apply(l->policy, &b.obs, b.keep, b.state);
    mb_var adv = o->norm_adv && mb_rollout_rows(l->rollout) * o->horizon > 1 ? mb_standardize(b.adv) : b.adv;

    /* the actions are the policy's own: no ratio, the plain policy gradient */
    mb_pg_terms t = mb_pg_loss(mb_log_prob(&out.dist, &b.act), b.logp, adv, &(mb_pg){ .ratio = false });
    l->pg_loss = mb_weighted_mean(t.each, b.weight);
    l->v_loss = mb_mean(mb_value_loss(out.value, b.value, b.ret, 0));
    bool discrete = mb_space_nindex(&l->policy->shape.act) > 0;
    l->entropy = mb_weighted_mean(mb_entropy(&out.dist), discrete ? b.weight : (mb_var){ g, -1 });

    l->lr = mb_scalar(g, "lr", 0);
    l->ent_coef = mb_scalar(g, "ent_coef", 0);
    mb_var loss = mb_sub(mb_add(l->pg_loss, mb_scale(l->v_loss, o->vf_coef)), mb_mul(l->ent_coef, l->entropy));
    l->norm = mb_optimize(loss, l->policy->params,
                          (mb_optimizer){ .kind = (mb_optimizer_kind)o->optimizer, .lr = l->lr, .beta1 = 0.9f,
                                          .beta2 = o->optimizer == MB_RMSPROP ? o->rms_decay : 0.999f, .eps = o->eps,
                                          .decay = o->weight_decay, .max_norm = o->max_grad_norm });
    mb_var outputs[] = { l->pg_loss, l->v_loss, l->entropy, l->norm };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) mb_output(outputs[i]);
    return (l->update = mb_compile(g, err)) != NULL;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    static const char *const names[] = { "net", "net1", "net2", "net3", "net4", "net5", "net6", "net7" };
    static const char *const rollouts[] = { "rollout", "rollout1", "rollout2", "rollout3", "rollout4", "rollout5", "rollout6", "rollout7" };
    struct a2c *s = self;
    const struct a2c_options *o = options;
    const mb_env_shape *shape = mb_vec_shape(run->vec);
    mb_net_options net = MB_NET_FROM(o);
    s->n = o->agents == SEPARATE ? shape->nagents : 1;
    if (s->n > 8) return mb_fail(err, MB_ERR_UNSUPPORTED, "a2c: separate parameters for %d agents: at most 8", s->n);
    s->learner = mb_alloc(run->scope->arena, (size_t)s->n, sizeof *s->learner, err);
    s->rollouts = mb_alloc(run->scope->arena, (size_t)s->n, sizeof *s->rollouts, err);
    s->policies = mb_alloc(run->scope->arena, (size_t)s->n, sizeof *s->policies, err);
    if (!s->learner || !s->rollouts || !s->policies) return false;
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

/* ---- one cycle: collect, estimate advantages, one update ---- */

static void stepped(void *ctx, const mb_vec *vec)
{
    mb_report_episodes(ctx, vec);
}

static void estimate(const struct learner *l, const struct a2c_options *o)
{
    mb_traj traj = mb_rollout_traj(l->rollout);
    float *adv = mb_rollout_adv(l->rollout), *ret = mb_rollout_ret(l->rollout);
    if (o->nstep == 0) {
        mb_gae(&traj, o->gamma, o->lambda, adv, ret);
        return;
    }
    mb_nstep_returns(&traj, o->gamma, o->nstep, ret);
    for (int i = 0; i < traj.T * traj.rows; i++) adv[i] = ret[i] - traj.value[i];
}

static void learn(mb_run *run, struct learner *l, const struct a2c_options *o)
{
    estimate(l, o);
    float lr = mb_schedule_at(&o->lr, mb_progress(run));
    mb_set(l->lr, lr);
    mb_set(l->ent_coef, mb_schedule_at(&o->ent_coef, mb_progress(run)));
    mb_rollout_in_order(l->rollout);
    mb_rollout_load(l->rollout, &l->batch, 0);
    mb_exec(l->update);
    mb_report(run->metrics, "loss/policy", (double)mb_get(l->pg_loss));
    mb_report(run->metrics, "loss/value", (double)mb_get(l->v_loss));
    mb_report(run->metrics, "policy/entropy", (double)mb_get(l->entropy));
    mb_report(run->metrics, "optimizer/grad_norm", (double)mb_get(l->norm));
    mb_report(run->metrics, "optimizer/lr", (double)lr);
    mb_rollout_normalize_obs(l->rollout);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct a2c *s = self;
    const struct a2c_options *o = options;
    if (!mb_rollout_collect(s->rollouts, s->n, stepped, run->metrics, err)) return false;
    for (int i = 0; i < s->n; i++) learn(run, &s->learner[i], o);
    run->step += (int64_t)o->horizon * mb_vec_view_of(run->vec)->nenvs;
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct a2c *s = self;
    return mb_policy_actor(s->policies, s->n, "eval", vec, out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct a2c *s = self;
    return mb_policy_netlist(s->policies[s->n > 1 ? agent : 0], out, err);
}

MB_ALGO(a2c) = {
    MB_ALGO_HEAD, .name = "a2c", .summary = "synchronous advantage actor-critic: one update per short rollout",
    .paper = "arXiv:1602.01783", .state_size = sizeof(struct a2c), MB_USE_OPTIONS(a2c),
    .default_envs = 16, .default_steps = 500000, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
