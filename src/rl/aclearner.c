/* aclearner.c - learning actors and critics from a replay.  Two plans: one step of all critics with their targets' move, one of the
   actor with its temperature. */
#include "matchbox/critic.h"
#include <math.h>

/* The actor's action in x and the logarithm of its density; discrete: of every choice of each branch. */
struct acted { mb_var act, logp[MB_MAX_FIELDS]; };

static struct acted act_in(const mb_aclearner *l, const mb_actnet *net, mb_var x, mb_var mask, mb_var *noise, float smooth)
{
    mb_var none = { x.g, -3 };
    mb_act_params p = mb_actnet_apply(net, x, mask);
    struct acted a = { none, { none } };
    *noise = none;
    for (int b = 0; b < net->branches; b++) a.logp[b] = mb_log_softmax(p.logits[b]);
    if (!net->nvalue) return a;
    if (net->o.squashed || smooth > 0) *noise = mb_input(x.g, "noise", MB_F32, MB_S2(l->o.batch, net->nvalue));
    if (net->o.squashed) {
        mb_squashed s = mb_squash(p.mean, p.log_std, *noise);
        a.act = s.act, a.logp[0] = s.logp;
    } else {
        a.act = mb_tanh(p.mean);
        if (smooth > 0) a.act = mb_smoothed_action(a.act, *noise, smooth, l->o.smooth_clip);
    }
    return a;
}

static mb_var price(const mb_aclearner *l, mb_graph *g)
{
    return l->log_alpha ? mb_stop(mb_exp(mb_param(g, l->log_alpha))) : (mb_var){ g, -3 };
}

/* ---- the critics' step ---- */

static int per_critic(const mb_critics *c)
{
    return c->params->n / c->o.n;
}

/* What stands in the graph for the target critics that are drawn. */
static void find_slots(mb_aclearner *l, mb_graph *g)
{
    for (int i = 0; l->o.subset > 0 && i < l->o.subset * per_critic(l->targets); i++) l->slot[l->nslots++] = mb_param(g, l->targets->params->t[i]);
}

static mb_var critics_each(mb_aclearner *l, mb_graph *g)
{
    const mb_sample *b = &l->batch;
    const mb_critics *c = l->critics, *target = l->targets;
    mb_var x = mb_obs_encode(&b->obs, &c->shape.obs), next = mb_obs_encode(&b->next, &c->shape.obs), each = { g, -3 }, q[MB_CRITICS], qn[MB_CRITICS];
    bool discrete = l->actor->branches > 0;
    struct acted a = act_in(l, l->o.follow_actor ? l->target_actor : l->actor, next, b->next.mask, &l->next_noise, l->o.smooth);
    mb_ac_terms t = { .discrete = discrete, .nq = c->o.n, .nnext = l->o.subset ? l->o.subset : c->o.n, .reward = b->reward, .discount = b->discount,
                      .alpha = price(l, g) };
    mb_var in = mb_critics_input(x, discrete ? a.act : mb_actnet_scaled(l->actor, b->act.value)), in_next = mb_critics_input(next, a.act);
    for (int i = 0; i < t.nnext; i++) qn[i] = mb_critic_features(target, i, in_next, &l->dropout[0]);
    for (int i = 0; i < t.nq; i++) q[i] = mb_critic_features(c, i, in, &l->dropout[0]);
    for (int branch = 0; branch < c->branches; branch++) {
        mb_var error;
        for (int i = 0; i < t.nnext; i++) t.next_q[i] = mb_critic_values(target, i, qn[i], branch);
        for (int i = 0; i < t.nq; i++) {
            t.q[i] = mb_critic_values(c, i, q[i], branch);
            if (discrete) t.q[i] = mb_pick(t.q[i], b->act.index[branch]);
        }
        t.logp = a.logp[branch];
        mb_var one = l->method.critic(l->method.ctx, &t, &error), value = mb_mean(t.q[0]);
        each = branch ? mb_add(each, one) : one;
        l->error = branch ? mb_add(l->error, error) : error;
        l->value = branch ? l->value : value;
    }
    return c->branches > 1 ? mb_scale(each, 1 / (float)c->branches) : each;
}

