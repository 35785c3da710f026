/* Texts as vectors: words weighed by how often they occur here and how seldom elsewhere (Salton & Buckley 1988). */
#include "matchbox/embedding.h"
#include "matchbox/math.h"
#include <math.h>
#include <string.h>

enum { WORD_BYTES = 64 };
struct entry { const char *word; int texts, last, column; };
struct words { mb_arena *arena; struct entry *entry; size_t room, used; };

/* Letters and digits, and whatever is beyond ASCII. */
static bool of_word(char c)
{
    unsigned char u = (unsigned char)c;
    return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= '0' && u <= '9') || u == '_' || u >= 128;
}

/* The next word of two letters or more, lower case; false: the text is over. */
static bool next_word(const char **at, char *out)
{
    for (;;) {
        while (**at && !of_word(**at)) ++*at;
        if (!**at) return false;
        size_t n = 0, letters = 0;
        for (; of_word(**at); ++*at) {
            char c = **at;
            letters += ((unsigned char)c & 0xc0) != 0x80;
            if (n < WORD_BYTES - 1) out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
        }
        out[n] = 0;
        if (letters >= 2) return true;
    }
}

static struct entry *find(struct words *w, const char *word)
{
    size_t at = mb_crc32c(0, word, strlen(word)) % w->room;
    while (w->entry[at].word && strcmp(w->entry[at].word, word) != 0) at = (at + 1) % w->room;
    return &w->entry[at];
}

static bool count_texts(struct words *w, const char *const *text, int n, mb_error *err)
{
    char word[WORD_BYTES];
    for (int i = 0; i < n; i++)
        for (const char *at = text[i]; next_word(&at, word);) {
            struct entry *e = find(w, word);
            if (!e->word) {
                if (!(e->word = mb_strdup(w->arena, word, err))) return false;
                e->last = e->column = -1;
                w->used++;
            }
            e->texts += e->last != i;
            e->last = i;
        }
    return true;
}

static bool before(const struct entry *a, const struct entry *b)
{
    return a->texts > b->texts || (a->texts == b->texts && strcmp(a->word, b->word) < 0);
}

/* Heapsort: the entries in the most texts first. */
static void sift(const struct entry **e, size_t at, size_t n)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n) return;
        if (child + 1 < n && before(e[child], e[child + 1])) child++;
        if (!before(e[at], e[child])) return;
        const struct entry *t = e[at];
        e[at] = e[child], e[child] = t;
        at = child;
    }
}

static void sort(const struct entry **e, size_t n)
{
    for (size_t i = n / 2; i > 0; i--) sift(e, i - 1, n);
    for (size_t i = n; i > 1; i--) {
        const struct entry *t = e[0];
        e[0] = e[i - 1], e[i - 1] = t;
        sift(e, 0, i - 1);
    }
}

/* Give columns to the words that are kept. */
static bool choose(struct words *w, int most, mb_tfidf *out, mb_error *err)
{
    const struct entry **kept = mb_alloc(w->arena, w->used + 1, sizeof *kept, err);
    size_t n = 0;
    for (size_t i = 0; kept && i < w->room; i++)
        if (w->entry[i].word && w->entry[i].texts >= 2) kept[n++] = &w->entry[i];
    if (!kept) return false;
    if (n == 0) return mb_fail(err, MB_ERR_FORMAT, "the texts have no word in common");
    sort(kept, n);
    out->words = n < (size_t)most ? (int)n : most;
    out->word = mb_alloc(w->arena, (size_t)out->words, sizeof *out->word, err);
    for (int i = 0; out->word && i < out->words; i++) {
        w->entry[kept[i] - w->entry].column = i;
        out->word[i] = kept[i]->word;
    }
    return out->word != NULL;
}

bool mb_tfidf_make(mb_arena *a, const char *const *text, int n, int most, mb_tfidf *out, mb_error *err)
{
    struct words w = { .arena = a, .room = 1024 };
    char word[WORD_BYTES];
    *out = (mb_tfidf){ .n = n };
    for (int i = 0; i < n; i++) w.room += strlen(text[i]);
    w.entry = mb_alloc(a, w.room, sizeof *w.entry, err);
    if (!w.entry || !count_texts(&w, text, n, err) || !choose(&w, most, out, err)) return false;
    size_t width = (size_t)out->words;
    if (!(out->value = mb_alloc(a, (size_t)n * width, sizeof *out->value, err))) return false;
    for (int i = 0; i < n; i++) {
        double *row = out->value + (size_t)i * width, square = 0;
        for (const char *at = text[i]; next_word(&at, word);) {
            const struct entry *e = find(&w, word);
            if (e->column >= 0) row[e->column] += mb_log64((1.0 + n) / (1.0 + e->texts)) + 1;
        }
        for (size_t k = 0; k < width; k++) square += row[k] * row[k];
        for (size_t k = 0; k < width && square > 0; k++) row[k] /= sqrt(square);
    }
    return true;
}
