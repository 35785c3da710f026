/* matchbox/experiment.h - claims as files: arms, paired seeds, metrics, checks; what a verdict follows from.  Rank 5 (layer: run).
   Nothing here starts a process: `matchbox reproduce` does, and Python may.  The format of the files, and the rules of the
   verdict, are in docs/guide/experiments.md.  Memory comes from the arena given to mb_experiment_read. */
#ifndef MATCHBOX_EXPERIMENT_H
#define MATCHBOX_EXPERIMENT_H
#include "matchbox/core.h"
#include "matchbox/stats.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mb_pair { const char *key, *value; int line; } mb_pair;

/* How the runs of an arm are made. */
typedef enum mb_arm_kind {
    MB_ARM_TRAIN,   /* matchbox train ALGO ENV: a run directory, resumable */
    MB_ARM_COMMAND, /* another command of matchbox that keeps a run directory: "lm grpo" */
    MB_ARM_PROGRAM  /* a program of its own; its last line of output is a JSON object */
} mb_arm_kind;

typedef struct mb_arm {
    const char *name;
    mb_arm_kind kind;
    const char *algo, *env, *preset; /* train; preset NULL: the pair's own */
    const char *command;             /* words of the command, or the program's path; both may have words behind: "bench/rows/a108 rooms" */
    mb_pair *options; int noptions;  /* --key value, sorted by key */
    const char *identity;            /* everything that a run's result depends on, but the seed */
    int eval_episodes;
    int64_t total_steps;             /* 0: unknown */
    int line;
} mb_arm;

typedef enum mb_relation { MB_REL_GREATER, MB_REL_LESS, MB_REL_EQUAL, MB_REL_AT_LEAST, MB_REL_AT_MOST } mb_relation;
typedef enum mb_check_test { MB_TEST_PERMUTATION, MB_TEST_WELCH, MB_TEST_NONE } mb_check_test;
MB_API const char *mb_relation_name(mb_relation r);
MB_API const char *mb_check_test_name(mb_check_test t);
MB_API const char *mb_statistic_name(mb_statistic s);

/* What is measured: one number for each seed of an arm. */
typedef struct mb_column { int arm; const char *metric; } mb_column;

typedef struct mb_check {
    const char *name;
    int a, b;            /* columns; b -1: compared with `value` */
    mb_relation relation;
    double value, margin;
    mb_statistic statistic;
    mb_check_test test;
    bool counted;        /* false: shown, but not part of the verdict */
    int line;
} mb_check;

typedef struct mb_experiment {
    const char *id, *path;
    const char *claim, *row, *source, *note;
    bool quick;
    double level;        /* of the tests; intervals cover 1 - level */
    double cap_minutes;  /* machine time that all runs together may take; 0: no cap */
    int64_t *seeds; int nseeds;
    mb_arm *arm; int narms;
    mb_column *column; int ncolumns;
    mb_check *check; int nchecks;
    const char *curve;   /* metric of metrics.jsonl that the page draws */
} mb_experiment;

/* The file of ID: "A33" is experiments/A33.yaml, here or where matchbox lies; a path ending in .yaml is itself. */
MB_API bool mb_experiment_find(const char *id, char *path, size_t n, mb_error *err);
/* Read and check everything, options of the arms included.  Errors name file, line and key. */
MB_API bool mb_experiment_read(const char *path, bool quick, mb_arena *a, mb_experiment *out, mb_error *err);

/* Name of the folder of a run: the same for equal arms, options and seed, whichever experiment asks for it. */
MB_API bool mb_experiment_run_name(const mb_experiment *e, int arm, int64_t seed, char *out, size_t n, mb_error *err);
/* Arguments of the process that makes the run (resume: continues it), NULL-terminated; args[0] NULL stands for matchbox
   itself, else it is the path of a program.  dir: of the run. */
MB_API const char *const *mb_experiment_args(const mb_experiment *e, int arm, int64_t seed, const char *dir, bool resume, mb_arena *a,
                                             mb_error *err);
/* The command as a person would type it, without directory and seed. */
MB_API void mb_experiment_command(const mb_arm *arm, mb_str *out);

/* One number of one run.  json: the line it printed; dir: its directory (metrics.jsonl).
   metric: a key of the printed JSON ("eval.return_mean"), or of metrics.jsonl: "last NAME", "area NAME" (mean over steps),
   "steps NAME X" (the first step at which it is at least X; the last step when it never is). */
MB_API bool mb_measure(const char *metric, const char *json, const char *dir, mb_arena *a, double *out, mb_error *err);

/* Values of a metric of metrics.jsonl; "eval/NAME" takes the lines of evaluations, all others NAME. */
typedef struct mb_series { double *x, *y; int n; } mb_series;
MB_API bool mb_series_read(const char *dir, const char *metric, mb_arena *a, mb_series *out, mb_error *err);
/* Straight lines between points, the first value before and the last one behind them. */
MB_API double mb_series_at(const mb_series *s, double x);

/* ---- the verdict ---- */

typedef enum mb_verdict { MB_SUPPORTED, MB_NOT_SUPPORTED, MB_INCONCLUSIVE } mb_verdict;
MB_API const char *mb_verdict_name(mb_verdict v);

typedef struct mb_check_result {
    double a, b;         /* the statistic of both sides; b NaN for a comparison with a number */
    double effect;       /* a - b, or a - value */
    mb_interval interval;
    double p, p_holm;    /* NaN without a test */
    mb_verdict verdict;
} mb_check_result;
/* values: [ncolumns][nseeds].  results: [nchecks].  Deterministic. */
MB_API bool mb_experiment_judge(const mb_experiment *e, const double *values, mb_arena *a, mb_check_result *results, mb_verdict *verdict,
                                mb_error *err);
/* verdict.json, one line. */
MB_API void mb_experiment_json(const mb_experiment *e, const mb_check_result *results, mb_verdict verdict, double seconds, mb_str *out);

#ifdef __cplusplus
}
#endif
#endif
