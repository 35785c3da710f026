/* Finite Markov decision processes: the model of an environment, and exact dynamic programming on it. */
#include "matchbox/tabular.h"
#include <math.h>

enum { MAX_STATES = 1 << 24 };

bool mb_states_of(const char *who, const mb_env_shape *env, mb_states *out, mb_error *err)
{
    int64_t n = 1;
    *out = (mb_states){ .nfields = env->obs.nfields };
    for (int f = 0; f < env->obs.nfields; f++) {
        const mb_field *x = &env->obs.field[f];
        if (x->kind != MB_FIELD_DISCRETE)
            return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: needs discrete observations, and field %d%s%s is %s", who, f,
                           x->name ? " " : "", x->name ? x->name : "", x->kind == MB_FIELD_BOX ? "a box" : "an image");
        out->radix[f] = x->n;
        n *= x->n;
        if (n > MAX_STATES)
            return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: more than %d states do not fit a table", who, (int)MAX_STATES);
    }
    out->n = (int)n;
    return true;
}

int mb_state_at(const mb_states *s, void *const obs[], int row)
{
    int state = 0;
    for (int f = 0; f < s->nfields; f++) state = state * s->radix[f] + ((const int32_t *)obs[f])[row];
    return state;
}

bool mb_tabular_check(const char *who, const mb_env_shape *env, mb_error *err)
{
    mb_states states;
    if (env->nagents != 1)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: learns for one agent, and this environment has %d", who, env->nagents);
    if (env->act.nfields != 1 || env->act.field[0].kind != MB_FIELD_DISCRETE)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: needs one discrete action", who);
    return mb_states_of(who, env, &states, err);
}

/* ---- models ---- */

static bool check_pair(const mb_mdp *m, const char *env, int s, int a, const mb_outcome *o, int n, mb_error *err)
{
    double sum = 0;
    for (int i = 0; i < n; i++) {
        bool finite = isfinite(o[i].reward);
        if (o[i].next < 0 || o[i].next >= m->nstates || !finite || !(o[i].p >= 0))
            return mb_fail(err, MB_ERR_ENV, "environment '%s': model of state %d, action %d: outcome %d (p %g, next %d, reward %g) is "
                           "not possible with %d states", env, s, a, i, o[i].p, o[i].next, (double)o[i].reward, m->nstates);
        sum += o[i].p;
    }
    if (n > 0 && !(sum > 1 - 1e-9 && sum < 1 + 1e-9))
        return mb_fail(err, MB_ERR_ENV, "environment '%s': model of state %d, action %d: probabilities add up to %.12g, not 1", env,
                       s, a, sum);
    return true;
}

static bool read_outcomes(mb_mdp *m, mb_arena *arena, const mb_env_def *def, const void *options, mb_error *err)
{
    int pairs = m->nstates * m->nactions, total = 0;
    for (int i = 0; i < pairs; i++) {
        m->first[i] = total;
        total += def->model(options, i / m->nactions, i % m->nactions, NULL, 0);
    }
    m->first[pairs] = total;
    m->outcome = mb_alloc(arena, (size_t)total, sizeof *m->outcome, err);
    for (int i = 0; m->outcome && i < pairs; i++) {
        int s = i / m->nactions, a = i % m->nactions, n = m->first[i + 1] - m->first[i];
        def->model(options, s, a, m->outcome + m->first[i], n);
        if (!check_pair(m, def->name, s, a, m->outcome + m->first[i], n, err)) return false;
    }
    return m->outcome != NULL;
}

static bool read_start(mb_mdp *m, mb_arena *arena, const mb_env_def *def, const void *options, mb_error *err)
{
    int n = def->model(options, MB_MODEL_RESET, 0, NULL, 0);
    if (n < 1) return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: offers no exact model with these options", def->name);
    m->start = mb_alloc(arena, (size_t)m->nstates, sizeof *m->start, err);
    size_t mark = mb_arena_mark(arena);
    mb_outcome *o = mb_alloc(arena, (size_t)n, sizeof *o, err);
    if (!m->start || !o) return false;
    def->model(options, MB_MODEL_RESET, 0, o, n);
    bool ok = check_pair(m, def->name, MB_MODEL_RESET, 0, o, n, err);
    for (int i = 0; ok && i < n; i++) m->start[o[i].next] += o[i].p;
    mb_arena_release(arena, mark);
    return ok;
}

