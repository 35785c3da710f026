/* The sampler and the trainer give the same log-probabilities to the bit; a text does not depend on its company or on threads. */
#include "lm/model.h"
#include "mb_test.h"

static mb_arena *arena;
static mb_error err;
static mb_scope scope;
enum { V = 40, CONTEXT = 160, REQUESTS = 7, SAMPLES = 3, MOST = 100 };

static mb_lm *model(int family, int threads, const char *kernels)
{
    mb_lm_config c = { .family = (mb_lm_family)family, .vocab = V, .width = 32, .layers = 2, .heads = 4, .kv_heads = family == MB_LM_GPT2 ? 4 : 2,
                       .head_dim = 8, .inner = 48, .context = CONTEXT, .norm_eps = 1e-5f, .tied = true, .rope_theta = 10000, .bos = 0, .nstops = 1,
                       .stop = { 1 }, .qk_norm = family == MB_LM_QWEN3, .qkv_bias = family == MB_LM_QWEN2 || family == MB_LM_GPT2,
                       .out_bias = family == MB_LM_GPT2, .mlp_bias = family == MB_LM_GPT2 };
    err = (mb_error){ 0 };
    mb_pool_free(scope.pool);
    mb_arena_free(arena);
    arena = mb_arena_new((size_t)1 << 32, &err);
    scope = (mb_scope){ .arena = arena, .seed = 11, .kernels = kernels };
    if (threads > 1) scope.pool = mb_pool_new(threads, &err);
    mb_lm *m = mb_lm_new(&scope, "lm", &c, &err);
    mb_rng r = mb_rng_make(5, "test", 0);
    for (int i = 0; m && i < m->params->n; i++) /* away from the flat beginning */
        for (int64_t k = 0; k < m->params->t[i]->n; k++) m->params->t[i]->data[k] += 0.15f * mb_normal(&r);
    return m;
}

struct texts {
    mb_lm_request request[REQUESTS];
    mb_lm_sampled out[REQUESTS * SAMPLES];
};

static int32_t prompts[REQUESTS][CONTEXT];

static struct texts *texts_new(void)
{
    struct texts *t = mb_alloc(arena, 1, sizeof *t, &err);
    mb_rng r = mb_rng_make(9, "prompts", 0);
    for (int i = 0; i < REQUESTS; i++) {
        int n = i == 0 ? 1 : i == 1 ? 64 : i == 2 ? 65 : 1 + mb_below(&r, 50);
        for (int k = 0; k < n; k++) prompts[i][k] = 2 + mb_below(&r, V - 2);
        t->request[i] = (mb_lm_request){ .prompt = prompts[i], .n = n, .most = n > 60 ? 90 : MOST, .stream = (uint64_t)i };
    }
    for (int i = 0; i < REQUESTS * SAMPLES; i++)
        t->out[i] = (mb_lm_sampled){ mb_alloc(arena, MOST, 4, &err), mb_alloc(arena, MOST, 4, &err), mb_alloc(arena, MOST, 4, &err),
                                     mb_alloc(arena, MOST, 4, &err), 0, false };
    return t;
}

static struct texts *sample(mb_lm *m, int rows, int slots, const mb_lm_sampling *s)
{
    struct texts *t = texts_new();
    mb_lm_sampler *p = mb_lm_sampler_new(m, rows, slots, CONTEXT, s, &err);
    if (!p) printf("%s\n", err.what);
    CHECK(p && mb_lm_sample(p, 3, t->request, REQUESTS, SAMPLES, t->out, &err));
    return t;
}

