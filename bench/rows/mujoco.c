/* MuJoCo environments against the library's own mj_step: the same episodes, first through the vectoriser (random actions, resets,
   observations, rewards, checks), then as bare mj_step calls from the same starts with the same controls; in turn, medians, by the
   clock of the thread, which stands still while others have the core.  Then frames per second of the tasks seen as pixels.
     build/bench/rows/mujoco [--seconds=0.15] [--rounds=9] [--only=ENV] */
#include "env/mujoco_world.h"
#include "row.h"

static const char *const names[] = { "inverted-pendulum", "inverted-double-pendulum", "reacher", "pusher", "swimmer", "hopper", "halfcheetah",
                                     "walker2d", "ant", "humanoid", "humanoid-standup", "pixel-cartpole-swingup", "pixel-reacher", "pixel-cheetah-run" };
enum { LONGEST = 20000, ROUNDS = 99 };

struct recording { int n, nu; float *action; bool *start; struct mujoco_state *state; char *first; };

static double median(double *x, int n)
{
    for (int i = 1; i < n; i++)
        for (int k = i; k > 0 && x[k] < x[k - 1]; k--) {
            double t = x[k];
            x[k] = x[k - 1];
            x[k - 1] = t;
        }
    return x[n / 2];
}

/* Steps until `seconds` have passed; where each episode began. */
static bool record(mb_vec *v, struct recording *r, double seconds, mb_error *err)
{
    const mb_vec_view *w = mb_vec_view_of(v);
    mb_rng rng = mb_rng_make(1, "bench", 0);
    double from = mb_thread_cpu();
    mb_vec_save(v, 0, r->first);
    for (r->n = 0; r->n < LONGEST && mb_thread_cpu() - from < seconds; r->n++) {
        r->start[r->n] = w->start[0];
        memcpy(&r->state[r->n], mb_vec_state(v, 0), sizeof *r->state);
        for (int k = 0; k < r->nu; k++) w->value[k] = r->action[r->n * r->nu + k] = mb_uniform(&rng, -1, 1);
        if (!mb_vec_step(v, err)) return false;
    }
    return true;
}

static double time_vec(mb_vec *v, const struct recording *r, mb_error *err)
{
    const mb_vec_view *w = mb_vec_view_of(v);
    double from = mb_thread_cpu();
    mb_vec_load(v, 0, r->first);
    for (int i = 0; i < r->n; i++) {
        memcpy(w->value, r->action + i * r->nu, (size_t)r->nu * sizeof *w->value);
        if (!mb_vec_step(v, err)) return 0;
    }
    return mb_thread_cpu() - from;
}

static double time_bare(struct mujoco_world *w, const struct recording *r)
{
    struct mujoco_slot *x = mb__mujoco_borrow(w);
    const struct mujoco_task *t = w->task;
    double from = mb_thread_cpu();
    for (int i = 0; i < r->n; i++) {
        if (r->start[i]) {
            memcpy(x->data->qpos, r->state[i].qpos, (size_t)t->nq * sizeof(double));
            memcpy(x->data->qvel, r->state[i].qvel, (size_t)t->nv * sizeof(double));
            memcpy(x->data->qacc_warmstart, r->state[i].warmstart, (size_t)t->nv * sizeof(double));
        }
        for (int k = 0; k < t->nu; k++) x->data->ctrl[k] = (double)r->action[i * r->nu + k];
        for (int k = 0; k < t->frame_skip * w->repeat; k++) w->mj_step(w->model, x->data);
    }
    double seconds = mb_thread_cpu() - from;
    mb__mujoco_return(x);
    return seconds;
}

static bool measure(const char *name, double seconds, int rounds, mb_arena *a, mb_error *err)
{
    const mb_env_def *def = mb_env_find(name, err);
    mb_scope scope = { .arena = a, .seed = 1 };
    struct mujoco_world *world;
    double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
    void *options = def ? mb_alloc(a, 1, def->options_size, err) : NULL;
    if (!options) return false;
    mb_options_default(def->options, options);
    mb_vec *v = mb_vec_new(&scope, name, def, options, 1, err);
    if (!v || !mb_vec_reset(v, err) || !mb_env_open(def, options, a, err)) return false;
    memcpy(&world, (char *)options + def->options_size - sizeof world, sizeof world); /* the member behind the options */
    struct recording r = { 0, world->task->nu, mb_alloc(a, LONGEST * (size_t)world->task->nu, sizeof(float), err),
                           mb_alloc(a, LONGEST, sizeof(bool), err), mb_alloc(a, LONGEST, sizeof(struct mujoco_state), err),
                           mb_alloc(a, 1, mb_vec_state_bytes(v), err) };
    if (!r.first || !record(v, &r, seconds, err)) return false;
    int episodes = 0;
    for (int i = 0; i < r.n; i++) episodes += r.start[i];
    for (int i = 0; i < rounds; i++) {
        ours[i] = (double)r.n / time_vec(v, &r, err);
        theirs[i] = (double)r.n / time_bare(world, &r);
        ratio[i] = ours[i] / theirs[i];
    }
    double o = median(ours, rounds), t = median(theirs, rounds), q = median(ratio, rounds);
    printf("| %s | %d | %.0f | %.0f | %.0f | %.1f %% [%.1f, %.1f] |\n", name, r.n / episodes, o, t, t * world->task->frame_skip * world->repeat, 100 * q, 100 * ratio[0],
           100 * ratio[rounds - 1]);
    mb_env_close(def, options);
    mb_vec_close(v);
    return true;
}

int main(int argc, char **argv)
{
    mb_error err = { 0 };
    double rounds = row_number(argc, argv, "rounds", 9), seconds = row_number(argc, argv, "seconds", 0.15);
    const char *only = row_text(argc, argv, "only");
    printf("| environment | steps of an episode | steps/s | the same with mj_step alone | mj_step calls/s | ratio |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (only && strcmp(only, names[i]) != 0) continue;
        mb_arena *a = mb_arena_new((size_t)1 << 30, &err);
        if (!a || !measure(names[i], seconds, rounds < 1 ? 1 : rounds > ROUNDS ? ROUNDS : (int)rounds, a, &err)) {
            char text[2048];
            mb_error_text(&err, text, sizeof text);
            fputs(text, stderr);
            return 1;
        }
        mb_arena_free(a);
    }
    return 0;
}
