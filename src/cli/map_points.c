/* Points from a text file, a table, a NumPy array or the evaluation of a run. */
#include "cli/map.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MOST = 4096, COLUMNS_MOST = 4096, LABELS_MOST = 64, TITLE = 200 };

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), k = strlen(tail);
    return n > k && strcmp(text + n - k, tail) == 0;
}

static bool bad(const char *path, int line, const char *what, mb_error *err)
{
    mb_fail(err, MB_ERR_FORMAT, "%.250s, line %d: %s", path, line, what);
    return mb_help(err, "matchbox help tsne");
}

/* The label's number; new ones are added. */
static int label_of(struct points *p, mb_arena *a, const char *name, mb_error *err)
{
    for (int i = 0; i < p->nlabels; i++)
        if (strcmp(p->label_name[i], name) == 0) return i;
    if (p->nlabels == LABELS_MOST) return LABELS_MOST - 1;
    if (!(p->label_name[p->nlabels] = mb_strdup(a, name, err))) return -1;
    return p->nlabels++;
}

/* Lines of the file without their ends and without empty ones. */
static bool read_lines(mb_arena *a, const char *path, const char ***line, int *n, mb_error *err)
{
    char *text;
    size_t bytes, most = 2;
    if (!mb_file_read(path, a, &text, &bytes, err)) return false;
    for (size_t i = 0; i < bytes; i++) most += text[i] == '\n';
    *line = mb_alloc(a, most, sizeof **line, err);
    *n = 0;
    for (char *at = text; *line && *at;) {
        char *end = at + strcspn(at, "\n"), *next = *end ? end + 1 : end;
        *end = 0;
        if (end > at && end[-1] == '\r') end[-1] = 0;
        if (*at) (*line)[(*n)++] = at;
        at = next;
    }
    return *line != NULL;
}

static bool room(struct points *p, mb_arena *a, int n, mb_error *err)
{
    p->title = mb_alloc(a, (size_t)n + 1, sizeof *p->title, err);
    p->label = mb_alloc(a, (size_t)n + 1, sizeof *p->label, err);
    p->label_name = mb_alloc(a, LABELS_MOST, sizeof *p->label_name, err);
    return p->title && p->label && p->label_name;
}

/* ---- texts: a line each, "text" or "title<TAB>text" or "title<TAB>text<TAB>label" ---- */

static bool read_texts(mb_arena *a, const char *path, int most, struct points *p, mb_error *err)
{
    const char **line;
    int n, labelled = 0;
    if (!read_lines(a, path, &line, &n, err)) return false;
    int step = (n + most - 1) / most, at = 0;
    if (step < 1) step = 1;
    const char **text = mb_alloc(a, (size_t)n + 1, sizeof *text, err);
    if (!text || !room(p, a, n, err)) return false;
    for (int i = 0; i < n; i += step, at++) {
        char *copy = mb_strdup(a, line[i], err), *tab = copy ? strchr(copy, '\t') : NULL, *second = tab ? strchr(tab + 1, '\t') : NULL;
        if (!copy) return false;
        if (tab) *tab = 0;
        if (second) *second = 0;
        p->title[at] = copy;
        text[at] = tab ? tab + 1 : copy;
        p->label[at] = label_of(p, a, second ? second + 1 : "", err);
        labelled += second != NULL;
    }
    if (labelled == 0) p->label = NULL;
    p->what = "texts";
    if (at < 8) return mb_fail(err, MB_ERR_FORMAT, "%.250s: %d texts are too few for a map, 8 are the least", path, at);
    if (!mb_tfidf_make(a, text, at, WORDS_MOST, &p->words, err)) return mb_note(err, "in %.150s", path);
    p->n = at;
    p->d = p->words.words;
    p->x = p->words.value;
    return true;
}

/* ---- tables: a header, columns of numbers; a column "title", "label" or "value" is what it says ---- */

struct column { char name[64]; bool numeric; };

static int split(char *line, char **cell)
{
    int n = 0;
    for (char *at = line;; at++) {
        if (n == COLUMNS_MOST) return n;
        cell[n++] = at;
        at += strcspn(at, ",");
        if (!*at) return n;
        *at = 0;
    }
}

static bool table_row(mb_arena *a, const char *path, int number, struct points *p, const struct column *column, int columns, char **cell, mb_error *err)
{
    int i = p->n, d = 0;
    p->title[i] = NULL;
    for (int k = 0; k < columns; k++) {
        double v;
        if (strcmp(column[k].name, "label") == 0) {
            p->label[i] = label_of(p, a, cell[k], err);
        } else if (strcmp(column[k].name, "title") == 0 || !column[k].numeric) {
            if (!p->title[i]) p->title[i] = cell[k];
        } else {
            if (!mb_parse_double(cell[k], &v) || !isfinite(v)) return bad(path, number, "not a number", err);
            if (strcmp(column[k].name, "value") == 0) p->shade[i] = v;
            else p->x[(size_t)i * (size_t)p->d + (size_t)d++] = v;
        }
    }
    if (!p->title[i]) {
        char text[32];
        snprintf(text, sizeof text, "row %d", number - 1);
        if (!(p->title[i] = mb_strdup(a, text, err))) return false;
    }
    p->n++;
    return true;
}

