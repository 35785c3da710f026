/* Maps of many numbers against scikit-learn and SciPy (tests/reference/embedding.py), finite differences, and each other. */
#include "matchbox/embedding.h"
#include "mb_test.h"
#include "reference/data/embedding.h"

enum { N = 70, D = 6 };
#define LENGTH(a) ((int)(sizeof(a) / sizeof *(a)))
static const double PERPLEXITY = 8;
static mb_arena *memory;

static void begin(void)
{
    mb_error err = { 0 };
    if (!memory) memory = mb_arena_new((size_t)1 << 28, &err);
}

static mb_tsne *made(double theta, mb_pool *pool)
{
    mb_error err = { 0 };
    begin();
    mb_tsne *t = mb_tsne_new(memory, pool, em_x, N, D, &(mb_tsne_spec){ .perplexity = PERPLEXITY, .theta = theta, .iterations = 1000 }, &err);
    if (!t) printf("FAIL %s\n", err.what);
    return t;
}

TEST(principal_components)
{
    mb_error err = { 0 };
    double z[N * 4], share[4];
    begin();
    CHECK(mb_pca(memory, NULL, em_x, N, D, 4, z, share, &err));
    for (int i = 0; i < N * 4; i++) CHECK_NEAR(z[i], em_pca[i], 1e-6);
    for (int k = 0; k < 4; k++) CHECK_NEAR(share[k], em_share[k], 1e-10);
    CHECK(!mb_pca(memory, NULL, em_x, N, D, 7, z, NULL, &err));
    CHECK_ERROR(err, "7 of a table of 70 x 6");
}

TEST(affinities)
{
    mb_tsne *t = made(0, NULL), *near = made(0.5, NULL);
    double sum = 0;
    for (int i = 0, e = 0; i < N; i++)
        for (int j = i + 1; j < N; j++, e++) {
            if (e < LENGTH(em_p)) CHECK_NEAR(mb_tsne_affinity(t, i, j), em_p[e], 2e-7);
            CHECK(mb_tsne_affinity(t, i, j) == mb_tsne_affinity(t, j, i));
        }
    for (int j = 0; j < N; j++) CHECK_NEAR(mb_tsne_affinity(near, 7, j), em_sparse_row[j], 2e-7);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) sum += mb_tsne_affinity(near, i, j);
    CHECK_NEAR(sum, 1, 1e-12);
}

TEST(exact_gradient)
{
    mb_tsne *t = made(0, NULL);
    double g[2 * N], up[2 * N], y[2 * N];
    CHECK_NEAR(mb_tsne_gradient(t, em_y, g), em_kl[0], 1e-5);
    for (int i = 0; i < 2 * N; i++) CHECK_NEAR(g[i], em_gradient[i], 2e-7);
    memcpy(y, em_y, sizeof y);
    for (int i = 0; i < 2 * N; i += 7) { /* central differences */
        const double h = 1e-5;
        y[i] = em_y[i] + h;
        double above = mb_tsne_gradient(t, y, up);
        y[i] = em_y[i] - h;
        double below = mb_tsne_gradient(t, y, up);
        y[i] = em_y[i];
        CHECK_NEAR((above - below) / (2 * h), g[i], 1e-9);
    }
}

static double distance(const double *a, const double *b)
{
    double sum = 0, norm = 0;
    for (int i = 0; i < 2 * N; i++) sum += (a[i] - b[i]) * (a[i] - b[i]), norm += b[i] * b[i];
    return sqrt(sum / norm);
}

/* With a tiny angle the tree gives the sum over all pairs; with a usual one it is as near as scikit-learn's. */
TEST(tree_gradient)
{
    double exact[2 * N], g[2 * N], of_all[2 * N];
    mb_tsne *t = made(1e-9, NULL);
    mb_tsne *half = made(0.5, NULL);
    double kl = mb_tsne_gradient(t, em_y, exact);
    CHECK_NEAR(mb_tsne_gradient(half, em_y, g), em_kl_bh[0], 1e-4);
    CHECK_NEAR(mb_tsne_gradient(half, em_y, g), kl, 2e-3 * kl); /* cells as wide as half their distance */
    CHECK(distance(g, exact) < 0.01);
    CHECK(distance(em_gradient_bh, exact) < 0.01);
    CHECK(distance(g, em_gradient_bh) < 0.02);
    /* the same affinities as the exact form: perplexity so great that all points are neighbours */
    mb_error err = { 0 };
    mb_tsne_spec wide = { .perplexity = 22.8, .theta = 1e-9, .iterations = 10 }, pairs = { .perplexity = 22.8, .iterations = 10 };
    mb_tsne *a = mb_tsne_new(memory, NULL, em_x, N, D, &wide, &err), *b = mb_tsne_new(memory, NULL, em_x, N, D, &pairs, &err);
    CHECK(a && b);
    double one = mb_tsne_gradient(a, em_y, g), two = mb_tsne_gradient(b, em_y, of_all);
    CHECK_NEAR(one, two, 1e-12);
    CHECK(distance(g, of_all) < 1e-12);
}

TEST(points_at_one_place)
{
    double y[2 * N], g[2 * N];
    mb_tsne *t = made(0.5, NULL), *pairs = made(1e-9, NULL);
    memcpy(y, em_y, sizeof y);
    for (int i = 0; i < 20; i++) y[2 * i] = y[2 * i + 1] = 0.25;
    CHECK(isfinite(mb_tsne_gradient(t, y, g)));
    double h[2 * N];
    mb_tsne_gradient(pairs, y, h);
    CHECK(distance(g, h) < 0.01);
    for (int i = 0; i < 2 * N; i++) y[i] = 3;
    CHECK(isfinite(mb_tsne_gradient(t, y, g)));
    for (int i = 0; i < 2 * N; i++) CHECK(g[i] == 0);
}

