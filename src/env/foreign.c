/* foreign.c - instances stepped elsewhere: blocks of memory, one for each worker, between the learner's memory and whoever
   steps.  Copies actions out and results in, block by block as they become ready; episodes are counted here.  A worker that
   is lost is started again, and its instances begin new episodes. */
#include "env/foreign.h"
#include <sys/mman.h>
#include <unistd.h>

enum { LAYOUT_BYTES = 4096, MAX_LOSSES = 3, LOSS_STEPS = 1000 };

struct mb__group {
    mb_vec *vec;
    const mb_foreign *foreign;
    const mb_logger *log;
    int nblocks;
    mb_block *block;
    mb_block **waiting; /* [nblocks] those that have not answered yet */
    int *losses, *since; /* [nblocks] losses less than LOSS_STEPS steps apart; steps since the last */
    bool open;
};

/* ---- blocks ---- */

static size_t take(size_t *end, size_t n)
{
    size_t at = *end;
    *end = (at + n + 63) & ~(size_t)63;
    return at;
}

static void place_arrays(mb_block *b, const mb_vec *v)
{
    const mb_vec_view *w = v->view;
    size_t n = (size_t)b->count, rows = n * (size_t)w->nagents, end = 0;
    b->text = take(&end, MB_BLOCK_TEXT);
    b->seed = take(&end, n * sizeof(int64_t));
    b->index = take(&end, rows * (size_t)w->nindex * sizeof(int32_t));
    b->value = take(&end, rows * (size_t)w->nvalue * sizeof(float));
    b->reward = take(&end, rows * sizeof(float));
    b->terminated = take(&end, n);
    b->truncated = take(&end, n);
    b->active = take(&end, rows);
    b->mask = take(&end, rows * (size_t)w->nmask);
    for (int f = 0; f < w->nfields; f++) {
        b->obs[f] = take(&end, rows * v->field_bytes[f]);
        b->final_obs[f] = take(&end, rows * v->field_bytes[f]);
    }
    b->bytes = end;
}

static void offsets(mb_str *s, const char *key, const size_t *at, int n)
{
    mb_str_add(s, ",\"%s\":[", key);
    for (int i = 0; i < n; i++) mb_str_add(s, "%s%zu", i ? "," : "", at[i]);
    mb_str_add(s, "]");
}

static bool write_layout(mb_block *b, const mb_vec *v, mb_arena *a, mb_error *err)
{
    const mb_vec_view *w = v->view;
    mb_str s;
    if (!(b->layout = mb_alloc(a, 1, LAYOUT_BYTES, err))) return false;
    mb_str_init(&s, b->layout, LAYOUT_BYTES);
    mb_str_add(&s, "{\"abi\":%d,\"worker\":%d,\"workers\":%d,\"first\":%d,\"count\":%d,\"agents\":%d,\"limit\":%d,\"masked\":%d,", MB_ABI,
               b->worker, b->nworkers, b->first, b->count, w->nagents, v->shape.time_limit, v->shape.masked);
    mb_str_add(&s, "\"nindex\":%d,\"nvalue\":%d,\"nmask\":%d,\"bytes\":%zu,", w->nindex, w->nvalue, w->nmask, b->bytes);
    mb_str_add(&s, "\"text\":%zu,\"text_bytes\":%d,\"seed\":%zu,\"index\":%zu,\"value\":%zu,", b->text, MB_BLOCK_TEXT, b->seed, b->index, b->value);
    mb_str_add(&s, "\"reward\":%zu,\"terminated\":%zu,\"truncated\":%zu,\"active\":%zu,\"mask\":%zu", b->reward, b->terminated,
               b->truncated, b->active, b->mask);
    offsets(&s, "obs", b->obs, w->nfields);
    offsets(&s, "final", b->final_obs, w->nfields);
    mb_str_add(&s, "}");
    return true;
}

