/* TensorBoard event files: records of protocol-buffer messages, written by hand because only five fields are needed.
   Record (tensorflow/core/lib/io/record_writer.h): length u64, masked CRC-32C of it, data, masked CRC-32C of the data.
   Event (event.proto): 1 wall_time double, 2 step varint, 3 file_version string, 5 summary, 7 session_log.
   Summary: 1 value { 1 tag string, 2 simple_value float }.  SessionLog: 1 status, where 1 means START: a reader then forgets
   what it has seen of this step and later. */
#include "core/file.h"
#include "run/impl.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 12, TAIL = 4, PATH_BYTES = 1024, MESSAGE = 8000, SCRATCH = 16 << 20 };
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
static const char PREFIX[] = "events.out.tfevents.";

static uint32_t masked(const void *p, size_t n)
{
    uint32_t c = mb_crc32c(0, p, n);
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

/* ---- messages ---- */

struct message { uint8_t *p; size_t n, cap; bool full; };

static void put(struct message *m, const void *p, size_t n)
{
    m->full = m->full || m->cap - m->n < n;
    if (m->full) return;
    memcpy(m->p + m->n, p, n);
    m->n += n;
}

static void put_little(struct message *m, uint64_t v, int bytes)
{
    uint8_t b[8];
    for (int i = 0; i < bytes; i++) b[i] = (uint8_t)(v >> 8 * i);
    put(m, b, (size_t)bytes);
}

static void put_varint(struct message *m, uint64_t v)
{
    uint8_t b[10];
    size_t n = 0;
    for (; v > 127; v >>= 7) b[n++] = (uint8_t)(v | 128);
    b[n++] = (uint8_t)v;
    put(m, b, n);
}

static void put_key(struct message *m, int field, int kind) { put_varint(m, (uint64_t)(field << 3 | kind)); }

static void put_bytes(struct message *m, int field, const void *p, size_t n)
{
    put_key(m, field, BYTES);
    put_varint(m, n);
    put(m, p, n);
}

static void begin_event(struct message *m, int64_t step)
{
    double now = mb_wall_time();
    uint64_t bits;
    memcpy(&bits, &now, sizeof bits);
    put_key(m, 1, FIXED64);
    put_little(m, bits, 8);
    put_key(m, 2, VARINT);
    put_varint(m, (uint64_t)step);
}

static void put_value(struct message *summary, const char *prefix, const char *name, double value)
{
    uint8_t memory[160];
    struct message v = { memory, 0, sizeof memory, false };
    char tag[128];
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    snprintf(tag, sizeof tag, "%s%s%s", prefix ? prefix : "", prefix ? "/" : "", name);
    put_bytes(&v, 1, tag, strlen(tag));
    put_key(&v, 2, FIXED32);
    put_little(&v, bits, 4);
    put_bytes(summary, 1, v.p, v.n);
}

/* ---- records ---- */

static bool write_record(events *e, const uint8_t *data, size_t n, mb_error *err)
{
    struct message r = { e->buffer, 0, sizeof e->buffer, false };
    put_little(&r, n, 8);
    put_little(&r, masked(r.p, 8), 4);
    put(&r, data, n);
    put_little(&r, masked(data, n), 4);
    MB_ASSERT(!r.full);
    for (size_t done = 0; done < r.n;) {
        ssize_t k = write(e->fd, r.p + done, r.n - done);
        if (k < 0 && errno == EINTR) continue;
        if (k <= 0) {
            int why = k < 0 ? errno : EIO;
            mb__events_close(e);
            return mb__fail_system(err, "write", "TensorBoard events", why);
        }
        done += (size_t)k;
    }
    return true;
}

bool mb__events_add(events *e, int64_t step, const char *prefix, const mb_scalar_at *s, int n, mb_error *err)
{
    uint8_t memory[MESSAGE], inner[MESSAGE - 64];
    struct message m = { memory, 0, sizeof memory, false }, summary = { inner, 0, sizeof inner, false };
    if (e->fd < 0) return true;
    for (int i = 0; i < n; i++)
        if (isfinite(s[i].value)) put_value(&summary, prefix, s[i].name, s[i].value);
    begin_event(&m, step);
    put_bytes(&m, 5, summary.p, summary.n);
    return write_record(e, m.p, m.n, err);
}

void mb__events_close(events *e)
{
    if (e->fd >= 0) close(e->fd);
    e->fd = -1;
}

/* ---- reading back, to cut what a run has left behind ---- */

static uint64_t little(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;) v = v << 8 | p[i];
    return v;
}

