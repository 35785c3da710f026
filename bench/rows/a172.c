/* a172.c - pages of experiments (catalogue row A172): every stored verdict has a page, and what its pictures show is what was measured.
     a172 --seed=N     reads results/ID/ of every experiment: verdict.json, README.md, seeds.jsonl and the pictures of values
   Prints how many verdicts, pages and dots there are, pictures that no page shows, dots missing or too many, and the largest distance
   in pixels between a dot and the place of its number on the axis that is drawn beside it. */
#include <dirent.h>
#include <math.h>
#include "row.h"

enum { ARMS = 64, SEEDS = 256 };

struct tally { double verdicts, pages, pictures, unshown, dots, missing, off; };
struct picture {
    double value[2], at[2]; int ticks; /* the first and the last tick: number and place */
    char metric[160], arm[ARMS][160]; int arms;
    double dot[ARMS * SEEDS]; int dots;
};

static char *read_text(mb_arena *a, const char *dir, const char *name)
{
    char path[1400], *text = NULL;
    size_t n;
    mb_error err = { 0 };
    snprintf(path, sizeof path, "%.1000s/%s", dir, name);
    return mb_file_read(path, a, &text, &n, &err) ? text : NULL;
}

/* What stands between > and <, with &lt; and &amp; undone. */
static void content(const char *line, char *out, size_t n)
{
    size_t k = 0;
    for (const char *c = strchr(line, '>') + 1; *c && *c != '<' && k + 1 < n; c++) {
        bool lt = strncmp(c, "&lt;", 4) == 0, amp = strncmp(c, "&amp;", 5) == 0;
        out[k++] = *c;
        if (lt) out[k - 1] = '<', c += 3;
        if (amp) c += 4;
    }
    out[k] = 0;
}

/* "0.25", "10k", "2M" */
static double tick_number(const char *text)
{
    char *end;
    double v = strtod(text, &end);
    return v * (*end == 'k' ? 1e3 : *end == 'M' ? 1e6 : *end == 'G' || *end == 'B' ? 1e9 : 1);
}

static double attribute(const char *line, const char *name)
{
    const char *at = strstr(line, name);
    return at ? strtod(at + strlen(name), NULL) : (double)NAN;
}

static void read_line(struct picture *p, const char *line)
{
    char text[160];
    if (strncmp(line, "<polygon", 8) == 0 && strstr(line, "fill=\"#333333\"")) {
        const char *comma = strchr(strstr(line, "points=\""), ',');
        if (p->dots < ARMS * SEEDS) p->dot[p->dots++] = strtod(comma + 1, NULL);
        return;
    }
    if (strncmp(line, "<text", 5) != 0) return;
    content(line, text, sizeof text);
    if (strstr(line, "rotate(-90")) snprintf(p->metric, sizeof p->metric, "%s", text);
    else if (strstr(line, "text-anchor=\"end\"")) {
        int k = p->ticks++ > 0;
        p->value[k] = tick_number(text);
        p->at[k] = attribute(line, " y=\"") - 4.5; /* the words stand a little below their line */
    } else if (strstr(line, "font-size=\"13\"") && p->arms < ARMS) snprintf(p->arm[p->arms++], sizeof p->arm[0], "%s", text);
}

static void read_picture(struct picture *p, char *text)
{
    *p = (struct picture){ .ticks = 0 };
    for (char *line = text, *end; *line; line = end + 1) {
        end = line + strcspn(line, "\n");
        bool last = !*end;
        *end = 0;
        read_line(p, line);
        if (last) break;
    }
}

/* The numbers of an arm, in the order of the file; the arm's label may be cut short. */
static int values_of(const char *data, const char *label, const char *metric, double *out)
{
    char arm[200], key[200];
    int n = 0;
    snprintf(arm, sizeof arm, "{\"arm\":\"%s\"", label);
    if (!strstr(data, arm)) arm[strlen(arm) - 1] = 0; /* no such arm: one that begins so */
    snprintf(key, sizeof key, "\"%s\":", metric);
    for (const char *line = data; *line && n < SEEDS; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t length = strcspn(line, "\n");
        const char *at = strncmp(line, arm, strlen(arm)) == 0 ? strstr(line, key) : NULL;
        if (at && at < line + length) out[n++] = strtod(at + strlen(key), NULL);
    }
    return n;
}

static void compare(const struct picture *p, const char *data, struct tally *t)
{
    int at = 0;
    double v[SEEDS];
    for (int i = 0; i < p->arms; i++) {
        int n = values_of(data, p->arm[i], p->metric, v);
        for (int k = 0; k < n && at < p->dots; k++, at++) {
            double place = p->at[0] + (v[k] - p->value[0]) / (p->value[1] - p->value[0]) * (p->at[1] - p->at[0]);
            t->off = fmax(t->off, fabs(place - p->dot[at]));
            t->dots++;
        }
        if (n == 0) t->missing++;
    }
    t->missing += p->dots - at;
}

static int pictures_only(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 4 && strcmp(d->d_name + n - 4, ".svg") == 0;
}

static void read_experiment(mb_arena *a, const char *dir, struct tally *t)
{
    static struct picture p;
    struct dirent **entry;
    char *page = read_text(a, dir, "README.md"), *data = read_text(a, dir, "seeds.jsonl");
    if (!read_text(a, dir, "verdict.json")) return;
    t->verdicts++;
    t->pages += page && data;
    int n = page && data ? scandir(dir, &entry, pictures_only, alphasort) : 0;
    for (int i = 0; i < n; i++) {
        const char *name = entry[i]->d_name;
        char *text = read_text(a, dir, name);
        t->pictures++;
        t->unshown += strstr(page, name) == NULL;
        if (text && strncmp(name, "curves", 6) != 0) {
            read_picture(&p, text);
            compare(&p, data, t);
        }
        free(entry[i]);
    }
    if (n > 0) free(entry);
}

int main(int argc, char **argv)
{
    static const char *const names[] = { "verdicts", "pages", "pictures", "unshown", "dots", "missing", "off" };
    struct tally t = { 0 };
    char root[1024], path[1400];
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
    row_root(root, sizeof root);
    snprintf(path, sizeof path, "%s/results", root);
    DIR *d = a ? opendir(path) : NULL;
    if (!d) return fprintf(stderr, "a172: cannot open %s\n", path), 1;
    for (struct dirent *at; (at = readdir(d));) {
        snprintf(path, sizeof path, "%s/results/%.200s", root, at->d_name);
        if (*at->d_name != '.') read_experiment(a, path, &t);
    }
    closedir(d);
    row_print(7, names, (double[]){ t.verdicts, t.pages, t.pictures, t.unshown, t.dots, t.missing, t.off });
    mb_arena_free(a);
    return 0;
}
