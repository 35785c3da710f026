/* Exported C files of every body and kind of action against the policy at work: equal bit for bit when built with the flags
   they name, by two compilers without a warning; within 1e-5 under any flags; sampling by the same draws; 8 bits. */
#include "run/export_test.h"

enum { ROWS = 4, DECISIONS = 40, WORDS = 64 };

static mb_scope scope;

/* a grid, a number and two choices in; two choices and two numbers out, one of the choices masked */
static mb_env_shape mixed_shape(void)
{
    static const float lows[] = { -0.05f, -INFINITY }, highs[] = { 0.05f, 0.02f };
    mb_env_shape s = { .obs = MB_FIELDS(4, MB_F_DISCRETE("new", 3), MB_F_BOX("speed", 3, -2, 2), MB_F_IMAGE("view", 6, 5, 2), MB_F_DISCRETE("3rd kind", 2)),
                       .act = MB_FIELDS(3, MB_F_DISCRETE("move", 5), MB_F_BOXES("aim", 2, lows, highs), MB_F_DISCRETE("fire", 2)),
                       .nagents = 1, .masked = true };
    return s;
}

struct input { int32_t a[ROWS], b[ROWS]; float speed[ROWS * 3]; uint8_t view[ROWS * 60], mask[ROWS * 7], start[ROWS]; };

static void look(struct input *in, mb_rng *rng, bool first)
{
    for (int r = 0; r < ROWS; r++) {
        in->a[r] = mb_below(rng, 3), in->b[r] = mb_below(rng, 2);
        for (int i = 0; i < 3; i++) in->speed[r * 3 + i] = 2 * mb_normal(rng);
        for (int i = 0; i < 60; i++) in->view[r * 60 + i] = (uint8_t)mb_below(rng, 256);
        for (int i = 0; i < 7; i++) in->mask[r * 7 + i] = i == 2 || i == 5 || mb_below(rng, 3) > 0;
        in->start[r] = first || mb_below(rng, 9) == 0;
    }
}

/* A policy none of whose numbers is special. */
static mb_policy *new_policy(mb_net_options net, bool normalize, mb_error *err)
{
    run_begin();
    mb_arena_free(scope.arena);
    scope = (mb_scope){ .arena = mb_arena_new((size_t)1 << 32, err), .seed = 3 };
    mb_env_shape shape = mixed_shape();
    mb_policy *p = mb_policy_new(&scope, "net", &shape, &net, -1, normalize, err);
    if (!p) printf("FAIL %s\n", err->what), exit(1);
    mb_rng rng = mb_rng_make(5, "weights", 0);
    for (int i = 0; i < p->params->n; i++)
        for (int64_t k = 0; k < p->params->t[i]->n; k++) p->params->t[i]->data[k] += 0.1f * mb_normal(&rng);
    for (int i = 0; normalize && i < p->features; i++) p->obs_mean->data[i] = 0.3f * mb_normal(&rng), p->obs_scale->data[i] = 0.5f + mb_uniform(&rng, 0, 2);
    return p;
}

static bool write_c(const mb_netlist *n, const char *path, bool int8, mb_error *err)
{
    mb_export_options o = { .int8 = int8 };
    mb_export_report r = { 0 };
    mb__export x = { .net = n, .options = &o, .report = &r, .settings = run_settings("any", "cartpole"), .arena = scope.arena, .name = "toy" };
    int64_t bytes;
    return mb__export_c(&x, path, &bytes, err);
}

static void fields(const struct input *in, int row, const void *obs[])
{
    obs[0] = in->a + row, obs[1] = in->speed + row * 3, obs[2] = in->view + row * 60, obs[3] = in->b + row;
}

/* the library's continuous actions as the environment gets them */
static void clip(float *v)
{
    v[0] = v[0] < -0.05f ? -0.05f : v[0] > 0.05f ? 0.05f : v[0];
    v[1] = v[1] > 0.02f ? 0.02f : v[1];
}

static void same_actions(const struct exported *e, const mb_policy *p, const mb_netlist *n, mb_error *err)
{
    mb_agent *agent = mb_agent_new(p, "agent", ROWS, err);
    static float memory[ROWS][8192], exact[8192];
    int32_t index[ROWS * 2], got[2];
    float act[ROWS * 2], value[2], draw[4], out[WORDS];
    struct input in;
    mb_rng rng = mb_rng_make(9, "inputs", 0);
    mb_net_machine *machine = mb_net_machine_new(n, false, scope.arena, err);
    int wrong = 0, sampled_wrong = 0;
    for (int t = 0; t < DECISIONS; t++) {
        look(&in, &rng, t == 0);
        mb_agent_act(agent, (void *[]){ in.a, in.speed, in.view, in.b }, in.mask, in.start, 1, true, (mb_agent_out){ index, act, NULL, NULL });
        for (int r = 0; r < ROWS; r++) {
            const void *obs[4];
            fields(&in, r, obs);
            if (in.start[r]) memset(memory[r], 0, sizeof memory[r]);
            for (int i = 0; i < 4; i++) draw[i] = i < 2 ? mb_uniform(&rng, 0, 1) : mb_normal(&rng);
            memcpy(exact, memory[r], sizeof exact);
            mb_net_result m = mb_net_decide(machine, obs, in.mask + r * 7, exact);
            memcpy(exact, memory[r], sizeof exact);
            e->act(obs, in.mask + r * 7, exact, draw, got, value);
            float drawn[2] = { mb_fmaf(mb_expf(p->log_std->data[0]), draw[2], m.mean[0]), mb_fmaf(mb_expf(p->log_std->data[1]), draw[3], m.mean[1]) };
            clip(drawn);
            sampled_wrong += got[0] != mb_net_pick(m.logp[0], 5, draw[0]) || got[1] != mb_net_pick(m.logp[1], 2, draw[1]) || memcmp(drawn, value, sizeof drawn);
            memcpy(exact, memory[r], sizeof exact);
            e->network(obs, in.mask + r * 7, exact, out);
            wrong += memcmp(out, m.logp[0], 5 * sizeof(float)) || memcmp(out + 5, m.logp[1], 2 * sizeof(float)) || memcmp(out + 7, m.mean, 2 * sizeof(float));
            e->act(obs, in.mask + r * 7, memory[r], NULL, got, value);
            clip(act + 2 * r);
            wrong += got[0] != index[2 * r] || got[1] != index[2 * r + 1] || memcmp(value, act + 2 * r, sizeof value);
        }
    }
    CHECK(wrong == 0);
    CHECK(sampled_wrong == 0);
}

