/* text_env.c - what stands in the place of an environment for algorithms that learn from texts: it carries a task's name and settings, and
   has one state.  The task itself is opened by the algorithm. */
#include "matchbox/lm_task.h"
#include <string.h>

MB_OPTIONS(text, MB_TEXT_OPTIONS)

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->obs[0] = 0;
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    io->obs[0] = 0;
    return (mb_step){ 0, true };
}

MB_BATCH(reset, step)

static const mb_env_def text = {
    MB_ENV_HEAD, .name = "text", .summary = "documents of a file, or a task", .obs = MB_BOX(1), .act = MB_DISCRETE(1), .state_size = 8,
    MB_USE_OPTIONS(text), .reset = reset, .step = step, .batch = batch,
};

const mb_env_def *mb_lm_text_env(mb_arena *a, const char *name, mb_error *err)
{
    const mb_task_def *task = strcmp(name, text.name) == 0 ? NULL : mb_task_find(name, err);
    mb_env_def *d = mb_alloc(a, 1, sizeof *d, err);
    if (!d || (!task && strcmp(name, text.name) != 0)) return NULL;
    *d = text;
    if (task) d->name = task->name, d->summary = task->summary;
    return d;
}
