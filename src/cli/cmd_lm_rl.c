/* matchbox lm rl TASK */
#include "cli/command.h"

MB_OPTIONS(lm_rl, TRAIN_ROWS)

static bool run(cli *c, mb_error *err)
{
    return cli_train(c, c->options, mb_settings_new(c->arena, "grpo", c->words[0], err), err);
}

CLI_COMMAND(lm_rl) = {
    .name = "lm rl", .usage = "lm rl TASK [--option value ...]", .summary = "reinforce a language model on a task",
    .about = "Samples groups of answers to the problems of a TASK (matchbox list tasks), judges them and learns from what came out, with any loss of "
             "`matchbox lm loss --presets` (--objective, --convention, --fields). --model names a folder of Hugging Face or a run to begin with; "
             "--sft-steps teaches a new model first. `matchbox train grpo TASK` is the same. Options: those below, of a run (matchbox help train) and "
             "of the trainer (matchbox help grpo).",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(lm_rl), .run = run,
};
