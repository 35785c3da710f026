/* run/impl.h - what the files of the runner share. */
#ifndef MB_RUN_IMPL_H
#define MB_RUN_IMPL_H
#include "matchbox/run.h"
#include "run/outside.h"

/* ---- settings ---- */

#define RUN_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                          \
    NUM(int64_t, total_steps, 1000000, 1, 1e15, "environment steps to train for; schedules run to here")   \
    NUM(int64_t, seed, 1, 0, 9007199254740992.0, "root of every random stream")                            \
    NUM(int, threads, 0, 0, 1024, "threads; 0: as many as there is work and idle cores (results never depend on it)") \
    NUM(int, envs, 1, 1, 1048576, "environments stepped together")                                         \
    PICK(device, 0, "cpu", "where the arithmetic runs")                                                    \
    TEXT(preset, "", "settings from presets/ALGO/NAME.yaml; none: no preset; default: the one of the environment") \
    TEXT(run, "", "directory of the run; none: keep nothing; default: runs/ALGO-ENV-SEED")                 \
    NUM(int, eval_episodes, 100, 0, 1000000, "episodes of the evaluation at the end; 0: none")             \
    NUM(int64_t, eval_every, 0, 0, 1e15, "also evaluate every so many steps; 0: no")                       \
    NUM(double, checkpoint_every, 30, 0, 1e9, "seconds between checkpoints; 0: not by time")               \
    NUM(int64_t, checkpoint_steps, 0, 0, 1e15, "steps between checkpoints; 0: not by steps")               \
    NUM(int64_t, stop_after, 0, 0, 1e15, "stop at this step, schedules untouched; 0: run to the end")      \
    NUM(int64_t, log_steps, 0, 0, 1e15, "steps between lines of metrics.jsonl; 0: 200 lines in a run")     \
    NUM(bool, tensorboard, true, 0, 1, "write the metrics as TensorBoard events too")
MB_OPTIONS(run, RUN_OPTIONS)

enum { SET_RUN, SET_ALGO, SET_ENV, SET_TABLES };

struct mb_settings {
    mb_arena *arena;
    const mb_algo_def *algo;
    const mb_env_def *env;
    mb_plugin *plugin;            /* of an environment that came from a file */
    const char *env_file;         /* that file, or NULL */
    struct run_options run;
    void *algo_options, *env_options;
    const char *dir;              /* setting `run` in full length, or NULL */
    const char **origin[SET_TABLES]; /* per row; NULL: the default */
};

const mb_option *mb__settings_rows(const mb_settings *s, int table);
void *mb__settings_values(const mb_settings *s, int table);
/* The items of a parsed YAML file; where: for messages. */
bool mb__settings_items(mb_settings *s, const mb_yaml *y, const char *where, mb_error *err);
/* What the file of an environment is called within a run: env.c or env.so. */
const char *mb__env_copy(const mb_settings *s);
/* Settings of an existing run, from its config.yaml.  env: the run's environment, where it is not one that a name finds. */
mb_settings *mb__settings_of_run(mb_arena *a, const char *dir, const mb_env_def *env, mb_error *err);

/* ---- metrics ---- */

enum { METRIC_WINDOW = 100 };
mb_metrics *mb__metrics_new(mb_scope *s, mb_error *err);
double mb__metrics_return(const mb_metrics *m);   /* mean of the last 100 episodes; NaN: none yet */
int64_t mb__metrics_episodes(const mb_metrics *m);
const char *mb__metrics_bad(const mb_metrics *m); /* the first metric reported as NaN or infinite, or NULL */
double mb__metrics_bad_value(const mb_metrics *m);
enum { METRIC_SCALARS = 64 + 3 };
typedef struct mb_scalar_at { const char *name; double value; } mb_scalar_at; /* NaN: no value yet */
/* Everything there is to log, with the means since the last call, which begin anew.  Returns how many: at most METRIC_SCALARS. */
int mb__metrics_take(mb_metrics *m, mb_scalar_at *out);

/* ---- what others watch: TensorBoard events, status.json, log.txt, requests ---- */

typedef struct events { int fd; uint8_t buffer[8192]; } events; /* fd -1: nothing is written */
/* A new file of events in `dir`.  after >= 0: the run continues behind this step; later events of older files are cut away. */
bool mb__events_open(events *e, const char *dir, int64_t after, mb_error *err);
/* One event with all of them, under "PREFIX/name" (prefix NULL: the name alone).  Values that are not finite are left out. */
bool mb__events_add(events *e, int64_t step, const char *prefix, const mb_scalar_at *s, int n, mb_error *err);
void mb__events_close(events *e);


/* ---- evaluation ---- */

typedef struct evaluator {
    mb_vec *vec;
    mb_actor actor;
    char *fresh;                 /* [nenvs][state bytes] every evaluation begins with the same streams */
    double *sum;                 /* [nenvs] return of the running episode */
    int64_t *length;             /* [nenvs] */
    int *quota, *done;           /* [nenvs] episodes to play, played */
} evaluator;

