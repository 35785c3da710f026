/* matchbox/math.h - elementary functions that give the same bits in every build and on every processor.
   libm's sin, exp or tanh differ between versions and CPUs; these are polynomials evaluated with explicit fma, in a fixed
   order, without branches or tables, so a compiler may vectorise a loop that calls them and change nothing.
   Rank 0 (layer: core); every function is static inline; C11 and C++17.

   Common to all: NaN in gives NaN out (its sign and payload are not specified).  Errors below are the largest measured
   against a correctly rounded result, in units in the last place (ulp); tests/core/math.c keeps them.
   Denormal arguments are honoured and denormal results produced, unless a line says otherwise. */
#ifndef MATCHBOX_MATH_H
#define MATCHBOX_MATH_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* a*b + c with one rounding. */
static inline float mb_fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
static inline double mb_fma(double a, double b, double c) { return __builtin_fma(a, b, c); }

/* ---- pieces ---- */

static inline int32_t mb__bitsf(float x) { int32_t i; __builtin_memcpy(&i, &x, sizeof i); return i; }
static inline float mb__floatf(int32_t i) { float x; __builtin_memcpy(&x, &i, sizeof x); return x; }
static inline int64_t mb__bits(double x) { int64_t i; __builtin_memcpy(&i, &x, sizeof i); return i; }
static inline double mb__double(int64_t i) { double x; __builtin_memcpy(&x, &i, sizeof x); return x; }
/* 2^k for a normal result */
static inline float mb__pow2f(int32_t k) { return mb__floatf((int32_t)((uint32_t)(k + 127) << 23)); }
static inline double mb__pow2(int64_t k) { return mb__double((int64_t)((uint64_t)(k + 1023) << 52)); }
/* x into [lo, hi]; NaN stays */
static inline float mb__clampf(float x, float lo, float hi)
{
    x = x < lo ? lo : x;
    return x > hi ? hi : x;
}
static inline double mb__clamp(double x, double lo, double hi)
{
    x = x < lo ? lo : x;
    return x > hi ? hi : x;
}

/* Adding this and taking it away rounds to the nearest integer, which then stands in the low bits of the sum. */
#define MB__ROUNDF 0x1.8p23f
#define MB__ROUND 0x1.8p52

/* ---- float: sin, cos ---- */

/* Sine and cosine for |r| <= pi/4: what mb_sinf and mb_cosf give there (but for sin -0, which is +0 here), without reduction. */
static inline float mb__sin_smallf(float r)
{
    float z = r * r;
    float s = mb_fmaf(mb_fmaf(-0x1.994384p-13f, z, 0x1.11073ap-7f), z, -0x1.555546p-3f);
    return mb_fmaf(s, z * r, r);
}
static inline float mb__cos_smallf(float r)
{
    float z = r * r;
    float c = mb_fmaf(mb_fmaf(0x1.99eb4ap-16f, z, -0x1.6c0c32p-10f), z, 0x1.55554ap-5f);
    return mb_fmaf(c, z * z, mb_fmaf(-0.5f, z, 1.0f));
}

/* sin(r + quadrant * pi/2) for |r| <= pi/4 */
static inline float mb__sin_quadrantf(float r, int32_t quadrant)
{
    float s = mb__sin_smallf(r), c = mb__cos_smallf(r);
    float v = (quadrant & 1) != 0 ? c : s;
    return (quadrant & 2) != 0 ? -v : v;
}

/* x - quadrant * pi/2, with pi/2 in three parts of 24 bits; beyond the useful range kept in [-1, 1] all the same */
static inline float mb__reduce_pi2f(float x, int32_t *quadrant)
{
    float t = mb_fmaf(x, 0x1.45f306p-1f, MB__ROUNDF);
    float n = t - MB__ROUNDF;
    float r = mb_fmaf(n, -0x1.921fb6p+0f, x);
    r = mb_fmaf(n, 0x1.777a5cp-25f, r);
    r = mb_fmaf(n, 0x1.ee59dap-50f, r);
    *quadrant = mb__bitsf(t);
    return mb__clampf(r, -1.0f, 1.0f);
}