/* how many of the sampled tokens' log-probabilities and kept masses the trainer's forward pass does not give to the bit */
static int differences(mb_lm *m, const struct texts *t, const mb_lm_sampling *s, int tokens, int *count, double *largest)
{
    mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
    o.tokens = tokens, o.scores_only = true, o.sampling = *s;
    mb_lm_learner *l = mb_lm_learner_new(m, "score", o, &err);
    mb_lm_text text[REQUESTS * SAMPLES];
    int differ = 0;
    *count = 0, *largest = 0;
    for (int i = 0; i < REQUESTS * SAMPLES; i++) {
        const mb_lm_request *r = &t->request[i / SAMPLES];
        int n = r->n + t->out[i].n;
        int32_t *token = mb_alloc(arena, (size_t)n, 4, &err);
        uint8_t *counts = mb_alloc(arena, (size_t)n, 1, &err);
        memcpy(token, r->prompt, (size_t)r->n * 4);
        memcpy(token + r->n, t->out[i].token, (size_t)t->out[i].n * 4);
        memset(counts + r->n, 1, (size_t)t->out[i].n);
        text[i] = (mb_lm_text){ .token = token, .n = n, .counts = counts, .logp = mb_alloc(arena, (size_t)n, 4, &err),
                                .kept = mb_alloc(arena, (size_t)n, 4, &err), .entropy = mb_alloc(arena, (size_t)n, 4, &err) };
    }
    CHECK(l && mb_lm_score(l, text, REQUESTS * SAMPLES, &err));
    for (int i = 0; i < REQUESTS * SAMPLES; i++)
        for (int k = 0, at = t->request[i / SAMPLES].n; k < t->out[i].n; k++, at++, ++*count) {
            double d = fabs((double)t->out[i].logp[k] - (double)text[i].logp[at]);
            differ += memcmp(&t->out[i].logp[k], &text[i].logp[at], 4) != 0 || memcmp(&t->out[i].kept[k], &text[i].kept[at], 4) != 0 ||
                      memcmp(&t->out[i].entropy[k], &text[i].entropy[at], 4) != 0;
            *largest = d > *largest ? d : *largest;
        }
    return differ;
}

static const mb_lm_sampling settings[] = {
    { 1, 0, 1, 0, 1 }, { 0.7f, 0, 1, 0, 1 }, { 1.3f, 5, 1, 0, 1 }, { 1, 0, 0.8f, 0, 1 }, { 0.9f, 10, 0.9f, 0.05f, 1.2f }, { 0, 0, 1, 0, 1 },
};

TEST(trainer_and_sampler_agree_to_the_bit)
{
    for (int family = MB_LM_GPT2; family <= MB_LM_QWEN3; family++)
        for (size_t k = 0; k < sizeof settings / sizeof *settings; k++) {
            mb_lm *m = model(family, 1, NULL);
            struct texts *t = sample(m, 16, 5, &settings[k]);
            int count;
            double largest;
            CHECK(differences(m, t, &settings[k], 200, &count, &largest) == 0);
            CHECK(largest == 0 && count > 200);
            m->layer[1].v.w->data[7] += 1e-3f; /* one weight */
            CHECK(differences(m, t, &settings[k], 333, &count, &largest) > count / 2);
            CHECK(largest > 0 && largest < 1);
        }
}

static void equal(const struct texts *a, const struct texts *b)
{
    for (int i = 0; i < REQUESTS * SAMPLES; i++) {
        CHECK(a->out[i].n == b->out[i].n && a->out[i].truncated == b->out[i].truncated);
        CHECK(memcmp(a->out[i].token, b->out[i].token, (size_t)a->out[i].n * 4) == 0);
        CHECK(memcmp(a->out[i].logp, b->out[i].logp, (size_t)a->out[i].n * 4) == 0);
    }
}

TEST(a_text_is_the_same_in_any_company)
{
    mb_lm_sampling s = settings[4];
    mb_lm *m = model(MB_LM_QWEN3, 1, NULL);
    struct texts *a = sample(m, 16, 5, &s);
    equal(a, sample(m, 1, 1, &s));
    equal(a, sample(m, 64, 21, &s));
    equal(a, sample(m, 700, 3, &s));
    mb_lm_sampler *p = mb_lm_sampler_new(m, 8, 8, CONTEXT, &s, &err);
    struct texts *b = texts_new();
    CHECK(p && mb_lm_sample(p, 3, b->request + 2, 1, SAMPLES, b->out + 2 * SAMPLES, &err)); /* one request alone */
    for (int i = 2 * SAMPLES; i < 3 * SAMPLES; i++) CHECK(memcmp(a->out[i].token, b->out[i].token, (size_t)a->out[i].n * 4) == 0);
}

