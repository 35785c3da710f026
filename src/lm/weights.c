/* weights.c - a model's tensors from and to a folder of Hugging Face.  In memory a matrix is [in, out]; in most files it is [out, in]. */
#include "lm/model.h"
#include <stdio.h>
#include <string.h>

/* shape of the file's tensor */
static int file_shape(const mb__lm_place *p, int64_t d[2])
{
    int rank = p->t->shape.rank;
    d[0] = p->t->shape.d[0];
    d[1] = rank > 1 ? p->t->shape.d[1] : 1;
    d[rank - 1] *= p->parts;
    if (p->turned) {
        int64_t t = d[0];
        d[0] = d[1];
        d[1] = t;
    }
    return rank;
}

/* file's element order to ours (read) or back; the file's tensor has p->parts times our columns */
static void move(const mb__lm_place *p, float *file, bool read)
{
    int rank = p->t->shape.rank;
    int64_t rows = rank > 1 ? p->t->shape.d[0] : 1, cols = p->t->shape.d[rank - 1];
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < cols; j++) {
            float *f = p->turned ? &file[j * rows + i] : &file[i * cols * p->parts + p->part * cols + j];
            float *ours = &p->t->data[i * cols + j];
            if (read) *ours = *f;
            else *f = *ours;
        }
}

static void shape_text(const int64_t *d, int rank, char *out, size_t n)
{
    mb_str s;
    mb_str_init(&s, out, n);
    for (int i = 0; i < rank; i++) mb_str_add(&s, i ? ", %lld" : "%lld", (long long)d[i]);
}

static const mb_st_tensor *find(const mb_safetensors *f, const char *name, bool *bare)
{
    const char *prefix = "transformer.";
    const mb_st_tensor *t = mb_safetensors_find(f, name);
    if (!t && strncmp(name, prefix, strlen(prefix)) == 0 && (t = mb_safetensors_find(f, name + strlen(prefix)))) *bare = true; /* as the first GPT-2 files */
    return t;
}

static bool load_one(const mb_safetensors *f, const mb__lm_place *p, mb_arena *scratch, const char *folder, mb_error *err)
{
    char a[64], b[64];
    int64_t d[2];
    bool bare = false;
    const mb_st_tensor *t = find(f, p->name, &bare);
    if (!t) {
        mb_fail(err, MB_ERR_FORMAT, "%.200s: there is no tensor '%.100s', which its config.json asks for", folder, p->name);
        return mb_help(err, "matchbox lm inspect %.60s", folder);
    }
    int rank = file_shape(p, d);
    if (t->rank != rank || t->d[0] != d[0] || (rank > 1 && t->d[1] != d[1])) {
        shape_text(d, rank, a, sizeof a);
        shape_text(t->d, t->rank, b, sizeof b);
        return mb_fail(err, MB_ERR_SHAPE, "%.150s: tensor '%.80s' is [%s]; config.json asks for [%s]", folder, p->name, b, a);
    }
    size_t mark = mb_arena_mark(scratch);
    float *file = mb_alloc(scratch, (size_t)t->n, sizeof *file, err);
    if (!file) return false;
    mb_st_read(t, file);
    move(p, file, true);
    mb_arena_release(scratch, mark);
    return true;
}

/* A name that nothing here asks for, and that is no constant table of older files. */
static const char *left_over(const mb_lm *m, const mb_safetensors *f)
{
    static const char *const tables[] = { "attn.bias", "attn.masked_bias", "rotary_emb.inv_freq", "lm_head.weight", NULL };
    for (int i = 0; i < mb_safetensors_count(f); i++) {
        const char *name = mb_safetensors_at(f, i)->name;
        bool known = false;
        for (int k = 0; !known && k < m->nplaces; k++) {
            size_t n = strlen(name), w = strlen(m->place[k].name);
            known = w >= n && strcmp(m->place[k].name + w - n, name) == 0;
        }
        for (int k = 0; !known && tables[k]; k++) {
            size_t n = strlen(name), w = strlen(tables[k]);
            known = n >= w && strcmp(name + n - w, tables[k]) == 0;
        }
        if (!known) return name;
    }
    return NULL;
}

bool mb_lm_load(mb_lm *m, const char *folder, mb_error *err)
{
    mb_arena *scratch = mb_arena_new((size_t)1 << 36, err);
    mb_safetensors *f = scratch ? mb_safetensors_open(scratch, folder, err) : NULL;
    bool ok = f != NULL;
    const char *more = ok ? left_over(m, f) : NULL;
    if (more) ok = mb_fail(err, MB_ERR_UNSUPPORTED, "%.200s: tensor '%.100s' has no place in this architecture", folder, more);
    for (int i = 0; ok && i < m->nplaces; i++) ok = load_one(f, &m->place[i], scratch, folder, err);
    mb_safetensors_close(f);
    mb_arena_free(scratch);
    return ok;
}

/* a tensor, with its adapter merged in, to its place in the file's */
static bool put(const mb_lm *m, const mb__lm_place *p, float *file, mb_arena *a, mb_error *err)
{
    mb_tensor merged = *p->t;
    mb__lm_place place = *p;
    if (!(merged.data = mb_alloc(a, (size_t)merged.n, sizeof(float), err))) return false;
    memcpy(merged.data, p->t->data, (size_t)merged.n * sizeof(float));
    mb__lm_add_adapter(m, p->t, merged.data);
    place.t = &merged;
    move(&place, file, false);
    return true;
}

/* The tensor of place i as it stands in a file; parts of one tensor follow each other, the first makes it. */
static bool save_one(const mb_lm *m, int i, mb_st_type type, mb_arena *a, mb_st_tensor *out, mb_error *err)
{
    const mb__lm_place *p = &m->place[i];
    int64_t d[2];
    *out = (mb_st_tensor){ .name = p->name, .type = type, .rank = file_shape(p, d), .n = p->t->n * p->parts };
    out->d[0] = d[0];
    out->d[1] = d[1];
    void *data = mb_alloc(a, (size_t)out->n, mb_st_type_bytes(type), err);
    size_t mark = mb_arena_mark(a);
    float *file = data ? mb_alloc(a, (size_t)out->n, sizeof *file, err) : NULL;
    if (!file) return false;
    for (int k = 0; k < m->nplaces; k++)
        if (strcmp(m->place[k].name, p->name) == 0 && !put(m, &m->place[k], file, a, err)) return false;
    out->data = data;
    bool ok = mb_st_convert(file, out->n, type, data, err);
    mb_arena_release(a, mark);
    return ok;
}

bool mb_lm_save(const mb_lm *m, const char *folder, mb_st_type type, mb_error *err)
{
    char path[1100];
    mb_arena *a = mb_dir_make(folder, err) ? mb_arena_new((size_t)1 << 36, err) : NULL;
    mb_st_tensor *t = a ? mb_alloc(a, (size_t)m->nplaces, sizeof *t, err) : NULL;
    bool ok = t != NULL;
    int n = 0;
    for (int i = 0; ok && i < m->nplaces; i++)
        if (m->place[i].part == 0) ok = save_one(m, i, type, a, &t[n++], err);
    snprintf(path, sizeof path, "%.1000s/model.safetensors", folder);
    ok = ok && mb_safetensors_write(path, t, n, a, err);
    snprintf(path, sizeof path, "%.1000s/config.json", folder);
    ok = ok && mb_lm_config_write(&m->c, path, err);
    mb_arena_free(a);
    return ok;
}
