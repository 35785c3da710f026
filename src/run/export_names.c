/* export_names.c - what the parts of observations and actions are called in exported files, and their bounds. */
#include "run/export.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

void mb__identifier(char *out, size_t n, const char *text)
{
    static const char *const words[] = { "auto", "break", "case", "char", "const", "continue", "default", "do", "double", "else", "enum",
                                         "extern", "float", "for", "goto", "if", "inline", "int", "long", "mask", "register", "restrict",
                                         "return", "short", "signed", "sizeof", "static", "struct", "switch", "typedef", "union", "unsigned",
                                         "void", "volatile", "while", "class", "new", "delete", "this", "template", "private", NULL };
    size_t at = 0;
    if (isdigit((unsigned char)*text) || !*text) out[at++] = '_';
    for (; *text && at + 2 < n; text++) out[at++] = isalnum((unsigned char)*text) ? *text : '_';
    out[at] = 0;
    for (int i = 0; words[i]; i++)
        if (strcmp(out, words[i]) == 0) snprintf(out + at, n - at, "_");
}

void mb__field_identifier(char *out, size_t n, const mb_space *space, int f, const char *otherwise)
{
    char number[32];
    snprintf(number, sizeof number, space->nfields > 1 ? "%s%d" : "%s", otherwise, f);
    mb__identifier(out, n, space->field[f].name ? space->field[f].name : number);
}

float mb__low(const mb_field *f, int i) { return f->lows ? f->lows[i] : f->low; }
float mb__high(const mb_field *f, int i) { return f->highs ? f->highs[i] : f->high; }
