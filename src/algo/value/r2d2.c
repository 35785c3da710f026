/* r2d2.c - recurrent action values from sequences.  Kapturowski, Ostrovski, Quan, Munos and Dabney (2019), ICLR.
   Sequences begin with the memory that acted, warm it up over a burn-in without gradient, and learn from the rest with n-step
   double Q-learning and rescaled values (Pohlen et al. 2018, arXiv:1805.11593).  What differs from the paper: one process, smaller
   defaults, duelling heads by a switch, an episode cut by its time limit is bootstrapped. */
#include "matchbox/algo.h"
#include "matchbox/value.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                        \
    NUM(int, horizon, 16, 1, 8192, "steps per environment between updates")                         \
    NUM(int, updates, 1, 0, 128, "updates after these steps")                                       \
    NUM(int, batch, 32, 1, 512, "sequences in an update")                                           \
    NUM(int, burn_in, 8, 0, 128, "steps that only warm the memory up")                               \
    NUM(int, length, 24, 1, 96, "steps to learn from")                                              \
    NUM(int, period, 16, 1, 512, "sequences begin at multiples of this")                             \
    NUM(int64_t, buffer, 100000, 1, 1e12, "steps the replay holds")                                  \
    NUM(int64_t, learning_starts, 2000, 0, 1e12, "steps before the first update")                    \
    NUM(int64_t, target_every, 2000, 1, 1e12, "steps between copies to the target network")          \
    SCHED(epsilon, "linear:1:0.02", 0, 1, "chance of a random action")                               \
    NUM(float, explore, 0.3f, 0, 1, "share of the training during which epsilon changes")            \
    SCHED(lr, "5e-4", 0, 1, "step size")                                                             \
    NUM(float, adam_eps, 1e-3f, 0, 1, "epsilon of Adam")                                             \
    NUM(float, max_grad_norm, 40, 0, 1000, "global gradient clip (0: none)")                         \
    NUM(float, gamma, 0.997f, 0, 1, "discount")                                                      \
    NUM(int, nstep, 5, 1, 100, "rewards added up before bootstrapping")                              \
    NUM(bool, double_q, true, 0, 1, "the online network chooses the next action")                    \
    NUM(bool, duelling, true, 0, 1, "values of states and advantages of actions have heads of their own") \
    NUM(bool, rescale, true, 0, 1, "learn values on a scale that grows like a square root")          \
    NUM(bool, prioritized, true, 0, 1, "draw sequences in proportion to their last error")           \
    NUM(float, alpha, 0.9f, 0, 1, "exponent of the priorities")                                      \
    SCHED(beta, "0.6", 0, 1, "exponent of the importance weights")                                   \
    NUM(float, eta, 0.9f, 0, 1, "share of the greatest error in a priority; the rest is the mean's") \
    NUM(float, reward_clip, 0, 0, 1e6f, "clip rewards (0: never)")                                   \
    TEXT(model, "lstm", "network body: lstm, gru or attention")                                      \
    LIST(hidden, "64,64", 1, 256, "units of the hidden layers; the last is the memory")             \
    PICK(activation, MB_RELU, MB_ACTIVATION_CHOICES, "activation of the hidden layers")              \
    NUM(int, window, 16, 2, 512, "steps that attention can look back")                               \
    NUM(int, heads, 2, 1, 32, "attention heads")
MB_OPTIONS(r2d2, OPTIONS)

struct r2d2 {
    mb_qnet *online, *target;
    mb_qagent *agent;
    mb_replay *replay;
    mb_sample b;
    mb_qnoise none;
    mb_var lr, loss, value, norm, error; /* error [B] */
    mb_plan *update, *follow;
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct r2d2_options *o = options;
    const mb_model_def *model = mb_model_find(o->model.s, err);
    if (!model) return false;
    if (!model->recurrent) {
        mb_fail(err, MB_ERR_USAGE, "r2d2: model '%s' remembers nothing", model->name);
        return mb_note(err, "use lstm, gru or attention; dqn learns without memory");
    }
    return mb_qnet_check("r2d2", env, err);
}

/* ---- the loss, one graph ---- */

