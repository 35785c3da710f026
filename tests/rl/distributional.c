/* Expectiles, two-atom dynamic programming and the discrepancy of samples: closed forms, second computations by brute force, and the
   robust problem that two atoms are. */
#include "matchbox/distributional.h"
#include "nn/graph_test.h"

/* ---- expectiles ---- */

TEST(expectiles_of_known_distributions)
{
    const double coin[] = { 0, 1 }, half[] = { 0.5, 0.5 };
    for (double tau = 0.05; tau < 1; tau += 0.05) CHECK_NEAR(mb_expectile(coin, half, 2, tau), tau, 1e-12); /* tau (1 - e) = (1 - tau) e */
    enum { N = 2000 };
    static double x[N], p[N];
    for (int i = 0; i < N; i++) x[i] = (i + 0.5) / N, p[i] = 1.0 / N;
    for (double tau = 0.1; tau < 1; tau += 0.2) { /* uniform on [0, 1]: tau (1 - e)^2 = (1 - tau) e^2 */
        double e = mb_expectile(x, p, N, tau), t = sqrt(tau) / (sqrt(tau) + sqrt(1 - tau));
        CHECK_NEAR(e, t, 1e-6);
    }
}

TEST(asymmetric_rates_find_expectiles)
{
    const double x[] = { 0.1, 2, 7 }, p[] = { 0.5, 0.3, 0.2 }, tau[] = { 0.1, 0.5, 0.9 };
    double v[3] = { 0 }, mean[3] = { 0 };
    mb_rng r = mb_rng_make(1, "test", 0);
    enum { N = 400000 };
    for (int i = 0; i < N; i++) {
        double u = mb_uniform64(&r);
        mb_asymmetric_learn(v, tau, 3, x[u < 0.5 ? 0 : u < 0.8 ? 1 : 2], 0.005);
        for (int k = 0; k < 3 && i >= N / 4; k++) mean[k] += v[k] / (N - N / 4);
    }
    for (int k = 0; k < 3; k++) CHECK_NEAR(mean[k], mb_expectile(x, p, 3, tau[k]), 0.03);
}

TEST(expectiles_speak_of_their_distribution)
{
    enum { CELLS = 40, N = 5 };
    const double x[N] = { 0.5, 1, 3, 6, 10 }, p[N] = { 0.1, 0.3, 0.2, 0.25, 0.15 };
    double v[CELLS], tau[CELLS], cdf[CELLS], mean = 0;
    for (int i = 0; i < N; i++) mean += x[i] * p[i];
    for (int i = 0; i < CELLS; i++) v[i] = mb_expectile(x, p, N, tau[i] = (i + 0.5) / CELLS);
    mb_expectiles_decode(v, tau, CELLS, mean, cdf);
    for (int i = 0; i + 1 < CELLS; i++) { /* exact wherever no outcome lies between the two */
        double below = 0;
        bool between = false;
        for (int k = 0; k < N; k++) below += x[k] <= v[i] ? p[k] : 0, between |= x[k] > v[i] && x[k] < v[i + 1];
        if (!between) CHECK_NEAR(cdf[i], below, 1e-9);
        if (i > 0) CHECK(cdf[i] >= cdf[i - 1]);
    }
    CHECK_NEAR(mb_wasserstein(x, (double[]){ 0.1, 0.4, 0.6, 0.85 }, (double[]){ 1, 1, 1, 1 }, N), mean - 0.5, 1e-12); /* all mass on the first */
}

TEST(the_nearest_ascending_sequence)
{
    mb_rng r = mb_rng_make(2, "test", 0);
    for (int trial = 0; trial < 200; trial++) { /* optimal: ascending, block means, no block could be cut to gain (checked by min-max formula) */
        enum { N = 9 };
        double x[N], y[N], w[N];
        for (int i = 0; i < N; i++) x[i] = y[i] = mb_below(&r, 5), w[i] = 1 + mb_below(&r, 3);
        mb_isotonic(y, w, N);
        for (int i = 0; i < N; i++) {
            double best = -1e9; /* max over a <= i of min over b >= i of the mean of a..b (Robertson et al. 1988) */
            for (int a = 0; a <= i; a++) {
                double least = 1e9;
                for (int b = i; b < N; b++) {
                    double sum = 0, weight = 0;
                    for (int k = a; k <= b; k++) sum += w[k] * x[k], weight += w[k];
                    least = sum / weight < least ? sum / weight : least;
                }
                best = least > best ? least : best;
            }
            CHECK_NEAR(y[i], best, 1e-12);
        }
    }
}