static double run(double theta, mb_pool *pool, double *y)
{
    mb_error err = { 0 };
    double kl = (double)NAN;
    memcpy(y, em_start, 2 * N * sizeof *y);
    CHECK(mb_tsne_run(made(theta, pool), y, NULL, &kl, &err));
    return kl;
}

TEST(whole_runs)
{
    double y[2 * N], z[2 * N];
    mb_error err = { 0 };
    double kl = run(0, NULL, y);
    CHECK(kl < 1.05 * em_final_exact[0]);
    CHECK(mb_trustworthiness(NULL, em_x, N, D, y, 5) > em_final_exact[1] - 0.01);
    kl = run(0.5, NULL, y);
    CHECK(kl < 1.05 * em_final_bh[0]);
    CHECK(mb_trustworthiness(NULL, em_x, N, D, y, 5) > em_final_bh[1] - 0.01);
    mb_pool *pool = mb_pool_new(3, &err);
    run(0.5, pool, z);
    CHECK(memcmp(y, z, sizeof y) == 0);
    int stop = 1;
    CHECK(!mb_tsne_run(made(0.5, pool), y, &stop, &kl, &err));
    CHECK(err.code == MB_ERR_INTERRUPTED);
    mb_pool_free(pool);
}

TEST(wrong_shapes)
{
    mb_error err = { 0 };
    begin();
    CHECK(!mb_tsne_new(memory, NULL, em_x, 20, D, &(mb_tsne_spec){ .perplexity = 8, .iterations = 10 }, &err));
    CHECK_ERROR(err, "needs more than 24 points, there are 20");
    err = (mb_error){ 0 };
    CHECK(!mb_tsne_new(memory, NULL, em_x, N, D, &(mb_tsne_spec){ .perplexity = 8, .theta = -1, .iterations = 10 }, &err));
    CHECK_ERROR(err, "theta");
}

TEST(faithfulness)
{
    const int k[] = { 1, 5, 12 };
    for (int i = 0; i < 3; i++) CHECK_NEAR(mb_trustworthiness(NULL, em_x, N, D, em_y, k[i]), em_trust[i], 1e-12);
    CHECK_NEAR(mb_neighbour_purity(em_y, N, 2, em_label, 5), em_purity[0], 1e-12);
}

TEST(clusters)
{
    mb_error err = { 0 };
    double center[4 * D], inertia;
    int label[N];
    begin();
    memcpy(center, em_x, sizeof center);
    CHECK_NEAR(mb_kmeans_from(em_x, N, D, 4, center, label), em_inertia[0], 1e-9);
    for (int i = 0; i < N; i++) CHECK(label[i] == em_kmeans[i]);
    CHECK(mb_kmeans(memory, em_x, N, D, 4, 1, center, label, &inertia, &err));
    CHECK_NEAR(inertia, em_inertia[1], 1e-9);
    CHECK(!mb_kmeans(memory, em_x, N, D, N + 1, 1, center, label, &inertia, &err));
    CHECK_ERROR(err, "71 clusters of 70 points");
}

TEST(hull)
{
    int member[N], corner[N + 1], seen[N] = { 0 }, found = 0;
    double area = 0;
    for (int i = 0; i < N; i++) member[i] = i;
    int k = mb_convex_hull(em_y, member, N, corner);
    for (int i = 0; i < k; i++) {
        int a = corner[i], b = corner[(i + 1) % k];
        seen[a]++;
        area += 0.5 * (em_y[2 * a] * em_y[2 * b + 1] - em_y[2 * b] * em_y[2 * a + 1]);
    }
    for (size_t i = 0; i < sizeof em_hull / sizeof *em_hull; i++) found += seen[em_hull[i]] == 1;
    CHECK(found == k && k == (int)(sizeof em_hull / sizeof *em_hull));
    CHECK_NEAR(area, em_area[0], 1e-12);
    CHECK(mb_convex_hull(em_y, member, 1, corner) == 1 && mb_convex_hull(em_y, member, 2, corner) == 2);
    const double line[] = { 0, 0, 1, 1, 2, 2, 3, 3, 0, 0 };
    CHECK(mb_convex_hull(line, member, 5, corner) == 2);
}

TEST(words)
{
    mb_error err = { 0 };
    mb_tfidf t;
    int n = (int)(sizeof em_text / sizeof *em_text), words = (int)(sizeof em_word / sizeof *em_word);
    begin();
    CHECK(mb_tfidf_make(memory, em_text, n, 1000, &t, &err));
    CHECK(t.words == words && t.n == n);
    for (int k = 0; k < t.words; k++) {
        int at = -1;
        for (int j = 0; j < words; j++)
            if (strcmp(em_word[j], t.word[k]) == 0) at = j;
        CHECK(at >= 0);
        for (int i = 0; i < n && at >= 0; i++) CHECK_NEAR(t.value[i * t.words + k], em_tfidf[i * words + at], 1e-14);
    }
    CHECK(mb_tfidf_make(memory, em_text, n, 2, &t, &err) && t.words == 2);
    CHECK(strcmp(t.word[0], "the") == 0 && strcmp(t.word[1], "agent") == 0);
    const char *const strange[] = { "a b c", "one", "two" };
    CHECK(!mb_tfidf_make(memory, strange, 3, 10, &t, &err));
    CHECK_ERROR(err, "no word in common");
}

MB_TESTS(T(principal_components), T(affinities), T(exact_gradient), T(tree_gradient), T(points_at_one_place), T(whole_runs), T(wrong_shapes),
         T(faithfulness), T(clusters), T(hull), T(words))
