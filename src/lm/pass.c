/* pass.c - what a model can do: unbiased pass@k (Chen et al. 2021, eq. 1) and majority over held-out problems. */
#include "matchbox/lm_task.h"
#include <math.h>
#include <string.h>

static bool right(const mb_lm_episode *e) { return e->ruling.outcome == MB_SCORED && e->ruling.score >= 1 - 1e-9; }

/* 1 - C(n - c, k) / C(n, k) */
static double pass_at(int n, int c, int k)
{
    double miss = 1;
    if (n - c < k) return 1;
    for (int i = n - c + 1; i <= n; i++) miss *= 1 - (double)k / i;
    return 1 - miss;
}

static bool same(const mb_lm_episode *a, const mb_lm_episode *b)
{
    return a->n == b->n && memcmp(a->token + a->prompt, b->token + b->prompt, (size_t)(a->n - a->prompt) * sizeof *a->token) == 0;
}

/* is the most frequent answer right?  Of equally frequent ones the first. */
static bool majority(const mb_lm_episode *e, int n)
{
    int best = 0, most = 0;
    for (int i = 0; i < n; i++) {
        int count = 0;
        for (int k = 0; k < n; k++) count += same(&e[i], &e[k]);
        if (count > most) most = count, best = i;
    }
    return right(&e[best]);
}

static void add(mb_lm_report *r, const mb_lm_episode *e)
{
    int c = 0;
    for (int i = 0; i < r->samples; i++) {
        c += right(&e[i]);
        r->mean += e[i].ruling.outcome == MB_SCORED ? e[i].ruling.score : 0;
        r->length += e[i].written;
        r->truncated += e[i].truncated;
        r->invalid += e[i].ruling.outcome == MB_INVALID;
        r->errors += e[i].ruling.outcome == MB_VERIFIER_ERROR;
        double kept = 0;
        for (int t = 0; t < e[i].n; t++) kept += e[i].counts[t] ? (double)e[i].kept[t] : 0;
        r->kept += e[i].written ? kept / e[i].written : 1;
    }
    for (int k = 0; k < r->nks; k++) r->pass[k] += pass_at(r->samples, c, r->k[k]);
    r->majority += majority(e, r->samples);
}

bool mb_lm_evaluate(mb_lm_player *p, int split, int problems, uint64_t seed, mb_lm_report *out, mb_error *err)
{
    const mb_lm_episode *e;
    int each = mb_lm_player_problems(p), samples = mb_lm_player_samples(p);
    *out = (mb_lm_report){ .samples = samples };
    for (int k = 1; k <= samples && out->nks < MB_LM_KS; k *= 2) out->k[out->nks++] = k;
    for (int done = 0; done < problems; done += each) {
        if (!mb_lm_play(p, split, (uint64_t)done, seed, &e, err)) return false;
        for (int i = 0; i < each && done + i < problems; i++, out->problems++) add(out, e + (int64_t)i * samples);
    }
    double *const means[] = { &out->mean, &out->length, &out->truncated, &out->invalid, &out->errors, &out->kept };
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) *means[i] /= (double)out->problems * samples;
    for (int k = 0; k < out->nks; k++) out->pass[k] /= out->problems;
    out->majority /= out->problems;
    return true;
}
