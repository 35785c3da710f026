/* A map as one page: SVG, a few lines of script for hovering and for changing between the maps, nothing from outside. */
#include "cli/curves.h"
#include "cli/map.h"
#include <math.h>
#include <string.h>

enum { W = 1000, H = 720, EDGE = 46 };

static const char STYLE[] =
    "<style>:root{--ink:#222;--soft:#667;--paper:#fff;--card:#fff;--line:#dde}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e8e8ee;--soft:#a0a4b0;--paper:#16181d;--card:#22252c;--line:#333a46}}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.45 Inter,system-ui,Helvetica,Arial,sans-serif}"
    "main{max-width:1060px;margin:0 auto;padding:22px 18px}h1{font-size:22px;margin:0 0 2px;font-weight:650}"
    "p{margin:0 0 12px;color:var(--soft)}b{color:var(--ink);font-weight:600}svg{width:100%;height:auto;display:block;touch-action:manipulation}"
    ".bar{display:flex;flex-wrap:wrap;gap:8px 18px;align-items:center;margin:10px 0}"
    "button{font:inherit;border:1px solid var(--line);background:var(--card);color:var(--ink);border-radius:8px;padding:5px 14px;cursor:pointer}"
    "button[aria-pressed=true]{background:#0072b2;border-color:#0072b2;color:#fff}"
    "circle{transition:cx .7s ease,cy .7s ease;stroke:var(--paper);stroke-width:.8}circle:hover{stroke:var(--ink);stroke-width:2}"
    ".o{fill:var(--paper);stroke:currentColor;stroke-width:2.6}.key .o{border:2.6px solid;width:6px;height:6px;background:none}"
    ".hull,.name,.line{transition:opacity .4s}.pca .hull,.pca .name,.pca .line{opacity:0}"
    ".name{font-size:14px;font-weight:600;text-anchor:middle;fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:4px;stroke-linejoin:round}"
    "@media(max-width:600px){.name{font-size:24px}}"
    ".key{display:inline-flex;align-items:center;gap:6px;color:var(--soft);font-size:13px}.key i{width:11px;height:11px;border-radius:50%;display:inline-block}"
    "#tip{position:fixed;pointer-events:none;max-width:340px;background:var(--card);color:var(--ink);border:1px solid var(--line);border-radius:8px;"
    "padding:6px 10px;font-size:13px;box-shadow:0 4px 18px #0003;opacity:0;transition:opacity .12s}</style>\n";

static const char SCRIPT[] =
    "<script>\n(function(){var s=document.querySelector('svg'),tip=document.getElementById('tip'),b=document.querySelectorAll('button');\n"
    "function show(k){s.setAttribute('class',k);for(var i=0;i<b.length;i++)b[i].setAttribute('aria-pressed',b[i].dataset.map===k);\n"
    "s.querySelectorAll('circle').forEach(function(c){var p=c.dataset[k].split(' ');c.setAttribute('cx',p[0]);c.setAttribute('cy',p[1]);\n"
    "c.style.cx=p[0]+'px';c.style.cy=p[1]+'px'})}\n"
    "b.forEach(function(x){x.onclick=function(){show(x.dataset.map)}});\n"
    "s.querySelectorAll('circle').forEach(function(c){var t=c.querySelector('title');c.dataset.t=t.textContent;t.remove()});\n"
    "s.addEventListener('pointermove',function(e){var c=e.target;if(c.tagName!=='circle'){tip.style.opacity=0;return}\n"
    "tip.textContent=c.dataset.t;tip.style.opacity=1;var x=Math.min(e.clientX+14,innerWidth-tip.offsetWidth-8);\n"
    "tip.style.left=x+'px';tip.style.top=(e.clientY+16+tip.offsetHeight>innerHeight?e.clientY-tip.offsetHeight-10:e.clientY+16)+'px'});\n"
    "s.addEventListener('pointerleave',function(){tip.style.opacity=0})})()\n</script>\n";

/* ---- colours ---- */

/* Viridis, at ten places. */
static unsigned shade_color(double v)
{
    static const unsigned char at[10][3] = { { 72, 24, 106 }, { 71, 45, 123 }, { 62, 73, 137 }, { 49, 104, 142 }, { 38, 130, 142 },
                                             { 31, 158, 137 }, { 53, 183, 121 }, { 109, 205, 89 }, { 180, 222, 44 }, { 253, 231, 37 } };
    double x = 9 * fmin(fmax(v, 0), 1);
    int i = x < 8 ? (int)x : 8;
    unsigned color = 0;
    for (int k = 0; k < 3; k++) color = color << 8 | (unsigned)(at[i][k] + (x - i) * (at[i + 1][k] - at[i][k]) + 0.5);
    return color;
}

struct ink { double low, high; int color; };

