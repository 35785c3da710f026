/* The figure of learning curves, drawn with a pen that makes SVG or PNG of it. */
#include "cli/curves.h"
#include <math.h>
#include <string.h>

enum { LEFT = 76, RIGHT = 24, TOP = 46, BOTTOM = 62 };
static const unsigned INK = 0x333333, GRID = 0xe4e4e4;

unsigned curve_color(int i)
{
    static const unsigned okabe_ito[] = { 0x0072b2, 0xd55e00, 0x009e73, 0xcc79a7, 0xe69f00, 0x56b4e9, 0x000000, 0xa89800 };
    return okabe_ito[i % 8];
}

static double to_x(const struct axis *a, double v) { return LEFT + (v - a->low) / (a->high - a->low) * (FIGURE_W - LEFT - RIGHT); }
static double to_y(const struct axis *a, double v) { return FIGURE_H - BOTTOM - (v - a->low) / (a->high - a->low) * (FIGURE_H - TOP - BOTTOM); }

static void draw_axes(const struct curves *c, const struct axis *x, const struct axis *y, const struct pen *p)
{
    char label[32];
    for (int i = 0; i < x->n; i++) {
        double at = to_x(x, axis_tick(x, i));
        p->line(p->self, (double[]){ at, at }, (double[]){ TOP, FIGURE_H - BOTTOM }, 2, 1, GRID);
        p->text(p->self, at, FIGURE_H - BOTTOM + 20, 13, 1, false, INK, axis_label(label, x, axis_tick(x, i)));
    }
    for (int i = 0; i < y->n; i++) {
        double at = to_y(y, axis_tick(y, i));
        p->line(p->self, (double[]){ LEFT, FIGURE_W - RIGHT }, (double[]){ at, at }, 2, 1, GRID);
        p->text(p->self, LEFT - 10, at + 4.5, 13, 2, false, INK, axis_label(label, y, axis_tick(y, i)));
    }
    p->line(p->self, (double[]){ LEFT, LEFT, FIGURE_W - RIGHT }, (double[]){ TOP, FIGURE_H - BOTTOM, FIGURE_H - BOTTOM }, 3, 1.2, INK);
    p->text(p->self, (LEFT + FIGURE_W - RIGHT) / 2.0, 28, 17, 1, false, INK, c->title);
    p->text(p->self, (LEFT + FIGURE_W - RIGHT) / 2.0, FIGURE_H - 16, 14, 1, false, INK, "environment steps");
    bool usual = strcmp(c->metric, "return_mean") == 0;
    p->text(p->self, 22, (TOP + FIGURE_H - BOTTOM) / 2.0, 14, 1, true, INK, usual ? "return, mean of the last 100 episodes" : c->metric);
}

static void draw_curve(const struct curve *k, unsigned color, const struct axis *x, const struct axis *y, const struct pen *p)
{
    double px[2 * CURVE_POINTS], py[2 * CURVE_POINTS];
    for (int i = 0; i < k->n; i++) {
        px[i] = to_x(x, k->x[i]);
        py[i] = to_y(y, fmin(k->high[i], y->high));
        px[2 * k->n - 1 - i] = px[i];
        py[2 * k->n - 1 - i] = to_y(y, fmax(k->low[i], y->low));
    }
    if (k->seeds > 1 && k->n > 1) p->area(p->self, px, py, 2 * k->n, color, 0.2);
    for (int i = 0; i < k->n; i++) py[i] = to_y(y, k->mean[i]);
    p->line(p->self, px, py, k->n, 2.2, color);
}

/* In the corner where the curves are not: learning curves rise, so at the right it is the bottom that is free. */
static bool legend_at_bottom(const struct curves *c, const struct axis *y)
{
    double last = 0;
    for (int g = 0; g < c->n; g++) last += c->curve[g].mean[c->curve[g].n - 1];
    return last / c->n > (y->low + y->high) / 2;
}

static void draw_legend(const struct curves *c, const struct axis *y, const struct pen *p)
{
    int lines = c->n + c->has_interval, longest = c->has_interval ? 34 : 0;
    for (int g = 0; g < c->n; g++) longest = (int)strlen(c->curve[g].label) > longest ? (int)strlen(c->curve[g].label) : longest;
    double height = 20.0 * lines + 12, width = 52 + 6.6 * longest, left = FIGURE_W - RIGHT - width - 8;
    double top = legend_at_bottom(c, y) ? FIGURE_H - BOTTOM - height - 10 : TOP + 8;
    p->rect(p->self, left, top, width, height, 0xffffff);
    for (int i = 0; i < lines; i++) {
        double at = top + 20 * i + 16;
        bool note = i == c->n;
        if (!note) p->line(p->self, (double[]){ left + 8, left + 34 }, (double[]){ at, at }, 2, 3, curve_color(i));
        p->text(p->self, left + (note ? 8 : 42), at + 4.5, note ? 12 : 13, 0, false, INK,
                note ? "shaded: 95 % t interval over seeds" : c->curve[i].label);
    }
}

void figure_draw(const struct curves *c, const struct pen *pen)
{
    struct axis x, y;
    curves_range(c, &x, &y, 7, 6);
    pen->rect(pen->self, 0, 0, FIGURE_W, FIGURE_H, 0xffffff);
    draw_axes(c, &x, &y, pen);
    for (int g = c->n - 1; g >= 0; g--) draw_curve(&c->curve[g], curve_color(g), &x, &y, pen);
    draw_legend(c, &y, pen);
}
