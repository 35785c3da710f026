/* matchbox/phase.h - where the time of training goes.  Rank 0 (layer: core).  Vectoriser and policies say which phase they are in; what an
   algorithm does besides counts as learning.  The runner switches the clocks on for a few iterations only, so that they cost
   less than they show: a clock that is off is one branch. */
#ifndef MATCHBOX_PHASE_H
#define MATCHBOX_PHASE_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum mb_phase { MB_PHASE_OTHER, MB_PHASE_ENV, MB_PHASE_ACT, MB_PHASE_LEARN, MB_PHASES } mb_phase;

struct mb_phases {
    bool on;
    mb_phase now;
    int64_t switches;           /* while on, since the clocks were made */
    double since;               /* monotonic seconds */
    double seconds[MB_PHASES];  /* while on */
};

MB_API mb_phase mb__phase_switch(mb_phases *p, mb_phase next);
/* Enter a phase and get the one that was left, to be entered again at the end.  p NULL: nobody measures. */
static inline mb_phase mb_phase_enter(mb_phases *p, mb_phase next)
{
    return p && p->on ? mb__phase_switch(p, next) : MB_PHASE_LEARN;
}
MB_API const char *mb_phase_name(mb_phase p); /* "environment", "acting", "learning", "other" */

#ifdef __cplusplus
}
#endif
#endif
