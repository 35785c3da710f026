/* check.c - the environment checker: plays one environment against its contract and says what is wrong, where, and how to
   mend it.

   Two instances with the same seed and the same actions are stepped in turn, in guarded memory that holds different rubbish
   for each; one of them is moved to another address from time to time.  Whatever is not kept in the state, not written on
   every step, or reached through a pointer shows as a difference between the two. */
#include "env/vec.h"
#include <float.h>
#include <stdio.h>

enum { GUARD = 64, GUARD_BYTE = 0xA5, MOVE_EVERY = 97, DIRTY_RESETS = 30, DIRTY_STEPS = 25, MAX_TEXT = 512 };

/* One kind of finding is told once. */
enum kind {
    NAMES, GUARDS, NUMBERS, BOUNDS, UNWRITTEN, REWARDS, MASKS, ACTIVE, TWINS, DIRTY, OPTIONS, RESET_REWARD, ACTIONS, SEEDS,
    PLACE, DRAW, BATCH
};

/* n bytes with a guard on either side */
struct region { const char *what; uint8_t *data; size_t n; };

struct twin {
    struct region state[2]; int home; /* which of the two holds the state */
    struct region obs[MB_MAX_FIELDS], mask, reward, active, index, value;
    mb_rng rng;
    mb_step last;
};

struct check {
    const mb_env_def *def;
    const void *options;
    mb_env_shape shape;
    mb_arena *arena;
    void (*report)(void *ctx, bool ok, const char *what);
    void *ctx;
    uint32_t told;
    int findings, nindex, nvalue, nmask;
    int64_t step;       /* steps taken so far */
    int32_t length;     /* steps in this episode */
    int64_t episodes;
    bool resetting;
    mb_rng choose;      /* random actions */
};

static void MB_PRINTF(3, 4) find(struct check *c, enum kind kind, const char *fmt, ...)
{
    if (c->told >> kind & 1) return;
    char text[MAX_TEXT];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    c->told |= 1u << kind;
    c->findings++;
    c->report(c->ctx, false, text);
}

/* "in reset" or "at step 12 of episode 3" */
static const char *when(const struct check *c, char out[64])
{
    if (c->resetting) snprintf(out, 64, "in the reset of episode %lld", (long long)c->episodes);
    else snprintf(out, 64, "at step %d of episode %lld", (int)c->length, (long long)c->episodes);
    return out;
}

/* ---- memory with guards ---- */

static bool region_make(struct region *r, const char *what, size_t n, mb_arena *a, mb_error *err)
{
    size_t room = (n + 63) & ~(size_t)63; /* keeps what follows aligned */
    uint8_t *p = mb_alloc(a, 1, room + 2 * GUARD, err);
    if (!p) return false;
    memset(p, GUARD_BYTE, room + 2 * GUARD);
    memset(p + GUARD, 0, n);
    *r = (struct region){ what, p + GUARD, n };
    return true;
}

static void region_check(struct check *c, struct region *r)
{
    char at[64];
    for (int i = 1; i <= GUARD; i++) {
        if (r->data[r->n + (size_t)i - 1] != GUARD_BYTE)
            find(c, GUARDS, "%s it wrote beyond its %s: byte %d after the end of %zu bytes; %s", when(c, at), r->what, i, r->n,
                 strcmp(r->what, "state") == 0 ? "set .state_size = sizeof(struct ...) or mend the index"
                                               : "mend the index or declare a larger space");
        if (r->data[-i] != GUARD_BYTE)
            find(c, GUARDS, "%s it wrote in front of its %s: %d bytes before the beginning; mend the index", when(c, at), r->what, i);
    }
}

static void twin_guards(struct check *c, struct twin *t)
{
    region_check(c, &t->state[t->home]);
    for (int f = 0; f < c->shape.obs.nfields; f++) region_check(c, &t->obs[f]);
    if (c->shape.masked) region_check(c, &t->mask);
    region_check(c, &t->reward);
    region_check(c, &t->active);
}

