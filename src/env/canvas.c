/* canvas.c - anti-aliased shapes and text on RGB pixels in the caller's memory.
   A pixel is blended by how much of it a shape covers: exactly for rectangles, by distance to the
   edge for round things. */
#include "env/font.h"
#include "matchbox/env.h"

static float clamp01(float x)
{
    return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; /* NaN becomes 0 */
}

static void blend(mb_canvas *c, int x, int y, mb_color color, float cover)
{
    uint8_t *p = c->rgb + ((size_t)y * (size_t)c->w + (size_t)x) * 3;
    for (int k = 0; k < 3; k++) {
        float goal = (float)(color >> (16 - 8 * k) & 255), old = (float)p[k];
        p[k] = (uint8_t)(old + (goal - old) * cover + 0.5f);
    }
}

/* First and one past the last pixel touched by [a, b], within 0 .. n; NaN and far-away shapes give
 * nothing. */
static void span(float a, float b, int n, int *first, int *end)
{
    float limit = (float)n;
    *first = *end = 0;
    if (!(a < limit) || !(b > 0.0f)) return;
    *first = a > 0.0f ? (int)a : 0;
    *end = b < limit ? (int)b + 1 : n;
    if (*end > n) *end = n;
}

void mb_canvas_clear(mb_canvas *c, mb_color color)
{
    size_t n = (size_t)c->w * (size_t)c->h;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < 3; k++) c->rgb[3 * i + k] = (uint8_t)(color >> (16 - 8 * k) & 255);
}

/* The part of pixel [i, i+1] that lies in [a, b]. */
static float overlap(int i, float a, float b)
{
    float low = a > (float)i ? a : (float)i, high = b < (float)(i + 1) ? b : (float)(i + 1);
    return clamp01(high - low);
}

static void rect_pixels(mb_canvas *c, float x0, float y0, float x1, float y1, mb_color color)
{
    int left, right, top, bottom;
    span(x0, x1, c->w, &left, &right);
    span(y0, y1, c->h, &top, &bottom);
    for (int y = top; y < bottom; y++) {
        float vertical = overlap(y, y0, y1);
        for (int x = left; x < right; x++) blend(c, x, y, color, vertical * overlap(x, x0, x1));
    }
}

void mb_canvas_rect(mb_canvas *c, float x0, float y0, float x1, float y1, mb_color color)
{
    float w = (float)c->w, h = (float)c->h;
    float left = x0 < x1 ? x0 : x1, right = x0 < x1 ? x1 : x0;
    float top = y0 < y1 ? y0 : y1, bottom = y0 < y1 ? y1 : y0;
    rect_pixels(c, left * w, top * h, right * w, bottom * h, color);
}

/* Everything within `radius` pixels of the segment from (x0, y0) to (x1, y1). */
static void capsule(mb_canvas *c, float x0, float y0, float x1, float y1, float radius,
                    mb_color color)
{
    float thin =
        radius < 0.5f ? 2.0f * radius : 1.0f; /* lighter rather than thinner than a pixel */
    radius = radius < 0.5f ? 0.5f : radius;
    float dx = x1 - x0, dy = y1 - y0, length2 = dx * dx + dy * dy, edge = radius + 1.0f;
    int left, right, top, bottom;
    span((x0 < x1 ? x0 : x1) - edge, (x0 < x1 ? x1 : x0) + edge, c->w, &left, &right);
    span((y0 < y1 ? y0 : y1) - edge, (y0 < y1 ? y1 : y0) + edge, c->h, &top, &bottom);
    for (int y = top; y < bottom; y++)
        for (int x = left; x < right; x++) {
            float px = (float)x + 0.5f - x0, py = (float)y + 0.5f - y0;
            float t = length2 > 0.0f ? clamp01((px * dx + py * dy) / length2) : 0.0f;
            float ex = px - t * dx, ey = py - t * dy;
            float cover = clamp01(radius + 0.5f - __builtin_sqrtf(ex * ex + ey * ey));
            if (cover > 0.0f) blend(c, x, y, color, cover * thin);
        }
}

void mb_canvas_line(mb_canvas *c, float x0, float y0, float x1, float y1, float width,
                    mb_color color)
{
    float w = (float)c->w, h = (float)c->h;
    capsule(c, x0 * w, y0 * h, x1 * w, y1 * h, 0.5f * width * w, color);
}

void mb_canvas_disc(mb_canvas *c, float x, float y, float radius, mb_color color)
{
    float w = (float)c->w, h = (float)c->h;
    capsule(c, x * w, y * h, x * w, y * h, radius * w, color);
}

static void glyph(mb_canvas *c, const uint8_t rows[MB__FONT_H], float x, float y, float dot,
                  mb_color color)
{
    for (int r = 0; r < MB__FONT_H; r++)
        for (int k = 0; k < MB__FONT_W; k++)
            if (rows[r] >> (MB__FONT_W - 1 - k) & 1) {
                float left = x + (float)k * dot, top = y + (float)r * dot;
                rect_pixels(c, left, top, left + dot, top + dot, color);
            }
}

void mb_canvas_text(mb_canvas *c, float x, float y, float height, const char *text, mb_color color)
{
    float dot = height * (float)c->h / (float)MB__FONT_H;
    /* whole pixels from two upwards: crisp letters instead of exact heights */
    if (dot >= 2.0f) dot = __builtin_floorf(dot + 0.5f);
    float left = __builtin_floorf(x * (float)c->w), top = __builtin_floorf(y * (float)c->h),
          pen = left;
    for (const char *t = text; *t; t++) {
        if (*t == '\n') {
            pen = left;
            top += (float)(MB__FONT_H + 2) * dot;
            continue;
        }
        int ch = *t >= MB__FONT_FIRST && *t <= MB__FONT_LAST ? *t : '?';
        glyph(c, mb__font[ch - MB__FONT_FIRST], pen, top, dot, color);
        pen += (float)(MB__FONT_W + 1) * dot;
    }
}
