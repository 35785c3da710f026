/* Row B64: what md3qn has learned of the joint returns behind the doors.  One seed is trained; then, before the doors, the particles of every door
   are looked at: their correlation (theory: -1, 1, 0, 1) and the means of their sum (theory: 0.99^2 times 1, 1, 1, 1.2 with a passage of 3). */
#include "agent.h"
#include "row.h"
#include "matchbox/value.h"
#include <math.h>

enum { PARTICLES = 16, SOURCES = 2, DOORS = 4, TEXT = 48 };

/* the beginning of md3qn's state */
struct learner { mb_qlearner *learner; };

static const float *look(struct agent *a)
{
    const mb_qnet *q = ((struct learner *)a->self)->learner->online;
    mb_graph *g = mb_graph_new(&a->scope, "look", &a->err);
    if (!g) agent_fail(a);
    mb_obs_input in = mb_obs_inputs(g, &q->shape, 1, 0);
    mb_qnoise noise = mb_qnet_noise(g, q);
    mb_var none = { g, -3 }, x = mb_qnet_values(q, mb_qnet_features(q, &in, &noise, none, NULL), &noise, 0);
    mb_output(x);
    mb_plan *p = mb_compile(g, &a->err);
    if (!p) agent_fail(a);
    ((float *)mb_input_data(in.field[0]))[0] = 1; /* before the doors; nothing was given yet */
    mb_exec(p);
    return mb_data(x);
}

int main(int argc, char **argv)
{
    static struct agent a;
    char law[TEXT], steps_text[TEXT];
    int64_t steps = (int64_t)row_number(argc, argv, "steps", 24000);
    snprintf(law, sizeof law, "law=%s", row_text(argc, argv, "law") ? row_text(argc, argv, "law") : "joint");
    snprintf(steps_text, sizeof steps_text, "particles=%d", PARTICLES);
    const char *settings[] = { law, steps_text, "horizon=8", "batch=32", "buffer=20000", "learning-starts=500", "target-every=200", "lr=linear:2e-3:0",
                               "hidden=64", "epsilon=linear:1:0.3", NULL };
    agent_open(&a, "md3qn", "doors", settings, row_seed(argc, argv), steps);
    agent_train(&a, steps);
    mb_arena_seal(a.scope.arena, false);
    const float *z = look(&a);
    static const char *const names[] = { "exclusive", "together", "independent", "rich" };
    static const double sums[] = { 1, 1, 1, 1.2 };
    double value[2 * DOORS + 1], worst = 0;
    char text[2 * DOORS + 1][TEXT];
    const char *keys[2 * DOORS + 1];
    for (int d = 0; d < DOORS; d++) {
        double m[SOURCES] = { 0 }, v[SOURCES] = { 0 }, c = 0;
        const float *p = z + d * PARTICLES * SOURCES;
        for (int i = 0; i < PARTICLES * SOURCES; i++) m[i % SOURCES] += (double)p[i] / PARTICLES;
        for (int i = 0; i < PARTICLES; i++) {
            double x = (double)p[2 * i] - m[0], y = (double)p[2 * i + 1] - m[1];
            v[0] += x * x, v[1] += y * y, c += x * y;
        }
        value[2 * d] = c / sqrt(v[0] * v[1] + 1e-12);
        value[2 * d + 1] = m[0] + m[1];
        worst = fmax(worst, fabs(m[0] + m[1] - 0.99 * 0.99 * sums[d]));
        snprintf(text[2 * d], TEXT, "%s_correlation", names[d]);
        snprintf(text[2 * d + 1], TEXT, "%s_mean", names[d]);
    }
    value[2 * DOORS] = worst;
    snprintf(text[2 * DOORS], TEXT, "mean_off");
    for (int i = 0; i <= 2 * DOORS; i++) keys[i] = text[i];
    row_print(2 * DOORS + 1, keys, value);
    agent_close(&a);
    return 0;
}