static bool twin_make(struct check *c, struct twin *t, uint64_t seed, mb_error *err)
{
    size_t agents = (size_t)c->shape.nagents;
    bool ok = true;
    *t = (struct twin){ .rng = mb_rng_make(seed, "env/check", 0) };
    for (int i = 0; i < 2; i++) ok = ok && region_make(&t->state[i], "state", c->shape.state_size, c->arena, err);
    for (int f = 0; f < c->shape.obs.nfields; f++)
        ok = ok && region_make(&t->obs[f], "observation", agents * mb_field_bytes(&c->shape.obs.field[f]), c->arena, err);
    return ok && region_make(&t->mask, "mask", agents * (size_t)c->nmask, c->arena, err) &&
           region_make(&t->reward, "rewards", agents * sizeof(float), c->arena, err) &&
           region_make(&t->active, "active flags", agents, c->arena, err) &&
           region_make(&t->index, "actions", agents * (size_t)c->nindex * sizeof(int32_t), c->arena, err) &&
           region_make(&t->value, "actions", agents * (size_t)c->nvalue * sizeof(float), c->arena, err);
}

static mb_io twin_io(const struct check *c, const struct twin *t)
{
    mb_io io = { .index = (const int32_t *)(const void *)t->index.data, .value = (const float *)(const void *)t->value.data,
                 .mask = c->shape.masked ? t->mask.data : NULL, .reward = (float *)(void *)t->reward.data,
                 .active = t->active.data };
    for (int f = 0; f < c->shape.obs.nfields; f++) io.obs_field[f] = t->obs[f].data;
    if (c->shape.obs.field[0].kind == MB_FIELD_BOX) io.obs = io.obs_field[0];
    return io;
}

/* ---- one reset or step of one twin ---- */

static const uint32_t unwritten = 0xFFC0DEADu; /* a NaN nobody computes, and no choice of anything */

static void fill_outputs(const struct check *c, struct twin *t, uint8_t rubbish)
{
    for (int f = 0; f < c->shape.obs.nfields; f++) {
        if (c->shape.obs.field[f].kind == MB_FIELD_IMAGE) memset(t->obs[f].data, rubbish, t->obs[f].n);
        else for (size_t i = 0; i < t->obs[f].n; i += 4) memcpy(t->obs[f].data + i, &unwritten, 4);
    }
    memset(t->mask.data, 1, t->mask.n);
    memset(t->active.data, 1, t->active.n);
}

static void twin_reset(struct check *c, struct twin *t, uint8_t rubbish)
{
    const float mark = 12345.0f;
    char at[64];
    mb_io io = twin_io(c, t);
    c->resetting = true;
    t->last = (mb_step){ 0 };
    fill_outputs(c, t, rubbish);
    for (int k = 0; k < c->shape.nagents; k++) io.reward[k] = mark;
    c->def->reset(t->state[t->home].data, c->options, &t->rng, &io);
    for (int k = 0; k < c->shape.nagents; k++)
        if (io.reward[k] < mark || io.reward[k] > mark)
            find(c, RESET_REWARD, "%s it wrote a reward: rewards belong to step; the last one of the episode would be lost",
                 when(c, at));
    twin_guards(c, t);
}

static void twin_step(struct check *c, struct twin *t, uint8_t rubbish)
{
    char at[64];
    mb_io io = twin_io(c, t);
    c->resetting = false;
    fill_outputs(c, t, rubbish);
    memset(t->reward.data, 0, t->reward.n);
    uint32_t before = mb_crc32c(mb_crc32c(0, t->index.data, t->index.n), t->value.data, t->value.n);
    t->last = c->def->step(t->state[t->home].data, c->options, &t->rng, &io);
    if (mb_crc32c(mb_crc32c(0, t->index.data, t->index.n), t->value.data, t->value.n) != before)
        find(c, ACTIONS, "%s it changed the actions it was given: they are the learner's; copy them first", when(c, at));
    twin_guards(c, t);
}