/* Sine and cosine, 1.6 ulp for |x| <= 1e5, 8 ulp to 4e6; larger arguments give some value in [-1, 1], infinities NaN. */
static inline float mb_sinf(float x)
{
    int32_t quadrant;
    float r = mb__reduce_pi2f(x, &quadrant);
    float v = mb__sin_quadrantf(r, quadrant);
    return x == 0.0f ? x : v; /* keeps the sign of -0 */
}
static inline float mb_cosf(float x)
{
    int32_t quadrant;
    float r = mb__reduce_pi2f(x, &quadrant);
    return mb__sin_quadrantf(r, (int32_t)((uint32_t)quadrant + 1u));
}

/* ---- float: exp, log and what is made of them ---- */

/* e^x, 1.0 ulp; infinity above 88.73, 0 below -103.98. */
static inline float mb_expf(float x)
{
    x = mb__clampf(x, -104.0f, 89.0f);
    float t = mb_fmaf(x, 0x1.715476p+0f, MB__ROUNDF);
    float n = t - MB__ROUNDF;
    int32_t k = mb__bitsf(t) - mb__bitsf(MB__ROUNDF);
    float r = mb_fmaf(n, -0x1.62e430p-1f, x);
    r = mb_fmaf(n, 0x1.05c610p-29f, r);
    float p = mb_fmaf(0x1.6a2350p-10f, r, 0x1.123a6cp-7f);
    p = mb_fmaf(p, r, 0x1.5558f4p-5f);
    p = mb_fmaf(p, r, 0x1.555490p-3f);
    p = mb_fmaf(p, r, 0x1.fffffcp-2f);
    p = mb_fmaf(p, r * r, r) + 1.0f;
    int32_t half = k >> 1; /* in two steps: 2^k alone may be no float */
    return p * mb__pow2f(half) * mb__pow2f(k - half);
}

/* Natural logarithm, 1.0 ulp; log 0 = -infinity, of a negative number NaN. */
static inline float mb_logf(float x)
{
    float y = x < 0x1p-126f ? x * 0x1p23f : x;
    int32_t bits = mb__bitsf(y);
    int32_t e = (int32_t)((uint32_t)bits - 0x3f3504f3u) >> 23; /* so that m is in [sqrt 1/2, sqrt 2) */
    float m = mb__floatf((int32_t)((uint32_t)bits - ((uint32_t)e << 23)));
    float k = (float)(x < 0x1p-126f ? e - 23 : e);
    float f = m - 1.0f;
    float z = f * f;
    float p = mb_fmaf(0x1.145ad0p-4f, f, -0x1.de41a2p-4f);
    p = mb_fmaf(p, f, 0x1.e6f1f0p-4f);
    p = mb_fmaf(p, f, -0x1.fc2162p-4f);
    p = mb_fmaf(p, f, 0x1.23374ap-3f);
    p = mb_fmaf(p, f, -0x1.555c50p-3f);
    p = mb_fmaf(p, f, 0x1.99a4b6p-3f);
    p = mb_fmaf(p, f, -0x1.000006p-2f);
    p = mb_fmaf(p, f, 0x1.555548p-2f);
    p = mb_fmaf(p, z * f, k * -0x1.05c610p-29f);
    p = mb_fmaf(-0.5f, z, p);
    float v = mb_fmaf(k, 0x1.62e430p-1f, f + p);
    float special = x == 0.0f ? -__builtin_inff() : x < 0.0f ? __builtin_nanf("") : x;
    return x > 0.0f && x <= 0x1.fffffep127f ? v : special;
}

/* Hyperbolic tangent, always inside (-1, 1): an odd rational function on [-8, 8], constant outside.  Relative error 3.1e-7
   (3.3 ulp below 1, 5.2 of the smaller ulp next to 1). */
