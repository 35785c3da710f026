/* cli/lm_common.h - a language model opened by a command. */
#ifndef MB_CLI_LM_COMMON_H
#define MB_CLI_LM_COMMON_H
#include "cli/command.h"
#include "matchbox/lm_task.h"

/* Settings of a trainer on texts for the command's word: a task, or a file. */
mb_settings *cli_text_settings(const cli *c, const char *algo, mb_error *err);

struct lm_place { mb_arena *arena; mb_scope scope; mb_lm_kit *kit; };
bool lm_open(struct lm_place *p, const char *folder, int threads, uint64_t seed, mb_error *err);
void lm_close(struct lm_place *p);

#endif
