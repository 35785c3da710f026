/* pqn.c - parallel Q-learning without replay and target network.  Gallici et al. (2025), arXiv:2407.04811.
   Many environments, layer normalisation, returns Q(lambda) (Peng's) of the rollout itself.  Defaults are the hyper-parameters of
   CleanRL's pqn.py.  What differs: Adam instead of RAdam, an episode cut by its time limit is bootstrapped. */
#include "matchbox/algo.h"
#include "matchbox/rl.h"
#include "matchbox/value.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, horizon, 128, 1, 65536, "steps per environment in one rollout")                         \
    NUM(int, minibatches, 4, 1, 4096, "minibatches in one epoch")                                    \
    NUM(int, epochs, 4, 1, 1000, "passes over each rollout")                                         \
    SCHED(lr, "linear:2.5e-4:0", 0, 1, "step size")                                                  \
    PICK(optimizer, MB_ADAM, MB_OPTIMIZER_CHOICES, "optimiser")                                      \
    NUM(float, adam_eps, 1e-8f, 0, 1, "epsilon of Adam and RMSprop")                                 \
    NUM(float, max_grad_norm, 10, 0, 1000, "global gradient clip (0: none)")                         \
    NUM(float, gamma, 0.99f, 0, 1, "discount")                                                       \
    NUM(float, lambda, 0.65f, 0, 1, "mixing of n-step returns")                                      \
    SCHED(epsilon, "linear:1:0.05", 0, 1, "chance of a random action")                               \
    NUM(float, explore, 0.5f, 0, 1, "share of the training during which epsilon changes")            \
    NUM(bool, duelling, false, 0, 1, "values of states and advantages of actions have heads of their own") \
    NUM(float, reward_scale, 1, 0, 1e6f, "multiply rewards")                                         \
    NUM(bool, layer_norm, true, 0, 1, "normalise the hidden layers: what keeps it stable")           \
    MB_BODY_OPTIONS(NUM, PICK, TEXT, LIST, SCHED, "120,84", MB_RELU)
MB_OPTIONS(pqn, OPTIONS)

struct pqn {
    mb_qnet *net;
    mb_qagent *agent;
    int rows, T, size;                            /* size: of a minibatch */
    char *obs[MB_MAX_FIELDS];                     /* [T + 1, rows, field] */
    size_t field_bytes[MB_MAX_FIELDS];
    int32_t *index[MB_MAX_FIELDS];                /* per branch [T, rows] */
    float *value[MB_MAX_FIELDS], *boot[MB_MAX_FIELDS], *last[MB_MAX_FIELDS], *target[MB_MAX_FIELDS]; /* greedy values */
    float *reward, *adv;
    uint8_t *ended;
    int32_t *perm;
    mb_rng *rng;
    mb_obs_input in;
    mb_act_input act;
    mb_var y[MB_MAX_FIELDS], lr, loss, mean, norm;
    mb_qnoise none;
    mb_plan *update;
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct pqn_options *o = options;
    const mb_model_def *model = mb_model_find(o->model.s, err);
    if (!model) return false;
    if (model->recurrent) {
        mb_fail(err, MB_ERR_USAGE, "pqn: model '%s' remembers, but single steps are shuffled", model->name);
        return mb_note(err, "r2d2 learns action values from sequences");
    }
    if (nenvs * env->nagents * o->horizon % o->minibatches != 0) {
        mb_fail(err, MB_ERR_USAGE, "pqn: %d samples (envs x horizon) do not divide into %d minibatches", nenvs * env->nagents * o->horizon, o->minibatches);
        return mb_note(err, "change minibatches, horizon or envs");
    }
    return mb_qnet_check("pqn", env, err);
}

