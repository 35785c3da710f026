/* YAML: the scalars of nested mappings under dotted keys, with their lines.  libyaml reads the
   text; anchors, aliases, several documents, sequences of anything but scalars and keys given twice
   are refused: a setting has one place. */
#include "matchbox/core.h"

#include <string.h>

#ifdef MB_HAVE_YAML
#include <yaml.h>

enum { DEPTH_MAX = 8, KEY_MAX = 256, ITEMS_MAX = 8192, LIST_BYTES = 1024, TEXT_BYTES = 1 << 20 };

typedef struct parser {
    yaml_parser_t yaml;
    mb_arena *arena;
    const char *path;
    mb_error *err;
    mb_yaml_item *items; /* [most] */
    int n;
    mb_yaml_item *seen; /* [most] every key, of mappings too */
    int nseen, most;
} parser;

/* Record an error at a line. */
static bool fail_at(parser *p, size_t line, const char *what, const char *name)
{
    return mb_fail(p->err, MB_ERR_FORMAT, "%.200s, line %zu: %s%s%.100s%s", p->path, line + 1, what,
                   name ? " '" : "", name ? name : "", name ? "'" : "");
}

static bool next(parser *p, yaml_event_t *e)
{
    if (yaml_parser_parse(&p->yaml, e)) return true;
    const yaml_parser_t *y = &p->yaml;
    size_t line = y->error == YAML_READER_ERROR ? y->mark.line : y->problem_mark.line;
    if (y->error == YAML_MEMORY_ERROR)
        return mb_fail(p->err, MB_ERR_MEMORY, "%.200s: out of memory", p->path);
    return fail_at(p, line, y->problem ? y->problem : "not YAML", NULL);
}

/* The text of a scalar event, checked. */
static const char *scalar(parser *p, const yaml_event_t *e)
{
    const char *text = (const char *)e->data.scalar.value;
    if (e->data.scalar.anchor)
        fail_at(p, e->start_mark.line, "anchors are not supported, write the value out", text);
    else if (strlen(text) != e->data.scalar.length)
        fail_at(p, e->start_mark.line, "a zero byte in the text", text);
    else return text;
    return NULL;
}

static bool remember(parser *p, const char *key, size_t line)
{
    for (int i = 0; i < p->nseen; i++) {
        if (strcmp(p->seen[i].key, key) != 0) continue;
        fail_at(p, line, "a second value for", key);
        return mb_note(p->err, "the first one is on line %d", p->seen[i].line);
    }
    if (p->nseen == p->most) return fail_at(p, line, "too many keys, 8192 are allowed", NULL);
    char *copy = mb_strdup(p->arena, key, p->err);
    if (!copy) return false;
    p->seen[p->nseen++] = (mb_yaml_item){copy, NULL, (int)line + 1};
    return true;
}
_Static_assert(ITEMS_MAX == 8192 && DEPTH_MAX == 8, "the messages name these limits");

/* Note the value of the key remembered last. */
static bool add_item(parser *p, const char *value)
{
    char *copy = mb_strdup(p->arena, value, p->err);
    if (!copy) return false;
    p->items[p->n] = p->seen[p->nseen - 1];
    p->items[p->n++].value = copy;
    return true;
}

/* The rest of a sequence, joined by commas. */
static bool read_sequence(parser *p)
{
    char list[LIST_BYTES];
    mb_str b;
    mb_str_init(&b, list, sizeof list);
    for (bool first = true;; first = false) {
        yaml_event_t e;
        if (!next(p, &e)) return false;
        size_t line = e.start_mark.line;
        bool end = e.type == YAML_SEQUENCE_END_EVENT, ok = end;
        if (e.type == YAML_SCALAR_EVENT) {
            const char *text = scalar(p, &e);
            ok = text != NULL;
            if (ok && strchr(text, ','))
                ok = fail_at(p, line, "an item of a list must not contain a comma:", text);
            if (ok) mb_str_add(&b, "%s%s", first ? "" : ",", text);
            if (ok && b.full) ok = fail_at(p, line, "the list is too long", NULL);
        } else if (!end) {
            fail_at(p, line, "a list may hold only plain values", NULL);
        }
        yaml_event_delete(&e);
        if (!ok) return false;
        if (end) return add_item(p, list);
    }
}

static bool read_mapping(parser *p, const char *prefix, int depth);

/* The value that belongs to `key`. */
static bool read_value(parser *p, const char *key, int depth)
{
    yaml_event_t e;
    if (!next(p, &e)) return false;
    bool ok = false;
    const char *text;
    switch (e.type) {
    case YAML_SCALAR_EVENT:
        text = scalar(p, &e);
        ok = text && add_item(p, text);
        break;
    case YAML_SEQUENCE_START_EVENT:
        if (e.data.sequence_start.anchor)
            fail_at(p, e.start_mark.line, "anchors are not supported", NULL);
        else ok = read_sequence(p);
        break;
    case YAML_MAPPING_START_EVENT:
        if (e.data.mapping_start.anchor)
            fail_at(p, e.start_mark.line, "anchors are not supported", NULL);
        else if (depth == DEPTH_MAX)
            fail_at(p, e.start_mark.line, "mappings are nested more than 8 deep at", key);
        else ok = read_mapping(p, key, depth + 1);
        break;
    case YAML_ALIAS_EVENT:
        fail_at(p, e.start_mark.line, "aliases are not supported, write the value out for", key);
        break;
    default: fail_at(p, e.start_mark.line, "a value is missing for", key); break;
    }
    yaml_event_delete(&e);
    return ok;
}

