/* matchbox eval RUN */
#include "cli/command.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                            \
    NUM(int, episodes, 100, 1, 1000000, "episodes to play")                                              \
    NUM(int64_t, seed, -1, -1, 9007199254740992.0, "of the episodes; -1: the run's, as at the end of train") \
    NUM(bool, json, false, 0, 1, "the last line of output is the result as JSON")
MB_OPTIONS(eval, OPTIONS)

static bool run(cli *c, mb_error *err)
{
    const struct eval_options *o = c->options;
    char memory[1024];
    mb_str text;
    mb_eval e;
    struct term_bar bar = { 0 };
    mb_hooks hooks = term_hooks(&bar);
    mb_player *p = mb_player_open(c->words[0], o->episodes < 100 ? o->episodes : 100,
                                  o->seed < 0 ? MB_SEED_OF_RUN : (uint64_t)o->seed, &hooks, err);
    if (!p) return false;
    bool ok = mb_player_eval(p, o->episodes, cli_stop_flag(), &e, err);
    if (ok && o->json) {
        mb_str_init(&text, memory, sizeof memory);
        mb_eval_json(&e, &text);
        cli_json(&text);
    } else if (ok) {
        printf("return %.2f over %d episodes (standard deviation %.2f, %.6g to %.6g), %.1f steps each, after %lld steps of training\n",
               e.return_mean, e.episodes, e.return_std, e.return_min, e.return_max, e.length_mean, (long long)mb_player_trained(p));
    }
    mb_player_free(p);
    return ok;
}

CLI_COMMAND(eval) = {
    .name = "eval", .usage = "eval RUN [--episodes N]", .summary = "play episodes with the trained policy",
    .about = "Plays whole episodes with the greedy or mean action of the newest checkpoint. Every environment plays its share of "
             "the episodes, so that short ones do not count more often.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(eval), .run = run,
};
