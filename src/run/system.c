/* system.json: what the numbers of a run could depend on, and who made it. */
#include "build_info.h"
#include "run/impl.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static void cpu_model(char *out, size_t n)
{
    char text[4096];
    int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    ssize_t len = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) close(fd);
    text[len > 0 ? len : 0] = 0;
    const char *at = strstr(text, "model name");
    if (!at || !(at = strchr(at, ':'))) at = ": unknown";
    at += strspn(at, ": ");
    snprintf(out, n, "%.*s", (int)strcspn(at, "\n"), at);
}

static void add(mb_str *out, const char *key, const char *value)
{
    mb_str_add(out, "  \"%s\": ", key);
    mb_str_json(out, value);
    mb_str_add(out, ",\n");
}

void mb__iso_time(char *out, size_t n)
{
    time_t now = (time_t)mb_wall_time();
    struct tm tm;
    if (!gmtime_r(&now, &tm) || strftime(out, n, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) snprintf(out, n, "unknown");
}

bool mb__system_json_write(const mb_trainer *t, mb_error *err)
{
    char path[1024], model[128], when[32];
    struct utsname u;
    mb_str text;
    cpu_model(model, sizeof model);
    mb__iso_time(when, sizeof when);
    mb_str_init(&text, t->text, t->text_size);
    mb_str_add(&text, "{\n");
    add(&text, "version", MB_VERSION);
    add(&text, "commit", MB_BUILD_COMMIT);
    add(&text, "compiler", MB_BUILD_COMPILER);
    add(&text, "flags", MB_BUILD_FLAGS);
    add(&text, "features", MB_BUILD_FEATURES);
    add(&text, "cpu", model);
    add(&text, "kernels", t->scope.kernels);
    if (uname(&u) == 0) {
        add(&text, "host", u.nodename);
        add(&text, "system", u.sysname);
        add(&text, "release", u.release);
        add(&text, "machine", u.machine);
    }
    add(&text, "started", when);
    mb_str_add(&text, "  \"cores\": %ld,\n  \"threads\": %d\n}\n", sysconf(_SC_NPROCESSORS_ONLN),
               t->scope.pool ? mb_pool_size(t->scope.pool) : 1);
    return mb__run_path(path, sizeof path, t->dir, "system.json", err) && mb__quick_write(path, text.s, text.n, err);
}
