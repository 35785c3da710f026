/* The figure of learning curves, one panel for each metric, drawn with a pen that makes SVG or PNG of it.  The legend stands above
   the panels, where it hides no curve. */
#include "cli/curves.h"
#include <math.h>
#include <string.h>

enum { LEFT = 76, RIGHT = 24, TOP = 18, BOTTOM = 62, TITLE = 42, LINE = 22, PANEL_W = 560, PANEL_H = 380, SMALL = 13 };
static const unsigned INK = 0x333333, FAINT = 0x767676, GRID = 0xe8e8e8;

unsigned curve_color(int i)
{
    static const unsigned okabe_ito[] = { 0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000, 0xa89800 };
    return okabe_ito[i % 8];
}

/* Where one panel draws, and its axes. */
struct panel { double left, right, top, bottom; struct axis x, y; };

static double to_x(const struct panel *b, double v) { return b->left + (v - b->x.low) / (b->x.high - b->x.low) * (b->right - b->left); }
static double to_y(const struct panel *b, double v) { return b->bottom - (v - b->y.low) / (b->y.high - b->y.low) * (b->bottom - b->top); }

static void draw_axes(const struct curves *c, const struct panel *b, const struct pen *p)
{
    char label[32];
    for (int i = 0; i < b->x.n; i++) {
        double at = to_x(b, axis_tick(&b->x, i));
        p->line(p->self, (double[]){ at, at }, (double[]){ b->top, b->bottom }, 2, 1, GRID);
        p->text(p->self, at, b->bottom + 20, SMALL, 1, false, INK, axis_label(label, &b->x, axis_tick(&b->x, i)));
    }
    for (int i = 0; i < b->y.n; i++) {
        double at = to_y(b, axis_tick(&b->y, i));
        p->line(p->self, (double[]){ b->left, b->right }, (double[]){ at, at }, 2, 1, GRID);
        p->text(p->self, b->left - 10, at + 4.5, SMALL, 2, false, INK, axis_label(label, &b->y, axis_tick(&b->y, i)));
    }
    p->line(p->self, (double[]){ b->left, b->left, b->right }, (double[]){ b->top, b->bottom, b->bottom }, 3, 1.2, INK);
    p->text(p->self, (b->left + b->right) / 2, b->bottom + 44, 14, 1, false, INK, "environment steps");
    p->text(p->self, b->left - 58, (b->top + b->bottom) / 2, 14, 1, true, INK, metric_title(c->metric));
}

static void draw_interval(const struct curve *k, unsigned color, const struct panel *b, const struct pen *p)
{
    double px[2 * CURVE_POINTS], py[2 * CURVE_POINTS];
    if (k->seeds < 2 || k->n < 2) return;
    for (int i = 0; i < k->n; i++) {
        px[i] = to_x(b, k->x[i]);
        py[i] = to_y(b, fmin(k->high[i], b->y.high));
        px[2 * k->n - 1 - i] = px[i];
        py[2 * k->n - 1 - i] = to_y(b, fmax(k->low[i], b->y.low));
    }
    p->area(p->self, px, py, 2 * k->n, color, 0.18);
}

static void draw_mean(const struct curve *k, unsigned color, const struct panel *b, const struct pen *p)
{
    double px[CURVE_POINTS], py[CURVE_POINTS];
    for (int i = 0; i < k->n; i++) {
        px[i] = to_x(b, k->x[i]);
        py[i] = to_y(b, k->mean[i]);
    }
    p->line(p->self, px, py, k->n, 2.2, color);
}

static void draw_panel(const struct curves *c, double x, double y, double w, double h, const struct pen *p)
{
    struct panel b = { .left = x + LEFT, .right = x + w - RIGHT, .top = y + TOP, .bottom = y + h - BOTTOM };
    curves_range(c, &b.x, &b.y, (int)(w / 110), (int)(h / 80));
    draw_axes(c, &b, p);
    for (int g = c->n - 1; g >= 0; g--) draw_interval(&c->curve[g], curve_color(g), &b, p); /* no interval covers a mean */
    for (int g = c->n - 1; g >= 0; g--) draw_mean(&c->curve[g], curve_color(g), &b, p);
}

/* Entries flow into as many lines as they need.  Returns how many; pen NULL: only counts. */
static int flow_legend(const struct curves *c, double width, double top, const struct pen *p)
{
    double x = LEFT;
    int line = 0;
    for (int i = 0; i < c->n + c->has_interval; i++) {
        bool note = i == c->n;
        const char *text = note ? "shaded: 95 % t interval over seeds" : c->curve[i].label;
        double need = (note ? 0 : 34) + 7.0 * (double)strlen(text) + 18, at;
        if (x > LEFT && x + need > width) {
            x = LEFT;
            line++;
        }
        at = top + LINE * line;
        if (p && !note) p->line(p->self, (double[]){ x, x + 26 }, (double[]){ at, at }, 2, 4, curve_color(i));
        if (p) p->text(p->self, x + (note ? 0 : 34), at + 4.5, SMALL, 0, false, note ? FAINT : INK, text);
        x += need;
    }
    return line + 1;
}

static int columns_of(int n) { return n == 1 ? 1 : n <= 4 ? 2 : 3; }

struct figure_size figure_size(const struct curves *c, int n)
{
    int columns = columns_of(n), rows = (n + columns - 1) / columns;
    double w = n == 1 ? FIGURE_W : columns * PANEL_W;
    double head = TITLE + LINE * flow_legend(c, w, 0, NULL);
    return (struct figure_size){ w, head + (n == 1 ? FIGURE_H - TITLE - LINE : rows * PANEL_H), head };
}

void figure_draw(const struct curves *c, int n, const struct pen *pen)
{
    struct figure_size size = figure_size(c, n);
    int columns = columns_of(n), rows = (n + columns - 1) / columns;
    double w = size.w / columns, h = (size.h - size.head) / rows;
    pen->rect(pen->self, 0, 0, size.w, size.h, 0xffffff);
    pen->text(pen->self, LEFT, 28, 18, 0, false, INK, c->title);
    flow_legend(c, size.w, TITLE + LINE / 2.0 - 2, pen);
    for (int i = 0; i < n; i++) draw_panel(&c[i], i % columns * w, size.head + i / columns * h, w, h, pen);
}
