/* policy_file.c - policies in one small file: the settings of the run and the weights that acting reads, in the format of
   checkpoints.  The zoo is a folder of them. */
#include "matchbox/netlist.h"
#include "run/impl.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char CONFIG[] = "policy.yaml", ZOO[] = "zoo:";

bool mb__policy_path(const char *name, char *path, size_t n)
{
    struct stat s;
    if (strncmp(name, ZOO, sizeof ZOO - 1) == 0) {
        char file[256];
        snprintf(file, sizeof file, "zoo/%.200s.mb", name + sizeof ZOO - 1);
        if (strchr(name, '/') || !mb_find_data(file, path, n)) snprintf(path, n, "%s", file);
        return true;
    }
    if (stat(name, &s) != 0 || !S_ISREG(s.st_mode) || strlen(name) >= n) return false;
    snprintf(path, n, "%s", name);
    return true;
}

bool mb_is_run(const char *name)
{
    char path[1024];
    mb_error quiet = { 0 };
    int64_t step;
    if (strncmp(name, ZOO, sizeof ZOO - 1) == 0) return true;
    if (mb__policy_path(name, path, sizeof path)) return mb_store_peek(path, &step, &quiet);
    return mb__run_path(path, sizeof path, name, "config.yaml", &quiet) && access(path, F_OK) == 0;
}

/* Register what the net list reads under the names it has in the run's own store. */
static bool keep_weights(const mb_trainer *t, const mb_netlist *net, mb_store *s, mb_error *err)
{
    for (int i = 0;; i++) {
        const mb_tensor *tensor = net->table ? NULL : mb_net_tensor(net, i);
        const void *data = net->table ? (const void *)net->table : tensor ? tensor->data : NULL;
        if (!data || (net->table && i)) return true;
        size_t bytes;
        const char *name = mb_store_name(t->scope.store, data, &bytes);
        if (!name) return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: a part of its policy is not in its checkpoints", t->settings->algo->name);
        if (!mb_keep(s, name, (void *)(uintptr_t)data, bytes, err)) return false;
    }
}

/* Agents with a policy each: all of them, the first as often as they share it. */
static bool keep_all(mb_trainer *t, mb_store *s, mb_error *err)
{
    int nagents = mb_vec_shape(t->run.vec)->nagents;
    const void *first = NULL;
    mb_netlist *net = mb_alloc(t->arena, 1, sizeof *net, err);
    for (int k = 0; net && k < nagents; k++) {
        if (!mb__netlist_of(t, k, net, err)) return false;
        const void *has = net->table ? (const void *)net->table : (const void *)mb_net_tensor(net, 0);
        if (k > 0 && has == first) break;
        first = has;
        if (!keep_weights(t, net, s, err)) return false;
    }
    return net != NULL;
}

bool mb__policy_write(mb_trainer *t, const char *path, int64_t *bytes, mb_error *err)
{
    struct stat info;
    mb_str text;
    if (t->settings->env_file)
        return mb_fail(err, MB_ERR_UNSUPPORTED, "export: a policy file cannot hold the environment '%.100s', which came from a file", t->settings->env_file);
    mb_store *s = mb_store_new(t->arena, err);
    if (!s) return false;
    mb_str_init(&text, t->text, t->text_size);
    mb_settings_yaml(t->settings, &text, false);
    if (!mb_keep(s, CONFIG, text.s, text.n, err) || !keep_all(t, s, err) || !mb_store_save(s, path, t->run.step, err)) return false;
    *bytes = stat(path, &info) == 0 ? (int64_t)info.st_size : 0;
    return true;
}

mb_settings *mb__policy_settings(mb_arena *a, const char *path, mb_error *err)
{
    char *text;
    size_t n;
    mb_yaml y;
    if (!mb_store_read(path, CONFIG, a, &text, &n, err)) {
        if (strncmp(path, "zoo/", 4) == 0) mb_help(err, "matchbox list zoo");
        else mb_note(err, "not a policy file of matchbox (matchbox export RUN --to policy makes them)");
        return NULL;
    }
    if (!mb_yaml_parse(text, n, path, a, &y, err)) return NULL;
    const char *algo = mb_yaml_get(&y, "algo"), *env = mb_yaml_get(&y, "env");
    if (!algo || !env) {
        mb_fail(err, MB_ERR_FORMAT, "%s: does not say which algorithm and environment", path);
        return NULL;
    }
    mb_settings *s = mb_settings_new(a, algo, env, err);
    return s && mb__settings_items(s, &y, path, err) ? s : NULL;
}

bool mb__policy_load(mb_trainer *t, const char *path, mb_error *err)
{
    char *text;
    size_t n;
    int64_t step;
    mb_arena_seal(t->arena, false);
    size_t mark = mb_arena_mark(t->arena);
    mb_store *s = mb_store_new(t->arena, err);
    bool ok = s && mb_store_read(path, CONFIG, t->arena, &text, &n, err) && mb_keep(s, CONFIG, text, n, err) && keep_all(t, s, err) &&
              mb_store_load(s, path, &step, err);
    if (ok) t->run.step = t->start_step = step;
    mb_arena_release(t->arena, mark);
    mb_arena_seal(t->arena, true);
    return ok;
}
