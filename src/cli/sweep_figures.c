/* Pictures of a sweep as SVG: which options matter, and one panel per option. */
#include "cli/curves.h"
#include "cli/sweep_view.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const unsigned INK = 0x333333, PALE = 0xe4e4e4, BLUE = 0x0072b2, SKY = 0x9ecae1, RED = 0xd55e00;

static void white(const struct pen *p, double w, double h)
{
    p->area(p->self, (double[]){ 0, w, w, 0 }, (double[]){ 0, 0, h, h }, 4, 0xffffff, 1);
}

/* ---- importance ---- */

enum { WIDTH = 760, LEFT = 190, RIGHT = 90, TOP = 84, ROW = 34 };
struct bars { const mb_sweep_info *s; const struct shares *shares; };

static double bars_height(const mb_sweep_info *s) { return TOP + ROW * s->ndims + 50; }

static void bar(const struct pen *p, double y, double width, unsigned color)
{
    p->area(p->self, (double[]){ LEFT, LEFT + width, LEFT + width, LEFT }, (double[]){ y + 4, y + 4, y + 22, y + 22 }, 4, color, 1);
}

static void draw_bars(const void *what, const struct pen *p)
{
    const struct bars *b = what;
    const mb_sweep_info *s = b->s;
    int order[MB_SWEEP_DIMS];
    char text[128];
    double scale = WIDTH - LEFT - RIGHT;
    white(p, WIDTH, bars_height(s));
    for (int d = 0; d < s->ndims; d++) {
        int at = d;
        for (; at > 0 && b->shares->total[d] > b->shares->total[order[at - 1]]; at--) order[at] = order[at - 1];
        order[at] = d;
    }
    snprintf(text, sizeof text, "What moves %.40s", s->objective);
    p->text(p->self, 24, 34, 17, 0, false, INK, text);
    p->text(p->self, 24, 56, 13, 0, false, 0x666666, "share of the variance: alone (dark), with interactions (light)");
    for (int i = 0; i <= 4; i++) {
        double x = LEFT + scale * i / 4;
        p->line(p->self, (double[]){ x, x }, (double[]){ TOP - 6, TOP + ROW * s->ndims }, 2, 1, PALE);
        snprintf(text, sizeof text, "%d %%", 25 * i);
        p->text(p->self, x, TOP + ROW * s->ndims + 20, 12, 1, false, INK, text);
    }
    for (int i = 0; i < s->ndims; i++) {
        int d = order[i];
        double y = TOP + ROW * i, alone = fmin(b->shares->alone[d], 1), total = fmin(b->shares->total[d], 1);
        bar(p, y, scale * total, SKY);
        bar(p, y, scale * alone, BLUE);
        p->text(p->self, LEFT - 12, y + 18, 14, 2, false, INK, s->dims[d].key);
        snprintf(text, sizeof text, "%.0f / %.0f %%", 100 * alone, 100 * total);
        p->text(p->self, LEFT + scale * total + 8, y + 18, 12, 0, false, INK, text);
    }
    p->line(p->self, (double[]){ LEFT, LEFT }, (double[]){ TOP - 6, TOP + ROW * s->ndims }, 2, 1.2, INK);
}

bool sweep_importance_svg(const mb_sweep_info *s, const struct shares *shares, const char *path, mb_arena *a, mb_error *err)
{
    struct bars b = { s, shares };
    return figure_svg_of(draw_bars, &b, WIDTH, bars_height(s), "importance of the options", path, a, err);
}

/* ---- slices ---- */

enum { PANEL_W = 250, PANEL_H = 210, PAD_L = 58, PAD_R = 14, PAD_T = 34, PAD_B = 44, HEAD = 62 };

/* The value as the panel's range is about it: the first number of a schedule. */
static bool number_of(const char *text, double *out)
{
    const char *colon = strchr(text, ':');
    char *end;
    const char *from = colon ? colon + 1 : text;
    *out = strtod(from, &end);
    return end > from;
}

static double bend(const mb_sweep_dim *d, double v)
{
    if (d->scale == MB_SCALE_LOG) return log(v);
    if (d->scale == MB_SCALE_LOGIT) return log(v / (1 - v));
    return v;
}

static double place(const mb_sweep_dim *d, const mb_sweep_trial *t, int dim)
{
    double v;
    if (d->nchoices) return (t->unit[dim] + 0.5) / d->nchoices;
    if (!number_of(t->text[dim], &v)) return t->unit[dim];
    double u = (bend(d, v) - bend(d, d->lo)) / (bend(d, d->hi) - bend(d, d->lo));
    return u < 0 ? 0 : u > 1 ? 1 : u;
}

static void short_number(char *out, size_t n, double v) { snprintf(out, n, fabs(v) >= 1e5 ? "%.2g" : "%.4g", v); }

