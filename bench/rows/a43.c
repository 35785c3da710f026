/* a43.c - memory savers (catalogue row A43): a causal language model trained with the whole batch at once, with gradients summed over
   micro-batches, with activations computed again, and with Adam's state in a mapped file: memory, time and the gradient's difference
   from the plain run.  Every way is a process of its own.
     a43 [steps]                 the table
     a43 --batch=B --seed=N      one batch size, other parameters and texts: memory and time as shares of the plain run's */
#include <math.h>
#include <matchbox.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "row.h"

enum { WIDTH = 128, HEADS = 4, BLOCKS = 4, LENGTH = 128, WORDS = 256, MOST = 16, NPARAMS = 1 << 20 };

struct block { mb_tensor *gain1, *gain2, *qkv, *mix, *up, *down; };
struct model { mb_scope s; mb_params *p; mb_tensor *words, *places, *gain, *head; struct block b[BLOCKS]; mb_error err; };
struct input { mb_var word, next, weight; };
struct option { const char *name; bool micro, again, file, means; };
struct result { double ms /* of the fastest step */, anonymous, file, slab; int n; float gradient[NPARAMS]; };

static mb_tensor *matrix(struct model *m, mb_rng *rng, const char *name, int rows, int cols)
{
    mb_tensor *t = mb_params_add(m->p, name, MB_S2(rows, cols), &m->err);
    for (int64_t i = 0; t && i < t->n; i++) t->data[i] = mb_normal(rng) * 0.7f / sqrtf((float)rows);
    return t;
}

static mb_tensor *ones(struct model *m, const char *name)
{
    mb_tensor *t = mb_params_add(m->p, name, MB_S1(WIDTH), &m->err);
    for (int i = 0; t && i < WIDTH; i++) t->data[i] = 1;
    return t;
}

static void model_new(struct model *m, uint64_t seed)
{
    m->s = (mb_scope){ .arena = mb_arena_new((size_t)1 << 33, &m->err), .seed = 1 };
    m->p = mb_params_new(&m->s, "lm", &m->err);
    mb_rng rng = mb_rng_make(seed, "a43", 0);
    m->words = matrix(m, &rng, "words", WORDS, WIDTH);
    m->places = matrix(m, &rng, "places", LENGTH, WIDTH);
    for (int i = 0; i < BLOCKS; i++) {
        char n[6][16];
        for (int k = 0; k < 6; k++) snprintf(n[k], sizeof n[k], "%d.%d", i, k);
        m->b[i] = (struct block){ ones(m, n[0]), ones(m, n[1]), matrix(m, &rng, n[2], WIDTH, 3 * WIDTH), matrix(m, &rng, n[3], WIDTH, WIDTH),
                                  matrix(m, &rng, n[4], WIDTH, 4 * WIDTH), matrix(m, &rng, n[5], 4 * WIDTH, WIDTH) };
    }
    m->gain = ones(m, "gain");
    m->head = matrix(m, &rng, "head", WIDTH, WORDS);
}

static mb_var attend(mb_var qkv, mb_var future)
{
    enum { PART = WIDTH / HEADS };
    mb_var out[HEADS];
    for (int h = 0; h < HEADS; h++) {
        mb_var q = mb_slice(qkv, 2, h * PART, PART), k = mb_slice(qkv, 2, WIDTH + h * PART, PART);
        mb_var v = mb_slice(qkv, 2, 2 * WIDTH + h * PART, PART);
        out[h] = mb_matmul(mb_softmax(mb_add(mb_scale(mb_matmul_nt(q, k), 1 / sqrtf(PART)), future)), v);
    }
    return mb_concat(HEADS, out, 2);
}

