/* pretrain - the next token of every document, all tokens counting alike. */
#include "matchbox/algo.h"
#include "matchbox/lm_task.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                              \
    MB_LM_COMMON_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                     \
    SCHED(lr, "cosine:2e-3:2e-4", 0, 1, "step size")                       \
    NUM(int, warm, 20, 0, 1000000, "steps over which the step size grows")
MB_OPTIONS(pretrain, OPTIONS)

static bool setup(mb_run *run, void *self, const void *options, mb_error *err)
{
    mb_lm_common o;
    memcpy(&o, options, sizeof o);
    return mb_lm_school_open(self, run->scope, run->env->name, run->env_options, &o, NULL, err);
}

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct pretrain_options *o = options;
    mb_lm_school *c = self;
    mb_lm_lesson lesson;
    const char *name;
    double value;
    bool tested;
    float lr = mb_lm_warm(mb_schedule_at(&o->lr, mb_progress(run)), run->step, o->warm);
    if (!mb_lm_teach(c->teacher, run->step, true, lr, &lesson, err)) return false;
    run->step++;
    mb_report(run->metrics, "loss", lesson.loss);
    mb_report(run->metrics, "grad_norm", lesson.norm);
    mb_report(run->metrics, "tokens", (double)lesson.tokens);
    if (!mb_lm_school_test(c, run->step, run->step >= run->total_steps, &tested, err)) return false;
    for (int i = 0; tested && mb_lm_report_at(&c->report, i, &name, &value); i++) mb_report(run->metrics, name, value);
    return true;
}

static bool folder(mb_run *run, void *self, const void *options, const char *path, mb_error *err)
{
    return mb_lm_kit_save(((mb_lm_school *)self)->kit, path, MB_ST_F32, err);
}

static void end(void *self) { mb_lm_school_close(self); }

MB_LM_ALGO(pretrain) = {
    MB_ALGO_HEAD, .name = "pretrain", .summary = "the next token of every document", .paper = "Radford et al. 2019",
    .state_size = sizeof(mb_lm_school), MB_USE_OPTIONS(pretrain), .default_envs = 1, .default_steps = 1000,
    .setup = setup, .iterate = iterate, .folder = folder, .close = end, .place = mb_lm_text_env,
};
