/* matchbox help [NAME]: of the program, a command, an algorithm, an environment or a task. */
#include "cli/command.h"
#include "matchbox/task.h"
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED) NUM(bool, markdown, false, 0, 1, "only the table of options, as Markdown")
MB_OPTIONS(help, OPTIONS)

enum { WIDTH = 100 };

/* Commands whose names begin so, one a line; how many there are. */
static int print_commands(const char *prefix)
{
    int n = 0;
    for (int i = 0; mb__command_table[i]; i++) {
        if (strncmp(mb__command_table[i]->name, prefix, strlen(prefix)) != 0) continue;
        printf("  matchbox %-46s %s\n", mb__command_table[i]->usage, mb__command_table[i]->summary);
        n++;
    }
    return n;
}

/* The commands of two words that share the first, "lm": false when there are none. */
static bool help_family(const char *name)
{
    char prefix[64];
    snprintf(prefix, sizeof prefix, "%.60s ", name);
    if (print_commands(prefix) == 0) return false;
    printf("\nmatchbox help %s WORD says what one of them takes.\n", name);
    return true;
}

static void overview(void)
{
    printf("matchbox: reinforcement learning in C\n\n");
    print_commands("");
    printf("\nTry:  matchbox train ppo cartpole\n"
           "      matchbox list algos            matchbox list envs\n"
           "      matchbox help ppo              matchbox help cartpole\n");
}

static void help_command(const mb_command_def *d, bool markdown)
{
    if (markdown) {
        rows_markdown(stdout, d->options, "");
        return;
    }
    printf("matchbox %s\n\n", d->usage);
    term_wrap(stdout, d->about, 0, WIDTH);
    if (d->options) printf("\nOptions, with their defaults and ranges:\n");
    rows_text(stdout, d->options, "");
    if (d->file_keys) {
        printf("\nKeys of the file (key: value), with their defaults and ranges:\n");
        rows_keys(stdout, d->file_keys());
    }
    if (!d->takes_settings || strcmp(d->name, "train") != 0) return;
    printf("\nOptions of every run:\n");
    rows_text(stdout, mb_run_option_rows(), "");
}

/* The first paragraph of a page: what stands between its title and the next empty line. */
static void first_paragraph(const cli *c, const char *kind, const char *name)
{
    char page[256], path[1024], *text;
    size_t n;
    mb_error quiet = { 0 };
    snprintf(page, sizeof page, "docs/%s/%.100s.md", kind, name);
    if (!mb_find_data(page, path, sizeof path) || !mb_file_read(path, c->arena, &text, &n, &quiet)) return;
    while (*text == '#' || *text == '\n') text += *text == '#' ? strcspn(text, "\n") : 1;
    char *end = strstr(text, "\n\n");
    if (end) *end = 0;
    if (*text == '<' || *text == '|') return;
    printf("\n");
    term_wrap(stdout, text, 0, WIDTH);
}

static void help_algo(const cli *c, const mb_algo_def *d)
{
    char steps[16];
    printf("%s: %s\n", d->name, d->summary);
    if (d->paper) term_wrap(stdout, d->paper, 2, WIDTH);
    first_paragraph(c, "algo", d->name);
    printf("\nOptions, with their defaults and ranges:\n");
    rows_text(stdout, d->options, "");
    printf("\nUnless said otherwise: --total-steps %s --envs %d. Options of every run: matchbox help train\n",
           term_count(steps, d->default_steps > 0 ? (double)d->default_steps : 1e6), d->default_envs > 0 ? d->default_envs : 1);
}

static void print_space(const char *title, const mb_space *s)
{
    printf("  %-13s", title);
    for (int i = 0; i < s->nfields; i++) {
        const mb_field *f = &s->field[i];
        if (i) printf(", ");
        if (f->name) printf("%s ", f->name);
        if (f->kind == MB_FIELD_DISCRETE) printf("one of %d", f->n);
        else if (f->kind == MB_FIELD_IMAGE) printf("image %d x %d x %d of bytes", f->h, f->w, f->c);
        else if (f->h) printf("grid %d x %d x %d", f->h, f->w, f->c);
        else printf("%d number%s", f->n, f->n == 1 ? "" : "s");
        if (f->kind == MB_FIELD_BOX && !f->lows && f->low > -MB_INF) printf(" in [%g, %g]", (double)f->low, (double)f->high);
    }
    printf("\n");
}

