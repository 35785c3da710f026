/* Environments of Python, `gym:ID[?key=value&...]`: python/matchbox/worker asks Gymnasium or PettingZoo for one, says what its spaces are,
   and steps instances of it in processes of their own. */
#include "matchbox/foreign.h"
#include "run/outside.h"
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                              \
    NUM(int, workers, 0, 0, 1024, "processes that step; 0: one for each core")                             \
    NUM(int, skip, 1, 1, 100, "repeat every action so many times and add the rewards up")                  \
    NUM(int, resize, 0, 0, 4096, "scale images to this height and width; 0: as they are")                  \
    NUM(bool, gray, false, 0, 1, "turn images of colors into brightness")                                  \
    NUM(int, stack, 1, 1, 16, "the last so many images as channels of one")                                \
    NUM(int, limit, -1, -1, 1e9, "time limit in steps; 0: none; -1: the environment's own")
MB_OPTIONS(gym, OPTIONS)

enum { PATH_BYTES = 1024, ANSWER = 256 * 1024, VERSION = 1 };

struct gym {
    mb_process process; /* first: see mb_process */
    mb_foreign foreign;
    mb_arena *arena;
    const char *args[8];
    char changes[160];      /* the options as JSON, for the worker */
    char asked[160];        /* the shape belongs to these; "": not asked yet */
    mb_env_shape shape;
};

/* ---- what the worker says of the spaces ---- */

static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');
    if (!*line) return NULL;
    *text = end ? end + 1 : line + strlen(line);
    if (end) *end = 0;
    return line;
}

static bool read_bounds(struct gym *g, mb_field *f, const char *line, mb_error *err)
{
    bool low = line[0] == 'l';
    char *at = strchr((char *)(uintptr_t)line, ' ');
    float *v = mb_alloc(g->arena, (size_t)f->n, sizeof *v, err);
    if (!v) return false;
    for (int i = 0; i < f->n; i++) v[i] = at ? strtof(at, &at) : 0;
    if (low) f->lows = v;
    else f->highs = v;
    return true;
}

static bool read_field(struct gym *g, mb_space *space, const char *line, mb_error *err)
{
    char kind[16], name[64] = "";
    mb_field f = { .low = -MB_INF, .high = MB_INF };
    if (sscanf(line, "%*s %15s %d %d %d %d %63s", kind, &f.n, &f.h, &f.w, &f.c, name) < 5)
        return mb_fail(err, MB_ERR_FORMAT, "the worker described a field as '%.80s'", line);
    if (space->nfields == MB_MAX_FIELDS) return mb_fail(err, MB_ERR_UNSUPPORTED, "a space of more than %d fields", MB_MAX_FIELDS);
    f.kind = kind[0] == 'b' ? MB_FIELD_BOX : kind[0] == 'd' ? MB_FIELD_DISCRETE : MB_FIELD_IMAGE;
    if (f.kind == MB_FIELD_IMAGE) f.low = 0, f.high = 255;
    if (*name && !(f.name = mb_strdup(g->arena, name, err))) return false;
    space->field[space->nfields++] = f;
    return true;
}

static bool read_shape(struct gym *g, char *text, mb_env_shape *s, mb_error *err)
{
    int masked = 0, version = 0;
    *s = (mb_env_shape){ .state_size = 8 };
    mb_space *last = &s->obs;
    for (char *line; (line = next_line(&text));) {
        bool ok = true;
        if (strncmp(line, "obs ", 4) == 0 || strncmp(line, "act ", 4) == 0) ok = read_field(g, last = line[0] == 'o' ? &s->obs : &s->act, line, err);
        else if (strncmp(line, "low ", 4) == 0 || strncmp(line, "high ", 5) == 0)
            ok = last->nfields > 0 && read_bounds(g, &last->field[last->nfields - 1], line, err);
        else if (sscanf(line, "agents %d", &s->nagents) == 1 || sscanf(line, "limit %d", &s->time_limit) == 1 ||
                 sscanf(line, "masked %d", &masked) == 1 || sscanf(line, "matchbox %d", &version) == 1) {}
        if (!ok) return false;
    }
    s->masked = masked != 0;
    if (version == VERSION && s->obs.nfields && s->act.nfields) return true;
    mb_fail(err, MB_ERR_FORMAT, "%.200s: not the worker of this version of matchbox", g->args[1]);
    return mb_note(err, "the worker and the library belong together: install matchbox again");
}

