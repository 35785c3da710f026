/* run/sweep.h - what the files of a sweep share. */
#ifndef MB_RUN_SWEEP_H
#define MB_RUN_SWEEP_H
#include "matchbox/jobs.h"
#include "matchbox/sweep.h"
#include "matchbox/run.h"
#include "run/clone.h"

#define SWEEP_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    PICK(method, 0, "tpe|random|grid|gp|asha|pbt", "how settings are proposed")                              \
    TEXT(objective, "eval/return_mean", "what is judged: a key of summary.json (eval/NAME for the evaluation) or of metrics.jsonl") \
    PICK(goal, 0, "max|min", "whether the objective is to be large or small")                                \
    TEXT(seeds, "1-3", "seeds of every trial, whose mean is judged: 1-3 or 1,4,7 (1 to 50 are for tuning)")  \
    NUM(int, trials, 20, 1, 10000, "settings to try; a grid has its own number")                             \
    NUM(int64_t, budget, 0, 0, 1e15, "environment steps of all runs together, no more is begun beyond; 0: no limit") \
    NUM(int, jobs, 0, 0, 1024, "runs side by side; 0: one per core")                                         \
    NUM(int64_t, seed, 1, 0, 9007199254740992.0, "root of the proposals")                                    \
    NUM(bool, with_default, true, 0, 1, "the first trial is the settings unchanged (not in a grid)")         \
    NUM(int, startup, 10, 2, 1000, "random trials before tpe and gp begin to learn from the results")        \
    NUM(int64_t, min_steps, 0, 0, 1e15, "early stopping: steps of the first rung; 0: none (asha: total-steps / eta^3)") \
    NUM(int, eta, 3, 2, 16, "early stopping: every eta-th trial goes on to eta times as many steps")         \
    PICK(cost, 0, "none|steps|seconds", "gp: expected improvement per cost; seconds are not the same every time") \
    NUM(int, population, 8, 2, 256, "pbt: members")                                                          \
    NUM(int64_t, interval, 0, 0, 1e15, "pbt: steps between copies; 0: a tenth of total-steps")               \
    NUM(double, fraction, 0.2, 0.01, 0.5, "pbt: the worst that copy the best")
MB_OPTIONS(sweep, SWEEP_OPTIONS)

enum { BY_TPE, BY_RANDOM, BY_GRID, BY_GP, BY_ASHA, BY_PBT };
enum { COST_NONE, COST_STEPS, COST_SECONDS };
enum { SWEEP_ALGOS = 8, SWEEP_FIXED = 128, SWEEP_SEEDS = 64, SWEEP_RUNGS = 128, SWEEP_PATH = 1024, SWEEP_WHY = 256 };

struct spec {
    const char *file, *name;     /* the path; its last part without .yaml */
    const char *env, *preset;    /* preset NULL: the environment's own */
    const char *algo[SWEEP_ALGOS], *algos;
    int nalgos, nfixed, ndims, nrungs;
    int nseeds, nnamed;          /* of every trial (a population: 1), in the file */
    const mb_yaml_item *fixed[SWEEP_FIXED]; /* keys without "options." */
    mb_sweep_dim dim[MB_SWEEP_DIMS];
    int line[MB_SWEEP_DIMS];     /* in the file */
    int64_t seed[SWEEP_SEEDS], rung[SWEEP_RUNGS];
    int eval_episodes;
    bool says_threads, varies_steps;
    struct sweep_options o;
    mb_settings *base[SWEEP_ALGOS]; /* preset and fixed options */
};

struct trial {
    mb_sweep_trial view;         /* what is shown; kept up to date by trial_update */
    int member, first, target;   /* pbt's member; its first rung; the rung it has been sent to */
    double *unit;                /* [ndims] */
    char **text;                 /* [ndims] */
    double *value;               /* [nrungs][nseeds] */
    bool *have;                  /* [nrungs][nseeds] */
    bool *at_work;               /* [nseeds] */
    int *attempts;               /* [nseeds] ended by a signal */
    char why[SWEEP_WHY];
};

