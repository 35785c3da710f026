/* matchbox/run.h - the runner: a run is a directory; train, resume, evaluate, plot.  Rank 5: does not know which
   algorithm it runs.  The program (cli/) and the Python package live on these headers alone. */
#ifndef MATCHBOX_RUN_H
#define MATCHBOX_RUN_H
#include "matchbox/algo.h"
#include "matchbox/core.h"
#include "matchbox/env.h"
#include "matchbox/phase.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- settings: default < preset < file < command line, each with where it came from ---- */

typedef struct mb_settings mb_settings;

/* Settings for ALGO on ENV with defaults in place.  Memory from `a`, which must outlive every trainer made of them.
   An ENV that ends in ".c" or ".so" or begins with "gym:" comes from outside (see mb_env_load). */
MB_API mb_settings *mb_settings_new(mb_arena *a, const char *algo, const char *env, mb_error *err);
/* Same, for descriptors not in the registry (a program that brings its own environment). */
MB_API mb_settings *mb_settings_of(mb_arena *a, const mb_algo_def *algo, const mb_env_def *env, mb_error *err);
/* key: a run option ("total-steps"), the algorithm's ("clip" or "ppo.clip") or the environment's ("env.gravity").
   `origin` is shown by --print-config and in errors ("on the command line", "presets/ppo/cartpole.yaml, line 4"). */
MB_API bool mb_settings_set(mb_settings *s, const char *key, const char *value, const char *origin, mb_error *err);
MB_API bool mb_settings_file(mb_settings *s, const char *path, mb_error *err);   /* YAML */
/* Apply presets/ALGO/ENV.yaml if there is one (name NULL), a named one (presets/ALGO/NAME.yaml, or a path ending in
   .yaml), or none ("none").  Looks in $MATCHBOX_PRESETS, ./presets, next to the program, and
   PREFIX/share/matchbox/presets.  What a file or the command line says wins over a preset: apply the preset first. */
MB_API bool mb_settings_preset(mb_settings *s, const char *name, mb_error *err);
MB_API void mb_settings_yaml(const mb_settings *s, mb_str *out, bool origins);   /* replayable config.yaml */
MB_API const mb_algo_def *mb_settings_algo(const mb_settings *s);
MB_API const mb_env_def *mb_settings_env(const mb_settings *s);
MB_API const char *mb_settings_env_file(const mb_settings *s); /* where it came from a file, else NULL */
MB_API const void *mb_settings_env_options(const mb_settings *s);
MB_API const mb_option *mb_run_option_rows(void);  /* the common options, for help */
/* The value of a setting as text, as config.yaml would say it; false: no such setting. */
MB_API bool mb_settings_get(const mb_settings *s, const char *key, char *out, size_t n);
MB_API const mb_option *mb_settings_row(const mb_settings *s, const char *key); /* of a setting; NULL: no such setting */
/* The lines of a preset that gives these settings: everything that somebody set, but what belongs to one run (seed, threads ...). */
MB_API void mb_settings_changes(const mb_settings *s, mb_str *out);

/* A file that comes with matchbox ("docs/algo/ppo.md", "include/matchbox.h"): in the current directory, beside the
   program, or where `make install` put it.  False: not found. */
MB_API bool mb_find_data(const char *name, char *path, size_t n);

/* ---- environments from outside ---- */

typedef struct mb_plugin mb_plugin;
/* FILE.c: compile it with the system's compiler ($CC, else cc; its messages go to standard error) and load the one
   environment it defines.  FILE.so: load it.  gym:ID[?key=value&...]: one of Gymnasium or PettingZoo, or a class in a file
   (gym:FILE.py:CLASS), stepped by processes of Python ($MATCHBOX_PYTHON, else python3).  NULL: see err. */
MB_API mb_plugin *mb_env_load(mb_arena *a, const char *name, mb_error *err);
MB_API const mb_env_def *mb_plugin_env(const mb_plugin *p);
MB_API void mb_plugin_free(mb_plugin *p); /* the environment's code goes with it; NULL is fine */

/* ---- a trainer: one run in this process ---- */

typedef struct mb_eval {
    int episodes;
    double return_mean, return_std, return_min, return_max, length_mean;
} mb_eval;

typedef struct mb_summary {
    const char *dir, *algo, *env, *checkpoint;
    uint64_t seed;
    int64_t steps;
    double seconds, steps_per_second; /* of training, set-up and evaluation excluded */
    double return_mean;               /* last 100 training episodes; NaN: none ended */
    mb_eval eval;                     /* eval.episodes == 0: not evaluated */
    size_t peak_memory_bytes;
    bool interrupted;
    int64_t start_step;               /* where this process began: 0, or the checkpoint's step */
} mb_summary;

/* What a watcher (terminal, web page) is told about ten times a second and at the end. */
typedef struct mb_progress_info {
    int64_t step, total_steps;
    double seconds, steps_per_second, return_mean, last_eval;
    int64_t episodes;
    bool done;
    double phase_seconds[MB_PHASES];  /* of `seconds`, estimated from a few iterations; all 0: not known yet */
    size_t memory_bytes, peak_memory_bytes; /* of the process */
    int threads, envs;
    mb_eval eval;                     /* the last evaluation; eval.episodes == 0: none yet */
    int64_t eval_step;
    const char *dir, *algo, *env;     /* dir NULL: in memory only */
    uint64_t seed;
} mb_progress_info;

