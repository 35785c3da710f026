/* box2d_walker.c - a robot on two legs crosses rough ground.  Terrain, figures, observation and reward as in Gymnasium
   BipedalWalker-v3 (O. Klimov); hardcore adds stumps, pits and stairs. */
#include "env/box2d.h"

#define SCALE 30.0
#define FPS 50.0
#define STEP (14 / SCALE) /* of the terrain */
#define BASE (400 / SCALE / 4)
#define LEG_HEIGHT (34 / SCALE)
#define LEG_WIDTH (8 / SCALE)
#define HIP (-8 / SCALE)
#define LIDAR (160 / SCALE)
enum { HULL, UPPER1, LOWER1, UPPER2, LOWER2, GROUND, LENGTH = 200, GRASS_LENGTH = 10, START = 20, TORQUE = 80, RAYS = 10 };

/* ---- the ground ---- */

enum kind { GRASS, STUMP, STAIRS, PIT, KINDS };
struct field { const struct box2d_api *b; struct box2d_live *l; };
static const struct box2d_shape rough = { 0, 2.5f, BOX2D_GROUND, 0xFFFF };

static void block(struct field *f, double x, double y, double w, double h)
{
    const float xy[8] = { (float)x, (float)y, (float)(x + w), (float)y, (float)(x + w), (float)(y + h), (float)x, (float)(y + h) };
    f->b->polygon(f->l->world, GROUND, xy, 4, &rough);
}

struct stairs { int steps, width, height; };

/* An obstacle begins at x, y; how many steps of the terrain it takes. */
static int obstacle(struct field *f, enum kind kind, double x, double y, struct stairs *s)
{
    mb_rng *rng = &f->l->rng;
    if (kind == PIT) {
        int n = 3 + mb_below(rng, 2);
        block(f, x, y - 4 * STEP, STEP, 4 * STEP);
        block(f, x + STEP * n, y - 4 * STEP, STEP, 4 * STEP);
        return n + 2;
    }
    if (kind == STUMP) {
        int n = 1 + mb_below(rng, 2);
        block(f, x, y, n * STEP, n * STEP);
        return n;
    }
    s->height = mb_uniform64(rng) > 0.5 ? 1 : -1;
    s->width = 4;
    s->steps = 3 + mb_below(rng, 2);
    for (int i = 0; i < s->steps; i++) block(f, x + i * s->width * STEP, y + (i * s->height - 1) * STEP, s->width * STEP, STEP);
    return s->steps * s->width;
}

static void ground(const struct box2d_api *b, struct box2d_live *l, bool hardcore)
{
    struct field f = { b, l };
    struct stairs stairs = { 0, 1, 0 };
    enum kind kind = GRASS;
    bool fresh = false;
    double slope = 0, y = BASE, level = 0;
    int left = START;
    for (int i = 0; i < LENGTH; i++) {
        double x = i * STEP;
        if (fresh && kind != GRASS) {
            left = obstacle(&f, kind, x, y, &stairs);
            if (kind != STUMP) level = y;
        } else if (!fresh && kind == GRASS) {
            slope = 0.8 * slope + 0.01 * (y < BASE ? 1 : y > BASE ? -1 : 0);
            if (i > START) slope += box2d_uniform(&l->rng, -1, 1) / SCALE;
            y += slope;
        } else if (kind == PIT) y = left > 1 ? level - 4 * STEP : level;
        else if (kind == STAIRS) {
            double done = (double)(stairs.steps * stairs.width - left - stairs.height) / stairs.width;
            y = level + done * stairs.height * STEP;
        }
        fresh = false;
        l->terrain[i][0] = (float)x;
        l->terrain[i][1] = (float)y;
        if (--left > 0) continue;
        left = GRASS_LENGTH / 2 + mb_below(&l->rng, GRASS_LENGTH - GRASS_LENGTH / 2);
        kind = kind == GRASS && hardcore ? (enum kind)(1 + mb_below(&l->rng, KINDS - 1)) : GRASS;
        fresh = true;
    }
    l->npoints = LENGTH;
    for (int i = 0; i + 1 < LENGTH; i++)
        b->edge(l->world, GROUND, l->terrain[i][0], l->terrain[i][1], l->terrain[i + 1][0], l->terrain[i + 1][1], &rough);
}

