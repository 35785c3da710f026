/* box2d_lander.c - a lander comes down on the moon.  Terrain, figures, forces, observation and reward as in Gymnasium
   LunarLander-v3 (O. Klimov), its oddities included: the side engines push where the tilt puts them. */
#include "env/box2d.h"

#define SCALE 30.0 /* pixels of its picture in a metre */
#define FPS 50.0
#define WIDTH (600 / SCALE)
#define HEIGHT (400 / SCALE)
enum { MOON, LANDER, LEG1, LEG2, CHUNKS = 11, LIMIT = 1000 };
static const double pad_y = HEIGHT / 4;

static void moon(const struct box2d_api *b, struct box2d_live *l)
{
    const struct box2d_shape ground = { 0, 0.1f, BOX2D_GROUND, 0xFFFF }, rim = { 0, 0.2f, BOX2D_GROUND, 0xFFFF };
    double height[CHUNKS + 1];
    b->body(l->world, false, 0, 0, 0);
    for (int i = 0; i <= CHUNKS; i++) height[i] = box2d_uniform(&l->rng, 0, HEIGHT / 2);
    for (int i = CHUNKS / 2 - 2; i <= CHUNKS / 2 + 2; i++) height[i] = pad_y;
    b->edge(l->world, MOON, 0, 0, (float)WIDTH, 0, &rim);
    for (int i = 0; i < CHUNKS; i++) {
        double y = 0.33 * (height[(i + CHUNKS) % (CHUNKS + 1)] + height[i] + height[i + 1]); /* before the first comes the last */
        l->terrain[i][0] = (float)(WIDTH / (CHUNKS - 1) * i);
        l->terrain[i][1] = (float)y;
        if (i) b->edge(l->world, MOON, l->terrain[i - 1][0], l->terrain[i - 1][1], l->terrain[i][0], l->terrain[i][1], &ground);
    }
    l->npoints = CHUNKS;
}

static void lander(const struct box2d_api *b, struct box2d_live *l)
{
    static const float outline[] = { -14, 17, -17, 0, -17, -10, 17, -10, 17, 0, 14, 17 };
    const struct box2d_shape hull = { 5, 0.1f, 0x0010, BOX2D_GROUND }, leg = { 1, 0.2f, 0x0020, BOX2D_GROUND };
    float xy[12];
    for (int i = 0; i < 12; i++) xy[i] = (float)((double)outline[i] / SCALE);
    b->body(l->world, true, (float)(WIDTH / 2), (float)HEIGHT, 0);
    b->polygon(l->world, LANDER, xy, 6, &hull);
    double fx = box2d_uniform(&l->rng, -1000, 1000), fy = box2d_uniform(&l->rng, -1000, 1000);
    b->force(l->world, LANDER, (float)fx, (float)fy, 0);
    for (int k = 0; k < 2; k++) {
        int side = k ? 1 : -1;
        const float at_hull[2] = { 0, 0 }, at_leg[2] = { (float)(side * 20 / SCALE), (float)(18 / SCALE) };
        const float limits[2] = { k ? -0.9f : 0.4f, k ? -0.4f : 0.9f };
        b->body(l->world, true, (float)(WIDTH / 2 - side * 20 / SCALE), (float)HEIGHT, (float)(side * 0.05));
        b->box(l->world, LEG1 + k, (float)(2 / SCALE), (float)(8 / SCALE), &leg);
        b->hinge(l->world, LANDER, LEG1 + k, at_hull, at_leg, limits, 0.3f * (float)side, 40);
    }
}

static void blow(const struct box2d_api *b, const struct lander_options *o, struct box2d_live *l)
{
    struct box2d_body leg[2];
    for (int k = 0; k < 2; k++) b->read(l->world, LEG1 + k, &leg[k]);
    if (!o->wind || leg[0].touch || leg[1].touch) return;
    double w = l->wind++, t = l->turbulence++;
    double force = mb_tanh64(mb_sin64(0.02 * w) + mb_sin64(3.14159265358979323846 * 0.01 * w)) * o->wind_power;
    double torque = mb_tanh64(mb_sin64(0.02 * t) + mb_sin64(3.14159265358979323846 * 0.01 * t)) * o->turbulence;
    b->force(l->world, LANDER, (float)force, 0, (float)torque);
}

/* Main power 0 or 0.5..1, side power likewise with its direction -1 (left) or 1. */
static void fire(const struct box2d_api *b, struct box2d_live *l, double main, double side, int direction)
{
    struct box2d_body s;
    b->read(l->world, LANDER, &s);
    double tip[2] = { mb_sin64(s.angle), mb_cos64(s.angle) }, across[2] = { -tip[1], tip[0] };
    double d0 = box2d_uniform(&l->rng, -1, 1) / SCALE, d1 = box2d_uniform(&l->rng, -1, 1) / SCALE;
    if (main > 0) {
        double ox = tip[0] * (4 / SCALE + 2 * d0) + across[0] * d1, oy = -tip[1] * (4 / SCALE + 2 * d0) - across[1] * d1;
        b->impulse(l->world, LANDER, (float)(-ox * 13 * main), (float)(-oy * 13 * main), (float)(s.x + ox), (float)(s.y + oy));
    }
    if (side > 0) {
        double away = 3 * d1 + direction * 12 / SCALE;
        double ox = tip[0] * d0 + across[0] * away, oy = -tip[1] * d0 - across[1] * away;
        b->impulse(l->world, LANDER, (float)(-ox * 0.6 * side), (float)(-oy * 0.6 * side), (float)(s.x + ox - tip[0] * 17 / SCALE),
                   (float)(s.y + oy + tip[1] * 14 / SCALE));
    }
}