enum { EVAL_ENVS = 100 };
/* Episodes that never end are cut here when the environment has no time limit of its own. */
enum { EVAL_ENDLESS = 10000 };
bool mb__evaluator_new(evaluator *e, mb_run *run, void *self, const mb_algo_def *algo, const void *options, int nenvs, mb_error *err);
bool mb__evaluator_run(evaluator *e, int episodes, volatile const int *stop, mb_eval *out, mb_error *err);

/* ---- the trainer ---- */

struct mb_trainer {
    mb_arena *arena;
    bool plays;                  /* a player's: never trained */
    bool owns_settings;          /* opened from a directory: settings live in our arena */
    const mb_settings *settings;
    mb_hooks hooks;
    mb_scope scope, eval_scope;  /* eval: the same without a store */
    mb_run run, eval_run;
    void *self;
    evaluator eval;
    bool can_eval;

    char *dir;                   /* NULL: in memory only */
    int lock, metrics_fd, log_fd;
    events events;
    mb_logger log;               /* writes log.txt, then tells hooks.log */
    char *text; size_t text_size;/* for one line or file of JSON */
    char *checkpoint;            /* path of the newest */

    int64_t kept[2];             /* checkpoint block "run": step, last logged step */
    int64_t start_step, saved_step;
    double started, excluded, trained; /* seconds: clock at start, evaluation within, total so far */
    double saved_at, shown_at, look_at;
    double measure_at, other;    /* seconds: when an iteration may be measured again, spent outside of iterations */
    bool measure;                /* the next iteration */
    mb_phases phases;
    size_t memory, peak_memory;  /* bytes, as of the last look */
    int64_t eval_step;
    int64_t look_step;           /* read the clock again at this step */
    mb_eval last_eval;
    bool interrupted, asked_to_stop;
};

struct mb_player {
    mb_trainer *t;
    bool begun; /* a foreign environment's workers are started when it is stepped, not to act alone */
};

/* Everything but the directory: memory, threads, environments, algorithm, evaluation.  plays: it will not train. */
mb_trainer *mb__trainer_build(const mb_settings *s, mb_arena *owned, const mb_hooks *hooks, bool plays, int eval_envs, mb_error *err);
bool mb__trainer_stopped(const mb_trainer *t);
/* Reserve address space for a run: as much as the system grants, nothing is used yet. */
mb_arena *mb__run_arena(mb_error *err);
int mb__run_threads(const struct run_options *o);

/* ---- its directory ---- */

const char *mb__run_folder(const mb_settings *s, mb_arena *a, mb_error *err); /* an existing folder for large files */
bool mb__run_dir_create(mb_trainer *t, mb_error *err);
bool mb__run_dir_open(mb_trainer *t, const char *dir, mb_error *err);
void mb__run_dir_close(mb_trainer *t);
bool mb__run_path(char *out, size_t n, const char *dir, const char *name, mb_error *err);
bool mb__system_json_write(const mb_trainer *t, mb_error *err);
/* Replace a file that may be lost when the power fails, so without waiting for the disk. */
bool mb__quick_write(const char *path, const char *text, size_t n, mb_error *err);
size_t mb__memory(size_t *peak); /* bytes this process has now, and had at most */

void mb__progress(mb_trainer *t, double now, bool done, mb_progress_info *p);
/* status.json: what the run is doing, for those outside; "running", "finished", "stopped" or "failed". */
void mb__status_write(mb_trainer *t, const char *state, const mb_progress_info *p);
/* Logger function of a trainer (ctx): a line of log.txt, and on to its hooks. */
void mb__log_line(void *trainer, mb_log_level level, const char *text);
void mb__log_own(const mb_trainer *t, const char *fmt, ...) MB_PRINTF(2, 3); /* into log.txt alone: what a terminal shows otherwise */
enum { ASKED_NOTHING, ASKED_CHECKPOINT, ASKED_STOP };
/* What the file `request` of the run asks for; it is removed. */
int mb__request_take(const mb_trainer *t);
void mb__iso_time(char *out, size_t n); /* now, UTC */

bool mb__checkpoint_save(mb_trainer *t, mb_error *err);
/* Load the newest valid one of `dir` into the store; warn about others.  acting: without what only learning needs, the replay.
   *found false: there is none at all. */
bool mb__checkpoint_load(mb_trainer *t, const char *dir, bool acting, bool *found, mb_error *err);
/* The state when a metric went wrong, for a look afterwards; never resumed from. */
bool mb__checkpoint_failed_state(mb_trainer *t, char *path, size_t n, mb_error *err);

/* ---- policies in a file: settings and the weights that acting reads ---- */

struct mb_netlist;
/* The present policy of agent `agent`, finite numbers all; refused where the algorithm has none to give. */
bool mb__netlist_of(mb_trainer *t, int agent, struct mb_netlist *net, mb_error *err);
/* Whether `name` is "zoo:NAME" or a file rather than a directory; then its path. */
bool mb__policy_path(const char *name, char *path, size_t n);
bool mb__policy_write(mb_trainer *t, const char *path, int64_t *bytes, mb_error *err);
mb_settings *mb__policy_settings(mb_arena *a, const char *path, mb_error *err);
bool mb__policy_load(mb_trainer *t, const char *path, mb_error *err);

#endif
