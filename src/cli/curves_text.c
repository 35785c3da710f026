/* Learning curves in the terminal: braille characters, two by four dots each. */
#include "cli/curves.h"
#include <string.h>

enum { MAX_W = 160, MAX_H = 48, MARGIN = 9 };
struct grid { int w, h; unsigned char dots[MAX_H][MAX_W]; unsigned char owner[MAX_H][MAX_W]; };

static void dot(struct grid *g, int x, int y, int owner)
{
    static const unsigned char bit[4][2] = { { 1, 8 }, { 2, 16 }, { 4, 32 }, { 64, 128 } };
    if (x < 0 || y < 0 || x >= 2 * g->w || y >= 4 * g->h) return;
    g->dots[y / 4][x / 2] |= bit[y % 4][x % 2];
    g->owner[y / 4][x / 2] = (unsigned char)owner;
}

static void curve_dots(struct grid *g, const struct curve *c, int owner, const struct axis *ax, const struct axis *ay)
{
    int before = -1;
    for (int px = 0; px < 2 * g->w; px++) {
        double x = ax->low + (ax->high - ax->low) * (px + 0.5) / (2 * g->w);
        if (x < c->x[0] || x > c->x[c->n - 1]) continue;
        int i = 0;
        while (i < c->n - 1 && c->x[i + 1] < x) i++;
        int py = (int)((ay->high - c->mean[i]) / (ay->high - ay->low) * (4 * g->h - 1) + 0.5);
        int from = before < 0 ? py : before, step = py > from ? 1 : -1;
        for (int y = from; y != py; y += step) dot(g, px, y, owner); /* no gaps on a steep slope */
        dot(g, px, py, owner);
        before = py;
    }
}

static void set_color(FILE *f, bool color, int owner)
{
    unsigned c = curve_color(owner);
    if (color) fprintf(f, "\033[38;2;%u;%u;%um", c >> 16, c >> 8 & 255, c & 255);
}

static void print_row(FILE *f, const struct grid *g, int row, bool color, const char *eol)
{
    int end = g->w;
    while (end > 0 && !g->dots[row][end - 1]) end--;
    for (int x = 0; x < end; x++) {
        unsigned d = g->dots[row][x];
        if (!d) {
            fputc(' ', f);
            continue;
        }
        set_color(f, color, g->owner[row][x]);
        fprintf(f, "\xe2%c%c", 0xa0 + (int)(d >> 6), 0x80 + (int)(d & 63));
    }
    if (color) fputs("\033[0m", f);
    fputs(eol, f);
}

/* The axis and its labels, `columns` wide at most. */
static void print_x_axis(FILE *f, const struct grid *g, const struct axis *ax, int columns, const char *eol)
{
    char line[MAX_W + 64], label[32];
    fprintf(f, "%*s└", MARGIN - 1, "");
    for (int x = 0; x < g->w; x++) fputs("─", f);
    memset(line, ' ', sizeof line);
    int end = 0;
    for (int i = 0; i < ax->n; i++) {
        int at = MARGIN + (int)((axis_tick(ax, i) - ax->low) / (ax->high - ax->low) * (g->w - 1));
        int n = (int)strlen(axis_label(label, ax, axis_tick(ax, i)));
        at -= n / 2;
        if (at <= end || at + n > MARGIN + g->w + 4 || at + n > columns) continue;
        memcpy(line + at, label, (size_t)n);
        end = at + n;
    }
    line[end] = 0;
    fprintf(f, "%s%s%s%s", eol, line, end + 6 <= columns ? " steps" : "", eol);
}

/* The label of the tick that falls into this row of characters, or "". */
static void y_label(char out[32], const struct grid *g, const struct axis *ay, int row)
{
    out[0] = 0;
    for (int i = 0; i < ay->n; i++) {
        double at = (ay->high - axis_tick(ay, i)) / (ay->high - ay->low) * (4 * g->h - 1);
        if ((int)(at + 0.5) / 4 == row) axis_label(out, ay, axis_tick(ay, i));
    }
}

void curves_plot(FILE *f, const struct curves *c, int columns, int rows, bool color, const char *eol)
{
    struct grid g = { 0 };
    struct axis ax, ay;
    char label[32];
    int w = columns - MARGIN - (columns >= 40 ? 7 : 1), h = rows - 2; /* room for the word behind the last step */
    g.w = w < 8 ? 8 : w > MAX_W ? MAX_W : w;
    g.h = h < 1 ? 1 : h > MAX_H ? MAX_H : h;
    curves_range(c, &ax, &ay, g.w / 14 + 1, g.h / 3 + 1);
    for (int k = c->n - 1; k >= 0; k--) curve_dots(&g, &c->curve[k], k, &ax, &ay);
    for (int y = 0; y < g.h; y++) {
        y_label(label, &g, &ay, y);
        fprintf(f, "%*s %s", MARGIN - 2, label, label[0] ? "┤" : "│");
        print_row(f, &g, y, color, eol);
    }
    print_x_axis(f, &g, &ax, columns, eol);
}

void curves_text(FILE *f, const struct curves *c, int columns, int rows, bool color)
{
    int w = columns > 110 ? 110 : columns, h = rows - 4 < 8 ? 8 : rows - 4 > 18 ? 18 : rows - 4;
    fprintf(f, "%*s%s: %s\n", MARGIN, "", c->title, metric_title(c->metric));
    curves_plot(f, c, w, h, color, "\n");
    for (int k = 0; k < c->n; k++) {
        fprintf(f, "%*s", MARGIN, "");
        set_color(f, color, k);
        fprintf(f, "━━%s %s, at the end %.4g\n", color ? "\033[0m" : "", c->curve[k].label, c->curve[k].mean[c->curve[k].n - 1]);
    }
}
