/* Point maze: a ball is pushed through a maze to a goal.  After the PointMaze tasks of Gymnasium-Robotics (de Lazcano et al. 2023;
   before, D4RL: Fu et al. 2020): the same maps, with arithmetic of our own in place of a physics engine. */
#include "env/goal/goal.h"

enum { OPEN, U, MEDIUM, MAPS, SIDE = 8 };
enum { CONTINUOUS, DISCRETE, CHOICES = 9 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    PICK(map, U, "open|u|medium", "the maze")                                                       \
    PICK(actions, CONTINUOUS, "continuous|discrete", "a force of two numbers, or one of nine")      \
    NUM(double, near, 0.45, 0.05, 2, "how near the ball must come to the goal; cells are 1 wide")   \
    GOAL_OPTIONS(NUM, PICK, TEXT, LIST, SCHED)
MB_OPTIONS(pointmaze, OPTIONS)

struct pointmaze { double at[2], speed[2]; float goal[2]; }; /* from the top left corner, x to the right, y down; cells per second */

static const double dt = 0.1, force = 10, drag = 1, most = 5, half = 0.1; /* half: of the ball's side; no step is longer than a cell */
static const struct map { int w, h, limit; const char *row[SIDE]; } maps[MAPS] = {
    [OPEN] = { 7, 5, 100, { "#######", "#.....#", "#.....#", "#.....#", "#######" } },
    [U] = { 5, 5, 100, { "#####", "#...#", "###.#", "#...#", "#####" } },
    [MEDIUM] = { 8, 8, 200, { "########", "#..##..#", "#..#...#", "##...###", "#..#...#", "#.#..#.#", "#...#..#", "########" } },
};

static const struct map *map_of(const void *options)
{
    return &maps[((const struct pointmaze_options *)options)->map];
}

static bool wall(const struct map *m, double x, double y)
{
    return m->row[(int)y][(int)x] == '#';
}

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct pointmaze_options *o = options;
    if (o->actions == DISCRETE) shape->act = (mb_space)MB_DISCRETE(CHOICES);
    shape->time_limit = maps[o->map].limit;
    return true;
}

static void observe(const struct pointmaze *s, mb_io *io)
{
    float *seen = io->obs_field[MB_GOAL_SEEN], *achieved = io->obs_field[MB_GOAL_ACHIEVED];
    for (int i = 0; i < 2; i++) {
        seen[i] = achieved[i] = (float)s->at[i];
        seen[2 + i] = (float)s->speed[i];
    }
    memcpy(io->obs_field[MB_GOAL_DESIRED], s->goal, sizeof s->goal);
}

/* The middle of a free cell, moved by up to a quarter. */
static void anywhere(const struct map *m, mb_rng *rng, double *x, double *y)
{
    int cx, cy;
    do cx = mb_below(rng, m->w), cy = mb_below(rng, m->h);
    while (wall(m, cx, cy));
    *x = cx + 0.25 + 0.5 * mb_uniform64(rng);
    *y = cy + 0.25 + 0.5 * mb_uniform64(rng);
}

static mb_step goal_reward(const void *options, const void *achieved, const void *desired)
{
    const struct pointmaze_options *o = options;
    return goal_step(goal_near(achieved, desired, o->near), o->ends);
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct map *m = map_of(options);
    struct pointmaze *s = state;
    double gx, gy, dx, dy;
    *s = (struct pointmaze){ { 0 }, { 0 }, { 0 } };
    anywhere(m, rng, &gx, &gy);
    do {
        anywhere(m, rng, &s->at[0], &s->at[1]);
        dx = __builtin_floor(gx) - __builtin_floor(s->at[0]);
        dy = __builtin_floor(gy) - __builtin_floor(s->at[1]);
    } while (dx == 0 && dy == 0); /* another cell */
    s->goal[0] = (float)gx;
    s->goal[1] = (float)gy;
    observe(s, io);
}

static bool blocked(const struct map *m, double x, double y)
{
    return wall(m, x - half, y - half) || wall(m, x + half, y - half) || wall(m, x - half, y + half) || wall(m, x + half, y + half);
}

