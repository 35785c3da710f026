/* Models of the reference library: logits and gradients of tiny random models of each family, folders written and read back, and the
   rotary frequencies of published models. */
#include "lm/model.h"
#include "mb_test.h"
#include <unistd.h>

static mb_arena *arena;
static mb_error err;
static mb_scope scope;
static const char *const families[] = { "gpt2", "llama3", "smollm2", "qwen2", "qwen3" };
enum { T = 12, V = 32 };

static const char *folder(const char *family)
{
    static char path[200];
    snprintf(path, sizeof path, "tests/reference/data/lm/models/%s", family);
    return path;
}

static mb_lm *load(const char *path)
{
    mb_lm_config c;
    err = (mb_error){ 0 };
    mb_arena_free(arena);
    arena = mb_arena_new((size_t)1 << 32, &err);
    scope = (mb_scope){ .arena = arena, .seed = 1 };
    if (!mb_lm_config_read(path, &c, &err)) return NULL;
    mb_lm *m = mb_lm_new(&scope, "lm", &c, &err);
    return m && mb_lm_load(m, path, &err) ? m : NULL;
}

struct expected { int32_t token[2][T]; float *logits; mb_safetensors *file; };

static bool expect(const char *path, struct expected *e)
{
    char name[256];
    float x[2 * T];
    snprintf(name, sizeof name, "%s/expected.safetensors", path);
    e->file = mb_safetensors_open(arena, name, &err);
    const mb_st_tensor *t = e->file ? mb_safetensors_find(e->file, "tokens") : NULL, *l = e->file ? mb_safetensors_find(e->file, "logits") : NULL;
    if (!t || !l || t->n != 2 * T || l->n != 2 * T * V) return false;
    mb_st_read(t, x);
    for (int i = 0; i < 2 * T; i++) e->token[i / T][i % T] = (int32_t)x[i];
    e->logits = mb_alloc(arena, (size_t)l->n, sizeof(float), &err);
    mb_st_read(l, e->logits);
    return true;
}

/* log softmax of the expected logits at a token, in double */
static double expected_logp(const float *z, int token)
{
    double max = -1e300, sum = 0;
    for (int i = 0; i < V; i++) max = (double)z[i] > max ? (double)z[i] : max;
    for (int i = 0; i < V; i++) sum += exp((double)z[i] - max);
    return (double)z[token] - max - log(sum);
}

TEST(logits_are_those_of_transformers)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        struct expected e;
        mb_lm *m = load(folder(families[f]));
        CHECK(m && expect(folder(families[f]), &e));
        if (!m) { printf("%s: %s\n", families[f], err.what); continue; }
        mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
        o.tokens = 40, o.scores_only = true;
        mb_lm_learner *l = mb_lm_learner_new(m, "score", o, &err);
        CHECK(l != NULL);
        double worst = 0;
        for (int k = 0; l && k < 2; k++)
            for (int i = 0; i + 1 < T; i++) /* every token of the vocabulary behind every prefix: all logits up to their sum */
                for (int v = 0; v < V; v++) {
                    int32_t text[T];
                    float logp[T] = { 0 };
                    memcpy(text, e.token[k], sizeof text);
                    text[i + 1] = v;
                    mb_lm_text t = { .token = text, .n = i + 2, .logp = logp };
                    CHECK(mb_lm_score(l, &t, 1, &err));
                    double d = fabs((double)logp[i + 1] - expected_logp(e.logits + (k * T + i) * V, v));
                    worst = d > worst ? d : worst;
                }
        CHECK(worst < 2e-5);
        if (getenv("MB_SHOW")) printf("%s: largest difference of log-probabilities %.2g\n", families[f], worst);
    }
}

