/* a33.c - clip-higher (catalogue row A33): PPO on bandits of 100 arms of which one pays, 4 contexts, 20 epochs per batch of 256, with the upper clip bound
   raised.  Ten seeds each; prints every seed.   build/bench/rows/a33 [steps] [scratch directory] */
#include <math.h>
#include <matchbox.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEEDS = 10 };
static const char *const highs[] = { "0.2", "0.28", "0.4", "1.0" };

/* last value of a metric in metrics.jsonl; NaN when it is not there */
static double last_metric(const char *dir, const char *name)
{
    char path[512], line[4096], key[64];
    double value = NAN;
    snprintf(path, sizeof path, "%s/metrics.jsonl", dir);
    snprintf(key, sizeof key, "\"%s\":", name);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        const char *at = strstr(line, key);
        if (at) value = strtod(at + strlen(key), NULL);
    }
    if (f) fclose(f);
    return value;
}

static bool run(const char *high, int seed, const char *steps, const char *dir, mb_summary *out, mb_error *err)
{
    char number[16];
    snprintf(number, sizeof number, "%d", seed);
    const char *const options[][2] = {
        { "total-steps", steps }, { "seed", number }, { "run", dir }, { "envs", "256" }, { "horizon", "1" }, { "epochs", "20" },
        { "minibatches", "1" }, { "lr", "1e-2" }, { "ent-coef", "0" }, { "clip", "0.2" }, { "clip-high", high }, { "hidden", "64" },
        { "env.arms", "100" }, { "env.contexts", "4" }, { "env.pays", "rare" }, { "env.problem", number }, { "threads", "1" },
        { "gamma", "0" }, { "max-grad-norm", "10" },
    };
    mb_arena *a = mb_arena_new((size_t)1 << 26, err);
    mb_settings *s = a ? mb_settings_new(a, "ppo", "bandit", err) : NULL;
    bool ok = s != NULL;
    for (size_t i = 0; ok && i < sizeof options / sizeof *options; i++) ok = mb_settings_set(s, options[i][0], options[i][1], "a33", err);
    mb_trainer *t = ok ? mb_trainer_new(s, NULL, err) : NULL;
    ok = t && mb_trainer_run(t, err) && mb_trainer_evaluate(t, 512, &out->eval, err);
    mb_trainer_free(t);
    mb_arena_free(a);
    return ok;
}

int main(int argc, char **argv)
{
    const char *steps = argc > 1 ? argv[1] : "20k", *scratch = argc > 2 ? argv[2] : "/tmp";
    printf("upper clip  mean accuracy  entropy  clip fraction  accuracy of seeds 101-110\n");
    for (size_t h = 0; h < sizeof highs / sizeof *highs; h++) {
        double acc[SEEDS], mean = 0, entropy = 0, clip = 0;
        for (int i = 0; i < SEEDS; i++) {
            char dir[400];
            mb_summary sum = { 0 };
            mb_error err = { MB_OK };
            snprintf(dir, sizeof dir, "%s/a33-%s-%d", scratch, highs[h], 101 + i);
            if (!run(highs[h], 101 + i, steps, dir, &sum, &err)) {
                char text[1024];
                mb_error_text(&err, text, sizeof text);
                fprintf(stderr, "%s\n", text);
                return 1;
            }
            acc[i] = sum.eval.return_mean;
            mean += acc[i] / SEEDS;
            entropy += last_metric(dir, "policy/entropy") / SEEDS;
            clip += last_metric(dir, "policy/clip_fraction") / SEEDS;
        }
        printf("%10s %14.3f %8.3f %14.3f ", highs[h], mean, entropy, clip);
        for (int i = 0; i < SEEDS; i++) printf(" %.2f", acc[i]);
        printf("\n");
    }
    return 0;
}
