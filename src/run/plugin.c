/* An environment from a C file: compiled by the system's compiler into a shared object, loaded, its descriptor found. */
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
struct mb_plugin { void *handle; const mb_env_def *env; };
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
        return mb_note(err, "its interface is number %d of %zu bytes, this one is number %d of %zu", p->env->abi, p->env->size, MB_ABI,
                       sizeof *p->env);
    }
    return true;
}

mb_plugin *mb_env_load(mb_arena *a, const char *file, mb_error *err)
{
    char *text, name[96], dir[] = "/tmp/matchbox-XXXXXX", object[64];
    size_t n;
    mb_plugin *p = mb_alloc(a, 1, sizeof *p, err);
    if (!p || !mb_file_read(file, a, &text, &n, err)) return NULL;
    if (!env_name(text, name, sizeof name)) {
        mb_fail(err, MB_ERR_FORMAT, "%s: defines no environment", file);
        mb_note(err, "expected a line that begins with MB_ENV(name) = { MB_ENV_HEAD, ...");
        return NULL;
    }
    if (!mkdtemp(dir)) {
        mb__fail_system(err, "make directory", dir, errno);
        return NULL;
    }
    snprintf(object, sizeof object, "%s/env.so", dir);
    bool ok = compile(file, object, err) && load(p, file, object, name, err);
    unlink(object); /* stays mapped while it is used */
    rmdir(dir);
    if (ok) return p;
    mb_plugin_free(p);
    return NULL;
}

const mb_env_def *mb_plugin_env(const mb_plugin *p) { return p->env; }

void mb_plugin_free(mb_plugin *p)
{
    if (p && p->handle) dlclose(p->handle);
    if (p) p->handle = NULL;
}