/* ---- two atoms ---- */

enum { S = 6, A = 3, K = 3 };
static mb_outcome outcomes[S * A * K];
static int first[S * A + 1];

static mb_mdp random_mdp(uint64_t seed)
{
    mb_rng r = mb_rng_make(seed, "mdp", 0);
    for (int i = 0; i < S * A; i++) {
        double sum = 0;
        first[i] = i * K;
        for (int k = 0; k < K; k++)
            sum += (outcomes[i * K + k] = (mb_outcome){ 0.1 + mb_uniform64(&r), mb_below(&r, S), (float)mb_uniform64(&r), mb_below(&r, 8) == 0 }).p;
        for (int k = 0; k < K; k++) outcomes[i * K + k].p /= sum;
    }
    first[S * A] = S * A * K;
    return (mb_mdp){ S, A, first, outcomes, NULL };
}

TEST(two_atoms_keep_the_value_and_contract)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin();
        mb_mdp m = random_mdp(seed);
        double policy[S * A], v[S], work[S * (S + 1)], low[S], high[S], before = 0;
        mb_rng r = mb_rng_make(seed, "policy", 0);
        for (int s = 0; s < S; s++) {
            double sum = 0;
            for (int a = 0; a < A; a++) sum += policy[s * A + a] = mb_uniform64(&r);
            for (int a = 0; a < A; a++) policy[s * A + a] /= sum;
        }
        mb_two_atom d;
        CHECK(mb_two_atom_new(&d, scope.arena, &m, 0.05 + 0.04 * (double)seed, 0.9, &err) && mb_policy_value(&m, policy, 0.9, v, work, &err));
        for (int i = 0; i < 400; i++) {
            double change = mb_two_atom_sweep(&d, &m, policy, low, high);
            if (i > 0) CHECK(change <= 0.9 * before + 1e-12);
            before = change;
        }
        CHECK(before < 1e-12);
        for (int s = 0; s < S; s++) {
            CHECK_NEAR(d.alpha * d.low[s] + (1 - d.alpha) * d.high[s], v[s], 1e-10);
            CHECK(d.low[s] <= d.high[s] + 1e-12);
        }
    }
}

/* The fixed point is that of a robust problem: nature may weigh the outcomes of every state again, with densities of at most 1 / alpha.
   The greatest lower bound by its dual, max over c of c - E(c - x)+ / alpha (Rockafellar & Uryasev 2000), tried at every atom. */
TEST(two_atoms_are_a_robust_problem)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin();
        mb_mdp m = random_mdp(seed);
        double policy[S * A], low[S], high[S], w[2][S] = { { 0 } }, alpha = 0.3, gamma = 0.8;
        mb_uniform_policy(&m, policy);
        mb_two_atom d;
        CHECK(mb_two_atom_new(&d, scope.arena, &m, alpha, gamma, &err));
        for (int i = 0; i < 200; i++) mb_two_atom_sweep(&d, &m, policy, low, high);
        for (int sweep = 0; sweep < 200; sweep++) {
            double next[2][S];
            for (int s = 0; s < S; s++) {
                double x[2 * A * K], p[2 * A * K], worst = -1e9, best = 1e9;
                int n = 0;
                for (int i = s * A * K; i < (s + 1) * A * K; i++)
                    for (int side = 0; side < 2; side++) {
                        x[n] = (double)outcomes[i].reward + (outcomes[i].terminated ? 0 : gamma * w[side][outcomes[i].next]);
                        p[n++] = outcomes[i].p / A * (side ? 1 - alpha : alpha);
                    }
                for (int c = 0; c < n; c++) {
                    double short_of = 0, beyond = 0;
                    for (int i = 0; i < n; i++) short_of += p[i] * fmax(x[c] - x[i], 0), beyond += p[i] * fmax(x[i] - x[c], 0);
                    worst = fmax(worst, x[c] - short_of / alpha), best = fmin(best, x[c] + beyond / (1 - alpha));
                }
                next[0][s] = worst, next[1][s] = best;
            }
            memcpy(w, next, sizeof w);
        }
        for (int s = 0; s < S; s++) {
            CHECK_NEAR(d.low[s], w[0][s], 1e-8);
            CHECK_NEAR(d.high[s], w[1][s], 1e-8);
        }
    }
}

