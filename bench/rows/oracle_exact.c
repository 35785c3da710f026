/* What an enumerable policy settles exactly: expected gradients, variances, divergences.  One seed, one random policy and reward.
     oracle_exact kl|groups|difficulty|placement|split|lengths|shaping|baseline|identity --seed=N */
#include "oracle_library.h"
#include "row.h"

enum { MOST_NUMBERS = 32 };
static struct oracle pi, ref;
static o_grad g, h, exact;
static double reward[O_TEXTS];
static const char *names[MOST_NUMBERS];
static double values[MOST_NUMBERS];
static int n;

static void put(const char *name, double v) { names[n] = name, values[n++] = v; }

static double norm(o_grad x) { return sqrt(o_dot(&pi, x, x)); }

/* 0 or 1, both present. */
static void random_rewards(mb_rng *rng)
{
    for (int s = 0; s < pi.ntext; s++) reward[s] = mb_below(rng, 2);
    reward[0] = 1, reward[1] = 0;
}

/* A128: which divergence the estimators k1, k2 and k3 measure, and which one they descend in the loss. */
static void kl(mb_rng *rng, int length)
{
    o_random(&pi, 5, length, 1, rng), o_random(&ref, 5, length, 1, rng);
    double truth = o_kl_reverse(&pi, &ref, exact), reverse = norm(exact), other = o_kl_forward(&pi, &ref, h), forward = norm(h);
    double k1 = o_estimator(&pi, &ref, 1, g);
    put("k1_value_error", fabs(k1 - truth)), put("k1_gradient", norm(g));
    double k2 = o_estimator(&pi, &ref, 2, g);
    put("k2_value_error", fabs(k2 - truth)), put("k2_to_reverse", o_distance(&pi, g, 1, exact) / reverse);
    double k3 = o_estimator(&pi, &ref, 3, g);
    put("k3_value_error", fabs(k3 - truth)), put("k3_to_forward", o_distance(&pi, g, 1, h) / forward);
    put("k3_to_reverse", o_distance(&pi, g, 1, exact) / reverse), put("reverse", truth), put("forward", other);
    for (int s = 0; s < pi.ntext; s++) { /* k1 in the reward: the sum over the text times the score of each token */
        double sum = 0;
        if (s == 0) memset(g, 0, sizeof g);
        for (int t = 0; t < pi.length[s]; t++) sum += o_token_logp(&pi, s, t) - o_token_logp(&ref, s, t);
        for (int t = 0; t < pi.length[s]; t++) o_score(&pi, s, t, pi.p[s] * sum, g);
    }
    put("reward_to_reverse", o_distance(&pi, g, 1, exact) / reverse);
}

/* A145, A149: bias and variance of group estimators of the policy gradient. */
static void groups(mb_rng *rng)
{
    static const struct { const char *bias, *turn, *variance; struct o_estimate e; } of[] = {
        { "reinforce_bias", "reinforce_turn", "reinforce_variance", { O_NONE, O_SEQUENCE_SUM, 1, 0 } },
        { "rloo_bias", "rloo_turn", "rloo_variance", { O_LEAVE_ONE_OUT, O_SEQUENCE_SUM, 1, 0 } },
        { "dr_grpo_bias", "dr_grpo_turn", "dr_grpo_variance", { O_CENTER, O_CONSTANT, 1, 0 } },
        { "std_bias", "std_turn", "std_variance", { O_STANDARDIZE, O_SEQUENCE_SUM, 1, 1e-4 } },
        { "length_bias", "length_turn", "length_variance", { O_CENTER, O_SEQUENCE_MEAN, 1, 0 } },
        { "grpo_bias", "grpo_turn", "grpo_variance", { O_STANDARDIZE, O_SEQUENCE_MEAN, 1, 1e-4 } },
    };
    const int size = 3;
    o_random(&pi, 3, 3, 1, rng);
    random_rewards(rng);
    o_value(&pi, reward, exact);
    for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
        double trace = o_expected(&pi, &of[i].e, reward, size, g), scale = o_dot(&pi, g, exact) / o_dot(&pi, exact, exact);
        put(of[i].bias, o_distance(&pi, g, 1, exact) / norm(exact));
        put(of[i].turn, sqrt(fabs(1 - o_cosine(&pi, g, exact) * o_cosine(&pi, g, exact)))); /* sine of the angle: no scale mends it */
        put(of[i].variance, trace / (scale * scale) / o_dot(&pi, exact, exact));            /* relative, after scaling to the same length */
        if (i == 2) put("dr_grpo_scale", scale * size / (size - 1)); /* of the constant 1: 1 when it is RLOO but for G / (G - 1) */
    }
}

