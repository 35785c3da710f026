/* matchbox list KIND */
#include "cli/command.h"
#include "matchbox/nn.h"
#include "matchbox/task.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array")  \
    NUM(bool, names, false, 0, 1, "names only, one per line")
MB_OPTIONS(list, OPTIONS)

struct entry { const char *name, *summary, *source; };
typedef bool entry_at(int i, struct entry *out);

static bool algo_at(int i, struct entry *out)
{
    const mb_algo_def *d = mb_algo_at(i);
    if (d) *out = (struct entry){ d->name, d->summary, d->paper };
    return d != NULL;
}

static bool env_at(int i, struct entry *out)
{
    const mb_env_def *d = mb_env_at(i);
    if (d) *out = (struct entry){ d->name, d->summary, d->source };
    return d != NULL;
}

static bool command_at(int i, struct entry *out)
{
    const mb_command_def *d = mb__command_table[i];
    if (d) *out = (struct entry){ d->name, d->summary, NULL };
    return d != NULL;
}

static bool model_at(int i, struct entry *out)
{
    const mb_model_def *d = mb_model_at(i);
    if (d) *out = (struct entry){ d->name, d->summary, NULL };
    return d != NULL;
}

static bool task_at(int i, struct entry *out)
{
    const mb_task_def *d = mb_task_at(i);
    if (d) *out = (struct entry){ d->name, d->summary, d->source };
    return d != NULL;
}

/* The i-th file in alphabetical order of a folder that comes with matchbox, of those that end in `end`; its name without that. */
static bool file_at(const char *folder, const char *end, int i, char name[256], char path[1400])
{
    char dir[1024];
    struct dirent **files;
    if (!mb_find_data(folder, dir, sizeof dir)) return false;
    int n = scandir(dir, &files, NULL, alphasort), seen = 0;
    bool found = false;
    for (int k = 0; k < n; k++) {
        size_t length = strlen(files[k]->d_name), tail = strlen(end);
        bool fits = length > tail && strcmp(files[k]->d_name + length - tail, end) == 0;
        if (fits && seen++ == i) {
            found = true;
            snprintf(path, 1400, "%s/%s", dir, files[k]->d_name);
            snprintf(name, 256, "%.*s", (int)(length - tail), files[k]->d_name);
        }
        free(files[k]);
    }
    if (n >= 0) free(files);
    return found;
}

/* Read as far as it can be. */
static bool experiment_at(int i, struct entry *out)
{
    static char name[256], text[2][1024];
    char path[1400];
    mb_error quiet = { 0 };
    if (!file_at("experiments", ".yaml", i, name, path)) return false;
    mb_arena *a = mb_arena_new((size_t)1 << 28, &quiet);
    mb_yaml y = { 0 };
    const char *claim = a && mb_yaml_read(path, a, &y, &quiet) ? mb_yaml_get(&y, "claim") : NULL, *source = claim ? mb_yaml_get(&y, "source") : NULL;
    snprintf(text[0], sizeof text[0], "%s", claim ? claim : "cannot be read");
    snprintf(text[1], sizeof text[1], "%s", source ? source : "");
    mb_arena_free(a);
    *out = (struct entry){ name, text[0], text[1] };
    return true;
}

static bool zoo_at(int i, struct entry *out)
{
    static char name[256], text[256];
    char path[1400];
    if (!file_at("zoo", ".mb", i, name, path)) return false;
    mb_error err = { 0 };
    mb_player *p = mb_player_open(path, 1, 1, NULL, &err);
    if (p) snprintf(text, sizeof text, "%s on %s, %lld steps", mb_settings_algo(mb_player_settings(p))->name, mb_settings_env(mb_player_settings(p))->name,
                    (long long)mb_player_trained(p));
    else snprintf(text, sizeof text, "cannot be used: %.200s", err.what);
    mb_player_free(p);
    *out = (struct entry){ name, text, NULL };
    return true;
}

static const struct { const char *name; entry_at *at; } kinds[] = {
    { "algos", algo_at }, { "envs", env_at }, { "models", model_at }, { "tasks", task_at }, { "experiments", experiment_at }, { "zoo", zoo_at },
    { "commands", command_at },
};

static void print_json(entry_at *at, mb_str *out)
{
    struct entry e;
    mb_str_add(out, "[");
    for (int i = 0; at(i, &e); i++) {
        mb_str_add(out, "%s{\"name\":", i ? "," : "");
        mb_str_json(out, e.name);
        mb_str_add(out, ",\"summary\":");
        mb_str_json(out, e.summary ? e.summary : "");
        mb_str_add(out, ",\"source\":");
        mb_str_json(out, e.source ? e.source : "");
        mb_str_add(out, "}");
    }
    mb_str_add(out, "]");
    cli_json(out);
}

static bool run(cli *c, mb_error *err)
{
    enum { BYTES = 1 << 20 };
    const struct list_options *o = c->options;
    const char *names[8] = { NULL };
    entry_at *at = NULL;
    struct entry e;
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        names[k] = kinds[k].name;
        if (strcmp(kinds[k].name, c->words[0]) == 0) at = kinds[k].at;
    }
    if (!at) {
        mb_fail(err, MB_ERR_USAGE, "list: there is no list of '%.64s'", c->words[0]);
        const char *near = mb_nearest(c->words[0], names);
        if (near) mb_note(err, "did you mean '%s'?", near);
        mb_note(err, "there are algos, envs, models, tasks, experiments, zoo and commands");
        return mb_help(err, "matchbox help list");
    }
    if (o->json) {
        char *memory = mb_alloc(c->arena, 1, BYTES, err);
        if (!memory) return false;
        mb_str out;
        mb_str_init(&out, memory, BYTES);
        print_json(at, &out);
        return true;
    }
    for (int i = 0; at(i, &e); i++)
        if (o->names) printf("%s\n", e.name);
        else printf("%-24s %s\n", e.name, e.summary ? e.summary : "");
    return true;
}

CLI_COMMAND(list) = {
    .name = "list", .usage = "list algos|envs|models|tasks|experiments|zoo", .summary = "what there is",
    .about = "Lists algorithms, environments, network bodies, tasks, experiments, trained policies (zoo) or commands with one line each.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(list), .run = run,
};
