/* matchbox/embedding.h - maps of many numbers: principal components, t-SNE, clusters, and how faithful a map is.  Rank 3 (layer: rl).
   Tables are row-major doubles.  Everything is the same for any number of threads. */
#ifndef MATCHBOX_EMBEDDING_H
#define MATCHBOX_EMBEDDING_H
#include "matchbox/core.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The first k principal components of x [n, d]: out [n, k], each with the sign that makes its largest entry positive;
   share [k] of the variance (may be NULL).  1 <= k <= min(n, d).  Orthogonal iteration. */
MB_API bool mb_pca(mb_arena *a, mb_pool *pool, const double *x, int n, int d, int k, double *out, double *share, mb_error *err);

/* ---- t-SNE (van der Maaten & Hinton 2008; Barnes-Hut: van der Maaten 2014) ---- */

typedef struct mb_tsne_spec {
    double perplexity; /* about how many neighbours count: 5 to 50, less than a third of the points */
    double theta;      /* 0: exact gradient; else cells of the tree narrower than theta times their distance are one point */
    int iterations;    /* the first 250 (at most a third) with affinities times 12 and momentum 0.5, then 0.8 */
    double rate;       /* step size; 0: n / 48, at least 50 */
} mb_tsne_spec;

typedef struct mb_tsne mb_tsne;
/* Affinities of x [n, d]: of all pairs for theta 0, else of 3 * perplexity neighbours.  NULL: see err. */
MB_API mb_tsne *mb_tsne_new(mb_arena *a, mb_pool *pool, const double *x, int n, int d, const mb_tsne_spec *spec, mb_error *err);
/* Gradient [n, 2] of the divergence at y [n, 2], and the divergence (Kullback-Leibler, of the joint probabilities). */
MB_API double mb_tsne_gradient(mb_tsne *t, const double *y, double *gradient);
/* Move y [n, 2] through all iterations; *stop not 0 (may be NULL) ends it with MB_ERR_INTERRUPTED.  kl: the divergence. */
MB_API bool mb_tsne_run(mb_tsne *t, double *y, volatile const int *stop, double *kl, mb_error *err);
/* The affinity of a pair (0 for pairs that are no neighbours). */
MB_API double mb_tsne_affinity(const mb_tsne *t, int i, int j);

/* ---- how faithful ---- */

/* Trustworthiness (Venna & Kaski 2001) of the map y [n, 2] of x [n, d]: 1 when the k nearest in the map are near in x too.
   k < n / 2. */
MB_API double mb_trustworthiness(mb_pool *pool, const double *x, int n, int d, const double *y, int k);
/* Mean share of the k nearest in y [n, d] that carry the point's own label. */
MB_API double mb_neighbour_purity(const double *y, int n, int d, const int *label, int k);

/* ---- clusters ---- */

/* Lloyd's iterations from the given centers [k, d]; label [n]; the sum of squared distances.  Empty clusters stay where
   they are. */
MB_API double mb_kmeans_from(const double *x, int n, int d, int k, double *center, int *label);
/* The best of ten beginnings by k-means++ (Arthur & Vassilvitskii 2007). */
MB_API bool mb_kmeans(mb_arena *a, const double *x, int n, int d, int k, uint64_t seed, double *center, int *label, double *inertia, mb_error *err);
/* The corners of the convex hull of y [n, 2], counter-clockwise from the leftmost; the number of them. corner [n + 1] */
MB_API int mb_convex_hull(const double *y, const int *member, int n, int *corner);

/* ---- texts ---- */

/* Words (two or more letters or digits, lower case) weighed by term frequency times inverse document frequency,
   ln((1 + n) / (1 + df)) + 1, rows of length 1: [n, words].  Words of fewer than two texts are left out; when more than `most`
   remain, those in the most texts are kept (ties: alphabetically first). */
typedef struct mb_tfidf { int n, words; double *value; const char **word; } mb_tfidf;
MB_API bool mb_tfidf_make(mb_arena *a, const char *const *text, int n, int most, mb_tfidf *out, mb_error *err);

#ifdef __cplusplus
}
#endif
#endif