static struct ink ink_of(const struct map *m)
{
    const struct points *p = m->points;
    struct ink k = { HUGE_VAL, -HUGE_VAL, m->color };
    if (k.color == COLOR_AUTO) k.color = p->shade ? COLOR_VALUE : p->label ? COLOR_LABEL : COLOR_CLUSTER;
    if ((k.color == COLOR_VALUE && !p->shade) || (k.color == COLOR_LABEL && !p->label)) k.color = COLOR_CLUSTER;
    for (int i = 0; i < p->n && k.color == COLOR_VALUE; i++) k.low = fmin(k.low, p->shade[i]), k.high = fmax(k.high, p->shade[i]);
    return k;
}

static unsigned plain_color(int i)
{
    unsigned c = curve_color(i);
    return c ? c : 0x7f7f7f; /* black would vanish on a dark page */
}

static unsigned point_color(const struct map *m, const struct ink *k, int i)
{
    const struct points *p = m->points;
    if (k->color == COLOR_VALUE) return shade_color(k->high > k->low ? (p->shade[i] - k->low) / (k->high - k->low) : 0.5);
    return plain_color(k->color == COLOR_LABEL ? p->label[i] : m->cluster[i]);
}

/* Eight colours can be told apart: after them come rings. */
static bool is_ring(const struct map *m, const struct ink *k, int i)
{
    return k->color == COLOR_LABEL ? m->points->label[i] / 8 % 2 == 1 : k->color == COLOR_CLUSTER && m->cluster[i] / 8 % 2 == 1;
}

/* ---- places ---- */

struct frame { double x, y, scale; };

/* The same scale in both directions, in the middle of the picture. */
static struct frame frame_of(const double *y, int n)
{
    double low[2] = { HUGE_VAL, HUGE_VAL }, high[2] = { -HUGE_VAL, -HUGE_VAL };
    for (int i = 0; i < 2 * n; i++) low[i % 2] = fmin(low[i % 2], y[i]), high[i % 2] = fmax(high[i % 2], y[i]);
    double scale = fmin((W - 2 * EDGE) / fmax(high[0] - low[0], 1e-9), (H - 2 * EDGE) / fmax(high[1] - low[1], 1e-9));
    return (struct frame){ 0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1]), scale };
}

static double at_x(const struct frame *f, const double *y, int i) { return W / 2.0 + (y[2 * i] - f->x) * f->scale; }
static double at_y(const struct frame *f, const double *y, int i) { return H / 2.0 - (y[2 * i + 1] - f->y) * f->scale; }

static int members(const struct map *m, int cluster, int *member)
{
    int n = 0;
    for (int i = 0; i < m->points->n; i++)
        if (m->cluster[i] == cluster) member[n++] = i;
    return n;
}

static void draw_hulls(const struct map *m, const struct frame *f, int *member, int *corner, mb_str *out)
{
    for (int c = 0; c < m->nclusters; c++) {
        unsigned color = plain_color(c);
        int k = mb_convex_hull(m->tsne, member, members(m, c, member), corner);
        if (k < 1) continue;
        mb_str_add(out, "<g class=\"hull\" opacity=\".15\"><polygon fill=\"#%06x\" stroke=\"#%06x\" stroke-width=\"26\" stroke-linejoin=\"round\" points=\"", color, color);
        for (int i = 0; i < k; i++) mb_str_add(out, "%s%.1f,%.1f", i ? " " : "", at_x(f, m->tsne, corner[i]), at_y(f, m->tsne, corner[i]));
        mb_str_add(out, "\"/></g>\n");
    }
}

/* The words that a cluster's texts have more of than all texts. */
static void cluster_words(const struct map *m, const int *member, int n, char *out, size_t bytes)
{
    const mb_tfidf *t = &m->points->words;
    double best[3] = { 0, 0, 0 };
    int word[3] = { -1, -1, -1 };
    for (int k = 0; k < t->words; k++) {
        double inside = 0, all = 0;
        for (int i = 0; i < n; i++) inside += t->value[(size_t)member[i] * (size_t)t->words + (size_t)k] / n;
        for (int i = 0; i < t->n; i++) all += t->value[(size_t)i * (size_t)t->words + (size_t)k] / t->n;
        double score = strlen(t->word[k]) < 3 ? 0 : inside - all;
        int at = 3;
        while (at > 0 && score > best[at - 1]) at--;
        for (int i = 2; i > at; i--) best[i] = best[i - 1], word[i] = word[i - 1];
        if (at < 3) best[at] = score, word[at] = k;
    }
    *out = 0;
    for (int i = 0; i < 3 && word[i] >= 0; i++) {
        size_t used = strlen(out);
        snprintf(out + used, bytes - used, "%s%s", i ? " · " : "", t->word[word[i]]);
    }
}

static void draw_names(const struct map *m, const struct frame *f, int *member, mb_str *out)
{
    for (int c = 0; c < m->nclusters && m->points->words.words > 0; c++) {
        char text[256];
        int n = members(m, c, member);
        double x = 0, y = 0;
        if (n == 0) continue;
        cluster_words(m, member, n, text, sizeof text);
        for (int i = 0; i < n; i++) x += at_x(f, m->tsne, member[i]) / n, y += at_y(f, m->tsne, member[i]) / n;
        double half = 3.9 * (double)strlen(text);
        x = fmin(fmax(x, half + 4), W - half - 4);
        mb_str_add(out, "<text class=\"name\" x=\"%.1f\" y=\"%.1f\">", x, y);
        svg_escaped(out, text);
        mb_str_add(out, "</text>\n");
    }
}