mb__group *mb__group_new(mb_vec *v, mb_scope *s, mb_error *err)
{
    const mb_foreign *f = v->def->foreign;
    int nenvs = v->view->nenvs, n = f->workers ? f->workers(f->self, v->options, nenvs) : 1;
    n = n < 1 ? 1 : n > nenvs ? nenvs : n;
    mb__group *g = mb_alloc(s->arena, 1, sizeof *g, err);
    if (!g) return NULL;
    *g = (mb__group){ .vec = v, .foreign = f, .log = s->log, .nblocks = n };
    g->block = mb_alloc(s->arena, (size_t)n, sizeof *g->block, err);
    g->waiting = mb_alloc(s->arena, (size_t)n, sizeof(mb_block *), err);
    g->losses = mb_alloc(s->arena, (size_t)n, sizeof *g->losses, err);
    g->since = mb_alloc(s->arena, (size_t)n, sizeof *g->since, err);
    if (!g->block || !g->waiting || !g->losses || !g->since) return NULL;
    for (int i = 0; i < n; i++) {
        int first = (int)((int64_t)nenvs * i / n), end = (int)((int64_t)nenvs * (i + 1) / n);
        mb_block *b = &g->block[i];
        *b = (mb_block){ .worker = i, .nworkers = n, .first = first, .count = end - first, .shape = &v->shape, .fd = -1, .pid = -1, .channel = -1 };
        place_arrays(b, v);
        if (!write_layout(b, v, s->arena, err)) return NULL;
        if (!f->shared && !(b->base = mb_alloc(s->arena, 1, b->bytes, err))) return NULL;
    }
    return g;
}

static bool share_memory(mb_block *b, mb_error *err)
{
    b->fd = memfd_create("matchbox", MFD_CLOEXEC);
    bool ok = b->fd >= 0 && ftruncate(b->fd, (off_t)b->bytes) == 0;
    void *p = ok ? mmap(NULL, b->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, b->fd, 0) : MAP_FAILED;
    if (p == MAP_FAILED) return mb_fail(err, MB_ERR_MEMORY, "no shared memory of %zu bytes for worker %d", b->bytes, b->worker);
    b->base = p;
    return true;
}

void mb__group_close(mb__group *g)
{
    for (int i = 0; g && i < g->nblocks; i++) {
        mb_block *b = &g->block[i];
        if (g->open) g->foreign->close(g->foreign->self, b);
        if (b->fd >= 0) {
            if (b->base) munmap(b->base, b->bytes);
            close(b->fd);
            b->base = NULL;
            b->fd = -1;
        }
    }
    if (g) g->open = false;
}

int mb__group_worker(const mb__group *g, int env)
{
    int i = 0;
    while (i + 1 < g->nblocks && g->block[i + 1].first <= env) i++;
    return i;
}

static bool open_all(mb__group *g, mb_error *err)
{
    if (g->open) return true;
    g->open = true;
    for (int i = 0; i < g->nblocks; i++) {
        mb_block *b = &g->block[i];
        g->losses[i] = 0;
        if ((g->foreign->shared && !share_memory(b, err)) || !g->foreign->open(g->foreign->self, g->vec->options, b, err)) {
            mb__group_close(g);
            return mb_note(err, "while starting environment '%.100s'", g->vec->def->name);
        }
    }
    return true;
}

/* ---- actions out, results in ---- */

static bool command(mb__group *g, mb_block *b, bool reset, mb_error *err)
{
    const mb_vec *v = g->vec;
    const mb_vec_view *w = v->view;
    size_t row = (size_t)(b->first * w->nagents), rows = (size_t)(b->count * w->nagents);
    if (reset) {
        int64_t *seed = (void *)(b->base + b->seed);
        for (int i = 0; i < b->count; i++) seed[i] = mb_rand(&v->rng[b->first + i]) >> 1;
    } else {
        size_t ni = (size_t)w->nindex, nv = (size_t)w->nvalue;
        memcpy(b->base + b->index, w->index + row * ni, rows * ni * sizeof(int32_t));
        memcpy(b->base + b->value, v->clipped + row * nv, rows * nv * sizeof(float));
    }
    return g->foreign->send(g->foreign->self, b, reset ? MB_COMMAND_RESET : MB_COMMAND_STEP, err);
}

/* Rewards, flags and statistics of a step, and the last observations of episodes that ended in it. */
static void take_step(const mb_vec *v, mb_block *b, const mb_env_batch *all)
{
    int agents = all->nagents;
    mb_io io = { 0 };
    for (int i = 0; i < b->count; i++) {
        int env = b->first + i;
        bool terminated = b->base[b->terminated + (size_t)i], truncated = !terminated && b->base[b->truncated + (size_t)i];
        mb__batch_io(all, env, &io);
        memcpy(io.reward, b->base + b->reward + (size_t)(i * agents) * sizeof(float), (size_t)agents * sizeof(float));
        mb__batch_after(all, env, &io, (mb_step){ 0, terminated });
        all->truncated[env] = truncated;
        all->start[env] = terminated || truncated;
        if (!all->start[env]) continue;
        for (int f = 0; f < all->nfields; f++)
            io.obs_field[f] = b->base + b->final_obs[f] + (size_t)(i * agents) * all->field_bytes[f];
        mb__batch_end(all, env, &io);
    }
}

