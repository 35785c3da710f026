/* Pictures in the terminal: a character is two pixels high (upper half block, foreground over background). */
#include "cli/frames.h"

static bool same(const uint8_t *a, const uint8_t *b) { return a[0] == b[0] && a[1] == b[1] && a[2] == b[2]; }

void screen_begin(FILE *f) { fputs("\033[?25l\033[2J", f); }

void screen_end(FILE *f)
{
    fputs("\033[0m\033[?25h", f);
    fflush(f);
}

/* Without colour: darker and lighter characters. */
static void draw_gray(FILE *f, const mb_canvas *c)
{
    static const char ramp[] = " .:-=+*#%@";
    for (int y = 0; y + 1 < c->h; y += 2) {
        for (int x = 0; x < c->w; x++) {
            const uint8_t *p = c->rgb + ((size_t)y * (size_t)c->w + (size_t)x) * 3, *q = p + (size_t)c->w * 3;
            int light = (p[0] + q[0]) * 3 + (p[1] + q[1]) * 6 + (p[2] + q[2]);
            fputc(ramp[light * 9 / (255 * 20)], f);
        }
        fputs("\033[K\n", f);
    }
}

static void draw_color(FILE *f, const mb_canvas *c)
{
    for (int y = 0; y + 1 < c->h; y += 2) {
        const uint8_t *top = NULL, *bottom = NULL;
        for (int x = 0; x < c->w; x++) {
            const uint8_t *p = c->rgb + ((size_t)y * (size_t)c->w + (size_t)x) * 3, *q = p + (size_t)c->w * 3;
            if (!top || !same(p, top)) fprintf(f, "\033[38;2;%d;%d;%dm", p[0], p[1], p[2]);
            if (!bottom || !same(q, bottom)) fprintf(f, "\033[48;2;%d;%d;%dm", q[0], q[1], q[2]);
            fputs("▀", f);
            top = p;
            bottom = q;
        }
        fputs("\033[0m\033[K\n", f);
    }
}

void screen_draw(FILE *f, const mb_canvas *c, const char *below)
{
    fputs("\033[H", f);
    (term_color(f) ? draw_color : draw_gray)(f, c);
    fprintf(f, "%s\033[K\033[J", below);
    fflush(f);
}
