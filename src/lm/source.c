/* source.c - documents to learn from: a task's transcripts, or a file's. */
#include "matchbox/lm_task.h"
#include <string.h>
#ifdef MB_HAVE_JANSSON
#include <jansson.h>
#endif

enum { DOCUMENT = 2 * MB_TASK_TURNS * MB_TASK_TEXT };
struct piece { const char *text; size_t n; bool model; };
struct document { int first, n; };

struct mb_lm_source {
    const mb_task *task;
    void *problem;
    struct document *document; int64_t count;
    struct piece *piece; int npieces;
};

mb_lm_source *mb_lm_source_task(mb_arena *a, const mb_task *t, mb_error *err)
{
    mb_lm_source *s = mb_alloc(a, 1, sizeof *s, err);
    if (!s || !(s->problem = mb_alloc(a, 1, t->def->problem_size, err))) return NULL;
    s->task = t;
    return s;
}

mb_task *mb_lm_task_open(mb_arena *a, const char *name, const char *settings, uint64_t seed, mb_error *err)
{
    mb_task *t = mb_task_open(a, name, seed, err);
    char *next = mb_strdup(a, settings, err);
    if (!t || !next) return NULL;
    for (char *at = next; at && *at; at = next) {
        if ((next = strchr(at, ':'))) *next++ = 0;
        char *value = strchr(at, '=');
        if (value) *value++ = 0;
        if (!value) mb_fail(err, MB_ERR_USAGE, "%s: '%.60s' is not key=value", name, at);
        if (!value || !mb_task_set(t, at, value, err)) {
            mb_note(err, "in the settings '%.100s'", settings);
            return NULL;
        }
    }
    return t;
}

int64_t mb_lm_source_count(const mb_lm_source *s) { return s->count; }

int mb_lm_source_read(const mb_lm_source *s, uint64_t i, mb_str *out, mb_task_part part[2 * MB_TASK_TURNS + 1], mb_error *err)
{
    if (s->task) {
        if (!mb_task_problem(s->task, MB_SPLIT_TRAIN, i, s->problem, err)) return -1;
        return mb_task_transcript(s->task, s->problem, out, part);
    }
    const struct document *d = &s->document[i % (uint64_t)s->count];
    for (int k = 0; k < d->n; k++) {
        const struct piece *p = &s->piece[d->first + k];
        mb_str_add(out, "%.*s", (int)p->n, p->text);
        part[k] = (mb_task_part){ out->n, p->model };
    }
    return d->n;
}

bool mb_lm_source_corpus(const mb_lm_source *s, int documents, mb_arena *a, char **text, size_t *n, mb_error *err)
{
    mb_task_part part[2 * MB_TASK_TURNS + 1];
    if (!s->task && s->count < documents) documents = (int)s->count;
    size_t cap = (size_t)1 << 24;
    *text = mb_alloc(a, cap, 1, err);
    if (!*text) return false;
    mb_str out;
    mb_str_init(&out, *text, cap);
    for (int i = 0; i < documents && !out.full; i++) {
        if (mb_lm_source_read(s, (uint64_t)i, &out, part, err) < 0) return false;
        mb_str_add(&out, "\n");
    }
    *n = out.n;
    return true;
}

/* ---- files ---- */

static bool grow(mb_lm_source *s, int *cap, mb_arena *a, mb_error *err)
{
    if (s->piece && s->npieces + 2 * MB_TASK_TURNS + 1 < *cap && s->count + 1 < *cap) return true;
    struct piece *more = mb_alloc(a, (size_t)*cap * 2, sizeof *more, err);
    struct document *documents = mb_alloc(a, (size_t)*cap * 2, sizeof *documents, err);
    if (!more || !documents) return false;
    if (s->npieces) memcpy(more, s->piece, (size_t)s->npieces * sizeof *more);
    if (s->count) memcpy(documents, s->document, (size_t)s->count * sizeof *documents);
    s->piece = more;
    s->document = documents;
    *cap *= 2;
    return true;
}

static void add_piece(mb_lm_source *s, const char *text, size_t n, bool model)
{
    if (n == 0) return;
    s->piece[s->npieces++] = (struct piece){ text, n, model };
    s->document[s->count].n++;
}

static bool read_text(mb_lm_source *s, const char *text, size_t n, mb_arena *a, mb_error *err)
{
    int cap = 1024;
    if (!grow(s, &cap, a, err)) return false;
    for (const char *at = text, *end = text + n; at < end;) {
        const char *stop = strstr(at, "\n\n");
        if (!stop) stop = end;
        if (!grow(s, &cap, a, err)) return false;
        s->document[s->count] = (struct document){ s->npieces, 0 };
        add_piece(s, at, (size_t)(stop - at), true);
        s->count += s->document[s->count].n > 0;
        at = stop + strspn(stop, "\n");
    }
    return true;
}

#ifdef MB_HAVE_JANSSON
static bool keep(mb_lm_source *s, const json_t *v, bool model, mb_arena *a, mb_error *err)
{
    size_t n = json_string_length(v);
    char *text = mb_alloc(a, n + 1, 1, err);
    if (!text) return false;
    memcpy(text, json_string_value(v), n);
    add_piece(s, text, n, model);
    return true;
}