static bool read_table(mb_arena *a, const char *path, int most, struct points *p, mb_error *err)
{
    const char **line;
    int n;
    char **cell = mb_alloc(a, COLUMNS_MOST, sizeof *cell, err);
    struct column *column = mb_alloc(a, COLUMNS_MOST, sizeof *column, err);
    if (!cell || !column || !read_lines(a, path, &line, &n, err) || !room(p, a, n, err)) return false;
    if (n < 2) return bad(path, 1, "expected a header and rows of numbers", err);
    int columns = split((char *)(uintptr_t)line[0], cell), step = (n - 1 + most - 1) / most;
    bool labelled = false, shaded = false;
    for (int k = 0; k < columns; k++) snprintf(column[k].name, sizeof column[k].name, "%s", cell[k]);
    char *first = mb_strdup(a, line[1], err);
    if (!first || split(first, cell) != columns) return first ? bad(path, 2, "as many cells as the header has were expected", err) : false;
    for (int k = 0; k < columns; k++) {
        double v;
        bool is_value = strcmp(column[k].name, "value") == 0;
        column[k].numeric = mb_parse_double(cell[k], &v);
        labelled = labelled || strcmp(column[k].name, "label") == 0;
        shaded = shaded || (is_value && column[k].numeric);
        p->d += column[k].numeric && !is_value && strcmp(column[k].name, "label") != 0 && strcmp(column[k].name, "title") != 0;
    }
    if (p->d < 2) return bad(path, 2, "fewer than two columns of numbers", err);
    p->x = mb_alloc(a, (size_t)n * (size_t)p->d, sizeof *p->x, err);
    p->shade = mb_alloc(a, (size_t)n, sizeof *p->shade, err);
    if (!p->x || !p->shade) return false;
    for (int i = 1; i < n; i += step) {
        if (split((char *)(uintptr_t)line[i], cell) != columns) return bad(path, i + 1, "as many cells as the header has were expected", err);
        if (!table_row(a, path, i + 1, p, column, columns, cell, err)) return false;
    }
    if (!labelled) p->label = NULL;
    if (!shaded) p->shade = NULL;
    p->shade_name = "value";
    p->what = "vectors";
    return true;
}

/* ---- NumPy ---- */

static bool read_npy(mb_arena *a, const char *path, int most, struct points *p, mb_error *err)
{
    char *data;
    size_t bytes;
    if (!mb_file_read(path, a, &data, &bytes, err)) return false;
    const unsigned char *u = (const unsigned char *)data;
    bool ok = bytes > 12 && memcmp(data, "\x93NUMPY", 6) == 0 && (u[6] == 1 || u[6] == 2);
    size_t begin = ok ? (u[6] == 1 ? 10 + (size_t)(u[8] | u[9] << 8) : 12 + (size_t)(u[8] | u[9] << 8 | u[10] << 16 | u[11] << 24)) : 0;
    if (!ok || begin > bytes) return mb_fail(err, MB_ERR_FORMAT, "%.250s: not a NumPy file", path);
    char head[1024];
    snprintf(head, sizeof head, "%.*s", (int)(begin - 10 < 1000 ? begin - 10 : 1000), data + 10);
    bool single = strstr(head, "'<f4'") != NULL, rows = strstr(head, "'fortran_order': False") != NULL;
    const char *shape = strstr(head, "'shape': (");
    char *end = NULL;
    long n = shape ? strtol(shape + 10, &end, 10) : 0, d = end && *end == ',' ? strtol(end + 1, &end, 10) : 0;
    if ((!single && !strstr(head, "'<f8'")) || !rows || n < 1 || d < 1 || *end != ')' || n > 10000000 || d > 1000000 ||
        (bytes - begin) / (single ? 4 : 8) < (size_t)n * (size_t)d) {
        mb_fail(err, MB_ERR_FORMAT, "%.250s: expected a table of float32 or float64, row by row", path);
        return mb_note(err, "its header: %.150s", head);
    }
    int step = (int)((n + most - 1) / most);
    p->d = (int)d;
    if (!room(p, a, (int)n, err) || !(p->x = mb_alloc(a, (size_t)(n / step + 1) * (size_t)d, sizeof *p->x, err))) return false;
    for (long i = 0; i < n; i += step, p->n++) {
        char text[32];
        for (long k = 0; k < d; k++) {
            float f;
            double v;
            const char *from = data + begin + (size_t)(i * d + k) * (single ? 4 : 8);
            if (single) memcpy(&f, from, 4);
            else memcpy(&v, from, 8);
            p->x[(size_t)p->n * (size_t)d + (size_t)k] = single ? (double)f : v;
            if (!isfinite(p->x[(size_t)p->n * (size_t)d + (size_t)k])) return mb_fail(err, MB_ERR_NUMERIC, "%.250s: row %ld is not finite", path, i);
        }
        snprintf(text, sizeof text, "row %ld", i);
        if (!(p->title[p->n] = mb_strdup(a, text, err))) return false;
    }
    p->label = NULL;
    p->what = "vectors";
    return true;
}

