/* Row B23: do Q-networks transfer between control tasks?  Four variants of Catch (plain; controls mirrored; the ball to be avoided; the ball drifting
   sideways): trained on one, continued on another with new memory and optimiser.  R = (area with transfer - area from scratch) / area from scratch,
   areas under the share of good episodes.  Prints the share of the 12 pairs of different variants with R <= 0, their mean R, and the mean R of
   continuing on the same variant. */
#include "agent.h"
#include "row.h"
#include "matchbox/value.h"

enum { PLAIN, MIRRORED, AVOID, DRIFT, VARIANTS, H = 10, W = 5, STEPS = 4000, TENSORS = 32 };
#define CATCH_OPTIONS(NUM, PICK, TEXT, LIST, SCHED) PICK(kind, PLAIN, "plain|mirrored|avoid|drift", "the variant")
MB_OPTIONS(catching, CATCH_OPTIONS)
struct catching { int x, y, paddle; };

static void see(const struct catching *s, mb_io *io)
{
    memset(io->obs, 0, H * W * sizeof(float));
    io->obs[s->y * W + s->x] = 1;
    io->obs[(H - 1) * W + s->paddle] = 1;
}
static void catch_reset(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct catching *s = state;
    *s = (struct catching){ .x = mb_below(rng, W), .paddle = W / 2 };
    see(s, io);
}
static mb_step catch_step(void *state, const void *options, mb_rng *rng, mb_io *io)
{
    struct catching *s = state;
    int kind = ((const struct catching_options *)options)->kind, move = io->index[0] - 1;
    int to = s->paddle + (kind == MIRRORED ? -move : move);
    s->paddle = to < 0 ? 0 : to >= W ? W - 1 : to;
    s->y++;
    if (kind == DRIFT) s->x = (s->x + 1) % W;
    see(s, io);
    if (s->y < H - 1) return (mb_step){ 0, false };
    return (mb_step){ (s->x == s->paddle) != (kind == AVOID) ? 1 : -1, true };
}
static const mb_env_def catching = { MB_ENV_HEAD, .name = "catching", .obs = MB_BOX_IN(H * W, 0, 1), .act = MB_DISCRETE(3), .time_limit = 50,
                                     .state_size = sizeof(struct catching), MB_USE_OPTIONS(catching), .reset = catch_reset, .step = catch_step };

struct weights { int n; float *data[TENSORS]; };

/* the beginning of dqn's state */
static mb_params *params_of(struct agent *a, bool target)
{
    mb_qlearner *l = *(mb_qlearner **)a->self;
    return target ? l->target->params : l->online->params;
}

static void copy(struct agent *a, struct weights *w, bool out)
{
    for (int target = 0; target < 2; target++) {
        mb_params *p = params_of(a, target);
        if (p->n > TENSORS) exit(1);
        for (int i = 0; i < p->n; i++) {
            size_t bytes = (size_t)p->t[i]->n * sizeof(float);
            if (!out) memcpy(p->t[i]->data, w->data[i], bytes);
            else if (target == 0) {
                free(w->data[i]);
                if (!(w->data[i] = malloc(bytes))) exit(1);
                memcpy(w->data[i], p->t[i]->data, bytes);
            }
        }
    }
}

/* Train on a variant, from weights or (NULL) from scratch; the share of good episodes.  after, when not NULL: receives the weights. */
static double train(int kind, bool twice, const char *lr, uint64_t seed, struct weights *from, struct weights *after)
{
    static const char *const kinds[] = { "env.kind=plain", "env.kind=mirrored", "env.kind=avoid", "env.kind=drift" };
    struct agent a;
    double good = 0, all = 0;
    const char *settings[] = { kinds[kind], twice ? "double-q=true" : "double-q=false", lr, "horizon=1", "batch=16", "buffer=4000", "learning-starts=100",
                               "target-every=100", "epsilon=0.1", "hidden=32", NULL };
    agent_open(&a, "dqn", "catching", settings, seed, STEPS);
    if (from) copy(&a, from, false);
    const mb_vec_view *w = mb_vec_view_of(a.run.vec);
    while (a.run.step < STEPS) {
        agent_train(&a, a.run.step + 1);
        if (w->last_length[0] > 0) all++, good += w->last_return[0] > 0;
    }
    if (after) copy(&a, after, true);
    agent_close(&a);
    return good / all;
}

int main(int argc, char **argv)
{
    static struct weights trained[VARIANTS];
    uint64_t seed = row_seed(argc, argv);
    bool twice = row_is(argc, argv, "algo", "ddqn");
    char lr[48];
    double scratch[VARIANTS], same = 0, other = 0, negative = 0;
    snprintf(lr, sizeof lr, "lr=%g", row_number(argc, argv, "lr", 1e-3));
    agent_own_env = &catching;
    for (int k = 0; k < VARIANTS; k++) train(k, twice, lr, seed + 10000, NULL, &trained[k]); /* sources */
    for (int k = 0; k < VARIANTS; k++) scratch[k] = train(k, twice, lr, seed, NULL, NULL);
    for (int i = 0; i < VARIANTS; i++)
        for (int k = 0; k < VARIANTS; k++) {
            double r = train(k, twice, lr, seed, &trained[i], NULL) / scratch[k] - 1;
            if (i == k) same += r / VARIANTS;
            else other += r / (VARIANTS * (VARIANTS - 1)), negative += (r <= 0) / (double)(VARIANTS * (VARIANTS - 1));
        }
    row_print(4, (const char *const[]){ "negative_share", "mean_other", "mean_same", "scratch" },
              (double[]){ negative, other, same, (scratch[0] + scratch[1] + scratch[2] + scratch[3]) / VARIANTS });
    return 0;
}
