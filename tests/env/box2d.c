/* The Box2D environments against Gymnasium: distributions of returns and lengths under random actions and under heuristic
   controllers (tests/reference/gym_box2d.py); instances whose history is played again; threads. */
#include "env/box2d.h"
#include "mb_test.h"

enum { EPISODES = 100, WALKS = 40, LONG = 400, ENVS = 20 };

/* ---- controllers ---- */

struct gait { int state, moving; double knee; }; /* 0: stands on one leg, 1: puts the other down, 2: pushes off */

static double least(double a, double b) { return a < b ? a : b; }
static double within(double x, double limit) { return x < -limit ? -limit : x > limit ? limit : x; }

static void walk(struct gait *g, const float *s, float *action)
{
    const double speed = 0.29, straight = 0.1;
    double hip[2] = { 0, 0 }, knee[2] = { 0, 0 };
    bool hip_set[2] = { false, false }, knee_set[2] = { false, false };
    int m = g->moving, p = 1 - m;
    const float *ms = s + 4 + 5 * m, *ps = s + 4 + 5 * p;
    if (g->state == 0) {
        hip[m] = 1.1, hip_set[m] = true;
        knee[m] = -0.6, knee_set[m] = true;
        g->knee = least(g->knee + ((double)s[2] > speed ? 0.06 : 0.03), straight);
        knee[p] = g->knee, knee_set[p] = true;
        if (ps[0] < 0.10f) g->state = 1;
    }
    if (g->state == 1) {
        hip[m] = 0.1, hip_set[m] = true;
        knee[m] = straight, knee_set[m] = true;
        knee[p] = g->knee, knee_set[p] = true;
        if (ms[4] != 0) {
            g->state = 2;
            g->knee = least((double)ms[2], straight);
        }
    }
    if (g->state == 2) {
        knee[m] = g->knee, knee_set[m] = true;
        knee[p] = 1, knee_set[p] = true;
        if (ps[2] > 0.88f || (double)s[2] > 1.2 * speed) {
            g->state = 0;
            g->moving = p;
        }
    }
    for (int k = 0; k < 2; k++) {
        double h = hip_set[k] && hip[k] != 0 ? 0.9 * (hip[k] - (double)s[4 + 5 * k]) - 0.25 * (double)s[5 + 5 * k] : 0;
        double n = knee_set[k] && knee[k] != 0 ? 4 * (knee[k] - (double)s[6 + 5 * k]) - 0.25 * (double)s[7 + 5 * k] : 0;
        h -= 0.9 * (0 - (double)s[0]) - 1.5 * (double)s[1];
        n -= 15 * (double)s[3];
        action[2 * k] = (float)within(0.5 * h, 1);
        action[2 * k + 1] = (float)within(0.5 * n, 1);
    }
}

static void land(const float *s, int32_t *index, float *action)
{
    double target = within(0.5 * (double)s[0] + (double)s[2], 0.4);
    double turn = 0.5 * (target - (double)s[4]) - (double)s[5];
    double climb = 0.5 * (0.55 * fabs((double)s[0]) - (double)s[1]) - 0.5 * (double)s[3];
    if (s[6] != 0 || s[7] != 0) {
        turn = 0;
        climb = -0.5 * (double)s[3];
    }
    if (index) *index = climb > fabs(turn) && climb > 0.05 ? 2 : turn < -0.05 ? 3 : turn > 0.05 ? 1 : 0;
    else {
        action[0] = (float)within(20 * climb - 1, 1);
        action[1] = (float)within(-20 * turn, 1);
    }
}

/* ---- episodes ---- */

struct run { mb_vec *v; struct gait gait[ENVS]; mb_rng rng; bool walker, heuristic; };

