/* Errors: the first cause, notes on the way up, and the one form in which they are printed. */
#include "matchbox/core.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Make `s` safe to print on one line: no control bytes, no character cut in half at the end. */
static void clean_line(char *s)
{
    size_t n = strlen(s), lead = n;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c < 0x20 || c == 0x7f) s[i] = ' ';
    }
    while (lead > 0 && n - lead < 4 && ((unsigned char)s[lead - 1] & 0xC0) == 0x80) lead--;
    if (lead == 0) return;
    unsigned char c = (unsigned char)s[lead - 1];
    size_t want = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : c >= 0xC0 ? 2 : 0;
    if (want && n - (lead - 1) < want) s[lead - 1] = '\0';
}

bool mb_fail(mb_error *err, mb_code code, const char *fmt, ...)
{
    if (!err || err->code != MB_OK) return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->what, sizeof err->what, fmt, ap);
    va_end(ap);
    clean_line(err->what);
    err->code = code;
    err->nnotes = 0;
    err->help[0] = '\0';
    return false;
}

bool mb_note(mb_error *err, const char *fmt, ...)
{
    if (!err || err->code == MB_OK) return false;
    /* when all places are taken the outermost note replaces the last one */
    int at = err->nnotes < MB_ERROR_NOTES ? err->nnotes++ : MB_ERROR_NOTES - 1;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->notes[at], sizeof err->notes[at], fmt, ap);
    va_end(ap);
    clean_line(err->notes[at]);
    return false;
}

bool mb_help(mb_error *err, const char *fmt, ...)
{
    if (!err || err->code == MB_OK || err->help[0]) return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err->help, sizeof err->help, fmt, ap);
    va_end(ap);
    clean_line(err->help);
    return false;
}

void mb_error_text(const mb_error *err, char *out, size_t n)
{
    mb_str b;
    mb_str_init(&b, out, n);
    if (!err || err->code == MB_OK) return;
    mb_str_add(&b, "error: %s\n", err->what);
    for (int i = 0; i < err->nnotes; i++) mb_str_add(&b, "  note: %s\n", err->notes[i]);
    if (err->help[0]) mb_str_add(&b, "  help: %s\n", err->help);
}

/* Write what failed with the one call that is safe anywhere, then stop where a debugger can see it.
   */
void mb__assert_failed(const char *cond, const char *file, int line)
{
    char text[512];
    int n = snprintf(text, sizeof text, "matchbox: internal error: %s (%s:%d)\n", cond, file, line);
    if (n > (int)sizeof text - 1) n = (int)sizeof text - 1;
    if (n > 0 && write(STDERR_FILENO, text, (size_t)n) < 0) __builtin_trap();
    __builtin_trap();
}
