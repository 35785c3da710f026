/* check_play.c - the part of the checker that plays: guarded memory, twins, and what is looked at
   after every step.

   Two instances with the same seed and the same actions are stepped in turn, in guarded memory that
   holds different rubbish for each; one of them is moved to another address from time to time.
   Whatever is not kept in the state, not written on every step, or reached through a pointer shows
   as a difference between the two. */
#include "env/check.h"
#include <float.h>
#include <stdio.h>

enum { GUARD = 64, GUARD_BYTE = 0xA5, MOVE_EVERY = 97, DIRTY_RESETS = 30, DIRTY_STEPS = 25 };

void mb__check_find(struct mb__check *c, enum mb__check_kind kind, const char *fmt, ...)
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
static const char *when(const struct mb__check *c, char out[64])
{
    if (c->resetting) snprintf(out, 64, "in the reset of episode %lld", (long long)c->episodes);
    else snprintf(out, 64, "at step %d of episode %lld", (int)c->length, (long long)c->episodes);
    return out;
}

/* ---- memory with guards ---- */

bool mb__check_region_make(struct mb__check_region *r, const char *what, size_t n, mb_arena *a,
                           mb_error *err)
{
    size_t room = (n + 63) & ~(size_t)63; /* keeps what follows aligned */
    uint8_t *p = mb_alloc(a, 1, room + 2 * GUARD, err);
    if (!p) return false;
    memset(p, GUARD_BYTE, room + 2 * GUARD);
    memset(p + GUARD, 0, n);
    *r = (struct mb__check_region){what, p + GUARD, n};
    return true;
}

void mb__check_region_check(struct mb__check *c, struct mb__check_region *r)
{
    char at[64];
    for (int i = 1; i <= GUARD; i++) {
        if (r->data[r->n + (size_t)i - 1] != GUARD_BYTE)
            mb__check_find(c, GUARDS,
                           "%s it wrote beyond its %s: byte %d after the end of %zu bytes; %s",
                           when(c, at), r->what, i, r->n,
                           strcmp(r->what, "state") == 0
                               ? "set .state_size = sizeof(struct ...) or mend the index"
                               : "mend the index or declare a larger space");
        if (r->data[-i] != GUARD_BYTE)
            mb__check_find(
                c, GUARDS,
                "%s it wrote in front of its %s: %d bytes before the beginning; mend the index",
                when(c, at), r->what, i);
    }
}

static void twin_guards(struct mb__check *c, struct mb__check_twin *t)
{
    mb__check_region_check(c, &t->state[t->home]);
    for (int f = 0; f < c->shape.obs.nfields; f++) mb__check_region_check(c, &t->obs[f]);
    if (c->shape.masked) mb__check_region_check(c, &t->mask);
    mb__check_region_check(c, &t->reward);
    mb__check_region_check(c, &t->active);
}

bool mb__check_twin_make(struct mb__check *c, struct mb__check_twin *t, uint64_t seed,
                         mb_error *err)
{
    size_t agents = (size_t)c->shape.nagents;
    bool ok = true;
    *t = (struct mb__check_twin){.rng = mb_rng_make(seed, "env/check", 0)};
    for (int i = 0; i < 2; i++)
        ok = ok && mb__check_region_make(&t->state[i], "state", c->shape.state_size, c->arena, err);
    for (int f = 0; f < c->shape.obs.nfields; f++)
        ok = ok &&
             mb__check_region_make(&t->obs[f], "observation",
                                   agents * mb_field_bytes(&c->shape.obs.field[f]), c->arena, err);
    return ok &&
           mb__check_region_make(&t->mask, "mask", agents * (size_t)c->nmask, c->arena, err) &&
           mb__check_region_make(&t->reward, "rewards", agents * sizeof(float), c->arena, err) &&
           mb__check_region_make(&t->active, "active flags", agents, c->arena, err) &&
           mb__check_region_make(&t->index, "actions", agents * (size_t)c->nindex * sizeof(int32_t),
                                 c->arena, err) &&
           mb__check_region_make(&t->value, "actions", agents * (size_t)c->nvalue * sizeof(float),
                                 c->arena, err);
}

mb_io mb__check_twin_io(const struct mb__check *c, const struct mb__check_twin *t)
{
    mb_io io = {.index = (const int32_t *)(const void *)t->index.data,
                .value = (const float *)(const void *)t->value.data,
                .mask = c->shape.masked ? t->mask.data : NULL,
                .reward = (float *)(void *)t->reward.data,
                .active = t->active.data};
    for (int f = 0; f < c->shape.obs.nfields; f++) io.obs_field[f] = t->obs[f].data;
    if (c->shape.obs.field[0].kind == MB_FIELD_BOX) io.obs = io.obs_field[0];
    return io;
}

