/* Every shipped preset, briefly trained, exported to C, and the C file as the policy in evaluation: the same rewards at every
   step, so the same returns.  Tables of action values as well. */
#include "run/export_test.h"
#include "run/impl.h"

enum { EPISODES = 4, FLOATS = 4096, STEPS = 300 }; /* steps: of episodes that are longer, their beginning */

struct contest {
    mb_player *library, *exported;
    struct exported e;
    const mb_netlist *net;
    float *memory; /* [rows][FLOATS] */
};

/* The exported file chooses for every row. */
static void choose(struct contest *c)
{
    mb_vec_view *v = mb_vec_view_of(mb_player_vec(c->exported));
    for (int row = 0; row < v->rows; row++) {
        const void *obs[MB_MAX_FIELDS];
        float *memory = c->memory + (size_t)row * FLOATS;
        for (int f = 0; f < v->nfields; f++) obs[f] = (char *)v->obs[f] + (size_t)row * mb_field_bytes(&c->net->shape.obs.field[f]);
        if (v->start[row / v->nagents]) memset(memory, 0, c->e.memory);
        c->e.act(obs, v->mask ? v->mask + row * v->nmask : NULL, memory, NULL, v->index + row * v->nindex, v->value + row * v->nvalue);
    }
}

/* One episode in every environment, both sides by side; the mean return, NaN when not all came to their end. */
static bool play_both(struct contest *c, double *mean, mb_error *err)
{
    mb_vec_view *a = mb_vec_view_of(mb_player_vec(c->library)), *b = mb_vec_view_of(mb_player_vec(c->exported));
    double sum[EPISODES] = { 0 };
    bool done[EPISODES] = { false };
    if (!mb_vec_reset(mb_player_vec(c->library), err) || !mb_vec_reset(mb_player_vec(c->exported), err)) return false;
    int left = EPISODES;
    for (int t = 1; left > 0 && t <= STEPS; t++) {
        choose(c);
        if (!mb_player_step(c->library, true, err) || !mb_vec_step(mb_player_vec(c->exported), err)) return false;
        if (memcmp(a->reward, b->reward, (size_t)a->rows * sizeof(float)) || memcmp(a->terminated, b->terminated, (size_t)a->nenvs))
            return mb_fail(err, MB_ERR_NUMERIC, "step %d differs", t);
        for (int i = 0; i < EPISODES; i++) {
            if (done[i]) continue;
            sum[i] += (double)b->reward[i * b->nagents];
            done[i] = b->last_length[i] > 0;
            left -= done[i];
        }
    }
    *mean = left ? (double)NAN : 0;
    for (int i = 0; i < EPISODES; i++) *mean += sum[i] / EPISODES;
    return true;
}

static bool check_run(const char *dir, const char *id, mb_error *err)
{
    char c_file[256];
    struct contest c = { .memory = calloc(EPISODES * 8, FLOATS * sizeof(float)) };
    mb_netlist *net = calloc(1, sizeof *net);
    mb_export_report r;
    mb_eval eval;
    double mean = 0;
    snprintf(c_file, sizeof c_file, "%s/%s.c", run_root, id);
    c.library = mb_player_open(dir, EPISODES, MB_SEED_OF_RUN, NULL, err);
    c.exported = mb_player_open(dir, EPISODES, MB_SEED_OF_RUN, NULL, err);
    bool ok = c.library && c.exported && mb_export(c.library, c_file, &(mb_export_options){ .name = id }, &r, err) && mb__netlist_of(c.exported->t, 0, net, err);
    if (ok) {
        c.net = net;
        c.e = load_exported(c_file, id, net, "cc", "-O2 -ffp-contract=off -Wall -Wextra -pedantic");
        ok = play_both(&c, &mean, err) && (isnan(mean) || mb_player_eval(c.library, EPISODES, NULL, &eval, err));
    }
    if (ok && !isnan(mean) && fabs(mean - eval.return_mean) > 1e-9 * (1 + fabs(mean))) ok = mb_fail(err, MB_ERR_NUMERIC, "evaluation gave %g, the file %g", eval.return_mean, mean);
    mb_player_free(c.library);
    mb_player_free(c.exported);
    free(c.memory);
    free(net);
    return ok;
}

/* options: key, value, ..., NULL */
static void check_with(const char *algo, const char *env, const char *const *options)
{
    char id[64], dir[64];
    mb_error err = { 0 };
    mb_summary sum;
    run_begin();
    snprintf(id, sizeof id, "p_%.20s_%.30s", algo, env);
    for (char *c = id; *c; c++)
        if (*c == '-') *c = '_';
    snprintf(dir, sizeof dir, "%s", id);
    mb_settings *s = mb_settings_new(run_memory, algo, env, &err);
    bool ok = s && mb_settings_preset(s, NULL, &err) && mb_settings_set(s, "run", run_file(dir), "test", &err) &&
              mb_settings_set(s, "stop-after", "2000", "test", &err) && mb_settings_set(s, "eval-episodes", "0", "test", &err) &&
              (strcmp(algo, "dqn") != 0 || mb_settings_set(s, "learning-starts", "500", "test", &err));
    for (int i = 0; ok && options && options[i]; i += 2) ok = mb_settings_set(s, options[i], options[i + 1], "test", &err);
    ok = ok && run_all(s, &sum, &err) && check_run(run_file(dir), id, &err);
    if (ok) return;
    mb__checks_failed++;
    printf("FAIL %s on %s: %s\n", algo, env, err.what);
}

static void check_pair(const char *algo, const char *env) { check_with(algo, env, NULL); }

/* every file of presets/ whose algorithm can be exported */
static int check_presets(void)
{
    int n = 0;
    for (int a = 0; mb_algo_at(a); a++) {
        char folder[128];
        struct dirent *e;
        snprintf(folder, sizeof folder, "presets/%s", mb_algo_at(a)->name);
        DIR *d = mb_algo_at(a)->netlist ? opendir(folder) : NULL;
        while (d && (e = readdir(d))) {
            char env[64];
            mb_error quiet = { 0 };
            size_t length = strlen(e->d_name);
            if (length < 6 || strcmp(e->d_name + length - 5, ".yaml") != 0) continue;
            snprintf(env, sizeof env, "%.*s", (int)length - 5, e->d_name);
            if (!mb_env_find(env, &quiet)) continue; /* a preset may have a name of its own */
            check_pair(mb_algo_at(a)->name, env);
            n++;
        }
        if (d) closedir(d);
    }
    return n;
}

TEST(presets) { CHECK(check_presets() >= 25); }

TEST(tables)
{
    check_pair("q-learning", "frozenlake");
    check_pair("value-iteration", "taxi"); /* several fields */
    check_pair("double-q-learning", "cliffwalking");
    check_pair("sarsa", "blackjack");
}

TEST(values)
{
    check_with("dqn", "connect-four", (const char *const[]){ "duelling", "true", "noisy", "true", "total-steps", "3000", NULL }); /* masked */
    /* values of distributions */
    static const char *const brief[] = { "hidden", "16", "total-steps", "1500", "learning-starts", "500", NULL };
    check_with("c51", "cartpole", brief);
    check_with("qr-dqn", "connect-four", brief);
    check_with("hl-gauss", "catch", brief);
    check_with("dqn", "taxi", (const char *const[]){ "hidden", "16", "total-steps", "3000", NULL });
}

MB_TESTS(T(tables), T(values), T(presets))