/* ---- the robot ---- */

static void robot(const struct box2d_api *b, struct box2d_live *l)
{
    static const float outline[] = { -30, 9, 6, 9, 34, 1, 34, -8, -30, -8 };
    const struct box2d_shape hull = { 5, 0.1f, 0x0020, BOX2D_GROUND }, leg = { 1, 0.2f, 0x0020, BOX2D_GROUND };
    const float hip[2] = { 0, (float)HIP }, top[2] = { 0, (float)(LEG_HEIGHT / 2) }, knee[2] = { 0, (float)(-LEG_HEIGHT / 2) };
    const float hip_limits[2] = { -0.8f, 1.1f }, knee_limits[2] = { -1.6f, -0.1f };
    double x = STEP * START / 2, y = BASE + 2 * LEG_HEIGHT;
    float xy[10];
    for (int i = 0; i < 10; i++) xy[i] = (float)((double)outline[i] / SCALE);
    b->body(l->world, true, (float)x, (float)y, 0);
    b->polygon(l->world, HULL, xy, 5, &hull);
    for (int side = -1, body = UPPER1; side <= 1; side += 2, body += 2) {
        b->body(l->world, true, (float)x, (float)(y - LEG_HEIGHT / 2 - HIP), (float)(side * 0.05));
        b->box(l->world, body, (float)(LEG_WIDTH / 2), (float)(LEG_HEIGHT / 2), &leg);
        b->hinge(l->world, HULL, body, hip, top, hip_limits, (float)side, TORQUE);
        b->body(l->world, true, (float)x, (float)(y - LEG_HEIGHT * 3 / 2 - HIP), (float)(side * 0.05));
        b->box(l->world, body + 1, (float)(0.8 * LEG_WIDTH / 2), (float)(LEG_HEIGHT / 2), &leg);
        b->hinge(l->world, body, body + 1, knee, top, knee_limits, 1, TORQUE);
    }
}

/* Step the world with these motors and observe; returns the shaping. */
static double look(const struct box2d_api *b, struct box2d_live *l, const float *action, struct box2d_body *s)
{
    static const double rated[4] = { 4, 6, 4, 6 };
    for (int k = 0; k < 4; k++) {
        double a = (double)action[k];
        b->motor(l->world, k, (float)(rated[k] * (a > 0 ? 1 : a < 0 ? -1 : 0)), (float)(TORQUE * __builtin_fabs(a)));
    }
    b->step(l->world, (float)(1 / FPS), 180, 60);
    b->read(l->world, HULL, s);
    const double v = 0.3 / FPS, head[4] = { s->angle, 2 * s->spin / FPS, v * s->vx * (600 / SCALE), v * s->vy * (400 / SCALE) };
    for (int i = 0; i < 4; i++) l->obs[i] = (float)head[i];
    for (int k = 0; k < 4; k++) {
        double angle, speed;
        float *o = l->obs + 4 + 2 * k + (k > 1);
        b->joint(l->world, k, &angle, &speed);
        o[0] = (float)(angle + (k & 1));
        o[1] = (float)(speed / rated[k]);
    }
    for (int k = 0; k < 2; k++) {
        struct box2d_body lower;
        b->read(l->world, LOWER1 + 2 * k, &lower);
        l->obs[8 + 5 * k] = lower.touch;
    }
    for (int i = 0; i < RAYS; i++) {
        double dx = mb_sin64(1.5 * i / RAYS) * LIDAR, dy = -mb_cos64(1.5 * i / RAYS) * LIDAR;
        l->obs[14 + i] = (float)b->ray(l->world, (float)s->x, (float)s->y, (float)(s->x + dx), (float)(s->y + dy));
    }
    return 130 * s->x / SCALE - 5 * __builtin_fabs(s->angle);
}

