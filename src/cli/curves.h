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
/* Run r is a seed of curve group[r], which is called labels[group[r]]; every group has a run. */
bool curves_of_groups(mb_arena *a, const char *const *dirs, const int *group, int nruns, const char *const *labels, int ngroups,
                      const char *metric, const char *title, struct curves *out, mb_error *err);

/* What a metric measures, for people. */
const char *metric_title(const char *metric);

/* Ticks at 1, 2 or 5 times a power of ten. */
struct axis { double low, high, step, first; int n; };
struct axis axis_of(double low, double high, int about);
double axis_tick(const struct axis *a, int i);
const char *axis_label(char out[32], const struct axis *a, double v);
void curves_range(const struct curves *c, struct axis *x, struct axis *y, int xticks, int yticks);

/* Axes and curves alone: exactly `rows` lines (3 at least), each ended with `eol`. */
void curves_plot(FILE *f, const struct curves *c, int columns, int rows, bool color, const char *eol);
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
enum { FIGURE_W = 800, FIGURE_H = 500, PANELS_MAX = 12 };
unsigned curve_color(int i); /* of the Okabe-Ito palette, which colour-blind people can tell apart */
struct figure_size { double w, h, head; }; /* head: height of title and legend */
/* c[n]: the same runs by n metrics, a panel each. */
struct figure_size figure_size(const struct curves *c, int n);
void figure_draw(const struct curves *c, int n, const struct pen *pen);
/* An SVG file of whatever `draw` draws in a picture of w by h. */
typedef void figure_drawing(const void *what, const struct pen *pen);
void svg_escaped(mb_str *out, const char *text); /* for text between tags; the self of an SVG pen is such an mb_str */
bool figure_svg_of(figure_drawing *draw, const void *what, double w, double h, const char *title, const char *path, mb_arena *a, mb_error *err);
bool figure_svg(const struct curves *c, int n, const char *path, mb_arena *a, mb_error *err);
bool figure_png(const struct curves *c, int n, const char *path, mb_error *err);

#endif
