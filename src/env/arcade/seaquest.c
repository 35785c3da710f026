/* MinAtar Seaquest: a submarine shoots fish and enemy submarines, picks up divers and must surface with at least
   one of them before its oxygen is used up.  Dynamics and update order as in minatar 1.0.15, including what
   follows from its lists: they are walked from the newest element, and removal takes the first equal element. */
#include "env/arcade/minatar.h"

enum {
    SUB_FRONT, SUB_BACK, FRIENDLY_BULLET, TRAIL, ENEMY_BULLET, ENEMY_FISH, ENEMY_SUB, OXYGEN_GAUGE, DIVER_GAUGE, DIVER,
    CHANNELS
};
enum { MAX_OXYGEN = 200, SPAWN_START = 20, DIVER_SPAWN = 30, MOVE_START = 5, FASTEST_MOVE = 2 };
enum { SHOT_PAUSE = 5, ENEMY_SHOT_INTERVAL = 10, DIVER_MOVE = 5, MAX_DIVERS = 6, DEEPEST = 8 };

/* Lists of things that move.  Their room follows from how often things appear and how long they can live: an
   enemy at most every frame and for 30 of them, an enemy's bullet for 10, one per enemy; others far less. */
enum { FRIENDLY, HOSTILE, FISH, SUBS, DIVERS, LISTS };
enum { ROOM = 4 + 48 + 32 + 32 + 4 };
static const int16_t first[LISTS + 1] = { 0, 4, 52, 84, 116, ROOM };

struct body { int16_t x, y, right, timer, shot; }; /* timer: frames until it moves; shot: until it shoots (submarines) */

#define STATE(ONE, MANY)                                                                           \
    ONE(last_action, 0, 5)                                                                         \
    ONE(sub_x, 0, 9) ONE(sub_y, 0, 8) ONE(sub_right, 0, 1)                                         \
    ONE(oxygen, 0, 200) ONE(diver_count, -32000, 6) ONE(surface, 0, 1) ONE(shot_timer, 0, 5)       \
    ONE(spawn_speed, 1, 20) ONE(spawn_timer, 0, 20) ONE(diver_timer, 0, 30)                        \
    ONE(move_speed, 2, 5) ONE(ramp_index, 0, 10000)
struct seaquest {
    STATE(MINATAR_FIELD, MINATAR_FIELDS)
    int16_t n[LISTS];
    struct body body[ROOM]; /* list l begins at first[l]; unused ones are zero */
};
static const struct minatar_row state_rows[] = { STATE(MINATAR_ROW, MINATAR_ROWS) };
enum { SCALARS = sizeof state_rows / sizeof *state_rows };

static const int8_t minimal[] = { NOOP, LEFT, UP, RIGHT, DOWN, FIRE };

/* What is drawn when an enemy or a diver appears. */
struct spawn { bool right, is_sub; int y; };
struct draws { struct spawn enemy, diver; };

/* ---- lists ---- */

static struct body *items(struct seaquest *s, int list)
{
    return s->body + first[list];
}

static void append(struct seaquest *s, int list, struct body b)
{
    if (s->n[list] < first[list + 1] - first[list]) items(s, list)[s->n[list]++] = b;
}

/* Remove the first element equal to `b` (the fields are int16_t alone, so bytes compare). */
static void remove_equal(struct seaquest *s, int list, struct body b)
{
    struct body *v = items(s, list);
    int n = s->n[list], i = 0;
    while (i < n && memcmp(&v[i], &b, sizeof b) != 0) i++;
    if (i == n) return;
    memmove(v + i, v + i + 1, (size_t)(n - i - 1) * sizeof *v);
    v[--s->n[list]] = (struct body){ 0 };
}

/* Walk a list from its newest element; one that shrinks by more than the element at hand ends the walk. */
#define FROM_NEWEST(s_, list_, i_) for (int i_ = (s_)->n[list_] - 1; i_ >= 0 && i_ < (s_)->n[list_]; i_--)

static bool same_cell(const struct body *a, const struct body *b)
{
    return a->x == b->x && a->y == b->y;
}

static bool at_player(const struct seaquest *s, const struct body *b)
{
    return b->x == s->sub_x && b->y == s->sub_y;
}

/* One cell ahead; false when that is outside the picture. */
static bool move(struct body *b)
{
    b->x = (int16_t)(b->x + (b->right ? 1 : -1));
    return b->x >= 0 && b->x < SIDE;
}

/* ---- picture ---- */

static void show(const struct seaquest *s, uint8_t *cells, int list, int channel)
{
    const struct body *v = s->body + first[list];
    for (int i = 0; i < s->n[list]; i++) MINATAR_SET(cells, CHANNELS, v[i].y, v[i].x, channel);
}

static void show_with_trail(const struct seaquest *s, uint8_t *cells, int list, int channel)
{
    const struct body *v = s->body + first[list];
    for (int i = 0; i < s->n[list]; i++) {
        int back = v[i].right ? v[i].x - 1 : v[i].x + 1;
        MINATAR_SET(cells, CHANNELS, v[i].y, v[i].x, channel);
        if (back >= 0 && back < SIDE) MINATAR_SET(cells, CHANNELS, v[i].y, back, TRAIL);
    }
}

static void observe(const struct seaquest *s, uint8_t *cells)
{
    minatar_clear(cells, CHANNELS);
    MINATAR_SET(cells, CHANNELS, s->sub_y, s->sub_x, SUB_FRONT);
    MINATAR_SET(cells, CHANNELS, s->sub_y, s->sub_right ? s->sub_x - 1 : s->sub_x + 1, SUB_BACK);
    int oxygen = s->oxygen > 0 ? s->oxygen * 10 / MAX_OXYGEN : 0;
    uint8_t *bottom = cells + (SIDE - 1) * SIDE * CHANNELS;
    for (int x = 0; x < SIDE; x++) bottom[x * CHANNELS + OXYGEN_GAUGE] = x < oxygen;
    for (int k = 0; k < MAX_DIVERS; k++) bottom[(SIDE - 2 - k) * CHANNELS + DIVER_GAUGE] = k < s->diver_count;
    show(s, cells, FRIENDLY, FRIENDLY_BULLET);
    show(s, cells, HOSTILE, ENEMY_BULLET);
    show_with_trail(s, cells, FISH, ENEMY_FISH);
    show_with_trail(s, cells, SUBS, ENEMY_SUB);
    show_with_trail(s, cells, DIVERS, DIVER);
}

/* ---- dynamics, in the reference's order ---- */

/* No enemy appears in a row where one swims the other way. */
static void spawn_enemy(struct seaquest *s, struct spawn d)
{
    for (int list = FISH; list <= SUBS; list++) {
        const struct body *v = items(s, list);
        for (int i = 0; i < s->n[list]; i++)
            if (v[i].y == d.y && (v[i].right != 0) != d.right) return;
    }
    append(s, d.is_sub ? SUBS : FISH,
           (struct body){ .x = d.right ? 0 : SIDE - 1, .y = (int16_t)d.y, .right = d.right, .timer = s->move_speed,
                          .shot = d.is_sub ? ENEMY_SHOT_INTERVAL : 0 });
}

static void spawn(struct seaquest *s, const struct draws *d)
{
    if (s->spawn_timer == 0) {
        spawn_enemy(s, d->enemy);
        s->spawn_timer = s->spawn_speed;
    }
    if (s->diver_timer == 0) {
        append(s, DIVERS, (struct body){ .x = d->diver.right ? 0 : SIDE - 1, .y = (int16_t)d->diver.y,
                                         .right = d->diver.right, .timer = DIVER_MOVE });
        s->diver_timer = DIVER_SPAWN;
    }
}

static void act(struct seaquest *s, int action)
{
    if (action == FIRE && s->shot_timer == 0) {
        append(s, FRIENDLY, (struct body){ .x = s->sub_x, .y = s->sub_y, .right = s->sub_right });
        s->shot_timer = SHOT_PAUSE;
    } else if (action == LEFT) {
        s->sub_x = minatar_left(s->sub_x);
        s->sub_right = 0;
    } else if (action == RIGHT) {
        s->sub_x = minatar_right(s->sub_x);
        s->sub_right = 1;
    } else if (action == UP && s->sub_y > 0) s->sub_y--;
    else if (action == DOWN && s->sub_y < DEEPEST) s->sub_y++;
}

/* Remove one enemy of `list` and the bullet when they share a cell. */
static bool bullet_hits(struct seaquest *s, int list, struct body bullet)
{
    const struct body *v = items(s, list);
    for (int i = 0; i < s->n[list]; i++)
        if (same_cell(&bullet, &v[i])) {
            remove_equal(s, list, v[i]);
            remove_equal(s, FRIENDLY, bullet);
            return true;
        }
    return false;
}

static void move_friendly(struct seaquest *s, mb_step *out)
{
    FROM_NEWEST (s, FRIENDLY, i) {
        struct body *b = &items(s, FRIENDLY)[i];
        if (!move(b)) remove_equal(s, FRIENDLY, *b);
        else if (bullet_hits(s, FISH, *b) || bullet_hits(s, SUBS, *b)) out->reward++;
    }
}

