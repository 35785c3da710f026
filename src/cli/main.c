/* matchbox COMMAND: find the command, read its words and options, run it, turn its error into an exit status. */
#include "cli/command.h"
#include "cli/dashboard.h"
#include "build_info.h"
#include <signal.h>
#include <string.h>
#include <unistd.h>

static volatile int stop_flag;

static void on_signal(int number)
{
    if (stop_flag) {
        static const char show_cursor[] = "\033[?25h\033[0m\n";
        dashboard_restore();
        if (isatty(2)) (void)!write(2, show_cursor, sizeof show_cursor - 1);
        _exit(EXIT_INTERRUPTED);
    }
    stop_flag = number;
}

volatile const int *cli_stop_flag(void) { return &stop_flag; }
void cli_stop_at_once(void) { stop_flag = SIGINT; }

void cli_catch_signals(void)
{
    struct sigaction a = { .sa_handler = on_signal };
    sigemptyset(&a.sa_mask);
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN); /* a file over the limit is an error of the write, told like a full disk */
}

/* A command is called by one word or two ("lm loss"); *words: how many it took. */
static const mb_command_def *find_command(const char *name, const char *second, int *words, mb_error *err)
{
    const char *names[64] = { NULL };
    const mb_command_def *d = second ? cli_find_command(name, second) : NULL;
    *words = d ? 2 : 1;
    if (d || (d = cli_find_command(name, NULL))) return d;
    char both[128], prefix[68];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "%.64s ", name);
    bool family = false;
    for (int i = 0; mb__command_table[i] && i < 63; i++) {
        names[i] = mb__command_table[i]->name;
        family = family || strncmp(names[i], prefix, n) == 0;
    }
    if (family && !second) {
        mb_fail(err, MB_ERR_USAGE, "'%.64s' needs a second word", name);
        return mb_help(err, "matchbox help %.64s", name), NULL;
    }
    snprintf(both, sizeof both, family ? "%.60s %.60s" : "%.60s", name, second);
    mb_fail(err, MB_ERR_USAGE, "no command is called '%s'", both);
    const char *near = mb_nearest(both, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    mb_help(err, "matchbox help");
    return NULL;
}

/* ---- words and options ---- */

static bool is_bool(const mb_option *row) { return row && row->kind == MB_OPT_BOOL; }

static bool truth(const char *word) { return word && (strcmp(word, "true") == 0 || strcmp(word, "false") == 0); }

static bool take_option(cli *c, const char *key, const char *value, mb_error *err)
{
    const mb_command_def *d = c->command;
    const mb_option *row = d->options ? mb_options_find(d->options, key) : NULL;
    if (!row && d->takes_settings) {
        if (c->nsettings == CLI_SETTINGS) return mb_fail(err, MB_ERR_USAGE, "%s: more than %d options", d->name, CLI_SETTINGS);
        c->settings[c->nsettings++] = (cli_setting){ key, value };
        return true;
    }
    if (row && !value && !is_bool(row)) {
        mb_fail(err, MB_ERR_USAGE, "%s: option '%s' needs a value", d->name, key);
    } else if (row && row->kind == MB_OPT_TEXT) {
        c->texts[c->ntexts++ % 16] = (cli_setting){ row->name, value };
        return true;
    } else {
        static const mb_option none[] = { { NULL, MB_OPT_INT, 0, 0, 0, 0, NULL, NULL, NULL } };
        if (mb_options_set(d->name, d->options ? d->options : none, c->options, key, value ? value : "true", err)) return true;
    }
    mb_note(err, "on the command line");
    return mb_help(err, "matchbox help %s", d->name);
}

/* --key value, --key=value, --flag, -o value */
static bool read_option(cli *c, int argc, char **argv, int *i, mb_error *err)
{
    const char *arg = argv[*i], *value = NULL;
    char *key = mb_strdup(c->arena, strcmp(arg, "-o") == 0 ? "output" : strcmp(arg, "-h") == 0 ? "help" : arg + 2, err);
    if (!key) return false;
    char *equals = strchr(key, '=');
    if (equals) {
        *equals = 0;
        value = equals + 1;
    } else {
        const mb_option *row = c->command->options ? mb_options_find(c->command->options, key) : NULL;
        const char *next = *i + 1 < argc ? argv[*i + 1] : NULL;
        bool value_follows = next && strncmp(next, "--", 2) != 0 && (!is_bool(row) || truth(next));
        if (value_follows) value = argv[++*i];
    }
    return take_option(c, key, value, err);
}

