/* Rows of options as people read them. */
#include "cli/command.h"
#include <string.h>

enum { ROOM = 512 * 1024 };

static void row_name(char *out, size_t n, const mb_option *row)
{
    snprintf(out, n, "%s", row->name);
    for (char *c = out; *c; c++)
        if (*c == '_') *c = '-';
}

static void row_default(char *out, size_t n, const mb_option *row)
{
    static _Alignas(64) char values[ROOM]; /* as large as any struct of options */
    mb_option one[2] = { *row, { NULL, MB_OPT_INT, 0, 0, 0, 0, NULL, NULL, NULL } };
    one[0].offset = 0;
    mb_options_default(one, values);
    mb_options_get(one, values, out, n);
}

static void row_range(char *out, size_t n, const mb_option *row)
{
    char lo[16], hi[16];
    switch (row->kind) {
    case MB_OPT_BOOL: snprintf(out, n, "true|false"); break;
    case MB_OPT_PICK: snprintf(out, n, "%s", row->choices); break;
    case MB_OPT_TEXT: snprintf(out, n, "text"); break;
    default:
        snprintf(lo, sizeof lo, "%.7g", row->lo);
        snprintf(hi, sizeof hi, "%.7g", row->hi);
        snprintf(out, n, "%s..%s", lo, hi);
    }
}

static void rows_after(FILE *f, const mb_option *rows, const char *dashes, const char *prefix, const char *between)
{
    for (int i = 0; rows && rows[i].name; i++) {
        char name[64], value[256], range[256], head[160];
        row_name(name, sizeof name, &rows[i]);
        row_default(value, sizeof value, &rows[i]);
        row_range(range, sizeof range, &rows[i]);
        snprintf(head, sizeof head, "%s%s%s%s%.60s", dashes, prefix, name, between, value);
        fprintf(f, "  %-34s %s [%s]\n", head, rows[i].help, range);
    }
}

void rows_text(FILE *f, const mb_option *rows, const char *prefix) { rows_after(f, rows, "--", prefix, " "); }
void rows_keys(FILE *f, const mb_option *rows) { rows_after(f, rows, "", "", ": "); }

void rows_markdown(FILE *f, const mb_option *rows, const char *prefix)
{
    if (!rows || !rows[0].name) {
        fprintf(f, "No options.\n");
        return;
    }
    fprintf(f, "| option | default | range | meaning |\n|---|---|---|---|\n");
    for (int i = 0; rows[i].name; i++) {
        char name[64], value[256], range[256];
        row_name(name, sizeof name, &rows[i]);
        row_default(value, sizeof value, &rows[i]);
        row_range(range, sizeof range, &rows[i]);
        for (char *c = range; *c; c++)
            if (*c == '|') *c = ',';
        fprintf(f, "| `--%s%s` | %s | %s | %s |\n", prefix, name, *value ? value : "(empty)", range, rows[i].help);
    }
}
