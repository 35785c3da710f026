/* The pen that paints a PNG, where cairo is there. */
#include "cli/curves.h"

#ifdef MB_HAVE_CAIRO
#include <cairo.h>
#include <string.h>

static const double SCALE = 2; /* pixels per unit of the figure */

static void set_color(cairo_t *cr, unsigned color, double alpha)
{
    cairo_set_source_rgba(cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0, (color & 255) / 255.0, alpha);
}

static void rect(void *self, double x, double y, double w, double h, unsigned color)
{
    set_color(self, color, 0.9);
    cairo_rectangle(self, x, y, w, h);
    cairo_fill(self);
}

static void path(cairo_t *cr, const double *x, const double *y, int n)
{
    cairo_move_to(cr, x[0], y[0]);
    for (int i = 1; i < n; i++) cairo_line_to(cr, x[i], y[i]);
}

static void line(void *self, const double *x, const double *y, int n, double width, unsigned color)
{
    set_color(self, color, 1);
    cairo_set_line_width(self, width);
    path(self, x, y, n);
    cairo_stroke(self);
}

static void area(void *self, const double *x, const double *y, int n, unsigned color, double alpha)
{
    set_color(self, color, alpha);
    path(self, x, y, n);
    cairo_close_path(self);
    cairo_fill(self);
}

static void text(void *self, double x, double y, double size, int anchor, bool turned, unsigned color, const char *s)
{
    cairo_text_extents_t e;
    set_color(self, color, 1);
    cairo_set_font_size(self, size);
    cairo_text_extents(self, s, &e);
    cairo_save(self);
    cairo_translate(self, x, y);
    if (turned) cairo_rotate(self, -1.57079632679);
    cairo_move_to(self, -e.x_advance * anchor / 2, 0);
    cairo_show_text(self, s);
    cairo_restore(self);
}

bool figure_png(const struct curves *c, const char *file, mb_error *err)
{
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(FIGURE_W * SCALE), (int)(FIGURE_H * SCALE));
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, SCALE, SCALE);
    cairo_set_source_rgb(cr, 1, 1, 1);
    cairo_paint(cr);
    cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    struct pen pen = { cr, rect, line, area, text };
    figure_draw(c, &pen);
    cairo_status_t status = cairo_surface_write_to_png(surface, file);
    cairo_destroy(cr);
    cairo_surface_destroy(surface);
    if (status == CAIRO_STATUS_SUCCESS) return true;
    return mb_fail(err, MB_ERR_IO, "%.300s: cannot be written: %s", file, cairo_status_to_string(status));
}
#else
bool figure_png(const struct curves *c, const char *file, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "plot: this matchbox was built without cairo, which PNG curves need");
    mb_note(err, "give a name that ends in .svg, or install libcairo2-dev and build again");
    return mb_help(err, "matchbox help plot");
}
#endif