static void move_divers(struct seaquest *s)
{
    FROM_NEWEST (s, DIVERS, i) {
        struct body *b = &items(s, DIVERS)[i];
        bool inside = true, moved = false, taken = at_player(s, b) && s->diver_count < MAX_DIVERS;
        if (!taken && b->timer == 0) {
            b->timer = DIVER_MOVE;
            inside = move(b);
            moved = true;
            taken = inside && at_player(s, b) && s->diver_count < MAX_DIVERS;
        }
        if (taken) s->diver_count++;
        if (taken || !inside) remove_equal(s, DIVERS, *b);
        else if (!moved) b->timer--;
    }
}

/* A fish or submarine moves when its time has come; false when it was removed. */
static bool move_enemy(struct seaquest *s, int list, struct body *b, mb_step *out)
{
    if (at_player(s, b)) out->terminated = true;
    if (b->timer > 0) {
        b->timer--;
        return true;
    }
    b->timer = s->move_speed;
    if (!move(b)) {
        remove_equal(s, list, *b);
        return false;
    }
    if (at_player(s, b)) {
        out->terminated = true;
        return true;
    }
    const struct body *v = items(s, FRIENDLY);
    for (int i = 0; i < s->n[FRIENDLY]; i++)
        if (same_cell(b, &v[i])) {
            remove_equal(s, list, *b);
            remove_equal(s, FRIENDLY, v[i]);
            out->reward++;
            return false;
        }
    return true;
}

static void move_subs(struct seaquest *s, mb_step *out)
{
    FROM_NEWEST (s, SUBS, i) {
        struct body *b = &items(s, SUBS)[i];
        struct body last = *b; /* a submarine that has just been removed still shoots, from where it went */
        bool stays = move_enemy(s, SUBS, b, out);
        if (stays) last = *b;
        else move(&last);
        if (last.shot == 0) append(s, HOSTILE, (struct body){ .x = last.x, .y = last.y, .right = last.right });
        if (stays) b->shot = (int16_t)(b->shot == 0 ? ENEMY_SHOT_INTERVAL : b->shot - 1);
    }
}

static void move_hostile(struct seaquest *s, mb_step *out)
{
    FROM_NEWEST (s, HOSTILE, i) {
        struct body *b = &items(s, HOSTILE)[i];
        if (at_player(s, b)) out->terminated = true;
        if (!move(b)) remove_equal(s, HOSTILE, *b);
        else if (at_player(s, b)) out->terminated = true;
    }
}

/* Back at the surface with at least one diver: all six give the oxygen that is left as reward; then one diver goes.
   (The reference takes that one off after all six have gone, so that the count becomes -1; so do we.) */
static void come_up(struct seaquest *s, bool ramping, mb_step *out)
{
    s->surface = 1;
    if (s->diver_count == MAX_DIVERS) {
        s->diver_count = 0;
        out->reward += (float)(s->oxygen * 10 / MAX_OXYGEN);
    }
    s->oxygen = MAX_OXYGEN;
    s->diver_count--;
    if (!ramping || (s->spawn_speed <= 1 && s->move_speed <= FASTEST_MOVE)) return;
    if (s->move_speed > FASTEST_MOVE && s->ramp_index % 2) s->move_speed--;
    if (s->spawn_speed > 1) s->spawn_speed--;
    s->ramp_index++;
}

static void breathe(struct seaquest *s, bool ramping, mb_step *out)
{
    if (s->oxygen <= 0) out->terminated = true;
    if (s->sub_y > 0) {
        s->oxygen--;
        s->surface = 0;
    } else if (!s->surface) {
        if (s->diver_count == 0) out->terminated = true;
        else come_up(s, ramping, out);
    }
}

/* d->enemy matters only when spawn_timer is 0, d->diver only when diver_timer is. */
static mb_step advance(struct seaquest *s, bool ramping, int action, const struct draws *d)
{
    mb_step out = { 0, false };
    spawn(s, d);
    act(s, action);
    move_friendly(s, &out);
    move_divers(s);
    move_subs(s, &out);
    move_hostile(s, &out);
    FROM_NEWEST (s, FISH, i) move_enemy(s, FISH, &items(s, FISH)[i], &out);
    if (s->spawn_timer > 0) s->spawn_timer--;
    if (s->diver_timer > 0) s->diver_timer--;
    if (s->shot_timer > 0) s->shot_timer--;
    breathe(s, ramping, &out);
    return out;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct seaquest *s = state;
    *s = (struct seaquest){ .sub_x = 5, .oxygen = MAX_OXYGEN, .surface = 1, .spawn_speed = SPAWN_START,
                            .spawn_timer = SPAWN_START, .diver_timer = DIVER_SPAWN, .move_speed = MOVE_START };
    observe(s, io->obs_field[0]);
}

