/* Network bodies: LSTM and GRU against tests/reference/nn.py; every recurrent body acts step by step as it learns on
   sequences; attention looks at its window and its episode only. */
#include "nn/graph_test.h"
#include "reference/data/nn.h"

static mb_tensor *tensor(const mb_params *p, const char *name)
{
    for (int i = 0; i < p->n; i++) {
        const char *found = strrchr(p->t[i]->name, '/');
        if (!strcmp(found ? found + 1 : p->t[i]->name, name)) return p->t[i];
    }
    printf("FAIL no tensor '%s'\n", name);
    exit(1);
}

static void put(const mb_params *p, const char *name, const float *x)
{
    mb_tensor *t = tensor(p, name);
    memcpy(t->data, x, (size_t)t->n * sizeof *x);
}

static void check_cell(const char *model, const float *y, const float *h, const float *c)
{
    mb_graph *g = begin();
    mb_net_options net = { .model = model, .hidden = { 1, { RNN_U } } };
    mb_params *p = mb_params_new(&scope, "net", &err);
    mb_rng rng = mb_rng_make(1, "init", 0);
    mb_body body;
    CHECK(mb_body_init(&body, &scope, p, "b", (mb_body_spec){ .in = RNN_IN, .net = &net }, &rng, &err));
    put(p, c ? "b.lstm.x.w" : "b.gru.x.w", c ? rnn_wx : gru_wx);
    put(p, c ? "b.lstm.x.b" : "b.gru.x.b", rnn_bx);
    put(p, c ? "b.lstm.h" : "b.gru.h.w", c ? rnn_wh : gru_wh);
    if (!c) put(p, "b.gru.h.b", gru_bh);
    float memory[RNN_B * 2 * RNN_U];
    for (int r = 0; r < RNN_B; r++) {
        memcpy(memory + r * body.state, rnn_h0 + r * RNN_U, RNN_U * sizeof(float));
        if (c) memcpy(memory + r * body.state + RNN_U, rnn_c0 + r * RNN_U, RNN_U * sizeof(float));
    }
    mb_var state = given(g, memory, MB_S2(RNN_B, body.state));
    mb_var out = body.def->apply(&body, given(g, rnn_x, MB_S3(RNN_B, RNN_T, RNN_IN)), given(g, rnn_keep, MB_S2(RNN_B, RNN_T)), &state);
    mb_output(out);
    mb_output(state);
    finish(g);
    same(mb_data(out), y, RNN_B * RNN_T * RNN_U, 2e-6);
    for (int r = 0; r < RNN_B; r++) {
        same(mb_data(state) + r * body.state, h + r * RNN_U, RNN_U, 2e-6);
        if (c) same(mb_data(state) + r * body.state + RNN_U, c + r * RNN_U, RNN_U, 2e-6);
    }
}

TEST(lstm_equals_the_reference) { check_cell("lstm", lstm_y, lstm_h, lstm_c); }
TEST(gru_equals_the_reference) { check_cell("gru", gru_y, gru_h, NULL); }

/* ---- sequences and single steps ---- */

enum { B = 3, STEPS = 14, IN = 4, OUT = 8, WINDOW = 5 };

struct sequence { float x[B * STEPS * IN], keep[B * STEPS]; };

static struct sequence sequence(void)
{
    struct sequence s;
    mb_rng rng = mb_rng_make(1, "sequence", 0);
    for (int i = 0; i < B * STEPS * IN; i++) s.x[i] = mb_normal(&rng);
    for (int i = 0; i < B * STEPS; i++) s.keep[i] = i % STEPS != 0 && mb_below(&rng, 6) ? 1 : 0;
    return s;
}