/* Features of the steps after the burn-in: [B * length, f] */
static mb_var unroll(const mb_qnet *q, const mb_sample *b, const struct r2d2_options *o)
{
    mb_var x = mb_obs_encode(&b->obs, &q->shape.obs), state = b->state;
    int burn = o->burn_in, length = o->length;
    if (burn > 0) {
        q->body.def->apply(&q->body, mb_slice(x, 1, 0, burn), mb_slice(b->keep, 1, 0, burn), &state);
        state = mb_stop(state);
        x = mb_slice(x, 1, burn, length);
    }
    mb_var keep = burn > 0 ? mb_slice(b->keep, 1, burn, length) : b->keep;
    return mb_reshape(q->body.def->apply(&q->body, x, keep, &state), MB_S2(b->size * length, q->features));
}

static mb_var late(mb_var x, const struct r2d2_options *o) /* [B, S, ...] after the burn-in */
{
    return o->burn_in > 0 ? mb_slice(x, 1, o->burn_in, o->length) : x;
}

/* v [B, length] of every step -> of the step where each one bootstraps */
static mb_var at_boot(mb_var v, const mb_sample *b, const struct r2d2_options *o)
{
    int s = b->time;
    if (o->burn_in > 0) {
        mb_var both[2] = { mb_scale(mb_slice(b->reward, 1, 0, o->burn_in), 0), v };
        v = mb_concat(2, both, 1);
    }
    v = mb_expand(mb_reshape(v, MB_S3(b->size, 1, s)), MB_S3(b->size, s, s));
    return late(mb_pick(v, b->boot), o);
}

/* error [B, length] of one branch: h(R + gamma^n h^-1(Q'(s_n, a*))) - Q(s, a) */
static mb_var errors(struct r2d2 *s, mb_var mine, mb_var theirs, const struct r2d2_options *o, int branch, mb_var *value)
{
    const mb_sample *b = &s->b;
    int rows = b->size * o->length, n = s->online->n[branch];
    mb_var q = mb_qnet_values(s->online, mine, &s->none, branch), next = mb_qnet_values(s->target, theirs, &s->none, branch);
    mb_var allowed = mb_qnet_allowed(s->online, b->obs.mask, branch);
    if (allowed.id >= 0) allowed = mb_reshape(late(allowed, o), MB_S2(rows, n));
    mb_var best = mb_q_greedy(o->double_q ? q : next, allowed);
    mb_var v = mb_reshape(mb_sum_last(mb_mul(best, next)), MB_S2(b->size, o->length));
    v = at_boot(o->rescale ? mb_unscale(v) : v, b, o);
    mb_var y = mb_add(late(b->reward, o), mb_mul(late(b->discount, o), v));
    mb_var taken = mb_reshape(late(mb_one_hot(b->act.index[branch], n), o), MB_S2(rows, n));
    mb_var qa = mb_reshape(mb_sum_last(mb_mul(q, taken)), MB_S2(b->size, o->length));
    *value = mb_mean(qa);
    return mb_sub(mb_stop(o->rescale ? mb_rescale(y) : y), qa);
}

static bool build(mb_run *run, struct r2d2 *s, const struct r2d2_options *o, mb_error *err)
{
    mb_graph *g = mb_graph_new(run->scope, "r2d2.update", err);
    if (!g) return false;
    mb_sample b = s->b = mb_replay_inputs(g, s->replay, o->batch);
    s->none = mb_qnet_noise(g, s->online);
    mb_var mine = unroll(s->online, &b, o), theirs = mb_stop(unroll(s->target, &b, o)), valid = late(b.valid, o);
    mb_var count = mb_max(mb_sum_last(valid), mb_constant(g, 1)), each = count;
    for (int i = 0; i < s->online->branches; i++) {
        mb_var value, d = mb_mul(errors(s, mine, theirs, o, i, &value), valid), size = mb_stop(mb_abs(d));
        mb_var one = mb_div(mb_sum_last(mb_square(d)), count);
        mb_var error = mb_add(mb_scale(mb_max_last(size), o->eta), mb_scale(mb_div(mb_sum_last(size), count), 1 - o->eta));
        each = i ? mb_add(each, one) : one;
        s->error = i ? mb_add(s->error, error) : error;
        s->value = i ? mb_add(s->value, value) : value;
    }
    s->loss = mb_mean(mb_mul(each, b.weight));
    s->lr = mb_scalar(g, "lr", 0);
    s->norm = mb_optimize(s->loss, s->online->params,
                          (mb_optimizer){ .kind = MB_ADAM, .lr = s->lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = o->adam_eps, .max_norm = o->max_grad_norm });
    mb_var outputs[] = { s->loss, s->value, s->norm, s->error };
    for (int i = 0; i < 4; i++) mb_output(outputs[i]);
    return (s->update = mb_compile(g, err)) != NULL;
}

