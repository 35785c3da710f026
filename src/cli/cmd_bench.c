/* matchbox bench [NAME...]: speed, with the fraction of the arithmetic peak measured in the same run. */
#include "cli/bench.h"
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OPTIONS(NUM, PICK, TEXT, LIST, SCHED)                                                             \
    NUM(int, runs, 5, 1, 1000, "runs of each, whose median, least and greatest are printed")              \
    NUM(int, threads, 1, 1, 1024, "threads")                                                              \
    NUM(double, seconds, 1, 0.01, 3600, "about how long a run of a stepping benchmark takes")             \
    NUM(bool, json, false, 0, 1, "the last line of output is a JSON array")
MB_OPTIONS(bench, OPTIONS)

enum { RUNS_MAX = 1000, RESULTS = 64, ACTION_SETS = 16 };

struct result { const char *name, *unit; double value, low, high, fraction; int threads, runs; };

struct benchmark {
    const char *name, *about;
    bool (*run)(const struct benchmark *b, const struct bench_options *o, double *value, mb_error *err);
    const char *env;
    double flops;                    /* useful arithmetic of a step; 0: not counted */
    int64_t steps;
    const char *const *settings;     /* key, value, ..., NULL */
    const char *algo;                /* what is trained */
};

/* ---- stepping environments ---- */

/* Actions drawn beforehand: what is measured is the environments. */
static void draw_actions(mb_vec *vec, int32_t *sets, float *values, mb_rng *rng)
{
    const mb_vec_view *v = mb_vec_view_of(vec);
    const mb_space *act = &mb_vec_shape(vec)->act;
    for (int s = 0; s < ACTION_SETS * v->rows; s++)
        for (int f = 0; f < act->nfields; f++) {
            if (act->field[f].kind == MB_FIELD_DISCRETE) *sets++ = mb_below(rng, act->field[f].n);
            else
                for (int i = 0; i < act->field[f].n; i++) *values++ = mb_uniform(rng, -1, 1);
        }
}

static bool step_for(mb_vec *vec, double seconds, const int32_t *sets, const float *values, double *rate, mb_error *err)
{
    const mb_vec_view *v = mb_vec_view_of(vec);
    size_t ni = (size_t)(v->rows * v->nindex), nv = (size_t)(v->rows * v->nvalue);
    int64_t steps = 0;
    double from = mb_now(), now = from;
    for (int k = 0; now - from < seconds; now = mb_now())
        for (int i = 0; i < 64; i++, k = (k + 1) % ACTION_SETS) {
            memcpy(v->index, sets + (size_t)k * ni, ni * sizeof *sets);
            memcpy(v->value, values + (size_t)k * nv, nv * sizeof *values);
            if (!mb_vec_step(vec, err)) return false;
            steps += v->nenvs;
        }
    *rate = (double)steps / (now - from);
    return true;
}

static bool run_lm(const struct benchmark *b, const struct bench_options *o, double *value, mb_error *err)
{
    return bench_lm(b->env, o->threads, value, err);
}

static bool run_env(const struct benchmark *b, const struct bench_options *o, double *value, mb_error *err)
{
    mb_scope scope = { .seed = 1 };
    mb_rng rng = mb_rng_make(1, "bench.actions", 0);
    bool ok = false;
    if (!(scope.arena = mb_arena_new((size_t)1 << 32, err))) return false;
    mb_settings *s = mb_settings_new(scope.arena, "random", b->env, err);
    mb_vec *vec = NULL;
    if (s && mb_isa(&scope.kernels, err) && (o->threads == 1 || (scope.pool = mb_pool_new(o->threads, err))))
        vec = mb_vec_new(&scope, "bench", mb_settings_env(s), mb_settings_env_options(s), 1024, err);
    if (vec && mb_vec_reset(vec, err)) {
        const mb_vec_view *v = mb_vec_view_of(vec);
        int32_t *sets = mb_alloc(scope.arena, (size_t)(ACTION_SETS * v->rows * v->nindex), sizeof *sets, err);
        float *values = mb_alloc(scope.arena, (size_t)(ACTION_SETS * v->rows * v->nvalue), sizeof *values, err);
        if (sets && values) draw_actions(vec, sets, values, &rng);
        ok = sets && values && step_for(vec, o->seconds * 0.1, sets, values, value, err) && step_for(vec, o->seconds, sets, values, value, err);
    }
    mb_vec_close(vec);
    mb_pool_free(scope.pool);
    mb_arena_free(scope.arena);
    return ok;
}

