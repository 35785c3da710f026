/* Objectives of language-model training against tests/reference/objectives.py: losses, advantages, derivatives, in double
   precision; the same graph compiled in float; and any split of a batch against the whole. */
#include "matchbox/objective.h"
#include "nn/graph_test.h"
#include "reference/data/objectives.h"

enum { CELLS = OBJ_N * OBJ_L };
static const double TOL = 1e-7; /* bounds and weights of a graph are floats: 0.2f differs from 0.2 by 3e-9 */

struct bench {
    mb_sequences x;
    mb_objective o;
    mb_objective_weights w;
    double cells[5][CELLS], mask[CELLS], teacher[CELLS];
    mb_objective_inputs in;
    mb_value64 given[9];
};
static struct bench b;

static void set_fields(mb_objective *o, const char *fields)
{
    char text[256], *at, *rest;
    snprintf(text, sizeof text, "%s", fields);
    for (at = strtok_r(text, " ", &rest); at; at = strtok_r(NULL, " ", &rest)) {
        char *equals = strchr(at, '=');
        *equals = 0;
        CHECK(mb_options_set("objective", mb_objective_rows(), o, at, equals + 1, &err));
    }
}

static void choose(mb_objective *o, const struct obj_case *c)
{
    mb_objective_default(o);
    if (*c->preset) CHECK(mb_objective_preset(o, c->preset, *c->convention ? c->convention : NULL, &err));
    set_fields(o, c->fields);
}

static void load(const struct obj_case *c)
{
    begin();
    b.x = (mb_sequences){ .n = OBJ_N, .longest = OBJ_L, .group = obj_group, .reward = obj_reward, .logp = obj_logp, .old_logp = obj_old,
                          .ref_logp = obj_ref, .mask = obj_mask, .teacher = c->teacher ? obj_teacher : NULL, .truncated = obj_truncated,
                          .value = obj_value, .entropy = obj_entropy, .turns = 2, .turn_reward = obj_turn_reward, .turn = obj_turn };
    choose(&b.o, c);
    b.w = (mb_objective_weights){ b.cells[0], b.cells[1], b.cells[2], b.cells[3], b.cells[4], false, 0 };
    CHECK(mb_objective_prepare(&b.o, &b.x, &b.w, scope.arena, &err));
}

/* The loss over rows first .. first + n - 1 as a graph, its inputs' values in b.given. */
static mb_var build(mb_graph *g, const struct obj_case *c, int first, int n, mb_var *derivative)
{
    mb_shape s = MB_S2(n, OBJ_L);
    const double *arrays[] = { obj_logp, obj_old, obj_ref, b.mask, b.w.adv, b.w.weight, b.w.gain, b.w.kl, b.teacher };
    mb_var v[9];
    for (int i = 0; i < CELLS; i++) b.mask[i] = obj_mask[i], b.teacher[i] = obj_teacher[i];
    for (int k = 0; k < 9; k++) {
        v[k] = mb_input(g, "x", MB_F32, s);
        b.given[k] = (mb_value64){ v[k], (double *)(uintptr_t)arrays[k] + first * OBJ_L };
    }
    b.in = (mb_objective_inputs){ v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7], c->teacher ? v[8] : (mb_var){ g, -1 } };
    mb_objective_terms t = mb_objective_loss(&b.o, &b.in);
    CHECK(mb_grad(t.loss, &b.in.logp, 1, derivative));
    return t.loss;
}

TEST(sequences)
{
    for (size_t k = 0; k < sizeof obj_cases / sizeof obj_cases[0]; k++) {
        const struct obj_case *c = &obj_cases[k];
        int before = mb__checks_failed;
        load(c);
        mb_graph *g = mb_graph_new(&scope, c->name, &err);
        double loss, grad[CELLS];
        mb_var d, l = build(g, c, 0, OBJ_N, &d);
        CHECK(mb_eval64(g, b.given, 9, (mb_value64[]){ { l, &loss }, { d, grad } }, 2, scope.arena, &err));
        CHECK_NEAR(loss, c->loss, TOL * (1 + fabs(c->loss)));
        for (int i = 0; i < CELLS; i++) {
            CHECK_NEAR(grad[i], c->grad[i], TOL * (1 + fabs(c->grad[i])));
            if (obj_mask[i] && b.w.weight[i] > 0 && strstr(c->name, "sft") == NULL) CHECK_NEAR(b.w.adv[i], c->adv[i], 1e-12 * (1 + fabs(c->adv[i])));
        }
        if (mb__checks_failed != before) printf("FAIL in case %s\n", c->name);
    }
}

/* What training runs: the plan in float. */
TEST(compiled)
{
    for (size_t k = 0; k < sizeof obj_cases / sizeof obj_cases[0]; k++) {
        const struct obj_case *c = &obj_cases[k];
        load(c);
        mb_graph *g = mb_graph_new(&scope, c->name, &err);
        mb_var d, l = build(g, c, 0, OBJ_N, &d);
        mb_output(l);
        mb_output(d);
        mb_plan *p = mb_compile(g, &err);
        CHECK(p != NULL);
        if (!p) continue;
        for (int v = 0; v < 9; v++)
            for (int i = 0; i < CELLS; i++) mb_data(b.given[v].var)[i] = (float)b.given[v].data[i];
        mb_exec(p);
        CHECK_NEAR(mb_get(l), c->loss, 3e-5 * (1 + fabs(c->loss)));
        for (int i = 0; i < CELLS; i++) CHECK_NEAR(mb_data(d)[i], c->grad[i], 3e-5 * (1 + fabs(c->grad[i])));
    }
}

