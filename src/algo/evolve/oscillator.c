/* oscillator.c - open-loop oscillators: one sine per joint, a handful of numbers found by CMA-ES; what is observed does not matter.  Raffin,
   Sigaud, Kober, Albu-Schaeffer, Silverio and Stulp (2024), arXiv:2310.05808.  Every generation plays one episode of each of its members, one in each
   environment.  What differs: the search is CMA-ES from mean to mean, not a trial optimiser; numbers are kept in their ranges by a tanh. */
#include "matchbox/algo.h"
#include "matchbox/phase.h"
#include "matchbox/search.h"
#include <stdio.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    NUM(float, sigma, 0.5f, 1e-6f, 10, "first deviation of the search")                             \
    NUM(float, amplitude, 1, 0, 100, "greatest amplitude, of half the range of the action (with joints: rad)") \
    NUM(float, offset, 0.5f, 0, 100, "greatest offset, likewise")                                   \
    NUM(float, slowest, 0.02f, 0, 3.2f, "least speed of the phase, rad per step")                   \
    NUM(float, fastest, 1, 0, 3.2f, "and the greatest")                                             \
    LIST(joints, "", 0, 4096, "where in the observation the angle of each joint stands: targets of a spring, not actions") \
    LIST(speeds, "", 0, 4096, "and its speed")                                                      \
    NUM(float, stiffness, 1, 0, 1000, "of that spring, of half the range for each rad")             \
    NUM(float, damping, 0.1f, 0, 1000, "and its damping, for each rad/s")
MB_OPTIONS(oscillator, OPTIONS)

enum { PER_JOINT = 3, SHARED = 2, JOINTS = 64 }; /* amplitude, phase, offset; speed of swing and of stance */

/* an actor: phases of each joint of each row and the numbers they run on */
struct osc {
    const struct oscillator_options *o;
    int rows, n, params;
    double *phase;           /* [rows, n] */
    const double *numbers;   /* [rows or 1, params] */
    bool each;               /* every row has numbers of its own */
};

struct oscillator {
    mb_cma *cma;
    struct osc train, eval;
    double *loss;            /* [nenvs] */
    uint8_t *done;           /* [nenvs] */
};

static bool check(const void *options, const mb_env_shape *env, int nenvs, mb_error *err)
{
    const struct oscillator_options *o = options;
    int n = mb_space_nvalue(&env->act);
    if (n == 0 || mb_space_nindex(&env->act) > 0 || n > JOINTS)
        return mb_fail(err, MB_ERR_USAGE, "oscillator: needs continuous actions, %d at most; these have %d and %d discrete parts", JOINTS, n, mb_space_nindex(&env->act));
    if (env->nagents > 1) return mb_fail(err, MB_ERR_USAGE, "oscillator: one body at a time, not %d agents", env->nagents);
    if (env->time_limit == 0) return mb_fail(err, MB_ERR_USAGE, "oscillator: episodes must have a time limit");
    for (int i = 0; i < n; i++)
        if (env->act.nfields != 1 || !(env->act.field[0].low > -MB_INF || env->act.field[0].lows) || !(env->act.field[0].high < MB_INF || env->act.field[0].highs))
            return mb_fail(err, MB_ERR_USAGE, "oscillator: actions must be one box with finite bounds");
    if (nenvs < 2) return mb_fail(err, MB_ERR_RANGE, "oscillator: a generation has a member in each environment: --envs 2 or more");
    if (!o || (o->joints.n == 0 && o->speeds.n == 0)) return true;
    const mb_field *seen = &env->obs.field[0];
    if (o->joints.n != n || o->speeds.n != n || env->obs.nfields != 1 || seen->kind != MB_FIELD_BOX)
        return mb_fail(err, MB_ERR_RANGE, "oscillator: joints and speeds must name %d places each in one observed vector, not %d and %d", n, o->joints.n, o->speeds.n);
    for (int i = 0; i < n; i++)
        if (o->joints.v[i] >= seen->n || o->speeds.v[i] >= seen->n)
            return mb_fail(err, MB_ERR_RANGE, "oscillator: the observation has %d numbers: there is no place %d", seen->n, o->joints.v[i] >= seen->n ? o->joints.v[i] : o->speeds.v[i]);
    return true;
}

/* a number of the search as one between low and high */
static double within(double x, double low, double high)
{
    return low + 0.5 * (high - low) * (1 + mb_tanh64(x));
}

