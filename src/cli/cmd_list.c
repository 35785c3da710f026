/* matchbox list KIND */
#include "cli/command.h"
#include "matchbox/nn.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array")  \
    NUM(bool, names, false, 0, 1, "names only, one per line")
MB_OPTIONS(list, OPTIONS)

struct entry { const char *name, *summary, *source; };
static int is_yaml(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

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

static bool none_at(int i, struct entry *out) { return false; }

/* The i-th file of experiments/ in alphabetical order; read as far as it can be. */
static bool experiment_at(int i, struct entry *out)
{
    static char text[3][1024];
    char dir[1024], path[1400];
    mb_error quiet = { 0 };
    struct dirent **files;
    if (!mb_find_data("experiments", dir, sizeof dir)) return false;
    int n = scandir(dir, &files, is_yaml, alphasort);
    bool found = i < n;
    if (found) {
        snprintf(path, sizeof path, "%s/%s", dir, files[i]->d_name);
        snprintf(text[0], sizeof text[0], "%.*s", (int)strlen(files[i]->d_name) - 5, files[i]->d_name);
        mb_arena *a = mb_arena_new((size_t)1 << 28, &quiet);
        mb_yaml y = { 0 };
        const char *claim = a && mb_yaml_read(path, a, &y, &quiet) ? mb_yaml_get(&y, "claim") : NULL, *source = claim ? mb_yaml_get(&y, "source") : NULL;
        snprintf(text[1], sizeof text[1], "%s", claim ? claim : "cannot be read");
        snprintf(text[2], sizeof text[2], "%s", source ? source : "");
        mb_arena_free(a);
        *out = (struct entry){ text[0], text[1], text[2] };
    }
    for (int k = 0; k < n; k++) free(files[k]);
    if (n >= 0) free(files);
    return found;
}

static const struct { const char *name; entry_at *at; } kinds[] = {
    { "algos", algo_at }, { "envs", env_at }, { "models", model_at }, { "tasks", none_at }, { "experiments", experiment_at }, { "commands", command_at },
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
        mb_note(err, "there are algos, envs, models, tasks, experiments and commands");
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
    .name = "list", .usage = "list algos|envs|models|tasks|experiments", .summary = "what there is",
    .about = "Lists algorithms, environments, network bodies, tasks, experiments or commands with one line each.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(list), .run = run,
};