/* A151: what a question with success probability p weighs, relative to one with p = 1/2, in groups of size G (a sum over binomials). */
static double weight(double p, int size, bool standardize)
{
    double sum = 0, choose = 1;
    for (int k = 0; k <= size; k++) {
        double share = (double)k / size, pr = choose * mb_pow64(p, k) * mb_pow64(1 - p, size - k), m = share * (1 - share);
        choose = choose * (size - k) / (k + 1);
        if (m <= 0) continue;
        sum += pr * (standardize ? m / sqrt(m * size / (size - 1)) : m);
    }
    return sum;
}

static void difficulty(double p, int size)
{
    double plain = weight(p, size, false) / weight(0.5, size, false), scaled = weight(p, size, true) / weight(0.5, size, true);
    put("plain", plain), put("scaled", scaled), put("factor", scaled / plain), put("predicted", 0.5 / sqrt(p * (1 - p)));
    put("shortfall", 1 - scaled / plain / (0.5 / sqrt(p * (1 - p))));
}

/* A160: KL in the reward or in the loss, over texts of several tokens, and what standardising the group's rewards does to the penalty. */
static void penalized(int kind, double beta, o_grad out) /* reward gradient minus beta x the estimator's */
{
    o_estimator(&pi, &ref, kind, h);
    for (int k = 0; k < pi.nprefix; k++)
        for (int a = 0; a < pi.v; a++) out[k][a] = exact[k][a] - beta * h[k][a];
}

static void placement(mb_rng *rng)
{
    static o_grad truth, in_reward;
    static double shaped[O_TEXTS];
    static const char *const of[] = { "k1_loss_error", "k2_loss_error", "k3_loss_error" };
    const double beta = 0.5;
    o_random(&pi, 4, 3, 1, rng), o_random(&ref, 4, 3, 1, rng);
    random_rewards(rng);
    o_value(&pi, reward, exact);
    o_kl_reverse(&pi, &ref, h);
    for (int k = 0; k < pi.nprefix; k++)
        for (int a = 0; a < pi.v; a++) truth[k][a] = exact[k][a] - beta * h[k][a];
    for (int s = 0; s < pi.ntext; s++) shaped[s] = reward[s] - beta * (pi.logp[s] - ref.logp[s]);
    o_value(&pi, shaped, in_reward);
    put("reward_error", o_distance(&pi, in_reward, 1, truth) / norm(truth));
    for (int kind = 1; kind <= 3; kind++) {
        penalized(kind, beta, g);
        put(of[kind - 1], o_distance(&pi, g, 1, truth) / norm(truth));
    }
    struct o_estimate std = { O_STANDARDIZE, O_SEQUENCE_SUM, 1, 1e-4 }, center = { O_LEAVE_ONE_OUT, O_SEQUENCE_SUM, 1, 0 };
    o_expected(&pi, &center, shaped, 2, g);
    put("rloo_reward_error", o_distance(&pi, g, 1, truth) / norm(truth));
    o_expected(&pi, &std, shaped, 2, g);
    double turned = o_cosine(&pi, g, truth);
    put("grpo_reward_turn", sqrt(fabs(1 - turned * turned)));
}

/* A165, A154: one batch cut into micro-batches in two ways; and how much the size of the gradient wanders between batches. */
static double step_size(const struct o_estimate *e, mb_rng *rng, int batches)
{
    double sum = 0, square = 0;
    for (int b = 0; b < batches; b++) {
        int text[O_GROUP];
        for (int i = 0; i < O_GROUP; i++) text[i] = o_draw(&pi, rng);
        memset(g, 0, sizeof g);
        o_group(&pi, e, text, reward, O_GROUP, g);
        sum += norm(g), square += o_dot(&pi, g, g);
    }
    sum /= batches;
    return sqrt(square / batches - sum * sum) / sum;
}

static void split(mb_rng *rng)
{
    static o_grad whole, parts;
    static const char *const of[] = { "sequence_sum", "sequence_mean", "token_mean", "constant" };
    static const char *const wander[] = { "wander_sequence_sum", "wander_sequence_mean", "wander_token_mean", "wander_constant" };
    int text[O_GROUP], tokens[2] = { 0, 0 };
    o_random(&pi, 4, 4, 0.3, rng);
    for (int k = 0; k < pi.nprefix; k++) pi.logit[k][0] += 0.5; /* short and long texts */
    o_update(&pi);
    random_rewards(rng);
    do {
        tokens[0] = tokens[1] = 0;
        for (int i = 0; i < O_GROUP; i++) text[i] = o_draw(&pi, rng), tokens[i * 2 / O_GROUP] += pi.length[text[i]];
    } while (tokens[0] == tokens[1]);
    for (int d = 0; d < 4; d++) {
        struct o_estimate e = { O_NONE, (enum o_denominator)d, 4, 0 };
        memset(whole, 0, sizeof whole), memset(parts, 0, sizeof parts);
        o_group(&pi, &e, text, reward, O_GROUP, whole);
        for (int k = 0; k < 2; k++) {
            memset(g, 0, sizeof g);
            o_group(&pi, &e, text + k * O_GROUP / 2, reward, O_GROUP / 2, g);
            for (int p = 0; p < pi.nprefix; p++)
                for (int a = 0; a < pi.v; a++) parts[p][a] += g[p][a] / 2;
        }
        put(of[d], o_distance(&pi, parts, 1, whole) / (norm(whole) + 1e-300));
        struct o_estimate c = { O_CENTER, (enum o_denominator)d, 4, 0 };
        put(wander[d], step_size(&c, rng, 4000));
    }
}

/* A126: weight of one token of a short answer (4 tokens) relative to one of a long answer (200) in a batch of both. */
static void lengths(void)
{
    static const char *const of[] = { "sequence_sum", "sequence_mean", "token_mean", "constant" };
    for (int d = 0; d < 4; d++) {
        struct o_estimate e = { O_NONE, (enum o_denominator)d, 200, 0 };
        put(of[d], o_weight(&e, 2, 4, 204) / o_weight(&e, 2, 200, 204));
    }
}

/* A99: what an expert's token of probability p weighs in the gradient: shaped g p / (p + g)^2, raw importance p, likelihood 1. */
static void shaping(double gamma)
{
    const double rare = 0.01, common = 0.9, step = 1e-6;
    double slope[2], p[2] = { rare, common }, error = 0;
    for (int i = 0; i < 2; i++) {
        double up = p[i] * (1 + step), down = p[i] * (1 - step), f = up / (up + gamma) - down / (down + gamma);
        slope[i] = gamma * p[i] / ((p[i] + gamma) * (p[i] + gamma));
        error = fmax(error, fabs(f / (mb_log64(up) - mb_log64(down)) - slope[i]));
    }
    put("formula_error", error), put("shaped", slope[0] / slope[1]), put("raw", rare / common), put("gain", slope[0] / slope[1] / (rare / common));
}

/* A122: the mirror-descent surrogate of Kimi k1.5 with its exact baseline tau log Z and with the mean reward instead: where each ends, for
   expectations under the old policy; and how far both baselines estimated from k samples are from the truth. */
static void fixed_point(double tau, double b)
{
    for (int it = 0; it < 200000; it++) { /* gradient descent on the logits of one softmax, at a step that fits the curvature */
        double slope[O_VOCAB], mean = 0, size = 0;
        for (int a = 0; a < pi.v; a++) {
            double d = reward[a] - b - tau * (mb_log64(pi.soft[0][a]) - ref.logp[a]);
            mean += slope[a] = -2 * tau * ref.p[a] * d;
        }
        for (int a = 0; a < pi.v; a++) {
            double step = slope[a] - pi.soft[0][a] * mean;
            pi.logit[0][a] -= 0.2 / (tau * tau) * step;
            size += step * step;
        }
        o_update(&pi);
        if (size < 1e-26 * tau * tau) break;
    }
}