static bool act(struct run *r, mb_error *err)
{
    mb_vec_view *w = mb_vec_view_of(r->v);
    const int n = mb_vec_shape(r->v)->obs.field[0].n;
    for (int i = 0; i < w->nenvs; i++) {
        const float *obs = (const float *)w->obs[0] + i * n;
        float *value = w->value + i * w->nvalue;
        if (w->start[i]) r->gait[i] = (struct gait){ 0, 0, 0.1 };
        if (!r->heuristic) {
            if (w->nindex) w->index[i] = mb_below(&r->rng, 4);
            for (int k = 0; k < w->nvalue; k++) value[k] = mb_uniform(&r->rng, -1, 1);
        } else if (r->walker) walk(&r->gait[i], obs, value);
        else land(obs, w->nindex ? w->index + i : NULL, value);
    }
    return mb_vec_step(r->v, err);
}

static bool make_run(struct run *r, mb_scope *s, const char *name, bool heuristic, mb_error *err)
{
    const mb_env_def *def = mb_env_find(name, err);
    memset(r, 0, sizeof *r);
    r->v = def ? mb_vec_new(s, "train", def, NULL, ENVS, err) : NULL;
    r->rng = mb_rng_make(9, "actions", 0);
    r->walker = strstr(name, "walker") != NULL;
    r->heuristic = heuristic;
    return r->v && mb_vec_reset(r->v, err);
}

/* The same number of episodes from every instance; a walker's count after LONG steps. */
static int play(struct run *r, int episodes, double *ret, double *length, mb_error *err)
{
    const mb_vec_view *w = mb_vec_view_of(r->v);
    double sum[ENVS] = { 0 };
    int n = 0, steps[ENVS] = { 0 }, done[ENVS] = { 0 };
    while (n < episodes) {
        if (!act(r, err)) return 0;
        for (int i = 0; i < ENVS; i++) {
            bool cut = r->walker && steps[i] >= LONG; /* already counted: wait for its end */
            if (!cut) {
                sum[i] += (double)w->reward[i];
                steps[i]++;
            }
            bool over = w->terminated[i] || w->truncated[i];
            if (!cut && (over || (r->walker && steps[i] == LONG)) && done[i] < episodes / ENVS) {
                ret[n] = sum[i];
                length[n++] = steps[i];
                done[i]++;
            }
            if (over) {
                sum[i] = 0;
                steps[i] = 0;
            }
        }
    }
    return n;
}

static double mean(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += x[i];
    return sum / n;
}

/* Debian's Box2D is newer than Gymnasium's.  Where legs meet the ground (not before: steps without contact agree) it behaves a little
   differently, for a cause that is not proven; the greatest difference measured, of the lander, is a fifth of the spread.  So means may
   differ by a quarter of it beside the error of sampling, and shares of episodes by eight in a hundred. */
static const double newer_mean = 0.25, newer_share = 0.08;

static void compare(const char *name, const char *policy, const char *line)
{
    static const double share[5] = { 0.05, 0.25, 0.5, 0.75, 0.95 };
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
    mb_scope s = { .arena = a, .seed = 17 };
    struct run r;
    double ret[EPISODES], length[EPISODES], m, sd, ml, sdl, q[5];
    const int episodes = strstr(name, "walker") ? WALKS : EPISODES;
    int n;
    CHECK(sscanf(line, "%d %lf %lf %lf %lf %lf %lf %lf %lf %lf", &n, &m, &sd, &ml, &sdl, &q[0], &q[1], &q[2], &q[3], &q[4]) == 10);
    CHECK(make_run(&r, &s, name, strcmp(policy, "heuristic") == 0, &err) && play(&r, episodes, ret, length, &err) == episodes);
    double both = sqrt(1.0 / n + 1.0 / episodes);
    CHECK_NEAR(mean(ret, episodes), m, sd * (4 * both + newer_mean));
    CHECK_NEAR(mean(length, episodes), ml, sdl * (4 * both + newer_mean) + 1e-9);
    for (int k = 0; k < 5; k++) {
        int below = 0;
        for (int i = 0; i < episodes; i++) below += ret[i] <= q[k];
        CHECK_NEAR((double)below / episodes, share[k], 4 * sqrt(share[k] * (1 - share[k])) * both + newer_share);
    }
    if (mb__checks_failed || getenv("BOX2D_TABLE"))
        printf("     %s %s: %d %g %g\n", name, policy, episodes, mean(ret, episodes), mean(length, episodes));
    mb_vec_close(r.v);
    mb_arena_free(a);
}

