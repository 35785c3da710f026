/* cli/reproduce.h - what the files of `matchbox reproduce` share: the runs that experiments need, made once each, and the
   files that a verdict leaves. */
#ifndef MB_CLI_REPRODUCE_H
#define MB_CLI_REPRODUCE_H
#include "cli/command.h"
#include "matchbox/experiment.h"

enum { RUN_PENDING, RUN_STARTED, RUN_DONE, RUN_FAILED };

/* One run: a folder RESULTS/runs/NAME with out (what it printed), log, job.json (what it is, who made it) and, for those
   that train, the run directory `run`.  It is done when `out` ends with a whole line of JSON. */
struct work {
    char name[192];
    const char *dir;          /* its folder */
    int experiment, arm;      /* whose command makes it */
    int64_t seed;
    int state, lock;
    char *json;               /* done: the line it printed */
    char *commit;
    double seconds;
};

struct reproduction {
    mb_arena *arena;
    const char *results;      /* directory */
    bool quick;
    int jobs;
    mb_experiment *experiment; int nexperiments;
    struct work *work; int nwork; /* each run once, whoever needs it */
    int **index;              /* [experiment][arm * nseeds + seed]: into work */
    int failed;
};

/* List the runs of all experiments and see which are done. */
bool reproduction_plan(struct reproduction *r, mb_error *err);
/* Make what is missing.  Failed runs are reported and counted; MB_ERR_INTERRUPTED after a signal. */
bool reproduction_run(struct reproduction *r, mb_error *err);
const struct work *reproduction_work(const struct reproduction *r, int experiment, int arm, int seed);
bool work_collect(struct work *w, mb_arena *a); /* done? then json, commit and seconds are filled */

struct outcome {
    double *values;           /* [ncolumns][nseeds] */
    mb_check_result *check;   /* [nchecks] */
    mb_verdict verdict;
    double seconds;
};
/* Measure, judge and write RESULTS/ID (quick: RESULTS/quick/ID). */
bool outcome_write(const struct reproduction *r, int experiment, struct outcome *o, mb_error *err);
/* The same verdict again from the stored values, without running anything: compares with the stored verdict.json. */
bool outcome_stored(mb_arena *a, const mb_experiment *e, const char *results, struct outcome *o, mb_error *err);
bool outcome_dir(const mb_experiment *e, const char *results, char *out, size_t n, mb_error *err);

/* README.md and pictures in `dir`. */
bool outcome_page(const struct reproduction *r, int experiment, const struct outcome *o, const char *dir, mb_error *err);

/* A picture of values: a column of dots for each arm, its statistic and interval. */
struct strip { const char *label; const double *value; int n; double middle; mb_interval interval; };
struct strips { struct strip *strip; int n; const char *title, *metric; const char *note; };
bool strips_svg(const struct strips *s, const char *path, mb_arena *a, mb_error *err);

#endif