static bool build(mb_run *run, struct pqn *s, const struct pqn_options *o, mb_error *err)
{
    mb_graph *g = mb_graph_new(run->scope, "pqn.update", err);
    if (!g) return false;
    mb_graph_bf16(g, o->bfloat16);
    mb_var none = { g, -3 }, each = none;
    s->in = mb_obs_inputs(g, &s->net->shape, s->size, 0);
    s->act = mb_act_inputs(g, &s->net->shape.act, s->size, 0);
    s->none = mb_qnet_noise(g, s->net);
    mb_var x = mb_qnet_features(s->net, &s->in, &s->none, none, NULL);
    for (int b = 0; b < s->net->branches; b++) {
        s->y[b] = mb_input(g, "return", MB_F32, MB_S1(s->size));
        mb_var q = mb_pick(mb_qnet_values(s->net, x, &s->none, b), s->act.index[b]), one = mb_square(mb_sub(q, s->y[b]));
        each = b ? mb_add(each, one) : one;
        s->mean = b ? mb_add(s->mean, mb_mean(q)) : mb_mean(q);
    }
    s->loss = mb_mean(mb_scale(each, 1 / (float)s->net->branches));
    s->lr = mb_scalar(g, "lr", 0);
    s->norm = mb_optimize(s->loss, s->net->params,
                          (mb_optimizer){ .kind = (mb_optimizer_kind)o->optimizer, .lr = s->lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = o->adam_eps,
                                          .max_norm = o->max_grad_norm });
    mb_output(s->loss), mb_output(s->mean), mb_output(s->norm);
    return (s->update = mb_compile(g, err)) != NULL;
}

static bool arrays(mb_run *run, struct pqn *s, mb_error *err)
{
    mb_arena *a = run->scope->arena;
    size_t rows = (size_t)s->rows, n = rows * (size_t)s->T;
    const mb_space *obs = &s->net->shape.obs;
    bool ok = true;
    for (int f = 0; f < obs->nfields; f++) {
        s->field_bytes[f] = mb_field_bytes(&obs->field[f]);
        ok = ok && (s->obs[f] = mb_alloc(a, n + rows, s->field_bytes[f], err));
    }
    for (int b = 0; b < s->net->branches; b++) {
        ok = ok && (s->index[b] = mb_alloc(a, n, sizeof(int32_t), err)) && (s->value[b] = mb_alloc(a, n, sizeof(float), err)) &&
             (s->boot[b] = mb_alloc(a, n, sizeof(float), err)) && (s->last[b] = mb_alloc(a, rows, sizeof(float), err)) &&
             (s->target[b] = mb_alloc(a, n, sizeof(float), err));
    }
    return ok && (s->reward = mb_alloc(a, n, sizeof(float), err)) && (s->adv = mb_alloc(a, n, sizeof(float), err)) &&
           (s->ended = mb_alloc(a, n, 1, err)) && (s->perm = mb_alloc(a, n, sizeof(int32_t), err)) && (s->rng = mb_alloc(a, 1, sizeof *s->rng, err));
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct pqn_options *o = options;
    struct pqn *s = self;
    mb_qnet_options q = { .net = MB_BODY_FROM(o), .atoms = 1, .duelling = o->duelling, .layer_norm = o->layer_norm };
    s->net = mb_qnet_new(run->scope, "online", mb_vec_shape(run->vec), &q, err);
    s->agent = s->net ? mb_qagent_new(s->net, "agent", run->vec, 1, mb_q_plain, NULL, err) : NULL;
    if (!s->agent) return false;
    s->rows = mb_vec_view_of(run->vec)->rows;
    s->T = o->horizon;
    s->size = s->rows * s->T / o->minibatches;
    if (!arrays(run, s, err)) return false;
    *s->rng = mb_rng_make(run->scope->seed, "pqn", 0);
    return (!run->scope->store || mb_keep(run->scope->store, "pqn.rng", s->rng, sizeof *s->rng, err)) && build(run, s, o, err);
}

/* ---- collecting ---- */

static float epsilon(const mb_run *run, const struct pqn_options *o)
{
    double p = mb_progress(run);
    return mb_schedule_at(&o->epsilon, o->explore > 0 && p < (double)o->explore ? p / (double)o->explore : 1);
}

/* greedy values of other observations; everything is allowed there when mask is NULL */
static void values(struct pqn *s, void *const *obs, const uint8_t *mask, float *const *to, size_t at)
{
    for (int b = 0; b < s->net->branches; b++) mb_qagent_best(s->agent, b ? NULL : obs, mask, b, to[b] + at);
}

