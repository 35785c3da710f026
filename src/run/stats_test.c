/* Tests of differences: signs at random, Welch's t, Holm's correction; Student's distribution. */
#include "matchbox/math.h"
#include "matchbox/stats.h"
#include <math.h>

enum { EXACT_PAIRS = 16, PATTERNS = 100000, HOLM_MAX = 64 };

/* ---- paired permutation ---- */

struct tally { double observed, slack; int64_t above, below; };

static void count(struct tally *c, double sum)
{
    c->above += sum >= c->observed - c->slack; /* equal up to the rounding of another order of addition */
    c->below += sum <= c->observed + c->slack;
}

static double p_of(double above, double below, mb_alternative alternative)
{
    if (alternative == MB_GREATER) return above;
    if (alternative == MB_LESS) return below;
    return fmin(1, 2 * fmin(above, below));
}

/* The sums of d with every pattern of signs; bit i of the index turns d[i]. */
static void signed_sums(const double *d, int n, double *sums)
{
    sums[0] = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 1 << i; k++) {
            sums[k | 1 << i] = sums[k] - d[i];
            sums[k] += d[i];
        }
}

/* All patterns at one addition each: every sum of the first half of the differences meets every sum of the second. */
static void count_exact(struct tally *c, const double *d, int n)
{
    double first[1 << EXACT_PAIRS / 2], second[1 << EXACT_PAIRS / 2];
    int half = n / 2;
    signed_sums(d, half, first);
    signed_sums(d + half, n - half, second);
    for (int i = 0; i < 1 << half; i++)
        for (int k = 0; k < 1 << (n - half); k++) count(c, first[i] + second[k]);
}

double mb_permutation_test(const double *d, int n, mb_alternative alternative, uint64_t seed)
{
    struct tally c = { 0 };
    double size = 0;
    if (n < 1) return (double)NAN;
    for (int i = 0; i < n; i++) {
        c.observed += d[i];
        size += d[i] < 0 ? -d[i] : d[i];
    }
    c.slack = 1e-13 * size;
    if (n <= EXACT_PAIRS) {
        int patterns = 1 << n;
        count_exact(&c, d, n);
        return p_of((double)c.above / patterns, (double)c.below / patterns, alternative);
    }
    mb_rng rng = mb_rng_make(seed, "permutation", 0);
    for (int k = 0; k < PATTERNS; k++) {
        double sum = 0;
        uint32_t signs = 0;
        for (int i = 0; i < n; i++, signs >>= 1) {
            if (i % 32 == 0) signs = mb_rand(&rng);
            sum += (signs & 1) ? -d[i] : d[i];
        }
        count(&c, sum);
    }
    return p_of((double)(c.above + 1) / (PATTERNS + 1), (double)(c.below + 1) / (PATTERNS + 1), alternative);
}

/* ---- Student's distribution, by the incomplete beta function ---- */

/* Logarithm of the gamma function for x > 0: Stirling's series behind a recurrence that lifts x to 10. */
static double log_gamma(double x)
{
    double product = 1;
    for (; x < 10; x += 1) product *= x;
    double z = 1 / (x * x);
    double series = (1.0 / 12 - z * (1.0 / 360 - z * (1.0 / 1260 - z * (1.0 / 1680 - z * (1.0 / 1188 - z * 691.0 / 360360))))) / x;
    return (x - 0.5) * mb_log64(x) - x + 0.91893853320467274178 + series - mb_log64(product);
}

/* Lentz's evaluation of the continued fraction; converges quickly for x < (a + 1) / (a + b + 2). */
static double beta_fraction(double a, double b, double x)
{
    const double tiny = 1e-300;
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m < 10000; m++) {
        double up = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        double down = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        for (int half = 0; half < 2; half++) {
            double t = half ? down : up;
            d = 1 + t * d;
            c = 1 + t / c;
            d = 1 / (fabs(d) < tiny ? tiny : d);
            if (fabs(c) < tiny) c = tiny;
            h *= d * c;
        }
        if (fabs(d * c - 1) < 1e-16) break;
    }
    return h;
}

/* I_x(a, b), given 1 - x as well so that nothing is lost near either end */
static double incomplete_beta(double a, double b, double x, double rest)
{
    if (x <= 0) return 0;
    if (rest <= 0) return 1;
    double front = mb_exp64(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * mb_log64(x) + b * mb_log64(rest));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, rest) / b;
}

/* P(T > t) for t >= 0 */
static double upper_tail(double t, double degrees)
{
    double square = t * t;
    if (isinf(square)) return 0;
    return 0.5 * incomplete_beta(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square));
}

double mb_student_cdf(double t, double degrees)
{
    if (!(degrees > 0) || t != t) return (double)NAN;
    return t < 0 ? upper_tail(-t, degrees) : 1 - upper_tail(t, degrees);
}

double mb_student_quantile(double q, double degrees)
{
    if (!(q > 0 && q < 1) || !(degrees > 0)) return (double)NAN;
    bool left = q < 0.5;
    double tail = left ? q : 1 - q, low = 0, high = 1;
    while (upper_tail(high, degrees) > tail && high < 1e150) high *= 2;
    for (int i = 0; i < 200 && low < high; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high) break;
        if (upper_tail(middle, degrees) > tail) low = middle;
        else high = middle;
    }
    double t = low + (high - low) / 2;
    return left ? -t : t;
}

mb_welch mb_welch_test(const double *x, int nx, const double *y, int ny, mb_alternative alternative)
{
    double vx = mb_stat_variance(x, nx) / nx, vy = mb_stat_variance(y, ny) / ny, both = vx + vy;
    if (!(both > 0)) return (mb_welch){ (double)NAN, (double)NAN, (double)NAN };
    double t = (mb_stat_mean(x, nx) - mb_stat_mean(y, ny)) / sqrt(both);
    double degrees = both * both / (vx * vx / (nx - 1) + vy * vy / (ny - 1));
    double above = t > 0 ? upper_tail(t, degrees) : 1 - upper_tail(-t, degrees);
    return (mb_welch){ t, degrees, p_of(above, t > 0 ? 1 - above : upper_tail(-t, degrees), alternative) };
}

void mb_holm(const double *p, int n, double *adjusted)
{
    int order[HOLM_MAX];
    double out[HOLM_MAX], least = 0;
    MB_ASSERT(n <= HOLM_MAX);
    for (int i = 0; i < n; i++) { /* insertion sort: equal values keep their order */
        int k = i;
        for (; k > 0 && p[order[k - 1]] > p[i]; k--) order[k] = order[k - 1];
        order[k] = i;
    }
    for (int i = 0; i < n; i++) {
        least = fmax(least, fmin(1, (n - i) * p[order[i]]));
        out[order[i]] = least;
    }
    for (int i = 0; i < n; i++) adjusted[i] = out[i];
}
