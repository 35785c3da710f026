/* teach.h - what trainers on correct texts share: a supervised step, its report, tests on held-out problems.  They differ in the tokens that
   count. */
#ifndef MB_ALGO_LM_TEACH_H
#define MB_ALGO_LM_TEACH_H
#include "matchbox/algo.h"
#include "matchbox/lm_task.h"
#include <string.h>

#define TEACH_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                        \
    MB_LM_COMMON_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                     \
    SCHED(lr, "cosine:2e-3:2e-4", 0, 1, "step size")                       \
    NUM(int, warm, 20, 0, 1000000, "steps over which the step size grows")

static inline bool teach_setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    mb_lm_common o;
    memcpy(&o, options, sizeof o); /* the first rows of every one's options */
    return mb_lm_school_open(self, run->scope, run->env->name, run->env_options, &o, NULL, err);
}

/* One step at the size lr, which grows over the first `warm` steps; all: the tokens of prompts and tools count too. */
static inline bool teach_step(mb_run *run, mb_lm_school *c, bool all, const mb_schedule *lr, int warm, mb_error *err)
{
    mb_lm_lesson lesson;
    const char *name;
    double value;
    bool tested;
    float size = mb_lm_warm(mb_schedule_at(lr, mb_progress(run)), run->step, warm);
    if (!mb_lm_teach(c->teacher, run->step, all, size, &lesson, err)) return false;
    run->step++;
    mb_report(run->metrics, "loss", lesson.loss);
    mb_report(run->metrics, "grad_norm", lesson.norm);
    mb_report(run->metrics, "tokens", (double)lesson.tokens);
    if (!mb_lm_school_test(c, run->step, run->step >= run->total_steps, &tested, err)) return false;
    for (int i = 0; tested && mb_lm_report_at(&c->report, i, &name, &value); i++) mb_report(run->metrics, name, value);
    return true;
}

static inline bool teach_folder(mb_run *run, void *self, const void *options, const char *path, mb_error *err)
{
    return mb_lm_kit_save(((mb_lm_school *)self)->kit, path, MB_ST_F32, err);
}

static inline void teach_close(void *self) { mb_lm_school_close(self); }

#define TEACH_ALGO                                                                                                           \
    .state_size = sizeof(mb_lm_school), .default_envs = 1, .default_steps = 1000, .setup = teach_setup, \
    .folder = teach_folder, .close = teach_close, .place = mb_lm_text_env
#endif
