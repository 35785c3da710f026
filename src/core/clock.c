/* Clocks: monotonic time and the CPU time of one thread. */
#include "matchbox/core.h"

#include <time.h>

static double seconds(clockid_t clock)
{
    struct timespec t = {0, 0};
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double mb_now(void)
{
    return seconds(CLOCK_MONOTONIC);
}
double mb_thread_cpu(void)
{
    return seconds(CLOCK_THREAD_CPUTIME_ID);
}
