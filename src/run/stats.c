/* Aggregates of results and the small formulas of evaluation. */
#include "matchbox/stats.h"
#include <math.h>

/* Heap sort: no memory, no bad case. */
static void sift(double *x, int from, int n)
{
    double v = x[from];
    for (int child; (child = 2 * from + 1) < n; from = child) {
        if (child + 1 < n && x[child + 1] > x[child]) child++;
        if (x[child] <= v) break;
        x[from] = x[child];
    }
    x[from] = v;
}

void mb_sort(double *x, int n)
{
    for (int i = n / 2 - 1; i >= 0; i--) sift(x, i, n);
    for (int end = n - 1; end > 0; end--) {
        double greatest = x[0];
        x[0] = x[end];
        x[end] = greatest;
        sift(x, 0, end);
    }
}

double mb_stat_mean(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return n > 0 ? sum / n : (double)NAN;
}

double mb_stat_variance(const double *x, int n)
{
    double mean = mb_stat_mean(x, n), sum = 0;
    for (int i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return n > 1 ? sum / (n - 1) : (double)NAN;
}

double mb_stat_quantile(const double *sorted, int n, double q)
{
    if (n < 1) return (double)NAN;
    double at = q * (n - 1);
    int i = (int)at;
    if (i >= n - 1) return sorted[n - 1];
    return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

double mb_stat_median(double *x, int n)
{
    mb_sort(x, n);
    return mb_stat_quantile(x, n, 0.5);
}

double mb_stat_iqm(double *x, int n)
{
    mb_sort(x, n);
    int cut = n / 4;
    return mb_stat_mean(x + cut, n - 2 * cut);
}

double mb_optimality_gap(const double *x, int n, double target)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i] < target ? x[i] : target;
    return n > 0 ? target - sum / n : (double)NAN;
}

double mb_statistic_of(mb_statistic s, double *x, int n)
{
    return s == MB_STAT_MEAN ? mb_stat_mean(x, n) : s == MB_STAT_MEDIAN ? mb_stat_median(x, n) : mb_stat_iqm(x, n);
}

double mb_probability_of_improvement(const double *x, int nx, const double *y, int ny, int ntasks)
{
    double sum = 0;
    for (int t = 0; t < ntasks; t++)
        for (int i = 0; i < nx; i++)
            for (int j = 0; j < ny; j++) {
                double a = x[t * nx + i], b = y[t * ny + j];
                sum += a > b ? 1 : a < b ? 0 : 0.5;
            }
    return sum / ((double)nx * ny * ntasks);
}

void mb_performance_profile(const double *x, int n, const double *tau, int ntau, double *out)
{
    for (int k = 0; k < ntau; k++) {
        int above = 0;
        for (int i = 0; i < n; i++) above += x[i] > tau[k];
        out[k] = n > 0 ? (double)above / n : (double)NAN;
    }
}

double mb_pass_at_k(int n, int c, int k)
{
    if (n < 1 || c < 0 || c > n || k < 1 || k > n) return (double)NAN;
    if (n - c < k) return 1;
    double all_wrong = 1;
    for (int i = n - c + 1; i <= n; i++) all_wrong *= 1 - (double)k / i;
    return 1 - all_wrong;
}

bool mb_cohen_kappa(const int *a, const int *b, int n, int nlabels, mb_agreement *out, mb_error *err)
{
    if (n < 1 || nlabels < 1) return mb_fail(err, MB_ERR_USAGE, "kappa: needs items and labels, not %d and %d", n, nlabels);
    double same = 0, chance = 0;
    for (int i = 0; i < n; i++) {
        if (a[i] < 0 || a[i] >= nlabels || b[i] < 0 || b[i] >= nlabels)
            return mb_fail(err, MB_ERR_RANGE, "kappa: item %d: the labels %d and %d must lie in [0, %d]", i, a[i], b[i], nlabels - 1);
        same += a[i] == b[i];
    }
    for (int label = 0; label < nlabels; label++) {
        double in_a = 0, in_b = 0;
        for (int i = 0; i < n; i++) {
            in_a += a[i] == label;
            in_b += b[i] == label;
        }
        chance += in_a / n * (in_b / n);
    }
    *out = (mb_agreement){ same / n, chance, chance < 1 ? (same / n - chance) / (1 - chance) : (double)NAN };
    return true;
}