static double largest_difference(const mb_lm *m, const mb_gradsum *s, const mb_safetensors *f)
{
    double worst = 0;
    int seen = 0;
    for (int i = 0; i < m->nplaces; i++) {
        const mb__lm_place *p = &m->place[i];
        char name[256];
        snprintf(name, sizeof name, "grad.%s", p->name);
        const mb_st_tensor *t = mb_safetensors_find(f, name);
        if (!t) return 1e9;
        float *x = mb_alloc(arena, (size_t)t->n, sizeof *x, &err);
        mb_st_read(t, x);
        const mb_tensor *g = &s->sum[i];
        int64_t rows = g->shape.rank > 1 ? g->shape.d[0] : 1, cols = g->n / rows;
        for (int64_t r = 0; r < rows; r++)
            for (int64_t j = 0; j < cols; j++, seen++) {
                float want = p->turned ? x[j * rows + r] : x[r * cols * p->parts + p->part * cols + j];
                double d = fabs((double)g->data[r * cols + j] - (double)want) / (1 + fabs((double)want));
                worst = d > worst ? d : worst;
            }
    }
    return seen ? worst : 1e9;
}

TEST(gradients_are_those_of_transformers)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++)
        for (int recompute = 0; recompute < 2; recompute++) {
            struct expected e;
            mb_lm *m = load(folder(families[f]));
            CHECK(m && expect(folder(families[f]), &e));
            if (!m) continue;
            mb_lm_learner_options o = MB_LM_LEARNER_DEFAULT;
            o.tokens = 27, o.recompute = recompute;
            mb_lm_learner *l = mb_lm_learner_new(m, "learn", o, &err);
            if (!l) printf("%s\n", err.what);
            CHECK(l != NULL);
            float c[T];
            for (int i = 0; i < T; i++) c[i] = -1;
            mb_lm_text t[2] = { { .token = e.token[0], .n = T, .coefficient = c }, { .token = e.token[1], .n = T, .coefficient = c } };
            CHECK(l && mb_lm_gradient(l, t, 2, &err));
            if (!l) continue;
            double worst = largest_difference(m, mb_lm_gradient_of(l), e.file);
            CHECK(worst < 5e-5);
            if (getenv("MB_SHOW")) printf("%s: largest relative difference of gradients %.2g\n", families[f], worst);
        }
}

