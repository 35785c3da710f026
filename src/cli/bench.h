/* cli/bench.h - what is measured, and against what. */
#ifndef MB_CLI_BENCH_H
#define MB_CLI_BENCH_H
#include "cli/command.h"

/* Floating-point operations per second that one core reaches with the widest fused multiply-adds of the variant in use, in
   registers only: the best of several short tries. */
double bench_peak(const char *kernels);

/* One run of the program itself: wall seconds from start to end, and what its JSON says. */
bool bench_program(const char *const *args, double *seconds, double *eval_return, mb_error *err);

/* Language models on random tokens, tokens per second: "large" trains 10.8 M parameters on 4 x 64 tokens, "small" 0.9 M on 32 x 64, "sample"
   draws from the small one. */
bool bench_lm(const char *what, int threads, double *rate, mb_error *err);

#endif
