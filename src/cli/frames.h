/* cli/frames.h - pictures of environments: files of one frame (PNG) or many (GIF, MP4). */
#ifndef MB_CLI_FRAMES_H
#define MB_CLI_FRAMES_H
#include "cli/command.h"

/* rgb: [h][w][3]; one picture. */
bool png_write(const char *path, const uint8_t *rgb, int w, int h, mb_arena *a, mb_error *err);

/* An animated GIF that repeats for ever.  The file appears under its name when it is complete. */
typedef struct gif gif;
gif *gif_open(const char *path, int w, int h, double fps, mb_arena *a, mb_error *err);
bool gif_add(gif *g, const uint8_t *rgb, mb_error *err);
bool gif_close(gif *g, mb_error *err);

/* A film, made by the program ffmpeg. */
typedef struct film film;
film *film_open(const char *path, int w, int h, double fps, mb_arena *a, mb_error *err);
bool film_add(film *f, const uint8_t *rgb, mb_error *err);
bool film_close(film *f, mb_error *err);

/* Draw a frame into the terminal: two pixels in each character. */
void screen_begin(FILE *f);
void screen_draw(FILE *f, const mb_canvas *c, const char *below);
void screen_end(FILE *f);

#endif
