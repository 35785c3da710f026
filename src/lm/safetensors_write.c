/* Writing safetensors, and finding a tensor by name. */
#include "lm/safetensors.h"
#include <stdio.h>
#include <string.h>

const mb_st_tensor *mb_safetensors_find(const mb_safetensors *f, const char *name)
{
    int lo = 0, hi = f->n;
    while (lo < hi) {
        int mid = lo + (hi - lo) / 2, order = strcmp(f->tensor[mid].name, name);
        if (order == 0) return &f->tensor[mid];
        if (order < 0) lo = mid + 1;
        else hi = mid;
    }
    return NULL;
}

/* Large element types first, so that every tensor is aligned; then by name. */
static bool before(const mb_st_tensor *a, const mb_st_tensor *b)
{
    if (a->type != b->type) return a->type > b->type;
    return strcmp(a->name, b->name) < 0;
}

static const mb_st_tensor **ordered(const mb_st_tensor *t, int n, mb_arena *a, mb_error *err)
{
    const mb_st_tensor **p = mb_alloc(a, (size_t)n, sizeof *p, err);
    for (int i = 0; p && i < n; i++) {
        int k = i;
        for (; k > 0 && before(&t[i], p[k - 1]); k--) p[k] = p[k - 1];
        p[k] = &t[i];
    }
    return p;
}

bool mb_safetensors_write(const char *path, const mb_st_tensor *tensors, int n, mb_arena *scratch, mb_error *err)
{
    const mb_st_tensor **t = ordered(tensors, n, scratch, err);
    size_t text = 64, data = 0;
    for (int i = 0; i < n; i++) {
        text += 6 * strlen(tensors[i].name) + 300;
        data += (size_t)tensors[i].n * mb_st_type_bytes(tensors[i].type);
    }
    char *file = mb_alloc(scratch, 8 + text + data, 1, err);
    if (!t || !file) return false;
    mb_str h;
    mb_str_init(&h, file + 8, text);
    mb_str_add(&h, "{");
    for (size_t i = 0, at = 0; i < (size_t)n; i++) {
        size_t bytes = (size_t)t[i]->n * mb_st_type_bytes(t[i]->type);
        if (i) mb_str_add(&h, ",");
        mb_str_json(&h, t[i]->name);
        mb_str_add(&h, ":{\"dtype\":\"%s\",\"shape\":[", mb_st_type_name(t[i]->type));
        for (int k = 0; k < t[i]->rank; k++) mb_str_add(&h, k ? ",%lld" : "%lld", (long long)t[i]->d[k]);
        mb_str_add(&h, "],\"data_offsets\":[%zu,%zu]}", at, at + bytes);
        at += bytes;
    }
    mb_str_add(&h, "}");
    while (h.n % 8) mb_str_add(&h, " "); /* the data begins at a multiple of 8 */
    MB_ASSERT(!h.full);
    for (int i = 0; i < 8; i++) file[i] = (char)((uint64_t)h.n >> (8 * i) & 255);
    char *at = file + 8 + h.n;
    for (int i = 0; i < n; i++) {
        size_t bytes = (size_t)t[i]->n * mb_st_type_bytes(t[i]->type);
        memcpy(at, t[i]->data, bytes);
        at += bytes;
    }
    return mb_file_write(path, file, (size_t)(at - file), err);
}
