/* Successive halving and population-based training: who goes on, who copies whom. */
#include "rl/tune.h"

static bool better(const double *value, int a, int b)
{
    double x = value[a], y = value[b];
    if (x != x || y != y) return x == x || (y != y && a < b);
    return x > y || (x == y && a < b);
}

void mb__rank(const double *value, int n, int *order)
{
    for (int i = 0; i < n; i++) {
        int at = i;
        for (; at > 0 && better(value, i, order[at - 1]); at--) order[at] = order[at - 1];
        order[at] = i;
    }
}

int mb__asha_rungs(int64_t least, int64_t most, int eta, int64_t *out, int cap)
{
    int n = 0;
    for (int64_t at = least; at < most && n < cap - 1; at = at > most / eta ? most : at * eta) out[n++] = at;
    out[n++] = most;
    return n;
}

int mb__asha_promote(const double *value, const bool *promoted, int n, int eta)
{
    int best = -1;
    for (int i = 0; i < n; i++) {
        int above = 0;
        if (promoted[i] || value[i] != value[i]) continue;
        for (int k = 0; k < n; k++) above += k != i && better(value, k, i);
        if (above < n / eta && (best < 0 || better(value, i, best))) best = i;
    }
    return best;
}

void mb__pbt_exploit(const double *value, int n, double fraction, mb_rng *r, int *parent)
{
    int cut = (int)(fraction * n + 1e-9);
    if (cut > n / 2) cut = n / 2;
    for (int i = 0; i < n; i++) {
        int above = 0;
        for (int k = 0; k < n; k++) above += k != i && better(value, k, i);
        parent[i] = i;
        if (above < n - cut) continue;
        int which = mb_below(r, cut); /* the one that `which` others are better than */
        for (int k = 0; k < n; k++) {
            int over = 0;
            for (int m = 0; m < n; m++) over += m != k && better(value, m, k);
            if (over == which) parent[i] = k;
        }
    }
}

double mb__pbt_explore(double value, double lo, double hi, double anew, mb_rng *r)
{
    int way = mb_below(r, 8); /* 0, 1: anew; 2..4: down; 5..7: up */
    double v = way < 2 ? anew : way < 5 ? 0.8 * value : 1.2 * value;
    return v < lo ? lo : v > hi ? hi : v;
}
