/* matchbox/jobs.h - programs run side by side as child processes: what sweeps and experiments are made of.  Rank 5 (layer: run).
   A child writes its standard output and its messages into files, so that nothing is lost with the process that watches.
   Children are asked to end (SIGTERM) when the watcher dies, however it dies; a run of matchbox then writes a checkpoint. */
#ifndef MATCHBOX_JOBS_H
#define MATCHBOX_JOBS_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mb_jobs mb_jobs;

typedef struct mb_job_spec {
    const char *const *argv; /* NULL-terminated; argv[0] is the program (found in $PATH), or "matchbox": this very program */
    const char *dir;         /* working directory; NULL: ours */
    const char *out;         /* standard output, written anew; relative to ours; NULL: thrown away */
    const char *log;         /* standard error, appended; NULL: thrown away */
    const char *const *env;  /* "NAME=value", ..., NULL: added to ours, or in place of what is there; NULL: ours */
    int64_t tag;             /* the caller's: comes back at the end */
} mb_job_spec;

typedef struct mb_job_end {
    int64_t tag;
    int status;              /* exit status 0..255; 128 + number of the signal that ended it */
    double seconds;          /* from start to end, by the clock */
    char last[4096];         /* the last line of its standard output, without line end; "": none, or a longer one */
} mb_job_end;

/* At most `max` (>= 1) at a time.  Memory from `a`. */
MB_API mb_jobs *mb_jobs_new(mb_arena *a, int max, mb_error *err);
MB_API int mb_jobs_running(const mb_jobs *j);
MB_API bool mb_jobs_full(const mb_jobs *j);
/* Start a child; refused (MB_ERR_USAGE) when full.  A program that cannot be started ends with status 127. */
MB_API bool mb_jobs_start(mb_jobs *j, const mb_job_spec *spec, mb_error *err);
/* Wait at most `seconds` for one child to end: true and *end filled, or false (time is over, a signal came, or none runs).
   0 only looks.  When several have ended, the one that was started first comes first. */
MB_API bool mb_jobs_wait(mb_jobs *j, double seconds, mb_job_end *end);
/* Ask every child that runs to end (once, however often this is called); wait for them afterwards. */
MB_API void mb_jobs_stop(mb_jobs *j);
/* End and collect whatever still runs, at once.  NULL is fine. */
MB_API void mb_jobs_free(mb_jobs *j);
/* Wait up to `seconds` until nobody holds the lock at `path` (see mb_file_lock; a missing file is free): a child of a
   watcher that was killed may still be writing its last checkpoint. */
MB_API bool mb_lock_wait(const char *path, double seconds, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif
