/* A trained policy on its own environments, for eval, play and export. */
#include "matchbox/rl.h"
#include "run/impl.h"
#include <string.h>

/* A trainer without a directory whose evaluation environments are the player's.  Takes the arena over. */
static mb_player *build(mb_arena *a, mb_settings *s, int nenvs, uint64_t seed, const char *dir, const mb_hooks *hooks,
                        mb_error *err)
{
    int64_t own = s->run.seed;
    if (seed != MB_SEED_OF_RUN) s->run.seed = (int64_t)seed;
    s->dir = NULL;
    mb_player *p = mb_alloc(a, 1, sizeof *p, err);
    if (!p) {
        mb_arena_free(a);
        return NULL;
    }
    mb_trainer *t = mb__trainer_build(s, a, hooks, true, nenvs, err);
    if (!t) return NULL; /* and the arena is gone, with p and s in it */
    p->t = t;
    s->run.seed = own;
    bool found = true;
    char path[1024];
    bool file = dir && mb__policy_path(dir, path, sizeof path);
    if (dir && (file ? mb__policy_load(p->t, path, err) : mb__checkpoint_load(p->t, dir, true, &found, err)) && found) return p;
    if (!dir) return p;
    if (!found) mb_fail(err, MB_ERR_IO, "%s: holds no checkpoint", dir);
    mb_trainer_free(p->t);
    return NULL;
}

mb_player *mb_player_open_in(const char *dir, const char *const *changes, int nenvs, uint64_t seed, const mb_hooks *hooks, mb_error *err)
{
    mb_arena *a = mb__run_arena(err);
    if (!a) return NULL;
    char path[1024];
    bool policy = mb__policy_path(dir, path, sizeof path); /* of the zoo, not a run */
    mb_settings *s = policy ? mb__policy_settings(a, path, err) : mb__settings_of_run(a, dir, hooks ? hooks->env : NULL, err);
    bool ok = s != NULL;
    for (int i = 0; ok && changes && changes[i]; i += 2) {
        ok = strncmp(changes[i], "env.", 4) == 0 ? mb_settings_set(s, changes[i], changes[i + 1], "of the family", err)
                                                 : mb_fail(err, MB_ERR_USAGE, "option '%s' is not the environment's", changes[i]);
    }
    if (ok) return build(a, s, nenvs, seed, dir, hooks, err);
    mb_arena_free(a);
    return NULL;
}

mb_player *mb_player_open(const char *dir, int nenvs, uint64_t seed, const mb_hooks *hooks, mb_error *err)
{
    return mb_player_open_in(dir, NULL, nenvs, seed, hooks, err);
}

mb_player *mb_player_random(const mb_settings *from, int nenvs, mb_error *err)
{
    const mb_algo_def *random = mb_algo_find("random", err);
    mb_arena *a = random ? mb__run_arena(err) : NULL;
    if (!a) return NULL;
    mb_settings *s = mb_settings_of(a, random, from->env, err);
    if (!s) {
        mb_arena_free(a);
        return NULL;
    }
    memcpy(s->env_options, from->env_options, from->env->options_size);
    s->run.seed = from->run.seed;
    return build(a, s, nenvs, (uint64_t)from->run.seed, NULL, NULL, err);
}

bool mb_player_act(mb_player *p, bool greedy, mb_error *err)
{
    evaluator *e = &p->t->eval;
    return e->actor.act(e->actor.self, e->vec, greedy, err);
}

bool mb_player_step(mb_player *p, bool greedy, mb_error *err)
{
    evaluator *e = &p->t->eval;
    bool begin = p->t->settings->env->foreign && !p->begun;
    p->begun = true;
    if (begin && !mb_vec_reset(e->vec, err)) return false;
    return mb_player_act(p, greedy, err) && mb_vec_step(e->vec, err);
}

const float *mb_player_latent(mb_player *p, int *rows, int *width)
{
    const mb_actor *a = &p->t->eval.actor;
    return mb_policy_actor_latent(a, rows, width);
}

mb_vec *mb_player_vec(mb_player *p) { return p->t->eval.vec; }
const mb_settings *mb_player_settings(const mb_player *p) { return p->t->settings; }
int64_t mb_player_trained(const mb_player *p) { return p->t->run.step; }

bool mb_player_eval(mb_player *p, int episodes, volatile const int *stop, mb_eval *out, mb_error *err)
{
    p->begun = true;
    return mb__evaluator_run(&p->t->eval, episodes, stop, out, err);
}

void mb_player_free(mb_player *p)
{
    if (p) mb_trainer_free(p->t);
}
