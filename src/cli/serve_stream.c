/* What a viewer is told, as server-sent events (WHATWG HTML, section 9.2):
     runs      the list, as JSON
     status    a run's number, its state, its status.json: three lines
     cut       a run's number: forget its curve
     metrics   a run's number, then lines of metrics.jsonl
     film      a run's number and a version: there is a new episode */
#include "cli/serve.h"
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 48 * 1024, ROOM = CHUNK + CHUNK / 2, SHORTEST = 12, LONGEST = 8192 }; /* bytes of a line: shorter ones would outgrow ROOM */
static const double HEARTBEAT = 10; /* seconds: a sign of life, by which a viewer that has gone is noticed */

static void add_list(const struct site *s, mb_str *out)
{
    mb_str_add(out, "event: runs\ndata: [");
    for (int i = 0; i < s->nruns; i++) {
        const struct watched *r = &s->run[i];
        const char *const pair[][2] = { { "dir", r->dir }, { "algo", r->algo }, { "env", r->env }, { "preset", r->preset }, { "seed", r->seed } };
        mb_str_add(out, "%s{\"id\":%d", i ? "," : "", i);
        for (int k = 0; k < 5; k++) {
            mb_str_add(out, ",\"%s\":", pair[k][0]);
            mb_str_json(out, pair[k][1]);
        }
        mb_str_add(out, "}");
    }
    mb_str_add(out, "]\n\n");
}

/* Lines of metrics.jsonl from where the viewer is; each goes out behind "data: ". */
static void add_metrics(const struct watched *r, int id, int64_t *offset, mb_str *out)
{
    char path[SITE_PATH + 64], text[CHUNK + 1];
    size_t want = r->size - *offset < CHUNK ? (size_t)(r->size - *offset) : CHUNK;
    snprintf(path, sizeof path, "%s/metrics.jsonl", r->dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd >= 0 ? pread(fd, text, want, *offset) : -1;
    if (fd >= 0) close(fd);
    char *end = n > 0 ? memrchr(text, '\n', (size_t)n) : NULL;
    if (!end) { /* cut meanwhile, or a line longer than any of ours: go past it */
        *offset += n > 0 ? n : 0;
        if (n <= 0) *offset = r->size;
        return;
    }
    *end = 0;
    *offset += end - text + 1;
    mb_str_add(out, "event: metrics\ndata: %d\n", id);
    for (char *line = text, *next; line; line = next) {
        next = memchr(line, '\n', (size_t)(end - line));
        if (next) *next++ = 0;
        line[strcspn(line, "\r")] = 0;
        size_t length = strlen(line);
        if (length >= SHORTEST && length < LONGEST) mb_str_add(out, "data: %s\n", line);
    }
    mb_str_add(out, "\n");
}

static void add_run(const struct site *s, struct viewer *v, int i, mb_str *out)
{
    const struct watched *r = &s->run[i];
    if (v->has[i].cut != r->cut) {
        v->has[i].cut = r->cut;
        v->has[i].offset = 0;
        mb_str_add(out, "event: cut\ndata: %d\n\n", i);
    }
    if (v->has[i].news != r->news) {
        v->has[i].news = r->news;
        mb_str_add(out, "event: status\ndata: %d\ndata: %s\ndata: %s\n\n", i, r->state, r->status);
    }
    if (v->has[i].film != r->film) {
        v->has[i].film = r->film;
        mb_str_add(out, "event: film\ndata: %d\ndata: %d\n\n", i, r->film);
    }
    if (v->has[i].offset < r->size) add_metrics(r, i, &v->has[i].offset, out);
}

bool stream_has_news(const struct site *s, const struct viewer *v)
{
    if (v->list != s->list || mb_now() - v->spoke >= HEARTBEAT) return true;
    for (int i = 0; i < s->nruns; i++) {
        const struct watched *r = &s->run[i];
        if (v->has[i].cut != r->cut || v->has[i].news != r->news || v->has[i].film != r->film || v->has[i].offset < r->size) return true;
    }
    return false;
}

bool stream_compose(struct site *s, struct viewer *v)
{
    mb_str out;
    double now = mb_now();
    mb_str_init(&out, v->out, VIEWER_BYTES);
    if (v->list != s->list) {
        v->list = s->list;
        add_list(s, &out);
    }
    for (int i = 0; i < s->nruns && out.n + ROOM + sizeof s->run[i].status < VIEWER_BYTES; i++) add_run(s, v, i, &out);
    if (out.n == 0 && now - v->spoke >= HEARTBEAT) mb_str_add(&out, ": still here\n\n");
    v->n = out.n;
    v->at = 0;
    if (out.n) v->spoke = now;
    return out.n > 0;
}