typedef struct mb_hooks {
    void (*progress)(void *ctx, const mb_progress_info *p);
    volatile const int *stop;         /* not 0: stop after this iteration, with a checkpoint (set by a signal handler) */
    mb_logger log;
    void *ctx;
    const mb_env_def *env;            /* opening a run: its environment, where it is one that no name finds; else NULL */
} mb_hooks;

typedef struct mb_trainer mb_trainer;
/* A new run in the directory of setting `run` (made; refused if it already holds a run or is locked).  First checkpoint
   written.  Setting `run` = "none": in memory only, nothing is written. */
MB_API mb_trainer *mb_trainer_new(const mb_settings *s, const mb_hooks *hooks, mb_error *err);
/* Open an existing run for continuing: newest valid checkpoint, metrics cut back to its step.  A log line says from which
   step.  hooks may be NULL. */
MB_API mb_trainer *mb_trainer_open(const char *dir, const mb_hooks *hooks, mb_error *err);
/* The same with some settings of the run changed for this process: key, value, key, value, ..., NULL (or NULL: none).  Only
   those that do not change what is computed: threads, total-steps, stop-after, checkpoint-*, eval-*. */
MB_API mb_trainer *mb_trainer_open_with(const char *dir, const char *const *changes, const mb_hooks *hooks, mb_error *err);
MB_API bool mb_trainer_run(mb_trainer *t, mb_error *err);     /* until total steps, stop-after or hooks->stop; ends with a checkpoint */
MB_API bool mb_trainer_evaluate(mb_trainer *t, int episodes, mb_eval *out, mb_error *err);
MB_API bool mb_trainer_summary(mb_trainer *t, mb_summary *out, mb_error *err); /* also writes summary.json */
MB_API const mb_settings *mb_trainer_settings(const mb_trainer *t);
MB_API const char *mb_trainer_dir(const mb_trainer *t);       /* NULL: in memory only */
MB_API mb_run *mb_trainer_view(mb_trainer *t);                /* for tests and benches */
MB_API bool mb_trainer_iterate(mb_trainer *t, mb_error *err); /* one cycle, nothing else: for tests and benches */
MB_API void mb_trainer_free(mb_trainer *t);

/* ---- a trained policy, without training state: eval, play, export ---- */

typedef struct mb_player mb_player;
#define MB_SEED_OF_RUN UINT64_MAX
/* A directory with a run, a policy file, or zoo:NAME: what mb_player_open opens. */
MB_API bool mb_is_run(const char *name);
/* Load the newest valid checkpoint of RUN (or a policy file; zoo:NAME is one that comes with matchbox) with `nenvs` evaluation environments.  seed: of the evaluation streams
   (MB_SEED_OF_RUN and min(episodes, 100) environments: the very episodes that `train` evaluates on).  hooks (may be NULL): their
   log is told of checkpoints that were refused. */
MB_API mb_player *mb_player_open(const char *dir, int nenvs, uint64_t seed, const mb_hooks *hooks, mb_error *err);
/* The same in an environment with other options: key, value, ..., NULL, every key "env.NAME". */
MB_API mb_player *mb_player_open_in(const char *dir, const char *const *changes, int nenvs, uint64_t seed, const mb_hooks *hooks, mb_error *err);
/* No policy: uniformly random actions (respecting masks). */
MB_API mb_player *mb_player_random(const mb_settings *s, int nenvs, mb_error *err);
/* Only choose actions for the vectoriser's present observations, which the caller may have written (see mb_vec_view). */
MB_API bool mb_player_act(mb_player *p, bool greedy, mb_error *err);
MB_API bool mb_player_step(mb_player *p, bool greedy, mb_error *err);
MB_API mb_vec *mb_player_vec(mb_player *p);
/* What the policy made of the observations of the last step, before its heads: [*rows, *width], rows as in the vectoriser (of the
   first policy where there are several).  NULL: an algorithm without such a thing. */
MB_API const float *mb_player_latent(mb_player *p, int *rows, int *width);
MB_API const mb_settings *mb_player_settings(const mb_player *p);
MB_API int64_t mb_player_trained(const mb_player *p);         /* the checkpoint's step; 0 for a random player */
/* Greedy, like the evaluation of `train`.  *stop not 0 (may be NULL) ends it with MB_ERR_INTERRUPTED. */
MB_API bool mb_player_eval(mb_player *p, int episodes, volatile const int *stop, mb_eval *out, mb_error *err);
MB_API void mb_player_free(mb_player *p);

/* What numbers may depend on, as lines `"key": value` of a JSON object, without its braces: version, commit, compiler, CPU. */
MB_API void mb_system_facts(mb_str *out);
/* ---- a family of environments: options drawn from ranges (Jayawardana et al. 2022: one instance says little) ---- */

typedef struct mb_family mb_family;
/* text: "length=0.25..1,gravity=7..13": numbers of the environment's options, each drawn uniformly and independently. */
MB_API mb_family *mb_family_new(mb_arena *a, const mb_env_def *env, const char *text, mb_error *err);
MB_API int mb_family_size(const mb_family *f); /* ranges */
/* Options of the member: key, value, ..., NULL, for mb_player_open_in and mb_settings_set.  The same seed and number give the same. */
MB_API bool mb_family_member(const mb_family *f, uint64_t seed, int member, mb_arena *a, const char ***changes, mb_error *err);

MB_API void mb_eval_json(const mb_eval *e, mb_str *out);
MB_API void mb_summary_json(const mb_summary *s, mb_str *out);

#ifdef __cplusplus
}
#endif
#endif