/* ---- one reset or step of one twin ---- */

static const uint32_t unwritten =
    0xFFC0DEADu; /* a NaN nobody computes, and no choice of anything */

static void fill_outputs(const struct mb__check *c, struct mb__check_twin *t, uint8_t rubbish)
{
    for (int f = 0; f < c->shape.obs.nfields; f++) {
        if (c->shape.obs.field[f].kind == MB_FIELD_IMAGE)
            memset(t->obs[f].data, rubbish, t->obs[f].n);
        else
            for (size_t i = 0; i < t->obs[f].n; i += 4) memcpy(t->obs[f].data + i, &unwritten, 4);
    }
    memset(t->mask.data, 1, t->mask.n);
    memset(t->active.data, 1, t->active.n);
}

void mb__check_twin_reset(struct mb__check *c, struct mb__check_twin *t, uint8_t rubbish)
{
    const float mark = 12345.0f;
    char at[64];
    mb_io io = mb__check_twin_io(c, t);
    c->resetting = true;
    t->last = (mb_step){0};
    fill_outputs(c, t, rubbish);
    for (int k = 0; k < c->shape.nagents; k++) io.reward[k] = mark;
    c->def->reset(t->state[t->home].data, c->options, &t->rng, &io);
    for (int k = 0; k < c->shape.nagents; k++)
        if (io.reward[k] < mark || io.reward[k] > mark)
            mb__check_find(
                c, RESET_REWARD,
                "%s it wrote a reward: rewards belong to step; the last one of the episode would "
                "be lost",
                when(c, at));
    twin_guards(c, t);
}

void mb__check_twin_step(struct mb__check *c, struct mb__check_twin *t, uint8_t rubbish)
{
    char at[64];
    mb_io io = mb__check_twin_io(c, t);
    c->resetting = false;
    fill_outputs(c, t, rubbish);
    memset(t->reward.data, 0, t->reward.n);
    uint32_t before = mb_crc32c(mb_crc32c(0, t->index.data, t->index.n), t->value.data, t->value.n);
    t->last = c->def->step(t->state[t->home].data, c->options, &t->rng, &io);
    if (mb_crc32c(mb_crc32c(0, t->index.data, t->index.n), t->value.data, t->value.n) != before)
        mb__check_find(
            c, ACTIONS,
            "%s it changed the actions it was given: they are the learner's; copy them first",
            when(c, at));
    twin_guards(c, t);
}

/* Move the state elsewhere and spoil the old place: a pointer into it now leads to rubbish. */
static void twin_move(struct mb__check_twin *t)
{
    struct mb__check_region *from = &t->state[t->home], *to = &t->state[!t->home];
    memcpy(to->data, from->data, from->n);
    memset(from->data, 0xDD, from->n);
    t->home = !t->home;
}

/* ---- what is looked at after each ---- */

static void check_float(struct mb__check *c, const mb_field *f, const char *name, int agent, int k,
                        float x)
{
    char at[64];
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    float low = f->lows ? f->lows[k] : f->low, high = f->highs ? f->highs[k] : f->high;
    if (bits == unwritten)
        mb__check_find(
            c, UNWRITTEN,
            "%s observation%s, agent %d, component %d was not written: reset and step must write "
            "every "
            "component every time",
            when(c, at), name, agent, k);
    else if (!(x >= -FLT_MAX && x <= FLT_MAX))
        mb__check_find(c, NUMBERS,
                       "%s observation%s, agent %d, component %d is %g: it must be finite",
                       when(c, at), name, agent, k, (double)x);
    else if (!(x >= low && x <= high))
        mb__check_find(
            c, BOUNDS,
            "%s observation%s, agent %d, component %d is %g, outside its bounds [%g, %g]: clip it "
            "or declare wider "
            "bounds in .obs",
            when(c, at), name, agent, k, (double)x, (double)low, (double)high);
}

static void check_field(struct mb__check *c, const mb_field *f, const uint8_t *data)
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
            mb__check_find(
                c, UNWRITTEN,
                "%s observation%s of agent %d was not written: reset and step must write it every "
                "time",
                when(c, at), name, agent);
        else if (x < 0 || x >= f->n)
            mb__check_find(c, BOUNDS, "%s observation%s of agent %d is %d, outside 0 .. %d",
                           when(c, at), name, agent, (int)x, f->n - 1);
    }
}

