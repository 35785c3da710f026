/* Random: every allowed action with the same probability.  The baseline any learner has to beat. */
#include "matchbox/algo.h"
#include "matchbox/phase.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) NUM(int, horizon, 128, 1, 65536, "steps per environment in one iteration")
MB_OPTIONS(random, OPTIONS)

struct random { mb_rng train, eval; };

/* A choice among the allowed ones of n; among all when the mask allows none. */
static int choose(mb_rng *rng, const uint8_t *mask, int n)
{
    int allowed = 0;
    for (int i = 0; mask && i < n; i++) allowed += mask[i] != 0;
    if (allowed == 0) return mb_below(rng, n);
    int k = mb_below(rng, allowed), i = 0;
    while (!mask[i] || k-- > 0) i++;
    return i;
}

/* Boxes are sampled within their bounds; where there are none, from a standard normal. */
static float sample(mb_rng *rng, const mb_field *f, int i)
{
    float low = f->lows ? f->lows[i] : f->low, high = f->highs ? f->highs[i] : f->high;
    if (low > -MB_INF && high < MB_INF) return mb_uniform(rng, low, high);
    return mb_normal(rng);
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    mb_rng *rng = self;
    mb_vec_view *v = mb_vec_view_of(vec);
    const mb_space *space = &mb_vec_shape(vec)->act;
    for (int row = 0; row < v->rows; row++) {
        int32_t *index = v->index + (size_t)row * (size_t)v->nindex;
        float *value = v->value + (size_t)row * (size_t)v->nvalue;
        const uint8_t *mask = v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL;
        for (int k = 0; k < space->nfields; k++) {
            const mb_field *f = &space->field[k];
            if (f->kind == MB_FIELD_DISCRETE) {
                *index++ = choose(rng, mask, f->n);
                mask = mask ? mask + f->n : NULL;
            } else {
                for (int i = 0; i < f->n; i++) *value++ = sample(rng, f, i);
            }
        }
    }
    return true;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct random *s = self;
    s->train = mb_rng_make(run->scope->seed, "random.train", 0);
    return !run->scope->store || mb_keep(run->scope->store, "random.rng", &s->train, sizeof s->train, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct random_options *o = options;
    struct random *s = self;
    const mb_vec_view *v = mb_vec_view_of(run->vec);
    double reward = 0;
    mb_phase_enter(run->scope->phases, MB_PHASE_ACT); /* there is nothing to learn */
    for (int t = 0; t < o->horizon; t++) {
        if (!act(&s->train, run->vec, false, err) || !mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        for (int i = 0; i < v->rows; i++) reward += (double)v->reward[i];
    }
    run->step += (int64_t)o->horizon * v->nenvs;
    mb_report(run->metrics, "reward_mean", reward / ((double)o->horizon * v->rows));
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct random *s = self;
    s->eval = mb_rng_make(run->scope->seed, "random.eval", 0);
    *out = (mb_actor){ &s->eval, act };
    return true;
}

MB_ALGO(random) = {
    MB_ALGO_HEAD, .name = "random", .summary = "uniformly random actions: the baseline to beat",
    .state_size = sizeof(struct random), MB_USE_OPTIONS(random), .default_envs = 4, .default_steps = 100000,
    .setup = setup, .iterate = iterate, .actor = actor,
};