/* Move the state elsewhere and spoil the old place: a pointer into it now leads to rubbish. */
static void twin_move(struct twin *t)
{
    struct region *from = &t->state[t->home], *to = &t->state[!t->home];
    memcpy(to->data, from->data, from->n);
    memset(from->data, 0xDD, from->n);
    t->home = !t->home;
}

/* ---- what is looked at after each ---- */

static void check_float(struct check *c, const mb_field *f, const char *name, int agent, int k, float x)
{
    char at[64];
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    float low = f->lows ? f->lows[k] : f->low, high = f->highs ? f->highs[k] : f->high;
    if (bits == unwritten)
        find(c, UNWRITTEN, "%s observation%s, agent %d, component %d was not written: reset and step must write every "
             "component every time", when(c, at), name, agent, k);
    else if (!(x >= -FLT_MAX && x <= FLT_MAX))
        find(c, NUMBERS, "%s observation%s, agent %d, component %d is %g: it must be finite", when(c, at), name, agent, k, (double)x);
    else if (!(x >= low && x <= high))
        find(c, BOUNDS, "%s observation%s, agent %d, component %d is %g, outside its bounds [%g, %g]: clip it or declare wider "
             "bounds in .obs", when(c, at), name, agent, k, (double)x, (double)low, (double)high);
}

static void check_field(struct check *c, const mb_field *f, const uint8_t *data)
{
    char name[64] = "", at[64];
    if (f->name) snprintf(name, sizeof name, " '%s'", f->name);
    for (int agent = 0; agent < c->shape.nagents && f->kind == MB_FIELD_BOX; agent++)
        for (int k = 0; k < f->n; k++) {
            float x;
            memcpy(&x, data + ((size_t)agent * (size_t)f->n + (size_t)k) * 4, 4);
            check_float(c, f, name, agent, k, x);
        }
    for (int agent = 0; agent < c->shape.nagents && f->kind == MB_FIELD_DISCRETE; agent++) {
        int32_t x;
        memcpy(&x, data + (size_t)agent * 4, 4);
        if (x == (int32_t)unwritten)
            find(c, UNWRITTEN, "%s observation%s of agent %d was not written: reset and step must write it every time",
                 when(c, at), name, agent);
        else if (x < 0 || x >= f->n)
            find(c, BOUNDS, "%s observation%s of agent %d is %d, outside 0 .. %d", when(c, at), name, agent, (int)x, f->n - 1);
    }
}

/* Every active agent has something it may do in every discrete field. */
static void check_masks(struct check *c, const struct twin *t)
{
    char at[64];
    const uint8_t *m = t->mask.data;
    for (int agent = 0; agent < c->shape.nagents; agent++)
        for (int f = 0; f < c->shape.act.nfields; f++) {
            const mb_field *a = &c->shape.act.field[f];
            if (a->kind != MB_FIELD_DISCRETE) continue;
            int allowed = 0, strange = 0;
            for (int k = 0; k < a->n; k++) allowed += m[k] == 1, strange += m[k] > 1;
            if (strange)
                find(c, MASKS, "%s the mask of agent %d holds values other than 0 and 1", when(c, at), agent);
            if (!allowed && t->active.data[agent])
                find(c, MASKS, "%s the mask allows agent %d nothing in action field %d (%d choices, all 0): allow at least one, "
                     "end the episode, or set active[%d] = 0", when(c, at), agent, f, a->n, agent);
            m += a->n;
        }
}

static void check_twin(struct check *c, const struct twin *t)
{
    char at[64];
    for (int f = 0; f < c->shape.obs.nfields; f++) check_field(c, &c->shape.obs.field[f], t->obs[f].data);
    bool over = !c->resetting && t->last.terminated;
    if (c->shape.masked && !over) check_masks(c, t);
    int nactive = 0;
    for (int k = 0; k < c->shape.nagents; k++) {
        nactive += t->active.data[k] != 0;
        if (t->active.data[k] > 1) find(c, ACTIVE, "%s active[%d] is %d: use 0 or 1", when(c, at), k, (int)t->active.data[k]);
    }
    if (!nactive && !over)
        find(c, ACTIVE, "%s no agent is active, yet the episode goes on: somebody must be able to act", when(c, at));
    for (int k = 0; k < c->shape.nagents && !c->resetting; k++) {
        float reward;
        memcpy(&reward, t->reward.data + 4 * (size_t)k, 4);
        reward += t->last.reward;
        if (!(reward >= -FLT_MAX && reward <= FLT_MAX))
            find(c, REWARDS, "%s the reward of agent %d is %g: it must be finite", when(c, at), k, (double)reward);
    }
}

static void check_same(struct check *c, const struct twin *a, const struct twin *b, enum kind kind, const char *meaning)
{
    char at[64];
    const char *what = NULL;
    for (int f = 0; f < c->shape.obs.nfields; f++)
        if (memcmp(a->obs[f].data, b->obs[f].data, a->obs[f].n) != 0) what = "the observation";
    if (c->shape.masked && memcmp(a->mask.data, b->mask.data, a->mask.n) != 0) what = "the mask";
    if (memcmp(a->active.data, b->active.data, a->active.n) != 0) what = "the active flags";
    if (!c->resetting && memcmp(a->reward.data, b->reward.data, a->reward.n) != 0) what = "the rewards";
    if (!c->resetting && memcmp(&a->last.reward, &b->last.reward, sizeof(float)) != 0) what = "the reward";
    if (!c->resetting && a->last.terminated != b->last.terminated) what = "whether the episode terminated";
    if (what) find(c, kind, "%s %s differs %s", when(c, at), what, meaning);
}

/* ---- playing ---- */

static void random_box(struct check *c, const mb_field *f, float *out)
{
    for (int k = 0; k < f->n; k++) {
        float low = f->lows ? f->lows[k] : f->low, high = f->highs ? f->highs[k] : f->high;
        bool bounded = low > -FLT_MAX && high < FLT_MAX;
        float x = bounded ? mb_uniform(&c->choose, low, high) : 3.0f * mb_normal(&c->choose);
        int edge = bounded ? mb_below(&c->choose, 8) : 2; /* the bounds themselves now and then */
        out[k] = edge == 0 ? low : edge == 1 ? high : x < low ? low : x > high ? high : x;
    }
}

static int random_choice(struct check *c, const mb_field *f, const uint8_t *mask)
{
    int allowed = 0;
    for (int k = 0; k < f->n; k++) allowed += mask[k] == 1;
    int pick = mb_below(&c->choose, allowed ? allowed : f->n);
    if (!allowed) return pick;
    for (int k = 0; k < f->n; k++)
        if (mask[k] == 1 && pick-- == 0) return k;
    return 0;
}

static void random_actions(struct check *c, struct twin *t)
{
    int32_t *index = (int32_t *)(void *)t->index.data;
    float *value = (float *)(void *)t->value.data;
    const uint8_t *mask = t->mask.data;
    for (int agent = 0; agent < c->shape.nagents; agent++)
        for (int i = 0; i < c->shape.act.nfields; i++) {
            const mb_field *f = &c->shape.act.field[i];
            if (f->kind == MB_FIELD_DISCRETE) {
                *index++ = random_choice(c, f, mask);
                mask += f->n;
            } else {
                random_box(c, f, value);
                value += f->n;
            }
        }
}

static void copy_actions(struct twin *to, const struct twin *from)
{
    memcpy(to->index.data, from->index.data, from->index.n);
    memcpy(to->value.data, from->value.data, from->value.n);
}

static bool episode_over(const struct check *c, const struct twin *t)
{
    return t->last.terminated || (c->shape.time_limit > 0 && c->length >= c->shape.time_limit);
}

