/* cli/map.h - maps of points in the plane: where the points come from, and the page they end in. */
#ifndef MB_CLI_MAP_H
#define MB_CLI_MAP_H
#include "cli/command.h"
#include "matchbox/embedding.h"

struct points {
    int n, d;
    double *x;               /* [n][d] */
    const char **title;      /* [n] what hovering shows */
    int *label;              /* [n], or NULL: none are known */
    const char **label_name; /* [nlabels] */
    int nlabels;
    double *shade;           /* [n] a number to colour by, or NULL */
    const char *shade_name;
    mb_tfidf words;          /* of texts */
    const char *what;        /* "texts", "vectors", "states of ppo on cartpole" */
};

/* FILE or RUN; at most `most` points, evenly chosen. */
bool points_read(cli *c, const char *path, int most, int episodes, struct points *out, mb_error *err);

struct map {
    const struct points *points;
    const double *tsne, *pca; /* [n][2] */
    const int *cluster;       /* [n] */
    int nclusters;
    double trust_tsne, trust_pca;
    int neighbours;
    double perplexity;
    int color;                /* COLOR_ */
    bool line;                /* through the points in their order */
};
enum { COLOR_AUTO, COLOR_CLUSTER, COLOR_LABEL, COLOR_VALUE };
bool map_page(const struct map *m, const char *name, const char *path, mb_arena *a, mb_error *err);

#endif