static bool help_env(const cli *c, const mb_env_def *d, mb_error *err)
{
    mb_env_shape shape;
    mb_settings *s = mb_settings_of(c->arena, mb_algo_at(0), d, err);
    if (!s || !mb_env_shape_of(d, mb_settings_env_options(s), &shape, err)) return false;
    printf("%s: %s\n", d->name, d->summary);
    if (d->source) term_wrap(stdout, d->source, 2, WIDTH);
    first_paragraph(c, "env", d->name);
    printf("\n");
    print_space("observation", &shape.obs);
    print_space("action", &shape.act);
    if (shape.nagents > 1) printf("  agents       %d\n", shape.nagents);
    if (shape.time_limit) printf("  time limit   %d steps\n", shape.time_limit);
    if (d->solved != 0) printf("  solved       mean return of at least %g\n", (double)d->solved);
    if (shape.masked) printf("  masks        tells which actions are allowed\n");
    if (d->state_names) printf("  full state   %s (for matchbox trace)\n", d->state_names);
    if (d->options && d->options[0].name) printf("\nOptions, with their defaults and ranges:\n");
    rows_text(stdout, d->options, "env.");
    return true;
}

static void help_task(const cli *c, const mb_task_def *d)
{
    printf("%s: %s\n", d->name, d->summary);
    term_wrap(stdout, d->source, 2, WIDTH);
    first_paragraph(c, "task", d->name);
    printf("\n  levels       1 to %d: %s\n", d->levels, d->level_help);
    printf("  answers      %s\n", d->roles ? "a game of several turns" : d->reply ? "several turns, with tools" : "one turn");
    printf("\nOptions, with their defaults and ranges:\n");
    rows_text(stdout, d->options, "task.");
    printf("\nOptions of every task:\n");
    rows_text(stdout, mb_task_option_rows(), "task.");
}

static bool unknown(const char *name, mb_error *err)
{
    const char *names[1024] = { NULL };
    int n = 0;
    for (int i = 0; mb__command_table[i]; i++) names[n++] = mb__command_table[i]->name;
    for (int i = 0; mb_algo_at(i) && n < 500; i++) names[n++] = mb_algo_at(i)->name;
    for (int i = 0; mb_env_at(i) && n < 900; i++) names[n++] = mb_env_at(i)->name;
    for (int i = 0; mb_task_at(i) && n < 1000; i++) names[n++] = mb_task_at(i)->name;
    mb_fail(err, MB_ERR_USAGE, "no command, algorithm, environment or task is called '%.64s'", name);
    const char *near = mb_nearest(name, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    return mb_help(err, "matchbox help");
}

static bool run(cli *c, mb_error *err)
{
    const struct help_options *o = c->options;
    mb_error quiet = { 0 };
    if (c->nwords == 0) {
        overview();
        return true;
    }
    const char *name = c->words[0];
    const mb_command_def *command = cli_find_command(name, c->nwords > 1 ? c->words[1] : NULL);
    const mb_algo_def *algo = command ? NULL : mb_algo_find(name, &quiet);
    quiet = (mb_error){ 0 };
    const mb_env_def *env = command || algo ? NULL : mb_env_find(name, &quiet);
    quiet = (mb_error){ 0 };
    const mb_task_def *task = command || algo || env ? NULL : mb_task_find(name, &quiet);
    if (!command && !algo && !env && !task) return (c->nwords == 1 && help_family(name)) || unknown(name, err);
    if (command) help_command(command, o->markdown);
    else if (o->markdown) rows_markdown(stdout, algo ? algo->options : env ? env->options : task->options, algo ? "" : env ? "env." : "task.");
    else if (task) help_task(c, task);
    else if (algo) help_algo(c, algo);
    else return help_env(c, env, err);
    return true;
}

CLI_COMMAND(help) = {
    .name = "help", .usage = "help [COMMAND|ALGO|ENV|TASK]", .summary = "what a command, algorithm, environment or task does and takes",
    .about = "Without a name: all commands. With one: what it does, and its options with defaults and ranges.",
    .min_words = 0, .max_words = 2, MB_USE_OPTIONS(help), .run = run,
};
