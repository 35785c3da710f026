/* Reading safetensors: map, check every word of the header, sort. */
#include "lm/safetensors.h"
#ifdef MB_HAVE_JANSSON
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEADER_MOST = 100 << 20, PATH_BYTES = 1024 };

/* ---- one file ---- */

static bool map(const char *path, mb__shard *s, mb_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0) return mb_fail(err, MB_ERR_IO, "%.300s: cannot be opened", path);
    bool file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    void *at = file && st.st_size > 0 ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
    close(fd);
    if (!file) return mb_fail(err, MB_ERR_IO, "%.300s: is not a file", path);
    if (st.st_size < 8) {
        if (at != MAP_FAILED) munmap(at, (size_t)st.st_size);
        return mb_fail(err, MB_ERR_FORMAT, "%.300s: has %lld bytes; a safetensors file begins with 8 bytes of header length", path, (long long)st.st_size);
    }
    if (at == MAP_FAILED) return mb_fail(err, MB_ERR_IO, "%.300s: cannot be mapped", path);
    *s = (mb__shard){ path, at, (size_t)st.st_size };
    return true;
}

static bool type_of(const char *name, mb_st_type *out)
{
    for (int t = 0; name && t < MB_ST_TYPES; t++)
        if (strcmp(name, mb_st_type_name((mb_st_type)t)) == 0) {
            *out = (mb_st_type)t;
            return true;
        }
    return false;
}

/* name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}; begin: of the data in the file */
static bool read_tensor(const mb__shard *s, size_t begin, const char *name, const json_t *v, mb_st_tensor *t, mb_error *err)
{
    const char *type = json_string_value(json_object_get(v, "dtype"));
    const json_t *shape = json_object_get(v, "shape"), *offsets = json_object_get(v, "data_offsets");
    size_t bytes, rank = json_array_size(shape), room = s->bytes - begin;
    if (!type_of(type, &t->type))
        return mb_fail(err, MB_ERR_UNSUPPORTED, "%.200s: tensor '%.80s': type '%.20s' is not known", s->path, name, type ? type : "(none)");
    if (!json_is_array(shape) || rank > MB_ST_RANK)
        return mb_fail(err, MB_ERR_FORMAT, "%.200s: tensor '%.80s': 'shape' is not a list of at most %d numbers", s->path, name, MB_ST_RANK);
    t->rank = (int)rank;
    t->n = 1;
    bytes = mb_st_type_bytes(t->type);
    for (size_t i = 0; i < rank; i++) {
        const json_t *d = json_array_get(shape, i);
        t->d[i] = json_is_integer(d) ? (int64_t)json_integer_value(d) : -1;
        if (t->d[i] < 0 || !mb_size_mul(bytes, (size_t)t->d[i], &bytes))
            return mb_fail(err, MB_ERR_FORMAT, "%.200s: tensor '%.80s': element %zu of 'shape' is no number of elements", s->path, name, i);
        t->n *= t->d[i];
    }
    const json_t *from = json_array_get(offsets, 0), *to = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(from) || !json_is_integer(to))
        return mb_fail(err, MB_ERR_FORMAT, "%.200s: tensor '%.80s': 'data_offsets' is not a pair of numbers", s->path, name);
    int64_t lo = (int64_t)json_integer_value(from), hi = (int64_t)json_integer_value(to);
    if (lo < 0 || hi < lo || (size_t)hi > room)
        return mb_fail(err, MB_ERR_FORMAT, "%.200s: tensor '%.80s': offsets %lld to %lld leave the %zu bytes of data", s->path, name, (long long)lo,
                       (long long)hi, room);
    if ((size_t)(hi - lo) != bytes)
        return mb_fail(err, MB_ERR_FORMAT, "%.200s: tensor '%.80s': %lld bytes for a shape and type of %zu", s->path, name, (long long)(hi - lo), bytes);
    t->name = name;
    t->data = s->data + begin + lo;
    return true;
}

