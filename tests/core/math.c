/* matchbox/math.h against libm one precision higher: the errors that the header promises, and the special values. */
#include "matchbox/math.h"
#include "mb_test.h"
#include <float.h>
#include <stdint.h>

/* error of `got` in units of the last of `bits` places of the exact value */
static double ulps(double got, long double want, int bits, int lowest)
{
    int e;
    if (isnan(want)) return isnan(got) ? 0.0 : 1e9;
    if (isnan(got)) return 1e9;
    if (isinf(got) || isinf(want)) return (long double)got == want ? 0.0 : 1e9;
    (void)frexpl(fabsl(want), &e);
    e = e - bits < lowest ? lowest : e - bits;
    return (double)(fabsl((long double)got - want) / ldexpl(1.0L, e));
}
static double ulps_float(float got, double want)
{
    if (isinf(got) && fabs(want) > (double)FLT_MAX) return (got > 0) == (want > 0) ? 0.0 : 1e9;
    return ulps((double)got, (long double)want, 24, -149);
}
static double ulps_double(double got, long double want)
{
    if (isinf(got) && fabsl(want) > (long double)DBL_MAX) return (got > 0) == (want > 0) ? 0.0 : 1e9;
    return ulps(got, want, 53, -1074);
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* the largest error over every 2503rd float of [lo, hi], both signs, and NaN */
static double worst_float(float (*f)(float), double (*exact)(double), double lo, double hi)
{
    double worst = 0;
    for (uint64_t bits = 0; bits < 1ull << 32; bits += 2503) {
        float x = float_of((uint32_t)bits);
        if (!isnan(x) && !((double)x >= lo && (double)x <= hi)) continue;
        double u = ulps_float(f(x), exact((double)x));
        if (u > worst) worst = u;
    }
    return worst;
}
static double sigmoid(double x) { return 1.0 / (1.0 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }
static double silu(double x) { return x / (1.0 + exp(-x)); }
static double gelu(double x) { return x / (1.0 + exp(-2.0 * 0.79788456080286535588 * (x + 0.044715 * x * x * x))); }

TEST(float_errors)
{
    CHECK_NEAR(worst_float(mb_sinf, sin, -1e5, 1e5), 0, 1.6);
    CHECK_NEAR(worst_float(mb_cosf, cos, -1e5, 1e5), 0, 1.6);
    CHECK_NEAR(worst_float(mb_sinf, sin, -4e6, 4e6), 0, 8);
    CHECK_NEAR(worst_float(mb_cosf, cos, -4e6, 4e6), 0, 8);
    CHECK_NEAR(worst_float(mb_expf, exp, -HUGE_VAL, HUGE_VAL), 0, 1.0);
    CHECK_NEAR(worst_float(mb_logf, log, -HUGE_VAL, HUGE_VAL), 0, 1.0);
    CHECK_NEAR(worst_float(mb_tanhf, tanh, -1.0, 1.0), 0, 3.3);
    CHECK_NEAR(worst_float(mb_tanhf, tanh, -HUGE_VAL, HUGE_VAL), 0, 5.3);
    CHECK_NEAR(worst_float(mb_sigmoidf, sigmoid, -88.0, HUGE_VAL), 0, 2.5);
    CHECK_NEAR(worst_float(mb_siluf, silu, -88.0, 1e38), 0, 2.5);
    CHECK_NEAR(worst_float(mb_softplusf, softplus, -87.0, HUGE_VAL), 0, 2.5);
}

TEST(gelu_error)
{
    for (double x = -12; x < 12; x += 1e-4) {
        float at = (float)x;
        CHECK_NEAR(mb_geluf(at), gelu((double)at), 2.4e-7 * fmax(fabs(gelu((double)at)), fabs(x) / 4));
    }
}

TEST(tanh_stays_inside)
{
    float last = 0.0f;
    for (uint32_t bits = 0; bits <= 0x7f800000u; bits += 211) {
        float x = float_of(bits), y = mb_tanhf(x);
        CHECK(y < 1.0f && mb_tanhf(-x) == -y && y >= last - 6e-7f);
        last = y;
    }
    CHECK(mb_tanh64(30.0) == 1.0 && mb_tanh64(-1e300) == -1.0);
}

TEST(small_angles_need_no_reduction)
{
    int different = 0;
    for (float x = 1e-38f; x <= 0.78f; x *= 1.00003f)
        different += mb__sin_smallf(x) != mb_sinf(x) || mb__sin_smallf(-x) != mb_sinf(-x) || mb__cos_smallf(x) != mb_cosf(x);
    CHECK(different == 0 && mb__sin_smallf(0.78f) == mb_sinf(0.78f) && mb__cos_smallf(0.78f) == mb_cosf(0.78f));
}

TEST(float_special_values)
{
    CHECK(mb_expf(-INFINITY) == 0.0f && mb_expf(INFINITY) == INFINITY && mb_expf(0.0f) == 1.0f && mb_expf(89.0f) == INFINITY);
    CHECK(mb_logf(0.0f) == -INFINITY && mb_logf(-0.0f) == -INFINITY && isnan(mb_logf(-1.0f)) && mb_logf(1.0f) == 0.0f);
    CHECK(mb_logf(INFINITY) == INFINITY && isnan(mb_logf(-INFINITY)));
    CHECK(signbit(mb_sinf(-0.0f)) && signbit(mb_tanhf(-0.0f)) && mb_cosf(0.0f) == 1.0f);
    CHECK(isnan(mb_sinf(INFINITY)) && isnan(mb_cosf(-INFINITY)));
    CHECK(mb_sigmoidf(INFINITY) == 1.0f && mb_sigmoidf(-INFINITY) == 0.0f && mb_sigmoidf(0.0f) == 0.5f);
    CHECK(mb_softplusf(INFINITY) == INFINITY && mb_softplusf(-INFINITY) == 0.0f);
    for (float x = 1e6f; x < 1e38f; x *= 1.7f) CHECK(fabsf(mb_sinf(x)) <= 1.0f && fabsf(mb_cosf(-x)) <= 1.0f);
}

/* ---- two arguments and double: random arguments from a small generator of its own ---- */

static uint64_t state = 88172645463325252ull;
static double uniform(double a, double b)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return a + (b - a) * (double)(state >> 11) * 0x1p-53;
}

static double worst_double(double (*f)(double), long double (*exact)(long double), double lo, double hi)
{
    double worst = 0;
    for (int i = 0; i < 200000; i++) {
        double x = uniform(lo, hi);
        if (i % 4 == 0) x *= exp(uniform(-40, 0));
        double u = ulps_double(f(x), exact((long double)x));
        if (u > worst) worst = u;
    }
    return worst;
}

TEST(double_errors)
{
#if LDBL_MANT_DIG < 64
    return; /* nothing here is more precise */
#endif
    CHECK_NEAR(worst_double(mb_sin64, sinl, -10, 10), 0, 1.5);
    CHECK_NEAR(worst_double(mb_cos64, cosl, -10, 10), 0, 1.5);
    CHECK_NEAR(worst_double(mb_sin64, sinl, -1e9, 1e9), 0, 1.5);
    CHECK_NEAR(worst_double(mb_cos64, cosl, -1e9, 1e9), 0, 1.5);
    CHECK_NEAR(worst_double(mb_exp64, expl, -745, 711), 0, 1.02);
    CHECK_NEAR(worst_double(mb_exp64, expl, -1, 1), 0, 1.02);
    CHECK_NEAR(worst_double(mb_log64, logl, 0, 3), 0, 1.0);
    CHECK_NEAR(worst_double(mb_log64, logl, 0, 1e300), 0, 1.0);
    CHECK_NEAR(worst_double(mb_tanh64, tanhl, -25, 25), 0, 2.6);
    CHECK_NEAR(worst_double(mb_tanh64, tanhl, -1, 1), 0, 2.6);
}

TEST(double_special_values)
{
    CHECK(mb_exp64(-HUGE_VAL) == 0.0 && mb_exp64(HUGE_VAL) == HUGE_VAL && mb_exp64(0.0) == 1.0 && mb_exp64(-745.0) == exp(-745.0));
    CHECK(mb_log64(0.0) == -HUGE_VAL && isnan(mb_log64(-1.0)) && mb_log64(HUGE_VAL) == HUGE_VAL && mb_log64(5e-324) == log(5e-324));
    CHECK(signbit(mb_sin64(-0.0)) && signbit(mb_tanh64(-0.0)) && isnan(mb_sin64(HUGE_VAL)) && isnan(mb_cos64(nan(""))) && isnan(mb_tanh64(nan(""))));
    CHECK(fabs(mb_sin64(1e200)) <= 1.0 && fabs(mb_cos64(1e300)) <= 1.0);
}

TEST(pow_and_atan2_errors)
{
    double worst[3] = { 0 };
    for (int i = 0; i < 200000; i++) {
        double x = i % 2 ? exp(uniform(-700, 700)) : uniform(0, 3), y = uniform(-1, 1) * (i % 3 ? 700 / fabs(log(x)) : 10);
        if (isfinite(pow(x, y)) && LDBL_MANT_DIG >= 64) worst[0] = fmax(worst[0], ulps_double(mb_pow64(x, y), powl(x, y)));
        float fx = (float)exp(uniform(-80, 80)), fy = (float)(uniform(-1, 1) * 87 / fabs(log((double)fx)));
        worst[1] = fmax(worst[1], ulps_float(mb_powf(fx, fy), pow((double)fx, (double)fy)));
        fx = (float)(uniform(-1, 1) * exp(uniform(-20, 20)));
        fy = (float)(uniform(-1, 1) * exp(uniform(-20, 20)));
        worst[2] = fmax(worst[2], ulps_float(mb_atan2f(fy, fx), atan2((double)fy, (double)fx)));
    }
    CHECK_NEAR(worst[0], 0, 2.0);
    CHECK_NEAR(worst[1], 0, 0.5001);
    CHECK_NEAR(worst[2], 0, 0.6);
}

static bool alike(double got, double want) { return isnan(want) ? isnan(got) : got == want && signbit(got) == signbit(want); }
static bool close_to(double got, double want) { return alike(got, want) || fabs(got - want) <= 1e-6 * fabs(want); }

TEST(pow_and_atan2_special_values)
{
    const double nan_value = nan("");
    const double v[] = { 0.0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, -2.5, HUGE_VAL, -HUGE_VAL, nan_value, 1e300, -1e300, 1e-300,
                         5e-324, 0x1p53, 0x1p53 - 1, -0x1p53 + 1 };
    const int n = (int)(sizeof v / sizeof *v);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            float x = (float)v[i], y = (float)v[j];
            CHECK(close_to(mb_pow64(v[i], v[j]), pow(v[i], v[j])));
            CHECK(close_to((double)mb_powf(x, y), (double)powf(x, y)));
            CHECK(close_to((double)mb_atan2f(x, y), (double)atan2f(x, y)));
        }
}

MB_TESTS(T(float_errors), T(gelu_error), T(tanh_stays_inside), T(small_angles_need_no_reduction), T(float_special_values), T(double_errors), T(double_special_values),
         T(pow_and_atan2_errors), T(pow_and_atan2_special_values))