static void begin_on(const struct box2d_api *b, struct box2d_live *l, bool hardcore)
{
    static const float still[4];
    struct box2d_body s;
    b->begin(l->world, -10);
    robot(b, l);
    b->body(l->world, false, 0, 0, 0);
    ground(b, l, hardcore);
    b->force(l->world, HULL, (float)box2d_uniform(&l->rng, -5, 5), 0, 0);
    l->shaping = look(b, l, still, &s);
}
static void begin(const struct box2d_api *b, const void *options, struct box2d_live *l) { begin_on(b, l, false); }
static void begin_hardcore(const struct box2d_api *b, const void *options, struct box2d_live *l) { begin_on(b, l, true); }

static mb_step advance(const struct box2d_api *b, const void *options, struct box2d_live *l, const float *action)
{
    struct box2d_body s;
    double shaping = look(b, l, action, &s), reward = shaping - l->shaping;
    l->shaping = shaping;
    for (int k = 0; k < 4; k++) reward -= 0.00035 * TORQUE * __builtin_fabs((double)action[k]);
    if (s.hit || s.x < 0) return (mb_step){ -100, true };
    return (mb_step){ (float)reward, s.x > (LENGTH - GRASS_LENGTH) * STEP };
}

/* ---- the picture ---- */

static void draw(const struct box2d_api *b, const struct box2d_live *l, mb_canvas *c)
{
    struct box2d_body s;
    b->read(l->world, HULL, &s);
    double left = s.x - 4, width = 20, height = width * c->h / c->w, low = BASE - height / 3;
    mb_canvas_clear(c, 0xE8EEF2);
    for (int i = 0; i + 1 < l->npoints; i++) {
        float x = (float)(((double)l->terrain[i][0] - left) / width), next = (float)(((double)l->terrain[i + 1][0] - left) / width);
        if (next < 0 || x > 1) continue;
        float y = (float)(1 - ((double)l->terrain[i][1] - low) / height), yn = (float)(1 - ((double)l->terrain[i + 1][1] - low) / height);
        mb_canvas_rect(c, x, y < yn ? yn : y, next, 1, 0x8DB580);
        mb_canvas_line(c, x, y, next, yn, 0.012f, 0x4C8C6B);
    }
    for (int k = UPPER2; k <= LOWER2 + 2; k++) {
        int body = (k - 1) % 4 + 1; /* the far leg first */
        b->read(l->world, body, &s);
        double dx = mb_sin64(s.angle) * LEG_HEIGHT / 2, dy = mb_cos64(s.angle) * LEG_HEIGHT / 2;
        mb_canvas_line(c, (float)((s.x - dx - left) / width), (float)(1 - (s.y + dy - low) / height), (float)((s.x + dx - left) / width),
                       (float)(1 - (s.y - dy - low) / height), (float)(LEG_WIDTH / width), body < UPPER2 ? 0xC8553D : 0x9C4030);
    }
    b->read(l->world, HULL, &s);
    double dx = mb_cos64(s.angle), dy = mb_sin64(s.angle);
    mb_canvas_line(c, (float)((s.x - dx - left) / width), (float)(1 - (s.y - dy - low) / height), (float)((s.x + dx - left) / width),
                   (float)(1 - (s.y + dy - low) / height), (float)(17 / SCALE / width), 0x2D4059);
}

const struct box2d_task mb__walker_task[2] = {
    { .name = "bipedalwalker", .nact = 4, .nobs = 24, .limit = 1600, .begin = begin, .advance = advance, .draw = draw },
    { .name = "bipedalwalker-hardcore", .nact = 4, .nobs = 24, .limit = 2000, .begin = begin_hardcore, .advance = advance, .draw = draw },
};