static mb_optimizer adam(const mb_aclearner *l, mb_var lr)
{
    return (mb_optimizer){ .kind = l->o.decay > 0 ? MB_ADAMW : MB_ADAM, .lr = lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = l->o.adam_eps,
                           .decay = l->o.decay, .max_norm = l->o.max_norm };
}

static bool build_update(mb_aclearner *l, mb_scope *s, mb_error *err)
{
    mb_graph *g = mb_graph_new(s, "critics.update", err);
    if (!g) return false;
    mb_graph_bf16(g, l->o.critics.tower.net.bfloat16);
    l->batch = mb_replay_inputs(g, l->replay, l->o.batch);
    mb_var each = critics_each(l, g);
    find_slots(l, g);
    l->loss = mb_mean(l->o.replay.prioritized ? mb_mul(each, l->batch.weight) : each);
    l->lr = mb_scalar(g, "lr", 0);
    mb_optimize(l->loss, l->critics->params, adam(l, l->lr));
    if (!l->o.follow_actor) mb_follow(g, l->targets->params, l->critics->params, l->o.tau);
    mb_output(l->loss), mb_output(l->error), mb_output(l->value);
    return (l->update = mb_compile(g, err)) != NULL;
}

/* ---- the actor's step ---- */

static mb_var actor_each(mb_aclearner *l, mb_graph *g, mb_var *entropy)
{
    const mb_critics *c = l->critics;
    l->obs = mb_obs_inputs(g, &c->shape, l->o.batch, 0);
    if (l->batch.obs.mask.id < 0) l->obs.mask = (mb_var){ g, -3 };
    mb_var x = mb_obs_encode(&l->obs, &c->shape.obs), each = { g, -3 }, q[MB_CRITICS];
    struct acted a = act_in(l, l->actor, x, l->obs.mask, &l->noise, 0);
    mb_ac_terms t = { .discrete = l->actor->branches > 0, .nq = c->o.n, .alpha = price(l, g) };
    mb_var in = mb_critics_input(x, a.act);
    for (int i = 0; i < t.nq; i++) q[i] = mb_critic_features(c, i, in, &l->dropout[1]);
    for (int branch = 0; branch < c->branches; branch++) {
        t.logp = a.logp[branch];
        for (int i = 0; i < t.nq; i++) t.q[i] = mb_critic_values(c, i, q[i], branch);
        mb_var one = l->method.actor(l->method.ctx, &t);
        each = branch ? mb_add(each, one) : one;
        if (t.logp.id < 0) continue;
        mb_var h = mb_neg(t.discrete ? mb_sum_last(mb_mul(mb_exp(t.logp), t.logp)) : t.logp);
        *entropy = branch ? mb_add(*entropy, h) : h;
    }
    return each;
}

static bool build_improve(mb_aclearner *l, mb_scope *s, mb_error *err)
{
    mb_graph *g = mb_graph_new(s, "actor.update", err);
    if (!g) return false;
    mb_graph_bf16(g, l->o.actor.tower.net.bfloat16);
    mb_var entropy = { g, -3 }, each = actor_each(l, g, &entropy);
    l->actor_loss = mb_mean(each);
    l->entropy = l->log_alpha ? mb_mean(entropy) : entropy;
    l->actor_lr = mb_scalar(g, "lr", 0);
    mb_optimize(l->actor_loss, l->actor->params, adam(l, l->actor_lr));
    if (l->log_alpha && l->o.tuned) {
        mb_optimizer plain = { .kind = MB_ADAM, .lr = l->actor_lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = l->o.adam_eps };
        mb_optimize(mb_temperature_loss(mb_param(g, l->log_alpha), entropy, l->o.target_entropy), l->temperature, plain);
    }
    if (l->o.follow_actor) {
        mb_follow(g, l->target_actor->params, l->actor->params, l->o.tau);
        mb_follow(g, l->targets->params, l->critics->params, l->o.tau);
    }
    mb_output(l->actor_loss);
    if (l->log_alpha) mb_output(l->entropy);
    if (!(l->improve = mb_compile(g, err))) return false;
    for (int f = 0; f < l->obs.nfields; f++) mb_bind(l->obs.field[f], mb_input_data(l->batch.obs.field[f]));
    if (l->obs.mask.id >= 0) mb_bind(l->obs.mask, mb_input_data(l->batch.obs.mask));
    return true;
}

/* ---- the whole ---- */

