/* two_atom.c - dynamic programming with two atoms per state: the mean of the worst share of outcomes, and of the rest. */
#include "matchbox/distributional.h"

/* Indices of x in ascending order, equals in their own order (heapsort would not keep it; n is the number of outcomes). */
static void sort(const double *x, int n, int *order)
{
    for (int i = 0; i < n; i++) {
        int k = i;
        for (; k > 0 && x[order[k - 1]] > x[i]; k--) order[k] = order[k - 1];
        order[k] = i;
    }
}

void mb_two_atoms(const double *x, const double *p, int n, double alpha, int *order, double *low, double *high)
{
    double left = alpha, worst = 0, rest = 0;
    sort(x, n, order);
    for (int i = 0; i < n; i++) {
        double mass = p[order[i]], part = mass < left ? mass : left;
        if (i == n - 1 && left > 0) part = left; /* rounding: masses add up to 1 */
        worst += part * x[order[i]];
        rest += (mass - part) * x[order[i]];
        left -= part;
    }
    *low = worst / alpha;
    *high = rest / (1 - alpha);
}

bool mb_two_atom_new(mb_two_atom *d, mb_arena *a, const mb_mdp *m, double alpha, double gamma, mb_error *err)
{
    if (!(alpha > 0 && alpha < 1)) return mb_fail(err, MB_ERR_RANGE, "two atoms: the worst share must lie between 0 and 1, not %g", alpha);
    size_t n = (size_t)m->nstates;
    *d = (mb_two_atom){ .alpha = alpha, .gamma = gamma };
    for (int s = 0; s < m->nstates; s++) {
        int outcomes = m->first[(s + 1) * m->nactions] - m->first[s * m->nactions];
        if (2 * outcomes > d->room) d->room = 2 * outcomes;
    }
    return (d->low = mb_alloc(a, n, sizeof(double), err)) && (d->high = mb_alloc(a, n, sizeof(double), err)) &&
           (d->x = mb_alloc(a, (size_t)d->room, sizeof(double), err)) && (d->p = mb_alloc(a, (size_t)d->room, sizeof(double), err)) &&
           (d->order = mb_alloc(a, (size_t)d->room, sizeof(int), err));
}

/* The atoms of an action's outcomes, weighted, behind the n that are there; returns how many there are now. */
static int pool(mb_two_atom *d, const mb_mdp *m, int s, int a, double weight, int n)
{
    int pair = s * m->nactions + a;
    for (int i = m->first[pair]; i < m->first[pair + 1]; i++) {
        const mb_outcome *o = &m->outcome[i];
        double go = o->terminated ? 0 : d->gamma;
        d->x[n] = (double)o->reward + go * d->low[o->next], d->p[n++] = weight * o->p * d->alpha;
        d->x[n] = (double)o->reward + go * d->high[o->next], d->p[n++] = weight * o->p * (1 - d->alpha);
    }
    return n;
}

void mb_two_atom_action(mb_two_atom *d, const mb_mdp *m, int s, int a, double *low, double *high)
{
    mb_two_atoms(d->x, d->p, pool(d, m, s, a, 1, 0), d->alpha, d->order, low, high);
}

static double larger_change(double most, double before, double after)
{
    double change = __builtin_fabs(after - before);
    return change > most ? change : most;
}

static double adopt(mb_two_atom *d, int n, const double *low, const double *high)
{
    double most = 0;
    for (int s = 0; s < n; s++) {
        most = larger_change(larger_change(most, d->low[s], low[s]), d->high[s], high[s]);
        d->low[s] = low[s];
        d->high[s] = high[s];
    }
    return most;
}

double mb_two_atom_sweep(mb_two_atom *d, const mb_mdp *m, const double *policy, double *next_low, double *next_high)
{
    for (int s = 0; s < m->nstates; s++) {
        int n = 0;
        for (int a = 0; a < m->nactions; a++)
            if (mb_mdp_allows(m, s, a) && policy[s * m->nactions + a] > 0) n = pool(d, m, s, a, policy[s * m->nactions + a], n);
        next_low[s] = next_high[s] = 0;
        if (n) mb_two_atoms(d->x, d->p, n, d->alpha, d->order, &next_low[s], &next_high[s]);
    }
    return adopt(d, m->nstates, next_low, next_high);
}

int mb_two_atom_control(mb_two_atom *d, const mb_mdp *m, const double *q, double slack, bool safe, double tolerance, int max_sweeps,
                        double *policy, double *next_low, double *next_high)
{
    int sweeps = 0;
    for (double change = tolerance + 1; change > tolerance && sweeps < max_sweeps; sweeps++) {
        for (int s = 0; s < m->nstates; s++) {
            double best = 0, low, high;
            int choice = -1;
            next_low[s] = next_high[s] = 0;
            for (int a = 0; a < m->nactions; a++)
                if (mb_mdp_allows(m, s, a) && (choice < 0 || q[s * m->nactions + a] > best)) best = q[s * m->nactions + (choice = a)];
            if (choice < 0) continue;
            choice = -1;
            for (int a = 0; a < m->nactions; a++) {
                policy[s * m->nactions + a] = 0;
                if (!mb_mdp_allows(m, s, a) || q[s * m->nactions + a] < best - slack) continue;
                mb_two_atom_action(d, m, s, a, &low, &high);
                if (choice >= 0 && !(safe ? low > next_low[s] + slack : high > next_high[s] + slack)) continue;
                next_low[s] = low, next_high[s] = high, choice = a;
            }
            policy[s * m->nactions + choice] = 1;
        }
        change = adopt(d, m->nstates, next_low, next_high);
    }
    return sweeps;
}
