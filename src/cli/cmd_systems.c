/* matchbox systems: the ledger, docs/systems.yaml. */
#include "cli/reproduce.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                     \
    TEXT(family, "", "only this family")                                                          \
    TEXT(status, "", "only this status: works, partial or none")                                  \
    TEXT(results, "", "directory of stored verdicts; default: results")                           \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array")                       \
    NUM(bool, markdown, false, 0, 1, "the page docs/systems.md")                                  \
    NUM(bool, check, false, 0, 1, "look for rows that are wrong; the tests do")
MB_OPTIONS(systems, OPTIONS)

enum { ROWS_A = 172, ROWS_B = 119, ROWS = ROWS_A + ROWS_B, FIELDS = 6, JSON_BYTES = 1 << 20, PATH_BYTES = 1024 };
static const char *const fields[FIELDS] = { "name", "family", "status", "page", "experiment", "command" };
enum { NAME, FAMILY, STATUS, PAGE, EXPERIMENT, COMMAND };
struct row { char id[8]; const char *field[FIELDS]; char verdict[24]; int line; };
struct ledger { struct row *row; int n; const char *path; };

/* ---- reading ---- */

static bool take(struct ledger *l, const mb_yaml_item *at, mb_error *err)
{
    const char *dot = strchr(at->key, '.');
    size_t width = dot ? (size_t)(dot - at->key) : 0;
    struct row *r = l->n ? &l->row[l->n - 1] : NULL;
    if (width == 0 || width >= sizeof r->id) return mb_fail(err, MB_ERR_FORMAT, "%s, line %d: '%.60s' is no field of a row", l->path, at->line, at->key);
    if (!r || strlen(r->id) != width || strncmp(r->id, at->key, width) != 0) {
        if (l->n == ROWS + 1) return mb_fail(err, MB_ERR_FORMAT, "%s, line %d: more than %d rows", l->path, at->line, ROWS);
        r = &l->row[l->n++];
        *r = (struct row){ .line = at->line };
        memcpy(r->id, at->key, width);
    }
    for (int f = 0; f < FIELDS; f++)
        if (strcmp(dot + 1, fields[f]) == 0) return (r->field[f] = at->value) != NULL;
    return mb_fail(err, MB_ERR_FORMAT, "%s, line %d: '%.60s' is no field of a row", l->path, at->line, at->key);
}

/* What the stored full-budget verdict says; "": there is none. */
static void read_verdict(struct row *r, const char *results, mb_arena *a)
{
    char path[PATH_BYTES], *text;
    size_t n;
    mb_error quiet = { 0 };
    if (!r->field[EXPERIMENT]) return;
    snprintf(path, sizeof path, "%.800s/%.80s/verdict.json", results, r->field[EXPERIMENT]);
    size_t mark = mb_arena_mark(a);
    const char *key = "\"verdict\":\"";
    if (access(path, R_OK) == 0 && mb_file_read(path, a, &text, &n, &quiet)) {
        const char *at = strstr(text, key);
        if (at) snprintf(r->verdict, sizeof r->verdict, "%.*s", (int)strcspn(at + strlen(key), "\""), at + strlen(key));
    }
    mb_arena_release(a, mark);
}

static bool read_ledger(cli *c, const char *results, struct ledger *l, mb_error *err)
{
    static char path[PATH_BYTES];
    mb_yaml y;
    if (!mb_find_data("docs/systems.yaml", path, sizeof path)) return mb_fail(err, MB_ERR_IO, "docs/systems.yaml was not found");
    l->path = path;
    l->row = mb_alloc(c->arena, ROWS + 1, sizeof *l->row, err);
    if (!l->row || !mb_yaml_read(path, c->arena, &y, err)) return false;
    for (int i = 0; i < y.n; i++)
        if (!take(l, &y.items[i], err)) return false;
    for (int i = 0; i < l->n; i++) read_verdict(&l->row[i], results, c->arena);
    return true;
}

static const char *field(const struct row *r, int f) { return r->field[f] ? r->field[f] : ""; }

/* ---- printing ---- */

static bool wanted(const struct row *r, const char *family, const char *status)
{
    return (!family || strcmp(family, field(r, FAMILY)) == 0) && (!status || strcmp(status, field(r, STATUS)) == 0);
}

static void row_json(const struct row *r, mb_str *out)
{
    mb_str_add(out, "%s{\"id\":\"%s\"", out->n > 1 ? "," : "", r->id);
    for (int f = 0; f < FIELDS; f++) {
        mb_str_add(out, ",\"%s\":", fields[f]);
        if (r->field[f]) mb_str_json(out, r->field[f]);
        else mb_str_add(out, "null");
    }
    mb_str_add(out, ",\"verdict\":");
    if (*r->verdict) mb_str_json(out, r->verdict);
    else mb_str_add(out, "null");
    mb_str_add(out, "}");
}