/* A new episode in a used state must look like one in fresh memory: `used` is copied, `fresh` begins at zero. */
static void check_dirty_reset(struct check *c, const struct twin *used, struct twin *old, struct twin *fresh)
{
    memcpy(old->state[old->home].data, used->state[used->home].data, used->state[used->home].n);
    memset(fresh->state[fresh->home].data, 0, c->shape.state_size);
    old->rng = fresh->rng = used->rng;
    int32_t length = c->length;
    twin_reset(c, old, 0);
    twin_reset(c, fresh, 0);
    const char *meaning = "between a new episode in a used state and one in fresh memory: reset must set everything that step reads";
    check_same(c, old, fresh, DIRTY, meaning);
    for (c->length = 1; c->length <= DIRTY_STEPS && !(c->told >> DIRTY & 1); c->length++) {
        random_actions(c, old);
        copy_actions(fresh, old);
        twin_step(c, old, 0);
        twin_step(c, fresh, 0);
        check_same(c, old, fresh, DIRTY, meaning);
        if (episode_over(c, old)) break;
    }
    c->length = length;
}

static void play(struct check *c, int64_t steps, struct twin t[4])
{
    struct twin *a = &t[0], *b = &t[1];
    const char *meaning = "between two instances with the same seed and actions: keep everything in the state (no static variables, "
                          "clocks or pointers), write every output, draw only from the stream passed in";
    bool fresh = true;
    for (c->step = 0; c->step < steps; c->step++) {
        if (fresh) {
            c->episodes++;
            c->length = 0;
            twin_reset(c, a, 0x00);
            twin_reset(c, b, 0xFF);
            check_twin(c, a);
            check_same(c, a, b, TWINS, meaning);
        }
        c->length++;
        random_actions(c, a);
        copy_actions(b, a);
        twin_step(c, a, 0x00);
        if (c->step % MOVE_EVERY == MOVE_EVERY - 1) twin_move(b);
        twin_step(c, b, 0xFF);
        check_twin(c, a);
        check_same(c, a, b, TWINS, meaning);
        if (c->told >> TWINS & 1 || c->told >> GUARDS & 1) return; /* nothing that follows could be trusted */
        fresh = episode_over(c, a);
        if (fresh && c->episodes <= DIRTY_RESETS) check_dirty_reset(c, a, &t[2], &t[3]);
    }
}

/* ---- the other questions ---- */

static void check_names(struct check *c)
{
    const mb_env_def *d = c->def;
    for (const char *p = d->name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '-'))
            find(c, NAMES, "the name '%s' holds '%c': use lower-case letters, digits and hyphens", d->name, *p);
    if (!d->summary || !*d->summary) find(c, NAMES, "there is no summary: set .summary to one line that says what it is");
    if (d->place && (!d->state_names || !*d->state_names))
        find(c, NAMES, "place without state_names: name the numbers it takes, as in .state_names = \"x,v\"");
}

/* Other seeds lead to other episodes, unless no random number is ever drawn. */
static void check_seeds(struct check *c, struct twin *a, struct twin *b)
{
    enum { STEPS = 2000 };
    bool differ = false;
    mb_rng first = a->rng;
    for (int i = 0; i < STEPS && !differ; i++) {
        bool begin = i == 0 || episode_over(c, a);
        if (begin) {
            c->length = 0;
            twin_reset(c, a, 0);
            twin_reset(c, b, 0);
        } else {
            c->length++;
            random_actions(c, a);
            copy_actions(b, a);
            twin_step(c, a, 0);
            twin_step(c, b, 0);
            differ = memcmp(a->reward.data, b->reward.data, a->reward.n) != 0 || a->last.reward < b->last.reward ||
                     a->last.reward > b->last.reward || a->last.terminated != b->last.terminated;
        }
        for (int f = 0; f < c->shape.obs.nfields; f++) differ |= memcmp(a->obs[f].data, b->obs[f].data, a->obs[f].n) != 0;
    }
    bool drew = memcmp(&first, &a->rng, sizeof first) != 0;
    if (drew && !differ)
        find(c, SEEDS, "two different seeds gave the same %d steps although random numbers were drawn: use what the stream gives",
             STEPS);
}

