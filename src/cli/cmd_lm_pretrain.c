/* matchbox lm pretrain TASK|FILE */
#include "cli/lm_common.h"

MB_OPTIONS(lm_pretrain, TRAIN_ROWS)

static bool run(cli *c, mb_error *err)
{
    return cli_train(c, c->options, cli_text_settings(c, "pretrain", err), err);
}

CLI_COMMAND(lm_pretrain) = {
    .name = "lm pretrain", .usage = "lm pretrain TASK|FILE [--option value ...]",
    .summary = "train a language model on documents",
    .about = "Learns the next token of every document: correct transcripts of a TASK (matchbox list tasks), or those of a FILE (.jsonl with \"text\", \"prompt\" and \"completion\" or \"messages\"; any other file is plain text, cut at blank lines). Without --model a new model is made. What trained lies in the folder model/ of the run, as Hugging Face has it. Options: those below, of a run (matchbox help train) and of the trainer (matchbox help pretrain).",
    .min_words = 1, .max_words = 1, .takes_settings = true, MB_USE_OPTIONS(lm_pretrain), .run = run,
};