static void row_markdown(const struct row *r)
{
    const char *page = field(r, PAGE);
    printf("| %s | ", r->id);
    if (strncmp(page, "docs/", 5) == 0) printf("[%s](%s)", field(r, NAME), page + 5);
    else if (*page) printf("[%s](../%s)", field(r, NAME), page);
    else printf("%s", field(r, NAME));
    printf(" | %s | %s | ", field(r, FAMILY), field(r, STATUS));
    if (*r->verdict) printf("[%s](../results/%s/README.md)", r->verdict, field(r, EXPERIMENT));
    printf(" | %s%s%s |\n", r->field[COMMAND] ? "`" : "", field(r, COMMAND), r->field[COMMAND] ? "`" : "");
}

static void counts(const struct ledger *l, int n[3])
{
    n[0] = n[1] = n[2] = 0;
    for (int i = 0; i < l->n; i++) n[strcmp(field(&l->row[i], STATUS), "works") == 0 ? 0 : strcmp(field(&l->row[i], STATUS), "partial") == 0 ? 1 : 2]++;
}

static void print_markdown(const struct ledger *l)
{
    int n[3];
    counts(l, n);
    printf("# Systems\n\nEvery system of the catalogue, from docs/systems.yaml (`make docs` writes this page): %d of %d work, %d in part.\n"
           "A row works when its experiment has a stored verdict of the full budget, whatever that verdict is: a claim that does not\n"
           "hold at this scale is an answer too. See [experiments](guide/experiments.md).\n\n"
           "| row | system | family | status | verdict | command |\n|---|---|---|---|---|---|\n", n[0], l->n, n[1]);
    for (int i = 0; i < l->n; i++) row_markdown(&l->row[i]);
}

/* ---- checking ---- */

struct faults { const struct ledger *l; int n; };

static void fault(struct faults *f, const struct row *r, const char *what, const char *detail)
{
    printf("%s, line %d: %s %s%s%s\n", f->l->path, r->line, r->id, what, *detail ? ": " : "", detail);
    f->n++;
}

static void fault_of(struct faults *f, const struct row *r, const char *what, const mb_error *err)
{
    char text[2048];
    mb_error_text(err, text, sizeof text);
    for (char *c = text; *c; c++)
        if (*c == '\n') *c = ' ';
    fault(f, r, what, text);
}

static void check_ids(struct faults *f)
{
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        snprintf(id, sizeof id, "%c%d", i < ROWS_A ? 'A' : 'B', i < ROWS_A ? i + 1 : i - ROWS_A + 1);
        if (i < f->l->n && strcmp(f->l->row[i].id, id) == 0) continue;
        printf("%s: row %d must be %s%s%s\n", f->l->path, i + 1, id, i < f->l->n ? ", not " : ": it is missing", i < f->l->n ? f->l->row[i].id : "");
        f->n++;
        return;
    }
    if (f->l->n > ROWS) fault(f, &f->l->row[ROWS], "is one row too many", "");
}

/* Would the program take these words?  train: every setting; others: that command and options exist. */
static bool parses(const char *command, mb_arena *a, mb_error *err)
{
    char *words[CLI_WORDS], *text = mb_strdup(a, command, err);
    int n = 0, plain = 0;
    const mb_command_def *d = NULL;
    mb_settings *s = NULL;
    for (char *w = text ? strtok(text, " ") : NULL; w && n < CLI_WORDS; w = strtok(NULL, " ")) words[n++] = w;
    if (n < 2 || strcmp(words[0], "matchbox") != 0) return mb_fail(err, MB_ERR_USAGE, "does not begin with 'matchbox COMMAND'");
    for (int i = 0; mb__command_table[i]; i++)
        if (strcmp(mb__command_table[i]->name, words[1]) == 0) d = mb__command_table[i];
    if (!d) return mb_fail(err, MB_ERR_USAGE, "no command is called '%.40s'", words[1]);
    bool train = strcmp(d->name, "train") == 0;
    if (train && (n < 4 || !(s = mb_settings_new(a, words[2], words[3], err)))) return mb_fail(err, MB_ERR_USAGE, "train needs ALGO and ENV");
    for (int i = 2; i < n; i++) {
        if (strncmp(words[i], "--", 2) != 0) {
            plain++;
            continue;
        }
        char *equals = strchr(words[i], '='), *value = equals ? equals + 1 : i + 1 < n && strncmp(words[i + 1], "--", 2) != 0 ? words[++i] : NULL;
        char *key = words[equals ? i : i - (value != NULL)] + 2;
        if (equals) *equals = 0;
        const mb_option *row = d->options ? mb_options_find(d->options, key) : NULL;
        if (row && row->kind == MB_OPT_BOOL && value && !equals) i--;
        if (!row && !d->takes_settings) return mb_fail(err, MB_ERR_USAGE, "%s has no option '%.40s'", d->name, key);
        if (!row && train && !mb_settings_set(s, key, value, NULL, err)) return false;
    }
    if (plain >= d->min_words && plain <= d->max_words) return true;
    return mb_fail(err, MB_ERR_USAGE, "%s takes %d to %d words, not %d", d->name, d->min_words, d->max_words, plain);
}

