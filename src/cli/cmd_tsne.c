/* matchbox tsne FILE|RUN */
#include "cli/map.h"
#include <math.h>
#include <string.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                              \
    TEXT(output, "", "the page to write, .html (also -o); default: NAME-map.html")                         \
    NUM(double, perplexity, 15, 1, 1000, "about how many neighbours count (at most a third of the points)") \
    NUM(int, iterations, 1000, 10, 100000, "steps of the descent")                                         \
    NUM(double, theta, 0.5, 0, 2, "far points are taken together: 0 exact, 0.5 usual (Barnes-Hut)")        \
    NUM(int, pca, 30, 2, 1000, "principal components that t-SNE sees")                                     \
    NUM(int, clusters, 6, 1, 64, "k-means clusters of the map")                                            \
    NUM(int, points, 2000, 8, 20000, "at most so many points, evenly chosen")                              \
    NUM(int, episodes, 20, 1, 10000, "of a run: episodes of its evaluation to look at")                    \
    NUM(int, neighbours, 5, 1, 100, "of trustworthiness and purity")                                       \
    NUM(int, inits, 0, 0, 100, "also so many maps from random beginnings, to compare")                     \
    PICK(color, 0, "auto|cluster|label|value", "what the colours mean")                                    \
    NUM(bool, line, false, 0, 1, "a line through the points in their order")                               \
    NUM(int, threads, 0, 0, 1024, "threads; 0: automatic (the map never depends on it)")                   \
    NUM(bool, json, false, 0, 1, "the last line of output is the result as JSON")
MB_OPTIONS(tsne, OPTIONS)

struct work {
    cli *c;
    const struct tsne_options *o;
    struct points p;
    mb_pool *pool;
    double *low;                 /* [n][k] what t-SNE sees */
    int k;
    double *pca, *tsne;          /* [n][2] */
    double trust_tsne, trust_pca, pure_tsne, pure_pca, kl, trust_random, kl_random; /* random: mean over --inits */
};

static bool descend(struct work *w, double *y, double *kl, mb_error *err)
{
    mb_tsne_spec spec = { .perplexity = w->o->perplexity, .theta = w->o->theta, .iterations = w->o->iterations };
    size_t mark = mb_arena_mark(w->c->arena);
    mb_tsne *t = mb_tsne_new(w->c->arena, w->pool, w->low, w->p.n, w->k, &spec, err);
    bool ok = t && mb_tsne_run(t, y, cli_stop_flag(), kl, err);
    mb_arena_release(w->c->arena, mark);
    return ok;
}

/* The first two components, small: every run begins at the same place. */
static bool first_map(struct work *w, mb_error *err)
{
    int n = w->p.n;
    double square = 0;
    for (int i = 0; i < n; i++) square += w->pca[2 * i] * w->pca[2 * i] / n;
    for (int i = 0; i < 2 * n; i++) w->tsne[i] = square > 0 ? 1e-4 * w->pca[i] / sqrt(square) : 1e-4 * i / n;
    return descend(w, w->tsne, &w->kl, err);
}

static bool random_maps(struct work *w, mb_error *err)
{
    double *y = mb_alloc(w->c->arena, 2 * (size_t)w->p.n, sizeof *y, err), kl;
    for (int r = 0; y && r < w->o->inits; r++) {
        mb_rng rng = mb_rng_make(1, "tsne.begin", (uint64_t)r);
        for (int i = 0; i < 2 * w->p.n; i++) y[i] = 1e-4 * (double)mb_normal(&rng);
        if (!descend(w, y, &kl, err)) return false;
        w->kl_random += kl / w->o->inits;
        w->trust_random += mb_trustworthiness(w->pool, w->p.x, w->p.n, w->p.d, y, w->o->neighbours) / w->o->inits;
    }
    return y != NULL;
}

static bool make_maps(struct work *w, mb_error *err)
{
    struct points *p = &w->p;
    mb_arena *a = w->c->arena;
    int most = p->n < p->d ? p->n : p->d;
    w->k = w->o->pca < most ? w->o->pca : most;
    if (p->d < 2) return mb_fail(err, MB_ERR_FORMAT, "tsne: points of one dimension need no map");
    w->low = mb_alloc(a, (size_t)p->n * (size_t)w->k, sizeof(double), err);
    w->pca = mb_alloc(a, (size_t)p->n * 2, sizeof(double), err);
    w->tsne = mb_alloc(a, (size_t)p->n * 2, sizeof(double), err);
    if (!w->low || !w->pca || !w->tsne || !mb_pca(a, w->pool, p->x, p->n, p->d, w->k, w->low, NULL, err)) return false;
    for (int i = 0; i < p->n; i++)
        for (int k = 0; k < 2; k++) w->pca[2 * i + k] = w->low[i * w->k + k];
    if (!first_map(w, err) || !random_maps(w, err)) return false;
    int near = w->o->neighbours;
    w->trust_tsne = mb_trustworthiness(w->pool, p->x, p->n, p->d, w->tsne, near);
    w->trust_pca = mb_trustworthiness(w->pool, p->x, p->n, p->d, w->pca, near);
    w->pure_tsne = p->label ? mb_neighbour_purity(w->tsne, p->n, 2, p->label, near) : (double)NAN;
    w->pure_pca = p->label ? mb_neighbour_purity(w->pca, p->n, 2, p->label, near) : (double)NAN;
    return true;
}