static bool collect(mb_run *run, struct pqn *s, const struct pqn_options *o, mb_error *err)
{
    mb_vec_view *w = mb_vec_view_of(run->vec);
    size_t rows = (size_t)s->rows;
    for (int t = 0; t < s->T; t++) {
        size_t at = (size_t)t * rows;
        for (int f = 0; f < w->nfields; f++) memcpy(s->obs[f] + at * s->field_bytes[f], w->obs[f], rows * s->field_bytes[f]);
        values(s, w->obs, w->mask, s->value, at);
        mb_qagent_act(s->agent, epsilon(run, o), false);
        for (int b = 0; b < s->net->branches; b++)
            for (int r = 0; r < s->rows; r++) s->index[b][at + (size_t)r] = w->index[r * w->nindex + b];
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        bool cut = false;
        for (int r = 0; r < s->rows; r++) {
            int env = r / w->nagents;
            s->reward[at + (size_t)r] = o->reward_scale * w->reward[r];
            s->ended[at + (size_t)r] = w->terminated[env] || w->truncated[env];
            cut = cut || w->truncated[env];
        }
        if (cut) values(s, w->final_obs, NULL, s->boot, at);
        for (int b = 0; b < s->net->branches; b++)
            for (int r = 0; r < s->rows; r++)
                if (!w->truncated[r / w->nagents]) s->boot[b][at + (size_t)r] = 0;
        run->step += w->nenvs;
    }
    values(s, w->obs, w->mask, s->last, 0);
    return true;
}

/* ---- learning ---- */

static void load(struct pqn *s, int first)
{
    for (int i = 0; i < s->size; i++) {
        size_t from = (size_t)s->perm[first + i];
        for (int f = 0; f < s->in.nfields; f++)
            memcpy((char *)mb_input_data(s->in.field[f]) + (size_t)i * s->field_bytes[f], s->obs[f] + from * s->field_bytes[f], s->field_bytes[f]);
        for (int b = 0; b < s->net->branches; b++) {
            ((int32_t *)mb_input_data(s->act.index[b]))[i] = s->index[b][from];
            ((float *)mb_input_data(s->y[b]))[i] = s->target[b][from];
        }
    }
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct pqn_options *o = options;
    struct pqn *s = self;
    if (!collect(run, s, o, err)) return false;
    for (int b = 0; b < s->net->branches; b++) { /* G_t = r + gamma ((1 - lambda) max Q(s') + lambda G_{t+1}): the lambda-return of max Q */
        mb_traj x = { s->T, s->rows, s->reward, s->value[b], s->last[b], s->ended, s->boot[b] };
        mb_gae(&x, o->gamma, o->lambda, s->adv, s->target[b]);
    }
    mb_set(s->lr, mb_schedule_at(&o->lr, mb_progress(run)));
    for (int i = 0; i < s->rows * s->T; i++) s->perm[i] = i;
    for (int epoch = 0; epoch < o->epochs; epoch++) {
        mb_shuffle(s->rng, s->perm, s->rows * s->T);
        for (int i = 0; i < o->minibatches; i++) {
            load(s, i * s->size);
            mb_exec(s->update);
        }
    }
    mb_report(run->metrics, "loss/value", (double)mb_get(s->loss));
    mb_report(run->metrics, "value/mean", (double)mb_get(s->mean));
    mb_report(run->metrics, "optimizer/grad_norm", (double)mb_get(s->norm));
    mb_report(run->metrics, "policy/epsilon", (double)epsilon(run, o));
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct pqn_options *o = options;
    const struct pqn *s = self;
    return mb_qagent_actor(s->net, "eval", vec, 1, mb_q_plain, NULL, mb_schedule_at(&o->epsilon, 1), out, err);
}

MB_ALGO(pqn) = {
    MB_ALGO_HEAD, .name = "pqn", .summary = "Q-learning on many environments, without replay and target network",
    .paper = "arXiv:2407.04811", .state_size = sizeof(struct pqn), MB_USE_OPTIONS(pqn),
    .default_envs = 4, .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
