/* Evaluation: E instances play side by side, each its share of the episodes.  Counting the first episodes to end
   anywhere would favour short ones. */
#include "run/impl.h"
#include <math.h>

bool mb__evaluator_new(evaluator *e, mb_run *run, void *self, const mb_algo_def *algo, const void *options, int nenvs, mb_error *err)
{
    mb_arena *a = run->scope->arena;
    e->vec = mb_vec_new(run->scope, "eval", run->env, run->env_options, nenvs, err);
    if (!e->vec || (!run->env->foreign && !mb_vec_reset(e->vec, err))) return false; /* workers are started when needed */
    size_t bytes = mb_vec_state_bytes(e->vec), n = (size_t)nenvs;
    e->fresh = mb_alloc(a, n, bytes, err);
    e->sum = mb_alloc(a, n, sizeof *e->sum, err);
    e->length = mb_alloc(a, n, sizeof *e->length, err);
    e->quota = mb_alloc(a, n, sizeof *e->quota, err);
    e->done = mb_alloc(a, n, sizeof *e->done, err);
    if (!e->fresh || !e->sum || !e->length || !e->quota || !e->done) return false;
    for (int i = 0; i < nenvs; i++) mb_vec_save(e->vec, i, e->fresh + (size_t)i * bytes);
    if (algo->actor) return algo->actor(run, self, options, e->vec, &e->actor, err);
    return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: has no policy to evaluate", algo->name);
}

struct tally { int episodes; double sum, squares, low, high, steps; };

static void count_episode(struct tally *t, double ret, int64_t length)
{
    t->low = t->episodes == 0 || ret < t->low ? ret : t->low;
    t->high = t->episodes == 0 || ret > t->high ? ret : t->high;
    t->episodes++;
    t->sum += ret;
    t->squares += ret * ret;
    t->steps += (double)length;
}

static bool begin(evaluator *e, int episodes, int *left, mb_error *err)
{
    const mb_vec_view *view = mb_vec_view_of(e->vec);
    size_t bytes = mb_vec_state_bytes(e->vec);
    for (int i = 0; i < view->nenvs; i++) {
        e->quota[i] = episodes / view->nenvs + (i < episodes % view->nenvs);
        e->done[i] = 0;
        e->sum[i] = 0;
        e->length[i] = 0;
        mb_vec_load(e->vec, i, e->fresh + (size_t)i * bytes);
    }
    *left = episodes;
    return mb_vec_reset(e->vec, err);
}

/* After a step: add rewards, count the episodes that ended (or never will). */
static void collect(evaluator *e, struct tally *t, int *left)
{
    const mb_vec_view *view = mb_vec_view_of(e->vec);
    int limit = mb_vec_shape(e->vec)->time_limit;
    for (int i = 0; i < view->nenvs; i++) {
        e->sum[i] += (double)view->reward[i * view->nagents];
        e->length[i]++;
        bool endless = limit == 0 && e->length[i] >= EVAL_ENDLESS;
        if (view->last_length[i] <= 0 && !endless) continue;
        if (e->done[i] < e->quota[i]) {
            count_episode(t, e->sum[i], e->length[i]);
            e->done[i]++;
            --*left;
        }
        e->sum[i] = 0;
        e->length[i] = 0;
    }
}

bool mb__evaluator_run(evaluator *e, int episodes, volatile const int *stop, mb_eval *out, mb_error *err)
{
    struct tally t = { 0 };
    int left;
    if (episodes < 1) return mb_fail(err, MB_ERR_RANGE, "evaluation: needs at least one episode, not %d", episodes);
    if (!begin(e, episodes, &left, err)) return mb_note(err, "during evaluation");
    while (left > 0) {
        if (stop && *stop) return mb_fail(err, MB_ERR_INTERRUPTED, "interrupted during evaluation");
        if (!e->actor.act(e->actor.self, e->vec, true, err) || !mb_vec_step(e->vec, err)) return mb_note(err, "during evaluation");
        collect(e, &t, &left);
    }
    double n = (double)t.episodes, mean = t.sum / n, variance = t.squares / n - mean * mean;
    *out = (mb_eval){ t.episodes, mean, variance > 0 ? sqrt(variance) : 0, t.low, t.high, t.steps / n };
    return true;
}
