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

struct pen svg_pen(mb_str *out) { return (struct pen){ out, rect, line, area, text }; }

void svg_begin(mb_str *out, double width, double height, const char *title)
{
    mb_str_add(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\" "
                    "font-family=\"Inter, Helvetica, Arial, sans-serif\">\n<title>", width, height, width, height);
    svg_escaped(out, title);
    mb_str_add(out, "</title>\n");
}

bool svg_write(mb_str *out, const char *path, mb_error *err)
{
    mb_str_add(out, "</svg>\n");
    if (out->full) return mb_fail(err, MB_ERR_MEMORY, "%.200s: the picture needs more than %zu bytes", path, out->cap);
    return mb_file_write(path, out->s, out->n, err);
}

bool figure_svg(const struct curves *c, const char *path, mb_arena *a, mb_error *err)
{
    mb_str out;
    char *memory = mb_alloc(a, 1, BYTES, err);
    if (!memory) return false;
    mb_str_init(&out, memory, BYTES);
    svg_begin(&out, FIGURE_W, FIGURE_H, c->title);
    struct pen pen = svg_pen(&out);
    figure_draw(c, &pen);
    return svg_write(&out, path, err);
}
