/* Batches larger than memory: gradients summed over micro-batches equal those of the whole batch, what is recomputed gives the
   same gradient in less memory, and an optimiser's state may lie in a file. */
#include "mb_test.h"
#include <matchbox.h>
#include <unistd.h>

enum { WIDTH = 32, TOKENS = 24, BATCH = 6, CLASSES = 11, BLOCKS = 4 };

static mb_error err;

/* Attention blocks over TOKENS positions and a cross-entropy; `weight` says which positions count. */
struct model { mb_scope s; mb_params *p; mb_tensor *w[BLOCKS][4], *head; };

/* In place: the parameters remember where their scope lies. */
static void model_begin(struct model *m)
{
    *m = (struct model){ 0 };
    err = (mb_error){ MB_OK };
    m->s = (mb_scope){ .arena = mb_arena_new((size_t)1 << 30, &err), .seed = 3 };
    m->p = mb_params_new(&m->s, "m", &err);
    mb_rng rng = mb_rng_make(5, "memory", 0);
    for (int b = 0; b < BLOCKS; b++)
        for (int k = 0; k < 4; k++) {
            char name[32];
            snprintf(name, sizeof name, "%d.%d", b, k);
            m->w[b][k] = mb_params_add(m->p, name, MB_S2(WIDTH, WIDTH), &err);
        }
    m->head = mb_params_add(m->p, "head", MB_S2(WIDTH, CLASSES), &err);
    for (int i = 0; i < m->p->n; i++)
        for (int64_t j = 0; j < m->p->t[i]->n; j++) m->p->t[i]->data[j] = mb_normal(&rng) * 0.25f;
}

struct batch { mb_var x, target, weight; };

static struct batch batch_of(mb_graph *g, int rows)
{
    return (struct batch){ mb_input(g, "x", MB_F32, MB_S3(rows, TOKENS, WIDTH)), mb_input(g, "target", MB_I32, MB_S2(rows, TOKENS)),
                           mb_input(g, "weight", MB_F32, MB_S2(rows, TOKENS)) };
}

/* sum of weighted losses; flat: batch and positions become one axis between blocks, which cuts the graph into stages */
static mb_var total_loss(const struct model *m, struct batch in, bool recompute, bool flat)
{
    mb_graph *g = in.x.g;
    mb_var y = in.x;
    int rows = mb_dims(y).d[0];
    for (int b = 0; b < BLOCKS; b++) {
        if (recompute) CHECK(mb_recompute(g, true));
        mb_var q = mb_matmul(y, mb_param(g, m->w[b][0])), k = mb_matmul(y, mb_param(g, m->w[b][1]));
        mb_var v = mb_matmul(y, mb_param(g, m->w[b][2]));
        mb_var mixed = mb_matmul(mb_softmax(mb_scale(mb_matmul_nt(q, k), 0.2f)), v);
        mb_var parts[2] = { mb_slice(mixed, 2, 0, WIDTH / 2), mb_tanh(mb_slice(mixed, 2, WIDTH / 2, WIDTH / 2)) };
        mixed = mb_concat(2, parts, 2);
        if (flat) mixed = mb_reshape(mixed, MB_S2(rows * TOKENS, WIDTH));
        mb_var up = mb_gelu(mb_matmul(mixed, mb_param(g, m->w[b][3])));
        if (flat) up = mb_reshape(up, MB_S3(rows, TOKENS, WIDTH));
        if (recompute) CHECK(mb_recompute(g, false));
        y = mb_add(y, up);
    }
    mb_var logp = mb_log_softmax(mb_matmul(y, mb_param(g, m->head)));
    return mb_neg(mb_sum(mb_mul(mb_pick(logp, in.target), in.weight)));
}

/* rows first .. first + n of a batch whose rows count different numbers of positions */
static void fill(struct batch in, int first, int n)
{
    float *x = mb_data(in.x), *w = mb_data(in.weight);
    int32_t *t = mb_input_data(in.target);
    for (int r = 0; r < n; r++) {
        mb_rng rng = mb_rng_make(9, "row", (uint64_t)(first + r));
        int length = 3 + (first + r) * 4;
        for (int i = 0; i < TOKENS * WIDTH; i++) *x++ = mb_normal(&rng);
        for (int i = 0; i < TOKENS; i++) *t++ = mb_below(&rng, CLASSES), *w++ = i < length ? 1.0f : 0.0f;
    }
}

enum { MOST = BLOCKS * 4 * WIDTH * WIDTH + WIDTH * CLASSES };

static int copy_out(const mb_params *p, const mb_tensor *from, double scale, float *out)
{
    int n = 0;
    for (int i = 0; i < p->n; i++)
        for (int64_t j = 0; j < p->t[i]->n; j++) out[n++] = (float)((double)from[i].data[j] * scale);
    return n;
}

/* The gradient of the mean over all positions that count, from micro-batches of `micro` rows.  means: the mistake of averaging
   the micro-batches' means. */
static void gradient(int micro, bool recompute, bool flat, bool means, float *out, size_t *bytes)
{
    struct model m;
    model_begin(&m);
    mb_graph *g = mb_graph_new(&m.s, "micro", &err);
    mb_gradsum *sum = mb_gradsum_new(m.p, &err);
    struct batch in = batch_of(g, micro);
    mb_var total = total_loss(&m, in, recompute, flat), terms = mb_sum(in.weight);
    if (means) total = mb_div(total, terms), terms = mb_constant(g, 1);
    CHECK(sum && mb_accumulate(total, terms, sum));
    mb_plan *plan = mb_compile(g, &err);
    CHECK(plan != NULL);
    if (err.code) printf("FAIL %s\n", err.what);
    for (int first = 0; plan && first < BATCH; first += micro) {
        fill(in, first, micro);
        mb_exec(plan);
    }
    if (plan && bytes) *bytes = mb_plan_info_of(plan).slab_bytes;
    CHECK(copy_out(m.p, sum->sum, 1 / (double)*sum->terms, out) == MOST);
    mb_arena_free(m.s.arena);
}

