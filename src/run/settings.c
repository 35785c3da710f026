/* Settings of a run: three tables of option rows (the run's, the algorithm's, the environment's) under one set of keys,
   and for every value where it came from. */
#include "run/impl.h"
#include <stdio.h>
#include <string.h>

enum { KEY_MAX = 96, VALUE_MAX = 192, NAMES_MAX = 256 };

const mb_option *mb_run_option_rows(void) { return run_option_rows; }
const mb_algo_def *mb_settings_algo(const mb_settings *s) { return s->algo; }
const mb_env_def *mb_settings_env(const mb_settings *s) { return s->env; }
const void *mb_settings_env_options(const mb_settings *s) { return s->env_options; }

const mb_option *mb__settings_rows(const mb_settings *s, int table)
{
    static const mb_option none[] = { { NULL, MB_OPT_INT, 0, 0, 0, 0, NULL, NULL, NULL } };
    const mb_option *rows = table == SET_RUN ? run_option_rows : table == SET_ALGO ? s->algo->options : s->env->options;
    return rows ? rows : none;
}

void *mb__settings_values(const mb_settings *s, int table)
{
    return table == SET_RUN ? (void *)(uintptr_t)&s->run : table == SET_ALGO ? s->algo_options : s->env_options;
}

static int count_rows(const mb_option *rows)
{
    int n = 0;
    while (rows[n].name) n++;
    return n;
}

mb_settings *mb_settings_of(mb_arena *a, const mb_algo_def *algo, const mb_env_def *env, mb_error *err)
{
    if (algo->abi != MB_ABI || algo->size != sizeof *algo || env->abi != MB_ABI || env->size != sizeof *env) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "%s on %s: made for another version of matchbox", algo->name, env->name);
        return NULL;
    }
    mb_settings *s = mb_alloc(a, 1, sizeof *s, err);
    if (!s) return NULL;
    s->arena = a;
    s->algo = algo;
    s->env = env;
    s->algo_options = mb_alloc(a, 1, algo->options_size + 1, err);
    s->env_options = mb_alloc(a, 1, env->options_size + 1, err);
    if (!s->algo_options || !s->env_options) return NULL;
    for (int t = 0; t < SET_TABLES; t++) {
        s->origin[t] = mb_alloc(a, (size_t)count_rows(mb__settings_rows(s, t)) + 1, sizeof *s->origin[t], err);
        if (!s->origin[t]) return NULL;
        mb_options_default(mb__settings_rows(s, t), mb__settings_values(s, t));
    }
    if (algo->default_envs > 0) s->run.envs = algo->default_envs;
    if (algo->default_steps > 0) s->run.total_steps = algo->default_steps;
    return s;
}

mb_settings *mb_settings_new(mb_arena *a, const char *algo_name, const char *env_name, mb_error *err)
{
    const mb_algo_def *algo = mb_algo_find(algo_name, err);
    if (!algo) return NULL;
    bool from_file = !algo->place && mb__is_env_file(env_name), outside = from_file || (!algo->place && mb__is_gym(env_name));
    mb_plugin *plugin = outside ? mb_env_load(a, env_name, err) : NULL;
    if (outside && !plugin) return NULL;
    const mb_env_def *env = outside ? mb_plugin_env(plugin) : algo->place ? algo->place(a, env_name, err) : mb_env_find(env_name, err);
    if (!env) return NULL;
    mb_settings *s = mb_settings_of(a, algo, env, err);
    if (!s) return NULL;
    s->plugin = plugin;
    if (from_file && !(s->env_file = mb_strdup(a, env_name, err))) return NULL;
    return s;
}

/* ---- setting one value ---- */

/* Two names of options are the same up to hyphens and underscores. */
static bool same_key(const char *a, const char *b)
{
    for (; *a && *b; a++, b++)
        if ((*a == '_' ? '-' : *a) != (*b == '_' ? '-' : *b)) return false;
    return *a == *b;
}

static void hyphens(char *out, size_t n, const char *name)
{
    snprintf(out, n, "%s", name);
    for (char *c = out; *c; c++)
        if (*c == '_') *c = '-';
}

/* The row a key means: its table, its index and the name within the table.  -1: unknown, *table says whose it would be. */
static int find_row(const mb_settings *s, const char *key, int *table, const char **name)
{
    char prefix[KEY_MAX];
    const char *dot = strchr(key, '.');
    *name = dot ? dot + 1 : key;
    snprintf(prefix, sizeof prefix, "%.*s", dot ? (int)(dot - key) : 0, key);
    int first = SET_RUN, last = SET_ALGO;
    if (dot) {
        if (same_key(prefix, "env")) first = last = SET_ENV;
        else if (same_key(prefix, "run")) first = last = SET_RUN;
        else if (same_key(prefix, s->algo->name) || same_key(prefix, "algo")) first = last = SET_ALGO;
        else *name = key;
    }
    for (*table = first; *table <= last; ++*table) {
        const mb_option *rows = mb__settings_rows(s, *table);
        for (int i = 0; rows[i].name; i++)
            if (same_key(rows[i].name, *name)) return i;
    }
    *table = last;
    return -1;
}