static void check_place(struct check *c, struct twin *t)
{
    if (!c->def->place) return;
    mb_error err = { 0 };
    mb_io io = twin_io(c, t);
    double none[1] = { 0 };
    if (c->def->place(t->state[t->home].data, c->options, none, 0, &io, &err) || err.code == MB_OK)
        find(c, PLACE, "place accepts a state of 0 numbers: return mb_fail(err, MB_ERR_RANGE, ...) unless there are as many as in "
             "state_names");
}

static bool check_draw(struct check *c, struct twin *t, mb_error *err)
{
    if (!c->def->draw) return true;
    static const int sizes[][2] = { { 160, 120 }, { 9, 7 } };
    for (int i = 0; i < 2; i++) {
        size_t n = (size_t)(sizes[i][0] * sizes[i][1] * 3);
        struct region pixels, before;
        if (!region_make(&pixels, "picture", n, c->arena, err) || !region_make(&before, "state", c->shape.state_size, c->arena, err))
            return false;
        mb_canvas canvas = { sizes[i][0], sizes[i][1], pixels.data };
        memcpy(before.data, t->state[t->home].data, before.n);
        c->def->draw(t->state[t->home].data, c->options, &canvas);
        region_check(c, &pixels);
        if (memcmp(before.data, t->state[t->home].data, before.n) != 0)
            find(c, DRAW, "draw changed the state: it may only look");
        if (i == 0 && n > 3 && memcmp(pixels.data, pixels.data + 3, n - 3) == 0)
            find(c, DRAW, "draw left the whole picture in one color");
    }
    return true;
}

static void vec_actions(struct check *c, mb_vec_view *v, mb_vec_view *w)
{
    int32_t *index = v->index;
    float *value = v->value;
    const uint8_t *mask = v->mask;
    uint8_t *all = mb_alloc(c->arena, 1, (size_t)v->nmask, &(mb_error){ 0 });
    if (all) memset(all, 1, (size_t)v->nmask);
    for (int row = 0; row < v->rows && all; row++) {
        const uint8_t *m = mask ? mask + (size_t)row * (size_t)v->nmask : all;
        for (int i = 0; i < c->shape.act.nfields; i++) {
            const mb_field *f = &c->shape.act.field[i];
            if (f->kind == MB_FIELD_DISCRETE) {
                *index++ = random_choice(c, f, m);
                m += f->n;
            } else {
                random_box(c, f, value);
                value += f->n;
            }
        }
    }
    memcpy(w->index, v->index, (size_t)v->rows * (size_t)v->nindex * sizeof *v->index);
    memcpy(w->value, v->value, (size_t)v->rows * (size_t)v->nvalue * sizeof *v->value);
}

static bool views_equal(const struct check *c, const mb_vec_view *v, const mb_vec_view *w)
{
    size_t rows = (size_t)v->rows, envs = (size_t)v->nenvs;
    bool same = memcmp(v->reward, w->reward, rows * sizeof *v->reward) == 0 && memcmp(v->terminated, w->terminated, envs) == 0 &&
                memcmp(v->truncated, w->truncated, envs) == 0 && memcmp(v->start, w->start, envs) == 0 &&
                memcmp(v->active, w->active, rows) == 0 && memcmp(v->last_length, w->last_length, envs * sizeof(int32_t)) == 0 &&
                memcmp(v->last_return, w->last_return, rows * sizeof(float)) == 0 &&
                (!v->mask || memcmp(v->mask, w->mask, rows * (size_t)v->nmask) == 0);
    for (int f = 0; f < v->nfields; f++) {
        size_t n = rows * mb_field_bytes(&c->shape.obs.field[f]);
        same = same && memcmp(v->obs[f], w->obs[f], n) == 0 && memcmp(v->final_obs[f], w->final_obs[f], n) == 0;
    }
    return same;
}

