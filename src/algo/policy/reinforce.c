/* reinforce.c - Monte-Carlo policy gradient.  Williams (1992), doi:10.1007/BF00992696.
   baseline none and mean learn from whole episodes, as the paper does: every iteration begins new episodes, and steps whose
   episode has not ended by the horizon do not count.  baseline value learns a value function beside the policy, subtracts it,
   and bootstraps with it where an episode is cut.  What differs from the paper: one average over the steps of many episodes
   instead of an update per episode, and an optimiser's step instead of a plain one. */
#include "matchbox/algo.h"
#include "matchbox/netlist.h"
#include "matchbox/rl.h"
#include <math.h>
#include <string.h>

enum { NONE, MEAN, VALUE };
enum { TOGETHER, SEPARATE };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                      \
    NUM(int, horizon, 500, 1, 65536, "steps per environment in one rollout")                       \
    PICK(baseline, VALUE, "none|mean|value", "what is subtracted from the returns")                \
    SCHED(lr, "linear:3e-3:0", 0, 1, "step size")                                                  \
    PICK(optimizer, MB_ADAM, MB_OPTIMIZER_CHOICES, "optimiser")                                    \
    NUM(float, eps, 1e-5f, 0, 1, "epsilon of Adam and RMSprop")                                    \
    NUM(float, gamma, 0.99f, 0, 1, "discount")                                                     \
    NUM(bool, scale_adv, true, 0, 1, "divide what is left of the returns by its root mean square") \
    SCHED(ent_coef, "0", 0, 10, "weight of an entropy bonus")                                      \
    NUM(float, vf_coef, 0.5f, 0, 100, "weight of the value loss (baseline value)")                 \
    NUM(float, max_grad_norm, 0, 0, 1000, "global gradient clip (0: none)")                        \
    NUM(bool, norm_obs, false, 0, 1, "normalise observations by running mean and deviation")       \
    NUM(float, reward_scale, 1, 0, 1e6f, "multiply rewards")                                       \
    NUM(float, log_std, 0, -10, 5, "log of the initial deviation of continuous actions")           \
    PICK(agents, TOGETHER, "together|separate", "several agents: one set of parameters or one each") \
    MB_NET_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(reinforce, OPTIONS)

/* what learns one policy: all agents', or one agent's */
struct learner {
    mb_policy *policy;
    mb_rollout *rollout;
    mb_batch batch;
    mb_var lr, ent_coef;
    mb_var pg_loss, v_loss, entropy, norm;
    mb_plan *update;
    float *zero;    /* [T, rows] bootstrap values of whole episodes: none */
    uint8_t *whole; /* [T, rows] 1: the episode of this step has ended within the rollout */
};

struct reinforce {
    int n;
    struct learner *learner;
    mb_rollout **rollouts;
    mb_policy **policies;
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct reinforce_options *o = options;
    if (o->baseline == VALUE || o->horizon >= env->time_limit) return true;
    mb_fail(err, MB_ERR_USAGE, "reinforce: a horizon of %d never sees the end of an episode of %d steps", o->horizon, env->time_limit);
    mb_note(err, "without a learned value only whole episodes can be used");
    return mb_note(err, "set horizon to %d or more, or baseline to value", env->time_limit);
}

/* ---- the loss, one graph ---- */