/* ---- what a policy makes of its observations ---- */

struct visit { int env, episode, step; double reward; };

/* Reward still to come in the episode, from behind. */
static void to_go(struct visit *v, int n, int nenvs, double *out)
{
    double sum[64] = { 0 };
    int episode[64];
    for (int e = 0; e < 64; e++) episode[e] = -1;
    for (int i = n - 1; i >= 0; i--) {
        int e = v[i].env;
        if (episode[e] != v[i].episode) sum[e] = 0;
        episode[e] = v[i].episode;
        out[i] = sum[e] += v[i].reward;
    }
}

static bool visit_states(cli *c, mb_player *player, int most, int episodes, struct points *p, mb_error *err)
{
    enum { STEPS_MOST = 200000 };
    const mb_vec_view *w = mb_vec_view_of(mb_player_vec(player));
    struct visit *v = mb_alloc(c->arena, STEPS_MOST, sizeof *v, err);
    int rows = 0, width = 0, n = 0, done = 0, episode[64] = { 0 }, step[64] = { 0 };
    float *all = NULL;
    if (!v) return false;
    while (done < episodes && n + w->nenvs <= STEPS_MOST) {
        if (*cli_stop_flag()) return mb_fail(err, MB_ERR_INTERRUPTED, "tsne: stopped");
        if (!mb_player_step(player, true, err)) return false;
        const float *z = mb_player_latent(player, &rows, &width);
        if (!z) return mb_fail(err, MB_ERR_UNSUPPORTED, "tsne: the policy of this algorithm has no hidden layer to look at");
        if (!all && !(all = mb_alloc(c->arena, (size_t)STEPS_MOST * (size_t)width, sizeof *all, err))) return false;
        int per = rows / w->nenvs; /* of several agents the first */
        for (int e = 0; e < w->nenvs; e++, n++) {
            memcpy(all + (size_t)n * (size_t)width, z + (size_t)e * (size_t)per * (size_t)width, (size_t)width * sizeof(float));
            v[n] = (struct visit){ e, episode[e], step[e]++, (double)w->reward[e * w->nagents] };
            if (w->last_length[e] == 0) continue;
            episode[e]++, done++, step[e] = 0;
        }
    }
    int every = (n + most - 1) / most;
    double *go = mb_alloc(c->arena, (size_t)n, sizeof *go, err);
    p->d = width;
    p->x = mb_alloc(c->arena, (size_t)(n / every + 1) * (size_t)width, sizeof *p->x, err);
    p->shade = mb_alloc(c->arena, (size_t)n, sizeof *p->shade, err);
    if (!go || !p->x || !p->shade || !room(p, c->arena, n, err)) return false;
    to_go(v, n, w->nenvs, go);
    mb_rng r = mb_rng_make(1, "tsne.sample", 0);
    for (int i = 0; i < n; i += every, p->n++) { /* one of each stretch: an even step would pick the same environments */
        char text[TITLE];
        int at = i + mb_below(&r, n - i < every ? n - i : every);
        for (int k = 0; k < width; k++) p->x[(size_t)p->n * (size_t)width + (size_t)k] = (double)all[(size_t)at * (size_t)width + (size_t)k];
        p->shade[p->n] = go[at];
        snprintf(text, sizeof text, "environment %d, episode %d, step %d: %.4g still to come", v[at].env, v[at].episode + 1, v[at].step, go[at]);
        if (!(p->title[p->n] = mb_strdup(c->arena, text, err))) return false;
    }
    p->label = NULL;
    p->shade_name = "reward still to come in the episode";
    return true;
}

static bool read_run(cli *c, const char *dir, int most, int episodes, struct points *p, mb_error *err)
{
    char what[256];
    mb_player *player = mb_player_open(dir, episodes < 16 ? episodes : 16, MB_SEED_OF_RUN, NULL, err);
    if (!player) return false;
    const mb_settings *s = mb_player_settings(player);
    snprintf(what, sizeof what, "states of %.100s on %.100s", mb_settings_algo(s)->name, mb_settings_env(s)->name);
    bool ok = (p->what = mb_strdup(c->arena, what, err)) && visit_states(c, player, most, episodes, p, err);
    mb_player_free(player);
    return ok;
}

bool points_read(cli *c, const char *path, int most, int episodes, struct points *out, mb_error *err)
{
    char config[1200];
    *out = (struct points){ 0 };
    snprintf(config, sizeof config, "%.1000s/config.yaml", path);
    bool ok;
    if (access(config, F_OK) == 0) ok = read_run(c, path, most, episodes, out, err);
    else if (ends_with(path, ".npy")) ok = read_npy(c->arena, path, most, out, err);
    else if (ends_with(path, ".csv")) ok = read_table(c->arena, path, most, out, err);
    else ok = read_texts(c->arena, path, most, out, err);
    if (ok && out->n < 8) return mb_fail(err, MB_ERR_FORMAT, "%.250s: %d points are too few for a map, 8 are the least", path, out->n);
    return ok;
}
