/* Learning models of animal psychology: the linear operator of instrumental learning, the Rescorla-Wagner rule of
   classical conditioning, and the temporal-difference model that contains it and adds time within a trial. */
#include "matchbox/tabular.h"

double mb_rescorla_wagner(double *strength, const uint8_t *present, const double *salience, int n, double rate, double outcome)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += present[i] ? strength[i] : 0;
    for (int i = 0; i < n; i++)
        if (present[i]) strength[i] += salience[i] * rate * (outcome - sum);
    return sum;
}

/* What all stimuli that have begun by `t` predict together. */
static double predict(const mb_conditioning *m, const double *w, const int *onset, int t)
{
    double sum = 0;
    for (int i = 0; i < m->n; i++)
        if (onset[i] >= 0 && onset[i] <= t) sum += w[i * m->T + (t - onset[i])];
    return sum;
}

void mb_td_trial(const mb_conditioning *m, double *w, const int *onset, int when, double outcome, double *expect)
{
    for (int t = 0; expect && t < m->T; t++) expect[t] = predict(m, w, onset, t);
    for (int t = 0; t + 1 < m->T; t++) {
        double reward = t + 1 == when ? outcome : 0;
        /* a trial ends with its outcome: nothing is predicted beyond it */
        double next = when >= 0 && t + 1 >= when ? 0 : predict(m, w, onset, t + 1);
        double delta = reward + m->gamma * next - predict(m, w, onset, t);
        for (int i = 0; i < m->n; i++)
            if (onset[i] >= 0 && onset[i] <= t) w[i * m->T + (t - onset[i])] += m->alpha * delta;
        if (when >= 0 && t + 1 >= when) break;
    }
}

void mb_td_errors(const mb_conditioning *m, const double *expect, int when, double outcome, double *delta)
{
    delta[0] = m->gamma * expect[0]; /* nothing was expected before */
    for (int t = 1; t < m->T; t++) {
        bool over = when >= 0 && t >= when, late = when >= 0 && t > when;
        delta[t] = late ? 0 : (t == when ? outcome : 0) + (over ? 0 : m->gamma * expect[t]) - expect[t - 1];
    }
}

void mb_linear_operator(double *p, int n, int rewarded, double rate)
{
    for (int i = 0; i < n; i++) p[i] -= rate * p[i];
    p[rewarded] += rate;
}
