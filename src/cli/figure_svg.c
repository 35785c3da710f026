/* The pen that writes SVG. */
#include "cli/curves.h"

enum { BYTES = 8 << 20 };

static void rect(void *self, double x, double y, double w, double h, unsigned color)
{
    mb_str_add(self, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#%06x\" fill-opacity=\"0.9\"/>\n", x, y, w, h, color);
}

static void points(mb_str *out, const double *x, const double *y, int n)
{
    mb_str_add(out, " points=\"");
    for (int i = 0; i < n; i++) mb_str_add(out, "%s%.1f,%.1f", i ? " " : "", x[i], y[i]);
    mb_str_add(out, "\"");
}

static void line(void *self, const double *x, const double *y, int n, double width, unsigned color)
{
    mb_str_add(self, "<polyline fill=\"none\" stroke=\"#%06x\" stroke-width=\"%.1f\" stroke-linejoin=\"round\"", color, width);
    points(self, x, y, n);
    mb_str_add(self, "/>\n");
}

static void area(void *self, const double *x, const double *y, int n, unsigned color, double alpha)
{
    mb_str_add(self, "<polygon stroke=\"none\" fill=\"#%06x\" fill-opacity=\"%.2f\"", color, alpha);
    points(self, x, y, n);
    mb_str_add(self, "/>\n");
}

void svg_escaped(mb_str *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<') mb_str_add(out, "&lt;");
        else if (*text == '&') mb_str_add(out, "&amp;");
        else mb_str_add(out, "%c", *text);
}

static void text(void *self, double x, double y, double size, int anchor, bool turned, unsigned color, const char *s)
{
    static const char *const anchors[] = { "start", "middle", "end" };
    mb_str_add(self, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%.0f\" text-anchor=\"%s\" fill=\"#%06x\"", x, y, size, anchors[anchor], color);
    if (turned) mb_str_add(self, " transform=\"rotate(-90 %.1f %.1f)\"", x, y);
    mb_str_add(self, ">");
    svg_escaped(self, s);
    mb_str_add(self, "</text>\n");
}

bool figure_svg_of(figure_drawing *draw, const void *what, double w, double h, const char *title, const char *path, mb_arena *a,
                   mb_error *err)
{
    mb_str out;
    char *memory = mb_alloc(a, 1, BYTES, err);
    if (!memory) return false;
    mb_str_init(&out, memory, BYTES);
    mb_str_add(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                     "font-family=\"Inter, Helvetica, Arial, sans-serif\">\n<title>", w, h, w, h);
    svg_escaped(&out, title);
    mb_str_add(&out, "</title>\n");
    struct pen pen = { &out, rect, line, area, text };
    draw(what, &pen);
    mb_str_add(&out, "</svg>\n");
    if (out.full) return mb_fail(err, MB_ERR_MEMORY, "plot: the picture needs more than %d bytes", BYTES);
    return mb_file_write(path, out.s, out.n, err);
}

struct panels { const struct curves *c; int n; };

static void draw_panels(const void *what, const struct pen *pen)
{
    const struct panels *p = what;
    figure_draw(p->c, p->n, pen);
}

bool figure_svg(const struct curves *c, int n, const char *path, mb_arena *a, mb_error *err)
{
    struct figure_size size = figure_size(c, n);
    struct panels p = { c, n };
    return figure_svg_of(draw_panels, &p, size.w, size.h, c->title, path, a, err);
}
