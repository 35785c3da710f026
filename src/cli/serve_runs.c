/* Finding runs and looking at their files.  Whatever a file holds, it is only passed on as text. */
#include "cli/serve.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DEPTH = 3, CHUNK = 65536 };

static bool run_path(char out[SITE_PATH + 64], const char *dir, const char *name)
{
    return snprintf(out, SITE_PATH + 64, "%s/%s", dir, name) < SITE_PATH + 64;
}

static bool has_file(const char *dir, const char *name)
{
    char path[SITE_PATH + 64];
    return run_path(path, dir, name) && access(path, R_OK) == 0;
}

static void read_config(struct site *s, struct watched *r)
{
    char path[SITE_PATH + 64];
    mb_error bad = { 0 };
    mb_yaml y;
    size_t mark = mb_arena_mark(s->scratch);
    run_path(path, r->dir, "config.yaml");
    if (mb_yaml_read(path, s->scratch, &y, &bad)) {
        struct { const char *key; char *to; size_t n; } want[] = {
            { "algo", r->algo, sizeof r->algo }, { "env", r->env, sizeof r->env },
            { "preset", r->preset, sizeof r->preset }, { "seed", r->seed, sizeof r->seed } };
        for (int i = 0; i < 4; i++) {
            const char *v = mb_yaml_get(&y, want[i].key);
            snprintf(want[i].to, want[i].n, "%s", v ? v : "");
        }
    }
    mb_arena_release(s->scratch, mark);
}

static void add_run(struct site *s, const char *dir)
{
    for (int i = 0; i < s->nruns; i++)
        if (strcmp(s->run[i].dir, dir) == 0) return;
    if (s->nruns == SITE_RUNS) {
        if (!s->full) fprintf(stderr, "warning: more than %d runs: the others are not shown\n", SITE_RUNS);
        s->full = true;
        return;
    }
    struct watched *r = &s->run[s->nruns];
    if (snprintf(r->dir, sizeof r->dir, "%s", dir) >= (int)sizeof r->dir) return;
    r->state = "unknown";
    r->film_source = -1;
    read_config(s, r);
    s->nruns++;
    s->list++;
}

static int by_name(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Directories below `dir` in order of name, so that runs keep their colours from one start to the next. */
static void scan(struct site *s, const char *dir, int depth)
{
    enum { MOST = 4096 };
    if (has_file(dir, "config.yaml")) {
        add_run(s, dir);
        return;
    }
    size_t mark = mb_arena_mark(s->scratch);
    mb_error full = { 0 };
    char **names = mb_alloc(s->scratch, MOST, sizeof *names, &full);
    DIR *d = depth > 0 && names ? opendir(dir) : NULL;
    int n = 0;
    for (struct dirent *e; d && n < MOST && (e = readdir(d));)
        if (e->d_name[0] != '.' && e->d_type != DT_REG && (names[n] = mb_strdup(s->scratch, e->d_name, &full))) n++;
    if (d) closedir(d);
    qsort(names, (size_t)n, sizeof *names, by_name);
    for (int i = 0; i < n; i++) {
        char path[SITE_PATH];
        if (snprintf(path, sizeof path, "%s/%s", dir, names[i]) < (int)sizeof path) scan(s, path, depth - 1);
    }
    mb_arena_release(s->scratch, mark);
}

void site_scan(struct site *s)
{
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->nroots; i++) scan(s, s->roots[i], DEPTH);
    pthread_mutex_unlock(&s->lock);
}

/* ---- the state of a run ---- */

static bool alive(const mb_yaml *y)
{
    char here[64] = "";
    const char *pid = mb_yaml_get(y, "pid"), *host = mb_yaml_get(y, "host");
    int64_t number;
    if (gethostname(here, sizeof here) != 0) return true;
    here[sizeof here - 1] = 0;
    if (!pid || !host || strcmp(host, here) != 0 || !mb_parse_int(pid, &number) || number < 2) return true; /* nobody can tell */
    return kill((pid_t)number, 0) == 0 || errno == EPERM;
}

static const char *state_of(struct site *s, const char *status)
{
    static const char *const known[] = { "running", "finished", "stopped", "failed", NULL };
    const char *state = "unknown";
    mb_error bad = { 0 };
    mb_yaml y;
    size_t mark = mb_arena_mark(s->scratch);
    if (*status && mb_yaml_parse(status, strlen(status), "status.json", s->scratch, &y, &bad)) {
        const char *v = mb_yaml_get(&y, "state");
        for (int i = 0; v && known[i]; i++)
            if (strcmp(v, known[i]) == 0) state = known[i];
        if (strcmp(state, "running") == 0 && !alive(&y)) state = "lost";
    }
    mb_arena_release(s->scratch, mark);
    return state;
}

static void look_at_status(struct site *s, struct watched *r)
{
    char path[SITE_PATH + 64], text[sizeof r->status];
    struct stat st;
    ssize_t n = 0;
    run_path(path, r->dir, "status.json");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) n = read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n < 0) n = 0;
    text[n] = 0;
    for (char *c = text; *c; c++)
        if (*c == '\n' || *c == '\r') *c = ' '; /* one line of an event */
    const char *state = state_of(s, text);
    if (strcmp(text, r->status) == 0 && state == r->state) return;
    strcpy(r->status, text);
    r->state = state;
    r->news++;
}

/* Whole lines only.  A file that is shorter than before, or another one, was cut by a resume: viewers begin anew. */
static void look_at_metrics(struct watched *r)
{
    char path[SITE_PATH + 64], tail[CHUNK];
    struct stat st;
    run_path(path, r->dir, "metrics.jsonl");
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool readable = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    int64_t size = readable ? st.st_size : 0;
    if (size < r->size || (readable && r->inode && st.st_ino != r->inode)) {
        r->size = 0;
        r->cut++;
    }
    if (readable) r->inode = st.st_ino;
    while (readable && size > r->size) { /* as far as the last line end */
        int64_t from = size - (int64_t)sizeof tail > r->size ? size - (int64_t)sizeof tail : r->size;
        ssize_t n = pread(fd, tail, (size_t)(size - from), from);
        const char *end = n > 0 ? memrchr(tail, '\n', (size_t)n) : NULL;
        if (end) r->size = from + (end - tail) + 1;
        if (end || from <= r->size) break;
        size = from;
    }
    if (fd >= 0) close(fd);
}

void site_look(struct site *s)
{
    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < s->nruns; i++) {
        struct watched *r = &s->run[i];
        if (!r->algo[0]) {
            read_config(s, r);
            s->list += r->algo[0] != 0;
        }
        look_at_status(s, r);
        look_at_metrics(r);
    }
    pthread_mutex_unlock(&s->lock);
}
