/* player.c - conversations with a task: sampled turn by turn, many at a time, until the task says that they are over; then judged. */
#include "matchbox/lm_task.h"
#include <math.h>
#include <string.h>

struct state { /* of a conversation under way */
    void *problem;
    bool over;
    int turn, nturns;
    double turn_sum;
};

struct mb_lm_player {
    mb_lm_kit *kit;
    const mb_task *task;
    mb_lm_sampler *sampler;
    int problems, samples, most, longest;
    mb_lm_episode *episode;
    struct state *state;
    mb_lm_request *request;
    mb_lm_sampled *sampled, *gathered;
    int *which;
    char *text, *back;
    int32_t *ids; /* of one text */
    int ids_cap;
};

static bool make_episodes(mb_lm_player *p, mb_arena *a, mb_error *err)
{
    size_t n = (size_t)p->problems * (size_t)p->samples, longest = (size_t)p->longest, most = (size_t)p->most;
    char *problem = mb_alloc(a, n, (p->task->def->problem_size + 63) / 64 * 64, err);
    for (size_t i = 0; problem && i < n; i++) {
        mb_lm_episode *e = &p->episode[i];
        e->token = mb_alloc(a, longest, sizeof *e->token, err);
        e->counts = mb_alloc(a, longest, 1, err);
        e->logp = mb_alloc(a, longest, sizeof *e->logp, err);
        e->kept = mb_alloc(a, longest, sizeof *e->kept, err);
        e->entropy = mb_alloc(a, longest, sizeof *e->entropy, err);
        mb_lm_sampled *s = &p->sampled[i];
        s->token = mb_alloc(a, most, sizeof *s->token, err);
        s->logp = mb_alloc(a, most, sizeof *s->logp, err);
        s->kept = mb_alloc(a, most, sizeof *s->kept, err);
        s->entropy = mb_alloc(a, most, sizeof *s->entropy, err);
        if (!e->token || !e->counts || !e->logp || !e->kept || !e->entropy || !s->token || !s->logp || !s->kept || !s->entropy) return false;
        p->state[i].problem = problem + i * ((p->task->def->problem_size + 63) / 64 * 64);
    }
    return problem != NULL;
}

mb_lm_player *mb_lm_player_new(mb_scope *s, mb_lm_kit *k, const mb_task *t, int problems, int samples, int most, const mb_lm_sampling *sampling, mb_error *err)
{
    enum { SLOTS = 256, IDS = 3 * MB_TASK_TEXT + 64 };
    mb_arena *a = s->arena;
    mb_lm_player *p = mb_alloc(a, 1, sizeof *p, err);
    if (!p) return NULL;
    int n = problems * samples;
    *p = (mb_lm_player){ .kit = k, .task = t, .problems = problems, .samples = samples, .most = most, .longest = mb_lm_config_of(k->lm)->context, .ids_cap = IDS };
    p->episode = mb_alloc(a, (size_t)n, sizeof *p->episode, err);
    p->state = mb_alloc(a, (size_t)n, sizeof *p->state, err);
    p->request = mb_alloc(a, (size_t)n, sizeof *p->request, err);
    p->sampled = mb_alloc(a, (size_t)n, sizeof *p->sampled, err);
    p->gathered = mb_alloc(a, (size_t)n, sizeof *p->gathered, err);
    p->which = mb_alloc(a, (size_t)n, sizeof *p->which, err);
    p->text = mb_alloc(a, MB_TASK_READ + 8, 1, err);
    p->back = mb_alloc(a, MB_TASK_TEXT, 1, err);
    p->ids = mb_alloc(a, IDS, sizeof *p->ids, err);
    if (!p->episode || !p->state || !p->request || !p->sampled || !p->gathered || !p->which || !p->text || !p->back || !p->ids || !make_episodes(p, a, err)) return NULL;
    int slots = n < SLOTS ? n : SLOTS;
    p->sampler = mb_lm_sampler_new(k->lm, slots, slots, p->longest, sampling, err);
    return p->sampler ? p : NULL;
}

void mb_lm_player_set(mb_lm_player *p, const mb_lm_sampling *sampling) { mb_lm_sampler_set(p->sampler, sampling); }
int mb_lm_player_longest(const mb_lm_player *p) { return p->longest; }
int mb_lm_player_problems(const mb_lm_player *p) { return p->problems; }
int mb_lm_player_samples(const mb_lm_player *p) { return p->samples; }

/* ---- one turn ---- */

static bool append(mb_lm_player *p, mb_lm_episode *e, const char *text, size_t n, mb_error *err)
{
    int got = mb_lm_encode(p->kit, text, n, p->ids, p->ids_cap, err);
    if (got < 0) return false;
    for (int i = 0; i < got && e->n < p->longest; i++) e->counts[e->n] = 0, e->token[e->n++] = p->ids[i];
    return true;
}