/* ---- training ---- */

static bool run_train(const struct benchmark *b, const struct bench_options *o, double *value, mb_error *err)
{
    char steps[32], threads[16];
    mb_summary sum;
    snprintf(steps, sizeof steps, "%lld", (long long)b->steps);
    snprintf(threads, sizeof threads, "%d", o->threads);
    mb_arena *a = mb_arena_new((size_t)1 << 26, err);
    mb_settings *s = a ? mb_settings_new(a, b->algo, b->env, err) : NULL;
    bool ok = s && mb_settings_set(s, "total-steps", steps, NULL, err) && mb_settings_set(s, "threads", threads, NULL, err) &&
              mb_settings_set(s, "run", "none", NULL, err) && mb_settings_set(s, "eval-episodes", "0", NULL, err);
    for (int i = 0; ok && b->settings && b->settings[i]; i += 2) ok = mb_settings_set(s, b->settings[i], b->settings[i + 1], b->name, err);
    mb_hooks hooks = { .stop = cli_stop_flag() };
    mb_trainer *t = ok ? mb_trainer_new(s, &hooks, err) : NULL;
    ok = t && mb_trainer_run(t, err) && mb_trainer_summary(t, &sum, err);
    if (ok) *value = sum.steps_per_second;
    mb_trainer_free(t);
    mb_arena_free(a);
    return ok;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at) { return remove(path); }

/* The preset from process start to finish, checkpoints and evaluation of 100 episodes included. */
static bool run_solve(const struct benchmark *b, const struct bench_options *o, double *value, mb_error *err)
{
    char dir[] = "/tmp/matchbox-bench-XXXXXX", run[64], threads[16];
    double eval = 0;
    if (!mkdtemp(dir)) return mb_fail(err, MB_ERR_IO, "bench: cannot make a folder in /tmp");
    snprintf(run, sizeof run, "%s/run", dir);
    snprintf(threads, sizeof threads, "%d", o->threads);
    const char *const args[] = { "matchbox", "train", "ppo", b->env, "--json", "--threads", threads, "--run", run, NULL };
    bool ok = bench_program(args, value, &eval, err);
    nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    const mb_env_def *env = ok ? mb_env_find(b->env, err) : NULL;
    if (!env) return false;
    if (eval >= (double)env->solved) return true;
    return mb_fail(err, MB_ERR_NUMERIC, "bench: %s was not solved: the evaluation says %g, and %g is wanted", b->env, eval, (double)env->solved);
}

/* ---- the list ---- */

/* Multiply-adds of the two networks, forward once to collect and three times that in every epoch to learn. */
#define PPO_FLOPS(macs, epochs) (2.0 * (macs) * (1 + 3 * (epochs)))

static const char *const pendulum_shape[] = { "horizon", "1024", "minibatches", "16", "epochs", "2", NULL };
static const char *const breakout_shape[] = { "envs", "1024", "hidden", "64", "epochs", "1", "horizon", "32", "minibatches", "4",
                                            "shared", "true", NULL };

/* Of an update's item: online and target network forward, gradients of weights and of all inputs but the first layer's. */
#define DQN_FLOPS(first, rest, items_per_step) (2.0 * (3 * (first) + 4 * (rest)) * (items_per_step))

static const char *const dqn_shape[] = { "preset", "none", "learning-starts", "1000", NULL };
static const char *const minatar_shape[] = { "model", "cnn", "channels", "16", "hidden", "128", "batch", "32", "horizon", "1", "buffer", "100000",
                                           "learning-starts", "500", "target-every", "1000", NULL };