static bool build_follow(mb_run *run, struct r2d2 *s, mb_error *err)
{
    mb_graph *g = mb_graph_new(run->scope, "r2d2.follow", err);
    return g && mb_follow(g, s->target->params, s->online->params, 1) && (s->follow = mb_compile(g, err));
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct r2d2_options *o = options;
    struct r2d2 *s = self;
    mb_qnet_options q = { .duelling = o->duelling, .atoms = 1,
                          .net = { .model = o->model.s, .hidden = o->hidden, .activation = (mb_activation)o->activation, .window = o->window,
                                   .heads = o->heads, .shared = true } };
    const mb_env_shape *shape = mb_vec_shape(run->vec);
    s->online = mb_qnet_new(run->scope, "online", shape, &q, err);
    s->target = s->online ? mb_qnet_new(run->scope, "target", shape, &q, err) : NULL;
    s->agent = s->target ? mb_qagent_new(s->online, "agent", run->vec, 1, mb_q_plain, NULL, err) : NULL;
    if (!s->agent) return false;
    mb_replay_options r = { .capacity = o->buffer, .nstep = o->nstep, .gamma = o->gamma, .reward_clip = o->reward_clip,
                            .prioritized = o->prioritized, .alpha = o->alpha, .eps = 1e-6f, .sequence = o->burn_in + o->length, .period = o->period,
                            .memory = s->online->body.state };
    s->replay = mb_replay_new(run->scope, "replay", run->vec, 0, 1, r, err);
    return s->replay && build(run, s, o, err) && build_follow(run, s, err);
}

/* ---- one cycle ---- */

static float epsilon(const mb_run *run, const struct r2d2_options *o)
{
    double p = mb_progress(run);
    return mb_schedule_at(&o->epsilon, o->explore > 0 && p < (double)o->explore ? p / (double)o->explore : 1);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct r2d2_options *o = options;
    struct r2d2 *s = self;
    int64_t before = run->step;
    for (int t = 0; t < o->horizon; t++) {
        mb_qagent_act(s->agent, epsilon(run, o), false);
        if (!mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        mb_replay_add(s->replay, mb_qagent_memory(s->agent));
        run->step += mb_vec_view_of(run->vec)->nenvs;
    }
    if (run->step < o->learning_starts || !mb_replay_ready(s->replay)) return true;
    for (int i = 0; i < o->updates; i++) {
        if (!mb_replay_draw(s->replay, &s->b, mb_schedule_at(&o->beta, mb_progress(run)), err)) return false;
        mb_set(s->lr, mb_schedule_at(&o->lr, mb_progress(run)));
        mb_exec(s->update);
        if (o->prioritized && !mb_replay_update(s->replay, mb_data(s->error), err)) return false;
    }
    if (run->step / o->target_every != before / o->target_every) mb_exec(s->follow);
    if (o->updates == 0) return true;
    mb_report(run->metrics, "loss/value", (double)mb_get(s->loss));
    mb_report(run->metrics, "value/mean", (double)mb_get(s->value));
    mb_report(run->metrics, "optimizer/grad_norm", (double)mb_get(s->norm));
    mb_report(run->metrics, "policy/epsilon", (double)epsilon(run, o));
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    const struct r2d2_options *o = options;
    const struct r2d2 *s = self;
    return mb_qagent_actor(s->online, "eval", vec, 1, mb_q_plain, NULL, mb_schedule_at(&o->epsilon, 1), out, err);
}

MB_ALGO(r2d2) = {
    MB_ALGO_HEAD, .name = "r2d2", .summary = "action values with a memory, learned from sequences with burn-in",
    .paper = "openreview.net/forum?id=r1lyTjAqYX", .state_size = sizeof(struct r2d2), MB_USE_OPTIONS(r2d2),
    .default_steps = 500000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