static mb_body new_body(const char *model, mb_params **p, const mb_net_options *net)
{
    mb_body body;
    mb_rng rng = mb_rng_make(1, "init", 0);
    *p = mb_params_new(&scope, "net", &err);
    if (!mb_body_init(&body, &scope, *p, "b", (mb_body_spec){ .in = IN, .net = net }, &rng, &err)) printf("FAIL %s\n", err.what), exit(1);
    for (int i = 0; i < (*p)->n; i++) /* nothing stays at a special value */
        for (int64_t k = 0; k < (*p)->t[i]->n; k++) (*p)->t[i]->data[k] += 0.3f * mb_normal(&rng);
    return body;
}

static mb_net_options net_of(const char *model)
{
    return (mb_net_options){ .model = model, .hidden = { 2, { OUT, OUT } }, .window = WINDOW, .heads = 2 };
}

/* outputs [B, STEPS, OUT] of the whole sequence, in pieces of `piece` steps with the memory handed on */
static void run(const char *model, const struct sequence *s, int piece, float *y)
{
    mb_graph *g = begin();
    mb_net_options net = net_of(model);
    mb_params *p;
    mb_body body = new_body(model, &p, &net);
    mb_var x = mb_input(g, "x", MB_F32, MB_S3(B, piece, IN)), keep = mb_input(g, "keep", MB_F32, MB_S2(B, piece));
    mb_var memory = mb_input(g, "memory", MB_F32, MB_S2(B, body.state)), state = memory;
    mb_var out = body.def->apply(&body, x, keep, &state);
    mb_output(out);
    mb_output(state);
    mb_plan *plan = finish(g);
    for (int i = 0; i < B * body.state; i++) mb_data(memory)[i] = 9; /* of a former episode: must not show */
    for (int t = 0; t < STEPS; t += piece) {
        for (int b = 0; b < B; b++) {
            memcpy(mb_data(x) + b * piece * IN, s->x + (b * STEPS + t) * IN, (size_t)(piece * IN) * sizeof(float));
            memcpy(mb_data(keep) + b * piece, s->keep + b * STEPS + t, (size_t)piece * sizeof(float));
        }
        mb_exec(plan);
        for (int b = 0; b < B; b++)
            memcpy(y + (b * STEPS + t) * OUT, mb_data(out) + b * piece * OUT, (size_t)(piece * OUT) * sizeof(float));
        memcpy(mb_data(memory), mb_data(state), (size_t)(B * body.state) * sizeof(float));
    }
}

TEST(acting_step_by_step_is_learning_on_sequences)
{
    const char *const models[] = { "lstm", "gru", "attention" };
    struct sequence s = sequence();
    for (int m = 0; m < 3; m++) {
        static float whole[B * STEPS * OUT], steps[B * STEPS * OUT], halves[B * STEPS * OUT];
        run(models[m], &s, STEPS, whole);
        run(models[m], &s, 1, steps);
        run(models[m], &s, STEPS / 2, halves);
        same(steps, whole, B * STEPS * OUT, 1e-5);
        same(halves, whole, B * STEPS * OUT, 1e-5);
    }
}

/* Which observations the output of step t depends on: for attention exactly its window within its episode. */
TEST(attention_sees_its_window_and_its_episode)
{
    static float base[B * STEPS * OUT], changed[B * STEPS * OUT];
    struct sequence s = sequence();
    run("attention", &s, STEPS, base);
    for (int j = 0; j < STEPS; j++) {
        struct sequence other = s;
        for (int b = 0; b < B; b++) other.x[(b * STEPS + j) * IN] += 1;
        run("attention", &other, STEPS, changed);
        for (int b = 0; b < B; b++)
            for (int t = 0; t < STEPS; t++) {
                bool seen = t >= j && t < j + WINDOW, differs = false;
                for (int u = j + 1; u <= t; u++) seen = seen && s.keep[b * STEPS + u] > 0;
                for (int i = 0; i < OUT; i++)
                    differs = differs || fabsf(base[(b * STEPS + t) * OUT + i] - changed[(b * STEPS + t) * OUT + i]) > 1e-6f;
                CHECK(differs == seen);
            }
    }
}