/* Of a step with one update of a batch, o observed and a acted numbers, two hidden layers of h.  A critic is C multiply-adds forward, C again
   for the gradients of its weights or of its action, less by its first layer for those of hidden units only; the actor is A. */
#define CRITIC(o, a, h) (((o) + (a)) * (h) + (double)(h) * (h) + (h))
#define ACTOR(o, out, h) ((o) * (h) + (double)(h) * (h) + (out) * (h))
#define SAC_FLOPS(o, a, h, batch)                                                                   \
    (2.0 * (batch) * (12 * CRITIC(o, a, h) - 2 * ((o) + (a)) * (h) + 4 * ACTOR(o, 2 * (a), h) - (o) * (h)))
#define TD3_FLOPS(o, a, h, batch)                                                                   \
    (2.0 * (batch) * (9 * CRITIC(o, a, h) - 2 * ((o) + (a)) * (h) + 2.5 * ACTOR(o, a, h) - 0.5 * (o) * (h)))
/* per step of twenty updates: ten critics learn, two make the target, and once the actor learns from all */
#define REDQ_FLOPS(o, a, h, batch)                                                                  \
    (2.0 * (batch) * (20 * (32 * CRITIC(o, a, h) - 10 * ((o) + (a)) * (h) + ACTOR(o, 2 * (a), h)) + 20 * CRITIC(o, a, h) + 3 * ACTOR(o, 2 * (a), h) - (o) * (h)))

static const char *const small_critic[] = { "learning-starts", "200", NULL };
static const char *const wide_critic[] = { "preset", "none", "learning-starts", "256", "buffer", "20000", NULL };
static const char *const wide_bf16[] = { "preset", "none", "learning-starts", "256", "buffer", "20000", "bfloat16", "true", NULL };

static const struct benchmark benchmarks[] = {
    { "env-cartpole-1024", "1,024 CartPoles stepped with random actions", run_env, "cartpole", 0, 0, NULL, NULL },
    { "env-breakout-1024", "1,024 MinAtar Breakouts stepped with random actions", run_env, "breakout", 0, 0, NULL, NULL },
    { "ppo-cartpole", "PPO with CleanRL's hyper-parameters: 4 environments, 128 steps, 4 x 4 minibatches, 64x64 tanh", run_train, "cartpole",
      PPO_FLOPS(4480 + 4416, 4), 500000, NULL, "ppo" },
    { "ppo-pendulum", "PPO in rl-tools' shape: 4 environments, 1,024 steps, minibatches of 256, 2 epochs, 64x64 tanh", run_train, "pendulum",
      PPO_FLOPS(4352 + 4352, 2), 600000, pendulum_shape, "ppo" },
    { "ppo-breakout-1024", "PPO with one 400-64 network for policy and value, 1,024 MinAtar Breakouts, 1 epoch", run_train, "breakout",
      PPO_FLOPS(400 * 64 + 64 * 4, 1), 1000000, breakout_shape, "ppo" },
    { "dqn-cartpole", "DQN with CleanRL's hyper-parameters: a batch of 128 every 10 steps, 120-84 relu", run_train, "cartpole",
      DQN_FLOPS(480, 10080 + 168, 12.8), 60000, dqn_shape, "dqn" },
    { "dqn-breakout", "DQN on MinAtar Breakout, an update of 32 every step: 16 convolutions of 3x3, 128 relu", run_train, "breakout",
      DQN_FLOPS(36864, 131072 + 384, 32), 8000, minatar_shape, "dqn" },
    { "lm-train-10m", "training a GPT of 10.8 M parameters, float32, 4 x 64 tokens a step", run_lm, "large", 6 * 10.77e6, 0, NULL, NULL },
    { "lm-train-1m", "training a model of 0.9 M parameters, 32 x 64 tokens a step", run_lm, "small", 6 * 0.886e6, 0, NULL, NULL },
    { "lm-sample-1m", "sampling from it, 128 texts together, 16 of each prompt", run_lm, "sample", 2 * 0.886e6, 0, NULL, NULL },
    { "sac-pendulum", "SAC's Pendulum preset: an update of 100 every step, 64x64 relu", run_train, "pendulum", SAC_FLOPS(3, 1, 64, 100), 8000, small_critic, "sac" },
    { "td3-pendulum", "TD3's Pendulum preset: an update of 100 every step, 64x64 relu", run_train, "pendulum", TD3_FLOPS(3, 1, 64, 100), 10000, small_critic, "td3" },
    { "sac-pendulum-256", "SAC with its defaults: an update of 256 every step, 256x256 relu", run_train, "pendulum", SAC_FLOPS(3, 1, 256, 256), 600, wide_critic, "sac" },
    { "sac-pendulum-256-bf16", "the same, its products in bfloat16", run_train, "pendulum", SAC_FLOPS(3, 1, 256, 256), 400, wide_bf16, "sac" },
    { "td3-pendulum-256", "TD3 with its defaults: an update of 256 every step, 256x256 relu", run_train, "pendulum", TD3_FLOPS(3, 1, 256, 256), 700, wide_critic, "td3" },
    { "sac-halfcheetah", "SAC with its defaults on MuJoCo's HalfCheetah", run_train, "halfcheetah", SAC_FLOPS(17, 6, 256, 256), 600, wide_critic, "sac" },
    { "td3-halfcheetah", "TD3 with its defaults on MuJoCo's HalfCheetah", run_train, "halfcheetah", TD3_FLOPS(17, 6, 256, 256), 700, wide_critic, "td3" },
    { "redq-pendulum-256", "REDQ with its defaults: 20 updates of ten critics every step", run_train, "pendulum", REDQ_FLOPS(3, 1, 256, 256), 268, wide_critic, "redq" },
    { "cartpole-solve", "the CartPole preset, process start to finished evaluation of at least 475", run_solve, "cartpole", 0, 0, NULL, NULL },
};
enum { BENCHMARKS = sizeof benchmarks / sizeof *benchmarks };

