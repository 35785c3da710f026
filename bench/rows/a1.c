/* a1.c - maps by t-SNE (catalogue row A1): how faithful they are, from a random beginning, beside the plane of the first two
   principal components and beside points thrown at random.
     a1 texts --seed=N     the paragraphs of this project's pages (algorithms, environments, guides), labelled by their page
     a1 states --seed=N    what a policy of PPO on `rooms` makes of every cell it meets, labelled by its distance to the goal
   Prints trustworthiness (5 neighbours) and the share of the 5 nearest that carry a point's own label. */
#include <dirent.h>
#include <matchbox.h>
#include "row.h"

enum { POINTS = 600, WORDS = 4096, NEAR = 5, COMPONENTS = 30, LEAST_WORDS = 20, EPISODES = 200 };

struct points { double *x; int n, d; int label[POINTS]; };

static void must(bool ok, const mb_error *err)
{
    char text[1024];
    if (ok) return;
    mb_error_text(err, text, sizeof text);
    fputs(text, stderr);
    exit(1);
}

/* ---- texts ---- */

struct texts { const char *text[POINTS]; int n, most, pages; };

static int words_of(const char *text)
{
    int n = 0;
    for (; *text; text++) n += *text == ' ';
    return n + 1;
}

static void add_paragraphs(struct texts *t, struct points *p, char *page)
{
    for (char *at = page; at && *at && t->n < t->most;) {
        char *end = strstr(at, "\n\n"), *next = end ? end + 2 : NULL;
        if (end) *end = 0;
        for (char *c = at; *c; c++)
            if (*c == '\n') *c = ' ';
        if (*at != '|' && *at != '#' && *at != ' ' && *at != '<' && words_of(at) >= LEAST_WORDS) {
            p->label[t->n] = t->pages;
            t->text[t->n++] = at;
        }
        at = next;
    }
    t->pages++;
}

static int pages_only(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 3 && strcmp(d->d_name + n - 3, ".md") == 0;
}

static void read_pages(const char *folder, mb_arena *a, struct texts *t, struct points *p)
{
    struct dirent **entry;
    mb_error err = { 0 };
    char path[1400], docs[1100];
    row_root(docs, sizeof docs);
    snprintf(path, sizeof path, "%s/docs/%s", docs, folder);
    int n = scandir(path, &entry, pages_only, alphasort);
    for (int i = 0; i < n; i++, free(entry[i - 1])) {
        char *text;
        size_t bytes;
        snprintf(path, sizeof path, "%s/docs/%s/%.200s", docs, folder, entry[i]->d_name);
        must(mb_file_read(path, a, &text, &bytes, &err), &err);
        add_paragraphs(t, p, text);
    }
    if (n >= 0) free(entry);
}

static void read_texts(mb_arena *a, int most, struct points *p)
{
    static struct texts t;
    mb_error err = { 0 };
    mb_tfidf words;
    t.most = most < POINTS ? most : POINTS;
    read_pages("algo", a, &t, p);
    read_pages("env", a, &t, p);
    read_pages("guide", a, &t, p);
    must(mb_tfidf_make(a, t.text, t.n, WORDS, &words, &err), &err);
    p->x = words.value;
    p->n = words.n;
    p->d = words.words;
}

/* ---- states ---- */

static void train(uint64_t seed, const char *dir)
{
    char number[24];
    mb_error err = { 0 };
    snprintf(number, sizeof number, "%d", (int)seed);
    const char *const set[] = { "total-steps", "150k", "envs", "8", "env.slip", "0", "lr", "2e-3", "seed", number, "run", dir, "threads", "1", "eval-episodes", "0" };
    mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
    mb_settings *s = a ? mb_settings_new(a, "ppo", "rooms", &err) : NULL;
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < sizeof set / sizeof *set; i += 2) ok = mb_settings_set(s, set[i], set[i + 1], "a1", &err);
    mb_trainer *t = ok ? mb_trainer_new(s, NULL, &err) : NULL;
    must(t && mb_trainer_run(t, &err), &err);
    mb_trainer_free(t);
    mb_arena_free(a);
}