static void draw_points(const struct map *m, const struct frame *f, const struct frame *g, const struct ink *k, mb_str *out)
{
    int n = m->points->n;
    double radius = n > 3000 ? 2.4 : n > 800 ? 3.2 : n > 250 ? 4.4 : 6;
    for (int i = 0; i < n; i++) {
        double x = at_x(f, m->tsne, i), y = at_y(f, m->tsne, i);
        mb_str_add(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\" %s#%06x\" data-tsne=\"%.1f %.1f\" data-pca=\"%.1f %.1f\"><title>", x, y, radius,
                   is_ring(m, k, i) ? "class=\"o\" style=\"color:" : "fill=\"", point_color(m, k, i), x, y, at_x(g, m->pca, i), at_y(g, m->pca, i));
        svg_escaped(out, m->points->title[i]);
        if (m->points->label) {
            mb_str_add(out, " (");
            svg_escaped(out, m->points->label_name[m->points->label[i]]);
            mb_str_add(out, ")");
        }
        mb_str_add(out, "</title></circle>\n");
    }
}

static void draw_line(const struct map *m, const struct frame *f, mb_str *out)
{
    if (!m->line) return;
    mb_str_add(out, "<polyline class=\"line\" fill=\"none\" stroke=\"#888\" stroke-opacity=\".35\" stroke-width=\"1.2\" points=\"");
    for (int i = 0; i < m->points->n; i++) mb_str_add(out, "%s%.1f,%.1f", i ? " " : "", at_x(f, m->tsne, i), at_y(f, m->tsne, i));
    mb_str_add(out, "\"/>\n");
}

static void legend(const struct map *m, const struct ink *k, mb_str *out)
{
    const struct points *p = m->points;
    for (int i = 0; i < p->nlabels && k->color == COLOR_LABEL && i < 16; i++) {
        bool ring = i / 8 % 2 == 1;
        mb_str_add(out, "<span class=\"key\"><i %s#%06x\"></i>", ring ? "class=\"o\" style=\"color:" : "style=\"background:", plain_color(i));
        svg_escaped(out, p->label_name[i]);
        mb_str_add(out, "</span>\n");
    }
    if (k->color != COLOR_VALUE) return;
    mb_str_add(out, "<span class=\"key\">%s: %.4g <i style=\"width:110px;border-radius:5px;background:linear-gradient(90deg", p->shade_name, k->low);
    for (int i = 0; i <= 6; i++) mb_str_add(out, ",#%06x", shade_color(i / 6.0));
    mb_str_add(out, ")\"></i> %.4g</span>\n", k->high);
}

bool map_page(const struct map *m, const char *name, const char *path, mb_arena *a, mb_error *err)
{
    const struct points *p = m->points;
    size_t bytes = 64 * 1024 + (size_t)p->n * 1024;
    for (int i = 0; i < p->n; i++) bytes += 6 * strlen(p->title[i]);
    char *memory = mb_alloc(a, 1, bytes, err);
    int *member = mb_alloc(a, (size_t)p->n + 1, sizeof *member, err), *corner = mb_alloc(a, (size_t)p->n + 1, sizeof *corner, err);
    if (!memory || !member || !corner) return false;
    mb_str out;
    struct frame f = frame_of(m->tsne, p->n), g = frame_of(m->pca, p->n);
    struct ink k = ink_of(m);
    mb_str_init(&out, memory, bytes);
    mb_str_add(&out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>");
    svg_escaped(&out, name);
    mb_str_add(&out, "</title>\n%s</head><body><main>\n<h1>", STYLE);
    svg_escaped(&out, name);
    mb_str_add(&out, "</h1>\n<p>%d %s in %d dimensions. Trustworthiness of the map for %d neighbours: <b>%.3f</b> with t-SNE (perplexity %g), "
                     "<b>%.3f</b> with the first two principal components.</p>\n<div class=\"bar\">"
                     "<button data-map=\"tsne\" aria-pressed=\"true\">t-SNE</button><button data-map=\"pca\" aria-pressed=\"false\">PCA</button>\n",
               p->n, p->what, p->d, m->neighbours, m->trust_tsne, m->perplexity, m->trust_pca);
    legend(m, &k, &out);
    mb_str_add(&out, "</div>\n<svg class=\"tsne\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"map\">\n", W, H);
    draw_hulls(m, &f, member, corner, &out);
    draw_line(m, &f, &out);
    draw_points(m, &f, &g, &k, &out);
    draw_names(m, &f, member, &out);
    mb_str_add(&out, "</svg>\n<div id=\"tip\"></div>\n</main>\n%s</body></html>\n", SCRIPT);
    if (out.full) return mb_fail(err, MB_ERR_MEMORY, "tsne: the page is too long");
    return mb_file_write(path, out.s, out.n, err);
}