static bool begin(mb_lm_player *p, int i, int split, uint64_t index, mb_error *err)
{
    mb_lm_episode *e = &p->episode[i];
    struct state *s = &p->state[i];
    mb_str out;
    e->n = e->written = 0;
    e->truncated = false;
    e->turns = (double)NAN;
    *s = (struct state){ .problem = s->problem };
    if (p->kit->begin >= 0) e->counts[0] = 0, e->token[e->n++] = p->kit->begin;
    mb_str_init(&out, p->back, MB_TASK_TEXT);
    if (!mb_task_problem(p->task, split, index, s->problem, err)) return false;
    mb_task_prompt(p->task, s->problem, &out);
    if (!append(p, e, out.s, out.n, err)) return false;
    e->prompt = e->n;
    if (e->n + 1 < p->longest && e->n > 0) return true;
    return mb_fail(err, MB_ERR_RANGE, "language model: a prompt of %d tokens leaves no room in a context of %d", e->n, p->longest);
}

static void finish(mb_lm_player *p, mb_lm_episode *e, struct state *s, size_t n)
{
    e->ruling = mb_task_verify(p->task, s->problem, p->text, n);
    e->turns = s->nturns ? s->turn_sum / s->nturns : (double)NAN;
    s->over = true;
}

/* what was sampled joins the conversation; the task answers */
static bool take(mb_lm_player *p, int i, mb_error *err)
{
    mb_lm_episode *e = &p->episode[i];
    struct state *s = &p->state[i];
    const mb_lm_sampled *o = &p->sampled[i];
    mb_str text, back;
    mb_ruling turn = { .score = (double)NAN };
    for (int k = 0; k < o->n; k++, e->n++, e->written++) {
        e->token[e->n] = o->token[k];
        e->counts[e->n] = 1;
        e->logp[e->n] = o->logp[k];
        e->kept[e->n] = o->kept[k];
        e->entropy[e->n] = o->entropy[k];
    }
    e->truncated = o->truncated;
    mb_str_init(&text, p->text, MB_TASK_READ + 8);
    mb_detokenize(p->kit->tokenizer, o->token, o->truncated ? o->n : o->n - 1, true, &text);
    mb_str_init(&back, p->back, MB_TASK_TEXT);
    s->turn++;
    bool more = !o->truncated && mb_task_reply(p->task, s->problem, text.s, text.n, &back, &turn);
    if (more && isfinite(turn.score)) s->turn_sum += turn.score, s->nturns++;
    if (more && !append(p, e, back.s, back.n, err)) return false;
    if (more && s->turn < MB_TASK_TURNS && e->n + 1 < p->longest) return true;
    if (more) e->truncated = true;
    finish(p, e, s, text.n);
    return true;
}

static mb_lm_request request_of(const mb_lm_player *p, int i, uint64_t stream)
{
    const mb_lm_episode *e = &p->episode[i];
    int room = p->longest - e->n;
    return (mb_lm_request){ .prompt = e->token, .n = e->n, .most = p->most < room ? p->most : room, .stream = stream };
}

/* those that go on, gathered: one call for all of them */
static bool later_turns(mb_lm_player *p, uint64_t first, uint64_t seed, mb_error *err)
{
    int n = p->problems * p->samples;
    for (int m = 1; m > 0;) {
        m = 0;
        for (int i = 0; i < n; i++) {
            if (p->state[i].over) continue;
            uint64_t turn = (first * (uint64_t)p->samples + (uint64_t)i) * MB_TASK_TURNS + (uint64_t)p->state[i].turn;
            p->request[m] = request_of(p, i, turn | (uint64_t)1 << 62);
            p->gathered[m] = p->sampled[i];
            p->which[m++] = i;
        }
        if (m && !mb_lm_sample(p->sampler, seed, p->request, m, 1, p->gathered, err)) return false;
        for (int k = 0; k < m; k++) {
            p->sampled[p->which[k]] = p->gathered[k];
            if (!take(p, p->which[k], err)) return false;
        }
    }
    return true;
}

bool mb_lm_play(mb_lm_player *p, int split, uint64_t first, uint64_t seed, const mb_lm_episode **out, mb_error *err)
{
    int n = p->problems * p->samples;
    for (int i = 0; i < n; i++)
        if (!begin(p, i, split, first + (uint64_t)(i / p->samples), err)) return false;
    for (int i = 0; i < p->problems; i++) p->request[i] = request_of(p, i * p->samples, first + (uint64_t)i);
    if (!mb_lm_sample(p->sampler, seed, p->request, p->problems, p->samples, p->sampled, err)) return false;
    for (int i = 0; i < n; i++)
        if (!take(p, i, err)) return false;
    *out = p->episode;
    return later_turns(p, first, seed, err);
}

void mb_lm_player_text(const mb_lm_player *p, const mb_lm_episode *e, bool answer, mb_str *out)
{
    int from = answer ? e->prompt : 0;
    mb_detokenize(p->kit->tokenizer, e->token + from, answer ? e->n - from : e->prompt, true, out);
}
