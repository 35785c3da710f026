/* Training: the gradient does not depend on how texts fall into micro-batches or on threads; a small model learns by heart; log-probabilities
   after temperature, penalty and truncation have the gradient of finite differences. */
#include "lm/model.h"
#include "mb_test.h"

static mb_arena *arena;
static mb_error err;
static mb_scope scope;
enum { V = 24, N = 9, LONGEST = 30 };

static mb_lm *model(int threads)
{
    mb_lm_config c = { .family = MB_LM_QWEN3, .vocab = V, .width = 32, .layers = 2, .heads = 4, .kv_heads = 2, .head_dim = 8, .inner = 48, .context = 64,
                       .norm_eps = 1e-6f, .tied = true, .rope_theta = 10000, .bos = -1, .qk_norm = true };
    err = (mb_error){ 0 };
    mb_pool_free(scope.pool);
    mb_arena_free(arena);
    arena = mb_arena_new((size_t)1 << 32, &err);
    scope = (mb_scope){ .arena = arena, .seed = 4 };
    if (threads > 1) scope.pool = mb_pool_new(threads, &err);
    return mb_lm_new(&scope, "lm", &c, &err);
}

static struct { int32_t token[LONGEST]; uint8_t counts[LONGEST]; float c[LONGEST], logp[LONGEST]; } memory[N];

static void make_texts(mb_lm_text *t)
{
    mb_rng r = mb_rng_make(2, "texts", 0);
    for (int i = 0; i < N; i++) {
        int n = 2 + mb_below(&r, LONGEST - 1);
        for (int k = 0; k < n; k++) {
            memory[i].token[k] = mb_below(&r, V);
            memory[i].counts[k] = mb_below(&r, 3) > 0;
            memory[i].c[k] = mb_normal(&r) / 50;
        }
        t[i] = (mb_lm_text){ memory[i].token, n, memory[i].counts, memory[i].c, memory[i].logp, NULL, NULL };
    }
}

/* the gradient of all texts with micro-batches of `tokens`, `each` texts in a call */
static float *gradient(int threads, int tokens, int each, bool recompute, int64_t *n)
{
    static float held[1 << 17];
    mb_lm_text t[N];
    mb_lm *m = model(threads);
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    o.tokens = tokens, o.recompute = recompute;
    mb_lm_learner *l = mb_lm_learner_new(m, "learn", o, &err);
    make_texts(t);
    for (int i = 0; i < N; i += each) CHECK(l && mb_lm_gradient(l, t + i, N - i < each ? N - i : each, &err));
    *n = 0;
    for (int i = 0; i < m->params->n; i++) {
        memcpy(held + *n, mb_lm_gradient_of(l)->sum[i].data, (size_t)m->params->t[i]->n * 4);
        *n += m->params->t[i]->n;
    }
    return held;
}

TEST(any_split_has_the_same_gradient)
{
    int64_t n, k;
    static float whole[1 << 17];
    memcpy(whole, gradient(1, 512, N, false, &n), sizeof whole);
    double size = 0;
    for (int64_t i = 0; i < n; i++) size = fmax(size, fabs((double)whole[i]));
    CHECK(size > 1e-3);
    const struct { int threads, tokens, each; bool recompute; } ways[] = { { 1, 30, N, false }, { 1, 100, 2, false }, { 1, 64, 1, true }, { 3, 77, 4, false } };
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        const float *g = gradient(ways[w].threads, ways[w].tokens, ways[w].each, ways[w].recompute, &k);
        double worst = 0;
        for (int64_t i = 0; i < n; i++) worst = fmax(worst, fabs((double)g[i] - (double)whole[i]));
        CHECK(k == n && worst <= 1e-6 * size);
    }
    CHECK(memcmp(whole, gradient(3, 512, N, false, &n), (size_t)n * 4) == 0); /* the same split with threads: the same bytes */
}

/* sum of coefficient times log-probability under the settings */
static double value(mb_lm_learner *l, mb_lm_text *t)
{
    double sum = 0;
    CHECK(mb_lm_score(l, t, N, &err));
    for (int i = 0; i < N; i++)
        for (int k = 1; k < t[i].n; k++)
            if (t[i].counts[k]) sum += (double)t[i].coefficient[k] * (double)t[i].logp[k];
    return sum;
}

TEST(processed_distributions_have_their_gradient)
{
    const mb_lm_sampling ways[] = { { 0.6f, 0, 1, 0, 1 }, { 1.4f, 0, 1, 0, 1.3f }, { 0.8f, 12, 1, 0, 1.1f } };
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        mb_lm_text t[N];
        mb_lm *m = model(1);
        mb_rng r = mb_rng_make(3, "away", 0);
        for (int i = 0; i < m->params->n; i++)
            for (int64_t k = 0; k < m->params->t[i]->n; k++) m->params->t[i]->data[k] += 0.1f * mb_normal(&r);
        mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
        o.tokens = 256, o.sampling = ways[w];
        mb_lm_learner *l = mb_lm_learner_new(m, "learn", o, &err);
        make_texts(t);
        for (int i = 0; i < N; i++)
            for (int k = 0; k < LONGEST; k++) memory[i].c[k] *= 50;
        CHECK(l && mb_lm_gradient(l, t, N, &err));
        /* along the gradient, so that the difference stands out of float32's noise */
        double slope = 0, h = 2e-4, f[2];
        for (int i = 0; i < m->params->n; i++)
            for (int64_t k = 0; k < m->params->t[i]->n; k++) slope += pow((double)mb_lm_gradient_of(l)->sum[i].data[k], 2);
        for (int side = 0; side < 2; side++) {
            for (int i = 0; i < m->params->n; i++)
                for (int64_t k = 0; k < m->params->t[i]->n; k++)
                    m->params->t[i]->data[k] += (float)((side ? 2 : -1) * h / sqrt(slope)) * mb_lm_gradient_of(l)->sum[i].data[k];
            f[side] = value(l, t);
        }
        double seen = (f[1] - f[0]) / (2 * h) / sqrt(slope);
        CHECK_NEAR(seen, 1, ways[w].top_k ? 0.05 : 0.02);
    }
}