/* largest difference of outputs from the same memory */
static double largest_gap(const struct exported *e, const mb_netlist *n, bool int8, mb_error *err)
{
    static float memory[8192], copy[8192];
    mb_net_machine *machine = mb_net_machine_new(n, int8, scope.arena, err);
    struct input in;
    mb_rng rng = mb_rng_make(9, "inputs", 0);
    float out[WORDS];
    double worst = 0;
    for (int t = 0; t < DECISIONS * 4; t++) {
        const void *obs[4];
        look(&in, &rng, t == 0);
        fields(&in, 0, obs);
        if (in.start[0]) memset(memory, 0, sizeof memory);
        memcpy(copy, memory, sizeof copy);
        e->network(obs, in.mask, copy, out);
        mb_net_result m = mb_net_decide(machine, obs, in.mask, memory);
        for (int i = 0; i < 9; i++) {
            float want = i < 5 ? m.logp[0][i] : i < 7 ? m.logp[1][i - 5] : m.mean[i - 7];
            double scale = 1 + fabs((double)want), gap = fabs((double)out[i] - (double)want) / scale;
            if (!(gap <= worst)) worst = gap;
        }
    }
    return worst;
}

static void check_body(const char *name, mb_net_options net, bool normalize)
{
    static const char *const loose[] = { "-Ofast -w", "-Ofast -DTOY_FAST" };
    mb_error err = { 0 };
    mb_netlist n;
    mb_policy *p = new_policy(net, normalize, &err);
    char c[256], c8[256];
    snprintf(c, sizeof c, "%s/%s.c", run_root, name);
    snprintf(c8, sizeof c8, "%s/%s8.c", run_root, name);
    if (!mb_policy_netlist(p, &n, &err) || !write_c(&n, c, false, &err) || !write_c(&n, c8, true, &err)) {
        mb__checks_failed++;
        printf("FAIL %s: %s\n", name, err.what);
        return;
    }
    struct exported e = load_exported(c, "toy", &n, "gcc", STRICT);
    CHECK(e.memory == (size_t)mb_net_memory(&n) * sizeof(float) && e.output == 9 * sizeof(float));
    same_actions(&e, p, &n, &err);
    if (compiler_there("clang")) {
        e = load_exported(c, "toy", &n, "clang", STRICT);
        same_actions(&e, p, &n, &err);
    }
    for (size_t i = 0; i < sizeof loose / sizeof *loose; i++) {
        e = load_exported(c, "toy", &n, i == 0 && compiler_there("clang") ? "clang" : "gcc", loose[i]);
        CHECK_NEAR(largest_gap(&e, &n, false, &err), 0, 1e-5);
    }
    e = load_exported(c8, "toy", &n, "gcc", STRICT);
    CHECK(largest_gap(&e, &n, true, &err) == 0); /* what the exporter measured is what runs */
    double gap = largest_gap(&e, &n, false, &err);
    CHECK(gap > 0 && gap < 0.15);
}

#define NET(...) (mb_net_options) { .channels = { 2, { 5, 3 } }, .kernel = 2, .stride = 1, .window = 5, .heads = 2, __VA_ARGS__ }
TEST(mlp) { check_body("mlp", NET(.model = "mlp", .hidden = { 2, { 24, 17 } }, .activation = MB_TANH), false); }
TEST(mlp_normalized) { check_body("mlpn", NET(.model = "mlp", .hidden = { 2, { 24, 17 } }, .activation = MB_GELU, .shared = true), true); }
TEST(cnn) { check_body("cnn", NET(.model = "cnn", .hidden = { 1, { 20 } }, .activation = MB_RELU), true); }
TEST(lstm) { check_body("lstm", NET(.model = "lstm", .hidden = { 2, { 16, 12 } }, .activation = MB_SILU), true); }
TEST(gru) { check_body("gru", NET(.model = "gru", .hidden = { 1, { 12 } }, .shared = true), false); }
TEST(attention) { check_body("attention", NET(.model = "attention", .hidden = { 2, { 12, 10 } }, .activation = MB_SIGMOID), false); }

TEST(unknown_bodies_are_named)
{
    mb_error err = { 0 };
    mb_netlist n;
    mb_policy *p = new_policy(NET(.model = "mlp", .hidden = { 1, { 4 } }), false, &err);
    mb_model_def other = *p->pi.def;
    other.name = "oracle";
    other.list = NULL;
    p->pi.def = &other;
    CHECK(!mb_policy_netlist(p, &n, &err) && err.code == MB_ERR_UNSUPPORTED);
    CHECK_ERROR(err, "'oracle' cannot be exported");
    CHECK_ERROR(err, "attention, cnn, gru, lstm, mlp");
}

MB_TESTS(T(mlp), T(mlp_normalized), T(cnn), T(lstm), T(gru), T(attention), T(unknown_bodies_are_named))