const mb_option *mb_settings_row(const mb_settings *s, const char *key)
{
    int table;
    const char *name;
    int i = find_row(s, key, &table, &name);
    return i < 0 ? NULL : &mb__settings_rows(s, table)[i];
}

static void add_names(const mb_option *rows, const char *prefix, char text[][KEY_MAX], const char **names, int *n)
{
    for (int i = 0; rows[i].name && *n < NAMES_MAX - 1; i++) {
        char name[KEY_MAX];
        hyphens(name, sizeof name, rows[i].name);
        snprintf(text[*n], KEY_MAX, "%s%.80s", prefix, name);
        names[*n] = text[*n];
        ++*n;
    }
    names[*n] = NULL;
}

static bool unknown_key(const mb_settings *s, const char *key, int table, mb_error *err)
{
    char text[NAMES_MAX][KEY_MAX];
    const char *names[NAMES_MAX] = { NULL };
    int n = 0;
    if (table == SET_ENV) {
        add_names(mb__settings_rows(s, SET_ENV), "env.", text, names, &n);
    } else {
        add_names(mb__settings_rows(s, SET_ALGO), "", text, names, &n);
        add_names(mb__settings_rows(s, SET_RUN), "", text, names, &n);
    }
    char shown[KEY_MAX];
    hyphens(shown, sizeof shown, key);
    mb_fail(err, MB_ERR_USAGE, "%s: unknown option '%s'", table == SET_ENV ? s->env->name : s->algo->name, shown);
    const char *near = mb_nearest(shown, names);
    if (near) mb_note(err, "did you mean '%s'?", near);
    return false;
}

/* The directory is kept in full length beside its row: paths are longer than a text option. */
static bool set_dir(mb_settings *s, const char *value, mb_error *err)
{
    if (!*value) return mb_fail(err, MB_ERR_USAGE, "option 'run' needs a directory");
    return (s->dir = mb_strdup(s->arena, value, err)) != NULL;
}

bool mb_settings_set(mb_settings *s, const char *key, const char *value, const char *origin, mb_error *err)
{
    int table;
    const char *name;
    int i = find_row(s, key, &table, &name);
    const char *owner = table == SET_ENV ? s->env->name : s->algo->name;
    bool ok;
    if (i < 0) {
        ok = unknown_key(s, key, table, err);
    } else {
        const mb_option *row = &mb__settings_rows(s, table)[i];
        if (!value && row->kind == MB_OPT_BOOL) value = "true";
        if (!value)
            ok = mb_fail(err, MB_ERR_USAGE, "%s: option '%s' needs a value", owner, key);
        else if (table == SET_RUN && same_key(row->name, "run"))
            ok = set_dir(s, value, err);
        else
            ok = mb_options_set(owner, mb__settings_rows(s, table), mb__settings_values(s, table), name, value, err);
        if (ok && origin) ok = (s->origin[table][i] = mb_strdup(s->arena, origin, err)) != NULL;
    }
    if (ok) return true;
    if (origin) mb_note(err, "%s", origin);
    return mb_help(err, "matchbox help %s", owner);
}

/* ---- files ---- */

static bool same_name(const mb_settings *s, const mb_yaml_item *item, const char *have, const char *path, mb_error *err)
{
    if (same_key(item->value, have)) return true;
    mb_fail(err, MB_ERR_USAGE, "%s: made for %s '%s', not for '%s'", path, item->key, item->value, have);
    mb_note(err, "%s, line %d", path, item->line);
    return mb_help(err, "matchbox train %s %s --config %s", s->algo->name, s->env->name, path);
}

bool mb_settings_file(mb_settings *s, const char *path, mb_error *err)
{
    mb_yaml y;
    return mb_yaml_read(path, s->arena, &y, err) && mb__settings_items(s, &y, path, err);
}

bool mb__settings_items(mb_settings *s, const mb_yaml *y, const char *path, mb_error *err)
{
    for (int i = 0; i < y->n; i++) {
        const mb_yaml_item *item = &y->items[i];
        if (strcmp(item->key, "algo") == 0 || strcmp(item->key, "env") == 0) {
            const char *have = item->key[0] == 'a' ? s->algo->name : s->env_file ? s->env_file : s->env->name;
            if (!s->env_file && !same_name(s, item, have, path, err)) return false;
            continue;
        }
        char origin[MB_TEXT_MAX + 64];
        snprintf(origin, sizeof origin, "%.150s, line %d", path, item->line);
        if (!mb_settings_set(s, item->key, item->value, origin, err)) return false;
    }
    return true;
}

