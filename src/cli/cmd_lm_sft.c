/* matchbox lm sft TASK|FILE */
#include "cli/lm_common.h"

MB_OPTIONS(lm_sft, TRAIN_ROWS)

static bool run(cli *c, mb_error *err)
{
    return cli_train(c, c->options, cli_text_settings(c, "sft", err), err);
}

CLI_COMMAND(lm_sft) = {
    .name = "lm sft", .usage = "lm sft TASK|FILE [--option value ...]",
    .summary = "supervised fine-tuning of a language model",
    .about = "Learns what the model is to write: the correct turns of a TASK, or completions and assistant messages of a FILE.jsonl; prompts and what tools send back do not count. --model names a folder of Hugging Face or a run to begin with. Options: those below, of a run (matchbox help train) and of the trainer (matchbox help sft).",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(lm_sft), .run = run,
};