/* Every active agent has something it may do in every discrete field. */
static void check_masks(struct mb__check *c, const struct mb__check_twin *t)
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
                mb__check_find(c, MASKS, "%s the mask of agent %d holds values other than 0 and 1",
                               when(c, at), agent);
            if (!allowed && t->active.data[agent])
                mb__check_find(
                    c, MASKS,
                    "%s the mask allows agent %d nothing in action field %d (%d choices, all 0): "
                    "allow at least one, "
                    "end the episode, or set active[%d] = 0",
                    when(c, at), agent, f, a->n, agent);
            m += a->n;
        }
}

static void check_twin(struct mb__check *c, const struct mb__check_twin *t)
{
    char at[64];
    for (int f = 0; f < c->shape.obs.nfields; f++)
        check_field(c, &c->shape.obs.field[f], t->obs[f].data);
    bool over = !c->resetting && t->last.terminated;
    if (c->shape.masked && !over) check_masks(c, t);
    int nactive = 0;
    for (int k = 0; k < c->shape.nagents; k++) {
        nactive += t->active.data[k] != 0;
        if (t->active.data[k] > 1)
            mb__check_find(c, ACTIVE, "%s active[%d] is %d: use 0 or 1", when(c, at), k,
                           (int)t->active.data[k]);
    }
    if (!nactive && !over)
        mb__check_find(
            c, ACTIVE,
            "%s no agent is active, yet the episode goes on: somebody must be able to act",
            when(c, at));
    for (int k = 0; k < c->shape.nagents && !c->resetting; k++) {
        float reward;
        memcpy(&reward, t->reward.data + 4 * (size_t)k, 4);
        reward += t->last.reward;
        if (!(reward >= -FLT_MAX && reward <= FLT_MAX))
            mb__check_find(c, REWARDS, "%s the reward of agent %d is %g: it must be finite",
                           when(c, at), k, (double)reward);
    }
}

/* What goal_reward says of the goals that are seen is what the step gave: hindsight relies on it. */
static void check_goals(struct mb__check *c, const struct mb__check_twin *t)
{
    char at[64];
    if (!c->def->goal_reward || c->resetting) return;
    for (int k = 0; k < c->shape.nagents; k++) {
        size_t bytes = mb_field_bytes(&c->shape.obs.field[MB_GOAL_ACHIEVED]), n = (size_t)k * bytes;
        mb_step s = c->def->goal_reward(c->options, t->obs[MB_GOAL_ACHIEVED].data + n,
                                        t->obs[MB_GOAL_DESIRED].data + n);
        float reward;
        memcpy(&reward, t->reward.data + 4 * (size_t)k, 4);
        reward += t->last.reward;
        if (s.reward < reward || s.reward > reward || s.terminated != t->last.terminated)
            mb__check_find(c, GOALS,
                           "%s agent %d got %g%s, but goal_reward says %g%s of the goals it sees: "
                           "both must follow from the two goals alone",
                           when(c, at), k, (double)reward, t->last.terminated ? " and an end" : "",
                           (double)s.reward, s.terminated ? " and an end" : "");
    }
}

static void check_same(struct mb__check *c, const struct mb__check_twin *a,
                       const struct mb__check_twin *b, enum mb__check_kind kind,
                       const char *meaning)
{
    char at[64];
    const char *what = NULL;
    for (int f = 0; f < c->shape.obs.nfields; f++)
        if (memcmp(a->obs[f].data, b->obs[f].data, a->obs[f].n) != 0) what = "the observation";
    if (c->shape.masked && memcmp(a->mask.data, b->mask.data, a->mask.n) != 0) what = "the mask";
    if (memcmp(a->active.data, b->active.data, a->active.n) != 0) what = "the active flags";
    if (!c->resetting && memcmp(a->reward.data, b->reward.data, a->reward.n) != 0)
        what = "the rewards";
    if (!c->resetting && memcmp(&a->last.reward, &b->last.reward, sizeof(float)) != 0)
        what = "the reward";
    if (!c->resetting && a->last.terminated != b->last.terminated)
        what = "whether the episode terminated";
    if (what) mb__check_find(c, kind, "%s %s differs %s", when(c, at), what, meaning);
}

/* ---- playing ---- */

void mb__check_random_box(struct mb__check *c, const mb_field *f, float *out)
{
    for (int k = 0; k < f->n; k++) {
        float low = f->lows ? f->lows[k] : f->low, high = f->highs ? f->highs[k] : f->high;
        bool bounded = low > -FLT_MAX && high < FLT_MAX;
        float x = bounded ? mb_uniform(&c->choose, low, high) : 3.0f * mb_normal(&c->choose);
        int edge = bounded ? mb_below(&c->choose, 8) : 2; /* the bounds themselves now and then */
        out[k] = edge == 0 ? low : edge == 1 ? high : x < low ? low : x > high ? high : x;
    }
}