mb_settings *mb__settings_of_run(mb_arena *a, const char *dir, const mb_env_def *own_env, mb_error *err)
{
    char path[1024];
    mb_yaml y;
    if (!mb__run_path(path, sizeof path, dir, "config.yaml", err)) return NULL;
    if (!mb_yaml_read(path, a, &y, err)) return NULL;
    const char *algo = mb_yaml_get(&y, "algo"), *env = mb_yaml_get(&y, "env");
    if (!algo || !env) {
        mb_fail(err, MB_ERR_FORMAT, "%s: does not say which algorithm and environment: not the config.yaml of a run", path);
        return NULL;
    }
    /* an environment that came from a file lies in the run itself */
    char own[1100];
    if (mb__is_env_file(env)) {
        if (!mb__run_path(own, sizeof own, dir, env, err)) return NULL;
        env = own;
    }
    const mb_algo_def *def = own_env ? mb_algo_find(algo, err) : NULL;
    mb_settings *s = !own_env ? mb_settings_new(a, algo, env, err) : def ? mb_settings_of(a, def, own_env, err) : NULL;
    if (!s || !mb_settings_file(s, path, err)) return NULL;
    s->run.stop_after = 0; /* was meant for the process that began the run */
    s->dir = mb_strdup(a, dir, err);
    return s->dir ? s : NULL;
}

/* ---- writing them out ---- */

static void value_text(const mb_settings *s, int table, const mb_option *row, char *out, size_t n)
{
    if (table == SET_RUN && strcmp(row->name, "run") == 0) snprintf(out, n, "%s", s->dir ? s->dir : "");
    else mb_options_get(row, mb__settings_values(s, table), out, n);
}

bool mb_settings_get(const mb_settings *s, const char *key, char *out, size_t n)
{
    int table;
    const char *name;
    int i = find_row(s, key, &table, &name);
    if (i < 0) return false;
    value_text(s, table, &mb__settings_rows(s, table)[i], out, n);
    return true;
}

/* Texts go into quotes: a plain "1,2" or "no" would come back as something else. */
static void yaml_value(mb_str *out, const mb_option *row, const char *text)
{
    if (row->kind == MB_OPT_TEXT || row->kind == MB_OPT_LIST || row->kind == MB_OPT_SCHED) mb_str_json(out, text);
    else mb_str_add(out, "%s", text);
}

static void yaml_rows(const mb_settings *s, int table, mb_str *out, bool origins)
{
    const mb_option *rows = mb__settings_rows(s, table);
    for (int i = 0; rows[i].name; i++) {
        bool is_dir = table == SET_RUN && strcmp(rows[i].name, "run") == 0;
        if (is_dir && !origins) continue; /* a run may be moved */
        char name[KEY_MAX], value[1024];
        hyphens(name, sizeof name, rows[i].name);
        value_text(s, table, &rows[i], value, sizeof value);
        size_t before = out->n;
        mb_str_add(out, "%s%s: ", table == SET_ENV ? "env." : "", name);
        yaml_value(out, &rows[i], value);
        const char *from = s->origin[table][i] ? s->origin[table][i] : "default";
        int width = (int)(out->n - before);
        if (origins) mb_str_add(out, "%*s # %s", width < 36 ? 36 - width : 0, "", from);
        mb_str_add(out, "\n");
    }
}

const char *mb__env_copy(const mb_settings *s)
{
    size_t n = strlen(s->env_file);
    return s->env_file[n - 1] == 'o' ? "env.so" : "env.c";
}

const char *mb_settings_env_file(const mb_settings *s) { return s->env_file; }

void mb_settings_yaml(const mb_settings *s, mb_str *out, bool origins)
{
    mb_str_add(out, "algo: %s\nenv: ", s->algo->name);
    const char *env = s->env_file ? (origins ? s->env_file : mb__env_copy(s)) : s->env->name;
    if (strspn(env, "abcdefghijklmnopqrstuvwxyz0123456789-_./") == strlen(env)) mb_str_add(out, "%s\n", env);
    else {
        mb_str_json(out, env);
        mb_str_add(out, "\n");
    }
    for (int t = 0; t < SET_TABLES; t++) yaml_rows(s, t, out, origins);
}

void mb_settings_changes(const mb_settings *s, mb_str *out)
{
    static const char *const of_one_run[] = { "run", "seed", "threads", "preset", "device", "stop_after", "checkpoint_every", "checkpoint_steps",
                                              "eval_episodes", "eval_every", "log_steps", NULL };
    for (int t = 0; t < SET_TABLES; t++) {
        const mb_option *rows = mb__settings_rows(s, t);
        for (int i = 0; rows[i].name; i++) {
            char name[KEY_MAX], value[1024];
            bool skip = !s->origin[t][i];
            for (int k = 0; t == SET_RUN && of_one_run[k]; k++) skip = skip || strcmp(rows[i].name, of_one_run[k]) == 0;
            if (skip) continue;
            hyphens(name, sizeof name, rows[i].name);
            value_text(s, t, &rows[i], value, sizeof value);
            mb_str_add(out, "%s%s: ", t == SET_ENV ? "env." : "", name);
            yaml_value(out, &rows[i], value);
            mb_str_add(out, "\n");
        }
    }
}
