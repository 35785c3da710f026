/* Inventory: a warehouse orders from outside, retailers order from the warehouse, customers buy from retailers.  Periodic review of a
   two-echelon system after Clark & Scarf (1960); one retailer (serial) or two (divergent).  The setting of RBF-DQN (Cheng et al. 2024, arXiv:2401.15872). */
#include "matchbox/env.h"

enum { SERIAL, DIVERGENT, SHOPS = 2, LEAD = 4, MOST_DEMAND = 30 };
#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                       \
    PICK(layout, SERIAL, "serial|divergent", "one retailer behind the warehouse, or two")           \
    NUM(int, orders, 5, 1, 9, "the greatest order; the actions are all combinations of orders")     \
    NUM(int, most, 20, 5, 200, "room of each place, and the greatest backlog of a retailer")        \
    NUM(int, lead, 1, 1, LEAD, "periods from an order to its arrival")                              \
    NUM(double, demand, 2, 0.1, 10, "mean demand of a retailer in a period (Poisson)")              \
    NUM(double, hold_warehouse, 0.5, 0, 100, "cost of a unit in the warehouse, per period")         \
    NUM(double, hold_retailer, 1, 0, 100, "cost of a unit at a retailer, per period")               \
    NUM(double, backlog, 5, 0, 1000, "cost of a unit that a customer waits for, per period")        \
    NUM(int, periods, 100, 1, 1e6, "length of an episode")
MB_OPTIONS(inventory, OPTIONS)

struct inventory { int stock, net[SHOPS], pipe[1 + SHOPS][LEAD]; }; /* pipe: what arrives in 1, 2, ... periods; the warehouse's first */

static int shops(const struct inventory_options *o) { return o->layout == SERIAL ? 1 : SHOPS; }

static bool shape(const void *options, mb_env_shape *shape, mb_error *err)
{
    const struct inventory_options *o = options;
    int places = 1 + shops(o), n = 1;
    for (int i = 0; i < places; i++) n *= o->orders + 1;
    shape->act.field[0].n = n;
    shape->obs.field[0].n = places * o->lead; /* the newest order of a pipe is not seen before it has been placed */
    shape->time_limit = o->periods;
    return true;
}

static void observe(const struct inventory *s, const struct inventory_options *o, mb_io *io)
{
    int n = 0, k = shops(o);
    float most = (float)o->most, order = (float)o->orders;
    io->obs[n++] = (float)s->stock / most;
    for (int i = 0; i < k; i++) io->obs[n++] = 0.5f + 0.5f * (float)s->net[i] / most;
    for (int t = 0; t < o->lead - 1; t++)
        for (int i = 0; i <= k; i++) io->obs[n++] = (float)s->pipe[i][t] / order;
}

static void reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct inventory_options *o = options;
    struct inventory *s = state;
    *s = (struct inventory){ 0 };
    int each = (int)(2 * o->demand + 0.5);
    if (each > o->most) each = o->most;
    s->stock = each;
    for (int i = 0; i < shops(o); i++) s->net[i] = each;
    observe(s, o, io);
}

static int poisson(mb_rng *rng, double mean)
{
    double u = mb_uniform64(rng), p = mb_exp64(-mean), sum = p;
    int k = 0;
    for (; u >= sum && k < MOST_DEMAND; sum += p) p *= mean / ++k;
    return k;
}

static int least(int a, int b) { return a < b ? a : b; }

/* The warehouse ships unit by unit to whoever has least and still waits for something. */
static void ship(struct inventory *s, int k, const int *asked)
{
    int sent[SHOPS] = { 0 };
    for (; s->stock > 0; s->stock--) {
        int to = -1;
        for (int i = 0; i < k; i++)
            if (sent[i] < asked[i] && (to < 0 || s->net[i] + sent[i] < s->net[to] + sent[to])) to = i;
        if (to < 0) break;
        sent[to]++;
    }
    for (int i = 0; i < k; i++) s->pipe[1 + i][LEAD - 1] = sent[i];
}

static int on_the_way(const int *pipe)
{
    int n = 0;
    for (int t = 0; t < LEAD; t++) n += pipe[t];
    return n;
}

