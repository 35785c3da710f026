/* mountain.h - what the two mountain cars share: the valley, its limits and its picture. */
#ifndef MB_ENV_MOUNTAIN_H
#define MB_ENV_MOUNTAIN_H
#include "env/classic/classic.h"

#define MOUNTAIN_LEFT (-1.2)
#define MOUNTAIN_RIGHT 0.6
#define MOUNTAIN_MAX_SPEED 0.07

struct mountain {
    double position, velocity;
};

static const float mountain_lows[] = {-1.2f, -0.07f}, mountain_highs[] = {0.6f, 0.07f};

static inline void mountain_observe(const struct mountain *s, mb_io *io)
{
    io->obs[0] = (float)s->position;
    io->obs[1] = (float)s->velocity;
}

/* A new episode: somewhere near the bottom, at rest. */
static inline void mountain_start(struct mountain *s, mb_rng *rng, mb_io *io)
{
    s->position = -0.6 + 0.2 * mb_uniform64(rng);
    s->velocity = 0.0;
    mountain_observe(s, io);
}

/* One step under `push` (velocity per step); the left wall stops the car, and position and speed
 * are limited. */
static inline void mountain_roll(struct mountain *s, double push, double gravity)
{
    double v = s->velocity + (push - gravity * mb_cos64(3.0 * s->position));
    v = v < -MOUNTAIN_MAX_SPEED  ? -MOUNTAIN_MAX_SPEED
        : v > MOUNTAIN_MAX_SPEED ? MOUNTAIN_MAX_SPEED
                                 : v;
    double p = s->position + v;
    p = p < MOUNTAIN_LEFT ? MOUNTAIN_LEFT : p > MOUNTAIN_RIGHT ? MOUNTAIN_RIGHT : p;
    if (p == MOUNTAIN_LEFT && v < 0.0) v = 0.0;
    *s = (struct mountain){p, v};
}

static inline bool mountain_place(const char *env, struct mountain *s, const double *values, int n,
                                  mb_io *io, mb_error *err)
{
    if (!classic_state_fits(env, "position, velocity", 2, values, n, err)) return false;
    *s = (struct mountain){values[0], values[1]};
    mountain_observe(s, io);
    for (int i = 0; i < 2; i++)
        if (!(io->obs[i] >= mountain_lows[i] && io->obs[i] <= mountain_highs[i]))
            return mb_fail(err, MB_ERR_RANGE, "%s: %s must lie in [%g, %g], not %g", env,
                           i ? "velocity" : "position", (double)mountain_lows[i],
                           (double)mountain_highs[i], values[i]);
    return true;
}

static inline float mountain_x(double position)
{
    return 0.04f + 0.92f * (float)((position - MOUNTAIN_LEFT) / (MOUNTAIN_RIGHT - MOUNTAIN_LEFT));
}

static inline float mountain_y(double position)
{
    return 0.93f - 0.72f * (0.55f + 0.45f * mb_sinf(3.0f * (float)position));
}

static inline void mountain_draw(const struct mountain *s, double goal, mb_canvas *c)
{
    enum { PARTS = 90 };
    const double part = (MOUNTAIN_RIGHT - MOUNTAIN_LEFT) / PARTS;
    mb_canvas_clear(c, 0xF7F4EC);
    for (int i = 0; i < PARTS; i++) {
        double p = MOUNTAIN_LEFT + i * part;
        float x = mountain_x(p), y = mountain_y(p), x1 = mountain_x(p + part),
              y1 = mountain_y(p + part);
        mb_canvas_rect(c, x, 0.5f * (y + y1), x1 + 0.004f, 1.0f,
                       0xE5DFD0); /* a little over: no seams */
        mb_canvas_line(c, x, y, x1, y1, 0.008f, 0x6B6455);
    }
    float fx = mountain_x(goal), fy = mountain_y(goal);
    mb_canvas_line(c, fx, fy, fx, fy - 0.13f, 0.006f, 0x2D4059);
    mb_canvas_rect(c, fx, fy - 0.135f, fx + 0.045f, fy - 0.085f, 0x4C8C6B);

    /* the car stands on the slope: up is the normal (nx, ny), along is (tx, ty), both one unit of
     * the width long */
    float aspect = (float)c->w / (float)c->h, p = (float)s->position;
    float rise = 0.72f * 0.45f * 3.0f * mb_cosf(3.0f * p) / aspect,
          run = 0.92f / (float)(MOUNTAIN_RIGHT - MOUNTAIN_LEFT);
    float length = __builtin_sqrtf(rise * rise + run * run);
    float tx = run / length, ty = -rise / length * aspect, nx = -rise / length,
          ny = -run / length * aspect;
    float x = mountain_x(s->position) + 0.02f * nx, y = mountain_y(s->position) + 0.02f * ny;
    mb_canvas_line(c, x - 0.035f * tx + 0.018f * nx, y - 0.035f * ty + 0.018f * ny,
                   x + 0.035f * tx + 0.018f * nx, y + 0.035f * ty + 0.018f * ny, 0.03f, 0xC8553D);
    for (int side = -1; side <= 1; side += 2)
        mb_canvas_disc(c, x + 0.03f * (float)side * tx, y + 0.03f * (float)side * ty, 0.016f,
                       0x1B2838);
}
#endif