static int by_place(const mb_st_tensor *a, const mb_st_tensor *b)
{
    const char *x = a->data, *y = b->data;
    return x < y ? -1 : x > y ? 1 : (a->n > 0) - (b->n > 0);
}

static int by_name(const mb_st_tensor *a, const mb_st_tensor *b) { return strcmp(a->name, b->name); }

/* Heapsort: no memory, n log n for any order. */
static void sort(mb_st_tensor *t, int n, int (*compare)(const mb_st_tensor *, const mb_st_tensor *))
{
    for (int start = n / 2, end = n; end > 1;) {
        if (start > 0) start--;
        else {
            end--;
            mb_st_tensor last = t[end];
            t[end] = t[0], t[0] = last;
        }
        for (int root = start, child; (child = 2 * root + 1) < end; root = child) {
            if (child + 1 < end && compare(&t[child], &t[child + 1]) < 0) child++;
            if (compare(&t[root], &t[child]) >= 0) break;
            mb_st_tensor x = t[root];
            t[root] = t[child], t[child] = x;
        }
    }
}

/* The tensors fill the data without overlap and without holes. */
static bool tiled(const mb__shard *s, size_t begin, mb_st_tensor *t, int n, mb_error *err)
{
    const char *at = s->data + begin, *end = s->data + s->bytes;
    sort(t, n, by_place);
    for (int i = 0; i < n; i++) {
        if ((const char *)t[i].data != at)
            return mb_fail(err, MB_ERR_FORMAT, "%.200s: tensor '%.80s' %s", s->path, t[i].name,
                           (const char *)t[i].data < at ? "overlaps the one before it" : "leaves a hole before it");
        at += (size_t)t[i].n * mb_st_type_bytes(t[i].type);
    }
    return at == end || mb_fail(err, MB_ERR_FORMAT, "%.200s: the last %zu bytes belong to no tensor", s->path, (size_t)(end - at));
}

static bool read_shard(mb_safetensors *f, mb_arena *a, mb__shard *s, mb_error *err)
{
    uint64_t header = 0;
    for (int i = 7; i >= 0; i--) header = header << 8 | (uint8_t)s->data[i];
    if (header > s->bytes - 8 || header > HEADER_MOST)
        return mb_fail(err, MB_ERR_FORMAT, "%.200s: a header of %llu bytes in a file of %zu: cut short, or no safetensors file", s->path,
                       (unsigned long long)header, s->bytes);
    json_error_t at;
    json_t *root = json_loadb(s->data + 8, (size_t)header, JSON_REJECT_DUPLICATES, &at), *v;
    if (!json_is_object(root)) {
        mb_fail(err, MB_ERR_FORMAT, "%.200s: the header is no JSON object: %s", s->path, root ? "another value" : at.text);
        json_decref(root);
        return false;
    }
    int room = (int)json_object_size(root), n = 0;
    mb_st_tensor *list = mb_alloc(a, (size_t)(f->n + room), sizeof *list, err);
    const char *key;
    bool ok = list != NULL;
    if (ok && f->n) memcpy(list, f->tensor, (size_t)f->n * sizeof *list);
    json_object_foreach(root, key, v) {
        if (!ok || strcmp(key, "__metadata__") == 0) continue;
        const char *name = mb_strdup(a, key, err);
        ok = name && read_tensor(s, 8 + (size_t)header, name, v, &list[f->n + n], err);
        n += ok;
    }
    json_decref(root);
    if (!ok || !tiled(s, 8 + (size_t)header, list + f->n, n, err)) return false;
    f->tensor = list;
    f->n += n;
    return true;
}

/* ---- a folder ---- */

static bool add(mb_safetensors *f, mb_arena *a, const char *path, mb_error *err)
{
    mb__shard *list = mb_alloc(a, (size_t)f->nshards + 1, sizeof *list, err);
    const char *kept = mb_strdup(a, path, err);
    if (!list || !kept) return false;
    if (f->nshards) memcpy(list, f->shard, (size_t)f->nshards * sizeof *list);
    f->shard = list;
    if (!map(kept, &list[f->nshards], err)) return false;
    return read_shard(f, a, &list[f->nshards++], err);
}