static void check_row(struct faults *f, const struct row *r, const char *results, mb_arena *a)
{
    char path[PATH_BYTES];
    mb_error err = { 0 };
    mb_experiment e;
    struct outcome o;
    const char *status = field(r, STATUS), *id = r->field[EXPERIMENT];
    bool works = strcmp(status, "works") == 0;
    if (!r->field[NAME] || !r->field[FAMILY]) fault(f, r, "has no name or family", "");
    if (!works && strcmp(status, "partial") != 0 && strcmp(status, "none") != 0) fault(f, r, "has a status that is not works, partial or none", status);
    if (r->field[PAGE] && access(r->field[PAGE], R_OK) != 0) fault(f, r, "has a page that does not exist", r->field[PAGE]);
    if (works && (!r->field[PAGE] || !id || !r->field[COMMAND])) fault(f, r, "works, and needs page, experiment and command", "");
    if (r->field[COMMAND] && !parses(r->field[COMMAND], a, &err)) fault_of(f, r, "has a command that does not parse", &err);
    if (!id) return;
    err = (mb_error){ 0 };
    for (int quick = 1; quick >= 0; quick--)
        if (!mb_experiment_find(id, path, sizeof path, &err) || !mb_experiment_read(path, quick, a, &e, &err)) {
            fault_of(f, r, "has an experiment that cannot be read", &err);
            return;
        }
    if (works && !outcome_stored(a, &e, results, &o, &err)) fault_of(f, r, "works, but its verdict is not sound", &err);
}

static bool check(cli *c, const struct ledger *l, const char *results, mb_error *err)
{
    struct faults f = { l, 0 };
    check_ids(&f);
    for (int i = 0; i < l->n; i++) {
        size_t mark = mb_arena_mark(c->arena);
        check_row(&f, &l->row[i], results, c->arena);
        mb_arena_release(c->arena, mark);
    }
    if (f.n) return mb_fail(err, MB_ERR_IO, "systems: %d fault%s in %s", f.n, f.n == 1 ? "" : "s", l->path);
    printf("%d rows, all sound\n", l->n);
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct systems_options *o = c->options;
    const char *family = cli_text(c, "family"), *status = cli_text(c, "status");
    const char *results = cli_text(c, "results");
    struct ledger l = { 0 };
    int n[3], shown = 0;
    char found[PATH_BYTES], *memory = mb_alloc(c->arena, 1, JSON_BYTES, err);
    mb_str out;
    if (!results) results = mb_find_data("results", found, sizeof found) ? found : "results";
    if (!memory || !read_ledger(c, results, &l, err)) return false;
    if (o->check) return check(c, &l, results, err);
    if (o->markdown) return print_markdown(&l), true;
    mb_str_init(&out, memory, JSON_BYTES);
    mb_str_add(&out, "[");
    for (int i = 0; i < l.n; i++) {
        const struct row *r = &l.row[i];
        if (!wanted(r, family, status)) continue;
        shown++;
        if (o->json) row_json(r, &out);
        else printf("%-5s %-8s %-14s %-44.44s %s\n", r->id, field(r, STATUS), r->verdict, field(r, NAME), field(r, COMMAND));
    }
    if (shown == 0) {
        const char *names[ROWS + 2] = { "works", "partial", "none" };
        for (int i = 0; i < l.n && !status; i++) names[i] = field(&l.row[i], FAMILY);
        mb_fail(err, MB_ERR_USAGE, "systems: no row has %s '%.60s'", status ? "status" : "family", status ? status : family ? family : "");
        const char *near = mb_nearest(status ? status : family ? family : "", names);
        return near ? mb_note(err, "did you mean '%s'?", near) : false;
    }
    mb_str_add(&out, "]");
    counts(&l, n);
    if (o->json) cli_json(&out);
    else printf("%d of %d rows: %d work, %d in part, %d not yet\n", shown, l.n, n[0], n[1], n[2]);
    return true;
}

CLI_COMMAND(systems) = {
    .name = "systems", .usage = "systems [--family F] [--status S]", .summary = "every system of the catalogue: what works, and the command that shows it",
    .about = "Prints the ledger, docs/systems.yaml. A row works when its experiment has a stored verdict of the full budget (see "
             "docs/guide/experiments.md); partial: a part of it is there; none: not yet.",
    .min_words = 0, .max_words = 0, MB_USE_OPTIONS(systems), .run = run,
};
