/* matchbox lm plan MODEL|config.json: memory, told in advance */
#include "cli/lm_common.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                    \
    NUM(int, tokens, 2048, 1, 1048576, "of a micro-batch")                                       \
    NUM(bool, recompute, false, 0, 1, "layers computed again on the way back")                   \
    NUM(bool, train, true, 0, 1, "gradients and AdamW; false: the model at work")                \
    NUM(int, slots, 64, 0, 1000000, "texts sampled together; 0: none")                           \
    NUM(int, positions, 1024, 1, 1000000, "tokens of a text that is sampled")                    \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON object: bytes")
MB_OPTIONS(lm_plan, OPTIONS)

static bool run(cli *c, mb_error *err)
{
    const struct lm_plan_options *o = c->options;
    mb_lm_config m;
    if (!mb_lm_config_read(c->words[0], &m, err)) return false;
    mb_lm_learner_options l = MB_LM_LEARNER_DEFAULT;
    l.tokens = o->tokens, l.recompute = o->recompute, l.scores_only = !o->train;
    mb_lm_memory y = mb_lm_plan_memory(&m, &l, o->slots, o->positions);
    const struct { const char *name; double bytes; } rows[] = {
        { "weights", y.weights }, { "gradients", y.gradients }, { "optimizer", y.optimizer }, { "activations", y.activations }, { "head", y.head },
        { "cache", y.cache },
    };
    char memory[512], count[16];
    mb_str out;
    double all = 0;
    mb_str_init(&out, memory, sizeof memory);
    mb_str_add(&out, "{\"parameters\":%lld", (long long)mb_lm_config_parameters(&m));
    if (!o->json) printf("%s, %s parameters\n", mb_lm_family_name(m.family), term_count(count, (double)mb_lm_config_parameters(&m)));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; all += rows[i++].bytes) {
        mb_str_add(&out, ",\"%s\":%.0f", rows[i].name, rows[i].bytes);
        if (!o->json) printf("  %-12s %10.1f MB\n", rows[i].name, rows[i].bytes / 1e6);
    }
    mb_str_add(&out, ",\"total\":%.0f}", all);
    if (o->json) cli_json(&out);
    else printf("  %-12s %10.1f MB of %.1f MB that are free\n", "total", all / 1e6, mb_memory_free() / 1e6);
    return true;
}

CLI_COMMAND(lm_plan) = {
    .name = "lm plan", .usage = "lm plan FOLDER|config.json", .summary = "memory that a language model will take",
    .about = "Reads the architecture alone and tells what training or sampling takes: weights, gradients and the optimiser's moments in float32, what the "
             "way forward keeps of a micro-batch, the head's block of logits, and the cache of keys and values.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(lm_plan), .run = run,
};
