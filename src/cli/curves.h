/* cli/curves.h - learning curves: read from runs, averaged over seeds, drawn in the terminal, as SVG or as PNG. */
#ifndef MB_CLI_CURVES_H
#define MB_CLI_CURVES_H
#include "cli/command.h"

enum { CURVE_POINTS = 240, CURVES_MAX = 64 };

/* Mean over the seeds of one group, at common steps. */
struct curve {
    char label[192];
    int seeds, n;                  /* n points */
    double x[CURVE_POINTS], mean[CURVE_POINTS], low[CURVE_POINTS], high[CURVE_POINTS]; /* 95 % t interval; = mean for one seed */
    double least, greatest;        /* of any seed */
};
struct curves {
    struct curve *curve;
    int n;
    char title[192];
    const char *metric;
    bool has_interval;
};

/* Read metrics.jsonl of the runs; those of the same algorithm, environment and preset are seeds of one curve. */
bool curves_read(mb_arena *a, const char *const *runs, int nruns, const char *metric, struct curves *out, mb_error *err);

/* Ticks at 1, 2 or 5 times a power of ten. */
struct axis { double low, high, step, first; int n; };
struct axis axis_of(double low, double high, int about);
double axis_tick(const struct axis *a, int i);
const char *axis_label(char out[32], const struct axis *a, double v);
void curves_range(const struct curves *c, struct axis *x, struct axis *y, int xticks, int yticks);

void curves_text(FILE *f, const struct curves *c, int columns, int rows, bool color);

/* What a figure is drawn with: implemented once for SVG and once for PNG.  Colours are 0xRRGGBB. */
struct pen {
    void *self;
    void (*rect)(void *self, double x, double y, double w, double h, unsigned color);
    void (*line)(void *self, const double *x, const double *y, int n, double width, unsigned color);
    void (*area)(void *self, const double *x, const double *y, int n, unsigned color, double alpha);
    /* anchor: 0 begins at x, 1 middle, 2 ends there; turned: reads upwards */
    void (*text)(void *self, double x, double y, double size, int anchor, bool turned, unsigned color, const char *text);
};
enum { FIGURE_W = 800, FIGURE_H = 500 };
unsigned curve_color(int i); /* of the Okabe-Ito palette, which colour-blind people can tell apart */
void figure_draw(const struct curves *c, const struct pen *pen);
bool figure_svg(const struct curves *c, const char *path, mb_arena *a, mb_error *err);
/* SVG by hand: begin, draw with the pen or add elements, write the file. */
void svg_begin(mb_str *out, double width, double height, const char *title);
struct pen svg_pen(mb_str *out);
void svg_escaped(mb_str *out, const char *text);
bool svg_write(mb_str *out, const char *path, mb_error *err);
bool figure_png(const struct curves *c, const char *path, mb_error *err);

#endif