/* The denominators are the whole batch's: losses of parts add up to it, gradients are its rows. */
TEST(any_split_is_the_whole)
{
    for (size_t k = 0; k < sizeof obj_cases / sizeof obj_cases[0]; k++) {
        const struct obj_case *c = &obj_cases[k];
        load(c);
        static const int cuts[] = { 0, 1, 4, 9, OBJ_N };
        double sum = 0;
        for (int part = 0; part < 4; part++) {
            int first = cuts[part], n = cuts[part + 1] - first;
            mb_graph *g = mb_graph_new(&scope, c->name, &err);
            double loss, grad[CELLS];
            mb_var d, l = build(g, c, first, n, &d);
            CHECK(mb_eval64(g, b.given, 9, (mb_value64[]){ { l, &loss }, { d, grad } }, 2, scope.arena, &err));
            sum += loss;
            for (int i = 0; i < n * OBJ_L; i++) CHECK_NEAR(grad[i], c->grad[first * OBJ_L + i], TOL * (1 + fabs(c->grad[first * OBJ_L + i])));
        }
        CHECK_NEAR(sum, c->loss, TOL * (1 + fabs(c->loss)));
    }
}

static mb_var pair_input(mb_graph *g, mb_value64 *given, const double *x)
{
    mb_var v = mb_input(g, "pair", MB_F32, MB_S1(OBJ_P));
    *given = (mb_value64){ v, (double *)(uintptr_t)x };
    return v;
}

TEST(pairs)
{
    for (size_t k = 0; k < sizeof pair_cases / sizeof pair_cases[0]; k++) {
        const struct obj_case *c = &pair_cases[k];
        mb_graph *g = begin();
        mb_objective o;
        choose(&o, c);
        CHECK(mb_objective_check(&o, &err) && mb_objective_pairs(&o));
        mb_value64 in[6];
        mb_pair_inputs x = { pair_input(g, &in[0], pair_chosen),   pair_input(g, &in[1], pair_chosen_ref),   pair_input(g, &in[2], pair_chosen_n),
                             pair_input(g, &in[3], pair_rejected), pair_input(g, &in[4], pair_rejected_ref), pair_input(g, &in[5], pair_rejected_n) };
        mb_var wrt[] = { x.chosen, x.rejected }, d[2], l = mb_preference_loss(&o, &x);
        double loss, dc[OBJ_P], dr[OBJ_P];
        CHECK(mb_grad(l, wrt, 2, d));
        CHECK(mb_eval64(g, in, 6, (mb_value64[]){ { l, &loss }, { d[0], dc }, { d[1], dr } }, 3, scope.arena, &err));
        CHECK_NEAR(loss, c->loss, TOL * (1 + fabs(c->loss)));
        for (int i = 0; i < OBJ_P; i++) {
            CHECK_NEAR(dc[i], c->adv[i], TOL * (1 + fabs(c->adv[i])));
            CHECK_NEAR(dr[i], c->grad[i], TOL * (1 + fabs(c->grad[i])));
        }
    }
}

TEST(kto)
{
    mb_graph *g = begin();
    mb_objective o;
    CHECK(mb_objective_preset(&o, "kto", NULL, &err));
    o.weight_undesirable = 1.5;
    mb_value64 in[4];
    mb_var logp = pair_input(g, &in[0], pair_chosen), ref = pair_input(g, &in[1], pair_chosen_ref), good = pair_input(g, &in[2], kto_desirable);
    mb_var z0 = mb_input(g, "z0", MB_F32, MB_S0()), d, l = mb_kto_loss(&o, logp, ref, good, z0);
    double z = kto_z0, loss, grad[OBJ_P];
    in[3] = (mb_value64){ z0, &z };
    CHECK(mb_grad(l, &logp, 1, &d));
    CHECK(mb_eval64(g, in, 4, (mb_value64[]){ { l, &loss }, { d, grad } }, 2, scope.arena, &err));
    CHECK_NEAR(loss, kto_loss, TOL);
    for (int i = 0; i < OBJ_P; i++) CHECK_NEAR(grad[i], kto_grad[i], TOL);
}

TEST(every_preset_in_every_convention_is_sound)
{
    static const char *const conventions[] = { NULL, "paper", "trl", "verl", "openrlhf", "open-instruct" };
    const char *name, *source;
    int n = 0;
    for (int i = 0; (name = mb_objective_preset_at(i, &source)); i++, n++)
        for (int k = 0; k < 6; k++) {
            mb_objective o;
            err = (mb_error){ 0 };
            CHECK(mb_objective_preset(&o, name, conventions[k], &err) && mb_objective_check(&o, &err));
        }
    CHECK(n >= 25);
}

TEST(errors)
{
    mb_objective o;
    err = (mb_error){ 0 };
    CHECK(!mb_objective_preset(&o, "gropo", NULL, &err));
    CHECK_ERROR(err, "no preset is called 'gropo'");
    err = (mb_error){ 0 };
    CHECK(!mb_objective_preset(&o, "grpo", "trll", &err));
    CHECK_ERROR(err, "no convention is called 'trll'");
    mb_objective_default(&o);
    o.denominator = MB_DEN_CONSTANT;
    err = (mb_error){ 0 };
    CHECK(!mb_objective_check(&o, &err));
    CHECK_ERROR(err, "needs 'constant'");
    load(&obj_cases[0]);
    b.x.ref_logp = NULL;
    b.o.kl = MB_KL_3;
    b.o.beta = 0.1;
    CHECK(!mb_objective_prepare(&b.o, &b.x, &b.w, scope.arena, &err));
    CHECK_ERROR(err, "lack ref_logp");
}

MB_TESTS(T(sequences), T(compiled), T(any_split_is_the_whole), T(pairs), T(kto), T(every_preset_in_every_convention_is_sound), T(errors))
