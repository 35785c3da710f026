/* check.c - the environment checker: plays one environment against its contract (check_play.c),
   asks what playing does not show, and says what is wrong, where, and how to mend it. */
#include "env/check.h"
#include <stdio.h>

/* ---- the other questions ---- */

static void check_names(struct mb__check *c)
{
    const mb_env_def *d = c->def;
    for (const char *p = d->name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            mb__check_find(c, NAMES,
                           "the name '%s' holds '%c': use lower-case letters, digits and hyphens",
                           d->name, *p);
    if (!d->summary || !*d->summary)
        mb__check_find(c, NAMES,
                       "there is no summary: set .summary to one line that says what it is");
    if (d->place && (!d->state_names || !*d->state_names))
        mb__check_find(
            c, NAMES,
            "place without state_names: name the numbers it takes, as in .state_names = \"x,v\"");
}

/* Other seeds lead to other episodes, unless no random number is ever drawn. */
static void check_seeds(struct mb__check *c, struct mb__check_twin *a, struct mb__check_twin *b)
{
    enum { STEPS = 2000 };
    bool differ = false;
    mb_rng first = a->rng;
    for (int i = 0; i < STEPS && !differ; i++) {
        bool begin = i == 0 || mb__check_episode_over(c, a);
        if (begin) {
            c->length = 0;
            mb__check_twin_reset(c, a, 0);
            mb__check_twin_reset(c, b, 0);
        } else {
            c->length++;
            mb__check_random_actions(c, a);
            mb__check_copy_actions(b, a);
            mb__check_twin_step(c, a, 0);
            mb__check_twin_step(c, b, 0);
            differ = memcmp(a->reward.data, b->reward.data, a->reward.n) != 0 ||
                     a->last.reward < b->last.reward || a->last.reward > b->last.reward ||
                     a->last.terminated != b->last.terminated;
        }
        for (int f = 0; f < c->shape.obs.nfields; f++)
            differ |= memcmp(a->obs[f].data, b->obs[f].data, a->obs[f].n) != 0;
    }
    bool drew = memcmp(&first, &a->rng, sizeof first) != 0;
    if (drew && !differ)
        mb__check_find(
            c, SEEDS,
            "two different seeds gave the same %d steps although random numbers were drawn: use "
            "what the stream gives",
            STEPS);
}

static void check_place(struct mb__check *c, struct mb__check_twin *t)
{
    if (!c->def->place) return;
    mb_error err = {0};
    mb_io io = mb__check_twin_io(c, t);
    double none[1] = {0};
    if (c->def->place(t->state[t->home].data, c->options, none, 0, &io, &err) || err.code == MB_OK)
        mb__check_find(
            c, PLACE,
            "place accepts a state of 0 numbers: return mb_fail(err, MB_ERR_RANGE, ...) unless "
            "there are as many as in "
            "state_names");
}

static bool check_draw(struct mb__check *c, struct mb__check_twin *t, mb_error *err)
{
    if (!c->def->draw) return true;
    static const int sizes[][2] = {{160, 120}, {9, 7}};
    for (int i = 0; i < 2; i++) {
        size_t n = (size_t)(sizes[i][0] * sizes[i][1] * 3);
        struct mb__check_region pixels, before;
        if (!mb__check_region_make(&pixels, "picture", n, c->arena, err) ||
            !mb__check_region_make(&before, "state", c->shape.state_size, c->arena, err))
            return false;
        mb_canvas canvas = {sizes[i][0], sizes[i][1], pixels.data};
        memcpy(before.data, t->state[t->home].data, before.n);
        c->def->draw(t->state[t->home].data, c->options, &canvas);
        mb__check_region_check(c, &pixels);
        if (memcmp(before.data, t->state[t->home].data, before.n) != 0)
            mb__check_find(c, DRAW, "draw changed the state: it may only look");
        if (i == 0 && n > 3 && memcmp(pixels.data, pixels.data + 3, n - 3) == 0)
            mb__check_find(c, DRAW, "draw left the whole picture in one color");
    }
    return true;
}

static void vec_actions(struct mb__check *c, mb_vec_view *v, mb_vec_view *w)
{
    int32_t *index = v->index;
    float *value = v->value;
    const uint8_t *mask = v->mask;
    uint8_t *all = mb_alloc(c->arena, 1, (size_t)v->nmask, &(mb_error){0});
    if (all) memset(all, 1, (size_t)v->nmask);
    for (int row = 0; row < v->rows && all; row++) {
        const uint8_t *m = mask ? mask + (size_t)row * (size_t)v->nmask : all;
        for (int i = 0; i < c->shape.act.nfields; i++) {
            const mb_field *f = &c->shape.act.field[i];
            if (f->kind == MB_FIELD_DISCRETE) {
                *index++ = mb__check_random_choice(c, f, m);
                m += f->n;
            } else {
                mb__check_random_box(c, f, value);
                value += f->n;
            }
        }
    }
    memcpy(w->index, v->index, (size_t)v->rows * (size_t)v->nindex * sizeof *v->index);
    memcpy(w->value, v->value, (size_t)v->rows * (size_t)v->nvalue * sizeof *v->value);
}

static bool views_equal(const struct mb__check *c, const mb_vec_view *v, const mb_vec_view *w)
{
    size_t rows = (size_t)v->rows, envs = (size_t)v->nenvs;
    bool same = memcmp(v->reward, w->reward, rows * sizeof *v->reward) == 0 &&
                memcmp(v->terminated, w->terminated, envs) == 0 &&
                memcmp(v->truncated, w->truncated, envs) == 0 &&
                memcmp(v->start, w->start, envs) == 0 && memcmp(v->active, w->active, rows) == 0 &&
                memcmp(v->last_length, w->last_length, envs * sizeof(int32_t)) == 0 &&
                memcmp(v->last_return, w->last_return, rows * sizeof(float)) == 0 &&
                (!v->mask || memcmp(v->mask, w->mask, rows * (size_t)v->nmask) == 0);
    for (int f = 0; f < v->nfields; f++) {
        size_t n = rows * mb_field_bytes(&c->shape.obs.field[f]);
        same = same && memcmp(v->obs[f], w->obs[f], n) == 0 &&
               memcmp(v->final_obs[f], w->final_obs[f], n) == 0;
    }
    return same;
}

/* The vectoriser with the environment's own batch function against the vectoriser with reset and
 * step. */
static bool check_batch(struct mb__check *c, mb_error *err)
{
    enum { INSTANCES = 37, STEPS = 600 };
    if (!c->def->batch) return true;
    mb_env_def *single = mb_alloc(c->arena, 1, sizeof *single, err);
    if (!single) return false;
    *single = *c->def;
    single->batch = NULL;
    mb_scope scope = {.arena = c->arena, .seed = 5};
    mb_vec *a = mb_vec_new(&scope, "check", c->def, c->unopened, INSTANCES, err);
    mb_vec *b = a ? mb_vec_new(&scope, "check", single, c->unopened, INSTANCES, err) : NULL;
    if (!b) {
        mb_vec_close(a);
        return false;
    }
    mb_error bad = {0};
    bool ok = mb_vec_reset(a, &bad) && mb_vec_reset(b, &bad);
    size_t mark = mb_arena_mark(c->arena);
    for (int i = 0; ok && i < STEPS; i++) {
        vec_actions(c, mb_vec_view_of(a), mb_vec_view_of(b));
        mb_arena_release(c->arena, mark);
        ok = mb_vec_step(a, &bad) && mb_vec_step(b, &bad);
        if (ok && views_equal(c, mb_vec_view_of(a), mb_vec_view_of(b))) continue;
        mb__check_find(c, BATCH,
                       "batch and reset/step disagree after %d steps of %d instances%s%s: use "
                       "MB_BATCH(reset, step), or mend the "
                       "hand-made one",
                       i + 1, INSTANCES, ok ? "" : ": ", ok ? "" : bad.what);
        break;
    }
    mb_vec_close(a);
    mb_vec_close(b);
    return true;
}

/* ---- the whole examination ---- */

static void say(struct mb__check *c, uint32_t kinds, const char *text)
{
    if (!(c->told & kinds)) c->report(c->ctx, true, text);
}

static bool examine(struct mb__check *c, int64_t steps, mb_error *err)
{
    struct mb__check_twin t[4], other;
    char text[MAX_TEXT];
    for (int i = 0; i < 4; i++)
        if (!mb__check_twin_make(c, &t[i], 1, err)) return false;
    if (!mb__check_twin_make(c, &other, 2, err)) return false;
    uint32_t options = mb_crc32c(0, c->options, c->def->options_size);
    check_names(c);
    say(c, 1u << NAMES, "name, summary and spaces are in order");
    mb__check_play(c, steps, t);
    snprintf(text, sizeof text,
             "%lld random steps in %lld episodes: finite, within bounds, everything written",
             (long long)c->step, (long long)c->episodes);
    say(c, 1u << NUMBERS | 1u << BOUNDS | 1u << UNWRITTEN | 1u << REWARDS, text);
    say(c, 1u << GUARDS | 1u << ACTIONS | 1u << RESET_REWARD,
        "nothing written outside its own memory");
    if (c->def->goal_reward) say(c, 1u << GOALS, "rewards and ends follow from the two goals");
    say(c, 1u << MASKS | 1u << ACTIVE, "there was always something to do");
    say(c, 1u << TWINS,
        "the same seed gives the same episode, wherever the state lies (save and load by copying)");
    if (c->told >> TWINS & 1 || c->told >> GUARDS & 1) return true;
    say(c, 1u << DIRTY, "a new episode keeps nothing of the last one");
    t[2].rng = mb_rng_make(1, "env/check", 0);
    check_seeds(c, &t[2], &other);
    say(c, 1u << SEEDS, "seeds matter wherever random numbers are drawn");
    if (!check_draw(c, &t[0], err) || !check_batch(c, err)) return false;
    say(c, 1u << BATCH, "the batch form gives the bits of the single form");
    check_place(c, &t[3]);
    say(c, 1u << DRAW | 1u << PLACE, "drawing and placing are in order");
    if (mb_crc32c(0, c->options, c->def->options_size) != options)
        mb__check_find(
            c, OPTIONS,
            "the options were changed: they are shared by all instances; copy what should vary "
            "into the state");
    return true;
}

bool mb_env_check(const mb_env_def *def, const void *options, int64_t steps,
                  void (*report)(void *ctx, bool ok, const char *what), void *ctx, mb_error *err)
{
    if (def->foreign) {
        mb_fail(err, MB_ERR_UNSUPPORTED, "%.200s: is stepped elsewhere, so its state cannot be looked at", def->name);
        return mb_note(err, "training checks shapes, numbers and actions of such an environment as it goes");
    }
    mb_env_shape shape;
    mb_arena *arena = mb_arena_new((size_t)1 << 32, err);
    if (!arena) return false;
    void *copy = mb_alloc(arena, 1, def->options_size, err), *unopened = mb_alloc(arena, 1, def->options_size, err);
    bool ok = copy && unopened;
    if (ok && options) memcpy(copy, options, def->options_size);
    else if (ok) mb_options_default(def->options, copy);
    if (ok) memcpy(unopened, copy, def->options_size);
    ok = ok && mb_env_shape_of(def, copy, &shape, err) && mb_env_open(def, copy, arena, err);
    if (ok) {
        struct mb__check c = {.def = def,
                              .options = copy,
                              .unopened = unopened,
                              .shape = shape,
                              .arena = arena,
                              .report = report,
                              .ctx = ctx,
                              .nindex = mb_space_nindex(&shape.act),
                              .nvalue = mb_space_nvalue(&shape.act),
                              .nmask = mb_space_nmask(&shape.act),
                              .choose = mb_rng_make(3, "check/actions", 0)};
        ok = examine(&c, steps, err);
        if (ok && c.findings)
            ok = mb_fail(err, MB_ERR_ENV, "environment '%s' breaks its contract in %d way%s",
                         def->name, c.findings, c.findings > 1 ? "s" : "");
        mb_env_close(def, copy);
    }
    mb_arena_free(arena);
    return ok;
}