bool mb_mdp_of_env(mb_mdp *out, mb_arena *a, const mb_env_def *def, const void *options, mb_error *err)
{
    mb_env_shape shape;
    mb_states states;
    if (!mb_env_shape_of(def, options, &shape, err) || !mb_tabular_check(def->name, &shape, err)) return false;
    if (!def->model)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: offers no exact model (mb_env_def.model); learn from samples instead, "
                       "for example with q-learning", def->name);
    if (!mb_states_of(def->name, &shape, &states, err)) return false;
    *out = (mb_mdp){ .nstates = states.n, .nactions = shape.act.field[0].n };
    size_t pairs;
    if (!mb_size_mul((size_t)out->nstates, (size_t)out->nactions, &pairs) || pairs > MAX_STATES)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: %d states of %d actions are too many for exact methods", def->name,
                       out->nstates, out->nactions);
    out->first = mb_alloc(a, pairs + 1, sizeof *out->first, err);
    return out->first && read_outcomes(out, a, def, options, err) && read_start(out, a, def, options, err);
}

bool mb_mdp_exists(const mb_mdp *m, int s) { return m->first[s * m->nactions] < m->first[(s + 1) * m->nactions]; }

void mb_mdp_reachable(const mb_mdp *m, double *reach)
{
    for (int s = 0; s < m->nstates; s++) reach[s] = m->start[s] > 0;
    for (bool grown = true; grown;) {
        grown = false;
        for (int s = 0; s < m->nstates; s++) {
            if (!(reach[s] > 0)) continue;
            int first = m->first[s * m->nactions], last = m->first[(s + 1) * m->nactions];
            for (const mb_outcome *o = m->outcome + first, *end = m->outcome + last; o < end; o++) {
                if (o->terminated || !(o->p > 0) || reach[o->next] > 0) continue;
                reach[o->next] = 1;
                grown = true;
            }
        }
    }
}

double mb_mdp_backup(const mb_mdp *m, double gamma, const double *v, int s, int a)
{
    double q = 0;
    int i = s * m->nactions + a;
    for (const mb_outcome *o = m->outcome + m->first[i], *end = m->outcome + m->first[i + 1]; o < end; o++)
        q += o->p * ((double)o->reward + (o->terminated ? 0 : gamma * v[o->next]));
    return q;
}

/* ---- dynamic programming ---- */

double mb_value_sweep(const mb_mdp *m, double gamma, double *v, double *q)
{
    double largest = 0;
    for (int s = 0; s < m->nstates; s++) {
        if (!mb_mdp_exists(m, s)) continue;
        double best = -(double)INFINITY;
        for (int a = 0; a < m->nactions; a++) {
            if (!mb_mdp_allows(m, s, a)) continue;
            double value = mb_mdp_backup(m, gamma, v, s, a);
            if (q) q[s * m->nactions + a] = value;
            if (value > best) best = value;
        }
        double change = fabs(best - v[s]);
        if (change > largest) largest = change;
        v[s] = best;
    }
    return largest;
}

int mb_value_iteration(const mb_mdp *m, double gamma, double tolerance, int max_sweeps, double *v, double *q)
{
    for (int i = 1; i <= max_sweeps; i++)
        if (mb_value_sweep(m, gamma, v, q) <= tolerance) return i;
    return max_sweeps;
}

static int count_allowed(const mb_mdp *m, int s)
{
    int n = 0;
    for (int a = 0; a < m->nactions; a++) n += mb_mdp_allows(m, s, a);
    return n;
}

void mb_uniform_policy(const mb_mdp *m, double *policy)
{
    for (int s = 0; s < m->nstates; s++) {
        int n = count_allowed(m, s);
        for (int a = 0; a < m->nactions; a++) policy[s * m->nactions + a] = mb_mdp_allows(m, s, a) ? 1.0 / n : 0;
    }
}

