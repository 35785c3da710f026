/* Finding the files that come with matchbox, and presets among them. */
#include "build_info.h"
#include "run/impl.h"
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };

static bool readable(char *path, size_t n, const char *dir, const char *name)
{
    int need = snprintf(path, n, "%s/%s", dir, name);
    return need > 0 && (size_t)need < n && access(path, R_OK) == 0;
}

/* Directory of the program or the shared library that holds this code; "." when the system does not say. */
static void own_dir(char *out, size_t n)
{
    Dl_info info;
    ssize_t len = -1;
    if (dladdr((const void *)(uintptr_t)&mb_find_data, &info) && info.dli_fname && strstr(info.dli_fname, ".so"))
        len = snprintf(out, n, "%s", info.dli_fname);
    else len = readlink("/proc/self/exe", out, n - 1);
    if (len <= 0 || (size_t)len >= n) {
        snprintf(out, n, ".");
        return;
    }
    out[len] = 0;
    char *slash = strrchr(out, '/');
    if (slash) *slash = 0;
    else snprintf(out, n, ".");
}

bool mb__find_own(const char *name, char *path, size_t n)
{
    static const char *const beside[] = { ".", "..", "../..", "../share/matchbox", NULL };
    char own[PATH_BYTES / 2], dir[PATH_BYTES];
    own_dir(own, sizeof own);
    for (int i = 0; beside[i]; i++) {
        snprintf(dir, sizeof dir, "%s/%s", own, beside[i]);
        if (readable(path, n, dir, name)) return true;
    }
    return readable(path, n, MB_BUILD_PREFIX "/share/matchbox", name); /* a chroot without /proc does not say where the program is */
}

bool mb_find_data(const char *name, char *path, size_t n)
{
    if (access(name, R_OK) == 0 && strlen(name) < n) {
        snprintf(path, n, "%s", name);
        return true;
    }
    return mb__find_own(name, path, n);
}

static bool find_preset(const mb_settings *s, const char *name, char *path, size_t n)
{
    char file[PATH_BYTES / 2];
    const char *own = getenv("MATCHBOX_PRESETS");
    snprintf(file, sizeof file, "%.100s/%.200s.yaml", s->algo->name, name);
    if (own && *own) return readable(path, n, own, file);
    char with_dir[PATH_BYTES];
    snprintf(with_dir, sizeof with_dir, "presets/%s", file);
    return mb_find_data(with_dir, path, n);
}

bool mb_settings_preset(mb_settings *s, const char *name, mb_error *err)
{
    char path[PATH_BYTES];
    bool named = name && *name;
    if (named && strcmp(name, "none") == 0) return mb_options_set("run", run_option_rows, &s->run, "preset", "none", err);
    size_t n = named ? strlen(name) : 0;
    if (n > 5 && strcmp(name + n - 5, ".yaml") == 0) {
        snprintf(path, sizeof path, "%s", name);
    } else if (!find_preset(s, named ? name : s->env->name, path, sizeof path)) {
        if (!named) return mb_options_set("run", run_option_rows, &s->run, "preset", "none", err);
        mb_fail(err, MB_ERR_USAGE, "%s: no preset '%s'", s->algo->name, name);
        mb_note(err, "presets/%s/%s.yaml was not found", s->algo->name, name);
        return mb_help(err, "matchbox help %s", s->algo->name);
    }
    if (!mb_settings_file(s, path, err)) return mb_note(err, "while applying a preset");
    return mb_options_set("run", run_option_rows, &s->run, "preset", named ? name : s->env->name, err);
}