/* Lines that begin with '!' are why there is no such environment. */
static bool refused(const char *name, char *text, mb_error *err)
{
    bool first = true;
    for (char *line; (line = next_line(&text));) {
        if (line[0] != '!') continue;
        if (strncmp(line, "!help ", 6) == 0) mb_help(err, "%.90s", line + 6);
        else if (first) mb_fail(err, MB_ERR_ENV, "environment '%.100s': %s", name, line + 1);
        else mb_note(err, "%s", line + 1);
        first = false;
    }
    return !first;
}

static void write_changes(struct gym *g, const struct gym_options *o)
{
    mb_str s;
    mb_str_init(&s, g->changes, sizeof g->changes);
    mb_str_add(&s, "{\"skip\":%d,\"resize\":%d,\"gray\":%s,\"stack\":%d,\"limit\":%d}", o->skip, o->resize, o->gray ? "true" : "false",
               o->stack, o->limit);
}

static bool shape(void *self, const void *options, mb_env_shape *out, mb_error *err)
{
    struct gym *g = self;
    write_changes(g, options);
    if (strcmp(g->changes, g->asked) != 0) {
        char *answer = mb_alloc(g->arena, 1, ANSWER, err);
        if (!answer) return false;
        const char *const args[] = { g->args[0], g->args[1], "describe", g->args[3], g->changes, NULL };
        int status = mb_process_ask(args, answer, ANSWER, err);
        if (status < 0) return false;
        if (status != 0) {
            if (!refused(g->args[3], answer, err)) {
                mb_fail(err, MB_ERR_ENV, "environment '%.100s': %.200s ended with status %d", g->args[3], g->args[0], status);
                mb_note(err, "its messages are above");
            }
            return false;
        }
        if (!read_shape(g, answer, &g->shape, err)) return false;
        memcpy(g->asked, g->changes, sizeof g->asked);
    }
    *out = g->shape;
    return true;
}

static int workers(void *self, const void *options, int nenvs)
{
    const struct gym_options *o = options;
    cpu_set_t set;
    if (o->workers > 0) return o->workers;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static bool open_worker(void *self, const void *options, mb_block *b, mb_error *err)
{
    struct gym *g = self;
    write_changes(g, options);
    return mb_process_open(self, options, b, err);
}

bool mb__is_gym(const char *name) { return strncmp(name, "gym:", 4) == 0; }

/* A file is named by its whole path: a run is continued from anywhere. */
static const char *whole_name(mb_arena *a, const char *name, mb_error *err)
{
    char file[PATH_BYTES], full[PATH_BYTES * 2], path[4096];
    const char *id = name + 4, *end = strstr(id, ".py:");
    if (!end) return mb_strdup(a, name, err);
    if ((size_t)(end - id) + 4 > sizeof file) return mb_fail(err, MB_ERR_USAGE, "the name of the file is too long"), NULL;
    snprintf(file, sizeof file, "%.*s", (int)(end - id + 3), id);
    if (!realpath(file, path)) {
        mb_fail(err, MB_ERR_IO, "%.300s: there is no such file", file);
        return NULL;
    }
    snprintf(full, sizeof full, "gym:%.1400s%.600s", path, end + 3);
    return mb_strdup(a, full, err);
}

const mb_env_def *mb__gym_env(mb_arena *a, const char *name, mb_error *err)
{
    char script[PATH_BYTES];
    struct gym *g = mb_alloc(a, 1, sizeof *g, err);
    const char *full = g ? whole_name(a, name, err) : NULL, *python = getenv("MATCHBOX_PYTHON");
    if (!full) return NULL;
    if (!mb__find_own("python/matchbox/worker/__main__.py", script, sizeof script) && !mb__find_own("worker/__main__.py", script, sizeof script)) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "%.100s: the folder python/matchbox/worker was not found, and environments of Python cannot be stepped without it", name);
        mb_help(err, "make install");
        return NULL;
    }
    g->arena = a;
    g->args[0] = python && *python ? mb_strdup(a, python, err) : "python3";
    g->args[1] = mb_strdup(a, script, err);
    g->args[2] = "serve";
    g->args[3] = full;
    g->args[4] = g->changes;
    if (!g->args[0] || !g->args[1]) return NULL;
    g->process.args = g->args;
    g->foreign = (mb_foreign){ .self = g, .shared = true, .shape = shape, .workers = workers, .open = open_worker, .send = mb_process_send,
                               .receive = mb_process_receive, .close = mb_process_close };
    return mb_env_foreign(a, full, &g->foreign, gym_option_rows, sizeof(struct gym_options), err);
}