/* q = a sin(theta + phi) + b; theta moves by the speed of swing where the sine is positive, else by that of stance (eqs. 1 and 2) */
static float target(struct osc *s, int row, int j)
{
    const struct oscillator_options *o = s->o;
    const double *p = s->numbers + (s->each ? (size_t)row * (size_t)s->params : 0);
    double a = within(p[PER_JOINT * j], 0, (double)o->amplitude), phi = p[PER_JOINT * j + 1] * 3.141592653589793;
    double b = within(p[PER_JOINT * j + 2], -(double)o->offset, (double)o->offset), *theta = &s->phase[row * s->n + j];
    double wave = mb_sin64(*theta + phi), speed = p[PER_JOINT * s->n + (wave > 0 ? 0 : 1)];
    *theta += within(speed, (double)o->slowest, (double)o->fastest);
    return (float)(a * wave + b);
}

static bool act(void *self, mb_vec *vec, bool greedy, mb_error *err)
{
    struct osc *s = self;
    const mb_vec_view *w = mb_vec_view_of(vec);
    const mb_field *f = &mb_vec_shape(vec)->act.field[0];
    const float *seen = w->obs[0];
    int width = mb_vec_shape(vec)->obs.field[0].n;
    for (int r = 0; r < s->rows; r++)
        for (int j = 0; j < s->n; j++) {
            if (w->start[r]) s->phase[r * s->n + j] = 0;
            float low = f->lows ? f->lows[j] : f->low, high = f->highs ? f->highs[j] : f->high, q = target(s, r, j);
            if (s->o->joints.n) {
                float angle = seen[r * width + s->o->joints.v[j]], speed = seen[r * width + s->o->speeds.v[j]];
                q = s->o->stiffness * (q - angle) - s->o->damping * speed;
            }
            w->value[r * s->n + j] = mb_fmaf(0.5f * (high - low), mb__clampf(q, -1, 1), 0.5f * (high + low));
        }
    return true;
}

static bool prepare(struct osc *s, const mb_run *run, const struct oscillator_options *o, int rows, bool each, mb_error *err)
{
    int n = mb_space_nvalue(&mb_vec_shape(run->vec)->act);
    *s = (struct osc){ .o = o, .rows = rows, .n = n, .params = PER_JOINT * n + SHARED, .each = each };
    return (s->phase = mb_alloc(run->scope->arena, (size_t)(rows * n), sizeof *s->phase, err)) != NULL;
}

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct oscillator *s = self;
    const struct oscillator_options *o = options;
    int rows = mb_vec_view_of(run->vec)->nenvs;
    if (!prepare(&s->train, run, o, rows, true, err)) return false;
    s->loss = mb_alloc(run->scope->arena, (size_t)rows, sizeof *s->loss, err);
    s->done = mb_alloc(run->scope->arena, (size_t)rows, 1, err);
    s->cma = mb_cma_new(run->scope, "cma", s->train.params, rows, NULL, (double)o->sigma, err);
    return s->loss && s->done && s->cma;
}

/* One generation: a whole episode of every member; who ends early waits for the others. */
static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    struct oscillator *s = self;
    const mb_vec_view *w = mb_vec_view_of(run->vec);
    double sum = 0, best = 0;
    int left = w->nenvs;
    mb_phase_enter(run->scope->phases, MB_PHASE_ACT);
    s->train.numbers = mb_cma_ask(s->cma);
    memset(s->done, 0, (size_t)w->nenvs);
    if (!mb_vec_reset(run->vec, err)) return false;
    while (left > 0) {
        if (!act(&s->train, run->vec, true, err) || !mb_vec_step(run->vec, err)) return false;
        mb_report_episodes(run->metrics, run->vec);
        run->step += left;
        for (int i = 0; i < w->nenvs; i++) {
            if (s->done[i] || w->last_length[i] <= 0) continue;
            s->done[i] = 1;
            left--;
            s->loss[i] = -(double)w->last_return[i];
            sum -= s->loss[i];
            best = left == w->nenvs - 1 || -s->loss[i] > best ? -s->loss[i] : best;
        }
    }
    mb_cma_tell(s->cma, s->train.numbers, s->loss);
    mb_report(run->metrics, "search/return_mean", sum / w->nenvs);
    mb_report(run->metrics, "search/return_best", best);
    mb_report(run->metrics, "search/sigma", mb_cma_sigma(s->cma));
    return true;
}

static bool actor(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err)
{
    struct oscillator *s = self;
    if (!prepare(&s->eval, run, options, mb_vec_view_of(vec)->rows, false, err)) return false;
    s->eval.numbers = mb_cma_mean(s->cma);
    *out = (mb_actor){ &s->eval, act };
    return true;
}

MB_ALGO(oscillator) = {
    MB_ALGO_HEAD, .name = "oscillator", .summary = "open-loop baseline: a sine for every joint, found by CMA-ES",
    .paper = "arXiv:2310.05808", .state_size = sizeof(struct oscillator), MB_USE_OPTIONS(oscillator),
    .default_envs = 16, .default_steps = 1000000, .check = check, .setup = setup, .iterate = iterate, .actor = actor,
};
