/* pretrain - the next token of every document, all tokens counting alike. */
#include "algo/lm/teach.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) TEACH_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(pretrain, OPTIONS)

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct pretrain_options *o = options;
    return teach_step(run, self, true, &o->lr, o->warm, err);
}

MB_LM_ALGO(pretrain) = {
    MB_ALGO_HEAD, .name = "pretrain", .summary = "the next token of every document", .paper = "Radford et al. 2019",
    MB_USE_OPTIONS(pretrain), TEACH_ALGO, .iterate = iterate,
};