int mb__check_random_choice(struct mb__check *c, const mb_field *f, const uint8_t *mask)
{
    int allowed = 0;
    for (int k = 0; k < f->n; k++) allowed += mask[k] == 1;
    int pick = mb_below(&c->choose, allowed ? allowed : f->n);
    if (!allowed) return pick;
    for (int k = 0; k < f->n; k++)
        if (mask[k] == 1 && pick-- == 0) return k;
    return 0;
}

void mb__check_random_actions(struct mb__check *c, struct mb__check_twin *t)
{
    int32_t *index = (int32_t *)(void *)t->index.data;
    float *value = (float *)(void *)t->value.data;
    const uint8_t *mask = t->mask.data;
    for (int agent = 0; agent < c->shape.nagents; agent++)
        for (int i = 0; i < c->shape.act.nfields; i++) {
            const mb_field *f = &c->shape.act.field[i];
            if (f->kind == MB_FIELD_DISCRETE) {
                *index++ = mb__check_random_choice(c, f, mask);
                mask += f->n;
            } else {
                mb__check_random_box(c, f, value);
                value += f->n;
            }
        }
}

void mb__check_copy_actions(struct mb__check_twin *to, const struct mb__check_twin *from)
{
    memcpy(to->index.data, from->index.data, from->index.n);
    memcpy(to->value.data, from->value.data, from->value.n);
}

bool mb__check_episode_over(const struct mb__check *c, const struct mb__check_twin *t)
{
    return t->last.terminated || (c->shape.time_limit > 0 && c->length >= c->shape.time_limit);
}

/* A new episode in a used state must look like one in fresh memory: `used` is copied, `fresh`
 * begins at zero. */
static void check_dirty_reset(struct mb__check *c, const struct mb__check_twin *used,
                              struct mb__check_twin *old, struct mb__check_twin *fresh)
{
    memcpy(old->state[old->home].data, used->state[used->home].data, used->state[used->home].n);
    memset(fresh->state[fresh->home].data, 0, c->shape.state_size);
    old->rng = fresh->rng = used->rng;
    int32_t length = c->length;
    mb__check_twin_reset(c, old, 0);
    mb__check_twin_reset(c, fresh, 0);
    const char *meaning = "between a new episode in a used state and one in fresh memory: reset "
                          "must set everything that step reads";
    check_same(c, old, fresh, DIRTY, meaning);
    for (c->length = 1; c->length <= DIRTY_STEPS && !(c->told >> DIRTY & 1); c->length++) {
        mb__check_random_actions(c, old);
        mb__check_copy_actions(fresh, old);
        mb__check_twin_step(c, old, 0);
        mb__check_twin_step(c, fresh, 0);
        check_same(c, old, fresh, DIRTY, meaning);
        if (mb__check_episode_over(c, old)) break;
    }
    c->length = length;
}

void mb__check_play(struct mb__check *c, int64_t steps, struct mb__check_twin t[4])
{
    struct mb__check_twin *a = &t[0], *b = &t[1];
    const char *meaning =
        "between two instances with the same seed and actions: keep everything in the state (no "
        "static variables, "
        "clocks or pointers), write every output, draw only from the stream passed in";
    bool fresh = true;
    for (c->step = 0; c->step < steps; c->step++) {
        if (fresh) {
            c->episodes++;
            c->length = 0;
            mb__check_twin_reset(c, a, 0x00);
            mb__check_twin_reset(c, b, 0xFF);
            check_twin(c, a);
            check_same(c, a, b, TWINS, meaning);
        }
        c->length++;
        mb__check_random_actions(c, a);
        mb__check_copy_actions(b, a);
        mb__check_twin_step(c, a, 0x00);
        if (c->step % MOVE_EVERY == MOVE_EVERY - 1) twin_move(b);
        mb__check_twin_step(c, b, 0xFF);
        check_twin(c, a);
        check_goals(c, a);
        check_same(c, a, b, TWINS, meaning);
        if (c->told >> TWINS & 1 || c->told >> GUARDS & 1)
            return; /* nothing that follows could be trusted */
        fresh = mb__check_episode_over(c, a);
        if (fresh && c->episodes <= DIRTY_RESETS) check_dirty_reset(c, a, &t[2], &t[3]);
    }
}