/* One period: orders, shipping, arrivals of what was sent `lead` periods ago (this one's with a lead of 1), demand, costs. */
static mb_step step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    const struct inventory_options *o = options;
    struct inventory *s = state;
    int k = shops(o), a = io->index[0], asked[SHOPS], base = o->orders + 1;
    int order = least(a % base, o->most - s->stock - on_the_way(s->pipe[0]));
    for (int i = 0; i < k; i++) {
        a /= base;
        asked[i] = least(a % base, o->most - s->net[i] - on_the_way(s->pipe[1 + i]));
        if (asked[i] < 0) asked[i] = 0;
    }
    ship(s, k, asked);
    s->pipe[0][LEAD - 1] = order > 0 ? order : 0;
    double cost = 0;
    for (int i = 0; i <= k; i++) {
        int *pipe = s->pipe[i], new = pipe[LEAD - 1];
        pipe[LEAD - 1] = 0;
        pipe[o->lead - 1] += new;
        *(i ? &s->net[i - 1] : &s->stock) += pipe[0];
        for (int t = 0; t + 1 < LEAD; t++) pipe[t] = pipe[t + 1];
        pipe[LEAD - 1] = 0;
    }
    for (int i = 0; i < k; i++) {
        s->net[i] -= poisson(rng, o->demand);
        cost += s->net[i] > 0 ? o->hold_retailer * s->net[i] : -o->backlog * s->net[i];
        if (s->net[i] < -o->most) s->net[i] = -o->most; /* further customers turn away */
    }
    cost += o->hold_warehouse * s->stock;
    observe(s, o, io);
    return (mb_step){ (float)-cost, false };
}

static bool place(void *state, const void *options, const double *v, int n, mb_io *io, mb_error *err)
{
    const struct inventory_options *o = options;
    struct inventory *s = state, new = { 0 };
    int k = shops(o);
    if (n != 1 + k) return mb_fail(err, MB_ERR_SHAPE, "inventory: a state has %d numbers (the warehouse's stock, then every retailer's), not %d", 1 + k, n);
    for (int i = 0; i < n; i++) {
        int low = i ? -o->most : 0;
        if (!(v[i] >= low && v[i] <= o->most) || v[i] != (double)(int)v[i])
            return mb_fail(err, MB_ERR_RANGE, "inventory: number %d of a state must be a whole number in [%d, %d], not %g", i + 1, low, o->most, v[i]);
        *(i ? &new.net[i - 1] : &new.stock) = (int)v[i];
    }
    *s = new;
    observe(s, o, io);
    return true;
}

static void draw(const void *state, const void *options, mb_canvas *c)
{
    const struct inventory_options *o = options;
    const struct inventory *s = state;
    int k = shops(o);
    float most = (float)o->most;
    mb_canvas_clear(c, 0xf7f4ec);
    mb_canvas_line(c, 0.05f, 0.5f, 0.95f, 0.5f, 0.004f, 0x6b6455);
    for (int i = 0; i <= k; i++) {
        float x = 0.15f + 0.3f * (float)i, h = 0.4f * (float)(i ? s->net[i - 1] : s->stock) / most;
        mb_canvas_rect(c, x, h > 0 ? 0.5f - h : 0.5f, x + 0.15f, h > 0 ? 0.5f : 0.5f - h, i == 0 ? 0x4c8c6b : h > 0 ? 0x2563a8 : 0xc8553d);
        mb_canvas_text(c, x, 0.93f, 0.05f, i ? "shop" : "house", 0x2d4059);
    }
}

MB_BATCH(reset, step)
MB_ENV(inventory) = {
    MB_ENV_HEAD, .name = "inventory", .summary = "order for a warehouse and its retailers: stock costs, waiting customers cost more",
    .source = "after Clark & Scarf (1960)", .obs = MB_BOX_IN(2, 0, 1), .act = MB_DISCRETE(36), .time_limit = 100,
    .state_size = sizeof(struct inventory), MB_USE_OPTIONS(inventory), .shape = shape, .reset = reset, .step = step, .batch = batch,
    .draw = draw, .place = place, .state_names = "stock,retailer0,...",
};
