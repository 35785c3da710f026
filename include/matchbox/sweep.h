/* matchbox/sweep.h - sweeps: searching for good settings with many runs side by side.  Rank 5 (layer: run).
   A sweep is a file that says what is varied and how, and a directory: sweep.db (SQLite: every trial and result), one folder
   of runs per trial.  Trials are ordinary runs of this program as child processes.  Whatever is recorded is never run again,
   and what was interrupted, by whatever means, continues where its last checkpoint is. */
#ifndef MATCHBOX_SWEEP_H
#define MATCHBOX_SWEEP_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { MB_SWEEP_DIMS = 32 };

typedef enum mb_sweep_scale { MB_SCALE_LINEAR, MB_SCALE_LOG, MB_SCALE_LOGIT, MB_SCALE_CHOICE } mb_sweep_scale;

/* One option that is varied. */
typedef struct mb_sweep_dim {
    const char *key;             /* as in the file; "algo" when several algorithms are tried */
    mb_sweep_scale scale;
    bool integer;
    double lo, hi;               /* numbers */
    int points;                  /* of a grid */
    int nchoices;                /* 0: numbers */
    const char *const *choices;
    int algo;                    /* only for this one of the algorithms; -1: for all */
} mb_sweep_dim;

typedef struct mb_sweep_trial {
    int id;                      /* from 1 on, in the order they were proposed */
    int parent;                  /* population-based training: the trial whose training it continues; 0: none */
    const char *origin;          /* "default", "grid", "random", "tpe", "gp", "copy" */
    const double *unit;          /* [dims] where it lies: 0..1, or the index of a choice */
    const char *const *text;     /* [dims] the values as on the command line */
    int running;                 /* runs at work now */
    int rung;                    /* the highest rung with a result; -1: none yet */
    bool waiting;                /* has been sent to a rung and is not through */
    double value;                /* mean over the seeds at that rung; NaN: none yet */
    double first;                /* the same at its first rung, where all trials can be compared */
    int64_t steps;               /* of each of its runs */
    double seconds;              /* of all its runs */
    bool failed;
    const char *why;             /* of a failure; "" */
} mb_sweep_trial;

typedef struct mb_sweep_info {
    const char *file, *dir, *env, *method, *objective;
    const char *algo;            /* "ppo", or "ppo|a2c" */
    bool maximize;
    int ndims, ntrials, planned; /* trials so far, and to be proposed in all */
    int done, failed, running, nseeds, nrungs;
    int64_t steps;               /* recorded, of all runs */
    double seconds;              /* recorded, of all runs */
    const mb_sweep_dim *dims;
    const mb_sweep_trial *trials;
    int best;                    /* index of the best trial on the highest rung; -1: none yet */
} mb_sweep_info;

typedef struct mb_sweep_hooks {
    void (*progress)(void *ctx, const mb_sweep_info *info);              /* about five times a second */
    void (*result)(void *ctx, const mb_sweep_info *info, int trial);     /* a trial got a value or failed */
    volatile const int *stop;    /* not 0: ask the runs to write checkpoints and end */
    void *ctx;
} mb_sweep_hooks;

typedef struct mb_sweep mb_sweep;
MB_API const mb_option *mb_sweep_option_rows(void); /* the plain keys of a sweep file, for help */
/* Read a sweep file and check all of it; open its directory (made), which is locked.  dir NULL: sweeps/NAME of NAME.yaml.
   trials, jobs: 0, or other numbers than the file's.  A directory that was begun with other settings is refused. */
MB_API mb_sweep *mb_sweep_open(const char *file, const char *dir, int trials, int jobs, mb_error *err);
/* Only look: nothing is made, locked or run. */
MB_API mb_sweep *mb_sweep_look(const char *file, const char *dir, mb_error *err);
MB_API void mb_sweep_free(mb_sweep *s); /* NULL is fine */
/* Run what is missing.  MB_ERR_INTERRUPTED after hooks->stop: everything is kept, running it again continues. */
MB_API bool mb_sweep_run(mb_sweep *s, const mb_sweep_hooks *hooks, mb_error *err);
MB_API mb_sweep_info mb_sweep_state(mb_sweep *s);
/* How much of the objective's variance each option explains, alone and with its interactions (0..1): functional analysis of
   variance of a Gaussian process through the results of the first rung.  MB_ERR_UNSUPPORTED: fewer than four results, or a
   population, whose settings change on the way.  alone, total: [ndims]. */
MB_API bool mb_sweep_importance(mb_sweep *s, double *alone, double *total, mb_error *err);
/* The settings of a trial as a preset (YAML): everything that is not a default. */
MB_API bool mb_sweep_preset(mb_sweep *s, int trial, mb_str *out, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif
