/* Training a policy that can be enumerated, by sampled groups: what several steps on one batch, clips, length divisors and targets do.  Every
   number is an exact expectation under the trained policy.
     oracle_train random|steps|length|target --seed=N ... */
#include "oracle.h"
#include "row.h"

enum { GROUP = 8, GROUPS = 4, MOST_NUMBERS = 16 };
static const char *names[MOST_NUMBERS];
static double values[MOST_NUMBERS];
static int n;
static void put(const char *name, double v) { names[n] = name, values[n++] = v; }

enum rule { UNCLIPPED, CLIPPED, MIRROR };
struct batch { int text[GROUPS][GROUP]; double adv[GROUPS][GROUP]; };

static void sample(const struct oracle *pi, const double *reward, bool random, bool standardize, mb_rng *rng, struct batch *b)
{
    struct o_estimate e = { standardize ? O_STANDARDIZE : O_CENTER, O_SEQUENCE_SUM, 1, 1e-4 };
    for (int k = 0; k < GROUPS; k++) {
        double r[GROUP];
        for (int i = 0; i < GROUP; i++) {
            b->text[k][i] = o_draw(pi, rng);
            r[i] = random ? mb_below(rng, 2) : reward[b->text[k][i]];
        }
        o_advantages(&e, r, GROUP, b->adv[k]);
    }
}

/* `mu` steps on one batch.  Ratios are per token; clip 0.2; mirror: tau / 2 x squared log-ratio of the text, no ratio. */
static void learn(struct oracle *pi, const struct batch *b, enum rule rule, int mu, double lr, double tau)
{
    static struct oracle old;
    static o_grad g;
    old = *pi;
    for (int step = 0; step < mu; step++) {
        memset(g, 0, sizeof(double) * O_VOCAB * (size_t)pi->nprefix);
        for (int k = 0; k < GROUPS; k++)
            for (int i = 0; i < GROUP; i++) {
                int s = b->text[k][i];
                double a = b->adv[k][i], change = pi->logp[s] - old.logp[s];
                for (int t = 0; t < pi->length[s]; t++) {
                    double ratio = mb_exp64(o_token_logp(pi, s, t) - o_token_logp(&old, s, t)), w = a * ratio;
                    if (rule == CLIPPED && ((a > 0 && ratio > 1.2) || (a < 0 && ratio < 0.8))) w = 0;
                    if (rule == MIRROR) w = a - tau * change;
                    o_score(pi, s, t, w / (GROUP * GROUPS), g);
                }
            }
        for (int k = 0; k < pi->nprefix; k++)
            for (int v = 0; v < pi->v; v++) pi->logit[k][v] += lr * g[k][v];
        o_update(pi);
    }
}

static enum rule rule_of(int argc, char **argv)
{
    return row_is(argc, argv, "rule", "mirror") ? MIRROR : row_is(argc, argv, "rule", "unclipped") ? UNCLIPPED : CLIPPED;
}

/* A35: rewards that are coin tosses; how far the probability of the most likely arm moves on average. */
static void random_rewards(int argc, char **argv, mb_rng *rng)
{
    static struct oracle pi, start;
    int mu = (int)row_number(argc, argv, "mu", 4), batches = (int)row_number(argc, argv, "batches", 50), repeats = (int)row_number(argc, argv, "repeats", 100);
    double lr = row_number(argc, argv, "lr", 0.5), drift = 0, entropy = 0;
    o_make(&start, 8, 1);
    for (int v = 0; v < 8; v++) start.logit[0][v] = v == 1 ? 2 : 0;
    o_update(&start);
    for (int i = 0; i < repeats; i++) {
        struct batch b;
        pi = start;
        for (int k = 0; k < batches; k++) {
            sample(&pi, NULL, true, true, rng, &b);
            learn(&pi, &b, rule_of(argc, argv), mu, lr, 0);
        }
        drift += (pi.p[1] - start.p[1]) / repeats, entropy += o_entropy(&pi) / repeats;
    }
    put("drift", drift), put("entropy", entropy), put("start", start.p[1]);
}

/* A133, A123: several steps on each batch: how far one batch moves the policy, and what it earns in the end. */
static void steps(int argc, char **argv, mb_rng *rng)
{
    static struct oracle pi, before;
    static double reward[O_TEXTS];
    struct batch b;
    int mu = (int)row_number(argc, argv, "mu", 8), batches = (int)row_number(argc, argv, "batches", 100);
    double lr = row_number(argc, argv, "lr", 1), tau = row_number(argc, argv, "tau", 0.3), moved = 0, most = 0, finger = 0;
    o_random(&pi, 4, 3, 1, rng);
    for (int s = 0; s < pi.ntext; s++) reward[s] = mb_uniform64(rng) < 0.2;
    reward[0] = 1, reward[1] = 0;
    put("start", o_value(&pi, reward, NULL));
    for (int k = 0; k < batches; k++) {
        sample(&pi, reward, false, rule_of(argc, argv) != MIRROR, rng, &b);
        before = pi;
        learn(&pi, &b, rule_of(argc, argv), mu, lr, tau);
        double kl = o_kl_reverse(&pi, &before, NULL);
        moved += kl / batches, most = kl > most ? kl : most;
    }
    for (int k = 0; k < pi.nprefix; k++)
        for (int v = 0; v < pi.v; v++) finger += pi.logit[k][v] * (1 + k * 0.37 + v);
    put("reward", o_value(&pi, reward, NULL)), put("kl_mean", moved), put("kl_most", most), put("entropy", o_entropy(&pi)), put("finger", finger);
}

/* ---- A150: an answer may be put off by any number of pads, which change nothing ---- */

enum { PADS = 15 };
struct pads { double logit[PADS][3], soft[PADS][3]; }; /* pad, right, wrong */

static void pads_update(struct pads *p)
{
    for (int d = 0; d < PADS; d++) {
        double sum = 0;
        for (int v = 0; v < 3; v++) sum += p->soft[d][v] = d == PADS - 1 && v == 0 ? 0 : mb_exp64(p->logit[d][v]);
        for (int v = 0; v < 3; v++) p->soft[d][v] /= sum;
    }
}

/* Expected length of right (1) or wrong (2) answers, and their probability. */
static double pads_length(const struct pads *p, int which, double *share)
{
    double reach = 1, sum = 0;
    *share = 0;
    for (int d = 0; d < PADS; d++) {
        double here = reach * p->soft[d][which];
        *share += here, sum += here * (d + 1);
        reach *= p->soft[d][0];
    }
    return sum / *share;
}

static void length(int argc, char **argv, mb_rng *rng)
{
    struct pads p;
    int batches = (int)row_number(argc, argv, "batches", 3000);
    double lr = row_number(argc, argv, "lr", 0.3), until = row_number(argc, argv, "until", 0.7), share, accuracy;
    bool std = row_is(argc, argv, "std", "true");
    struct o_estimate e = { std ? O_STANDARDIZE : O_CENTER, row_is(argc, argv, "denominator", "constant") ? O_CONSTANT :
                            row_is(argc, argv, "denominator", "token-mean") ? O_TOKEN_MEAN : O_SEQUENCE_MEAN, row_number(argc, argv, "constant", 5), 1e-4 };
    for (int d = 0; d < PADS; d++) p.logit[d][0] = 1.5, p.logit[d][1] = -1, p.logit[d][2] = 0; /* one answer in four is right */
    pads_update(&p);
    put("wrong_before", pads_length(&p, 2, &share)), put("right_before", pads_length(&p, 1, &accuracy));
    for (int b = 0; b < batches && accuracy < until; b++) { /* arms are compared where they are equally good */
        double g[PADS][3] = { { 0 } };
        for (int k = 0; k < GROUPS; k++) {
            int last[GROUP], what[GROUP], tokens = 0;
            double r[GROUP], a[GROUP];
            for (int i = 0; i < GROUP; i++) {
                for (last[i] = 0;; last[i]++) {
                    double u = mb_uniform64(rng);
                    what[i] = u < p.soft[last[i]][0] ? 0 : u < p.soft[last[i]][0] + p.soft[last[i]][1] ? 1 : 2;
                    if (what[i]) break;
                }
                r[i] = what[i] == 1, tokens += last[i] + 1;
            }
            o_advantages(&e, r, GROUP, a);
            for (int i = 0; i < GROUP; i++)
                for (int d = 0; d <= last[i]; d++)
                    for (int v = 0; v < 3; v++)
                        g[d][v] += a[i] * o_weight(&e, GROUP, last[i] + 1, tokens) / GROUPS * ((v == (d < last[i] ? 0 : what[i])) - p.soft[d][v]);
        }
        for (int d = 0; d < PADS; d++)
            for (int v = 0; v < 3; v++) p.logit[d][v] += lr * g[d][v];
        pads_update(&p);
        pads_length(&p, 1, &accuracy);
    }
    put("wrong_after", pads_length(&p, 2, &share)), put("right_after", pads_length(&p, 1, &accuracy)), put("accuracy", accuracy);
    put("wrong_growth", values[2] - values[0]), put("right_growth", values[3] - values[1]);
}

/* ---- B114: the optimum under a KL penalty is a distribution, and how to come near it ---- */

static void adam(struct oracle *pi, o_grad g, int step, double lr)
{
    static o_grad m, v;
    if (step == 0) memset(m, 0, sizeof m), memset(v, 0, sizeof v);
    double c1 = 1 - mb_pow64(0.9, step + 1), c2 = 1 - mb_pow64(0.999, step + 1);
    for (int k = 0; k < pi->nprefix; k++)
        for (int a = 0; a < pi->v; a++) {
            m[k][a] = 0.9 * m[k][a] + 0.1 * g[k][a], v[k][a] = 0.999 * v[k][a] + 0.001 * g[k][a] * g[k][a];
            pi->logit[k][a] += lr * (m[k][a] / c1) / (sqrt(v[k][a] / c2) + 1e-8);
        }
    o_update(pi);
}

/* Divergences of a distribution over texts that need not be a policy of this form: here every one is. */
static double divergence(const struct oracle *o, const double *p, const double *q)
{
    double kl = 0;
    for (int s = 0; s < o->ntext; s++)
        if (p[s] > 0) kl += p[s] * mb_log64(p[s] / q[s]);
    return kl;
}

static void target(int argc, char **argv, mb_rng *rng)
{
    static struct oracle base, pi;
    static double r[O_TEXTS], best[O_TEXTS], shaped[O_TEXTS];
    static o_grad g;
    double beta = row_number(argc, argv, "beta", 0.5), z = 0;
    bool constraint = row_is(argc, argv, "target", "constraint"), sampled = row_number(argc, argv, "samples", 0) > 0, dpg = row_is(argc, argv, "method", "dpg");
    int updates = (int)row_number(argc, argv, "updates", 4000), samples = (int)row_number(argc, argv, "samples", 0);
    o_random(&base, 4, 4, 1, rng);
    for (int s = 0; s < base.ntext; s++) r[s] = constraint ? mb_uniform64(rng) < 0.3 : mb_uniform64(rng);
    r[0] = 1;
    for (int s = 0; s < base.ntext; s++) z += best[s] = base.p[s] * (constraint ? r[s] : beta > 0 ? mb_exp64(r[s] / beta) : 1);
    for (int s = 0; s < base.ntext; s++) best[s] /= z;
    pi = base;
    for (int i = 0; i < updates; i++) {
        for (int s = 0; s < pi.ntext; s++) shaped[s] = dpg ? best[s] / pi.p[s] : r[s] - beta * (pi.logp[s] - base.logp[s]);
        if (!sampled) o_value(&pi, shaped, g);
        else {
            double mean = 0;
            int text[256];
            memset(g, 0, sizeof g);
            for (int k = 0; k < samples; k++) text[k] = o_draw(&pi, rng), mean += shaped[text[k]] / samples;
            for (int k = 0; k < samples; k++)
                for (int t = 0; t < pi.length[text[k]]; t++) o_score(&pi, text[k], t, (shaped[text[k]] - (dpg ? 1 : mean)) / samples, g);
        }
        adam(&pi, g, i, row_number(argc, argv, "lr", 0.03));
    }
    put("forward", divergence(&pi, best, pi.p)), put("entropy", o_entropy(&pi)), put("reward", o_value(&pi, r, NULL));
    put("reverse", constraint ? -1 : divergence(&pi, pi.p, best));
    for (int bon = 4; bon <= 16; bon += 12) { /* best of N: the probability that the best of N draws is this text; equal rewards share */
        double kl = 0;
        for (int s = 0; s < base.ntext; s++) {
            double below = 0, equal = 0;
            for (int u = 0; u < base.ntext; u++) below += r[u] < r[s] ? base.p[u] : 0, equal += r[u] == r[s] ? base.p[u] : 0;
            double p = (mb_pow64(below + equal, bon) - (below > 0 ? mb_pow64(below, bon) : 0)) * base.p[s] / equal;
            if (p > 0) kl += p * mb_log64(p / base.p[s]);
        }
        put(bon == 4 ? "best_of_4_room" : "best_of_16_room", mb_log64(bon) - (bon - 1.0) / bon - kl);
    }
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    mb_rng rng = mb_rng_make(row_seed(argc, argv), "oracle", 1);
    if (strcmp(what, "random") == 0) random_rewards(argc, argv, &rng);
    else if (strcmp(what, "steps") == 0) steps(argc, argv, &rng);
    else if (strcmp(what, "length") == 0) length(argc, argv, &rng);
    else if (strcmp(what, "target") == 0) target(argc, argv, &rng);
    else return fprintf(stderr, "oracle_train random|steps|length|target --seed=N ...\n"), 2;
    row_print(n, names, values);
    return 0;
}