static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct seaquest *s = state;
    const struct minatar_options *o = options;
    int action = minatar_action(o, minimal, io->index[0], &s->last_action, rng);
    struct draws d = { 0 };
    if (s->spawn_timer == 0)
        d.enemy = (struct spawn){ .right = mb_below(rng, 2), .is_sub = mb_below(rng, 3) == 0,
                                  .y = 1 + mb_below(rng, DEEPEST) };
    if (s->diver_timer == 0) d.diver = (struct spawn){ .right = mb_below(rng, 2), .y = 1 + mb_below(rng, DEEPEST) };
    mb_step out = advance(s, o->ramping, action, &d);
    observe(s, io->obs_field[0]);
    return out;
}
MB_BATCH(reset, step)

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    return minatar_shape(options, sizeof minimal, shape);
}

/* ---- full state from numbers: the scalars, then for each list its length and its elements ---- */

struct numbers { const double *values; int n, at; };

/* The next list: its length, then its elements. */
static bool place_list(struct seaquest *s, int list, struct numbers *in, mb_error *err)
{
    static const char *const names[LISTS] = { "friendly bullets", "hostile bullets", "fish", "subs", "divers" };
    static const int width[LISTS] = { 3, 3, 4, 5, 4 };
    static const struct minatar_row field[] = { { "x", 1, 0, 9 }, { "y", 1, 0, 8 }, { "right", 1, 0, 1 },
                                                { "timer", 1, 0, 5 }, { "shot", 1, 0, 10 } };
    const char *name = names[list];
    if (in->at >= in->n)
        return mb_fail(err, MB_ERR_SHAPE, "seaquest: the state ends before the number of %s", name);
    int16_t *count = &s->n[list];
    if (!minatar_value("seaquest", name, in->values[in->at++], 0, first[list + 1] - first[list], count, err)) return false;
    if (in->n - in->at < *count * width[list])
        return mb_fail(err, MB_ERR_SHAPE, "seaquest: %d %s have %d numbers each, but only %d follow", *count, name,
                       width[list], in->n - in->at);
    for (int i = 0; i < *count; i++) {
        int16_t v[5] = { 0 };
        for (int f = 0; f < width[list]; f++)
            if (!minatar_value("seaquest", field[f].name, in->values[in->at++], field[f].low, field[f].high, &v[f], err))
                return mb_note(err, "in element %d of the %s", i, name);
        items(s, list)[i] = (struct body){ v[0], v[1], v[2], v[3], v[4] };
    }
    return true;
}

static bool place(void *state, const void *options, const double *values, int n, mb_io *io, mb_error *err)
{
    struct seaquest *s = state;
    struct numbers in = { values, n, SCALARS };
    *s = (struct seaquest){ 0 };
    if (n < SCALARS + LISTS)
        return mb_fail(err, MB_ERR_SHAPE, "seaquest: a state has at least %d numbers, not %d", SCALARS + LISTS, n);
    if (!minatar_place("seaquest", (int16_t *)s, state_rows, SCALARS, values, SCALARS, err)) return false;
    if (s->sub_x == (s->sub_right ? 0 : SIDE - 1))
        return mb_fail(err, MB_ERR_RANGE, "seaquest: with sub_x %d and sub_right %d the submarine's back is outside", s->sub_x,
                       s->sub_right);
    for (int list = 0; list < LISTS; list++)
        if (!place_list(s, list, &in, err)) return false;
    if (in.at != n) return mb_fail(err, MB_ERR_SHAPE, "seaquest: %d numbers are left over behind the divers", n - in.at);
    observe(s, io->obs_field[0]);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *canvas)
{
    uint8_t cells[SIDE * SIDE * CHANNELS];
    observe(state, cells);
    minatar_draw(cells, CHANNELS, canvas);
}

MB_ENV(seaquest) = {
    MB_ENV_HEAD, .name = "seaquest", .summary = "MinAtar: a submarine hunts, rescues and must breathe",
    .source = "Young & Tian 2019, MinAtar Seaquest", .obs = MINATAR_OBS(CHANNELS), .act = MB_DISCRETE(sizeof minimal),
    .state_size = sizeof(struct seaquest), MB_USE_OPTIONS(minatar), .shape = shape, .reset = reset, .step = step,
    .batch = batch, .draw = draw, .place = place,
    .state_names = "last_action,sub_x,sub_y,sub_right,oxygen,diver_count,surface,shot_timer,spawn_speed,spawn_timer,"
                   "diver_timer,move_speed,ramp_index,friendly[n:x,y,right],hostile[n:x,y,right],fish[n:x,y,right,timer],"
                   "subs[n:x,y,right,timer,shot],divers[n:x,y,right,timer]",
};