/* the sum of the losses of all words that count */
static mb_var total_loss(const struct model *m, struct input in, bool again)
{
    mb_graph *g = in.word.g;
    mb_var future = mb_input(g, "future", MB_F32, MB_S2(LENGTH, LENGTH));
    for (int i = 0; i < LENGTH * LENGTH; i++) mb_data(future)[i] = i % LENGTH > i / LENGTH ? -1e9f : 0;
    mb_var y = mb_add(mb_embedding(mb_param(g, m->words), in.word), mb_param(g, m->places));
    for (int i = 0; i < BLOCKS; i++) {
        const struct block *b = &m->b[i];
        if (again) mb_recompute(g, true);
        mb_var qkv = mb_matmul(mb_rms_norm(y, mb_param(g, b->gain1), 1e-6f), mb_param(g, b->qkv));
        mb_var z = mb_add(y, mb_matmul(attend(qkv, future), mb_param(g, b->mix)));
        mb_var up = mb_gelu(mb_matmul(mb_rms_norm(z, mb_param(g, b->gain2), 1e-6f), mb_param(g, b->up)));
        y = mb_add(z, mb_matmul(up, mb_param(g, b->down)));
        if (again) mb_recompute(g, false);
    }
    mb_var logits = mb_matmul(mb_rms_norm(y, mb_param(g, m->gain), 1e-6f), mb_param(g, m->head));
    return mb_neg(mb_sum(mb_mul(mb_pick(mb_log_softmax(logits), in.next), in.weight)));
}

/* texts of different lengths: the next word follows from the last by a fixed rule three times of four */
static void fill(struct input in, uint64_t seed, int first, int n)
{
    int32_t *word = mb_input_data(in.word), *next = mb_input_data(in.next);
    float *weight = mb_data(in.weight);
    for (int r = 0; r < n; r++) {
        mb_rng rng = mb_rng_make(seed + 1, "text", (uint64_t)(first + r));
        int w = mb_below(&rng, WORDS), length = LENGTH / 8 + mb_below(&rng, LENGTH * 7 / 8);
        for (int i = 0; i < LENGTH; i++) {
            *word++ = w;
            w = mb_below(&rng, 4) ? (w * 37 + 11) % WORDS : mb_below(&rng, WORDS);
            *next++ = w;
            *weight++ = i < length ? 1.0f : 0.0f;
        }
    }
}

static double resident(const char *key) /* MiB */
{
    char line[128];
    double kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (strncmp(line, key, strlen(key)) == 0) kib = atof(line + strlen(key) + 1);
    if (f) fclose(f);
    return kib / 1024;
}

static void measure(struct option o, int batch, int steps, uint64_t seed, struct result *out)
{
    static struct model m;
    double anonymous = resident("RssAnon"), mapped = resident("RssShmem") + resident("RssFile");
    model_new(&m, seed);
    char path[64];
    snprintf(path, sizeof path, "/var/tmp/matchbox-a43-%ld", (long)getpid());
    mb_arena *memory = o.file ? mb_arena_file(path, (size_t)1 << 30, &m.err) : NULL;
    mb_graph *g = mb_graph_new(&m.s, "micro", &m.err), *h = mb_graph_new(&m.s, "step", &m.err);
    mb_gradsum *sum = mb_gradsum_new(m.p, &m.err);
    int micro = o.micro ? 1 : batch;
    struct input in = { mb_input(g, "word", MB_I32, MB_S2(micro, LENGTH)), mb_input(g, "next", MB_I32, MB_S2(micro, LENGTH)),
                        mb_input(g, "weight", MB_F32, MB_S2(micro, LENGTH)) };
    mb_var total = total_loss(&m, in, o.again), terms = mb_sum(in.weight);
    if (o.means) total = mb_div(total, terms), terms = mb_constant(g, 1);
    mb_accumulate(total, terms, sum);
    mb_optimize_sum(h, sum, (mb_optimizer){ .kind = MB_ADAM, .lr = mb_scalar(h, "lr", 1e-3f), .beta1 = 0.9f, .beta2 = 0.999f,
                                            .eps = 1e-8f, .max_norm = 1, .memory = memory });
    mb_plan *plan = mb_compile(g, &m.err), *step = mb_compile(h, &m.err);
    if (!plan || !step || m.err.code) {
        fprintf(stderr, "a43: %s\n", m.err.what);
        _exit(1);
    }
    out->ms = HUGE_VAL;
    for (int k = 0; k <= steps; k++) {
        double begin = mb_now();
        for (int first = 0; first < batch; first += micro) {
            fill(in, seed, first, micro);
            mb_exec(plan);
        }
        for (int i = 0; k == 0 && i < m.p->n; i++)
            for (int64_t j = 0; j < m.p->t[i]->n && out->n < NPARAMS; j++) out->gradient[out->n++] = sum->sum[i].data[j] / *sum->terms;
        mb_exec(step);
        if (memory) mb_arena_idle(memory);
        double ms = (mb_now() - begin) * 1e3;
        if (k > 0 && ms < out->ms) out->ms = ms; /* the first touches every page; others can be disturbed */
    }
    out->anonymous = resident("RssAnon") - anonymous;
    out->file = resident("RssShmem") + resident("RssFile") - mapped;
    out->slab = (double)mb_plan_info_of(plan).slab_bytes / (1 << 20);
}

