/* box2d.c - histories and the live worlds beside them. */
#include "env/box2d.h"
#include <stdatomic.h>

enum { BUCKETS = 1024 };

struct box2d_shared {
    const struct box2d_task *task;
    struct box2d_api api;
    _Atomic(struct box2d_live *) bucket[BUCKETS]; /* lists that only grow until closing */
};

bool mb__box2d_open(const struct box2d_task *t, mb_arena *a, struct box2d_shared **out, mb_error *err)
{
    struct box2d_shared *x = mb_alloc(a, 1, sizeof *x, err);
    if (!x) return false;
    x->task = t;
#define SYMBOL(name) { "mb__b2_" #name, &x->api.name },
    const mb_symbol symbols[] = { BOX2D_FUNCTIONS(SYMBOL) { NULL, NULL } };
#ifdef MB_HAVE_BOX2D
    if (!mb_library_load(BOX2D_SHIM, symbols, t->name, "libbox2d2", err)) return false;
    *out = x;
    return true;
#else
    (void)symbols;
    mb_fail(err, MB_ERR_UNSUPPORTED, "%s: this matchbox was built without Box2D", t->name);
    return mb_note(err, "install libbox2d-dev and g++ (Debian, Ubuntu) and build again: make detect all");
#endif
}

void mb__box2d_close(struct box2d_shared *x)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct box2d_live *l = atomic_exchange(&x->bucket[i], NULL); l;) {
            struct box2d_live *next = l->next;
            x->api.free(l->world);
            l = next;
        }
}

/* The live world beside this place; made when there is none yet. */
static struct box2d_live *live_at(struct box2d_shared *x, const void *place)
{
    _Atomic(struct box2d_live *) *head = &x->bucket[((uintptr_t)place >> 6) * 2654435761u >> 7 & (BUCKETS - 1)];
    struct box2d_live *l = atomic_load(head);
    for (struct box2d_live *i = l; i; i = i->next)
        if (i->place == place) return i;
    struct box2d_world *world = x->api.new(sizeof *l);
    MB_ASSERT(world);
    struct box2d_live *mine = x->api.user(world);
    mine->world = world;
    mine->place = place;
    mine->n = -1;
    mine->next = l;
    while (!atomic_compare_exchange_weak(head, &mine->next, mine)) {}
    return mine;
}

static uint64_t follow(uint64_t trail, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++) trail = (trail ^ p[i]) * 0x100000001b3u; /* FNV-1a */
    return trail;
}

static void begin(struct box2d_shared *x, const void *options, struct box2d_live *l, const mb_rng *start)
{
    l->rng = l->start = *start;
    l->trail = follow(0xcbf29ce484222325u, start, sizeof *start);
    l->n = 0;
    x->task->begin(&x->api, options, l);
}

static mb_step advance(struct box2d_shared *x, const void *options, struct box2d_live *l, const float *action)
{
    l->trail = follow(l->trail, action, (size_t)x->task->nact * sizeof *action);
    l->n++;
    return x->task->advance(&x->api, options, l, action);
}

/* The live world of this history. */
static struct box2d_live *catch_up(struct box2d_shared *x, const void *options, const struct box2d_state *s)
{
    struct box2d_live *l = live_at(x, s);
    if (l->n == s->n && l->trail == s->trail && memcmp(&l->start, &s->start, sizeof s->start) == 0) return l;
    begin(x, options, l, &s->start);
    for (int i = 0; i < s->n; i++) advance(x, options, l, s->action + i * x->task->nact);
    return l;
}

void mb__box2d_reset(struct box2d_shared *x, const void *options, struct box2d_state *s, mb_rng *rng, mb_io *io)
{
    uint64_t seed = (uint64_t)mb_rand(rng) << 32;
    seed |= mb_rand(rng);
    memset(s, 0, BOX2D_STATE_BYTES(x->task->limit, (size_t)x->task->nact));
    s->start = mb_rng_make(seed, "box2d", 0);
    struct box2d_live *l = live_at(x, s);
    begin(x, options, l, &s->start);
    s->trail = l->trail;
    memcpy(io->obs, l->obs, (size_t)x->task->nobs * sizeof(float));
}

mb_step mb__box2d_step(struct box2d_shared *x, const void *options, struct box2d_state *s, const float *action, mb_io *io)
{
    struct box2d_live *l = catch_up(x, options, s);
    mb_step result = { 0, false };
    if (s->n < x->task->limit) { /* nobody steps on: the vectoriser ends episodes there */
        memcpy(s->action + s->n * x->task->nact, action, (size_t)x->task->nact * sizeof *action);
        result = advance(x, options, l, action);
        s->n = l->n;
        s->trail = l->trail;
    } else io->broken = true;
    memcpy(io->obs, l->obs, (size_t)x->task->nobs * sizeof(float));
    return result;
}

void mb__box2d_draw(struct box2d_shared *x, const void *options, const struct box2d_state *s, mb_canvas *c)
{
    x->task->draw(&x->api, catch_up(x, options, s), c);
}
