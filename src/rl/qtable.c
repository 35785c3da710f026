/* Tables of action values: choosing from them and moving them. */
#include "matchbox/tabular.h"
#include <stdio.h>

static bool allows(const uint8_t *mask, int a) { return !mask || mask[a]; }

/* A mask that forbids everything counts as none (a waiting agent's). */
static const uint8_t *useful(const uint8_t *mask, int n)
{
    for (int a = 0; mask && a < n; a++)
        if (mask[a]) return mask;
    return NULL;
}

int mb_greedy(const double *q, const uint8_t *mask, int n, mb_rng *ties)
{
    int best = -1, equals = 0;
    mask = useful(mask, n);
    for (int a = 0; a < n; a++) {
        if (!allows(mask, a)) continue;
        if (best < 0 || q[a] > q[best]) {
            best = a;
            equals = 1;
        } else if (q[a] == q[best]) {
            equals++;
        }
    }
    if (!ties || equals < 2) return best;
    double top = q[best];
    int skip = mb_below(ties, equals);
    for (int a = best; a < n; a++)
        if (allows(mask, a) && q[a] == top && skip-- == 0) return a;
    return best;
}

int mb_random_action(const uint8_t *mask, int n, mb_rng *rng)
{
    int count = 0;
    mask = useful(mask, n);
    for (int a = 0; a < n; a++) count += allows(mask, a);
    int skip = mb_below(rng, count), a = 0;
    while (!allows(mask, a) || skip-- > 0) a++;
    return a;
}

int mb_epsilon_greedy(const double *q, const uint8_t *mask, int n, double epsilon, mb_rng *rng)
{
    return mb_uniform64(rng) >= epsilon ? mb_greedy(q, mask, n, rng) : mb_random_action(mask, n, rng);
}

double mb_max_value(const double *q, const uint8_t *mask, int n) { return q[mb_greedy(q, mask, n, NULL)]; }

double mb_expected_value(const double *q, const uint8_t *mask, int n, double epsilon)
{
    double sum = 0;
    int count = 0;
    mask = useful(mask, n);
    for (int a = 0; a < n; a++)
        if (allows(mask, a)) {
            sum += q[a];
            count++;
        }
    return (1 - epsilon) * mb_max_value(q, mask, n) + epsilon * (sum / count);
}

double mb_step_size(mb_step_rule rule, int64_t n)
{
    if (rule.decay == 0) return rule.alpha;
    double ratio = (rule.after + 1) / (rule.after + (double)n);
    return rule.alpha * (rule.decay == 1 ? ratio : mb_pow64(ratio, rule.decay));
}

static bool keep(mb_scope *s, const char *name, const char *part, void *data, size_t bytes, mb_error *err)
{
    char full[64];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return !s->store || mb_keep(s->store, full, data, bytes, err);
}

bool mb_qtable_new(mb_qtable *t, mb_scope *s, const char *name, const mb_vec *vec, double initial, mb_error *err)
{
    const mb_env_shape *shape = mb_vec_shape(vec);
    if (!mb_tabular_check(name, shape, err) || !mb_states_of(name, shape, &t->states, err)) return false;
    t->nactions = shape->act.field[0].n;
    t->rows = mb_vec_view_of(vec)->rows;
    t->rng = mb_rng_make(s->seed, name, 0);
    size_t pairs;
    if (!mb_size_mul((size_t)t->states.n, (size_t)t->nactions, &pairs))
        return mb_fail(err, MB_ERR_MEMORY, "%s: %d states of %d actions do not fit", name, t->states.n, t->nactions);
    t->q = mb_alloc(s->arena, pairs, sizeof *t->q, err);
    t->visits = mb_alloc(s->arena, pairs, sizeof *t->visits, err);
    t->state = mb_alloc(s->arena, (size_t)t->rows, sizeof *t->state, err);
    t->action = mb_alloc(s->arena, (size_t)t->rows, sizeof *t->action, err);
    if (!t->q || !t->visits || !t->state || !t->action) return false;
    for (size_t i = 0; i < pairs; i++) t->q[i] = initial;
    return keep(s, name, "q", t->q, pairs * sizeof *t->q, err) && keep(s, name, "visits", t->visits, pairs * sizeof *t->visits, err) &&
           keep(s, name, "rng", &t->rng, sizeof t->rng, err);
}

void mb_qtable_act(mb_qtable *t, mb_vec *vec, double epsilon)
{
    mb_vec_view *v = mb_vec_view_of(vec);
    for (int row = 0; row < v->rows; row++) {
        int s = mb_state_at(&t->states, v->obs, row);
        const uint8_t *mask = v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL;
        t->state[row] = s;
        v->index[row] = t->action[row] = mb_epsilon_greedy(mb_qtable_at(t, s), mask, t->nactions, epsilon, &t->rng);
    }
}

void mb_qtable_act_greedy(const mb_qtable *t, mb_vec *vec)
{
    mb_vec_view *v = mb_vec_view_of(vec);
    for (int row = 0; row < v->rows; row++) {
        const uint8_t *mask = v->mask ? v->mask + (size_t)row * (size_t)v->nmask : NULL;
        v->index[row] = mb_greedy(mb_qtable_at(t, mb_state_at(&t->states, v->obs, row)), mask, t->nactions, NULL);
    }
}

double mb_qtable_learn(mb_qtable *t, int state, int action, double target, mb_step_rule step)
{
    size_t i = (size_t)state * (size_t)t->nactions + (size_t)action;
    double error = target - t->q[i];
    t->visits[i]++;
    t->q[i] += mb_step_size(step, t->visits[i]) * error;
    return error;
}

mb_after mb_state_after(const mb_states *s, const mb_vec_view *view, int row)
{
    int env = row / view->nagents;
    mb_after x = { .terminated = view->terminated[env], .ended = view->terminated[env] || view->truncated[env] };
    x.state = mb_state_at(s, x.ended ? view->final_obs : view->obs, row);
    if (!x.ended && view->mask) x.mask = view->mask + (size_t)row * (size_t)view->nmask;
    return x;
}