static bool get_varint(const uint8_t *p, size_t n, size_t *at, uint64_t *v)
{
    *v = 0;
    for (int shift = 0; shift < 64 && *at < n; shift += 7) {
        uint8_t b = p[(*at)++];
        *v |= (uint64_t)(b & 127) << shift;
        if (!(b & 128)) return true;
    }
    return false;
}

/* The step of an event; 0 when it names none, as the format has it; -1: not an event. */
static int64_t event_step(const uint8_t *p, size_t n)
{
    uint64_t key, v = 0, step = 0;
    for (size_t at = 0; at < n;) {
        if (!get_varint(p, n, &at, &key)) return -1;
        switch (key & 7) {
        case VARINT: if (!get_varint(p, n, &at, &v)) return -1; break;
        case BYTES:
            if (!get_varint(p, n, &at, &v) || v > n - at) return -1;
            at += v;
            break;
        case FIXED64: at += 8; break;
        case FIXED32: at += 4; break;
        default: return -1;
        }
        if (at > n) return -1;
        if (key == (2 << 3 | VARINT)) step = v;
    }
    return (int64_t)step;
}

/* Bytes of the leading whole records of steps up to `after`. */
static size_t records_until(const uint8_t *p, size_t n, int64_t after)
{
    size_t at = 0;
    while (n - at >= HEAD + TAIL) {
        uint64_t size = little(p + at, 8);
        if (little(p + at + 8, 4) != masked(p + at, 8) || size > n - at - HEAD - TAIL) break;
        const uint8_t *data = p + at + HEAD;
        if (little(data + size, 4) != masked(data, size)) break;
        int64_t step = event_step(data, size);
        if (step < 0 || step > after) break;
        at += HEAD + TAIL + size;
    }
    return at;
}

static bool cut_file(const char *path, int64_t after, mb_error *err)
{
    char *data;
    size_t n;
    mb_arena *a = mb_arena_new((size_t)1 << 32, err);
    bool ok = a && mb_file_read(path, a, &data, &n, err);
    if (ok) {
        size_t keep = records_until((const uint8_t *)data, n, after);
        ok = keep == n || truncate(path, (off_t)keep) == 0 || mb__fail_system(err, "cut", path, errno);
    }
    mb_arena_free(a);
    return ok;
}

/* Cut the files of earlier processes; *newest: the greatest time in their names. */
static bool cut_files(const char *dir, int64_t after, long long *newest, mb_error *err)
{
    char path[PATH_BYTES + 300];
    DIR *d = opendir(dir);
    bool ok = d != NULL || mb__fail_system(err, "read directory", dir, errno);
    for (struct dirent *f; ok && (f = readdir(d));) {
        if (strncmp(f->d_name, PREFIX, sizeof PREFIX - 1) != 0) continue;
        long long when = atoll(f->d_name + sizeof PREFIX - 1);
        if (when > *newest) *newest = when;
        snprintf(path, sizeof path, "%s/%s", dir, f->d_name);
        ok = cut_file(path, after, err);
    }
    if (d) closedir(d);
    return ok;
}

/* ---- a new file ---- */

static bool write_head(events *e, int64_t after, mb_error *err)
{
    static const char version[] = "brain.Event:2";
    uint8_t memory[64];
    struct message m = { memory, 0, sizeof memory, false };
    begin_event(&m, 0);
    put_bytes(&m, 3, version, sizeof version - 1);
    if (!write_record(e, m.p, m.n, err)) return false;
    if (after < 0) return true;
    static const uint8_t start[] = { 1 << 3 | VARINT, 1 };
    m.n = 0;
    begin_event(&m, after + 1);
    put_bytes(&m, 7, start, sizeof start);
    return write_record(e, m.p, m.n, err);
}

bool mb__events_open(events *e, const char *dir, int64_t after, mb_error *err)
{
    char path[PATH_BYTES + 128], host[64] = "";
    long long newest = 0, now = (long long)mb_wall_time();
    if (after >= 0 && !cut_files(dir, after, &newest, err)) return false;
    if (now <= newest) now = newest + 1; /* readers take the files in order of name */
    if (gethostname(host, sizeof host) != 0) snprintf(host, sizeof host, "host");
    host[sizeof host - 1] = 0;
    snprintf(path, sizeof path, "%.1000s/%s%010lld.%s", dir, PREFIX, now, host);
    e->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
    if (e->fd < 0) return mb__fail_system(err, "open", path, errno);
    return write_head(e, after, err);
}