static inline float mb_tanhf(float x)
{
    float y = mb__clampf(x, -8.0f, 8.0f);
    float z = y * y;
    float p = mb_fmaf(0x1.011d96p-26f, z, 0x1.6c33c2p-16f);
    float q = mb_fmaf(0x1.c3cef8p-21f, z, 0x1.63c594p-12f);
    p = mb_fmaf(p, z, 0x1.d2abe6p-9f);
    q = mb_fmaf(q, z, 0x1.abfbf4p-6f);
    p = mb_fmaf(p, z, 0x1.1326d4p-3f);
    q = mb_fmaf(q, z, 0x1.dee8bcp-2f);
    p = mb_fmaf(p, z, 1.0f);
    q = mb_fmaf(q, z, 1.0f);
    return p * y / q;
}

/* 1 / (1 + e^-x), 2.5 ulp; 0 below -88.73. */
static inline float mb_sigmoidf(float x) { return 1.0f / (1.0f + mb_expf(-x)); }

/* x * sigmoid(x) */
static inline float mb_siluf(float x) { return x / (1.0f + mb_expf(-x)); }

/* Gaussian error linear unit in its tanh form, x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))); 2 ulp of max(|y|, |x|/4). */
static inline float mb_geluf(float x)
{
    float u = mb_fmaf(x * x, 0x1.2444f2p-4f, 0x1.988454p+0f); /* 2 sqrt(2/pi) * (0.044715 x^2 + 1) */
    return x / (1.0f + mb_expf(-(x * u)));
}

/* log(1 + e^x) without overflow or cancellation, 2.5 ulp */
static inline float mb_softplusf(float x)
{
    float e = mb_expf(x < 0.0f ? x : -x);
    float u = 1.0f + e; /* log(u) + (what u lost of e)/u */
    float l = mb_logf(u) + (e - (u - 1.0f)) / u;
    return (x < 0.0f ? 0.0f : x) + l;
}

/* ---- double ---- */

static inline double mb__sin_quadrant(double r, double tail, int64_t quadrant)
{
    double z = r * r;
    double s = mb_fma(0x1.5d8fba0275616p-33, z, -0x1.ae5e5a57f4944p-26);
    s = mb_fma(s, z, 0x1.71de3567acec1p-19);
    s = mb_fma(s, z, -0x1.a01a019bfdef5p-13);
    s = mb_fma(s, z, 0x1.111111110f7d2p-7);
    s = mb_fma(s, z, -0x1.5555555555548p-3);
    s = mb_fma(s, z * r, mb_fma(tail, mb_fma(-0.5, z, 1.0), r));
    double c = mb_fma(-0x1.8fa46c345c6a7p-37, z, 0x1.1ee9d76313ce2p-29);
    c = mb_fma(c, z, -0x1.27e4f7ea58912p-22);
    c = mb_fma(c, z, 0x1.a01a019c83cf1p-16);
    c = mb_fma(c, z, -0x1.6c16c16c14f8dp-10);
    c = mb_fma(c, z, 0x1.555555555554bp-5);
    double w = mb_fma(-0.5, z, 1.0), lost = mb_fma(-0.5, z, 1.0 - w); /* 1 - z/2 and what it lost */
    c = w + mb_fma(c, z * z, mb_fma(-tail, r, lost));
    double v = (quadrant & 1) != 0 ? c : s;
    return (quadrant & 2) != 0 ? -v : v;
}

static inline double mb__reduce_pi2(double x, double *tail, int64_t *quadrant)
{
    double t = mb_fma(x, 0x1.45f306dc9c883p-1, MB__ROUND);
    double n = t - MB__ROUND;
    double a = mb_fma(n, -0x1.921fb54442d18p+0, x);
    double r = mb_fma(n, -0x1.1a62633145c07p-54, a);
    double lost = mb_fma(n, 0x1.f1976b7ed8fbcp-110, mb_fma(n, -0x1.1a62633145c07p-54, a - r));
    *tail = mb__clamp(lost, -0x1p-53, 0x1p-53);
    *quadrant = mb__bits(t);
    return mb__clamp(r, -1.0, 1.0);
}