TEST(threads_and_kernels_do_not_show)
{
    mb_lm_sampling s = settings[3];
    struct texts *a = sample(model(MB_LM_LLAMA, 1, NULL), 32, 8, &s), kept = *a;
    static int32_t tokens[REQUESTS * SAMPLES][MOST];
    static float logp[REQUESTS * SAMPLES][MOST];
    for (int i = 0; i < REQUESTS * SAMPLES; i++) {
        memcpy(tokens[i], a->out[i].token, sizeof tokens[i]);
        memcpy(logp[i], a->out[i].logp, sizeof logp[i]);
        kept.out[i].token = tokens[i];
        kept.out[i].logp = logp[i];
    }
    equal(&kept, sample(model(MB_LM_LLAMA, 3, NULL), 32, 8, &s));
    equal(&kept, sample(model(MB_LM_LLAMA, 1, "plain"), 32, 8, &s));
}

TEST(stops_and_limits)
{
    mb_lm_sampling s = MB_SAMPLING_PLAIN;
    mb_lm *m = model(MB_LM_QWEN2, 1, NULL);
    struct texts *t = sample(m, 16, 5, &s);
    int ended = 0, cut = 0;
    for (int i = 0; i < REQUESTS * SAMPLES; i++) {
        const mb_lm_sampled *o = &t->out[i];
        CHECK(o->truncated == (o->token[o->n - 1] != 1));
        CHECK(!o->truncated || o->n == t->request[i / SAMPLES].most);
        for (int k = 0; k + 1 < o->n; k++) CHECK(o->token[k] != 1);
        ended += !o->truncated;
        cut += o->truncated;
    }
    CHECK(ended > 0 && cut + ended == REQUESTS * SAMPLES);
    mb_lm_sampler *p = mb_lm_sampler_new(m, 4, 4, 20, &s, &err);
    mb_lm_request r = { .prompt = prompts[1], .n = 18, .most = 4 };
    CHECK(p && !mb_lm_sample(p, 1, &r, 1, 1, t->out, &err));
    CHECK_ERROR(err, "together they may have 20");
}

/* shares of a two-token choice against the distribution's own probabilities */
TEST(frequencies_are_the_probabilities)
{
    mb_lm_sampling s = { 1.5f, 6, 1, 0, 1 };
    mb_lm *m = model(MB_LM_LLAMA, 1, NULL);
    enum { N = 4000 };
    mb_lm_sampler *p = mb_lm_sampler_new(m, 256, 256, 4, &s, &err);
    mb_lm_request r = { .prompt = prompts[1], .n = 3, .most = 1 };
    prompts[1][0] = 4, prompts[1][1] = 9, prompts[1][2] = 5;
    mb_lm_sampled *out = mb_alloc(arena, N, sizeof *out, &err);
    for (int i = 0; i < N; i++) out[i] = (mb_lm_sampled){ .token = mb_alloc(arena, 1, 4, &err), .logp = mb_alloc(arena, 1, 4, &err) };
    CHECK(p && mb_lm_sample(p, 1, &r, 1, N, out, &err));
    double count[V] = { 0 }, prob[V] = { 0 }, total = 0, chi = 0;
    int kinds = 0;
    for (int i = 0; i < N; i++) count[out[i].token[0]]++, prob[out[i].token[0]] = exp((double)out[i].logp[0]);
    for (int v = 0; v < V; v++) {
        total += prob[v];
        kinds += prob[v] > 0;
        if (prob[v] > 0) chi += (count[v] - N * prob[v]) * (count[v] - N * prob[v]) / (N * prob[v]);
    }
    CHECK(kinds == 6);
    CHECK_NEAR(total, 1, 1e-5);
    CHECK(chi < 20.5); /* five degrees of freedom: 0.1 % */
}

MB_TESTS({ "trainer_and_sampler_agree_to_the_bit", test_trainer_and_sampler_agree_to_the_bit },
         { "a_text_is_the_same_in_any_company", test_a_text_is_the_same_in_any_company },
         { "threads_and_kernels_do_not_show", test_threads_and_kernels_do_not_show }, { "stops_and_limits", test_stops_and_limits },
         { "frequencies_are_the_probabilities", test_frequencies_are_the_probabilities })
