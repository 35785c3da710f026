/* The terminal: progress in one line that is rewritten, plain lines when piped. */
#include "cli/command.h"
#include "cli/dashboard.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const double PLAIN_SECONDS = 10; /* between lines when nobody watches */

bool term_is_tty(FILE *f)
{
    const char *term = getenv("TERM");
    return isatty(fileno(f)) && (!term || strcmp(term, "dumb") != 0);
}

bool term_color(FILE *f)
{
    const char *no = getenv("NO_COLOR");
    return term_is_tty(f) && (!no || !*no);
}

void term_size(int *columns, int *rows)
{
    struct winsize w;
    bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0;
    if (!known) known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0 && w.ws_row > 0;
    *columns = known ? w.ws_col : 80;
    *rows = known ? w.ws_row : 24;
}

const char *term_count(char out[16], double v)
{
    static const struct { double unit; char letter; } units[] = { { 1e9, 'G' }, { 1e6, 'M' }, { 1e3, 'k' } };
    for (int i = 0; i < 3; i++) {
        double q = v / units[i].unit;
        if (q < 0.9995) continue;
        snprintf(out, 16, "%.*f%c", q < 9.995 ? 2 : q < 99.95 ? 1 : 0, q, units[i].letter);
        return out;
    }
    snprintf(out, 16, "%.0f", v);
    return out;
}

void term_time_left(char *out, size_t n, const mb_progress_info *p)
{
    double s = p->steps_per_second > 0 ? (double)(p->total_steps - p->step) / p->steps_per_second : (double)NAN;
    if (s < 0) s = 0;
    if (!isfinite(s) || s > 3600.0 * 24 * 99) snprintf(out, n, "?");
    else if (s < 60) snprintf(out, n, "%.0f s", s);
    else if (s < 3600) snprintf(out, n, "%d:%02d min", (int)s / 60, (int)s % 60);
    else snprintf(out, n, "%d:%02d h", (int)s / 3600, (int)s / 60 % 60);
}

/* "45%  225k of 500k steps  412k/s  1 s left  return 312.4" */
static void progress_text(char *out, size_t n, const mb_progress_info *p)
{
    char done[16], all[16], rate[16], left[32], tail[64] = "";
    term_time_left(left, sizeof left, p);
    if (isfinite(p->last_eval)) snprintf(tail, sizeof tail, "  return %.4g  evaluation %.4g", p->return_mean, p->last_eval);
    else if (isfinite(p->return_mean)) snprintf(tail, sizeof tail, "  return %.4g", p->return_mean);
    snprintf(out, n, "%3.0f%%  %s of %s steps  %s/s  %s left%s", 100 * (double)p->step / (double)p->total_steps,
             term_count(done, (double)p->step), term_count(all, (double)p->total_steps), term_count(rate, p->steps_per_second), left, tail);
}

/* The bar takes what the text leaves, and vanishes before the text is cut. */
static void draw_bar(struct term_bar *b, const mb_progress_info *p, const char *text)
{
    int columns, rows;
    char line[512];
    term_size(&columns, &rows);
    int room = columns - 1 - (int)strlen(text) - 1, used = 0;
    if (room > 40) room = 40;
    if (room >= 6) {
        int filled = (int)((double)(room - 3) * (double)p->step / (double)p->total_steps);
        if (filled > room - 3) filled = room - 3;
        line[used++] = '[';
        for (int i = 0; i < room - 3; i++) line[used++] = i < filled ? '=' : i == filled ? '>' : ' ';
        line[used++] = ']';
        line[used++] = ' ';
    }
    snprintf(line + used, sizeof line - (size_t)used, "%s", text);
    if (columns - 1 < (int)sizeof line) line[columns > 1 ? columns - 1 : 1] = 0;
    fprintf(stderr, "\r%s\033[K", line);
    fflush(stderr);
    b->open = true;
}

void term_progress(void *ctx, const mb_progress_info *p)
{
    struct term_bar *b = ctx;
    char text[256];
    if (b->dashboard && dashboard_progress(b->dashboard, p)) return;
    progress_text(text, sizeof text, p);
    if (term_is_tty(stderr)) {
        draw_bar(b, p, text);
    } else if (p->seconds - b->shown_at >= PLAIN_SECONDS || (p->done && b->lines > 0)) {
        fprintf(stderr, "%s\n", text);
        b->shown_at = p->seconds;
        b->lines++;
    }
}

void term_bar_close(struct term_bar *b)
{
    if (b->dashboard) dashboard_close(b->dashboard);
    if (b->open) fputs("\r\033[K", stderr); /* the line from before the dashboard took the screen is still there */
    b->open = false;
}

static void log_line(void *ctx, mb_log_level level, const char *text)
{
    struct term_bar *b = ctx;
    const char *prefix = level == MB_LOG_WARN ? "warning: " : "";
    if (b->dashboard && dashboard_log(b->dashboard, prefix, text)) return;
    term_bar_close(b);
    fprintf(stderr, "%s%s\n", prefix, text);
}

bool term_dashboard(struct term_bar *b, int choice, const char *past, mb_arena *a, mb_error *err)
{
    int columns, rows;
    term_size(&columns, &rows);
    bool tty = term_is_tty(stderr);
    if (choice == DASHBOARD_ON && !tty) {
        mb_fail(err, MB_ERR_USAGE, "option 'dashboard': standard error is not a terminal that can show one");
        return mb_help(err, "--dashboard off, or matchbox serve for a web page");
    }
    if (choice == DASHBOARD_OFF || !tty || (choice == DASHBOARD_AUTO && (columns < 20 || rows < 8))) return true;
    if (!(b->dashboard = dashboard_new(a, choice == DASHBOARD_ON ? 0 : 1, err))) return false;
    if (past) dashboard_past(b->dashboard, a, past);
    return true;
}

mb_hooks term_hooks(struct term_bar *b)
{
    return (mb_hooks){ .progress = term_progress, .stop = cli_stop_flag(), .log = { log_line, b }, .ctx = b };
}

void term_wrap(FILE *f, const char *text, int indent, int width)
{
    int at = 0;
    while (*text) {
        text += strspn(text, " \n");
        int word = (int)strcspn(text, " \n");
        if (word == 0) break;
        if (at > 0 && at + 1 + word > width) {
            fputc('\n', f);
            at = 0;
        }
        if (at == 0) at = fprintf(f, "%*s", indent, "");
        else at += fprintf(f, " ");
        at += fprintf(f, "%.*s", word, text);
        text += word;
    }
    fputc('\n', f);
}