/* The dotted name of a key event, remembered; false when it cannot be one. */
static bool read_key(parser *p, const yaml_event_t *e, const char *prefix, char key[KEY_MAX])
{
    size_t line = e->start_mark.line;
    mb_str b;
    if (e->type != YAML_SCALAR_EVENT) return fail_at(p, line, "a key must be a plain word", NULL);
    const char *text = scalar(p, e);
    if (!text) return false;
    if (!*text) return fail_at(p, line, "a key is empty", NULL);
    mb_str_init(&b, key, KEY_MAX);
    mb_str_add(&b, "%s%s%s", prefix, *prefix ? "." : "", text);
    if (b.full) return fail_at(p, line, "a key is too long:", text);
    return remember(p, key, line);
}

/* The rest of a mapping whose keys begin with `prefix`. */
static bool read_mapping(parser *p, const char *prefix, int depth)
{
    for (;;) {
        yaml_event_t e;
        char key[KEY_MAX];
        if (!next(p, &e)) return false;
        bool end = e.type == YAML_MAPPING_END_EVENT;
        bool ok = end || read_key(p, &e, prefix, key);
        yaml_event_delete(&e);
        if (!ok) return false;
        if (end) return true;
        if (!read_value(p, key, depth)) return false;
    }
}

/* Stream start, at most one document with a mapping, stream end. */
static bool read_stream(parser *p)
{
    for (int documents = 0;;) {
        yaml_event_t e;
        if (!next(p, &e)) return false;
        bool ok = true, end = e.type == YAML_STREAM_END_EVENT;
        size_t line = e.start_mark.line;
        if (e.type == YAML_DOCUMENT_START_EVENT && ++documents > 1)
            ok = fail_at(p, line, "a second document begins, one is allowed", NULL);
        else if (e.type == YAML_MAPPING_START_EVENT)
            ok = e.data.mapping_start.anchor ? fail_at(p, line, "anchors are not supported", NULL)
                                             : read_mapping(p, "", 1);
        else if (e.type == YAML_SCALAR_EVENT && e.data.scalar.length == 0)
            ok = true; /* an empty document */
        else if (e.type == YAML_SCALAR_EVENT || e.type == YAML_SEQUENCE_START_EVENT ||
                 e.type == YAML_ALIAS_EVENT)
            ok = fail_at(p, line, "expected 'key: value' lines", NULL);
        yaml_event_delete(&e);
        if (!ok || end) return ok;
    }
}

/* Every key stands at one of these. */
static int most_keys(const char *text, size_t n)
{
    int colons = 1;
    for (size_t i = 0; i < n && colons < ITEMS_MAX; i++) colons += text[i] == ':' || text[i] == '?' || text[i] == ',' || text[i] == '{';
    return colons;
}

bool mb_yaml_parse(const char *text, size_t n, const char *path, mb_arena *a, mb_yaml *out,
                   mb_error *err)
{
    if (n > TEXT_BYTES)
        return mb_fail(err, MB_ERR_FORMAT, "%.200s: %zu bytes are too many for a configuration",
                       path, n);
    parser p = {.arena = a, .path = path, .err = err, .most = most_keys(text, n)};
    p.items = mb_alloc(a, (size_t)p.most, sizeof *p.items, err);
    p.seen = p.items ? mb_alloc(a, (size_t)p.most, sizeof *p.seen, err) : NULL;
    char *name = p.seen ? mb_strdup(a, path, err) : NULL;
    if (!name) return false;
    if (!yaml_parser_initialize(&p.yaml))
        return mb_fail(err, MB_ERR_MEMORY, "%.200s: out of memory", path);
    yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, n);
    yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
    bool ok = read_stream(&p);
    yaml_parser_delete(&p.yaml);
    if (ok) *out = (mb_yaml){.items = p.items, .n = p.n, .path = name};
    return ok;
}

#else /* the amalgamation alone is built without it */

bool mb_yaml_parse(const char *text, size_t n, const char *path, mb_arena *a, mb_yaml *out, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%.200s: this build of matchbox reads no YAML", path);
    return mb_help(err, "compile matchbox.c with -DMB_HAVE_YAML and link with -lyaml");
}

#endif

bool mb_yaml_read(const char *path, mb_arena *a, mb_yaml *out, mb_error *err)
{
    char *text;
    size_t n;
    return mb_file_read(path, a, &text, &n, err) && mb_yaml_parse(text, n, path, a, out, err);
}

const char *mb_yaml_get(const mb_yaml *y, const char *key)
{
    for (int i = 0; i < y->n; i++)
        if (strcmp(y->items[i].key, key) == 0) return y->items[i].value;
    return NULL;
}
