/* cli/dashboard.h - the full-screen view of a training run. */
#ifndef MB_CLI_DASHBOARD_H
#define MB_CLI_DASHBOARD_H
#include "cli/command.h"

struct dashboard;
/* It takes the terminal when training has gone on for `opens_at` seconds: runs that are over sooner never flash. */
struct dashboard *dashboard_new(mb_arena *a, double opens_at, mb_error *err);
void dashboard_past(struct dashboard *d, mb_arena *a, const char *dir); /* begin with the curve of a run that goes on */
bool dashboard_progress(struct dashboard *d, const mb_progress_info *p); /* false: it does not have the terminal yet */
bool dashboard_log(struct dashboard *d, const char *prefix, const char *text);
void dashboard_close(struct dashboard *d); /* the terminal as it was; then the log lines, which would be lost with the screen */
void dashboard_restore(void);              /* for signal handlers: the terminal as it was, if it is taken */

#endif
