/* Row B4: the best echelon base-stock policy for the inventory environment.  A grid of levels is tried on episodes of their own (common random
   numbers), the best is reported on others.  Each echelon orders what lifts its position (stock on hand, on the way and further down, less what
   customers wait for) to its level; retailers all have the same one. */
#include "row.h"
#include "matchbox/env.h"

enum { EPISODES = 100, REPEATS = 10 };
struct rig { mb_vec *vec; mb_scope scope; int shops, base, most; mb_error err; };

static void fail(const struct rig *g)
{
    fprintf(stderr, "b4: %s\n", g->err.what);
    exit(1);
}

static void open_rig(struct rig *g, int argc, char **argv)
{
    static _Alignas(64) char options[1024];
    const mb_env_def *def = mb_env_find("inventory", &g->err);
    if (!def) fail(g);
    mb_options_default(def->options, options);
    const char *layout = row_text(argc, argv, "layout");
    if (layout && !mb_options_set("inventory", def->options, options, "layout", layout, &g->err)) fail(g);
    g->shops = layout && !strcmp(layout, "divergent") ? 2 : 1;
    g->scope = (mb_scope){ .arena = mb_arena_new((size_t)1 << 28, &g->err), .seed = 1 };
    g->vec = g->scope.arena ? mb_vec_new(&g->scope, "b4", def, options, EPISODES, &g->err) : NULL;
    if (!g->vec) fail(g);
    g->base = 6, g->most = 20; /* the defaults: orders of 0 to 5, a lead of 1, so that nothing is on the way when orders are placed */
}

static int clamp(int x, int high) { return x < 0 ? 0 : x > high ? high : x; }

/* The mean return of EPISODES episodes of 100 periods. */
static double play(struct rig *g, uint64_t seed, int warehouse, int retailer)
{
    const mb_vec_view *w = mb_vec_view_of(g->vec);
    double sum = 0;
    mb_vec_seed(g->vec, seed);
    if (!mb_vec_reset(g->vec, &g->err)) fail(g);
    for (int done = 0; done < EPISODES;) {
        for (int i = 0; i < EPISODES; i++) {
            const float *x = (const float *)w->obs[0] + i * (1 + g->shops);
            int stock = (int)(x[0] * (float)g->most + 0.5f), position = stock, action = 0;
            for (int k = g->shops - 1; k >= 0; k--) {
                int net = (int)((x[1 + k] - 0.5f) * 2 * (float)g->most + (x[1 + k] < 0.5f ? -0.5f : 0.5f));
                position += net;
                action = action * g->base + clamp(retailer - net, g->base - 1);
            }
            w->index[i] = action * g->base + clamp(warehouse - position, g->base - 1);
        }
        if (!mb_vec_step(g->vec, &g->err)) fail(g);
        for (int i = 0; i < EPISODES; i++)
            if (w->last_length[i] > 0) done++, sum += (double)w->last_return[i];
    }
    return sum / EPISODES;
}

int main(int argc, char **argv)
{
    static struct rig g;
    double best = -1e30;
    int at[2] = { 0, 0 };
    open_rig(&g, argc, argv);
    for (int r = 0; r <= 12; r++)
        for (int e = r; e <= 20 * g.shops; e++) {
            double x = play(&g, 1, e, r); /* seed 1: for choosing */
            if (x > best) best = x, at[0] = e, at[1] = r;
        }
    double mean = 0;
    for (int i = 0; i < REPEATS; i++) mean += play(&g, row_seed(argc, argv) + 1000 * (uint64_t)(i + 1), at[0], at[1]) / REPEATS;
    printf("{\"eval\":{\"episodes\":%d,\"return_mean\":%.6g},\"echelon\":%d,\"retailer\":%d}\n", EPISODES * REPEATS, mean, at[0], at[1]);
    mb_arena_free(g.scope.arena);
    return 0;
}
