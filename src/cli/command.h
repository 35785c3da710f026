/* cli/command.h - what a command of the program is, and what the commands share.  A command NAME lives in cmd_NAME.c and
   defines mb_command_NAME; the build lists the folder.  Commands see the public headers alone. */
#ifndef MB_CLI_COMMAND_H
#define MB_CLI_COMMAND_H
#include "matchbox/algo.h"
#include "matchbox/core.h"
#include "matchbox/env.h"
#include "matchbox/run.h"
#include <stdio.h>

enum { EXIT_GOOD = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 3 };
enum { CLI_WORDS = 256, CLI_SETTINGS = 256 };

typedef struct cli_setting { const char *key, *value; } cli_setting; /* value NULL: none was given */

typedef struct mb_command_def mb_command_def;
typedef struct cli {
    const mb_command_def *command;
    const char *words[CLI_WORDS + 1]; /* what is not an option */
    int nwords;
    cli_setting settings[CLI_SETTINGS]; /* options that are not the command's own: for an algorithm or environment */
    int nsettings;
    cli_setting texts[16];            /* the command's own options of kind TEXT, in full length */
    int ntexts;
    void *options;                    /* struct NAME_options of the command */
    mb_arena *arena;
} cli;

struct mb_command_def {
    const char *name, *usage, *summary, *about;
    int min_words, max_words;
    bool takes_settings;
    const mb_option *options; size_t options_size;
    const mb_option *(*file_keys)(void); /* of the file it reads, for help; NULL: none */
    bool (*run)(cli *c, mb_error *err);
};

extern const mb_command_def *const mb__command_table[]; /* generated from the listing of src/cli/ */
/* The command of one word, or of two ("lm", "loss"; its file is cmd_lm_loss.c); second may be NULL.  NULL: there is none. */
const mb_command_def *cli_find_command(const char *first, const char *second);
#define CLI_COMMAND(name) extern const mb_command_def mb_command_##name; const mb_command_def mb_command_##name

/* A TEXT option of the command in full length; NULL: not given. */
const char *cli_text(const cli *c, const char *key);
/* Apply preset, --config and the settings on the command line to `s`, in that order. */
bool cli_settings(const cli *c, const char *preset, const char *config, mb_settings *s, mb_error *err);
/* Print an error as every command does and give the exit status that belongs to it. */
int cli_report(const mb_error *err);

/* ---- signals: the first asks for a clean stop, the second ends the program at once ---- */
volatile const int *cli_stop_flag(void);
void cli_catch_signals(void);
void cli_stop_at_once(void); /* from here on the first signal ends the program: for work that leaves nothing behind */

/* From here on a crash is told as that of the environment `env`, with a note (or NULL) and what to do, before it ends us. */
void cli_catch_crashes(const char *env, const char *note, const char *help);

/* ---- terminal ---- */
bool term_is_tty(FILE *f);
bool term_color(FILE *f);              /* a terminal, not dumb, and NO_COLOR is not set */
void term_size(int *columns, int *rows);
void term_progress(void *ctx, const mb_progress_info *p); /* ctx: a struct term_bar */
struct dashboard;
struct term_bar { double shown_at; int lines; bool open; struct dashboard *dashboard; }; /* dashboard NULL: one line */
void term_bar_close(struct term_bar *b); /* leave the line that is being rewritten */
/* What --dashboard of train and resume says. */
enum { DASHBOARD_AUTO, DASHBOARD_OFF, DASHBOARD_ON };
#define DASHBOARD_ROW(PICK) PICK(dashboard, DASHBOARD_AUTO, "auto|off|on", "full-screen view of the run; auto: on a terminal that is large enough")
/* Give the bar its dashboard where it is wanted; past: a run whose curve it begins with, or NULL. */
bool term_dashboard(struct term_bar *b, int choice, const char *past, mb_arena *a, mb_error *err);
/* Hooks that show progress on standard error and stop on signals. */
mb_hooks term_hooks(struct term_bar *b);
void term_time_left(char *out, size_t n, const mb_progress_info *p);
/* 1234567 as 1.23M; 412000 as 412k. */
const char *term_count(char out[16], double v);
/* Print text with lines of at most `width`, continuation lines indented. */
void term_wrap(FILE *f, const char *text, int indent, int width);

/* ---- rows of options, for help ---- */
void rows_text(FILE *f, const mb_option *rows, const char *prefix);
void rows_keys(FILE *f, const mb_option *rows); /* as keys of a file */
void rows_markdown(FILE *f, const mb_option *rows, const char *prefix);

/* Text of one JSON value on standard output. */
void cli_json(const mb_str *json);
/* What train and its relatives on language models take. */
#define TRAIN_ROWS(NUM, PICK, TEXT, LIST, SCHED)                                                 \
    TEXT(config, "", "YAML file of settings; wins over the preset")                              \
    TEXT(preset, "", "presets/ALGO/NAME.yaml; none: no preset; default: the environment's own")  \
    DASHBOARD_ROW(PICK)                                                                          \
    NUM(bool, print_config, false, 0, 1, "show every setting and where it came from, then stop") \
    NUM(bool, json, false, 0, 1, "the last line of output is the summary as JSON")
struct cli_train { TRAIN_ROWS(MB_F_NUM, MB_F_PICK, MB_F_TEXT, MB_F_LIST, MB_F_SCHED) };
/* Train with these settings (NULL: err says why there are none) and what the command line says. */
bool cli_train(const cli *c, const struct cli_train *o, mb_settings *s, mb_error *err);
/* train and resume end the same way. */
bool cli_finish(mb_trainer *t, const mb_settings *s, struct term_bar *bar, int episodes, bool json, mb_error *err);

#endif