enum { WAYS = 6 };
static const struct option options[WAYS] = {
    { "plain", false, false, false, false }, { "micro-batches", true, false, false, false }, { "recomputed", false, true, false, false },
    { "state in a file", false, false, true, false }, { "all three", true, true, true, false }, { "mean of means", true, false, false, true },
};

/* Way i in a process of its own; r[0] holds the plain run, r[1] the last other one.  Its first gradient's distance from the plain one. */
static double one_way(struct result *r, int i, int batch, int steps, uint64_t seed)
{
    struct result *x = i ? &r[1] : &r[0];
    int status = 0;
    double most = 0, size = 0;
    memset(x, 0, sizeof *x);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) measure(options[i], batch, steps, seed, x), _exit(0);
    if (waitpid(pid, &status, 0) != pid || status != 0) exit(1);
    for (int k = 0; k < x->n; k++) {
        most = fmax(most, fabs((double)x->gradient[k] - (double)r[0].gradient[k]));
        size = fmax(size, fabs((double)r[0].gradient[k]));
    }
    return most / size;
}

static int one_batch(struct result *r, int batch, int steps, uint64_t seed)
{
    static const char *const names[] = { "mib", "ms", "micro_off", "micro_memory", "micro_time", "again_off", "again_memory", "again_time",
                                         "file_off", "file_memory", "file_time", "all_off", "all_memory", "all_time", "means_off" };
    double v[18];
    one_way(r, 0, batch, steps, seed);
    v[0] = r[0].anonymous;
    v[1] = r[0].ms;
    for (int i = 1; i < WAYS; i++) {
        double *at = v + 3 * i - 1;
        at[0] = one_way(r, i, batch, steps, seed);
        at[1] = r[1].anonymous / r[0].anonymous;
        at[2] = r[1].ms / r[0].ms;
    }
    row_print(15, names, v);
    return 0;
}

int main(int argc, char **argv)
{
    static const int batches[] = { 1, 4, MOST };
    struct result *r = mmap(NULL, 2 * sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (r == MAP_FAILED) return 1;
    if (row_text(argc, argv, "seed")) return one_batch(r, (int)row_number(argc, argv, "batch", MOST), (int)row_number(argc, argv, "steps", 3), row_seed(argc, argv));
    int steps = argc > 1 ? atoi(argv[1]) : 5;
    printf("%5s  %-16s %12s %12s %10s %12s\n", "batch", "option", "anon. MiB", "of them plan", "ms/step", "difference");
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++)
        for (int i = 0; i < WAYS; i++) {
            double off = one_way(r, i, batches[b], steps, 1);
            const struct result *x = &r[i > 0];
            printf("%5d  %-16s %12.1f %12.1f %10.1f %12.1e\n", batches[b], options[i].name, x->anonymous, x->slab, x->ms, off);
        }
    return 0;
}
