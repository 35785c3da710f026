/* Elements of safetensors as float32, and back: half precision and bfloat16. */
#include "matchbox/lm.h"
#include <string.h>

static const struct { const char *name; size_t bytes; } types[MB_ST_TYPES] = {
    [MB_ST_BOOL] = { "BOOL", 1 }, [MB_ST_U8] = { "U8", 1 },   [MB_ST_I8] = { "I8", 1 },   [MB_ST_I16] = { "I16", 2 }, [MB_ST_U16] = { "U16", 2 },
    [MB_ST_F16] = { "F16", 2 },   [MB_ST_BF16] = { "BF16", 2 }, [MB_ST_I32] = { "I32", 4 }, [MB_ST_U32] = { "U32", 4 }, [MB_ST_F32] = { "F32", 4 },
    [MB_ST_F64] = { "F64", 8 },   [MB_ST_I64] = { "I64", 8 }, [MB_ST_U64] = { "U64", 8 },
};

const char *mb_st_type_name(mb_st_type t) { return t < MB_ST_TYPES ? types[t].name : "?"; }
size_t mb_st_type_bytes(mb_st_type t) { return t < MB_ST_TYPES ? types[t].bytes : 0; }

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static float from_half(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000) << 16, exponent = h >> 10 & 31, fraction = h & 0x3ff;
    if (exponent == 31) return float_of(sign | 0x7f800000u | fraction << 13);
    if (exponent) return float_of(sign | (exponent + 112) << 23 | fraction << 13);
    float x = (float)fraction * 0x1p-24f; /* zero and subnormal numbers */
    return sign ? -x : x;
}

/* Round to nearest, ties to even; NaN stays NaN. */
static uint16_t to_half(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffffu;
    if (bits > 0x7f800000u) return (uint16_t)(sign | 0x7e00);
    if (bits >= 0x477ff000u) return (uint16_t)(sign | 0x7c00); /* 65520 and above */
    if (bits < 0x38800000u) {                                   /* below 2^-14: the sum with 0.5 leaves multiples of 2^-24 */
        float shifted = float_of(bits) + 0.5f;
        uint32_t s;
        memcpy(&s, &shifted, sizeof s);
        return (uint16_t)(sign | (s - 0x3f000000u));
    }
    uint32_t odd = bits >> 13 & 1;
    return (uint16_t)(sign | (bits - 0x38000000u + 0xfff + odd) >> 13);
}

static uint16_t to_bfloat(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#define EACH(type, expression)                                            \
    for (int64_t i = 0; i < t->n; i++) {                                  \
        type v;                                                           \
        memcpy(&v, (const char *)t->data + i * (int64_t)sizeof v, sizeof v); \
        out[i] = (float)(expression);                                     \
    }                                                                     \
    break

void mb_st_read(const mb_st_tensor *t, float *out)
{
    switch (t->type) {
    case MB_ST_F32: memcpy(out, t->data, (size_t)t->n * sizeof *out); break;
    case MB_ST_F16: EACH(uint16_t, from_half(v));
    case MB_ST_BF16: EACH(uint16_t, float_of((uint32_t)v << 16));
    case MB_ST_F64: EACH(double, v);
    case MB_ST_BOOL:
    case MB_ST_U8: EACH(uint8_t, v);
    case MB_ST_I8: EACH(int8_t, v);
    case MB_ST_I16: EACH(int16_t, v);
    case MB_ST_U16: EACH(uint16_t, v);
    case MB_ST_I32: EACH(int32_t, v);
    case MB_ST_U32: EACH(uint32_t, v);
    case MB_ST_I64: EACH(int64_t, v);
    case MB_ST_U64: EACH(uint64_t, v);
    case MB_ST_TYPES: break;
    }
}

bool mb_st_convert(const float *x, int64_t n, mb_st_type to, void *out, mb_error *err)
{
    uint16_t *half = out;
    switch (to) {
    case MB_ST_F32: memcpy(out, x, (size_t)n * sizeof *x); return true;
    case MB_ST_F16:
        for (int64_t i = 0; i < n; i++) half[i] = to_half(x[i]);
        return true;
    case MB_ST_BF16:
        for (int64_t i = 0; i < n; i++) half[i] = to_bfloat(x[i]);
        return true;
    default: return mb_fail(err, MB_ERR_UNSUPPORTED, "safetensors: weights are written as F32, F16 or BF16, not as %s", mb_st_type_name(to));
    }
}