static void baseline(mb_rng *rng, double tau, int k)
{
    static struct oracle best;
    o_random(&ref, 5, 1, 1, rng), o_make(&best, 5, 1);
    double z = 0, mean = 0, bias = 0, square = 0, log_bias = 0, log_square = 0;
    for (int a = 0; a < 5; a++) reward[a] = mb_uniform64(rng), mean += ref.p[a] * reward[a];
    for (int a = 0; a < 5; a++) z += ref.p[a] * mb_exp64(reward[a] / tau), best.logit[0][a] = ref.logp[a] + reward[a] / tau;
    o_update(&best);
    double exact_b = tau * mb_log64(z);
    pi = ref;
    fixed_point(tau, exact_b);
    put("exact_kl", o_kl_reverse(&pi, &best, NULL));
    double with_exact = o_value(&pi, reward, NULL);
    pi = ref;
    fixed_point(tau, mean);
    put("mean_kl", o_kl_reverse(&pi, &best, NULL)), put("mean_reward", o_value(&pi, reward, NULL)), put("exact_reward", with_exact);
    for (int i = 0; i < 4000; i++) {
        double sum = 0, m = 0;
        for (int j = 0; j < k; j++) {
            double r = reward[o_draw(&ref, rng)];
            sum += mb_exp64(r / tau) / k, m += r / k;
        }
        bias += (m - mean) / 4000, square += (m - mean) * (m - mean) / 4000;
        double d = tau * mb_log64(sum) - exact_b;
        log_bias += d / 4000, log_square += d * d / 4000;
    }
    put("mean_error", sqrt(square)), put("log_error", sqrt(log_square)), put("log_bias", log_bias), put("mean_bias", bias);
}

/* A134: on policy the loss of GRPO is 0 and its gradient is not; the derivative by the logits is that of finite differences of the loss. */
static void identity(mb_rng *rng)
{
    mb_objective o;
    mb_error err = { 0 };
    struct ol_sample x;
    double loss = 0, worst = 0;
    mb_objective_default(&o);
    o_random(&pi, 4, 4, 1, rng), o_random(&ref, 4, 4, 1, rng);
    random_rewards(rng);
    bool same;
    do {
        ol_draw(&pi, &ref, reward, rng, &x);
        same = true;
        for (int i = 1; i < OL_N; i++) same = same && x.reward[i] == x.reward[0];
    } while (same); /* a group that teaches something */
    if (!ol_loss(&o, &pi, &x, &loss, exact, &err)) fprintf(stderr, "%s\n", err.what), exit(1);
    put("loss", fabs(loss)), put("gradient", norm(exact));
    for (int k = 0; k < pi.nprefix; k++)
        for (int a = 0; a < pi.v; a++) {
            const double step = 1e-5;
            double side[2], keep = pi.logit[k][a];
            if (exact[k][a] == 0) continue;
            for (int d = 0; d < 2; d++) {
                pi.logit[k][a] = keep + (d ? -step : step);
                o_update(&pi);
                for (int i = 0; i < OL_N; i++)
                    for (int t = 0; t < pi.length[x.text[i]]; t++) x.logp[i * O_LENGTH + t] = o_token_logp(&pi, x.text[i], t);
                if (!ol_loss(&o, &pi, &x, &side[d], g, &err)) exit(1);
            }
            pi.logit[k][a] = keep;
            worst = fmax(worst, fabs((side[0] - side[1]) / (2 * step) - exact[k][a]) / norm(exact));
        }
    put("difference_error", worst);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    mb_rng rng = mb_rng_make(row_seed(argc, argv), "oracle", 0);
    if (strcmp(what, "kl") == 0) kl(&rng, (int)row_number(argc, argv, "length", 1));
    else if (strcmp(what, "groups") == 0) groups(&rng);
    else if (strcmp(what, "difficulty") == 0) difficulty(row_number(argc, argv, "p", 0.05), (int)row_number(argc, argv, "size", 8));
    else if (strcmp(what, "placement") == 0) placement(&rng);
    else if (strcmp(what, "split") == 0) split(&rng);
    else if (strcmp(what, "lengths") == 0) lengths();
    else if (strcmp(what, "shaping") == 0) shaping(row_number(argc, argv, "gamma", 0.1));
    else if (strcmp(what, "baseline") == 0) baseline(&rng, row_number(argc, argv, "tau", 1), (int)row_number(argc, argv, "k", 8));
    else if (strcmp(what, "identity") == 0) identity(&rng);
    else return fprintf(stderr, "oracle_exact kl|groups|difficulty|placement|split|lengths|shaping|baseline|identity --seed=N\n"), 2;
    row_print(n, names, values);
    return 0;
}