static bool read_arguments(cli *c, int argc, char **argv, mb_error *err)
{
    const mb_command_def *d = c->command;
    bool only_words = false;
    for (int i = 0; i < argc; i++) {
        bool is_option = strncmp(argv[i], "--", 2) == 0 || strcmp(argv[i], "-o") == 0;
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && is_option) {
            if (!read_option(c, argc, argv, &i, err)) return false;
        } else {
            if (c->nwords == CLI_WORDS) return mb_fail(err, MB_ERR_USAGE, "%s: more than %d words", d->name, CLI_WORDS);
            c->words[c->nwords++] = argv[i];
        }
    }
    if (c->nwords >= d->min_words && c->nwords <= d->max_words) return true;
    if (c->nwords < d->min_words) mb_fail(err, MB_ERR_USAGE, "%s: something is missing: matchbox %s", d->name, d->usage);
    else mb_fail(err, MB_ERR_USAGE, "%s: '%.64s' is one word too many: matchbox %s", d->name, c->words[d->max_words], d->usage);
    return mb_help(err, "matchbox help %s", d->name);
}

const mb_command_def *cli_find_command(const char *first, const char *second)
{
    char both[128];
    snprintf(both, sizeof both, second ? "%.60s %.60s" : "%.60s", first, second);
    for (int i = 0; mb__command_table[i]; i++)
        if (strcmp(mb__command_table[i]->name, both) == 0) return mb__command_table[i];
    return NULL;
}

const char *cli_text(const cli *c, const char *key)
{
    for (int i = c->ntexts - 1; i >= 0; i--)
        if (strcmp(c->texts[i].key, key) == 0) return c->texts[i].value;
    return NULL;
}

bool cli_settings(const cli *c, const char *preset, const char *config, mb_settings *s, mb_error *err)
{
    if (!mb_settings_preset(s, preset, err)) return false;
    if (config && !mb_settings_file(s, config, err)) return false;
    for (int i = 0; i < c->nsettings; i++)
        if (!mb_settings_set(s, c->settings[i].key, c->settings[i].value, "on the command line", err)) return false;
    return true;
}

int cli_report(const mb_error *err)
{
    char text[4096];
    mb_error_text(err, text, sizeof text);
    fflush(stdout);
    fputs(text, stderr);
    switch (err->code) {
    case MB_OK: return EXIT_GOOD;
    case MB_ERR_USAGE: case MB_ERR_RANGE: case MB_ERR_FORMAT: case MB_ERR_SHAPE: case MB_ERR_UNSUPPORTED: return EXIT_USAGE;
    case MB_ERR_INTERRUPTED: return EXIT_INTERRUPTED;
    default: return EXIT_FAILED;
    }
}

void cli_json(const mb_str *json)
{
    printf("%s\n", json->s);
    fflush(stdout);
}

static void print_version(void)
{
    printf("matchbox %s (%s)\n%s, %s\nfeatures: %s\n", MB_VERSION, MB_BUILD_COMMIT, MB_BUILD_COMPILER, MB_BUILD_FLAGS,
           *MB_BUILD_FEATURES ? MB_BUILD_FEATURES : "none beyond the core");
}

static bool run_command(int argc, char **argv, cli *c, mb_error *err)
{
    static char *help_word[] = { NULL };
    const char *name = argc > 1 ? argv[1] : "help";
    char **rest = argc > 2 ? argv + 2 : help_word;
    int nrest = argc > 2 ? argc - 2 : 0;
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    for (int i = 0; i < nrest; i++) /* matchbox train --help */
        if (strcmp(rest[i], "--help") == 0 || strcmp(rest[i], "-h") == 0) {
            nrest = cli_find_command(name, rest[0]) ? 2 : 1;
            rest = argv + 1;
            name = "help";
            break;
        }
    int words;
    c->command = find_command(name, nrest ? rest[0] : NULL, &words, err);
    if (!c->command) return false;
    c->options = mb_alloc(c->arena, 1, c->command->options_size + 1, err);
    if (!c->options) return false;
    mb_options_default(c->command->options, c->options);
    return read_arguments(c, nrest - (words - 1), rest + (words - 1), err) && c->command->run(c, err);
}

int main(int argc, char **argv)
{
    static cli c;
    mb_error err = { 0 };
    if (argc > 1 && (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0)) {
        print_version();
        return EXIT_GOOD;
    }
    cli_catch_signals();
    c.arena = mb_arena_new((size_t)1 << 30, &err);
    bool ok = c.arena && run_command(argc, argv, &c, &err);
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    int status = ok ? EXIT_GOOD : cli_report(&err);
    if (ok && !written) {
        fputs("error: standard output cannot be written\n", stderr);
        status = EXIT_FAILED;
    }
    mb_arena_free(c.arena);
    return status;
}
