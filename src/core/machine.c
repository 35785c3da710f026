/* machine.c - what the machine has to give. */
#include "matchbox/core.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* The number behind `key` in a small system file; -1: no such file or number. */
static double number_in(const char *path, const char *key)
{
    char text[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
    if (fd >= 0) close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *at = strstr(text, key);
    if (!at) return -1;
    at += strlen(key);
    char *end;
    double v = strtod(at, &end);
    return end > at ? v : -1;
}

double mb_memory_free(void)
{
    double available = number_in("/proc/meminfo", "MemAvailable:") * 1024; /* kB */
    if (available < 0) available = (double)sysconf(_SC_AVPHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    double most = number_in("/sys/fs/cgroup/memory.max", ""), used = number_in("/sys/fs/cgroup/memory.current", "");
    if (most < 0) {
        most = number_in("/sys/fs/cgroup/memory/memory.limit_in_bytes", "");
        used = number_in("/sys/fs/cgroup/memory/memory.usage_in_bytes", "");
    }
    if (most >= 0 && used >= 0 && most - used < available) available = most > used ? most - used : 0;
    return available;
}

double mb_disk_free(const char *dir)
{
    struct statvfs v;
    return statvfs(dir, &v) == 0 ? (double)v.f_bavail * (double)v.f_frsize : -1;
}
