/* The pen that paints a PNG, where cairo is there. */
#include "cli/curves.h"

#ifdef MB_HAVE_CAIRO
#include <cairo.h>
#include <string.h>

static const double SCALE = 2; /* pixels per unit of the figure */

/* cairo and what it brings along would triple the time the program takes to start, so it is loaded here */
#define CAIRO(F)                                                                                                          \
    F(image_surface_create) F(create) F(destroy) F(surface_destroy) F(scale) F(set_source_rgb) F(paint)                  \
    F(set_line_join) F(select_font_face) F(surface_write_to_png) F(status_to_string) F(set_source_rgba) F(rectangle)     \
    F(fill) F(move_to) F(line_to) F(set_line_width) F(stroke) F(close_path) F(set_font_size) F(text_extents) F(save)     \
    F(translate) F(rotate) F(show_text) F(restore)
#define FUNCTION(name) __typeof__(cairo_##name) *name;
struct painter {
    CAIRO(FUNCTION)
    cairo_t *cr;
};

static bool load(struct painter *p, mb_error *err)
{
#define SYMBOL(name) { "cairo_" #name, &p->name },
    const mb_symbol symbols[] = { CAIRO(SYMBOL) { NULL, NULL } };
    return mb_library_load("libcairo.so.2", symbols, "plot: PNG", "libcairo2", err);
}

static void set_color(const struct painter *p, unsigned color, double alpha)
{
    p->set_source_rgba(p->cr, (color >> 16 & 255) / 255.0, (color >> 8 & 255) / 255.0, (color & 255) / 255.0, alpha);
}

static void rect(void *self, double x, double y, double w, double h, unsigned color)
{
    const struct painter *p = self;
    set_color(p, color, 0.9);
    p->rectangle(p->cr, x, y, w, h);
    p->fill(p->cr);
}

static void path(const struct painter *p, const double *x, const double *y, int n)
{
    p->move_to(p->cr, x[0], y[0]);
    for (int i = 1; i < n; i++) p->line_to(p->cr, x[i], y[i]);
}

static void line(void *self, const double *x, const double *y, int n, double width, unsigned color)
{
    const struct painter *p = self;
    set_color(p, color, 1);
    p->set_line_width(p->cr, width);
    path(p, x, y, n);
    p->stroke(p->cr);
}

static void area(void *self, const double *x, const double *y, int n, unsigned color, double alpha)
{
    const struct painter *p = self;
    set_color(p, color, alpha);
    path(p, x, y, n);
    p->close_path(p->cr);
    p->fill(p->cr);
}

static void text(void *self, double x, double y, double size, int anchor, bool turned, unsigned color, const char *s)
{
    const struct painter *p = self;
    cairo_text_extents_t e;
    set_color(p, color, 1);
    p->set_font_size(p->cr, size);
    p->text_extents(p->cr, s, &e);
    p->save(p->cr);
    p->translate(p->cr, x, y);
    if (turned) p->rotate(p->cr, -1.57079632679);
    p->move_to(p->cr, -e.x_advance * anchor / 2, 0);
    p->show_text(p->cr, s);
    p->restore(p->cr);
}

bool figure_png(const struct curves *c, int n, const char *file, mb_error *err)
{
    struct painter p;
    struct figure_size size = figure_size(c, n);
    if (!load(&p, err)) return false;
    cairo_surface_t *surface = p.image_surface_create(CAIRO_FORMAT_RGB24, (int)(size.w * SCALE), (int)(size.h * SCALE));
    p.cr = p.create(surface);
    p.scale(p.cr, SCALE, SCALE);
    p.set_source_rgb(p.cr, 1, 1, 1);
    p.paint(p.cr);
    p.set_line_join(p.cr, CAIRO_LINE_JOIN_ROUND);
    p.select_font_face(p.cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    struct pen pen = { &p, rect, line, area, text };
    figure_draw(c, n, &pen);
    cairo_status_t status = p.surface_write_to_png(surface, file);
    p.destroy(p.cr);
    p.surface_destroy(surface);
    if (status == CAIRO_STATUS_SUCCESS) return true;
    return mb_fail(err, MB_ERR_IO, "%.300s: cannot be written: %s", file, p.status_to_string(status));
}
#else
bool figure_png(const struct curves *c, int n, const char *file, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "plot: this matchbox was built without cairo, which PNG curves need");
    mb_note(err, "give a name that ends in .svg, or install libcairo2-dev and build again");
    return mb_help(err, "matchbox help plot");
}
#endif
