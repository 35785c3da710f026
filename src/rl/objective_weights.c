/* Advantages and denominators of a batch of sequences: everything of an objective that does not depend on the weights. */
#include "matchbox/math.h"
#include "matchbox/objective.h"
#include <math.h>
#include <string.h>

struct work {
    const mb_objective *o;
    const mb_sequences *x;
    mb_objective_weights *out;
    double *length;         /* [n] tokens that count */
    double *score;          /* [n] rewards with overlong shaping and, where it is taken from the reward, KL */
    double *scratch;        /* [n * longest] */
    uint8_t *out_of_counts; /* [n] length 0, or of a dropped group */
};

static size_t cell(const struct work *w, int i, int t) { return (size_t)i * (size_t)w->x->longest + (size_t)t; }

static double penalty(const mb_objective *o, double length) /* DAPO: Yu et al. 2025, eq. 13 */
{
    if (o->overlong_max <= 0 || length <= o->overlong_max - o->overlong_cache) return 0;
    return length <= o->overlong_max ? (o->overlong_max - o->overlong_cache - length) / o->overlong_cache : -1;
}

static bool kl_in_reward(const struct work *w) { return w->o->kl != 0 && w->o->kl_place == 1 && w->o->beta > 0; }

/* beta (log pi_old - log pi_ref) of one token */
static double token_kl(const struct work *w, size_t at)
{
    const double *old = w->x->old_logp ? w->x->old_logp : w->x->logp;
    return w->o->beta * (old[at] - w->x->ref_logp[at]);
}

static void score(struct work *w, bool sum_kl)
{
    const mb_sequences *x = w->x;
    for (int i = 0; i < x->n; i++) {
        bool cut = w->o->drop_truncated && x->truncated && x->truncated[i];
        double kl = 0;
        for (int t = 0; t < x->longest; t++) {
            size_t at = cell(w, i, t);
            if (!x->mask[at] || cut) continue;
            w->length[i]++;
            if (sum_kl) kl += token_kl(w, at);
        }
        w->score[i] = x->reward[i] + penalty(w->o, w->length[i]) - kl;
        w->out_of_counts[i] = w->length[i] <= 0;
    }
}

/* ---- groups ---- */

struct stats { int n; double mean, m2, sum; bool equal; };
enum { EVERYONE = -1 };

static bool member(const mb_sequences *x, int i, int of) { return of == EVERYONE || x->group[i] == x->group[of]; }

/* Statistics of v [n] over the group of sequence `of`, or over the batch. */
static struct stats stats_of(const struct work *w, const double *v, int of)
{
    struct stats s = { .equal = true };
    double first = 0;
    for (int i = 0; i < w->x->n; i++) {
        if (!member(w->x, i, of)) continue;
        if (s.n++ == 0) first = v[i];
        s.equal = s.equal && v[i] == first;
        s.sum += v[i];
    }
    s.mean = s.n ? s.sum / s.n : 0;
    for (int i = 0; i < w->x->n; i++)
        if (member(w->x, i, of)) s.m2 += (v[i] - s.mean) * (v[i] - s.mean);
    return s;
}

static double deviation(const mb_objective *o, double m2, double n)
{
    double d = o->std == 0 ? n - 1 : n;
    return d > 0 ? sqrt(m2 / d) : 0;
}

static double standardized(const struct work *w, const double *v, int i, const struct stats *batch)
{
    struct stats g = stats_of(w, v, i);
    if (g.n < 2 || g.equal) return 0;
    const struct stats *s = w->o->std_scope == 1 ? batch : &g;
    return (v[i] - g.mean) / (deviation(w->o, s->m2, s->n) + w->o->std_eps);
}

/* Its group's reference: the one that is marked, else the first (Writing-Zero: Jia et al. 2025). */
static int reference_of(const mb_sequences *x, int i)
{
    int first = -1;
    for (int k = 0; k < x->n; k++) {
        if (x->group[k] != x->group[i]) continue;
        if (x->reference && x->reference[k]) return k;
        if (first < 0) first = k;
    }
    return first;
}