/* Sine and cosine, 1.5 ulp for |x| <= 1e9; larger arguments give some value in [-1, 1], infinities NaN. */
static inline double mb_sin64(double x)
{
    double tail;
    int64_t quadrant;
    double r = mb__reduce_pi2(x, &tail, &quadrant);
    double v = mb__sin_quadrant(r, tail, quadrant);
    return x == 0.0 ? x : v;
}
static inline double mb_cos64(double x)
{
    double tail;
    int64_t quadrant;
    double r = mb__reduce_pi2(x, &tail, &quadrant);
    return mb__sin_quadrant(r, tail, (int64_t)((uint64_t)quadrant + 1u));
}

/* e^(x + tail) for |tail| much smaller than |x| */
static inline double mb__exp_tail(double x, double tail)
{
    x = mb__clamp(x, -746.0, 710.0);
    double t = mb_fma(x, 0x1.71547652b82fep+0, MB__ROUND);
    double n = t - MB__ROUND;
    int64_t k = mb__bits(t) - mb__bits(MB__ROUND);
    double r = mb_fma(n, -0x1.62e42fefa39efp-1, x);
    r = mb_fma(n, -0x1.abc9e3b39803fp-56, r) + tail;
    double p = mb_fma(0x1.ad7f019a3d07bp-26, r, 0x1.28adce83f0516p-22);
    p = mb_fma(p, r, 0x1.71df262d27cf7p-19);
    p = mb_fma(p, r, 0x1.a01999adb84cap-16);
    p = mb_fma(p, r, 0x1.a01a0129b3d7cp-13);
    p = mb_fma(p, r, 0x1.6c16c1844b08dp-10);
    p = mb_fma(p, r, 0x1.1111111127e85p-7);
    p = mb_fma(p, r, 0x1.55555555507f1p-5);
    p = mb_fma(p, r, 0x1.55555555554f9p-3);
    p = mb_fma(p, r, 0x1.000000000000ap-1);
    p = mb_fma(p, r * r, r) + 1.0;
    int64_t half = k >> 1;
    return p * mb__pow2(half) * mb__pow2(k - half);
}

/* e^x, 1 ulp. */
static inline double mb_exp64(double x) { return mb__exp_tail(x, 0.0); }

/* x = m * 2^e with m in [sqrt 1/2, sqrt 2); x positive and finite */
static inline double mb__split(double x, double *e)
{
    double y = x < 0x1p-1022 ? x * 0x1p52 : x;
    int64_t bits = mb__bits(y);
    int64_t k = (int64_t)((uint64_t)bits - 0x3fe6a09e667f3bcdu) >> 52;
    *e = (double)(x < 0x1p-1022 ? k - 52 : k);
    return mb__double((int64_t)((uint64_t)bits - ((uint64_t)k << 52)));
}

/* Natural logarithm, 1 ulp; log 0 = -infinity, of a negative number NaN. */
static inline double mb_log64(double x)
{
    double k, f = mb__split(x, &k) - 1.0;
    double s = f / (2.0 + f), z = s * s, h = 0.5 * f * f; /* log(1+f) = 2 atanh(s) = f - h + s*(h + z R(z)) */
    double r = mb_fma(0x1.2f0d8efd947d2p-3, z, 0x1.39a0f4fcdc211p-3);
    r = mb_fma(r, z, 0x1.7466462c888b3p-3);
    r = mb_fma(r, z, 0x1.c71c51e7f8ec6p-3);
    r = mb_fma(r, z, 0x1.24924942179d1p-2);
    r = mb_fma(r, z, 0x1.999999997fb32p-2);
    r = mb_fma(r, z, 0x1.5555555555593p-1);
    r = mb_fma(s, mb_fma(r, z, h), k * 0x1.abc9e3b39803fp-56);
    double v = mb_fma(k, 0x1.62e42fefa39efp-1, f - (h - r));
    double special = x == 0.0 ? -__builtin_inf() : x < 0.0 ? __builtin_nan("") : x;
    return x > 0.0 && x <= 0x1.fffffffffffffp1023 ? v : special;
}