static bool build(mb_run *run, struct learner *l, const struct reinforce_options *o, mb_error *err)
{
    mb_graph *g = mb_graph_new(run->scope, "reinforce.update", err);
    if (!g) return false;
    mb_graph_bf16(g, o->bfloat16);
    mb_batch b = l->batch = mb_rollout_batch(g, l->rollout, mb_rollout_items(l->rollout));
    mb_policy_out out = mb_policy_apply(l->policy, &b.obs, b.keep, b.state);
    mb_pg_terms t = mb_pg_loss(mb_log_prob(&out.dist, &b.act), b.logp, b.adv, &(mb_pg){ .ratio = false });
    l->pg_loss = mb_weighted_mean(t.each, b.weight);
    l->v_loss = mb_mean(mb_value_loss(out.value, b.value, b.ret, 0));
    bool discrete = mb_space_nindex(&l->policy->shape.act) > 0;
    l->entropy = mb_weighted_mean(mb_entropy(&out.dist), discrete ? b.weight : (mb_var){ g, -1 });

    l->lr = mb_scalar(g, "lr", 0);
    l->ent_coef = mb_scalar(g, "ent_coef", 0);
    mb_var loss = mb_sub(l->pg_loss, mb_mul(l->ent_coef, l->entropy));
    if (o->baseline == VALUE) loss = mb_add(loss, mb_scale(l->v_loss, o->vf_coef));
    l->norm = mb_optimize(loss, l->policy->params,
                          (mb_optimizer){ .kind = (mb_optimizer_kind)o->optimizer, .lr = l->lr, .beta1 = 0.9f, .beta2 = 0.999f,
                                          .eps = o->eps, .max_norm = o->max_grad_norm });
    mb_var outputs[] = { l->pg_loss, l->v_loss, l->entropy, l->norm };
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++) mb_output(outputs[i]);
    return (l->update = mb_compile(g, err)) != NULL;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    static const char *const names[] = { "net", "net1", "net2", "net3", "net4", "net5", "net6", "net7" };
    static const char *const rollouts[] = { "rollout", "rollout1", "rollout2", "rollout3", "rollout4", "rollout5", "rollout6", "rollout7" };
    struct reinforce *s = self;
    const struct reinforce_options *o = options;
    const mb_env_shape *shape = mb_vec_shape(run->vec);
    mb_arena *arena = run->scope->arena;
    mb_net_options net = MB_NET_FROM(o);
    s->n = o->agents == SEPARATE ? shape->nagents : 1;
    if (s->n > 8) return mb_fail(err, MB_ERR_UNSUPPORTED, "reinforce: separate parameters for %d agents: at most 8", s->n);
    s->learner = mb_alloc(arena, (size_t)s->n, sizeof *s->learner, err);
    s->rollouts = mb_alloc(arena, (size_t)s->n, sizeof *s->rollouts, err);
    s->policies = mb_alloc(arena, (size_t)s->n, sizeof *s->policies, err);
    if (!s->learner || !s->rollouts || !s->policies) return false;
    mb_rollout_options ro = { .horizon = o->horizon, .gamma = o->gamma, .reward_scale = o->reward_scale };
    for (int i = 0; i < s->n; i++) {
        struct learner *l = &s->learner[i];
        l->policy = s->policies[i] = mb_policy_new(run->scope, names[i], shape, &net, o->log_std, o->norm_obs, err);
        if (!l->policy) return false;
        l->rollout = s->rollouts[i] = mb_rollout_new(l->policy, run->vec, rollouts[i], i, s->n, ro, err);
        if (!l->rollout || !build(run, l, o, err)) return false;
        size_t steps = (size_t)mb_rollout_rows(l->rollout) * (size_t)o->horizon;
        l->zero = mb_alloc(arena, steps, sizeof *l->zero, err);
        l->whole = mb_alloc(arena, steps, sizeof *l->whole, err);
        if (!l->zero || !l->whole) return false;
    }
    return true;
}

/* ---- what each action is credited with ---- */

/* Mark the steps whose episode ended within the rollout; returns how many. */
static int find_whole(struct learner *l, const mb_traj *x)
{
    int n = 0;
    for (int r = 0; r < x->rows; r++) {
        bool whole = false;
        for (int t = x->T - 1; t >= 0; t--) {
            int i = t * x->rows + r;
            whole = whole || x->ended[i];
            l->whole[i] = whole;
            n += whole;
        }
    }
    return n;
}

