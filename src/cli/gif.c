/* Animated GIF (version 89a): every frame has a palette of its own and covers only what changed. */
#include "cli/frames.h"
#include <errno.h>
#include <string.h>

enum { COLORS = 256, CODES = 4096, HASH = 8192, SLOTS = 1 << 16 };

struct gif {
    FILE *file;
    char path[1024], temporary[1032];
    int w, h, delay;
    bool first;
    uint8_t *before;           /* [h][w][3] the frame on the screen */
    uint8_t *pixels;           /* indices of the part that changed */
    uint8_t palette[COLORS][3];
    int ncolors;
    uint32_t slot_color[SLOTS]; /* hash table from colour + 1 to index */
    uint8_t slot_index[SLOTS];
    uint8_t block[256];        /* data goes out in blocks of 255 bytes */
    uint32_t hold;
    int count;
    uint32_t key[HASH];        /* dictionary: prefix << 8 | byte, + 1 */
    uint16_t code[HASH];
};

gif *gif_open(const char *path, int w, int h, double fps, mb_arena *a, mb_error *err)
{
    gif *g = mb_alloc(a, 1, sizeof *g, err);
    if (!g) return NULL;
    size_t n = (size_t)w * (size_t)h;
    g->before = mb_alloc(a, n, 3, err);
    g->pixels = mb_alloc(a, n, 1, err);
    if (!g->before || !g->pixels) return NULL;
    snprintf(g->path, sizeof g->path, "%s", path);
    snprintf(g->temporary, sizeof g->temporary, "%s.tmp", g->path);
    g->w = w;
    g->h = h;
    g->delay = (int)(100 / fps + 0.5);
    if (g->delay < 2) g->delay = 2; /* viewers slow down what is faster */
    g->first = true;
    g->file = fopen(g->temporary, "wb");
    if (!g->file) {
        mb_fail(err, MB_ERR_IO, "cannot write '%.300s': %s", path, strerror(errno));
        return NULL;
    }
    uint8_t head[13] = { 'G', 'I', 'F', '8', '9', 'a', (uint8_t)w, (uint8_t)(w >> 8), (uint8_t)h, (uint8_t)(h >> 8), 0x70, 0, 0 };
    fwrite(head, 1, sizeof head, g->file);
    fwrite("\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0", 1, 19, g->file); /* for ever */
    return g;
}

/* ---- palette ---- */

static uint32_t color_at(const uint8_t *p, uint32_t mask) { return ((uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2]) & mask; }

/* Give every colour of the rectangle an index; false when there are more than 256 after masking low bits away. */
static bool index_colors(gif *g, const uint8_t *rgb, const int box[4], uint32_t mask)
{
    uint8_t *out = g->pixels;
    memset(g->slot_color, 0, sizeof g->slot_color);
    g->ncolors = 0;
    for (int y = box[1]; y < box[3]; y++)
        for (int x = box[0]; x < box[2]; x++) {
            const uint8_t *p = rgb + ((size_t)y * (size_t)g->w + (size_t)x) * 3;
            uint32_t c = color_at(p, mask), slot = c * 2654435761u >> 16;
            while (g->slot_color[slot] && g->slot_color[slot] != c + 1) slot = (slot + 1) % SLOTS;
            if (!g->slot_color[slot]) {
                if (g->ncolors == COLORS) return false;
                memcpy(g->palette[g->ncolors], p, 3);
                g->slot_color[slot] = c + 1;
                g->slot_index[slot] = (uint8_t)g->ncolors++;
            }
            *out++ = g->slot_index[slot];
        }
    return true;
}

static void changed_box(const gif *g, const uint8_t *rgb, int box[4])
{
    box[0] = g->w, box[1] = g->h, box[2] = box[3] = 0;
    for (int y = 0; y < g->h; y++)
        for (int x = 0; x < g->w; x++) {
            size_t at = ((size_t)y * (size_t)g->w + (size_t)x) * 3;
            if (!g->first && memcmp(rgb + at, g->before + at, 3) == 0) continue;
            if (x < box[0]) box[0] = x;
            if (x >= box[2]) box[2] = x + 1;
            if (y < box[1]) box[1] = y;
            box[3] = y + 1;
        }
    if (box[2] == 0) box[0] = box[1] = 0, box[2] = box[3] = 1; /* a still picture: one pixel */
}

