/* sampler.c - many texts at once from one model.  Each execution advances every text under way by a token and fills what rows are left with
   prompts; texts leave when they end and others take their places.  What a row computes does not depend on the others, and each text has a
   random stream of its own, so a text is the same alone and in any company. */
#include "lm/model.h"
#include <string.h>

enum { SIZES = 5, PREFIXES = 16 };

struct plan { int rows; mb_plan *plan; mb_var token, position, slot, want; };

/* one text under way, or a prompt whose samples wait for it */
struct text {
    bool used;
    int request, sample; /* sample -1: a prompt's prefix */
    int n, fed;          /* tokens; of them in the cache, or on their way in this execution */
    int left;            /* prefix: samples that still have to leave from it */
    int32_t *token;      /* [positions] */
    mb_rng rng;
    mb_lm_sampled *out;
};

struct drawn { int32_t token; float logp, entropy, kept; };

struct mb_lm_sampler {
    mb_lm *m;
    mb_lm_sampling sampling;
    mb__lm_cache *cache;
    int rows, slots, positions, nsizes;
    struct plan size[SIZES];
    struct text *text;   /* [slots + PREFIXES] */
    int *owner;          /* [rows] the text of a row, -1: none */
    struct drawn *drawn; /* [rows] */
    const mb_lm_request *request; /* of the present call */
    int nrequests, samples, next;
    int64_t executions;
};

/* ---- one row's draw: by any thread ---- */

static void draw(void *ctx, int row, const struct mb__lm_dist *d)
{
    mb_lm_sampler *s = ctx;
    struct text *t = &s->text[s->owner[row]];
    float kept, sum = mb__lm_distribution(d, t->token, t->n, &kept);
    double u = mb_uniform64(&t->rng);
    mb__lm_row y = mb__lm_score(d, sum, kept, mb__lm_draw(d, sum, u));
    mb__lm_forget(d, t->token, t->n);
    s->drawn[row] = (struct drawn){ y.token, y.logp, y.entropy, y.kept };
}

/* ---- building ---- */

static bool make_plan(mb_lm_sampler *s, struct plan *p, int rows, mb_error *err)
{
    mb_graph *g = mb_graph_new(s->m->scope, "lm sample", err);
    if (!g) return false;
    *p = (struct plan){ .rows = rows };
    p->token = mb_input(g, "token", MB_I32, MB_S1(rows));
    p->position = mb_input(g, "position", MB_I32, MB_S1(rows));
    p->slot = mb_input(g, "slot", MB_I32, MB_S1(rows));
    p->want = mb_input(g, "want", MB_I32, MB_S1(rows));
    mb__lm_batch b = { .token = p->token, .position = p->position, .slot = p->slot, .cache = s->cache };
    mb_var h = mb__lm_forward(s->m, g, &b);
    mb__lm_head *head = mb__lm_head_new(s->m->scope, &s->sampling, s->m->c.vocab, s->m->c.width, rows, err);
    if (!head) return false;
    head->draw = draw;
    head->ctx = s;
    mb__lm_sample(h, mb__lm_head_table(s->m, g), p->want, head);
    p->plan = mb_compile(g, err);
    return p->plan != NULL;
}

mb_lm_sampler *mb_lm_sampler_new(mb_lm *m, int rows, int slots, int positions, const mb_lm_sampling *sampling, mb_error *err)
{
    mb_arena *a = m->scope->arena;
    mb_lm_sampler *s = mb_alloc(a, 1, sizeof *s, err);
    if (!s) return NULL;
    if (positions < 1 || positions > m->c.context || slots < 1 || rows < 1) {
        mb_fail(err, MB_ERR_RANGE, "language model: %d rows, %d texts of %d tokens: at least 1 each, and at most the context of %d", rows, slots,
                positions, m->c.context);
        return NULL;
    }
    if (rows < slots) rows = slots;
    *s = (mb_lm_sampler){ .m = m, .sampling = *sampling, .rows = rows, .slots = slots, .positions = positions };
    int all = slots + PREFIXES, pages = (positions + MB__LM_PAGE - 1) / MB__LM_PAGE;
    s->cache = mb__lm_cache_new(a, &m->c, all, positions, all * pages, err);
    s->text = mb_alloc(a, (size_t)all, sizeof *s->text, err);
    s->owner = mb_alloc(a, (size_t)rows, sizeof *s->owner, err);
    s->drawn = mb_alloc(a, (size_t)rows, sizeof *s->drawn, err);
    int32_t *token = mb_alloc(a, (size_t)all * (size_t)positions, sizeof *token, err);
    if (!s->cache || !s->text || !s->owner || !s->drawn || !token) return NULL;
    for (int i = 0; i < all; i++) s->text[i].token = token + (int64_t)i * positions;
    for (int n = rows; s->nsizes < SIZES; n = (n + 2) / 3, s->nsizes++) {
        if (!make_plan(s, &s->size[s->nsizes], n, err)) return NULL;
        if (n == 1) {
            s->nsizes++;
            break;
        }
    }
    return s;
}