/* Step the world and observe; returns the shaping. */
static double look(const struct box2d_api *b, struct box2d_live *l, struct box2d_body *s)
{
    struct box2d_body leg[2];
    b->step(l->world, (float)(1 / FPS), 180, 60);
    b->read(l->world, LANDER, s);
    for (int k = 0; k < 2; k++) b->read(l->world, LEG1 + k, &leg[k]);
    const double obs[8] = { (s->x - WIDTH / 2) / (WIDTH / 2), (s->y - (pad_y + 18 / SCALE)) / (HEIGHT / 2), s->vx * (WIDTH / 2) / FPS,
                            s->vy * (HEIGHT / 2) / FPS, s->angle, 20 * s->spin / FPS, leg[0].touch, leg[1].touch };
    for (int i = 0; i < 8; i++) l->obs[i] = (float)obs[i];
    return -100 * __builtin_sqrt(obs[0] * obs[0] + obs[1] * obs[1]) - 100 * __builtin_sqrt(obs[2] * obs[2] + obs[3] * obs[3]) -
           100 * __builtin_fabs(obs[4]) + 10 * obs[6] + 10 * obs[7];
}

static void begin(const struct box2d_api *b, const void *options, struct box2d_live *l)
{
    const struct lander_options *o = options;
    struct box2d_body s;
    b->begin(l->world, (float)o->gravity);
    moon(b, l);
    lander(b, l);
    l->wind = mb_below(&l->rng, 19998) - 9999;
    l->turbulence = mb_below(&l->rng, 19998) - 9999;
    blow(b, o, l);
    fire(b, l, 0, 0, 0);
    l->shaping = look(b, l, &s);
}

static mb_step go(const struct box2d_api *b, const void *options, struct box2d_live *l, double main, double side, int direction)
{
    struct box2d_body s;
    blow(b, options, l);
    fire(b, l, main, side, direction);
    double shaping = look(b, l, &s), reward = shaping - l->shaping - 0.3 * main - 0.03 * side;
    l->shaping = shaping;
    if (!s.awake) return (mb_step){ 100, true };
    if (s.hit || __builtin_fabs((s.x - WIDTH / 2) / (WIDTH / 2)) >= 1) return (mb_step){ -100, true };
    return (mb_step){ (float)reward, false };
}

static mb_step choose(const struct box2d_api *b, const void *options, struct box2d_live *l, const float *action)
{
    int a = (int)action[0];
    return go(b, options, l, a == 2, a == 1 || a == 3, a - 2);
}

static mb_step throttle(const struct box2d_api *b, const void *options, struct box2d_live *l, const float *action)
{
    double main = (double)action[0], side = (double)action[1], size = __builtin_fabs(side);
    return go(b, options, l, main > 0 ? 0.5 + 0.5 * main : 0, size > 0.5 ? size : 0, side < 0 ? -1 : 1);
}

static float px(double x) { return (float)(x / WIDTH); }
static float py(double y) { return (float)(1 - y / HEIGHT); }

static void draw(const struct box2d_api *b, const struct box2d_live *l, mb_canvas *c)
{
    struct box2d_body s;
    mb_canvas_clear(c, 0x1B2230);
    for (int i = 0, k = 1; i < c->w; i++) { /* the ground, in whole columns of pixels, so that no seams show */
        double x = (i + 0.5) / c->w * WIDTH;
        while (k + 1 < l->npoints && (double)l->terrain[k][0] < x) k++;
        double x0 = (double)l->terrain[k - 1][0], y0 = (double)l->terrain[k - 1][1], x1 = (double)l->terrain[k][0], y1 = (double)l->terrain[k][1];
        mb_canvas_rect(c, (float)i / (float)c->w, py(y0 + (y1 - y0) * (x - x0) / (x1 - x0)), (float)(i + 1) / (float)c->w, 1, 0xD8D0BC);
    }
    for (int k = -1; k <= 1; k += 2) {
        float x = px(WIDTH / 2 + k * WIDTH / 10), y = py(pad_y);
        mb_canvas_line(c, x, y, x, y - 0.09f, 0.004f, 0xF7F4EC);
        mb_canvas_rect(c, x, y - 0.09f, x + 0.03f, y - 0.055f, 0xF2B35A);
    }
    for (int k = 0; k < 2; k++) {
        b->read(l->world, LEG1 + k, &s);
        double dx = -mb_sin64(s.angle) * 8 / SCALE, dy = mb_cos64(s.angle) * 8 / SCALE;
        mb_canvas_line(c, px(s.x - dx), py(s.y - dy), px(s.x + dx), py(s.y + dy), px(4 / SCALE), s.touch ? 0x4C8C6B : 0x8E86C8);
    }
    b->read(l->world, LANDER, &s);
    for (int k = -10; k <= 14; k += 2) { /* the hull, in layers */
        double half = k > 0 ? 17 - 3.0 * k / 17 : 17, sx = mb_cos64(s.angle), sy = mb_sin64(s.angle);
        double x = s.x - sy * k / SCALE, y = s.y + sx * k / SCALE;
        mb_canvas_line(c, px(x - sx * half / SCALE), py(y - sy * half / SCALE), px(x + sx * half / SCALE), py(y + sy * half / SCALE), px(6 / SCALE),
                       0x8E86C8);
    }
}

const struct box2d_task mb__lander_task[2] = {
    { .name = "lunarlander", .nact = 1, .nobs = 8, .limit = LIMIT, .begin = begin, .advance = choose, .draw = draw },
    { .name = "lunarlander-continuous", .nact = 2, .nobs = 8, .limit = LIMIT, .begin = begin, .advance = throttle, .draw = draw },
};
