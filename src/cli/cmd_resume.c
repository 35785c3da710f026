/* matchbox resume RUN */
#include "cli/command.h"

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                             \
    NUM(int, threads, 0, 0, 1024, "threads; 0: automatic (results never depend on it)")                   \
    NUM(int64_t, stop_after, 0, 0, 1e15, "stop at this step, schedules untouched; 0: run to the end")     \
    NUM(int64_t, total_steps, 0, 0, 1e15, "another end for the run (schedules change with it); 0: its own") \
    NUM(int, eval_episodes, 100, 0, 1000000, "episodes of the evaluation at the end; 0: none")            \
    DASHBOARD_ROW(PICK) \
    NUM(bool, json, false, 0, 1, "the last line of output is the summary as JSON")
MB_OPTIONS(resume, OPTIONS)

static bool run(cli *c, mb_error *err)
{
    const struct resume_options *o = c->options;
    struct term_bar bar = { 0 };
    char threads[16], stop[32], total[32], episodes[16];
    const char *changes[9];
    int n = 0;
    snprintf(threads, sizeof threads, "%d", o->threads);
    snprintf(stop, sizeof stop, "%lld", (long long)o->stop_after);
    snprintf(total, sizeof total, "%lld", (long long)o->total_steps);
    snprintf(episodes, sizeof episodes, "%d", o->eval_episodes);
    changes[n++] = "stop-after", changes[n++] = stop;
    changes[n++] = "eval-episodes", changes[n++] = episodes;
    if (o->threads) changes[n++] = "threads", changes[n++] = threads;
    if (o->total_steps) changes[n++] = "total-steps", changes[n++] = total;
    changes[n] = NULL;
    if (!term_dashboard(&bar, o->dashboard, c->words[0], c->arena, err)) return false;
    mb_hooks hooks = term_hooks(&bar);
    mb_trainer *t = mb_trainer_open_with(c->words[0], changes, &hooks, err);
    if (!t) return false;
    bool ok = cli_finish(t, NULL, &bar, o->eval_episodes, o->json, err);
    mb_trainer_free(t);
    return ok;
}

CLI_COMMAND(resume) = {
    .name = "resume", .usage = "resume RUN", .summary = "continue a run from its newest checkpoint",
    .about = "Continues a run that was stopped or killed. It starts at the newest valid checkpoint and ends with the same bytes as "
             "a run that was never interrupted.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(resume), .run = run,
};
