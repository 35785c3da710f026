/* matchbox train ALGO ENV */
#include "cli/command.h"
#include <string.h>

MB_OPTIONS(train, TRAIN_ROWS)

static void print_result(const mb_summary *s)
{
    char rate[16];
    printf("%s on %s: %lld steps in %.2f s (%s steps/s)\n", s->algo, s->env, (long long)s->steps, s->seconds,
           term_count(rate, s->steps_per_second));
    if (s->return_mean == s->return_mean) printf("  return       %.2f over the last 100 training episodes\n", s->return_mean);
    if (s->eval.episodes > 0)
        printf("  evaluation   %.2f over %d episodes (standard deviation %.2f, %.6g to %.6g)\n", s->eval.return_mean,
               s->eval.episodes, s->eval.return_std, s->eval.return_min, s->eval.return_max);
    if (s->dir) printf("  run          %s\n", s->dir);
}

/* An environment from a file may crash: what is left of the run then is its last checkpoint. */
static void expect_crashes(mb_trainer *t)
{
    char note[300] = "", help[300];
    const char *file = mb_settings_env_file(mb_trainer_settings(t)), *dir = mb_trainer_dir(t);
    if (!file) return;
    if (dir) snprintf(note, sizeof note, "the last checkpoint is in %.200s/checkpoints; the run keeps the file as it was", dir);
    snprintf(help, sizeof help, "matchbox check %.200s", file);
    cli_catch_crashes(file, dir ? note : NULL, help);
}

bool cli_finish(mb_trainer *t, const mb_settings *s, struct term_bar *bar, int episodes, bool json, mb_error *err)
{
    char memory[4096];
    mb_str text;
    mb_summary sum;
    mb_eval eval;
    mb_error also = { 0 };
    expect_crashes(t);
    bool ok = mb_trainer_run(t, err);
    if (ok && episodes > 0 && !mb_settings_algo(mb_trainer_settings(t))->place) ok = mb_trainer_evaluate(t, episodes, &eval, err);
    term_bar_close(bar);
    if (!ok && err->code != MB_ERR_INTERRUPTED) return false;
    if (!mb_trainer_summary(t, &sum, ok ? err : &also)) return false;
    if (json) {
        mb_str_init(&text, memory, sizeof memory);
        mb_summary_json(&sum, &text);
        cli_json(&text);
    } else if (ok) {
        print_result(&sum);
    }
    return ok;
}

static bool print_config(const cli *c, const mb_settings *s, mb_error *err)
{
    enum { BYTES = 256 * 1024 };
    char *memory = mb_alloc(c->arena, 1, BYTES, err);
    mb_str text;
    if (!memory) return false;
    mb_str_init(&text, memory, BYTES);
    mb_settings_yaml(s, &text, true);
    fputs(text.s, stdout);
    return true;
}

bool cli_train(const cli *c, const struct cli_train *o, mb_settings *s, mb_error *err)
{
    struct term_bar bar = { 0 };
    char episodes[32];
    if (!s || !cli_settings(c, cli_text(c, "preset"), cli_text(c, "config"), s, err)) return false;
    if (o->print_config) return print_config(c, s, err);
    if (!term_dashboard(&bar, o->dashboard, NULL, c->arena, err)) return false;
    mb_hooks hooks = term_hooks(&bar);
    mb_trainer *t = mb_trainer_new(s, &hooks, err);
    if (!t) return false;
    int64_t n = 0;
    if (mb_settings_get(s, "eval-episodes", episodes, sizeof episodes)) mb_parse_int(episodes, &n);
    bool ok = cli_finish(t, s, &bar, (int)n, o->json, err);
    mb_trainer_free(t);
    return ok;
}

static bool run(cli *c, mb_error *err)
{
    return cli_train(c, c->options, mb_settings_new(c->arena, c->words[0], c->words[1], err), err);
}

CLI_COMMAND(train) = {
    .name = "train", .usage = "train ALGO ENV [--option value ...]", .summary = "train an agent",
    .about = "Trains ALGO on ENV (a name; ./FILE.c or ./FILE.so of your own; gym:ID of Gymnasium or PettingZoo) and keeps everything in the directory of the run. Besides the "
             "options below it takes those of the algorithm (matchbox help ALGO) and of the environment (--env.NAME, see "
             "matchbox help ENV). The preset of the pair applies unless --preset none.",
    .min_words = 2, .max_words = 2, .takes_settings = true, MB_USE_OPTIONS(train), .run = run,
};