TEST(a_text_is_learned_by_heart)
{
    mb_lm_text t[N];
    mb_lm *m = model(1);
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    o.tokens = 128;
    mb_lm_learner *l = mb_lm_learner_new(m, "learn", o, &err);
    make_texts(t);
    double first = 0, last = 0;
    int count = 0;
    for (int i = 0; i < N; i++)
        for (int k = 1; k < t[i].n; k++) count += memory[i].counts[k];
    for (int i = 0; i < N; i++)
        for (int k = 0; k < LONGEST; k++) memory[i].c[k] = -1.0f / (float)count;
    for (int step = 0; step < 150; step++) {
        CHECK(mb_lm_gradient(l, t, N, &err));
        last = 0;
        for (int i = 0; i < N; i++)
            for (int k = 1; k < t[i].n; k++)
                if (memory[i].counts[k]) last -= (double)memory[i].logp[k] / count;
        if (!step) first = last;
        CHECK(mb_lm_step(l, 3e-3f) > 0);
    }
    CHECK_NEAR(first, log(V), 0.1);
    CHECK(last < 0.1);
}

/* adapters begin without effect, are all that is trained, and merged weights do the same */
TEST(adapters_are_trained_and_merged)
{
    mb_lm_text t[N];
    mb_lm *m = model(1);
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    static float before[N][LONGEST];
    double moved = 0, apart = 0;
    o.tokens = 128;
    make_texts(t);
    mb_lm_learner *plain = mb_lm_learner_new(m, "plain", o, &err);
    CHECK(plain && mb_lm_score(plain, t, N, &err));
    for (int i = 0; i < N; i++) memcpy(before[i], memory[i].logp, sizeof before[i]);
    CHECK(mb_lm_adapt(m, 4, 8, &err));
    mb_lm_learner *l = mb_lm_learner_new(m, "adapters", o, &err);
    CHECK(l && mb_lm_score(l, t, N, &err));
    for (int i = 0; i < N; i++) CHECK(memcmp(before[i], memory[i].logp, sizeof before[i]) == 0);
    float weight = m->layer[0].q.w->data[5];
    for (int step = 0; step < 5; step++) CHECK(mb_lm_gradient(l, t, N, &err) && mb_lm_step(l, 1e-2f) > 0);
    CHECK(m->layer[0].q.w->data[5] == weight);
    CHECK(mb_lm_score(l, t, N, &err));
    for (int i = 0; i < N; i++)
        for (int k = 0; k < LONGEST; k++) {
            moved = fmax(moved, fabs((double)before[i][k] - (double)memory[i].logp[k]));
            before[i][k] = memory[i].logp[k];
        }
    mb_lm_merge(m);
    CHECK(m->layer[0].q.w->data[5] != weight);
    CHECK(mb_lm_score(plain, t, N, &err)); /* without adapters, on merged weights */
    for (int i = 0; i < N; i++)
        for (int k = 0; k < LONGEST; k++) apart = fmax(apart, fabs((double)before[i][k] - (double)memory[i].logp[k]));
    CHECK(moved > 1e-2 && apart < 1e-5);
}

TEST(texts_that_do_not_fit)
{
    mb_lm *m = model(1);
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    o.tokens = 16;
    mb_lm_learner *l = mb_lm_learner_new(m, "learn", o, &err);
    int32_t token[80] = { 0 };
    mb_lm_text t = { .token = token, .n = 17 };
    CHECK(l && !mb_lm_score(l, &t, 1, &err));
    CHECK_ERROR(err, "a micro-batch holds 16");
    err = (mb_error){ 0 };
    t.n = 65;
    CHECK(!mb_lm_gradient(l, &t, 1, &err));
    CHECK_ERROR(err, "context is 64");
    err = (mb_error){ 0 };
    t.n = 3, token[2] = V;
    CHECK(!mb_lm_score(l, &t, 1, &err));
    CHECK_ERROR(err, "the vocabulary has 24");
}

MB_TESTS({ "any_split_has_the_same_gradient", test_any_split_has_the_same_gradient },
         { "processed_distributions_have_their_gradient", test_processed_distributions_have_their_gradient },
         { "a_text_is_learned_by_heart", test_a_text_is_learned_by_heart }, { "adapters_are_trained_and_merged", test_adapters_are_trained_and_merged },
         { "texts_that_do_not_fit", test_texts_that_do_not_fit })