TEST(a_saved_folder_loads_with_equal_tensors)
{
    for (size_t f = 0; f < sizeof families / sizeof *families; f++) {
        char to[200];
        snprintf(to, sizeof to, "%s/matchbox-models-%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
        mb_lm *m = load(folder(families[f]));
        CHECK(m != NULL);
        if (!m) continue;
        CHECK(mb_lm_save(m, to, MB_ST_F32, &err));
        mb_lm_config c = { 0 };
        CHECK(mb_lm_config_read(to, &c, &err));
        CHECK(memcmp(&c, &m->c, sizeof c) == 0);
        mb_safetensors *a = mb_safetensors_open(arena, folder(families[f]), &err), *b = mb_safetensors_open(arena, to, &err);
        CHECK(a && b && mb_safetensors_count(a) == mb_safetensors_count(b));
        for (int i = 0; a && b && i < mb_safetensors_count(a); i++) {
            const mb_st_tensor *x = mb_safetensors_at(a, i), *y = mb_safetensors_find(b, x->name);
            CHECK(y && y->rank == x->rank && y->n == x->n && memcmp(x->data, y->data, (size_t)x->n * 4) == 0);
        }
        mb_safetensors_close(a);
        mb_safetensors_close(b);
        char path[300];
        snprintf(path, sizeof path, "%s/config.json", to), unlink(path);
        snprintf(path, sizeof path, "%s/model.safetensors", to), unlink(path);
        rmdir(to);
    }
}

/* Llama 3.1 8B, Llama 3.2 1B, Qwen2.5: from the formula in float64 */
TEST(rotary_frequencies_of_published_models)
{
    mb_lm_config c = { .family = MB_LM_LLAMA, .head_dim = 128, .rope_theta = 500000, .rope_llama3 = true, .rope_factor = 8, .rope_low = 1,
                       .rope_high = 4, .rope_original = 8192 };
    CHECK_NEAR(mb_lm_rope_frequency(&c, 29), 2.1665707635e-03, 1e-12);
    CHECK_NEAR(mb_lm_rope_frequency(&c, 34), 1.7850781277e-04, 1e-13);
    CHECK_NEAR(mb_lm_rope_frequency(&c, 63), 3.0689259889e-07, 1e-16);
    c.head_dim = 64, c.rope_factor = 32;
    CHECK_NEAR(mb_lm_rope_frequency(&c, 15), 1.2905479282e-03, 1e-12);
    CHECK_NEAR(mb_lm_rope_frequency(&c, 17), 9.7082878026e-05, 1e-14);
    CHECK_NEAR(mb_lm_rope_frequency(&c, 31), 9.4183067254e-08, 1e-17);
    c.rope_llama3 = false, c.rope_theta = 1e6;
    CHECK_NEAR(mb_lm_rope_frequency(&c, 1), 6.4938163158e-01, 1e-10);
    CHECK_NEAR(mb_lm_rope_frequency(&c, 31), 1.5399265261e-06, 1e-15);
}

static void refuse(const char *text, const char *says)
{
    char path[200];
    mb_lm_config c;
    snprintf(path, sizeof path, "%s/matchbox-config-%d.json", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    err = (mb_error){ 0 };
    CHECK(mb_file_write(path, text, strlen(text), &err));
    CHECK(!mb_lm_config_read(path, &c, &err));
    CHECK_ERROR(err, says);
    unlink(path);
}

TEST(what_is_not_known_is_refused_by_name)
{
    refuse("{\"model_type\": \"mamba\", \"vocab_size\": 3}", "model_type 'mamba' is not supported");
    refuse("{\"model_type\": \"mamba\", \"vocab_size\": 3}", "qwen3");
    refuse("{\"model_type\": \"llama\", \"vocab_size\": 3}", "'hidden_size' is not a whole number");
    refuse("{\"model_type\": \"gpt2\", \"vocab_size\": 3, \"n_embd\": 8, \"n_layer\": 1, \"n_head\": 2, \"n_positions\": 8, "
           "\"activation_function\": \"relu\"}", "activation 'relu'");
    refuse("{\"model_type\": \"llama\", \"vocab_size\": 9, \"hidden_size\": 8, \"num_hidden_layers\": 1, \"num_attention_heads\": 3, "
           "\"num_key_value_heads\": 2, \"head_dim\": 4, \"intermediate_size\": 8, \"max_position_embeddings\": 8}", "must divide the heads");
    refuse("{\"model_type\": \"llama\", \"vocab_size\": 9, \"hidden_size\": 8, \"num_hidden_layers\": 1, \"num_attention_heads\": 2, "
           "\"intermediate_size\": 8, \"max_position_embeddings\": 8, \"rope_scaling\": {\"rope_type\": \"yarn\"}}", "rope scaling 'yarn'");
    refuse("{\"model_type\": ", "line 1");
    mb_lm *m = load(folder("qwen2"));
    CHECK(m && !mb_lm_load(m, folder("qwen3"), &err));
    CHECK_ERROR(err, "has no place in this architecture");
}

#ifdef MB_HAVE_JANSSON
MB_TESTS({ "logits_are_those_of_transformers", test_logits_are_those_of_transformers },
         { "gradients_are_those_of_transformers", test_gradients_are_those_of_transformers },
         { "a_saved_folder_loads_with_equal_tensors", test_a_saved_folder_loads_with_equal_tensors },
         { "rotary_frequencies_of_published_models", test_rotary_frequencies_of_published_models },
         { "what_is_not_known_is_refused_by_name", test_what_is_not_known_is_refused_by_name })
#else
MB_TESTS({ "rotary_frequencies_of_published_models", test_rotary_frequencies_of_published_models })
#endif