static void take_observations(const mb_block *b, const mb_env_batch *all)
{
    size_t row = (size_t)(b->first * all->nagents), rows = (size_t)(b->count * all->nagents);
    for (int f = 0; f < all->nfields; f++)
        memcpy(all->obs[f] + row * all->field_bytes[f], b->base + b->obs[f], rows * all->field_bytes[f]);
    memcpy(all->active + row, b->base + b->active, rows);
    if (all->mask) memcpy(all->mask + row * (size_t)all->nmask, b->base + b->mask, rows * (size_t)all->nmask);
}

/* ---- when something went wrong elsewhere ---- */

/* The first line of the worker's text is the cause; the others are notes. */
static bool fail_as_told(const mb__group *g, mb_block *b, mb_error *err)
{
    char *text = b->base + b->text, *line = text;
    text[MB_BLOCK_TEXT - 1] = 0;
    size_t n = strcspn(line, "\n");
    mb_fail(err, MB_ERR_ENV, "environment '%.100s', worker %d: %.*s", g->vec->def->name, b->worker, (int)n, line);
    for (line += n; *line == '\n'; line += n) {
        n = strcspn(++line, "\n");
        if (n) mb_note(err, "%.*s", (int)n, line);
    }
    return false;
}

/* Start a lost worker again; what its instances were doing counts as cut short. */
static bool restart(mb__group *g, mb_block *b, bool reset, mb_error *err)
{
    const mb_foreign *f = g->foreign;
    const mb_vec_view *w = g->vec->view;
    if (g->since[b->worker] >= LOSS_STEPS) g->losses[b->worker] = 0;
    g->since[b->worker] = 0;
    if (++g->losses[b->worker] > MAX_LOSSES) {
        fail_as_told(g, b, err);
        return mb_note(err, "it was lost %d times within %d steps", g->losses[b->worker], LOSS_STEPS);
    }
    if (g->log)
        mb_log_line(g->log, MB_LOG_WARN, "environment '%.100s': worker %d %.200s; it is started again, its %d episodes begin anew",
                    g->vec->def->name, b->worker, b->base + b->text, b->count);
    f->close(f->self, b);
    size_t rows = (size_t)(b->count * w->nagents);
    memset(b->base + b->reward, 0, rows * sizeof(float));
    memset(b->base + b->terminated, 0, (size_t)b->count);
    memset(b->base + b->truncated, 1, (size_t)b->count);
    for (int i = 0; i < w->nfields; i++) memcpy(b->base + b->final_obs[i], b->base + b->obs[i], rows * g->vec->field_bytes[i]);
    return f->open(f->self, g->vec->options, b, err) && command(g, b, true, err);
}

static bool send_all(mb__group *g, bool reset, mb_error *err)
{
    for (int i = 0; i < g->nblocks; i++)
        if (!command(g, &g->block[i], reset, err)) return false;
    return true;
}

bool mb__group_run(mb__group *g, const mb_env_batch *all, mb_error *err)
{
    int left = g->nblocks;
    bool reset = all->reset_all;
    if (!open_all(g, err) || !send_all(g, reset, err)) return false;
    for (int i = 0; i < left; i++) g->waiting[i] = &g->block[i];
    while (left > 0) {
        mb_reply reply;
        int i = g->foreign->receive(g->foreign->self, g->waiting, left, &reply, err);
        if (i < 0) return false;
        mb_block *b = g->waiting[i];
        if (reply == MB_REPLY_FAILED) return fail_as_told(g, b, err);
        if (reply == MB_REPLY_LOST) {
            if (!restart(g, b, reset, err)) return false;
            continue;
        }
        if (!reset) take_step(g->vec, b, all);
        take_observations(b, all);
        if (g->since[b->worker] < LOSS_STEPS) g->since[b->worker]++;
        g->waiting[i] = g->waiting[--left];
    }
    return true;
}

/* ---- the descriptor ---- */

const mb_env_def *mb_env_foreign(mb_arena *a, const char *name, const mb_foreign *f, const mb_option *options, size_t options_size, mb_error *err)
{
    mb_env_def *d = mb_alloc(a, 1, sizeof *d, err);
    char *copy = d ? mb_strdup(a, name, err) : NULL;
    if (!copy) return NULL;
    *d = (mb_env_def){ MB_ENV_HEAD, .name = copy, .summary = "stepped outside", .source = "", .state_size = 8,
                       .options = options, .options_size = options_size, .foreign = f };
    return d;
}