void mb_lm_sampler_set(mb_lm_sampler *s, const mb_lm_sampling *sampling) { s->sampling = *sampling; }
int64_t mb_lm_sampler_executions(const mb_lm_sampler *s) { return s->executions; }

/* ---- who comes next ---- */

static struct text *vacant(mb_lm_sampler *s, int from, int to)
{
    for (int i = from; i < to; i++)
        if (!s->text[i].used) return &s->text[i];
    return NULL;
}

static int slot_of(const mb_lm_sampler *s, const struct text *t) { return (int)(t - s->text); }

/* the next request's prompt but for its last token */
static bool begin_prefix(mb_lm_sampler *s)
{
    struct text *t = vacant(s, s->slots, s->slots + PREFIXES);
    if (!t || s->next == s->nrequests) return false;
    const mb_lm_request *r = &s->request[s->next];
    t->used = true;
    t->request = s->next++;
    t->sample = -1;
    t->left = s->samples;
    t->fed = 0;
    t->n = r->n - 1;
    memcpy(t->token, r->prompt, (size_t)t->n * sizeof *t->token);
    return true;
}

/* one sample of a prefix that is complete */
static bool begin_sample(mb_lm_sampler *s, struct text *p, uint64_t seed, mb_lm_sampled *out)
{
    struct text *t = vacant(s, 0, s->slots);
    const mb_lm_request *r = &s->request[p->request];
    if (!t) return false;
    MB_ASSERT(mb__lm_cache_fork(s->cache, slot_of(s, p), slot_of(s, t), p->n)); /* pages for all slots are there */
    t->used = true;
    t->request = p->request;
    t->sample = s->samples - p->left;
    t->fed = p->n;
    t->n = r->n;
    memcpy(t->token, r->prompt, (size_t)r->n * sizeof *t->token);
    t->rng = mb_rng_make(seed, "lm sample", r->stream * (uint64_t)s->samples + (uint64_t)t->sample);
    t->out = &out[(int64_t)p->request * s->samples + t->sample];
    t->out->n = 0;
    t->out->truncated = false;
    if (--p->left == 0) {
        mb__lm_cache_drop(s->cache, slot_of(s, p));
        p->used = false;
    }
    return true;
}

/* ---- one execution ---- */

static void put_row(mb_lm_sampler *s, struct text *t, int row, const struct plan *p)
{
    int slot = slot_of(s, t);
    MB_ASSERT(mb__lm_cache_room(s->cache, slot, t->fed));
    ((int32_t *)mb_input_data(p->token))[row] = t->token[t->fed];
    ((int32_t *)mb_input_data(p->position))[row] = t->fed;
    ((int32_t *)mb_input_data(p->slot))[row] = slot;
    ((int32_t *)mb_input_data(p->want))[row] = t->sample >= 0 && t->fed == t->n - 1 ? 0 : -1;
    s->owner[row] = slot;
    t->fed++;
}

static int rows_wanted(const mb_lm_sampler *s)
{
    int n = 0;
    for (int i = 0; i < s->slots + PREFIXES; i++)
        if (s->text[i].used) n += s->text[i].n - s->text[i].fed;
    return n < s->rows ? n : s->rows;
}