static void sort(double *v, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && v[k - 1] > v[k]; k--) {
            double swap = v[k];
            v[k] = v[k - 1];
            v[k - 1] = swap;
        }
}

static bool measure(const struct benchmark *b, const struct bench_options *o, double peak, struct result *r, mb_error *err)
{
    static double values[RUNS_MAX];
    for (int i = 0; i < o->runs; i++) {
        if (*cli_stop_flag()) return mb_fail(err, MB_ERR_INTERRUPTED, "bench: stopped");
        if (!b->run(b, o, &values[i], err)) return mb_note(err, "in the benchmark %s", b->name);
    }
    sort(values, o->runs);
    double median = (values[(o->runs - 1) / 2] + values[o->runs / 2]) / 2;
    *r = (struct result){ b->name, b->run == run_solve ? "s" : b->run == run_lm ? "tokens/s" : "steps/s", median, values[0], values[o->runs - 1],
                          b->flops > 0 ? median * b->flops / (peak * o->threads) : (double)NAN, o->threads, o->runs };
    return true;
}

static void print_result(const struct result *r)
{
    char value[16], low[16], high[16], share[32] = "";
    bool time = strcmp(r->unit, "s") == 0;
    if (time) {
        snprintf(value, sizeof value, "%.4f", r->value);
        snprintf(low, sizeof low, "%.4f", r->low);
        snprintf(high, sizeof high, "%.4f", r->high);
    } else {
        term_count(value, r->value);
        term_count(low, r->low);
        term_count(high, r->high);
    }
    if (isfinite(r->fraction)) snprintf(share, sizeof share, "%5.1f %% of the peak", 100 * r->fraction);
    printf("%-20s %8s %-8s [%s, %s] of %d runs, %d thread%s  %s\n", r->name, value, r->unit, low, high, r->runs, r->threads,
           r->threads == 1 ? "" : "s", share);
    fflush(stdout);
}

