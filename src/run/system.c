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

void mb_system_facts(mb_str *out)
{
    char model[128];
    struct utsname u;
    cpu_model(model, sizeof model);
    add(out, "version", MB_VERSION);
    add(out, "commit", MB_BUILD_COMMIT);
    add(out, "compiler", MB_BUILD_COMPILER);
    add(out, "flags", MB_BUILD_FLAGS);
    add(out, "features", MB_BUILD_FEATURES);
    add(out, "cpu", model);
    if (uname(&u) == 0) {
        add(out, "system", u.sysname);
        add(out, "release", u.release);
        add(out, "machine", u.machine);
    }
    mb_str_add(out, "  \"cores\": %ld", sysconf(_SC_NPROCESSORS_ONLN));
}

void mb__iso_time(char *out, size_t n)
{
    time_t now = (time_t)mb_wall_time();
    struct tm tm;
    if (!gmtime_r(&now, &tm) || strftime(out, n, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0) snprintf(out, n, "unknown");
}

bool mb__system_json_write(const mb_trainer *t, mb_error *err)
{
    char path[1024], when[32];
    mb_str text;
    struct utsname u;
    mb__iso_time(when, sizeof when);
    mb_str_init(&text, t->text, t->text_size);
    mb_str_add(&text, "{\n");
    if (uname(&u) == 0) add(&text, "host", u.nodename);
    add(&text, "kernels", t->scope.kernels);
    add(&text, "started", when);
    mb_system_facts(&text);
    mb_str_add(&text, ",\n  \"threads\": %d\n}\n", t->scope.pool ? mb_pool_size(t->scope.pool) : 1);
    return mb__run_path(path, sizeof path, t->dir, "system.json", err) && mb__quick_write(path, text.s, text.n, err);
}