/* The vectoriser with the environment's own batch function against the vectoriser with reset and step. */
static bool check_batch(struct check *c, mb_error *err)
{
    enum { INSTANCES = 37, STEPS = 600 };
    if (!c->def->batch) return true;
    mb_env_def *single = mb_alloc(c->arena, 1, sizeof *single, err);
    if (!single) return false;
    *single = *c->def;
    single->batch = NULL;
    mb_scope scope = { .arena = c->arena, .seed = 5 };
    mb_vec *a = mb_vec_new(&scope, "check", c->def, c->options, INSTANCES, err);
    mb_vec *b = a ? mb_vec_new(&scope, "check", single, c->options, INSTANCES, err) : NULL;
    if (!b) return false;
    mb_error bad = { 0 };
    bool ok = mb_vec_reset(a, &bad) && mb_vec_reset(b, &bad);
    size_t mark = mb_arena_mark(c->arena);
    for (int i = 0; ok && i < STEPS; i++) {
        vec_actions(c, mb_vec_view_of(a), mb_vec_view_of(b));
        mb_arena_release(c->arena, mark);
        ok = mb_vec_step(a, &bad) && mb_vec_step(b, &bad);
        if (ok && views_equal(c, mb_vec_view_of(a), mb_vec_view_of(b))) continue;
        find(c, BATCH, "batch and reset/step disagree after %d steps of %d instances%s%s: use MB_BATCH(reset, step), or mend the "
             "hand-made one", i + 1, INSTANCES, ok ? "" : ": ", ok ? "" : bad.what);
        break;
    }
    return true;
}

/* ---- the whole examination ---- */

static void say(struct check *c, uint32_t kinds, const char *text)
{
    if (!(c->told & kinds)) c->report(c->ctx, true, text);
}

static bool examine(struct check *c, int64_t steps, mb_error *err)
{
    struct twin t[4], other;
    char text[MAX_TEXT];
    for (int i = 0; i < 4; i++)
        if (!twin_make(c, &t[i], 1, err)) return false;
    if (!twin_make(c, &other, 2, err)) return false;
    uint32_t options = mb_crc32c(0, c->options, c->def->options_size);
    check_names(c);
    say(c, 1u << NAMES, "name, summary and spaces are in order");
    play(c, steps, t);
    snprintf(text, sizeof text, "%lld random steps in %lld episodes: finite, within bounds, everything written",
             (long long)c->step, (long long)c->episodes);
    say(c, 1u << NUMBERS | 1u << BOUNDS | 1u << UNWRITTEN | 1u << REWARDS, text);
    say(c, 1u << GUARDS | 1u << ACTIONS | 1u << RESET_REWARD, "nothing written outside its own memory");
    say(c, 1u << MASKS | 1u << ACTIVE, "there was always something to do");
    say(c, 1u << TWINS, "the same seed gives the same episode, wherever the state lies (save and load by copying)");
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
        find(c, OPTIONS, "the options were changed: they are shared by all instances; copy what should vary into the state");
    return true;
}

bool mb_env_check(const mb_env_def *def, const void *options, int64_t steps,
                  void (*report)(void *ctx, bool ok, const char *what), void *ctx, mb_error *err)
{
    mb_env_shape shape;
    mb_arena *arena = mb_arena_new((size_t)1 << 32, err);
    if (!arena) return false;
    void *copy = mb_alloc(arena, 1, def->options_size, err);
    bool ok = copy != NULL;
    if (ok && options) memcpy(copy, options, def->options_size);
    else if (ok) mb_options_default(def->options, copy);
    ok = ok && mb_env_shape_of(def, copy, &shape, err);
    if (ok) {
        struct check c = { .def = def, .options = copy, .shape = shape, .arena = arena, .report = report, .ctx = ctx,
                           .nindex = mb_space_nindex(&shape.act), .nvalue = mb_space_nvalue(&shape.act),
                           .nmask = mb_space_nmask(&shape.act), .choose = mb_rng_make(3, "check/actions", 0) };
        ok = examine(&c, steps, err);
        if (ok && c.findings)
            ok = mb_fail(err, MB_ERR_ENV, "environment '%s' breaks its contract in %d way%s", def->name, c.findings,
                         c.findings > 1 ? "s" : "");
    }
    mb_arena_free(arena);
    return ok;
}
