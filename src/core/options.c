/* Options: text to typed fields and back, from one row per setting. */
#include "core/text.h"
#include "matchbox/core.h"
#include "matchbox/math.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CONSTANT, LINEAR, COSINE };
static const char *const schedule_names[] = {"constant", "linear", "cosine"};
enum { SHOWN_NAME = 64 };

/* What goes wrong with one value; `ok` sets nothing else. */
typedef struct reading {
    enum { READ_OK, READ_SYNTAX, READ_RANGE, READ_LENGTH } result;
    const char *expected;
} reading;

static const reading good = {READ_OK, NULL};
static const reading outside = {READ_RANGE, NULL};

static reading bad_syntax(const char *expected)
{
    return (reading){READ_SYNTAX, expected};
}
/* Not a number lies in no range. */
static bool inside(double v, double lo, double hi)
{
    return v >= lo && v <= hi;
}

float mb_schedule_at(const mb_schedule *s, double progress)
{
    double p = progress > 0 ? progress < 1 ? progress : 1 : 0;
    double from = (double)s->from, to = (double)s->to;
    if (s->kind == CONSTANT || p <= 0) return s->from;
    if (p >= 1) return s->to;
    if (s->kind == COSINE) p = 0.5 * (1.0 - mb_cos64(3.14159265358979323846 * p));
    return (float)(from + (to - from) * p);
}

/* Does `key` name the option `name`?  Hyphens equal underscores. */
static bool same_key(const char *name, const char *key)
{
    for (; *name && *key; name++, key++)
        if (*name != *key && !(*name == '_' && *key == '-')) return false;
    return *name == *key;
}

const mb_option *mb_options_find(const mb_option *rows, const char *key)
{
    for (; rows && rows->name; rows++)
        if (same_key(rows->name, key)) return rows;
    return NULL;
}

/* The name as it is typed. */
static const char *shown(const char *name, char out[SHOWN_NAME])
{
    snprintf(out, SHOWN_NAME, "%s", name);
    for (char *s = out; *s; s++)
        if (*s == '_') *s = '-';
    return out;
}

static reading set_integer(const mb_option *row, void *field, const char *text)
{
    int64_t v;
    if (!mb_parse_int(text, &v)) return bad_syntax("a whole number");
    if (!inside((double)v, row->lo, row->hi)) return outside;
    if (row->kind == MB_OPT_INT64) {
        *(int64_t *)field = v;
    } else {
        if (v < INT_MIN || v > INT_MAX) return outside;
        *(int *)field = (int)v;
    }
    return good;
}

static reading set_real(const mb_option *row, void *field, const char *text)
{
    double v;
    if (!mb_parse_double(text, &v)) return bad_syntax("a number");
    if (!inside(v, row->lo, row->hi)) return outside;
    if (row->kind == MB_OPT_DOUBLE) {
        *(double *)field = v;
    } else {
        if (isfinite(v) && !isfinite((float)v)) return outside;
        *(float *)field = (float)v;
    }
    return good;
}

static reading set_bool(void *field, const char *text)
{
    static const char *const words[] = {"false", "true", "0", "1", "no", "yes", "off", "on", NULL};
    for (int i = 0; words[i]; i++) {
        if (strcmp(words[i], text) != 0) continue;
        *(bool *)field = i % 2;
        return good;
    }
    return bad_syntax("true or false");
}

/* The i-th of "a|b|c" as a piece of text; NULL past the end. */
static const char *choice(const char *choices, int i, int *length)
{
    for (; i > 0; i--) {
        choices = strchr(choices, '|');
        if (!choices) return NULL;
        choices++;
    }
    *length = (int)strcspn(choices, "|");
    return choices;
}

static reading set_pick(const mb_option *row, void *field, const char *text)
{
    const char *at;
    for (int i = 0, n; (at = choice(row->choices, i, &n)); i++) {
        if (strlen(text) != (size_t)n || strncmp(at, text, (size_t)n) != 0) continue;
        *(int *)field = i;
        return good;
    }
    return bad_syntax(NULL);
}

/* Copy up to `stop` (or the end) into `out`; the rest, behind the stop, or NULL at the end.  Too
   long becomes "?". */
static const char *next_part(const char *text, char stop, char *out, size_t n)
{
    const char *end = strchrnul(text, stop);
    if (snprintf(out, n, "%.*s", (int)(end - text), text) >= (int)n) snprintf(out, n, "?");
    return *end ? end + 1 : NULL;
}