static double advantage(const struct work *w, int i, const struct stats *batch)
{
    const double *v = w->score;
    if (w->o->objective == MB_OBJ_SFT) return 1;
    if (w->o->advantage == MB_ADV_NONE) return v[i];
    struct stats g = stats_of(w, v, i);
    if (g.n < 2 || g.equal) return 0;
    switch (w->o->advantage) {
    case MB_ADV_LEAVE_ONE_OUT: return v[i] - (g.sum - v[i]) / (g.n - 1);
    case MB_ADV_RELATIVE: {
        int r = reference_of(w->x, i);
        return i == r ? 0 : v[i] > v[r] ? 1 : -1;
    }
    case MB_ADV_CENTER:
    case MB_ADV_CENTER_WHITEN: return v[i] - g.mean;
    default: return standardized(w, v, i, batch);
    }
}

/* ---- token by token ---- */

static void spread(struct work *w)
{
    struct stats batch = stats_of(w, w->score, EVERYONE);
    for (int i = 0; i < w->x->n; i++) {
        double a = advantage(w, i, &batch);
        for (int t = 0; t < w->x->longest; t++) w->out->adv[cell(w, i, t)] = a;
    }
}

/* Every token that counts lies in the first turn: no result of a tool came back. */
static bool one_turn(const struct work *w, int i)
{
    for (int t = 0; t < w->x->longest; t++)
        if (w->x->mask[cell(w, i, t)] && w->x->turn[cell(w, i, t)] > 0) return false;
    return true;
}

/* Tokens of turn k: the outcome's advantage and, weighed, the turn's, each standardised over the group; a sequence that never came to a second
   turn has the advantage of all its rewards together (Zeng et al. 2025, arXiv:2505.11821, and their released trainer). */
static void turns(struct work *w, double *column)
{
    const mb_sequences *x = w->x;
    for (int k = 0; k <= x->turns; k++) { /* the last pass: all rewards together */
        bool together = k == x->turns;
        for (int i = 0; i < x->n; i++) {
            column[i] = together ? w->score[i] : x->turn_reward[i * x->turns + k];
            for (int j = 0; j < x->turns && together; j++) column[i] += x->turn_reward[i * x->turns + j];
        }
        struct stats batch = stats_of(w, column, EVERYONE);
        for (int i = 0; i < x->n; i++) {
            double a = standardized(w, column, i, &batch);
            bool single = x->turns > 1 && one_turn(w, i);
            for (int t = 0; t < x->longest; t++) {
                size_t at = cell(w, i, t);
                if (together && single) w->out->adv[at] = a;
                else if (!together && !single && x->turn[at] == k) w->out->adv[at] += w->o->turn_weight * a;
            }
        }
    }
}

/* Rewards of the tokens of sequence i: KL at each, `outcome` at the last; then discounted sums (no critic) or GAE. */
static void backward(struct work *w, int i, double outcome)
{
    const mb_sequences *x = w->x;
    bool kl = kl_in_reward(w), last = true;
    double carry = 0, next_value = 0;
    for (int t = x->longest - 1; t >= 0; t--) {
        size_t at = cell(w, i, t);
        if (!x->mask[at]) continue; /* another's tokens: what comes later counts for the one before them */
        double r = (last ? outcome : 0) - (kl ? token_kl(w, at) : 0);
        last = false;
        if (w->o->advantage == MB_ADV_GAE) {
            double v = x->value ? x->value[at] : 0;
            carry = r + w->o->gamma * next_value - v + w->o->gamma * w->o->lambda * carry;
            next_value = v;
            w->out->returns[at] = carry + v;
        } else carry = r + w->o->gamma * carry;
        w->out->adv[at] = carry;
    }
}