struct db;
struct mb_sweep {
    mb_arena *arena;
    struct spec spec;
    char dir[SWEEP_PATH / 2];
    int lock, njobs, room, ntrials; /* room for trials */
    struct trial *trial;         /* [room] */
    mb_sweep_trial *views;       /* [room] */
    struct db *db;
    mb_jobs *jobs;
    bool stopping;
    int64_t planned_steps;       /* of all tasks so far, for the budget */
};

/* ---- sweep_spec.c, sweep_space.c ---- */
bool mb__spec_read(mb_arena *a, const char *file, struct spec *s, mb_error *err);
bool mb__space_add(mb_arena *a, struct spec *s, const mb_yaml_item *item, const char *key, mb_error *err);
/* The same for every file that asks for the same work; trials, budget and jobs are left out. */
void mb__spec_canonical(const struct spec *s, mb_str *out);
/* Settings of one of the algorithms with preset and fixed options. */
mb_settings *mb__spec_settings(mb_arena *a, const struct spec *s, int algo, mb_error *err);
int64_t mb__spec_total(const struct spec *s, int algo);
bool mb__space_active(const struct spec *s, int dim, const double *unit);
/* Number of [0, 1] to the text of the value, and back (-1: cannot be said). */
void mb__space_text(const struct spec *s, int dim, int algo, double unit, char *out, size_t n);
double mb__space_unit(const struct spec *s, int dim, const char *text);
int mb__space_algo(const struct spec *s, const double *unit);
int mb__space_grid_size(const struct spec *s);
/* A value of the option as the number that the range is about: the first of a schedule. */
bool mb__space_number(const char *text, double *out);

/* ---- sweep_db.c ---- */
struct db *mb__sweep_db_open(mb_arena *a, const char *path, bool look, mb_error *err);
void mb__sweep_db_close(struct db *d);
bool mb__sweep_db_begin(struct db *d, mb_error *err);
bool mb__sweep_db_commit(struct db *d, mb_error *err);
bool mb__sweep_db_meta(struct db *d, const char *key, char *out, size_t n, bool *found, mb_error *err);
bool mb__sweep_db_meta_set(struct db *d, const char *key, const char *value, mb_error *err);
bool mb__sweep_db_trial_add(struct db *d, const struct trial *t, const struct spec *s, mb_error *err);
bool mb__sweep_db_trial_target(struct db *d, const struct trial *t, mb_error *err);
bool mb__sweep_db_trial_fail(struct db *d, const struct trial *t, mb_error *err);
bool mb__sweep_db_result_add(struct db *d, int trial, int seed, int rung, double value, int64_t steps, double seconds, mb_error *err);
bool mb__sweep_db_load(struct db *d, mb_sweep *s, mb_error *err);

/* ---- sweep_propose.c ---- */
bool mb__propose(mb_sweep *s, struct trial *t, mb_error *err);      /* unit and origin of the next trial */
double mb__trial_value(const mb_sweep *s, const struct trial *t, int rung); /* mean over the seeds, NaN: not complete */

/* ---- sweep_pbt.c ---- */
bool mb__pbt_ready(const mb_sweep *s);
bool mb__pbt_advance(mb_sweep *s, mb_error *err);

/* ---- sweep_task.c: one run of a trial ---- */
struct task { int trial, seed, rung; }; /* trial: index; seed: index */
/* Start its run, or take its result when the run is already there and whole (*done). */
bool mb__task_start(mb_sweep *s, const struct task *t, bool *done, mb_error *err);
/* The end of its run: a result, a failure or nothing (interrupted).  *got: the trial has a new value or failed. */
bool mb__task_end(mb_sweep *s, const struct task *t, const mb_job_end *end, bool *got, mb_error *err);

/* ---- sweep.c ---- */
struct trial *mb__trial_new(mb_sweep *s, mb_error *err);            /* a blank one at the end, not yet counted */
bool mb__trial_texts(mb_sweep *s, struct trial *t, mb_error *err);  /* texts from units */
void mb__trial_update(mb_sweep *s, struct trial *t);
bool mb__trial_dir(const mb_sweep *s, int id, const char *tail, char *out, mb_error *err);
int64_t mb__trial_seed(const mb_sweep *s, const struct trial *t, int i);
/* NaN stands for a failure; values are signed so that more is better. */
double mb__judged(const mb_sweep *s, double value);

#endif
