/* Clocks: monotonic time, the CPU time of one thread, the phases of training. */
#include "matchbox/core.h"
#include "matchbox/phase.h"

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

double mb_wall_time(void)
{
    return seconds(CLOCK_REALTIME);
}

mb_phase mb__phase_switch(mb_phases *p, mb_phase next)
{
    mb_phase before = p->now;
    double now = mb_now();
    p->seconds[before] += now - p->since;
    p->since = now;
    p->now = next;
    p->switches++;
    return before;
}

const char *mb_phase_name(mb_phase p)
{
    static const char *const names[] = {"other", "environment", "acting", "learning"};
    return p < MB_PHASES ? names[p] : "";
}
