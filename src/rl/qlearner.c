/* qlearner.c - learning action values from a replay: two networks, a batch, one loss per branch of actions. */
#include "matchbox/value.h"

static mb_var branch_loss(mb_qlearner *l, mb_q_terms t, int branch, mb_var *error, mb_var *value)
{
    t.branch = branch;
    t.act = l->batch.act.index[branch];
    t.next_allowed = mb_qnet_allowed(l->target, l->batch.next.mask, branch);
    *value = mb_mean(mb_pick(l->method.expect(l->method.ctx, l->online, t.features, &l->noise, branch), t.act));
    return l->method.loss(l->method.ctx, &t, error);
}

static bool build(mb_qlearner *l, mb_scope *s, mb_error *err)
{
    const mb_qlearner_options *o = &l->o;
    mb_graph *g = mb_graph_new(s, "q.update", err);
    if (!g) return false;
    mb_graph_bf16(g, o->net.net.bfloat16);
    mb_sample b = l->batch = mb_replay_inputs(g, l->replay, o->batch);
    l->noise = mb_qnet_noise(g, l->online);
    l->target_noise = mb_qnet_noise(g, l->target);
    l->chooser_noise = o->double_q ? mb_qnet_noise(g, l->online) : l->target_noise;
    mb_var none = { g, -3 };
    mb_q_terms t = { .online = l->online, .target = l->target, .noise = &l->noise, .target_noise = &l->target_noise,
                     .chooser = o->double_q ? l->online : l->target, .chooser_noise = &l->chooser_noise, .reward = b.reward, .discount = b.discount,
                     .batch = &l->batch };
    t.features = mb_qnet_features(l->online, &b.obs, &l->noise, none, NULL);
    t.next_features = mb_qnet_features(l->target, &b.next, &l->target_noise, none, NULL);
    t.next_online = o->double_q ? mb_qnet_features(l->online, &b.next, &l->chooser_noise, none, NULL) : t.next_features;
    mb_var each = none;
    for (int i = 0; i < l->online->branches; i++) {
        mb_var error, value, one = branch_loss(l, t, i, &error, &value);
        each = i ? mb_add(each, one) : one;
        l->error = i ? mb_add(l->error, error) : error;
        l->value = i ? mb_add(l->value, value) : value;
    }
    each = mb_scale(each, 1 / (float)l->online->branches);
    l->loss = mb_mean(o->replay.prioritized ? mb_mul(each, b.weight) : each);
    l->lr = mb_scalar(g, "lr", 0);
    l->norm = mb_optimize(l->loss, l->online->params,
                          (mb_optimizer){ .kind = o->optimizer, .lr = l->lr, .beta1 = 0.9f, .beta2 = 0.999f, .eps = o->adam_eps, .decay = o->decay,
                                          .max_norm = o->max_norm });
    mb_var outputs[] = { l->loss, l->error, l->value, l->norm };
    for (int i = 0; i < 4; i++) mb_output(outputs[i]);
    return (l->update = mb_compile(g, err)) != NULL;
}

static bool build_follow(mb_qlearner *l, mb_scope *s, mb_error *err)
{
    mb_graph *g = mb_graph_new(s, "q.follow", err);
    return g && mb_follow(g, l->target->params, l->online->params, l->o.tau) && (l->follow = mb_compile(g, err));
}

mb_qlearner *mb_qlearner_new(mb_scope *s, mb_vec *vec, const mb_qlearner_options *o, mb_q_method m, mb_error *err)
{
    mb_qlearner *l = mb_alloc(s->arena, 1, sizeof *l, err);
    if (!l) return NULL;
    *l = (mb_qlearner){ .o = *o, .method = m, .rng = mb_alloc(s->arena, 1, sizeof *l->rng, err) };
    mb_env_shape seen = mb_stack_shape(mb_vec_shape(vec), o->replay.stack);
    if (!l->rng || !(l->online = mb_qnet_new(s, "online", &seen, &o->net, err))) return NULL;
    if (l->online->body.def->recurrent) {
        mb_fail(err, MB_ERR_USAGE, "model '%s' remembers, but single transitions are drawn", o->net.net.model);
        mb_note(err, "r2d2 learns action values from sequences");
        return NULL;
    }
    l->target = mb_qnet_new(s, "target", &seen, &o->net, err);
    l->agent = l->target ? mb_qagent_new(l->online, "agent", vec, o->replay.stack, m.expect, m.ctx, err) : NULL;
    l->replay = l->agent ? mb_replay_new(s, "replay", vec, 0, 1, o->replay, err) : NULL;
    *l->rng = mb_rng_make(s->seed, "q.noise", 0);
    if (!l->replay || (s->store && !mb_keep(s->store, "q.noise", l->rng, sizeof *l->rng, err))) return NULL;
    return build(l, s, err) && build_follow(l, s, err) ? l : NULL;
}

void mb_qlearner_observe(mb_qlearner *l)
{
    mb_replay_add(l->replay, NULL);
}

bool mb_qlearner_update(mb_qlearner *l, float lr, float beta, mb_error *err)
{
    if (!mb_replay_draw(l->replay, &l->batch, beta, err)) return false;
    mb_qnoise_draw(&l->noise, l->rng);
    mb_qnoise_draw(&l->target_noise, l->rng);
    if (l->o.double_q) mb_qnoise_draw(&l->chooser_noise, l->rng);
    if (l->method.draw) l->method.draw(l->method.ctx, l->rng);
    mb_set(l->lr, lr);
    mb_exec(l->update);
    return !l->o.replay.prioritized || mb_replay_update(l->replay, mb_data(l->error), err);
}

void mb_qlearner_follow(mb_qlearner *l)
{
    mb_exec(l->follow);
}