TEST(returns_are_distributed_as_in_gymnasium)
{
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 20, &err);
    char *text, name[32], policy[16];
    size_t size;
    int lines = 0, used;
    CHECK(mb_file_read("tests/reference/data/box2d.txt", a, &text, &size, &err));
    if (mb__checks_failed) return;
    for (char *at = text; *at && sscanf(at, "%31s %15s %n", name, policy, &used) == 2; lines++) {
        compare(name, policy, at + used);
        at += strcspn(at, "\n");
        at += *at != 0;
    }
    CHECK(lines >= 6);
    mb_arena_free(a);
}

/* ---- histories ---- */

static const char *const names[] = { "lunarlander", "lunarlander-continuous", "bipedalwalker", "bipedalwalker-hardcore" };

TEST(saved_instances_continue)
{
    for (int e = 0; e < 4; e++) {
        mb_error err = { 0 };
        mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
        mb_scope s = { .arena = a, .seed = 3 };
        struct run r;
        CHECK(make_run(&r, &s, names[e], true, &err));
        if (mb__checks_failed) return;
        const mb_vec_view *w = mb_vec_view_of(r.v);
        size_t n = (size_t)mb_vec_shape(r.v)->obs.field[0].n;
        void *saved = mb_alloc(a, 1, mb_vec_state_bytes(r.v), &err);
        for (int i = 0; i < 40; i++) CHECK(act(&r, &err));
        mb_vec_save(r.v, 0, saved);
        struct run then = r;
        float told[30][BOX2D_OBS];
        for (int i = 0; i < 30; i++) {
            CHECK(act(&r, &err));
            memcpy(told[i], w->obs[0], n * sizeof(float));
        }
        mb_vec_load(r.v, 0, saved); /* back */
        mb_vec_load(r.v, 7, saved); /* and elsewhere */
        then.gait[7] = then.gait[0];
        for (int i = 0; i < 30; i++) {
            CHECK(act(&then, &err));
            CHECK(memcmp(w->obs[0], told[i], n * sizeof(float)) == 0);
            CHECK(memcmp((const float *)w->obs[0] + 7 * n, told[i], n * sizeof(float)) == 0);
        }
        mb_vec_close(r.v);
        mb_arena_free(a);
    }
}

TEST(threads_do_not_show)
{
    mb_error err = { 0 };
    mb_pool *pool = mb_pool_new(4, &err);
    for (int e = 0; e < 4; e++) {
        mb_arena *a = mb_arena_new((size_t)1 << 28, &err);
        mb_scope one = { .arena = a, .seed = 3 }, many = { .arena = a, .seed = 3, .pool = pool };
        struct run r, q;
        CHECK(make_run(&r, &one, names[e], false, &err) && make_run(&q, &many, names[e], false, &err));
        if (mb__checks_failed) return;
        size_t bytes = (size_t)ENVS * (size_t)mb_vec_shape(r.v)->obs.field[0].n * sizeof(float);
        for (int i = 0; i < 60; i++) {
            CHECK(act(&r, &err) && act(&q, &err));
            CHECK(memcmp(mb_vec_view_of(r.v)->obs[0], mb_vec_view_of(q.v)->obs[0], bytes) == 0);
        }
        mb_vec_close(r.v);
        mb_vec_close(q.v);
        mb_arena_free(a);
    }
    mb_pool_free(pool);
}

int main(int argc, char **argv)
{
    static const mb_test tests[] = { T(returns_are_distributed_as_in_gymnasium), T(saved_instances_continue), T(threads_do_not_show) };
    mb_error err = { 0 };
    mb_arena *a = mb_arena_new((size_t)1 << 26, &err);
    mb_scope s = { .arena = a };
    struct run r;
    if (!make_run(&r, &s, "lunarlander", false, &err) && err.code == MB_ERR_UNSUPPORTED) {
        printf("skipped: %s\n0 passed, 0 failed\n", err.what);
        return 0;
    }
    mb_vec_close(r.v);
    mb_arena_free(a);
    return mb_test_main(tests, (int)(sizeof tests / sizeof *tests), argc, argv);
}
