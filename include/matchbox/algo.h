/* matchbox/algo.h - what an algorithm is.  Rank 4: sees core, graph, env, nn, rl; never another algorithm, never run/.
   The runner owns the outer loop, checkpoints, evaluation, interruption; an algorithm owns one visible
   collect-and-learn cycle. */
#ifndef MATCHBOX_ALGO_H
#define MATCHBOX_ALGO_H
#include "matchbox/core.h"
#include "matchbox/env.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct mb_metrics mb_metrics;
struct mb_netlist;

/* The run as an algorithm sees it.  Made by the runner; the algorithm reads it and advances `step`. */
typedef struct mb_run {
    mb_scope *scope;            /* build everything in this */
    const mb_env_def *env;
    const void *env_options;
    mb_vec *vec;                /* the training environments: `envs` of them, already reset before setup */
    int64_t total_steps;        /* schedules run to here */
    int64_t step;               /* environment steps so far (all environments, one agent counted once): iterate adds to it;
                                   kept in the checkpoint by the runner */
    mb_metrics *metrics;
} mb_run;

MB_API double mb_progress(const mb_run *run); /* step / total_steps, at most 1 */

/* Report a number of this iteration (mean over the reports since the last log line).  `name` like "loss/policy" must be a
   string that lives for ever.  Not finite: the runner stops the run after a checkpoint, naming it.  Never allocates. */
MB_API void mb_report(mb_metrics *m, const char *name, double value);
/* Tell the runner which episodes ended in the vectoriser's last step (it keeps the last 100 returns).  Call once after each mb_vec_step. */
MB_API void mb_report_episodes(mb_metrics *m, const mb_vec *vec);

typedef struct mb_algo_def {
    int abi; size_t size;                 /* MB_ALGO_HEAD */
    const char *name, *summary, *paper;
    size_t state_size;                    /* zeroed memory for `self`; lives as long as the run */
    const mb_option *options; size_t options_size;
    int default_envs;                     /* --envs when nobody says: 0 means 1 */
    int64_t default_steps;                /* --total-steps when nobody says */
    /* optional: cross-field rules, and whether this environment can be trained at all */
    bool (*check)(const void *options, const mb_env_shape *env, int nenvs, mb_error *err);
    bool (*setup)(mb_run *run, void *self, const void *options, mb_error *err);
    /* one cycle; must advance run->step by at least 1.  Allocates nothing. */
    bool (*iterate)(mb_run *run, void *self, const void *options, mb_error *err);
    /* make the present policy act in another vectoriser of the same environment (evaluation, play); may allocate from
       run->scope->arena before it is sealed */
    bool (*actor)(mb_run *run, void *self, const void *options, mb_vec *vec, mb_actor *out, mb_error *err);
    /* optional: the present greedy policy of agent `agent` as a net list (netlist.h), for export; it points at the weights */
    bool (*netlist)(mb_run *run, void *self, const void *options, int agent, struct mb_netlist *out, mb_error *err);
    /* optional: what was trained as a folder for other programs; the runner asks for it with every checkpoint */
    bool (*folder)(mb_run *run, void *self, const void *options, const char *path, mb_error *err);
    void (*close)(void *self);            /* optional: give back what does not lie in the scope */
    /* optional: learns on something else than environments (no actor then); what stands in the place of one called `name` */
    const mb_env_def *(*place)(mb_arena *a, const char *name, mb_error *err);
} mb_algo_def;

#define MB_ALGO(name) MB_API extern const mb_algo_def mb_algo_##name; const mb_algo_def mb_algo_##name
#define MB_ALGO_HEAD .abi = MB_ABI, .size = sizeof(mb_algo_def)

#define MB_LM_ALGO(name) MB_API extern const mb_algo_def mb_lm_algo_##name; const mb_algo_def mb_lm_algo_##name /* src/algo/lm/ */

MB_API const mb_algo_def *mb_algo_find(const char *name, mb_error *err); /* hyphens = underscores; unknown: nearest name in a note */
MB_API const mb_algo_def *mb_algo_at(int i);                             /* in order of name, those on environments; NULL past the end */
MB_API const mb_algo_def *mb_lm_algo_at(int i);                          /* those on texts */

#ifdef __cplusplus
}
#endif
#endif