/* Hyperbolic tangent, 2.6 ulp: -m / (2 + m) with m = e^(-2|x|) - 1. */
static inline double mb_tanh64(double x)
{
    double a = __builtin_fabs(x), y = -2.0 * (a > 22.0 ? 22.0 : a);
    double t = mb_fma(y, 0x1.71547652b82fep+0, MB__ROUND);
    double n = t - MB__ROUND;
    double scale = mb__pow2(mb__bits(t) - mb__bits(MB__ROUND));
    double r = mb_fma(n, -0x1.62e42fefa39efp-1, y);
    r = mb_fma(n, -0x1.abc9e3b39803fp-56, r);
    double p = mb_fma(0x1.e63245d22a22cp-30, r, 0x1.af4e3b85314ccp-26);
    p = mb_fma(p, r, 0x1.280231b31c195p-22);
    p = mb_fma(p, r, 0x1.71de020bb06d4p-19);
    p = mb_fma(p, r, 0x1.a019f38a7d7edp-16);
    p = mb_fma(p, r, 0x1.a01a01abf3525p-13);
    p = mb_fma(p, r, 0x1.6c16c16f0e229p-10);
    p = mb_fma(p, r, 0x1.11111111100c8p-7);
    p = mb_fma(p, r, 0x1.5555555554d2ep-5);
    p = mb_fma(p, r, 0x1.5555555555557p-3);
    p = mb_fma(p, r, 0x1.0000000000001p-1);
    p = mb_fma(p, r * r, r);
    double m = mb_fma(scale, p, scale - 1.0);
    return __builtin_copysign(-m / (2.0 + m), x);
}

/* ---- powers and angles ---- */

/* log x as hi + lo, relative error about 2^-66; x positive and finite */
static inline double mb__log_parts(double x, double *lo)
{
    double k, m = mb__split(x, &k), f = m - 1.0;
    double d = 1.0 + m, dl = m - (d - 1.0);                                 /* 2 + f in two parts */
    double s = f / d, sl = (mb_fma(-s, d, f) - s * dl) / d;                 /* s = f / (2 + f) */
    double z = s * s, zl = mb_fma(s, s, -z) + 2.0 * s * sl;                 /* s^2 */
    double c = s * z, cl = mb_fma(s, z, -c) + (s * zl + sl * z);            /* s^3 */
    double r = mb_fma(0x1.eb20d187f7243p-4, z, 0x1.de318ecac043cp-4);       /* the series of 2 atanh(s) from s^5 on */
    r = mb_fma(r, z, 0x1.1120c17e407b6p-3);
    r = mb_fma(r, z, 0x1.3b13626726dbdp-3);
    r = mb_fma(r, z, 0x1.745d18337aa17p-3);
    r = mb_fma(r, z, 0x1.c71c71c57dff6p-3);
    r = mb_fma(r, z, 0x1.2492492493049p-2);
    r = mb_fma(r, z, 0x1.9999999999996p-2);
    const double th = 0x1.5555555555555p-1, tl = 0x1.5555555555555p-55;     /* 2/3 */
    double a = c * th, al = mb_fma(c, th, -a) + (c * tl + cl * th) + r * z * c;
    double b = 2.0 * s + a, bl = a - (b - 2.0 * s) + (al + 2.0 * sl);
    const double lh = 0x1.62e42fefa39efp-1, ll = 0x1.abc9e3b39803fp-56;     /* log 2 */
    double g = k * lh, gl = mb_fma(k, lh, -g) + k * ll;
    double v = g + b, back = v - g;
    double e = (g - (v - back)) + (b - back) + (gl + bl);
    double hi = v + e;
    *lo = e - (hi - v);
    return hi;
}