static void draw_scale(const mb_sweep_dim *d, const struct pen *p, double x, double y)
{
    double width = PANEL_W - PAD_L - PAD_R;
    char text[64];
    for (int i = 0; i < d->nchoices && d->nchoices <= 8; i++) {
        snprintf(text, sizeof text, "%.*s", 40 / d->nchoices + 1, d->choices[i]);
        p->text(p->self, x + width * (i + 0.5) / d->nchoices, y + 16, 11, 1, false, INK, text);
    }
    for (int i = 0; i < 3 && !d->nchoices; i++) {
        double lo = bend(d, d->lo), v = lo + (bend(d, d->hi) - lo) * i / 2;
        if (d->scale == MB_SCALE_LOG) v = exp(v);
        if (d->scale == MB_SCALE_LOGIT) v = 1 / (1 + exp(-v));
        short_number(text, sizeof text, d->integer ? floor(v + 0.5) : v);
        p->text(p->self, x + width * i / 2, y + 16, 11, i, false, INK, text);
    }
}

static void draw_panel(const mb_sweep_info *s, int dim, const struct axis *y, const struct pen *p, double left, double top)
{
    mb_str *out = p->self; /* of the SVG pen: circles with titles are more than other pens can do */
    const mb_sweep_dim *d = &s->dims[dim];
    double x0 = left + PAD_L, y0 = top + PAD_T, w = PANEL_W - PAD_L - PAD_R, h = PANEL_H - PAD_T - PAD_B;
    char text[64], settings[512];
    p->text(p->self, x0 + w / 2, top + 22, 14, 1, false, INK, d->key);
    for (int i = 0; i < y->n; i++) {
        double at = y0 + h - h * (axis_tick(y, i) - y->low) / (y->high - y->low);
        p->line(p->self, (double[]){ x0, x0 + w }, (double[]){ at, at }, 2, 1, PALE);
        p->text(p->self, x0 - 7, at + 4, 11, 2, false, INK, axis_label(text, y, axis_tick(y, i)));
    }
    p->line(p->self, (double[]){ x0, x0, x0 + w }, (double[]){ y0, y0 + h, y0 + h }, 3, 1.2, INK);
    draw_scale(d, p, x0, y0 + h);
    for (int i = 0; i < s->ntrials; i++) {
        const mb_sweep_trial *t = &s->trials[i];
        double v = t->value, age = s->ntrials > 1 ? (double)i / (s->ntrials - 1) : 1;
        if (t->rung < 0 || (d->algo >= 0 && d->algo != (int)t->unit[0])) continue;
        double cx = x0 + w * place(d, t, dim), cy = y0 + h - h * (v - y->low) / (y->high - y->low);
        mb_str_add(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" fill=\"#%06x\" fill-opacity=\"%.2f\"", cx, cy, i == s->best ? "5" : "3.6", BLUE, 0.25 + 0.6 * age);
        if (i == s->best) mb_str_add(out, " stroke=\"#%06x\" stroke-width=\"2.4\"", RED);
        mb_str_add(out, "><title>trial %d: %.6g\n", t->id, v);
        sweep_settings_text(settings, sizeof settings, s, i);
        svg_escaped(out, settings);
        mb_str_add(out, "</title></circle>\n");
    }
}

static int panel_columns(const mb_sweep_info *s) { return s->ndims < 3 ? s->ndims : 3; }
static double slices_width(const mb_sweep_info *s) { return fmax(420, panel_columns(s) * PANEL_W + 24); }
static double slices_height(const mb_sweep_info *s)
{
    int columns = panel_columns(s);
    return HEAD + (s->ndims + columns - 1) / columns * PANEL_H + 12;
}

static void draw_slices(const void *what, const struct pen *p)
{
    const mb_sweep_info *s = what;
    int columns = panel_columns(s);
    double low = HUGE_VAL, high = -HUGE_VAL;
    char text[192];
    for (int i = 0; i < s->ntrials; i++) {
        if (s->trials[i].rung < 0) continue;
        low = fmin(low, s->trials[i].value);
        high = fmax(high, s->trials[i].value);
    }
    double room = 0.06 * (high - low);
    struct axis y = axis_of(low - room, high + room, 5);
    white(p, slices_width(s), slices_height(s));
    snprintf(text, sizeof text, "%.40s on %.40s: %.60s", s->algo, s->env, s->objective);
    p->text(p->self, 24, 30, 17, 0, false, INK, text);
    snprintf(text, sizeof text, "%d trials by %s; later ones are darker, the best is ringed", s->ntrials, s->method);
    p->text(p->self, 24, 50, 12, 0, false, 0x666666, text);
    for (int d = 0; d < s->ndims; d++) draw_panel(s, d, &y, p, 12 + PANEL_W * (d % columns), HEAD + PANEL_H * (d / columns));
}

bool sweep_slices_svg(const mb_sweep_info *s, const char *path, mb_arena *a, mb_error *err)
{
    return figure_svg_of(draw_slices, s, slices_width(s), slices_height(s), "slices through the sweep", path, a, err);
}