/* Only whole episodes: the others get no advantage, and the average is over those that count. */
static void credit_whole(struct learner *l, const struct reinforce_options *o, float *adv, float *ret)
{
    mb_traj x = mb_rollout_traj(l->rollout);
    int steps = x.T * x.rows, n = find_whole(l, &x);
    x.last = x.boot = l->zero; /* a return ends with its episode, whatever ended it */
    mb_discounted_returns(&x, o->gamma, ret);
    double sum = 0;
    for (int i = 0; i < steps; i++) sum += l->whole[i] ? (double)ret[i] : 0;
    float mean = o->baseline == MEAN && n ? (float)(sum / n) : 0, share = n ? (float)steps / (float)n : 0;
    for (int i = 0; i < steps; i++) adv[i] = l->whole[i] ? share * (ret[i] - mean) : 0;
}

/* A learned value is subtracted, and stands for what comes after a cut. */
static void credit_value(struct learner *l, const struct reinforce_options *o, float *adv, float *ret)
{
    mb_traj x = mb_rollout_traj(l->rollout);
    mb_discounted_returns(&x, o->gamma, ret);
    for (int i = 0; i < x.T * x.rows; i++) adv[i] = ret[i] - x.value[i];
}

static void scale(float *adv, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum = mb_fma((double)adv[i], (double)adv[i], sum);
    float by = (float)(1 / (sqrt(sum / n) + 1e-8));
    for (int i = 0; i < n; i++) adv[i] *= by;
}

/* ---- one cycle: collect, credit, one update ---- */

static void stepped(void *ctx, const mb_vec *vec)
{
    mb_report_episodes(ctx, vec);
}

static void learn(mb_run *run, struct learner *l, const struct reinforce_options *o)
{
    float *adv = mb_rollout_adv(l->rollout), *ret = mb_rollout_ret(l->rollout);
    if (o->baseline == VALUE) credit_value(l, o, adv, ret);
    else credit_whole(l, o, adv, ret);
    if (o->scale_adv) scale(adv, o->horizon * mb_rollout_rows(l->rollout));
    float lr = mb_schedule_at(&o->lr, mb_progress(run));
    mb_set(l->lr, lr);
    mb_set(l->ent_coef, mb_schedule_at(&o->ent_coef, mb_progress(run)));
    mb_rollout_in_order(l->rollout);
    mb_rollout_load(l->rollout, &l->batch, 0);
    mb_exec(l->update);
    mb_report(run->metrics, "loss/policy", (double)mb_get(l->pg_loss));
    if (o->baseline == VALUE) mb_report(run->metrics, "loss/value", (double)mb_get(l->v_loss));
    mb_report(run->metrics, "policy/entropy", (double)mb_get(l->entropy));
    mb_report(run->metrics, "optimizer/grad_norm", (double)mb_get(l->norm));
    mb_report(run->metrics, "optimizer/lr", (double)lr);
    mb_rollout_normalize_obs(l->rollout);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct reinforce *s = self;
    const struct reinforce_options *o = options;
    if (o->baseline != VALUE && !mb_vec_reset(run->vec, err)) return false;
    if (!mb_rollout_collect(s->rollouts, s->n, stepped, run->metrics, err)) return false;
    for (int i = 0; i < s->n; i++) learn(run, &s->learner[i], o);
    run->step += (int64_t)o->horizon * mb_vec_view_of(run->vec)->nenvs;
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct reinforce *s = self;
    return mb_policy_actor(s->policies, s->n, "eval", vec, out, err);
}

static bool netlist(mb_run *run, void *self, const void *options, int agent, mb_netlist *out, mb_error *err)
{
    struct reinforce *s = self;
    return mb_policy_netlist(s->policies[s->n > 1 ? agent : 0], out, err);
}

MB_ALGO(reinforce) = {
    MB_ALGO_HEAD, .name = "reinforce", .summary = "Monte-Carlo policy gradient, with or without a baseline",
    .paper = "doi:10.1007/BF00992696", .state_size = sizeof(struct reinforce), MB_USE_OPTIONS(reinforce),
    .default_envs = 8, .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
    .netlist = netlist,
};