static bool write_page(struct work *w, const char *path, mb_error *err)
{
    const struct points *p = &w->p;
    const char *slash = strrchr(w->c->words[0], '/');
    int k = w->o->clusters < p->n ? w->o->clusters : p->n;
    double *center = mb_alloc(w->c->arena, 2 * (size_t)k, sizeof *center, err), inertia;
    int *cluster = mb_alloc(w->c->arena, (size_t)p->n, sizeof *cluster, err);
    if (!center || !cluster || !mb_kmeans(w->c->arena, w->tsne, p->n, 2, k, 1, center, cluster, &inertia, err)) return false;
    struct map m = { .points = p, .tsne = w->tsne, .pca = w->pca, .cluster = cluster, .nclusters = k, .trust_tsne = w->trust_tsne,
                     .trust_pca = w->trust_pca, .neighbours = w->o->neighbours, .perplexity = w->o->perplexity, .color = w->o->color, .line = w->o->line };
    const char *name = strncmp(p->what, "states", 6) == 0 ? p->what : slash && slash[1] ? slash + 1 : w->c->words[0];
    return map_page(&m, name, path, w->c->arena, err);
}

static void json_number(mb_str *out, const char *key, double v)
{
    mb_str_add(out, ",\"%s\":", key);
    mb_str_number(out, v);
}

static void report(const struct work *w, const char *path)
{
    char memory[4096];
    mb_str out;
    double none = (double)NAN;
    if (w->o->json) {
        mb_str_init(&out, memory, sizeof memory);
        mb_str_add(&out, "{\"page\":");
        mb_str_json(&out, path);
        mb_str_add(&out, ",\"points\":%d,\"dimensions\":%d,\"components\":%d", w->p.n, w->p.d, w->k);
        json_number(&out, "kl", w->kl);
        json_number(&out, "trustworthiness", w->trust_tsne);
        json_number(&out, "trustworthiness_pca", w->trust_pca);
        json_number(&out, "purity", w->pure_tsne);
        json_number(&out, "purity_pca", w->pure_pca);
        json_number(&out, "trustworthiness_random_inits", w->o->inits ? w->trust_random : none);
        json_number(&out, "kl_random_inits", w->o->inits ? w->kl_random : none);
        mb_str_add(&out, "}");
        cli_json(&out);
        return;
    }
    printf("%d %s, %d dimensions, %d principal components, divergence %.4f\n", w->p.n, w->p.what, w->p.d, w->k, w->kl);
    printf("  trustworthiness (%d neighbours)   t-SNE %.4f   PCA %.4f\n", w->o->neighbours, w->trust_tsne, w->trust_pca);
    if (w->p.label) printf("  label purity                     t-SNE %.4f   PCA %.4f\n", w->pure_tsne, w->pure_pca);
    if (w->o->inits) printf("  %d random beginnings, mean        t-SNE %.4f   divergence %.4f\n", w->o->inits, w->trust_random, w->kl_random);
    printf("  page         %s\n", path);
}

/* NAME-map.html beside us, of the last part of the path. */
static void page_name(const char *word, char *out, size_t n)
{
    char text[512];
    snprintf(text, sizeof text, "%s", word);
    for (size_t k = strlen(text); k > 1 && text[k - 1] == '/'; k--) text[k - 1] = 0;
    const char *slash = strrchr(text, '/');
    char *dot = strrchr(text, '.');
    if (dot && dot > text && (!slash || dot > slash + 1)) *dot = 0;
    snprintf(out, n, "%s-map.html", slash ? slash + 1 : text);
}

static bool run(cli *c, mb_error *err)
{
    char path[1024];
    const char *output = cli_text(c, "output");
    struct work w = { .c = c, .o = c->options };
    page_name(c->words[0], path, sizeof path);
    if (output) snprintf(path, sizeof path, "%s", output);
    if (!points_read(c, c->words[0], w.o->points, w.o->episodes, &w.p, err)) return false;
    if (2 * w.o->neighbours >= w.p.n) return mb_fail(err, MB_ERR_RANGE, "tsne: %d neighbours of %d points", w.o->neighbours, w.p.n);
    int threads = w.o->threads > 0 ? w.o->threads : w.p.n < 500 ? 1 : 2;
    if (threads > 1 && !(w.pool = mb_pool_new(threads, err))) return false;
    bool ok = make_maps(&w, err) && write_page(&w, path, err);
    mb_pool_free(w.pool);
    if (ok) report(&w, path);
    return ok;
}

CLI_COMMAND(tsne) = {
    .name = "tsne", .usage = "tsne FILE|RUN [-o page.html]", .summary = "a map of texts, vectors or what a policy sees, as one page",
    .about = "Draws a map (t-SNE) in which what is alike lies together: of texts (a line each: text, or title, tab, text, tab, label), of "
             "vectors (.npy, or .csv with a header; columns title, label and value are taken as such), or of the hidden states of a trained "
             "policy over its evaluation. The page needs nothing from outside.",
    .min_words = 1, .max_words = 1, MB_USE_OPTIONS(tsne), .run = run,
};