double mb_policy_sweep(const mb_mdp *m, const double *policy, double gamma, double *v)
{
    double largest = 0;
    for (int s = 0; s < m->nstates; s++) {
        if (!mb_mdp_exists(m, s)) continue;
        double value = 0;
        for (int a = 0; a < m->nactions; a++) {
            double p = policy[s * m->nactions + a];
            if (p > 0) value += p * mb_mdp_backup(m, gamma, v, s, a);
        }
        double change = fabs(value - v[s]);
        if (change > largest) largest = change;
        v[s] = value;
    }
    return largest;
}

/* Row s of [I - gamma P | r] under the policy. */
static void fill_row(const mb_mdp *m, const double *policy, double gamma, int s, double *row)
{
    for (int j = 0; j <= m->nstates; j++) row[j] = 0;
    row[s] = 1;
    for (int a = 0; a < m->nactions; a++) {
        int i = s * m->nactions + a;
        if (!(policy[i] > 0)) continue;
        for (const mb_outcome *o = m->outcome + m->first[i], *end = m->outcome + m->first[i + 1]; o < end; o++) {
            row[m->nstates] += policy[i] * o->p * (double)o->reward;
            if (!o->terminated) row[o->next] -= gamma * policy[i] * o->p;
        }
    }
}

/* Bring the row with the largest entry of column k to row k; its size, so that the caller can refuse a tiny one. */
static double pivot(double *x, int n, int k)
{
    size_t stride = (size_t)n + 1;
    int best = k;
    for (int i = k + 1; i < n; i++)
        if (fabs(x[(size_t)i * stride + (size_t)k]) > fabs(x[(size_t)best * stride + (size_t)k])) best = i;
    for (int j = k; best != k && j <= n; j++) {
        double t = x[(size_t)k * stride + (size_t)j];
        x[(size_t)k * stride + (size_t)j] = x[(size_t)best * stride + (size_t)j];
        x[(size_t)best * stride + (size_t)j] = t;
    }
    return fabs(x[(size_t)k * stride + (size_t)k]);
}

bool mb_policy_value(const mb_mdp *m, const double *policy, double gamma, double *v, double *work, mb_error *err)
{
    int n = m->nstates;
    size_t stride = (size_t)n + 1;
    for (int s = 0; s < n; s++) fill_row(m, policy, gamma, s, work + (size_t)s * stride);
    for (int k = 0; k < n; k++) {
        if (pivot(work, n, k) < 1e-12)
            return mb_fail(err, MB_ERR_NUMERIC, "policy evaluation: with gamma %g the policy may run for ever (found at state %d), so it "
                           "has no finite value; use a gamma below 1", gamma, k);
        const double *top = work + (size_t)k * stride;
        for (int i = k + 1; i < n; i++) {
            double *row = work + (size_t)i * stride, f = row[k] / top[k];
            if (f == 0) continue; /* models are sparse */
            for (int j = k; j <= n; j++) row[j] -= f * top[j];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        const double *row = work + (size_t)k * stride;
        double sum = row[n];
        for (int j = k + 1; j < n; j++) sum -= row[j] * v[j];
        v[k] = sum / row[k];
    }
    return true;
}

int mb_policy_improve(const mb_mdp *m, double gamma, const double *v, double slack, double *policy, double *q)
{
    int changed = 0;
    for (int s = 0; s < m->nstates; s++) {
        if (!mb_mdp_exists(m, s)) continue;
        double *p = policy + (size_t)s * (size_t)m->nactions, top = -(double)INFINITY, now = -(double)INFINITY;
        int best = 0, present = -1;
        for (int a = 0; a < m->nactions; a++) {
            if (!mb_mdp_allows(m, s, a)) continue;
            double value = mb_mdp_backup(m, gamma, v, s, a);
            if (q) q[s * m->nactions + a] = value;
            if (value > top) { top = value; best = a; }
            if (p[a] == 1) { present = a; now = value; }
        }
        if (present >= 0 && now >= top - slack) continue;
        for (int a = 0; a < m->nactions; a++) p[a] = a == best;
        changed++;
    }
    return changed;
}
