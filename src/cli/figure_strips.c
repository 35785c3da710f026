/* A picture of values: for each arm a column of dots, one per seed, with the statistic and its interval beside them. */
#include "cli/curves.h"
#include "cli/reproduce.h"
#include <math.h>
#include <string.h>

enum { LEFT = 84, RIGHT = 24, TOP = 46, BOTTOM = 92 };
static const unsigned INK = 0x333333, GRID = 0xe4e4e4;

static struct axis range_of(const struct strips *s)
{
    double low = HUGE_VAL, high = -HUGE_VAL;
    for (int i = 0; i < s->n; i++) {
        for (int k = 0; k < s->strip[i].n; k++) {
            low = fmin(low, s->strip[i].value[k]);
            high = fmax(high, s->strip[i].value[k]);
        }
        low = fmin(low, s->strip[i].interval.lo);
        high = fmax(high, s->strip[i].interval.hi);
    }
    double room = (high - low) * 0.06;
    return axis_of(low - room, high + room, 6);
}

static double to_y(const struct axis *a, double v)
{
    return FIGURE_H - BOTTOM - (v - a->low) / (a->high - a->low) * (FIGURE_H - TOP - BOTTOM);
}

static void draw_strip(const struct strip *s, int i, int n, const struct axis *y, const struct pen *p)
{
    double width = (double)(FIGURE_W - LEFT - RIGHT) / n, middle = LEFT + width * (i + 0.5);
    double reach = fmin(width * 0.22, 46);
    unsigned color = curve_color(i);
    char label[48];
    double lo = to_y(y, s->interval.lo), hi = to_y(y, s->interval.hi), at = to_y(y, s->middle);
    p->area(p->self, (double[]){ middle - reach, middle + reach, middle + reach, middle - reach }, (double[]){ lo, lo, hi, hi }, 4, color, 0.22);
    p->line(p->self, (double[]){ middle - reach, middle + reach }, (double[]){ at, at }, 2, 3, color);
    for (int k = 0; k < s->n; k++) { /* side by side, so that equal values are seen */
        double x = middle + reach * (s->n > 1 ? 1.6 * k / (s->n - 1) - 0.8 : 0), v = to_y(y, s->value[k]);
        p->area(p->self, (double[]){ x - 3, x, x + 3, x }, (double[]){ v, v - 3, v, v + 3 }, 4, INK, 0.75);
    }
    bool low = n > 5 && i % 2; /* many labels: every other one a line lower */
    snprintf(label, sizeof label, "%.*s", (int)(width * (n > 5 ? 2 : 1) / 7.5), s->label);
    p->text(p->self, middle, FIGURE_H - BOTTOM + (low ? 38 : 20), 13, 1, false, INK, label);
}

static void draw(const void *what, const struct pen *p)
{
    const struct strips *s = what;
    struct axis y = range_of(s);
    char label[32];
    p->rect(p->self, 0, 0, FIGURE_W, FIGURE_H, 0xffffff);
    for (int i = 0; i < y.n; i++) {
        double at = to_y(&y, axis_tick(&y, i));
        p->line(p->self, (double[]){ LEFT, FIGURE_W - RIGHT }, (double[]){ at, at }, 2, 1, GRID);
        p->text(p->self, LEFT - 10, at + 4.5, 13, 2, false, INK, axis_label(label, &y, axis_tick(&y, i)));
    }
    p->line(p->self, (double[]){ LEFT, LEFT, FIGURE_W - RIGHT }, (double[]){ TOP, FIGURE_H - BOTTOM, FIGURE_H - BOTTOM }, 3, 1.2, INK);
    p->text(p->self, (LEFT + FIGURE_W - RIGHT) / 2.0, 28, 17, 1, false, INK, s->title);
    p->text(p->self, 22, (TOP + FIGURE_H - BOTTOM) / 2.0, 14, 1, true, INK, s->metric);
    p->text(p->self, (LEFT + FIGURE_W - RIGHT) / 2.0, FIGURE_H - 16, 12, 1, false, INK, s->note);
    for (int i = 0; i < s->n; i++) draw_strip(&s->strip[i], i, s->n, &y, p);
}

bool strips_svg(const struct strips *s, const char *path, mb_arena *a, mb_error *err)
{
    return figure_svg_of(draw, s, FIGURE_W, FIGURE_H, s->title, path, a, err);
}