static void add_json(const struct result *r, bool first, mb_str *out)
{
    mb_str_add(out, "%s{\"name\":\"%s\",\"value\":", first ? "" : ",", r->name);
    mb_str_number(out, r->value);
    mb_str_add(out, ",\"unit\":\"%s\",\"peak_fraction\":", r->unit);
    mb_str_number(out, r->fraction);
    mb_str_add(out, ",\"threads\":%d,\"runs\":%d,\"min\":", r->threads, r->runs);
    mb_str_number(out, r->low);
    mb_str_add(out, ",\"max\":");
    mb_str_number(out, r->high);
    mb_str_add(out, "}");
}

static bool wanted(const cli *c, const char *name)
{
    for (int i = 0; i < c->nwords; i++)
        if (strcmp(c->words[i], name) == 0) return true;
    return c->nwords == 0;
}

static bool check_names(const cli *c, mb_error *err)
{
    const char *names[BENCHMARKS + 1] = { NULL };
    for (int i = 0; i < BENCHMARKS; i++) names[i] = benchmarks[i].name;
    for (int w = 0; w < c->nwords; w++) {
        int i = 0;
        while (i < BENCHMARKS && strcmp(names[i], c->words[w]) != 0) i++;
        if (i < BENCHMARKS || strcmp(c->words[w], "peak") == 0) continue;
        mb_fail(err, MB_ERR_USAGE, "bench: no benchmark is called '%.64s'", c->words[w]);
        const char *near = mb_nearest(c->words[w], names);
        if (near) mb_note(err, "did you mean '%s'?", near);
        char list[512] = "";
        for (int k = 0; k < BENCHMARKS; k++) snprintf(list + strlen(list), sizeof list - strlen(list), k ? ", %s" : "%s", names[k]);
        mb_note(err, "there are %s", list);
        return mb_help(err, "matchbox help bench");
    }
    return true;
}

static bool run(cli *c, mb_error *err)
{
    const struct bench_options *o = c->options;
    const char *kernels;
    static char memory[32768];
    mb_str json;
    if (!check_names(c, err) || !mb_isa(&kernels, err)) return false;
    double peak = bench_peak(kernels);
    printf("arithmetic peak of one core, measured: %.1f GFLOP/s (%s)\n", peak * 1e-9, kernels);
    fflush(stdout);
    mb_str_init(&json, memory, sizeof memory);
    mb_str_add(&json, "[");
    struct result r = { "peak", "FLOP/s", peak, peak, peak, 1, 1, 1 };
    add_json(&r, true, &json);
    for (int i = 0; i < BENCHMARKS; i++) {
        if (!wanted(c, benchmarks[i].name)) continue;
        if (!measure(&benchmarks[i], o, peak, &r, err)) {
            if (err->code != MB_ERR_UNSUPPORTED || c->nwords) return false;
            printf("%-20s left out: %s\n", benchmarks[i].name, err->what);
            *err = (mb_error){ 0 };
            continue;
        }
        print_result(&r);
        add_json(&r, false, &json);
    }
    mb_str_add(&json, "]");
    if (o->json) cli_json(&json);
    return true;
}

CLI_COMMAND(bench) = {
    .name = "bench", .usage = "bench [NAME...]", .summary = "measure speed",
    .about = "Measures the named benchmarks, or all: env-cartpole-1024, env-breakout-1024, ppo-cartpole, ppo-pendulum, "
             "ppo-breakout-1024, dqn-cartpole, dqn-breakout, sac-pendulum, td3-pendulum, sac-pendulum-256, sac-pendulum-256-bf16, "
             "td3-pendulum-256, sac-halfcheetah, td3-halfcheetah, redq-pendulum-256, lm-train-10m, lm-train-1m, lm-sample-1m, cartpole-solve. Each is the median of several runs; training is compared with the arithmetic peak "
             "of the core, measured in the same run. The rates are those that train prints as steps_per_second.",
    .min_words = 0, .max_words = 16, MB_USE_OPTIONS(bench), .run = run,
};