/* d sum(y * weights) / d parameter against central differences, with memory from an earlier piece */
TEST(attention_has_the_gradient_of_what_it_computes)
{
    mb_graph *g = begin();
    mb_net_options net = net_of("attention");
    mb_params *p;
    mb_body body = new_body("attention", &p, &net);
    struct sequence s = sequence();
    mb_rng rng = mb_rng_make(2, "weights", 0);
    float weights[B * STEPS * OUT], memory[B * (WINDOW - 1) * (IN + 1)];
    for (int i = 0; i < B * STEPS * OUT; i++) weights[i] = mb_normal(&rng);
    for (int i = 0; i < B * (WINDOW - 1) * (IN + 1); i++) memory[i] = i % (IN + 1) == IN ? 1 : mb_normal(&rng);
    for (int b = 0; b < B; b++) s.keep[b * STEPS] = 1;
    mb_var state = given(g, memory, MB_S2(B, body.state)), wrt[MB_MAX_TENSORS], d[MB_MAX_TENSORS];
    mb_var y = body.def->apply(&body, given(g, s.x, MB_S3(B, STEPS, IN)), given(g, s.keep, MB_S2(B, STEPS)), &state);
    mb_var loss = mb_sum(mb_mul(y, given(g, weights, MB_S3(B, STEPS, OUT))));
    for (int i = 0; i < p->n; i++) wrt[i] = mb_param(g, p->t[i]);
    CHECK(mb_grad(loss, wrt, p->n, d));
    for (int i = 0; i < p->n; i++) mb_output(d[i]);
    mb_output(loss);
    mb_plan *plan = finish(g);
    for (int i = 0; i < p->n; i++) {
        int64_t n = p->t[i]->n, stride = n / 5 + 1;
        static float grad[1024];
        mb_exec(plan);
        memcpy(grad, mb_data(d[i]), (size_t)n * sizeof(float));
        for (int64_t k = 0; k < n; k += stride) {
            float *w = &p->t[i]->data[k], w0 = *w, h = 4e-3f;
            *w = w0 + h;
            mb_exec(plan);
            double up = (double)mb_get(loss);
            *w = w0 - h;
            mb_exec(plan);
            double slope = (up - (double)mb_get(loss)) / (2 * (double)h);
            *w = w0;
            CHECK_NEAR(grad[k], slope, 2e-2 + 1e-2 * fabs(slope));
        }
    }
}

TEST(impossible_networks_are_refused)
{
    const struct { const char *model; mb_list hidden; int heads; const char *says; } cases[] = {
        { "attention", { 1, { 10 } }, 4, "width of 10 does not divide into 4 heads" },
        { "attention", { 0, { 0 } }, 1, "needs at least one hidden size" },
        { "lstm", { 0, { 0 } }, 1, "needs at least one hidden size" },
        { "gru", { 0, { 0 } }, 1, "needs at least one hidden size" },
        { "cnn", { 1, { 8 } }, 1, "needs an image" },
        { "lstn", { 1, { 8 } }, 1, "did you mean 'lstm'?" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        mb_net_options net = { .model = cases[i].model, .hidden = cases[i].hidden, .heads = cases[i].heads, .window = 4 };
        mb_params *p = mb_params_new(&scope, "net", &err);
        mb_rng rng = mb_rng_make(1, "init", 0);
        mb_body body;
        CHECK(!mb_body_init(&body, &scope, p, "b", (mb_body_spec){ .in = IN, .net = &net }, &rng, &err));
        CHECK_ERROR(err, cases[i].says);
    }
}

MB_TESTS(T(lstm_equals_the_reference), T(gru_equals_the_reference), T(acting_step_by_step_is_learning_on_sequences),
         T(attention_sees_its_window_and_its_episode), T(attention_has_the_gradient_of_what_it_computes), T(impossible_networks_are_refused))