/* pow of a magnitude, with C's rules for signs, zeros, infinities and NaN put around it */
static inline double mb__pow_rules(double x, double y, double magnitude)
{
    double ax = __builtin_fabs(x), ay = __builtin_fabs(y);
    double whole = __builtin_floor(ay), halves = __builtin_floor(ay * 0.5);
    int odd = ay < 0x1p53 && whole == ay && halves * 2.0 != ay;
    int integer = whole == ay; /* so is an infinite y */
    double v = odd ? __builtin_copysign(magnitude, x) : magnitude;
    v = x < 0.0 && !integer && ax <= 0x1.fffffffffffffp1023 ? __builtin_nan("") : v;
    v = ax == 1.0 && ay > 0x1.fffffffffffffp1023 ? 1.0 : v;
    v = x != x || y != y ? x + y : v;
    return x == 1.0 || y == 0.0 ? 1.0 : v;
}

/* x to the power y, 2 ulp, with the special cases of C's pow. */
static inline double mb_pow64(double x, double y)
{
    double ax = __builtin_fabs(x);
    int normal = ax > 0.0 && ax <= 0x1.fffffffffffffp1023;
    double ll, lh = mb__log_parts(normal ? ax : 1.0, &ll);
    lh = normal ? lh : ax == 0.0 ? -__builtin_inf() : ax;
    double h = y * lh, l = mb_fma(y, lh, -h) + y * ll;
    l = normal && __builtin_fabs(h) < 1000.0 ? l : 0.0;
    return mb__pow_rules(x, y, mb__exp_tail(h, l));
}

/* x to the power y, correctly rounded but for about one case in 10^5; with the special cases of C's powf. */
static inline float mb_powf(float x, float y)
{
    double dx = (double)x, dy = (double)y;
    return (float)mb__pow_rules(dx, dy, mb_exp64(dy * mb_log64(__builtin_fabs(dx))));
}

/* The angle of the point (x, y) in [-pi, pi], 0.6 ulp, with the special cases of C's atan2f. */
static inline float mb_atan2f(float y, float x)
{
    double ax = __builtin_fabs((double)x), ay = __builtin_fabs((double)y);
    double big = ax > ay ? ax : ay, small = ax > ay ? ay : ax;
    double t = small / (big == 0.0 ? 1.0 : big);
    t = small > 0x1p200 ? 1.0 : t; /* both infinite */
    double z = t * t;
    double a = mb_fma(0x1.23f8cfe4eb441p-10, z, -0x1.df969f174127dp-8);
    a = mb_fma(a, z, 0x1.714ae9e63be4cp-6);
    a = mb_fma(a, z, -0x1.6e1989963f368p-5);
    a = mb_fma(a, z, 0x1.1422c17cddd00p-4);
    a = mb_fma(a, z, -0x1.68e6fcfb75033p-4);
    a = mb_fma(a, z, 0x1.c4f1e17d5e5eep-4);
    a = mb_fma(a, z, -0x1.2473738c0b615p-3);
    a = mb_fma(a, z, 0x1.9997e0325a5bdp-3);
    a = mb_fma(a, z, -0x1.555551040e551p-2);
    a = mb_fma(a, z * t, t);
    a = ay > ax ? 0x1.921fb54442d18p+0 - a : a;
    a = __builtin_copysign(1.0, (double)x) < 0.0 ? 0x1.921fb54442d18p+1 - a : a;
    float v = (float)__builtin_copysign(a, (double)y);
    return x != x || y != y ? x + y : v;
}

#ifdef __cplusplus
}
#endif
#endif