/* ---- LZW ---- */

static void put_byte(gif *g, int byte)
{
    g->block[++g->block[0]] = (uint8_t)byte;
    if (g->block[0] < 255) return;
    fwrite(g->block, 1, 256, g->file);
    g->block[0] = 0;
}

static void put_code(gif *g, int code, int width)
{
    g->hold |= (uint32_t)code << g->count;
    for (g->count += width; g->count >= 8; g->count -= 8) {
        put_byte(g, (int)(g->hold & 255));
        g->hold >>= 8;
    }
}

static void compress(gif *g, size_t n, int bits)
{
    int clear = 1 << bits, next = clear + 2, width = bits + 1, prefix = g->pixels[0];
    memset(g->key, 0, sizeof g->key);
    fputc(bits, g->file);
    put_code(g, clear, width);
    for (size_t i = 1; i < n; i++) {
        uint32_t key = ((uint32_t)prefix << 8 | g->pixels[i]) + 1, slot = key * 2654435761u >> 19;
        while (g->key[slot] && g->key[slot] != key) slot = (slot + 1) % HASH;
        if (g->key[slot]) {
            prefix = g->code[slot];
            continue;
        }
        put_code(g, prefix, width);
        prefix = g->pixels[i];
        if (next < CODES) {
            g->key[slot] = key;
            g->code[slot] = (uint16_t)next;
            if (next++ == 1 << width) width++;
        } else {
            put_code(g, clear, width);
            memset(g->key, 0, sizeof g->key);
            next = clear + 2;
            width = bits + 1;
        }
    }
    put_code(g, prefix, width);
    if (next == 1 << width && width < 12) width++; /* the reader has added one more by now */
    put_code(g, clear + 1, width);
    put_code(g, 0, 7);
    g->hold = 0;
    g->count = 0;
    if (g->block[0]) fwrite(g->block, 1, (size_t)g->block[0] + 1, g->file);
    g->block[0] = 0;
    fputc(0, g->file);
}

bool gif_add(gif *g, const uint8_t *rgb, mb_error *err)
{
    static const uint32_t masks[] = { 0xffffff, 0xfefefe, 0xfcfcfc, 0xf8f8f8, 0xf0f0f0, 0xe0e0e0, 0xc0c0c0 };
    int box[4], m = 0, bits = 2;
    changed_box(g, rgb, box);
    while (!index_colors(g, rgb, box, masks[m])) m++;
    while (1 << bits < g->ncolors) bits++;
    int w = box[2] - box[0], h = box[3] - box[1];
    uint8_t control[8] = { 0x21, 0xf9, 4, 4, (uint8_t)g->delay, (uint8_t)(g->delay >> 8), 0, 0 };
    uint8_t image[10] = { 0x2c, (uint8_t)box[0], (uint8_t)(box[0] >> 8), (uint8_t)box[1], (uint8_t)(box[1] >> 8),
                          (uint8_t)w, (uint8_t)(w >> 8), (uint8_t)h, (uint8_t)(h >> 8), (uint8_t)(0x80 | (bits - 1)) };
    fwrite(control, 1, sizeof control, g->file);
    fwrite(image, 1, sizeof image, g->file);
    fwrite(g->palette, 3, (size_t)1 << bits, g->file);
    compress(g, (size_t)w * (size_t)h, bits);
    memcpy(g->before, rgb, (size_t)g->w * (size_t)g->h * 3);
    g->first = false;
    return !ferror(g->file) || mb_fail(err, MB_ERR_IO, "cannot write '%.300s': %s", g->path, strerror(errno));
}

bool gif_close(gif *g, mb_error *err)
{
    fputc(0x3b, g->file);
    bool ok = !ferror(g->file);
    if (fclose(g->file) != 0) ok = false;
    if (ok && rename(g->temporary, g->path) == 0) return true;
    mb_fail(err, MB_ERR_IO, "cannot write '%.300s': %s", g->path, strerror(errno));
    remove(g->temporary);
    return false;
}