/* Along one axis, as far as the wall; a wall takes the speed away. */
static void slide(const struct map *m, struct pointmaze *s, int axis)
{
    static const double gap = 1e-6;
    double to[2] = { s->at[0], s->at[1] };
    to[axis] += dt * s->speed[axis];
    if (blocked(m, to[0], to[1])) {
        double edge = __builtin_floor(to[axis] + (s->speed[axis] > 0 ? half : -half));
        to[axis] = s->speed[axis] > 0 ? edge - half - gap : edge + 1 + half + gap;
        s->speed[axis] = 0;
    }
    s->at[axis] = to[axis];
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct pointmaze_options *o = options;
    const struct map *m = map_of(options);
    struct pointmaze *s = state;
    for (int i = 0; i < 2; i++) {
        double push = o->actions == CONTINUOUS ? (double)io->value[i] : (double)((i ? io->index[0] / 3 : io->index[0] % 3) - 1);
        double speed = s->speed[i] + dt * (force * push - drag * s->speed[i]);
        s->speed[i] = speed < -most ? -most : speed > most ? most : speed;
    }
    slide(m, s, 0);
    slide(m, s, 1);
    observe(s, io);
    return goal_reward(options, io->obs_field[MB_GOAL_ACHIEVED], io->obs_field[MB_GOAL_DESIRED]);
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    const struct map *m = map_of(options);
    if (n != 6) return mb_fail(err, MB_ERR_SHAPE, "pointmaze: a state has 6 numbers (x, y, speed_x, speed_y, goal_x, goal_y), not %d", n);
    if (!(v[0] >= 1 && v[0] < m->w - 1 && v[1] >= 1 && v[1] < m->h - 1) || blocked(m, v[0], v[1]))
        return mb_fail(err, MB_ERR_RANGE, "pointmaze: (%g, %g) is no free place of the maze", v[0], v[1]);
    if (!(v[4] >= 1 && v[4] < m->w - 1 && v[5] >= 1 && v[5] < m->h - 1))
        return mb_fail(err, MB_ERR_RANGE, "pointmaze: the goal (%g, %g) lies outside the maze", v[4], v[5]);
    for (int i = 2; i < 4; i++)
        if (!(v[i] >= -most && v[i] <= most)) return mb_fail(err, MB_ERR_RANGE, "pointmaze: speeds lie in [-5, 5], not %g", v[i]);
    *(struct pointmaze *)state = (struct pointmaze){ { v[0], v[1] }, { v[2], v[3] }, { (float)v[4], (float)v[5] } };
    observe(state, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct pointmaze_options *o = options;
    const struct map *m = map_of(options);
    const struct pointmaze *s = state;
    float u = 1.0f / (float)m->w, t = 1.0f / (float)m->h;
    mb_canvas_clear(c, 0xf4f1ea);
    for (int y = 0; y < m->h; y++)
        for (int x = 0; x < m->w; x++)
            if (m->row[y][x] == '#') mb_canvas_rect(c, (float)x * u, (float)y * t, (float)(x + 1) * u, (float)(y + 1) * t, 0x5b5348);
    mb_canvas_disc(c, s->goal[0] * u, s->goal[1] * t, (float)o->near * u, 0x9fd6a8);
    mb_canvas_disc(c, s->goal[0] * u, s->goal[1] * t, 0.08f * u, 0x3fae5a);
    mb_canvas_disc(c, (float)s->at[0] * u, (float)s->at[1] * t, 0.14f * u, 0x2563a8);
}

MB_BATCH(reset, step)
MB_ENV(pointmaze) = {
    MB_ENV_HEAD, .name = "pointmaze", .summary = "push a ball through a maze to a goal (goals)",
    .source = "after Gymnasium-Robotics PointMaze, with arithmetic of its own", .obs = MB_GOALS(4, 2, 0, SIDE), .act = MB_BOX_IN(2, -1, 1),
    .time_limit = 100, .state_size = sizeof(struct pointmaze), MB_USE_OPTIONS(pointmaze), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place, .state_names = "x,y,speed_x,speed_y,goal_x,goal_y", .goal_reward = goal_reward,
};