/* The number of this state, new ones at the end; -1 when there is no room. */
static int state_of(struct points *p, const float *z, int width)
{
    for (int i = 0; i < p->n; i++) {
        int k = 0;
        while (k < width && p->x[i * width + k] == (double)z[k]) k++;
        if (k == width) return i;
    }
    if (p->n == POINTS) return -1;
    for (int k = 0; k < width; k++) p->x[p->n * width + k] = (double)z[k];
    return p->n++;
}

/* Distance: steps from there to the end, mean over the visits; labels are its quarters. */
static void read_states(mb_arena *a, uint64_t seed, struct points *p)
{
    static double sum[POINTS], count[POINTS];
    static int path[100000];
    int rows, width, steps = 0;
    mb_error err = { 0 };
    train(seed, "a1-run");
    mb_player *player = mb_player_open("a1-run", 1, seed, NULL, &err);
    must(player != NULL, &err);
    const mb_vec_view *w = mb_vec_view_of(mb_player_vec(player));
    for (int episode = 0; episode < EPISODES;) {
        must(mb_player_step(player, false, &err), &err);
        const float *z = mb_player_latent(player, &rows, &width);
        if (!p->x) must((p->x = mb_alloc(a, (size_t)POINTS * (size_t)width, sizeof(double), &err)), &err);
        int at = state_of(p, z, width);
        if (steps < 100000) path[steps++] = at;
        if (w->last_length[0] == 0) continue;
        for (int i = 0; i < steps; i++)
            if (path[i] >= 0) sum[path[i]] += steps - i, count[path[i]]++;
        steps = 0, episode++;
    }
    p->d = width;
    for (int i = 0; i < p->n; i++) {
        int nearer = 0;
        for (int k = 0; k < p->n; k++) nearer += sum[k] / count[k] < sum[i] / count[i];
        p->label[i] = 4 * nearer / p->n;
    }
    mb_player_free(player);
}

/* ---- maps ---- */

int main(int argc, char **argv)
{
    static const char *const names[] = { "points", "trust_tsne", "trust_pca", "trust_random", "purity_tsne", "purity_pca", "purity_random", "purity_all" };
    static struct points p;
    mb_error err = { 0 };
    uint64_t seed = row_seed(argc, argv);
    double v[8], kl;
    char dir[1024];
    mb_arena *a = mb_arena_new((size_t)1 << 30, &err);
    row_scratch(dir, sizeof dir);
    must(a != NULL, &err);
    if (argc > 1 && strcmp(argv[1], "states") == 0) read_states(a, seed, &p);
    else read_texts(a, (int)row_number(argc, argv, "points", POINTS), &p);
    int k = p.d < p.n ? p.d : p.n;
    if (k > COMPONENTS) k = COMPONENTS;
    double *low = mb_alloc(a, (size_t)p.n * (size_t)k, sizeof *low, &err), *map[3];
    must(low && mb_pca(a, NULL, p.x, p.n, p.d, k, low, NULL, &err), &err);
    mb_rng rng = mb_rng_make(seed, "a1", 0);
    for (int m = 0; m < 3; m++) {
        must((map[m] = mb_alloc(a, (size_t)p.n * 2, sizeof(double), &err)) != NULL, &err);
        for (int i = 0; i < 2 * p.n; i++) map[m][i] = m == 1 ? low[i / 2 * k + i % 2] : 1e-4 * (double)mb_normal(&rng);
    }
    mb_tsne_spec spec = { .perplexity = 15, .theta = 0.5, .iterations = (int)row_number(argc, argv, "iterations", 1000) };
    mb_tsne *t = mb_tsne_new(a, NULL, low, p.n, k, &spec, &err);
    must(t && mb_tsne_run(t, map[0], NULL, &kl, &err), &err);
    v[0] = p.n;
    for (int m = 0; m < 3; m++) {
        v[1 + m] = mb_trustworthiness(NULL, p.x, p.n, p.d, map[m], NEAR);
        v[4 + m] = mb_neighbour_purity(map[m], p.n, 2, p.label, NEAR);
    }
    v[7] = mb_neighbour_purity(p.x, p.n, p.d, p.label, NEAR);
    row_print(8, names, v);
    mb_arena_free(a);
    return row_scratch_end(dir);
}