static bool read_messages(mb_lm_source *s, const json_t *messages, mb_arena *a, mb_error *err)
{
    size_t i;
    json_t *m;
    json_array_foreach(messages, i, m)
    {
        const json_t *content = json_object_get(m, "content");
        const char *role = json_string_value(json_object_get(m, "role"));
        if (!json_is_string(content) || !role || i >= 2 * MB_TASK_TURNS) return mb_fail(err, MB_ERR_FORMAT, "messages need role and content, at most %d", 2 * MB_TASK_TURNS);
        if (!keep(s, content, strcmp(role, "assistant") == 0, a, err)) return false;
    }
    return true;
}

static bool read_object(mb_lm_source *s, const json_t *o, mb_arena *a, mb_error *err)
{
    const json_t *prompt = json_object_get(o, "prompt"), *completion = json_object_get(o, "completion"), *text = json_object_get(o, "text");
    const json_t *messages = json_object_get(o, "messages");
    if (json_is_array(messages)) return read_messages(s, messages, a, err);
    if (json_is_string(prompt) && json_is_string(completion)) return keep(s, prompt, false, a, err) && keep(s, completion, true, a, err);
    if (json_is_string(text)) return keep(s, text, true, a, err);
    return mb_fail(err, MB_ERR_FORMAT, "a document is {\"prompt\", \"completion\"}, {\"messages\"} or {\"text\"}");
}

static bool read_lines(mb_lm_source *s, const char *path, char *text, mb_arena *a, mb_error *err)
{
    int cap = 1024, line = 0;
    if (!grow(s, &cap, a, err)) return false;
    for (char *at = text, *end; *at; at = end) {
        end = strchr(at, '\n');
        size_t n = end ? (size_t)(end - at) : strlen(at);
        end = end ? end + 1 : at + n;
        line++;
        if (strspn(at, " \t\r") >= n) continue;
        json_error_t where;
        json_t *o = json_loadb(at, n, 0, &where);
        s->document[s->count] = (struct document){ s->npieces, 0 };
        bool ok = o ? read_object(s, o, a, err) : mb_fail(err, MB_ERR_FORMAT, "%s", where.text);
        json_decref(o);
        if (!ok) return mb_note(err, "%.150s, line %d", path, line);
        s->count += s->document[s->count].n > 0;
        if (!grow(s, &cap, a, err)) return false;
    }
    return true;
}
#else
static bool read_lines(mb_lm_source *s, const char *path, char *text, mb_arena *a, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%.200s: this matchbox was built without jansson, which reads JSON", path);
    return mb_help(err, "apt-get install libjansson-dev, then make");
}
#endif

mb_lm_source *mb_lm_source_file(mb_arena *a, const char *path, mb_error *err)
{
    mb_lm_source *s = mb_alloc(a, 1, sizeof *s, err);
    char *text;
    size_t n, length = strlen(path);
    if (!s || !mb_file_read(path, a, &text, &n, err)) return NULL;
    bool lines = length > 6 && strcmp(path + length - 6, ".jsonl") == 0;
    if (!(lines ? read_lines(s, path, text, a, err) : read_text(s, text, n, a, err))) return NULL;
    if (s->count) return s;
    mb_fail(err, MB_ERR_FORMAT, "%.200s: there is no document in it", path);
    return NULL;
}

/* ---- as tokens ---- */

int mb_lm_document(const mb_lm_kit *k, const mb_lm_source *s, uint64_t i, bool everything, int32_t *token, uint8_t *counts, int cap, mb_error *err)
{
    mb_task_part part[2 * MB_TASK_TURNS + 1];
    size_t mark = mb_arena_mark(k->scratch), room = s->task ? DOCUMENT : 16, from = 0;
    for (int p = 0; !s->task && p < s->document[i % (uint64_t)s->count].n; p++) room += s->piece[s->document[i % (uint64_t)s->count].first + p].n;
    char *memory = mb_alloc(k->scratch, room, 1, err);
    int32_t *ids = memory ? mb_alloc(k->scratch, 3 * room + 64, sizeof *ids, err) : NULL;
    if (!ids) return -1;
    mb_str text;
    mb_str_init(&text, memory, room);
    int parts = mb_lm_source_read(s, i, &text, part, err), n = 0;
    if (parts >= 0 && k->begin >= 0) counts[n] = 0, token[n++] = k->begin;
    for (int p = 0; p < parts && n < cap; from = part[p++].end) {
        int got = mb_lm_encode(k, memory + from, part[p].end - from, ids, (int)(3 * room + 64), err);
        if (got < 0) parts = -1;
        for (int j = 0; j < got && n < cap; j++) counts[n] = everything || part[p].model, token[n++] = ids[j];
        bool model = part[p].model || (everything && p + 1 == parts);
        if (model && k->end >= 0 && n < cap) counts[n] = 1, token[n++] = k->end;
    }
    mb_arena_release(k->scratch, mark);
    return parts < 0 ? -1 : n;
}