static int fill(mb_lm_sampler *s, const struct plan *p)
{
    int row = 0;
    for (int i = 0; i < s->slots + PREFIXES; i++) /* texts first: a slot never waits for prompts */
        for (struct text *t = &s->text[i]; t->used && t->fed < t->n && row < p->rows;) put_row(s, t, row++, p);
    for (int i = row; i < p->rows; i++) {
        ((int32_t *)mb_input_data(p->token))[i] = ((int32_t *)mb_input_data(p->position))[i] = 0;
        ((int32_t *)mb_input_data(p->slot))[i] = ((int32_t *)mb_input_data(p->want))[i] = -1;
        s->owner[i] = -1;
    }
    return row;
}

static bool is_stop(const mb_lm_sampler *s, int32_t token)
{
    for (int i = 0; i < s->m->c.nstops; i++)
        if (s->m->c.stop[i] == token) return true;
    return false;
}

/* does the text end with one of the request's strings? */
static bool stop_string(const mb_lm_request *r, const mb_lm_sampled *out)
{
    char text[2048];
    mb_str b;
    if (!r->nstops || !r->tokenizer) return false;
    int from = out->n > 64 ? out->n - 64 : 0;
    mb_str_init(&b, text, sizeof text);
    mb_detokenize(r->tokenizer, out->token + from, out->n - from, true, &b);
    for (int i = 0; i < r->nstops; i++)
        if (strstr(b.s, r->stops[i])) return true;
    return false;
}

static void take_row(mb_lm_sampler *s, int row)
{
    struct text *t = &s->text[s->owner[row]];
    const struct drawn *d = &s->drawn[row];
    const mb_lm_request *r = &s->request[t->request];
    mb_lm_sampled *o = t->out;
    o->token[o->n] = d->token;
    if (o->logp) o->logp[o->n] = d->logp;
    if (o->kept) o->kept[o->n] = d->kept;
    if (o->entropy) o->entropy[o->n] = d->entropy;
    o->n++;
    bool end = is_stop(s, d->token) || stop_string(r, o);
    if (!end && o->n < r->most) {
        t->token[t->n++] = d->token;
        return;
    }
    o->truncated = !end;
    mb__lm_cache_drop(s->cache, slot_of(s, t));
    t->used = false;
}

static void advance(mb_lm_sampler *s)
{
    int want = rows_wanted(s), k = 0;
    while (k + 1 < s->nsizes && s->size[k + 1].rows >= want) k++;
    const struct plan *p = &s->size[k];
    int rows = fill(s, p);
    mb_exec(p->plan);
    s->executions++;
    const int32_t *wanted = mb_input_data(p->want);
    for (int i = 0; i < rows; i++)
        if (wanted[i] >= 0) take_row(s, i);
}

static bool check(const mb_lm_sampler *s, const mb_lm_request *r, int n, int samples, mb_error *err)
{
    if (samples < 1) return mb_fail(err, MB_ERR_RANGE, "language model: %d samples of a prompt: at least 1", samples);
    for (int i = 0; i < n; i++) {
        if (r[i].n < 1 || r[i].most < 1)
            return mb_fail(err, MB_ERR_RANGE, "language model: prompt %d has %d tokens and room for %d: at least 1 each", i, r[i].n, r[i].most);
        if (r[i].n + r[i].most - 1 > s->positions)
            return mb_fail(err, MB_ERR_RANGE, "language model: prompt %d has %d tokens and room for %d; together they may have %d", i, r[i].n, r[i].most,
                           s->positions);
        for (int k = 0; k < r[i].n; k++)
            if (r[i].prompt[k] < 0 || r[i].prompt[k] >= s->m->c.vocab)
                return mb_fail(err, MB_ERR_RANGE, "language model: token %d of prompt %d is %d; the vocabulary has %d", k, i, (int)r[i].prompt[k],
                               s->m->c.vocab);
    }
    return true;
}

bool mb_lm_sample(mb_lm_sampler *s, uint64_t seed, const mb_lm_request *requests, int n, int samples, mb_lm_sampled *out, mb_error *err)
{
    if (!check(s, requests, n, samples, err)) return false;
    s->request = requests;
    s->nrequests = n;
    s->samples = samples;
    s->next = 0;
    for (bool more = true; more;) {
        more = begin_prefix(s);
        for (int i = s->slots; i < s->slots + PREFIXES; i++) {
            struct text *p = &s->text[i];
            while (p->used && p->fed == p->n && begin_sample(s, p, seed, out)) more = true;
        }
        if (more) continue;
        more = rows_wanted(s) > 0;
        if (more) advance(s);
    }
    return true;
}