static reading set_list(const mb_option *row, mb_list *field, const char *text)
{
    mb_list list = {0, {0}};
    char part[32];
    for (const char *rest = *text ? text : NULL; rest;) {
        int64_t v;
        rest = next_part(rest, ',', part, sizeof part);
        if (!mb_parse_int(part, &v)) return bad_syntax("whole numbers separated by commas");
        if (list.n == MB_LIST_MAX) return (reading){READ_LENGTH, "16 numbers"};
        if (!inside((double)v, row->lo, row->hi) || v < INT_MIN || v > INT_MAX) return outside;
        list.v[list.n++] = (int)v;
    }
    *field = list;
    return good;
}
_Static_assert(MB_LIST_MAX == 16 && MB_TEXT_MAX == 128, "the messages name these limits");

static reading set_schedule(const mb_option *row, mb_schedule *field, const char *text)
{
    static const char *const form = "a number, linear:FROM:TO or cosine:FROM:TO";
    char part[64];
    double ends[2] = {0, 0};
    int kind = CONSTANT, n = 0;
    const char *rest = text;
    if (strchr(text, ':')) {
        rest = next_part(text, ':', part, sizeof part);
        kind = !strcmp(part, "linear") ? LINEAR : !strcmp(part, "cosine") ? COSINE : CONSTANT;
        if (kind == CONSTANT) return bad_syntax(form);
    }
    int want = kind == CONSTANT ? 1 : 2;
    for (; rest && n < want; n++) {
        rest = next_part(rest, ':', part, sizeof part);
        if (!mb_parse_double(part, &ends[n])) return bad_syntax(form);
    }
    if (rest || n < want) return bad_syntax(form);
    for (int i = 0; i < n; i++)
        if (!inside(ends[i], row->lo, row->hi) || !isfinite((float)ends[i])) return outside;
    *field = (mb_schedule){kind, (float)ends[0], (float)ends[n - 1]};
    return good;
}

static reading set_text(mb_text *field, const char *text)
{
    if (strlen(text) >= MB_TEXT_MAX) return (reading){READ_LENGTH, "127 bytes"};
    /* no old bytes behind the end: options are compared and stored whole */
    memset(field->s, 0, sizeof field->s);
    memcpy(field->s, text, strlen(text));
    return good;
}

static reading set_field(const mb_option *row, void *options, const char *text)
{
    void *field = (char *)options + row->offset;
    switch (row->kind) {
    case MB_OPT_INT:
    case MB_OPT_INT64: return set_integer(row, field, text);
    case MB_OPT_FLOAT:
    case MB_OPT_DOUBLE: return set_real(row, field, text);
    case MB_OPT_BOOL: return set_bool(field, text);
    case MB_OPT_PICK: return set_pick(row, field, text);
    case MB_OPT_TEXT: return set_text(field, text);
    case MB_OPT_LIST: return set_list(row, field, text);
    case MB_OPT_SCHED: return set_schedule(row, field, text);
    }
    return bad_syntax("of a known kind");
}

void mb_options_default(const mb_option *rows, void *options)
{
    for (const mb_option *row = rows; row && row->name; row++) {
        void *field = (char *)options + row->offset;
        switch (row->kind) {
        case MB_OPT_INT:
        case MB_OPT_PICK: *(int *)field = (int)row->def; break;
        case MB_OPT_INT64: *(int64_t *)field = (int64_t)row->def; break;
        case MB_OPT_FLOAT: *(float *)field = (float)row->def; break;
        case MB_OPT_DOUBLE: *(double *)field = row->def; break;
        case MB_OPT_BOOL: *(bool *)field = row->def != 0; break;
        case MB_OPT_TEXT:
        case MB_OPT_LIST:
        case MB_OPT_SCHED:
            MB_ASSERT(set_field(row, options, row->def_text).result == READ_OK);
            break;
        }
    }
}

static bool fail_unknown(const char *owner, const mb_option *rows, const char *key, mb_error *err)
{
    int best = mb__typo_limit(key) + 1;
    const char *near = NULL;
    char name[SHOWN_NAME];
    mb_fail(err, MB_ERR_USAGE, "%s: unknown option '%.64s'", owner, key);
    for (; rows && rows->name; rows++) {
        int d = mb__edit_distance(key, rows->name, best - 1);
        if (d < best && (size_t)d < strlen(rows->name)) best = d, near = rows->name;
    }
    if (near) mb_note(err, "did you mean '%s'?", shown(near, name));
    return mb_help(err, "matchbox help %s", owner);
}