/* Two ways of the same mean: 1 for certain, or 0 and 2 by the toss of a coin. */
TEST(ties_are_broken_as_asked)
{
    begin();
    mb_outcome o[] = { { 1, 1, 1, true }, { 0.5, 1, 0, true }, { 0.5, 1, 2, true } };
    int f[] = { 0, 1, 3, 3, 3 };
    mb_mdp m = { 2, 2, f, o, NULL };
    double q[] = { 1, 1, 0, 0 }, policy[4], low[2], high[2];
    for (int safe = 0; safe < 2; safe++) {
        mb_two_atom d;
        CHECK(mb_two_atom_new(&d, scope.arena, &m, 0.25, 0.9, &err));
        mb_two_atom_control(&d, &m, q, 1e-9, safe, 1e-12, 100, policy, low, high);
        CHECK(policy[0] == (safe ? 1 : 0) && policy[1] == (safe ? 0 : 1));
        CHECK_NEAR(d.low[0], safe ? 1 : 0, 1e-12);
        CHECK_NEAR(d.high[0], safe ? 1 : (0.25 * 0 + 0.5 * 2) / 0.75, 1e-12);
    }
    mb_two_atom d;
    mb_error e = { 0 };
    CHECK(!mb_two_atom_new(&d, scope.arena, &m, 1, 0.9, &e));
    CHECK_ERROR(e, "between 0 and 1");
}

/* ---- discrepancy ---- */

TEST(discrepancy_by_its_definition)
{
    enum { B = 2, M = 3, L = 4, N = 2 };
    const float widths[] = { 0.5f, 3 };
    float x[B * M * N], y[B * L * N];
    mb_rng r = mb_rng_make(3, "test", 0);
    for (int i = 0; i < B * M * N; i++) x[i] = mb_normal(&r);
    for (int i = 0; i < B * L * N; i++) y[i] = mb_normal(&r);
    mb_graph *g = begin();
    mb_var vx = given(g, x, MB_S3(B, M, N)), vy = given(g, y, MB_S3(B, L, N));
    mb_var d = mb_mmd2(vx, vy, widths, 2), zero = mb_mmd2(vx, vx, widths, 2);
    mb_output(d);
    mb_output(zero);
    finish(g);
    for (int b = 0; b < B; b++) {
        double want = 0;
        for (int i = 0; i < M + L; i++)
            for (int k = 0; k < M + L; k++) {
                const float *u = i < M ? x + (b * M + i) * N : y + (b * L + i - M) * N, *v = k < M ? x + (b * M + k) * N : y + (b * L + k - M) * N;
                double dist = 0, kernel = 0;
                for (int n = 0; n < N; n++) dist += ((double)u[n] - (double)v[n]) * ((double)u[n] - (double)v[n]);
                for (int n = 0; n < 2; n++) kernel += exp(-dist / (double)widths[n]);
                want += kernel * (i < M ? 1.0 / M : -1.0 / L) * (k < M ? 1.0 / M : -1.0 / L);
            }
        CHECK_NEAR(mb_data(d)[b], want, 1e-5);
        CHECK_NEAR(mb_data(zero)[b], 0, 1e-6);
    }
}

MB_TESTS(T(expectiles_of_known_distributions), T(asymmetric_rates_find_expectiles), T(expectiles_speak_of_their_distribution),
         T(the_nearest_ascending_sequence), T(two_atoms_keep_the_value_and_contract), T(two_atoms_are_a_robust_problem), T(ties_are_broken_as_asked),
         T(discrepancy_by_its_definition))