static bool networks(mb_aclearner *l, mb_scope *s, const mb_env_shape *seen, mb_error *err)
{
    const mb_aclearner_options *o = &l->o;
    const mb_model_def *def = mb_model_find(o->actor.tower.net.model, err);
    if (!def) return false;
    if (def->recurrent) return mb_fail(err, MB_ERR_USAGE, "model '%s' remembers, but single transitions are drawn; use mlp or cnn", def->name);
    if (!(l->actor = mb_actnet_new(s, "actor", seen, &o->actor, err))) return false;
    if (o->follow_actor && !(l->target_actor = mb_actnet_new(s, "actor.target", seen, &o->actor, err))) return false;
    if (!(l->critics = mb_critics_new(s, "critics", seen, &o->critics, err))) return false;
    if (!(l->targets = mb_critics_new(s, "critics.target", seen, &o->critics, err))) return false;
    if (!o->temperature) return true;
    l->temperature = mb_params_new(s, "temperature", err);
    l->log_alpha = l->temperature ? mb_params_add(l->temperature, "log_alpha", MB_S0(), err) : NULL;
    if (l->log_alpha) *l->log_alpha->data = mb_logf(o->alpha);
    return l->log_alpha != NULL;
}

mb_aclearner *mb_aclearner_new(mb_scope *s, mb_vec *vec, const mb_aclearner_options *o, mb_ac_method m, mb_error *err)
{
    mb_aclearner *l = mb_alloc(s->arena, 1, sizeof *l, err);
    if (!l) return NULL;
    *l = (mb_aclearner){ .o = *o, .method = m, .rng = mb_alloc(s->arena, 1, sizeof *l->rng, err) };
    mb_env_shape seen = mb_stack_shape(mb_vec_shape(vec), o->replay.stack);
    if (!l->rng || !networks(l, s, &seen, err)) return NULL;
    if (!(l->agent = mb_actagent_new(l->actor, "agent", vec, o->replay.stack, err))) return NULL;
    if (!(l->replay = mb_replay_new(s, "replay", vec, 0, 1, o->replay, err))) return NULL;
    *l->rng = mb_rng_make(s->seed, "critics.noise", 0);
    if (s->store && !mb_keep(s->store, "critics.noise", l->rng, sizeof *l->rng, err)) return NULL;
    return build_update(l, s, err) && build_improve(l, s, err) ? l : NULL;
}

void mb_aclearner_observe(mb_aclearner *l)
{
    mb_replay_add(l->replay, NULL);
}

static void fill(mb_var noise, mb_rng *rng)
{
    if (noise.id < 0) return;
    mb_shape s = mb_dims(noise);
    float *x = mb_input_data(noise);
    for (int i = 0; i < s.d[0] * s.d[1]; i++) x[i] = mb_normal(rng);
}

/* Without putting back: the first places of a shuffle. */
static void draw_subset(mb_aclearner *l)
{
    int order[MB_CRITICS], n = l->o.critics.n, each = per_critic(l->targets);
    for (int i = 0; i < n; i++) order[i] = i;
    for (int i = 0; i < l->o.subset; i++) {
        int k = i + mb_below(l->rng, n - i), which = order[k];
        order[k] = order[i];
        for (int j = 0; j < each; j++) mb_bind(l->slot[i * each + j], l->targets->params->t[which * each + j]->data);
    }
}

bool mb_aclearner_update(mb_aclearner *l, bool actor, float lr, float actor_lr, float beta, mb_error *err)
{
    if (!mb_replay_draw(l->replay, &l->batch, beta, err)) return false;
    if (l->nslots) draw_subset(l);
    fill(l->next_noise, l->rng);
    mb_dropout_draw(&l->dropout[0], l->rng);
    mb_set(l->lr, lr);
    mb_exec(l->update);
    if (actor) {
        fill(l->noise, l->rng);
        mb_dropout_draw(&l->dropout[1], l->rng);
        mb_set(l->actor_lr, actor_lr);
        mb_exec(l->improve);
    }
    return !l->o.replay.prioritized || mb_replay_update(l->replay, mb_data(l->error), err);
}

float mb_aclearner_alpha(const mb_aclearner *l)
{
    return l->log_alpha ? mb_expf(*l->log_alpha->data) : 0;
}