/* Advantages of all tokens that count, to mean 0 and deviation 1 over the whole batch. */
static void whiten(struct work *w)
{
    const mb_sequences *x = w->x;
    double n = 0, sum = 0, m2 = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->n; i++)
            for (int t = 0; t < x->longest; t++) {
                size_t at = cell(w, i, t);
                if (!x->mask[at] || w->out_of_counts[i]) continue;
                if (pass == 0) n++, sum += w->out->adv[at];
                else m2 += (w->out->adv[at] - sum / n) * (w->out->adv[at] - sum / n);
            }
    double scale = deviation(w->o, m2, n) + w->o->std_eps;
    for (int i = 0; i < x->n; i++)
        for (int t = 0; t < x->longest; t++) {
            size_t at = cell(w, i, t);
            w->out->adv[at] = x->mask[at] && n > 1 ? (w->out->adv[at] - sum / n) / scale : 0;
        }
}

static void advantages(struct work *w, double *column)
{
    int rule = w->o->advantage;
    spread(w);
    w->out->per_token = rule == MB_ADV_WHITEN || rule == MB_ADV_GAE || rule == MB_ADV_TURN;
    if (rule == MB_ADV_TURN) turns(w, column);
    if (rule == MB_ADV_WHITEN || rule == MB_ADV_GAE)
        for (int i = 0; i < w->x->n; i++) backward(w, i, w->score[i]);
    if (rule == MB_ADV_WHITEN || rule == MB_ADV_GAE || rule == MB_ADV_CENTER_WHITEN) whiten(w);
}

/* ---- denominators and what carries which term ---- */

struct counts { double sequences, tokens; };
static struct counts count(const struct work *w, int of)
{
    struct counts c = { 0 };
    for (int i = 0; i < w->x->n; i++)
        if (member(w->x, i, of) && !w->out_of_counts[i]) c.sequences++, c.tokens += w->length[i];
    return c;
}

static double groups(const struct work *w)
{
    double n = 0;
    for (int i = 0; i < w->x->n; i++) {
        bool seen = w->out_of_counts[i];
        for (int k = 0; k < i && !seen; k++) seen = !w->out_of_counts[k] && w->x->group[k] == w->x->group[i];
        n += !seen;
    }
    return n;
}

static double divisor(const struct work *w, int i, struct counts c)
{
    switch (w->o->denominator) {
    case MB_DEN_TOKEN_MEAN: return c.tokens;
    case MB_DEN_SEQUENCE_SUM: return c.sequences;
    case MB_DEN_CONSTANT: return c.sequences * w->o->constant;
    case MB_DEN_TOTAL: return w->o->constant;
    default: return c.sequences * w->length[i];
    }
}

static void weights(struct work *w)
{
    const mb_sequences *x = w->x;
    bool by_group = w->o->denominator_scope == 1;
    double parts = by_group ? groups(w) : 1;
    struct counts all = count(w, EVERYONE);
    for (int i = 0; i < x->n; i++) {
        double d = w->out_of_counts[i] ? 0 : parts * divisor(w, i, by_group ? count(w, i) : all);
        for (int t = 0; t < x->longest; t++) w->out->weight[cell(w, i, t)] = d > 0 && x->mask[cell(w, i, t)] ? 1 / d : 0;
    }
}

/* Nothing to learn from: equal rewards or, against a reference, all wins or all losses. */
static bool teaches_nothing(const struct work *w, int of)
{
    const mb_sequences *x = w->x;
    if (w->o->advantage != MB_ADV_RELATIVE) return stats_of(w, x->reward, of).equal;
    int r = reference_of(x, of), wins = 0, losses = 0;
    for (int i = 0; i < x->n; i++)
        if (x->group[i] == x->group[of] && i != r) *(x->reward[i] > x->reward[r] ? &wins : &losses) += 1;
    return wins == 0 || losses == 0;
}

static void drop_equal_groups(struct work *w)
{
    const mb_sequences *x = w->x;
    for (int i = 0; i < x->n; i++) {
        bool first = true;
        for (int k = 0; k < i; k++) first = first && x->group[k] != x->group[i];
        if (!first || !teaches_nothing(w, i)) continue;
        w->out->groups_dropped++;
        for (int k = i; k < x->n; k++)
            if (x->group[k] == x->group[i]) w->out_of_counts[k] = 1;
    }
}