/* largest difference, relative to the largest element */
static double apart(const float *a, const float *b)
{
    double most = 0, size = 0;
    for (int i = 0; i < MOST; i++) {
        double d = fabs((double)a[i] - (double)b[i]), s = fabs((double)a[i]);
        if (d > most) most = d;
        if (s > size) size = s;
    }
    return most / size;
}

static float whole[MOST], parts[MOST];

TEST(micro_batches_give_the_gradient_of_the_batch)
{
    gradient(BATCH, false, false, false, whole, NULL);
    for (int micro = 1; micro <= 3; micro++) {
        gradient(micro, false, false, false, parts, NULL);
        CHECK(apart(whole, parts) <= 1e-6);
    }
}

TEST(the_mean_of_means_is_another_gradient)
{
    gradient(BATCH, false, false, true, parts, NULL);
    CHECK(apart(whole, parts) <= 2e-6); /* one micro-batch: no difference yet */
    gradient(1, false, false, true, parts, NULL);
    CHECK(apart(whole, parts) > 0.05);
}

TEST(recomputing_gives_the_same_gradient_in_less_memory)
{
    for (int flat = 0; flat < 2; flat++) {
        size_t kept, again;
        gradient(BATCH, false, flat, false, whole, &kept);
        gradient(BATCH, true, flat, false, parts, &again);
        CHECK(apart(whole, parts) <= 1e-6); /* tiles of another size join their sums in another order */
        printf("%s: %zu bytes kept, %zu recomputed\n", flat ? "stages" : "tiles", kept, again);
        CHECK(again < kept);
    }
}

TEST(regions_must_match)
{
    struct model m;
    model_begin(&m);
    mb_graph *g = mb_graph_new(&m.s, "g", &err);
    CHECK(mb_recompute(g, true) && !mb_recompute(g, true));
    CHECK(!mb_compile(g, &err));
    CHECK_ERROR(err, "open already");
    err = (mb_error){ MB_OK };
    g = mb_graph_new(&m.s, "h", &err);
    CHECK(!mb_recompute(g, false) && !mb_compile(g, &err));
    CHECK_ERROR(err, "no region is open");
    err = (mb_error){ MB_OK };
    g = mb_graph_new(&m.s, "i", &err);
    mb_var w = mb_param(g, m.head), dw;
    CHECK(mb_recompute(g, true) && !mb_grad(mb_sum(mb_square(w)), &w, 1, &dw));
    mb_arena_free(m.s.arena);
}

/* three steps on accumulated gradients; returns the parameters */
static void train(mb_arena *memory, float *out)
{
    struct model m;
    model_begin(&m);
    mb_graph *g = mb_graph_new(&m.s, "micro", &err), *h = mb_graph_new(&m.s, "step", &err);
    mb_gradsum *sum = mb_gradsum_new(m.p, &err);
    struct batch in = batch_of(g, 2);
    CHECK(mb_accumulate(total_loss(&m, in, false, false), mb_sum(in.weight), sum));
    mb_var norm = mb_optimize_sum(h, sum, (mb_optimizer){ .kind = MB_ADAM, .lr = mb_scalar(h, "lr", 0.01f), .beta1 = 0.9f,
                                                          .beta2 = 0.999f, .eps = 1e-5f, .max_norm = 1, .memory = memory });
    mb_output(norm);
    mb_plan *micro = mb_compile(g, &err), *step = mb_compile(h, &err);
    CHECK(micro && step);
    for (int k = 0; micro && step && k < 3; k++) {
        for (int first = 0; first < BATCH; first += 2) {
            fill(in, first, 2);
            mb_exec(micro);
        }
        mb_exec(step);
        CHECK(mb_get(norm) > 0 && *sum->terms == 0 && sum->sum[0].data[5] == 0);
        if (memory) mb_arena_idle(memory);
    }
    for (int i = 0, n = 0; i < m.p->n; i++)
        for (int64_t j = 0; j < m.p->t[i]->n; j++) out[n++] = m.p->t[i]->data[j];
    mb_arena_free(m.s.arena);
}

TEST(state_in_a_file_changes_no_bit)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/matchbox-state-%ld", (long)getpid());
    err = (mb_error){ MB_OK };
    mb_arena *file = mb_arena_file(path, (size_t)1 << 24, &err);
    CHECK(file && access(path, F_OK) != 0);
    if (!file) return;
    train(NULL, whole);
    train(file, parts);
    CHECK(memcmp(whole, parts, sizeof whole) == 0);
    CHECK(mb_arena_used(file) >= 2 * sizeof whole);
    mb_arena_free(file);
    CHECK(!mb_arena_file("/nowhere/at/all", 4096, &err));
    CHECK_ERROR(err, "/nowhere/at/all");
}

MB_TESTS(T(micro_batches_give_the_gradient_of_the_batch), T(the_mean_of_means_is_another_gradient),
         T(recomputing_gives_the_same_gradient_in_less_memory), T(regions_must_match), T(state_in_a_file_changes_no_bit))