static bool fail_pick(const char *owner, const mb_option *row, const char *text, mb_error *err)
{
    int best = mb__typo_limit(text) + 1, length;
    char list[256] = "", name[SHOWN_NAME], near[64] = "";
    mb_str b;
    mb_str_init(&b, list, sizeof list);
    const char *at;
    for (int i = 0; (at = choice(row->choices, i, &length)); i++) {
        char word[64];
        snprintf(word, sizeof word, "%.*s", length, at);
        mb_str_add(&b, "%s%s", i ? ", " : "", word);
        int d = mb__edit_distance(text, word, best - 1);
        if (d < best && d < length) best = d, strcpy(near, word);
    }
    mb_fail(err, MB_ERR_USAGE, "%s: option '%s' must be one of %s, not '%.64s'", owner,
            shown(row->name, name), list, text);
    if (near[0]) mb_note(err, "did you mean '%s'?", near);
    return mb_help(err, "matchbox help %s", owner);
}

static bool fail_value(const char *owner, const mb_option *row, const char *text, reading r,
                       mb_error *err)
{
    char name[SHOWN_NAME], lo[MB__NUMBER_MAX], hi[MB__NUMBER_MAX];
    bool single = row->kind == MB_OPT_FLOAT || row->kind == MB_OPT_SCHED;
    shown(row->name, name);
    mb__format_number(row->lo, single, lo);
    mb__format_number(row->hi, single, hi);
    if (r.result == READ_RANGE)
        mb_fail(err, MB_ERR_RANGE, "%s: option '%s' must lie in [%s, %s], not %.64s", owner, name,
                lo, hi, text);
    else if (r.result == READ_LENGTH)
        mb_fail(err, MB_ERR_RANGE, "%s: option '%s' takes at most %s, not '%.64s...'", owner, name,
                r.expected, text);
    else
        mb_fail(err, MB_ERR_USAGE, "%s: option '%s' must be %s, not '%.64s'", owner, name,
                r.expected, text);
    return mb_help(err, "matchbox help %s", owner);
}

bool mb_options_set(const char *owner, const mb_option *rows, void *options, const char *key,
                    const char *text, mb_error *err)
{
    const mb_option *row = mb_options_find(rows, key);
    if (!row) return fail_unknown(owner, rows, key, err);
    reading r = set_field(row, options, text);
    if (r.result == READ_OK) return true;
    return row->kind == MB_OPT_PICK ? fail_pick(owner, row, text, err)
                                    : fail_value(owner, row, text, r, err);
}

static void get_list(const mb_list *list, mb_str *b)
{
    for (int i = 0; i < list->n && i < MB_LIST_MAX; i++)
        mb_str_add(b, "%s%d", i ? "," : "", list->v[i]);
}

static void get_schedule(const mb_schedule *s, mb_str *b)
{
    char from[MB__NUMBER_MAX], to[MB__NUMBER_MAX];
    mb__format_number((double)s->from, true, from);
    mb__format_number((double)s->to, true, to);
    if (s->kind == CONSTANT) mb_str_add(b, "%s", from);
    else mb_str_add(b, "%s:%s:%s", schedule_names[s->kind == LINEAR ? LINEAR : COSINE], from, to);
}

void mb_options_get(const mb_option *row, const void *options, char *out, size_t n)
{
    const void *field = (const char *)options + row->offset;
    char number[MB__NUMBER_MAX];
    int length = 0;
    const char *at;
    mb_str b;
    mb_str_init(&b, out, n);
    switch (row->kind) {
    case MB_OPT_INT: mb_str_add(&b, "%d", *(const int *)field); break;
    case MB_OPT_INT64: mb_str_add(&b, "%lld", (long long)*(const int64_t *)field); break;
    case MB_OPT_FLOAT:
        mb__format_number((double)*(const float *)field, true, number);
        mb_str_add(&b, "%s", number);
        break;
    case MB_OPT_DOUBLE:
        mb__format_number(*(const double *)field, false, number);
        mb_str_add(&b, "%s", number);
        break;
    case MB_OPT_BOOL: mb_str_add(&b, "%s", *(const bool *)field ? "true" : "false"); break;
    case MB_OPT_PICK:
        at = choice(row->choices, *(const int *)field, &length);
        mb_str_add(&b, "%.*s", length, at ? at : "");
        break;
    case MB_OPT_TEXT: mb_str_add(&b, "%.*s", MB_TEXT_MAX - 1, ((const mb_text *)field)->s); break;
    case MB_OPT_LIST: get_list(field, &b); break;
    case MB_OPT_SCHED: get_schedule(field, &b); break;
    }
}
