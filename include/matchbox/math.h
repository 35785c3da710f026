/* matchbox/math.h - placeholder, replaced by the kernels work: scalar elementary functions equal in every build. */
#ifndef MATCHBOX_MATH_H
#define MATCHBOX_MATH_H
static inline float mb_fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
#endif
