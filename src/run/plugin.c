/* Environments from outside: a C file, compiled by the system's compiler into a shared object, loaded, its descriptor found;
   a shared object; an environment of Python (gym.c). */
#include "core/file.h"
#include "run/impl.h"
#include <dlfcn.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 1024 };
struct mb_plugin { void *handle; const mb_env_def *env; mb_env_def own; };
extern char **environ;

/* The name after MB_ENV( at the start of a line (comments and strings seldom look like that). */
static bool env_name(const char *text, char *name, size_t n)
{
    for (const char *at = text; (at = strstr(at, "MB_ENV(")); at++) {
        if (at != text && at[-1] != '\n') continue;
        const char *from = at + 7;
        size_t len = strspn(from, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
        if (len == 0 || len >= n || from[len] != ')') continue;
        snprintf(name, n, "%.*s", (int)len, from);
        return true;
    }
    return false;
}

static bool include_dir(char *out, size_t n, mb_error *err)
{
    if (mb_find_data("include/matchbox.h", out, n)) {
        *strrchr(out, '/') = 0;
        return true;
    }
    if (mb_find_data("../../include/matchbox.h", out, n)) {
        *strrchr(out, '/') = 0;
        return true;
    }
    mb_fail(err, MB_ERR_UNSUPPORTED, "matchbox.h was not found, and an environment in C cannot be compiled without it");
    return mb_help(err, "make install");
}

static bool compile(const char *file, const char *object, mb_error *err)
{
    char include[PATH_BYTES], flag[PATH_BYTES + 2];
    const char *cc = getenv("CC");
    if (!cc || !*cc) cc = "cc";
    if (!include_dir(include, sizeof include, err)) return false;
    snprintf(flag, sizeof flag, "-I%s", include);
    const char *const args[] = { cc, "-std=c11", "-D_GNU_SOURCE", "-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math",
                                 "-Wall", "-fPIC", "-shared", flag, "-o", object, file, NULL };
    pid_t pid;
    int status;
    int rc = posix_spawnp(&pid, cc, NULL, NULL, (char *const *)(uintptr_t)args, environ);
    if (rc != 0) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "%s: the C compiler '%s' cannot be started", file, cc);
        return mb_note(err, "an environment in C needs one; set CC to use another");
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR) return mb_fail(err, MB_ERR_IO, "%s: lost the compiler", file);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    mb_fail(err, MB_ERR_FORMAT, "%s: does not compile", file);
    return mb_note(err, "the compiler's messages are above");
}

/* The first symbol mb_env_NAME that the file defines, from its text: a shared object is searched for names, not run. */
static bool symbol_name(const char *data, size_t n, char *name, size_t room)
{
    static const char head[] = "mb_env_";
    static const char *const ours[] = { "find", "at", "shape_of", "check", "load", "foreign", NULL }; /* functions of the library */
    for (size_t i = 1; i + sizeof head < n; i++) {
        if (data[i] != 'm' || data[i - 1] != 0 || memcmp(data + i, head, sizeof head - 1) != 0) continue;
        const char *from = data + i + sizeof head - 1;
        size_t len = strnlen(from, n - (size_t)(from - data));
        bool known = len == 0 || len >= room;
        for (int k = 0; ours[k] && !known; k++) known = strcmp(from, ours[k]) == 0;
        if (known) continue;
        memcpy(name, from, len + 1);
        return true;
    }
    return false;
}

static bool load(mb_plugin *p, const char *file, const char *object, const char *name, mb_error *err)
{
    char symbol[160];
    snprintf(symbol, sizeof symbol, "mb_env_%s", name);
    p->handle = dlopen(object, RTLD_NOW | RTLD_LOCAL);
    if (!p->handle) return mb_fail(err, MB_ERR_UNSUPPORTED, "%s: cannot be loaded: %s", file, dlerror());
    p->env = dlsym(p->handle, symbol);
    if (!p->env) return mb_fail(err, MB_ERR_FORMAT, "%s: defines no '%s'", file, symbol);
    if (p->env->abi != MB_ABI || p->env->size != sizeof *p->env) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "%s: made for another version of matchbox (or lacks MB_ENV_HEAD)", file);
        mb_note(err, "its interface is number %d of %zu bytes, this one is number %d of %zu", p->env->abi, p->env->size, MB_ABI,
                sizeof *p->env);
        return mb_help(err, "compile it again with the headers of this version");
    }
    return true;
}

/* dlopen takes a name without a slash for something in its search path. */
static bool load_object(mb_plugin *p, mb_arena *a, const char *file, mb_error *err)
{
    char *data, name[96], path[PATH_BYTES];
    size_t n;
    if (!mb_file_read(file, a, &data, &n, err)) return false;
    if (n < 4 || memcmp(data, "\177ELF", 4) != 0) return mb_fail(err, MB_ERR_FORMAT, "%s: not a shared object", file);
    if (!symbol_name(data, n, name, sizeof name)) {
        mb_fail(err, MB_ERR_FORMAT, "%s: defines no environment", file);
        return mb_note(err, "expected a symbol mb_env_NAME, as MB_ENV(NAME) = { MB_ENV_HEAD, ... makes one");
    }
    if (snprintf(path, sizeof path, "%s%s", strchr(file, '/') ? "" : "./", file) >= (int)sizeof path)
        return mb_fail(err, MB_ERR_USAGE, "%.200s...: the path is too long", file);
    return load(p, file, path, name, err);
}

static bool load_source(mb_plugin *p, mb_arena *a, const char *file, mb_error *err)
{
    char *text, name[96], dir[] = "/tmp/matchbox-XXXXXX", object[64];
    size_t n;
    if (!mb_file_read(file, a, &text, &n, err)) return false;
    if (!env_name(text, name, sizeof name)) {
        mb_fail(err, MB_ERR_FORMAT, "%s: defines no environment", file);
        return mb_note(err, "expected a line that begins with MB_ENV(name) = { MB_ENV_HEAD, ...");
    }
    if (!mkdtemp(dir)) return mb__fail_system(err, "make directory", dir, errno);
    snprintf(object, sizeof object, "%s/env.so", dir);
    bool ok = compile(file, object, err) && load(p, file, object, name, err);
    unlink(object); /* stays mapped while it is used */
    rmdir(dir);
    return ok;
}

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n > m && strcmp(text + n - m, tail) == 0;
}

bool mb__is_env_file(const char *name) { return !mb__is_gym(name) && (ends_with(name, ".c") || ends_with(name, ".so")); }

mb_plugin *mb_env_load(mb_arena *a, const char *name, mb_error *err)
{
    mb_plugin *p = mb_alloc(a, 1, sizeof *p, err);
    if (!p) return NULL;
    if (mb__is_gym(name)) return (p->env = mb__gym_env(a, name, err)) ? p : NULL;
    bool ok = ends_with(name, ".so") ? load_object(p, a, name, err) : load_source(p, a, name, err);
    char *origin = ok ? mb_strdup(a, name, err) : NULL;
    if (!origin) {
        mb_plugin_free(p);
        return NULL;
    }
    p->own = *p->env;
    p->own.origin = origin;
    p->env = &p->own;
    return p;
}

const mb_env_def *mb_plugin_env(const mb_plugin *p) { return p->env; }

void mb_plugin_free(mb_plugin *p)
{
    if (p && p->handle) dlclose(p->handle);
    if (p) p->handle = NULL;
}
