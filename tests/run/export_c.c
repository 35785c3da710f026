/* Exported C files of every body and kind of action against the policy at work: equal bit for bit when built with the flags
   they name, by two compilers without a warning; within 1e-5 under any flags; sampling by the same draws; 8 bits. */
#include "run/export_policies.h"

enum { DECISIONS = 40, WORDS = 64 };

static bool write_c(const mb_netlist *n, const char *path, bool int8, mb_error *err)
{
    mb_export_options o = { .int8 = int8 };
    mb_export_report r = { 0 };
    mb__export x = { .net = n, .options = &o, .report = &r, .settings = run_settings("any", "cartpole"), .arena = scope.arena, .name = "toy" };
    int64_t bytes;
    return mb__export_c(&x, path, &bytes, err);
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
