/* sft - supervised fine-tuning: the next token of what the model is to write; prompts and what tools send back do not count. */
#include "algo/lm/teach.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) TEACH_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(sft, OPTIONS)

static bool iterate(mb_run *run, void *self, const void *options, mb_error *err)
{
    const struct sft_options *o = options;
    return teach_step(run, self, false, &o->lr, o->warm, err);
}

MB_LM_ALGO(sft) = {
    MB_ALGO_HEAD, .name = "sft", .summary = "supervised fine-tuning: the next token of what the model is to write", .paper = "Ouyang et al. 2022",
    MB_USE_OPTIONS(sft), TEACH_ALGO, .iterate = iterate,
};