/* The k-th largest of v: quickselect on a copy, so that no order of equal values matters. */
static double kth_largest(double *v, size_t n, size_t k)
{
    size_t lo = 0, hi = n;
    while (hi - lo > 1) {
        double pivot = v[lo + (hi - lo) / 2];
        size_t above = lo, i = lo, below = hi;
        while (i < below) {
            double t = v[i];
            if (t > pivot) v[i++] = v[above], v[above++] = t;
            else if (t < pivot) v[i] = v[--below], v[below] = t;
            else i++;
        }
        if (k < above) hi = above;
        else if (k >= below) lo = below;
        else return pivot;
    }
    return v[lo];
}

/* Tokens of high entropy alone carry the policy's gradient (Wang et al. 2025, eq. 6). */
static void choose_gain(struct work *w)
{
    const mb_sequences *x = w->x;
    size_t cells = (size_t)x->n * (size_t)x->longest, n = 0;
    double limit = 0;
    bool some = w->o->top_entropy < 1;
    if (some) {
        for (size_t at = 0; at < cells; at++)
            if (w->out->weight[at] > 0) w->scratch[n++] = x->entropy[at];
        size_t keep = (size_t)(w->o->top_entropy * (double)n + 0.5);
        limit = n && keep ? kth_largest(w->scratch, n, keep - 1) : 0;
        if (!keep) n = 0;
    }
    for (size_t at = 0; at < cells; at++) w->out->gain[at] = !some || (n && x->entropy[at] >= limit);
}

static void choose_kl(struct work *w)
{
    const mb_sequences *x = w->x;
    for (size_t at = 0; at < (size_t)x->n * (size_t)x->longest; at++) {
        bool on = true;
        if (w->o->kl_fraction < 1) {
            mb_rng r = mb_rng_make((uint64_t)w->o->seed, "objective.kl", at);
            on = mb_uniform64(&r) < w->o->kl_fraction;
        }
        if (w->o->kl_skip_class >= 0 && x->token_class && x->token_class[at] == w->o->kl_skip_class) on = false;
        w->out->kl[at] = on;
    }
}

static bool complete(const mb_objective *o, const mb_sequences *x, mb_error *err)
{
    const char *lacks = NULL;
    if (o->kl && o->beta > 0 && !x->ref_logp) lacks = "ref_logp (the KL needs it)";
    if (o->top_entropy < 1 && !x->entropy) lacks = "entropy (top-entropy needs it)";
    if (o->advantage == MB_ADV_TURN && !(x->turn_reward && x->turn)) lacks = "turn_rewards and turn (the advantage of turns needs them)";
    if (o->advantage == MB_ADV_GAE && !x->value) lacks = "values (gae needs them)";
    if (lacks) return mb_fail(err, MB_ERR_USAGE, "objective: the sequences lack %s", lacks);
    return true;
}

bool mb_objective_prepare(const mb_objective *o, const mb_sequences *x, mb_objective_weights *out, mb_arena *scratch, mb_error *err)
{
    if (!mb_objective_check(o, err) || !complete(o, x, err)) return false;
    size_t n = (size_t)x->n, cells = n * (size_t)x->longest;
    struct work w = { o, x, out, mb_alloc(scratch, n, sizeof(double), err), mb_alloc(scratch, n, sizeof(double), err),
                      mb_alloc(scratch, cells, sizeof(double), err), mb_alloc(scratch, n, 1, err) };
    double *column = mb_alloc(scratch, n, sizeof(double), err);
    if (!w.length || !w.score || !w.scratch || !w.out_of_counts || !column) return false;
    memset(out->returns, 0, cells * sizeof(double));
    out->groups_dropped = 0;
    bool by_token = o->advantage == MB_ADV_WHITEN || o->advantage == MB_ADV_GAE;
    score(&w, kl_in_reward(&w) && !by_token);
    if (o->group_filter == 1) drop_equal_groups(&w);
    advantages(&w, column);
    weights(&w);
    choose_gain(&w);
    choose_kl(&w);
    return true;
}