static bool has_shard(const mb_safetensors *f, const char *path)
{
    for (int i = 0; i < f->nshards; i++)
        if (strcmp(f->shard[i].path, path) == 0) return true;
    return false;
}

/* {"weight_map": {tensor: file}}: every file once, every tensor in one of them */
static bool read_index(mb_safetensors *f, mb_arena *a, const char *dir, const char *index, mb_error *err)
{
    json_error_t at;
    json_t *root = json_load_file(index, JSON_REJECT_DUPLICATES, &at), *where = json_object_get(root, "weight_map"), *v;
    if (!json_is_object(where)) {
        mb_fail(err, MB_ERR_FORMAT, "%.300s: %s", index, root ? "has no 'weight_map'" : at.text);
        json_decref(root);
        return false;
    }
    const char *name;
    bool ok = true;
    json_object_foreach(where, name, v) {
        char path[PATH_BYTES];
        const char *file = json_string_value(v);
        if (!ok) continue;
        if (!file || strchr(file, '/')) {
            ok = mb_fail(err, MB_ERR_FORMAT, "%.300s: the file of tensor '%.80s' is no file name", index, name);
            continue;
        }
        snprintf(path, sizeof path, "%.700s/%.300s", dir, file);
        ok = has_shard(f, path) || add(f, a, path, err);
    }
    sort(f->tensor, f->n, by_name);
    json_object_foreach(where, name, v)
        if (ok && !mb_safetensors_find(f, name))
            ok = mb_fail(err, MB_ERR_FORMAT, "%.300s: tensor '%.80s' is in none of its files", index, name);
    json_decref(root);
    return ok;
}

static bool open_path(mb_safetensors *f, mb_arena *a, const char *path, mb_error *err)
{
    char inside[PATH_BYTES];
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) return add(f, a, path, err);
    snprintf(inside, sizeof inside, "%.900s/model.safetensors.index.json", path);
    if (access(inside, F_OK) == 0) return read_index(f, a, path, inside, err);
    snprintf(inside, sizeof inside, "%.900s/model.safetensors", path);
    if (access(inside, F_OK) == 0) return add(f, a, inside, err);
    return mb_fail(err, MB_ERR_IO, "%.300s: holds neither model.safetensors nor model.safetensors.index.json", path);
}

mb_safetensors *mb_safetensors_open(mb_arena *a, const char *path, mb_error *err)
{
    mb_safetensors *f = mb_alloc(a, 1, sizeof *f, err);
    if (!f) return NULL;
    bool ok = open_path(f, a, path, err);
    if (ok) sort(f->tensor, f->n, by_name);
    for (int i = 1; ok && i < f->n; i++)
        if (strcmp(f->tensor[i - 1].name, f->tensor[i].name) == 0)
            ok = mb_fail(err, MB_ERR_FORMAT, "%.300s: tensor '%.80s' is in two files", path, f->tensor[i].name);
    if (ok) return f;
    mb_safetensors_close(f);
    return NULL;
}

void mb_safetensors_close(mb_safetensors *f)
{
    for (int i = 0; f && i < f->nshards; i++) munmap((void *)(uintptr_t)f->shard[i].data, f->shard[i].bytes);
}
#else
mb_safetensors *mb_safetensors_open(mb_arena *a, const char *path, mb_error *err)
{
    mb_fail(err, MB_ERR_UNSUPPORTED, "%.300s: this matchbox was built without jansson, which safetensors needs", path);
    mb_help(err, "apt-get install libjansson-dev, then make");
    return NULL;
}
void mb_safetensors_close(mb_safetensors *f) { (void)f; }
#endif

int mb_safetensors_count(const mb_safetensors *f) { return f->n; }
const mb_st_tensor *mb_safetensors_at(const mb_safetensors *f, int i) { return i >= 0 && i < f->n ? &f->tensor[i] : NULL; }
