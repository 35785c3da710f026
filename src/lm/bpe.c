/* Byte-pair encoding of one piece: the pair of lowest rank is merged until none is left (Sennrich et al. 2016). */
#include "lm/tokenizer.h"
#include <string.h>

static uint32_t mix(uint64_t x)
{
    x ^= x >> 31;
    x *= 0x9e3779b97f4a7c15ull;
    x ^= x >> 29;
    x *= 0xbf58476d1ce4e5b9ull;
    return (uint32_t)(x >> 32);
}

static const mb__merge *merge_of(const mb_tokenizer *t, int32_t left, int32_t right)
{
    if (!t->nmerge_hash) return NULL;
    for (uint32_t i = mix((uint64_t)(uint32_t)left << 32 | (uint32_t)right);; i++) {
        const mb__merge *m = &t->merge[i & (t->nmerge_hash - 1)];
        if (m->rank < 0) return NULL;
        if (m->left == left && m->right == right) return m;
    }
}

void mb__merge_add(mb_tokenizer *t, mb__merge m)
{
    for (uint32_t i = mix((uint64_t)(uint32_t)m.left << 32 | (uint32_t)m.right);; i++) {
        mb__merge *at = &t->merge[i & (t->nmerge_hash - 1)];
        bool same = at->rank >= 0 && at->left == m.left && at->right == m.right;
        if (at->rank >= 0 && !same) continue;
        if (!same) *at = m; /* the first of two equal pairs counts */
        return;
    }
}

/* A symbol in a list of those that are left; a merge that may be made, in a heap by rank and place. */
struct symbol { int32_t id, before, after; };
struct offer { int32_t rank, at, left, right, result; };
struct heap { struct offer *v; int n; };

static bool sooner(const struct offer *a, const struct offer *b) { return a->rank != b->rank ? a->rank < b->rank : a->at < b->at; }

static void push(struct heap *h, struct offer x)
{
    int i = h->n++;
    for (; i > 0 && sooner(&x, &h->v[(i - 1) / 2]); i = (i - 1) / 2) h->v[i] = h->v[(i - 1) / 2];
    h->v[i] = x;
}

static struct offer pop(struct heap *h)
{
    struct offer first = h->v[0], last = h->v[--h->n];
    int i = 0;
    for (int child; (child = 2 * i + 1) < h->n; i = child) {
        if (child + 1 < h->n && sooner(&h->v[child + 1], &h->v[child])) child++;
        if (!sooner(&h->v[child], &last)) break;
        h->v[i] = h->v[child];
    }
    h->v[i] = last;
    return first;
}

static void offer(const mb_tokenizer *t, struct heap *h, const struct symbol *s, int32_t at)
{
    if (at < 0 || s[at].after < 0) return;
    int32_t left = s[at].id, right = s[s[at].after].id;
    const mb__merge *m = merge_of(t, left, right);
    if (m) push(h, (struct offer){ m->rank, at, left, right, m->result });
}

int mb__bpe(const mb_tokenizer *t, const char *text, size_t n, int32_t *ids, int cap, mb_arena *scratch, mb_error *err)
{
    int32_t whole = t->ignore_merges ? mb_token_id(t, text, n) : -1;
    if (n == 0) return 0;
    if (whole >= 0 && cap > 0) return ids[0] = whole, 1;
    for (size_t i = 0; i < n; i++)
        if (t->byte_id[(uint8_t)text[i]] < 0)
            return mb_fail(err, MB_ERR_RANGE, "tokenizer: no token of this vocabulary stands for byte %d ('%.*s')", (uint8_t)text[i],
                           (uint8_t)text[i] >= 33 && (uint8_t)text[i] < 127, text + i), -1;
    size_t mark = mb_arena_mark(scratch);
    struct symbol *s = mb_alloc(scratch, n, sizeof *s, err);
    struct heap h = { mb_alloc(scratch, 3 * n, sizeof *h.v, err), 0 }; /* n - 1 at first, two more for each of n - 1 merges */
    if (!s || !h.v) return -1;
    for (size_t i = 0; i < n; i++) s[i] = (struct symbol){ t->byte_id[(uint8_t)text[i]], (int32_t)i - 1, i + 1 < n ? (int32_t)i + 1 : -1 };
    for (size_t i = 0; i + 1 < n; i++) offer(t, &h, s, (int32_t)i);
    while (h.n) {
        struct offer x = pop(&h);
        struct symbol *left = &s[x.at];
        if (left->id != x.left || left->after < 0 || s[left->after].id != x.right) continue; /* merged meanwhile */
        struct symbol *right = &s[left->after];
        left->id = x.result;
        right->id = -1;
        left->after = right->after;
        if (left->after >= 0) s[left->after].before = x.at;
        offer(t, &h, s, left->before);
        offer(t, &h, s, x.at);
    }
    int count = 0;
    for (int32_t i = 0; i >= 0; i = s[i].after) {
        if (count < cap) ids[count] = s[i].id;
        count++;
    }
    mb_arena_release(scratch, mark);
    return count;
}
